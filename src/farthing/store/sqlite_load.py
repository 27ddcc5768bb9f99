"""What a batch reads from SQLite: a few questions about all its rows together, as `contract.Loaded` says."""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from farthing.core.amounts import Unit
from farthing.core.bounds import LOTS_AT_FIRST
from farthing.core.burndown import place_lots, rank_lot, widen_wallet
from farthing.core.entries import Entry, Seal
from farthing.core.ids import Place
from farthing.core.requests import Request
from farthing.core.wallets import Account, AccountState, Debt, Hold, Lot, Wallet
from farthing.store import sqlite_statements as sql
from farthing.store.contract import Loaded, WalletKey
from farthing.store.needs import (
    Located,
    Needs,
    find_roots,
    find_touched,
    hash_shard,
    is_loaded_whole,
    mark_partial,
    plan_needs,
)
from farthing.store.sqlite_memo import Memo
from farthing.store.wallet_rows import Row, take_account, take_debt, take_hold, take_lot, take_wallet

RowKey = tuple[int, int, int]
"""(account_id, unit_id, number)."""


@dataclass(slots=True)
class Parts:
    """What belongs into one wallet that is being loaded."""

    wallet: Wallet
    is_fresh: bool
    """Whether it comes from its row, rather than from what is remembered."""
    is_whole: bool = False
    is_thorough: bool = False
    """Whether every open hold and debt is to be loaded too: something is due, or a rule asks for all."""
    lots: list[Lot] = field(default_factory=list)
    first: list[Lot] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    debts: list[Debt] = field(default_factory=list)
    named_lots: set[int] = field(default_factory=set)
    named_debts: set[int] = field(default_factory=set)


