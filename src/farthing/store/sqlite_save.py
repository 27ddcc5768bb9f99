"""What a batch writes to SQLite: one statement for all rows of a kind, which must change as many as it was given."""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any, Final

from farthing.core.entries import EFFECT, FIRST_DIGEST, FIRST_USAGE, NO_USAGE, Effect, Entry, unpack_effects
from farthing.core.errors import LawBroken
from farthing.core.laws import break_law
from farthing.core.wallets import Account
from farthing.store import sqlite_statements as sql
from farthing.store.contract import Changes, WalletKey
from farthing.store.name_book import NameBook
from farthing.store.needs import NAMED_IN_EFFECTS
from farthing.store.sqlite_load import Loader
from farthing.store.wallet_rows import Row, give_debt, give_hold, give_lot, give_totals

NAMING: Final = frozenset({Effect.LOT_SET, Effect.HOLD_SET, Effect.DEBT_MADE})
"""Effects in which there may be a name."""

EFFECT_BYTES: Final = EFFECT.size
FEATURE, MODEL, QUANTITY = (Entry._fields.index(name) for name in ("feature", "model", "quantity"))
USAGE, DIGEST, NOTE = FIRST_USAGE, FIRST_DIGEST, Entry._fields.index("note_digest")
ONE_LOT_MOVED: Final = bytes([Effect.LOT_MOVED])


