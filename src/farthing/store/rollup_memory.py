"""The rollup of the memory store: there is none, and every answer comes from entries."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from farthing.store.rollup import Purchase, Stop, SummedRow
from farthing.store.rollup_fold import Charge
from farthing.store.rollup_rows import UNSAID, Basis, Batch, EntryKey, EntryRow, Step, Sums, make_step
from farthing.values.entries import Entry
from farthing.values.subscriptions import Subscription

if TYPE_CHECKING:
    from farthing.store.memory import MemoryStore


class MemoryReader:
    """See `rollup.Reader`. It sees what was published when it was made."""

    mark = 0

    def __init__(self, store: "MemoryStore") -> None:
        self.tables = store.tables
        with store.reading:
            self.journal = self.tables.journal.copy()
        self.positions = {place: position for position, place in enumerate(self.journal, 1)}

    def take_row(self, account_id: int, entry: Entry) -> EntryRow:
        """An entry as the fold takes it."""
        is_asked = entry.request_digest is not None or (entry.lead_unit, entry.lead_number) != entry[:2]
        return (
            self.positions[account_id, entry.unit_id, entry.number], account_id, entry.unit_id, entry.number,
            entry.kind, entry.lead_unit, entry.lead_number, entry.amount, entry.uncovered, entry.granted,
            entry.refunded, entry.adjusted, entry.spent, entry.expired, entry.lots, entry.covered, entry.debt,
            entry.of_number, entry.feature, entry.effective_at, entry.recorded_at, entry.model, entry.member,
            entry.quantity, entry.tokens_in, entry.tokens_cache_read, entry.tokens_cache_write, entry.tokens_out,
            entry.tokens_reasoning, entry.provider_cost_nanos, entry.duration_ms, entry.success, int(is_asked),
            entry.effects,
        )  # fmt: skip

    def list_positions(self, after: int, upto: int) -> list[EntryRow]:
        """See `rollup.Reader`."""
        places = self.journal[max(0, after) : upto]
        return [self.take_row(place[0], self.get_entry(*place)) for place in places]

    def get_entry(self, account_id: int, unit_id: int, number: int) -> Entry:
        """An entry that is there."""
        return self.tables.shelves[account_id, unit_id].entries[number - 1]

    def find_last_position(self) -> int:
        """See `rollup.Reader`."""
        return len(self.journal)

    def list_numbers(self, account_id: int, unit_id: int, after: int, upto: int) -> list[EntryRow]:
        """See `rollup.Reader`."""
        last = min(upto, self.count_numbers(account_id, unit_id))
        return [
            self.take_row(account_id, self.get_entry(account_id, unit_id, number))
            for number in range(after + 1, last + 1)
        ]

    def list_until(self, account_id: int, unit_id: int, position: int) -> list[EntryRow]:
        """See `rollup.Reader`."""
        rows = self.list_numbers(account_id, unit_id, 0, self.count_numbers(account_id, unit_id))
        return [row for row in rows if row[0] <= position]

    def find_followed(self, account_id: int, unit_id: int) -> int:
        """See `rollup.Reader`."""
        return 0

    def list_followed(self) -> dict[tuple[int, int], int]:
        """See `rollup.Reader`."""
        return {}

    def sum_usage(self, wanted: Sums) -> list[SummedRow]:
        """See `rollup.Reader`."""
        return []

    def sum_flow(self, wanted: Sums) -> list[SummedRow]:
        """See `rollup.Reader`."""
        return []

    def find_spans(self, table: str, account_id: int, unit_id: int, starts: Sequence[int]) -> list[tuple[int, int]]:
        """See `rollup.Reader`."""
        return []

    def list_spans(self, table: str, quarters: Iterable[EntryKey]) -> dict[EntryKey, tuple[int, int]]:
        """See `rollup.Reader`."""
        return {}

    def iter_rows(self, table: str) -> Iterator[tuple[int, ...]]:
        """See `rollup.Reader`."""
        return iter(())

    def find_bases(self, lots: Iterable[EntryKey]) -> dict[EntryKey, Basis]:
        """See `rollup.Reader`."""
        return {}

    def find_charges(self, entries: Iterable[EntryKey]) -> dict[EntryKey, Charge]:
        """See `rollup.Reader`."""
        found: dict[EntryKey, Charge] = {}
        for key in entries:
            entry = self.get_entry(*key)
            said = UNSAID if entry.success is None else entry.success
            is_lead = (entry.lead_unit, entry.lead_number) == entry[:2]
            found[key] = (entry.feature, entry.model or 0, entry.member or 0, said, int(is_lead))
        return found

    def find_steps(self, account_ids: Iterable[int]) -> dict[int, list[Step]]:
        """See `rollup.Reader`."""
        found: dict[int, list[Step]] = {}
        for account_id in account_ids:
            for each in self.list_steps(account_id):
                position = self.positions.get((account_id, 0, each.number))
                if position is not None:
                    found.setdefault(account_id, []).append(make_step(position, each))
        return found

    def list_steps(self, account_id: int) -> list[Subscription]:
        """See `rollup.Reader`."""
        return [step for (owner, _), step in sorted(self.tables.subscriptions.items()) if owner == account_id]

    def find_entry(self, account_id: int, unit_id: int, number: int) -> Entry | None:
        """See `rollup.Reader`."""
        return self.get_entry(account_id, unit_id, number) if (account_id, unit_id, number) in self.positions else None

    def count_numbers(self, account_id: int, unit_id: int) -> int:
        """See `rollup.Reader`."""
        shelf = self.tables.shelves.get((account_id, unit_id))
        number = 0 if shelf is None else shelf.row.seq
        while number and (account_id, unit_id, number) not in self.positions:
            number -= 1  # written since this snapshot
        return number

    def find_purchase(self, account_id: int, source: int) -> Purchase | None:
        """See `rollup.Reader`."""
        bought = [
            (self.positions[owner, unit_id, lot.number], unit_id, lot)
            for (owner, unit_id), shelf in self.tables.shelves.items()
            for lot in shelf.lots.values()
            if owner == account_id and (lot.cost_minor or lot.source == source)
            and (owner, unit_id, lot.number) in self.positions
        ]  # fmt: skip
        if not bought:
            return None
        _, unit_id, lot = max(bought, key=lambda each: each[0])
        return Purchase(unit_id, lot.number, lot.amount, lot.cost_minor, lot.currency, lot.source)

    def find_keys(self, account_ids: Iterable[int]) -> dict[int, str]:
        """See `rollup.Reader`."""
        return {account_id: self.tables.accounts[account_id].key for account_id in account_ids}


class MemoryRollup:
    """See `rollup.RollupBook`."""

    is_kept = False

    def __init__(self, store: "MemoryStore") -> None:
        self.store = store

    @contextmanager
    def reading(self) -> Iterator[MemoryReader]:
        """See `rollup.RollupBook`."""
        self.store.refuse_closed()
        yield MemoryReader(self.store)

    def find_limit(self, must_stop: Stop) -> int:
        """See `rollup.RollupBook`."""
        return 0

    def save(self, batch: Batch) -> bool:
        """See `rollup.RollupBook`."""
        return False

    def discard(self, must_stop: Stop, *, anew: bool = True) -> bool:
        """See `rollup.RollupBook`."""
        return True
