"""Rules 24, 25 and 27: prices with a memory. What came before is kept in the wallet, and begins anew in each period."""

from dataclasses import replace
from typing import Any

import pytest

from farthing.core.decide import find_replay
from farthing.values.bounds import MICROSECONDS, NEVER
from farthing.values.entries import Effect, Kind, unpack_effects
from farthing.values.errors import BudgetExceeded, InsufficientCredits, KeyReused
from farthing.values.names import name_number
from farthing.values.periods import Cadence
from farthing.values.requests import UNSAID, Charge, Meter, Mode, Priced
from tests.laws.prices import Carry, Graduated, Package
from tests.unit.desk import CREDITS, DAY, GENERATIONS, OPENED_AT, Desk, instant, tell

TIERS = Graduated(((10, 3), (25, 1), (None, 2)))
THIRD = Carry(1, 3)
SUBJECT = name_number("image")


def price(quantity, form=TIERS, unit=1, **fields):
    """What a catalog says of so many."""
    terms: dict[str, Any] = {"subject": SUBJECT, "every": 0, "count": 1, "anchor": 0, "zone": ""} | fields
    return Priced(("image", quantity), ((unit, Meter(quantity=quantity, price=form, **terms)),))


def funded(*units, **terms):
    desk = Desk(*units, **terms)
    desk.grant([(unit.unit_id, 1_000) for unit in units or (CREDITS,)])
    return desk


def charge(desk, quantity, form=TIERS, *, mode=Mode.STRICT, feature="", key="", **fields):
    """What a charge for so many comes to."""
    words = {"key": key} if key else {}
    receipt = desk.charge(0, feature, mode, priced=price(quantity, form, **fields), catalog_version=2, **words)
    return receipt.amount


def remembered(desk):
    return desk.wallet.counters[0, SUBJECT]


def test_rule_24_over_a_period_the_parts_come_to_what_they_would_come_to_as_one():
    desk = funded()

    assert [charge(desk, quantity) for quantity in (4, 6, 0, 1, 20, 30)] == [12, 18, 0, 1, 14 + 2 * 6, 60]
    assert charge(funded(), 61) == 12 + 18 + 1 + 26 + 60
    assert (remembered(desk).spent, desk.wallet.budgeted) == (61, 1)


def test_rule_24_upper_bounds_are_inclusive_and_the_next_one_costs_what_the_next_step_says():
    desk = funded()

    assert [charge(desk, 10), charge(desk, 15), charge(desk, 1)] == [30, 15, 2]


def test_rule_24_packages_that_are_begun_are_used_up_before_another_is_begun():
    desk = funded()

    assert [charge(desk, quantity, Package(10, 7)) for quantity in (1, 9, 1, 20)] == [7, 0, 7, 14]


def test_rule_25_a_remainder_is_carried_and_nothing_is_lost_or_charged_twice():
    desk = funded()

    assert [charge(desk, 1, THIRD) for _ in range(7)] == [0, 0, 1, 0, 0, 1, 0]
    assert (remembered(desk).spent, desk.wallet.spent) == (1, 2)


def test_rule_25_a_remainder_that_becomes_smaller_is_said_so():
    desk = funded()
    charge(desk, 2, THIRD)

    receipt = desk.charge(0, priced=price(2, THIRD))

    moved = [value for effect, number, _, value in unpack_effects(receipt.effects) if effect == Effect.COUNTER_SPENT]
    assert (receipt.amount, moved, remembered(desk).spent) == (1, [-1], 1)


@pytest.mark.parametrize("every", [Cadence.HOUR, Cadence.DAY, Cadence.MONTH])
def test_rule_24_each_period_begins_anew(every):
    desk = funded()
    desk.go("2024-01-31T23:30")
    charge(desk, 10, every=every)
    desk.go("2024-01-31T23:59:59.999999")
    assert charge(desk, 1, every=every) == 1
    desk.go("2024-02-01T00:00")

    assert charge(desk, 1, every=every) == 3
    assert (remembered(desk).starts_at, remembered(desk).spent) == (instant("2024-02-01T00:00"), 1)
    assert desk.wallet.budgeted == 1


