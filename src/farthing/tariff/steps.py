"""Each event of a subscription as one step: the row that is written, the requests that go with it, what is to be paid.

Pure planning on what was read without a lock: the requests go into one `Together`, and are planned again if another
step came first. To add an event: a function here that answers the next row, and its line in `RULES`.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final, NamedTuple

from farthing.tariff.catalog import Money, Plan
from farthing.tariff.errors import SubscriptionRefused
from farthing.tariff.plans import (
    TIMED,
    Event,
    State,
    check_transition,
    find_due,
    find_nearest,
    find_next_act,
    find_price,
    find_state,
    get_plan,
    move_by,
    refuse_transition,
    to_rhythm,
)
from farthing.tariff.proration import MoneyLine, prorate_change, write_charge, write_part
from farthing.tariff.provisions import Standing, find_any, list_caps, list_names, provide, write_budgets, write_terms
from farthing.tariff.rows import (
    Choice,
    begin,
    begin_next,
    choose_cycle,
    fall_back,
    find_grace_end,
    is_priced,
    refuse_trial,
    set_end,
)
from farthing.values.bounds import NEVER
from farthing.values.calendars import to_instant
from farthing.values.names import name_number
from farthing.values.periods import find_boundary, find_period
from farthing.values.requests import Grant, Request
from farthing.values.standing_requests import ChangeMode, Subscribe
from farthing.values.subscriptions import Step, Subscription

BONUS: Final = "bonus"


class Planned(NamedTuple):
    """A step, ready to be asked for together."""

    requests: tuple[Request, ...]
    """The first is `Subscribe`."""
    subscription: Subscription
    lines: tuple[MoneyLine, ...]
    """What is to be paid for it, or given back; whether it was is the caller's to see to."""
    names: tuple[str, ...]
    """Texts that the requests say by number: to be interned."""


class Outcome(NamedTuple):
    """What an event's rule answers: the next row, what becomes of the credits in hand, the money."""

    row: Subscription
    mode: ChangeMode | None = None
    """None: the plan in hand goes on."""
    lines: tuple[MoneyLine, ...] = ()


def plan_step(event: Event, standing: Standing, choice: Choice | None = None) -> Planned:
    """What carries an event out. Raises `SubscriptionRefused` for what cannot happen from here, `PlanNotFound`,
    `TermInvalid` and `TimeInvalid` for a choice that makes no sense."""
    choice, last = choice or Choice(), standing.subscription
    due = find_due(last, standing.at)
    if event in TIMED:
        if due is not event:
            raise refuse_transition(standing.account, find_state(last, standing.at), event, "it is not due")
        state = find_state(last, standing.at if last is None else last.acts_at - 1)
    else:
        state = find_state(last, standing.at)
    check_transition(standing.account, state, event)
    outcome = RULES[event](standing, choice, state)
    step = outcome.row._replace(
        number=0, recorded_at=0, ended_at=0, paid_minor=choice.paid.minor if choice.paid else 0,
        currency=name_number(choice.paid.currency) if choice.paid else 0,
    )  # fmt: skip
    step = step._replace(acts_at=find_next_act(step))
    requests, names = write_requests(standing, choice, event, outcome._replace(row=step))
    names |= {choice.paid.currency} if choice.paid else set()
    return Planned(requests, step, outcome.lines, tuple(sorted(names - {""})))


def write_requests(
    standing: Standing, choice: Choice, event: Event, outcome: Outcome
) -> tuple[tuple[Request, ...], set[str]]:
    """The requests of a step, its row first, and the names in them."""
    row, last = outcome.row, standing.subscription
    plans = {name: find_any(standing, name) for name in {row.plan, row.next_plan, row.fallback} - {""}}
    new = plans.get(row.plan)
    expected = last.number if last else 0
    requests: list[Request] = [Subscribe(key="", account=standing.account, expected=expected, subscription=row)]
    requests += provide(standing, row, plans, outcome.mode)
    if new and choice.is_first and event in (Event.SUBSCRIBE, Event.UPGRADE):
        requests += write_bonuses(standing, new, row)
    if last is None or (last.plan, last.catalog_version) != (row.plan, row.catalog_version):
        old = (standing.before or standing.catalog).plans.get(last.plan) if last else None
        requests += write_terms(standing, old, new)
        requests += write_budgets(standing, row, new)
    names = list_names(plans.values(), list_caps(standing.catalog, new).items())
    return tuple(requests), names | {row.zone, BONUS}


