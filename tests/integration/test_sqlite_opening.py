"""Opening a SQLite database: each thing that stands against it has an error of its own; then nothing was written."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from farthing.store.faults import (
    BookMissing,
    ChainKeyWrong,
    ClockIsFrozen,
    DatabaseForeign,
    DatabaseMissing,
    DatabaseUnreadable,
    LedgerClosed,
    UpgradeFirst,
    UrlInvalid,
)
from farthing.store.sqlite import SqliteStore, open_sqlite
from farthing.store.sqlite_files import read_sqlite_url
from farthing.values.entries import Seal
from tests.integration.sqlite_books import ask, charge, grant, make_url, open_store, read_wallet, run_sql


@pytest.fixture
def books(tmp_path: Path) -> Path:
    path = tmp_path / "credits.db"
    with open_store(path) as store:
        ask(store, grant("g1"))
    return path


def list_files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_addresses_name_relative_and_absolute_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    here = Path(os.path.realpath(tmp_path))

    assert read_sqlite_url("sqlite:///credits.db") == here / "credits.db"
    assert read_sqlite_url("sqlite:///data/a b#1%.db") == here / "data" / "a b#1%.db"
    assert read_sqlite_url(f"sqlite:///{here}/credits.db") == here / "credits.db"


@pytest.mark.parametrize("url", [
    "sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite://credits.db", "sqlite:///a.db?mode=ro", "sqlite:a.db",
])  # fmt: skip
def test_other_addresses_are_refused_with_what_to_write(url: str):
    with pytest.raises(UrlInvalid) as refused:
        read_sqlite_url(url)

    assert "sqlite:///credits.db" in str(refused.value)


def test_memory_has_an_address_of_its_own():
    with pytest.raises(UrlInvalid, match="memory:"):
        read_sqlite_url("sqlite://")


def test_a_name_with_odd_characters_is_the_name_of_the_file(tmp_path: Path):
    path = tmp_path / "a b#1%20?.db".replace("?", "")
    with open_store(path) as store:
        ask(store, grant("g1"))

    assert path.exists()
    with open_store(path, create=False) as store:
        assert read_wallet(store).balance == 100


def test_links_to_one_file_share_its_lock(books: Path):
    link = books.with_name("link.db")
    link.symlink_to(books)

    assert read_sqlite_url(make_url(link)) == Path(os.path.realpath(books))


def test_a_missing_database_is_refused_by_its_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(DatabaseMissing) as refused:
        open_sqlite("sqlite:///credits.db")

    assert refused.value.path == str(Path(os.path.realpath(tmp_path)) / "credits.db")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_not_made(tmp_path: Path):
    with pytest.raises(DatabaseUnreadable, match="there is no directory"):
        open_sqlite(make_url(tmp_path / "none" / "credits.db"), create=True)

    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_no_database(tmp_path: Path):
    with pytest.raises(DatabaseUnreadable, match="it is a directory"):
        open_sqlite(make_url(tmp_path), create=True)


@pytest.mark.parametrize("create", [False, True])
@pytest.mark.parametrize(
    "content", [b"this is a letter, not a database\n" * 100, b"SQLite format 3\x00" + b"\xff" * 5000]
)
def test_what_is_no_database_is_left_as_it_is(tmp_path: Path, content: bytes, create: bool):
    path = tmp_path / "letter.db"
    path.write_bytes(content)

    with pytest.raises(DatabaseUnreadable):
        open_sqlite(make_url(path), create=create)

    assert {name: kept for name, kept in list_files(tmp_path).items() if kept} == {"letter.db": content}


def test_a_damaged_page_is_named_as_damage(books: Path):
    content = bytearray(books.read_bytes())
    content[8192:] = b"\x55" * (len(content) - 8192)
    books.write_bytes(content)

    with pytest.raises(DatabaseUnreadable, match="damaged"):
        open_sqlite(make_url(books))


def test_an_empty_file_and_somebody_elses_database_are_foreign(tmp_path: Path):
    empty, other = tmp_path / "empty.db", tmp_path / "other.db"
    empty.touch()
    run_sql(other, "CREATE TABLE recipe (name TEXT)")
    before = list_files(tmp_path)

    for path in (empty, other):
        with pytest.raises(DatabaseForeign):
            open_sqlite(make_url(path))

    assert list_files(tmp_path) == before
    for path in (empty, other):
        with open_store(path, create=True) as store:
            assert len(ask(store, grant("g1"))) == 1


def test_a_newer_schema_and_a_newer_encoding_ask_for_an_upgrade(books: Path):
    run_sql(books, "UPDATE farthing_meta SET encoding_version = 9")
    with pytest.raises(UpgradeFirst, match="encoding 9"):
        open_sqlite(make_url(books))

    run_sql(books, "UPDATE farthing_version SET version_num = '9999'")
    for create in (False, True):
        with pytest.raises(UpgradeFirst, match="schema 9999"):
            open_sqlite(make_url(books), create=create)

    assert run_sql(books, "SELECT version_num FROM farthing_version") == [("9999",)]


@pytest.mark.parametrize(
    "sealed, opened, said",
    [
        (None, b"secret", "without a key"),
        (b"secret", None, "with a key"),
        (b"secret", b"other", "with another key"),
    ],
)
def test_the_wrong_chain_key_is_refused(tmp_path: Path, sealed: bytes | None, opened: bytes | None, said: str):
    path = tmp_path / "sealed.db"
    with open_store(path, seal=Seal(sealed)) as store:
        ask(store, grant("g1"))

    for create in (False, True):
        with pytest.raises(ChainKeyWrong) as refused:
            open_sqlite(make_url(path), create=create, book="another", seal=Seal(opened))
        assert refused.value.sealed == said

    assert run_sql(path, "SELECT name FROM farthing_book") == [("main",)]
    with open_store(path, create=False, seal=Seal(sealed)) as store:
        assert len(ask(store, charge("c1"))) == 1


def test_books_are_made_when_asked_and_keep_to_themselves(books: Path):
    with pytest.raises(BookMissing) as refused:
        open_sqlite(make_url(books), book="tenant")
    assert refused.value.book == "tenant"

    with closing(open_sqlite(make_url(books), book="tenant", create=True)) as tenant, open_store(books) as main:
        assert (main.book, tenant.book) == (1, 2)
        assert tenant.units() == {}
        assert tenant.find_account("acme") is None
        assert (tenant.count_entries(), main.count_entries()) == (0, 2)
        assert tenant.list_history(None, None, None, None, 10) == []


def test_live_and_test_books_are_not_mistaken_for_each_other(tmp_path: Path):
    url = make_url(tmp_path / "modes.db")
    open_sqlite(url, create=True).close()
    open_sqlite(url, create=True, book="trial", test=True).close()

    with pytest.raises(ClockIsFrozen, match="main is live"):
        open_sqlite(url, test=True)
    with pytest.raises(ClockIsFrozen, match="trial is a test book"):
        open_sqlite(url, book="trial", create=True)
    open_sqlite(url, book="trial", test=True).close()


def test_creating_what_is_there_changes_nothing(books: Path):
    with open_store(books, create=True) as store:
        assert read_wallet(store).balance == 100

    assert run_sql(books, "SELECT book, name, mode FROM farthing_book") == [(1, "main", "live")]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="who runs as root may write everything")
def test_a_file_that_cannot_be_written_is_refused(books: Path):
    books.chmod(0o400)

    with pytest.raises(DatabaseUnreadable, match="cannot be written"):
        open_sqlite(make_url(books))


def test_a_closed_store_refuses_everything(books: Path):
    store: SqliteStore = open_sqlite(make_url(books))
    store.close()
    store.close()

    for call in (lambda: store.find_account("acme"), lambda: list(store.iter_records()), store.count_entries):
        with pytest.raises(LedgerClosed):
            call()
    with pytest.raises(LedgerClosed), store.work():
        pass


def test_the_database_is_durable_and_in_wal_mode(books: Path):
    with open_store(books) as store, store.work() as work:
        cursor = work.cursor  # type: ignore[attr-defined]
        asked = ("journal_mode", "synchronous", "wal_autocheckpoint", "recursive_triggers", "page_size")
        said = [cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in asked]

    assert said == ["wal", 2, 0, 1, 8192]


def test_readers_cannot_write(books: Path):
    with open_store(books) as store, store.connections.reading_at_once() as cursor:
        with pytest.raises(sqlite3.OperationalError) as refused:
            cursor.execute("DELETE FROM farthing_wallet")
        assert refused.value.sqlite_errorcode == sqlite3.SQLITE_READONLY
    assert run_sql(books, "SELECT count(*) FROM farthing_wallet") == [(2,)]
