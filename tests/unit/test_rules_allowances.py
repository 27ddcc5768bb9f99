"""Rules 18 and 20: what a turn gives, what it does to debt, what a first period gives; and how a bonus ends with it."""

import pytest

from farthing.core.corrections import count_used
from farthing.core.decide import apply_due_only
from farthing.core.draft import Draft
from farthing.engine.zones import find_zone
from farthing.values.bounds import LARGEST_AMOUNT, MICROSECONDS, MOST_ALLOWANCES, NEVER
from farthing.values.entries import Kind
from farthing.values.errors import (
    AllowanceExists,
    AllowanceNotFound,
    InsufficientCredits,
    TermInvalid,
    TooManyLots,
    TooManyRules,
)
from farthing.values.names import name_number
from farthing.values.periods import Cadence
from farthing.values.wallets import Rollover, TurnPolicy
from tests.unit.desk import DAY, Desk, drew, instant, kinds_of, tell

PLAN, BONUS = name_number("plan"), name_number("bonus")


def used(desk):
    return count_used(Draft(desk.wallet, desk.now, desk.seal, find_zone))


def daily(amount=100, **fields):
    """A desk with so much a day, from its opening."""
    desk = Desk()
    return desk, desk.allow(amount, every=Cadence.DAY, **fields)


def test_rule_18_an_allowance_begins_at_once_and_its_lot_ends_with_the_period():
    desk, number = daily(source=PLAN, features=["chat"])

    lot = desk.wallet.lots[desk.allowance(number).lot]
    assert (lot.amount, lot.remaining, lot.priority, lot.source) == (100, 100, 10, PLAN)
    assert (lot.effective_at, lot.expires_at, lot.allowance) == (desk.now, desk.at(DAY), number)
    assert lot.features == (name_number("chat"),)
    assert (desk.written[0].kind, desk.written[0].granted) == (Kind.ALLOWED, 100)


def test_rule_18_at_a_turn_what_is_left_ends_and_the_whole_amount_comes():
    desk, number = daily()
    desk.charge(30)
    desk.wait(DAY)

    written = desk.tidy()

    assert [(entry.kind, entry.amount) for entry in written] == [(Kind.EXPIRED, 70), (Kind.TURNED, 100)]
    assert [entry.of_number for entry in written] == [number, number]
    assert (desk.wallet.free, desk.wallet.expired, desk.wallet.granted) == (100, 70, 200)
    assert desk.allowance(number)[-4:-1] == (desk.at(DAY), desk.at(2 * DAY), written[1].number)


def test_rule_18_a_turn_keeps_debt_and_the_fresh_credits_pay_it_first_in_the_same_entry():
    desk, _ = daily()
    desk.record(120)
    desk.wait(DAY)

    written = desk.tidy()

    assert [(entry.kind, entry.granted, entry.debt, entry.lots) for entry in written] == [(Kind.TURNED, 100, -20, 80)]
    assert (desk.wallet.debt, desk.wallet.free) == (0, 80)


def test_rule_18_debt_of_more_than_a_period_is_paid_by_as_many_as_it_takes():
    desk, _ = daily()
    desk.record(350)
    desk.wait(3 * DAY)

    written = desk.tidy()

    assert [(entry.kind, entry.debt, entry.lots) for entry in written] == [
        (Kind.TURNED, -100, 0),
        (Kind.TURNED, -100, 0),
        (Kind.TURNED, -50, 50),
    ]


def test_rule_18_on_turn_forgive_writes_debt_off_in_an_entry_of_its_own():
    desk, _ = daily(on_turn=TurnPolicy.FORGIVE)
    desk.record(120)
    desk.wait(DAY)

    written = desk.tidy()

    assert [(entry.kind, entry.amount, entry.debt) for entry in written] == [
        (Kind.FORGIVEN, 20, -20),
        (Kind.TURNED, 100, 0),
    ]
    assert (desk.wallet.adjusted, desk.wallet.free) == (20, 100)


