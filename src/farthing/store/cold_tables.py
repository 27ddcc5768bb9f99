"""What a store has beside its wallets, read and written the same way in every SQL dialect: subscriptions to look at,
catalogs, claims, lists of accounts. None of it is in the way of a charge.

Statements are written as SQLite has them. A unary plus keeps a planner without statistics from an index that would give
the order, and read everything.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Final

from farthing.store import claiming
from farthing.store.claiming import Ask, make_claims, name_locks, take_claim
from farthing.store.contract import Claim, NewClaim, StoredCatalog
from farthing.store.sqlite_statements import list_columns
from farthing.store.versions import PREFIX as P
from farthing.store.wallet_rows import ACCOUNT_COLUMNS, SUBSCRIPTION_COLUMNS, Row, take_account
from farthing.values.bounds import NEVER
from farthing.values.entries import Entry
from farthing.values.requests import Place
from farthing.values.subscriptions import Subscription
from farthing.values.wallets import Account, AccountState

ACCOUNT: Final = list_columns(ACCOUNT_COLUMNS, "a")
STEP: Final = list_columns(SUBSCRIPTION_COLUMNS, "r")
OF_ACCOUNT: Final = f"{P}account AS a ON a.account_id = r.account_id"

ENTRY: Final = (
    f"SELECT {list_columns(Entry._fields, 'r')} FROM {P}entry AS r CROSS JOIN {OF_ACCOUNT}"
    " WHERE r.account_id = ? AND r.unit_id = ? AND r.number = ? AND a.book = ? AND a.shard = ?"
)
ACCOUNTS: Final = f"SELECT {ACCOUNT} FROM {P}account AS a WHERE a.account_id > ? AND +a.book = ?"
UNSUBSCRIBED: Final = f" AND NOT EXISTS (SELECT 1 FROM {P}subscription AS s WHERE s.account_id = a.account_id)"
LAST_STEP: Final = f"SELECT {STEP} FROM {P}subscription AS r WHERE r.account_id = ? AND r.ended_at = 0"
STEPS: Final = f"SELECT {STEP} FROM {P}subscription AS r WHERE r.account_id = ? ORDER BY r.number"
IS_OPEN: Final = f" AND a.state <> {int(AccountState.CLOSED)}"
"""Of an account that was closed nothing becomes any more, so no job need see it and no plan need be kept for it."""
ACTING: Final = (
    f"SELECT {ACCOUNT}, {STEP} FROM {P}subscription AS r CROSS JOIN {OF_ACCOUNT}"
    f" WHERE r.ended_at = 0 AND {{}} AND +r.account_id > ? AND a.book = ?{IS_OPEN} ORDER BY +r.account_id LIMIT ?"
)
ACTING_LIVE: Final = ACTING.format("r.acts_at <= ?")
ACTING_TEST: Final = ACTING.format("r.acts_at <= CASE a.clock WHEN 0 THEN ? ELSE a.clock END")
SUBSCRIBERS: Final = (
    f"SELECT r.plan, r.next_plan, r.fallback, count(*) FROM {P}subscription AS r CROSS JOIN {OF_ACCOUNT}"
    f" WHERE r.ended_at = 0 AND a.book = ?{IS_OPEN} GROUP BY r.plan, r.next_plan, r.fallback"
)

CATALOG: Final = f"SELECT c.version, c.digest, c.document, c.published_at FROM {P}catalog AS c"
CATALOGS: Final = f"{CATALOG} WHERE c.book = ? ORDER BY c.version"
CATALOG_OF_VERSION: Final = f"{CATALOG} WHERE c.book = ? AND c.version = ?"
CURRENT_CATALOG: Final = f"{CATALOG} JOIN {P}book AS b ON b.book = c.book AND b.catalog = c.version WHERE b.book = ?"
VERSION_OF_DIGEST: Final = f"SELECT version FROM {P}catalog WHERE book = ? AND digest = ?"
NEXT_VERSION: Final = f"SELECT coalesce(max(version), 0) + 1 FROM {P}catalog WHERE book = ?"
ADD_CATALOG: Final = f"INSERT INTO {P}catalog (book, version, digest, document, published_at) VALUES (?, ?, ?, ?, ?)"
SET_CATALOG: Final = f"UPDATE {P}book SET catalog = ? WHERE book = ?"

FEW: Final = 0x66617274_68696E68
"""The lock under which rows are added that are numbered by what is there: books, units, catalogs."""


class ColdTables(ABC):
    """The methods of `contract.Store` that every SQL dialect has in common; `ask` and `changing` are the dialect's."""

    book: int
    is_test: bool

    @abstractmethod
    def ask(self, text: str, *values: Any) -> list[Row]:
        """The answer to a statement that only reads, as of one moment."""

    @abstractmethod
    def changing(self, locks: Sequence[int]) -> AbstractContextManager[Ask]:
        """A transaction that writes, after these locks of the database are taken, in their order. It is durable once
        the block is left, and undone if that is by an error."""

    def read_entry(self, place: Place) -> Entry | None:
        """The entry at a place, if this book has one there."""
        rows = self.ask(ENTRY, place.account_id, place.unit_id, place.number, self.book, place.shard)
        return Entry._make(rows[0]) if rows else None

    def list_accounts(self, after: int | None, most: int, *, unsubscribed: bool = False) -> list[Account]:
        """Accounts by their ids."""
        text = f"{ACCOUNTS}{UNSUBSCRIBED if unsubscribed else ''} ORDER BY a.account_id LIMIT ?"
        return [take_account(row) for row in self.ask(text, begin_after(after), self.book, most)]

    def read_subscription(self, account: Account) -> Subscription | None:
        """The last step of an account's subscription."""
        rows = self.ask(LAST_STEP, account.account_id)
        return Subscription._make(rows[0]) if rows else None

    def list_subscriptions(self, account: Account) -> list[Subscription]:
        """Every step, oldest first."""
        return [Subscription._make(row) for row in self.ask(STEPS, account.account_id)]

    def list_acting(self, now: int, after: int | None, most: int) -> list[tuple[Account, Subscription]]:
        """Last steps of which `acts_at` has come."""
        rows = self.ask(ACTING_TEST if self.is_test else ACTING_LIVE, now, begin_after(after), self.book, most)
        split = len(ACCOUNT_COLUMNS)
        return [(take_account(row[:split]), Subscription._make(row[split:])) for row in rows]

    def count_subscribers(self) -> dict[str, int]:
        """Accounts by the plans that they have, chose, or fall back to."""
        counts: dict[str, int] = {}
        for *plans, count in self.ask(SUBSCRIBERS, self.book):
            for plan in {plan for plan in plans if plan}:
                counts[plan] = counts.get(plan, 0) + count
        return counts

    def publish_catalog(self, digest: bytes, document: str, at: int) -> int:
        """Make a catalog the current one; returns its version."""
        with self.changing([FEW]) as ask:
            rows = ask(VERSION_OF_DIGEST, self.book, digest)
            version = int((rows or ask(NEXT_VERSION, self.book))[0][0])
            if not rows:
                ask(ADD_CATALOG, self.book, version, digest, document, at)
            ask(SET_CATALOG, version, self.book)
        return version

    def read_catalog(self, version: int | None = None) -> StoredCatalog | None:
        """A catalog by its version, or the current one."""
        if version is None:
            rows = self.ask(CURRENT_CATALOG, self.book)
        else:
            rows = self.ask(CATALOG_OF_VERSION, self.book, version)
        return StoredCatalog._make(rows[0]) if rows else None

    def list_catalogs(self) -> list[StoredCatalog]:
        """Every catalog of this book, oldest first."""
        return [StoredCatalog._make(row) for row in self.ask(CATALOGS, self.book)]

    def claim(self, wanted: Sequence[NewClaim], at: int) -> list[Claim]:
        """Make these claims, all or none. Raises `CodeSpent`, `AlreadyRedeemed`."""
        with self.changing(name_locks(self.book, wanted)) as ask:
            return make_claims(ask, self.book, wanted, at)

    def finish_claim(self, claim_id: int, at: int) -> None:
        """Say that what was claimed has been granted."""
        with self.changing([]) as ask:
            ask(claiming.FINISH_CLAIM, at, self.book, claim_id)

    def list_open_claims(self, before: int, most: int) -> list[Claim]:
        """The oldest claims that were made before then and are not finished."""
        return [take_claim(row) for row in self.ask(claiming.OPEN_CLAIMS, self.book, before, most)]

    def list_claims(self, account: str) -> list[Claim]:
        """Every claim of an account, oldest first."""
        return [take_claim(row) for row in self.ask(claiming.CLAIMS_OF_ACCOUNT, self.book, account)]

    def count_claims(self, campaign: str, code: str, role: str = "own") -> int:
        """How often a code was claimed in a role."""
        return int(self.ask(claiming.OF_CODE, self.book, campaign, code, role)[0][0])


def begin_after(after: int | None) -> int:
    """The account id after which a list begins."""
    return -NEVER - 1 if after is None else after
