"""The connections of one store: one that writes, some that read, and what becomes of them when the process forks.

SQLite must not be open across a fork: a child inherits what the library believes about locks, and not the locks. So
everything is closed just before a fork, with no work under way, and opened anew where it is next needed.
"""

import ctypes
import os
import sqlite3
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from inspect import CO_GENERATOR
from pathlib import Path
from types import FrameType
from typing import Final

from farthing.store.faults import Busy, DatabaseUnreadable, LedgerClosed
from farthing.store.sqlite_files import connect_reader, connect_writer, identify_file, refuse_other_file, saying_plainly
from farthing.store.sqlite_lock import WriteQueue
from farthing.store.sqlite_work import make_cursor
from farthing.values.bounds import LONGEST_WAIT_SECONDS

LARGEST_WAL: Final = 64 * 1024 * 1024
"""Bytes of log before it is worked into the database. Larger spares writing, and costs disk and reading."""

MOST_IDLE_READERS: Final = 8

WITH_STATEMENTS: Final = contextmanager.__code__.co_filename


class Connections:
    """What one store has open. Writing is for one thread at a time; the others wait at `gate`, with a bound."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = identify_file(path)
        self.wal = f"{path}-wal"
        self.queue = WriteQueue(path)
        self.writer: sqlite3.Connection | None = None
        self.cursor: sqlite3.Cursor | None = None
        self.checkpoint_at = LARGEST_WAL
        self.is_closed = False
        self.begin_locks()
        FORKS.add(self)

    def begin_locks(self) -> None:
        """New locks and no readers, in a new process as at the beginning."""
        self.process = os.getpid()
        self.gate = threading.RLock()
        self.turn: Turn | None = None
        self.holds_for_fork = False
        self.room = threading.Condition()
        self.idle: list[sqlite3.Connection] = []
        self.reading = 0

    def refuse_closed(self) -> None:
        """Raise `LedgerClosed` once the store was closed, `DatabaseUnreadable` where a fork has torn it."""
        self.notice_fork()
        if self.is_closed:
            raise LedgerClosed()
        refuse_torn_path(self.path)

    def notice_fork(self) -> None:
        """Whatever forked did not ask Python, so that nothing was closed before."""
        if self.process != os.getpid():
            self.begin_in_child(torn=self.writer is not None or bool(self.idle) or bool(self.reading))

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Cursor]:
        """The write lock, and a transaction that is undone unless it is committed inside. Raises `Busy`."""
        self.refuse_closed()
        deadline = time.monotonic() + LONGEST_WAIT_SECONDS
        if not self.take_gate():
            raise Busy(what=str(self.path), seconds=LONGEST_WAIT_SECONDS)
        turn = self.turn = Turn()
        try:
            self.refuse_closed()
            self.queue.enter(max(0.0, deadline - time.monotonic()))
            with saying_plainly(self.path):
                cursor = self.begin_writing(deadline)
                yield cursor
        finally:
            # A turn that was broken off may get here late, when others are at work: it is cleared away by then.
            if self.turn is turn:
                self.end_turn()

    def take_gate(self) -> bool:
        """Whether the gate was got in time. A turn of this thread that an exception out of nowhere (Ctrl-C) broke off
        before it let go keeps nobody out: the gate knows its owner, and what that turn left is cleared away."""
        turn = self.turn
        if turn is not None and turn.is_under_way():
            return False  # A signal's handler, above the very call that has the gate.
        if not self.gate.acquire(timeout=LONGEST_WAIT_SECONDS):
            return False
        if self.turn is not None:
            self.clear_away()
        return True

    def clear_away(self) -> None:
        """Undo what is not committed, and let the next process in."""
        try:
            self.end_writing()
        finally:
            self.queue.leave()
            self.turn = None

    def end_turn(self) -> None:
        """Let the next one in, of this process and of others."""
        try:
            self.clear_away()
        finally:
            self.open_gate()

    def open_gate(self) -> None:
        """Let go of the gate, as often as this thread has it; that may be not at all."""
        with suppress(RuntimeError):
            while True:
                self.gate.release()

    def begin_writing(self, deadline: float) -> sqlite3.Cursor:
        """Begin a transaction that has the write lock from its first moment."""
        if self.writer is None:
            self.writer = connect_writer(self.path)
        refuse_other_file(self.path, self.file)
        cursor = self.cursor = make_cursor(self.writer)
        self.shrink_log(cursor)
        left = deadline - time.monotonic()
        with limit_patience(cursor, left) if left < LONGEST_WAIT_SECONDS / 2 else nullcontext():
            cursor.execute("BEGIN IMMEDIATE")
        return cursor

    def end_writing(self) -> None:
        """Undo what was not committed. A connection on which that fails is given up.

        A query that was broken off is ended too: it would go on reading, and the log be kept, as long as a traceback
        has its cursor.
        """
        try:
            if self.cursor is not None:
                self.cursor.close()
                self.cursor = None
            if self.writer is not None and self.writer.in_transaction:
                self.writer.rollback()
        except sqlite3.Error:
            self.drop_writer()

    def drop_writer(self) -> None:
        """Close the connection that writes; the next unit of work opens another."""
        if self.writer is not None:
            with suppress(sqlite3.Error):
                self.writer.close()
        # Not before: one that was let go of unclosed (Ctrl-C) would keep its locks for as long as a traceback has it.
        self.writer = self.cursor = None

    def shrink_log(self, cursor: sqlite3.Cursor) -> None:
        """Work the log into the database once it is long, and begin it anew. Who still reads from it is not waited for.

        The file keeps its length, since writing over a file is quicker than writing a longer one; unless somebody read
        for so long that it grew far beyond its bound.
        """
        if reaches(self.wal, self.checkpoint_at):
            mode = "RESTART" if self.checkpoint_at <= 2 * LARGEST_WAL else "TRUNCATE"
            with limit_patience(cursor, 0):
                busy = cursor.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()[0]
            self.checkpoint_at = self.checkpoint_at + LARGEST_WAL if busy else LARGEST_WAL

    @contextmanager
    def reading_at_once(self) -> Iterator[sqlite3.Cursor]:
        """A transaction that reads, all of it as of one moment. It waits for nobody, and nobody for it."""
        self.refuse_closed()
        with self.room:
            self.reading += 1
            connection = self.idle.pop() if self.idle else None
        is_sound = False
        try:
            with saying_plainly(self.path):
                if connection is None:
                    connection = connect_reader(self.path)
                refuse_other_file(self.path, self.file)
                cursor = make_cursor(connection)
                cursor.execute("BEGIN")
                yield cursor
                connection.rollback()
                is_sound = True
        finally:
            self.end_reading(connection, keep=is_sound)

    def end_reading(self, connection: sqlite3.Connection | None, *, keep: bool) -> None:
        """Keep a connection for the next who reads, or close it."""
        with self.room:
            if keep and connection is not None and not self.is_closed and len(self.idle) < MOST_IDLE_READERS:
                self.idle.append(connection)
                connection = None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()
        with self.room:
            self.reading -= 1
            self.room.notify_all()

    def close(self) -> None:
        """Close everything that nobody uses now; readers that are under way close when they end."""
        self.notice_fork()
        self.is_closed = True
        FORKS.discard(self)
        if self.take_gate():
            try:
                self.drop_writer()
                self.queue.close()
            finally:
                self.open_gate()
        self.close_readers()

    def close_readers(self) -> None:
        """Close the readers that nobody uses now."""
        while self.idle:
            with suppress(sqlite3.Error):
                self.idle.pop().close()

    def prepare_fork(self) -> bool:
        """Wait, with a bound, until nothing is under way; close everything, and let nothing begin. Whether it could."""
        is_quiet = self.holds_for_fork = self.take_gate()
        self.room.acquire()
        is_quiet = self.room.wait_for(lambda: not self.reading, timeout=LONGEST_WAIT_SECONDS) and is_quiet
        if is_quiet:
            self.drop_writer()
        self.close_readers()
        return is_quiet

    def go_on_in_parent(self) -> None:
        """After a fork, in the process that forked."""
        self.room.release()
        if self.holds_for_fork:
            self.open_gate()

    def begin_in_child(self, *, torn: bool) -> None:
        """After a fork, in the new process: nothing is open. What the parent was using is left alone for ever."""
        self.queue.close()
        if torn:
            TORN.add(self.path)
            LEFT_BEHIND.append(self.writer)
            LEFT_BEHIND.extend(self.idle)
            keep_for_ever(LEFT_BEHIND)
        self.writer = self.cursor = None
        self.begin_locks()


class Turn:
    """One thread's time at the gate, from inside `writing`; remembers for whom, by the frame of whoever writes."""

    def __init__(self) -> None:
        frame = sys._getframe(2)
        # What a `with` statement enters by returns long before the end of it: only who says `with` counts.
        while frame.f_back and (frame.f_code.co_flags & CO_GENERATOR or frame.f_code.co_filename == WITH_STATEMENTS):
            frame = frame.f_back
        self.frame = frame

    def is_under_way(self) -> bool:
        """Whether whoever writes is among the callers of this."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and frame is not self.frame:
            frame = frame.f_back
        return frame is not None


def reaches(wal: str, length: int) -> bool:
    """Whether what a log has in it, since it was last begun anew, is this long. The file may be longer, from before.

    The frame at that length bears the log's present salt only if it was written since (https://sqlite.org/walformat.html).
    SQLite has no locks on this file that closing it could drop.
    """
    try:
        with open(wal, "rb", buffering=0) as file:
            header = file.read(32)
            frame = 24 + int.from_bytes(header[8:12], "big")
            file.seek(32 + length // frame * frame)
            return len(header) == 32 and file.read(24)[8:16] == header[16:24]
    except OSError:
        return False


@contextmanager
def limit_patience(cursor: sqlite3.Cursor, seconds: float) -> Iterator[None]:
    """Wait for locks of other connections no longer than this."""
    cursor.execute(f"PRAGMA busy_timeout = {max(0, int(seconds * 1000))}")
    try:
        yield
    finally:
        cursor.execute(f"PRAGMA busy_timeout = {LONGEST_WAIT_SECONDS * 1000}")


class Forks:
    """The connections of this process, as far as a fork concerns them."""

    def __init__(self) -> None:
        self.known: weakref.WeakSet[Connections] = weakref.WeakSet()
        self.lock = threading.Lock()
        self.prepared: list[tuple[Connections, bool]] = []

    def add(self, connections: Connections) -> None:
        """From now on, close these before a fork."""
        with self.lock:
            self.known.add(connections)

    def discard(self, connections: Connections) -> None:
        """No longer."""
        with self.lock:
            self.known.discard(connections)

    def prepare(self) -> None:
        """Just before a fork."""
        self.lock.acquire()
        self.prepared = [(connections, connections.prepare_fork()) for connections in list(self.known)]

    def go_on_in_parent(self) -> None:
        """Just after a fork, in the process that forked."""
        for connections, _ in self.prepared:
            connections.go_on_in_parent()
        self.prepared = []
        self.lock.release()

    def begin_in_child(self) -> None:
        """Just after a fork, in the new process."""
        for connections, is_quiet in self.prepared:
            connections.begin_in_child(torn=not is_quiet)
        self.prepared = []
        self.lock = threading.Lock()


LEFT_BEHIND: Final[list[sqlite3.Connection | None]] = []
"""Connections of a parent process that could not be closed: closing them here would tamper with its locks and log."""


TORN: Final[set[Path]] = set()
"""Databases that the parent was using when this process was forked off: SQLite cannot be used on them here."""


def refuse_torn_path(path: Path) -> None:
    """Raises `DatabaseUnreadable` for a database that a fork has torn."""
    if path in TORN:
        problem = "this process was forked while its parent was using it: fork first, or start the process afresh"
        raise DatabaseUnreadable(path=str(path), problem=problem)


def keep_for_ever(things: object) -> None:
    """Keep something from being freed, even at the end of the process."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(things))


FORKS: Final = Forks()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=FORKS.prepare, after_in_parent=FORKS.go_on_in_parent, after_in_child=FORKS.begin_in_child
    )
