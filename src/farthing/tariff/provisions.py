"""What a step of a subscription means for an account's allowances, settings and budgets: what is wanted from now on is
compared with what is live, and the difference becomes requests.

What holds later (the plan chosen for the end of the period, the fallback) is arranged beforehand, so that no job has to
run for the credits to be right. Fresh lots are what resets used counters (mission M7).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from farthing.tariff.catalog import Cap, Catalog, Plan, Recurring
from farthing.tariff.plans import find_nearest, get_plan, is_next_in_force, resolve_terms, to_rhythm
from farthing.values.bounds import NEVER
from farthing.values.names import NOTHING, name_number
from farthing.values.periods import Zones, find_boundary, find_calendar_anchor, find_period
from farthing.values.requests import Configure, Request
from farthing.values.standing_requests import (
    Allow,
    ChangeAllowance,
    ChangeBudget,
    ChangeMode,
    EndAllowance,
    EndBudget,
    SetBudget,
    SetPeriodEnd,
)
from farthing.values.subscriptions import Step, Subscription
from farthing.values.wallets import USUAL_TERMS, Allowance, Budget, Subject, Terms

SOURCE: Final = "plan"
EVERYONE: Final = "catalog"
"""Stands for the plan in names of budgets that the catalog sets on all accounts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a step is planned on: read without a lock, for `Subscribe.expected` tells whether it still holds."""

    account: str
    at: int
    zone: str
    zones: Zones
    subscription: Subscription | None
    catalog: Catalog
    """The current one, and …"""
    version: int
    before: Catalog | None = None
    """… that of the subscription's version, where it is another."""
    units: Mapping[str, int]
    allowances: Mapping[int, Sequence[Allowance]] = field(default_factory=dict)
    """By unit, the live ones as they are at `at`."""
    budgets: Mapping[int, Sequence[Budget]] = field(default_factory=dict)
    terms: Mapping[int, Terms] = field(default_factory=dict)

    def find_unit(self, name: str) -> int:
        """The number of a unit; without a name, of the catalog's first."""
        return self.units[name or next(iter(self.catalog.units))]


def find_any(standing: Standing, name: str) -> Plan:
    """A plan by the current catalog, or else by the one that the subscription was made under."""
    if name not in standing.catalog.plans and standing.before and name in standing.before.plans:
        return standing.before.plans[name]
    return get_plan(standing.catalog, name)


class Span(NamedTuple):
    """A plan that gives its allowances from `start` until `until` (0: until it is ended)."""

    plan: Plan
    anchor: int
    start: int
    until: int


def list_spans(standing: Standing, row: Subscription, plans: Mapping[str, Plan]) -> list[Span]:
    """What gives credits from now on, after this step: the plan, the one chosen after it, the fallback. A priced plan
    gives none while it is unpaid; one plan that goes on as the next is one span."""
    spans, is_switching = [], is_next_in_force(row)
    is_ending = row.ends_at < NEVER or is_switching
    spans.append((row.plan, row.anchor, 0, min(row.period_ends_at, row.ends_at) if is_ending else 0))
    if is_switching:
        start, until = row.period_ends_at, 0 if row.ends_at == NEVER else row.ends_at
        anchor = row.anchor if row.next_every == row.every else start
        if row.next_every:
            rhythm = to_rhythm(row)._replace(every=row.next_every, count=1, anchor=anchor)
            until = find_boundary(rhythm, find_nearest(rhythm, start, standing.zones) + 1, standing.zones)
        spans.append((row.next_plan, anchor, start, until))
    if row.ends_at < NEVER:
        spans.append((row.fallback, row.ends_at, row.ends_at, 0))
    joined: list[tuple[str, int, int, int]] = []
    for name, anchor, start, until in spans:
        if joined and (joined[-1][0], joined[-1][3]) == (name, start):
            joined[-1] = (*joined[-1][:3], until)
        elif name in plans and not 0 < until <= standing.at:
            joined.append((name, anchor, start, until))
    return [Span(plans[name], *times) for name, *times in joined]


