"""Rules 15 and 16: what goes back when money goes back, in proportion, on the running total, and who owes the rest."""

import pytest

from farthing.core.decide import refuse_unknown
from farthing.values.amounts import Unit, read_amount, to_text
from farthing.values.bounds import LARGEST_AMOUNT, MICROSECONDS
from farthing.values.entries import Kind
from farthing.values.errors import GrantNotFound, MoreThanLeft, MoreThanPaid, TotalTooLarge
from farthing.values.requests import Place
from farthing.values.standing_requests import Clawback, SpentPolicy
from tests.unit.desk import CREDITS, DAY, GENERATIONS, Desk, tell

FINE = Unit(1, "credits", 6, 2)


def bought(amount=100, paid=1_000, **fields):
    """A desk with one purchase."""
    desk = Desk()
    return desk, desk.grant(amount, cost_minor=paid, **fields)


def told(entry):
    return entry.amount, entry.uncovered, entry.adjusted, entry.lots, entry.debt


@pytest.mark.parametrize(
    ("amount", "parts"),
    [
        ("2469.135782", [(123, "303.703701"), (456, "1125.925917"), (421, "1039.506164")]),
        ("1234.567891", [(123, "151.851851"), (456, "562.962958"), (421, "519.753082")]),
        ("1234.567891", [(1, "1.234568"), (998, "1232.098755"), (1, "1.234568")]),
        ("0.000001", [(499, "0.00"), (1, "0.000001"), (500, "0.00")]),
    ],
)
def test_rule_16_clawbacks_round_the_running_total_half_up_so_that_the_parts_make_the_whole(amount, parts):
    desk = Desk(FINE)
    grant = desk.grant(read_amount(amount, FINE), cost_minor=1_000)

    taken = [to_text(desk.clawback(grant, money).amount, FINE) for money, _ in parts]

    assert taken == [part for _, part in parts]
    assert (desk.wallet.free, desk.wallet.balance) == (0, 0)
    with pytest.raises(MoreThanPaid) as refused:
        desk.clawback(grant, 1)
    assert tell(refused, "paid", "returned", "left") == (1_000, 1_000, 0)


def test_rule_16_a_thousand_parts_make_the_whole():
    desk, grant = bought(333, paid=100)

    taken = [desk.clawback(grant, 1).amount for _ in range(100)]

    assert (sum(taken), desk.wallet.free, set(taken)) == (333, 0, {3, 4})


def test_rule_16_more_money_than_was_paid_is_refused_and_what_would_pass_is_named():
    desk, grant = bought(2_000, paid=2_000)
    desk.clawback(grant, 1_500)

    with pytest.raises(MoreThanPaid) as refused:
        desk.clawback(grant, 600)

    assert tell(refused, "paid", "returned", "asked", "left") == (2_000, 1_500, 600, 500)
    assert desk.wallet.free == 500
    assert desk.clawback(grant, 500).amount == 500


def test_rule_16_refunds_in_proportion_by_the_caller_add_up_to_the_whole():
    desk = Desk(FINE)
    desk.grant(read_amount("10", FINE))
    charge = desk.charge(read_amount("10", FINE))

    for part in ("3.333333", "3.333334", "3.333333"):
        desk.refund(charge.number, read_amount(part, FINE))

    assert desk.wallet.free == read_amount("10", FINE)


def test_rule_16_what_was_spent_is_owed_and_other_credit_pays_it_at_once():
    desk, grant = bought(priority=1)
    desk.charge(80)
    other = desk.grant(30)

    receipt = desk.clawback(grant, 1_000)

    assert told(receipt) == (100, 0, -100, -20 - 30, 50)
    assert (desk.left(grant), desk.left(other), desk.wallet.debt) == (0, 0, 50)
    assert desk.wallet.spent == 80
    assert (receipt.kind, receipt.of_number) == (Kind.CLAWED_BACK, grant)


def test_rule_16_or_is_written_off_where_the_policy_says_so():
    desk, grant = bought(priority=1)
    desk.charge(80)
    other = desk.grant(30)

    receipt = desk.clawback(grant, 1_000, policy=SpentPolicy.WRITE_OFF)

    assert told(receipt) == (20, 80, -20, -20, 0)
    assert (desk.left(other), desk.wallet.debt) == (30, 0)


@pytest.mark.parametrize(("policy", "debt"), [(SpentPolicy.DEBT, 30), (SpentPolicy.WRITE_OFF, 0)])
def test_rule_16_a_part_takes_what_is_unspent_first(policy, debt):
    desk, grant = bought()
    desk.charge(80)

    receipt = desk.clawback(grant, 500, policy=policy)

    assert receipt.amount + receipt.uncovered == 50
    assert (desk.left(grant), desk.wallet.debt) == (0, debt)


def test_rule_16_what_a_hold_has_counts_as_spent_and_pays_the_debt_when_it_comes_back():
    desk, grant = bought()
    hold = desk.hold(60)

    receipt = desk.clawback(grant, 1_000)
    assert told(receipt) == (100, 0, -100, -40, 60)
    assert (desk.wallet.debt, desk.wallet.held) == (60, 60)
    desk.release(hold)

    assert (desk.wallet.debt, desk.wallet.free, desk.wallet.balance) == (0, 0, 0)


def test_rule_16_a_hold_that_settles_after_a_clawback_that_wrote_off_owes_nothing():
    desk, grant = bought()
    hold = desk.hold(60)
    desk.clawback(grant, 1_000, policy=SpentPolicy.WRITE_OFF)

    desk.settle(hold, 50)

    assert (desk.wallet.debt, desk.wallet.free) == (0, 10)


