"""What the engine asks of a store, and what it may rely on. Memory, SQLite and PostgreSQL keep the same contract.

A `Work` is one unit of work under the locks of what it loaded: load, decide (elsewhere), save, commit. Until `commit`
returns nothing is promised; after it returns everything is durable. Stores decide nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from farthing.store.rollup import RollupBook
from farthing.values.amounts import Unit
from farthing.values.entries import Entry, Seal
from farthing.values.errors import FarthingError
from farthing.values.requests import Note, Place, Request
from farthing.values.subscriptions import Subscription
from farthing.values.wallets import Account, Allowance, Budget, Counter, Debt, Hold, Lot, Wallet

WalletKey = tuple[int, int]
"""(account_id, unit_id)."""

LeadKey = tuple[int, int, int]
"""(account_id, lead_unit, lead_number): a receipt, a hold; or what a grant is found by."""


class CommitUnknown(Exception):
    """The database went away around the commit: only looking the keys up, on a fresh connection, tells whether it took.

    For the engine alone; what a caller may see of it is `OutcomeUnknown`, with the cause that is given here, if any.
    """


class DecideAgain(Exception):
    """What was read holds no longer, and nothing was written: another server took the key or opened the account first,
    the database undid this work to end a deadlock, or the connection broke before the commit. For the engine alone: it
    does all of it again in a new unit of work, and tells its callers `instead` if that fails too often.
    """

    def __init__(self, instead: FarthingError) -> None:
        super().__init__(str(instead))
        self.instead = instead


class Clock(Protocol):
    """Says what time it is."""

    is_frozen: bool
    """Whether it stands still until told: for test books only."""

    def now(self) -> int:
        """This instant in microseconds. Raises `ClockDisagrees`."""
        ...


@dataclass(slots=True)
class Loaded:
    """Everything that the requests of a batch can read.

    - `accounts`: by key and by id. A key that a request may open and nobody has is there with state NEW and an id
      already allotted (in a test book with its clock at `now`); it is written only if `save` is given it. Unknown
      others are missing.
    - `wallets`: one for every unit that a request names, and every unit of the holds and charges that it names; of an
      account that is NEW or to be opened, unit 0 too. A wallet that has no row yet is a new `Wallet`.
      Partly loaded (see `Wallet`), unless something is due by its account's clock (`now`, where that runs), or it
      has few lots and no allowance: then whole. Allowances come only where something is due, or everything is wanted.
      With it come: open holds under the names that Hold requests ask for, the named hold's part and the lots of its
      draws, the named grant's lot, for a refund the lots and debts in the effects of the entries in `past` and the
      lots that paid those debts; for SetUsed, ResetUsed, Advance and whatever is about an allowance everything, and
      every lot that has not expired. For Together all of that for each of its units, and in unit 0 the account's last
      `subscription`.
      Where it has budgets, or is to get one: every live budget, and the counters of subject 0, of the subjects that
      requests for its account name, that loaded holds reserve from, and that the entries in `past` have spent.
    - `replays`: (account_id, key digest) → the entries of the receipt that took this key, as they were written.
    - `past`: the place a Refund names → the entries of that receipt, and then all that say `of_number` = the charge
      (for a hold, or the settle of one: the hold's number), in every unit, by unit and number. The grant that a
      Clawback names → the receipt that it leads, if it leads one, and then all that say `of_number` = the grant.
    - `hold_units`: hold → the units of its parts, lead first.
    - `aside`: whose account somebody else has locked, as `needs.name_owner` names it for each request. Nothing else is
      here of those, and their requests must wait. Only an impatient unit of work has any.
    """

    accounts: dict[str | int, Account] = field(default_factory=dict)
    wallets: dict[WalletKey, Wallet] = field(default_factory=dict)
    replays: dict[tuple[int, bytes], list[Entry]] = field(default_factory=dict)
    past: dict[LeadKey, list[Entry]] = field(default_factory=dict)
    hold_units: dict[LeadKey, tuple[int, ...]] = field(default_factory=dict)
    aside: set[str | int] = field(default_factory=set)


@dataclass(slots=True)
class Changes:
    """What a batch changed: the last state of each row, by (account_id, unit_id, number), and every new entry in
    order."""

    accounts: dict[int, Account] = field(default_factory=dict)
    wallets: dict[WalletKey, Wallet] = field(default_factory=dict)
    lots: dict[tuple[int, int, int], Lot] = field(default_factory=dict)
    holds: dict[tuple[int, int, int], Hold] = field(default_factory=dict)
    debts: dict[tuple[int, int, int], Debt] = field(default_factory=dict)
    allowances: dict[tuple[int, int, int], Allowance] = field(default_factory=dict)
    budgets: dict[tuple[int, int, int], Budget] = field(default_factory=dict)
    counters: dict[tuple[int, int, int, int], Counter] = field(default_factory=dict)
    """(account_id, unit_id, budget, subject). All others of the same subject are in the wallet here."""
    subscriptions: dict[tuple[int, int], Subscription] = field(default_factory=dict)
    """(account_id, number): the new step, and the one before it, which has ended."""
    entries: list[tuple[Account, Entry]] = field(default_factory=list)
    notes: list[tuple[Account, Entry, Note]] = field(default_factory=list)


class Work(Protocol):
    """One unit of work."""

    def load(self, requests: Sequence[Request], now: int) -> Loaded:
        """Lock and read what these requests concern."""
        ...

    def load_whole(self, wallet: Wallet) -> Wallet:
        """The same wallet with all that the store has of it (`widen_wallet`); of counters those that holds reserve
        from, beside what it has already."""
        ...

    def send_early(self, changes: Changes) -> None:
        """Entries once decided stay: those that are there already may be sent, so that the database works on them
        while the rest of the batch is decided. Nothing need be done; `save` sends what is left."""
        ...

    def save(self, changes: Changes) -> None:
        """Write all of it; every statement must report the number of rows that it should."""
        ...

    def stop_wallet(self, key: WalletKey) -> None:
        """Mark a wallet in which a law broke: nothing moves in it until an operator has looked."""
        ...

    def commit(self) -> None:
        """Make it durable. Raises `CommitUnknown` when nobody can say whether it is."""
        ...


class History(NamedTuple):
    """One entry as it is listed, with whose it is and its note's body, if it has one that was not erased."""

    account: Account
    entry: Entry
    note: bytes | None


class WalletRecord(NamedTuple):
    """Everything that is stored of one wallet, for `verify`: the row as loaded whole, ended rows too, its entries."""

    wallet: Wallet
    entries: Iterator[Entry]
    lots: list[Lot]
    holds: list[Hold]
    debts: list[Debt]
    allowances: list[Allowance]
    budgets: list[Budget]
    counters: list[Counter]
    subscriptions: list[Subscription]
    """Every step, oldest first, in the record of unit 0."""


class StoredCatalog(NamedTuple):
    """A catalog as it was published. What its document says is no store's business."""

    version: int
    digest: bytes
    document: str
    published_at: int


class NewClaim(NamedTuple):
    """What somebody wants from a campaign, to be granted once it is claimed."""

    campaign: str
    role: str
    """"own", or "referrer" for who brought somebody."""
    code: str
    """Empty for none."""
    account: str
    """Whose it is to be; the account may be opened with the grant."""
    most_of_code: int | None
    """How often the code may be claimed in this role; None for any number."""
    most_per_account: int | None
    """How often this account may claim from this campaign in this role."""
    unit_id: int
    amount: int
    expires_at: int
    features: tuple[str, ...]
    key: str
    """The same key again is the same claim."""


class Claim(NamedTuple):
    """A claim that was made: a promise to grant, which is kept once it is finished."""

    claim_id: int
    campaign: str
    role: str
    code: str
    account: str
    unit_id: int
    amount: int
    expires_at: int
    features: tuple[str, ...]
    key: str
    made_at: int
    finished_at: int
    """0 while the grant is to be made."""


class Due(NamedTuple):
    """A wallet in which something may be due; what to give `list_due` to go on from there."""

    account: str
    unit: Unit
    place: WalletKey


class Store(Protocol):
    """A database, opened for one book."""

    seal: Seal
    book: int
    url: str
    is_test: bool
    """Whether this is a test book: each account in it has a clock that stands still from its opening."""
    lanes: int
    """How many units of work may well be under way at once: 1 where there is one writer at a time."""

    @property
    def rollup(self) -> RollupBook:
        """Sums of entries, for reports."""
        ...

    @property
    def clock(self) -> Clock | None:
        """The database's clock, by which all servers agree. None where the process's own counts."""
        ...

    def work(self, *, patient: bool = True) -> AbstractContextManager[Work]:
        """Begin a unit of work; leaving without `commit` undoes it.

        A patient one waits for what others have locked, and raises `Busy` if they keep it too long. An impatient one
        leaves out accounts that others have locked (`Loaded.aside`), if the database locks by account. Any method of
        the work may raise `DecideAgain`.
        """
        ...

    def work_within(self, connection: object) -> AbstractContextManager[Work]:
        """The same inside the caller's own open connection, under a savepoint; `commit` only releases the savepoint."""
        ...

    def units(self) -> dict[str, Unit]:
        """The units of this book by name, the default one first."""
        ...

    def add_units(self, units: Sequence[Unit]) -> None:
        """Add units by name (ids are allotted); the same again changes nothing. Raises `UnitChanged`."""
        ...

    def intern_name(self, text: str) -> int:
        """The number of a name; its text is written with the first entry that uses it."""
        ...

    def name_text(self, number: int) -> str:
        """The text of a name's number; empty for 0."""
        ...

    def find_account(self, key: str) -> Account | None:
        """An account by its key, without a lock."""
        ...

    def nearest_accounts(self, key: str, most: int = 3) -> list[str]:
        """Keys that look like this one, for people at the command line only."""
        ...

    def read_wallet(self, account: Account, unit: Unit, unexpired_at: int | None = None) -> Wallet:
        """A wallet, whole, with every counter, in one consistent read without a lock; on request with empty lots that
        end after then."""
        ...

    def read_wallets(self, account: Account) -> list[Wallet]:
        """Every wallet that this account has, whole, in one consistent read, by unit id (unit 0 is not among them)."""
        ...

    def list_history(
        self,
        account: Account | None,
        unit_id: int | None,
        feature: int | None,
        before: int | None,
        most: int,
        kinds: tuple[int, ...] | None = None,
    ) -> list[tuple[int, History]]:
        """Entries newest first, each with its position in the ledger; `before` such a position goes on from there.

        Alerts (`ALERTS` of `reads`) are found by an index of their own, other `kinds` by looking at all entries.
        """
        ...

    def list_due(self, now: int, after: WalletKey | None, most: int) -> list[Due]:
        """Wallets in which something may be due at `now` (by their accounts' own clocks where these stand still), in
        the order of accounts and units; fewer than `most` if there are no more. Looks at every wallet in between."""
        ...

    def read_entry(self, place: Place) -> Entry | None:
        """The entry at a place, if this book has one there."""
        ...

    def list_accounts(self, after: int | None, most: int, *, unsubscribed: bool = False) -> list[Account]:
        """Accounts by their ids, from the one after this id on; on request only those that never had a subscription."""
        ...

    def read_subscription(self, account: Account) -> Subscription | None:
        """The last step of an account's subscription, without a lock."""
        ...

    def list_subscriptions(self, account: Account) -> list[Subscription]:
        """Every step, oldest first."""
        ...

    def list_acting(self, now: int, after: int | None, most: int) -> list[tuple[Account, Subscription]]:
        """Last steps of which `acts_at` has come, by `now` or the account's own clock where that stands still, by the
        accounts' ids; of closed accounts none."""
        ...

    def count_subscribers(self) -> dict[str, int]:
        """Accounts by plan: the one that they have, the one that they chose to have next, and the one to fall back to
        count alike, each once for each account that is not closed."""
        ...

    def publish_catalog(self, digest: bytes, document: str, at: int) -> int:
        """Make a catalog the current one; returns its version. A digest that is known keeps its version and document,
        whoever publishes it at the same time."""
        ...

    def read_catalog(self, version: int | None = None) -> StoredCatalog | None:
        """A catalog by its version, or the current one, if there is one."""
        ...

    def list_catalogs(self) -> list[StoredCatalog]:
        """Every catalog of this book, oldest first."""
        ...

    def claim(self, wanted: Sequence[NewClaim], at: int) -> list[Claim]:
        """Make these claims, all or none, at once durable. One with a known key is given back as it was made.

        Raises `CodeSpent` and `AlreadyRedeemed`, exactly, however many try at the same time.
        """
        ...

    def finish_claim(self, claim_id: int, at: int) -> None:
        """Say that what was claimed has been granted. Finished once, it stays as it was."""
        ...

    def list_open_claims(self, before: int, most: int) -> list[Claim]:
        """The oldest claims that were made before then and are not finished."""
        ...

    def list_claims(self, account: str) -> list[Claim]:
        """Every claim of an account, by its key, oldest first."""
        ...

    def count_claims(self, campaign: str, code: str, role: str = "own") -> int:
        """How often a code was claimed in a role."""
        ...

    def count_wallets(self) -> int:
        """Wallets in this book (for progress)."""
        ...

    def iter_records(self) -> Iterator[WalletRecord]:
        """Every wallet of the book with its entries, streamed, in one consistent read, unit 0 too."""
        ...

    def count_entries(self) -> int:
        """Entries in this book (for progress)."""
        ...

    def find_oddities(self) -> Iterator[tuple[str, str]]:
        """(where, what is wrong) of tables that no wallet vouches for: names, notes, units, books, orphans, schema."""
        ...

    def after_fork(self) -> None:
        """Forget connections and locks that belong to the parent process."""
        ...

    def close(self) -> None:
        """Let go of connections and files."""
        ...


Progress = Callable[[int, int], None]
"""Told (done, of how many) now and then during long work."""
