"""From entries to sums, the one place that says what an entry counts for: in the rollup, in what is read live beside
it, and in the proof that both agree. Pure: what it needs to know beside the entries is found before.

Money: of each lot its cost is recognised in proportion to what has left it, on the running total, rounded half up, so
that the parts add up to the whole (rule 16).
"""

from bisect import bisect_left
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from operator import add
from typing import Any, Final

from farthing.store.rollup_rows import (
    FLOW,
    GRAINS,
    PARTS_OF_ALL,
    PARTS_OF_ONE,
    QUARTER,
    TOLD,
    UNSAID,
    USAGE,
    Basis,
    EntryKey,
    EntryRow,
    RollupRow,
    Step,
    lay_rows,
)
from farthing.values.amounts import divide_half_up
from farthing.values.entries import CHARGES, Effect, HoldField, Kind, LotField, unpack_effects

LOT_MOVED, LOT_SET, HOLD_SPENT = int(Effect.LOT_MOVED), int(Effect.LOT_SET), int(Effect.HOLD_SPENT)
HOLD_SET, DEBT_PAID, MONEY_RETURNED = int(Effect.HOLD_SET), int(Effect.DEBT_PAID), int(Effect.MONEY_RETURNED)
AMOUNT, COST, CURRENCY = int(LotField.AMOUNT), int(LotField.COST_MINOR), int(LotField.CURRENCY)
STATE: Final = int(HoldField.STATE)
CHARGED, RECORDED, SETTLED = int(Kind.CHARGED), int(Kind.RECORDED), int(Kind.SETTLED)
RELEASED, REFUNDED, EXPIRED, GRACED = int(Kind.RELEASED), int(Kind.REFUNDED), int(Kind.EXPIRED), int(Kind.GRACED)
SPENDING: Final = frozenset({*map(int, CHARGES), REFUNDED})
BREAKING: Final = frozenset({EXPIRED, GRACED, *map(int, (Kind.TURNED, Kind.ALLOWANCE_CHANGED, Kind.ALLOWANCE_ENDED))})
"""Kinds in which credits that leave a lot are spent (or come back), and those in which they end unused; in all others
somebody takes them away."""

USED: Final = frozenset({CHARGED, RECORDED, SETTLED, RELEASED, REFUNDED})
REVENUE: Final = USAGE.index("revenue")
SOLD, REVENUE_OF_FLOW, BROKEN, WITHDRAWN, RETURNED = (
    FLOW.index(name) for name in ("sold", "revenue", "broken", "withdrawn", "returned")
)
NO_USAGE: Final = (0,) * len(USAGE)
NO_FLOW: Final = (0,) * len(FLOW)
FAR: Final = 2**63 - 1

Place = Callable[[int], int | None]
"""From an instant to where it belongs: the start of a row, the bucket of a report; None for nowhere."""

UsageKey = tuple[int, int, int, str, int, int, int, int, int, int]
"""(account or 0, unit, place, plan, feature, model, member, success, lead, currency)."""

FlowKey = tuple[int, int, int, int]
"""(account or 0, unit, place, currency)."""

Key = tuple[Any, ...]

Charge = tuple[int, int, int, int, int]
"""(feature, model, member, success, lead) of the entry that made a debt."""


def find_quarter(instant: int) -> int:
    """The quarter of an hour that an instant is in."""
    return instant - instant % QUARTER


class Known:
    """What a fold must know beside entries: the lots that money was paid for, who made which debt, plans in force."""

    def __init__(
        self,
        bases: dict[EntryKey, Basis] | None = None,
        charges: dict[EntryKey, Charge] | None = None,
        steps: Mapping[int, list[Step]] | None = None,
    ) -> None:
        self.bases = bases or {}
        self.charges = charges or {}
        self.steps = steps or {}

    def find_plan(self, account_id: int, at: int, position: int) -> str:
        """The plan in force at an instant, by the steps that were written before the entry at this position; empty for
        none."""
        steps = self.steps.get(account_id)
        if not steps:
            return ""
        place = bisect_left(steps, position, key=lambda step: step.position)
        while place and steps[place - 1].recorded_at > at:
            place -= 1
        return steps[place - 1].find_plan(at) if place else ""


