"""What a catalog document consists of, said once: every table and key, with its kind of value and what it means.

The reader, the JSON Schema and the comparison are all made from this. To add a key: a line here, and the field that it
becomes in `catalog.py` or `prices.py`. What must hold beyond one value is in `checks.py`.
"""

from dataclasses import replace
from typing import Any, Final

from farthing.documents import checks
from farthing.documents.price_tables import MODEL, PRICES, UNIT
from farthing.documents.scalars import (
    AMOUNT,
    BALANCE,
    CAP,
    CODE,
    CURRENCY,
    FLAG,
    MONEY,
    NAME,
    NUMBER,
    SIZE,
    TEXT,
    make_choice,
    make_number,
    make_reference,
    make_whole,
    name_words,
    say_words,
)
from farthing.documents.shapes import Field, Listed, Named, Table
from farthing.documents.spans import CADENCE, INSTANT, LENGTH, PAUSE, ZONE, make_every, make_length
from farthing.tariff import catalog
from farthing.values.amounts import LARGEST_SCALE, Unit
from farthing.values.bounds import LONGEST_KEEP, MOST_ALERTS, MOST_ALLOWANCES, MOST_BUDGETS, MOST_SCOPES
from farthing.values.standing_requests import ChangeMode
from farthing.values.wallets import RestPolicy, Rollover, SettlePolicy, TurnPolicy


def keep_values(found: dict[str, Any]) -> tuple[Any, ...]:
    """What was read, without its keys, which each of it keeps as its name."""
    return tuple(found.values())


def split_names(kept: tuple[Any, ...]) -> dict[str, Any]:
    return {each.name: each for each in kept}


def number_units(found: dict[str, Unit]) -> dict[str, Unit]:
    """Units with their places in the document; the book has numbers of its own."""
    return {name: unit._replace(unit_id=place) for place, (name, unit) in enumerate(found.items(), 1)}


def rank_plans(found: dict[str, catalog.Plan]) -> dict[str, catalog.Plan]:
    return {name: replace(plan, rank=rank) for rank, (name, plan) in enumerate(found.items())}


def flatten_prices(found: dict[int, tuple[Any, ...]]) -> tuple[catalog.PlanPrice, ...]:
    return tuple(catalog.PlanPrice(every=every, money=money) for every, sums in found.items() for money in sums)


def split_prices(kept: tuple[catalog.PlanPrice, ...]) -> dict[int, Any]:
    return {price.every: tuple(one.money for one in kept if one.every == price.every) for price in kept}


# A key is a line, so that they can be looked through; the lines are left as they are written.
# fmt: off
FEATURES: Final = Listed(make_reference("features"), least=0, most=MOST_SCOPES)
PLAN: Final = make_reference("plans")
ONCE: Final = make_length(years=10)
TITLE: Final = Field("title", TEXT, "What people call it.")
UNIT_KEY: Final = Field("unit", UNIT, "The unit that it is counted in; the catalog's first unless said.")
SCOPE: Final = Field("features", FEATURES, "The only features that these credits pay for.")
LASTS: Final = Field("lasts", LENGTH, 'How long the credits live: "30 days", "6 months". For ever unless said.')

