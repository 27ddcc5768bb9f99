"""The connections of one store to a PostgreSQL server: made, lent, given up, and what becomes of them in a fork.

A child inherits its parent's sockets: what it wrote there would reach the parent's session. So it writes nowhere: the
sockets are replaced by /dev/null, and it connects anew. Nothing here outlives one statement or transaction on the
server but the connection itself, so that poolers may stand between.
"""

import os
import re
import select
import threading
import time
import weakref
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, Final, TypeVar

import psycopg
from psycopg import pq

from farthing.store.database_clock import DatabaseClock
from farthing.store.faults import Busy, DatabaseAway, DatabaseUnreadable, LedgerClosed, UrlInvalid
from farthing.store.postgres_asking import ask_alone, asking
from farthing.store.postgres_errors import STANDBY, first_line, is_gone, name_problem
from farthing.store.postgres_places import EXPECTED, Place
from farthing.store.turns import Turns
from farthing.store.wallet_rows import Row
from farthing.values.bounds import LONGEST_WAIT_SECONDS
from farthing.values.errors import FarthingError

LONGEST_SILENCE_SECONDS: Final = 10
"""How long an answer may take, in which nothing at all arrives. Then the connection counts as lost."""

LONGEST_QUERY_SECONDS: Final = 3600
"""The same where whole tables are read at a time: for proofs and migrations."""

LONGEST_CONNECT_SECONDS: Final = 5
"""How long one attempt to connect may take."""

SHORTEST_PAUSE, LONGEST_PAUSE = 0.05, 0.25
"""Seconds between attempts to connect."""

MOST_WRITING, MOST_READING = 10, 6
"""Connections that one store uses at once, each kind with a bound of its own: who only reads, however many threads do,
is never in the way of who writes. Servers have a bound on all, often of 100."""

MOST_IDLE: Final = 8

OLDEST_SERVER: Final = 140_000
"""PostgreSQL 14, as `server_version` counts."""

PERMANENT: Final = (
    "authentication failed",
    "no password supplied",
    "no pg_hba.conf entry",
    "is not permitted to log in",
    "no such database",
    "no such user",
    "server does not support SSL",
    "permission denied for database",
    "certificate verify failed",
    "unrecognized configuration parameter",
    "invalid value for parameter",
    "invalid command-line argument",
)
"""Said while connecting, by the server or a pooler, of what no second attempt mends. libpq gives no code there."""

BAD_VALUE: Final = re.compile(
    r"invalid (\w{1,40}) value: |for connection option \"(\w{1,40})\"|bad value for (\w{1,40}):"
)
"""Said by libpq and psycopg of a setting before anything is sent. What it was set to is not repeated."""

ABOUT_SERVER: Final = (
    "SELECT pg_backend_pid(), (extract(epoch FROM clock_timestamp()) * 1000000)::bigint, pg_is_in_recovery(),"
    " current_setting('server_encoding')"
)
USUAL: Final[dict[str, Any]] = {
    "fallback_application_name": "farthing",
    "connect_timeout": LONGEST_CONNECT_SECONDS,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": LONGEST_SILENCE_SECONDS * 1000,
}
"""Settings of a connection, unless its address says otherwise."""

T = TypeVar("T")


class Silent(Exception):
    """Nothing has arrived for too long."""


class BoundedConnection(psycopg.Connection[Row]):
    """A connection that is given up when the other end is silent for too long: nothing later is read from it."""

    longest_silence: float = LONGEST_SILENCE_SECONDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.prepared: set[bytes] | None = set()
        """The names of the statements that are prepared in this session; None where a pooler stands between."""

    def __del__(self, *_: Any) -> None:
        """A signal that raises may make whoever has it forget it: that is no fault that anybody should be warned of."""
        with suppress(AttributeError, psycopg.Error):
            self.pgconn.finish()

    def wait(self, gen: Generator[Any, Any, T], *args: Any, **kwargs: Any) -> T:
        """Wait for the server, with a bound, wherever psycopg does."""
        try:
            return super().wait(bound_silence(gen, self.longest_silence), *args, **kwargs)
        except Silent:
            self.pgconn.finish()
            raise psycopg.OperationalError(f"no answer for {self.longest_silence:g} seconds") from None


