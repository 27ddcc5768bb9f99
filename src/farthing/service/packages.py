"""Packages of credits, bought: what was paid for and what comes on top are granted in one step.

A package that may be had once is granted under a key of its own that names the first purchase, so that a second one
finds it taken, in whatever process and however much later.
"""

from difflib import get_close_matches
from typing import Final

from farthing.documents.scalars import show_money
from farthing.engine.engine import Engine
from farthing.engine.tickets import Outcome
from farthing.engine.within import refuse_inside
from farthing.engine.zones import find_zone
from farthing.service.catalogs import Catalogs
from farthing.service.subscriptions import Asked, find_account_zone, find_replay, refuse_too_little
from farthing.tariff.catalog import Catalog, Money, Package
from farthing.tariff.errors import PackageNotFound
from farthing.tariff.plans import move_by
from farthing.values.amounts import Unit
from farthing.values.errors import AlreadyRedeemed, Invalid, KeyReused, Refused, TermInvalid
from farthing.values.requests import ANY_PERIOD, Grant
from farthing.values.standing_requests import Together

PURCHASE: Final = "purchase"
BONUS: Final = "bonus"
ONCE: Final = "farthing:package:"


def get_package(catalog: Catalog, name: str) -> Package:
    """A package of the catalog. Raises `PackageNotFound`, naming the nearest, or all."""
    package = catalog.packages.get(name)
    if package is None:
        near = get_close_matches(name, catalog.packages, n=1, cutoff=0.5)
        known = ", ".join(catalog.packages)
        advice = f"did you mean {near[0]}?" if near else f"choose one of {known}" if known else "it has no packages"
        raise PackageNotFound(package=name, advice=advice)
    return package


def check_price(package: Package, paid: Money) -> None:
    """Raises `TermInvalid` for a currency without a price, `AmountInvalid` for less than the price."""
    price = next((each for each in package.prices if each.currency == paid.currency), None)
    if price is not None:
        refuse_too_little(paid, price.minor)
    elif package.prices:
        known = ", ".join(show_money(each, Unit(0, "", 0, 0)) for each in package.prices)
        advice = f"{package.name} costs {known}"
        problem = "is not the currency of any of its prices"
        raise TermInvalid(what="paid", given=paid.currency, problem=problem, advice=advice)


def buy_package(engine: Engine, catalogs: Catalogs, asked: Asked, name: str, paid: Money | None) -> Outcome:
    """Grant a package. Raises `PackageNotFound`, `AlreadyRedeemed` (it may be had once), `AmountInvalid`,
    `TermInvalid`, `CatalogMissing`, `KeyReused`, `AccountClosed` …"""
    refuse_inside(engine.store, Grant(key=asked.key, account=asked.account, amounts=()))
    published = catalogs.get_current()
    try:
        package = get_package(published.catalog, name)
        if paid is not None:
            check_price(package, paid)
    except (Refused, Invalid) as no:
        return find_replay(engine, asked, no)
    key, said = asked.key, asked.said
    if package.is_once:
        key, said = ONCE + package.name, ("once", asked.key, *asked.said)
    request = Together(
        key=key,
        account=asked.account,
        said=said,
        requests=tuple(write_grants(engine, published.catalog, asked.account, package, paid)),
        about=asked.about,
        note=asked.note,
        effective_at=asked.effective_at,
        catalog_version=published.version,
    )
    try:
        return engine.run(request)._replace(key=asked.key)
    except KeyReused:
        if not package.is_once:
            raise
        raise AlreadyRedeemed(account=asked.account, campaign=package.name, most=1) from None


def write_grants(engine: Engine, catalog: Catalog, name: str, package: Package, paid: Money | None) -> list[Grant]:
    """What was bought, and its bonus, which ends when that does."""
    store, account = engine.store, engine.store.find_account(name)
    zone = catalog.zone if account is None else find_account_zone(account, catalog)
    at = engine.clock.now() if account is None else account.clock or engine.clock.now()
    ends_at = None if package.lasts is None else move_by(package.lasts, at, zone, find_zone)
    units = store.units()
    unit = units[package.unit or next(iter(catalog.units))].unit_id
    bought = Grant(
        key="", account=name, amounts=((unit, package.amount),), source=store.intern_name(PURCHASE),
        expires_at=ends_at, extends=package.is_extending,
        cost_minor=paid.minor if paid else 0, currency=store.intern_name(paid.currency) if paid else 0,
    )  # fmt: skip
    if not package.bonus:
        return [bought]
    ends_with_period = ends_at is None and catalog.bonus_ends == "period"
    bonus = Grant(
        key="", account=name, amounts=((unit, package.bonus),), source=store.intern_name(BONUS), promotional=True,
        expires_at=ends_at, until_turn=ANY_PERIOD if ends_with_period else "",
    )  # fmt: skip
    return [bought, bonus]
