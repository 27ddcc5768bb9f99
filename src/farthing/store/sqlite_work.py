"""A unit of work on SQLite: under the store's own write lock, or inside a transaction that is the caller's."""

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from farthing.store import sqlite_statements as sql
from farthing.store.contract import Changes, Loaded, WalletKey
from farthing.store.faults import ConnectionForeign
from farthing.store.sqlite_files import saying_plainly
from farthing.store.sqlite_load import Loader
from farthing.store.sqlite_save import SqliteSaver
from farthing.store.versions import PREFIX
from farthing.values.bounds import LONGEST_WAIT_SECONDS
from farthing.values.entries import Entry
from farthing.values.requests import Request
from farthing.values.wallets import Account, Wallet

SAVEPOINT: Final = "farthing_work"
TAKE_WRITE_LOCK: Final = f"UPDATE {PREFIX}meta SET id = id WHERE FALSE"
"""Changes nothing, and is refused unless this transaction may write from here on and has read nothing stale."""

Sealed = tuple[int, int, int, bytes]
"""(account_id, unit_id, number, hash) of an entry: whether it is there tells how a commit ended."""


class SqliteWork:
    """One unit of work; see `contract.Work`."""

    def __init__(
        self,
        path: Path,
        cursor: sqlite3.Cursor,
        loader: Loader,
        saver: SqliteSaver,
        finish: Callable[["SqliteWork"], None],
    ) -> None:
        self.path = path
        self.cursor = cursor
        self.loader = loader
        self.saver = saver
        self.finish = finish
        self.last: Sealed | None = None
        self.is_over = False

    def load(self, requests: Sequence[Request], now: int) -> Loaded:
        """Read what these requests concern; the lock is held already."""
        return self.loader.load(requests, now)

    def load_whole(self, wallet: Wallet) -> Wallet:
        """The same wallet with all that the database has of it."""
        return self.loader.load_whole(wallet)

    def send_early(self, changes: Changes) -> None:
        """Nothing: there is nobody else to work on it meanwhile."""

    def save(self, changes: Changes) -> None:
        """Write all of it. Raises `LawBroken` if a row that should be there is not, or one is that should not be."""
        self.saver.save(changes)
        if changes.entries:
            account, entry = changes.entries[-1]
            self.last = seal_of(account, entry)

    def stop_wallet(self, key: WalletKey) -> None:
        """Mark a wallet in which a law broke; one without a row has nothing to stop."""
        self.cursor.execute(sql.STOP_WALLET, (1, *key))

    def commit(self) -> None:
        """Make it durable; inside a caller's transaction, make it part of that."""
        self.finish(self)
        self.is_over = True


def seal_of(account: Account, entry: Entry) -> Sealed:
    """What tells whether an entry is there."""
    return (account.account_id, entry.unit_id, entry.number, entry.hash)


EXPECTED: Final = "an open sqlite3 connection, or SQLAlchemy's or Django's connection to SQLite"
"""What a caller may give to `within`."""


def refuse_other_database(driver: sqlite3.Connection, path: Path) -> None:
    """Raises `ConnectionForeign` unless this is a connection to the ledger's own file that can be used here."""
    try:
        cursor = make_cursor(driver)
    except sqlite3.ProgrammingError as error:
        if "thread" in str(error):
            advice = "pass one that this thread has made, or make it with check_same_thread=False"
            raise ConnectionForeign(problem="was made in another thread", advice=advice) from None
        raise ConnectionForeign(problem="is closed", advice="pass one that is open") from None
    with saying_plainly(path):
        files = [os.fsdecode(file) for _, _, file in cursor.execute("PRAGMA database_list")]
    # The first is the main one; attached ones follow.
    main = files[0]
    with suppress(OSError):
        if main and os.path.samefile(main, path):
            return
    advice = "open the ledger on that database, or pass a connection to this one"
    raise ConnectionForeign(
        problem=f"is to {main or 'a database in memory'}, and this ledger is in {path}", advice=advice
    )


def make_cursor(connection: sqlite3.Connection) -> sqlite3.Cursor:
    """A cursor that gives plain tuples, whatever the connection has been told."""
    cursor = connection.cursor()
    cursor.row_factory = None
    return cursor


@contextmanager
def join_transaction(driver: sqlite3.Connection, path: Path) -> Iterator[tuple[sqlite3.Cursor, Callable[[], None]]]:
    """A savepoint in the caller's transaction, with the write lock taken, and what keeps it; else it is undone.

    Where `sqlite3` begins transactions by itself, before the first change, one is begun as it would. Raises `Busy` when
    others keep the lock too long, and `ConnectionForeign` where every statement commits by itself.
    """
    begins = not driver.in_transaction
    if begins and (driver.isolation_level is None or getattr(driver, "autocommit", -1) is True):
        raise ConnectionForeign(problem="has no transaction open", advice="begin one first, and commit it yourself")
    cursor = make_cursor(driver)
    kept: list[bool] = []
    texts, driver.text_factory = driver.text_factory, str
    with saying_plainly(path):
        patience = cursor.execute("PRAGMA busy_timeout").fetchone()[0]
        cursor.execute(f"PRAGMA busy_timeout = {LONGEST_WAIT_SECONDS * 1000}")
        try:
            if begins:
                cursor.execute("BEGIN IMMEDIATE")
            cursor.execute(f"SAVEPOINT {SAVEPOINT}")
            try:
                cursor.execute(TAKE_WRITE_LOCK)
                yield cursor, lambda: kept.append(True)
            finally:
                # A full disk or a lost file may have ended the whole transaction already.
                if driver.in_transaction:
                    leave_savepoint(cursor, keep=bool(kept), begun=begins)
        finally:
            driver.text_factory = texts
            cursor.execute(f"PRAGMA busy_timeout = {patience}")
            cursor.close()


def leave_savepoint(cursor: sqlite3.Cursor, *, keep: bool, begun: bool) -> None:
    """Make what was done part of the transaction, or undo it, and the transaction too if it was begun for it."""
    if not keep:
        cursor.execute(f"ROLLBACK TO {SAVEPOINT}")
    cursor.execute(f"RELEASE {SAVEPOINT}")
    if begun and not keep:
        cursor.execute("ROLLBACK")