def name_allowance(plan: Plan, recurring: Recurring) -> str:
    return f"{plan.name}.{recurring.name}"


def list_ours(standing: Standing) -> dict[tuple[int, str], Allowance]:
    """The live allowances that the last step left, by unit and name: those named after its plans. Others that people
    made are left alone."""
    last = standing.subscription
    plans = {last.plan, last.next_plan, last.fallback} if last else set()
    return {
        (unit, each.name): each
        for unit, live in standing.allowances.items()
        for each in live
        if "." in each.name and each.name.split(".", 1)[0] in plans and not each.ended_at
    }


def provide(standing: Standing, row: Subscription, plans: Mapping[str, Plan], mode: ChangeMode | None) -> list[Request]:
    """The requests that lead from the live allowances to those wanted. With a `mode` the plan in hand begins anew, and
    takes the place of what was; without, what is live goes on, by what the plan says now."""
    at, live, requests = standing.at, list_ours(standing), list[Request]()
    later: list[tuple[int, Recurring, Span]] = []
    seen: set[tuple[int, str]] = set()
    for span in list_spans(standing, row, plans):
        for recurring in span.plan.allowances:
            key = (standing.find_unit(recurring.unit), name_allowance(span.plan, recurring))
            present = live.get(key)
            if key in seen:
                continue  # A name has one place; the step that writes the change makes it anew.
            seen.add(key)
            if span.start > at:
                later.append((key[0], recurring, span))
            elif present is not None and mode is None and not is_pending(present, at):
                requests += write_change(standing, recurring, span, present, unit=key[0])
                del live[key]
            else:
                old = key[1] if present else "" if mode is None else find_predecessor(live, key, at)
                live.pop((key[0], old), None)
                requests += write_allow(standing, row, recurring, span, unit=key[0], instead_of=old, mode=mode)
    for unit, recurring, span in list(later):
        present = live.get((unit, name_allowance(span.plan, recurring)))
        if present is not None and is_arranged(present, recurring, span):
            later.remove((unit, recurring, span))
            del live[unit, present.name]
    for (unit, name), present in live.items():
        now = mode is ChangeMode.REPLACE or is_pending(present, at)
        requests.append(EndAllowance(key="", account=standing.account, unit=unit, name=name, now=now))
    for unit, recurring, span in later:
        requests += write_allow(standing, row, recurring, span, unit=unit, instead_of="", mode=None)
    return requests


def is_pending(allowance: Allowance, at: int) -> bool:
    """Whether it has yet to give anything."""
    return allowance.starts_at > at


def is_arranged(present: Allowance, recurring: Recurring, span: Span) -> bool:
    """Whether it waits for that very instant already, with what the plan says now."""
    timed = (present.starts_at, present.until, present.every, present.count)
    amounts = (present.amount, present.rollover, present.cap, present.cap_percent, present.keep, present.on_turn)
    given = (recurring.amount, recurring.rollover, recurring.cap, recurring.cap_percent)
    is_same = amounts == (*given, recurring.keep, recurring.on_turn)
    anchored = recurring.is_calendar or present.anchor == span.anchor
    return is_same and anchored and timed == (span.start, span.until, recurring.every, recurring.count)


def find_predecessor(live: Mapping[tuple[int, str], Allowance], wanted: tuple[int, str], at: int) -> str:
    """The allowance whose place a new one takes: of the same name among the old plan's, else the only one there is."""
    plan, _, own = wanted[1].partition(".")
    names = [name for (unit, name), each in live.items() if unit == wanted[0] and not is_pending(each, at)]
    names = [name for name in names if name.split(".", 1)[0] != plan]
    alike = [name for name in names if name.split(".", 1)[1] == own]
    return alike[0] if alike else names[0] if len(names) == 1 else ""


