"""Rules 19 and 21: an allowance changed within its period, and periods that operators end or move (T8 to T10)."""

import pytest

from farthing.values.bounds import NEVER
from farthing.values.entries import Kind
from farthing.values.errors import TermInvalid, TimeInvalid
from farthing.values.periods import Cadence
from farthing.values.standing_requests import ChangeMode
from farthing.values.wallets import Rollover
from tests.unit.desk import DAY, Desk, drew, instant, kinds_of

LONG = 9 * DAY * 1_000_000


def daily(amount=100, **fields):
    """A desk with so much a day, from its opening, half a day later."""
    desk = Desk()
    number = desk.allow(amount, every=Cadence.DAY, **fields)
    desk.wait(DAY // 2)
    return desk, number


def list_lots(desk):
    return [lot.remaining for _, lot in sorted(desk.wallet.lots.items()) if lot.remaining]


def tell_rollover(allowance):
    return allowance.rollover, allowance.cap, allowance.cap_percent, allowance.keep, allowance.on_turn


def test_rule_21_replace_gives_a_fresh_lot_and_the_old_one_ends():
    desk, number = daily(5)

    receipt = desk.change_allowance(amount=100, mode=ChangeMode.REPLACE)

    assert kinds_of(desk.written) == [Kind.ALLOWANCE_CHANGED, Kind.EXPIRED]
    assert (receipt.amount, receipt.granted, desk.written[1].expired) == (100, 100, 5)
    assert (desk.wallet.free, desk.allowance(number).lot) == (100, receipt.number)
    lot = desk.wallet.lots[receipt.number]
    assert (lot.effective_at, lot.expires_at, lot.allowance) == (desk.now, desk.at(DAY), number)


def test_rule_21_replace_gives_all_of_it_again_whatever_was_used():
    desk, _ = daily()
    desk.charge(90)

    desk.change_allowance(amount=80, mode=ChangeMode.REPLACE)

    assert (desk.wallet.free, desk.wallet.expired) == (80, 10)


def test_rule_21_add_gives_a_lot_more_and_the_old_one_stays():
    desk, _ = daily()
    desk.charge(30)

    receipt = desk.change_allowance(amount=500, mode=ChangeMode.ADD)

    assert (receipt.granted, list_lots(desk)) == (500, [70, 500])
    desk.wait(DAY // 2)
    desk.tidy()
    assert (list_lots(desk), desk.wallet.expired) == ([500], 570)


@pytest.mark.parametrize(
    ("used", "amount", "left", "adjusted"),
    [(30, 150, 120, 0), (30, 60, 30, -40), (80, 60, 0, -20), (30, 100, 70, 0), (30, 0, 0, -70)],
)
def test_rule_21_keep_used_moves_the_difference_and_what_was_used_counts(used, amount, left, adjusted):
    desk, number = daily()
    desk.charge(used)

    receipt = desk.change_allowance(amount=amount, mode=ChangeMode.KEEP_USED)

    assert (desk.left(number), desk.wallet.lots[number].amount) == (left, amount)
    assert (receipt.adjusted, receipt.granted) == (adjusted, max(0, amount - 100))
    desk.wait(DAY // 2)
    desk.tidy()
    assert desk.wallet.free == amount


def test_rule_21_keep_used_pays_debt_with_the_difference():
    desk, _ = daily()
    desk.record(110)

    receipt = desk.change_allowance(amount=150, mode=ChangeMode.KEEP_USED)

    assert (receipt.debt, desk.wallet.debt, desk.wallet.free) == (-10, 0, 40)


def test_rule_21_keep_used_after_a_first_period_of_nothing_gives_the_difference_as_a_lot():
    desk, number = daily(first=0)

    desk.change_allowance(amount=130, mode=ChangeMode.KEEP_USED)

    assert (desk.wallet.free, desk.wallet.lots[desk.allowance(number).lot].amount) == (30, 30)


def test_rule_21_at_turn_changes_nothing_until_then():
    desk, number = daily()
    desk.charge(30)

    receipt = desk.change_allowance(amount=500, mode=ChangeMode.AT_TURN)

    assert (receipt.amount, receipt.lots, desk.left(number)) == (0, 0, 70)
    desk.wait(DAY // 2)
    desk.tidy()
    assert desk.wallet.free == 500


@pytest.mark.parametrize("mode", [ChangeMode.REPLACE, ChangeMode.ADD])
def test_rule_21_fresh_credits_pay_debt_first(mode):
    desk, _ = daily()
    desk.record(130)

    desk.change_allowance(amount=200, mode=mode)

    assert (desk.wallet.debt, desk.wallet.free) == (0, 170)


def test_rule_21_held_bought_and_bonus_credits_are_not_touched():
    desk, number = daily(50)
    bought, bonus = desk.grant(100, priority=90), desk.grant(7, until_turn="plan")
    hold = desk.hold(60, ttl=LONG)

    desk.change_allowance(amount=80, mode=ChangeMode.REPLACE)

    assert [desk.left(lot) for lot in (number, bonus, bought)] == [0, 0, 97]
    assert (desk.wallet.held, desk.wallet.free) == (60, 97 + 80)
    desk.release(hold)
    assert (desk.left(bonus), desk.left(bought), desk.wallet.expired) == (7, 100, 50)


@pytest.mark.parametrize(
    ("mode", "drawn", "left"),
    [
        (ChangeMode.REPLACE, [0, 1, 2], 77 + 90),
        (ChangeMode.ADD, [0, 1, 2], 77 + 90),
        (ChangeMode.KEEP_USED, [0, 1, 0], 27 + 90),
    ],
)
def test_rule_21_a_hold_settles_against_its_own_lots_and_the_excess_by_burn_down_order_then(mode, drawn, left):
    desk, plan = daily(50)
    life = desk.grant(100, priority=90)
    hold = desk.hold(60, ttl=LONG)
    desk.change_allowance(amount=80, mode=mode)

    receipt = desk.settle(hold, 63)

    lots = [plan, life, desk.allowance(plan).lot]
    assert drew(receipt) == list(zip([lots[place] for place in drawn], [50, 10, 3], strict=True))
    assert desk.wallet.free == left


def test_rule_21_a_lower_amount_takes_nothing_that_is_held():
    desk, number = daily()
    hold = desk.hold(60, ttl=LONG)

    receipt = desk.change_allowance(amount=30, mode=ChangeMode.KEEP_USED)

    assert (receipt.adjusted, desk.wallet.free, desk.wallet.held) == (-40, 0, 60)
    assert desk.settle(hold).amount == 60
    assert desk.wallet.lots[number].amount == 30


def test_rule_21_a_change_that_makes_no_sense_is_refused_and_one_field_alone_keeps_the_others():
    desk, number = daily(rollover=Rollover.CAPPED, cap=40, keep=2)
    with pytest.raises(TermInvalid):
        desk.change_allowance(rollover=Rollover.NONE, keep=1_001)
    desk.change_allowance(keep=5)
    assert tell_rollover(desk.allowance(number)) == (Rollover.CAPPED, 40, 0, 5, 0)

    desk.change_allowance(cap_percent=500_000)
    assert tell_rollover(desk.allowance(number)) == (Rollover.CAPPED, 0, 500_000, 5, 0)
    desk.change_allowance(rollover=Rollover.ALL, on_turn=1)
    assert tell_rollover(desk.allowance(number)) == (Rollover.ALL, 0, 0, 5, 1)


def test_rule_19_keep_that_changes_moves_the_end_of_the_period_in_hand_only():
    desk, number = daily(rollover=Rollover.ALL, keep=1)
    desk.wait(DAY)
    desk.tidy()

    desk.change_allowance(keep=3)

    fresh = desk.allowance(number).lot
    assert [desk.wallet.lots[lot].expires_at for lot in (number, fresh)] == [desk.at(2 * DAY), desk.at(5 * DAY)]


def test_rule_21_changing_an_allowance_whose_trial_still_runs_works_from_its_first_turn():
    desk = Desk()
    desk.allow(100, every=Cadence.DAY, starts_at=desk.at(5 * DAY))

    desk.change_allowance(amount=200, mode=ChangeMode.AT_TURN)
    desk.wait(5 * DAY)
    desk.tidy()

    assert desk.wallet.free == 200


def test_rule_18_end_period_lets_the_period_end_as_it_will_and_the_next_one_lasts_to_the_same_date():
    desk, number = daily()
    bonus = desk.grant(5, until_turn="plan")
    desk.charge(30)

    receipt = desk.end_period()

    assert (receipt.kind, receipt.of_number) == (Kind.PERIOD_SET, number)
    told = [(entry.kind, entry.amount, entry.of_number) for entry in desk.written[1:]]
    assert told == [(Kind.EXPIRED, 70, number), (Kind.EXPIRED, 5, bonus), (Kind.TURNED, 100, number)]
    assert desk.allowance(number)[-4:-2] == (desk.now, desk.at(DAY))
    desk.wait(DAY // 2)
    assert kinds_of(desk.tidy()) == [Kind.EXPIRED, Kind.TURNED]
    assert desk.allowance(number).turns_at == desk.at(2 * DAY)


@pytest.mark.parametrize("pause", [0, 60])
def test_rule_18_end_period_twice_gives_twice(pause):
    desk, number = daily()
    desk.charge(30)
    desk.end_period()
    desk.wait(pause)

    desk.end_period()

    assert (desk.wallet.free, desk.wallet.granted, desk.wallet.expired) == (100, 300, 170)
    assert desk.allowance(number).turns_at == desk.at(DAY)
    desk.wait(DAY // 2)
    desk.tidy()
    assert desk.wallet.granted == 400


def test_rule_18_end_period_of_an_empty_lot_and_of_one_that_is_held():
    desk, number = daily()
    hold = desk.hold(100, ttl=LONG)

    desk.end_period()

    assert (desk.wallet.free, desk.wallet.held, desk.wallet.expired) == (100, 100, 0)
    desk.release(hold)
    assert (desk.left(number), desk.wallet.free, desk.wallet.expired) == (0, 100, 100)


def test_rule_19_end_period_with_rollover_carries_and_trims():
    desk, number = daily(rollover=Rollover.CAPPED, cap=40)
    desk.charge(30)

    desk.end_period()

    assert (list_lots(desk), desk.wallet.expired) == ([40, 100], 30)
    assert desk.wallet.lots[number].expires_at == NEVER


def test_rule_18_end_period_pays_debt_like_any_turn():
    desk, _ = daily(on_turn=1)
    desk.record(130)

    desk.end_period()

    assert kinds_of(desk.written) == [Kind.PERIOD_SET, Kind.EXPIRED, Kind.FORGIVEN, Kind.TURNED]
    assert (desk.wallet.debt, desk.wallet.free) == (0, 100)


@pytest.mark.parametrize("days", [1, 3])
def test_rule_18_set_period_end_ahead_moves_the_end_and_all_that_ends_with_it(days):
    desk, number = daily()
    bonus, bought = desk.grant(5, until_turn="plan"), desk.grant(9, expires_at=desk.at(DAY) + 1)
    ends_at = desk.now + days * DAY * 1_000_000

    receipt = desk.set_period_end(ends_at)

    assert (receipt.kind, kinds_of(desk.written)) == (Kind.PERIOD_SET, [Kind.PERIOD_SET])
    assert [desk.wallet.lots[lot].expires_at == ends_at for lot in (number, bonus, bought)] == [True, True, False]
    desk.wait(days * DAY, micros=-1)
    desk.tidy()
    assert desk.wallet.free == 105
    desk.wait(0, micros=1)
    desk.tidy()
    assert (desk.wallet.free, desk.allowance(number).turns_at) == (100, desk.at((days + 1) * DAY))


@pytest.mark.parametrize("back", [0, 1, 400 * DAY])
def test_rule_18_set_period_end_that_has_passed_lets_the_allowance_turn_now(back):
    desk, number = daily()
    desk.charge(30)

    desk.set_period_end(desk.now - back * 1_000_000)

    assert kinds_of(desk.written) == [Kind.PERIOD_SET, Kind.EXPIRED, Kind.TURNED]
    assert (desk.wallet.free, desk.allowance(number).turns_at) == (100, desk.at(DAY))


def test_rule_18_a_period_may_be_ended_the_moment_before_it_ends_and_turns_again_then():
    desk, _ = daily()
    desk.wait(DAY // 2, micros=-1)
    desk.end_period()
    desk.wait(0, micros=1)

    desk.tidy()

    assert (desk.wallet.granted, desk.wallet.expired) == (300, 200)


def test_rule_18_a_period_has_an_end():
    desk, _ = daily()

    with pytest.raises(TimeInvalid):
        desk.set_period_end(NEVER)


def test_rule_02_after_a_moved_end_the_boundaries_are_those_of_the_anchor_again():
    desk = Desk()
    desk.go("2024-01-31T09:00")
    number = desk.allow(100, every=Cadence.MONTH)
    desk.set_period_end(instant("2024-02-10T00:00"))
    desk.go("2024-02-10T00:00")
    desk.tidy()

    assert desk.allowance(number).turns_at == instant("2024-02-29T09:00")
    desk.go("2024-02-29T09:00")
    desk.tidy()
    assert desk.allowance(number).turns_at == instant("2024-03-31T09:00")
