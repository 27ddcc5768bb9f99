"""Corners where several rules meet: units of any scale, wallets full of lots, debt beside scoped credit, steps of a
settle across an expiry, an upgrade, a budget's period; and keys of requests about what stands."""

import pytest

from farthing.face.ids import write_id
from farthing.values.amounts import Unit
from farthing.values.bounds import LARGEST_AMOUNT, MICROSECONDS
from farthing.values.entries import Kind
from farthing.values.errors import AllowanceExists, BudgetExceeded, KeyReused, TotalTooLarge
from farthing.values.periods import Cadence
from farthing.values.standing_requests import Allow, ChangeMode, Clawback, SetBudget
from farthing.values.wallets import RestPolicy, Rollover
from tests.unit.desk import DAY, Desk, drew, gave, kinds_of

LONG = 9 * DAY * MICROSECONDS


@pytest.mark.parametrize("scale", [0, 6, 9])
def test_rule_26_a_units_scale_changes_no_rule(scale):
    whole = 10**scale
    desk = Desk(Unit(1, "credits", scale, 0))
    desk.allow(7 * whole, every=Cadence.DAY, calendar=True, rollover=Rollover.CAPPED, cap_percent=500_000)
    desk.charge(2 * whole)
    desk.wait(DAY)

    desk.tidy()

    assert desk.wallet.free == 7 * whole + 7 * whole // 2
    assert desk.wallet.expired == 5 * whole - 7 * whole // 2


