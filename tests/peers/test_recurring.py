"""The adapter's words for what recurs, beyond what the cases in the project happen to say: figures by hand."""

import pytest

from tests.peers.test_adapter import GRANT, play

PLAN = {"at": "2024-01-31T00:00:00Z", "do": "allowance", "id": "a", "amount": "10", "every": "month"}
PLAN |= {"anchor": "2024-01-31T00:00:00Z"}
ALL = {"rollover": {"mode": "all"}}


def test_lots_are_numbered_from_the_anchor_and_carried_ones_have_names_of_their_own():
    anchored = PLAN | {"anchor": "2023-11-30T00:00:00Z"}
    charge = {"at": "2024-02-29T00:00:00Z", "do": "charge", "amount": "12"}

    first = anchored | {"expect": {"lots": {"a/2": "10", "a/1": "0"}}}
    assert play(first, charge | {"mode": "all_available", "expect": {"drew": [["a/3", "10"]]}}) is None
    third = charge | {"expect": {"drew": [["a/carry0", "10"], ["a/1", "2"]], "carried": [], "lots": {"a/1": "8"}}}
    assert play(PLAN | ALL, third) is None


def test_carried_credits_are_told_oldest_first_and_live_for_as_many_periods_as_are_kept():
    kept = PLAN | {"rollover": {"mode": "all", "keep": 2}}
    later = [{"at": f"2024-{month}T00:00:00Z", "do": "advance"} for month in ("02-29", "03-31", "04-30")]
    says = [["10"], ["10", "10"], ["10", "10"]]

    steps = [step | {"expect": {"carried": carried}} for step, carried in zip(later, says, strict=True)]
    assert play(kept, *steps, {"do": "balance", "expect": {"breakage": "10", "balance": "30"}}) is None


@pytest.mark.parametrize(
    ("mode", "lots", "balance"), [("fresh", {"a/0": "0", "a/0b": "30"}, "30"), ("keep_used", {"a/0b": "26"}, "26")]
)
def test_a_change_within_the_period_gives_a_lot_with_a_name_of_its_own(mode, lots, balance):
    charge = {"do": "charge", "amount": "4"}
    change = {"at": "2024-02-10T00:00:00Z", "do": "change_allowance", "id": "a", "amount": "30", "mode": mode}
    drew = {"do": "charge", "amount": "1", "expect": {"drew": [["a/0b", "1"]]}}
    turned = {"at": "2024-02-29T00:00:00Z", "do": "advance", "expect": {"lots": {"a/1": "30"}}}

    assert play(PLAN, charge, change | {"expect": {"lots": lots, "balance": balance}}, drew, turned) is None


def test_a_change_at_the_very_start_of_the_period_tells_both_lots_apart():
    change = {"do": "change_allowance", "id": "a", "amount": "30", "mode": "fresh"}

    assert play(PLAN, change | {"expect": {"lots": {"a/0": "0", "a/0b": "30"}}}) is None


def test_periods_may_be_of_thirty_days_and_without_an_anchor_they_are_the_calendars():
    days = PLAN | {"every": "30_days"}
    months = PLAN | {"anchor": None, "tz": "Europe/Rome"}
    look = {"do": "advance", "expect": {"breakage": "10", "balance": "10"}}

    assert play(days, look | {"at": "2024-03-01T00:00:00Z"}) is None
    assert play(months, look | {"at": "2024-01-31T23:00:00Z"}) is None


def test_a_cap_of_zero_is_no_rollover():
    look = {"at": "2024-02-29T00:00:00Z", "do": "advance", "expect": {"carried": [], "balance": "10"}}

    assert play(PLAN | {"rollover": {"mode": "capped", "cap": "0"}}, look) is None


@pytest.mark.parametrize(
    ("setup", "expect"),
    [
        ([], {"amount": "10", "debt": "6", "written_off": "0"}),
        ([{"set": "clawback_spent", "policy": "write_off"}], {"amount": "4", "debt": "0", "written_off": "6"}),
    ],
)
def test_clawed_back_credits_that_were_spent_are_owed_or_written_off(setup, expect):
    bought = GRANT | {"paid_money": "100"}
    back = {"do": "clawback", "of": "g", "money": "100", "expect": expect}
    more = {"do": "clawback", "of": "g", "money": "1", "expect": {"outcome": "refused"}}

    assert play(bought, {"do": "charge", "amount": "6"}, back, more, setup=setup) is None


