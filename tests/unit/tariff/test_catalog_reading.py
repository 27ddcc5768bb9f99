"""Catalog documents: what is read out of one, and every mistake in one told at once, with its place and what to do."""

import re
from decimal import Decimal
from fractions import Fraction

import pytest

from farthing.documents.reading import MOST_TOLD, digest_document, read_catalog
from farthing.engine.zones import find_zone
from farthing.tariff.catalog import Length, Money
from farthing.tariff.errors import CatalogInvalid
from farthing.tariff.prices import PerBlock, Rate, Steps, StepUp, Tier, Tiered
from farthing.tariff.quotes import is_match
from farthing.values.amounts import Rounding
from farthing.values.periods import DAY, HOUR, Cadence
from farthing.values.standing_requests import ChangeMode
from farthing.values.wallets import Rollover, SettlePolicy
from tests.unit.tariff.documents import EXAMPLE, list_leaves, write_toml


def ask(text):
    """What is said against a document: {place: (problem, advice)}."""
    with pytest.raises(CatalogInvalid) as refused:
        read_catalog(text, find_zone)
    return {problem.place: (problem.problem, problem.advice) for problem in refused.value.problems}


def read_features(text):
    """The features of a document; a function without types, since their prices have many."""
    return read_catalog(text, find_zone).features


def amend(text):
    """The smallest catalog there is, with something more in it."""
    return f'name = "small"\n{text}'


def test_every_part_of_a_document_is_read_into_its_place():
    catalog = read_catalog(EXAMPLE, find_zone)

    assert (catalog.name, catalog.currency, catalog.zone, catalog.default_plan) == (
        "all",
        "EUR",
        "Africa/Accra",
        "free",
    )
    assert [unit[:] for unit in catalog.units.values()] == [(1, "credits", 6, 2), (2, "free_tokens", 0, 0)]
    assert (catalog.bonus_ends, catalog.refusal_status) == ("period", 429)
    basic = catalog.plans["basic"]
    assert [plan.rank for plan in catalog.plans.values()] == [0, 1]
    assert [(price.every, price.money) for price in basic.prices] == [
        (Cadence.MONTH, Money(1500, "USD")),
        (Cadence.YEAR, Money(21000, "USD")),
        (Cadence.YEAR, Money(30000, "JPY")),
        (Cadence.YEAR, Money(64250, "KWD")),
    ]
    credits, tokens = basic.allowances
    assert (credits.name, credits.unit, credits.amount, credits.every, credits.count) == (
        "credits", "credits", 500_000_000, Cadence.MONTH, 1,
    )  # fmt: skip
    assert (credits.rollover, credits.cap, credits.cap_percent, credits.keep) == (Rollover.CAPPED, 0, 500_000, 3)
    assert (credits.is_calendar, credits.is_prorated, credits.priority, credits.features) == (True, True, 9, ("image",))
    assert (tokens.name, tokens.unit, tokens.amount, tokens.every, tokens.count) == (
        "spare", "free_tokens", 1_000, Cadence.WEEK, 2,
    )  # fmt: skip
    assert (basic.bonuses[0].name, basic.bonuses[0].amount, basic.bonuses[0].lasts) == (
        "welcome", 10_500_000, Length(Cadence.DAY, 30),
    )  # fmt: skip
    assert (basic.features, basic.fallback, basic.on_upgrade) == (("image", "video"), "free", ChangeMode.KEEP_USED)
    assert (basic.trial, basic.lasts, basic.grace, basic.proration) == (
        Length(Cadence.DAY, 14), Length(Cadence.YEAR, 1), Length(Cadence.DAY, 3), "day",
    )  # fmt: skip
    cap, cycle = basic.caps
    assert (cap.name, cap.unit, cap.most, cap.is_hard, cap.per, cap.feature) == (
        "video", "credits", 100_000_000, False, "member", "video",
    )  # fmt: skip
    assert (cap.every, cap.is_cycle, cycle.every, cycle.is_cycle) == (Cadence.MONTH, False, 0, True)
    terms = basic.terms["credits"]
    assert (terms.overdraft, terms.settle_above_hold, terms.hold_ttl, terms.refund_grace) == (
        5_000_000, SettlePolicy.CAP_HOLD, HOUR // 4, 0,
    )  # fmt: skip
    assert catalog.terms["free_tokens"].alerts == (10, 0, -5)
    package = catalog.packages["starter"]
    assert (package.amount, package.bonus, package.prices) == (30_000_000, 500_000, (Money(3000, "GHS"),))
    assert (package.lasts, package.is_extending, package.is_once) == (Length(Cadence.MONTH, 6), True, True)
    spring, friends = catalog.campaigns["spring"], catalog.campaigns["friends"]
    assert (spring.rule, spring.codes, spring.most, spring.per_account) == ("code", ("SPRING26", "Mai"), 100, 2)
    assert (spring.starts_at, spring.ends_at - spring.starts_at) == (1_772_323_200_000_000, 31 * DAY - HOUR)
    assert (friends.amount, friends.referrer_amount, friends.plans) == (1_000_000, 2_000_000, ("basic",))
    assert catalog.caps[0].most == 1_000_000_000


