"""Bad input at the command line: a clear error of its own class, its exit code, and nothing written."""

import sqlite3
from pathlib import Path

import pytest

REPLAY = ("replay", __file__, "--accounts", "1", "--grant", "1", "--price-in", "1", "--price-out", "1")


def refuse(shell, code: int, kind: str, said: str, *arguments: str):
    """Run a command twice, in words and in JSON: it must be refused, and the ledger must stay as it is."""
    before = shell.count_lines()

    words = shell(*arguments)
    data = shell(*arguments, "--json")

    assert (words.code, words.out) == (code, ""), words
    assert said in words.err
    assert len(words.err.splitlines()) == 1
    assert words.err.startswith("error: " if code > 4 else "refused: ")
    assert "Traceback" not in words.err
    got = data.json()
    assert (data.code, got["code"], got["exit"]) == (code, kind, code)
    assert said in got["detail"]
    assert shell.count_lines() == before
    return got


@pytest.mark.parametrize(
    ("amount", "kind", "said"),
    [
        ("twelve", "amount_invalid", "'twelve' is not an amount"),
        ("1e5", "amount_invalid", "'1e5' is not an amount"),
        ("-5", "amount_invalid", "-5 is negative"),
        ("0.0000001", "amount_invalid", "more than 6 decimal places"),
        ("NaN", "amount_invalid", "'NaN' is not an amount"),
        ("99999999999999999999", "amount_too_large", "is too large"),
        ("credits=", "amount_invalid", "cannot be read"),
        ("gold=5", "unit_not_found", "there is no unit gold"),
    ],
)
def test_a_wrong_amount_is_refused_by_name(shell, amount, kind, said):
    refuse(shell, 4 if kind == "unit_not_found" else 2, kind, said, "charge", "acme", amount)


def test_a_charge_beyond_the_balance_says_what_is_short_and_exits_with_3(shell):
    said = "and can spend 100 (none held): 400 short."

    got = refuse(shell, 3, "insufficient_credits", said, "charge", "acme", "500", "--feature", "video")

    assert (got["needed"], got["available"], got["short"], got["held"]) == ("500.00", "100.00", "400.00", "0.00")


def test_an_unknown_account_is_refused_with_the_nearest_name(shell):
    got = refuse(shell, 4, "account_not_found", "there is no account acmee", "charge", "acmee", "5")

    assert got["nearest"] == ["acme"]
    assert shell("balance", "acmee").err.rstrip().endswith("Nearest: acme")
    assert "Nearest" not in shell("balance", "zzzzzzzz").err


def test_a_hold_that_has_ended_cannot_be_settled_released_or_extended(shell):
    hold = shell.ask("hold", "acme", "5")["hold"]
    shell("release", hold)

    for arguments in (("settle", hold, "5"), ("release", hold), ("extend", hold, "5m")):
        refuse(shell, 4, "hold_ended", "is released since", *arguments)


def test_a_key_used_for_another_request_is_refused(shell):
    shell("charge", "acme", "5", "--key", "req_1")

    refuse(shell, 4, "key_reused", "the key req_1 came first", "charge", "acme", "6", "--key", "req_1")


@pytest.mark.parametrize(
    ("arguments", "code", "kind", "said"),
    [
        (("settle", "hld_nonsense", "5"), 2, "id_invalid", "hld_nonsense"),
        (("refund", "gra_2j9", "5"), 2, "id_invalid", "expected rct_"),
        (("grant", "acme", "5", "--expires-in", "10"), 2, "time_invalid", "--expires-in '10' is not a duration"),
        (("grant", "acme", "5", "--expires-at", "2030-01-01T00:00"), 2, "time_invalid", "names no zone"),
        (("grant", "acme", "5", "--expires-at", "soon"), 2, "time_invalid", "is not an instant"),
        (("grant", "acme", "5", "--expires-at", "2001-01-01T00:00:00Z"), 2, "time_invalid", "2001-01-01"),
        (("grant", "acme", "5", "--through", "31.12.2030"), 2, "time_invalid", "is not a day"),
        (("grant", "acme", "5", "--through", "2030-01-01", "--expires-in", "5d"), 2, "invalid", "contradict"),
        (("charge", "acme", "5", "--mode", "maybe"), 2, "term_invalid", "maybe"),
        (("configure", "acme", "--settle-above-hold", "maybe"), 2, "term_invalid", "maybe"),
        (("configure", "acme"), 2, "term_invalid", "name one or more"),
        (("charge", "acme", "5", "--metadata", "[1]"), 2, "note_invalid", "is not a JSON object"),
        (("charge", "acme", "5", "--metadata", "{"), 2, "note_invalid", "is not a JSON object"),
        (("charge", "acme", "5", "--unit", "gold"), 4, "unit_not_found", "there is no unit gold; there is credits"),
        (("charge", "a\tb", "5"), 2, "name_invalid", "unprintable"),
        (("charge", "", "5"), 2, "name_invalid", "0 characters"),
        (("open", "umbrella", "--zone", "Nowhere"), 2, "time_invalid", "Nowhere"),
        (("void", "acme", "500"), 4, "more_than_left", "100 is left"),
        (("balance", "acme", "--db", "mysql://x"), 6, "url_invalid", "mysql://x"),
        (("init", "--unit", "credits:x"), 2, "term_invalid", "credits:x"),
        (("init", "--unit", "credits:2"), 6, "unit_changed", "cannot be changed to 2"),
    ],
)
def test_what_cannot_be_understood_is_refused_by_name(shell, arguments, code, kind, said):
    refuse(shell, code, kind, said, *arguments)


