"""What a ledger says of prices: quotes, the list of costs, and the catalog that they come from."""

from dataclasses import dataclass
from typing import Any, Unpack

from farthing.documents.diffs import Diff
from farthing.engine.engine import Engine
from farthing.face.catalogs import CatalogVersion, Source, read_document, show_version
from farthing.face.desk import Desk
from farthing.face.options import Name, Said
from farthing.face.prices import PriceQuote, quote_work
from farthing.face.verbs import threaded
from farthing.service.catalogs import check_catalog, publish_catalog
from farthing.tariff.describing import describe_feature


@dataclass(frozen=True, slots=True)
class FeatureCost:
    """What a feature costs in one unit, for people."""

    feature: str
    title: str
    model: str | None
    """The pattern of the models that it is for; None for all."""
    unit: str
    text: str
    """5 credits per image."""

    def json(self) -> dict[str, Any]:
        """The same for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


class Pricing:
    """The part of a ledger that speaks of prices."""

    desk: Desk
    engine: Engine

    def quote(self, account: Name, feature: str, **said: Unpack[Said]) -> PriceQuote:
        """What work would cost the account now, with its working; nothing is charged.

        `quantity` ("8s", 300, "2 min") or `usage` as for `charge`. Raises `CatalogMissing`, `FeatureUnknown`,
        `UnknownPrice`, `PriceLater`, `QuantityInvalid`.
        """
        return quote_work(self.desk, account, feature, said)

    aquote = threaded(quote)

    def costs(self) -> list[FeatureCost]:
        """Every feature with what it costs, as people read it. Raises `CatalogMissing`."""
        catalog = self.desk.catalogs.get_current().catalog
        return [
            FeatureCost(row.feature, row.title, row.model or None, row.unit, row.text)
            for feature in catalog.features.values()
            for row in describe_feature(catalog, feature)
        ]

    acosts = threaded(costs)

    def catalog(self, version: int | None = None) -> CatalogVersion | None:
        """The catalog that holds now, None if there is none; or the one that an entry names by its version."""
        catalogs = self.desk.catalogs
        published = catalogs.refresh() if version is None else catalogs.get(version)
        return None if published is None else show_version(published)

    def check_catalog(self, file: Source) -> Diff:
        """How a file differs from the catalog that holds now, and what speaks against publishing it. Nothing is
        written. Raises `CatalogInvalid`, with every mistake in it."""
        return check_catalog(self.engine, self.desk.catalogs, read_document(file))[1]

    def apply_catalog(self, file: Source) -> tuple[CatalogVersion, Diff]:
        """Publish a file: it is the book's catalog from now on, in every process within seconds. The same again changes
        nothing. Raises `CatalogInvalid`."""
        published, diff = publish_catalog(self.engine, self.desk.catalogs, read_document(file))
        self.desk.refresh_units()
        return show_version(published), diff
