"""Rule 15: what a refund gives back, in which order and to where, and what is refused or clamped."""

import pytest

from farthing.values.bounds import MICROSECONDS, REFUND_GRACE
from farthing.values.entries import Kind
from farthing.values.errors import ChargeNotFound, MoreThanLeft
from farthing.values.names import name_number
from tests.unit.desk import CREDITS, DAY, GENERATIONS, Desk, gave, tell


def test_rule_15_a_refund_undoes_the_charge_last_drawn_first():
    desk = Desk()
    a, b = desk.grant(30, priority=1), desk.grant(10, priority=2)
    charge = desk.charge(40)

    receipt = desk.refund(charge.number, 20)

    assert gave(receipt) == [(b, 10), (a, 10)]
    assert (receipt.kind, receipt.amount, receipt.of_number) == (Kind.REFUNDED, 20, charge.number)
    assert (desk.left(a), desk.left(b), desk.wallet.refunded) == (10, 10, 20)


def test_rule_15_a_second_refund_goes_on_where_the_first_ended():
    desk = Desk()
    a, b = desk.grant(30, priority=1), desk.grant(10, priority=2)
    charge = desk.charge(40)
    desk.refund(charge.number, 4)

    assert gave(desk.refund(charge.number, 8)) == [(b, 6), (a, 2)]
    assert gave(desk.refund(charge.number)) == [(a, 28)]
    assert desk.wallet.free == 40


def test_rule_15_debt_is_undone_before_lots():
    desk = Desk()
    grant = desk.grant(10)
    charge = desk.record(15)

    first = desk.refund(charge.number, 3)
    second = desk.refund(charge.number, 6)

    assert (first.debt, first.lots, gave(first)) == (-3, 0, [])
    assert (second.debt, second.lots, gave(second)) == (-2, 4, [(grant, 4)])


def test_rule_15_debt_that_was_paid_meanwhile_goes_back_to_its_payers_last_first():
    desk = Desk()
    charge = desk.record(15)
    first, second = desk.grant(6), desk.grant(5)
    assert desk.wallet.debt == 4

    receipt = desk.refund(charge.number, 11)

    assert (receipt.debt, gave(receipt)) == (-4, [(second, 5), (first, 2)])
    assert gave(desk.refund(charge.number)) == [(first, 4)]
    assert (desk.left(first), desk.left(second), desk.wallet.debt) == (6, 5, 0)


def test_rule_15_debt_that_was_written_off_goes_back_to_nobody():
    desk = Desk()
    grant = desk.grant(10)
    charge = desk.record(15)
    desk.forgive(3)

    receipt = desk.refund(charge.number, 7)

    assert (receipt.refunded, receipt.adjusted, receipt.debt, gave(receipt)) == (7, -3, -2, [(grant, 2)])
    assert (desk.wallet.balance, desk.wallet.debt) == (2, 0)


def test_rule_15_more_than_is_left_is_refused_and_the_number_that_would_pass_is_named():
    desk = Desk()
    desk.grant(200)
    charge = desk.charge(200)
    desk.refund(charge.number, 180)

    with pytest.raises(MoreThanLeft) as refused:
        desk.refund(charge.number, 21)

    assert tell(refused, "left", "asked") == (20, 21)
    assert desk.wallet.free == 180
    assert desk.refund(charge.number, 20).amount == 20


def test_rule_15_up_to_clamps_and_says_what_it_did_not_give():
    desk = Desk()
    desk.grant(200)
    charge = desk.charge(200)
    desk.refund(charge.number, 180)

    receipt = desk.refund(charge.number, 100, up_to=True)

    assert (receipt.amount, receipt.uncovered, desk.wallet.free) == (20, 80, 200)
    nothing = desk.refund(charge.number, 100, up_to=True)
    assert (nothing.amount, nothing.uncovered) == (0, 100)


