"""History: the lines of the ledger as people read them, newest first, fetched a bounded page at a time."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from farthing.face.balances import read_feature
from farthing.face.desk import Desk
from farthing.face.ids import write_id
from farthing.face.notes import read_note
from farthing.face.options import COST, QUANTITY, Name
from farthing.face.receipts import KINDS, place_of
from farthing.face.spelling import plain
from farthing.face.usage import Usage
from farthing.store.contract import History
from farthing.values.amounts import to_decimal
from farthing.values.calendars import to_instant
from farthing.values.errors import AccountNotFound
from farthing.values.names import read_account
from farthing.values.wallets import Account

PAGE: Final = 200
"""Entries fetched at a time."""

DAMAGED: Final = "(this note is damaged: run `farthing verify`)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the ledger. Amounts are decimals of `unit`; `change` is signed, what it did to the balance."""

    receipt: str
    """The id of the receipt that it belongs to."""
    account: str
    kind: str
    unit: str
    amount: Decimal
    uncovered: Decimal
    change: Decimal
    balance: Decimal
    held: Decimal
    debt: Decimal
    available: Decimal
    at: datetime
    effective_at: datetime
    feature: str | None
    member: str | None
    actor: str | None
    api_key: str | None
    model: str | None
    usage: Usage | None
    quantity: Decimal | None
    provider_cost: Decimal | None
    duration: timedelta | None
    success: bool | None
    description: str | None
    metadata: dict[str, Any]

    def json(self) -> dict[str, Any]:
        """The same for JSON: amounts and instants as strings, tokens and seconds as numbers."""
        said = {field.name: plain(getattr(self, field.name)) for field in fields(self)}
        usage = None
        if self.usage is not None:
            usage = {field.name: getattr(self.usage, field.name) for field in fields(self.usage)}
        seconds = None if self.duration is None else self.duration.total_seconds()
        return said | {"usage": usage, "duration": seconds}


def iter_history(desk: Desk, account: Name | None, feature: str | None, unit: str | None) -> Iterator[Line]:
    """Lines newest first. Raises `AccountNotFound` and `UnitNotFound` at once, before the first line is asked for."""
    known: Account | None = None
    if account is not None:
        key = read_account(account)
        known = desk.store.find_account(key)
        if known is None:
            raise AccountNotFound(account=key)
    unit_id = None if unit is None else desk.get_unit(unit).unit_id
    number = None if feature is None else read_feature(feature)
    return turn_pages(desk, known, unit_id, number)


def turn_pages(desk: Desk, account: Account | None, unit_id: int | None, feature: int | None) -> Iterator[Line]:
    """Page after page, each asked for when the one before it was read."""
    before: int | None = None
    while True:
        page = desk.store.list_history(account, unit_id, feature, before, PAGE)
        for _, record in page:
            yield read_line(desk, record)
        if len(page) < PAGE:
            return
        before = page[-1][0]


def read_line(desk: Desk, record: History) -> Line:
    """An entry in words."""
    account, entry = record.account, record.entry
    unit = desk.get_unit_of(entry.unit_id)
    try:
        description, metadata = read_note(record.note)
    except (ValueError, AttributeError, RecursionError):
        # Somebody has changed it into no note at all; the rest of the line is as good as ever.
        description, metadata = DAMAGED, {}
    moved = entry.granted + entry.refunded + entry.adjusted - entry.spent - entry.expired
    model = desk.find_text(entry.model)
    tokens = (entry.tokens_in, entry.tokens_out, entry.tokens_cache_read, entry.tokens_cache_write,
              entry.tokens_reasoning)  # fmt: skip
    usage = None
    if any(count is not None for count in tokens):
        usage = Usage(
            model=model, input=tokens[0], output=tokens[1], cache_read=tokens[2], cache_write=tokens[3],
            reasoning=tokens[4],
        )  # fmt: skip
    return Line(
        receipt=write_id("rct", place_of(account, entry.lead_unit, entry.lead_number)),
        account=account.key,
        kind=KINDS[entry.kind],
        unit=unit.name,
        amount=to_decimal(entry.amount, unit),
        uncovered=to_decimal(entry.uncovered, unit),
        change=to_decimal(moved, unit),
        balance=to_decimal(entry.balance_after, unit),
        held=to_decimal(entry.held_after, unit),
        debt=to_decimal(entry.debt_after, unit),
        available=to_decimal(entry.available_after, unit),
        at=to_instant(entry.recorded_at),
        effective_at=to_instant(entry.effective_at),
        feature=desk.find_text(entry.feature),
        member=desk.find_text(entry.member),
        actor=desk.find_text(entry.actor),
        api_key=desk.find_text(entry.api_key),
        model=model,
        usage=usage,
        quantity=None if entry.quantity is None else to_decimal(entry.quantity, QUANTITY),
        provider_cost=None if entry.provider_cost_nanos is None else to_decimal(entry.provider_cost_nanos, COST),
        duration=None if entry.duration_ms is None else timedelta(milliseconds=entry.duration_ms),
        success=None if entry.success is None else bool(entry.success),
        description=description,
        metadata=metadata,
    )