def test_every_form_of_price_is_read_exactly():
    features = read_features(EXAMPLE)
    forms = [type(features[name].prices[0]) for name in ("video", "audio", "storage", "bulk")]

    assert forms == [Steps, PerBlock, Tiered, Tiered]
    assert features["image"].prices[0].amount == 5
    assert features["image"].prices[1].unit == "free_tokens"
    assert features["image"].prices[1].size == Fraction(1, 3)
    (video,) = features["video"].prices
    assert video.steps == (StepUp(Fraction(5), Fraction(25)), StepUp(None, Fraction(50)))
    (audio,) = features["audio"].prices
    assert (audio.size, audio.free, audio.block_rounding, audio.over, audio.every) == (
        15,
        30,
        "down",
        "period",
        "cycle",
    )
    assert features["audio"].converts == {"characters": Fraction(1, 15)}
    (storage,) = features["storage"].prices
    assert (storage.mode, storage.over, storage.every, storage.size) == ("graduated", "period", "week", 10)
    assert storage.tiers == (
        Tier(Fraction(5), Fraction(1, 2), Fraction(100)),
        Tier(None, Fraction(2), percent=Fraction(3, 2), blocks=Fraction(4), size=Fraction(3)),
    )
    assert (storage.minimum, storage.maximum, storage.places) == (Fraction("0.01"), 1_000, 2)
    assert storage.rounding == Rounding.HALF_EVEN
    (bulk,) = features["bulk"].prices
    assert (bulk.mode, bulk.flat_at_zero, bulk.over) == ("volume", True, "request")
    (fee,) = features["fee"].prices
    assert (fee.rate, fee.fixed, fee.free_events, fee.free_units, fee.least, fee.most, fee.adds) == (
        Fraction("2.9"), Fraction("0.3"), 2, 10, 1, 5, True,
    )  # fmt: skip
    chat = features["chat"]
    small, large, rest = chat.models
    assert (small.is_free, small.prices[0].unit, small.prices[0].per) == (True, "free_tokens", 1)
    assert large.prices[0].rates == {
        "input": Rate(Fraction("1.25"), ((200_000, Fraction("2.5")), (400_000, Fraction(5)))),
        "output": Rate(Fraction(10)),
        "cache_read": Rate(Fraction(0)),
    }
    assert (large.prices[0].per, large.prices[0].is_carried, large.prices[0].per_item) == (1_000_000, True, 3)
    assert (rest.prices[0].factor, rest.prices[0].credits_per, rest.prices[0].provider) == (
        Fraction("1.3"), 100, "openai",
    )  # fmt: skip
    assert chat.prices[0].tokens == 2_000
    assert (chat.unknown_model, chat.estimate.source, chat.estimate.quantile) == ("fixed", "history", Fraction("0.95"))
    assert (chat.estimate.usually, chat.estimate.most, chat.estimate.over) == (5, 50, Length(Cadence.DAY, 7))


def test_a_document_that_says_nothing_counts_credits():
    catalog = read_catalog('name = "small"')

    assert [unit[:] for unit in catalog.units.values()] == [(1, "credits", 6, 2)]


def test_no_number_is_ever_a_float():
    price = '[features.image]\nprice = { form = "per_quantity", amount = 0.1 }'

    (image,) = read_features(amend(price))["image"].prices

    assert image.amount == Fraction(1, 10) != Fraction(0.1)


