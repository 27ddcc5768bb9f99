"""Several requests as one, all or nothing; steps of a subscription; and rule 28 for both."""

from dataclasses import replace

import pytest

from farthing.core.decide import decide
from farthing.engine.zones import find_zone
from farthing.values.entries import Effect, Kind, SubscriptionField, unpack_effects
from farthing.values.errors import (
    AccountClosed,
    AllowanceExists,
    AllowanceNotFound,
    BudgetNotFound,
    KeyReused,
    SubscriptionChanged,
)
from farthing.values.names import name_number
from farthing.values.periods import Cadence
from farthing.values.requests import Close, Freeze, Grant, Request
from farthing.values.standing_requests import ChangeBudget, EndAllowance, SetBudget, Together
from farthing.values.subscriptions import Step
from farthing.values.wallets import Account, AccountState, Wallet
from tests.unit.desk import CREDITS, DAY, GENERATIONS, Desk, kinds_of, tell


def subscribe(desk, expected=0, plan="basic", **fields):
    """What a plan asks for: the step, what it gives each month, a bonus and a cap."""
    return (
        desk.make_step(expected, plan, **fields),
        desk.make_allow(100, name=f"{plan}.credits", every=Cadence.MONTH),
        Grant(amounts=((1, 10),), until_turn=f"{plan}.credits", **desk.said({})),
        SetBudget(unit=1, name=f"{plan}.cap", most=50, every=Cadence.DAY, **desk.said({})),
    )


def test_all_of_it_happens_in_order_and_at_one_instant():
    desk = Desk()
    desk.wait(60)

    receipt = desk.together(*subscribe(desk), catalog_version=3)

    assert kinds_of(desk.written) == [Kind.SUBSCRIBED, Kind.ALLOWED, Kind.GRANTED, Kind.BUDGETED]
    assert {(e.lead_unit, e.lead_number, e.recorded_at, e.catalog_version) for e in desk.written} == {
        (0, receipt.number, desk.now, 3)
    }
    assert (desk.wallet.free, desk.wallet.recurring, desk.wallet.budgeted) == (110, 1, 1)


def test_what_a_part_makes_is_there_for_the_next_part():
    desk = Desk()
    allow = desk.make_allow(100, name="a", every=Cadence.DAY)
    end = EndAllowance(unit=1, name="a", now=True, **desk.said({}))
    again = desk.make_allow(7, name="a", every=Cadence.DAY)

    desk.together(allow, end, again)

    assert kinds_of(desk.written) == [Kind.ALLOWED, Kind.ALLOWANCE_ENDED, Kind.EXPIRED, Kind.ALLOWED]
    assert desk.wallet.free == 7


@pytest.mark.parametrize("place", range(3))
def test_a_step_leads_wherever_it_stands(place):
    desk = Desk()
    parts: list[Request] = [desk.make_allow(100, name=name, every=Cadence.DAY) for name in ("a", "b")]
    parts.insert(place, desk.make_step())

    receipt = desk.together(*parts)

    assert (receipt.unit_id, receipt.kind, desk.written[0]) == (0, Kind.SUBSCRIBED, receipt)


def test_without_a_step_the_first_leads():
    desk = Desk(CREDITS, GENERATIONS)
    parts = [replace(desk.make_allow(5, every=Cadence.DAY), unit=unit) for unit in (2, 1)]

    receipt = desk.together(*parts)

    assert (receipt.unit_id, [entry.unit_id for entry in desk.written]) == (2, [2, 1])


@pytest.mark.parametrize(
    ("last", "refused"),
    [
        (lambda desk: ChangeBudget(unit=1, name="none", most=1, **desk.said({})), BudgetNotFound),
        (lambda desk: desk.make_allow(1, name="basic.credits", every=Cadence.DAY), AllowanceExists),
        (lambda desk: Grant(amounts=((2, 1),), until_turn="none", **desk.said({})), AllowanceNotFound),
        (lambda desk: desk.make_step(expected=5), SubscriptionChanged),
    ],
)
def test_refused_in_its_last_part_it_writes_nothing_and_does_not_take_the_key(last, refused):
    desk = Desk(CREDITS, GENERATIONS)
    before = {unit: (wallet.seq, wallet.head) for unit, wallet in desk.wallets.items()}
    request = Together(said=("chosen",), requests=(*subscribe(desk), last(desk)), **desk.said({"key": "k"}))

    with pytest.raises(refused):
        desk.ask(request)

    assert {unit: (wallet.seq, wallet.head) for unit, wallet in desk.wallets.items()} == before
    assert desk.wallets[0].subscription is None
    assert desk.wallet.recurring == desk.wallet.budgeted == desk.wallet.free == 0
    done = desk.ask(replace(request, requests=request.requests[:-1]))
    assert done.kind == Kind.SUBSCRIBED