def test_rule_18_forgiving_at_a_turn_without_debt_writes_nothing():
    desk, _ = daily(on_turn=TurnPolicy.FORGIVE)
    desk.wait(DAY)

    assert kinds_of(desk.tidy()) == [Kind.EXPIRED, Kind.TURNED]


def test_rule_18_forgiving_debt_that_time_alone_makes_too_much_for_the_totals_never_stops_a_wallet():
    desk = Desk()
    desk.grant(LARGEST_AMOUNT - 1_000, expires_at=desk.at(10))
    desk.wait(10)
    desk.allow(100, every=Cadence.DAY, on_turn=TurnPolicy.FORGIVE)
    desk.record(2**62)
    desk.wait(DAY)

    desk.tidy()

    assert desk.wallet.clock == desk.now
    assert desk.wallet.granted + desk.wallet.adjusted == LARGEST_AMOUNT


def test_rule_18_credits_scoped_to_a_feature_leave_the_debt_of_another_alone():
    desk, _ = daily(features=["chat"])
    desk.record(5, feature="video")
    desk.record(103, feature="chat")
    desk.wait(DAY)

    written = desk.tidy()

    assert [(entry.kind, entry.debt, entry.lots) for entry in written] == [(Kind.TURNED, -3, 97)]
    assert (desk.wallet.debt, desk.available("chat"), desk.available("video")) == (5, 92, -5)


def test_rule_18_used_is_of_the_period_in_hand_and_starts_at_debt_after_a_turn():
    desk, _ = daily(source=PLAN)
    desk.grant(20, source=BONUS, until_turn="plan")
    desk.charge(110)
    assert used(desk) == 110
    desk.record(40)
    assert used(desk) == 150
    desk.wait(DAY)
    desk.tidy()

    assert used(desk) == 30


def test_rule_18_reset_and_set_used_work_on_the_lot_of_the_period_in_hand():
    desk, number = daily(source=PLAN, rollover=2)
    desk.charge(40)
    desk.wait(DAY)
    desk.charge(75)
    lot = desk.allowance(number).lot
    assert used(desk) == 15

    receipt = desk.set_used(70)
    assert (desk.left(lot), receipt.adjusted, used(desk)) == (30, -55, 70)
    desk.reset_used()

    assert (desk.left(lot), used(desk), desk.left(number)) == (100, 0, 0)


def test_rule_18_a_turn_between_hold_and_settle_leaves_the_hold_its_own_lot():
    desk, number = daily()
    hold = desk.hold(60, ttl=2 * DAY * MICROSECONDS)
    desk.wait(DAY)
    desk.tidy()
    assert (desk.wallet.free, desk.wallet.held, desk.wallet.expired) == (100, 60, 40)

    receipt = desk.settle(hold, 50)

    assert drew(receipt) == [(number, 50)]
    assert kinds_of(desk.written) == [Kind.SETTLED, Kind.EXPIRED]
    assert (desk.wallet.free, desk.wallet.expired) == (100, 50)


def test_rule_18_a_hold_partly_bare_is_covered_no_better_when_a_grant_arrives_and_draws_on_it_at_settle():
    desk = Desk(overdraft=50)
    number = desk.allow(100, every=Cadence.DAY)
    hold = desk.hold(140, ttl=2 * DAY * MICROSECONDS)
    desk.wait(DAY)
    desk.tidy()
    assert (desk.wallet.holds[hold].covered, desk.wallet.holds[hold].bare, desk.wallet.free) == (100, 40, 100)

    receipt = desk.settle(hold)

    assert drew(receipt) == [(number, 100), (desk.allowance(number).lot, 40)]
    assert (desk.wallet.debt, desk.wallet.free) == (0, 60)


def test_rule_18_reading_sees_the_turn_that_nobody_has_written_yet():
    desk, _ = daily()
    desk.charge(30)
    desk.wait(DAY)

    seen = apply_due_only(desk.wallet, desk.now, desk.seal, find_zone)

    assert (seen.free, desk.wallet.free, seen.expired) == (100, 70, 70)


