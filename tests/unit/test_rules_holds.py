"""Rules 9, 10 and 13: what a hold has, what settling takes and gives back, how long a hold lives."""

import pytest

from farthing.values.bounds import HOLD_TTL, MICROSECONDS
from farthing.values.entries import Kind
from farthing.values.errors import HoldEnded, HoldNameTaken, HoldNotFound
from farthing.values.wallets import HoldState, RestPolicy
from tests.unit.desk import CREDITS, DAY, GENERATIONS, Desk, drew, gave, kinds_of, tell


def test_rule_09_a_hold_has_a_covered_part_and_a_bare_part():
    desk = Desk(overdraft=20)
    grant = desk.grant(30)

    number = desk.hold(50)

    hold = desk.wallet.holds[number]
    assert (hold.draws, hold.covered, hold.bare) == (((grant, 30),), 30, 20)
    assert (desk.wallet.held, desk.wallet.covered, desk.wallet.bare) == (50, 30, 20)
    assert desk.wallet.balance == 0 + 30 - 0
    assert desk.available() == 0


def test_rule_09_at_settle_the_bare_part_draws_on_what_is_there_then():
    desk = Desk(overdraft=20)
    first = desk.grant(30)
    hold = desk.hold(50)
    second = desk.grant(100)
    assert desk.available() == 100 + 20 - 20

    receipt = desk.settle(hold)

    assert drew(receipt) == [(first, 30), (second, 20)]
    assert (receipt.amount, receipt.debt_after, desk.left(second), desk.wallet.held) == (50, 0, 80, 0)


def test_rule_09_what_is_not_there_at_settle_is_debt():
    desk = Desk(overdraft=20)
    desk.grant(30)
    hold = desk.hold(50)
    desk.grant(5)

    receipt = desk.settle(hold)

    assert (receipt.spent, receipt.debt, receipt.bare, receipt.covered, receipt.lots) == (50, 15, -20, -30, -5)


def test_rule_09_at_release_the_bare_part_vanishes_and_nothing_is_owed():
    desk = Desk(overdraft=20)
    grant = desk.grant(30)
    hold = desk.hold(50)

    receipt = desk.release(hold)

    assert (receipt.amount, receipt.bare, receipt.covered, receipt.lots, receipt.debt) == (50, -20, -30, 30, 0)
    assert (desk.left(grant), desk.available()) == (30, 50)


def test_rule_09_when_a_hold_times_out_its_bare_part_vanishes_too():
    desk = Desk(overdraft=20)
    desk.grant(30)
    desk.hold(50, ttl=60 * MICROSECONDS)
    desk.wait(60)

    desk.tidy()

    assert (desk.wallet.bare, desk.wallet.debt, desk.wallet.free) == (0, 0, 30)


def test_rule_10_settling_below_the_hold_uses_its_lots_in_the_order_drawn_and_the_rest_goes_back_last_first():
    desk = Desk()
    a, b, c = (desk.grant(10, priority=priority) for priority in (1, 2, 3))
    hold = desk.hold(30)

    receipt = desk.settle(hold, 12)

    assert drew(receipt) == [(a, 10), (b, 2)]
    assert gave(receipt) == [(c, 10), (b, 8)]
    assert [desk.left(grant) for grant in (a, b, c)] == [0, 8, 10]
    assert (receipt.amount, desk.wallet.held, desk.wallet.balance) == (12, 0, 18)


def test_rule_10_settling_at_nothing_gives_all_of_it_back():
    desk = Desk()
    grant = desk.grant(10)
    hold = desk.hold(10)

    receipt = desk.settle(hold, 0)

    assert (receipt.amount, desk.left(grant), desk.wallet.spent) == (0, 10, 0)
    assert desk.wallet.holds[hold].state == HoldState.SETTLED


def test_rule_10_without_an_amount_all_that_is_held_is_settled():
    desk = Desk()
    desk.grant(20)
    hold = desk.hold(15)

    assert desk.settle(hold).amount == 15