def test_an_alert_is_told_by_the_step_that_fired_it_and_by_no_replay_or_refusal():
    setting = {"set": "alert", "thresholds": [{"code": "half", "at": "5"}, {"code": "5", "at": "5.0"}]}
    charge = {"do": "charge", "amount": "6", "key": "k"}
    fired = charge | {"expect": {"alerts": ["5", "half"]}}
    again: dict[str, object] = charge | {"expect": {"alerts": []}}
    refused = {"do": "charge", "amount": "60", "expect": {"outcome": "refused", "alerts": []}}

    assert play(GRANT, fired, again, refused, {"do": "balance", "expect": {"alerts": []}}, setup=[setting]) is None


@pytest.mark.parametrize(
    ("rule", "topups"),
    [
        ({"quantity": "5"}, ["5"]),
        ({"quantity": "5", "whole_gap": True}, ["10"]),
        ({"target": "20"}, ["19"]),
        ({"quantity": "5", "min_purchase": "7"}, ["7"]),
        ({"quantity": "5", "on": False}, []),
    ],
)
def test_more_is_bought_once_a_request(rule, topups):
    setting = {"set": "auto_topup", "threshold": "9"} | rule

    assert play(GRANT, {"do": "charge", "amount": "9", "expect": {"topups": topups}}, setup=[setting]) is None


def test_a_purchase_that_was_not_enough_is_followed_by_one_at_the_next_request():
    setting = {"set": "auto_topup", "threshold": "9", "quantity": "2"}
    charge = {"do": "charge", "amount": "9", "expect": {"topups": ["2"], "available": "3"}}
    look = {"do": "advance", "expect": {"topups": ["2"]}}
    next_one = {"do": "charge", "amount": "1", "expect": {"topups": ["2", "2"], "available": "4"}}

    assert play(GRANT, charge, look, next_one, setup=[setting]) is None


def test_a_rule_that_is_replaced_works_at_once():
    rule = {"do": "topup_rule", "threshold": "10", "quantity": "5", "expect": {"topups": ["5"], "available": "15"}}

    assert play(GRANT, rule) is None


@pytest.mark.parametrize(
    ("step", "expect"),
    [
        ({"by": "divide", "factor": "3", "quantity": "10", "round": "floor", "digits": 2}, {"amount": "3.33"}),
        ({"by": "divide", "factor": "3", "quantity": "-10", "round": "ceiling", "digits": 0}, {"amount": "-3"}),
        ({"by": "multiply", "factor": "0.5", "quantity": "5", "round": "half_even", "digits": 0}, {"amount": "2"}),
        ({"by": "multiply", "factor": "0.5", "quantity": "5", "digits": 0}, {"amount": "3"}),
    ],
)
def test_quantities_are_converted_exactly_and_rounded_as_the_case_says(step, expect):
    assert play({"do": "convert", **step, "expect": expect}) is None


def test_a_value_may_be_rounded_by_another_rule_than_half_up():
    step = {"do": "round", "value": "1.001", "digits": 2, "round": "ceiling", "expect": {"amount": "1.01"}}

    assert play(step) is None


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({"do": "convert", "by": "guess", "factor": "1", "quantity": "1"}, "no such conversion: guess"),
        ({"do": "round", "value": "1", "digits": 0, "round": "sideways"}, "no such rounding: sideways"),
        ({"do": "change_allowance", "id": "a", "mode": "sideways"}, "sideways"),
        ({"do": "allowance", "id": "a", "amount": "1"}, "not given"),
        ({"do": "allowance", "id": "a", "amount": "1", "every": "moon"}, "no such cadence: moon"),
    ],
)
def test_words_that_nobody_knows_fail_and_are_named(step, said):
    found = play(GRANT, step)

    assert found is not None
    assert said in str(found)