def test_rule_18_a_refusal_says_when_the_next_credits_come_and_how_many():
    desk, _ = daily()

    with pytest.raises(InsufficientCredits) as refused:
        desk.charge(130)

    assert tell(refused, "short", "arriving") == (30, 100)
    assert refused.value.resets_at.timestamp() * 1_000_000 == desk.at(DAY)


def test_rule_18_two_allowances_of_one_name_or_too_many_are_refused():
    desk, _ = daily()
    with pytest.raises(AllowanceExists):
        desk.allow(5, every=Cadence.DAY)
    for place in range(MOST_ALLOWANCES - 1):
        desk.allow(1, name=f"extra {place}", every=Cadence.DAY)

    with pytest.raises(TooManyRules) as refused:
        desk.allow(1, name="one more", every=Cadence.DAY)

    assert tell(refused, "what", "most") == ("allowances", MOST_ALLOWANCES)


def test_rule_18_an_allowance_that_ended_gives_up_its_name_and_turns_no_more():
    desk, number = daily()
    desk.charge(30)
    desk.end_allowance()
    assert (desk.wallet.recurring, desk.wallet.free) == (0, 70)
    desk.wait(DAY)

    assert kinds_of(desk.tidy()) == [Kind.EXPIRED]
    assert desk.wallet.free == 0
    assert desk.allow(7, every=Cadence.DAY) > number
    for ask in (desk.end_allowance, desk.end_period, desk.change_allowance):
        with pytest.raises(AllowanceNotFound):
            ask("nobody's")


@pytest.mark.parametrize(("fields", "left"), [({"now": True}, 0), ({}, 70)])
def test_rule_18_an_allowance_ended_now_takes_its_credits_along_carried_ones_too(fields, left):
    desk, _ = daily(rollover=2)
    desk.grant(5, until_turn="plan")
    desk.grant(3)
    desk.wait(DAY)
    desk.charge(130)

    desk.end_allowance(**fields)

    assert desk.wallet.free == left + 3
    desk.wait(DAY)
    desk.tidy()
    assert desk.wallet.free == 3


def test_rule_18_ending_an_allowance_with_rollover_ends_the_periods_credits_and_leaves_what_was_carried():
    desk, _ = daily(rollover=2)
    desk.wait(DAY)
    desk.end_allowance()
    desk.wait(DAY)

    desk.tidy()

    assert (desk.wallet.free, desk.wallet.expired) == (100, 100)


def test_rule_18_ending_an_allowance_ends_all_credits_that_the_period_in_hand_was_given():
    desk, _ = daily(rollover=2)
    desk.change_allowance(mode=1, amount=50)
    desk.end_allowance()
    desk.wait(DAY)

    desk.tidy()

    assert (desk.wallet.free, desk.wallet.expired) == (0, 150)


def test_rule_18_a_bonus_tied_to_the_period_ends_with_it():
    desk, number = daily()
    bonus = desk.grant(20, until_turn="plan", source=BONUS)
    assert desk.wallet.lots[bonus].expires_at == desk.allowance(number).turns_at
    desk.wait(DAY)

    written = desk.tidy()

    assert [(entry.kind, entry.amount) for entry in written] == [
        (Kind.EXPIRED, 100),
        (Kind.EXPIRED, 20),
        (Kind.TURNED, 100),
    ]
    with pytest.raises(AllowanceNotFound):
        desk.grant(5, until_turn="nobody's")


def test_rule_18_a_wallet_full_of_lots_still_turns_and_nothing_is_lost(monkeypatch):
    monkeypatch.setattr("farthing.core.allowances.MOST_LIVE_LOTS", 3)
    desk, number = daily(rollover=2)
    desk.grant(1)
    desk.grant(1)
    desk.wait(2 * DAY)

    desk.tidy()

    assert (desk.wallet.free, desk.wallet.live) == (302, 3)
    assert desk.wallet.lots[number].amount == 300
    with pytest.raises(TooManyLots):
        desk.allow(5, name="other", every=Cadence.DAY)
    desk.change_allowance(rollover=Rollover.ALL, keep=3)
    desk.wait(DAY)
    desk.tidy()
    assert (desk.wallet.free, desk.wallet.lots[number].expires_at) == (402, desk.at(7 * DAY))