def test_rule_10_settling_in_steps_consumes_from_the_front_and_keeps_the_rest_held():
    desk = Desk()
    a, b = desk.grant(10, priority=1), desk.grant(20, priority=2)
    hold = desk.hold(25)

    first = desk.settle(hold, 4, final=False)
    assert (drew(first), first.held_after, desk.wallet.holds[hold].draws) == ([(a, 4)], 21, ((a, 6), (b, 15)))
    second = desk.settle(hold, 8, final=False)
    assert (drew(second), second.held_after) == ([(a, 6), (b, 2)], 13)
    last = desk.settle(hold, 3)

    assert (drew(last), last.held_after, desk.left(b)) == ([(b, 3)], 0, 15)
    assert (desk.wallet.spent, desk.wallet.holds[hold].settled) == (15, 15)


def test_rule_10_the_last_step_without_an_amount_takes_all_that_is_still_held():
    desk = Desk()
    desk.grant(20)
    hold = desk.hold(15)
    desk.settle(hold, 4, final=False)

    assert desk.settle(hold).amount == 11


def test_rule_10_a_step_above_what_is_held_takes_the_rest_from_the_lots_and_the_hold_stays_open():
    desk = Desk()
    desk.grant(20)
    hold = desk.hold(5)

    receipt = desk.settle(hold, 8, final=False)

    assert (receipt.amount, receipt.held_after, desk.wallet.free) == (8, 0, 12)
    assert desk.wallet.holds[hold].state == HoldState.OPEN
    assert desk.settle(hold, 2).amount == 2


@pytest.mark.parametrize("end", ["settle", "release", "time out"])
def test_rule_10_the_rest_of_a_hold_on_a_lot_that_ended_meanwhile_is_breakage_at_that_moment(end):
    desk = Desk()
    ended, alive = desk.grant(10, expires_at=desk.at(60)), desk.grant(10)
    hold = desk.hold(14, ttl=100 * MICROSECONDS)
    desk.wait(60)
    desk.tidy()
    assert desk.wallet.expired == 0
    desk.wait(40 if end == "time out" else 10)

    if end == "settle":
        desk.settle(hold, 3)
    elif end == "release":
        desk.release(hold)
    else:
        desk.tidy()

    broken = 7 if end == "settle" else 10
    assert (desk.written[-1].kind, desk.written[-1].expired, desk.written[-1].of_number) == (
        Kind.EXPIRED,
        broken,
        ended,
    )
    assert (desk.wallet.expired, desk.left(alive), desk.left(ended)) == (broken, 10, 0)


def test_rule_10_expiry_takes_nothing_of_what_is_held_and_the_settle_can_use_it():
    desk = Desk()
    ended = desk.grant(10, expires_at=desk.at(60))
    hold = desk.hold(6)
    desk.wait(60)

    receipt = desk.settle(hold, 6)

    assert kinds_of(desk.written) == [Kind.EXPIRED, Kind.SETTLED]
    assert (drew(receipt), desk.wallet.expired) == ([(ended, 6)], 4)


@pytest.mark.parametrize("end", ["settle", "release", "time out"])
def test_rule_10_where_the_setting_says_grace_the_rest_lives_on_for_a_while(end):
    desk = Desk(rest_of_ended_lot=RestPolicy.GRACE, refund_grace=DAY * MICROSECONDS)
    desk.grant(10, expires_at=desk.at(60))
    hold = desk.hold(10, ttl=100 * MICROSECONDS)
    desk.wait(100 if end == "time out" else 70)

    if end == "settle":
        desk.settle(hold, 3)
    elif end == "release":
        desk.release(hold)
    else:
        desk.tidy()

    left = 7 if end == "settle" else 10
    assert (desk.wallet.free, desk.wallet.expired) == (left, 0)
    desk.wait(DAY)
    desk.tidy()
    assert (desk.wallet.free, desk.wallet.expired) == (0, left)


def test_rule_10_a_grace_of_nothing_makes_it_breakage_whatever_the_setting():
    desk = Desk(rest_of_ended_lot=RestPolicy.GRACE, refund_grace=0)
    desk.grant(10, expires_at=desk.at(60))
    hold = desk.hold(10)
    desk.wait(60)

    desk.release(hold)

    assert (desk.wallet.free, desk.wallet.expired) == (0, 10)


def test_rule_10_the_grace_lot_of_scoped_credit_is_scoped_to_the_work():
    desk = Desk(rest_of_ended_lot=RestPolicy.GRACE)
    desk.grant(10, expires_at=desk.at(60), features=["chat", "video"], promotional=True)
    hold = desk.hold(10, feature="chat")
    desk.wait(60)

    desk.release(hold)

    assert (desk.available("chat"), desk.available("video"), desk.available()) == (10, 0, 0)


