"""The rows of the rollup: sums of entries by time and by what they were for, made from entries and from nothing else.

`usage` has what was used, by the time at which it happened (`effective_at`); `flow` has what came and went, by the
moment at which it counted in the books. Account 0 stands for all accounts of the unit's book. Every row is there at two
grains. To add a measure: its column here and in the migrations, and where `rollup_fold.py` counts it.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from farthing.tariff.plans import is_next_in_force
from farthing.values.periods import DAY, HOUR
from farthing.values.subscriptions import Subscription

QUARTER: Final = HOUR // 4
"""The finer grain: every zone of today is a whole number of quarters of an hour from UTC."""

GRAINS: Final = (QUARTER, HOUR, DAY)
"""A day is one of UTC: what lies between the midnights of another zone is told by hours and quarters."""

TOTAL, FEATURES, WORK, SEGMENT, WHOLE, PEOPLE = range(6)
"""Parts of the usage, each with every entry, so that a report reads no more rows than what it tells apart makes."""

TOLD: Final = {
    TOTAL: {"success", "lead"},
    FEATURES: {"feature", "success", "lead"},
    WORK: {"feature", "model", "success", "lead"},
    SEGMENT: {"plan", "feature", "success", "lead"},
    WHOLE: {"plan", "feature", "model", "success", "lead"},
    PEOPLE: {"member", "feature", "success", "lead"},
}
"""What each part tells apart."""

PARTS_OF_ALL: Final = (TOTAL, FEATURES, WORK, SEGMENT)
PARTS_OF_ONE: Final = (TOTAL, WHOLE, PEOPLE)
"""The parts of all accounts together, and of one account, the one with the fewest rows first."""

DIMENSIONS: Final = ("plan", "feature", "model", "member", "success")
"""What usage can be told apart by."""

USAGE_KEY: Final = ("account_id", "unit_id", "part", "grain", "start_at", *DIMENSIONS, "lead", "currency", "spill")
"""`lead` is 1 for the unit that a receipt speaks of: there alone work is counted once for all units; `currency` that of
`revenue`; `spill` is above 0 for sums too large to be added to others in eight bytes."""

USAGE: Final = (
    "uses", "spent", "uncovered", "refunded", "quantity", "tokens_in", "tokens_cache_read", "tokens_cache_write",
    "tokens_out", "tokens_reasoning", "cost_nanos", "duration_ms", "timed", "revenue",
)  # fmt: skip
"""What is summed of usage. `uses` are finished pieces of work, failed ones too; `timed` those that said how long they
took; `revenue` what was paid for the credits spent, in minor units."""

FLOW_KEY: Final = ("account_id", "unit_id", "grain", "start_at", "currency", "spill")
FLOW: Final = (
    "issued", "refunded", "adjusted", "spent", "expired", "lots", "covered", "debt",
    "sold", "revenue", "broken", "withdrawn", "returned",
)  # fmt: skip
"""What is summed of flow: credits, and from `sold` on the money that stands behind them, in minor units."""

SPAN: Final = ("first", "last")
"""The first and the last entry in a row: numbers in an account's, positions in those for all accounts."""

SUCCEEDED, FAILED, UNSAID = 1, 0, 2
"""What the column `success` says."""

ENTRY_COLUMNS: Final = (
    "position", "account_id", "unit_id", "number", "kind", "lead_unit", "lead_number", "amount", "uncovered",
    "granted", "refunded", "adjusted", "spent", "expired", "lots", "covered", "debt", "of_number", "feature",
    "effective_at", "recorded_at", "model", "member", "quantity", "tokens_in", "tokens_cache_read",
    "tokens_cache_write", "tokens_out", "tokens_reasoning", "provider_cost_nanos", "duration_ms", "success",
)  # fmt: skip
IS_ASKED: Final = "(r.request_digest IS NOT NULL OR r.lead_number <> r.number OR r.lead_unit <> r.unit_id)"
"""Whether a request wrote an entry; time alone wrote the others."""

ENTRY_LIST: Final = ", ".join(f"r.{column}" for column in ENTRY_COLUMNS) + f", {IS_ASKED}, r.effects"

EntryRow = tuple[Any, ...]
"""The columns of `ENTRY_LIST`."""

POSITION, ACCOUNT, UNIT, NUMBER, EFFECTIVE_AT, RECORDED_AT, ASKED, EFFECTS = 0, 1, 2, 3, 19, 20, 32, 33