def bound_silence(gen: Generator[Any, Any, T], seconds: float) -> Generator[Any, Any, T]:
    """The same generator. It is told every tenth of a second that nothing happened, and ends if that lasts."""
    deadline = time.monotonic() + seconds
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if ready:
                deadline = 0.0
            elif not deadline:
                deadline = time.monotonic() + seconds
            elif time.monotonic() > deadline:
                raise Silent
            wanted = gen.send(ready)
    except StopIteration as end:
        result: T = end.value
        return result


def connect(place: Place, clock: DatabaseClock | None = None) -> BoundedConnection:
    """A new connection, each statement of which commits by itself. A server that starts anew is waited for.

    Raises `DatabaseAway`, and `DatabaseUnreadable` for what an operator must mend.
    """
    deadline, pause = time.monotonic() + LONGEST_WAIT_SECONDS, SHORTEST_PAUSE
    while True:
        try:
            return connect_once(place, clock)
        except psycopg.Error as error:
            failed = name_refusal(error, place)
        except DatabaseAway as away:
            failed = away
        if not isinstance(failed, DatabaseAway) or time.monotonic() + pause > deadline:
            raise failed
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def connect_once(place: Place, clock: DatabaseClock | None) -> BoundedConnection:
    """One attempt. What is learned in it: the clock, and whether a pooler stands between, which forgets statements."""
    settings = USUAL | place.settings | {"client_encoding": "UTF8"}
    if "," in f"{settings.get('host', '')}{settings.get('hostaddr', '')}":
        settings.setdefault("target_session_attrs", "read-write")
    connection = BoundedConnection.connect(**settings, autocommit=True)
    try:
        begun = clock.begin() if clock is not None else 0
        row = connection.execute(ABOUT_SERVER).fetchone()
        if row is None or row[2]:
            raise DatabaseAway(place=place.shown, problem=STANDBY)
        if clock is not None:
            clock.learn(row[1], begun)
        # Statements are prepared under our own names or not at all: psycopg's come back as errors from whoever meddles.
        connection.prepare_threshold = None
        if row[0] != connection.info.backend_pid:
            connection.prepared = None
        refuse_server(connection, row[3], place)
    except BaseException:
        connection.close()
        raise
    return connection


def refuse_server(connection: BoundedConnection, encoding: str, place: Place) -> None:
    """Raises `DatabaseUnreadable` for a server that is too old, and for a database that cannot keep every name."""
    if connection.info.server_version < OLDEST_SERVER:
        problem = f"its server is PostgreSQL {connection.info.server_version // 10_000}: 14 is the oldest that will do"
        raise DatabaseUnreadable(path=place.shown, problem=problem)
    if encoding != "UTF8":
        problem = f"it keeps text as {encoding}: make one with ENCODING 'UTF8'"
        raise DatabaseUnreadable(path=place.shown, problem=problem)


def name_refusal(error: psycopg.Error, place: Place) -> FarthingError:
    """What to say where no connection could be made."""
    said = str(error)
    unset = BAD_VALUE.search(said)
    if error.sqlstate is None and unset:
        name = next(filter(None, unset.groups()))
        problem = f"comes with a value for {name} that will not do"
        return UrlInvalid(given=place.shown, problem=problem, expected=EXPECTED)
    is_missing = "does not exist" in said and ('role "' in said or 'database "' in said)
    if error.sqlstate is None and (is_missing or any(text in said for text in PERMANENT)):
        problem = first_line(said.rpartition("FATAL:")[2])
        return DatabaseUnreadable(path=place.shown, problem=f"the server refuses the connection ({problem})")
    if error.sqlstate is None:
        problem = first_line(said.rpartition("failed: ")[2].replace("FATAL:  ", ""))
        return DatabaseAway(place=place.shown, problem=problem)
    return name_problem(error, place)


