"""Brings a SQLite database to this release's schema when an operator asks, and says from which."""

import sqlite3
from contextlib import closing
from pathlib import Path

from farthing.store.faults import DatabaseForeign, UpgradeFirst
from farthing.store.sqlite_connections import refuse_torn_path
from farthing.store.sqlite_files import check_file, connect, read_sqlite_url, saying_plainly
from farthing.store.sqlite_opening import check_seal, find_schema, write_alone
from farthing.store.sqlite_work import make_cursor
from farthing.store.versions import SCHEMAS, Standing, judge_schema
from farthing.values.entries import Seal


def migrate_sqlite(url: str, seal: Seal) -> tuple[Path, str, str]:
    """The database's path, the schema that it had, and the one that it has now. Books are not looked at.

    All of it is done or nothing. Raises `UrlInvalid`, `DatabaseMissing`, `DatabaseUnreadable`, `DatabaseForeign`,
    `UpgradeFirst`, `ChainKeyWrong`, `Busy`.
    """
    path = read_sqlite_url(url)
    refuse_torn_path(path)
    check_file(path, create=False)
    with saying_plainly(path), closing(connect(path)) as connection:
        cursor = make_cursor(connection)
        before = find_schema(cursor, path)
        if before is None:
            raise DatabaseForeign(path=str(path))
        standing = judge_schema(before)
        if standing is Standing.UNKNOWN:
            raise UpgradeFirst(path=str(path), found=f"schema {before}")
        check_seal(cursor, path, seal)
    if standing is Standing.FITS:
        return path, before, before
    write_alone(path, upgrade)
    return path, before, SCHEMAS[-1]


def upgrade(connection: sqlite3.Connection) -> int:
    """Run what is missing. Others may have done so while this waited for its turn; then there is nothing to do."""
    from farthing.store.migrate import upgrade_sqlite

    upgrade_sqlite(connection, lambda _: None)
    return 0