def test_every_mistake_is_told_at_once():
    said = ask(
        """
        nmae = "studio"
        zone = "Africa/Acra"
        currency = "USB"
        default_plan = "fre"
        colour = "blue"
        [units.credits]
        digits = 0
        scale = "6"
        [features.image]
        price = { form = "per_reqest", amount = 5 }
        [features."Im age"]
        price = { amount = 5 }
        [plans.free]
        allowances.credits = { every = "mnth" }
        fallback = "basic"
        [plans.basic]
        prices = { month = "15" , yearly = "1 USD" }
        on_upgrade = "at_turn"
        fallback = "free"
        """
    )

    assert said == {
        "name": ("is missing", "What this catalog is called."),
        "nmae": ("is no key of catalog", "did you mean name?"),
        "zone": ("'Africa/Acra' is not a time zone", "did you mean Africa/Accra or Africa/Harare or Africa/Asmera?"),
        "currency": ("'USB' is no currency", "write an ISO 4217 code such as USD, EUR or GHS"),
        "default_plan": ("'fre' is not one of its plans", "did you mean free?"),
        "colour": (
            "is no key of catalog",
            "there is name, currency, zone, default_plan, bonus_ends, units, features, plans, packages, campaigns, "
            "terms, caps, refusals",
        ),
        "units.credits.scale": ("'6' is not a whole number that will do", "write one from 0 to 12"),
        "features.image.price.form": ("'per_reqest' is no form of price", "did you mean per_request?"),
        "features.'Im age'": ("'Im age' is not a name", "write 1 to 64 of a to z, 0 to 9, _ and -"),
        "features.'Im age'.price.form": (
            "is missing",
            "there is per_request, per_quantity, per_block, steps, graduated, volume, percent, tokens, "
            "tokens_per_credit, cost_plus",
        ),
        "plans.free.allowances.credits.amount": ("is missing", "How many, each time."),
        "plans.free.allowances.credits.every": ("'mnth' is no period", "did you mean month?"),
        "plans.free.fallback": (
            "goes round in a circle: free → basic → free",
            "leave the fallback out of the last of them",
        ),
        "plans.basic.prices.month": ("'15' is not a sum of money", 'write an amount and an ISO 4217 code: "15 USD"'),
        "plans.basic.prices.yearly": ("'yearly' is not a choice here", "did you mean year?"),
        "plans.basic.on_upgrade": ("'at_turn' is not a choice here", "there is replace, add, keep_used"),
    }


def test_the_error_reads_as_a_list_and_names_the_number_of_mistakes():
    with pytest.raises(CatalogInvalid) as refused:
        read_catalog('nmae = "x"')

    assert str(refused.value) == (
        "the catalog has 2 mistakes:\n"
        "  nmae: is no key of catalog (did you mean name?)\n"
        "  name: is missing (What this catalog is called.)"
    )


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ('name = "x"\nzone = UTC\n', "line 2", "is not TOML: Invalid value"),
        ('name = "x"\nname = "y"\n', "line 2", "is not TOML: Cannot overwrite a value"),
        ('name = "x', "the last line", "is not TOML: Unterminated string"),
        ("name = " + "[" * 100_000, "document", "is nested too deeply"),
        ("name = " + "9" * 5_000, "document", "is not TOML: Exceeds the limit (4300 digits)"),
        ("#" * 1_000_001, "document", "has 1000001 characters"),
    ],
)
def test_what_is_no_toml_is_told_with_its_line(text, place, problem):
    ((found, (told, advice)),) = ask(text).items()

    assert found == place
    assert told.startswith(problem)
    assert advice


