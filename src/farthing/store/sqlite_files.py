"""A SQLite database as a file: its address, its connections, and what is said to people when one of them fails.

No SQL text and no `sqlite3` exception leaves the store: `saying_plainly` turns them into Farthing's own errors. Never
open or close the database file or its `-shm` by other means in this process: that drops SQLite's locks on it.
"""

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from farthing.store.faults import Busy, DatabaseMissing, DatabaseUnreadable, DiskFailed, UrlInvalid
from farthing.values.bounds import LONGEST_WAIT_SECONDS

SCHEME: Final = "sqlite://"
EXPECTED: Final = "sqlite:///credits.db, or sqlite:////srv/credits.db with its full path"
OLDEST_SQLITE: Final = (3, 37, 0)
"""The first with STRICT tables."""

PAGE_BYTES: Final = 8192
"""Of a new database: a little quicker than 4,096 for batches spread over 10,000 wallets."""
CACHE_KIBIBYTES: Final = 65_536
STATEMENTS_CACHED: Final = 256

PROBLEMS: Final = {
    sqlite3.SQLITE_NOTADB: "it is not a SQLite database (or it is encrypted)",
    sqlite3.SQLITE_CORRUPT: "it is damaged: restore it from a backup",
    sqlite3.SQLITE_READONLY: "it cannot be written: check who may write the file and its directory",
    sqlite3.SQLITE_PERM: "it cannot be read: check who may read the file",
    sqlite3.SQLITE_AUTH: "it cannot be read: check who may read the file",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened: check who may read and write the file and its directory",
    sqlite3.SQLITE_NOLFS: "it is too large for this system",
    sqlite3.SQLITE_TOOBIG: "a row is larger than SQLite allows",
    sqlite3.SQLITE_SCHEMA: "its schema changed meanwhile: open it again",
    sqlite3.SQLITE_ERROR: "its tables are not as Farthing made them: run `farthing verify`",
}

DISK_PROBLEMS: Final = {
    sqlite3.SQLITE_FULL: ("the disk is full", "make room"),
    sqlite3.SQLITE_IOERR: ("the disk reports an error", "check it"),
}
"""What is wrong with the disk, and what to do about it."""

FileId = tuple[int, int]
"""Which file it is, whatever it is called: device and inode."""


def read_sqlite_url(url: str) -> Path:
    """The absolute path that `sqlite:///PATH` names. Raises `UrlInvalid`."""
    if not url.startswith(SCHEME):
        raise UrlInvalid(given=url, problem="is not a SQLite address", expected=EXPECTED)
    named = url[len(SCHEME) :]
    if named in ("", "/", "/:memory:") or "?" in named:
        problem = "has options, and there are none" if "?" in named else "names no file"
        raise UrlInvalid(given=url, problem=problem, expected=f"{EXPECTED}; memory: for a ledger without a file")
    if not named.startswith("/"):
        raise UrlInvalid(given=url, problem="has two slashes where three belong", expected=EXPECTED)
    path = named[1:]
    if "\x00" in path:
        raise UrlInvalid(given=repr(url), problem="has a character that no path has", expected=EXPECTED)
    if re.match(r"/[A-Za-z]:[\\/]", path):
        path = path[1:]
    # The real path, so that all who open this file by other names queue on the same lock.
    return Path(os.path.realpath(path))


