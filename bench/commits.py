"""What one commit costs here, with the same durability as ours: the floor for a lone charge."""

import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from bench.rows import Plan, Row, make_row, time_each
from bench.servers import get_server
from tests.postgres.databases import open_database

COMMITS = 300


def bench_commits(plan: Plan) -> Iterator[Row]:
    for store in plan.list_stores("sqlite", "postgres"):
        yield make_row("bare commit of one row", store, 1 / time_bare_commit(store))
    if plan.list_stores("sqlite"):
        yield make_row("guarded update + insert, own commit", "sqlite", 1 / time_guarded_update())


def time_bare_commit(store: str) -> float:
    """Seconds for one durable commit that changes one row: the median of many."""
    with open_bare_postgres() if store == "postgres" else open_bare_sqlite() as execute:
        return time_each(
            COMMITS, lambda number: execute(f"UPDATE account SET balance = balance - 5 WHERE id = {number}")
        )


@contextmanager
def open_bare_sqlite() -> Iterator[Callable[[str], object]]:
    """Runs one statement and commits it: plain SQLite with the same durability, an account table and a ledger table."""
    with tempfile.TemporaryDirectory(prefix="farthing-bench-") as folder:
        bare = sqlite3.connect(Path(folder) / "bare.db", isolation_level=None)
        bare.executescript(
            "pragma journal_mode = wal; pragma synchronous = full;"
            "create table account (id integer primary key, balance integer not null);"
            "create table line (id integer primary key, account integer, amount integer, key text unique);"
        )
        bare.executemany("insert into account values (?, 1000000000)", [(number,) for number in range(10_000)])
        yield bare.execute
        bare.close()


@contextmanager
def open_bare_postgres() -> Iterator[Callable[[str], object]]:
    """The same with psycopg on an open connection."""
    with open_database(get_server()) as database, psycopg.connect(database.superuser_url, autocommit=True) as bare:
        bare.execute("CREATE TABLE account (id bigint PRIMARY KEY, balance bigint NOT NULL)")
        bare.execute("INSERT INTO account SELECT number, 1000000000 FROM generate_series(0, 9999) number")
        yield lambda statement: bare.execute(statement.encode())


def time_guarded_update() -> float:
    """Seconds for what people write by hand: a guarded update and a ledger line with its key, in one commit."""
    with open_bare_sqlite() as execute:

        def charge(number: int) -> None:
            execute("begin immediate")
            execute(f"update account set balance = balance - 5 where id = {number} and balance >= 5")
            execute(f"insert into line (account, amount, key) values ({number}, 5, 'key {number}')")
            execute("commit")

        return time_each(COMMITS, charge)
