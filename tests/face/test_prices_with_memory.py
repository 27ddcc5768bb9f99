"""Prices that go by what came before, through every verb; and what has no price, which never costs zero."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, cast

import pytest

import farthing
from farthing.testing import FrozenClock

TIERS = 'form = "graduated", over = "period", tiers = [{ up_to = 2 }, { unit = 5 }]'


@pytest.fixture
def open_with(tmp_path):
    """Opens a ledger in memory whose catalog has these lines after its name."""

    def open_it(lines, **options):
        ledger = farthing.open("memory:", create=True, catalog=write(tmp_path, lines), **options)
        ledger.grant("acme", 1000)
        return ledger

    return open_it


def write(folder, lines):
    path = folder / "catalog.toml"
    path.write_text(f'name = "x"\n{lines}', encoding="utf-8")
    return path


def use_held(ledger, **said):
    with ledger.hold("acme", feature="image", **said) as hold:
        return hold.settle().charged


def test_a_hold_settled_at_what_it_said_counts_in_the_period(open_with):
    ledger = open_with(f"[features.image]\nprice = {{ {TIERS} }}\n")
    assert [use_held(ledger) for _ in range(4)] == [0, 0, 5, 5]
    assert ledger.quote("acme", "image").price == 5

    @ledger.metered("image")
    def draw(account):
        return account

    draw("acme")
    assert next(ledger.history("acme")).amount == 5
    assert ledger.verify().ok


def test_a_hold_settled_at_what_it_said_carries_what_is_rounded_away(open_with):
    price = 'form = "per_quantity", amount = "0.4", places = 0, carry = true'
    ledger = open_with(f"[features.image]\nprice = {{ {price} }}\n")
    assert [use_held(ledger, quantity=1) for _ in range(5)] == [0, 0, 1, 0, 1]


def test_the_rest_of_a_hold_that_was_settled_in_steps_is_charged_once(open_with):
    ledger = open_with(f"[features.image]\nprice = {{ {TIERS} }}\n")
    hold = ledger.hold("acme", feature="image", quantity=4)
    assert [hold.settle("3", final=False).charged, hold.settle().charged] == [3, 7]


def test_a_hold_that_took_less_than_it_asked_for_is_settled_at_no_more(open_with):
    ledger = open_with(f"[features.image]\nprice = {{ {TIERS} }}\n")
    hold = ledger.hold("acme", feature="image", quantity=1002, mode="shrink")
    assert hold.settle().charged == 1000
    assert ledger.balance("acme").debt == 0


def test_a_settle_counts_in_the_cycle_of_the_subscription(open_with):
    clock = FrozenClock(datetime(2026, 3, 20, tzinfo=UTC))
    cycle = TIERS.replace('"period"', '"period", every = "cycle"')
    plan = '[plans.basic]\nallowances.credits = { amount = 1, every = "month" }\nprices = { month = "5 USD" }\n'
    ledger = open_with(f"[features.image]\nprice = {{ {cycle} }}\n{plan}", test=True, clock=clock)
    ledger.subscribe("acme", "basic", paid=(500, "USD"))
    assert use_held(ledger, quantity=2) == 0
    clock.advance(timedelta(days=20))
    assert use_held(ledger, quantity=1) == 5


def test_features_count_apart_whatever_their_models_are_called(open_with):
    model = f'models = [{{ match = "*", price = {{ {TIERS} }} }}]\n'
    ledger = open_with(f"[features.chat]\n{model}[features.review]\n{model}[features.gpt]\nprice = {{ {TIERS} }}\n")
    calls = [{"feature": "chat", "model": "gpt"}, {"feature": "review", "model": "gpt"}, {"feature": "gpt"}]
    for call in calls:
        assert [ledger.charge("acme", quantity=quantity, **call).charged for quantity in (2, 1)] == [0, 5]


def test_a_price_that_was_carried_begins_its_periods_anew(open_with, tmp_path):
    carried = '[features.image]\nprice = { form = "per_quantity", amount = "0.4", places = 0, carry = true }\n'
    clock = FrozenClock(datetime(2026, 3, 20, tzinfo=UTC))
    ledger = open_with(carried, test=True, clock=clock)
    ledger.charge("acme", feature="image")
    ledger.apply_catalog(write(tmp_path, f"[features.image]\nprice = {{ {TIERS} }}\n"))
    charged = []
    for _ in range(2):
        charged += [ledger.charge("acme", feature="image", quantity=quantity).charged for quantity in (2, 1)]
        clock.advance(timedelta(days=31))
    assert charged == [0, 5, 0, 5]


def test_price_lists_in_dollars_are_never_taken_for_another_currency(open_with):
    ledger = open_with('currency = "EUR"\n[features.chat]\nprice = { form = "cost_plus" }\n')
    usage = farthing.Usage(model="gpt-5", input=1_000_000, output=0)
    with pytest.raises(farthing.UnknownPrice, match="price lists are in USD: say provider_cost, in EUR"):
        ledger.quote("acme", "chat", usage=usage)
    assert ledger.quote("acme", "chat", usage=usage, provider_cost="1.5").price == Decimal("1.5")


def test_items_that_nobody_counted_are_not_free(open_with):
    ledger = open_with('[features.image]\nprice = { form = "tokens", rates = {}, per_item = 5 }\n')
    for said in ({}, {"usage": farthing.Usage()}):
        with pytest.raises(farthing.UnknownPrice, match="an unknown number of items"):
            ledger.charge("acme", feature="image", **said)
    assert ledger.charge("acme", feature="image", usage=farthing.Usage(items=2)).charged == 10
    assert ledger.charge("acme", feature="image", usage=farthing.Usage(items=0)).charged == 0


@pytest.mark.parametrize("verb", ["quote", "charge", "record", "hold"])
def test_names_and_quantities_that_cannot_be_are_refused_in_words(open_with, verb):
    ledger = open_with(
        '[features.image]\nprice = { form = "per_quantity", amount = "1/3" }\n'
        '[features.chat]\nmodels = [{ match = "a*", price = { form = "per_request", amount = 1 } }]\n'
    )
    ask = getattr(ledger, verb)
    for quantity in (Decimal("0." + "1" * 5000), Fraction(1, 10**5000), "8" + "s" * 10_000):
        with pytest.raises(farthing.QuantityInvalid) as no:
            ask("acme", feature="image", quantity=quantity)
        assert len(str(no.value)) < 300
    for said in (
        {"feature": 5},
        {"feature": "chat", "model": 5},
        {"feature": "chat", "usage": farthing.Usage(model=cast(Any, 5))},
    ):
        with pytest.raises(farthing.NameInvalid):
            ask("acme", **said)


MEANWHILE = {
    "it is no feature any more": '[features.video]\nprice = { form = "per_request", amount = 1 }\n',
    "its price is for other models": (
        '[features.image]\n[[features.image.models]]\nmatch = "dall-e-*"\n'
        'price = { form = "per_request", amount = 9 }\n'
    ),
    "the plan does not have it": (
        'default_plan = "free"\n[features.image]\nprice = { form = "per_request", amount = 9 }\n'
        '[features.chat]\nprice = { form = "per_request", amount = 1 }\n'
        '[plans.free]\nfeatures = ["chat"]\n'
    ),
}


@pytest.mark.parametrize("catalog", MEANWHILE.values(), ids=MEANWHILE)
def test_rule_28_a_priced_call_replays_whatever_its_price_is_by_then(open_with, tmp_path, catalog):
    ledger = open_with('[features.image]\nprice = { form = "per_request", amount = 5 }\n')
    charge = ledger.charge("acme", feature="image", key="k")
    hold = ledger.hold("acme", feature="image", key="h")
    ledger.apply_catalog(write(tmp_path, catalog))

    again = ledger.charge("acme", feature="image", key="k")
    assert (again.id, again.replayed, again.charged) == (charge.id, True, 5)
    assert ledger.hold("acme", feature="image", key="h").id == hold.id
    for key in ("another", None):
        with pytest.raises(farthing.Refused) as no:
            ledger.charge("acme", feature="image", key=key)
        assert no.value.code in ("feature_unknown", "unknown_price", "feature_not_in_plan")
    with pytest.raises(farthing.KeyReused):
        ledger.charge("acme", feature="image", quantity=2, key="k")
    hold.settle()
    assert ledger.balance("acme").spendable == 990
    assert ledger.verify().ok
