"""What a batch writes, sorted into the rows of each statement, new ones and changed ones: for every SQL dialect.

A statement must change as many rows as it was given; a row that is not there, or is there already, breaks a law.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, ClassVar, Final

from farthing.core.laws import break_law
from farthing.store.budget_book import BudgetBook
from farthing.store.contract import Changes, WalletKey
from farthing.store.name_book import NameBook
from farthing.store.needs import NAMED_IN_EFFECTS
from farthing.store.rows import RowKey
from farthing.store.wallet_rows import (
    Row,
    give_allowance,
    give_debt,
    give_hold,
    give_lot,
    give_standing,
    give_totals,
    pack_counters,
    take_tally,
)
from farthing.values.entries import EFFECT, Effect, Entry, unpack_effects
from farthing.values.wallets import Account, Allowance, Budget, Counter, Hold, Lot, Wallet

NAMING: Final = frozenset(
    {
        Effect.LOT_SET, Effect.HOLD_SET, Effect.DEBT_MADE, Effect.ALLOWANCE_SET, Effect.BUDGET_SET,
        Effect.SUBSCRIPTION_SET,
    }
)  # fmt: skip
"""Effects in which there may be a name."""

EFFECT_BYTES: Final = EFFECT.size
FEATURE, MODEL, QUANTITY = (Entry._fields.index(name) for name in ("feature", "model", "quantity"))
KEY: Final = Account._fields.index("key")
HOLD_CHANGES: Final = range(Hold._fields.index("deadline"), len(Hold._fields))
ALLOWANCE_CHANGES: Final = range(2, len(Allowance._fields))
BUDGET_CHANGES: Final = tuple(Budget._fields.index(name) for name in ("most", "is_hard", "ended_at"))
ONE_LOT_MOVED: Final = bytes([Effect.LOT_MOVED])


class Stored:
    """What a loader remembers of how the database is, which tells new rows from known ones."""

    def __init__(self) -> None:
        self.wallets: dict[WalletKey, Wallet] = {}
        """Wallets as they are in the database; one without entries has no row."""
        self.ended_lots: set[RowKey] = set()
        """Lots that were loaded though they had ended."""
        self.later_lots: dict[RowKey, Lot] = {}
        """Lots that were loaded after the first of their wallets."""
        self.tallies: set[RowKey] = set()
        """(account_id, unit_id, subject) of the rows of counters that there are, of those that were asked for."""
        self.subjects: dict[WalletKey, frozenset[int]] = {}
        """Of wallets of which all budgets are here, the subjects of which all counters are."""

    def note_later(self, key: WalletKey, lots: Iterable[Lot]) -> list[Lot]:
        """The same lots, which were loaded when a decision ran out of others."""
        noted = self.note_ended(key, lots)
        self.later_lots.update(((*key, lot.number), lot) for lot in noted)
        return noted

    def note_tallies(self, rows: Iterable[Row]) -> list[tuple[WalletKey, list[Counter]]]:
        """Counters with their wallets, from rows of account, unit, and `TALLY_COLUMNS`."""
        found = []
        for row in rows:
            key, subject = (row[0], row[1]), row[2]
            self.tallies.add((*key, subject))
            if subject not in self.subjects.get(key, (subject,)):
                self.subjects[key] |= {subject}
            found.append((key, take_tally(row[2:])))
        return found

    def recall_budgets(
        self, book: BudgetBook, subjects: Mapping[WalletKey, frozenset[int]]
    ) -> tuple[list[WalletKey], list[RowKey]]:
        """Give wallets what is remembered of their budgets and of these counters. Returns the wallets and the rows of
        counters of which it must be asked for."""
        unknown, uncounted, rows = list[WalletKey](), list[RowKey](), self.tallies
        for key, wanted in subjects.items():
            wallet = self.wallets[key]
            known = book.find(key, wallet.head)
            if known is None:
                unknown.append(key)
                missing = wanted
            else:
                wallet.budgets, wallet.counters = known.budgets, known.counters
                if not known.subjects <= wanted:
                    wallet.counters = {place: each for place, each in known.counters.items() if place[1] in wanted}
                for _, subject in wallet.counters:
                    rows.add((*key, subject))
                missing = wanted - known.subjects
            uncounted += [(*key, subject) for subject in missing]
            self.subjects[key] = wanted
        return unknown, uncounted

    def teach_budgets(self, book: BudgetBook) -> None:
        """Have it remembered what stands in each wallet, now that all of this is in the database for good."""
        book.learn((key, self.wallets[key], subjects) for key, subjects in self.subjects.items())

    def has_moved(self, place: RowKey, lot: Lot) -> bool:
        """Whether a lot ends at another instant than it did, or with another allowance."""
        wallet = self.wallets.get(place[:2])
        known = None if wallet is None else wallet.lots.get(lot.number)
        if known is None:
            known = self.later_lots.get(place)
        return known is not None and (known.expires_at, known.allowance) != (lot.expires_at, lot.allowance)

    def note_ended(self, key: tuple[int, ...], lots: Iterable[Lot]) -> list[Lot]:
        """The same lots, those that have ended noted."""
        noted = list(lots)
        self.ended_lots.update((key[0], key[1], lot.number) for lot in noted if lot.ended_at)
        return noted


class Saver(ABC):
    """Writes for one unit of work. `statements` has the dialect's own by their names."""

    statements: ClassVar[Any]

    def __init__(self, stored: Stored, names: NameBook) -> None:
        self.stored = stored
        self.names = names
        self.new_names: list[tuple[int, str]] = []
        """Names that the database has, once this is committed."""

    @abstractmethod
    def write(self, statement: Any, rows: Sequence[Row], changes: Changes) -> None:
        """Run a statement for every row. Raises `LawBroken` unless every one was there to be changed."""

    @abstractmethod
    def find_seq(self, key: WalletKey) -> int:
        """The last entry of a wallet that was not loaded; 0 if it has no row."""

    def save_rows(self, changes: Changes) -> None:
        """Write everything but entries, and names, which each dialect has its own way for."""
        self.save_notes(changes)
        self.save_accounts(changes)
        self.save_wallets(changes)
        self.save_lots(changes)
        self.save_holds(changes)
        self.save_rules(changes)
        self.save_tallies(changes)
        self.save_subscriptions(changes)
        self.stored.wallets.update(changes.wallets)

    def stored_seq(self, key: WalletKey) -> int:
        """The last stored entry of a wallet; 0 if it has no row."""
        known = self.stored.wallets.get(key)
        return self.find_seq(key) if known is None else known.seq

    def save_notes(self, changes: Changes) -> None:
        """What callers noted beside entries."""
        notes = [
            (account.shard, account.account_id, entry.unit_id, entry.number, *note)
            for account, entry, note in changes.notes
        ]
        self.write(self.statements.INSERT_NOTE, notes, changes)

    def save_accounts(self, changes: Changes) -> None:
        """Accounts: new ones have no stored entry of their own."""
        fresh: list[Row] = []
        known: list[Row] = []
        for account in changes.accounts.values():
            if self.stored_seq((account.account_id, 0)):
                row = (int(account.state), account.zone, account.clock, account.account_id, account.book, account.key)
                known.append(row)
            else:
                fresh.append((*account[:4], int(account.state), account.zone, account.clock))
        # In an order of their own: two servers that open the same accounts at once must not wait for each other.
        self.write(self.statements.INSERT_ACCOUNT, sorted(fresh, key=itemgetter(KEY)), changes)
        self.write(self.statements.UPDATE_ACCOUNT, known, changes)

    def save_wallets(self, changes: Changes) -> None:
        """The rows of wallets; what changes seldom only where it has changed."""
        fresh: list[Row] = []
        known: list[Row] = []
        moved: list[Row] = []
        for key, wallet in changes.wallets.items():
            stored = self.stored.wallets.get(key)
            if not self.stored_seq(key):
                fresh.append((wallet.account.shard, *key, *give_totals(wallet), *give_standing(wallet)))
            elif stored is not None and is_standing(stored, wallet):
                moved.append((*give_totals(wallet), *key))
            else:
                known.append((*give_totals(wallet), *give_standing(wallet), *key))
        self.write(self.statements.INSERT_WALLET, fresh, changes)
        self.write(self.statements.UPDATE_WALLET, known, changes)
        self.write(self.statements.UPDATE_TOTALS, moved, changes)

    def save_lots(self, changes: Changes) -> None:
        """Lots. One that lives on, as most do, is written without a look at the index of live lots; the end of one is
        written only where it has moved, since it stands in that index."""
        fresh: list[Row] = []
        living: list[Row] = []
        ending: list[Row] = []
        moved: list[Row] = []
        ended = self.stored.ended_lots
        for place, lot in changes.lots.items():
            if lot.number > self.stored_seq(place[:2]):
                fresh.append((self.find_shard(changes, place), *place[:2], *give_lot(lot)))
            elif self.stored.has_moved(place, lot):
                moved.append(
                    (lot.amount, lot.started, lot.remaining, lot.ended_at, lot.expires_at, lot.allowance, *place)
                )
            elif lot.ended_at or place in ended:
                ending.append((lot.amount, lot.started, lot.remaining, lot.ended_at, *place))
            else:
                living.append((lot.amount, lot.started, lot.remaining, *place))
            if lot.ended_at:
                ended.add(place)
        self.write(self.statements.INSERT_LOT, fresh, changes)
        self.write(self.statements.UPDATE_LIVE_LOT, living, changes)
        self.write(self.statements.UPDATE_LOT, ending, changes)
        self.write(self.statements.UPDATE_MOVED_LOT, moved, changes)

    def save_holds(self, changes: Changes) -> None:
        """Holds and debts."""
        sql = self.statements
        self.save_kind(changes, changes.holds, sql.INSERT_HOLD, sql.UPDATE_HOLD, give_hold, HOLD_CHANGES)
        self.save_kind(changes, changes.debts, sql.INSERT_DEBT, sql.UPDATE_DEBT, give_debt, (3, 4, 5))

    def save_rules(self, changes: Changes) -> None:
        """Allowances and budgets."""
        sql = self.statements
        if changes.allowances:
            insert, update = sql.INSERT_ALLOWANCE, sql.UPDATE_ALLOWANCE
            self.save_kind(changes, changes.allowances, insert, update, give_allowance, ALLOWANCE_CHANGES)
        if changes.budgets:
            self.save_kind(changes, changes.budgets, sql.INSERT_BUDGET, sql.UPDATE_BUDGET, tuple, BUDGET_CHANGES)

    def save_tallies(self, changes: Changes) -> None:
        """Counters, all of one subject in one row, written anew."""
        if not changes.counters:
            return
        fresh: list[Row] = []
        known: list[Row] = []
        stored = self.stored.tallies
        changed: dict[WalletKey, dict[int, list[Counter]]] = {}
        for account_id, unit_id, _, subject in changes.counters:
            changed.setdefault((account_id, unit_id), {})[subject] = []
        for key, counted in changed.items():
            wallet = changes.wallets[key]
            for (_, subject), counter in wallet.counters.items():
                if subject in counted:
                    counted[subject].append(counter)
            for subject, counters in counted.items():
                place = (*key, subject)
                if place in stored:
                    known.append((pack_counters(counters), *place))
                else:
                    fresh.append((wallet.account.shard, *place, pack_counters(counters)))
                    stored.add(place)
        self.write(self.statements.INSERT_TALLY, fresh, changes)
        self.write(self.statements.UPDATE_TALLY, known, changes)

    def save_subscriptions(self, changes: Changes) -> None:
        """Steps of subscriptions. The last one ends before the next is there: an account has one at a time."""
        fresh: list[Row] = []
        known: list[Row] = []
        for (account_id, number), step in changes.subscriptions.items():
            key = (account_id, 0)
            if number > self.stored_seq(key):
                fresh.append((changes.wallets[key].account.shard, account_id, *step))
            else:
                known.append((step.ended_at, account_id, number))
        self.write(self.statements.UPDATE_SUBSCRIPTION, known, changes)
        self.write(self.statements.INSERT_SUBSCRIPTION, fresh, changes)

    def save_kind(
        self,
        changes: Changes,
        kept: dict[tuple[int, int, int], Any],
        insert: Any,
        update: Any,
        give: Callable[[Any], Row],
        changing: Sequence[int],
    ) -> None:
        """Rows of one kind: new ones whole, known ones only the columns that change."""
        fresh: list[Row] = []
        known: list[Row] = []
        for place, value in kept.items():
            row = give(value)
            if value.number > self.stored_seq(place[:2]):
                fresh.append((self.find_shard(changes, place), *place[:2], *row))
            else:
                known.append((*[row[column] for column in changing], *place))
        self.write(insert, fresh, changes)
        self.write(update, known, changes)

    def find_shard(self, changes: Changes, place: tuple[int, int, int]) -> int:
        """The shard of the account that a row is in."""
        return changes.wallets[place[:2]].account.shard


