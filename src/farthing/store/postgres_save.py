"""What a batch writes to PostgreSQL: entries by COPY, or with the rest if they are few; the rest in one round trip."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from typing import Any, ClassVar, Final

import psycopg

from farthing.core.laws import break_law
from farthing.store import postgres_statements as sql
from farthing.store.contract import Changes, DecideAgain, WalletKey
from farthing.store.name_book import NameBook
from farthing.store.postgres_asking import Answer, Asking, Connection, answers, ask_alone, asking
from farthing.store.postgres_connections import Connections
from farthing.store.postgres_copying import Copying
from farthing.store.postgres_packing import pack_columns, pack_entry
from farthing.store.saving import Saver, Stored, list_names, refuse_missing
from farthing.store.wallet_rows import Row

COPY_FROM: Final = 8
"""From how many entries on COPY is worth a round trip of its own."""

CLASHES: Final = {"entry_key": "a_key_is_taken_once", "number_key": "numbers_without_gaps"}
"""The ends of constraints' names, and the laws that they hold."""


class PostgresSaver(Saver):
    """Writes for one unit of work."""

    statements: ClassVar[Any] = sql
    copies: ClassVar[bool] = True
    """Whether entries may go by COPY: one that a signal breaks off costs the connection."""

    def __init__(self, connection: Connection, stored: Stored, names: NameBook) -> None:
        super().__init__(stored, names)
        self.connection = connection
        self.sent: list[tuple[Answer, int]] = []
        self.asking: Asking | None = None
        self.copying = Copying(connection)
        self.seqs: dict[WalletKey, int] = {}
        self.copied = 0
        """How many of the batch's entries have been sent."""

    def save(self, changes: Changes) -> None:
        """Write all of it. Raises `LawBroken` if a row that is to be changed is not there, and `DecideAgain` if one
        that is to be made is there already: another server was first."""
        with self.noticing_clashes(changes):
            if self.copies and len(changes.entries) - self.copied >= COPY_FROM:
                self.send_entries(changes)
            self.end_copy()
            self.save_names(changes)
            self.sent = []
            self.seqs = {key: self.ask_seq(key) for key in list_wallets(changes) - self.stored.wallets.keys()}
            with asking(self.connection) as self.asking:
                for account, entry in changes.entries[self.copied :]:
                    one = self.asking.ask(sql.INSERT_ENTRY, account.shard, account.account_id, *entry)
                    self.sent.append((one, 1))
                self.save_rows(changes)
            for cursor, wanted in self.sent:
                refuse_missing(cursor.rowcount, wanted, changes)
            self.copied = 0

    def send_entries(self, changes: Changes) -> None:
        """Send the entries that have not been sent yet, in order, without waiting until they are in."""
        with self.noticing_clashes(changes):
            self.copying.send([pack_entry(account, entry) for account, entry in changes.entries[self.copied :]])
            self.copied = len(changes.entries)

    def end_copy(self) -> None:
        """Wait until what was sent is in: then other statements can be asked again."""
        self.copying.finish()

    def break_off(self) -> None:
        """Leave the connection in a state in which all of it can be undone."""
        with suppress(psycopg.Error):
            self.copying.finish()

    def write(self, statement: sql.Write, rows: Sequence[Row], changes: Changes) -> None:
        """Send a statement about all these rows."""
        if rows and self.asking is not None:
            self.sent.append((self.asking.ask(statement.text, *pack_columns(rows, statement.types)), len(rows)))

    def find_seq(self, key: WalletKey) -> int:
        """The last entry of a wallet that was not loaded; 0 if it has no row."""
        return self.seqs[key]

    def ask_seq(self, key: WalletKey) -> int:
        """The same from the database, which cannot be asked in the midst of an asking."""
        row = ask_alone(self.connection, sql.SEQ, *key).fetchone()
        return 0 if row is None else int(row[0])

    def save_names(self, changes: Changes) -> None:
        """The texts of names that these entries use and the database does not have yet. Two servers may write one at
        once: the second waits for the first, and leaves it at that."""
        unstored = self.names.list_unstored(list_names(entry for _, entry in changes.entries))
        if not unstored:
            return
        with asking(self.connection) as ask:
            found = ask.ask_each(sql.KNOWN_NAMES, [(number,) for number in unstored])
        known = answers(found)
        self.names.learn(known)
        missing = set(unstored) - {number for number, _ in known}
        fresh = [(number, text) for number in sorted(missing) if (text := self.names.find_text(number))]
        if fresh:
            with asking(self.connection) as ask:
                ask.ask(sql.INSERT_NAME.text, *pack_columns(fresh, sql.INSERT_NAME.types))
        self.new_names += [*known, *fresh]

    @contextmanager
    def noticing_clashes(self, changes: Changes) -> Iterator[None]:
        """A row that is there already may be another server's: then this is to be decided again. If that does not help,
        it breaks the law that callers are told of."""
        try:
            yield
        except psycopg.errors.UniqueViolation as error:
            constraint = error.diag.constraint_name or "a constraint"
            law = next((law for part, law in CLASHES.items() if constraint.endswith(part)), "every_row_is_new")
            problem = f"a row that this request makes is there already ({constraint})"
            raise DecideAgain(break_law(next(iter(changes.wallets.values())), law, problem)) from None


class JoinedSaver(PostgresSaver):
    """Writes in the caller's transaction; but names, on a connection of our own, at once and for good.

    Until the caller commits, a name that is new would hold up everyone else who uses it first. One that no entry uses
    in the end does no harm.
    """

    copies = False

    def __init__(self, connection: Connection, stored: Stored, names: NameBook, connections: Connections) -> None:
        super().__init__(connection, stored, names)
        self.connections = connections

    def save_names(self, changes: Changes) -> None:
        """The texts of names that the database does not have yet."""
        if self.names.list_unstored(list_names(entry for _, entry in changes.entries)):
            with self.connections.writing() as own:
                saver = PostgresSaver(own, Stored(), self.names)
                saver.save_names(changes)
            self.names.learn(saver.new_names, stored=True)


def list_wallets(changes: Changes) -> set[WalletKey]:
    """Every wallet of which something is written, and those in which accounts themselves are recorded."""
    rows: Iterable[tuple[int, ...]] = chain(
        changes.lots, changes.holds, changes.debts, changes.allowances, changes.budgets, changes.counters
    )
    return {
        *changes.wallets,
        *((row[0], row[1]) for row in rows),
        *((account_id, 0) for account_id in changes.accounts),
        *((account_id, 0) for account_id, _ in changes.subscriptions),
    }
