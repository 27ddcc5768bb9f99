"""What must hold in a catalog beyond single values: bounds in order, a last tier that is open, fallbacks that end.

Each check gets what a table was read into and tells of mistakes: (key, problem, advice). `tables.py` names them.
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Final

from farthing.documents.shapes import Around, Mistakes
from farthing.tariff.catalog import Campaign, Cap, Catalog, Estimate, Feature, ModelPrice, Package, Plan, Recurring
from farthing.tariff.catalog import UnitTerms as Terms
from farthing.tariff.prices import CostPlus, PerBlock, Price, Rate, Steps, Tier, Tiered
from farthing.tariff.quotes import is_match
from farthing.values.wallets import Rollover

RULES: Final[dict[str, tuple[str, ...]]] = {
    "signup": (),
    "plan": ("plans",),
    "code": ("codes",),
    "loyalty": ("months", "spent"),
    "beta": ("accounts",),
    "referral": ("amount", "referrer_amount"),
}
"""The rules of campaigns, and what each needs: one of these."""

OWNERS: Final = {
    "codes": "code",
    "most": "code",
    "months": "loyalty",
    "spent": "loyalty",
    "accounts": "beta",
    "referrer_amount": "referral",
}
"""What means something with one rule only."""


def check_price(price: Price, around: Around) -> Mistakes:
    if price.minimum is not None and price.maximum is not None and price.minimum > price.maximum:
        yield "minimum", "is above the maximum", "exchange them"
    if price.places is not None and around.unit is not None and price.places > around.unit.scale:
        problem = f"is more than the {around.unit.scale} places that {around.unit.name} are stored with"
        yield "places", problem, "leave it out"
    is_over_period = isinstance(price, PerBlock | Tiered) and price.over == "period"
    if isinstance(price, PerBlock | Tiered) and price.over == "request" and price.every != "month":
        yield "every", "says nothing without a period", 'write over = "period", or leave it out'
    if price.is_carried and is_over_period:
        advice = "leave carry out: over a period the parts add up by themselves"
        yield "carry", 'says nothing beside over = "period"', advice
    if isinstance(price, CostPlus) and not price.factor:
        yield "factor", "makes everything free", "write one above zero"


def check_bounds(key: str, bounds: Sequence[Fraction | None]) -> Mistakes:
    """Upper bounds ascend, and only the last may be open."""
    for place, (before, bound) in enumerate(pairwise(bounds), 1):
        if before is None:
            yield f"{key}[{place - 1}].up_to", "is missing: only the last is open", "write where it ends"
        elif bound is not None and bound <= before:
            problem = "is where the one before ends" if bound == before else "overlaps the one before"
            yield f"{key}[{place}].up_to", problem, f"write more than {before}, in ascending order"


def check_steps(price: Steps, around: Around) -> Mistakes:
    yield from check_price(price, around)
    yield from check_bounds("steps", [step.up_to for step in price.steps])


def check_tiers(price: Tiered, around: Around) -> Mistakes:
    yield from check_price(price, around)
    yield from check_bounds("tiers", [tier.up_to for tier in price.tiers])
    last = len(price.tiers) - 1
    if price.tiers[last].up_to is not None:
        advice = "leave up_to out in the last tier, or nothing is said of what lies above"
        yield f"tiers[{last}].up_to", "bounds the last tier", advice
    if price.mode == "volume" and price.over == "period":
        problem = "would give negative prices: with volume, using more can make all of the period cheaper"
        yield "over", problem, 'write form = "graduated", or over = "request"'


def check_tier(tier: Tier, around: Around) -> Mistakes:
    if tier.blocks is not None and tier.size is None:
        yield "blocks", "says nothing without a size", "write how much one block is: size = …"


def check_rate(rate: Rate, around: Around) -> Mistakes:
    for place, (before, each) in enumerate(pairwise(rate.above), 1):
        if each[0] <= before[0]:
            yield f"above[{place}].tokens", "is not above the threshold before", f"write more than {before[0]}"


def check_estimate(estimate: Estimate, around: Around) -> Mistakes:
    if estimate.usually is not None and estimate.most is not None and estimate.usually > estimate.most:
        yield "usually", "is above the most", "write at most as much"


def check_units(prices: Sequence[Price]) -> Mistakes:
    """A request is charged once in each unit."""
    units = [price.unit for price in prices]
    for place, unit in enumerate(units):
        if unit in units[:place]:
            yield f"prices[{place}].unit", f"is charged in {unit} for the second time", "keep one price for each unit"


def check_model(model: ModelPrice, around: Around) -> Mistakes:
    yield from check_units(model.prices)
    if not model.prices:
        yield "price", "is missing", "write what these models cost; amount = 0 where they are free"


def check_feature(feature: Feature, around: Around) -> Mistakes:
    yield from check_units(feature.prices)
    if feature.unknown_model == "fixed" and not feature.prices:
        yield "unknown_model", "is fixed, but there is no price of the feature's own", "write one: price = …"
    patterns = [model.match for model in feature.models]
    for place, pattern in enumerate(patterns):
        above = next((each for each in patterns[:place] if is_match(each, pattern)), None)
        if above is not None:
            yield f"models[{place}].match", f"is never reached: {above} comes first and matches it", "put it above that"


def check_recurring(given: Recurring, around: Around) -> Mistakes:
    """As the ledger would refuse it (rule 19)."""
    has_cap = bool(given.cap or given.cap_percent)
    if given.rollover == Rollover.CAPPED and not has_cap:
        yield "rollover", "has no cap", 'write cap = …, or rollover = "all" or "none"'
    if given.rollover != Rollover.CAPPED and has_cap:
        yield "cap", "says nothing without a capped rollover", 'write rollover = "capped", or leave it out'
    if given.rollover == Rollover.NONE and given.keep:
        yield "keep", "says nothing without a rollover", 'write rollover = "capped" or "all", or leave it out'


def check_terms(terms: Terms, around: Around) -> Mistakes:
    if terms.hold_ttl == 0:
        yield "hold_ttl", "is no time at all", "write one above zero"


def check_cycles(caps: Sequence[Cap], plan: Plan) -> Mistakes:
    """A cap that runs with the plan's periods needs some."""
    for cap in caps:
        if cap.is_cycle and not any(each.unit == cap.unit for each in plan.allowances):
            problem = f"needs the periods of an allowance in {cap.unit}, which {plan.name} does not have"
            yield f"caps.{cap.name}.every", problem, 'write a period of its own, such as "month"'