def test_rule_16_after_the_end_of_the_grant_what_expired_is_owed_by_nobody():
    desk, grant = bought(expires_at=Desk().at(60))
    desk.charge(30)
    desk.wait(60)
    desk.tidy()
    assert desk.wallet.expired == 70

    first = desk.clawback(grant, 500)
    second = desk.clawback(grant, 500)

    assert [told(entry) for entry in (first, second)] == [(0, 50, 0, 0, 0), (30, 20, -30, 0, 30)]
    assert desk.wallet.debt == 30


@pytest.mark.parametrize("later", [0, 1, 100 * DAY])
def test_rule_16_nor_what_had_expired_without_anybody_having_written_it_down(later):
    desk, grant = bought(expires_at=Desk().at(60))
    desk.wait(60 + later)

    desk.clawback(grant, 1_000)

    assert [entry.kind for entry in desk.written] == [Kind.EXPIRED, Kind.CLAWED_BACK]
    assert (desk.wallet.debt, desk.wallet.expired, desk.wallet.adjusted) == (0, 100, 0)


def test_rule_16_after_a_void_the_proportion_is_of_what_is_left_of_the_grant():
    desk, grant = bought()
    desk.void(40, grant=grant)

    first = desk.clawback(grant, 500)
    second = desk.clawback(grant, 500)

    assert (first.amount, second.amount, desk.wallet.free, desk.wallet.debt) == (30, 30, 0, 0)


def test_rule_16_a_void_after_a_clawback_leaves_that_much_less_to_claw_back():
    desk, grant = bought()
    desk.clawback(grant, 500)
    desk.void(20, grant=grant)

    last = desk.clawback(grant, 500)

    assert (last.amount, desk.wallet.free, desk.wallet.debt) == (30, 0, 0)


def test_rule_16_a_refund_after_a_clawback_pays_the_debt_that_it_made():
    desk, grant = bought()
    charge = desk.charge(80)
    desk.clawback(grant, 1_000)
    assert desk.wallet.debt == 80

    desk.refund(charge.number, 50)

    assert (desk.wallet.debt, desk.wallet.free) == (30, 0)


def test_rule_16_by_credits_or_all_that_is_left_without_any_money():
    desk, grant = bought(paid=0)

    assert desk.clawback(grant, amount=30).amount == 30
    with pytest.raises(MoreThanLeft) as refused:
        desk.clawback(grant, amount=71)
    assert tell(refused, "left", "asked", "action") == (70, 71, "clawed back")
    assert desk.clawback(grant).amount == 70
    assert (desk.clawback(grant).amount, desk.wallet.free) == (0, 0)
    with pytest.raises(MoreThanPaid):
        desk.clawback(grant, 1)


def test_rule_16_credits_clawed_back_without_money_count_in_the_running_total():
    desk, grant = bought()
    desk.clawback(grant, amount=30)

    assert [desk.clawback(grant, 200).amount, desk.clawback(grant, 200).amount] == [0, 10]
    assert (desk.clawback(grant, 600).amount, desk.wallet.free) == (60, 0)


def test_rule_16_a_grant_that_waits_is_clawed_back_before_it_starts():
    desk, grant = bought(starts_at=Desk().at(60))

    receipt = desk.clawback(grant, 400)

    assert told(receipt) == (40, 0, 0, 0, 0)
    desk.wait(60)
    desk.tidy()
    assert (desk.wallet.granted, desk.wallet.free) == (60, 60)


def test_rule_16_what_is_no_grant_cannot_be_clawed_back():
    desk, _ = bought()
    charge = desk.charge(5)

    for number in (charge.number, 99):
        with pytest.raises(GrantNotFound):
            desk.clawback(number)


def test_rule_16_debt_of_a_clawback_is_not_for_credits_scoped_to_a_feature():
    desk, grant = bought()
    desk.charge(100)
    scoped = desk.grant(50, features=["chat"])

    desk.clawback(grant, 1_000)

    assert (desk.left(scoped), desk.wallet.debt) == (50, 100)


def test_rule_16_of_a_purchase_in_two_units_each_is_clawed_back_by_itself():
    desk = Desk(CREDITS, GENERATIONS)
    grant = desk.grant([(1, 100), (2, 10)], cost_minor=1_000)

    desk.clawback(grant, 500)

    assert [desk.wallets[unit].free for unit in (1, 2)] == [50, 10]


def test_rule_16_the_largest_amounts_are_exact():
    desk, grant = bought(LARGEST_AMOUNT, paid=3)

    taken = [desk.clawback(grant, 1).amount for _ in range(3)]

    assert sum(taken) == LARGEST_AMOUNT
    assert max(taken) - min(taken) <= 1


def test_rule_16_debt_may_become_the_largest_amount_and_no_larger():
    desk, grant = bought(2**62)
    desk.charge(2**62)
    desk.record(2**62 - 1)

    desk.clawback(grant, 1_000)

    assert desk.wallet.debt == LARGEST_AMOUNT
    with pytest.raises(TotalTooLarge):
        desk.record(1)


def test_rule_16_a_late_settle_after_a_clawback_takes_what_is_there():
    desk, grant = bought()
    hold = desk.hold(60, ttl=60 * MICROSECONDS)
    desk.wait(60)
    desk.clawback(grant, 1_000)

    desk.settle(hold, 50)

    assert (desk.wallet.debt, desk.wallet.free) == (50, 0)


def test_rule_16_a_grant_of_an_account_that_is_not_there_is_not_there_either():
    place = Place(3, 99, 1, 1)

    refusal = refuse_unknown(Clawback(key="k", grant=place, grant_id="gra_x"))

    assert (refusal.code, refusal.facts["grant"]) == ("grant_not_found", "gra_x")
