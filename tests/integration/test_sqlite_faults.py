"""A disk that is full or broken, a file that goes away, and rows that somebody took out: said, and nothing lost."""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

import farthing
from farthing.audit.verify import verify
from farthing.engine.engine import Engine
from farthing.engine.options import Settings
from farthing.store import sqlite_connections
from farthing.store.faults import DatabaseUnreadable, DiskFailed, OutcomeUnknown
from farthing.store.sqlite import SqliteStore
from farthing.values.amounts import Unit
from farthing.values.errors import FarthingError, LawBroken
from farthing.values.requests import Grant
from tests.integration.sqlite_books import ask, charge, grant, make_url, open_store, read_wallet, run_sql


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with open_store(tmp_path / "credits.db") as opened:
        ask(opened, grant("g1", 1000))
        yield opened


def break_commits(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """Let every COMMIT fail with this code of SQLite's, and undo everything."""

    class Faulty(sqlite3.Cursor):
        def execute(self, statement, *values):
            if statement != "COMMIT":
                return super().execute(statement, *values)
            super().execute("ROLLBACK")
            error = sqlite3.OperationalError("it did not work")
            error.sqlite_errorcode = code
            raise error

    monkeypatch.setattr(sqlite_connections, "make_cursor", lambda connection: connection.cursor(Faulty))


def limit_pages(store: SqliteStore, more: int) -> None:
    """Let the database grow by so many pages and no further."""
    with store.work() as work:
        pages = work.cursor.execute("PRAGMA page_count").fetchone()[0]  # type: ignore[attr-defined]
        work.cursor.execute(f"PRAGMA max_page_count = {pages + more}")  # type: ignore[attr-defined]


def test_a_disk_that_fills_up_loses_and_doubles_nothing_and_goes_on_with_space(store: SqliteStore):
    engine = Engine(store)
    limit_pages(store, 3)
    keys = [f"c{number}" for number in range(300)]
    taken, refused = [], []
    for key in keys:
        try:
            taken.append(engine.run(charge(key)))
        except DiskFailed as error:
            refused.append(str(error))

    assert taken
    assert {said.partition(" to ")[0] for said in refused} == {"the disk is full: nothing was written"}
    assert read_wallet(store).spent == len(taken)
    limit_pages(store, 1_000_000)
    again = [engine.run(charge(key)) for key in keys]
    assert [outcome.key for outcome in again if outcome.replayed] == [outcome.key for outcome in taken]
    assert read_wallet(store).spent == len(keys)
    assert verify(store).summary == "ok"


def test_a_commit_that_found_no_room_is_known_to_have_failed_though_the_log_cannot_be_worked_in(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
):
    held = store.iter_records()
    next(held)
    break_commits(monkeypatch, sqlite3.SQLITE_FULL)

    with pytest.raises(DiskFailed, match="the disk is full: nothing was written"):
        Engine(store).run(charge("c1"))

    monkeypatch.undo()
    assert not Engine(store).run(charge("c1")).replayed


def test_an_unknown_outcome_names_its_cause(store: SqliteStore, monkeypatch: pytest.MonkeyPatch):
    held = store.iter_records()
    next(held)
    break_commits(monkeypatch, sqlite3.SQLITE_IOERR)

    with pytest.raises(OutcomeUnknown, match="the disk reports an error while c1 was being committed"):
        Engine(store, settings=Settings(commit_tries=2)).run(charge("c1"))


@pytest.mark.parametrize("how", ["deleted", "moved", "replaced"])
def test_a_file_that_went_away_takes_nothing_and_tells_nothing(store: SqliteStore, how: str):
    path, other = store.path, store.path.with_name("other.db")
    if how == "replaced":
        with open_store(other) as made:
            ask(made, grant("g1", 7))
        os.replace(other, path)
    elif how == "moved":
        path.rename(other)
    else:
        path.unlink()

    with pytest.raises(DatabaseUnreadable, match="moved, deleted or replaced"):
        ask(store, charge("c1"))
    with pytest.raises(DatabaseUnreadable, match="moved, deleted or replaced"):
        read_wallet(store)
    with pytest.raises(DatabaseUnreadable, match="moved, deleted or replaced"), store.work_within(None):
        pass
    if how == "moved":
        other.rename(path)
        ask(store, charge("c1"))
        assert read_wallet(store).spent == 1


@pytest.mark.parametrize("account", ["acme", "new"])
def test_a_unit_that_is_gone_breaks_a_law_of_those_who_use_it_alone(store: SqliteStore, account: str):
    store.add_units([Unit(2, "generations", 0, 0)])
    run_sql(store.path, "DELETE FROM farthing_unit WHERE unit_id = 1")
    store.known_units.read_at = 0.0
    assert list(store.units()) == ["generations"]
    engine = Engine(store)

    other = Grant(key="g3", account="acme", amounts=((2, 5),))

    broken, granted = engine.run_many([grant("g2", account=account), other])

    assert isinstance(broken, LawBroken)
    assert (broken.law, broken.unit) == ("units_are_kept", "unit 1")
    assert not isinstance(granted, FarthingError)


def spoil(path: Path, statement: str) -> None:
    """Change what triggers keep, as an owner can."""
    for (name,) in run_sql(path, "SELECT name FROM sqlite_master WHERE type = 'trigger'"):
        run_sql(path, f"DROP TRIGGER {name}")
    run_sql(path, statement)


@pytest.mark.parametrize("body", [b"", b"\xff", b"1", b"[]", b"{"])
def test_a_damaged_note_is_shown_as_damaged_and_the_rest_is_listed(tmp_path: Path, body: bytes):
    path = tmp_path / "notes.db"
    with farthing.open(make_url(path), create=True) as ledger:
        ledger.grant("acme", 10, description="paid")
        spoil(path, f"UPDATE farthing_note SET body = x'{body.hex()}'")
        ledger.charge("acme", 1)

        lines = [(line.kind, line.description) for line in ledger.history("acme")]

    assert lines[:2] == [("charged", None), ("granted", "(this note is damaged: run `farthing verify`)")]