ESTIMATE: Final = Table("estimate", "How much a hold sets aside when nobody knows yet.", catalog.Estimate, (
    Field("source", make_choice(say_words("max_tokens", "history")), "The most tokens there may be, or past costs."),
    Field("quantile", make_number(is_positive=True, most=1), "Of past costs; 0.9 unless said."),
    Field("usually", NUMBER, "Where there is no history yet."),
    Field("most", NUMBER, "Never more than this."),
    Field("over", LENGTH, "How far back the history is read; 30 days unless said."),
), check=checks.check_estimate)
FEATURE: Final = Table("feature", "What can be charged for.", catalog.Feature, (
    TITLE,
    Field("says", TEXT, 'How its price is put into words: "per image".'),
    Field("measure", NAME, "What its quantity counts: seconds, images, characters."),
    Field("converts", Named(SIZE, NAME, is_ordered=False), "How much of the measure one of another is."),
    *PRICES,
    Field("models", Listed(MODEL, most=500), "Prices by model."),
    Field("unknown_model", make_choice(say_words("refuse", "fixed", "later")),
        "What a model without a price costs: it is refused, costs the feature's own price, or is told later."),
    Field("estimate", ESTIMATE, "What a hold sets aside."),
), has_name=True, check=checks.check_feature)
RECURRING: Final = Table("allowance", "Credits given in every period.", catalog.Recurring, (
    Field("unit", UNIT, "The unit; its own name unless said."),
    Field("amount", AMOUNT, "How many, each time.", is_needed=True),
    Field("every", make_every(has_count=True, has_cycle=False), 'How often: "month", "2 weeks".', "*", is_needed=True),
    Field("anchor", make_choice({"start": False, "calendar": True}), "Whose periods they are.", "is_calendar"),
    Field("rollover", make_choice(name_words(Rollover)), "What becomes of unused credits at the end of a period."),
    Field("cap", CAP, 'With rollover = "capped": how many are carried at most, or "50 %" of the amount.', "*"),
    Field("keep", make_whole(0, LONGEST_KEEP), "For how many periods carried credits live; 0 is for ever."),
    Field("on_turn", make_choice(name_words(TurnPolicy)), "What becomes of debt when a period ends."),
    Field("first", make_choice({"full": False, "prorated": True}), "What a short first period gives.", "is_prorated"),
    Field("priority", make_whole(0, 1_000), "Lower burns first; 10 unless said."),
    Field("promotional", FLAG, "Whether they count as given away."),
    SCOPE,
), unit="key", has_name=True, check=checks.check_recurring)
BONUS: Final = Table("bonus", "Credits given once, with the first subscription to the plan.", catalog.Bonus, (
    UNIT_KEY, Field("amount", AMOUNT, "How many.", is_needed=True), LASTS, SCOPE,
), unit="first", has_name=True)
CAPPED: Final = Table("budget", "A cap on spending.", catalog.Cap, (
    UNIT_KEY,
    Field("most", AMOUNT, "How much may be spent in a period.", is_needed=True),
    Field("hard", FLAG, "Whether more is refused (true) or only told of.", "is_hard"),
    Field("per", make_choice(say_words("member", "feature", "model", "api_key")), "Whether each has one of its own."),
    Field("feature", make_reference("features"), "Only this feature counts."),
    Field("model", TEXT, "Only this model counts."),
    Field("every", make_every(has_count=False, has_cycle=True), "The period; one without end unless said.", "*"),
), unit="first", has_name=True)
CAPS: Final = Named(CAPPED, NAME, keep_values, split_names, most=MOST_BUDGETS)
TERMS: Final = Named(Table("terms", "Settings of wallets in one unit.", catalog.UnitTerms, (
    Field("overdraft", AMOUNT, "How far below zero new work may go."),
    Field("settle_above_hold", make_choice(name_words(SettlePolicy)), "What becomes of cost above a hold."),
    Field("rest_of_ended_lot", make_choice(name_words(RestPolicy)), "What becomes of a hold's rest on ended credits."),
    Field("hold_ttl", PAUSE, 'How long a hold lives: "15 minutes".'),
    Field("refund_grace", PAUSE, "How long a refund to expired credits lives."),
    Field("alerts", Listed(BALANCE, least=0, most=MOST_ALERTS), "Balances that are told of when reached from above."),
), unit="around", check=checks.check_terms), UNIT, is_ordered=False)
PLANS: Final = Table("plan", "What subscribers get, and what it costs them.", catalog.Plan, (
    TITLE,
    Field("prices", Named(Listed(MONEY, "either", most=50), CADENCE, flatten_prices, split_prices),
        "What a period costs, in one currency or several. None: it costs nothing, and goes on by itself."),
    Field("allowances", Named(RECURRING, NAME, keep_values, split_names, most=MOST_ALLOWANCES), "Credits that recur."),
    Field("bonuses", Named(BONUS, NAME, keep_values, split_names, most=MOST_ALLOWANCES), "Credits given once."),
    Field("features", Listed(make_reference("features"), least=0), "What its subscribers may use; all unless said."),
    Field("caps", CAPS, "Caps on its subscribers' spending."),
    Field("terms", TERMS, "Settings of its subscribers' wallets, by unit."),
    Field("trial", ONCE, "How long it may be tried for nothing."),
    Field("lasts", LENGTH, "How long it holds where nobody says otherwise."),
    Field("grace", ONCE, "How long it stays past due before it expires."),
    Field("fallback", PLAN, "The plan that follows when it ends."),
    Field("on_upgrade", make_choice({mode.name.lower(): mode for mode in tuple(ChangeMode)[:3]}),
        "What becomes of the credits of the plan before."),
    Field("proration", make_choice(say_words("none", "second", "day")), "How money is prorated at an upgrade."),
), has_name=True, check=checks.check_plan)
PACKAGE: Final = Table("package", "Credits for sale.", catalog.Package, (
    TITLE, UNIT_KEY,
    Field("amount", AMOUNT, "How many.", is_needed=True),
    Field("bonus", AMOUNT, "How many more on top."),
    Field("prices", Listed(MONEY, most=50), 'What it costs: ["30 GHS"].', is_needed=True),
    LASTS,
    Field("extends", FLAG, "Whether buying it moves the end of the whole balance.", "is_extending"),
    Field("once", FLAG, "Whether an account may have it once only.", "is_once"),
), unit="first", has_name=True, check=checks.check_package)
CAMPAIGN: Final = Table("campaign", "Credits by rule.", catalog.Campaign, (
    Field("rule", make_choice(say_words(*checks.RULES)), "Who gets them.", is_needed=True),
    UNIT_KEY,
    Field("amount", AMOUNT, "How many; of a referral, for the newcomer."),
    Field("referrer_amount", AMOUNT, 'With rule = "referral": how many for whoever referred them.'),
    LASTS, SCOPE,
    Field("codes", Listed(CODE), 'With rule = "code".'),
    Field("most", make_whole(1, 10**9), "How often each code may be redeemed in all."),
    Field("per_account", make_whole(1, 10**6), "How often one account may redeem; once unless said."),
    Field("plans", Listed(PLAN), "Only subscribers of these."),
    Field("months", make_whole(1, 1_200), 'With rule = "loyalty": after so many months with a subscription.'),
    Field("spent", AMOUNT, 'With rule = "loyalty": after so much was spent.'),
    Field("accounts", Listed(TEXT), 'With rule = "beta": who.'),
    Field("starts_at", INSTANT, "From when it holds."),
    Field("ends_at", INSTANT, "Until when it holds."),
), unit="first", has_name=True, preset={"amount": 0}, check=checks.check_campaign)
UNITS: Final = Named(Table("unit", "What is counted.", Unit, (
    Field("scale", make_whole(0, LARGEST_SCALE), "Places that are stored, for ever; 6 unless said."),
    Field("digits", make_whole(0, LARGEST_SCALE), "Places that are shown at least; 2 unless said."),
), has_name=True, preset={"unit_id": 0}), NAME, number_units, least=1)
CATALOG: Final = Table("catalog", "Units, prices, plans, packages, campaigns, terms.", catalog.Catalog, (
    Field("name", NAME, "What this catalog is called.", is_needed=True),
    Field("currency", CURRENCY, "The currency of what providers take; USD unless said."),
    Field("zone", ZONE, "Where its midnights are; UTC unless said."),
    Field("default_plan", PLAN, "The plan that an account gets at its first use."),
    Field("bonus_ends", make_choice(say_words("never", "period")),
        "When credits with the source bonus end that say nothing themselves: with the plan's period, or never."),
    Field("units", UNITS, "What is counted. The first is the default. Credits unless said."),
    Field("features", Named(FEATURE, NAME), "What can be charged for."),
    Field("plans", Named(PLANS, NAME, rank_plans), "Plans: from a former to a later one is an upgrade."),
    Field("packages", Named(PACKAGE, NAME), "Credits for sale."),
    Field("campaigns", Named(CAMPAIGN, NAME), "Credits by rule."),
    Field("terms", TERMS, "Settings of all wallets, by unit; a plan's come first."),
    Field("caps", CAPS, "Caps on every account's spending."),
    Field("refusals", Table("refusals", "What a refusal looks like.", dict, (
        Field("status", make_whole(400, 499), "Its HTTP status when credits are short.", "refusal_status"),
    )), "What a refusal looks like.", "*"),
), check=checks.check_catalog)
# fmt: on
