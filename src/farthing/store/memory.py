"""The memory store: dicts behind one lock, keeping `contract.py` as the SQL stores do, for tests and the laws.

A `Work` holds that lock, stages what it saves in tables of its own, and publishes them at `commit`. Readers never wait
for a work, only for the moment of publishing; shelves that were published stay as they are.
"""

import difflib
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

from farthing.core.burndown import place_lots
from farthing.store.contract import Due, History, WalletKey, WalletRecord, Work
from farthing.store.faults import Busy, ConnectionForeign, LedgerClosed, UnitChanged
from farthing.store.memory_tables import MemoryTables
from farthing.store.memory_work import MemoryWork
from farthing.store.needs import OWN_NAMES, hash_shard, names_in
from farthing.store.rollup_memory import MemoryRollup
from farthing.store.shelves import Tables
from farthing.values.amounts import Unit
from farthing.values.bounds import LONGEST_WAIT_SECONDS
from farthing.values.entries import Seal
from farthing.values.names import name_number
from farthing.values.requests import digest_note
from farthing.values.wallets import ACCOUNT_UNIT, Account, Wallet

URL = "memory://"


class MemoryStore(MemoryTables):
    """A store without a disk: what it knows ends with the process."""

    lanes = 1
    clock = None

    def __init__(self, seal: Seal | None = None, book: int = 1, url: str = URL, *, test: bool = False) -> None:
        super().__init__()
        self.seal = seal or Seal()
        self.book = book
        self.url = url
        self.is_test = test
        self.tables = Tables()
        self.known_units: dict[str, Unit] = {}
        self.fresh_names = {name_number(text): text for text in OWN_NAMES}
        self.lock = threading.Lock()
        self.reading = threading.Lock()
        self.closed = False

    def work(self, *, patient: bool = True) -> AbstractContextManager[Work]:
        """Begin a unit of work under the store's one lock. Raises `Busy` after the usual bound."""
        return self.lend_work()

    @contextmanager
    def lend_work(self) -> Iterator[Work]:
        self.refuse_closed()
        if not self.lock.acquire(timeout=LONGEST_WAIT_SECONDS):
            raise Busy(what="the memory store", seconds=LONGEST_WAIT_SECONDS)
        try:
            yield MemoryWork(self)
        finally:
            self.lock.release()

    def work_within(self, connection: object) -> AbstractContextManager[Work]:
        """Memory has no connections that one could join. Raises `ConnectionForeign`."""
        advice = "open the ledger on the database that the connection is to"
        raise ConnectionForeign(problem="cannot be joined by a ledger in memory", advice=advice)

    def refuse_closed(self) -> None:
        """Raise `LedgerClosed` once the store was closed."""
        if self.closed:
            raise LedgerClosed()

    @property
    def rollup(self) -> MemoryRollup:
        """Sums of entries, for reports."""
        return MemoryRollup(self)

    def units(self) -> dict[str, Unit]:
        """The units by name, in the order in which they were added."""
        return dict(self.known_units)

    def add_units(self, units: Sequence[Unit]) -> None:
        """Add units; a known name keeps its id and scale, and takes new digits. Raises `UnitChanged`."""
        with self.lock:
            for unit in units:
                known = self.known_units.get(unit.name)
                if known is not None and known.scale != unit.scale:
                    raise UnitChanged(unit=unit.name, scale=known.scale, wanted=unit.scale)
            for unit in units:
                known = self.known_units.get(unit.name)
                unit_id = len(self.known_units) + 1 if known is None else known.unit_id
                self.known_units[unit.name] = unit._replace(unit_id=unit_id)

    def find_unit(self, unit_id: int) -> Unit | None:
        """A unit by its id; 0 is the account's own."""
        if not unit_id:
            return ACCOUNT_UNIT
        return next((unit for unit in self.known_units.values() if unit.unit_id == unit_id), None)

    def intern_name(self, text: str) -> int:
        """The number of a name; the text is stored with the first entry that uses it."""
        number = name_number(text)
        if number not in self.tables.names:
            self.fresh_names[number] = text
        return number

    def name_text(self, number: int) -> str:
        """The text of a name's number; empty for 0 and for one never heard of."""
        return self.tables.names.get(number) or self.fresh_names.get(number, "")

    def find_account(self, key: str) -> Account | None:
        """An account by its key."""
        with self.reading:
            account_id = self.tables.ids.get(key)
            return None if account_id is None else self.tables.accounts[account_id]

    def nearest_accounts(self, key: str, most: int = 3) -> list[str]:
        """Keys that look like this one."""
        with self.reading:
            keys = list(self.tables.ids)
        return difflib.get_close_matches(key, keys, most)

    def read_wallet(self, account: Account, unit: Unit, unexpired_at: int | None = None) -> Wallet:
        """A wallet, whole, as last published; a new one if it has no row yet."""
        self.refuse_closed()
        with self.reading:
            shelf = self.tables.shelves.get((account.account_id, unit.unit_id))
            if shelf is None:
                return Wallet(account, unit, self.seal.begin(account, unit))
            wallet = shelf.take_whole(self.tables.accounts[account.account_id])
            if unexpired_at is not None:
                place_lots(wallet, [lot for lot in shelf.lots.values() if lot.expires_at > unexpired_at])
            return wallet

    def read_wallets(self, account: Account) -> list[Wallet]:
        """Every wallet of the account but that of unit 0, whole, by unit id."""
        self.refuse_closed()
        with self.reading:
            tables, account_id = self.tables, account.account_id
            units = sorted(unit for unit in tables.units.get(account_id, ()) if unit)
            return [tables.shelves[account_id, unit].take_whole(tables.accounts[account_id]) for unit in units]

    def list_history(
        self,
        account: Account | None,
        unit_id: int | None,
        feature: int | None,
        before: int | None,
        most: int,
        kinds: tuple[int, ...] | None = None,
    ) -> list[tuple[int, History]]:
        """Entries newest first, each with its position, counted from 1."""
        self.refuse_closed()
        with self.reading:
            tables = self.tables
            page: list[tuple[int, History]] = []
            position = len(tables.journal) if before is None else min(before - 1, len(tables.journal))
            while position > 0 and len(page) < most:
                account_id, unit, number = tables.journal[position - 1]
                if (account is None or account.account_id == account_id) and unit_id in (None, unit):
                    entry = tables.shelves[account_id, unit].entries[number - 1]
                    if feature in (None, entry.feature) and (kinds is None or entry.kind in kinds):
                        note = tables.notes.get((account_id, unit, number))
                        page.append((position, History(tables.accounts[account_id], entry, note and note.body)))
                position -= 1
            return page

    def iter_records(self) -> Iterator[WalletRecord]:
        """Every wallet with its entries, as of one moment, by account and unit."""
        self.refuse_closed()
        with self.reading:
            accounts, shelves = self.tables.accounts.copy(), sorted(self.tables.shelves.items())
            subscriptions = sorted(self.tables.subscriptions.items())
        for (account_id, unit_id), shelf in shelves:
            wallet = shelf.take_whole(accounts[account_id])
            yield WalletRecord(
                wallet, iter(shelf.entries[: shelf.row.seq]),
                list(shelf.lots.values()), list(shelf.holds.values()), list(shelf.debts.values()),
                list(shelf.allowances.values()), list(shelf.budgets.values()), list(shelf.counters.values()),
                [step for (owner, _), step in subscriptions if owner == account_id and not unit_id],
            )  # fmt: skip

    def list_due(self, now: int, after: WalletKey | None, most: int) -> list[Due]:
        """Wallets in which something may be due, by account and unit."""
        self.refuse_closed()
        with self.reading:
            accounts, units = self.tables.accounts, {unit.unit_id: unit for unit in self.known_units.values()}
            keys = sorted(key for key in self.tables.shelves if after is None or key > after)
            due: list[Due] = []
            for key in keys:
                account = accounts[key[0]]
                if key[1] in units and self.tables.shelves[key].row.next_due <= (account.clock or now):
                    due.append(Due(account.key, units[key[1]], key))
                if len(due) == most:
                    break
            return due

    def count_wallets(self) -> int:
        """Wallets in all."""
        return len(self.tables.shelves)

    def count_entries(self) -> int:
        """Entries in all."""
        return len(self.tables.journal)

    def find_oddities(self) -> Iterator[tuple[str, str]]:
        """What no wallet vouches for: accounts without a first entry, names without text, notes that do not match."""
        with self.reading:
            tables = self.tables
            accounts, shelves, notes = tables.accounts.copy(), tables.shelves.copy(), tables.notes.copy()
            names = tables.names.copy()
        for account_id, account in accounts.items():
            if (account_id, 0) not in shelves:
                yield f"account {account.key}", "has no entry that opened it"
            if account.shard != hash_shard(account.key):
                yield f"account {account.key}", f"is in shard {account.shard}, and belongs in {hash_shard(account.key)}"
        for (account_id, unit, number), note in notes.items():
            entry = shelves[account_id, unit].find_entry(number)
            if entry is None or entry.note_digest != digest_note(*note):
                yield f"note of account {account_id}, unit {unit}, entry {number}", "is not the one that was sealed"
        for (account_id, unit), shelf in shelves.items():
            for number in sorted(names_in(shelf.entries[: shelf.row.seq]) - names.keys()):
                yield f"name {number}", f"is used in account {account_id}, unit {unit}, and has no text"
        yield from self.find_table_oddities()

    def publish(self, own: Tables) -> None:
        """Let readers see what a unit of work wrote, all at once."""
        with self.reading:
            self.tables.publish(own)

    def after_fork(self) -> None:
        """Forget locks that threads of the parent held."""
        self.lock, self.reading, self.writing = threading.Lock(), threading.Lock(), threading.Lock()

    def close(self) -> None:
        """Refuse everything from now on."""
        self.closed = True
