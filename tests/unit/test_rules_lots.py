"""Rules 5 to 8: which credits pay first, what is available for what, which debt a grant pays, and when."""

import pytest

from farthing.values.entries import Kind
from farthing.values.errors import InsufficientCredits
from farthing.values.names import name_number
from tests.unit.desk import Desk, drew, kinds_of, tell


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param({"priority": 10}, {"priority": 20, "expires_in": 60_000_000}, id="priority before expiry"),
        pytest.param({"expires_in": 60_000_000}, {"expires_in": 70_000_000, "features": ["chat"]}, id="sooner expiry"),
        pytest.param({"expires_in": 60_000_000}, {"features": ["chat"]}, id="no expiry sorts last"),
        pytest.param({"features": ["chat"]}, {"promotional": True}, id="scoped before unscoped, whatever was paid"),
        pytest.param({"promotional": True}, {"starts_at": 1}, id="promotional before paid, whatever the age"),
        pytest.param({"starts_at": 1}, {"starts_at": 2}, id="effective time"),
    ],
)
def test_rule_05_burns_down_in_order(first, second):
    desk = Desk()
    later = desk.grant(10, **second)
    sooner = desk.grant(10, **first)

    charge = desk.charge(15, feature="chat")

    assert drew(charge) == [(sooner, 10), (later, 5)]


def test_rule_05_among_equals_the_lower_id_pays_first():
    desk = Desk()
    lower, higher = desk.grant(10, starts_at=5), desk.grant(10, starts_at=5)

    assert drew(desk.charge(15)) == [(lower, 10), (higher, 5)]


def test_rule_05_priority_is_50_when_nobody_says():
    desk = Desk()
    after, plain, before = desk.grant(1, priority=51), desk.grant(1), desk.grant(1, priority=49)

    assert drew(desk.charge(3)) == [(before, 1), (plain, 1), (after, 1)]


def test_rule_05_a_hold_draws_in_the_same_order():
    desk = Desk()
    later, sooner = desk.grant(10), desk.grant(10, priority=1)

    hold = desk.hold(15)

    assert desk.wallet.holds[hold].draws == ((sooner, 10), (later, 5))


def test_rule_06_available_is_a_question_about_a_feature():
    desk = Desk(overdraft=5)
    desk.grant(10)
    desk.grant(30, features=["chat"])
    desk.grant(40, features=["video", "image"])

    assert desk.available() == 15
    assert desk.available("chat") == 45
    assert desk.available("video") == desk.available("image") == 55
    assert desk.available("audio") == 15
    assert desk.wallet.spendable == 80


def test_rule_06_available_is_less_debt_and_less_what_is_held_bare():
    desk = Desk(overdraft=20)
    desk.hold(6)
    desk.record(3, feature="chat")

    assert desk.available() == desk.available("chat") == 20 - 6 - 3
    assert desk.wallet.spendable == -9


def test_rule_06_a_strict_charge_takes_all_that_is_available_and_not_a_credit_more():
    desk = Desk(overdraft=5)
    desk.grant(10)
    desk.grant(30, features=["chat"])
    with pytest.raises(InsufficientCredits) as refused:
        desk.charge(46, feature="chat")

    receipt = desk.charge(45, feature="chat")

    assert tell(refused, "available", "short", "needed") == (45, 1, 46)
    assert (receipt.available_after, receipt.debt_after) == (0, 5)


def test_rule_06_without_a_feature_only_unscoped_credit_counts():
    desk = Desk()
    desk.grant(10)
    desk.grant(30, features=["chat"])

    with pytest.raises(InsufficientCredits) as refused:
        desk.charge(11)

    assert tell(refused, "available", "feature") == (10, None)


def test_rule_06_pending_grants_and_expired_ones_are_not_available():
    desk = Desk()
    desk.grant(10, starts_at=desk.at(60))
    desk.grant(10, expires_at=desk.at(30))
    desk.wait(30)
    desk.tidy()

    assert desk.available() == 0


