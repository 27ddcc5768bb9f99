"""The rollup on SQLite, where positions are in the order of commits. Batches are short, since nobody else writes
meanwhile."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Final

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
from farthing.store.sqlite_work import make_cursor
from farthing.store.versions import PREFIX as P
from farthing.store.wallet_rows import Row

if TYPE_CHECKING:
    from farthing.store.sqlite import SqliteStore


def write_asked(width: int) -> str:
    """A table of integers that come as JSON."""
    columns = [f"json_extract(value, '$[{place}]') AS {'abcd'[place]}" for place in range(width)]
    return f"(SELECT {', '.join(columns)} FROM json_each(?)) AS asked"


def write_insert(table: str, columns: Sequence[str], more: str) -> str:
    """A row put into a table of the rollup."""
    places = ", ".join("?" * len(columns))
    return f"INSERT INTO {P}rollup_{table} ({', '.join(columns)}) VALUES ({places}) {more}"


WRITES: Final = {
    "usage": write_insert("usage", COLUMNS["usage"], write_upsert("usage", "min", "max")),
    "flow": write_insert("flow", COLUMNS["flow"], write_upsert("flow", "min", "max")),
    "basis": write_insert("basis", COLUMNS["basis"], PUT_BASES),
    "followed": write_insert("followed", ("account_id", "unit_id", "upto"), PUT_FOLLOWED),
}


class SqliteReader(SqlReader):
    """See `rollup.Reader`."""

    halves: ClassVar[bool] = True

    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self.cursor = cursor
        super().__init__()

    def ask(self, text: str, *values: Any) -> list[Row]:
        """See `SqlReader`."""
        return self.cursor.execute(text, values).fetchall()

    def ask_each(self, text: str, asked: Sequence[tuple[int, ...]], *values: Any) -> list[Row]:
        """See `SqlReader`."""
        if not asked:
            return []
        text = text.replace("{asked}", write_asked(len(asked[0])))
        return self.cursor.execute(text, (json.dumps(asked), *values)).fetchall()

    def iter_rows(self, table: str) -> Iterator[Row]:
        """See `rollup.Reader`."""
        yield from make_cursor(self.cursor.connection).execute(
            f"SELECT {', '.join(COLUMNS[table])} FROM {P}rollup_{table}"
        )


class SqliteRollup:
    """See `rollup.RollupBook`."""

    is_kept = True

    def __init__(self, store: "SqliteStore") -> None:
        self.connections = store.connections

    @contextmanager
    def reading(self) -> Iterator[SqliteReader]:
        """See `rollup.RollupBook`."""
        with self.connections.reading_at_once() as cursor:
            yield SqliteReader(cursor)

    def find_limit(self, must_stop: Stop) -> int:
        """See `rollup.RollupBook`. What can be seen is all that there is."""
        with self.reading() as reader:
            return reader.find_last_position()

    def save(self, batch: Batch) -> bool:
        """See `rollup.RollupBook`."""
        with self.connections.writing() as cursor:
            cursor.execute(ADD_MARK)
            if cursor.execute(MARK).fetchone()[0] != batch.before:
                return False
            cursor.executemany(WRITES["usage"], batch.usage)
            cursor.executemany(WRITES["flow"], batch.flow)
            cursor.executemany(WRITES["basis"], [(*key, *basis) for key, basis in batch.bases.items()])
            cursor.executemany(WRITES["followed"], [(*key, upto) for key, upto in batch.followed.items()])
            cursor.execute(MOVE_MARK, (batch.after,))
            cursor.execute("COMMIT")
        return True

    def discard(self, must_stop: Stop, *, anew: bool = True) -> bool:
        """See `rollup.RollupBook`."""
        with self.connections.writing() as cursor:
            cursor.execute(ADD_MARK)
            mark = cursor.execute(MARK).fetchone()[0]
            if anew:
                cursor.execute(MOVE_MARK, (UNUSABLE,))
            cursor.execute("COMMIT")
        if not anew and mark != UNUSABLE:
            return True
        for table in TO_DISCARD:
            gone = 1
            while gone:
                if must_stop():
                    return False
                with self.connections.writing() as cursor:
                    if cursor.execute(MARK).fetchone()[0] != UNUSABLE:
                        return True  # somebody else got to the end, and there may be rows that count again
                    gone = cursor.execute(write_discard(table)).rowcount
                    cursor.execute("COMMIT")
        with self.connections.writing() as cursor:
            if cursor.execute(MARK).fetchone()[0] == UNUSABLE:
                cursor.execute(MOVE_MARK, (0,))
            cursor.execute("COMMIT")
        return True