PLAN = "[plans.basic]\nallowances.credits = { amount = 5, every = 'month', %s }"
PRICE = "[features.image]\nprice = { form = %s }"
CAMPAIGN = "[campaigns.spring]\n%s"
TOLD = [
    ("[units.credits]\nscale = 13", "units.credits.scale", "13 is not a whole number that will do"),
    ("[units.credits]\nscale = 2\n[packages.a]\namount = 1.005\nprices = ['1 USD']", "packages.a.amount",
        "1.005 has more than 2 decimal places | the nearest is 1.01"),
    ("[units.credits]\nscale = 0\ndigits = 0\n[features.a]\nprice = { form = 'per_request', amount = 0.5 }",
        "features.a.price.amount",
        "0.5 has more than 0 decimal places | the nearest is 1"),
    ("[packages.a]\namount = 1\nprices = ['1.5 JPY']", "packages.a.prices[0]", "1.5 has more than 0 decimal places"),
    ("[packages.a]\namount = 1\nprices = ['1.0005 KWD']",
        "packages.a.prices[0]", "1.0005 has more than 3 decimal places"),
    ("[packages.a]\namount = 1\nprices = ['1 usd']",
        "packages.a.prices[0]", "'usd' is no currency | did you mean USD?"),
    ("[packages.a]\namount = 1\nprices = ['1 USD', '2 USD']", "packages.a.prices", "names two prices in one currency"),
    ("[packages.a]\namount = 0\nprices = ['1 USD']", "packages.a.amount", "gives nothing"),
    ("[packages.a]\namount = -1\nprices = ['1 USD']", "packages.a.amount", "-1 is negative"),
    ("[packages.a]\namount = true\nprices = ['1 USD']", "packages.a.amount", "true is not an amount"),
    ("[packages.a]\namount = nan\nprices = ['1 USD']", "packages.a.amount", "NaN is not a number"),
    ("[packages.a]\namount = 1e999999999\nprices = ['1 USD']", "packages.a.amount", "1E+999999999 is too large"),
    ("[packages.a]\namount = 1\nprices = '1 USD'", "packages.a.prices", "is '1 USD', not a list"),
    ("[packages.a]\namount = 1\nprices = []", "packages.a.prices", "has 0 entries"),
    ("packages = 3", "packages", "is 3, not a table"),
    ("[packages]\na = 3", "packages.a", "is 3, not a table"),
    (PLAN % "rollover = 'capped', cap = 0", "plans.basic.allowances.credits.cap",
        "0 carries nothing | to carry nothing choose rollover = \"none\""),
    (PLAN % "rollover = 'capped', cap = '0 %'", "plans.basic.allowances.credits.cap", "'0 %' carries nothing"),
    (PLAN % "rollover = 'capped'", "plans.basic.allowances.credits.rollover", "has no cap"),
    (PLAN % "cap = 5", "plans.basic.allowances.credits.cap", "says nothing without a capped rollover"),
    (PLAN % "keep = 5", "plans.basic.allowances.credits.keep", "says nothing without a rollover"),
    (PLAN % "features = ['vdeo']", "plans.basic.allowances.credits.features[0]", "'vdeo' is not one of its features"),
    ("[plans.basic]\nallowances.extra = { amount = 5, every = 'month' }", "plans.basic.allowances.extra.unit",
        "is missing, and extra is no unit"),
    ("[plans.basic]\nallowances.credits = { amount = 5, every = '0 days' }", "plans.basic.allowances.credits.every",
        "'0 days' is out of bounds"),
    ("[plans.basic]\nbonuses.a = { amount = 5, unit = 'crdits' }", "plans.basic.bonuses.a.unit",
        "'crdits' is not one of its units | did you mean credits?"),
    ("[plans.basic]\ntrial = '121 months'", "plans.basic.trial", "'121 months' is too long | the longest is 10 years"),
    ("[plans.basic]\ntrial = '3654 days'", "plans.basic.trial", "'3654 days' is too long | the longest is 10 years"),
    ("[plans.basic]\ntrial = 14", "plans.basic.trial", "14 is not a length of time"),
    ("[plans.basic]\ngrace = '3 days'", "plans.basic.grace", "waits for a payment, but the plan has no price"),
    ("[plans.basic]\nprices = { month = '0 USD' }", "plans.basic.prices", "costs nothing"),
    ("[plans.basic]\nprices = { month = ['1 USD', '2 USD'] }", "plans.basic.prices",
        "names two prices for one period in one currency"),
    ("[plans.basic]\nfallback = 'basic'", "plans.basic.fallback", "goes round in a circle: basic → basic"),
    ("[plans.a]\nfallback = 'b'\n[plans.b]\nprices.month = '1 USD'", "plans.a.fallback", "costs money"),
    ("default_plan = 'a'\n[plans.a]\nprices.month = '1 USD'", "default_plan", "costs money"),
    ("[plans.a]\ncaps.b = { most = 1, every = 'cycle' }", "plans.a.caps.b.every",
        "needs the periods of an allowance in credits, which a does not have"),
    ("[plans.a]\n[caps.b]\nmost = 1\nevery = 'cycle'", "caps.b.every", "needs the periods of an allowance in credits"),
    ("[caps.b]\nmost = 1\nevery = '2 weeks'", "caps.b.every", "'2 weeks' is no period"),
    ("[terms.credts]\noverdraft = 5", "terms.credts", "'credts' is not one of its units | did you mean credits?"),
    ("[terms.credits]\nhold_ttl = '0 minutes'", "terms.credits.hold_ttl", "is no time at all"),
    ("[terms.credits]\nhold_ttl = '1 month'", "terms.credits.hold_ttl", "'1 month' is not a length of time"),
    ("[terms.credits]\nhold_ttl = '401 days'", "terms.credits.hold_ttl", "'401 days' is too long"),
    ("[terms.credits]\nalerts = [1, 1]", "terms.credits.alerts[1]", "is 1 for the second time"),
    (PRICE % "'steps', steps = []", "features.image.price.steps", "has 0 entries"),
    (PRICE % "'steps', steps = [{ up_to = 5, amount = 1 }, { up_to = 4, amount = 2 }]",
        "features.image.price.steps[1].up_to", "overlaps the one before | write more than 5, in ascending order"),
    (PRICE % "'steps', steps = [{ up_to = 5, amount = 1 }, { up_to = 5, amount = 2 }]",
        "features.image.price.steps[1].up_to", "is where the one before ends"),
    (PRICE % "'graduated', tiers = [{ unit = 1 }, { unit = 2 }]", "features.image.price.tiers[0].up_to",
        "is missing: only the last is open"),
    (PRICE % "'graduated', tiers = [{ up_to = 5, unit = 1 }]", "features.image.price.tiers[0].up_to",
        "bounds the last tier"),
    (PRICE % "'volume', over = 'period', tiers = [{ unit = 1 }]", "features.image.price.over",
        "would give negative prices"),
    (PRICE % "'graduated', every = 'week', tiers = [{ unit = 1 }]", "features.image.price.every",
        "says nothing without a period"),
    (PRICE % "'graduated', tiers = [{ unit = 1, blocks = 2 }]", "features.image.price.tiers[0].blocks",
        "says nothing without a size"),
    (PRICE % "'per_block', amount = 1, size = 0", "features.image.price.size", "0 is out of bounds"),
    (PRICE % "'per_block', amount = 1, size = 2, over = 'period', carry = true", "features.image.price.carry",
        "says nothing beside over = \"period\""),
    (PRICE % "'per_quantity', amount = -1", "features.image.price.amount", "-1 is out of bounds"),
    (PRICE % "'per_quantity', amount = '1/0'", "features.image.price.amount", "'1/0' divides by zero"),
    (PRICE % "'per_quantity', amount = inf", "features.image.price.amount", "Infinity is not a number that will do"),
    (PRICE % "'per_quantity', amount = 1e-99999999", "features.image.price.amount", "1E-99999999 is not a number"),
    (PRICE % "'per_request', amount = 1, places = 7", "features.image.price.places", "is more than the 6 places"),
    (PRICE % "'per_request', amount = 1, minimum = 3, maximum = 2", "features.image.price.minimum",
        "is above the maximum"),
    (PRICE % "'per_request', amount = 1, unit = 'coins'", "features.image.price.unit",
        "'coins' is not one of its units"),
    (PRICE % "'per_request', amount = 1, size = 3", "features.image.price.size", "is no key of per_request"),
    (PRICE % "'cost_plus', factor = 0", "features.image.price.factor", "makes everything free"),
    (PRICE % "'tokens', rates = { inputs = 1 }", "features.image.price.rates.inputs",
        "'inputs' is not a choice here | did you mean input?"),
    (PRICE % "'tokens', rates.input = { base = 1, above = [{ tokens = 5, rate = 1 }, { tokens = 5, rate = 2 }] }",
        "features.image.price.rates.input.above[1].tokens", "is not above the threshold before"),
    ("[features.a]\nprice = { form = 'per_request', amount = 1 }\nprices = [{ form = 'per_request', amount = 1 }]",
        "features.a.prices", "says the same as price | keep one of them"),
    ("[features.a]\nprices = [{ form = 'per_request', amount = 1 }, "
        "{ form = 'per_request', amount = 2, unit = 'credits' }]",
        "features.a.prices[1].unit", "is charged in credits for the second time"),
    ("[features.a]\nunknown_model = 'fixed'", "features.a.unknown_model", "is fixed, but there is no price"),
    ("[features.a]\nestimate = { usually = 5, most = 4 }", "features.a.estimate.usually", "is above the most"),
    ("[features.a]\nestimate = { quantile = 90 }", "features.a.estimate.quantile", "90 is out of bounds"),
    ("[[features.a.models]]\nmatch = 'x'", "features.a.models[0].price", "is missing"),
    ("[features.a]\nmodels = [{ match = 'gpt-*', price = { form = 'per_request', amount = 1 } }, "
        "{ match = 'gpt-5*', price = { form = 'per_request', amount = 2 } }]", "features.a.models[1].match",
        "is never reached: gpt-* comes first and matches it"),
    (CAMPAIGN % "rule = 'coupon'", "campaigns.spring.rule", "'coupon' is not a choice here"),
    (CAMPAIGN % "rule = 'code'\namount = 1", "campaigns.spring.codes", "is missing: the rule code needs it"),
    (CAMPAIGN % "rule = 'plan'\namount = 1", "campaigns.spring.plans", "is missing: the rule plan needs it"),
    (CAMPAIGN % "rule = 'loyalty'\namount = 1", "campaigns.spring.months", "is missing: the rule loyalty needs it"),
    (CAMPAIGN % "rule = 'beta'\namount = 1", "campaigns.spring.accounts", "is missing: the rule beta needs it"),
    (CAMPAIGN % "rule = 'referral'", "campaigns.spring.amount", "is missing: the rule referral needs it"),
    (CAMPAIGN % "rule = 'signup'", "campaigns.spring.amount", "gives nothing"),
    (CAMPAIGN % "rule = 'signup'\namount = 1\ncodes = ['A']", "campaigns.spring.codes",
        "says nothing with the rule signup"),
    (CAMPAIGN % "rule = 'signup'\namount = 1\nper_account = 2", "campaigns.spring.per_account", "is above one"),
    (CAMPAIGN % "rule = 'signup'\namount = 1\nplans = ['gold']", "campaigns.spring.plans[0]",
        "'gold' is not one of its plans"),
    (CAMPAIGN % "rule = 'signup'\namount = 1\nends_at = 2026-03-01", "campaigns.spring.ends_at",
        "a date is not an instant"),
    (CAMPAIGN % "rule = 'signup'\namount = 1\nstarts_at = 2026-03-01T00:00:00Z\nends_at = 2026-03-01T00:00:00Z",
        "campaigns.spring.ends_at", "is not after its start"),
    (CAMPAIGN % "rule = 'code'\namount = 1\ncodes = ['A']\n[campaigns.autumn]\nrule = 'code'\namount = 1\n"
        "codes = ['B', 'a']",
        "campaigns.autumn.codes[1]", "a is at campaigns.spring.codes[0] too"),
    ("[refusals]\nstatus = 200", "refusals.status", "200 is not a whole number that will do"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "place", "told"), TOLD, ids=[f"{place}: {told[:40]}" for _, place, told in TOLD])