@pytest.mark.parametrize(("scale", "first"), [(0, 1), (9, 1_000_000_000 * 3 // 4)])
def test_rule_20_a_proportion_is_rounded_at_the_units_own_scale(scale, first):
    desk = Desk(Unit(1, "credits", scale, 0))
    desk.go("2024-01-01T06:00")

    desk.allow(10**scale, every=Cadence.DAY, calendar=True, is_prorated=True)

    assert desk.wallet.free == first


def test_rule_05_a_thousand_live_lots_burn_in_order_and_turn_and_expire_each_by_itself(monkeypatch):
    desk = Desk()
    with monkeypatch.context() as patched:
        patched.setattr(desk, "find_broken_laws", list)  # Of every one of them it would take a minute.
        for place in range(1_000):
            desk.grant(1, priority=20 + place % 7, expires_at=desk.at(DAY + place % 5 * 3_600))
    desk.allow(10, every=Cadence.DAY)

    receipt = desk.charge(110)

    assert [amount for _, amount in drew(receipt)] == [10] + [1] * 100
    priorities = [desk.wallet.lots[lot].priority for lot, _ in drew(receipt)]
    assert priorities == sorted(priorities)
    desk.wait(DAY)
    desk.tidy()
    assert desk.wallet.expired == sum(1 for entry in desk.entries[1] if entry.kind == Kind.EXPIRED)
    desk.wait(5 * 3_600)
    desk.tidy()
    assert (desk.wallet.free, desk.wallet.expired, desk.wallet.live) == (10, 900, 1)


def test_rule_07_debt_for_one_feature_stands_beside_credit_scoped_to_another_through_turns():
    desk = Desk()
    desk.record(30, feature="video")
    desk.allow(10, name="chat", every=Cadence.DAY, features=["chat"])
    desk.wait(3 * DAY)
    desk.tidy()
    assert (desk.wallet.debt, desk.wallet.free) == (30, 10)
    desk.allow(12, name="all", every=Cadence.DAY)
    assert (desk.wallet.debt, desk.wallet.free) == (18, 10)
    desk.wait(2 * DAY)

    desk.tidy()

    assert (desk.wallet.debt, desk.available("chat"), desk.available("video")) == (0, 10 + 6, 6)


@pytest.mark.parametrize("rest", RestPolicy)
def test_rule_10_steps_of_a_settle_across_an_expiry_take_what_was_held_and_the_rest_ends(rest):
    desk = Desk(rest_of_ended_lot=rest)
    desk.allow(20, every=Cadence.DAY)
    bought = desk.grant(10)
    hold = desk.hold(25, ttl=LONG)
    desk.settle(hold, 5, final=False)
    desk.wait(DAY)

    second = desk.settle(hold, 5, final=False)
    assert (drew(second), desk.wallet.held, desk.wallet.expired) == ([(2, 5)], 15, 0)
    last = desk.settle(hold, 4)

    assert (drew(last), gave(last)) == ([(2, 4)], [(bought, 5)])
    kept = 6 if rest == RestPolicy.GRACE else 0
    assert (desk.wallet.expired, desk.wallet.free) == (6 - kept, 20 + 10 + kept)
    assert kinds_of(desk.written) == [Kind.SETTLED, Kind.GRACED if kept else Kind.EXPIRED]


def test_rule_12_an_upgrade_and_a_turn_while_a_hold_is_open_under_a_budget():
    desk = Desk()
    desk.go("2024-01-01T00:00")
    plan = desk.allow(100, every=Cadence.MONTH)
    budget = desk.set_budget(60, every=Cadence.DAY)
    hold = desk.hold(50, ttl=LONG)
    desk.change_allowance(amount=300, mode=ChangeMode.REPLACE)
    with pytest.raises(BudgetExceeded):
        desk.charge(11)
    desk.wait(DAY)
    desk.charge(60)

    desk.settle(hold, 55)

    assert (desk.counter(budget).spent, desk.counter(budget).reserved) == (60, 0)
    assert (desk.left(plan), desk.left(desk.allowance(plan).lot)) == (0, 300 - 60 - 5)


@pytest.mark.parametrize(
    ("first", "other", "difference"),
    [
        (Allow, {"amount": 9}, "other terms"),
        (Allow, {"rollover": 2}, "other terms"),
        (SetBudget, {"most": 9}, "other terms"),
        (Clawback, {"money": 9}, "other terms"),
    ],
)
def test_rule_28_requests_about_what_stands_replay_and_are_told_apart(first, other, difference):
    desk = Desk()
    place = desk.place(desk.grant(100, cost_minor=100))
    words = {
        Allow: {"unit": 1, "name": "plan", "amount": 5, "every": Cadence.DAY},
        SetBudget: {"unit": 1, "name": "cap", "most": 5},
        Clawback: {"grant": place, "grant_id": write_id("gra", place), "money": 5},
    }[first]
    receipt = desk.ask(first(key="k", account="acme", **words))
    desk.wait(60)

    assert desk.ask(first(key="k", account="acme", **words)) == receipt
    with pytest.raises(KeyReused) as refused:
        desk.ask(first(key="k", account="acme", **words | other))
    assert refused.value.differs_in == difference


def test_rule_28_a_refused_allowance_does_not_take_the_key():
    desk = Desk()
    number = desk.allow(5, every=Cadence.DAY)
    with pytest.raises(AllowanceExists):
        desk.allow(5, every=Cadence.DAY, key="k")
    desk.end_allowance()

    assert desk.allow(5, every=Cadence.DAY, key="k") > number


def test_rule_26_totals_next_to_the_largest_amount_refuse_what_is_asked_and_let_time_go_on():
    desk = Desk()
    desk.grant(LARGEST_AMOUNT - 100, expires_at=desk.at(60))
    desk.allow(60, every=Cadence.DAY)
    with pytest.raises(TotalTooLarge):
        desk.grant(41)
    with pytest.raises(TotalTooLarge):
        desk.allow(41, name="other", every=Cadence.DAY)
    desk.wait(3 * DAY)

    desk.tidy()

    assert (desk.wallet.granted, desk.wallet.free, desk.wallet.expired) == (LARGEST_AMOUNT, 0, LARGEST_AMOUNT)
    desk.charge(0)
    assert desk.record(5).debt_after == 5


def test_rule_26_an_allowance_of_the_largest_amount_turns_for_ever():
    desk = Desk()
    desk.allow(LARGEST_AMOUNT, every=Cadence.HOUR)
    for _ in range(3):
        desk.wait(400 * DAY)
        desk.tidy()

    assert (desk.wallet.free, desk.wallet.granted, desk.wallet.expired) == (0, LARGEST_AMOUNT, LARGEST_AMOUNT)
    assert desk.wallet.next_due == desk.now + 3_600 * MICROSECONDS


def test_rule_09_a_hold_that_is_bare_in_part_settles_on_credits_of_a_turn_and_counts_once_in_a_budget():
    desk = Desk(overdraft=50)
    desk.go("2024-01-01T00:00")
    budget = desk.set_budget(500, member="ana")
    desk.allow(100, every=Cadence.DAY)
    hold = desk.hold(130, ttl=LONG, member="ana")
    assert (desk.wallet.bare, desk.counter(budget).reserved) == (30, 130)
    desk.wait(DAY)

    receipt = desk.settle(hold, 120)

    assert [amount for _, amount in drew(receipt)] == [100, 20]
    assert (desk.counter(budget).spent, desk.counter(budget).reserved, desk.wallet.debt) == (120, 0, 0)


def test_rule_13_a_hold_and_the_period_that_it_was_placed_in_may_end_at_one_instant():
    desk = Desk()
    desk.go("2024-01-01T00:00")
    budget = desk.set_budget(50, every=Cadence.DAY)
    desk.allow(50, every=Cadence.DAY)
    desk.hold(50, ttl=DAY * MICROSECONDS)
    desk.wait(DAY)

    desk.charge(50)

    assert kinds_of(desk.written)[:3] == [Kind.TIMED_OUT, Kind.EXPIRED, Kind.TURNED]
    assert (desk.counter(budget).spent, desk.counter(budget).reserved) == (50, 0)