def test_rule_06_the_receipt_says_what_is_available_for_its_feature():
    desk = Desk()
    desk.grant(10)
    desk.grant(30, features=["chat"])

    assert desk.charge(1).available_after == 9
    assert desk.charge(1, feature="chat").available_after == 38


def test_rule_06_the_refusal_explains_itself():
    desk = Desk()
    desk.grant(10)
    desk.hold(4)
    desk.grant(7, starts_at=desk.at(500))
    desk.grant(5, starts_at=desk.at(400))
    desk.grant(6, starts_at=desk.at(400))

    with pytest.raises(InsufficientCredits) as refused:
        desk.charge(20, feature="video")

    assert tell(refused, "needed", "available", "held", "short", "top_up") == (20, 6, 4, 14, 14)
    assert tell(refused, "arriving", "feature") == (11, "video")
    assert str(refused.value) == (
        "acme needs 20 credits for video and can spend 6 (4 held): 14 short. 11 more arrive on 14 November 2023."
    )


def test_rule_07_a_grant_pays_only_debt_that_it_could_have_been_charged_for():
    desk = Desk()
    desk.record(5, feature="video")

    chat = desk.grant(10, features=["chat"])
    assert (desk.wallet.debt, desk.left(chat)) == (5, 10)
    video = desk.grant(10, features=["video"])

    assert (desk.wallet.debt, desk.left(chat), desk.left(video)) == (0, 10, 5)


def test_rule_07_debt_for_no_feature_is_not_paid_by_scoped_credit():
    desk = Desk()
    desk.record(5)

    desk.grant(10, features=["chat"])

    assert desk.wallet.debt == 5
    assert desk.available("chat") == 5


def test_rule_07_unscoped_credit_pays_any_debt_the_oldest_first():
    desk = Desk()
    first = desk.record(5, feature="video").number
    second = desk.record(5)
    third = desk.record(5, feature="chat").number

    desk.grant(8)

    left = [desk.wallet.debts[number].remaining for number in (first, second.number, third)]
    assert left == [0, 2, 5]


def test_rule_07_of_several_debts_scoped_credit_skips_those_of_others():
    desk = Desk()
    video = desk.record(5, feature="video").number
    chat = desk.record(5, feature="chat").number

    desk.grant(8, features=["chat"])

    assert [desk.wallet.debts[number].remaining for number in (video, chat)] == [5, 0]
    assert desk.wallet.free == 3
    assert desk.wallet.debts[chat].feature == name_number("chat")


def test_rule_08_a_grant_that_arrives_in_debt_pays_it_in_the_same_decision_and_shows_both():
    desk = Desk()
    desk.record(4)

    grant = desk.grant(10)

    (receipt,) = desk.written
    assert kinds_of(desk.written) == [Kind.GRANTED]
    assert (receipt.granted, receipt.debt, receipt.lots) == (10, -4, 6)
    assert (receipt.balance_after, receipt.debt_after, desk.left(grant)) == (6, 0, 6)


def test_rule_08_a_grant_smaller_than_the_debt_goes_to_it_whole():
    desk = Desk()
    desk.record(10)

    grant = desk.grant(4)

    assert (desk.wallet.debt, desk.left(grant), desk.wallet.live) == (6, 0, 0)


def test_rule_08_credit_that_a_release_gives_back_pays_debt_too():
    desk = Desk()
    desk.grant(10)
    hold = desk.hold(10)
    desk.record(4)

    desk.release(hold)

    assert (desk.wallet.debt, desk.wallet.free) == (0, 6)


def test_rule_08_credit_that_a_refund_gives_back_pays_other_debt():
    desk = Desk()
    desk.grant(10)
    paid = desk.charge(10)
    desk.record(4)

    desk.refund(paid.number)

    assert (desk.wallet.debt, desk.wallet.free) == (0, 6)


def test_rule_08_an_adjustment_upwards_pays_debt_too():
    desk = Desk()
    desk.record(4)

    desk.adjust(10)

    assert (desk.wallet.debt, desk.wallet.free, desk.wallet.adjusted) == (0, 6, 10)
