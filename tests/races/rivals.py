"""What the races on PostgreSQL look up behind everybody's back, as the server's superuser."""

import psycopg

from tests.postgres.databases import Database
from tests.races.gates import wait_until

OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


def ask(connection: psycopg.Connection, text: str) -> int:
    """The one number that is the answer."""
    row = connection.execute(text).fetchone()
    assert row is not None
    return int(row[0])


def count_deadlocks(database: Database) -> int:
    """How many the server has ended there. Everybody must have closed: a session tells of its own when it ends."""
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        wait_until(lambda: ask(connection, OTHERS) == 0)
        return ask(connection, DEADLOCKS)