class Fold:
    """Sums of the entries that were added, in the order of each wallet's numbers."""

    def __init__(
        self,
        known: Known,
        *,
        place: Place = find_quarter,
        for_all: bool = True,
        apart: Container[tuple[int, int]] = (),
        with_usage: bool = True,
        with_flow: bool = True,
    ) -> None:
        self.known = known
        self.place = place
        self.for_all = for_all
        """Whether there are sums of all accounts together."""
        self.apart = apart
        """The wallets that have sums of their own."""
        self.with_usage, self.with_flow = with_usage, with_flow
        self.usage: dict[UsageKey, list[int]] = {}
        self.flow: dict[FlowKey, list[int]] = {}
        self.usage_spans: dict[UsageKey, tuple[int, int]] = {}
        self.flow_spans: dict[FlowKey, tuple[int, int]] = {}
        self.touched: set[EntryKey] = set()
        """The lots whose basis has moved."""

    def add(self, row: EntryRow) -> None:
        """Count one entry."""
        (
            position, account_id, unit_id, number, kind, lead_unit, lead_number, _, uncovered, granted, refunded,
            adjusted, spent, expired, lots, covered, debt, _, feature, effective_at, recorded_at, model, member,
            quantity, tokens_in, cache_read, cache_write, tokens_out, reasoning, cost_nanos, duration, success,
            is_asked, packed,
        ) = row  # fmt: skip
        if not unit_id:
            return
        moved = unpack_effects(packed) if packed else []
        lead = int(lead_unit == unit_id and lead_number == number)
        said: Charge = (feature, model or 0, member or 0, UNSAID if success is None else success, lead)
        moment = recorded_at if is_asked else effective_at
        money = self.find_money(row, moved, said) if moved else []
        wallet = (account_id, unit_id)
        sums: tuple[int, ...]
        if self.with_usage:
            where = self.place(effective_at)
            if where is not None:
                plan = self.known.find_plan(account_id, effective_at, position)
                if kind in USED:
                    sums = (
                        int(ends_work(kind, moved, success)),
                        spent, uncovered, refunded,
                        *((quantity or 0, tokens_in or 0, cache_read or 0, cache_write or 0, tokens_out or 0,
                           reasoning or 0, cost_nanos or 0, duration or 0, int(duration is not None))
                          if kind != REFUNDED else (0,) * 9),
                        0,
                    )  # fmt: skip
                    self.count_usage(wallet, where, plan, said, 0, sums, position, number)
                for column, currency, minor, of in money:
                    if column == REVENUE_OF_FLOW:
                        sums = (*NO_USAGE[:REVENUE], minor)
                        self.count_usage(wallet, where, plan, of, currency, sums, position, number)
        if self.with_flow:
            at = self.place(moment)
            if at is not None:
                if granted or refunded or adjusted or spent or expired or lots or covered or debt:
                    sums = (granted, refunded, adjusted, spent, expired, lots, covered, debt, 0, 0, 0, 0, 0)
                    self.count_flow(wallet, at, 0, sums, position, number)
                for column, currency, minor, _ in money:
                    sums = (*NO_FLOW[:column], minor, *NO_FLOW[column + 1 :])
                    self.count_flow(wallet, at, currency, sums, position, number)

    def take_over(self, other: "Fold") -> None:
        """Add the sums of another fold."""
        for mine, spans, theirs, their_spans in (
            (self.usage, self.usage_spans, other.usage, other.usage_spans),
            (self.flow, self.flow_spans, other.flow, other.flow_spans),
        ):
            for key, sums in theirs.items():
                merge_sums(mine, spans, key, sums, their_spans[key])  # type: ignore[index]

    def count_usage(
        self, wallet: tuple[int, int], where: int, plan: str, said: Charge, currency: int, sums: tuple[int, ...],
        position: int, number: int,
    ) -> None:  # fmt: skip
        """Add to the sums of all accounts, and to the wallet's own."""
        account_id, unit_id = wallet
        feature, model, member, success, lead = said
        if self.for_all:
            key: UsageKey = (0, unit_id, where, plan, feature, model, 0, success, lead, currency)
            add_sums(self.usage, self.usage_spans, key, sums, position)
        if wallet in self.apart:
            key = (account_id, unit_id, where, plan, feature, model, member, success, lead, currency)
            add_sums(self.usage, self.usage_spans, key, sums, number)

    def count_flow(
        self, wallet: tuple[int, int], at: int, currency: int, sums: tuple[int, ...], position: int, number: int
    ) -> None:
        """Add to the sums of all accounts, and to the wallet's own."""
        account_id, unit_id = wallet
        if self.for_all:
            add_sums(self.flow, self.flow_spans, (0, unit_id, at, currency), sums, position)
        if wallet in self.apart:
            add_sums(self.flow, self.flow_spans, (account_id, unit_id, at, currency), sums, number)

    def find_money(
        self, row: EntryRow, moved: list[tuple[int, int, int, int]], said: Charge
    ) -> list[tuple[int, int, int, Charge]]:
        """(column of flow, currency, minor units, what it was spent on) of the money behind what an entry moved."""
        account_id, unit_id, kind = row[1], row[2], row[4]
        column = REVENUE_OF_FLOW if kind in SPENDING else BROKEN if kind in BREAKING else WITHDRAWN
        money: list[tuple[int, int, int, Charge]] = []
        fresh: dict[int, dict[int, int]] = {}
        for effect, first, key, value in moved:
            if effect == LOT_SET:
                if key in (AMOUNT, COST, CURRENCY):
                    fresh.setdefault(first, {})[key] = value
                continue
            if effect == LOT_MOVED:
                lot, taken, where, of = first, -value, column, said
            elif effect == HOLD_SPENT and key:
                lot, taken, where, of = key, value, column, said
            elif effect == DEBT_PAID and key:
                charge = self.known.charges.get((account_id, unit_id, first))
                lot, taken, where, of = key, value, REVENUE_OF_FLOW, charge or said
            elif effect == MONEY_RETURNED:
                basis = self.known.bases.get((account_id, unit_id, first))
                if basis is not None and value:
                    money.append((RETURNED, basis.currency, value, said))
                continue
            else:
                continue
            if lot in fresh and fresh[lot].get(COST) and (account_id, unit_id, lot) not in self.known.bases:
                terms = fresh[lot]
                basis = Basis(terms.get(AMOUNT, 0), terms[COST], terms.get(CURRENCY, 0), 0)
                money.append((SOLD, basis.currency, basis.cost, said))
                self.put_basis((account_id, unit_id, lot), basis._replace(inside=-taken))
                if not basis.amount:
                    money.append((WITHDRAWN, basis.currency, basis.cost, said))
                continue
            minor, currency = self.take_from(account_id, unit_id, lot, taken)
            if minor:
                money.append((where, currency, minor, of))
        return money

    def take_from(self, account_id: int, unit_id: int, lot: int, taken: int) -> tuple[int, int]:
        """The money behind credits that leave a lot, negative where they come back, and its currency."""
        key = (account_id, unit_id, lot)
        basis = self.known.bases.get(key)
        if basis is None or not basis.amount:
            return 0, 0
        inside = basis.inside - taken
        amount, cost = basis.amount, basis.cost
        before = divide_half_up(cost * (amount - basis.inside), amount)
        after = divide_half_up(cost * (amount - inside), amount)
        self.put_basis(key, Basis(amount, cost, basis.currency, inside))
        return after - before, basis.currency

    def put_basis(self, key: EntryKey, basis: Basis) -> None:
        """The new state of a lot that money was paid for."""
        self.known.bases[key] = basis
        self.touched.add(key)


