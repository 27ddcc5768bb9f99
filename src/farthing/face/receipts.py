"""Receipts: the answer to a request, built from its own entries alone, so that a replay is the same word for word."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from itertools import chain
from typing import Any, Final

from farthing.engine.tickets import Outcome
from farthing.face.alerts import Alert, read_alerts
from farthing.face.desk import Desk
from farthing.face.ids import write_id
from farthing.face.spelling import plain
from farthing.face.verbs import Runner
from farthing.values.amounts import Unit, to_decimal
from farthing.values.calendars import to_instant
from farthing.values.entries import Effect, Entry, HoldField, Kind, unpack_effects
from farthing.values.requests import Place
from farthing.values.wallets import Account

KINDS: Final = {int(kind): kind.name.lower() for kind in Kind}
CHARGED: Final = frozenset({Kind.CHARGED, Kind.RECORDED})
GIVEN: Final = frozenset({Kind.GRANTED, Kind.IMPORTED})
TAKEN: Final = frozenset({Kind.VOIDED, Kind.ADJUSTED, Kind.USED_SET, Kind.USED_RESET, Kind.CLAWED_BACK})
MOVES_NOTHING: Final = frozenset(
    KINDS[kind]
    for kind in (
        Kind.OPENED, Kind.FROZEN, Kind.UNFROZEN, Kind.CLOSED, Kind.CONFIGURED, Kind.ADVANCED, Kind.ALLOWANCE_ENDED,
        Kind.PERIOD_SET, Kind.BUDGET_ENDED, Kind.TOP_UP_DECLINED, Kind.SUBSCRIBED,
    )
)  # fmt: skip
MAKES_LOTS: Final = GIVEN | {Kind.GRACED, Kind.ADJUSTED, Kind.REFUNDED}
BEGINS_PERIODS: Final = frozenset({Kind.ALLOWED, Kind.TURNED, Kind.ALLOWANCE_CHANGED})
OF_GRANTS: Final = frozenset({Kind.VOIDED, Kind.CLAWED_BACK, Kind.RESCHEDULED})
OF_HOLDS: Final = frozenset({Kind.SETTLED, Kind.RELEASED, Kind.EXTENDED})
LOT_MOVED, LOT_SET, HOLD_SET = int(Effect.LOT_MOVED), int(Effect.LOT_SET), int(Effect.HOLD_SET)
DREW, SPENT, RETURNED = int(Effect.HOLD_DREW), int(Effect.HOLD_SPENT), int(Effect.HOLD_RETURNED)
DEBT_MADE, DEBT_PAID = int(Effect.DEBT_MADE), int(Effect.DEBT_PAID)

Effects = Sequence[tuple[int, int, int, int]]


@dataclass(frozen=True, slots=True)
class LotShare:
    """What one grant had to do with it, always positive: it paid, was set aside, or was given back this much."""

    grant: str
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptPart:
    """What a request did in one unit. Amounts are decimals of that unit."""

    unit: str
    amount: Decimal
    """What was asked and done: charged, held, released, granted …"""
    charged: Decimal
    granted: Decimal
    """Credits given, those included that take effect later, and those of a period that this began."""
    refunded: Decimal
    uncovered: Decimal
    """What was asked and not done, because it did not fit."""
    owed: Decimal
    """Debt that this made."""
    repaid: Decimal
    """Debt that this paid."""
    broken: Decimal
    """Breakage: credits that ended unused with this."""
    available: Decimal
    """What a strict charge for the same feature could take afterwards, overdraft included."""
    balance: Decimal
    held: Decimal
    debt: Decimal
    lots: tuple[LotShare, ...]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Receipt(ReceiptPart):
    """The answer to a request. Its amounts are those of its first unit; `parts` has every unit that it moved."""

    id: str
    key: str
    """The idempotency key: the caller's, or the one that the engine made."""
    account: str
    kind: str
    """charged, recorded, held, settled, released, extended, granted, refunded …"""
    feature: str | None
    at: datetime
    effective_at: datetime
    deadline: datetime | None
    """Of a hold that was placed or extended."""
    hold: str | None
    grant: str | None
    parts: tuple[ReceiptPart, ...]
    alerts: tuple[Alert, ...]
    """What this told of: balances that fell to a threshold, budgets that it spent, a purchase that is wanted."""
    replayed: bool
    """Whether this is the first receipt of an earlier call with the same key, or of an account that was found open."""
    provisional: bool
    """Whether the caller's own transaction has yet to commit it."""

    def json(self) -> dict[str, Any]:
        """The same for JSON: amounts and instants as strings, and `credits_used`, `credits_left`."""
        said = {name: plain(getattr(self, name)) for name in FIRST_SAID}
        said |= {field.name: plain(getattr(self, field.name)) for field in fields(self)}
        return said | {"credits_used": plain(self.charged), "credits_left": plain(self.available)}

    def __repr__(self) -> str:
        again = ", replayed" if self.replayed else ""
        amount = "" if self.kind in MOVES_NOTHING else f" {self.amount} {self.unit}"
        return f"<receipt {self.id}: {self.kind}{amount}, {self.account}{again}>"