def test_rule_20_the_first_short_period_gives_the_full_amount():
    desk = Desk()
    desk.go("2024-01-20T12:00")

    number = desk.allow(310, every=Cadence.MONTH, calendar=True)

    assert desk.wallet.free == 310
    assert desk.allowance(number).turns_at == instant("2024-02-01T00:00")


@pytest.mark.parametrize(("moment", "first"), [("2024-01-20T12:00", 115), ("2024-01-01T00:00", 310)])
def test_rule_20_or_in_proportion_to_what_is_left_of_it_half_up(moment, first):
    desk = Desk()
    desk.go(moment)

    desk.allow(310, every=Cadence.MONTH, calendar=True, is_prorated=True)

    assert desk.wallet.free == first
    desk.go("2024-02-01T00:00")
    desk.tidy()
    assert desk.wallet.free == 310


def test_rule_20_half_a_part_is_rounded_up():
    desk = Desk()
    desk.go("2024-01-01T12:00")

    desk.allow(5, every=Cadence.DAY, calendar=True, is_prorated=True)

    assert desk.wallet.free == 3


def test_rule_20_a_first_figure_of_its_own_may_even_be_nothing():
    desk, number = daily(first=0)
    assert (desk.wallet.free, desk.allowance(number).lot) == (0, 0)
    desk.wait(DAY)

    desk.tidy()

    assert desk.wallet.free == 100


def test_rule_20_the_end_of_a_trial_is_the_earliest_first_turn():
    desk = Desk()
    number = desk.allow(100, every=Cadence.MONTH, starts_at=desk.at(14 * DAY))
    assert (desk.wallet.free, desk.allowance(number).turns_at) == (0, desk.at(14 * DAY))
    desk.wait(14 * DAY, micros=-1)
    assert desk.tidy() == []
    desk.wait(0, micros=1)

    assert kinds_of(desk.tidy()) == [Kind.TURNED]
    assert desk.wallet.free == 100


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"count": 0}, "count"),
        ({"count": 10_001}, "count"),
        ({"keep": 2}, "keep"),
        ({"keep": 1_001, "rollover": 2}, "keep"),
        ({"cap": 5}, "cap"),
        ({"cap_percent": 5, "rollover": 2}, "cap"),
    ],
)
def test_rule_20_what_no_allowance_can_mean_is_refused(fields, what):
    desk = Desk()

    with pytest.raises(TermInvalid) as refused:
        desk.allow(5, every=Cadence.DAY, **fields)

    assert refused.value.what == what
    assert desk.entries[1] == []


def test_rule_18_a_lot_that_lives_on_without_end_ends_never():
    desk, number = daily(rollover=2)

    assert desk.wallet.lots[number].expires_at == NEVER


def test_rule_18_an_allowance_near_the_largest_total_is_clipped_and_never_stops_the_wallet():
    desk, _ = daily(2**62)
    desk.wait(5 * DAY)

    written = desk.tidy()

    turned = [(entry.amount, entry.uncovered) for entry in written if entry.kind == Kind.TURNED]
    assert turned == [(2**62 - 1, 1), (0, 2**62), (0, 2**62), (0, 2**62), (0, 2**62)]
    assert desk.wallet.granted == LARGEST_AMOUNT
    desk.wait(DAY)
    assert kinds_of(desk.tidy()) == [Kind.TURNED]


def test_rule_18_what_waits_to_take_effect_keeps_its_room_beside_a_turn():
    desk, _ = daily(2**62 - 10)
    waiting = desk.grant(2**61, starts_at=desk.at(3 * DAY))
    desk.wait(3 * DAY)

    desk.tidy()

    assert desk.left(waiting) == 2**61
    assert desk.wallet.granted == LARGEST_AMOUNT
