"""The installed command as a process: exit codes, a clean stdout, colours and progress only where a terminal is."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from farthing.cli.exits import Exit
from farthing.cli.screen import Bar, lay_table, may_colour, say_json
from farthing.cli.trace import write_trace

FARTHING = Path(sys.executable).with_name("farthing")


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith(("FARTHING", "NO_COLOR"))}
    return subprocess.run(
        [str(FARTHING), *arguments], cwd=folder, env=own | environment, capture_output=True, text=True, check=False
    )


def test_the_lines_of_the_face_work_as_a_newcomer_types_them(tmp_path):
    assert run(tmp_path, "init").returncode == 0
    assert run(tmp_path, "grant", "acme", "100", "--expires-in", "180d").returncode == 0
    assert run(tmp_path, "charge", "acme", "2.50", "--feature", "describe").returncode == 0

    shown = run(tmp_path, "balance", "acme")
    refused = run(tmp_path, "charge", "acme", "500", "--feature", "video")
    unknown = run(tmp_path, "balance", "acne", "--json")

    assert "= spendable     97.50    all of it expires on " in shown.stdout
    assert (shown.returncode, shown.stderr) == (0, "")
    assert (refused.returncode, refused.stdout) == (3, "")
    assert refused.stderr.startswith("refused: acme needs 500 credits for video and can spend 97.50")
    assert (unknown.returncode, json.loads(unknown.stdout)["nearest"]) == (4, ["acme"])
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".db"] == ["farthing.db"]


def test_stdout_has_the_answer_and_nothing_else(tmp_path):
    write_trace(tmp_path / "trace.csv", rows=40, seed=1)
    terms = ("--accounts", "3", "--grant", "1", "--price-in", "0.01", "--price-out", "0.01")

    done = run(tmp_path, "replay", "trace.csv", *terms, "--json")
    words = run(tmp_path, "replay", "trace.csv", *terms)

    assert json.loads(done.stdout)["refused"] > 0
    assert done.stderr == ""
    assert "insufficient_credits" in words.stderr
    assert "insufficient_credits" not in words.stdout
    assert "\x1b" not in done.stdout + words.stdout + words.stderr


def test_exit_codes_reach_the_shell(tmp_path):
    (tmp_path / "bad.csv").write_text("ContextTokens,GeneratedTokens\n1,x\n")
    terms = ("--accounts", "3", "--grant", "1", "--price-in", "0.01", "--price-out", "0.01")

    assert run(tmp_path, "--version").returncode == Exit.DONE
    assert run(tmp_path, "nope").returncode == Exit.WRONG
    assert run(tmp_path, "replay", "bad.csv", *terms).returncode == Exit.WRONG
    assert run(tmp_path, "verify").returncode == Exit.MISCONFIGURED
    assert run(tmp_path, "balance", "acme", FARTHING_DB="nonsense").returncode == Exit.MISCONFIGURED
    assert run(tmp_path, "balance", "acme", "--db", "memory:").returncode == Exit.REFUSED


def test_a_closed_pipe_is_no_traceback(tmp_path):
    run(tmp_path, "init")

    line = f"'{FARTHING}' --help | true; '{FARTHING}' verify >&-"
    done = subprocess.run(["sh", "-c", line], cwd=tmp_path, capture_output=True, check=False)

    assert (done.returncode, done.stderr) == (0, b"")


def read_terminal(folder: Path, *arguments: str, **environment: str) -> str:
    """What a command prints on a terminal."""
    shown, own = pty.openpty()
    process = subprocess.Popen(
        [str(FARTHING), *arguments],
        cwd=folder,
        env=os.environ | {"TERM": "xterm"} | environment,
        stdout=own,
        stderr=own,
    )
    os.close(own)
    text = b""
    try:
        while piece := os.read(shown, 4096):
            text += piece
    except OSError:
        pass  # A terminal whose other side has gone.
    os.close(shown)
    process.wait()
    return text.decode()


def test_a_terminal_gets_colours_unless_no_color_says_otherwise(tmp_path):
    assert "\x1b[" in read_terminal(tmp_path, "verify", "--db", "memory:", NO_COLOR="")
    assert "\x1b[" not in read_terminal(tmp_path, "verify", "--db", "memory:", NO_COLOR="1")
    assert "\x1b[" not in read_terminal(tmp_path, "verify", "--db", "memory:", NO_COLOR="", TERM="dumb")


class Terminal:
    """A stream that may be a terminal."""

    def __init__(self, *, live: bool) -> None:
        self.live = live
        self.text = ""

    def isatty(self) -> bool:
        return self.live

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        pass


@pytest.mark.parametrize(("live", "seconds", "shows"), [(True, 3, True), (True, 0, False), (False, 3, False)])
def test_progress_is_shown_on_a_terminal_after_a_second_and_wiped_at_the_end(monkeypatch, live, seconds, shows):
    terminal = Terminal(live=live)
    moments = iter([100.0, 100.0 + seconds])
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr("farthing.cli.screen.time.monotonic", lambda: next(moments))
    monkeypatch.setenv("NO_COLOR", "1")

    with Bar("verifying") as bar:
        bar.update(1, 4)

    assert ("verifying ━━━━━━━" in terminal.text) == shows
    assert (" 25%, 9 s left" in terminal.text) == shows
    assert terminal.text.endswith("\r\x1b[K") == shows


def test_no_color_counts_only_where_it_is_not_empty(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    for value, coloured in (("", True), ("0", False)):
        monkeypatch.setenv("NO_COLOR", value)
        assert may_colour(Terminal(live=True)) == coloured  # type: ignore[arg-type]


def test_tables_align_amounts_at_their_points_and_names_by_their_width():
    lines = lay_table(["who", "amount"], [["ann", "1.5"], ["日本", "100.125"], ["bo", "7"]], amounts=("amount",))

    assert lines == [
        "who    amount",
        "ann     1.5",
        "日本  100.125",
        "bo      7",
    ]


def test_json_has_amounts_and_instants_as_text(capsys):
    from datetime import UTC, datetime
    from decimal import Decimal

    say_json({"amount": Decimal("1E-7"), "at": datetime(2026, 1, 1, tzinfo=UTC), "all": (Decimal(5),), "of": {"ä"}})

    got = json.loads(capsys.readouterr().out)
    assert got == {"amount": "0.0000001", "at": "2026-01-01T00:00:00+00:00", "all": ["5"], "of": ["ä"]}


def test_the_demo_shows_what_it_promises_in_under_a_minute(tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "farthing.cli.demo"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (done.returncode, done.stderr) == (0, "")
    for words in (
        "= spendable     97.50    all of it expires on 20 May 2027",
        "− held          40.00    1 open hold",
        "refused: acme needs 500 credits for video and can spend 85.10 (none held): 414.90 short.",
        "100 more arrive on 1 December 2026.",
        "− expired       15.00",
        "+ refunded       1.25    1 entry",
        "globex needs 45 credits and the budget chat has 30 left of 60",
        "verify: ok (4 wallets, ",
        "Yours to try",
    ):
        assert words in done.stdout
    charged = [line for line in done.stdout.splitlines() if line.strip().startswith("charged ")]
    assert len(charged) == 2
    assert charged[0] == charged[1]
    assert max(len(line) for line in done.stdout.splitlines()) < 140
    assert list(tmp_path.iterdir()) == []
