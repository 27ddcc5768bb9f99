"""The SQLite store at work: its lock, its log, faults of the disk, forks, and the names it keeps."""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from farthing.audit.verify import verify
from farthing.engine.batch import Batch
from farthing.store import sqlite_connections, sqlite_files
from farthing.store.contract import Changes, CommitUnknown
from farthing.store.faults import Busy, DatabaseUnreadable, DiskFailed
from farthing.store.sqlite import SqliteStore, open_sqlite
from farthing.store.sqlite_lock import WriteQueue
from farthing.values.errors import FarthingError, LawBroken
from farthing.values.requests import Hold
from tests.integration.sqlite_books import START, answer, ask, charge, grant, make_url, open_store, read_wallet, run_sql


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with open_store(tmp_path / "credits.db") as opened:
        ask(opened, grant("g1"))
        yield opened


def test_work_that_is_left_without_a_commit_is_undone(store: SqliteStore):
    with store.work() as work:
        answer(work, store, charge("c1"), grant("g2", account="new"))

    assert (read_wallet(store).balance, store.find_account("new")) == (100, None)


def test_a_lock_that_another_program_keeps_is_waited_for_with_a_bound(store: SqliteStore):
    with store.work() as work:
        work.cursor.execute("PRAGMA busy_timeout = 100")  # type: ignore[attr-defined]
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()

        with pytest.raises(Busy, match=r"credits\.db was busy"):
            ask(store, charge("c1"))

        assert time.monotonic() - began < 2
        other.execute("ROLLBACK")
    assert len(ask(store, charge("c1"))) == 1


def test_the_queue_of_processes_is_waited_in_with_a_bound(store: SqliteStore):
    first, second = WriteQueue(store.path), WriteQueue(store.path)
    first.enter()

    with pytest.raises(Busy):
        second.enter(0.05)

    first.leave()
    second.enter(0.05)
    second.leave()
    first.close()
    second.close()


def test_who_has_just_written_queues_behind_who_waits(store: SqliteStore):
    order: list[str] = []
    mine, theirs = WriteQueue(store.path), WriteQueue(store.path)

    def wait() -> None:
        theirs.enter()
        order.append("theirs")
        theirs.leave()

    mine.enter()
    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.1)
    mine.leave()
    mine.enter()
    order.append("mine")
    mine.leave()
    waiting.join()
    mine.close()
    theirs.close()

    assert order == ["theirs", "mine"]


