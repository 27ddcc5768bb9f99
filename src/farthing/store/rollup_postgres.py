"""The rollup on PostgreSQL. Entries get their positions before they commit, so nothing is rolled up to a position that
somebody may still hold: see `find_limit`.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Final

from farthing.store.postgres_asking import Connection, ask_alone, asking
from farthing.store.postgres_connections import LONGEST_QUERY_SECONDS, LONGEST_SILENCE_SECONDS
from farthing.store.postgres_errors import saying_plainly
from farthing.store.postgres_opening import IN_EARNEST, fetch_value, translate
from farthing.store.postgres_packing import pack_columns
from farthing.store.postgres_reads import stream
from farthing.store.postgres_statements import PLANS
from farthing.store.rollup import UNUSABLE, Stop
from farthing.store.rollup_rows import Batch
from farthing.store.rollup_sql import (
    ADD_MARK,
    COLUMNS,
    MARK,
    MOVE_MARK,
    PUT_BASES,
    PUT_FOLLOWED,
    TO_DISCARD,
    SqlReader,
    write_discard,
    write_upsert,
)
from farthing.store.versions import PREFIX as P
from farthing.store.wallet_rows import Row

if TYPE_CHECKING:
    from farthing.store.postgres import PostgresStore

LONGEST_WAIT_SECONDS: Final = 10.0
"""How long a run waits for transactions that may hold positions; the next one waits anew."""

LOOK_EVERY_SECONDS: Final = 0.02

LAST_GIVEN: Final = (
    f"SELECT coalesce(pg_sequence_last_value(pg_get_serial_sequence('{P}entry', 'position')::regclass), 0)"
)
NEXT_TO_BEGIN: Final = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::int8"
OLDEST_AT_WORK: Final = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::int8"
PINNED: Final = "; ".join(
    f"SET LOCAL {name} = {value}"
    for name, value in {**PLANS, "max_parallel_workers_per_gather": "0"}.items()
    if name != "plan_cache_mode"
)
TEXTS: Final = frozenset({"plan"})


def write_asked(width: int) -> str:
    """A table of integers that come as arrays."""
    return f"unnest({', '.join(['%s::int8[]'] * width)}) AS asked({', '.join('abcd'[:width])})"


def write_insert(table: str, columns: Sequence[str], more: str) -> str:
    """Rows that come as arrays, put into a table of the rollup."""
    arrays = ", ".join("%s::text[]" if column in TEXTS else "%s::int8[]" for column in columns)
    return f"INSERT INTO {P}rollup_{table} ({', '.join(columns)}) SELECT * FROM unnest({arrays}) {more}"


FOLLOWED: Final = ("account_id", "unit_id", "upto")
WRITES: Final = {
    "usage": (COLUMNS["usage"], write_insert("usage", COLUMNS["usage"], write_upsert("usage", "least", "greatest"))),
    "flow": (COLUMNS["flow"], write_insert("flow", COLUMNS["flow"], write_upsert("flow", "least", "greatest"))),
    "basis": (COLUMNS["basis"], write_insert("basis", COLUMNS["basis"], PUT_BASES)),
    "followed": (FOLLOWED, write_insert("followed", FOLLOWED, PUT_FOLLOWED)),
}


class PostgresReader(SqlReader):
    """See `rollup.Reader`."""

    # A table of the rollup is new, or has grown by half since the server looked at it: what it guesses of the rows that
    # each stretch of time has was wrong enough for a plan of 38 seconds. Set apart like this they are found by the key.
    each: ClassVar[str] = "{asked} CROSS JOIN LATERAL (SELECT * FROM {table} AS r WHERE {rule} OFFSET 0) AS r"
    halves: ClassVar[bool] = False

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        super().__init__()

    def ask(self, text: str, *values: Any) -> list[Row]:
        """See `SqlReader`."""
        return ask_alone(self.connection, translate(text), *values).fetchall()

    def ask_each(self, text: str, asked: Sequence[tuple[int, ...]], *values: Any) -> list[Row]:
        """See `SqlReader`."""
        if not asked:
            return []
        width = len(asked[0])
        text = translate(text).replace("{asked}", write_asked(width))
        with asking(self.connection) as a:
            answer = a.ask(text, *pack_columns(asked, ("int8",) * width), *values)
        return answer.fetchall()

    def iter_rows(self, table: str) -> Iterator[Row]:
        """See `rollup.Reader`."""
        for page in stream(self.connection, f"SELECT {', '.join(COLUMNS[table])} FROM {P}rollup_{table}"):
            yield from page


class PostgresRollup:
    """See `rollup.RollupBook`."""

    is_kept = True

    def __init__(self, store: "PostgresStore") -> None:
        self.store = store
        self.place = store.place
        self.connections = store.connections

    @contextmanager
    def reading(self) -> Iterator[PostgresReader]:
        """See `rollup.RollupBook`."""
        with saying_plainly(self.place), self.connections.reading(at_length=True) as connection:
            connection.execute(PINNED)
            yield PostgresReader(connection)

    def find_limit(self, must_stop: Stop) -> int:
        """See `rollup.RollupBook`.

        Whoever is given a position has locked its account by then, and so has a transaction id. So once the oldest
        transaction at work began after the last position was looked up, nobody holds one up to there any more.
        """
        deadline = time.monotonic() + LONGEST_WAIT_SECONDS
        with saying_plainly(self.place), self.connections.writing() as connection:
            limit = int(fetch_value(connection, LAST_GIVEN))
            began = int(fetch_value(connection, NEXT_TO_BEGIN))
            while int(fetch_value(connection, OLDEST_AT_WORK)) < began:
                if must_stop() or time.monotonic() > deadline:
                    return max(0, int(fetch_value(connection, MARK) or 0))
                time.sleep(LOOK_EVERY_SECONDS)
        return limit

    def save(self, batch: Batch) -> bool:
        """See `rollup.RollupBook`."""
        written = {
            "usage": batch.usage,
            "flow": batch.flow,
            "basis": [(*key, *basis) for key, basis in sorted(batch.bases.items())],
            "followed": [(*key, upto) for key, upto in sorted(batch.followed.items())],
        }
        with self.writing() as connection:
            connection.execute(ADD_MARK)
            if fetch_value(connection, f"{MARK} FOR UPDATE") != batch.before:
                connection.execute("ROLLBACK")
                return False
            for table, rows in written.items():
                columns, statement = WRITES[table]
                if rows:
                    types = ["text" if column in TEXTS else "int8" for column in columns]
                    ask_alone(connection, statement, *pack_columns(rows, types))
            ask_alone(connection, translate(MOVE_MARK), batch.after)
            connection.execute("COMMIT")
        return True

    @contextmanager
    def writing(self) -> Iterator[Any]:
        """A transaction that may take longer than others."""
        with saying_plainly(self.place), self.connections.writing() as connection:
            connection.longest_silence = LONGEST_QUERY_SECONDS
            try:
                connection.execute("BEGIN")
                connection.execute(IN_EARNEST)
                connection.execute("SET LOCAL statement_timeout = 0")
                yield connection
            finally:
                connection.longest_silence = LONGEST_SILENCE_SECONDS

    def discard(self, must_stop: Stop, *, anew: bool = True) -> bool:
        """See `rollup.RollupBook`."""
        with self.writing() as connection:
            connection.execute(ADD_MARK)
            mark = fetch_value(connection, f"{MARK} FOR UPDATE")
            if anew:
                ask_alone(connection, translate(MOVE_MARK), UNUSABLE)
            connection.execute("COMMIT")
        if not anew and mark != UNUSABLE:
            return True
        for table in TO_DISCARD:
            gone = 1
            while gone:
                if must_stop():
                    return False
                with self.writing() as connection:
                    if fetch_value(connection, f"{MARK} FOR UPDATE") != UNUSABLE:
                        return True  # somebody else got to the end, and there may be rows that count again
                    gone = ask_alone(connection, write_discard(table)).rowcount
                    connection.execute("COMMIT")
        with self.writing() as connection:
            if fetch_value(connection, f"{MARK} FOR UPDATE") == UNUSABLE:
                ask_alone(connection, translate(MOVE_MARK), 0)
            connection.execute("COMMIT")
        return True