def test_a_mistake_is_told_at_its_place(text, place, told):
    said = ask(amend(text))

    assert list(said) == [place]
    problem, _, advice = told.partition(" | ")
    assert said[place][0].startswith(problem)
    assert said[place][1] == advice if advice else said[place][1]


@pytest.mark.parametrize("text", ["[plans.basic]\ntrial = '120 months'", "[plans.basic]\ntrial = '10 years'"])
def test_a_trial_of_ten_years_is_just_short_enough(text):
    assert read_catalog(amend(text)).plans["basic"].trial is not None


def test_a_circle_of_fallbacks_is_told_once_and_plans_that_lead_into_it_are_not_blamed():
    plans = {"a": "b", "b": "c", "c": "b", "d": "d", "e": "f", "f": ""}
    text = "\n".join(f"[plans.{name}]\n" + (f"fallback = '{to}'" if to else "") for name, to in plans.items())

    said = ask(amend(text))

    assert {place: problem for place, (problem, _) in said.items()} == {
        "plans.b.fallback": "goes round in a circle: b → c → b",
        "plans.d.fallback": "goes round in a circle: d → d",
    }


def test_the_name_of_a_zone_is_believed_where_nobody_can_look():
    assert read_catalog('name = "small"\nzone = "Mars/Base"').zone == "Mars/Base"
    assert list(ask('name = "small"\nzone = "Mars/Base"')) == ["zone"]