def is_standing(stored: Wallet, wallet: Wallet) -> bool:
    """Whether nothing that changes seldom has changed."""
    counts = stored.recurring == wallet.recurring and stored.budgeted == wallet.budgeted
    return counts and stored.terms is wallet.terms


def refuse_missing(changed: int, wanted: int, changes: Changes) -> None:
    """Raises `LawBroken` unless as many rows were changed as should be."""
    if changed != wanted:
        wallet = next(iter(changes.wallets.values()))
        raise break_law(wallet, "every_row_is_there", f"{changed} of {wanted} rows were there to be changed")


def list_names(entries: Iterable[Entry]) -> set[int]:
    """The numbers of all names that entries use, as `needs.names_in` gives them, with few effects looked into."""
    numbers: set[int] = set()
    for entry in entries:
        numbers |= find_named(entry[FEATURE : FEATURE + 1] + entry[MODEL:QUANTITY], entry.effects)
    return numbers


def find_named(used: Iterable[Any], effects: bytes) -> set[int]:
    """The numbers of the names in an entry: those in its columns and those in its effects."""
    numbers = {number for number in used if number}
    kinds = effects[::EFFECT_BYTES]
    if kinds != ONE_LOT_MOVED and not NAMING.isdisjoint(kinds):
        for effect, _, key, value in unpack_effects(effects[: len(effects) // EFFECT_BYTES * EFFECT_BYTES]):
            if effect == Effect.DEBT_MADE and key:
                numbers.add(key)
            elif value and (effect, key) in NAMED_IN_EFFECTS:
                numbers.add(value)
    return numbers
