"""Published catalogs of one book: checked, told apart from the current one, published, and kept by version.

The database holds the versions and says which is current; a process looks again after `FRESH` seconds.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from farthing.documents.diffs import Diff, Used, compare_catalogs
from farthing.documents.reading import digest_document, read_catalog
from farthing.engine.engine import Engine
from farthing.engine.zones import find_zone
from farthing.store.contract import Store
from farthing.tariff.catalog import Catalog, Feature
from farthing.tariff.errors import CatalogInvalid, CatalogMissing
from farthing.tariff.quantities import list_prices
from farthing.values.amounts import Unit

FRESH: Final = 5.0
"""Seconds for which a process goes by the version that it saw last. What it publishes itself it sees at once."""


MOST_EARLIER: Final = 20
"""How many versions are looked at for what a call cost that has no price any more."""


@dataclass(frozen=True, slots=True)
class Published:
    """A catalog under the number by which entries name it."""

    version: int
    catalog: Catalog
    document: str


class Catalogs:
    """The catalogs of one book, each read once. Safe to share between threads: what is kept never changes."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.versions: dict[int, Published] = {}
        self.seen: tuple[float, Published | None] | None = None
        self.has_memory = False
        """Whether a price of any version that was read goes by what came before: over a period, or carried."""

    def find_current(self) -> Published | None:
        """The catalog that holds now; None where none was ever published."""
        seen = self.seen
        if seen is not None and time.monotonic() - seen[0] < FRESH:
            return seen[1]
        return self.refresh()

    def refresh(self) -> Published | None:
        """Look which one holds now."""
        stored = self.store.read_catalog()
        current = None if stored is None else self.keep(stored.version, stored.document)
        self.seen = (time.monotonic(), current)
        return current

    def get_current(self) -> Published:
        """The same, or `CatalogMissing`."""
        current = self.find_current()
        if current is None:
            raise CatalogMissing()
        return current

    def get(self, version: int) -> Published:
        """A version that an entry names. Raises `CatalogMissing`."""
        known = self.versions.get(version)
        if known is None:
            stored = self.store.read_catalog(version)
            if stored is None:
                raise CatalogMissing()
            known = self.keep(version, stored.document)
        return known

    def list_earlier(self) -> Iterator[Published]:
        """The last versions that were published, newest first; the current one among them."""
        versions = sorted((stored.version for stored in self.store.list_catalogs()), reverse=True)
        for version in versions[:MOST_EARLIER]:
            yield self.get(version)

    def find_at(self, moment: int) -> Published | None:
        """The version that had been published last at an instant; None before the first."""
        known = [stored for stored in self.store.list_catalogs() if stored.published_at <= moment]
        return self.get(max(known, key=lambda stored: stored.version).version) if known else None

    def keep(self, version: int, document: str) -> Published:
        """Read a stored document, once."""
        known = self.versions.get(version)
        if known is None:
            catalog = read_catalog(document, find_zone)
            self.has_memory = self.has_memory or any(map(remembers, catalog.features.values()))
            known = self.versions[version] = Published(version, catalog, document)
        return known

    def knows(self, document: str) -> bool:
        """Whether this very catalog was published, whatever its comments are."""
        digest = digest_document(document)
        return any(stored.digest == digest for stored in self.store.list_catalogs())


def remembers(feature: Feature) -> bool:
    """Whether any of its prices goes by what came before."""
    return any(price.is_carried or getattr(price, "over", "request") == "period" for price in list_prices(feature))


def check_catalog(engine: Engine, catalogs: Catalogs, document: str) -> tuple[Catalog, Diff]:
    """A document as a catalog, and how it differs from the current one. Raises `CatalogInvalid`, with every mistake."""
    fresh = read_catalog(document, find_zone)
    current = catalogs.refresh()
    before = None if current is None else current.catalog
    return fresh, compare_catalogs(before, fresh, find_used(engine.store))


def find_used(store: Store) -> Used:
    """What of a catalog the book uses already."""
    return Used(units=store.units(), subscribers=store.count_subscribers())


def publish_catalog(engine: Engine, catalogs: Catalogs, document: str) -> tuple[Published, Diff]:
    """Make a document the current catalog. The same one again changes nothing, an older one is current again.

    Its units are added to the book first. Raises `CatalogInvalid` for mistakes, and for what cannot change any more (a
    unit's scale, a plan that has subscribers).
    """
    fresh, diff = check_catalog(engine, catalogs, document)
    if diff.refusals:
        raise CatalogInvalid(problems=tuple(diff.refusals))
    engine.store.add_units(list_units(fresh.units))
    version = engine.store.publish_catalog(digest_document(document), document, engine.clock.now())
    published = catalogs.keep(version, document)
    catalogs.seen = (time.monotonic(), published)
    return published, diff


def list_units(units: Mapping[str, Unit]) -> list[Unit]:
    """Units as the store takes them; it allots their numbers."""
    return [unit._replace(unit_id=0) for unit in units.values()]