class Saver:
    """Writes for one unit of work."""

    def __init__(self, cursor: sqlite3.Cursor, loader: Loader, names: NameBook) -> None:
        self.cursor = cursor
        self.loader = loader
        self.names = names
        self.new_names: list[tuple[int, str]] = []
        """Names that the database has, once this is committed."""

    def save(self, changes: Changes) -> None:
        """Write all of it. Raises `LawBroken`; then none of it may be committed."""
        try:
            self.save_entries(changes)
            self.save_accounts(changes)
            self.save_wallets(changes)
            self.save_lots(changes)
            self.save_rows(changes)
            self.save_names(changes)
        except sqlite3.IntegrityError:
            raise find_clash(self.cursor, changes) from None
        self.loader.stored.update(changes.wallets)

    def write(self, statement: str, rows: Sequence[Row], changes: Changes) -> None:
        """Run a statement for every row. Raises `LawBroken` unless every one was there to be changed."""
        if rows:
            changed = self.cursor.executemany(statement, rows).rowcount
            if changed != len(rows):
                wallet = next(iter(changes.wallets.values()))
                problem = f"{changed} of {len(rows)} rows were there to be changed"
                raise break_law(wallet, "every_row_is_there", problem)

    def stored_seq(self, key: WalletKey) -> int:
        """The last stored entry of a wallet; 0 if it has no row."""
        known = self.loader.stored.get(key)
        if known is not None:
            return known.seq
        row = self.cursor.execute(sql.SEQ, key).fetchone()
        return 0 if row is None else int(row[0])

    def save_entries(self, changes: Changes) -> None:
        """Entries, in order, and their notes."""
        for is_short, pairs in groupby(changes.entries, is_unsaid):
            if is_short:
                rows = [(a.shard, a.account_id, *e[:USAGE], *e[DIGEST:NOTE], *e[NOTE + 1 :]) for a, e in pairs]
                self.write(sql.INSERT_SHORT_ENTRY, rows, changes)
            else:
                rows = [(account.shard, account.account_id, *entry) for account, entry in pairs]
                self.write(sql.INSERT_ENTRY, rows, changes)
        notes = [
            (account.shard, account.account_id, entry.unit_id, entry.number, *note)
            for account, entry, note in changes.notes
        ]
        self.write(sql.INSERT_NOTE, notes, changes)

    def save_accounts(self, changes: Changes) -> None:
        """Accounts: new ones have no stored entry of their own."""
        fresh: list[Row] = []
        known: list[Row] = []
        for account in changes.accounts.values():
            if self.stored_seq((account.account_id, 0)):
                row = (int(account.state), account.zone, account.account_id, account.book, account.key)
                known.append(row)
            else:
                fresh.append((*account[:4], int(account.state), account.zone))
        self.write(sql.INSERT_ACCOUNT, fresh, changes)
        self.write(sql.UPDATE_ACCOUNT, known, changes)

    def save_wallets(self, changes: Changes) -> None:
        """The rows of wallets; terms only where they have changed."""
        fresh: list[Row] = []
        known: list[Row] = []
        moved: list[Row] = []
        for key, wallet in changes.wallets.items():
            stored = self.loader.stored.get(key)
            if not self.stored_seq(key):
                fresh.append((wallet.account.shard, *key, *give_totals(wallet), *wallet.terms))
            elif stored is not None and stored.terms is wallet.terms:
                moved.append((*give_totals(wallet), *key))
            else:
                known.append((*give_totals(wallet), *wallet.terms, *key))
        self.write(sql.INSERT_WALLET, fresh, changes)
        self.write(sql.UPDATE_WALLET, known, changes)
        self.write(sql.UPDATE_TOTALS, moved, changes)

    def save_lots(self, changes: Changes) -> None:
        """Lots. One that lives on, as most do, is written without a look at the index of live lots."""
        fresh: list[Row] = []
        living: list[Row] = []
        ending: list[Row] = []
        ended = self.loader.ended_lots
        for place, lot in changes.lots.items():
            if lot.number > self.stored_seq(place[:2]):
                fresh.append((self.find_shard(changes, place), *place[:2], *give_lot(lot)))
            elif lot.ended_at or place in ended:
                ending.append((lot.amount, lot.started, lot.remaining, lot.ended_at, *place))
            else:
                living.append((lot.amount, lot.started, lot.remaining, *place))
            if lot.ended_at:
                ended.add(place)
        self.write(sql.INSERT_LOT, fresh, changes)
        self.write(sql.UPDATE_LIVE_LOT, living, changes)
        self.write(sql.UPDATE_LOT, ending, changes)

    def save_rows(self, changes: Changes) -> None:
        """Holds and debts."""
        self.save_kind(changes, changes.holds, sql.INSERT_HOLD, sql.UPDATE_HOLD, give_hold, (6, 7, 8, 9, 10, 11))
        self.save_kind(changes, changes.debts, sql.INSERT_DEBT, sql.UPDATE_DEBT, give_debt, (3, 4, 5))

    def save_kind(
        self,
        changes: Changes,
        kept: dict[tuple[int, int, int], Any],
        insert: str,
        update: str,
        give: Callable[[Any], Row],
        changing: tuple[int, ...],
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

    def save_names(self, changes: Changes) -> None:
        """The texts of names that these entries use and the database does not have yet."""
        unstored = self.names.list_unstored(list_names(entry for _, entry in changes.entries))
        if not unstored:
            return
        known = sql.ask(self.cursor, sql.KNOWN_NAMES, [(number,) for number in unstored])
        self.names.learn(known)
        missing = set(unstored) - {number for number, _ in known}
        fresh = [(number, text) for number in sorted(missing) if (text := self.names.find_text(number))]
        self.write(sql.INSERT_NAME, fresh, changes)
        self.new_names += [*known, *fresh]


def is_unsaid(pair: tuple[Account, Entry]) -> bool:
    """Whether the caller said nothing about an entry, and noted nothing."""
    entry = pair[1]
    return entry[USAGE:DIGEST] == NO_USAGE and entry[NOTE] is None


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
            elif (effect, key) in NAMED_IN_EFFECTS:
                numbers.add(value)
    return numbers


def find_clash(cursor: sqlite3.Cursor, changes: Changes) -> LawBroken:
    """What to say when a row was there already: whose it is, and why it cannot be."""
    for account, entry in changes.entries:
        wallet = changes.wallets[account.account_id, entry.unit_id]
        if is_taken(cursor, account, entry):
            return break_law(wallet, "a_key_is_taken_once", f"entry {entry.number} takes a key that another has")
        if entry.number <= find_last(cursor, account, entry):
            return break_law(wallet, "numbers_without_gaps", f"entry {entry.number} is there already")
    wallet = next(iter(changes.wallets.values()))
    return break_law(wallet, "every_row_is_new", "a row that this request makes is there already")


def is_taken(cursor: sqlite3.Cursor, account: Account, entry: Entry) -> bool:
    """Whether the key of an entry is another entry's."""
    if entry.key_digest is None:
        return False
    found = sql.ask(cursor, sql.TAKEN_KEYS, [(account.account_id, entry.key_digest)])
    return any(row[2:] != (entry.lead_unit, entry.lead_number) for row in found)


def find_last(cursor: sqlite3.Cursor, account: Account, entry: Entry) -> int:
    """The number of the last entry of a wallet that this unit of work did not write itself."""
    row = cursor.execute(sql.SEQ, (account.account_id, entry.unit_id)).fetchone()
    return 0 if row is None else int(row[0])
