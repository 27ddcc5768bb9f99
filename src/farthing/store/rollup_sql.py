"""The questions that reports ask, as SQL that both dialects have in common. What differs is in the `Dialect`.

Rows of the rollup are found by their key alone: account, unit, part and grain, and then a stretch of time.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar, Final

from farthing.store.rollup import Purchase, SummedRow
from farthing.store.rollup_fold import Charge
from farthing.store.rollup_rows import (
    ENTRY_LIST,
    FLOW,
    FLOW_KEY,
    QUARTER,
    SPAN,
    TOTAL,
    UNSAID,
    USAGE,
    USAGE_KEY,
    Basis,
    EntryKey,
    EntryRow,
    Step,
    Sums,
    make_step,
)
from farthing.store.versions import PREFIX as P
from farthing.store.wallet_rows import SUBSCRIPTION_COLUMNS, Row
from farthing.values.entries import Entry
from farthing.values.subscriptions import Subscription

COLUMNS: Final = {
    "usage": (*USAGE_KEY, *USAGE, *SPAN), "flow": (*FLOW_KEY, *FLOW, *SPAN),
    "basis": ("account_id", "unit_id", "number", *Basis._fields),
}  # fmt: skip
MEASURES: Final = {"usage": USAGE, "flow": FLOW}
KEYS: Final = {"usage": USAGE_KEY, "flow": FLOW_KEY}

MARK: Final = f"SELECT position FROM {P}rollup_mark WHERE id = 1"
ADD_MARK: Final = f"INSERT INTO {P}rollup_mark (id, position) VALUES (1, 0) ON CONFLICT (id) DO NOTHING"
MOVE_MARK: Final = f"UPDATE {P}rollup_mark SET position = ? WHERE id = 1"
LAST_POSITION: Final = f"SELECT coalesce(max(position), 0) FROM {P}entry"
POSITIONS: Final = (
    f"SELECT {ENTRY_LIST} FROM {P}entry AS r WHERE r.position > ? AND r.position <= ? ORDER BY r.position"
)
OF_WALLET: Final = "r.account_id = ? AND r.unit_id = ?"
NUMBERS: Final = (
    f"SELECT {ENTRY_LIST} FROM {P}entry AS r WHERE {OF_WALLET} AND r.number > ? AND r.number <= ? ORDER BY r.number"
)
ONE_ENTRY: Final = (
    f"SELECT {', '.join(f'r.{column}' for column in Entry._fields)} FROM {P}entry AS r"
    f" WHERE {OF_WALLET} AND r.number = ?"
)
LAST_NUMBER: Final = f"SELECT r.number FROM {P}entry AS r WHERE {OF_WALLET} ORDER BY r.number DESC LIMIT 1"
FOLLOWED: Final = f"SELECT r.upto FROM {P}rollup_followed AS r WHERE {OF_WALLET}"
ALL_FOLLOWED: Final = f"SELECT account_id, unit_id, upto FROM {P}rollup_followed"
STEP: Final = ", ".join(f"r.{column}" for column in SUBSCRIPTION_COLUMNS)
STEPS_OF_ACCOUNT: Final = f"SELECT {STEP} FROM {P}subscription AS r WHERE r.account_id = ? ORDER BY r.number"
PURCHASE: Final = (
    f"SELECT r.unit_id, r.number, r.amount, r.cost_minor, r.currency, r.source FROM {P}lot AS r"
    " WHERE r.account_id = ? AND (r.cost_minor <> 0 OR r.source = ?) ORDER BY"
    f" (SELECT e.position FROM {P}entry AS e"
    " WHERE e.account_id = r.account_id AND e.unit_id = r.unit_id AND e.number = r.number) DESC LIMIT 1"
)
TO_DISCARD: Final = ("usage", "flow", "basis", "followed")
DISCARD_KEYS: Final = {
    "usage": USAGE_KEY, "flow": FLOW_KEY,
    "basis": ("account_id", "unit_id", "number"), "followed": ("account_id", "unit_id"),
}  # fmt: skip
DISCARDED_AT_ONCE: Final = 5_000


def write_discard(table: str) -> str:
    """Some rows of a table of the rollup, thrown away."""
    keys = ", ".join(DISCARD_KEYS[table])
    named = f"{P}rollup_{table}"
    return f"DELETE FROM {named} WHERE ({keys}) IN (SELECT {keys} FROM {named} LIMIT {DISCARDED_AT_ONCE})"


def write_upsert(table: str, smaller: str, larger: str) -> str:
    """What adds rows to those of the same keys; what comes after the table's name makes the rows."""
    name, measures, keys = f"{P}rollup_{table}", MEASURES[table], KEYS[table]
    sets = [f"{column} = {name}.{column} + excluded.{column}" for column in measures]
    sets += [f"{SPAN[0]} = {smaller}({name}.{SPAN[0]}, excluded.{SPAN[0]})"]
    sets += [f"{SPAN[1]} = {larger}({name}.{SPAN[1]}, excluded.{SPAN[1]})"]
    return f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {', '.join(sets)}"