def test_rule_24_periods_are_counted_from_an_anchor_in_a_zone():
    desk = funded(zone="Europe/Rome")
    desk.go("2024-05-15T12:00")
    charge(desk, 1, every=Cadence.MONTH)
    charge(desk, 1, every=Cadence.MONTH, count=2, anchor=instant("2024-01-10T08:00"), subject=5, zone="UTC")

    assert remembered(desk)[2:4] == (instant("2024-04-30T22:00"), instant("2024-05-31T22:00"))
    assert desk.wallet.counters[0, 5][2:4] == (instant("2024-05-10T08:00"), instant("2024-07-10T08:00"))


def test_rule_24_without_a_period_it_never_begins_anew():
    desk = funded()
    charge(desk, 25)
    desk.wait(20 * 365 * DAY)

    assert charge(desk, 1) == 2
    assert remembered(desk)[2:4] == (0, NEVER)


def test_rule_24_another_price_takes_effect_at_once_and_another_period_when_this_one_is_over():
    desk = funded()
    charge(desk, 10, every=Cadence.DAY)

    assert charge(desk, 1, Graduated(((None, 9),)), every=Cadence.MONTH) == 9
    assert remembered(desk).ends_at - remembered(desk).starts_at == DAY * MICROSECONDS
    desk.wait(DAY)
    charge(desk, 1, every=Cadence.MONTH)
    assert remembered(desk).ends_at - remembered(desk).starts_at == 30 * DAY * MICROSECONDS


def test_rule_24_each_wallet_and_each_name_remembers_for_itself():
    desk = funded(CREDITS, GENERATIONS)
    both = Priced(("image", 10), price(10).meters + price(3, unit=2).meters)

    desk.charge([(1, 0), (2, 0)], priced=both)
    charge(desk, 1, subject=5)

    assert (desk.wallets[1].spent, desk.wallets[2].spent) == (33, 9)
    assert {key: each.spent for key, each in desk.wallet.counters.items()} == {(0, SUBJECT): 10, (0, 5): 1}


def test_rule_24_a_price_in_one_unit_leaves_the_amount_in_another_as_it_was_said():
    desk = funded(CREDITS, GENERATIONS)

    desk.charge([(1, 500), (2, 4)], priced=price(1))

    assert (desk.wallets[1].spent, desk.wallets[2].spent, desk.wallets[2].counters) == (3, 4, {})


def test_rule_24_a_refused_charge_is_not_remembered():
    desk = Desk()
    desk.grant(20)

    with pytest.raises(InsufficientCredits) as refused:
        charge(desk, 10)

    assert tell(refused, "needed", "short") == (30, 10)
    assert (desk.wallet.counters, desk.wallet.budgeted) == ({}, 0)


def test_rule_14_work_that_is_charged_as_far_as_credits_go_is_remembered_in_full():
    desk = Desk()
    desk.grant(20)

    receipt = desk.charge(0, mode=Mode.ALL_AVAILABLE, priced=price(10))

    assert (receipt.amount, receipt.uncovered, remembered(desk).spent) == (20, 10, 10)


@pytest.mark.parametrize("how", ["record", "charge"])
def test_rule_14_recorded_work_is_priced_by_what_came_before_too(how):
    desk = Desk()
    for _ in range(2):
        desk.record(0, priced=price(10)) if how == "record" else charge(desk, 10, mode=Mode.RECORD)

    assert (desk.wallet.debt, remembered(desk).spent) == (30 + 10, 20)


def test_rule_12_a_budget_counts_what_the_price_comes_to_and_refuses_by_it():
    desk = funded()
    cap = desk.set_budget(31)
    charge(desk, 10)
    assert (desk.counter(cap).spent, desk.wallet.budgeted) == (30, 2)
    charge(desk, 1)

    with pytest.raises(BudgetExceeded) as refused:
        charge(desk, 1)

    assert tell(refused, "needed", "left", "spent") == (1, 0, 31)
    assert remembered(desk).spent == 11
    desk.end_budget()
    assert desk.wallet.budgeted == 1