class Connections:
    """What one store has open: a bounded number, each lent to one thread at a time, the latest used first."""

    def __init__(self, place: Place, clock: DatabaseClock | None = None) -> None:
        self.place = place
        self.clock = clock
        self.is_closed = False
        self.begin_locks()
        FORKS.add(self)

    def begin_locks(self) -> None:
        """New locks and no connections, in a new process as at the beginning."""
        self.process = os.getpid()
        self.room = threading.RLock()
        self.writers, self.readers = Turns(MOST_WRITING), Turns(MOST_READING)
        self.idle: list[BoundedConnection] = []
        self.lent: weakref.WeakSet[BoundedConnection] = weakref.WeakSet()
        """What is in use, for a child to cut off."""

    def refuse_closed(self) -> None:
        """Raise `LedgerClosed` once the store was closed."""
        self.notice_fork()
        if self.is_closed:
            raise LedgerClosed()

    def notice_fork(self) -> None:
        """Whatever forked did not ask Python."""
        if self.process != os.getpid():
            self.begin_in_child()

    def writing(self) -> AbstractContextManager[BoundedConnection]:
        """A connection outside of any transaction; one that is left open is undone. Raises `Busy`, `DatabaseAway`."""
        return self.lending(reads=False)

    @contextmanager
    def lending(self, *, reads: bool) -> Iterator[BoundedConnection]:
        """See `writing`. A writer may read while he has his connection: readers wait for readers alone."""
        self.refuse_closed()
        process, turns = self.process, self.readers if reads else self.writers
        turn = turns.take(LONGEST_WAIT_SECONDS)
        if turn is None:
            kind = "reads from" if reads else "writes to"
            raise Busy(what=f"every connection that {kind} {self.place.shown}", seconds=LONGEST_WAIT_SECONDS)
        try:
            connection = self.take()
            try:
                yield connection
            finally:
                self.give_back(connection)
        finally:
            # In a child its parent's locks may be locked for ever.
            if process == self.process == os.getpid():
                turns.leave(turn)

    @contextmanager
    def reading(self, *, at_length: bool = False) -> Iterator[BoundedConnection]:
        """A connection inside a transaction that reads, all of it as of one moment. `at_length` gives every answer an
        hour. The caller names faults."""
        with self.lending(reads=True) as connection:
            connection.longest_silence = LONGEST_QUERY_SECONDS if at_length else LONGEST_SILENCE_SECONDS
            connection.execute(BEGIN_READING_AT_LENGTH if at_length else BEGIN_READING)
            yield connection
            connection.longest_silence = LONGEST_SILENCE_SECONDS
            connection.execute("COMMIT")

    def ask(self, *questions: tuple[str, Sequence[Any]]) -> list[list[Row]]:
        """The answers to some questions, as of one moment, in one round trip. Asked again where the connection turns
        out to be lost, on a new one."""
        may_repeat = True
        while True:
            with self.lending(reads=True) as connection:
                try:
                    return ask_together(connection, questions)
                except psycopg.Error as error:
                    if not may_repeat or not is_gone(error, connection):
                        raise name_problem(error, self.place) from None
            may_repeat = False
            self.drop_idle()

    def take(self) -> BoundedConnection:
        """An idle connection that is still good, or a new one."""
        while (idle := self.take_idle()) is not None:
            if not has_something_to_say(idle):
                return idle
            self.forget(idle)
        connection = connect(self.place, self.clock)
        self.lent.add(connection)
        return connection

    def take_idle(self) -> BoundedConnection | None:
        """The connection that was used last, if any is idle."""
        with self.room:
            if not self.idle:
                return None
            connection = self.idle.pop()
            self.lent.add(connection)
            return connection

    def give_back(self, connection: BoundedConnection) -> None:
        """Undo what is not committed, and keep the connection for the next; or give it up, if it is not as it was."""
        if self.process != os.getpid() or connection not in self.lent:
            return  # It belongs to the parent process.
        connection.longest_silence = LONGEST_SILENCE_SECONDS
        is_kept = False
        try:
            if settle_down(connection):
                is_kept = self.keep(connection)
        finally:
            if not is_kept:
                self.forget(connection)

    def keep(self, connection: BoundedConnection) -> bool:
        """Whether a connection that was lent is kept for the next."""
        with self.room:
            if self.is_closed or len(self.idle) >= MOST_IDLE:
                return False
            self.lent.discard(connection)
            self.idle.append(connection)
            return True

    def forget(self, connection: BoundedConnection) -> None:
        """Close a connection that was lent, unless it is lent again."""
        with self.room:
            if connection in self.idle:
                return
            self.lent.discard(connection)
        with suppress(psycopg.Error):
            connection.close()

    def drop_idle(self) -> None:
        """Close what nobody uses now: where one connection was lost, the others often are too."""
        with self.room:
            dropped, self.idle = self.idle, []
        for connection in dropped:
            with suppress(psycopg.Error):
                connection.close()

    def close(self) -> None:
        """Close everything that nobody uses now; what is in use is closed when it is given back."""
        self.notice_fork()
        self.is_closed = True
        self.drop_idle()
        FORKS.discard(self)

    def begin_in_child(self) -> None:
        """After a fork, in the new process: the parent's connections are cut off here, and only here."""
        for connection in (*self.idle, *self.lent):
            cut_off(connection)
        self.begin_locks()