def test_a_wallet_that_is_given_is_never_changed_even_where_only_the_last_part_is_refused():
    desk = Desk()
    wallets = {unit: wallet.copy() for unit, wallet in desk.wallets.items()}
    request = Together(said=(), requests=(*subscribe(desk), desk.make_step(expected=5)), **desk.said({}))

    with pytest.raises(SubscriptionChanged):
        decide(desk.account, wallets, request, desk.now, desk.seal, find_zone)

    for wallet in wallets.values():
        assert (wallet.seq, wallet.lots, wallet.allowances, wallet.budgets, wallet.subscription) == (
            0,
            {},
            {},
            {},
            None,
        )


def test_what_is_due_comes_before_all_parts():
    desk = Desk()
    desk.allow(100, name="free", every=Cadence.DAY, until=desk.at(DAY))
    desk.wait(DAY)

    receipt = desk.together(*subscribe(desk, plan="free"))

    due = [entry for entry in desk.written if entry.lead_number != receipt.number or entry.lead_unit]
    assert kinds_of(due) == [Kind.EXPIRED, Kind.ALLOWANCE_ENDED]
    assert desk.wallet.free == 110


def test_a_new_account_is_opened_on_the_way():
    desk = Desk()
    desk.account = Account(7, 3, 1, "acme", AccountState.NEW)
    desk.wallets = {
        unit: Wallet(desk.account, each.unit, desk.seal.begin(desk.account, each.unit))
        for unit, each in desk.wallets.items()
    }

    receipt = desk.together(*subscribe(desk))

    assert kinds_of(desk.written)[:2] == [Kind.OPENED, Kind.SUBSCRIBED]
    assert (receipt.kind, desk.account.state) == (Kind.SUBSCRIBED, AccountState.ACTIVE)


def test_a_closed_account_is_given_nothing_and_a_frozen_one_is():
    desk = Desk()
    desk.ask(Freeze(**desk.said({})))
    desk.together(*subscribe(desk))
    desk.ask(Close(**desk.said({})))

    with pytest.raises(AccountClosed):
        desk.together(desk.make_step(desk.step.number))


def test_rule_28_the_same_that_was_said_replays_whatever_would_follow_from_it_by_now():
    desk = Desk()
    first = desk.together(*subscribe(desk), said=("subscribe", "basic"), key="k")
    desk.wait(40 * DAY)

    again = desk.together(*subscribe(desk, expected=99, plan="pro"), said=("subscribe", "basic"), key="k")

    assert again is first
    assert desk.wallet.seq == 3


def test_rule_28_something_else_under_the_same_key_is_refused():
    desk = Desk()
    parts = subscribe(desk)
    desk.together(*parts, said=("subscribe", "basic"), key="k")

    with pytest.raises(KeyReused) as refused:
        desk.together(*parts, said=("subscribe", "pro"), key="k")

    assert tell(refused, "key") == ("k",)


def test_a_step_says_what_holds_from_it_on_and_which_step_it_follows():
    desk = Desk()
    first = desk.together(desk.make_step(plan="basic", step=Step.SUBSCRIBED, next_plan="pro", zone="Europe/Rome"))
    desk.wait(DAY)

    second = desk.together(desk.make_step(first.number, "pro", step=Step.UPGRADED, ends_at=desk.at(9 * DAY)))

    step = desk.step
    assert (step.number, step.plan, step.recorded_at, step.ended_at) == (second.number, "pro", desk.now, 0)
    assert (second.of_number, first.of_number, second.amount) == (first.number, 0, 0)
    said = {field: value for effect, _, field, value in unpack_effects(first.effects)}
    assert said == {
        SubscriptionField.STEP: Step.SUBSCRIBED,
        SubscriptionField.PLAN: name_number("basic"),
        SubscriptionField.NEXT_PLAN: name_number("pro"),
        SubscriptionField.ZONE: name_number("Europe/Rome"),
    }
    assert {(effect, number) for effect, number, _, _ in unpack_effects(second.effects)} == {
        (Effect.SUBSCRIPTION_SET, second.number)
    }


def test_a_decision_hands_on_the_step_that_it_wrote_and_none_where_it_wrote_none():
    desk = Desk()
    step = desk.decide(Together(said=(), requests=(desk.make_step(plan="pro"),), **desk.said({}))).subscription
    none = desk.decide(Together(said=(), requests=(desk.make_allow(1, every=Cadence.DAY),), **desk.said({})))

    assert step is not None
    assert (step.number, step.plan, none.subscription) == (1, "pro", None)


@pytest.mark.parametrize("expected", [0, 1, 3])
def test_whoever_planned_before_another_step_came_is_refused(expected):
    desk = Desk()
    first = desk.together(desk.make_step())
    second = desk.together(desk.make_step(first.number))
    assert second.number == 2

    with pytest.raises(SubscriptionChanged) as refused:
        desk.together(*subscribe(desk, expected=expected))

    assert tell(refused, "account", "code") == ("acme", "subscription_changed")
    assert (desk.wallet.seq, desk.step.number) == (0, 2)
