"""Rules 17 and 18: what operators take away and put right, and the used count."""

import pytest

from farthing.core.corrections import count_used
from farthing.core.draft import Draft
from farthing.engine.zones import find_zone
from farthing.values.entries import Kind
from farthing.values.errors import GrantNotFound, InsufficientCredits, MoreThanLeft
from farthing.values.names import name_number
from tests.unit.desk import Desk, drew, tell

PLAN, BONUS = name_number("plan"), name_number("bonus")


def used(desk):
    return count_used(Draft(desk.wallet, desk.now, desk.seal, find_zone))


def test_rule_17_voiding_without_naming_a_grant_follows_the_burn_down_order():
    desk = Desk()
    b, c, a = desk.grant(25, priority=2), desk.grant(25, priority=2), desk.grant(20, priority=1)

    receipt = desk.void(50)

    assert drew(receipt) == [(a, 20), (b, 25), (c, 5)]
    assert (receipt.kind, receipt.adjusted, desk.wallet.free) == (Kind.VOIDED, -50, 20)


def test_rule_17_adjusting_down_follows_it_too_whatever_the_scope():
    desk = Desk()
    plain, scoped = desk.grant(10), desk.grant(10, features=["chat"])

    receipt = desk.adjust(-15)

    assert drew(receipt) == [(scoped, 10), (plain, 5)]
    assert (receipt.adjusted, desk.wallet.adjusted, desk.wallet.balance) == (-15, -15, 5)


def test_rule_17_no_more_is_taken_away_than_is_there_and_free():
    desk = Desk()
    desk.grant(10)
    desk.hold(4)

    with pytest.raises(MoreThanLeft) as refused:
        desk.adjust(-7)

    assert tell(refused, "left", "asked") == (6, 7)


def test_rule_17_voiding_a_named_grant_takes_what_it_has_left_and_nothing_that_is_held_or_spent():
    desk = Desk()
    grant = desk.grant(10)
    other = desk.grant(10)
    desk.charge(3)
    hold = desk.hold(2)

    receipt = desk.void(grant=grant)

    assert (receipt.amount, receipt.of_number, desk.left(other)) == (5, grant, 10)
    assert desk.settle(hold).amount == 2


def test_rule_17_voiding_part_of_a_named_grant_leaves_the_rest():
    desk = Desk()
    grant = desk.grant(10)

    desk.void(4, grant=grant)

    assert desk.left(grant) == 6


def test_rule_17_a_grant_that_has_not_started_can_be_voided_and_then_never_starts():
    desk = Desk()
    grant = desk.grant(10, starts_at=desk.at(60))

    receipt = desk.void(grant=grant)

    assert (receipt.amount, receipt.adjusted, desk.wallet.pending) == (10, 0, 0)
    desk.wait(60)
    assert desk.tidy() == []
    assert desk.wallet.granted == 0


def test_rule_17_voiding_a_grant_that_is_not_there_is_refused():
    desk = Desk()

    with pytest.raises(GrantNotFound):
        desk.void(grant=5)


def test_rule_17_adjusting_up_is_a_lot_of_its_own_that_never_expires():
    desk = Desk()

    receipt = desk.adjust(15)

    assert (receipt.kind, receipt.adjusted, receipt.granted) == (Kind.ADJUSTED, 15, 0)
    assert (desk.left(receipt.number), desk.wallet.granted, desk.wallet.balance) == (15, 0, 15)


def test_rule_17_forgiving_writes_debt_off_oldest_first():
    desk = Desk()
    first, second = desk.record(5).number, desk.record(5).number

    receipt = desk.forgive(7)

    assert [desk.wallet.debts[number].remaining for number in (first, second)] == [0, 3]
    assert (receipt.amount, receipt.adjusted, desk.wallet.spent) == (7, 7, 10)
    with pytest.raises(MoreThanLeft) as refused:
        desk.forgive(4)
    assert refused.value.left == 3
    assert (desk.forgive().amount, desk.wallet.debt) == (3, 0)


def test_rule_17_forgiving_nothing_is_on_record():
    desk = Desk()

    assert (desk.forgive().amount, desk.written[0].kind) == (0, Kind.FORGIVEN)


def test_rule_18_used_is_base_and_bonus_less_what_remains_and_debt():
    desk = Desk()
    desk.grant(100, source=PLAN, priority=10)
    desk.grant(20, source=BONUS)
    desk.grant(50, source=name_number("purchase"), priority=90)
    desk.charge(30)
    assert used(desk) == 30
    desk.charge(100)

    assert used(desk) == 120
    desk.record(50)
    assert (desk.wallet.debt, used(desk)) == (10, 130)


