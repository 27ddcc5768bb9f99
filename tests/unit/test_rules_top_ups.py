"""Rule 30: when more is bought by itself, how much, how often, and what a decline does."""

import pytest

from farthing.values.amounts import Unit, read_amount
from farthing.values.bounds import LARGEST_AMOUNT, LONGEST_BACK_OFF, MICROSECONDS
from farthing.values.entries import Kind
from farthing.values.errors import TermInvalid
from farthing.values.requests import Close
from tests.unit.desk import DAY, Desk, instant

HOUR = 3_600


def topped(grant=100, **rule):
    """A desk at a midnight with some credits, and a rule: below 20 buy 50."""
    desk = Desk()
    desk.go("2024-01-15T00:00")
    desk.grant(grant)
    desk.configure(top_up={"is_on": 1, "threshold": 20, "quantity": 50} | rule)
    return desk


def wanted(desk):
    """What the last request asked to buy, and under which number."""
    entries = [entry for entry in desk.written if entry.kind == Kind.TOP_UP_WANTED]
    assert len(entries) <= 1
    return (entries[0].amount, entries[0].number) if entries else (0, 0)


def buy(desk):
    """The purchase under way comes; answers what it was."""
    rule = desk.wallet.terms.top_up
    desk.grant(rule.wanted, top_up=rule.in_flight)
    return rule.wanted


@pytest.mark.parametrize(("spent", "bought"), [(79, 0), (80, 50), (95, 50)], ids=["above", "at", "below"])
def test_rule_30_a_purchase_is_asked_for_at_the_threshold_or_below(spent, bought):
    desk = topped()

    receipt = desk.charge(spent)

    amount, number = wanted(desk)
    assert amount == bought
    if bought:
        entry = desk.written[-1]
        assert (entry.lead_number, entry.number) == (receipt.number, number)
        assert desk.wallet.terms.top_up[9:11] == (number, 50)


@pytest.mark.parametrize("how", ["overdraft", "a hold", "scoped credits", "debt"])
def test_rule_30_available_is_without_overdraft_holds_and_scoped_credits_and_less_debt(how):
    desk = topped(grant=100)
    if how == "overdraft":
        desk.configure(overdraft=500)
        desk.charge(90)
    elif how == "a hold":
        desk.hold(90)
    elif how == "scoped credits":
        desk.grant(500, features=["chat"])
        desk.charge(90)
    else:
        desk.record(130)

    assert wanted(desk)[0] == 50


def test_rule_30_one_purchase_in_flight_and_the_next_when_it_has_come():
    desk = topped()
    desk.charge(90)
    _, number = wanted(desk)
    desk.charge(5)
    assert wanted(desk) == (0, 0)

    desk.grant(50, top_up=number)
    assert (wanted(desk), desk.wallet.terms.top_up.in_flight) == ((0, 0), 0)
    desk.charge(40)

    assert wanted(desk)[0] == 50


def test_rule_30_a_grant_that_is_no_answer_to_it_leaves_it_in_flight():
    desk = topped()
    desk.charge(90)
    _, number = wanted(desk)

    desk.grant(5)
    desk.grant(5, top_up=number + 7)

    assert desk.wallet.terms.top_up.in_flight == number


def test_rule_30_the_whole_gap_is_bought_in_one():
    unit = Unit(1, "credits", 1, 1)
    desk = Desk(unit)
    desk.grant(read_amount("100", unit))
    desk.configure(top_up={"is_on": 1, "threshold": read_amount("10", unit), "quantity": 500, "whole_gap": 1})

    desk.record(read_amount("529.8", unit))

    assert desk.wallet.debt == read_amount("429.8", unit)
    assert wanted(desk)[0] == read_amount("450", unit)
    buy(desk)
    assert desk.wallet.spendable == read_amount("20.2", unit)


@pytest.mark.parametrize(
    ("owed", "bought"), [(4_298, 4_500), (4_399, 4_500), (4_400, 5_000), (0, 500), (-100, 500), (-99, 500)]
)
def test_rule_30_as_many_as_lead_above_the_threshold(owed, bought):
    desk = topped(grant=10_000, threshold=100, quantity=500, whole_gap=1)

    desk.record(10_000 + owed)

    assert wanted(desk)[0] == bought
    assert desk.wallet.spendable + bought > 100


@pytest.mark.parametrize(("spent", "bought"), [(80, 180), (130, 230)])
def test_rule_30_or_up_to_a_target(spent, bought):
    desk = topped(target=200, quantity=0)

    desk.record(spent)
    assert wanted(desk)[0] == bought
    buy(desk)

    assert desk.wallet.spendable == 200


def test_rule_30_there_is_a_smallest_purchase():
    desk = topped(target=100, least=95, quantity=0)

    desk.charge(80)

    assert wanted(desk)[0] == 95


def test_rule_30_without_the_whole_gap_one_purchase_may_not_be_enough_and_the_next_decision_asks_again():
    desk = topped(grant=60, threshold=50, quantity=10)
    desk.charge(55)

    buy(desk)
    assert (wanted(desk), desk.wallet.free) == ((0, 0), 15)
    desk.charge(0)

    assert wanted(desk)[0] == 10