def ends_work(kind: int, moved: Iterable[tuple[int, int, int, int]], success: int | None) -> bool:
    """Whether an entry ends a piece of work: a charge, the last settle of a hold, a release that was reported."""
    if kind == SETTLED:
        return any(effect == HOLD_SET and key == STATE for effect, _, key, _ in moved)
    return kind in (CHARGED, RECORDED) or (kind == RELEASED and success is not None)


def add_sums(
    sums: dict[Key, list[int]], spans: dict[Key, tuple[int, int]],
    key: Key, more: tuple[int, ...], place: int,
) -> None:  # fmt: skip
    """Add to what there is under a key."""
    known = sums.get(key)
    if known is None:
        sums[key] = list(more)
        spans[key] = (place, place)
        return
    known[:] = map(add, known, more)
    first, last = spans[key]
    if place > last:
        spans[key] = (first, place)
    elif place < first:
        spans[key] = (place, last)


def find_needs(rows: Iterable[EntryRow]) -> tuple[set[EntryKey], set[EntryKey], set[int]]:
    """The lots, the entries that made debts, and the accounts, of which a fold of these entries must know."""
    lots: set[EntryKey] = set()
    debts: set[EntryKey] = set()
    accounts: set[int] = set()
    for row in rows:
        account_id, unit_id = row[1], row[2]
        if not unit_id:
            continue
        accounts.add(account_id)
        for effect, first, key, _ in unpack_effects(row[33]):
            if effect in (LOT_MOVED, MONEY_RETURNED):
                lots.add((account_id, unit_id, first))
            elif effect == HOLD_SPENT:
                lots.add((account_id, unit_id, key))
            elif effect == DEBT_PAID:
                lots.add((account_id, unit_id, key))
                debts.add((account_id, unit_id, first))
    return lots, debts, accounts


