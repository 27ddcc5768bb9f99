"""Asking PostgreSQL many things in one go: statements sent together, answered together, in one round trip.

This speaks to libpq through psycopg's public `pq`. psycopg's own pipeline sends each statement in a packet of its own
and looks for answers after each: for the ten small statements of one charge that costs more than all the rest. What a
statement is prepared as is named after its text, so that no pooler or host can give it another meaning.
"""

import hashlib
import struct
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from itertools import count
from typing import Any, Final

import psycopg
from psycopg import abc, errors, postgres
from psycopg.adapt import AdaptersMap, Transformer
from psycopg.pq import ConnStatus, ExecStatus, Format, PipelineStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.waiting import Ready, Wait

from farthing.store.postgres_packing import BYTEA, INT8, TEXT, Packed, pack_columns
from farthing.store.wallet_rows import Row

Connection = psycopg.Connection[Any]

FAILED: Final = (ExecStatus.FATAL_ERROR, ExecStatus.BAD_RESPONSE)
LONGEST_CANCEL_SECONDS: Final = 2.0
LOST_STATEMENTS: Final = ("26000", "42P05", "0A000")
UNSAID: Final = 0
"""The type of a value of which the statement tells the type."""


class Plain:
    """How values are read, whatever the connection has been told."""

    adapters: Final = AdaptersMap(postgres.adapters)

    def __init__(self, connection: Connection) -> None:
        self.connection = connection


class Answer:
    """What one statement came to; there to be read once the asking is over."""

    def __init__(self, reading: abc.Transformer) -> None:
        self.reading = reading
        self.result: PGresult | None = None

    def fetchall(self) -> list[Row]:
        """All rows."""
        if self.result is None:
            raise RuntimeError("an answer was read before the asking was over")
        self.reading.set_pgresult(self.result)
        return self.reading.load_rows(0, self.result.ntuples, tuple)

    def fetchone(self) -> Row | None:
        """The first row, if there is one."""
        return next(iter(self.fetchall()), None)

    @property
    def rowcount(self) -> int:
        """How many rows were changed."""
        return (self.result.command_tuples or 0) if self.result is not None else 0

    @property
    def status(self) -> str:
        """What was done, in a word: COMMIT, ROLLBACK …"""
        return (self.result.command_status or b"").decode() if self.result is not None else ""


class Asking:
    """Statements under way."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.pgconn = connection.pgconn
        self.reading: abc.Transformer = Transformer(Plain(connection))
        self.prepared: set[bytes] | None = getattr(connection, "prepared", None)
        """The names of what is prepared there; nothing is on a caller's connection, or behind a pooler."""
        self.sent: list[Answer | bytes] = []
        """The answers that are due, in order; where a statement was prepared, its name."""

    def ask(self, text: str, *values: Any) -> Answer:
        """Send one statement; read what it returns when the asking is over."""
        name, statement = number_places(text)
        given = [give(value) for value in values]
        parameters, formats = [each[1] for each in given], [Format.BINARY] * len(given)
        if self.prepared is None or not values:
            self.pgconn.send_query_params(statement, parameters, [each[0] for each in given], formats, Format.BINARY)
        else:
            if name not in self.prepared and name not in self.sent:
                self.pgconn.send_prepare(name, statement, [each[0] for each in given])
                self.sent.append(name)
            self.pgconn.send_query_prepared(name, parameters, formats, Format.BINARY)
        answer = Answer(self.reading)
        self.sent.append(answer)
        return answer

    def ask_each(self, text: str, asked: Sequence[Sequence[int]], *values: Any) -> Answer | None:
        """A statement about rows of integers; nothing is sent if there are none."""
        if not asked:
            return None
        return self.ask(text, *pack_numbers(asked), *values)

    def take(self, results: list[PGresult]) -> None:
        """Give each statement its answer. Raises the first error."""
        for sent, result in zip(self.sent, results, strict=False):
            if result.status in FAILED:
                raise self.fail(result)
            if isinstance(sent, Answer):
                sent.result = result
            elif self.prepared is not None:
                self.prepared.add(sent)

    def fail(self, result: PGresult) -> psycopg.Error:
        """The error of a statement. Where the server has lost what was prepared, or a table has changed under it, the
        connection is given up as if it were lost: what is asked again is asked on another."""
        error = errors.error_from_result(result)
        if self.prepared is not None and error.sqlstate in LOST_STATEMENTS:
            self.connection.close()
            return psycopg.OperationalError("what was prepared on a connection is no longer good")
        return error