@pytest.mark.parametrize(
    "arguments",
    [("charge",), ("grant", "acme"), ("charge", "acme", "5", "--nope"), ("nope",), ("history", "--limit", "0")],
)
def test_a_wrong_command_line_exits_with_2_and_says_so(shell, arguments):
    words, data = shell(*arguments), shell(*arguments, "--json")

    assert (words.code, words.out) == (2, "")
    assert "Usage: farthing" in words.err
    assert (data.code, data.json()["code"]) == (2, "usage")


def test_a_missing_database_is_refused_by_its_full_path(bare):
    for command in (("balance", "acme"), ("grant", "acme", "5"), ("verify",), ("migrate",)):
        done = bare(*command)

        assert (done.code, done.out) == (6, "")
        assert f"there is no database at {bare.file}" in done.err
        assert list(bare.folder.iterdir()) == []


def test_what_is_no_database_is_refused_and_left_alone(bare):
    bare.file.write_bytes(b"this is a letter, not a database\n" * 40)

    for command in (("balance", "acme"), ("init",), ("grant", "acme", "5"), ("migrate",)):
        done = bare(*command, "--json")

        assert (done.code, done.json()["code"]) == (6, "database_unreadable")
    assert bare.file.read_bytes() == b"this is a letter, not a database\n" * 40


def test_somebody_elses_database_is_refused(bare):
    with sqlite3.connect(bare.file) as other:
        other.execute("CREATE TABLE recipe (name TEXT)")
    other.close()

    for command in (("balance", "acme"), ("grant", "acme", "5"), ("migrate",), REPLAY):
        done = bare(*command, "--json")

        assert (done.code, done.json()["code"]) == (6, "database_foreign")
    assert list_tables(bare.file) == ["recipe"]


def test_a_database_whose_making_was_killed_is_made_by_the_next_replay(bare, tmp_path):
    connection = sqlite3.connect(bare.file)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    assert (bare.file.stat().st_size > 0, list_tables(bare.file)) == (True, [])
    trace = tmp_path / "trace.csv"
    trace.write_text("ContextTokens,GeneratedTokens\n0,1\n")

    assert bare("replay", str(trace), *REPLAY[2:]).code == 0
    assert bare("init").out.startswith("there already:")


def test_init_adds_its_tables_beside_somebody_elses(bare):
    with sqlite3.connect(bare.file) as other:
        other.execute("CREATE TABLE recipe (name TEXT)")
    other.close()

    assert bare("init").out.startswith("made ")
    assert bare("grant", "acme", "5").code == 0
    assert "recipe" in list_tables(bare.file)


def test_a_book_that_is_missing_is_refused(shell):
    refuse(shell, 6, "book_missing", "has no book tenant", "balance", "acme", "--book", "tenant")


def test_another_key_than_the_ledgers_is_refused(shell, monkeypatch):
    monkeypatch.setenv("FARTHING_CHAIN_KEY", "a secret")

    for command in (("balance", "acme"), ("grant", "acme", "5"), ("migrate",), ("init",)):
        done = shell(*command, "--json")

        assert (done.code, done.json()["code"]) == (6, "chain_key_wrong")
        assert "a secret" not in done.out + done.err


def list_tables(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    try:
        return [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    finally:
        connection.close()


def change_schema(path: Path, version: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE farthing_version SET version_num = ?", [version])
    connection.close()


def test_a_newer_schema_says_to_upgrade(shell):
    change_schema(shell.file, "9999")

    for command in (("balance", "acme"), ("grant", "acme", "5"), ("init",), ("migrate",)):
        done = shell(*command, "--json")

        assert (done.code, done.json()["code"]) == (6, "upgrade_first")


def test_a_folder_in_the_place_of_the_database_is_refused(bare):
    bare.file.mkdir()

    done = bare("balance", "acme", "--json")

    assert (done.code, done.json()["code"]) == (6, "database_unreadable")


def test_a_tampered_ledger_fails_verify_with_7(shell):
    with sqlite3.connect(shell.file) as connection:
        connection.execute("UPDATE farthing_wallet SET granted = granted + 1 WHERE granted > 0")
    connection.close()

    words, data = shell("verify"), shell("verify", "--json")

    assert (words.code, data.code) == (7, 7)
    assert words.out.splitlines()[0].startswith("verify: ")
    assert "findings" in words.out.splitlines()[0]
    assert data.json()["verify"] != "ok"
    assert data.json()["findings"]


def test_a_fault_of_ours_is_one_line_without_a_traceback(shell, monkeypatch):
    def break_down(*arguments, **options):
        raise ZeroDivisionError("seven\nlines")

    monkeypatch.setattr("farthing.open", break_down)

    words, data = shell("verify"), shell("verify", "--json")

    assert (words.code, words.out) == (1, "")
    assert "please report it (ZeroDivisionError: seven)" in words.err
    assert len(words.err.splitlines()) == 1
    assert data.json()["code"] == "fault"
    monkeypatch.setenv("FARTHING_DEBUG", "1")
    assert "Traceback" in shell("verify").err
