"""Brings a database to this release's schema, by Alembic, in one transaction: all of it or nothing. Imports Alembic.

Nothing here decides whether that may be done; who opens the database does, and keeps others out meanwhile.
"""

import sqlite3
from collections.abc import Callable

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import StaticPool

from farthing.store.versions import SCHEMAS, VERSION_TABLE

STRICT_VERSION_TABLE = f"CREATE TABLE IF NOT EXISTS {VERSION_TABLE} (version_num TEXT NOT NULL PRIMARY KEY) STRICT"


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


def run_revisions(connection: Connection, to: str) -> None:
    """Run every revision up to `to` that the database has not had yet."""
    config = Config()
    config.set_main_option("script_location", "farthing.store:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, to)
