"""Plans and subscriptions as people see them: what is on offer, and where an account stands."""

from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from farthing.documents.scalars import show_money
from farthing.documents.spans import show_length
from farthing.face.allowances import ROLLOVERS
from farthing.face.cadences import WORDS
from farthing.face.desk import Desk
from farthing.face.receipts import Receipt
from farthing.face.spelling import plain
from farthing.service.subscriptions import Reading
from farthing.tariff.catalog import Bonus, Catalog, Length, Money, Plan, Recurring
from farthing.tariff.plans import State, find_plan, find_price
from farthing.tariff.proration import MoneyLine
from farthing.values.amounts import Unit, to_decimal
from farthing.values.bounds import NEVER
from farthing.values.calendars import to_instant
from farthing.values.subscriptions import Step, Subscription

ROLLOVER_WORDS: Final = {int(policy): word for word, policy in ROLLOVERS.items()}
NO_UNIT: Final = Unit(0, "", 0, 0)


@dataclass(frozen=True, slots=True)
class Price:
    """What one period of a plan, or a package, costs."""

    cycle: str | None
    """month, year … of a plan; None of a package."""
    minor: int
    """In minor units of the currency: cents."""
    currency: str
    text: str
    """15.00 USD."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanAllowance:
    """Credits that a plan gives in every period."""

    name: str
    unit: str
    amount: Decimal
    every: str
    """month, 30 days …"""
    is_calendar: bool
    """Whether its periods are the calendar's; else they run from the day on which the plan began."""
    rollover: str
    features: tuple[str, ...]
    """What they pay for; none is everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanBonus:
    """Credits that a plan gives once."""

    name: str
    unit: str
    amount: Decimal
    lasts: str | None
    features: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """A plan of the catalog that holds now."""

    name: str
    title: str
    rank: int
    """To a higher one is an upgrade."""
    prices: tuple[Price, ...]
    """None: it costs nothing."""
    allowances: tuple[PlanAllowance, ...]
    bonuses: tuple[PlanBonus, ...]
    features: tuple[str, ...] | None
    """What its subscribers may use; None is everything."""
    trial: str | None
    lasts: str | None
    grace: str | None
    fallback: str | None
    is_default: bool
    """Whether every account gets it that chose no other."""

    def json(self) -> dict[str, Any]:
        """The same for JSON."""
        return {each.name: plain(getattr(self, each.name)) for each in fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionView:
    """Where an account stands with its plan, at an instant. It says the same whether or not a job has run."""

    account: str
    subscribed: bool
    """Whether a plan that was chosen holds; a plan to fall back to does not count."""
    state: str
    """none, trialing, active, past_due, cancelled (it runs to its end), expired."""
    plan: str | None
    """The plan in force: after the end the one to fall back to."""
    title: str | None
    cycle: str | None
    """What one payment is for: month, year, 30 days; None where there are no periods."""
    price: Price | None
    starts_at: datetime | None
    """When this plan began to hold."""
    trial_ends_at: datetime | None
    period_starts_at: datetime | None
    period_ends_at: datetime | None
    """None where there are no periods."""
    ends_at: datetime | None
    """When the plan to fall back to takes over, unless something happens before; None if it goes on."""
    renews: bool
    """Whether it is to go on when the period ends: by itself if it costs nothing, else by a payment."""
    next_plan: str | None
    """The plan from the end of the period on, if another was chosen."""
    next_cycle: str | None
    fallback: str | None
    catalog: int | None
    """The version of the catalog by which the plan is read."""

    def json(self) -> dict[str, Any]:
        """The same for JSON."""
        return {each.name: plain(getattr(self, each.name)) for each in fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionStep:
    """One step that was written."""

    step: str
    """subscribed, renewed, upgraded, downgraded, planned, cancelled, resumed, past_due, expired, ended, converted."""
    plan: str | None
    next_plan: str | None
    starts_at: datetime
    """Since when this plan holds."""
    period_starts_at: datetime
    period_ends_at: datetime | None
    ends_at: datetime | None
    paid: tuple[int, str] | None
    catalog: int
    recorded_at: datetime

    def json(self) -> dict[str, Any]:
        """The same for JSON."""
        return {each.name: plain(getattr(self, each.name)) for each in fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentLine:
    """What is owed (above zero) or owed back (below) in minor units, and for what."""

    kind: str
    """charge or credit."""
    plan: str
    starts_at: datetime
    ends_at: datetime | None
    minor: int
    currency: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeQuote:
    """What a change of plan would come to."""

    account: str
    plan: str
    event: str
    """subscribe, upgrade (at once), downgrade (when the period ends)."""
    lines: tuple[PaymentLine, ...]
    minor: int
    """What is to be paid in all; nothing if more is owed back."""
    currency: str | None
    after: SubscriptionView
    """How it would stand."""

    def json(self) -> dict[str, Any]:
        """The same for JSON."""
        said = {each.name: plain(getattr(self, each.name)) for each in fields(self) if each.name != "after"}
        return said | {"after": self.after.json()}


@dataclass(frozen=True, slots=True)
class SubscriptionReceipt:
    """What a change came to: the receipt, and how the subscription stood right after it."""

    receipt: Receipt
    subscription: SubscriptionView

    @property
    def replayed(self) -> bool:
        """Whether this is what an earlier call with the same key came to."""
        return self.receipt.replayed

    def json(self) -> dict[str, Any]:
        """The same for JSON."""
        return {"receipt": self.receipt.json(), "subscription": self.subscription.json()}


def show_price(money: Money, every: int | None = None) -> Price:
    """A price as people see it."""
    return Price(WORDS.get(every or 0), money.minor, money.currency, show_money(money, NO_UNIT))


def show_plan(desk: Desk, catalog: Catalog, plan: Plan) -> PlanView:
    """A plan as people see it."""
    return PlanView(
        name=plan.name,
        title=plan.title or plan.name,
        rank=plan.rank,
        prices=tuple(show_price(price.money, price.every) for price in plan.prices),
        allowances=tuple(show_allowance(desk, catalog, each) for each in plan.allowances),
        bonuses=tuple(show_bonus(desk, catalog, each) for each in plan.bonuses),
        features=plan.features,
        trial=show_span(plan.trial),
        lasts=show_span(plan.lasts),
        grace=show_span(plan.grace),
        fallback=plan.fallback or None,
        is_default=plan.name == catalog.default_plan,
    )


def show_allowance(desk: Desk, catalog: Catalog, each: Recurring) -> PlanAllowance:
    """Credits that recur as people see them."""
    unit = desk.get_unit(each.unit or next(iter(catalog.units)))
    return PlanAllowance(
        name=each.name,
        unit=unit.name,
        amount=to_decimal(each.amount, unit),
        every=show_cycle(each.every, each.count) or "",
        is_calendar=each.is_calendar,
        rollover=ROLLOVER_WORDS[each.rollover],
        features=each.features,
    )


def show_bonus(desk: Desk, catalog: Catalog, each: Bonus) -> PlanBonus:
    """Credits that come once as people see them."""
    unit = desk.get_unit(each.unit or next(iter(catalog.units)))
    amount, lasts = to_decimal(each.amount, unit), show_span(each.lasts)
    return PlanBonus(name=each.name, unit=unit.name, amount=amount, lasts=lasts, features=each.features)


def show_span(length: Length | None) -> str | None:
    """30 days; None for none."""
    return None if length is None else show_length(length)


def show_cycle(every: int, count: int) -> str | None:
    """month, 30 days; None where there is no period."""
    if not every:
        return None
    return WORDS[every] if count == 1 else show_length(Length(every, count))


def show_moment(instant: int) -> datetime | None:
    """An instant, None for never and for none."""
    return to_instant(instant) if 0 < instant < NEVER else None


def show_subscription(reading: Reading, currency: str = "") -> SubscriptionView:
    """Where an account stands, as people see it. A plan that was chosen for the period's end and holds by now has been
    applied already."""
    row, state = reading.row, reading.state
    if row is None:
        return SubscriptionView(
            account=reading.account, subscribed=False, state=State.NONE.value, plan=None, title=None, cycle=None,
            price=None, starts_at=None, trial_ends_at=None, period_starts_at=None, period_ends_at=None, ends_at=None,
            renews=False, next_plan=None, next_cycle=None, fallback=None, catalog=None,
        )  # fmt: skip
    name = find_plan(row, reading.at)
    plan = reading.catalog.plans.get(name) if reading.catalog and name else None
    money = find_price(plan, row.every, currency) or find_price(plan, row.every) if plan and row.count == 1 else None
    return SubscriptionView(
        account=reading.account,
        subscribed=state not in (State.NONE, State.EXPIRED),
        state=state.value,
        plan=name or None,
        title=(plan.title or plan.name) if plan else name or None,
        cycle=show_cycle(row.every, row.count),
        price=show_price(money, row.every) if money else None,
        starts_at=show_moment(row.starts_at),
        trial_ends_at=show_moment(row.trial_ends_at),
        period_starts_at=show_moment(row.period_starts_at),
        period_ends_at=show_moment(row.period_ends_at),
        ends_at=show_moment(row.ends_at),
        renews=bool(row.is_renewing),
        next_plan=row.next_plan or None,
        next_cycle=show_cycle(row.next_every, 1) if row.next_plan else None,
        fallback=row.fallback or None,
        catalog=row.catalog_version,
    )


def show_step(desk: Desk, row: Subscription) -> SubscriptionStep:
    """A step as people see it."""
    return SubscriptionStep(
        step=Step(row.step).name.lower(),
        plan=row.plan or None,
        next_plan=row.next_plan or None,
        starts_at=to_instant(row.starts_at),
        period_starts_at=to_instant(row.period_starts_at),
        period_ends_at=show_moment(row.period_ends_at),
        ends_at=show_moment(row.ends_at),
        paid=(row.paid_minor, desk.find_text(row.currency) or "") if row.currency else None,
        catalog=row.catalog_version,
        recorded_at=to_instant(row.recorded_at),
    )


def show_line(line: MoneyLine) -> PaymentLine:
    """A line of money as people see it."""
    return PaymentLine(
        kind=line.kind,
        plan=line.plan,
        starts_at=to_instant(line.starts_at),
        ends_at=show_moment(line.ends_at),
        minor=line.minor,
        currency=line.currency,
        text=show_money(Money(line.minor, line.currency), NO_UNIT),
    )