RollupRow = tuple[Any, ...]
"""A key, its sums and its span: integers, but for the plan."""

EntryKey = tuple[int, int, int]
"""(account_id, unit_id, number)."""


class Basis(NamedTuple):
    """A lot that money was paid for, as far as entries have been read."""

    amount: int
    cost: int
    currency: int
    inside: int
    """What it has remaining, and what holds have set aside of it."""


class Step(NamedTuple):
    """A step of a subscription, as far as it says which plan holds."""

    position: int
    """Of the entry that wrote it: it counts for those after it, so that what was summed before stays right."""
    recorded_at: int
    plan: str
    ends_at: int
    fallback: str
    next_plan: str
    switches_at: int
    """When the next plan begins to hold, whether or not a job has written that; `ends_at` where there is none."""

    def find_plan(self, at: int) -> str:
        """The plan in force at an instant; empty for none."""
        return self.fallback if at >= self.ends_at else self.next_plan if at >= self.switches_at else self.plan


def make_step(position: int, row: Subscription) -> Step:
    """A step as the entry at this position wrote it."""
    switches_at = row.period_ends_at if is_next_in_force(row) else row.ends_at
    return Step(position, row.recorded_at, row.plan, row.ends_at, row.fallback, row.next_plan, switches_at)


class Piece(NamedTuple):
    """A stretch of whole rows of one grain, which belong into one bucket of a report."""

    bucket: int
    grain: int
    start: int
    end: int


class Sums(NamedTuple):
    """What to sum: which account's (0 is all), in which unit, over which pieces, told apart by these columns, only
    those rows in which columns have these values."""

    account_id: int
    unit_id: int
    part: int
    pieces: tuple[Piece, ...]
    told_apart: tuple[str, ...] = ()
    only: tuple[tuple[str, int | str], ...] = ()


class Batch(NamedTuple):
    """What one run of entries adds to the rollup."""

    before: int
    """The position up to which entries are in it already."""
    after: int
    usage: list[RollupRow]
    flow: list[RollupRow]
    bases: dict[EntryKey, Basis]
    followed: dict[tuple[int, int], int]
    """(account_id, unit_id) → the number up to which the account's own rows have its entries."""


LARGEST_ADDED: Final = 2**52
LARGEST_KEPT: Final = 2**62
SPILLS: Final = 2**20


def lay_rows(key: tuple[Any, ...], measures: Iterable[int], span: tuple[int, int], after: int) -> Iterator[RollupRow]:
    """The rows for one key: one to be added to what is there; where a sum is so large that this might be too much for
    eight bytes in the end, as many of its own as it needs. `after` tells this batch from all others."""
    sums = list(measures)
    if all(-LARGEST_ADDED < each < LARGEST_ADDED for each in sums):
        yield (*key, 0, *sums, *span)
        return
    for place in range(1, SPILLS):
        parts = [max(-LARGEST_KEPT, min(LARGEST_KEPT, each)) for each in sums]
        yield (*key, after * SPILLS + place, *parts, *span)
        sums = [each - part for each, part in zip(sums, parts, strict=True)]
        if not any(sums):
            return


def cut_window(bucket: int, start: int, end: int) -> tuple[list[Piece], list[tuple[int, int]]]:
    """A window of time in whole rows, the coarsest that fit, and in what is left over at either end, which only
    entries tell."""
    first, last = -(-start // QUARTER) * QUARTER, end // QUARTER * QUARTER
    if first >= last:
        split = [(start, end)] if first > last else [(start, first), (first, end)]
        return [], [(low, high) for low, high in split if low < high]
    left = [(low, high) for low, high in ((start, first), (last, end)) if low < high]
    pieces: list[Piece] = []
    low, high = first, last
    tail: list[Piece] = []
    for grain, coarser in ((QUARTER, HOUR), (HOUR, DAY)):
        start, end = -(-low // coarser) * coarser, high // coarser * coarser
        if start >= end:
            pieces.append(Piece(bucket, grain, low, high))
            return [*pieces, *tail], left
        if low < start:
            pieces.append(Piece(bucket, grain, low, start))
        if end < high:
            tail.insert(0, Piece(bucket, grain, end, high))
        low, high = start, end
    return [*pieces, Piece(bucket, DAY, low, high), *tail], left