def test_rule_18_what_is_held_is_not_used_yet():
    desk = Desk()
    desk.grant(100, source=PLAN)
    hold = desk.hold(40)
    assert used(desk) == 0

    desk.settle(hold, 15)

    assert used(desk) == 15


def test_rule_18_a_voided_bonus_counts_as_never_given():
    desk = Desk()
    desk.grant(100, source=PLAN)
    bonus = desk.grant(20, source=BONUS)

    desk.void(grant=bonus)

    assert used(desk) == 0


def test_rule_18_reset_used_refills_the_periods_lots_up_to_their_amounts_debt_first():
    desk = Desk()
    plan = desk.grant(100, source=PLAN)
    bought = desk.grant(50, priority=90)
    desk.record(160)
    assert (desk.wallet.debt, used(desk)) == (10, 110)

    receipt = desk.reset_used()

    assert (desk.left(plan), desk.left(bought), desk.wallet.debt, used(desk)) == (100, 0, 0, 0)
    assert (receipt.kind, receipt.amount, receipt.adjusted) == (Kind.USED_RESET, 0, 110)


def test_rule_18_reset_used_leaves_what_is_held_held():
    desk = Desk()
    plan = desk.grant(100, source=PLAN)
    desk.hold(40)
    desk.charge(30)

    desk.reset_used()

    assert (desk.left(plan), desk.wallet.held, used(desk)) == (60, 40, 0)


def test_rule_18_set_used_lower_refills_the_back_of_the_burn_down_order_first():
    desk = Desk()
    plan, bonus = desk.grant(100, source=PLAN, priority=10), desk.grant(20, source=BONUS)
    desk.charge(115)

    receipt = desk.set_used(90)

    assert (desk.left(plan), desk.left(bonus), used(desk)) == (10, 20, 90)
    assert (receipt.kind, receipt.amount, receipt.adjusted) == (Kind.USED_SET, 90, 25)


def test_rule_18_set_used_higher_takes_from_the_periods_lots_in_burn_down_order():
    desk = Desk()
    plan, bonus = desk.grant(100, source=PLAN, priority=10), desk.grant(20, source=BONUS)
    bought = desk.grant(50, priority=90)

    receipt = desk.set_used(110)

    assert (desk.left(plan), desk.left(bonus), desk.left(bought), used(desk)) == (0, 10, 50, 110)
    assert receipt.adjusted == -110


def test_rule_18_a_used_count_above_the_total_is_refused_unless_the_account_may_owe():
    desk = Desk()
    desk.grant(100, source=PLAN)
    with pytest.raises(InsufficientCredits) as refused:
        desk.set_used(101)
    assert refused.value.short == 1
    assert used(desk) == 0
    desk.configure(overdraft=5)

    desk.set_used(105)

    assert (desk.wallet.debt, used(desk)) == (5, 105)
    with pytest.raises(InsufficientCredits):
        desk.set_used(106)


def test_rule_18_set_used_to_what_it_is_moves_nothing():
    desk = Desk()
    desk.grant(100, source=PLAN)
    desk.charge(30)

    receipt = desk.set_used(30)

    assert (receipt.adjusted, receipt.lots, used(desk)) == (0, 0, 30)


def test_rule_17_lots_that_are_empty_or_wait_are_passed_over():
    desk = Desk()
    desk.grant(5, priority=1)
    desk.charge(5)
    desk.grant(5, starts_at=desk.at(60), priority=2)
    last = desk.grant(5, priority=3)

    assert drew(desk.void(2)) == drew(desk.adjust(-2)) == [(last, 2)]


def test_rule_18_lots_that_are_full_are_passed_over():
    desk = Desk()
    plan, bonus = desk.grant(100, source=PLAN, priority=10), desk.grant(20, source=BONUS)
    desk.charge(50)

    desk.set_used(10)

    assert (desk.left(plan), desk.left(bonus)) == (90, 20)


def test_rule_18_what_is_held_beyond_the_lots_leaves_less_to_owe():
    desk = Desk(overdraft=5)
    desk.grant(100, source=PLAN)
    desk.hold(103)
    desk.set_used(2)
    assert desk.wallet.debt == 2

    with pytest.raises(InsufficientCredits) as refused:
        desk.set_used(3)

    assert refused.value.short == 1


def test_rule_18_a_period_that_has_ended_counts_no_more():
    desk = Desk()
    desk.grant(100, source=PLAN, expires_at=desk.at(60))
    desk.charge(30)
    desk.wait(60)
    desk.tidy()

    desk.grant(50, source=PLAN)

    assert used(desk) == 0
    desk.charge(5)
    assert used(desk) == 5
