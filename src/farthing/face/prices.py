"""Prices of the catalog for verbs that name no amount: what a use costs becomes the amounts of a request, and a quote
shows the same without charging. One text for charge, record, hold and settle.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, NamedTuple, TypedDict

from farthing.core.meters import NO_BUDGET
from farthing.face.cadences import CADENCES
from farthing.face.desk import Desk
from farthing.face.options import COST, QUANTITY, Amount, Amounts, Said, read_amounts, read_fraction, read_parts
from farthing.face.usage import Usage, read_use
from farthing.service.catalogs import Published
from farthing.service.provider_prices import LISTED_IN, reckon_provider_cost
from farthing.tariff.catalog import Catalog, Feature
from farthing.tariff.errors import FeatureNotInPlan, FeatureUnknown, PriceLater, QuantityInvalid, UnknownPrice
from farthing.tariff.plans import find_plan
from farthing.tariff.prices import CostPlus, PerBlock, Price, Tiered, Tokens, TokensPerCredit, Use
from farthing.tariff.pricing import PeriodPrice, carry_price
from farthing.tariff.quantities import list_prices, read_quantity
from farthing.tariff.quotes import Charge, Quote, find_prices, find_unit, get_feature, is_free_model, quote_use
from farthing.tariff.quotes import find_model as find_pattern
from farthing.tariff.wording import show_fraction
from farthing.values.amounts import Unit, divide_half_up, to_decimal
from farthing.values.calendars import read_instant
from farthing.values.errors import AmountInvalid, Refused, TermInvalid, show_given
from farthing.values.names import NOTHING, name_number, read_account, read_name
from farthing.values.periods import Cadence
from farthing.values.requests import Amounts as Parts
from farthing.values.requests import Meter, Place, Priced

BY_TOKENS: Final = (Tokens, TokensPerCredit, CostPlus)
"""The forms whose cost nobody knows before the call."""

UNPRICED: Final = (UnknownPrice, PriceLater, FeatureUnknown, QuantityInvalid)
"""What is said where the catalog has no price for a call."""

USES: Final = frozenset({"usage", "quantity", "provider_cost"})
"""What says how much was used."""


class Reckoned(NamedTuple):
    """What the catalog made of a use: what a request needs to say of it."""

    amounts: Parts
    catalog_version: int
    priced: Priced
    said: Said
    """The caller's options, the quantity in the feature's measure and the provider's cost filled in."""


class Cost(TypedDict):
    """What a request says of what it costs."""

    amounts: Parts
    catalog_version: int
    priced: Priced | None


@dataclass(frozen=True, slots=True)
class PriceQuote:
    """What a use would cost now. `price` is in the first unit; `amounts` has all of them."""

    feature: str
    model: str | None
    unit: str
    price: Decimal
    amounts: Mapping[str, Decimal]
    working: tuple[str, ...]
    """How it comes to that, line by line."""
    text: str
    """The same for people: 50 credits."""
    catalog_version: int

    def json(self) -> dict[str, Any]:
        """The same for JSON: amounts as strings."""
        said = {name: getattr(self, name) for name in self.__slots__}
        amounts = {unit: f"{amount:f}" for unit, amount in self.amounts.items()}
        return said | {"price": f"{self.price:f}", "amounts": amounts, "working": list(self.working)}


Reckon = Callable[[Desk, object, str | None, str | None, Said, Published | None], Reckoned]


def reckon_work(
    desk: Desk, account: object, feature: str | None, unit: str | None, said: Said, by: Published | None = None
) -> Reckoned:
    """What new work costs by the current catalog, or `by` an earlier one.

    Raises `UnknownPrice`, `PriceLater`, `FeatureUnknown`, `QuantityInvalid`, `AmountInvalid`.
    """
    published, found = find_priced(desk, feature, unit, by)
    return reckon_use(desk, published, found, account, said)