def test_only_so_many_mistakes_are_told():
    with pytest.raises(CatalogInvalid) as refused:
        read_catalog('name = "small"\n' + "\n".join(f"key{n} = 1" for n in range(MOST_TOLD + 50)))

    assert len(refused.value.problems) == MOST_TOLD


def test_whatever_stands_in_a_place_is_read_or_told_of_there():
    junk = [
        -1,
        0,
        10**30,
        Decimal("0.1234567890123"),
        "",
        "x",
        "-5",
        "5 %",
        True,
        [],
        [1, 1],
        {},
        {"form": "steps"},
        "\ud7ff\x07",
    ]
    leaves = list_leaves(EXAMPLE)
    assert len(leaves) > 150
    refusals = []
    for n, (_, document) in enumerate(leaves):
        try:
            read_catalog(write_toml(document(junk[n % len(junk)])), find_zone)
        except CatalogInvalid as refused:
            refusals.append(refused)
    assert len(refusals) > 180
    for no in refusals:
        assert no.problems
        assert all(all(problem) for problem in no.problems)
        assert not re.search(r"[\x00-\x08\x0b-\x1f]", str(no))


def test_a_digest_tells_documents_apart_by_what_they_say():
    converts = "[features.x]\nconverts = { b = 1, c = 2.5 }"
    text = f'name = "a"\nzone = "UTC"\n[units.credits]\nscale = 6\n[units.coins]\n{converts}'

    same = [
        text + "\n# a comment",
        f'zone = "UTC" \nname = "a"\n{converts}\n[units]\ncredits = {{ scale = 6.0 }}\ncoins = {{}}',
        text.replace("{ b = 1, c = 2.5 }", "{ c = 2.50, b = 1e0 }"),
    ]
    other = [
        text.replace("2.5", "2.6"),
        text.replace('"UTC"', '"Etc/UTC"'),
        text.replace("scale = 6", 'scale = "6"'),
        text.replace("[units.credits]\nscale = 6\n[units.coins]", "[units.coins]\n[units.credits]\nscale = 6"),
        text.replace("2.5", "2.50000000000000000000000000000000000000001"),
    ]
    assert {digest_document(each) for each in same} == {digest_document(text)}
    assert len({digest_document(each) for each in [text, *other]}) == len(other) + 1
    assert len(digest_document(text)) == 32