def write_bonuses(standing: Standing, plan: Plan, row: Subscription) -> list[Request]:
    """What a plan gives once."""
    return [
        Grant(
            key="", account=standing.account, amounts=((standing.find_unit(bonus.unit), bonus.amount),),
            source=name_number(BONUS), promotional=True,
            features=tuple(sorted(name_number(feature) for feature in bonus.features)),
            expires_at=move_by(bonus.lasts, standing.at, row.zone, standing.zones) if bonus.lasts else None,
        )
        for bonus in plan.bonuses
    ]  # fmt: skip


def get_last(standing: Standing) -> Subscription:
    """The last step; the table lets no event but `subscribe` through without one."""
    if standing.subscription is None:
        raise refuse_transition(standing.account, State.NONE, Event.RENEW)
    return standing.subscription


def refuse_here(standing: Standing, state: State, event: Event, advice: str) -> SubscriptionRefused:
    return refuse_transition(standing.account, state, event, advice)


def refuse_if_ahead(standing: Standing, state: State, event: Event) -> None:
    """What is paid ahead under another plan stands: nothing else is chosen before it begins."""
    last = get_last(standing)
    if last.step == Step.RENEWED and last.next_plan:
        begins = f"{last.next_plan} is paid for from {to_instant(last.period_ends_at).isoformat()} on"
        raise refuse_here(standing, state, event, f"{begins}: wait for that, or end it at once")


def subscribe(standing: Standing, choice: Choice, state: State) -> Outcome:
    plan, last = get_plan(standing.catalog, choice.plan), standing.subscription
    if state == State.ACTIVE and last and (last.period_ends_at < NEVER or last.plan == plan.name):
        advice = f"it is {plan.name} already" if last.plan == plan.name else ""
        raise refuse_here(standing, state, Event.SUBSCRIBE, advice)
    tries = choice.is_first if choice.trial is None else choice.trial
    row, price = begin(standing, choice, plan, Step.SUBSCRIBED, tries=tries)
    return Outcome(row, plan.on_upgrade, list_charges(row, price))


def list_charges(row: Subscription, price: Money | None) -> tuple[MoneyLine, ...]:
    """The line of the period that begins, if it costs something."""
    if price is None:
        return ()
    return (write_charge(row.plan, price, start=row.period_starts_at, end=row.period_ends_at),)


def upgrade(standing: Standing, choice: Choice, state: State) -> Outcome:
    """Between priced plans of one cycle the period stays, and the money of its rest is prorated; else a new one
    begins."""
    last, plan = get_last(standing), get_plan(standing.catalog, choice.plan)
    refuse_if_ahead(standing, state, Event.UPGRADE)
    if choice.trial:
        raise refuse_trial()
    old = find_any(standing, last.plan) if last.plan else None
    has_end = choice.lasts is not None or choice.ends_at is not None
    is_paid = old is not None and is_priced(old, last) and state in (State.ACTIVE, State.CANCELLED)
    every = 0 if has_end else choose_cycle(plan, choice, last.every)
    choice = choice if has_end else replace(choice, every=every or None)
    price = find_price(plan, every, choice.currency)
    if state != State.EXPIRED and last.plan == plan.name and not has_end and every == last.every:
        raise refuse_here(standing, state, Event.UPGRADE, f"it is {plan.name} already")
    if old is None or not is_paid:
        row, price = begin(standing, choice, plan, Step.UPGRADED)
        return Outcome(row, plan.on_upgrade, list_charges(row, price))
    rhythm, zones = to_rhythm(last), standing.zones
    start = find_boundary(rhythm, find_nearest(rhythm, last.period_ends_at, zones) - 1, zones)
    span = {"start": start, "end": last.period_ends_at, "at": max(standing.at, last.trial_ends_at)}
    basis = plan.proration
    paid = find_price(old, last.every, choice.currency) or find_price(old, last.every) or Money(0, "")
    if price and every == last.every and not has_end:
        row = last._replace(
            step=Step.UPGRADED, plan=plan.name, starts_at=standing.at, is_renewing=1, next_plan="", next_every=0,
            catalog_version=standing.version,
        )  # fmt: skip
        change = prorate_change((old.name, paid), (plan.name, price), basis=basis, zone=last.zone, zones=zones, **span)
        return Outcome(set_end(standing, row, plan), plan.on_upgrade, change)
    row, price = begin(standing, choice, plan, Step.UPGRADED)
    back = write_part(old.name, paid, -1, basis=basis, zone=last.zone, zones=zones, **span)
    return Outcome(row, plan.on_upgrade, (*back, *list_charges(row, price)))