def test_rule_15_void_is_refused_and_clamped_in_the_same_way():
    desk = Desk()
    grant = desk.grant(30)

    for target in ({}, {"grant": grant}):
        with pytest.raises(MoreThanLeft) as refused:
            desk.void(50, **target)
        assert tell(refused, "left", "action") == (30, "voided")
    clamped = desk.void(50, grant=grant, up_to=True)

    assert (clamped.amount, clamped.uncovered, clamped.adjusted) == (30, 20, -30)


def test_rule_15_a_refund_to_a_lot_that_lives_goes_into_that_lot():
    desk = Desk()
    grant = desk.grant(10, expires_at=desk.at(60))
    charge = desk.charge(10)
    desk.wait(60, micros=-1)

    desk.refund(charge.number)

    assert desk.left(grant) == 10
    desk.wait(0, micros=1)
    desk.tidy()
    assert (desk.left(grant), desk.wallet.expired) == (0, 10)


def test_rule_15_a_refund_to_an_ended_lot_becomes_one_grace_grant_of_thirty_days():
    desk = Desk()
    desk.grant(10, expires_at=desk.at(60), priority=1)
    desk.grant(10, expires_at=desk.at(50), priority=2)
    charge = desk.charge(15)
    desk.wait(60)

    receipt = desk.refund(charge.number)

    grace = desk.wallet.lots[receipt.number]
    assert (grace.amount, grace.remaining, grace.expires_at - desk.now) == (15, 15, REFUND_GRACE)
    assert (grace.source, grace.of_number, grace.cost_minor) == (name_number("refund"), charge.number, 0)
    assert REFUND_GRACE == 30 * DAY * MICROSECONDS


def test_rule_15_a_second_refund_of_the_charge_widens_the_same_grace_grant():
    desk = Desk()
    desk.grant(20, expires_at=desk.at(60))
    charge = desk.charge(20)
    desk.wait(60)
    first = desk.refund(charge.number, 5)
    desk.wait(DAY)

    second = desk.refund(charge.number, 5)

    assert gave(second) == [(first.number, 5)]
    grace = desk.wallet.lots[first.number]
    assert (grace.remaining, grace.amount, grace.expires_at) == (10, 10, first.recorded_at + REFUND_GRACE)


def test_rule_15_once_the_grace_grant_has_ended_a_further_refund_makes_another():
    desk = Desk()
    desk.grant(20, expires_at=desk.at(60))
    charge = desk.charge(20)
    desk.wait(60)
    first = desk.refund(charge.number, 5)
    desk.wait(30 * DAY)

    second = desk.refund(charge.number, 5)

    assert gave(second) == [(second.number, 5)]
    assert (desk.left(first.number), desk.wallet.expired) == (0, 5)


def test_rule_15_each_charge_has_a_grace_grant_of_its_own():
    desk = Desk()
    desk.grant(20, expires_at=desk.at(60))
    one, other = desk.charge(5), desk.charge(5)
    desk.wait(60)

    first, second = desk.refund(one.number), desk.refund(other.number)

    assert desk.left(first.number) == desk.left(second.number) == 5


def test_rule_15_a_grace_of_nothing_makes_it_breakage():
    desk = Desk(refund_grace=0)
    desk.grant(10, expires_at=desk.at(60))
    charge = desk.charge(10)
    desk.wait(60)

    receipt = desk.refund(charge.number, 4)

    assert (receipt.amount, receipt.refunded, receipt.expired, receipt.lots) == (4, 4, 4, 0)
    assert (desk.wallet.balance, desk.wallet.refunded, desk.wallet.expired) == (0, 4, 4)


def test_rule_15_a_payer_that_has_ended_meanwhile_is_paid_back_as_grace_too():
    desk = Desk()
    charge = desk.record(10)
    desk.grant(10, expires_at=desk.at(60))
    desk.wait(60)

    receipt = desk.refund(charge.number, 4)

    assert desk.left(receipt.number) == 4
    assert desk.wallet.balance == 4


