"""What a writer still knows from its own last commits: valid for as long as nobody else has committed to the database.

SQLite says so itself (`PRAGMA data_version`), asked under the write lock at the beginning of every unit of work. So a
ledger that one process writes does not read again what it has just written. Bounded; the oldest go first.
"""

import sqlite3
from collections.abc import Iterable
from typing import Final

from farthing.core.bounds import LOTS_AT_FIRST
from farthing.core.wallets import Account, HoldState, Wallet
from farthing.store.contract import WalletKey

MOST_REMEMBERED: Final = 16_384
"""Wallets, and accounts, that one writer remembers: about 2 kB each."""


class Memo:
    """Accounts and wallets as last committed. Nothing in it is ever changed in place."""

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self.most = most
        self.version: int | None = None
        self.accounts: dict[str, Account] = {}
        self.wallets: dict[WalletKey, Wallet] = {}

    def check(self, cursor: sqlite3.Cursor) -> None:
        """Forget everything if anybody else has committed since."""
        version: int = cursor.execute("PRAGMA data_version").fetchone()[0]
        if version != self.version:
            self.forget()
            self.version = version

    def forget(self) -> None:
        """Forget everything: a new connection, or a commit that nobody knows the end of."""
        self.version = None
        self.accounts.clear()
        self.wallets.clear()

    def find_wallet(self, key: WalletKey, account: Account, now: int) -> Wallet | None:
        """A wallet, unless it is not remembered or something in it is due, for which all of it is needed."""
        wallet = self.wallets.get(key)
        if wallet is None or wallet.next_due <= now or wallet.next_due <= wallet.clock:
            return None
        if wallet.account is not account:
            wallet = wallet.copy()
            wallet.account = account
        return wallet

    def keep_account(self, account: Account) -> None:
        """Remember an account as it is in the database."""
        if self.most:
            self.accounts[account.key] = account
            if len(self.accounts) > self.most:
                del self.accounts[next(iter(self.accounts))]

    def keep_wallets(self, wallets: Iterable[tuple[WalletKey, Wallet | None]]) -> None:
        """Remember wallets as they were just committed, and forget those given as None."""
        kept = self.wallets
        for key, wallet in wallets:
            kept.pop(key, None)
            trimmed = None if wallet is None else trim_wallet(wallet)
            if trimmed is not None and self.most:
                kept[key] = trimmed
        while len(kept) > self.most:
            del kept[next(iter(kept))]


def trim_wallet(wallet: Wallet) -> Wallet | None:
    """The same wallet without what has ended, or None if it is too large to be worth it.

    One with many open holds or debts keeps none of them, and counts as partly loaded.
    """
    if wallet.unloaded or wallet.live + wallet.pending > LOTS_AT_FIRST:
        return None
    if not wallet.holds and not wallet.debts and len(wallet.lots) == wallet.live + wallet.pending:
        return wallet
    trimmed = wallet.copy()
    trimmed.holds = {number: hold for number, hold in wallet.holds.items() if hold.state == HoldState.OPEN}
    trimmed.debts = {number: debt for number, debt in wallet.debts.items() if debt.remaining}
    if len(trimmed.holds) > LOTS_AT_FIRST or len(trimmed.debts) > LOTS_AT_FIRST:
        trimmed.holds, trimmed.debts, trimmed.whole = {}, {}, False
    drawn = {lot for hold in trimmed.holds.values() for lot, _ in hold.draws}
    trimmed.lots = {number: lot for number, lot in wallet.lots.items() if lot.remaining or number in drawn}
    return trimmed
