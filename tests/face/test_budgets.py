"""Budgets: caps per period, by member, feature, model or key; holds reserve from them."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

import farthing
from farthing import Budget, ChangeBudget, Charge, EndBudget, Grant


def read_one(ledger, name="cap"):
    return next(budget for budget in ledger.balance("acme").budgets if budget.name == name)


def test_a_budget_refuses_what_passes_it_and_says_when_it_resets(ledger, clock):
    ledger.grant("acme", 1000)
    ledger.budget("acme", 20, name="cap", every="day")
    ledger.charge("acme", 15)

    with pytest.raises(farthing.BudgetExceeded) as no:
        ledger.charge("acme", 6, feature="chat")

    facts = {
        name: no.value.facts[name] for name in ("budget", "subject", "needed", "left", "most", "spent", "reserved")
    }
    assert facts == {
        "budget": "cap", "subject": None, "needed": 6, "left": 5, "most": 20, "spent": 15, "reserved": 0,
    }  # fmt: skip
    assert no.value.resets_at == datetime(2026, 11, 22, tzinfo=UTC)
    assert str(no.value) == (
        "acme needs 6 credits and the budget cap has 5 left of 20 until 22 November 2026 00:00 UTC"
    )
    clock.advance(timedelta(days=1))
    assert ledger.charge("acme", 20).charged == 20


def test_a_balance_shows_what_a_budget_has_counted_in_the_period_in_hand(ledger, clock):
    ledger.grant("acme", 1000)
    ledger.budget("acme", 20, name="cap", every="week", count=2, zone="Africa/Accra")
    ledger.charge("acme", 3)
    ledger.hold("acme", 4)

    cap = read_one(ledger)
    assert (cap.most, cap.hard, cap.spent, cap.reserved, cap.left) == (20, True, 3, 4, 13)
    assert (cap.every, cap.count, cap.per, cap.subjects) == ("week", 2, None, ())
    assert cap.resets_at - cap.starts_at == timedelta(days=14)
    assert (cap.starts_at.weekday(), cap.starts_at <= clock.at < cap.resets_at) == (0, True)
    clock.move_to(cap.resets_at)
    later = read_one(ledger)
    assert (later.spent, later.reserved, later.left, later.starts_at) == (0, 0, 20, cap.resets_at)
    assert later.json()["left"] == "20.00"


def test_a_settle_counts_in_the_budget_and_may_pass_it(ledger):
    ledger.grant("acme", 1000)
    ledger.budget("acme", 20, name="cap", every="month")
    hold = ledger.hold("acme", 15)
    assert (read_one(ledger).reserved, read_one(ledger).left) == (15, 5)

    receipt = hold.settle(25)

    assert (receipt.charged, read_one(ledger).spent, read_one(ledger).reserved, read_one(ledger).left) == (25, 25, 0, 0)
    with pytest.raises(farthing.BudgetExceeded):
        ledger.charge("acme", "0.01")
    assert ledger.record("acme", 1).charged == 1, "what already happened is never refused"
    ledger.refund(receipt.id, 20)
    assert read_one(ledger).spent == 6


def test_a_soft_budget_only_counts_and_tells(ledger):
    ledger.grant("acme", 1000)
    ledger.budget("acme", 20, name="cap", every="month", hard=False)

    receipt = ledger.charge("acme", 50)

    assert [(alert.kind, alert.budget, alert.spent) for alert in receipt.alerts] == [("budget", "cap", 50)]
    assert ledger.charge("acme", 50).alerts == ()


@pytest.mark.parametrize(
    ("selects", "counts", "passes"),
    [
        ({"member": 7}, {"member": "7"}, {"member": 8}),
        ({"feature": "video"}, {"feature": "video"}, {"feature": "chat"}),
        ({"model": "m-large"}, {"usage": farthing.Usage(model="m-large")}, {"model": "m-small"}),
        ({"api_key": "ci"}, {"api_key": "ci"}, {}),
    ],
)
def test_a_budget_selects_what_it_counts(ledger, selects, counts, passes):
    ledger.grant("acme", 1000)
    ledger.budget("acme", 20, name="cap", **selects)

    ledger.charge("acme", 20, **counts)
    ledger.charge("acme", 100, **passes)

    with pytest.raises(farthing.BudgetExceeded):
        ledger.charge("acme", 1, **counts)
    cap = read_one(ledger)
    what, name = next(iter(selects.items()))
    assert (getattr(cap, what), cap.spent, cap.resets_at, cap.starts_at, cap.every) == (str(name), 20, None, None, None)


@pytest.mark.parametrize("per", ["member", "feature", "model", "api_key"])
def test_a_budget_may_give_each_its_own_count(ledger, per):
    ledger.grant("acme", 1000)
    ledger.budget("acme", 20, name="cap", every="day", per=per)

    ledger.charge("acme", 20, **{per: "bo"})
    ledger.charge("acme", 5, **{per: "ann"})
    ledger.charge("acme", 100)

    with pytest.raises(farthing.BudgetExceeded) as no:
        ledger.charge("acme", 1, **{per: "bo"})
    assert no.value.subject == per.replace("_", " ")
    cap = read_one(ledger)
    assert (cap.per, cap.spent, cap.left) == (per, 25, None)
    assert [(each.name, each.spent, each.left) for each in cap.subjects] == [("ann", 5, 15), ("bo", 20, 0)]


@pytest.mark.parametrize("said", [{"cycle": "plan"}, {"every": "cycle:plan"}])
def test_a_budget_may_follow_the_periods_of_an_allowance(ledger, clock, said):
    ledger.allow("acme", 1000, every="month")
    ledger.budget("acme", 20, name="cap", **said)

    assert read_one(ledger).resets_at == ledger.balance("acme").next_reset
    assert read_one(ledger).starts_at == clock.at
    with pytest.raises(farthing.AllowanceNotFound):
        ledger.budget("acme", 20, name="other", cycle="nothing")


def test_a_budget_may_be_anchored_at_an_instant(ledger):
    ledger.budget("acme", 20, name="cap", every="month", anchor=datetime(2026, 1, 15, 6, tzinfo=UTC))

    assert read_one(ledger).resets_at == datetime(2026, 12, 15, 6, tzinfo=UTC)


def test_a_budget_is_changed_and_ended(ledger):
    ledger.grant("acme", 1000)
    ledger.budget("acme", 20, name="cap")
    ledger.charge("acme", 20)

    assert ledger.change_budget("acme", 30, name="cap").kind == "budget_changed"
    assert (ledger.charge("acme", 5).charged, read_one(ledger).left) == (5, 5)
    ledger.change_budget("acme", name="cap", hard=False)
    assert (ledger.charge("acme", 100).charged, read_one(ledger).hard) == (100, False)
    ledger.end_budget("acme", name="cap")
    assert ledger.balance("acme").budgets == ()
    for call in (
        lambda: ledger.end_budget("acme", name="cap"),
        lambda: ledger.change_budget("acme", 1, name="cap"),
    ):
        with pytest.raises(farthing.BudgetNotFound, match="acme has no budget cap in credits"):
            call()


def test_a_name_that_is_taken_is_refused(ledger):
    ledger.budget("acme", 20, name="cap")

    with pytest.raises(farthing.BudgetExists, match="acme has a budget cap in credits already"):
        ledger.budget("acme", 30, name="cap")
    ledger.budget("acme", 30, name="cap", unit="generations")
    assert read_one(ledger).most == 20


def test_a_budget_of_nothing_refuses_all_but_nothing(ledger):
    ledger.grant("acme", 10)
    ledger.budget("acme", 0, name="cap")

    assert ledger.charge("acme", 0).charged == 0
    with pytest.raises(farthing.BudgetExceeded):
        ledger.charge("acme", 1)


def test_work_that_takes_what_fits_takes_what_the_budget_leaves(ledger):
    ledger.grant("acme", 10)
    ledger.budget("acme", 4, name="cap")

    receipt = ledger.charge("acme", 9, mode="all_available")

    assert (receipt.charged, receipt.uncovered) == (4, 5)


def test_a_batch_and_the_awaited_verbs_do_the_same(ledger):
    async def work():
        await ledger.abudget("umbrella", 5, name="cap")
        await ledger.achange_budget("umbrella", 7, name="cap")
        balance = await ledger.abalance("umbrella")
        await ledger.aend_budget("umbrella", name="cap")
        return balance

    balance = asyncio.run(work())
    answers = ledger.batch(
        [
            Grant("acme", 100),
            Budget("acme", 5, name="cap", per="member"),
            ChangeBudget("acme", 7, name="cap"),
            Charge("acme", 7, member="ann"),
            Charge("acme", 1, member="ann"),
            Charge("acme", 7, member="bo"),
            EndBudget("acme", name="cap"),
            Charge("acme", 1, member="ann"),
        ]
    )

    assert [getattr(answer, "kind", getattr(answer, "code", "")) for answer in answers] == [
        "granted", "budgeted", "budget_changed", "charged", "budget_exceeded", "charged", "budget_ended", "charged",
    ]  # fmt: skip
    assert balance.budgets[0].most == 7
