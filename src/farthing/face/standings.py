"""What stands in a balance: allowances with their period in hand, budgets with what they have counted."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from farthing.core.budgets import find_counter
from farthing.core.draft import Draft
from farthing.engine.zones import find_zone
from farthing.face.cadences import WORDS
from farthing.face.desk import Desk
from farthing.face.spelling import plain
from farthing.values.amounts import Unit, to_decimal
from farthing.values.bounds import WHOLE_PERCENT
from farthing.values.calendars import to_instant, to_instant_or_none
from farthing.values.entries import Seal
from farthing.values.wallets import Allowance, Budget, Counter, Lot, Rollover, Subject, TurnPolicy, Wallet


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceAllowance:
    """A live allowance."""

    name: str
    amount: Decimal
    """What each period gives."""
    every: str
    count: int
    left: Decimal
    """What is left of what the period in hand gave; what is held is not counted."""
    carried: Decimal
    """What is left of earlier periods'."""
    tied: Decimal
    """What is left of bonus credits that end with the period in hand."""
    starts_at: datetime
    """When the period in hand began; where the first has yet to begin, when the allowance was made."""
    turns_at: datetime | None
    """None if that is after the year 9999."""
    rollover: str
    cap: Decimal | None
    cap_percent: Decimal | None
    keep: int | None
    """For how many periods carried credits live; None is for ever."""
    on_turn: str
    zone: str
    features: tuple[str, ...]

    def json(self) -> dict[str, Any]:
        """The same for JSON: amounts and instants as strings."""
        said: dict[str, Any] = plain(self)
        return said


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetSubject:
    """What a budget has counted of one member, feature, model or API key in the period in hand."""

    name: str
    spent: Decimal
    reserved: Decimal
    left: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceBudget:
    """A live budget, in the period in hand."""

    name: str
    most: Decimal
    hard: bool
    spent: Decimal
    """Of all together, where each is counted apart."""
    reserved: Decimal
    """What open holds that were placed in this period set aside."""
    left: Decimal | None
    """None where each is counted apart: `subjects` has what each has left."""
    starts_at: datetime | None
    resets_at: datetime | None
    """When the next period begins; None for a budget of one period without end."""
    every: str | None
    count: int
    per: str | None
    member: str | None
    feature: str | None
    model: str | None
    api_key: str | None
    subjects: tuple[BudgetSubject, ...]
    """Of a budget that counts each apart: those that have spent or reserved something in this period, by name."""

    def json(self) -> dict[str, Any]:
        """The same for JSON: amounts and instants as strings."""
        said: dict[str, Any] = plain(self)
        return said


def list_allowances(desk: Desk, wallet: Wallet) -> tuple[BalanceAllowance, ...]:
    """The live allowances of a whole wallet, the next to turn first."""
    live = [each for each in wallet.allowances.values() if not each.ended_at]
    if not live:
        return ()
    return tuple(
        read_allowance(desk, wallet, each) for each in sorted(live, key=lambda each: (each.turns_at, each.name))
    )


def read_allowance(desk: Desk, wallet: Wallet, allowance: Allowance) -> BalanceAllowance:
    """An allowance in words."""
    unit = wallet.unit
    lots = [lot for lot in wallet.lots.values() if lot.allowance == allowance.number and lot.started]
    given = [lot for lot in lots if lot.source == allowance.source]
    return BalanceAllowance(
        name=allowance.name,
        amount=to_decimal(allowance.amount, unit),
        every=WORDS[allowance.every],
        count=allowance.count,
        left=sum_lots((lot for lot in given if lot.effective_at >= allowance.starts_at), unit),
        carried=sum_lots((lot for lot in lots if lot.effective_at < allowance.starts_at), unit),
        tied=sum_lots((lot for lot in lots if lot not in given and lot.effective_at >= allowance.starts_at), unit),
        starts_at=to_instant(allowance.starts_at),
        turns_at=to_instant_or_none(allowance.turns_at),
        rollover=Rollover(allowance.rollover).name.lower(),
        cap=to_decimal(allowance.cap, unit) if allowance.cap else None,
        cap_percent=Decimal(allowance.cap_percent * 100) / WHOLE_PERCENT if allowance.cap_percent else None,
        keep=allowance.keep or None,
        on_turn=TurnPolicy(allowance.on_turn).name.lower(),
        zone=allowance.zone,
        features=tuple(sorted(desk.find_text(feature) or "" for feature in allowance.features)),
    )


def sum_lots(lots: Iterable[Lot], unit: Unit) -> Decimal:
    """What is left of some lots together."""
    return to_decimal(sum(lot.remaining for lot in lots), unit)


def list_budgets(desk: Desk, wallet: Wallet) -> tuple[BalanceBudget, ...]:
    """The live budgets of a whole wallet, by name."""
    live = [budget for budget in wallet.budgets.values() if not budget.ended_at]
    if not live:
        return ()
    draft = Draft(wallet, wallet.clock, Seal(), find_zone)
    return tuple(read_budget(desk, draft, budget) for budget in sorted(live, key=lambda budget: budget.name))


def read_budget(desk: Desk, draft: Draft, budget: Budget) -> BalanceBudget:
    """A budget in words, with what it has counted in the period in hand."""
    wallet, unit = draft.wallet, draft.wallet.unit
    named = [subject for number, subject in wallet.counters if number == budget.number] if budget.per else [0]
    counters = [find_counter(draft, budget, subject) for subject in named]
    period = find_counter(draft, budget, 0)
    spent, reserved = sum(each.spent for each in counters), sum(each.reserved for each in counters)
    texts = {name: desk.find_text(getattr(budget, name)) for name in ("member", "feature", "model", "api_key")}
    return BalanceBudget(
        name=budget.name,
        most=to_decimal(budget.most, unit),
        hard=bool(budget.is_hard),
        spent=to_decimal(spent, unit),
        reserved=to_decimal(reserved, unit),
        left=None if budget.per else to_decimal(find_left(budget, spent, reserved), unit),
        starts_at=to_instant(period.starts_at) if budget.every else None,
        resets_at=to_instant_or_none(period.ends_at),
        every=WORDS[budget.every] if budget.every else None,
        count=budget.count,
        per=Subject(budget.per).name.lower() if budget.per else None,
        **texts,
        subjects=list_subjects(desk, budget, counters, unit) if budget.per else (),
    )


def find_left(budget: Budget, spent: int, reserved: int) -> int:
    """What new work may still take."""
    return max(0, budget.most - spent - reserved)


def list_subjects(desk: Desk, budget: Budget, counters: Iterable[Counter], unit: Unit) -> tuple[BudgetSubject, ...]:
    """What each has spent, by name."""
    subjects = [
        BudgetSubject(
            name=desk.find_text(counter.subject) or "",
            spent=to_decimal(counter.spent, unit),
            reserved=to_decimal(counter.reserved, unit),
            left=to_decimal(find_left(budget, counter.spent, counter.reserved), unit),
        )
        for counter in counters
        if counter.spent or counter.reserved
    ]
    return tuple(sorted(subjects, key=lambda subject: subject.name))
