"""The five catalogs that ship, one for each system of the mission, with every figure of its rows (T1, S1, S2, B4 …)."""

from fractions import Fraction
from importlib.resources import files

import pytest

from farthing.documents.reading import read_catalog
from farthing.engine.zones import find_zone
from farthing.tariff.catalog import Length, Money
from farthing.tariff.errors import UnknownPrice
from farthing.tariff.prices import Use
from farthing.tariff.quotes import quote_use
from farthing.values.periods import Cadence
from farthing.values.standing_requests import ChangeMode

SHIPPED = ("textvault", "studio", "business", "vibe", "tokens")


def read_shipped(name):
    """The text of a catalog that ships."""
    return (files("farthing.documents") / "shipped" / f"{name}.toml").read_text(encoding="utf-8")


def load(name):
    return read_catalog(read_shipped(name), find_zone)


def cost(catalog, feature, quantity=1, model=None, **tokens):
    """What a use costs, in whole units by unit."""
    quote = quote_use(catalog, feature, model, Use(quantity=Fraction(quantity), tokens=tokens))
    return {unit: Fraction(parts, catalog.units[unit].per_whole) for unit, parts in quote.amounts}


def list_allowances(catalog):
    """(amount in whole units, cadence, count, calendar) by plan and allowance."""
    return {
        f"{plan.name}.{each.name}": (
            each.amount // catalog.units[each.unit].per_whole, each.every, each.count, each.is_calendar,
        )
        for plan in catalog.plans.values()
        for each in plan.allowances
    }  # fmt: skip


def test_those_that_ship_are_these_and_are_called_as_their_files():
    found = sorted(file.name for file in (files("farthing.documents") / "shipped").iterdir())

    assert found == sorted(f"{name}.toml" for name in SHIPPED)
    assert [load(name).name for name in SHIPPED] == list(SHIPPED)


def test_textvault_gives_3_100_and_500_generations_a_calendar_month():
    catalog = load("textvault")

    assert list(catalog.units) == ["generations"]
    assert catalog.units["generations"].scale == 0
    assert list_allowances(catalog) == {
        "explorer.generations": (3, Cadence.MONTH, 1, True),
        "creator.generations": (100, Cadence.MONTH, 1, True),
        "master.generations": (500, Cadence.MONTH, 1, True),
    }
    assert [plan.title for plan in catalog.plans.values()] == ["Explorer", "Creator", "Master"]
    assert catalog.default_plan == "explorer"
    assert catalog.bonus_ends == "period"
    assert cost(catalog, "generation") == {"generations": 1}
    assert {plan.on_upgrade for plan in catalog.plans.values()} == {ChangeMode.KEEP_USED}


def test_studio_has_three_plans_by_month_and_year():
    catalog = load("studio")

    assert list_allowances(catalog) == {
        "free.credits": (60, Cadence.MONTH, 1, False),
        "basic.credits": (500, Cadence.MONTH, 1, False),
        "premium.credits": (1_200, Cadence.MONTH, 1, False),
    }
    assert {name: [(price.every, price.money) for price in plan.prices] for name, plan in catalog.plans.items()} == {
        "free": [],
        "basic": [(Cadence.MONTH, Money(1500, "USD")), (Cadence.YEAR, Money(21000, "USD"))],
        "premium": [(Cadence.MONTH, Money(2900, "USD")), (Cadence.YEAR, Money(29000, "USD"))],
    }
    assert [plan.fallback for plan in catalog.plans.values()] == ["", "free", "free"]
    assert catalog.default_plan == "free"
    assert [plan.on_upgrade for plan in catalog.plans.values()][1:] == [ChangeMode.ADD, ChangeMode.ADD]


@pytest.mark.parametrize(
    ("feature", "quantity", "credits"),
    [
        ("image", 1, 5),
        ("video", 5, 25),
        ("video", 8, 50),
        ("video", 10, 50),
        ("audio", 1, 1),
        ("audio", 15, 1),
        ("audio", 16, 2),
        ("lip_sync", 10, 20),
        ("lip_sync", 11, 40),
    ],
)
def test_studio_costs_what_the_mission_says(feature, quantity, credits):
    assert cost(load("studio"), feature, quantity) == {"credits": credits}


def test_studio_has_no_video_above_ten_seconds():
    with pytest.raises(UnknownPrice):
        cost(load("studio"), "video", 11)


def test_business_sells_credits_that_live_six_months_and_move_the_end_of_all():
    catalog = load("business")

    whole = catalog.units["credits"].per_whole
    packages = catalog.packages.values()
    assert [(each.amount // whole, each.bonus // whole, each.prices) for each in packages] == [
        (50, 0, (Money(0, "GHS"),)),
        (30, 0, (Money(3000, "GHS"),)),
        (80, 20, (Money(8000, "GHS"),)),
    ]
    assert {(each.lasts, each.is_extending) for each in packages} == {(Length(Cadence.MONTH, 6), True)}
    assert [each.is_once for each in packages] == [True, False, False]
    assert catalog.terms["credits"].alerts == (10 * whole, 0)
    assert catalog.units["credits"].digits == 2
    assert (cost(catalog, "describe"), cost(catalog, "reply")) == ({"credits": Fraction("2.5")}, {"credits": 2})
    assert catalog.zone == "Africa/Accra"


def test_vibe_counts_2000_tokens_a_credit_and_one_credit_a_request():
    catalog = load("vibe")

    assert list_allowances(catalog) == {
        "free.credits": (5, Cadence.MONTH, 1, False),
        "pro.credits": (100, Cadence.DAY, 30, False),
        "enterprise.credits": (1_000, Cadence.DAY, 30, False),
    }
    assert (cost(catalog, "generate"), cost(catalog, "review")) == ({"credits": 1}, {"credits": 1})
    assert catalog.features["tokens"].prices[0].tokens == 2_000
    assert cost(catalog, "tokens", input=6_000, output=4_000) == {"credits": 5}
    pro = catalog.plans["pro"]
    assert (pro.lasts, pro.fallback, pro.on_upgrade) == (Length(Cadence.DAY, 30), "free", ChangeMode.REPLACE)
    assert (catalog.default_plan, catalog.refusal_status) == ("free", 429)


def test_tokens_are_counted_apart_for_free_and_paid_models():
    catalog = load("tokens")

    assert cost(catalog, "chat", model="llama-3:free", input=700, output=300) == {"free_tokens": 1_000}
    assert cost(catalog, "chat", model="gpt-5", input=700, output=300) == {"tokens": 1_000}
    assert [model.is_free for model in catalog.features["chat"].models] == [True, True, True, False]
    assert list_allowances(catalog) == {
        "free.free_tokens": (100_000, Cadence.MONTH, 1, True),
        "basic.tokens": (1_000_000, Cadence.MONTH, 1, False),
        "basic.free_tokens": (500_000, Cadence.MONTH, 1, True),
        "pro.tokens": (5_000_000, Cadence.MONTH, 1, False),
        "pro.free_tokens": (2_000_000, Cadence.MONTH, 1, True),
    }
    assert all(price.every == Cadence.MONTH for plan in catalog.plans.values() for price in plan.prices)
