"""Rule 19: what of an allowance is carried over, in which order it is spent, what trims and ends it."""

import pytest

from farthing.values.bounds import NEVER
from farthing.values.entries import Kind
from farthing.values.errors import TermInvalid
from farthing.values.periods import Cadence
from farthing.values.wallets import Rollover
from tests.unit.desk import DAY, Desk, drew


def daily(amount=100, **fields):
    """A desk with so much a day, from its opening."""
    desk = Desk()
    return desk, desk.allow(amount, every=Cadence.DAY, **fields)


def capped(cap, amount=100, **fields):
    return daily(amount, rollover=Rollover.CAPPED, cap=cap, **fields)


def pass_days(desk, days, spend=0):
    """Some days pass, each with a charge at its end; answers what the turns wrote."""
    written = []
    for _ in range(days):
        desk.charge(spend)
        desk.wait(DAY)
        written += desk.tidy()
    return written


def list_carried(desk, number):
    """What carried lots have left, oldest first."""
    allowance = desk.allowance(number)
    lots = [lot for lot in desk.wallet.lots.values() if lot.allowance == number and lot.remaining]
    return [
        lot.remaining
        for lot in sorted(lots, key=lambda lot: lot.effective_at)
        if lot.effective_at < allowance.starts_at
    ]


def trims(written):
    return [(entry.of_number, entry.amount) for entry in written if entry.kind == Kind.EXPIRED]


def test_rule_19_nothing_is_carried_unless_the_allowance_says():
    desk, number = daily()

    written = pass_days(desk, 2, spend=30)

    assert (list_carried(desk, number), desk.wallet.free, desk.wallet.expired) == ([], 100, 140)
    assert len(trims(written)) == 2


def test_rule_19_all_of_it_is_carried_for_ever_each_period_in_its_own_lot():
    desk, number = daily(rollover=Rollover.ALL)

    pass_days(desk, 3, spend=30)

    assert list_carried(desk, number) == [10, 100, 100]
    assert (desk.wallet.expired, desk.wallet.free) == (0, 310)
    assert {lot.expires_at for lot in desk.wallet.lots.values()} == {NEVER}


def test_rule_19_what_is_carried_is_spent_before_the_fresh_credits_oldest_first():
    desk, number = daily(rollover=Rollover.ALL)
    pass_days(desk, 2)
    lots = sorted(desk.wallet.lots)

    receipt = desk.charge(250)

    assert drew(receipt) == [(lots[0], 100), (lots[1], 100), (lots[2], 50)]
    assert desk.allowance(number).lot == lots[2]


def test_rule_19_a_carried_lot_that_ends_soon_is_spent_before_one_carried_for_longer():
    desk, _ = daily(rollover=Rollover.ALL, keep=3)
    pass_days(desk, 2)
    lots = sorted(desk.wallet.lots)

    assert drew(desk.charge(150)) == [(lots[0], 100), (lots[1], 50)]


def test_rule_19_the_cap_bounds_all_carried_lots_together_and_the_oldest_is_trimmed():
    desk, number = capped(150)

    written = pass_days(desk, 3)

    assert list_carried(desk, number) == [50, 100]
    assert [amount for _, amount in trims(written)] == [50, 50, 50]
    assert [lot for lot, _ in trims(written)][:2] == [number, number]
    assert (desk.wallet.free, desk.wallet.expired) == (250, 150)


def test_rule_19_a_trim_that_takes_more_than_the_oldest_goes_on_with_the_next():
    desk, number = daily(rollover=Rollover.ALL)
    pass_days(desk, 2)
    lots = sorted(desk.wallet.lots)
    desk.change_allowance(rollover=Rollover.CAPPED, cap=120)

    written = pass_days(desk, 1)

    assert trims(written) == [(lots[0], 100), (lots[1], 80)]
    assert list_carried(desk, number) == [20, 100]


@pytest.mark.parametrize(("cap", "carried"), [(99, 99), (100, 100), (101, 100)])
def test_rule_19_the_cap_is_the_most_and_no_more(cap, carried):
    desk, number = capped(cap)

    pass_days(desk, 1)

    assert list_carried(desk, number) == [carried]


def test_rule_19_a_cap_of_nothing_is_refused_since_that_is_what_no_rollover_says():
    with pytest.raises(TermInvalid, match="rollover none"):
        capped(0)


