"""Reports: sums of usage and of credits over stretches of time, from the rollup up to its mark and from entries after
it, all as of one moment. An answer is the same whether anything was rolled up or not; only how long it takes is not.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from farthing.service.windows import Window
from farthing.store.contract import Store
from farthing.store.rollup import PAGE, Reader, SummedRow, find_known
from farthing.store.rollup_fold import AMOUNT, FAR, LOT_SET, Fold, Known
from farthing.store.rollup_rows import (
    ASKED,
    DIMENSIONS,
    EFFECTIVE_AT,
    EFFECTS,
    PARTS_OF_ALL,
    PARTS_OF_ONE,
    QUARTER,
    RECORDED_AT,
    TOLD,
    EntryRow,
    Piece,
    Sums,
    cut_window,
)
from farthing.values.entries import unpack_effects
from farthing.values.errors import TermInvalid
from farthing.values.wallets import Account

USAGE_APART: Final = (*DIMENSIONS, "lead")
"""What the key of a fold tells apart after account, unit and place, before the currency."""

Totals = dict[tuple[Any, ...], list[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What to sum. Windows are in order and do not overlap."""

    account: Account | None
    """None is all accounts of the book."""
    unit_ids: tuple[int, ...]
    windows: Sequence[Window]
    told_apart: tuple[str, ...] = ()
    only: tuple[tuple[str, int | str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One row of a report: the sums of one bucket, unit and combination of what was told apart, in one currency (0
    where there is no money)."""

    bucket: int
    unit_id: int
    told_apart: tuple[int | str, ...]
    currency: int
    sums: tuple[int, ...]


class Places:
    """From instants to the buckets of windows."""

    def __init__(self, windows: Sequence[Window]) -> None:
        self.windows = windows
        self.starts = [window.start for window in windows]

    def find(self, instant: int) -> int | None:
        """The bucket of an instant."""
        place = bisect_right(self.starts, instant) - 1
        if place < 0 or instant >= self.windows[place].end:
            return None
        return self.windows[place].bucket


def sum_usage(store: Store, query: Query) -> list[Cell]:
    """Usage by the time at which it happened. Sums as `USAGE` names them.

    Raises `TermInvalid` for what all accounts together are not told apart by.
    """
    named = {*query.told_apart, *(column for column, _ in query.only)}
    parts = PARTS_OF_ALL if query.account is None else PARTS_OF_ONE
    part = next((part for part in parts if named <= TOLD[part]), None)
    if part is None:
        whose = "all accounts" if query.account is None else "an account"
        told = " or ".join(", ".join(each for each in DIMENSIONS if each in TOLD[part]) for part in parts[-2:])
        problem = f"cannot be told apart together for {whose}"
        raise TermInvalid(what="split", given=", ".join(sorted(named)), problem=problem, advice=f"choose among {told}")
    return collect(store, query, "usage", part)


def sum_flow(store: Store, query: Query) -> list[Cell]:
    """Credits that came and went, by the moment at which that counted, and the money behind them. Sums as `FLOW` names
    them. Nothing is told apart but currencies."""
    return collect(store, query, "flow", 0)


def collect(store: Store, query: Query, table: str, part: int) -> list[Cell]:
    """The cells of a report in one unit or several."""
    totals: Totals = {}
    with store.rollup.reading() as reader:
        if query.account is None:
            gather_all(reader, query, table, part, totals)
        else:
            for unit_id in query.unit_ids:
                gather_wallet(reader, query, table, part, totals, query.account.account_id, unit_id)
    return [
        Cell(bucket=key[1], unit_id=key[0], told_apart=key[2], currency=key[3], sums=tuple(sums))
        for key, sums in totals.items()
    ]


def gather_all(reader: Reader, query: Query, table: str, part: int, totals: Totals) -> None:
    """What the rollup has of all accounts, and what came after it."""
    left = gather_pieces(reader, query, table, part, totals, 0, query.unit_ids)
    wanted = frozenset(query.unit_ids)
    for unit_id in query.unit_ids:
        for first, last in find_ranges(reader, table, 0, unit_id, left):
            rows = []
            for low in range(first - 1, last, PAGE):
                page = reader.list_positions(low, min(low + PAGE, last))
                rows += [row for row in page if row[2] == unit_id and is_within(row, left, table)]
            add_left(reader, query, table, totals, rows, left, apart=None)
    after, last = reader.mark, reader.find_last_position()
    known: Known | None = None
    for low in range(after, last, PAGE):
        rows = [row for row in reader.list_positions(low, min(low + PAGE, last)) if row[2] in wanted]
        fresh = find_known(reader, rows, with_plans=needs_plans(query))
        if known is not None:
            fresh.bases = fresh.bases | known.bases
        known = fresh
        add_rows(query, table, totals, rows, known, query.windows, apart=None)


def gather_wallet(
    reader: Reader, query: Query, table: str, part: int, totals: Totals, account_id: int, unit_id: int
) -> None:
    """What the rollup has of one wallet, and what came after it; of a short one all of its entries."""
    upto = reader.find_followed(account_id, unit_id)
    wallet = (account_id, unit_id)
    if upto:
        left = gather_pieces(reader, query, table, part, totals, account_id, (unit_id,))
        for first, last in find_ranges(reader, table, account_id, unit_id, left):
            rows = [
                row
                for row in reader.list_numbers(account_id, unit_id, first - 1, min(last, upto))
                if is_within(row, left, table)
            ]
            add_left(reader, query, table, totals, rows, left, apart=wallet)
    rows = reader.list_numbers(account_id, unit_id, upto, FAR)
    known = find_known(reader, rows, fresh=not upto, with_plans=needs_plans(query))
    add_rows(query, table, totals, rows, known, query.windows, apart=wallet)


def needs_plans(query: Query) -> bool:
    """Whether plans are told apart."""
    return "plan" in query.told_apart or any(column == "plan" for column, _ in query.only)


def gather_pieces(
    reader: Reader, query: Query, table: str, part: int, totals: Totals, account_id: int, unit_ids: Iterable[int]
) -> list[Window]:
    """Add up whole rows of the rollup; returns what is left of the windows, which only entries tell."""
    if not reader.mark:
        return []
    pieces: list[Piece] = []
    left: list[Window] = []
    for window in query.windows:
        cut, rest = cut_window(*window)
        pieces += cut
        left += [Window(window.bucket, low, high) for low, high in rest]
    for unit_id in unit_ids:
        wanted = Sums(account_id, unit_id, part, tuple(pieces), query.told_apart, query.only)
        rows: list[SummedRow] = reader.sum_usage(wanted) if table == "usage" else reader.sum_flow(wanted)
        for row in rows:
            add_total(totals, (unit_id, row.bucket, row.told_apart, row.currency), row.sums)
    return left


def find_ranges(
    reader: Reader, table: str, account_id: int, unit_id: int, left: Sequence[Window]
) -> Iterator[tuple[int, int]]:
    """(first, last) of the entries that may be in these windows, as far as they were rolled up, without overlaps."""
    starts = sorted(
        {start for window in left for start in range(window.start // QUARTER * QUARTER, window.end, QUARTER)}
    )
    spans = sorted(reader.find_spans(table, account_id, unit_id, starts))
    while spans:
        first, last = spans.pop(0)
        while spans and spans[0][0] <= last + 1:
            last = max(last, spans.pop(0)[1])
        yield first, last


def is_within(row: EntryRow, left: Sequence[Window], table: str) -> bool:
    """Whether an entry counts in one of these windows."""
    return Places(left).find(find_instant(row, table)) is not None


def find_instant(row: EntryRow, table: str) -> int:
    """When an entry counts: usage when it happened, the rest when the books say so."""
    instant: int = row[RECORDED_AT if row[ASKED] and table == "flow" else EFFECTIVE_AT]
    return instant


def add_left(
    reader: Reader, query: Query, table: str, totals: Totals, rows: list[EntryRow], left: Sequence[Window],
    *, apart: tuple[int, int] | None,
) -> None:  # fmt: skip
    """Add entries from the edges of a report. What their lots had before is not known here: the money behind them is
    reckoned as if they were the first to draw on each, so within a cent of what the rows have."""
    known = find_known(reader, rows, with_plans=needs_plans(query))
    known.bases = {key: basis._replace(inside=basis.amount) for key, basis in known.bases.items()}
    for row in rows:
        for effect, lot, key, _ in unpack_effects(row[EFFECTS]):
            if effect == LOT_SET and key == AMOUNT:
                known.bases.pop((row[1], row[2], lot), None)
    add_rows(query, table, totals, rows, known, left, apart=apart)


def add_rows(
    query: Query, table: str, totals: Totals, rows: list[EntryRow], known: Known, windows: Sequence[Window],
    *, apart: tuple[int, int] | None,
) -> None:  # fmt: skip
    """Add entries, of all accounts or of the wallet that is named."""
    is_usage = table == "usage"
    fold = Fold(
        known, place=Places(windows).find, for_all=apart is None, apart=() if apart is None else {apart},
        with_usage=is_usage, with_flow=not is_usage,
    )  # fmt: skip
    for row in rows:
        fold.add(row)
    if not is_usage:
        for (_, unit_id, bucket, currency), sums in fold.flow.items():
            add_total(totals, (unit_id, bucket, (), currency), sums)
        return
    shown = [3 + USAGE_APART.index(column) for column in query.told_apart]
    kept = [(3 + USAGE_APART.index(column), value) for column, value in query.only]
    for key, sums in fold.usage.items():
        if all(key[place] == value for place, value in kept):
            apart_by = tuple([key[place] for place in shown])
            add_total(totals, (key[1], key[2], apart_by, key[-1]), sums)


def add_total(totals: Totals, key: tuple[Any, ...], sums: Sequence[int]) -> None:
    """Add sums to what there is under a key."""
    known = totals.get(key)
    if known is None:
        totals[key] = list(sums)
    else:
        for place, each in enumerate(sums):
            known[place] += each
