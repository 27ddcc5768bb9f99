"""What the tests of the PostgreSQL store share: a prepared database with books open in it, and SQL behind its back."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg

from farthing.store.postgres import PostgresStore, open_postgres
from farthing.values.amounts import Unit
from tests.postgres.databases import APP, Database, open_prepared

CREDITS, GENERATIONS = Unit(1, "credits"), Unit(2, "generations", 0, 0)


@contextmanager
def open_host() -> Iterator[Database]:
    """A database with our tables, and a table of the app's own."""
    with open_prepared() as database:
        run_sql(database, "CREATE TABLE photo (title text)", f"GRANT SELECT, INSERT ON photo TO {APP}")
        yield database


@contextmanager
def open_store(database: Database) -> Iterator[PostgresStore]:
    """The store in this database, as the app's role, with two units."""
    with closing(open_postgres(database.app_url, create=True)) as store:
        store.add_units([CREDITS, GENERATIONS])
        yield store


def run_sql(database: Database, *statements: str) -> list[Any]:
    """Run statements as the owner, on a connection that knows nothing of Farthing; what the last one gave."""
    with psycopg.connect(database.owner_url) as connection:
        cursors = [connection.execute(statement) for statement in statements]
        return cursors[-1].fetchall() if cursors[-1].description else []
