"""Entries sent by COPY while more of them are decided.

PostgreSQL keeps what it is sent in binary form until the COPY ends, and only then writes it to the table and its
indexes. So each block is a COPY of its own, and nobody waits for its end before the next block is there: in between the
server writes, while the next entries are decided here.
"""

from collections.abc import Generator
from typing import Final

import psycopg
from psycopg import errors
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.waiting import Ready, Wait

from farthing.store.postgres_asking import Connection
from farthing.store.postgres_packing import COPY_END, COPY_HEAD
from farthing.store.postgres_statements import COPY_ENTRIES

Waiting = Generator[Wait, Ready | int, None]
STATEMENT: Final = COPY_ENTRIES.encode()


class Copying:
    """The blocks of one unit of work. While one is under way nothing else may be asked on the connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.pgconn: PGconn = connection.pgconn
        self.is_open = False

    def send(self, rows: list[bytes]) -> None:
        """Send these rows, once those before them are in. Raises `psycopg.Error` for either."""
        self.finish()
        self.wait(self.send_block(b"".join((COPY_HEAD, *rows, COPY_END))))
        self.is_open = True

    def finish(self) -> None:
        """Return once what was sent is in. Raises `psycopg.Error` if it is not."""
        if self.is_open:
            self.is_open = False
            self.wait(self.fetch(ExecStatus.COMMAND_OK))

    def wait(self, exchange: Waiting) -> None:
        """Carry out an exchange. If a handler of signals breaks it off, the connection is given up: a COPY that is half
        sent would be waited for without end."""
        try:
            with self.connection.lock:
                self.connection.wait(exchange)
        except psycopg.Error:
            raise
        except BaseException:
            self.connection.close()
            raise

    def send_block(self, block: bytes) -> Waiting:
        """Send one whole COPY, but for the answer to it."""
        self.pgconn.send_query(STATEMENT)
        yield from self.flush()
        yield from self.fetch(ExecStatus.COPY_IN)
        while self.pgconn.put_copy_data(block) == 0:
            yield Wait.W
        while self.pgconn.put_copy_end() == 0:
            yield Wait.W
        yield from self.flush()

    def flush(self) -> Waiting:
        """Let go out what waits to be sent."""
        while self.pgconn.flush():
            if (yield Wait.RW) & Ready.R:
                self.pgconn.consume_input()

    def fetch(self, wanted: ExecStatus) -> Waiting:
        """Read until this has come, and nothing more is due."""
        failed: PGresult | None = None
        is_there = False
        while True:
            while self.pgconn.is_busy():
                if (yield Wait.R):
                    self.pgconn.consume_input()
            result = self.pgconn.get_result()
            if result is None:
                break
            if result.status == wanted:
                is_there = True
                if wanted == ExecStatus.COPY_IN:
                    break
            elif failed is None:
                failed = result
        if failed is not None:
            raise errors.error_from_result(failed)
        if not is_there:
            raise psycopg.OperationalError("the connection was lost")