BEGIN_READING: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
BEGIN_READING_AT_LENGTH: Final = (
    f"{BEGIN_READING}; SET LOCAL statement_timeout = '{LONGEST_QUERY_SECONDS}s';"
    f" SET LOCAL idle_in_transaction_session_timeout = '{LONGEST_QUERY_SECONDS}s'"
)


def ask_together(connection: BoundedConnection, questions: Sequence[tuple[str, Sequence[Any]]]) -> list[list[Row]]:
    """See `Connections.ask`. Walking a whole table is ruled out: what the planner knows of a table may be old."""
    with asking(connection) as a:
        a.ask(BEGIN_READING)
        a.ask("SET LOCAL enable_seqscan = off")
        answered = [a.ask(text, *values) for text, values in questions]
        a.ask("COMMIT")
    return [answer.fetchall() for answer in answered]


def has_something_to_say(connection: BoundedConnection) -> bool:
    """Whether an idle connection has something to read, unasked: mostly that the server has ended it."""
    try:
        poll = select.poll()
        poll.register(connection.pgconn.socket, select.POLLIN)
        return bool(poll.poll(0))
    except (OSError, psycopg.Error):
        return True


def settle_down(connection: BoundedConnection) -> bool:
    """Whether a connection is outside of any transaction, after what was open in it was undone."""
    status = connection.pgconn.transaction_status
    if status in (pq.TransactionStatus.INTRANS, pq.TransactionStatus.INERROR):
        with suppress(psycopg.Error):
            # psycopg's own would give up every statement that is prepared.
            ask_alone(connection, "ROLLBACK")
        status = connection.pgconn.transaction_status
    return status == pq.TransactionStatus.IDLE and connection.pgconn.pipeline_status == pq.PipelineStatus.OFF


def cut_off(connection: BoundedConnection) -> None:
    """Let a connection that another process has lead nowhere here, and close it."""
    with suppress(OSError, psycopg.Error):
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, connection.pgconn.socket)
        os.close(nowhere)
        connection.pgconn.finish()


class Forks:
    """The connections of this process, as far as a fork concerns them."""

    def __init__(self, act: Callable[[Connections], None]) -> None:
        self.known: weakref.WeakSet[Connections] = weakref.WeakSet()
        self.act = act

    def add(self, connections: Connections) -> None:
        """From now on, cut these off in a child."""
        self.known.add(connections)

    def discard(self, connections: Connections) -> None:
        """No longer."""
        self.known.discard(connections)

    def begin_in_child(self) -> None:
        """Just after a fork, in the new process."""
        for connections in list(self.known):
            self.act(connections)


FORKS: Final = Forks(Connections.begin_in_child)

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=FORKS.begin_in_child)
