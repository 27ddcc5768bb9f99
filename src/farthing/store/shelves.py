"""How the memory store keeps things: a shelf per wallet, tables over all. No rule of a store lives here, only places.

A published shelf is never changed: a unit of work forks it. Its list of entries is shared and only grows, so a shelf
speaks for its first `row.seq` entries and no more.
"""

from collections.abc import Container
from dataclasses import dataclass, field
from typing import Any

from farthing.core.burndown import widen_wallet
from farthing.store.contract import LeadKey, WalletKey
from farthing.values.entries import Entry
from farthing.values.requests import Note
from farthing.values.subscriptions import Subscription
from farthing.values.wallets import (
    USUAL_TERMS,
    Account,
    Allowance,
    Budget,
    Counter,
    CounterKey,
    Debt,
    Hold,
    HoldState,
    Lot,
    Wallet,
)


@dataclass(slots=True)
class Shelf:
    """All that is kept of one wallet; `fresh` are entries of a unit of work that has not committed."""

    row: Wallet
    lots: dict[int, Lot] = field(default_factory=dict)
    holds: dict[int, Hold] = field(default_factory=dict)
    debts: dict[int, Debt] = field(default_factory=dict)
    open_lots: set[int] = field(default_factory=set)
    open_holds: set[int] = field(default_factory=set)
    open_debts: set[int] = field(default_factory=set)
    allowances: dict[int, Allowance] = field(default_factory=dict)
    budgets: dict[int, Budget] = field(default_factory=dict)
    counters: dict[CounterKey, Counter] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    fresh: list[Entry] = field(default_factory=list)

    def fork(self) -> "Shelf":
        """A shelf that one unit of work may change."""
        return Shelf(
            self.row, self.lots.copy(), self.holds.copy(), self.debts.copy(),
            self.open_lots.copy(), self.open_holds.copy(), self.open_debts.copy(),
            self.allowances.copy(), self.budgets.copy(), self.counters.copy(), self.entries, self.fresh.copy(),
        )  # fmt: skip

    def put_row(self, wallet: Wallet) -> None:
        """Keep the row alone of a wallet; what it had loaded is kept beside it."""
        row = wallet.copy()
        row.lots, row.holds, row.debts = {}, {}, {}
        row.allowances, row.budgets, row.counters = {}, {}, {}
        row.subscription = None
        if row.terms == USUAL_TERMS:
            row.terms = USUAL_TERMS
        row.whole, row.unloaded, row.horizon = True, 0, ()
        self.row = row

    def put_lot(self, lot: Lot) -> None:
        """Keep a lot in its last state."""
        self.lots[lot.number] = lot
        (self.open_lots.add if lot.remaining else self.open_lots.discard)(lot.number)

    def put_hold(self, hold: Hold) -> None:
        """Keep a hold in its last state."""
        self.holds[hold.number] = hold
        (self.open_holds.add if hold.state == HoldState.OPEN else self.open_holds.discard)(hold.number)

    def put_debt(self, debt: Debt) -> None:
        """Keep a debt in its last state."""
        self.debts[debt.number] = debt
        (self.open_debts.add if debt.remaining else self.open_debts.discard)(debt.number)

    def find_entry(self, number: int) -> Entry | None:
        """An entry by its number."""
        if not 0 < number <= self.row.seq:
            return None
        published = len(self.entries)
        return self.entries[number - 1] if number <= published else self.fresh[number - published - 1]

    def take_row(self, account: Account) -> Wallet:
        """The wallet with nothing loaded yet."""
        wallet = self.row.copy()
        wallet.account = account
        return wallet

    def take_budgets(self, wallet: Wallet, subjects: Container[int]) -> None:
        """Give a wallet its live budgets, and the counters of these subjects."""
        wallet.budgets = {number: each for number, each in sorted(self.budgets.items()) if not each.ended_at}
        wallet.counters = {key: each for key, each in self.counters.items() if key[1] in subjects}

    def widen(self, wallet: Wallet) -> Wallet:
        """The same wallet with its live and pending lots, open holds and their lots, unpaid debts, live allowances, and
        the counters that these holds reserve from."""
        holds = [self.holds[number] for number in sorted(self.open_holds)]
        numbers = self.open_lots | {lot for hold in holds for lot, _ in hold.draws}
        debts = [self.debts[number] for number in sorted(self.open_debts)]
        allowances = [each for _, each in sorted(self.allowances.items()) if not each.ended_at]
        subjects = {subject for hold in holds for _, subject, _ in hold.reserves} if wallet.budgeted else set()
        counters = [each for key, each in self.counters.items() if key[1] in subjects]
        return widen_wallet(wallet, [self.lots[number] for number in numbers], holds, debts, allowances, counters)

    def take_whole(self, account: Account) -> Wallet:
        """The wallet with all of this, its budgets and every counter."""
        wallet = self.widen(self.take_row(account))
        if wallet.budgeted:
            self.take_budgets(wallet, {subject for _, subject in self.counters})
        return wallet


@dataclass(slots=True)
class Tables:
    """Everything that is kept. A unit of work has tables of its own, which are added to the store's when it commits."""

    accounts: dict[int, Account] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)
    units: dict[int, list[int]] = field(default_factory=dict)
    """account → the units in which it has a wallet."""
    shelves: dict[WalletKey, Shelf] = field(default_factory=dict)
    keys: dict[tuple[int, bytes], LeadKey] = field(default_factory=dict)
    receipts: dict[LeadKey, list[tuple[int, int]]] = field(default_factory=dict)
    """lead → (unit, number) of the entries that stand under it."""
    about: dict[tuple[int, int, int], list[int]] = field(default_factory=dict)
    """(account, unit, number) → the entries of that wallet that say `of_number` = number."""
    parts: dict[LeadKey, list[tuple[int, int]]] = field(default_factory=dict)
    """lead of a hold → (unit, number) of its parts."""
    notes: dict[tuple[int, int, int], Note] = field(default_factory=dict)
    journal: list[tuple[int, int, int]] = field(default_factory=list)
    """(account, unit, number) of every entry, in the order of writing."""
    names: dict[int, str] = field(default_factory=dict)
    subscriptions: dict[tuple[int, int], Subscription] = field(default_factory=dict)
    """(account, number) → the step that this entry of unit 0 wrote."""
    last_steps: dict[int, int] = field(default_factory=dict)
    """account → the number of its last step."""

    def find_step(self, account_id: int) -> Subscription | None:
        """The last step of an account's subscription."""
        number = self.last_steps.get(account_id)
        return None if number is None else self.subscriptions[account_id, number]

    def stage(self, other: "Tables") -> None:
        """Take over what one `save` wrote; its shelves were forked from the newest there are."""
        for name in ("accounts", "ids", "shelves", "keys", "notes", "names", "subscriptions", "last_steps"):
            getattr(self, name).update(getattr(other, name))
        self.journal += other.journal
        for mine, theirs in (
            (self.units, other.units),
            (self.receipts, other.receipts),
            (self.about, other.about),
            (self.parts, other.parts),
        ):
            extend_lists(mine, theirs)

    def publish(self, other: "Tables") -> None:
        """Take over all that a unit of work wrote; from here on its entries are there for good."""
        for shelf in other.shelves.values():
            shelf.entries += shelf.fresh
            shelf.fresh = []
        self.stage(other)


def extend_lists(mine: dict[Any, list[Any]], theirs: dict[Any, list[Any]]) -> None:
    """Add to each list of `mine` what `theirs` has under the same key."""
    for key, items in theirs.items():
        mine.setdefault(key, []).extend(items)
