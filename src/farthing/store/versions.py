"""Which schemas this release knows. Alembic reads its own revisions; this is for those who only open a database."""

from enum import Enum
from typing import Final

PREFIX: Final = "farthing_"
"""How the name of every table begins."""

SCHEMAS: Final = ("0001", "0002", "0003")
"""Every schema that a release has had, oldest first; the last is this release's."""

MIGRATION_LOCK: Final = 0x66617274_68696E67
"""The advisory lock under which a PostgreSQL database is migrated, and rights are granted: two deploys take turns."""

VERSION_TABLE: Final = PREFIX + "version"
"""Where Alembic keeps the schema that a database has."""


class Standing(Enum):
    """How a database's schema stands to a release."""

    OLD = "old"
    """A release before this one made it: it must be migrated."""
    FITS = "fits"
    """This release's, or the next one's: each revision leaves the release before it running, so that servers can be
    replaced one after the other while the database is new already."""
    UNKNOWN = "unknown"
    """From further ahead, or none of Farthing's."""


def judge_schema(found: str, known: tuple[str, ...] = SCHEMAS) -> Standing:
    """The one rule for every database: code N runs on schema N and on N+1."""
    if found == known[-1] or found == f"{int(known[-1]) + 1:04}":
        return Standing.FITS
    return Standing.OLD if found in known else Standing.UNKNOWN
