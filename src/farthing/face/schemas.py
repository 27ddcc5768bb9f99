"""A database brought to this release's schema, for the command line and for deploy scripts."""

from typing import NamedTuple

from farthing.core.entries import Seal
from farthing.face.opening import find_place, read_chain_key
from farthing.store.versions import SCHEMAS


class Migration(NamedTuple):
    """What `migrate` did: nothing, where `before` and `after` are the same."""

    url: str
    before: str
    after: str


def migrate(url: str, *, chain_key: str | bytes | None = None) -> Migration:
    """Bring the database at `url` to this release's schema, all of it or nothing.

    Raises `UrlInvalid`, `DatabaseMissing`, `DatabaseUnreadable`, `DatabaseForeign`, `UpgradeFirst`, `ChainKeyWrong`.
    """
    if find_place(url) is None:
        return Migration(url, SCHEMAS[-1], SCHEMAS[-1])
    from farthing.store.sqlite_migration import migrate_sqlite

    path, before, after = migrate_sqlite(url, Seal(read_chain_key(chain_key)))
    return Migration(f"sqlite:///{path}", before, after)
