"""Brings a PostgreSQL database to this release's schema when an operator asks, and gives the app's role what it needs.

Whoever runs this owns the tables; the app's role owns nothing. Servers of the release before may be at work meanwhile:
a revision waits for tables for a second at most, lets the servers through, and tries again.
"""

import time
from collections.abc import Callable
from contextlib import closing
from typing import Any, Final

import psycopg
from psycopg import sql

from farthing.store.faults import Busy, DatabaseForeign, DatabaseUnreadable, UpgradeFirst
from farthing.store.postgres_connections import LONGEST_QUERY_SECONDS, BoundedConnection, connect
from farthing.store.postgres_errors import saying_plainly
from farthing.store.postgres_opening import check_seal, fetch_value, find_schema
from farthing.store.postgres_places import Place, read_postgres_url
from farthing.store.versions import MIGRATION_LOCK, PREFIX, SCHEMAS, VERSION_TABLE, Standing, judge_schema
from farthing.values.entries import Seal
from farthing.values.errors import TermInvalid, show_given

LONGEST_TRY_SECONDS: Final = 60
"""How long a migration tries to get at tables that are in use."""

PAUSE_SECONDS: Final = 1.0
"""Between two tries."""

BUILD_LOCK: Final = MIGRATION_LOCK + 2
"""The advisory lock of who builds an index. Nobody waits in a statement for it: the build would wait for that."""

BUILT_BEFORE: Final = {
    f"{PREFIX}entry_alert": f"{PREFIX}entry (account_id, position) WHERE kind = 50 OR kind = 51",
}
"""Indexes on a table that may be long, which are built while servers write, before the revision that has them."""

READ: Final = ("meta", "version", "account_alias")
"""Tables of which the app only reads rows: the owner writes them, or a later release."""

APPENDED: Final = (
    "book", "unit", "account", "wallet", "lot", "hold", "debt", "allowance", "budget", "tally", "entry", "note", "name",
    "subscription", "catalog", "claim",
)  # fmt: skip
CHANGED: Final = {
    "book": ("catalog",),
    "unit": ("digits",),
    "account": ("state", "zone", "clock"),
    "wallet": (),
    "lot": (),
    "hold": (),
    "debt": (),
    "allowance": (),
    "budget": (),
    "tally": (),
    "note": ("salt", "body"),
    "subscription": ("ended_at",),
    "claim": ("finished_at",),
}
"""Tables of which rows change, and which columns: all where none are named."""

DERIVED: Final = ("rollup_mark", "rollup_usage", "rollup_flow", "rollup_basis", "rollup_followed")
"""Tables that the app may empty too: all that is in them can be made again from entries."""

NUMBERED: Final = (("account", "account_id"), ("entry", "position"), ("claim", "claim_id"))


def migrate_postgres(url: str, seal: Seal, app_role: str | None = None) -> tuple[str, str, str]:
    """The database's address, the schema that it had, and the one that it has now. Books are not looked at.

    All of it is done or nothing. Raises `UrlInvalid`, `DatabaseAway`, `DatabaseUnreadable`, `DatabaseForeign`,
    `UpgradeFirst`, `ChainKeyWrong`, `Busy`, and `TermInvalid` for a role that cannot be the app's.
    """
    place = read_postgres_url(url)
    with saying_plainly(place), closing(connect(place)) as connection:
        connection.longest_silence = LONGEST_QUERY_SECONDS
        before = find_schema(connection, place)
        if before is None:
            raise DatabaseForeign(path=place.shown)
        standing = judge_schema(before)
        if standing is Standing.UNKNOWN:
            raise UpgradeFirst(path=place.shown, found=f"schema {before}")
        check_seal(connection, place, seal)
        if app_role is not None:
            refuse_role(connection, app_role)
        if standing is Standing.OLD:
            refuse_other_owner(connection, place)
            build_indexes(connection)
            try_for_a_while(place, lambda: upgrade(connection))
        if app_role is not None:
            grant_role(connection, place, app_role)
    return place.shown, before, before if standing is Standing.FITS else SCHEMAS[-1]


def build_indexes(connection: BoundedConnection) -> None:
    """Build what takes long without keeping anybody out; what was broken off before is built anew."""
    schema = sql.Identifier(fetch_value(connection, SCHEMA_OF_OURS, VERSION_TABLE))
    connection.execute("SET statement_timeout = 0")
    connection.execute("SET lock_timeout = 0")
    while not fetch_value(connection, "SELECT pg_try_advisory_lock(%s)", BUILD_LOCK):
        time.sleep(PAUSE_SECONDS)
    try:
        for name, made_of in BUILT_BEFORE.items():
            index = sql.SQL("{}.{}").format(schema, sql.Identifier(name))
            is_valid = fetch_value(connection, IS_VALID, VERSION_TABLE, name)
            if is_valid is False:
                connection.execute(sql.SQL("DROP INDEX CONCURRENTLY {}").format(index))
            if not is_valid:
                building = sql.SQL("CREATE INDEX CONCURRENTLY {} ON {}." + made_of)
                connection.execute(building.format(sql.Identifier(name), schema))
    finally:
        connection.execute("SELECT pg_advisory_unlock(%s)", (BUILD_LOCK,))


