"""What a batch writes to SQLite: one statement for all rows of a kind, which must change as many as it was given."""

import sqlite3
from collections.abc import Sequence
from itertools import groupby
from typing import Any, ClassVar

from farthing.core.laws import break_law
from farthing.store import sqlite_statements as sql
from farthing.store.contract import Changes, WalletKey
from farthing.store.name_book import NameBook
from farthing.store.saving import Saver, Stored, list_names, refuse_missing
from farthing.store.wallet_rows import Row
from farthing.values.entries import FIRST_DIGEST, FIRST_USAGE, NO_USAGE, Entry
from farthing.values.errors import LawBroken
from farthing.values.wallets import Account

USAGE, DIGEST, NOTE = FIRST_USAGE, FIRST_DIGEST, Entry._fields.index("note_digest")


class SqliteSaver(Saver):
    """Writes for one unit of work."""

    statements: ClassVar[Any] = sql

    def __init__(self, cursor: sqlite3.Cursor, stored: Stored, names: NameBook) -> None:
        super().__init__(stored, names)
        self.cursor = cursor

    def save(self, changes: Changes) -> None:
        """Write all of it. Raises `LawBroken`; then none of it may be committed."""
        try:
            self.save_entries(changes)
            self.save_rows(changes)
            self.save_names(changes)
        except sqlite3.IntegrityError:
            raise find_clash(self.cursor, changes) from None

    def write(self, statement: str, rows: Sequence[Row], changes: Changes) -> None:
        """Run a statement for every row. Raises `LawBroken` unless every one was there to be changed."""
        if rows:
            refuse_missing(self.cursor.executemany(statement, rows).rowcount, len(rows), changes)

    def find_seq(self, key: WalletKey) -> int:
        """The last entry of a wallet that was not loaded; 0 if it has no row."""
        row = self.cursor.execute(sql.SEQ, key).fetchone()
        return 0 if row is None else int(row[0])

    def save_entries(self, changes: Changes) -> None:
        """Entries, in order."""
        for is_short, pairs in groupby(changes.entries, is_unsaid):
            if is_short:
                rows = [(a.shard, a.account_id, *e[:USAGE], *e[DIGEST:NOTE], *e[NOTE + 1 :]) for a, e in pairs]
                self.write(sql.INSERT_SHORT_ENTRY, rows, changes)
            else:
                rows = [(account.shard, account.account_id, *entry) for account, entry in pairs]
                self.write(sql.INSERT_ENTRY, rows, changes)

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
