"""Rules 11 and 12: what budgets refuse and what may pass them, what they count, and in which period."""

import pytest

from farthing.values.bounds import MICROSECONDS, MOST_BUDGETS, NEVER
from farthing.values.entries import AlertKind, Effect, Kind, unpack_effects
from farthing.values.errors import (
    BudgetExceeded,
    BudgetExists,
    BudgetNotFound,
    InsufficientCredits,
    TermInvalid,
    TooManyRules,
)
from farthing.values.names import name_number
from farthing.values.periods import Cadence
from farthing.values.requests import Mode
from farthing.values.wallets import SettlePolicy, Subject
from tests.unit.desk import DAY, Desk, instant, kinds_of, tell

LONG = 9 * DAY * MICROSECONDS


def budgeted(most=50, **fields):
    """A desk at a midnight, with a thousand credits and a budget for each day."""
    desk = Desk()
    desk.go("2024-01-01T00:00")
    desk.grant(1_000)
    return desk, desk.set_budget(most, **({"every": Cadence.DAY} | fields))


def counted(desk, budget, subject=""):
    counter = desk.counter(budget, subject)
    return counter.spent, counter.reserved


@pytest.mark.parametrize("what", ["charge", "hold"])
def test_rule_11_a_hard_budget_refuses_new_work_beyond_it_and_takes_all_up_to_it(what):
    desk, _ = budgeted()
    with pytest.raises(BudgetExceeded) as refused:
        getattr(desk, what)(51)
    assert tell(refused, "budget", "needed", "left", "most", "spent", "reserved", "subject") == (
        "cap", 51, 50, 50, 0, 0, None,
    )  # fmt: skip
    assert refused.value.resets_at.isoformat() == "2024-01-02T00:00:00+00:00"
    assert len(desk.entries[1]) == 2

    getattr(desk, what)(50)

    with pytest.raises(BudgetExceeded) as refused:
        getattr(desk, what)(1)
    assert refused.value.left == 0


def test_rule_11_a_settle_of_held_work_may_pass_the_budget_and_the_next_request_is_refused():
    desk, budget = budgeted()
    hold = desk.hold(10)

    assert desk.settle(hold, 80).amount == 80

    assert counted(desk, budget) == (80, 0)
    with pytest.raises(BudgetExceeded) as refused:
        desk.charge(1)
    assert tell(refused, "left", "spent") == (0, 80)


def test_rule_11_a_hold_of_nothing_does_not_let_work_pass_the_budget_uncounted():
    desk, budget = budgeted()
    hold = desk.hold(0)

    desk.settle(hold, 30)

    assert counted(desk, budget) == (30, 0)


def test_rule_11_recorded_work_is_counted_and_never_refused():
    desk, budget = budgeted()

    desk.record(40)
    desk.charge(40, mode=Mode.RECORD)
    hold = desk.hold(5, mode=Mode.RECORD)

    assert counted(desk, budget) == (80, 5)
    assert desk.settle(hold).amount == 5


def test_rule_11_all_available_takes_what_the_budget_leaves_and_states_the_rest():
    desk, budget = budgeted()

    receipt = desk.charge(70, mode=Mode.ALL_AVAILABLE)
    assert (receipt.amount, receipt.uncovered, counted(desk, budget)) == (50, 20, (50, 0))
    nothing = desk.hold(70, mode=Mode.ALL_AVAILABLE)

    assert (desk.written[0].amount, desk.written[0].uncovered) == (0, 70)
    assert desk.settle(nothing, 0).amount == 0


def test_rule_11_a_soft_budget_counts_tells_and_never_refuses():
    desk, budget = budgeted(is_hard=False)

    desk.charge(49)
    assert kinds_of(desk.written) == [Kind.CHARGED]
    desk.charge(1)

    assert kinds_of(desk.written) == [Kind.CHARGED, Kind.ALERTED]
    fired = unpack_effects(desk.written[1].effects)
    assert fired == [(Effect.ALERT_FIRED, AlertKind.BUDGET, budget, 50)]
    desk.charge(100)
    assert (kinds_of(desk.written), counted(desk, budget)) == ([Kind.CHARGED], (150, 0))