def test_rule_30_after_a_decline_it_waits_twice_as_long_each_time():
    desk = topped(back_off=HOUR * MICROSECONDS)
    desk.charge(90)
    for times, hours in enumerate((1, 2, 4, 8), 1):
        number = desk.wallet.terms.top_up.in_flight
        receipt = desk.decline_top_up(number)
        rule = desk.wallet.terms.top_up
        assert (receipt.kind, receipt.of_number, rule.declined) == (Kind.TOP_UP_DECLINED, number, times)
        assert (rule.in_flight, rule.waits_until) == (0, desk.now + hours * HOUR * MICROSECONDS)
        desk.wait(hours * HOUR, micros=-1)
        desk.charge(0)
        assert wanted(desk) == (0, 0)
        desk.wait(0, micros=1)
        desk.charge(0)
        assert wanted(desk)[0] == 50

    buy(desk)
    assert desk.wallet.terms.top_up[9:13] == (0, 0, 0, 0)


def test_rule_30_however_often_it_was_declined_the_wait_is_bounded():
    desk = topped(back_off=30 * DAY * MICROSECONDS)
    desk.charge(90)

    for _ in range(70):
        desk.decline_top_up(desk.wallet.terms.top_up.in_flight)
        assert desk.wallet.terms.top_up.waits_until - desk.now == LONGEST_BACK_OFF
        desk.wait(30 * DAY)
        desk.charge(0)

    assert desk.wallet.terms.top_up.declined == 70


def test_rule_30_a_decline_of_what_is_not_in_flight_changes_nothing():
    desk = topped()
    desk.charge(90)
    before = desk.wallet.terms

    desk.decline_top_up(1)

    assert desk.wallet.terms == before


@pytest.mark.parametrize(
    ("cap", "again"),
    [("most_per_day", "2024-01-16T00:00"), ("most_per_month", "2024-02-01T00:00")],
    ids=["a day", "a month"],
)
def test_rule_30_caps_bound_what_is_bought_by_the_accounts_calendar(cap, again):
    desk = topped(grant=30, **{cap: 100})
    desk.charge(30)
    for _ in range(2):
        buy(desk)
        desk.charge(desk.wallet.free)
    assert wanted(desk) == (0, 0)

    desk.now = instant(again) - 1
    desk.charge(0)
    assert wanted(desk) == (0, 0)
    desk.go(again)
    desk.charge(0)

    assert wanted(desk)[0] == 50


def test_rule_30_a_day_is_one_of_the_accounts_zone():
    desk = Desk(zone="Asia/Tokyo")
    desk.go("2024-01-15T14:30")
    desk.configure(top_up={"is_on": 1, "threshold": 0, "quantity": 50, "most_per_day": 50})
    buy(desk)
    desk.charge(50)
    assert wanted(desk) == (0, 0)
    desk.go("2024-01-15T15:00")

    desk.charge(0)

    assert wanted(desk)[0] == 50


def test_rule_30_a_purchase_that_would_pass_the_cap_is_not_made_in_part():
    desk = topped(most_per_day=49)

    desk.charge(90)

    assert wanted(desk) == (0, 0)


def test_rule_30_what_was_declined_does_not_count_against_the_caps():
    desk = topped(most_per_day=50, most_per_month=50)
    desk.charge(90)

    desk.decline_top_up(wanted(desk)[1])
    assert (wanted(desk), desk.wallet.terms.top_up.bought_in_day) == ((0, 0), 0)
    desk.charge(1)

    assert wanted(desk)[0] == 50


def test_rule_30_a_rule_that_changes_works_at_once_and_keeps_how_far_it_got():
    desk = topped()
    desk.configure(top_up={"is_on": 0})
    desk.charge(90)
    assert wanted(desk) == (0, 0)

    desk.configure(top_up={"is_on": 1})
    amount, number = wanted(desk)
    assert amount == 50
    desk.configure(top_up={"threshold": 5})

    assert desk.wallet.terms.top_up.in_flight == number


def test_rule_30_what_expired_or_turned_is_judged_at_the_next_decision():
    desk = topped(grant=30)
    desk.grant(100, expires_at=desk.now + HOUR * MICROSECONDS)
    desk.void(15, grant=1)
    desk.wait(HOUR)

    desk.tidy()

    assert [entry.kind for entry in desk.written] == [Kind.EXPIRED, Kind.TOP_UP_WANTED]


@pytest.mark.parametrize(
    "rule", [{"quantity": 0}, {"target": 20}, {"threshold": 30, "target": 25}, {"quantity": -1}, {"whole_gap": 2}]
)
def test_rule_30_a_rule_that_makes_no_sense_is_refused(rule):
    desk = Desk()

    with pytest.raises(TermInvalid):
        desk.configure(top_up={"is_on": 1, "threshold": 20, "quantity": 50} | rule)


def test_rule_30_a_gap_too_large_to_buy_is_clipped():
    desk = Desk()
    desk.grant(LARGEST_AMOUNT, expires_at=desk.at(10))
    desk.wait(10)
    desk.record(LARGEST_AMOUNT)

    desk.configure(top_up={"is_on": 1, "threshold": 20, "target": LARGEST_AMOUNT})

    assert wanted(desk)[0] == LARGEST_AMOUNT


def test_rule_30_nothing_is_bought_for_an_account_that_is_closed():
    desk = topped()
    hold = desk.hold(70)
    desk.ask(Close(**desk.said({})))

    desk.settle(hold, 95)

    assert (desk.wallet.spendable, wanted(desk)) == (5, (0, 0))