def write_allow(
    standing: Standing, row: Subscription, recurring: Recurring, span: Span, *, unit: int, instead_of: str,
    mode: ChangeMode | None,
) -> list[Request]:  # fmt: skip
    """The requests that begin an allowance, now or when its span does. During a trial the first turn waits for its
    end (rule 20). Who pays late for a period within which the credits' own began gets them for what is left of that:
    all of it was given before."""
    is_later, name = span.start > standing.at, name_allowance(span.plan, recurring)
    starts_at, turns_at = find_own_period(standing, row, recurring, span)
    is_late = mode is None and row.step == Step.RENEWED and starts_at < row.period_starts_at
    is_prorated = not is_later and (is_late or (recurring.is_prorated and mode is not None))
    requests: list[Request] = [
        Allow(
            key="", account=standing.account, unit=unit, name=name, amount=recurring.amount, every=recurring.every,
            count=recurring.count, anchor=None if recurring.is_calendar else span.anchor,
            calendar=recurring.is_calendar, zone=row.zone, priority=recurring.priority,
            promotional=recurring.promotional,
            features=tuple(name_number(feature) for feature in recurring.features), source=name_number(SOURCE),
            rollover=recurring.rollover, cap=recurring.cap, cap_percent=recurring.cap_percent, keep=recurring.keep,
            on_turn=recurring.on_turn, is_prorated=is_prorated,
            starts_at=span.start if is_later else None, until=span.until, instead_of=instead_of,
            change_mode=int(mode or ChangeMode.REPLACE),
        )
    ]  # fmt: skip
    if not is_later and turns_at < row.trial_ends_at:
        ends_at = row.trial_ends_at
        requests.append(SetPeriodEnd(key="", account=standing.account, unit=unit, name=name, ends_at=ends_at))
    return requests


def find_own_period(standing: Standing, row: Subscription, recurring: Recurring, span: Span) -> tuple[int, int]:
    """From when to when the period lasts that credits would be in now."""
    anchor = span.anchor
    if recurring.is_calendar:
        anchor = find_calendar_anchor(recurring.every, row.zone, standing.zones)
    rhythm = to_rhythm(row)._replace(every=recurring.every, count=recurring.count, anchor=anchor)
    return find_period(rhythm, standing.at, standing.zones)[1:]


def write_change(
    standing: Standing, recurring: Recurring, span: Span, present: Allowance, *, unit: int
) -> list[Request]:
    """What an allowance that goes on gives from its next turn, and until when: whatever is other than it was."""
    names = ("amount", "rollover", "cap", "cap_percent", "keep", "on_turn")
    wanted = {name: getattr(recurring, name) for name in names} | {"until": span.until}
    changes = {name: value for name, value in wanted.items() if value != getattr(present, name)}
    if not changes:
        return []
    mode = int(ChangeMode.AT_TURN)
    return [ChangeAllowance(key="", account=standing.account, unit=unit, name=present.name, mode=mode, **changes)]


def write_terms(standing: Standing, old: Plan | None, new: Plan | None) -> list[Request]:
    """Settings for the new plan, where they are still as the old one left them: what people changed by hand stays."""
    before = resolve_terms(standing.before or standing.catalog, old) if standing.subscription else {}
    after, requests = resolve_terms(standing.catalog, new), list[Request]()
    untouched = resolve_terms(standing.catalog, None)
    for unit in dict.fromkeys([*before, *after]):
        present = standing.terms.get(standing.find_unit(unit), USUAL_TERMS)
        changes: dict[str, object] = {}
        for name in ("overdraft", "settle_above_hold", "rest_of_ended_lot", "hold_ttl", "refund_grace", "alerts"):
            usual, now = getattr(USUAL_TERMS, name), getattr(present, name)
            was, wanted = (getattr(each.get(unit), name, None) for each in (before, after))
            known = [was] if standing.subscription else [None, getattr(untouched.get(unit), name, None)]
            value = usual if wanted is None else sort_alerts(wanted)
            if now != value and now in [usual if each is None else sort_alerts(each) for each in known]:
                changes[name] = value
        alerts = changes.pop("alerts", None)
        if changes or alerts is not None:
            numbered = tuple((Terms._fields.index(name) + 1, value) for name, value in changes.items())
            fields = {"unit": standing.find_unit(unit), "terms": numbered, "alerts": alerts}
            requests.append(Configure(key="", account=standing.account, **fields))  # type: ignore[arg-type]
    return requests