def check_file(path: Path, *, create: bool) -> bool:
    """Whether a database has to be made at `path`. Raises what stands against using what is there; touches nothing."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        needed = ".".join(map(str, OLDEST_SQLITE))
        problem = f"this Python has SQLite {sqlite3.sqlite_version} and Farthing needs {needed} or newer"
        raise DatabaseUnreadable(path=str(path), problem=problem)
    if path.is_dir():
        raise DatabaseUnreadable(path=str(path), problem="it is a directory: name a file in it")
    if path.exists():
        if not os.access(path, os.R_OK):
            raise DatabaseUnreadable(path=str(path), problem="it cannot be read: check who may read the file")
        if not os.access(path, os.W_OK) or not os.access(path.parent, os.W_OK):
            problem = "it cannot be written: check who may write the file and its directory"
            raise DatabaseUnreadable(path=str(path), problem=problem)
        return False
    if not create:
        raise DatabaseMissing(path=str(path))
    if not path.parent.is_dir():
        raise DatabaseUnreadable(path=str(path), problem=f"there is no directory {path.parent}: make it first")
    if not os.access(path.parent, os.W_OK):
        raise DatabaseUnreadable(
            path=str(path), problem=f"no file can be made in {path.parent}: check who may write there"
        )
    return True


def identify_file(path: Path) -> FileId | None:
    """What file is at `path` now, if one is. The file is not opened."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def refuse_other_file(path: Path, known: FileId | None) -> None:
    """Raises `DatabaseUnreadable` unless the file at `path` is the one that was opened: what is written to a file that
    was deleted is lost, and to one that was moved, it goes where nobody looks for it."""
    if identify_file(path) != known:
        problem = "it was moved, deleted or replaced while it was open: put it back, or open the ledger again"
        raise DatabaseUnreadable(path=str(path), problem=problem)


def connect(path: Path, *, create: bool = False, wait_seconds: float = LONGEST_WAIT_SECONDS) -> sqlite3.Connection:
    """A connection that begins and commits only when told; without `create` a missing file stays missing."""
    mode = "rwc" if create else "rw"
    return sqlite3.connect(
        f"{path.as_uri()}?mode={mode}",
        uri=True,
        timeout=wait_seconds,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=STATEMENTS_CACHED,
    )


def connect_writer(path: Path) -> sqlite3.Connection:
    """The one connection of a store that writes. Checkpoints are made by us alone, under the lock file."""
    connection = connect(path)
    for setting in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "fullfsync=1",
        "checkpoint_fullfsync=1",
        "recursive_triggers=ON",
        "wal_autocheckpoint=0",
        f"cache_size=-{CACHE_KIBIBYTES}",
        "temp_store=MEMORY",
        "trusted_schema=OFF",
    ):
        connection.execute(f"PRAGMA {setting}")
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that cannot write."""
    connection = connect(path)
    connection.execute("PRAGMA query_only=ON")
    connection.execute("PRAGMA wal_autocheckpoint=0")
    connection.execute("PRAGMA trusted_schema=OFF")
    return connection


def make_file(path: Path) -> sqlite3.Connection:
    """A connection to a database file that is made by this, with our page size and nothing in it."""
    connection = connect(path, create=True)
    connection.execute(f"PRAGMA page_size={PAGE_BYTES}")
    return connection


@contextmanager
def saying_plainly(path: Path) -> Iterator[None]:
    """Turn what `sqlite3` raises inside into what `name_problem` gives, without SQL and without the original."""
    try:
        yield
    except sqlite3.Error as error:
        raise name_problem(error, path) from None


def primary_code(error: sqlite3.Error) -> int:
    """SQLite's own number of a kind of failure; 0 for what Python found wrong."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


def name_cause(error: sqlite3.Error) -> str:
    """Why nobody can say how a commit ended."""
    return DISK_PROBLEMS.get(primary_code(error), ("the database went away", ""))[0]


def name_problem(error: sqlite3.Error, path: Path) -> Busy | DiskFailed | DatabaseUnreadable:
    """What to say of a failure of SQLite's."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return DatabaseUnreadable(
            path=str(path), problem="it has something in it that cannot be read: run `farthing verify`"
        )
    if code == sqlite3.SQLITE_BUSY_SNAPSHOT:
        what = f"{path} (others wrote after this transaction began to read: begin it with BEGIN IMMEDIATE)"
        return Busy(what=what, seconds=0)
    primary = primary_code(error)
    if primary in DISK_PROBLEMS:
        said, advice = DISK_PROBLEMS[primary]
        return DiskFailed(problem=said, path=str(path), advice=advice)
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Busy(what=str(path), seconds=LONGEST_WAIT_SECONDS)
    problem = PROBLEMS.get(primary, f"SQLite refuses ({getattr(error, 'sqlite_errorname', code)})")
    return DatabaseUnreadable(path=str(path), problem=problem)
