"""The rows that steps of a subscription write: when periods begin and end, and when the fallback takes over."""

from dataclasses import dataclass

from farthing.tariff.catalog import Length, Money, Plan
from farthing.tariff.plans import find_price, is_on_trial, move_by, to_rhythm
from farthing.tariff.provisions import Standing
from farthing.values.bounds import NEVER
from farthing.values.calendars import to_instant
from farthing.values.errors import TermInvalid, TimeInvalid
from farthing.values.periods import Cadence, Rhythm, find_boundary, find_period
from farthing.values.subscriptions import Step, Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What the caller says of an event; each event reads what concerns it."""

    plan: str = ""
    every: int | None = None
    """The cadence of the periods that are paid for. None: as before, or the first that the plan is sold by."""
    currency: str = ""
    trial: bool | None = None
    """Whether a priced plan begins with its trial. None: if the account never had this plan."""
    lasts: Length | None = None
    ends_at: int | None = None
    """Instead of paid periods: so long, or until an instant."""
    renews: bool | None = None
    """Whether it goes on when the period ends. None: in periods yes, for a length or until an instant no."""
    paid: Money | None = None
    """A payment that was recorded."""
    is_first: bool = False
    """Whether the account never had this plan: then it gets the plan's bonuses."""


def begin(
    standing: Standing, choice: Choice, plan: Plan, step: Step, *, tries: bool = False
) -> tuple[Subscription, Money | None]:
    """The first row of a plan that begins now, with its trial if it `tries`, and what its period costs."""
    at, zone, zones = standing.at, standing.zone, standing.zones
    row = Subscription(
        0, step, plan.name, 0, 1, at, zone, at, 0, at, NEVER, NEVER, 1, "", 0, plan.fallback, standing.version,
        0, 0, NEVER, 0, 0,
    )  # fmt: skip
    length = choice.lasts or (None if plan.prices or choice.every else plan.lasts)
    if choice.ends_at is not None or length:
        ends_at = move_by(length, at, zone, zones) if length and choice.ends_at is None else choice.ends_at or 0
        if at >= ends_at or choice.every or (choice.renews and (choice.ends_at is not None or plan.prices)):
            raise refuse_end(ends_at, at)
        if length and choice.ends_at is None:
            row = row._replace(every=length.every, count=length.count)
        end = NEVER if choice.renews and not plan.prices else ends_at
        return row._replace(period_ends_at=ends_at, ends_at=end, is_renewing=int(end == NEVER)), None
    every = choose_cycle(plan, choice, None)
    price = find_price(plan, every, choice.currency)
    if price and not choice.paid and tries and plan.trial:
        ends_at = move_by(plan.trial, at, zone, zones)
        row = row._replace(every=every, anchor=ends_at, trial_ends_at=ends_at, period_ends_at=ends_at, ends_at=ends_at)
        return row, None
    if choice.trial:
        raise refuse_trial()
    if every:
        row = row._replace(every=every, period_ends_at=find_boundary(Rhythm(every, 1, at, zone), 1, zones))
        row = row._replace(is_renewing=int(choice.renews is not False))
    return set_end(standing, row, plan), price


def refuse_end(ends_at: int, at: int) -> TermInvalid | TimeInvalid:
    """What is said to an end that has passed, or that stands beside periods."""
    if ends_at <= at:
        given = to_instant(ends_at).isoformat()
        return TimeInvalid(what="ends_at", given=given, problem="has passed", advice="name a later instant")
    problem, advice = "makes no sense beside periods that renew", "say how long it holds, or in which periods, not both"
    return TermInvalid(what="an end", given="of its own", problem=problem, advice=advice)


def refuse_trial() -> TermInvalid:
    return TermInvalid(what="trial", given="True", problem="is not to be had here", advice="leave it out")


def choose_cycle(plan: Plan, choice: Choice, usual: int | None) -> int:
    """The cadence of its periods: the one that is asked for, the usual one if it is sold so, or the first. 0: none."""
    sold = list(dict.fromkeys(price.every for price in plan.prices if choice.currency in ("", price.money.currency)))
    if plan.prices and (not sold or (choice.every and choice.every not in sold)):
        known = ", ".join(f"{price.money.currency} each {Cadence(price.every).name.lower()}" for price in plan.prices)
        given = choice.currency if not sold else Cadence(choice.every or 0).name.lower()
        advice = f"{plan.name} is sold for {known}"
        raise TermInvalid(what="cycle", given=given, problem="is not how this plan is sold", advice=advice)
    if choice.every:
        return choice.every
    return usual if usual and usual in sold else sold[0] if sold else 0


def is_priced(plan: Plan, row: Subscription) -> bool:
    """Whether its periods are paid for: a plan with prices may be given for a length of time too."""
    return row.count == 1 and find_price(plan, row.every) is not None


def set_end(standing: Standing, row: Subscription, plan: Plan) -> Subscription:
    """When the fallback takes over: with the period if it does not go on, after the grace if it waits for a payment,
    never if it goes on by itself."""
    ends_at = row.period_ends_at
    if row.is_renewing and not is_on_trial(row, standing.at) and ends_at < NEVER:
        ends_at = find_grace_end(standing, plan, ends_at) if plan.prices else NEVER
    return row._replace(ends_at=ends_at, fallback=plan.fallback)


def find_grace_end(standing: Standing, plan: Plan, period_ends_at: int) -> int:
    """Until when a plan stays past due."""
    return move_by(plan.grace, period_ends_at, standing.zone, standing.zones) if plan.grace else period_ends_at


def begin_next(standing: Standing, last: Subscription, plan: Plan, step: Step, at: int) -> Subscription:
    """The first row of the priced plan that was chosen before, in the period that contains an instant."""
    anchor = last.anchor if last.next_every == last.every else last.period_ends_at
    row = last._replace(
        step=step, plan=plan.name, every=last.next_every, count=1, anchor=anchor, starts_at=last.period_ends_at,
        trial_ends_at=0, next_plan="", next_every=0, is_renewing=1, catalog_version=standing.version,
    )  # fmt: skip
    _, start, end = find_period(to_rhythm(row), at, standing.zones)
    return set_end(standing, row._replace(period_starts_at=start, period_ends_at=end), plan)


def fall_back(last: Subscription, version: int, step: Step, at: int) -> Subscription:
    """The row of the plan that holds when another has ended: without periods, until something happens."""
    return last._replace(
        step=step, plan=last.fallback, every=0, count=1, anchor=at, starts_at=at, trial_ends_at=0, period_starts_at=at,
        period_ends_at=NEVER, ends_at=NEVER, is_renewing=0, next_plan="", next_every=0, fallback="",
        catalog_version=version,
    )  # fmt: skip