FIRST_SAID: Final = ("id", "key", "account", "kind", "feature", "at", "effective_at", "unit")
"""What JSON says first."""


def read_receipt(runner: Runner, outcome: Outcome) -> Receipt:
    """The receipt of an outcome."""
    desk, account, entries = runner.desk, outcome.account, outcome.entries
    lead = entries[0]
    if len(entries) == 1:
        numbers = [read_part(desk, account, entries)]
    else:
        units = list(dict.fromkeys([lead.lead_unit, *[entry.unit_id for entry in entries]]))
        numbers = [read_part(desk, account, [entry for entry in entries if entry.unit_id == unit]) for unit in units]
        for entry in entries:
            if (entry.unit_id, entry.number) == (entry.lead_unit, entry.lead_number):
                lead = entry
    effects = unpack_effects(lead.effects)
    return Receipt(
        **numbers[0],
        id=write_id("rct", place_of(account, lead.unit_id, lead.lead_number)),
        key=outcome.key,
        account=account.key,
        kind=KINDS[lead.kind],
        feature=desk.find_text(lead.feature),
        at=to_instant(lead.recorded_at),
        effective_at=to_instant(lead.effective_at),
        deadline=find_deadline(lead, effects),
        hold=find_hold(account, lead),
        grant=find_grant(account, lead, entries),
        parts=tuple([ReceiptPart(**number) for number in numbers]),
        alerts=() if len(entries) == 1 else read_alerts(desk, account, entries),
        replayed=outcome.replayed,
        provisional=outcome.provisional,
    )


def place_of(account: Account, unit_id: int, number: int) -> Place:
    """Where something of an account lives."""
    return Place(account.shard, account.account_id, unit_id, number)


@lru_cache(maxsize=4096)
def write_grant_id(place: Place) -> str:
    """The id of a grant. The same few grants pay again and again."""
    return write_id("gra", place)


class Scale:
    """Smallest parts of one unit as decimals; most numbers of a receipt are zero, and zero is made once."""

    __slots__ = ("unit", "zero")

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.zero = to_decimal(0, unit)

    def show(self, parts: int) -> Decimal:
        """An amount as people see it."""
        return to_decimal(parts, self.unit) if parts else self.zero


find_scale = lru_cache(maxsize=256)(Scale)


def read_part(desk: Desk, account: Account, entries: Sequence[Entry]) -> dict[str, Any]:
    """What a request's entries in one unit say: the first is the request's own, breakage may follow."""
    first, last = entries[0], entries[-1]
    scale = find_scale(desk.get_unit_of(first.unit_id))
    show = scale.show
    effects = unpack_effects(first.effects)
    available = next(entry for entry in reversed(entries) if entry.feature == first.feature).available_after
    owed = repaid = 0
    for effect, _, key, value in effects if first is last else chain.from_iterable(map(unpack, entries)):
        if effect == DEBT_MADE:
            owed += value
        elif effect == DEBT_PAID and key and value > 0:
            repaid += value
    amount, after = show(first.amount), show(available)
    spent, balance = sum([entry.spent for entry in entries]), last.balance_after
    return {
        "unit": scale.unit.name,
        "amount": amount,
        "charged": amount if spent == first.amount else show(spent),
        "granted": show(sum([entry.amount if entry.kind in GIVEN else entry.granted for entry in entries])),
        "refunded": show(sum([entry.refunded for entry in entries])),
        "uncovered": show(first.uncovered),
        "owed": show(owed),
        "repaid": show(repaid),
        "broken": show(sum([entry.expired for entry in entries])),
        "available": after,
        "balance": after if balance == available else show(balance),
        "held": show(last.held_after),
        "debt": show(last.debt_after),
        "lots": list_lots(account, scale, merge_shares(first.kind, effects)),
    }