def test_rule_11_a_hard_budget_tells_too_once_for_each_period():
    desk, _ = budgeted()

    desk.charge(50)
    assert desk.written[-1].kind == Kind.ALERTED
    desk.wait(DAY)
    desk.charge(50)

    assert desk.written[-1].kind == Kind.ALERTED


def test_rule_11_of_several_budgets_the_tightest_refuses_and_all_count():
    desk, wide = budgeted(500, name="wide")
    narrow = desk.set_budget(20, name="narrow", every=Cadence.MONTH)

    with pytest.raises(BudgetExceeded) as refused:
        desk.charge(21)
    assert tell(refused, "budget", "left") == ("narrow", 20)
    desk.charge(15)

    assert counted(desk, wide) == counted(desk, narrow) == (15, 0)


def test_rule_11_what_is_short_of_credits_is_told_before_what_is_beyond_a_budget():
    desk, _ = budgeted()

    with pytest.raises(InsufficientCredits):
        desk.charge(2_000)


def test_rule_11_a_budget_per_member_has_a_counter_for_each_and_none_for_work_of_nobody():
    desk, budget = budgeted(per=Subject.MEMBER)

    desk.charge(50, member="ana")
    desk.charge(30, member="ben")
    desk.charge(400)

    assert (counted(desk, budget, "ana"), counted(desk, budget, "ben")) == ((50, 0), (30, 0))
    assert len(desk.wallet.counters) == 2
    with pytest.raises(BudgetExceeded) as refused:
        desk.charge(1, member="ana")
    assert tell(refused, "subject", "left") == ("member", 0)
    desk.hold(20, member="ben")
    assert counted(desk, budget, "ben") == (30, 20)


@pytest.mark.parametrize(
    ("selects", "counts"),
    [
        ({"member": "ana"}, [True, False, False, False, False]),
        ({"feature": "chat"}, [False, True, False, False, False]),
        ({"model": "big"}, [False, False, True, False, False]),
        ({"api_key": "k1"}, [False, False, False, True, False]),
        ({"per": Subject.FEATURE}, [False, True, False, False, False]),
        ({"per": Subject.MODEL, "model": "big"}, [False, False, True, False, False]),
        ({"per": Subject.API_KEY}, [False, False, False, True, False]),
        ({}, [True, True, True, True, True]),
    ],
    ids=str,
)
def test_rule_11_a_budget_counts_what_it_selects(selects, counts):
    work = [{"member": "ana"}, {"feature": "chat"}, {"model": "big"}, {"api_key": "k1"}, {}]
    found = []

    for said in work:
        desk, _ = budgeted(**selects)
        desk.charge(7, **said)
        found.append([counter.spent for counter in desk.wallet.counters.values()] == [7])

    assert found == counts


def test_rule_11_selectors_together_select_what_meets_all_of_them():
    desk, budget = budgeted(member="ana", feature="chat", per=Subject.MODEL)

    for said in ({"member": "ana"}, {"feature": "chat"}, {"member": "ben", "feature": "chat"}):
        desk.charge(9, model="big", **said)
    desk.charge(8, member="ana", feature="chat", model="big")

    assert {key: each.spent for key, each in desk.wallet.counters.items()} == {(budget, name_number("big")): 8}


def test_rule_12_a_hold_reserves_and_its_settle_spends_what_it_came_to():
    desk, budget = budgeted()
    hold = desk.hold(30)
    assert counted(desk, budget) == (0, 30)
    with pytest.raises(BudgetExceeded) as refused:
        desk.charge(21)
    assert tell(refused, "left", "reserved") == (20, 30)

    desk.settle(hold, 12)

    assert counted(desk, budget) == (12, 0)


