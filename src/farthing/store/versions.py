"""Which schemas this release knows. Alembic reads its own revisions; this is for those who only open a database."""

from typing import Final

PREFIX: Final = "farthing_"
"""How the name of every table begins."""

SCHEMAS: Final = ("0001",)
"""Every schema that a release has had, oldest first; the last is this release's."""

VERSION_TABLE: Final = PREFIX + "version"
"""Where Alembic keeps the schema that a database has."""