def test_the_digest_of_a_document_never_changes():
    assert digest_document(EXAMPLE).hex() == GOLDEN


GOLDEN = "f884f6aac5899db5939dadbf5bd25fcb52e5856f63aca88d2435dca444ec7da0"


def test_a_pattern_of_many_stars_is_matched_in_one_walk():
    models = "[features.a]\nmodels = [{{ match = '{}', price = {{ form = 'per_request', amount = 1 }} }}]"

    (model,) = read_features(amend(models.format("*a" * 99 + "b")))["a"].models

    assert not is_match(model.match, "a" * 200)
    assert is_match(model.match, "a" * 199 + "b")
    assert [is_match("a*b*", name) for name in ("ab", "acb", "acbd", "b", "a", "ba")] == [1, 1, 1, 0, 0, 0]
    assert [is_match("a*a", name) for name in ("a", "aa", "aba")] == [0, 1, 1]


@pytest.mark.parametrize("number", ["1e99999999999999999999", "0." + "1" * 5000])
def test_a_number_without_end_is_a_mistake(number):
    with pytest.raises(CatalogInvalid, match="is a number without end"):
        read_catalog(f'name = "x"\n[features.a]\nprice = {{ form = "per_quantity", amount = {number} }}\n')


def test_a_catalog_counts_something():
    with pytest.raises(CatalogInvalid, match="units: is empty"):
        read_catalog('name = "x"\nunits = {}\n')