def list_lots(account: Account, scale: Scale, shares: Iterable[tuple[int, int]]) -> tuple[LotShare, ...]:
    """Shares by lot, with the grant's id in place of the lot's number."""
    return tuple(
        [
            LotShare(write_grant_id(place_of(account, scale.unit.unit_id, lot)), scale.show(amount))
            for lot, amount in shares
        ]
    )


def merge_shares(kind: int, effects: Effects) -> list[tuple[int, int]]:
    """(lot, amount) of every lot that a request drew on or gave back to, in order of first appearance."""
    shares: dict[int, int] = {}
    for lot, amount in iter_shares(kind, effects):
        shares[lot] = shares.get(lot, 0) + amount
    is_signed = kind in TAKEN
    return [(lot, abs(amount)) for lot, amount in shares.items() if lot and (amount > 0 or (is_signed and amount))]


def iter_shares(kind: int, effects: Effects) -> Iterable[tuple[int, int]]:
    """(lot, amount) as the effects of a request's own entry have them; taken and given back are both positive."""
    for effect, number, key, value in effects:
        if kind in CHARGED:
            if effect == LOT_MOVED:
                yield number, -value
        elif kind == Kind.HELD:
            if effect == DREW:
                yield key, value
        elif kind == Kind.SETTLED:
            if effect == SPENT:
                yield key, value
            elif effect == LOT_MOVED:
                yield number, -value
        elif kind == Kind.RELEASED:
            if effect == RETURNED:
                yield key, value
        elif kind == Kind.REFUNDED:
            if effect == LOT_MOVED:
                yield number, value
            elif effect == DEBT_PAID and value < 0:
                yield key, -value
        elif kind in TAKEN and effect == LOT_MOVED:
            yield number, -value


def find_deadline(lead: Entry, effects: Effects) -> datetime | None:
    """When the hold that was placed or extended ends."""
    if lead.kind in (Kind.HELD, Kind.EXTENDED):
        for effect, _, key, value in effects:
            if effect == HOLD_SET and key == HoldField.DEADLINE:
                return to_instant(value)
    return None


def find_hold(account: Account, lead: Entry) -> str | None:
    """The id of the hold that was placed, or that the request named."""
    if lead.kind == Kind.HELD:
        return write_id("hld", place_of(account, lead.unit_id, lead.lead_number))
    if lead.kind in OF_HOLDS:
        return write_id("hld", place_of(account, lead.unit_id, lead.of_number))
    return None


def find_grant(account: Account, lead: Entry, entries: Sequence[Entry]) -> str | None:
    """The id of the grant that was made (a grant, a period's credits, an adjustment up, one of grace), or that the
    request was about (voided, clawed back, given another end)."""
    number = lead.of_number if lead.kind in OF_GRANTS else 0
    for entry in entries:
        if entry.unit_id != lead.unit_id:
            continue
        if entry.kind in MAKES_LOTS:
            number = next((lot for effect, lot, _, _ in unpack(entry) if effect == LOT_SET), number)
        elif entry.kind in BEGINS_PERIODS:
            made = entry.number
            number = next((lot for effect, lot, _, _ in unpack(entry) if effect == LOT_SET and lot == made), number)
    return write_grant_id(place_of(account, lead.unit_id, number)) if number else None


def unpack(entry: Entry) -> Effects:
    """The effects of an entry."""
    return unpack_effects(entry.effects)
