"""A shell with a database of its own: `shell("charge", "acme", "5")` gives exit code, stdout and stderr."""

import json
import shutil
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from farthing.cli import main
from tests.postgres.databases import open_prepared


class Done(NamedTuple):
    """What a command came to."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Stdout, which must be JSON and nothing else."""
        return json.loads(self.out)


class Shell:
    """Runs commands in this process, on one database."""

    def __init__(self, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.capture = capture
        self.file = folder / "credits.db"

    def __call__(self, *arguments: str) -> Done:
        """Run one command line."""
        self.capture.readouterr()
        code = main(list(arguments))
        printed = self.capture.readouterr()
        return Done(code, printed.out, printed.err)

    def ask(self, *arguments: str) -> Any:
        """The same, which must succeed, with its JSON."""
        done = self(*arguments, "--json")
        assert (done.code, done.err) == (0, ""), done
        return done.json()

    def count_lines(self) -> int:
        """How many entries the ledger has."""
        return len(self.ask("history", "--limit", "100000"))


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    """A shell in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FARTHING_DB", "sqlite:///credits.db")
    for name in ("FARTHING_BOOK", "FARTHING_CHAIN_KEY", "FARTHING_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    return Shell(tmp_path, capsys)


@pytest.fixture(params=["sqlite", "postgres"])
def anywhere(request: pytest.FixtureRequest, bare: Shell, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """The bare shell on each kind of database; on a server as the app's role, in tables that its owner made."""
    if request.param == "sqlite":
        yield bare
        return
    with open_prepared() as database:
        monkeypatch.setenv("FARTHING_DB", database.app_url)
        yield bare


@pytest.fixture
def shell(bare: Shell) -> Shell:
    """A shell whose database has an account `acme` with 100 credits."""
    assert bare("init").code == 0
    assert bare("grant", "acme", "100", "--source", "purchase", "--key", "pay_31").code == 0
    return bare


@pytest.fixture(scope="session")
def trial_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed database of one test book with an account `acme`, where it is nine o'clock on 1 January 2030."""
    file = tmp_path_factory.mktemp("trial") / "credits.db"
    made = [("init", "--test"), ("open", "acme"), ("clock", "advance", "acme", "2030-01-01T09:00:00Z")]
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        assert [main([*words, "--db", f"sqlite:///{file}", "--book", "main"]) for words in made] == [0, 0, 0]
    return file


@pytest.fixture
def trial(bare: Shell, trial_file: Path) -> Shell:
    """A shell whose database is a copy of that one."""
    shutil.copy(trial_file, bare.file)
    return bare
