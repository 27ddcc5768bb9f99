"""What a store remembers between batches of wallets with budgets, so that most charges need not ask for these.

All of it is told by the entries of a wallet, and the hash of the last of these seals them all: what held after an entry
holds for as long as the wallet's row, read under the lock, says that this one is the last. So nothing here is ever out
of date, whoever else wrote, whatever was undone or restored; it is only of use or of none.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from farthing.store.contract import WalletKey
from farthing.values.wallets import Budget, Counter, CounterKey, Wallet

MOST_WALLETS: Final = 20_000
"""Wallets that are kept in memory, with three budgets some 2 kB each; the longest unused go first."""

MOST_RULES: Final = 32
"""Budgets and counters of one wallet together. Of one that has more nothing is kept."""


class Standing(NamedTuple):
    """What stood in one wallet."""

    head: bytes
    """The hash of its last entry then."""
    budgets: Mapping[int, Budget]
    """All that are live."""
    counters: dict[CounterKey, Counter]
    subjects: frozenset[int]
    """Those of which all counters are here; of others there may be rows."""


class BudgetBook:
    """What stood in wallets, by wallet. In two generations, of which the older is dropped when the younger is full:
    without a lock, so that neither a fork nor a handler of signals can find it taken."""

    def __init__(self, most: int = MOST_WALLETS) -> None:
        self.most = most
        self.young: dict[WalletKey, Standing] = {}
        self.old: dict[WalletKey, Standing] = {}

    def find(self, key: WalletKey, head: bytes) -> Standing | None:
        """What stood in a wallet when `head` was the hash of its last entry, if that is remembered."""
        known = self.young.get(key) or self.old.get(key)
        return known if known is not None and known.head == head else None

    def learn(self, wallets: Iterable[tuple[WalletKey, Wallet, frozenset[int]]]) -> None:
        """Take in wallets as they are in the database for good, each with the subjects of which it has all counters."""
        for key, wallet, subjects in wallets:
            budgets, counters = wallet.budgets, wallet.counters
            if not wallet.budgeted or len(budgets) + len(counters) + len(subjects) > MOST_RULES:
                continue
            if len(budgets) != wallet.budgeted:
                budgets = {number: budget for number, budget in budgets.items() if not budget.ended_at}
            if len(self.young) * 2 >= self.most:
                self.old, self.young = self.young, {}
            self.young[key] = Standing(wallet.head, budgets, counters, subjects)