def reckon_hold(
    desk: Desk, account: object, feature: str | None, unit: str | None, said: Said, by: Published | None = None
) -> Reckoned:
    """What to set aside: the price, where the use is known; else what the feature's estimate says."""
    published, found = find_priced(desk, feature, unit, by)
    prices = find_prices(found, find_model(said))
    is_blind = said.get("usage") is None and any(isinstance(price, BY_TOKENS) for price in prices)
    if not is_blind:
        reckoned = reckon_use(desk, published, found, account, said)
        if found.estimate.source != "history" or said.get("usage") is None:
            return reckoned
        most: dict[int, int | None] = {**dict(reckoned.amounts)}
    else:
        units = [find_unit(published.catalog, price) for price in prices]
        most = dict.fromkeys([desk.get_unit(each.name).unit_id for each in units])
        reckoned = Reckoned((), published.version, Priced(("estimate", found.name)), said)
    known, now = desk.store.find_account(read_account(account)), desk.clock.now()
    amounts = tuple(
        (unit_id, desk.estimates.find_estimate(found, desk.get_unit_of(unit_id), known, now, parts))
        for unit_id, parts in most.items()
    )
    return reckoned._replace(amounts=amounts, priced=reckoned.priced._replace(meters=()))


def read_cost(
    desk: Desk,
    account: object,
    amount: Amounts | None,
    feature: str | None,
    unit: str | None,
    said: Said,
    reckon: Reckon = reckon_work,
    *,
    is_new: bool = True,
) -> tuple[Cost, Said]:
    """What work costs: the caller's amount, or the catalog's price; and what is said with it, filled in.

    New work needs a plan that has the feature; what already happened (`is_new=False`) is never refused for that. Such a
    refusal, and that of a call which has no price any more, come once the key was looked up: it may be a replay, which
    is one whatever plans and prices are by then (rule 28).
    """
    no: Refused | None = find_outside_plan(desk, account, feature) if is_new else None
    if amount is not None:
        parts = read_amounts(desk, amount, unit)
        priced = None if no is None else Priced(tuple(sorted(parts)), refuse_later(parts, no))
        return Cost(amounts=parts, catalog_version=0, priced=priced), said
    try:
        reckoned = reckon(desk, account, feature, unit, said, None)
    except UNPRICED as unpriced:
        no = unpriced
        reckoned = reckon_by_earlier(desk, account, feature, unit, said, reckon, no)
    if no is not None:
        reckoned = reckoned._replace(priced=reckoned.priced._replace(meters=refuse_later(reckoned.amounts, no)))
    return split_reckoned(reckoned)


def reckon_by_earlier(
    desk: Desk, account: object, feature: str | None, unit: str | None, said: Said, reckon: Reckon, no: Refused
) -> Reckoned:
    """What a call cost that has no price any more, by the last catalog that had one. Raises `no` if there was none, or
    nobody named a key, so that it cannot be a replay."""
    for published in () if said.get("key") is None else desk.catalogs.list_earlier():
        with suppress(Refused):
            return reckon(desk, account, feature, unit, said, published)
    raise no


def refuse_later(amounts: Parts, no: Refused) -> tuple[tuple[int, Meter], ...]:
    """A price that refuses as soon as it comes to pricing: keys are looked up before."""
    return ((amounts[0][0], Meter(NOTHING, 0, 1, 0, "", 0, Refusing(no))),)


@dataclass(frozen=True, slots=True)
class Refusing:
    """A price that there is not."""

    no: Refused

    def advance(self, before: int, quantity: int) -> tuple[int, int]:
        """Raises what speaks against it."""
        raise self.no


def read_settled(desk: Desk, place: Place, amount: Amounts | None, said: Said, *, final: bool) -> tuple[Cost, Said]:
    """What held work came to: the caller's amount, what the use costs by the catalog, or all that is held."""
    if amount is not None:
        return Cost(amounts=read_parts(desk, amount, place.unit_id), catalog_version=0, priced=None), said
    reckoned = None
    if said.keys() & USES:
        reckoned = reckon_settle(desk, place, said)
    elif final:
        reckoned = reckon_held(desk, place, said)
    return (Cost(amounts=(), catalog_version=0, priced=None), said) if reckoned is None else split_reckoned(reckoned)