@pytest.mark.parametrize(
    ("features", "promotional", "scope"),
    [(["chat", "image"], True, "chat"), ([], True, ""), (["chat"], False, "chat")],
)
def test_rule_15_the_grace_grant_is_scoped_and_promotional_like_what_it_stands_for(features, promotional, scope):
    desk = Desk()
    desk.grant(10, expires_at=desk.at(60), features=features, promotional=promotional)
    charge = desk.charge(10, feature="chat")
    desk.wait(60)

    receipt = desk.refund(charge.number)

    grace = desk.wallet.lots[receipt.number]
    assert grace.features == ((name_number(scope),) if scope else ())
    assert grace.promotional == promotional


def test_rule_15_a_settled_hold_is_refunded_as_one_charge_whatever_its_steps():
    desk = Desk()
    a, b = desk.grant(10, priority=1), desk.grant(20, priority=2)
    hold = desk.hold(25)
    desk.settle(hold, 12, final=False)
    settle = desk.settle(hold, 8)

    receipt = desk.refund(hold, 15)

    assert gave(receipt) == [(b, 10), (a, 5)]
    assert receipt.of_number == hold
    with pytest.raises(MoreThanLeft) as refused:
        desk.refund(settle.number, 6)
    assert refused.value.left == 5


@pytest.mark.parametrize("steps", [False, True])
def test_rule_15_draws_and_debts_of_a_settle_are_undone_in_reverse(steps):
    desk = Desk()
    grant = desk.grant(10)
    hold = desk.hold(6)
    if steps:
        desk.settle(hold, 2, final=False)
        desk.settle(hold, 13)
    else:
        desk.settle(hold, 15)
    assert desk.wallet.debt == 5

    receipt = desk.refund(hold, 7)

    assert (receipt.debt, gave(receipt)) == (-5, [(grant, 2)])
    assert desk.refund(hold).amount == 8


def test_rule_15_what_is_no_charge_cannot_be_refunded():
    desk = Desk()
    grant = desk.grant(10)
    hold = desk.hold(4)

    for number in (grant, hold, 99):
        with pytest.raises(ChargeNotFound):
            desk.refund(number)


def test_rule_15_a_refund_of_a_charge_in_two_units_gives_back_both_or_the_one_that_is_named():
    desk = Desk(CREDITS, GENERATIONS)
    desk.grant([(1, 10), (2, 3)])
    charge = desk.charge([(1, 4), (2, 1)])

    desk.refund(charge.number, [(1, 1)])
    assert [desk.wallets[unit].free for unit in (1, 2)] == [7, 2]
    desk.refund(charge.number)

    assert [desk.wallets[unit].free for unit in (1, 2)] == [10, 3]
    with pytest.raises(ChargeNotFound):
        desk.refund(charge.number, [(3, 1)])


def test_rule_15_a_refund_of_the_second_unit_alone_has_its_receipt_there():
    desk = Desk(CREDITS, GENERATIONS)
    desk.grant([(1, 10), (2, 3)])
    charge = desk.charge([(1, 4), (2, 1)])

    receipt = desk.refund(charge.number, [(2, 1)])

    assert (receipt.unit_id, receipt.kind, receipt.amount) == (2, Kind.REFUNDED, 1)
    assert [desk.wallets[unit].free for unit in (1, 2)] == [6, 3]


def test_rule_15_of_two_debts_of_one_hold_the_last_is_undone_first():
    desk = Desk()
    hold = desk.hold(0)
    first = desk.settle(hold, 5, final=False)
    second = desk.settle(hold, 3)

    desk.refund(hold, 4)

    assert [desk.wallet.debts[settle.number].remaining for settle in (first, second)] == [4, 0]


def test_rule_15_a_grace_grant_of_mixed_credit_is_paid_credit_scoped_to_the_work():
    desk = Desk()
    desk.grant(5, expires_at=desk.at(60), features=["chat", "video"], promotional=True)
    desk.grant(5, expires_at=desk.at(60))
    charge = desk.charge(10, feature="chat")
    desk.wait(60)

    receipt = desk.refund(charge.number)

    grace = desk.wallet.lots[receipt.number]
    assert (grace.remaining, grace.promotional, grace.features) == (10, 0, (name_number("chat"),))
