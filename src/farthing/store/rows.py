"""What has been read for a batch before each wallet gets its own, and how much is wanted: for every SQL dialect."""

from dataclasses import dataclass, field

from farthing.core.burndown import place_lots, rank_lot
from farthing.store.contract import WalletKey
from farthing.store.faults import UpgradeFirst
from farthing.store.needs import Located, find_instant, is_loaded_whole, mark_partial
from farthing.store.wallet_rows import Row, take_account, take_hold
from farthing.values.bounds import LOTS_AT_FIRST
from farthing.values.wallets import Account, AccountState, Allowance, Budget, Counter, Debt, Hold, Lot, Wallet

RowKey = tuple[int, int, int]
"""(account_id, unit_id, number)."""


@dataclass(slots=True)
class Rows:
    """What has been read for the wallets of a batch, by wallet, before each gets its own."""

    wallets: dict[WalletKey, Wallet] = field(default_factory=dict)
    """Those that have a row."""
    partial: set[WalletKey] = field(default_factory=set)
    """Those of which only the first lots are loaded, and what is named."""
    thorough: set[WalletKey] = field(default_factory=set)
    """Those of which every open hold, debt and allowance is loaded too: something is due, or a rule asks for all."""
    lots: dict[WalletKey, list[Lot]] = field(default_factory=dict)
    first: dict[WalletKey, list[Lot]] = field(default_factory=dict)
    """Of partial ones, the first live lots."""
    holds: dict[WalletKey, list[Hold]] = field(default_factory=dict)
    debts: dict[WalletKey, list[Debt]] = field(default_factory=dict)
    allowances: dict[WalletKey, list[Allowance]] = field(default_factory=dict)
    budgets: dict[WalletKey, list[Budget]] = field(default_factory=dict)
    counters: dict[WalletKey, list[Counter]] = field(default_factory=dict)

    def list_owing(self) -> list[WalletKey]:
        """Those of the thorough ones that have debts."""
        return [key for key in self.thorough if self.wallets[key].debt]

    def list_recurring(self) -> list[WalletKey]:
        """Those of the thorough ones that have allowances."""
        return [key for key in self.thorough if self.wallets[key].recurring]


def sort_wallets(located: Located, rows: Rows, now: int) -> None:
    """See how much of each wallet is to be loaded."""
    for key, wallet in rows.wallets.items():
        at = find_instant(wallet, now)
        if wallet.next_due <= at:
            rows.thorough.add(key)
        elif not is_loaded_whole(wallet, at):
            rows.partial.add(key)
    for account_id, unit_ids in located.unexpired.items():
        keys = {(account_id, unit_id) for unit_id in unit_ids} & rows.wallets.keys()
        rows.thorough |= keys
        rows.partial -= keys


def take_known(row: Row) -> Account:
    """An account that may be decided on. Raises `UpgradeFirst` for a state that this release does not know."""
    account = take_account(row)
    if type(account.state) is not AccountState:
        raise UpgradeFirst(path="the database", found=f"account {account.key} in state {account.state}")
    return account


def take_holds(rows: list[Row]) -> list[tuple[WalletKey, Hold]]:
    """Holds with the wallets that they are in."""
    return [((row[0], row[1]), take_hold(row[2:])) for row in rows]


def assemble(rows: Rows) -> None:
    """Give each wallet what has been read for it."""
    for key, holds in rows.holds.items():
        if key in rows.wallets:
            rows.wallets[key].holds = {hold.number: hold for hold in sorted(holds)}
    for key, debts in rows.debts.items():
        if key in rows.wallets:
            rows.wallets[key].debts = {debt.number: debt for debt in sorted(debts)}
    for key, lots in rows.lots.items():
        wallet = rows.wallets.get(key)
        if wallet is not None and len(lots) == 1:
            wallet.lots[lots[0].number] = lots[0]
        elif wallet is not None:
            place_lots(wallet, lots)
    assemble_rules(rows)
    for key in rows.partial:
        wallet, first = rows.wallets[key], rows.first.get(key, [])
        if len(first) > 1:
            first = sorted(first, key=rank_lot)[:LOTS_AT_FIRST]
        if wallet.lots:
            place_lots(wallet, first)
        else:
            wallet.lots = {lot.number: lot for lot in first}
        mark_partial(wallet, first)


def assemble_rules(rows: Rows) -> None:
    """Give each wallet its allowances, budgets and counters, by number."""
    for key, allowances in rows.allowances.items():
        rows.wallets[key].allowances = {each.number: each for each in sorted(allowances)}
    for key, budgets in rows.budgets.items():
        rows.wallets[key].budgets = {each.number: each for each in sorted(budgets)}
    for key, counters in rows.counters.items():
        wallet = rows.wallets[key]
        wallet.counters = wallet.counters | {(each.budget, each.subject): each for each in counters}
