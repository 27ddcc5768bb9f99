"""What reports ask of a store: sums of entries that were rolled up, and the entries after them, as of one moment.

The rollup has every entry up to its mark, a position in the ledger, each once. What is after it is read from the
entries themselves, so that an answer is exact whether anything was rolled up or not.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Final, NamedTuple, Protocol

from farthing.store.rollup_fold import Charge, Known, find_needs
from farthing.store.rollup_rows import Basis, Batch, EntryKey, EntryRow, Step, Sums
from farthing.values.entries import Entry
from farthing.values.subscriptions import Subscription

PAGE: Final = 20_000
"""Positions that are read at a time."""

FOLLOWED_FROM: Final = 8_192
"""A wallet with more entries has rows of its own; of any other all entries are read, which takes a blink."""

UNUSABLE: Final = -1
"""The mark of a rollup that is being thrown away: its rows count for nothing."""

Stop = Callable[[], bool]


class SummedRow(NamedTuple):
    """One row of an answer: the bucket of its pieces, what it was told apart by, the currency, and the sums."""

    bucket: int
    told_apart: tuple[int | str, ...]
    currency: int
    sums: tuple[int, ...]


class Purchase(NamedTuple):
    """The last lot that was bought."""

    unit_id: int
    number: int
    amount: int
    cost_minor: int
    currency: int
    source: int


class Reader(Protocol):
    """Reads within one snapshot."""

    @property
    def mark(self) -> int:
        """The position up to which every entry is in the rollup; 0 where nothing is."""
        ...

    def list_positions(self, after: int, upto: int) -> list[EntryRow]:
        """Entries with `after < position <= upto`, in order."""
        ...

    def find_last_position(self) -> int:
        """The last position that can be seen."""
        ...

    def list_numbers(self, account_id: int, unit_id: int, after: int, upto: int) -> list[EntryRow]:
        """Entries of a wallet with `after < number <= upto`, in order."""
        ...

    def list_until(self, account_id: int, unit_id: int, position: int) -> list[EntryRow]:
        """Entries of a wallet up to a position, in order."""
        ...

    def find_followed(self, account_id: int, unit_id: int) -> int:
        """The number up to which a wallet's own rows have its entries; 0 if it has none."""
        ...

    def list_followed(self) -> dict[tuple[int, int], int]:
        """The same for every wallet that has rows of its own."""
        ...

    def sum_usage(self, wanted: Sums) -> list[SummedRow]:
        """Sums of usage; see `rollup_rows.USAGE`."""
        ...

    def sum_flow(self, wanted: Sums) -> list[SummedRow]:
        """Sums of flow; see `rollup_rows.FLOW`. It is not told apart."""
        ...

    def find_spans(self, table: str, account_id: int, unit_id: int, starts: Sequence[int]) -> list[tuple[int, int]]:
        """(first, last) entry of the rows that begin at these quarters of an hour, as `rollup_rows.SPAN` says."""
        ...

    def list_spans(self, table: str, quarters: Iterable[EntryKey]) -> dict[EntryKey, tuple[int, int]]:
        """The same for many at once, each (account, unit, start): its (first, last), where it has rows."""
        ...

    def iter_rows(self, table: str) -> Iterator[tuple[int, ...]]:
        """Every row of `usage`, `flow` or `basis`, in no order: its key, its sums, its span."""
        ...

    def find_bases(self, lots: Iterable[EntryKey]) -> dict[EntryKey, Basis]:
        """Those of these lots that money was paid for, as they stand at the mark."""
        ...

    def find_charges(self, entries: Iterable[EntryKey]) -> dict[EntryKey, Charge]:
        """What these entries say of what they were for."""
        ...

    def find_steps(self, account_ids: Iterable[int]) -> dict[int, list[Step]]:
        """The steps of these accounts' subscriptions, oldest first."""
        ...

    def list_steps(self, account_id: int) -> list[Subscription]:
        """The whole steps of one account's subscription, oldest first."""
        ...

    def find_entry(self, account_id: int, unit_id: int, number: int) -> Entry | None:
        """One entry."""
        ...

    def count_numbers(self, account_id: int, unit_id: int) -> int:
        """The number of a wallet's last entry; 0 without one."""
        ...

    def find_purchase(self, account_id: int, source: int) -> Purchase | None:
        """The last lot of an account that money was paid for, or that came from this source."""
        ...

    def find_keys(self, account_ids: Iterable[int]) -> dict[int, str]:
        """The keys of accounts."""
        ...


class RollupBook(Protocol):
    """The rollup of one store."""

    is_kept: bool
    """Whether there is one: a store without a disk has none, and all its answers come from entries."""

    def reading(self) -> AbstractContextManager[Reader]:
        """A snapshot to read in."""
        ...

    def find_limit(self, must_stop: Stop) -> int:
        """The position up to which nothing can come any more: what has one at or before it is there, for all to see.

        Waits for whoever writes at this moment. Gives the mark as it is if they take too long, or if told to stop.
        """
        ...

    def save(self, batch: Batch) -> bool:
        """Add a batch, and move the mark with it, in one commit. False, and nothing is done, if the mark stands
        elsewhere: another process was quicker."""
        ...

    def discard(self, must_stop: Stop, *, anew: bool = True) -> bool:
        """Throw all of it away, in small steps, and begin at nothing; with `anew=False` only end what was begun.
        Whether it got to the end."""
        ...


def find_known(reader: Reader, rows: Sequence[EntryRow], *, fresh: bool = False, with_plans: bool = True) -> Known:
    """What a fold of these entries must know. `fresh`: they begin with the wallet's first, so that every lot in them
    that money was paid for is made in them."""
    lots, debts, accounts = find_needs(rows)
    return Known(
        {} if fresh else reader.find_bases(lots),
        reader.find_charges(debts),
        reader.find_steps(accounts) if with_plans else {},
    )
