"""Rules 11 and 14: what limits bind and what may pass them, and what a charge or hold does when there is too little."""

import pytest

from farthing.values.bounds import MICROSECONDS
from farthing.values.entries import Kind
from farthing.values.errors import HoldEnded, InsufficientCredits, SettleAboveHold
from farthing.values.requests import Mode
from farthing.values.wallets import HoldState, SettlePolicy
from tests.unit.desk import Desk, tell


@pytest.mark.parametrize("what", ["charge", "hold"])
def test_rule_11_the_overdraft_refuses_new_work_beyond_it_and_takes_all_up_to_it(what):
    desk = Desk(overdraft=25)
    desk.grant(10)
    with pytest.raises(InsufficientCredits):
        getattr(desk, what)(36)

    getattr(desk, what)(35)

    assert desk.available() == 0
    assert desk.wallet.spendable == -25


def test_rule_11_a_settle_may_pass_the_limit_and_the_next_request_is_refused():
    desk = Desk(overdraft=5)
    desk.grant(10)
    hold = desk.hold(10)

    receipt = desk.settle(hold, 40)

    assert (receipt.amount, receipt.debt_after) == (40, 30)
    with pytest.raises(InsufficientCredits) as refused:
        desk.charge(1)
    assert tell(refused, "available", "short") == (-25, 26)
    with pytest.raises(InsufficientCredits):
        desk.hold(1)


@pytest.mark.parametrize(
    ("policy", "charged", "debt", "uncovered"),
    [
        (SettlePolicy.BILL_FULL, 50, 25, 0),
        (SettlePolicy.CAP_HOLD, 10, 0, 40),
        (SettlePolicy.CAP_AVAILABLE, 25, 0, 25),
    ],
)
@pytest.mark.parametrize("said_by", ["the terms", "the request"])
def test_rule_11_the_policy_says_what_is_charged_above_the_hold(policy, charged, debt, uncovered, said_by):
    desk = Desk(settle_above_hold=policy if said_by == "the terms" else SettlePolicy.REJECT)
    desk.grant(25)
    hold = desk.hold(10)

    receipt = desk.settle(hold, 50, **({} if said_by == "the terms" else {"policy": policy}))

    assert (receipt.amount, receipt.debt_after, receipt.uncovered) == (charged, debt, uncovered)
    assert desk.wallet.free == max(0, 25 - charged)


def test_rule_11_bill_full_is_the_policy_when_nobody_says():
    desk = Desk()
    desk.grant(25)

    assert desk.settle(desk.hold(10), 50).debt_after == 25


def test_rule_11_reject_refuses_and_the_hold_stays_open():
    desk = Desk(settle_above_hold=SettlePolicy.REJECT)
    desk.grant(25)
    hold = desk.hold(10)

    with pytest.raises(SettleAboveHold) as refused:
        desk.settle(hold, 11)

    assert tell(refused, "held", "needed") == (10, 11)
    assert (desk.wallet.held, desk.wallet.holds[hold].state) == (10, HoldState.OPEN)
    assert desk.settle(hold, 10).amount == 10


def test_rule_11_cap_available_takes_the_overdraft_too():
    desk = Desk(overdraft=7, settle_above_hold=SettlePolicy.CAP_AVAILABLE)
    desk.grant(25)
    hold = desk.hold(10)

    receipt = desk.settle(hold, 50)

    assert (receipt.amount, receipt.debt_after) == (32, 7)


def test_rule_11_cap_available_leaves_what_other_holds_have():
    desk = Desk(settle_above_hold=SettlePolicy.CAP_AVAILABLE)
    desk.grant(25)
    desk.hold(8)
    hold = desk.hold(10)

    assert desk.settle(hold, 50).amount == 17


def test_rule_11_cap_available_never_takes_less_than_is_held_while_debt_stands():
    desk = Desk(settle_above_hold=SettlePolicy.CAP_AVAILABLE)
    desk.grant(10)
    hold = desk.hold(10)
    desk.record(5)

    receipt = desk.settle(hold, 12)

    assert (receipt.amount, receipt.uncovered, receipt.debt_after) == (10, 2, 5)


@pytest.mark.parametrize(
    ("there", "asked", "charged", "debt"), [(10, 8, 8, 0), (10, 14, 14, 4), (3, 8, 8, 5), (10, None, 10, 0)]
)
def test_rule_11_a_late_settle_of_a_timed_out_hold_is_accepted(there, asked, charged, debt):
    desk = Desk()
    desk.grant(10)
    hold = desk.hold(10, ttl=60 * MICROSECONDS)
    desk.wait(60)
    desk.charge(10 - there)

    receipt = desk.settle(hold, asked)

    assert (receipt.kind, receipt.amount, receipt.debt_after) == (Kind.SETTLED, charged, debt)
    assert desk.wallet.holds[hold].state == HoldState.SETTLED


def test_rule_11_a_late_settle_happens_once():
    desk = Desk()
    desk.grant(10)
    hold = desk.hold(10, ttl=60 * MICROSECONDS)
    desk.wait(60)
    desk.settle(hold, 3)

    with pytest.raises(HoldEnded) as refused:
        desk.settle(hold, 3)

    assert (refused.value.state, desk.wallet.spent) == ("settled", 3)