def split_reckoned(reckoned: Reckoned) -> tuple[Cost, Said]:
    """What a request says of its cost, and all else that is said with it."""
    version, priced = reckoned.catalog_version, reckoned.priced
    return Cost(amounts=reckoned.amounts, catalog_version=version, priced=priced), reckoned.said


def reckon_settle(desk: Desk, place: Place, said: Said) -> Reckoned | None:
    """What held work came to, by the catalog of its hold (rule 27); None where no catalog prices its feature."""
    entry = desk.store.read_entry(place)
    feature = None if entry is None else desk.find_text(entry.feature)
    if entry is None or feature is None:
        return None
    catalogs = desk.catalogs
    published = catalogs.get(entry.catalog_version) if entry.catalog_version else catalogs.find_current()
    found = None if published is None else published.catalog.features.get(feature)
    if published is None or found is None:
        return None
    if find_model(said) is None and entry.model:
        said = said | {"model": desk.find_text(entry.model)}
    has_cycle = any(getattr(price, "every", "") == "cycle" for price in list_prices(found))
    return reckon_use(desk, published, found, find_owner(desk, place) if has_cycle else None, said)


def reckon_held(desk: Desk, place: Place, said: Said) -> Reckoned | None:
    """Held work that came to what its hold said: a price with a memory must hear of it, or what comes next would cost
    as if this had not been. None where no price has one, or where the hold took less than it asked for: then all that
    is held is charged. Prices by tokens are left out: an entry does not keep all that they go by."""
    entry = desk.store.read_entry(place) if desk.catalogs.has_memory else None
    if entry is None or not entry.catalog_version or entry.quantity is None or entry.uncovered:
        return None
    quantity = to_decimal(entry.quantity, QUANTITY)
    found = desk.catalogs.get(entry.catalog_version).catalog.features.get(desk.find_text(entry.feature) or "")
    if found is None or any(isinstance(price, BY_TOKENS) for price in list_prices(found)):
        return None
    reckoned = reckon_settle(desk, place, Said(quantity=quantity))
    if reckoned is None or not reckoned.priced.meters:
        return None
    return Reckoned((), reckoned.catalog_version, Priced(("held",), reckoned.priced.meters), said)


def find_owner(desk: Desk, place: Place) -> str | None:
    """Whose something is, by its place."""
    near = desk.store.list_accounts(place.account_id - 1, 1)
    return next((account.key for account in near if account.account_id == place.account_id), None)


def find_priced(
    desk: Desk, feature: str | None, unit: str | None, by: Published | None = None
) -> tuple[Published, Feature]:
    """The catalog that holds, or an earlier one, and the feature that is to be priced by it."""
    published = by or desk.catalogs.find_current()
    if published is None or feature is None:
        lacking, advice = "no catalog prices it", "say how many, or open with a catalog"
        if published is not None:
            lacking, advice = "no feature is named whose price says it", "say how many, or name a feature"
        raise AmountInvalid(what="amount", given="None", problem=f"is not an amount, and {lacking}", advice=advice)
    if unit is not None:
        problem, advice = "was given without an amount", "leave it out: the catalog says in which units a feature costs"
        raise TermInvalid(what="unit", given=show_given(unit), problem=problem, advice=advice)
    return published, get_feature(published.catalog, read_name(feature, what="feature"))


