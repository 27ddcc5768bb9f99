"""Rows as entries tell them, while a wallet is folded. Each says at the end what a store should have (`to_row`).

A new column of a row gets its line in `to_row`, unless the row is made from its fields' names.
"""

from dataclasses import dataclass, field
from typing import Any

from farthing.values.bounds import NEVER
from farthing.values.entries import AllowanceField, BudgetField, HoldField, LotField, SubscriptionField
from farthing.values.names import name_number
from farthing.values.subscriptions import Subscription
from farthing.values.wallets import Allowance, Budget, Counter, Debt, Hold, Lot


@dataclass(slots=True)
class FoldedLot:
    """A lot as entries tell it."""

    terms: dict[int, int] = field(default_factory=dict)
    features: tuple[int, ...] = ()
    started: int = 0
    remaining: int = 0
    ended_at: int = 0
    widest: int = 0
    """The most that ever counted as granted."""
    spent: int = 0
    """What charges took from it, debts that it paid included."""
    given_back: int = 0
    """What refunds put back."""
    clawed_back: int = 0
    """What clawbacks were for, taken or not."""
    money_returned: int = 0
    """Minor units of its cost that went back."""

    def to_row(self, number: int) -> Lot:
        """The row that a store should have."""
        said, at = self.terms.get, LotField
        return Lot(
            number, said(at.AMOUNT, 0), said(at.PRIORITY, 0), said(at.EFFECTIVE_AT, 0),
            said(at.EXPIRES_AT, 0) or NEVER, said(at.PROMOTIONAL, 0), self.features, said(at.SOURCE, 0),
            said(at.COST_MINOR, 0), said(at.CURRENCY, 0), said(at.OF_NUMBER, 0), said(at.ALLOWANCE, 0),
            self.started, self.remaining, self.ended_at,
        )  # fmt: skip


@dataclass(slots=True)
class FoldedHold:
    """A hold as entries tell it; `draws` by lot, 0 for what is bare, in the order in which they were drawn."""

    terms: dict[int, int] = field(default_factory=dict)
    draws: dict[int, int] = field(default_factory=dict)
    reserves: tuple[tuple[int, int, int], ...] = ()
    ended_at: int = 0

    def to_row(self, number: int, unit_id: int) -> Hold:
        """The row that a store should have."""
        said, at = self.terms.get, HoldField
        draws = tuple((lot, amount) for lot, amount in self.draws.items() if lot)
        return Hold(
            number, said(at.LEAD_UNIT, unit_id), said(at.LEAD_NUMBER, number), said(at.AMOUNT, 0), said(at.FEATURE, 0),
            said(at.NAME, 0), self.reserves, said(at.DEADLINE, 0), said(at.STATE, 0), said(at.SETTLED, 0),
            self.draws.get(0, 0), draws, self.ended_at,
        )  # fmt: skip


@dataclass(slots=True)
class FoldedDebt:
    """A debt as entries tell it."""

    feature: int
    amount: int
    remaining: int
    payers: list[tuple[int, int]] = field(default_factory=list)
    ended_at: int = 0

    def to_row(self, number: int) -> Debt:
        """The row that a store should have."""
        return Debt(number, self.feature, self.amount, self.remaining, tuple(self.payers), self.ended_at)


@dataclass(slots=True)
class FoldedAllowance:
    """An allowance as entries tell it: of its texts they know the numbers."""

    terms: dict[int, int] = field(default_factory=dict)
    features: tuple[int, ...] = ()

    def to_row(self, number: int, found: Allowance | None) -> Allowance:
        """The row that a store should have; `found` is the one that it has, for the texts."""
        said = {each.name.lower(): self.terms.get(each, 0) for each in AllowanceField if each != AllowanceField.FEATURE}
        name = spell(said.pop("name"), found and found.name)
        zone = spell(said.pop("zone"), found and found.zone)
        return Allowance(number=number, name=name, zone=zone, features=self.features, **said)


@dataclass(slots=True)
class FoldedBudget:
    """A budget as entries tell it."""

    terms: dict[int, int] = field(default_factory=dict)

    def to_row(self, number: int, found: Budget | None) -> Budget:
        """The row that a store should have; `found` is the one that it has, for the texts."""
        said = {each.name.lower(): self.terms.get(each, 0) for each in BudgetField}
        name = spell(said.pop("name"), found and found.name)
        zone = spell(said.pop("zone"), found and found.zone)
        return Budget(number=number, name=name, zone=zone, **said)


@dataclass(slots=True)
class FoldedSubscription:
    """A step of a subscription as entries tell it."""

    recorded_at: int
    terms: dict[int, int] = field(default_factory=dict)
    ended_at: int = 0

    def to_row(self, number: int, found: Subscription | None) -> Subscription:
        """The row that a store should have; `found` is the one that it has, for the texts."""
        said: dict[str, Any] = {each.name.lower(): self.terms.get(each, 0) for each in SubscriptionField}
        for name in ("plan", "zone", "next_plan", "fallback"):
            said[name] = spell(said[name], found and getattr(found, name)) if said[name] else ""
        return Subscription(number=number, recorded_at=self.recorded_at, ended_at=self.ended_at, **said)


def spell(number: int, found: str | None) -> str:
    """The text of a number: the one that was found, if it is that one's."""
    return found if found is not None and name_number(found) == number else f"the text of {number}"


@dataclass(slots=True)
class FoldedCounter:
    """What a budget, or a price with a memory, has counted in the period in hand."""

    starts_at: int
    ends_at: int = 0
    spent: int = 0
    reserved: int = 0

    def to_row(self, budget: int, subject: int) -> Counter:
        """The row that a store should have."""
        return Counter(budget, subject, self.starts_at, self.ends_at, self.spent, self.reserved)
