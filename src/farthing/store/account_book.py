"""Which accounts a store has seen, between what callers name and the row that is to be locked: bounded, for threads."""

import threading
from typing import Final

from farthing.values.wallets import Account

MOST_ACCOUNTS: Final = 100_000
"""Accounts kept in memory. The oldest go first; whoever is not here is asked for by key."""


class AccountBook:
    """Accounts by key and by id, as they were when last seen: id, shard and key of an account never change."""

    def __init__(self, most: int = MOST_ACCOUNTS) -> None:
        self.most = most
        self.lock = threading.Lock()
        self.known: dict[str | int, Account] = {}

    def find(self, owner: str | int) -> Account | None:
        """The account of this key or id, if it has been seen."""
        return self.known.get(owner)

    def learn(self, account: Account) -> None:
        """Take in an account that is in the database for good."""
        if account.key in self.known:
            return
        with self.lock:
            self.known[account.key] = self.known[account.account_id] = account
            while len(self.known) > 2 * self.most:
                self.known.pop(next(iter(self.known)))

    def forget(self, account: Account) -> None:
        """It is there no longer."""
        with self.lock:
            self.known.pop(account.key, None)
            self.known.pop(account.account_id, None)