def quote_work(desk: Desk, account: object, feature: str, said: Said) -> PriceQuote:
    """What new work would cost the account now, with its working; nothing is charged, and nobody need have the credits.

    Raises `CatalogMissing`, `FeatureUnknown`, `UnknownPrice`, `PriceLater`, `QuantityInvalid` …
    """
    published = desk.catalogs.get_current()
    found = get_feature(published.catalog, read_name(feature, what="feature"))
    (use, notes), model = read_said_use(desk, published.catalog, found, said), find_model(said)
    quote = quote_use(published.catalog, found.name, model, use)
    before = {
        charge.unit.name: find_before(desk, charge, use, found, model, account)
        for charge in quote.charges
        if is_over_period(charge.price)
    }
    if any(before.values()):
        quote = quote_use(published.catalog, found.name, model, use, before=before)
    return show_quote(desk, quote, published.version, notes)


def find_before(desk: Desk, charge: Charge, use: Use, feature: Feature, model: str | None, account: object) -> Fraction:
    """How much was used before in the period in hand."""
    unit = desk.get_unit(charge.unit.name)
    meter = find_meter(desk, charge, use, unit, feature, model, account)
    known = desk.store.find_account(read_account(account))
    if meter is None or known is None:
        return Fraction(0)
    counter = desk.store.read_wallet(known, unit).counters.get((NO_BUDGET, meter.subject))
    is_over = counter is None or counter.ends_at <= (known.clock or desk.clock.now())
    return Fraction(0) if counter is None or is_over else Fraction(counter.spent, QUANTITY.per_whole)


def show_quote(desk: Desk, quote: Quote, version: int, notes: tuple[str, ...] = ()) -> PriceQuote:
    """A quote as people see it, with how its provider's cost was found."""
    amounts = {unit: to_decimal(parts, desk.get_unit(unit)) for unit, parts in quote.amounts}
    first = next(iter(amounts))
    working = (*notes, *quote.working)
    return PriceQuote(quote.feature, quote.model or None, first, amounts[first], amounts, working, quote.text, version)


def find_outside_plan(desk: Desk, account: object, feature: str | None) -> FeatureNotInPlan | None:
    """What speaks against a feature of the catalog that the account's plan lacks. Looked up only where some plan lacks
    something."""
    published = None if feature is None else desk.catalogs.find_current()
    if published is None or feature not in published.catalog.features:
        return None
    plans = published.catalog.plans
    if all(plan.features is None for plan in plans.values()):
        return None
    key = read_account(account)
    known = desk.store.find_account(key)
    step = None if known is None else desk.store.read_subscription(known)
    at = desk.clock.now() if known is None else known.clock or desk.clock.now()
    plan = plans.get(find_plan(step, at) or published.catalog.default_plan)
    if plan is None or plan.features is None or feature in plan.features:
        return None
    having = [each.name for each in plans.values() if each.features is None or feature in each.features]
    advice = f"it is in {', '.join(having)}" if having else "no plan has it"
    return FeatureNotInPlan(account=key, plan=plan.name, feature=feature, advice=advice)


def reckon_use(desk: Desk, published: Published, feature: Feature, account: object, said: Said) -> Reckoned:
    """The amounts of a use, in every unit that it costs something in."""
    (use, _), model = read_said_use(desk, published.catalog, feature, said), find_model(said)
    quote = quote_use(published.catalog, feature.name, model, use)
    amounts, meters = [], []
    for charge in quote.charges:
        unit = desk.get_unit(charge.unit.name)
        amounts.append((unit.unit_id, charge.cost.parts))
        meter = find_meter(desk, charge, use, unit, feature, model, account)
        if meter is not None:
            meters.append((unit.unit_id, meter))
    compared = (feature.name, str(use.quantity), tuple(sorted(use.tokens.items())), use.items)
    filled = said | {"quantity": show_millionths(use.quantity)}
    if use.cost is not None:
        filled["provider_cost"] = to_decimal(divide_half_up(*(use.cost * 10**9).as_integer_ratio()), COST)
    return Reckoned(tuple(amounts), published.version, Priced(compared, tuple(meters)), filled)