@pytest.mark.parametrize("end", ["release", "time out"])
def test_rule_12_a_hold_that_comes_to_nothing_frees_what_it_reserved(end):
    desk, budget = budgeted()
    hold = desk.hold(30, ttl=60 * MICROSECONDS)
    if end == "release":
        desk.release(hold)
    else:
        desk.wait(60)
        desk.tidy()

    assert counted(desk, budget) == (0, 0)


def test_rule_12_settling_in_steps_moves_from_reserved_to_spent_step_by_step():
    desk, budget = budgeted()
    hold = desk.hold(30)

    desk.settle(hold, 10, final=False)
    assert counted(desk, budget) == (10, 20)
    desk.settle(hold, 25, final=False)
    assert counted(desk, budget) == (35, 0)
    desk.settle(hold, 5)

    assert counted(desk, budget) == (40, 0)


def test_rule_12_a_late_settle_counts_in_the_period_of_its_hold_and_frees_nothing_twice():
    desk, budget = budgeted()
    hold = desk.hold(30, ttl=60 * MICROSECONDS)
    desk.wait(60)

    desk.settle(hold, 20)

    assert counted(desk, budget) == (20, 0)


@pytest.mark.parametrize("is_asked", [True, False])
def test_rule_12_a_turn_between_hold_and_settle_neither_frees_nor_doubles(is_asked):
    desk, budget = budgeted()
    hold = desk.hold(30, ttl=LONG)
    desk.wait(DAY)
    if is_asked:
        desk.charge(5)

    desk.settle(hold, 45)

    assert counted(desk, budget) == (5 if is_asked else 0, 0)
    with pytest.raises(BudgetExceeded) as refused:
        desk.charge(51)
    assert tell(refused, "left", "reserved") == (45 if is_asked else 50, 0)


def test_rule_12_a_hold_of_the_period_before_reserves_nothing_of_the_new_one():
    desk, budget = budgeted()
    old = desk.hold(30, ttl=LONG)
    desk.wait(DAY)
    new = desk.hold(50, ttl=LONG)
    assert counted(desk, budget) == (0, 50)

    desk.release(old)
    assert counted(desk, budget) == (0, 50)
    desk.settle(new, 1)

    assert counted(desk, budget) == (1, 0)


def test_rule_12_at_the_instant_of_a_turn_the_budget_is_new():
    desk, budget = budgeted()
    desk.charge(50)
    desk.wait(DAY, micros=-1)
    with pytest.raises(BudgetExceeded):
        desk.charge(1)
    desk.wait(0, micros=1)

    desk.charge(50)

    counter = desk.counter(budget)
    assert (counter.starts_at, counter.ends_at) == (instant("2024-01-02T00:00"), instant("2024-01-03T00:00"))


def test_rule_12_a_budget_without_periods_counts_for_ever():
    desk, budget = budgeted(every=0)
    desk.charge(50)
    desk.wait(4_000 * DAY)

    with pytest.raises(BudgetExceeded) as refused:
        desk.charge(1)

    assert refused.value.resets_at is None
    assert (desk.counter(budget).starts_at, desk.counter(budget).ends_at) == (0, NEVER)


def test_rule_12_a_budget_may_have_the_periods_of_an_allowance_or_an_anchor_of_its_own():
    desk, _ = budgeted(name="calendar", every=Cadence.MONTH)
    desk.go("2024-01-10T09:00")
    desk.allow(10, every=Cadence.MONTH)
    by_cycle = desk.set_budget(50, name="cycle", cycle="plan")
    by_anchor = desk.set_budget(50, name="anchor", every=Cadence.DAY, count=10, anchor=desk.now)

    desk.charge(1)

    ends = [desk.counter(budget).ends_at for budget in (by_cycle, by_anchor)]
    assert ends == [instant("2024-02-10T09:00"), instant("2024-01-20T09:00")]
    assert desk.counter(2).ends_at == instant("2024-02-01T00:00")