@contextmanager
def asking(connection: Connection) -> Iterator[Asking]:
    """Send what is asked inside the block in one go, and leave it with everything answered. Raises `psycopg.Error`."""
    pgconn = connection.pgconn
    with connection.lock:
        try:
            pgconn.enter_pipeline_mode()
            asked = Asking(connection)
            yield asked
            results = connection.wait(exchange(pgconn))
            pgconn.exit_pipeline_mode()
        except BaseException:
            give_up(connection)
            raise
        asked.take(results)


def give_up(connection: Connection) -> None:
    """Something came in between: nobody knows what was prepared, or is still due. A connection of ours is closed; a
    caller's own is brought out of the pipeline, if that can be done."""
    pgconn = connection.pgconn
    if hasattr(connection, "prepared"):
        connection.close()
    elif pgconn.status == ConnStatus.OK and pgconn.pipeline_status != PipelineStatus.OFF:
        with suppress(psycopg.Error):
            if pgconn.transaction_status == TransactionStatus.ACTIVE:
                connection.cancel_safe(timeout=LONGEST_CANCEL_SECONDS)
            connection.wait(exchange(pgconn))
            pgconn.exit_pipeline_mode()


def exchange(pgconn: PGconn) -> Generator[Wait, Ready | int, list[PGresult]]:
    """Send what waits to be sent, and read what all of it came to."""
    pgconn.pipeline_sync()
    while pgconn.flush():
        if (yield Wait.RW) & Ready.R:
            pgconn.consume_input()
    results: list[PGresult] = []
    nothing = 0
    while nothing < 2:
        while pgconn.is_busy():
            if (yield Wait.R):
                pgconn.consume_input()
        result = pgconn.get_result()
        nothing = 0 if result is not None else nothing + 1
        if result is not None and result.status == ExecStatus.PIPELINE_SYNC:
            return results
        if result is not None:
            results.append(result)
    raise psycopg.OperationalError("the connection was lost")


@lru_cache(maxsize=256)
def number_places(text: str) -> tuple[bytes, bytes]:
    """The name under which a statement is prepared, and the statement with its places numbered."""
    numbers = count(1)
    parts = text.split("%s")
    statement = parts[0] + "".join(f"${next(numbers)}{part}" for part in parts[1:])
    return b"farthing_" + hashlib.blake2b(statement.encode(), digest_size=8).hexdigest().encode(), statement.encode()


def give(value: Any) -> tuple[int, bytes | None]:
    """The type of a value, and its bytes."""
    if isinstance(value, Packed):
        return value.oid, value
    if isinstance(value, int):
        return INT8, struct.pack(">q", value)
    if value is None or isinstance(value, bytes):
        return BYTEA if value is not None else UNSAID, value
    return TEXT, value.encode()


def pack_numbers(rows: Sequence[Sequence[int]]) -> list[Packed]:
    """Rows of integers as arrays."""
    return pack_columns(rows, ("int8",) * len(rows[0]))


def answers(answer: Answer | None) -> list[Row]:
    """What came back; nothing for what was not sent."""
    return [] if answer is None else answer.fetchall()


def ask_alone(connection: Connection, text: str, *values: Any) -> Answer:
    """One statement by itself."""
    with asking(connection) as a:
        return a.ask(text, *values)
