"""The states of a subscription and the table of what leads from one to another; the drawing in the docs is made of it.

A state is read from the last step and an instant, never stored: so a job that comes late changes no state. `steps.py`
carries the events out. To add an event: its line in `EVENTS`, its rows in `TRANSITIONS`, its rule in `steps.RULES`.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from farthing.tariff.catalog import Catalog, Length, Money, Plan, UnitTerms
from farthing.tariff.errors import PlanNotFound, SubscriptionRefused
from farthing.values.bounds import NEVER
from farthing.values.periods import Rhythm, Zones, find_boundary, find_index
from farthing.values.subscriptions import Step, Subscription


class State(StrEnum):
    """Where an account stands with its plan."""

    NONE = "none"
    TRIALING = "trialing"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    CANCELLED = "cancelled"
    """It runs to its end."""
    EXPIRED = "expired"
    """It has ended; the fallback plan, if there is one, holds."""


class Event(StrEnum):
    """What can happen to a subscription."""

    SUBSCRIBE = "subscribe"
    CONVERT = "convert"
    RENEW = "renew"
    MISS = "miss"
    UPGRADE = "upgrade"
    DOWNGRADE = "downgrade"
    SWITCH = "switch"
    CANCEL = "cancel"
    CANCEL_NOW = "cancel_now"
    RESUME = "resume"
    EXPIRE = "expire"


STATES: Final = {
    State.NONE: "without a subscription",
    State.TRIALING: "on trial",
    State.ACTIVE: "subscribed",
    State.PAST_DUE: "past due",
    State.CANCELLED: "cancelled to the end of its period",
    State.EXPIRED: "without a subscription since it ended",
}

EVENTS: Final = {
    Event.SUBSCRIBE: "subscribe to a plan",
    Event.CONVERT: "pay for what follows the trial",
    Event.RENEW: "be renewed",
    Event.MISS: "miss a payment",
    Event.UPGRADE: "change its plan at once",
    Event.DOWNGRADE: "change its plan at the end of the period",
    Event.SWITCH: "go over to the plan chosen for the end of the period",
    Event.CANCEL: "be cancelled",
    Event.CANCEL_NOW: "be ended at once",
    Event.RESUME: "be resumed",
    Event.EXPIRE: "expire",
}

TIMED: Final = frozenset({Event.MISS, Event.SWITCH, Event.EXPIRE})
"""What time alone makes happen; a job writes it down."""


class Transition(NamedTuple):
    """One row: from this state this event leads there."""

    state: State
    event: Event
    after: State
    says: str


TRANSITIONS: Final = tuple(
    Transition(State(state), Event(event), State(after), says)
    for state, event, after, says in (
        ("none", "subscribe", "trialing", "the trial begins, with the plan's credits"),
        ("none", "subscribe", "active", "the first period begins, with the plan's credits and bonuses"),
        ("trialing", "convert", "active", "paid: the first period begins when the trial ends"),
        ("trialing", "upgrade", "active", "another plan at once; its first period begins now"),
        ("trialing", "cancel", "cancelled", "the trial runs to its end"),
        ("trialing", "cancel_now", "expired", "credits of the plan go; the fallback plan takes over"),
        ("trialing", "expire", "expired", "the trial ended unpaid; the fallback plan took over"),
        ("active", "subscribe", "trialing", "from a plan that costs nothing: the trial begins, with its credits"),
        ("active", "subscribe", "active", "from a plan that costs nothing: the first period begins, with its credits"),
        ("active", "renew", "active", "the next period is paid, or begins by itself; its credits are fresh"),
        ("active", "miss", "past_due", "the period ended unpaid; no new credits during the grace"),
        ("active", "upgrade", "active", "another plan at once; fresh credits by its on_upgrade"),
        ("active", "downgrade", "active", "another plan is chosen for the end of the period"),
        ("active", "switch", "active", "the period ended; the chosen plan holds, with fresh credits"),
        ("active", "cancel", "cancelled", "it runs to the end of what is paid"),
        ("active", "cancel_now", "expired", "credits of the plan go; the fallback plan takes over"),
        ("active", "resume", "active", "it goes on as it is: what was chosen for the period's end is taken back"),
        ("active", "expire", "expired", "it ended; the fallback plan took over, with fresh credits"),
        ("past_due", "renew", "active", "paid late: the period in hand begins at its boundary, with fresh credits"),
        ("past_due", "upgrade", "active", "another plan at once; its first period begins now"),
        ("past_due", "cancel_now", "expired", "the fallback plan takes over"),
        ("past_due", "expire", "expired", "the grace is over; the fallback plan took over"),
        ("cancelled", "upgrade", "active", "another plan at once, and it goes on"),
        ("cancelled", "resume", "active", "it goes on after all"),
        ("cancelled", "resume", "trialing", "the trial goes on, and may be paid for"),
        ("cancelled", "cancel_now", "expired", "credits of the plan go; the fallback plan takes over"),
        ("cancelled", "expire", "expired", "it ended; the fallback plan took over, with fresh credits"),
        ("expired", "subscribe", "trialing", "the trial begins, with the plan's credits"),
        ("expired", "subscribe", "active", "the first period begins, with the plan's credits"),
        ("expired", "upgrade", "active", "a plan at once; its first period begins now"),
    )
)


def is_next_in_force(subscription: Subscription) -> bool:
    """Whether the plan chosen for the end of the period holds from then on: one that is to be paid for only once it
    is paid, which the step RENEWED says; then `ends_at` is its end."""
    paid_for = not subscription.next_every or subscription.step == Step.RENEWED
    return bool(subscription.next_plan) and paid_for


def is_on_trial(subscription: Subscription, at: int) -> bool:
    """Whether a trial runs at an instant. What is paid already begins when it ends, and is no trial any more."""
    return subscription.period_starts_at < subscription.trial_ends_at > at


def find_state(subscription: Subscription | None, at: int) -> State:
    """The state at an instant at or after the last step, whether or not a job has written what happened since."""
    if subscription is None:
        return State.NONE
    if subscription.step in (Step.EXPIRED, Step.ENDED) or at >= subscription.ends_at:
        return State.EXPIRED
    if subscription.step == Step.CANCELLED:
        return State.CANCELLED
    if is_on_trial(subscription, at):
        return State.TRIALING
    is_over = at >= subscription.period_ends_at and subscription.ends_at < NEVER
    return State.PAST_DUE if is_over and not is_next_in_force(subscription) else State.ACTIVE


def find_plan(subscription: Subscription | None, at: int) -> str:
    """The plan in force at an instant at or after the last step; empty for none."""
    if subscription is None:
        return ""
    if at >= subscription.ends_at:
        return subscription.fallback
    if at >= subscription.period_ends_at and is_next_in_force(subscription):
        return subscription.next_plan
    return subscription.plan


def find_due(subscription: Subscription | None, at: int) -> Event | None:
    """What has happened by now and no step says yet, first things first; None if nothing."""
    if subscription is None or at < subscription.acts_at:
        return None
    period_ends_at, ends_at = subscription.period_ends_at, subscription.ends_at
    if subscription.step == Step.PAST_DUE or ends_at <= period_ends_at:
        return Event.EXPIRE
    if is_next_in_force(subscription):
        return Event.SWITCH
    return Event.RENEW if ends_at == NEVER else Event.MISS


def find_next_act(subscription: Subscription) -> int:
    """When a job has something to write; `NEVER` if nothing."""
    if subscription.step == Step.PAST_DUE:
        return subscription.ends_at
    return min(subscription.period_ends_at, subscription.ends_at)


def refuse_transition(account: str, state: State, event: Event, advice: str = "") -> SubscriptionRefused:
    """What is said to an event that cannot happen: what can instead."""
    if not advice:
        names = dict.fromkeys(row.event.value for row in TRANSITIONS if row.state == state and row.event not in TIMED)
        advice = f"from here it can {', '.join(names)}"
    return SubscriptionRefused(account=account, state=STATES[state], event=EVENTS[event], advice=advice)


def check_transition(account: str, state: State, event: Event) -> None:
    """Raises `SubscriptionRefused` for what the table does not have."""
    if not any(row.state == state and row.event == event for row in TRANSITIONS):
        raise refuse_transition(account, state, event)


def get_plan(catalog: Catalog, name: str) -> Plan:
    """A plan of the catalog. Raises `PlanNotFound`, naming those there are."""
    plan = catalog.plans.get(name)
    if plan is None:
        known = ", ".join(catalog.plans)
        raise PlanNotFound(plan=name, advice=f"choose one of {known}" if known else "the catalog has no plans")
    return plan


def find_price(plan: Plan, every: int, currency: str = "") -> Money | None:
    """What one period costs; None if the plan is not sold so. Of several currencies the first, if none is named."""
    prices = (price.money for price in plan.prices if price.every == every)
    return next((money for money in prices if currency in ("", money.currency)), None)


def move_by(length: Length, start: int, zone: str, zones: Zones) -> int:
    """The instant so long after another, as the calendar counts."""
    return find_boundary(Rhythm(length.every, length.count, start, zone), 1, zones)


def to_rhythm(subscription: Subscription) -> Rhythm:
    """How its periods recur."""
    return Rhythm(subscription.every, subscription.count, subscription.anchor, subscription.zone)


def find_nearest(rhythm: Rhythm, boundary: int, zones: Zones) -> int:
    """The number of a boundary that was reckoned before: zone rules may have moved it a little since."""
    n = find_index(rhythm, boundary, zones)
    before, after = find_boundary(rhythm, n, zones), find_boundary(rhythm, n + 1, zones)
    return n + 1 if after - boundary < boundary - before else n


def resolve_terms(catalog: Catalog, plan: Plan | None) -> dict[str, UnitTerms]:
    """The settings by unit: what the plan says, over what the catalog says."""
    own: Mapping[str, UnitTerms] = {} if plan is None else plan.terms
    resolved = {}
    for unit in dict.fromkeys([*catalog.terms, *own]):
        over, under = own.get(unit, UnitTerms()), catalog.terms.get(unit, UnitTerms())
        said = {name: getattr(over, name) for name in UnitTerms.__slots__}
        resolved[unit] = UnitTerms(
            **{name: getattr(under, name) if value is None else value for name, value in said.items()}
        )
    return resolved


def draw_transitions() -> str:
    """The table for the docs: a Mermaid state diagram, and its rows in words."""
    arrows: dict[tuple[State, State], list[str]] = {}
    for row in TRANSITIONS:
        arrows.setdefault((row.state, row.after), []).append(row.event.value)
    names = {state: "[*]" if state == State.NONE else state.value for state in State}
    drawn = [f"    {names[state]} --> {names[after]}: {', '.join(events)}" for (state, after), events in arrows.items()]
    rows = [f"| {row.state} | {row.event} | {row.after} | {row.says} |" for row in TRANSITIONS]
    diagram = ["```mermaid", "stateDiagram-v2", *drawn, "```"]
    return "\n".join([*diagram, "", "| from | event | to | what happens |", "|---|---|---|---|", *rows, ""])