def downgrade(standing: Standing, choice: Choice, state: State) -> Outcome:
    """Chosen for the end of the period. What costs nothing then begins by itself; what is priced waits for a payment,
    in its grace if what was before it was paid for too."""
    last, plan = get_last(standing), get_plan(standing.catalog, choice.plan)
    refuse_if_ahead(standing, state, Event.DOWNGRADE)
    if last.period_ends_at == NEVER:
        raise refuse_here(standing, state, Event.DOWNGRADE, "it has no periods: change its plan at once (upgrade)")
    every = choose_cycle(plan, choice, last.every) if plan.prices else 0
    if (plan.name, every) == (last.plan, last.every if plan.prices else 0):
        raise refuse_here(standing, state, Event.DOWNGRADE, f"it is {plan.name} already; resume takes a choice back")
    row = last._replace(
        step=Step.PLANNED, next_plan=plan.name, next_every=every, is_renewing=1, fallback=plan.fallback, ends_at=NEVER
    )
    if every:
        was_paid = is_priced(find_any(standing, last.plan), last)
        grace_ends_at = find_grace_end(standing, plan, last.period_ends_at)
        row = row._replace(ends_at=grace_ends_at if was_paid else last.period_ends_at)
    elif plan.lasts:
        row = row._replace(ends_at=move_by(plan.lasts, last.period_ends_at, last.zone, standing.zones))
    return Outcome(row)


def switch(standing: Standing, choice: Choice, state: State) -> Outcome:
    """The chosen plan began when the period ended, however late that is written."""
    last = get_last(standing)
    plan, start = find_any(standing, last.next_plan), last.period_ends_at
    if last.next_every:
        return Outcome(begin_next(standing, last, plan, Step.DOWNGRADED, start))
    row = last._replace(
        step=Step.DOWNGRADED, plan=plan.name, every=plan.lasts.every if plan.lasts else 0,
        count=plan.lasts.count if plan.lasts else 1, anchor=start, starts_at=start, trial_ends_at=0,
        period_starts_at=start, period_ends_at=last.ends_at, is_renewing=int(last.ends_at == NEVER), next_plan="",
        fallback=plan.fallback, catalog_version=standing.version,
    )  # fmt: skip
    return Outcome(row)


def renew(standing: Standing, choice: Choice, state: State) -> Outcome:
    """The next period by its number from the anchor; if the last one ended unpaid, the one in hand. What has no price
    goes on by itself, in the period in hand however many were missed. Allowances go on until the new end; those that
    ended unpaid begin anew, in full."""
    last, at, zones = get_last(standing), standing.at, standing.zones
    refuse_if_ahead(standing, state, Event.RENEW)
    name, is_early = last.next_plan or last.plan, at < last.period_ends_at
    every = last.next_every if last.next_plan else last.every
    plan, version = find_offer(standing, last, name, every)
    price = find_price(plan, every, choice.currency) if last.next_plan or last.count == 1 else None
    if not every or (not plan.prices and is_early and last.ends_at == NEVER):
        raise refuse_here(standing, state, Event.RENEW, "it costs nothing and goes on, or ends, by itself")
    if plan.prices and (price is None or choice.paid is None):
        advice = f"{plan.name} costs something: " + (
            "record its payment" if price else "upgrade to periods that it has"
        )
        raise refuse_here(standing, state, Event.RENEW, advice)
    if last.next_plan and not is_early:
        row = begin_next(standing, last, plan, Step.DOWNGRADED if name != last.plan else Step.RENEWED, at)
        return Outcome(row, None, list_charges(row, price))
    if last.next_plan:
        ahead = begin_next(standing, last, plan, Step.RENEWED, last.period_ends_at)
        row = last._replace(step=Step.RENEWED, ends_at=ahead.ends_at)
        return Outcome(row, None, list_charges(ahead, price))
    rhythm = to_rhythm(last)
    start, end = last.period_ends_at, find_boundary(rhythm, find_nearest(rhythm, last.period_ends_at, zones) + 1, zones)
    if not is_early:
        _, start, end = find_period(rhythm, at, zones)
    row = last._replace(
        step=Step.RENEWED, period_starts_at=last.period_starts_at if is_early else start, period_ends_at=end,
        catalog_version=version,
    )  # fmt: skip
    lines = (write_charge(plan.name, price, start=start, end=end),) if price else ()
    return Outcome(set_end(standing, row, plan), None, lines)


