"""The rows that reports come to, in words and decimals."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from farthing.face.spelling import plain


class Money(NamedTuple):
    """A sum in minor units (cents, pesewas) of a currency."""

    currency: str
    minor: int

    def __str__(self) -> str:
        return f"{self.minor} {self.currency or 'minor units'}"


def add_money(sums: dict[int, int], currency: int, minor: int) -> None:
    """Add to the sum in a currency."""
    if minor:
        sums[currency] = sums.get(currency, 0) + minor


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRow:
    """What was used in one period. What it was not told apart by is None."""

    account: str | None
    unit: str
    bucket: int
    """The place of the period in the report; the hour, in a report by hour of the day."""
    start: datetime | None
    end: datetime | None
    """The first instant after the period; None where time has no end."""
    feature: str | None = None
    model: str | None = None
    member: str | None = None
    plan: str | None = None
    success: bool | None = None
    free: bool | None = None
    """Whether the model is free by the catalog."""
    uses: int
    """Finished pieces of work: charges, holds that were settled or whose release was reported; failed ones too."""
    spent: Decimal
    refunded: Decimal
    uncovered: Decimal
    """What the work cost beyond what was charged."""
    quantity: Decimal
    input: int
    cache_read: int
    cache_write: int
    output: int
    reasoning: int
    provider_cost: Decimal
    revenue: tuple[Money, ...] = field(default=())
    """What was paid for the credits that were spent, by currency."""
    mean_duration: timedelta | None = None

    def margin(self, currency: str, digits: int = 2) -> Decimal:
        """Revenue in a currency of so many digits, less what the providers took, which must be in the same."""
        earned = sum(each.minor for each in self.revenue if each.currency == currency)
        return Decimal(earned).scaleb(-digits) - self.provider_cost

    def json(self) -> dict[str, Any]:
        """The same for JSON: amounts and instants as strings."""
        return show(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditRow:
    """What came and went in one period, and what there was at its end."""

    account: str | None
    unit: str
    start: datetime | None
    end: datetime | None
    issued: Decimal
    refunded: Decimal
    adjusted: Decimal
    spent: Decimal
    expired: Decimal
    outstanding: Decimal
    """Credits that accounts have at the end of the period, held ones too, before debt."""
    debt: Decimal
    sold: tuple[Money, ...]
    """What was paid for credits that took effect in the period."""
    revenue: tuple[Money, ...]
    """Of what was paid, the part of the credits that were spent."""
    broken: tuple[Money, ...]
    """The part of those that ended unused: breakage."""
    withdrawn: tuple[Money, ...]
    """The part of those that were voided, taken away or clawed back."""
    returned: tuple[Money, ...]
    """Money that went back."""
    liability: tuple[Money, ...]
    """What was paid for credits that are still there at the end: sold, less revenue, breakage, what was withdrawn."""

    def json(self) -> dict[str, Any]:
        """The same for JSON."""
        return show(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class PastBalance:
    """What an account had at a moment. spendable = balance − held."""

    account: str
    unit: str
    at: datetime
    spendable: Decimal
    held: Decimal
    debt: Decimal
    balance: Decimal
    entries: int
    """How many entries the wallet had by then."""

    def json(self) -> dict[str, Any]:
        """The same for JSON."""
        return show(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """Credits that were bought."""

    account: str
    grant: str
    unit: str
    amount: Decimal
    paid: Money | None
    source: str
    at: datetime

    def json(self) -> dict[str, Any]:
        """The same for JSON."""
        return show(self)


def show(row: Any) -> dict[str, Any]:
    """A row for JSON: money as currency and minor units."""
    said: dict[str, Any] = plain(row)
    for name in said:
        given = getattr(row, name)
        if isinstance(given, Money):
            said[name] = given._asdict()
        elif isinstance(given, tuple) and all(isinstance(each, Money) for each in given):
            said[name] = [each._asdict() for each in given]
    return said