def test_rule_27_a_hold_asks_what_it_would_cost_and_only_the_settle_is_remembered():
    desk = funded()
    charge(desk, 8)
    hold = desk.hold(0, priced=price(10))
    assert (desk.wallet.covered, remembered(desk).spent) == (6 + 8, 8)
    charge(desk, 2)

    receipt = desk.settle(hold, priced=price(10), catalog_version=1)

    assert (receipt.amount, receipt.catalog_version, remembered(desk).spent) == (10, 1, 20)


def test_rule_27_a_settle_after_the_period_of_its_hold_is_counted_in_that_of_now():
    desk = funded()
    cap = desk.set_budget(100, every=Cadence.DAY)
    charge(desk, 25, every=Cadence.DAY)
    hold = desk.hold(0, priced=price(10, every=Cadence.DAY), ttl=2 * DAY * MICROSECONDS)
    assert desk.wallet.covered == 20
    desk.wait(DAY)

    receipt = desk.settle(hold, priced=price(10, every=Cadence.DAY))

    assert (receipt.amount, remembered(desk).spent) == (30, 10)
    assert (desk.counter(cap).spent, desk.wallet.covered) == (45, 0)


def test_rule_27_a_hold_that_was_never_settled_leaves_nothing_behind():
    desk = funded()
    hold = desk.hold(0, priced=price(10))

    desk.release(hold)

    assert (desk.wallet.counters, desk.wallet.budgeted) == ({}, 0)


def test_rule_27_every_entry_of_a_request_says_by_which_catalog_and_what_time_does_says_none():
    desk = funded()
    desk.grant(5, expires_at=desk.at(60))
    desk.wait(60)

    desk.charge(1, catalog_version=7)

    assert [(entry.kind, entry.catalog_version) for entry in desk.written] == [(Kind.EXPIRED, 0), (Kind.CHARGED, 7)]


def test_rule_08_a_refund_gives_credits_back_and_what_was_counted_stays_counted():
    desk = funded()
    receipt = desk.charge(0, priced=price(10))

    desk.refund(receipt.number)

    assert (desk.wallet.free, remembered(desk).spent, charge(desk, 1)) == (1_000, 10, 1)


def test_rule_24_years_later_one_charge_is_one_entry():
    desk = funded()
    charge(desk, 10, every=Cadence.HOUR)
    desk.wait(50 * 365 * DAY)

    assert charge(desk, 1, every=Cadence.HOUR) == 3
    assert len(desk.written) == 1


def make_charge(amount=30, said=("image", 10), **fields):
    priced = None if said is None else Priced(said)
    return Charge(key="k", account="acme", amounts=((1, amount),), priced=priced, **fields)


def test_rule_28_the_same_call_replays_whatever_the_price_is_by_then():
    desk = funded()
    first = desk.ask(make_charge())

    assert desk.ask(make_charge(99, catalog_version=8)) is first
    assert desk.ask(replace(make_charge(), priced=price(10))) is first


@pytest.mark.parametrize(
    "other",
    [
        make_charge(said=("image", 11)),
        make_charge(said=("video", 10)),
        make_charge(said=None),
        make_charge(feature=5),
        make_charge(about=UNSAID._replace(model=5)),
    ],
)
def test_rule_28_another_quantity_is_another_request_at_whatever_price(other):
    desk = funded()
    first = desk.ask(make_charge())

    with pytest.raises(KeyReused):
        find_replay(other, [first])


def test_rule_24_what_it_counts_is_counted_from_the_opening_of_the_desk_on():
    desk = funded()
    desk.charge(0, priced=price(1, every=Cadence.DAY, anchor=OPENED_AT))

    assert remembered(desk)[2:4] == (OPENED_AT, OPENED_AT + DAY * MICROSECONDS)