def upgrade(connection: BoundedConnection) -> None:
    """Run what is missing. Others may have done so while this waited for its turn; then there is nothing to do."""
    from farthing.store.migrate import upgrade_postgres

    upgrade_postgres(connection, lambda _: None)


def try_for_a_while(place: Place, work: Callable[[], None]) -> None:
    """Do it again while tables are in use. Raises `Busy`."""
    deadline = time.monotonic() + LONGEST_TRY_SECONDS
    while True:
        try:
            return work()
        except psycopg.errors.LockNotAvailable:
            if time.monotonic() > deadline:
                what = f"a table of {place.shown} that the migration changes"
                raise Busy(what=what, seconds=LONGEST_TRY_SECONDS) from None
        time.sleep(PAUSE_SECONDS)


def grant_app_role(url: str, role: str) -> None:
    """Give the app's role what it needs on tables that are there. Raises as `migrate_postgres` does."""
    place = read_postgres_url(url)
    with saying_plainly(place), closing(connect(place)) as connection:
        refuse_role(connection, role)
        grant_role(connection, place, role)


def check_app_role(url: str, role: str) -> None:
    """Raises `TermInvalid` for a role that cannot be the app's, whether there are tables or not."""
    place = read_postgres_url(url)
    with saying_plainly(place), closing(connect(place)) as connection:
        refuse_role(connection, role)


def refuse_role(connection: psycopg.Connection[Any], role: str) -> None:
    """Raises `TermInvalid` for a role that is not there, or that rights do not bind."""
    row = connection.execute(
        "SELECT rolsuper, pg_has_role(oid, (SELECT relowner FROM pg_class WHERE oid = to_regclass(%s)), 'USAGE')"
        " FROM pg_roles WHERE rolname = %s",
        (VERSION_TABLE, role),
    ).fetchone()
    given = show_given(role)
    if row is None:
        advice = "make it first, with CREATE ROLE"
        raise TermInvalid(what="the app's role", given=given, problem="is not there", advice=advice)
    if row[0]:
        advice = "name one that the app alone logs in as"
        raise TermInvalid(what="the app's role", given=given, problem="is a superuser, who may all", advice=advice)
    if row[1]:
        problem, advice = "owns the tables, or is a member of who does", "name one that owns nothing"
        raise TermInvalid(what="the app's role", given=given, problem=problem, advice=advice)


def refuse_other_owner(connection: psycopg.Connection[Any], place: Place) -> None:
    """Raises `DatabaseUnreadable` unless this role may change the tables."""
    owner = "SELECT pg_has_role((SELECT relowner FROM pg_class WHERE oid = to_regclass(%s)), 'USAGE')"
    if not fetch_value(connection, owner, VERSION_TABLE):
        problem = "this role does not own the tables: run `farthing migrate` as the one that does"
        raise DatabaseUnreadable(path=place.shown, problem=problem)


def grant_role(connection: psycopg.Connection[Any], place: Place, role: str) -> None:
    """Give a role what an app needs, and take from it whatever else it was given on our tables; all or nothing."""
    refuse_other_owner(connection, place)
    named = sql.Identifier(role)
    schema = sql.Identifier(fetch_value(connection, SCHEMA_OF_OURS, VERSION_TABLE))

    def of_ours(name: str) -> sql.Composed:
        return sql.SQL("{}.{}").format(schema, sql.Identifier(PREFIX + name))

    connection.execute("BEGIN")
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (MIGRATION_LOCK,))
    connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(schema, named))
    for table in (*READ, *APPENDED):
        connection.execute(sql.SQL("REVOKE ALL ON {} FROM {}").format(of_ours(table), named))
        connection.execute(sql.SQL("GRANT SELECT ON {} TO {}").format(of_ours(table), named))
    for table in APPENDED:
        connection.execute(sql.SQL("GRANT INSERT ON {} TO {}").format(of_ours(table), named))
    for table, columns in CHANGED.items():
        some = sql.SQL("({})").format(sql.SQL(", ").join(map(sql.Identifier, columns))) if columns else sql.SQL("")
        connection.execute(sql.SQL("GRANT UPDATE {} ON {} TO {}").format(some, of_ours(table), named))
    for table in DERIVED:
        connection.execute(sql.SQL("REVOKE ALL ON {} FROM {}").format(of_ours(table), named))
        connection.execute(sql.SQL("GRANT SELECT, INSERT, UPDATE, DELETE ON {} TO {}").format(of_ours(table), named))
    for table, column in NUMBERED:
        sequence = of_ours(f"{table}_{column}_seq")
        connection.execute(sql.SQL("GRANT USAGE ON SEQUENCE {} TO {}").format(sequence, named))
    connection.execute("COMMIT")


SCHEMA_OF_OURS: Final = (
    "SELECT n.nspname FROM pg_class AS t JOIN pg_namespace AS n ON n.oid = t.relnamespace WHERE t.oid = to_regclass(%s)"
)

IS_VALID: Final = (
    "SELECT x.indisvalid FROM pg_class AS t JOIN pg_class AS i ON i.relnamespace = t.relnamespace"
    " JOIN pg_index AS x ON x.indexrelid = i.oid WHERE t.oid = to_regclass(%s) AND i.relname = %s"
)