def sort_alerts(value: object) -> object:
    """Thresholds as a wallet keeps them; other settings are what they are."""
    return tuple(sorted(value, reverse=True)) if isinstance(value, tuple) else value


def list_caps(catalog: Catalog, plan: Plan | None) -> dict[str, Cap]:
    """The caps that hold, by the names of their budgets: the plan's own, and the catalog's where the plan has none of
    that name."""
    own = {cap.name: cap for cap in plan.caps} if plan else {}
    shared = {f"{EVERYONE}.{cap.name}": cap for cap in catalog.caps if cap.name not in own}
    return {f"{plan.name}.{name}": cap for name, cap in own.items()} | shared if plan else shared


def write_budgets(standing: Standing, row: Subscription, new: Plan | None) -> list[Request]:
    """Ends the old plan's budgets and sets the new one's; what one that stays has counted stays too."""
    wanted = {(standing.find_unit(cap.unit), name): cap for name, cap in list_caps(standing.catalog, new).items()}
    ours = (f"{standing.subscription.plan}." if standing.subscription else "", f"{EVERYONE}.")
    requests: list[Request] = []
    live = {(unit, each.name): each for unit, budgets in standing.budgets.items() for each in budgets}
    for (unit, name), budget in live.items():
        cap = wanted.pop((unit, name), None)
        if cap is None and name.startswith(tuple(filter(None, ours))):
            requests.append(EndBudget(key="", account=standing.account, unit=unit, name=name))
        elif cap is not None and (cap.most, cap.is_hard) != (budget.most, bool(budget.is_hard)):
            changed = ChangeBudget(
                key="", account=standing.account, unit=unit, name=name, most=cap.most, is_hard=cap.is_hard
            )
            requests.append(changed)
    for (unit, name), cap in wanted.items():
        requests.append(write_budget(standing, row, new, cap, unit=unit, name=name))
    return requests


def write_budget(
    standing: Standing, row: Subscription, plan: Plan | None, cap: Cap, *, unit: int, name: str
) -> SetBudget:
    """A budget in periods of its own, by the calendar, or in those of the plan's first allowance in its unit."""
    every, count, anchor = cap.every, 1, None
    if cap.is_cycle:
        given = plan.allowances if plan else ()
        leader = next((each for each in given if standing.find_unit(each.unit) == unit), None)
        every, count = (leader.every, leader.count) if leader else (row.every, row.count)
        anchor = None if leader and leader.is_calendar else row.anchor
    return SetBudget(
        key="", account=standing.account, unit=unit, name=name, most=cap.most, is_hard=cap.is_hard,
        per=Subject[cap.per.upper() or "ALL"], feature=name_number(cap.feature) if cap.feature else NOTHING,
        model=name_number(cap.model) if cap.model else NOTHING, every=every, count=count, anchor=anchor, zone=row.zone,
    )  # fmt: skip


def list_names(plans: Iterable[Plan], caps: Iterable[tuple[str, Cap]]) -> set[str]:
    """The texts of names that the requests say by number."""
    names = {SOURCE}
    for plan in plans:
        names |= {plan.name, *(name_allowance(plan, each) for each in plan.allowances)}
        scopes = [each.features for each in plan.allowances] + [each.features for each in plan.bonuses]
        names |= {feature for scope in scopes for feature in scope}
    for name, cap in caps:
        names |= {name, cap.feature, cap.model}
    return names