@pytest.mark.parametrize(("percent", "carried"), [(1_000_000, 101), (500_000, 50), (333_333, 33), (9_900, 0)])
def test_rule_19_a_cap_in_percent_is_of_the_amount_and_floored(percent, carried):
    desk, number = daily(101, rollover=Rollover.CAPPED, cap_percent=percent)

    pass_days(desk, 1)

    assert sum(list_carried(desk, number)) == carried


@pytest.mark.parametrize("rollover", [Rollover.ALL, Rollover.CAPPED])
@pytest.mark.parametrize("keep", [1, 2])
def test_rule_19_keep_says_for_how_many_periods(rollover, keep):
    cap = {"cap": 1_000} if rollover == Rollover.CAPPED else {}
    desk, number = daily(rollover=rollover, keep=keep, **cap)

    written = pass_days(desk, 4)

    assert list_carried(desk, number) == [100] * keep
    assert trims(written)[0] == (number, 100)
    assert desk.wallet.lots[number].expires_at == desk.at((1 + keep) * DAY)
    assert desk.wallet.expired == (4 - keep) * 100


def test_rule_19_with_keep_the_cap_still_bounds_what_lives():
    desk, number = capped(150, keep=2)

    written = pass_days(desk, 4)

    assert list_carried(desk, number) == [50, 100]
    assert desk.wallet.expired == sum(amount for _, amount in trims(written)) == 250


def test_rule_19_a_carried_month_lives_to_the_boundaries_of_the_calendar():
    desk = Desk()
    desk.go("2024-01-31T00:00")
    number = desk.allow(100, every=Cadence.MONTH, rollover=Rollover.ALL, keep=1)

    assert desk.written[0].granted == 100
    ends = desk.wallet.lots[number].expires_at
    desk.go("2024-03-31T00:00")
    assert ends == desk.now


def test_rule_19_what_a_hold_has_of_a_carried_lot_counts_for_no_cap_and_comes_back_to_it():
    desk, number = capped(50)
    hold = desk.hold(80, ttl=10 * DAY * 1_000_000)
    pass_days(desk, 1)
    assert (list_carried(desk, number), desk.wallet.held) == ([20], 80)

    desk.release(hold)
    assert list_carried(desk, number) == [100]
    written = pass_days(desk, 1)

    assert trims(written) == [(number, 100), (desk.written[1].of_number, 50)]
    assert sum(list_carried(desk, number)) == 50


def test_rule_19_a_lower_cap_works_from_the_next_turn():
    desk, number = capped(150)
    pass_days(desk, 2)
    assert list_carried(desk, number) == [50, 100]

    desk.change_allowance(cap=30)

    assert list_carried(desk, number) == [50, 100]
    pass_days(desk, 1)
    assert list_carried(desk, number) == [30]


def test_rule_19_rollover_that_begins_carries_what_the_period_in_hand_leaves():
    desk, number = daily()
    desk.change_allowance(rollover=Rollover.ALL)

    pass_days(desk, 1, spend=30)

    assert list_carried(desk, number) == [70]


def test_rule_19_rollover_that_ends_lets_the_period_in_hand_end_and_keeps_what_was_carried():
    desk, number = daily(rollover=Rollover.ALL)
    pass_days(desk, 1, spend=30)

    desk.change_allowance(rollover=Rollover.NONE)
    pass_days(desk, 1)

    assert list_carried(desk, number) == [70]
    assert desk.allowance(number).rollover == Rollover.NONE


def test_rule_19_debt_is_paid_by_carried_credits_first_and_then_there_are_none():
    desk, number = daily(rollover=Rollover.ALL)
    pass_days(desk, 1, spend=30)
    desk.record(200)
    assert desk.wallet.debt == 30

    written = pass_days(desk, 1)

    assert [(entry.kind, entry.debt, entry.lots) for entry in written] == [(Kind.TURNED, -30, 70)]
    assert list_carried(desk, number) == []


def test_rule_19_a_refund_to_a_carried_lot_goes_back_into_it():
    desk, number = daily(rollover=Rollover.ALL)
    charge = desk.charge(60)
    pass_days(desk, 1)

    desk.refund(charge.number)

    assert list_carried(desk, number) == [100]


def test_rule_19_two_allowances_carry_each_for_itself():
    desk, first = capped(50)
    other = desk.allow(10, name="other", every=Cadence.DAY, rollover=Rollover.ALL)

    pass_days(desk, 3)

    assert (list_carried(desk, first), list_carried(desk, other)) == ([50], [10, 10, 10])
