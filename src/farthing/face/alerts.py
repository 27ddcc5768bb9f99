"""Alerts: what a decision told of when a balance fell to a threshold, a budget was spent, or more is to be bought.

Each is part of an entry, so it is told once, and stays. Whether it was sent and seen is the business of who sends it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from farthing.face.desk import Desk
from farthing.face.ids import write_id
from farthing.face.options import Name
from farthing.face.spelling import plain
from farthing.values.amounts import to_decimal
from farthing.values.calendars import to_instant
from farthing.values.entries import AlertKind, BudgetField, Effect, Entry, Kind, unpack_effects
from farthing.values.errors import AccountNotFound
from farthing.values.names import read_account
from farthing.values.requests import Place
from farthing.values.wallets import Account

TELLS: Final = (int(Kind.ALERTED), int(Kind.TOP_UP_WANTED))
"""The kinds of entries that alerts are read from."""
KINDS: Final = {int(kind): kind.name.lower() for kind in AlertKind}
TOP_UP: Final = "top_up"
PAGE: Final = 200
MOST_NAMES: Final = 10_000
"""Names of budgets that are kept in mind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One alert. Amounts are decimals of `unit`."""

    id: str
    """Of the entry that has it; what one decision told of one wallet's balance and budgets shares it."""
    account: str
    unit: str
    kind: str
    """low (the balance fell to a threshold), depleted (to zero or below), expired (the same, because credits expired),
    budget (a budget is spent), top_up (a purchase is wanted)."""
    threshold: Decimal | None
    """Of low, depleted and expired: the balance that was reached from above."""
    budget: str | None
    """Of budget: its name."""
    spent: Decimal | None
    """Of budget: what it had counted then."""
    amount: Decimal | None
    """Of top_up: how much to buy."""
    balance: Decimal
    """What the account had then: without overdraft, what was held included."""
    at: datetime
    receipt: str
    """The id of the receipt of the decision that told it."""

    def json(self) -> dict[str, Any]:
        """The same for JSON: amounts and instants as strings."""
        said: dict[str, Any] = plain(self)
        return said


def read_alerts(desk: Desk, account: Account, entries: Iterable[Entry]) -> tuple[Alert, ...]:
    """The alerts in a receipt's entries, in the order in which they were told."""
    return tuple([alert for entry in entries if entry.kind in TELLS for alert in read_entry(desk, account, entry)])


def read_entry(desk: Desk, account: Account, entry: Entry) -> Iterator[Alert]:
    """The alerts of one entry."""
    unit = desk.get_unit_of(entry.unit_id)
    said: dict[str, Any] = {
        "id": write_id("ent", find_place(account, entry.unit_id, entry.number)),
        "account": account.key,
        "unit": unit.name,
        "balance": to_decimal(entry.balance_after, unit),
        "at": to_instant(entry.recorded_at),
        "receipt": write_id("rct", find_place(account, entry.lead_unit, entry.lead_number)),
        "threshold": None,
        "budget": None,
        "spent": None,
        "amount": None,
    }
    if entry.kind == Kind.TOP_UP_WANTED:
        yield Alert(**said | {"kind": TOP_UP, "amount": to_decimal(entry.amount, unit)})
        return
    for effect, kind, what, value in unpack_effects(entry.effects):
        if effect == Effect.ALERT_FIRED and kind == AlertKind.BUDGET:
            name = find_budget_name(desk, account, entry.unit_id, what)
            yield Alert(**said | {"kind": KINDS[kind], "budget": name, "spent": to_decimal(value, unit)})
        elif effect == Effect.ALERT_FIRED:
            yield Alert(**said | {"kind": KINDS[kind], "threshold": to_decimal(what, unit)})


def find_place(account: Account, unit_id: int, number: int) -> Place:
    """Where an entry of an account stands."""
    return Place(account.shard, account.account_id, unit_id, number)


def find_budget_name(desk: Desk, account: Account, unit_id: int, number: int) -> str | None:
    """What a budget is called; for ever the same, so it is looked up once. None where it is not committed yet."""
    place = find_place(account, unit_id, number)
    name = desk.budget_names.get(place)
    if name is None:
        name = read_budget_name(desk, account, unit_id, number)
        if name is not None:
            if len(desk.budget_names) >= MOST_NAMES:
                desk.budget_names.clear()
            desk.budget_names[place] = name
    return name


def read_budget_name(desk: Desk, account: Account, unit_id: int, number: int) -> str | None:
    """The same from the store: live budgets come with their wallet, of those that ended the entry tells."""
    budget = desk.store.read_wallet(account, desk.get_unit_of(unit_id)).budgets.get(number)
    if budget is not None:
        return budget.name
    before: int | None = None
    while page := desk.store.list_history(account, unit_id, None, before, PAGE, (int(Kind.BUDGETED),)):
        for _, record in page:
            if record.entry.number == number:
                said = unpack_effects(record.entry.effects)
                return next(
                    (desk.find_text(value) for effect, _, field, value in said
                     if effect == Effect.BUDGET_SET and field == BudgetField.NAME),
                    None,
                )  # fmt: skip
        before = page[-1][0]
    return None


def iter_alerts(desk: Desk, account: Name | None, unit: str | None) -> Iterator[Alert]:
    """Alerts newest first. Raises `AccountNotFound` and `UnitNotFound` at once, before the first is asked for."""
    known: Account | None = None
    if account is not None:
        key = read_account(account)
        known = desk.store.find_account(key)
        if known is None:
            raise AccountNotFound(account=key)
    return turn_pages(desk, known, None if unit is None else desk.get_unit(unit).unit_id)


def turn_pages(desk: Desk, account: Account | None, unit_id: int | None) -> Iterator[Alert]:
    """Page after page, each asked for when the one before it was read."""
    before: int | None = None
    while True:
        page = desk.store.list_history(account, unit_id, None, before, PAGE, TELLS)
        for _, record in page:
            yield from reversed(list(read_entry(desk, record.account, record.entry)))
        if len(page) < PAGE:
            return
        before = page[-1][0]
