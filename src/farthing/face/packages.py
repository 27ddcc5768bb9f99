"""What a ledger says of packages: credits for sale, and buying them."""

from dataclasses import dataclass, fields
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Unpack

from farthing.engine.engine import Engine
from farthing.engine.tickets import Outcome
from farthing.face.desk import Desk
from farthing.face.options import Name, SaidOfRules
from farthing.face.plans import Price, show_price, show_span
from farthing.face.receipts import Receipt, read_receipt
from farthing.face.spelling import plain
from farthing.face.subscriptions import Paid, read_asked, read_money
from farthing.face.verbs import threaded
from farthing.service.packages import buy_package
from farthing.tariff.catalog import Catalog, Package
from farthing.values.amounts import to_decimal
from farthing.values.names import read_name
from farthing.values.requests import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageView:
    """Credits for sale, by the catalog that holds now."""

    name: str
    title: str
    unit: str
    amount: Decimal
    bonus: Decimal
    """Credits on top."""
    prices: tuple[Price, ...]
    lasts: str | None
    """How long they live: 6 months; None for ever."""
    extends: bool
    """Whether buying it moves the end of the whole balance."""
    once: bool
    """Whether an account may have it once only."""

    def json(self) -> dict[str, Any]:
        """The same for JSON."""
        return {each.name: plain(getattr(self, each.name)) for each in fields(self)}


class Buying:
    """The part of a ledger that speaks of packages."""

    if TYPE_CHECKING:
        desk: Desk
        engine: Engine

        def run(self, request: Request) -> Outcome: ...
        async def arun(self, request: Request) -> Outcome: ...
        def sees_open(self, hold: str, account: str) -> bool: ...
        def refuse_closed(self) -> None: ...

    def buy(
        self,
        account: Name,
        package: str,
        *,
        paid: Paid | None = None,
        reference: str | None = None,
        **said: Unpack[SaidOfRules],
    ) -> Receipt:
        """Give an account a package of the catalog: what was bought (source `purchase`) and what comes on top
        (`bonus`), as two grants in one step. Opens the account if need be.

        `paid=(3000, "GHS")` records the payment in minor units, with its `reference` at whoever took it; it is at least
        the price. Without it nothing was paid. Give the payment's own id as `key`, so that one that is told twice is
        granted once.
        Raises `PackageNotFound`, `AlreadyRedeemed` (it may be had once), `AmountInvalid` (paid less than the price),
        `TermInvalid` (another currency), `AccountClosed`, `KeyReused`, `CatalogMissing`.
        """
        self.refuse_closed()
        name = read_name(package, what="package")
        money = None if paid is None else read_money(self.desk, paid)
        asked = read_asked(self.desk, account, ("buy", name, money and tuple(money)), reference, said)
        return read_receipt(self, buy_package(self.engine, self.desk.catalogs, asked, name, money))

    abuy = threaded(buy)

    def packages(self) -> list[PackageView]:
        """Every package of the catalog that holds now. Raises `CatalogMissing`."""
        self.refuse_closed()
        catalog = self.desk.catalogs.get_current().catalog
        return [show_package(self.desk, catalog, package) for package in catalog.packages.values()]

    apackages = threaded(packages)


def show_package(desk: Desk, catalog: Catalog, package: Package) -> PackageView:
    """A package as people see it."""
    unit = desk.get_unit(package.unit or next(iter(catalog.units)))
    return PackageView(
        name=package.name,
        title=package.title or package.name,
        unit=unit.name,
        amount=to_decimal(package.amount, unit),
        bonus=to_decimal(package.bonus, unit),
        prices=tuple(show_price(money) for money in package.prices),
        lasts=show_span(package.lasts),
        extends=package.is_extending,
        once=package.is_once,
    )
