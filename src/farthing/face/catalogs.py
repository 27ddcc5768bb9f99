"""The catalog of an open ledger: what it was opened with, what holds now, publishing another."""

from dataclasses import dataclass
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import Final

from farthing.documents.reading import read_catalog
from farthing.engine.engine import Engine
from farthing.engine.zones import find_zone
from farthing.service.catalogs import Catalogs, Published, publish_catalog
from farthing.tariff.catalog import Catalog
from farthing.tariff.errors import CatalogUnknown
from farthing.values.errors import TermInvalid, show_given

SHIPPED: Final = ("textvault", "studio", "business", "vibe", "tokens")
"""The catalogs that come with Farthing, one for each system of its mission, to start from."""

Source = str | PathLike[str]
"""A TOML file."""


@dataclass(frozen=True, slots=True)
class CatalogVersion:
    """A published catalog, and the number by which entries name it."""

    version: int
    name: str
    catalog: Catalog
    document: str

    def __repr__(self) -> str:
        return f"<catalog {self.name}, version {self.version}>"


def read_document(source: object) -> str:
    """The text of a catalog's file. Raises `TermInvalid` for what cannot be read."""
    if not isinstance(source, str | PathLike):
        advice = "write the path of a TOML file"
        raise TermInvalid(what="catalog", given=show_given(source), problem="is no file", advice=advice)
    path = Path(source)
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        problem = getattr(error, "strerror", None) or "is not UTF-8 text"
        advice = "`farthing init --catalog studio` writes one to start from"
        raise TermInvalid(what="catalog", given=str(path.absolute()), problem=problem.lower(), advice=advice) from None


def read_shipped(name: str) -> str:
    """The text of a catalog that comes with Farthing. Raises `TermInvalid`, which lists them."""
    if name not in SHIPPED:
        advice = f"choose {', '.join(SHIPPED)}"
        raise TermInvalid(what="catalog", given=show_given(name), problem="does not come with Farthing", advice=advice)
    return (files("farthing.documents") / "shipped" / f"{name}.toml").read_text(encoding="utf-8")


def write_shipped(name: str) -> Path:
    """Put a catalog that comes with Farthing beside the caller, never over a file that is there."""
    document, path = read_shipped(name), Path(f"{name}.toml")
    if path.exists():
        if path.read_text(encoding="utf-8") != document:
            advice = "rename it, or publish it with `farthing catalog apply`"
            raise TermInvalid(what="catalog", given=name, problem=f"would overwrite {path}", advice=advice)
        return path
    path.write_text(document, encoding="utf-8")
    return path


def use_document(engine: Engine, catalogs: Catalogs, document: str, *, publishes: bool) -> None:
    """Open with a catalog: published at once where one process owns the database, else known to it already."""
    if publishes:
        publish_catalog(engine, catalogs, document)
        return
    fresh = read_catalog(document, find_zone)
    if not catalogs.knows(document):
        raise CatalogUnknown(name=fresh.name)


def show_version(published: Published) -> CatalogVersion:
    """A published catalog as people see it."""
    return CatalogVersion(published.version, published.catalog.name, published.catalog, published.document)