def read_said_use(desk: Desk, catalog: Catalog, feature: Feature, said: Said) -> tuple[Use, tuple[str, ...]]:
    """What is to be priced, of what was said with a verb; where the price goes by it, with the provider's cost, and how
    that was found."""
    usage, quantity = said.get("usage"), said.get("quantity")
    is_timed = isinstance(usage, Usage) and usage.seconds is not None and feature.measure == "seconds"
    exact = None if quantity is None and is_timed else read_quantity(feature, quantity)
    if usage is not None:
        use = read_use(usage, measure=feature.measure, quantity=exact)
    else:
        use = Use(quantity=Fraction(1) if exact is None else exact)
    nanos, model = read_fraction(said.get("provider_cost"), COST), find_model(said)
    if nanos is not None:
        return replace(use, cost=Fraction(nanos, COST.per_whole)), ()
    plus = next((price for price in find_prices(feature, model) if isinstance(price, CostPlus)), None)
    if plus is None:
        return use, ()
    if catalog.currency != LISTED_IN:
        what = f"{model or 'a call without a model'} in {catalog.currency}"
        advice = f"price lists are in {LISTED_IN}: say provider_cost, in {catalog.currency}"
        raise UnknownPrice(what=what, feature=feature.name, advice=advice)
    moment = said.get("effective_at")
    at = desk.clock.now() if moment is None else read_instant(moment, what="effective_at")
    is_free = is_free_model(feature, model)
    found = reckon_provider_cost(model or "", use, plus.provider, at, feature=feature.name, is_free=is_free)
    lines = [f"{line.text} = {show_fraction(line.subtotal)}" for line in found.lines]
    return replace(use, cost=found.cost), (f"provider cost by {found.source}:", *lines)


def find_model(said: Said) -> str | None:
    """The model that was named, by itself or with the usage."""
    usage, model = said.get("usage"), said.get("model")
    named = usage.model if model is None and isinstance(usage, Usage) else model
    return None if named is None else read_name(named, what="model")


def find_meter(
    desk: Desk, charge: Charge, use: Use, unit: Unit, feature: Feature, model: str | None, account: object
) -> Meter | None:
    """The meter of a price with a memory: over a period, or with a remainder that is carried."""
    price = charge.price
    pattern = find_pattern(feature, model)
    # Names of features have no colon, so that no two prices ever count together, whatever the models are called.
    name = feature.name if pattern is None else f"{feature.name}:{pattern.match}"
    if price.is_carried:
        remainder, quantity = carry_price(price, unit, charge.cost)
        return Meter(name_number(f"carry:{name}"), 0, 1, 0, "", quantity, remainder)
    if not is_over_period(price):
        return None
    every, count, anchor, zone = find_rhythm(desk, price, account)
    quantity = divide_half_up(*(use.quantity * QUANTITY.per_whole).as_integer_ratio())
    return Meter(name_number(name), every, count, anchor, zone, quantity, PeriodPrice(price, unit))


def is_over_period(price: Price) -> bool:
    """Whether what it costs depends on what was used before in a period."""
    return isinstance(price, PerBlock | Tiered) and price.over == "period"


def find_rhythm(desk: Desk, price: Price, account: object) -> tuple[int, int, int, str]:
    """(cadence, count, anchor, zone) of a price's periods: the calendar's in the account's zone, or with `cycle` those
    of the subscription; without one the months of the calendar (mission M8)."""
    every = getattr(price, "every", "month")
    if every != "cycle":
        return CADENCES[every], 1, 0, ""
    known = None if account is None else desk.store.find_account(read_account(account))
    step = None if known is None else desk.store.read_subscription(known)
    if step is None or not step.every:
        return Cadence.MONTH, 1, 0, ""
    return step.every, step.count, step.anchor, step.zone


def show_millionths(quantity: Fraction) -> Amount:
    """A quantity as an entry keeps it."""
    return to_decimal(divide_half_up(*(quantity * QUANTITY.per_whole).as_integer_ratio()), QUANTITY)
