"""Brings a database to this release's schema, by Alembic, in one transaction: all of it or nothing. Imports Alembic.

Nothing here decides whether that may be done; who opens the database does, and keeps others out meanwhile.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from farthing.store.versions import MIGRATION_LOCK, SCHEMAS, VERSION_TABLE

if TYPE_CHECKING:
    import psycopg

STRICT_VERSION_TABLE = f"CREATE TABLE IF NOT EXISTS {VERSION_TABLE} (version_num TEXT NOT NULL PRIMARY KEY) STRICT"

ALEMBIC: Final = threading.Lock()
"""Alembic keeps its context in module-level state: one migration at a time in a process."""

LONGEST_DDL_WAIT: Final = "1s"
"""How long a revision waits for a table that others use. Whoever comes after it in that queue waits as long."""


def upgrade_sqlite(
    connection: sqlite3.Connection, finish: Callable[[sqlite3.Connection], None], *, to: str = SCHEMAS[-1]
) -> None:
    """Bring a SQLite database to a schema, and let `finish` write what belongs in it, all in one transaction."""
    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool, pool_reset_on_return=None)
    # SQLAlchemy rolls back when it first connects and when it closes: the transaction lives between the two.
    with engine.connect() as joined:
        joined.exec_driver_sql("BEGIN IMMEDIATE")
        # Alembic would make its table without STRICT.
        joined.exec_driver_sql(STRICT_VERSION_TABLE)
        run_revisions(joined, to)
        if not connection.in_transaction:
            raise RuntimeError("a revision ended the transaction that it ran in")
        finish(connection)
        joined.commit()


def upgrade_postgres(
    connection: "psycopg.Connection[Any]", finish: Callable[["psycopg.Connection[Any]"], None], *, to: str = SCHEMAS[-1]
) -> None:
    """The same for PostgreSQL, on a connection each statement of which commits by itself. Raises psycopg's errors."""
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: connection, poolclass=StaticPool, pool_reset_on_return=None
    )
    with telling_the_drivers(), engine.connect() as joined:
        joined.exec_driver_sql("BEGIN")
        joined.exec_driver_sql("SET LOCAL statement_timeout = 0")
        joined.exec_driver_sql("SET LOCAL lock_timeout = 0")
        joined.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
        joined.exec_driver_sql(f"SET LOCAL lock_timeout = '{LONGEST_DDL_WAIT}'")
        joined.exec_driver_sql("SET LOCAL synchronous_commit = 'on'")
        if not is_done(connection, to):
            run_revisions(joined, to)
        finish(connection)
        joined.commit()


@contextmanager
def telling_the_drivers() -> Iterator[None]:
    """Let the driver's own error out of SQLAlchemy's."""
    try:
        yield
    except DBAPIError as error:
        if error.orig is None:
            raise
        raise error.orig from None


def is_done(connection: "psycopg.Connection[Any]", to: str) -> bool:
    """Whether somebody else has brought a PostgreSQL database this far already, or further."""
    named = connection.execute("SELECT to_regclass(%s)::text", (VERSION_TABLE,)).fetchone()
    if named is None or named[0] is None:
        return False
    found = connection.execute(f"SELECT max(version_num) FROM {VERSION_TABLE}").fetchone()
    return found is not None and found[0] is not None and found[0] >= to


def run_revisions(connection: Connection, to: str) -> None:
    """Run every revision up to `to` that the database has not had yet."""
    with ALEMBIC:
        command.upgrade(make_config(connection), to)


def make_config(connection: Connection) -> Config:
    """Where Alembic finds the revisions, and the connection that `migrations/env.py` takes."""
    config = Config()
    config.set_main_option("script_location", "farthing.store:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