def find_offer(standing: Standing, last: Subscription, name: str, every: int) -> tuple[Plan, int]:
    """The plan for the next period, and the version that has it: as it is now, unless it is not sold so any more, or
    costs something now where it went on by itself."""
    before = standing.before.plans.get(name) if standing.before else None
    for plan, version in ((standing.catalog.plans.get(name), standing.version), (before, last.catalog_version)):
        if plan and (not plan.prices or (last.ends_at < NEVER and find_price(plan, every))):
            return plan, version
    return find_any(standing, name), standing.version


def convert(standing: Standing, choice: Choice, state: State) -> Outcome:
    """The first period begins when the trial ends."""
    last = get_last(standing)
    if choice.paid is None:
        raise refuse_here(standing, state, Event.CONVERT, "record its payment")
    plan, start = find_any(standing, last.plan), last.trial_ends_at
    end = find_boundary(to_rhythm(last), 1, standing.zones)
    row = last._replace(step=Step.CONVERTED, period_starts_at=start, period_ends_at=end)
    row, price = set_end(standing, row, plan), find_price(plan, last.every, choice.currency)
    return Outcome(row, None, list_charges(row, price))


def miss(standing: Standing, choice: Choice, state: State) -> Outcome:
    return Outcome(get_last(standing)._replace(step=Step.PAST_DUE))


def cancel(standing: Standing, choice: Choice, state: State) -> Outcome:
    """It ends with what is paid; what was chosen for then is dropped."""
    last = get_last(standing)
    refuse_if_ahead(standing, state, Event.CANCEL)
    if last.period_ends_at == NEVER or not last.is_renewing:
        ends = "it has no period to run to: end it at once" if last.is_renewing else "it ends by itself"
        raise refuse_here(standing, state, Event.CANCEL, ends)
    fallback = find_any(standing, last.plan).fallback
    return Outcome(
        last._replace(
            step=Step.CANCELLED, is_renewing=0, ends_at=last.period_ends_at, next_plan="", next_every=0,
            fallback=fallback,
        )
    )  # fmt: skip


def resume(standing: Standing, choice: Choice, state: State) -> Outcome:
    last = get_last(standing)
    refuse_if_ahead(standing, state, Event.RESUME)
    if (last.is_renewing and not last.next_plan) or not last.every:
        raise refuse_here(standing, state, Event.RESUME, "nothing was taken back that could be")
    row = last._replace(step=Step.RESUMED, is_renewing=1, next_plan="", next_every=0)
    return Outcome(set_end(standing, row, find_any(standing, last.plan)))


def expire(standing: Standing, choice: Choice, state: State) -> Outcome:
    """The fallback has held since the end, however late that is written."""
    return Outcome(fall_back(get_last(standing), standing.version, Step.EXPIRED, get_last(standing).ends_at))


def cancel_now(standing: Standing, choice: Choice, state: State) -> Outcome:
    return Outcome(fall_back(get_last(standing), standing.version, Step.ENDED, standing.at), ChangeMode.REPLACE)


Rule = Callable[[Standing, Choice, State], Outcome]

RULES: Final[dict[Event, Rule]] = {
    Event.SUBSCRIBE: subscribe,
    Event.CONVERT: convert,
    Event.RENEW: renew,
    Event.MISS: miss,
    Event.UPGRADE: upgrade,
    Event.DOWNGRADE: downgrade,
    Event.SWITCH: switch,
    Event.CANCEL: cancel,
    Event.CANCEL_NOW: cancel_now,
    Event.RESUME: resume,
    Event.EXPIRE: expire,
}