class Loader:
    """Reads for one unit of work. Remembers how far each wallet was stored, which `sqlite_save.py` needs to know."""

    def __init__(
        self,
        cursor: sqlite3.Cursor,
        book: int,
        seal: Seal,
        find_unit: Callable[[sqlite3.Cursor, int], Unit | None],
        memo: Memo,
    ) -> None:
        self.cursor = cursor
        self.book = book
        self.seal = seal
        self.find_unit = find_unit
        self.memo = memo
        self.seqs: dict[WalletKey, int] = {}
        """Wallet → its last stored entry; 0 has no row."""
        self.ended_lots: set[RowKey] = set()
        """Lots that were loaded though they had ended."""

    def load(self, requests: Sequence[Request], now: int) -> Loaded:
        """Everything that these requests can read."""
        needs, loaded = plan_needs(requests), Loaded()
        self.load_accounts(needs, loaded)
        located = needs.locate(loaded.accounts)
        self.load_replays(located, loaded)
        holds = self.load_holds(located, loaded)
        self.load_past(located, loaded)
        wallets = self.list_wallets(located, loaded, now)
        for key, hold in holds:
            if key in wallets:
                wallets[key].holds.append(hold)
        self.load_rows(wallets, located, now)
        for key, parts in wallets.items():
            loaded.wallets[key] = assemble(parts)
        return loaded

    def load_accounts(self, needs: Needs, loaded: Loaded) -> None:
        """Accounts by key and id; one that a request may open gets an id that is its own if it is saved."""
        known, memo = loaded.accounts, self.memo.accounts
        for key in needs.keys:
            if key in memo:
                known[key] = known[memo[key].account_id] = memo[key]
        missing = [(self.book, key) for key in needs.keys if key not in known]
        for row in sql.ask(self.cursor, sql.ACCOUNTS_BY_KEY, missing):
            account = take_account(row)
            known[account.key] = known[account.account_id] = account
            self.memo.keep_account(account)
        by_id = [(self.book, account_id) for account_id in needs.ids if account_id not in known]
        for row in sql.ask(self.cursor, sql.ACCOUNTS_BY_ID, by_id):
            account = take_account(row)
            known[account.key] = known[account.account_id] = account
        fresh = [key for key, may_open in needs.keys.items() if may_open and key not in known]
        if fresh:
            last: int = self.cursor.execute(sql.LAST_ACCOUNT).fetchone()[0]
            for account_id, key in enumerate(fresh, last + 1):
                account = Account(account_id, hash_shard(key), self.book, key, AccountState.NEW)
                known[key] = known[account_id] = account

    def load_replays(self, located: Located, loaded: Loaded) -> None:
        """The receipts that took these keys before."""
        asked = [
            (account_id, digest)
            for account_id, digests in located.digests.items()
            if loaded.accounts[account_id].state != AccountState.NEW
            for digest in digests
        ]
        for account_id, digest, unit_id, number in sql.ask(self.cursor, sql.TAKEN_KEYS, asked):
            loaded.replays[account_id, digest] = self.read_receipt(account_id, unit_id, number)

    def read_receipt(self, account_id: int, unit_id: int, number: int) -> list[Entry]:
        """The entries that stand under a lead, in the order of their writing."""
        found: list[tuple[int, Entry]] = []
        for position, *fields in self.cursor.execute(sql.FROM_LEAD_ON, (account_id, unit_id, number)):
            entry = Entry._make(fields)
            if (entry.lead_unit, entry.lead_number) != (unit_id, number):
                break
            found.append((position, entry))
        if found:
            for position, *fields in self.cursor.execute(sql.OTHERS_OF_LEAD, (account_id, unit_id, number)):
                found.append((position, Entry._make(fields)))
            found.sort(key=lambda pair: pair[0])
        return [entry for _, entry in found]

    def load_holds(self, located: Located, loaded: Loaded) -> list[tuple[WalletKey, Hold]]:
        """The parts of holds named by id, whose units count as asked for, and open holds under the names asked for."""
        holds: list[tuple[WalletKey, Hold]] = []
        places = [(place.account_id, place.unit_id, place.number) for place in located.holds]
        leads = take_holds(sql.ask(self.cursor, sql.LEADING_PARTS, places))
        others = take_holds(sql.ask(self.cursor, sql.OTHER_PARTS, places)) if leads else []
        for (account_id, unit_id), hold in leads + sorted(others):
            lead = (account_id, hold.lead_unit, hold.lead_number)
            loaded.hold_units[lead] = (*loaded.hold_units.get(lead, ()), unit_id)
            located.units.setdefault(account_id, set()).add(unit_id)
            holds.append(((account_id, unit_id), hold))
        named = [(account_id, name) for account_id, names in located.names.items() for name in names]
        return holds + take_holds(sql.ask(self.cursor, sql.NAMED_HOLDS, named))

    def load_past(self, located: Located, loaded: Loaded) -> None:
        """What was written of the charges that are to be refunded, and the lots and debts that they moved."""
        for place in located.charges:
            past = self.read_past(place)
            if past:
                loaded.past[place.account_id, place.unit_id, place.number] = past
                located.units.setdefault(place.account_id, set()).update(entry.unit_id for entry in past)
                lots, debts = find_touched(past)
                located.grants.setdefault(place.account_id, set()).update(lots)
                located.debts.setdefault(place.account_id, set()).update(debts)

    def read_past(self, place: Place) -> list[Entry]:
        """The entries of a charge's receipt, then all that speak of the charge, by unit and number."""
        receipt = self.read_receipt(place.account_id, place.unit_id, place.number)
        seen = {(entry.unit_id, entry.number) for entry in receipt}
        later: list[Entry] = []
        for unit_id, number in find_roots(receipt):
            for row in self.cursor.execute(sql.ABOUT, (place.account_id, unit_id, number)):
                later.append(Entry._make(row))
        return receipt + sorted(entry for entry in later if (entry.unit_id, entry.number) not in seen)

    def list_wallets(self, located: Located, loaded: Loaded, now: int) -> dict[WalletKey, Parts]:
        """A wallet for every unit that is asked for: remembered, from its row, or new."""
        wallets: dict[WalletKey, Parts] = {}
        missing: dict[WalletKey, tuple[Account, Unit]] = {}
        for account_id, unit_ids in located.units.items():
            account = loaded.accounts[account_id]
            is_new = account.state == AccountState.NEW
            for unit_id in sorted(unit_ids | {0} if is_new else unit_ids):
                unit = self.find_unit(self.cursor, unit_id)
                if unit is None:
                    continue
                key = (account_id, unit_id)
                wants_all = unit_id in located.unexpired.get(account_id, ())
                remembered = None if is_new or wants_all else self.memo.find_wallet(key, account, now)
                if is_new:
                    wallets[key] = self.begin_wallet(account, unit)
                elif remembered is None:
                    missing[key] = (account, unit)
                else:
                    self.seqs[key] = remembered.seq
                    if len(remembered.lots) != remembered.live + remembered.pending:
                        self.note_ended(key, remembered.lots.values())
                    wallets[key] = Parts(remembered, is_fresh=False)
        for row in sql.ask(self.cursor, sql.WALLETS, list(missing)):
            key = row[:2]
            wallet = take_wallet(*missing.pop(key), row[2:])
            self.seqs[key] = wallet.seq
            wallets[key] = Parts(wallet, is_fresh=True)
        for key, (account, unit) in missing.items():
            wallets[key] = self.begin_wallet(account, unit)
        return wallets

    def begin_wallet(self, account: Account, unit: Unit) -> Parts:
        """A wallet that has no row yet."""
        self.seqs[account.account_id, unit.unit_id] = 0
        return Parts(Wallet(account, unit, self.seal.begin(account, unit)), is_fresh=False)

    def load_rows(self, wallets: dict[WalletKey, Parts], located: Located, now: int) -> None:
        """Lots, holds and debts, as many of each wallet as `contract.Loaded` says."""
        fresh = {key: parts for key, parts in wallets.items() if parts.is_fresh}
        for key, parts in fresh.items():
            wallet, at = parts.wallet, max(now, parts.wallet.clock)
            wants_all = key[1] in located.unexpired.get(key[0], ())
            parts.is_whole = wants_all or is_loaded_whole(wallet, at)
            parts.is_thorough = wants_all or wallet.next_due <= at
            if wants_all:
                rows = self.cursor.execute(sql.UNEXPIRED_LOTS, (*key, now))
                parts.lots = self.note_ended(key, map(take_lot, rows))
        self.load_lots(fresh)
        self.load_thoroughly(fresh)
        for account_id, grants in located.grants.items():
            for unit_id, number in grants:
                if (account_id, unit_id) in wallets:
                    wallets[account_id, unit_id].named_lots.add(number)
        for account_id, debts in located.debts.items():
            for unit_id, number in debts:
                if (account_id, unit_id) in wallets:
                    wallets[account_id, unit_id].named_debts.add(number)
        self.load_named(wallets)

    def load_lots(self, wallets: dict[WalletKey, Parts]) -> None:
        """All live and pending lots where there are few or all are wanted, else the first live ones in order."""
        asked = []
        for key, parts in wallets.items():
            wallet = parts.wallet
            if parts.is_whole or wallet.live + wallet.pending <= LOTS_AT_FIRST:
                if wallet.live or wallet.pending or parts.is_thorough:
                    asked.append(key)
            else:
                rows = self.cursor.execute(sql.FIRST_LOTS, (*key, LOTS_AT_FIRST))
                parts.first = [take_lot(row) for row in rows]
        for row in sql.ask(self.cursor, sql.OPEN_LOTS, asked):
            parts, lot = wallets[row[:2]], take_lot(row[2:])
            if parts.is_whole:
                parts.lots.append(lot)
            elif lot.started:
                parts.first.append(lot)

    def load_thoroughly(self, wallets: dict[WalletKey, Parts]) -> None:
        """Every open hold with its lots, and every debt, where a wallet needs them all."""
        asked = [key for key, parts in wallets.items() if parts.is_thorough]
        for key, hold in take_holds(sql.ask(self.cursor, sql.OPEN_HOLDS, asked)):
            wallets[key].holds.append(hold)
        for row in sql.ask(self.cursor, sql.OPEN_DEBTS, asked):
            wallets[row[:2]].debts.append(take_debt(row[2:]))

    def load_named(self, wallets: dict[WalletKey, Parts]) -> None:
        """Named debts and what paid them, named lots, and those that a loaded hold has drawn on."""
        debts = [
            (*key, number)
            for key, parts in wallets.items()
            if parts.named_debts
            for number in parts.named_debts - parts.wallet.debts.keys() - {debt.number for debt in parts.debts}
        ]
        for row in sql.ask(self.cursor, sql.DEBTS, debts):
            wallets[row[:2]].debts.append(take_debt(row[2:]))
        lots: list[RowKey] = []
        for key, parts in wallets.items():
            if parts.holds or parts.named_lots or parts.named_debts:
                known = [parts.wallet.debts[number] for number in parts.named_debts & parts.wallet.debts.keys()]
                numbers = parts.named_lots.union(
                    (lot for hold in parts.holds for lot, _ in hold.draws),
                    (lot for debt in [*parts.debts, *known] for lot, _ in debt.payers),
                )
                numbers -= parts.wallet.lots.keys() | {lot.number for lot in parts.lots} | {0}
                lots += [(*key, number) for number in sorted(numbers)]
        for row in sql.ask(self.cursor, sql.LOTS, lots):
            wallets[row[:2]].lots += self.note_ended(row[:2], [take_lot(row[2:])])

    def note_ended(self, key: tuple[int, ...], lots: Iterable[Lot]) -> list[Lot]:
        """The same lots, those that have ended noted."""
        noted = list(lots)
        self.ended_lots.update((key[0], key[1], lot.number) for lot in noted if lot.ended_at)
        return noted

    def load_whole(self, wallet: Wallet) -> Wallet:
        """The same wallet with all that the store has of it."""
        key = (wallet.account.account_id, wallet.unit.unit_id)
        holds = [hold for _, hold in take_holds(sql.ask(self.cursor, sql.OPEN_HOLDS, [key]))]
        lots = [take_lot(row[2:]) for row in sql.ask(self.cursor, sql.OPEN_LOTS, [key])]
        debts = [take_debt(row[2:]) for row in sql.ask(self.cursor, sql.OPEN_DEBTS, [key])]
        drawn = {lot for hold in holds for lot, _ in hold.draws} - {lot.number for lot in lots}
        rows = sql.ask(self.cursor, sql.LOTS, [(*key, number) for number in sorted(drawn)])
        lots += self.note_ended(key, [take_lot(row[2:]) for row in rows])
        return widen_wallet(wallet, lots, sorted(holds), debts)


def take_holds(rows: list[Row]) -> list[tuple[WalletKey, Hold]]:
    """Holds with the wallets that they are in."""
    return [((row[0], row[1]), take_hold(row[2:])) for row in rows]


def assemble(parts: Parts) -> Wallet:
    """The wallet with its parts."""
    wallet = parts.wallet
    if not parts.is_fresh:
        if not (parts.holds or parts.lots or parts.debts):
            return wallet
        wallet = wallet.copy()
    if parts.holds:
        holds = {hold.number: hold for hold in sorted(parts.holds)}
        wallet.holds = holds if parts.is_fresh else dict(sorted((holds | wallet.holds).items()))
    if parts.debts:
        wallet.debts = dict(sorted(({debt.number: debt for debt in parts.debts} | wallet.debts).items()))
    if len(parts.lots) == 1 and not wallet.lots and not parts.first:
        wallet.lots = {parts.lots[0].number: parts.lots[0]}
    else:
        place_lots(wallet, [*parts.lots, *parts.first])
    if parts.is_fresh and not parts.is_whole:
        mark_partial(wallet, sorted(parts.first, key=rank_lot)[:LOTS_AT_FIRST])
    return wallet