def test_threads_that_want_to_write_take_turns(store: SqliteStore):
    def work(name: str) -> None:
        for number in range(10):
            ask(store, charge(f"{name} {number}"))

    threads = [threading.Thread(target=work, args=(str(number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert read_wallet(store).balance == 60


def test_the_log_is_worked_in_once_it_is_long_and_used_again(store: SqliteStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(store.connections, "checkpoint_at", 100_000)
    monkeypatch.setattr(sqlite_connections, "LARGEST_WAL", 100_000)
    wal, written = Path(store.connections.wal), 0
    for number in range(60):
        ask(store, charge(f"c{number}"))
        written += 2 * 8192

    assert 100_000 < wal.stat().st_size < 200_000 < written
    assert read_wallet(store).balance == 40


def test_a_log_that_a_reader_made_grow_is_cut_back(store: SqliteStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(store.connections, "checkpoint_at", 50_000)
    monkeypatch.setattr(sqlite_connections, "LARGEST_WAL", 50_000)
    wal, records = Path(store.connections.wal), store.iter_records()
    next(records)
    for number in range(30):
        ask(store, charge(f"c{number}"))
    grown = wal.stat().st_size
    assert grown > 300_000

    list(records)
    for number in range(20):
        ask(store, charge(f"d{number}"))

    assert wal.stat().st_size < grown / 2
    assert read_wallet(store).balance == 50


def test_a_reader_keeps_its_moment_while_the_log_is_worked_in(store: SqliteStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(store.connections, "checkpoint_at", 0)
    records = store.iter_records()
    next(records)
    for number in range(5):
        ask(store, charge(f"c{number}"))

    record = next(records)

    assert (record.wallet.balance, len(list(record.entries))) == (100, 1)
    assert list(records) == []


def test_a_full_disk_is_said_plainly_and_writes_nothing(store: SqliteStore):
    before = run_sql(store.path, "SELECT count(*) FROM farthing_entry")
    with store.work() as work:
        pages = work.cursor.execute("PRAGMA page_count").fetchone()[0]  # type: ignore[attr-defined]
        work.cursor.execute(f"PRAGMA max_page_count = {pages}")  # type: ignore[attr-defined]

    with pytest.raises(DiskFailed, match="the disk is full") as refused:
        ask(store, *[charge(f"c{number}") for number in range(300)])

    assert "farthing_" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert run_sql(store.path, "SELECT count(*) FROM farthing_entry") == before
    with store.work() as work:
        work.cursor.execute("PRAGMA max_page_count = 1000000")  # type: ignore[attr-defined]
    assert len(ask(store, *[charge(f"c{number}") for number in range(50)])) == 50
    assert read_wallet(store).balance == 50


class Faulty(sqlite3.Cursor):
    """A cursor whose COMMIT fails as on a broken disk: before anything is durable, or after everything is."""

    fault = ""

    def execute(self, statement, *values):
        if statement == "COMMIT" and self.fault:
            super().execute("COMMIT" if self.fault == "after" else "ROLLBACK")
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR
            raise error
        return super().execute(statement, *values)


def break_commits(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    def make_cursor(connection: sqlite3.Connection) -> sqlite3.Cursor:
        cursor = connection.cursor(Faulty)
        cursor.fault = fault
        return cursor

    monkeypatch.setattr(sqlite_connections, "make_cursor", make_cursor)


def test_a_commit_that_failed_after_it_was_durable_counts(store: SqliteStore, monkeypatch: pytest.MonkeyPatch):
    break_commits(monkeypatch, "after")

    ask(store, charge("c1", 30))

    monkeypatch.undo()
    assert read_wallet(store).balance == 70


def test_a_commit_that_failed_before_it_was_durable_is_an_error(store: SqliteStore, monkeypatch: pytest.MonkeyPatch):
    break_commits(monkeypatch, "before")

    with pytest.raises(DiskFailed, match="nothing was written"):
        ask(store, charge("c1", 30))

    monkeypatch.undo()
    assert read_wallet(store).balance == 100
    ask(store, charge("c1", 30))
    assert read_wallet(store).balance == 70


@pytest.mark.parametrize("fault", ["before", "after"])
def test_a_commit_of_which_nobody_can_learn_the_end_is_unknown(store: SqliteStore, monkeypatch, fault: str):
    break_commits(monkeypatch, fault)
    held = store.iter_records()
    next(held)

    with pytest.raises(CommitUnknown):
        ask(store, charge("c1", 30))

    del held
    monkeypatch.undo()
    ask(store, charge("c1", 30))
    assert read_wallet(store).balance == 70


def decide_charge(store: SqliteStore) -> Changes:
    """What a charge would change, decided and left alone."""
    with store.work() as work:
        batch = Batch(work, [charge("c1")], START, store.seal, provisional=False)
        batch.answer_all()
    return batch.changes


def save_anew(store: SqliteStore, changes: Changes) -> LawBroken:
    """The law that breaks when this is saved by a unit of work of its own."""
    with store.work() as work, pytest.raises(LawBroken) as broken:
        work.save(changes)
    assert broken.value.account == "acme"
    return broken.value


def test_an_entry_that_is_there_already_breaks_a_law(store: SqliteStore):
    changes = decide_charge(store)
    ask(store, charge("c2"))

    assert save_anew(store, changes).law == "numbers_without_gaps"
    assert read_wallet(store).balance == 99


def test_a_key_that_is_taken_breaks_a_law(store: SqliteStore):
    ask(store, charge("c1"))
    changes = decide_charge(store)
    assert changes.entries == []
    account = store.find_account("acme")
    first = store.list_history(account, 1, None, None, 1)[0][1].entry
    wallet = read_wallet(store)
    wallet.seq = 3
    assert account is not None
    again = Changes(wallets={(1, 1): wallet}, entries=[(account, first._replace(number=3, lead_number=3))])

    assert save_anew(store, again).law == "a_key_is_taken_once"


@pytest.mark.parametrize("table", ["lot", "wallet"])
def test_a_row_that_is_gone_breaks_a_law_and_undoes_everything(store: SqliteStore, table: str):
    with store.work() as work:
        batch = Batch(work, [charge("c1")], START, store.seal, provisional=False)
        batch.answer_all()
        work.cursor.execute(f"DELETE FROM farthing_{table}")  # type: ignore[attr-defined]
        with pytest.raises(LawBroken) as broken:
            work.save(batch.changes)

    assert broken.value.law == "every_row_is_there"
    assert read_wallet(store).balance == 100
    assert run_sql(store.path, "SELECT count(*) FROM farthing_entry") == [(2,)]


def test_no_sql_leaves_the_store(store: SqliteStore):
    run_sql(store.path, "ALTER TABLE farthing_wallet RENAME COLUMN head TO tail")

    with pytest.raises(FarthingError) as refused:
        read_wallet(store)

    said = str(refused.value)
    assert "farthing verify" in said
    assert "head" not in said
    assert "SELECT" not in said
    assert not verify(store).ok


def test_an_account_in_a_state_of_a_later_release_is_left_alone(store: SqliteStore):
    run_sql(store.path, "UPDATE farthing_account SET state = 9")

    with pytest.raises(FarthingError) as refused:
        ask(store, charge("c1"))

    assert refused.value.code == "upgrade_first"


def test_only_names_that_entries_use_are_written(store: SqliteStore):
    chat, zone = store.intern_name("chat"), "Africa/Lagos"
    store.intern_name("never used")
    named = Hold(key="h1", account="acme", amounts=((1, 5),), name=store.intern_name("draft"), name_text="draft")
    refused = charge("c0", 10_000, feature=store.intern_name("refused"))
    answers = ask(store, charge("c1", feature=chat), charge("c2", feature=chat), refused, named)
    assert [isinstance(answered, FarthingError) for answered in answers] == [False, False, True, False]

    assert run_sql(store.path, "SELECT text FROM farthing_name ORDER BY text") == [("chat",), ("draft",)]
    ask(store, charge("c3", feature=chat))
    with open_store(store.path) as other:
        assert other.name_text(chat) == "chat"
        assert other.name_text(12345) == ""
        ask(other, charge("c4", feature=other.intern_name("chat")))
    assert zone not in dict(run_sql(store.path, "SELECT text, number FROM farthing_name"))


def test_near_keys_are_found_among_many(store: SqliteStore):
    ask(store, *[grant(f"g-{number}", account=f"team-{number:04}") for number in range(300)])

    assert store.nearest_accounts("acmee") == ["acme"]
    assert "team-0123" in store.nearest_accounts("taem-0123", 3)
    assert store.nearest_accounts("zzzzzzzz") == []


def test_units_that_another_process_adds_are_seen(store: SqliteStore, monkeypatch: pytest.MonkeyPatch):
    run_sql(store.path, "INSERT INTO farthing_unit VALUES (2, 1, 'generations', 0, 0)")

    monkeypatch.setattr(store.known_units, "read_at", 0.0)

    assert list(store.units()) == ["credits", "generations"]


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")


def run_child(work) -> int:
    """What a forked child that does this work exits with: 0 if it went well."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@needs_fork
def test_a_child_and_its_parent_go_on_side_by_side(store: SqliteStore):
    ask(store, charge("c1"))

    def work() -> None:
        assert store.connections.writer is None
        for number in range(5):
            ask(store, charge(f"child {number}"))
        assert read_wallet(store).balance <= 94
        store.close()

    assert store.connections.writer is not None
    assert run_child(work) == 0
    ask(store, charge("c2"))
    assert read_wallet(store).balance == 93
    assert verify(store).ok


@needs_fork
def test_a_fork_waits_until_no_batch_is_under_way(store: SqliteStore):
    entered, seen = threading.Event(), []

    def write() -> None:
        with store.work() as work:
            entered.set()
            time.sleep(0.2)
            answer(work, store, charge("c1"))
            work.commit()
            seen.append("committed")

    writing = threading.Thread(target=write)
    writing.start()
    entered.wait()

    assert run_child(lambda: ask(store, charge("child"))) == 0
    writing.join()

    assert seen == ["committed"]
    assert read_wallet(store).balance == 98


@needs_fork
def test_a_child_refuses_a_database_that_its_parent_was_in_the_middle_of(store: SqliteStore, monkeypatch):
    monkeypatch.setattr(sqlite_connections, "LONGEST_WAIT_SECONDS", 0.1)
    records = store.iter_records()
    next(records)

    def work() -> None:
        for call in (lambda: ask(store, charge("child")), lambda: open_sqlite(make_url(store.path))):
            with pytest.raises(DatabaseUnreadable, match="forked"):
                call()

    assert run_child(work) == 0
    assert len(list(records)) == 1
    del records
    ask(store, charge("c1"))
    assert read_wallet(store).balance == 99


def test_an_old_sqlite_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sqlite_files, "OLDEST_SQLITE", (99, 0, 0))

    with pytest.raises(DatabaseUnreadable, match=r"needs 99\.0\.0"):
        open_sqlite(make_url(tmp_path / "credits.db"), create=True)


def test_records_may_be_read_one_after_another(store: SqliteStore):
    ask(store, *[charge(f"c{number}", 0) for number in range(512)])

    counted = [sum(1 for _ in record.entries) for record in store.iter_records()]

    assert counted == [1, 513]