def check_plan(plan: Plan, around: Around) -> Mistakes:
    yield from check_cycles(plan.caps, plan)
    sums = [(price.every, price.money.currency) for price in plan.prices]
    if len(set(sums)) < len(sums):
        yield "prices", "names two prices for one period in one currency", "keep one of them"
    if any(not price.money.minor for price in plan.prices):
        yield "prices", "costs nothing", "leave prices out of a plan that is free"
    if plan.grace is not None and not plan.prices:
        yield "grace", "waits for a payment, but the plan has no price", "leave it out"


def check_package(package: Package, around: Around) -> Mistakes:
    currencies = [money.currency for money in package.prices]
    if len(set(currencies)) < len(currencies):
        yield "prices", "names two prices in one currency", "keep one of them"
    if not package.amount + package.bonus:
        yield "amount", "gives nothing", "write one above zero"


def check_campaign(campaign: Campaign, around: Around) -> Mistakes:
    needs = RULES[campaign.rule]
    if needs and not any(getattr(campaign, key) for key in needs):
        yield needs[0], f"is missing: the rule {campaign.rule} needs it", f"write {' or '.join(needs)}"
    if not campaign.amount and campaign.rule != "referral":
        yield "amount", "gives nothing", "write one above zero"
    for key, rule in OWNERS.items():
        if rule != campaign.rule and getattr(campaign, key):
            yield key, f"says nothing with the rule {campaign.rule}", f'it belongs to rule = "{rule}"'
    if campaign.per_account > 1 and campaign.rule != "code":
        yield "per_account", "is above one", 'only with rule = "code" may an account have it more than once'
    if campaign.ends_at and campaign.ends_at <= campaign.starts_at:
        yield "ends_at", "is not after its start", "write a later instant"


def check_catalog(catalog: Catalog, around: Around) -> Mistakes:
    yield from check_fallbacks(catalog)
    for plan in catalog.plans.values():
        yield from check_cycles(catalog.caps, plan)
    if catalog.default_plan in catalog.plans:
        plan = catalog.plans[catalog.default_plan]
        if plan.prices and plan.trial is None:
            yield "default_plan", f"costs money: nobody would have paid for {plan.name}", "name one without a price"
    seen: dict[str, str] = {}
    for name, campaign in catalog.campaigns.items():
        for place, code in enumerate(campaign.codes):
            here = f"campaigns.{name}.codes[{place}]"
            if code.casefold() in seen:
                yield here, f"{code} is at {seen[code.casefold()]} too", "give each code to one campaign"
            seen.setdefault(code.casefold(), here)


def check_fallbacks(catalog: Catalog) -> Mistakes:
    """Each plan falls back to one that nobody pays for, and never to itself, by however long a way."""
    told: set[str] = set()
    for plan in catalog.plans.values():
        following = catalog.plans.get(plan.fallback)
        if following is not None and following.prices:
            problem = f"costs money: nobody would have paid for {following.name}"
            yield f"plans.{plan.name}.fallback", problem, "name a plan without a price"
        way = [plan.name]
        while following is not None and following.name not in way:
            way.append(following.name)
            following = catalog.plans.get(following.fallback)
        if following is not None and following.name == plan.name and plan.name not in told:
            told |= set(way)
            problem = f"goes round in a circle: {' → '.join([*way, plan.name])}"
            yield f"plans.{plan.name}.fallback", problem, "leave the fallback out of the last of them"