PUT_BASES: Final = (
    "ON CONFLICT (account_id, unit_id, number) DO UPDATE"
    " SET amount = excluded.amount, cost = excluded.cost, currency = excluded.currency, inside = excluded.inside"
)
PUT_FOLLOWED: Final = "ON CONFLICT (account_id, unit_id) DO UPDATE SET upto = excluded.upto"


class SqlReader(ABC):
    """See `rollup.Reader`; each dialect says how it is asked."""

    each: ClassVar[str] = "{asked} CROSS JOIN {table} AS r WHERE {rule}"
    """How each of what is asked finds its rows: by their key, whatever the planner believes of the table."""
    halves: ClassVar[bool]
    """Whether sums must be added up in two halves, because the dialect's own would not fit."""

    def __init__(self) -> None:
        rows = self.ask(MARK)
        self.mark = max(0, rows[0][0]) if rows else 0

    @abstractmethod
    def ask(self, text: str, *values: Any) -> list[Row]:
        """The answer to a question, whose places are question marks."""

    @abstractmethod
    def ask_each(self, text: str, asked: Sequence[tuple[int, ...]], *values: Any) -> list[Row]:
        """The same where {asked} stands for a table of these integers, whose columns are a, b, c and d."""

    @abstractmethod
    def iter_rows(self, table: str) -> Iterator[Row]:
        """See `rollup.Reader`."""

    def list_positions(self, after: int, upto: int) -> list[EntryRow]:
        """See `rollup.Reader`."""
        return self.ask(POSITIONS, after, upto)

    def find_last_position(self) -> int:
        """See `rollup.Reader`."""
        return int(self.ask(LAST_POSITION)[0][0])

    def list_numbers(self, account_id: int, unit_id: int, after: int, upto: int) -> list[EntryRow]:
        """See `rollup.Reader`."""
        return self.ask(NUMBERS, account_id, unit_id, after, upto)

    def list_until(self, account_id: int, unit_id: int, position: int) -> list[EntryRow]:
        """See `rollup.Reader`. Within a wallet positions rise with numbers."""
        low, high = 0, self.count_numbers(account_id, unit_id)
        while low < high:
            middle = (low + high + 1) // 2
            rows = self.ask(f"SELECT r.position FROM {P}entry AS r WHERE {OF_WALLET} AND r.number = ?",
                            account_id, unit_id, middle)  # fmt: skip
            low, high = (middle, high) if rows[0][0] <= position else (low, middle - 1)
        return self.list_numbers(account_id, unit_id, 0, low)

    def find_followed(self, account_id: int, unit_id: int) -> int:
        """See `rollup.Reader`."""
        rows = self.ask(FOLLOWED, account_id, unit_id) if self.mark else []
        return int(rows[0][0]) if rows else 0

    def list_followed(self) -> dict[tuple[int, int], int]:
        """See `rollup.Reader`."""
        rows = self.ask(ALL_FOLLOWED) if self.mark else []
        return {(account_id, unit_id): upto for account_id, unit_id, upto in rows}

    def sum_usage(self, wanted: Sums) -> list[SummedRow]:
        """See `rollup.Reader`."""
        return self.sum_rows("usage", wanted, f" AND r.part = {wanted.part}")

    def sum_flow(self, wanted: Sums) -> list[SummedRow]:
        """See `rollup.Reader`."""
        return self.sum_rows("flow", wanted, "")

    def sum_rows(self, table: str, wanted: Sums, more: str) -> list[SummedRow]:
        """One question for all pieces: each finds its rows by their key."""
        if not self.mark or not wanted.pieces:
            return []
        measures, apart = MEASURES[table], wanted.told_apart
        summed = [f"sum(r.{column})" for column in measures]
        if self.halves:
            summed = [half for column in measures for half in (f"sum(r.{column} >> 32)",
                                                               f"sum(r.{column} & 4294967295)")]  # fmt: skip
        columns = ["asked.a", *(f"r.{column}" for column in apart), "r.currency"]
        for column, _ in wanted.only:
            more += f" AND r.{column} = ?"
        rule = (
            f"r.account_id = ? AND r.unit_id = ?{more}"
            " AND r.grain = asked.b AND r.start_at >= asked.c AND r.start_at < asked.d"
        )
        found = self.each.format(asked="{asked}", table=f"{P}rollup_{table}", rule=rule)
        text = f"SELECT {', '.join(columns)}, {', '.join(summed)} FROM {found} GROUP BY {', '.join(columns)}"
        values = (wanted.account_id, wanted.unit_id, *(value for _, value in wanted.only))
        rows = self.ask_each(text, wanted.pieces, *values)
        first = 2 + len(apart)
        return [
            SummedRow(row[0], tuple(row[1 : first - 1]), row[first - 1], self.take_sums(row[first:])) for row in rows
        ]

    def take_sums(self, row: Row) -> tuple[int, ...]:
        """Sums from their columns."""
        if self.halves:
            return tuple((high << 32) + low for high, low in zip(row[::2], row[1::2], strict=True))
        return tuple(map(int, row))

    def find_spans(self, table: str, account_id: int, unit_id: int, starts: Sequence[int]) -> list[tuple[int, int]]:
        """See `rollup.Reader`."""
        if not self.mark or not starts:
            return []
        part = f" AND r.part = {TOTAL}" if table == "usage" else ""
        text = (
            f"SELECT min(r.first), max(r.last) FROM {{asked}} CROSS JOIN {P}rollup_{table} AS r"
            f" WHERE r.account_id = ? AND r.unit_id = ?{part} AND r.grain = {QUARTER} AND r.start_at = asked.a"
            " GROUP BY asked.a"
        )
        asked = [(start,) for start in starts]
        return [(first, last) for first, last in self.ask_each(text, asked, account_id, unit_id)]

    def list_spans(self, table: str, quarters: Iterable[EntryKey]) -> dict[EntryKey, tuple[int, int]]:
        """See `rollup.Reader`."""
        part = f" AND r.part = {TOTAL}" if table == "usage" else ""
        text = (
            f"SELECT asked.a, asked.b, asked.c, min(r.first), max(r.last) FROM {{asked}} CROSS JOIN"
            f" {P}rollup_{table} AS r WHERE r.account_id = asked.a AND r.unit_id = asked.b{part}"
            f" AND r.grain = {QUARTER} AND r.start_at = asked.c GROUP BY asked.a, asked.b, asked.c"
        )
        return {row[:3]: row[3:] for row in self.ask_each(text, sorted(quarters))}

    def find_bases(self, lots: Iterable[EntryKey]) -> dict[EntryKey, Basis]:
        """See `rollup.Reader`."""
        if not self.mark:
            return {}
        text = (
            f"SELECT asked.a, asked.b, asked.c, r.amount, r.cost, r.currency, r.inside FROM {{asked}} CROSS JOIN"
            f" {P}rollup_basis AS r WHERE r.account_id = asked.a AND r.unit_id = asked.b AND r.number = asked.c"
        )
        return {row[:3]: Basis._make(row[3:]) for row in self.ask_each(text, sorted(lots))}

    def find_charges(self, entries: Iterable[EntryKey]) -> dict[EntryKey, Charge]:
        """See `rollup.Reader`."""
        text = (
            "SELECT asked.a, asked.b, asked.c, r.feature, r.model, r.member, r.success, r.lead_unit, r.lead_number"
            f" FROM {{asked}} CROSS JOIN {P}entry AS r"
            " WHERE r.account_id = asked.a AND r.unit_id = asked.b AND r.number = asked.c"
        )
        found: dict[EntryKey, Charge] = {}
        for account_id, unit_id, number, feature, model, member, success, *lead in self.ask_each(text, sorted(entries)):
            said = UNSAID if success is None else success
            found[account_id, unit_id, number] = (
                feature, model or 0, member or 0, said, int(tuple(lead) == (unit_id, number)),
            )  # fmt: skip
        return found

    def find_steps(self, account_ids: Iterable[int]) -> dict[int, list[Step]]:
        """See `rollup.Reader`."""
        text = (
            f"SELECT asked.a, e.position, {STEP} FROM {{asked}} CROSS JOIN {P}subscription AS r"
            f" CROSS JOIN {P}entry AS e WHERE r.account_id = asked.a AND e.account_id = r.account_id AND e.unit_id = 0"
            " AND e.number = r.number ORDER BY r.account_id, r.number"
        )
        steps: dict[int, list[Step]] = {}
        for account_id, position, *row in self.ask_each(text, sorted({(each,) for each in account_ids})):
            steps.setdefault(account_id, []).append(make_step(position, Subscription._make(row)))
        return steps

    def list_steps(self, account_id: int) -> list[Subscription]:
        """See `rollup.Reader`."""
        return [Subscription._make(row) for row in self.ask(STEPS_OF_ACCOUNT, account_id)]

    def find_entry(self, account_id: int, unit_id: int, number: int) -> Entry | None:
        """See `rollup.Reader`."""
        rows = self.ask(ONE_ENTRY, account_id, unit_id, number)
        return Entry._make(rows[0]) if rows else None

    def count_numbers(self, account_id: int, unit_id: int) -> int:
        """See `rollup.Reader`."""
        rows = self.ask(LAST_NUMBER, account_id, unit_id)
        return int(rows[0][0]) if rows else 0

    def find_purchase(self, account_id: int, source: int) -> Purchase | None:
        """See `rollup.Reader`."""
        rows = self.ask(PURCHASE, account_id, source)
        return Purchase._make(rows[0]) if rows else None

    def find_keys(self, account_ids: Iterable[int]) -> dict[int, str]:
        """See `rollup.Reader`."""
        text = f"SELECT r.account_id, r.key FROM {{asked}} CROSS JOIN {P}account AS r WHERE r.account_id = asked.a"
        return dict(self.ask_each(text, sorted({(each,) for each in account_ids})))
