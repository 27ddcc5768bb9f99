"""A database brought to this release's schema, for the command line and for deploy scripts."""

from typing import NamedTuple

from farthing.face.opening import identify_database, is_on_server, read_chain_key
from farthing.store.versions import SCHEMAS
from farthing.values.entries import Seal
from farthing.values.errors import TermInvalid, show_given


class Migration(NamedTuple):
    """What `migrate` did: nothing, where `before` and `after` are the same."""

    url: str
    before: str
    after: str


def migrate(url: str, *, chain_key: str | bytes | None = None, app_role: str | None = None) -> Migration:
    """Bring the database at `url` to this release's schema, all of it or nothing.

    On PostgreSQL, `app_role` is the role that the app runs as: it is given what an app needs on the tables, no more.
    Raises `UrlInvalid`, `DatabaseMissing`, `DatabaseUnreadable`, `DatabaseAway`, `DatabaseForeign`, `UpgradeFirst`,
    `ChainKeyWrong`, `Busy`, `TermInvalid`.
    """
    identity = identify_database(url)
    refuse_needless_role(url, app_role)
    if identity is None:
        return Migration(url, SCHEMAS[-1], SCHEMAS[-1])
    if is_on_server(url):
        from farthing.store.postgres_migration import migrate_postgres

        return Migration(*migrate_postgres(url, Seal(read_chain_key(chain_key)), app_role))
    from farthing.store.sqlite_migration import migrate_sqlite

    path, before, after = migrate_sqlite(url, Seal(read_chain_key(chain_key)))
    return Migration(f"sqlite:///{path}", before, after)


def grant_app_role(url: str, role: str) -> None:
    """Give the app's role what it needs on tables that are there. Raises as `migrate` does."""
    identify_database(url)
    refuse_needless_role(url, role)
    from farthing.store import postgres_migration

    postgres_migration.grant_app_role(url, role)


def check_app_role(url: str, role: str) -> None:
    """Raises what `grant_app_role` would raise of this role, before there is any table."""
    identify_database(url)
    refuse_needless_role(url, role)
    from farthing.store import postgres_migration

    postgres_migration.check_app_role(url, role)


def refuse_needless_role(url: str, role: str | None) -> None:
    """Raises `TermInvalid` for a role where there are none."""
    if role is not None and not is_on_server(url):
        problem = "is for PostgreSQL, whose databases have roles"
        raise TermInvalid(what="the app's role", given=show_given(role), problem=problem, advice="leave it out")