def lay_usage(fold: Fold, after: int) -> Iterator[RollupRow]:
    """The rows of usage that a fold by quarters comes to."""
    laid: dict[Key, list[int]] = {}
    spans: dict[Key, tuple[int, int]] = {}
    for key, sums in fold.usage.items():
        account_id, unit_id, start, plan, feature, model, member, success, lead, currency = key
        parts = PARTS_OF_ONE if account_id else PARTS_OF_ALL
        for part in parts:
            told = TOLD[part]
            apart = (
                plan if "plan" in told else "", feature if "feature" in told else 0, model if "model" in told else 0,
                member if "member" in told else 0, success, lead,
            )  # fmt: skip
            for grain in GRAINS:
                row = (account_id, unit_id, part, grain, start - start % grain, *apart, currency)
                merge_sums(laid, spans, row, sums, fold.usage_spans[key])
    for row_key, sums in laid.items():
        yield from lay_rows(row_key, sums, spans[row_key], after)


def lay_flow(fold: Fold, after: int) -> Iterator[RollupRow]:
    """The rows of flow that a fold by quarters comes to."""
    laid: dict[Key, list[int]] = {}
    spans: dict[Key, tuple[int, int]] = {}
    for key, sums in fold.flow.items():
        account_id, unit_id, start, currency = key
        for grain in GRAINS:
            row = (account_id, unit_id, grain, start - start % grain, currency)
            merge_sums(laid, spans, row, sums, fold.flow_spans[key])
    for row_key, sums in laid.items():
        yield from lay_rows(row_key, sums, spans[row_key], after)


def merge_sums(
    laid: dict[Key, list[int]], spans: dict[Key, tuple[int, int]],
    key: Key, sums: list[int], span: tuple[int, int],
) -> None:  # fmt: skip
    """Add sums with their span to what there is under a key."""
    known = laid.get(key)
    if known is None:
        laid[key], spans[key] = sums.copy(), span
        return
    known[:] = map(add, known, sums)
    first, last = spans[key]
    spans[key] = (min(first, span[0]), max(last, span[1]))