@pytest.mark.parametrize(
    ("policy", "charged"), [(SettlePolicy.CAP_HOLD, 6), (SettlePolicy.CAP_AVAILABLE, 8), (SettlePolicy.BILL_FULL, 9)]
)
def test_rule_11_a_late_settle_keeps_to_the_policy(policy, charged):
    desk = Desk()
    desk.grant(8)
    hold = desk.hold(6, ttl=60 * MICROSECONDS)
    desk.wait(60)

    receipt = desk.settle(hold, 9, policy=policy)

    assert (receipt.amount, receipt.debt_after) == (charged, max(0, charged - 8))


def test_rule_11_a_late_settle_of_a_hold_settled_in_part_counts_each_credit_once():
    desk = Desk()
    desk.grant(10)
    hold = desk.hold(6, ttl=60 * MICROSECONDS)
    desk.settle(hold, 4, final=False)
    desk.wait(60)

    receipt = desk.settle(hold)

    assert (receipt.amount, desk.wallet.spent, desk.wallet.free) == (2, 6, 4)


def test_rule_11_a_late_settle_under_cap_hold_never_gives_more_than_was_held_in_all():
    desk = Desk()
    desk.grant(20)
    hold = desk.hold(6, ttl=60 * MICROSECONDS)
    desk.settle(hold, 9, final=False)
    desk.wait(60)

    receipt = desk.settle(hold, 5, policy=SettlePolicy.CAP_HOLD)

    assert (receipt.amount, receipt.uncovered) == (0, 5)


def test_rule_11_a_late_settle_in_steps_keeps_the_hold_open_to_the_last():
    desk = Desk()
    desk.grant(10)
    hold = desk.hold(6, ttl=60 * MICROSECONDS)
    desk.wait(60)

    desk.settle(hold, 2, final=False)

    assert desk.settle(hold, 3).amount == 3
    assert desk.wallet.spent == 5


@pytest.mark.parametrize("mode", [Mode.STRICT, Mode.ALL_AVAILABLE, Mode.RECORD])
def test_rule_14_what_is_there_is_taken_in_full_in_every_mode(mode):
    desk = Desk()
    desk.grant(10)

    assert desk.charge(10, mode=mode).amount == 10
    assert (desk.wallet.free, desk.wallet.debt) == (0, 0)


def test_rule_14_strict_is_the_default_and_writes_nothing_when_short():
    desk = Desk()
    desk.grant(10)

    for ask in (desk.charge, desk.hold):
        with pytest.raises(InsufficientCredits):
            ask(11)

    assert len(desk.entries[1]) == 1


def test_rule_14_record_is_never_refused_and_the_rest_is_debt():
    desk = Desk()
    desk.grant(10)

    by_mode = desk.charge(11, mode=Mode.RECORD)
    by_request = desk.record(5)

    assert [(entry.kind, entry.amount, entry.uncovered) for entry in (by_mode, by_request)] == [
        (Kind.RECORDED, 11, 0),
        (Kind.RECORDED, 5, 0),
    ]
    assert desk.wallet.debt == 6


def test_rule_14_all_available_takes_what_fits_and_states_what_was_not_covered():
    desk = Desk(overdraft=3)
    desk.grant(10)

    receipt = desk.charge(20, mode=Mode.ALL_AVAILABLE)

    assert (receipt.amount, receipt.uncovered, receipt.debt_after) == (13, 7, 3)
    nothing = desk.charge(20, mode=Mode.ALL_AVAILABLE)
    assert (nothing.amount, nothing.uncovered) == (0, 20)


def test_rule_14_all_available_takes_nothing_below_zero():
    desk = Desk()
    desk.record(5)

    receipt = desk.charge(2, mode=Mode.ALL_AVAILABLE)

    assert (receipt.amount, receipt.uncovered, receipt.debt_after) == (0, 2, 5)


def test_rule_14_a_hold_that_shrinks_holds_what_fits_and_states_the_rest():
    desk = Desk(overdraft=3)
    desk.grant(10)

    hold = desk.hold(20, mode=Mode.ALL_AVAILABLE)

    assert (desk.written[-1].amount, desk.written[-1].uncovered) == (13, 7)
    assert (desk.wallet.holds[hold].covered, desk.wallet.holds[hold].bare) == (10, 3)


def test_rule_14_a_recorded_hold_is_never_refused():
    desk = Desk()
    desk.grant(10)

    hold = desk.hold(25, mode=Mode.RECORD)

    assert (desk.wallet.holds[hold].covered, desk.wallet.holds[hold].bare) == (10, 15)
    assert desk.settle(hold).debt_after == 15


@pytest.mark.parametrize("ask", ["charge", "hold"])
def test_rule_14_zero_is_never_refused_even_in_debt(ask):
    desk = Desk()
    desk.record(5)

    getattr(desk, ask)(0)

    assert (desk.written[-1].amount, desk.wallet.debt) == (0, 5)


def test_rule_14_a_hold_that_shrinks_holds_nothing_while_debt_stands():
    desk = Desk()
    desk.record(5)

    hold = desk.hold(2, mode=Mode.ALL_AVAILABLE)

    assert (desk.wallet.holds[hold].amount, desk.wallet.held, desk.written[-1].uncovered) == (0, 0, 2)