def test_rule_13_no_time_to_live_means_the_default_one():
    desk = Desk()

    hold = desk.hold(0)

    assert desk.wallet.holds[hold].deadline == desk.now + HOLD_TTL


def test_rule_13_the_default_is_a_setting():
    desk = Desk(hold_ttl=60 * MICROSECONDS)

    hold = desk.hold(0)

    assert desk.wallet.holds[hold].deadline == desk.at(60)


def test_rule_13_a_hold_over_several_units_ends_in_all_of_them_at_once():
    desk = Desk(CREDITS, GENERATIONS)
    desk.configure(unit=2, hold_ttl=60 * MICROSECONDS)
    desk.grant([(1, 10), (2, 3)])

    lead = desk.hold([(1, 5), (2, 1)])

    parts = [desk.wallets[1].holds[lead], next(iter(desk.wallets[2].holds.values()))]
    assert {part.deadline for part in parts} == {desk.at(60)}


def test_rule_13_extend_counts_from_now():
    desk = Desk()
    hold = desk.hold(0, ttl=60 * MICROSECONDS)
    desk.wait(50)

    receipt = desk.extend(hold, 60)

    assert desk.wallet.holds[hold].deadline == desk.at(110)
    assert (receipt.kind, receipt.of_number) == (Kind.EXTENDED, hold)
    desk.wait(59)
    assert desk.tidy() == []
    desk.wait(1)
    assert kinds_of(desk.tidy()) == [Kind.TIMED_OUT]


def test_rule_13_extend_can_bring_the_deadline_nearer():
    desk = Desk()
    hold = desk.hold(0, ttl=600 * MICROSECONDS)

    desk.extend(hold, 10)

    desk.wait(10)
    assert kinds_of(desk.tidy()) == [Kind.TIMED_OUT]


@pytest.mark.parametrize("seconds", [60, 61])
def test_rule_13_extend_fails_at_the_deadline_and_after_it(seconds):
    desk = Desk()
    hold = desk.hold(0, ttl=60 * MICROSECONDS)
    desk.wait(seconds)

    with pytest.raises(HoldEnded) as refused:
        desk.extend(hold, 60)

    assert tell(refused, "state", "asked") == ("timed out", "extended")


def test_rule_13_a_name_is_unique_among_open_holds():
    desk = Desk()
    desk.grant(10)
    hold = desk.hold(2, name="job 7")

    with pytest.raises(HoldNameTaken, match="job 7"):
        desk.hold(2, name="job 7")

    desk.hold(2, name="job 8")
    desk.release(hold)
    assert desk.hold(3, name="job 7") != hold
    assert desk.wallet.held == 5


def test_rule_13_a_hold_ends_once_whatever_ends_it():
    desk = Desk()
    desk.grant(10)
    settled, released = desk.hold(2), desk.hold(2)
    desk.settle(settled)
    desk.release(released)

    for ended in (settled, released):
        for end in (desk.settle, desk.release):
            with pytest.raises(HoldEnded):
                end(ended)

    assert (desk.wallet.spent, desk.wallet.free) == (2, 8)


def test_rule_13_what_is_no_hold_cannot_be_settled():
    desk = Desk()
    desk.grant(10)
    charge = desk.charge(1)

    for number in (charge.number, 99):
        with pytest.raises(HoldNotFound):
            desk.settle(number, 1)

    assert desk.wallet.spent == 1


def test_rule_10_a_grace_grant_that_ended_in_a_long_absence_is_breakage_like_any_other():
    desk = Desk(rest_of_ended_lot=RestPolicy.GRACE, refund_grace=10 * MICROSECONDS)
    ended = desk.grant(10, expires_at=desk.at(60))
    desk.hold(10, ttl=100 * MICROSECONDS)
    desk.wait(DAY)

    written = desk.tidy()

    assert kinds_of(written) == [Kind.TIMED_OUT, Kind.GRACED, Kind.EXPIRED]
    assert [entry.effective_at for entry in written] == [desk.at(100), desk.at(100), desk.at(110)]
    assert (desk.wallet.expired, desk.left(ended), desk.wallet.live) == (10, 0, 0)