def test_rule_12_a_refund_within_the_period_gives_the_budget_back_what_was_counted():
    desk, budget = budgeted()
    charge = desk.charge(50)

    desk.refund(charge.number, 20)
    assert counted(desk, budget) == (30, 0)
    desk.refund(charge.number)

    assert counted(desk, budget) == (0, 0)
    desk.charge(50)


def test_rule_12_a_refund_after_the_period_leaves_the_new_one_alone():
    desk, budget = budgeted()
    charge = desk.charge(50)
    desk.wait(DAY)
    desk.charge(10)

    desk.refund(charge.number)

    assert counted(desk, budget) == (10, 0)


def test_rule_12_a_refund_after_the_period_in_which_nothing_was_charged_since_leaves_all_of_the_new_one():
    desk, budget = budgeted()
    charge = desk.charge(50)
    desk.wait(DAY)

    desk.refund(charge.number)
    desk.charge(50)

    assert counted(desk, budget) == (50, 0)
    with pytest.raises(BudgetExceeded):
        desk.charge(1)


def test_rule_12_a_refund_gives_back_no_more_than_its_charge_counted():
    desk = Desk()
    desk.grant(1_000)
    before = desk.charge(30)
    budget = desk.set_budget(50)
    other = desk.charge(20)

    desk.refund(before.number)
    assert counted(desk, budget) == (20, 0)
    desk.refund(other.number, 5)

    assert counted(desk, budget) == (15, 0)


def test_rule_12_a_refund_of_a_settled_hold_gives_back_per_member_what_it_spent():
    desk, budget = budgeted(per=Subject.MEMBER)
    hold = desk.hold(30, member="ana")
    desk.settle(hold, 25)

    desk.refund(hold, 10)

    assert counted(desk, budget, "ana") == (15, 0)


def test_rule_11_a_cap_that_changes_works_at_once_and_what_was_counted_stays():
    desk, budget = budgeted()
    desk.charge(40)

    desk.change_budget(most=30)
    with pytest.raises(BudgetExceeded) as refused:
        desk.charge(1)
    assert tell(refused, "left", "most", "spent") == (0, 30, 40)
    desk.change_budget(is_hard=False)
    desk.charge(100)
    desk.change_budget(most=200, is_hard=True)

    assert counted(desk, budget) == (140, 0)
    with pytest.raises(BudgetExceeded) as refused:
        desk.charge(61)
    assert refused.value.left == 60


def test_rule_12_a_budget_that_ended_counts_nothing_more_not_even_what_it_reserved():
    desk, budget = budgeted()
    hold = desk.hold(30)
    charge = desk.charge(5)
    desk.end_budget()

    desk.charge(500)
    desk.settle(hold, 45)
    desk.refund(charge.number)

    assert counted(desk, budget) == (5, 30)
    assert (desk.wallet.budgeted, desk.set_budget(9) > budget) == (0, True)


def test_rule_11_budgets_are_known_by_names_and_bounded():
    desk, _ = budgeted()
    with pytest.raises(BudgetExists):
        desk.set_budget(5)
    for ask in (desk.change_budget, desk.end_budget):
        with pytest.raises(BudgetNotFound):
            ask("nobody's")
    with pytest.raises(TermInvalid):
        desk.set_budget(5, name="odd", every=Cadence.DAY, count=0)
    for place in range(MOST_BUDGETS - 1):
        desk.set_budget(5, name=f"{place}", member="zoe")

    with pytest.raises(TooManyRules) as refused:
        desk.set_budget(5, name="one more")

    assert tell(refused, "what", "most") == ("budgets", MOST_BUDGETS)


def test_rule_11_a_policy_that_caps_at_what_is_available_counts_what_was_charged():
    desk, budget = budgeted()
    hold = desk.hold(10)

    desk.settle(hold, 2_000, policy=SettlePolicy.CAP_AVAILABLE)

    assert counted(desk, budget) == (1_000, 0)
