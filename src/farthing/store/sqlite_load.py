"""What a batch reads from SQLite: a few questions about all its rows together, as `contract.Loaded` says."""

import sqlite3
from collections.abc import Callable, Sequence

from farthing.core.amounts import Unit
from farthing.core.bounds import LOTS_AT_FIRST
from farthing.core.burndown import widen_wallet
from farthing.core.entries import Entry, Seal
from farthing.core.errors import LawBroken
from farthing.core.requests import NamesHold, Place, Refund, Request
from farthing.core.wallets import Account, AccountState, Debt, Hold, Lot, Wallet
from farthing.store import sqlite_statements as sql
from farthing.store.contract import Loaded, WalletKey
from farthing.store.needs import (
    Located,
    Needs,
    find_roots,
    find_touched,
    hash_shard,
    plan_needs,
)
from farthing.store.rows import Rows, assemble, sort_wallets, take_holds, take_known
from farthing.store.saving import Stored
from farthing.store.wallet_rows import take_debt, take_lot, take_wallet


class Loader:
    """Reads for one unit of work. Remembers how far each wallet was stored, which `sqlite_save.py` needs to know."""

    def __init__(
        self,
        cursor: sqlite3.Cursor,
        book: int,
        seal: Seal,
        find_unit: Callable[[sqlite3.Cursor, int], Unit | None],
    ) -> None:
        self.cursor = cursor
        self.book = book
        self.seal = seal
        self.find_unit = find_unit
        self.stored = Stored()

    def load(self, requests: Sequence[Request], now: int) -> Loaded:
        """Everything that these requests can read."""
        needs, loaded, rows = plan_needs(requests), Loaded(), Rows()
        self.load_accounts(needs, loaded)
        located = needs.locate(loaded.accounts)
        self.load_replays(located, loaded)
        self.load_holds(located, loaded, rows)
        self.load_past(located, loaded)
        self.load_wallets(located, loaded, rows, requests)
        sort_wallets(located, rows, now)
        self.load_lots(rows)
        self.load_thoroughly(located, rows, now)
        self.load_named(located, rows)
        assemble(rows)
        return loaded

    def load_accounts(self, needs: Needs, loaded: Loaded) -> None:
        """Accounts by key and id; one that a request may open gets an id that is its own if it is saved."""
        known = loaded.accounts
        by_key = [(self.book, key) for key in needs.keys]
        for row in sql.ask(self.cursor, sql.ACCOUNTS_BY_KEY, by_key):
            account = take_known(row)
            known[row[3]] = known[row[0]] = account
        by_id = [(self.book, account_id) for account_id in needs.ids if account_id not in known]
        for row in sql.ask(self.cursor, sql.ACCOUNTS_BY_ID, by_id):
            account = take_known(row)
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

    def load_holds(self, located: Located, loaded: Loaded, rows: Rows) -> None:
        """The parts of holds named by id, whose units count as asked for, and open holds under the names asked for."""
        places = [(place.account_id, place.unit_id, place.number) for place in located.holds]
        leads = take_holds(sql.ask(self.cursor, sql.LEADING_PARTS, places))
        others = take_holds(sql.ask(self.cursor, sql.OTHER_PARTS, places)) if leads else []
        for key, hold in leads + sorted(others):
            account_id, unit_id = key
            lead = (account_id, hold.lead_unit, hold.lead_number)
            loaded.hold_units[lead] = (*loaded.hold_units.get(lead, ()), unit_id)
            located.units.setdefault(account_id, set()).add(unit_id)
            rows.holds.setdefault(key, []).append(hold)
        named = [(account_id, name) for account_id, names in located.names.items() for name in names]
        for key, hold in take_holds(sql.ask(self.cursor, sql.NAMED_HOLDS, named)):
            rows.holds.setdefault(key, []).append(hold)

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

    def load_wallets(self, located: Located, loaded: Loaded, rows: Rows, requests: Sequence[Request]) -> None:
        """A wallet for every unit that is asked for: from its row, or new. Raises `LawBroken` where a unit is lost."""
        asked: dict[WalletKey, tuple[Account, Unit]] = {}
        unknown: list[tuple[Account, int]] = []
        for account_id, unit_ids in located.units.items():
            account = loaded.accounts[account_id]
            is_new = account.state == AccountState.NEW
            for unit_id in sorted(unit_ids | {0}) if is_new else unit_ids:
                unit = self.find_unit(self.cursor, unit_id)
                if unit is not None and is_new:
                    self.begin_wallet(account, unit, loaded)
                elif unit is not None:
                    asked[account_id, unit_id] = (account, unit)
                else:
                    unknown.append((account, unit_id))
        for row in sql.ask(self.cursor, sql.WALLETS, list(asked)):
            key = row[:2]
            wallet = take_wallet(*asked.pop(key), row[2:])
            rows.wallets[key] = loaded.wallets[key] = self.stored.wallets[key] = wallet
        for account, unit in asked.values():
            self.begin_wallet(account, unit, loaded)
        for account, unit_id in unknown:
            self.refuse_lost_unit(account, unit_id, requests)

    def refuse_lost_unit(self, account: Account, unit_id: int, requests: Sequence[Request]) -> None:
        """Raises `LawBroken` for a unit that was known and is gone; an id that was made up may name any."""
        kept = self.cursor.execute(sql.SEQ, (account.account_id, unit_id)).fetchone()
        if kept or any(unit_id in r.units and not isinstance(r, NamesHold | Refund) for r in requests):
            problem = "its row in the table of units is gone"
            raise LawBroken(law="units_are_kept", account=account.key, unit=f"unit {unit_id}", problem=problem)

    def begin_wallet(self, account: Account, unit: Unit, loaded: Loaded) -> None:
        """A wallet that has no row yet."""
        key = (account.account_id, unit.unit_id)
        loaded.wallets[key] = self.stored.wallets[key] = Wallet(account, unit, self.seal.begin(account, unit))

    def load_lots(self, rows: Rows) -> None:
        """All live and pending lots where there are few or all are wanted, else the first live ones in order."""
        asked = []
        for key, wallet in rows.wallets.items():
            if key not in rows.partial or wallet.live + wallet.pending <= LOTS_AT_FIRST:
                if wallet.live or wallet.pending or key in rows.thorough:
                    asked.append(key)
            else:
                found = self.cursor.execute(sql.FIRST_LOTS, (*key, LOTS_AT_FIRST))
                rows.first[key] = [take_lot(row) for row in found]
        for row in sql.ask(self.cursor, sql.OPEN_LOTS, asked):
            key, lot = row[:2], take_lot(row[2:])
            if key not in rows.partial:
                rows.lots.setdefault(key, []).append(lot)
            elif lot.started:
                rows.first.setdefault(key, []).append(lot)

    def load_thoroughly(self, located: Located, rows: Rows, now: int) -> None:
        """Every open hold and every debt, where a wallet needs them all, and every unexpired lot where a rule does."""
        asked = list(rows.thorough)
        for key, hold in take_holds(sql.ask(self.cursor, sql.OPEN_HOLDS, asked)):
            rows.holds.setdefault(key, []).append(hold)
        for row in sql.ask(self.cursor, sql.OPEN_DEBTS, asked):
            rows.debts.setdefault(row[:2], []).append(take_debt(row[2:]))
        for account_id, unit_ids in located.unexpired.items():
            for unit_id in unit_ids:
                key = (account_id, unit_id)
                known = {lot.number for lot in rows.lots.get(key, ())}
                found = map(take_lot, self.cursor.execute(sql.UNEXPIRED_LOTS, (*key, now)))
                fresh = self.stored.note_ended(key, [lot for lot in found if lot.number not in known])
                rows.lots.setdefault(key, []).extend(fresh)

    def load_named(self, located: Located, rows: Rows) -> None:
        """Named debts and what paid them, named lots, and those that a loaded hold has drawn on."""
        debts = {(account, *place) for account, places in located.debts.items() for place in places}
        debts -= {(*key, debt.number) for key, known in rows.debts.items() for debt in known}
        for row in sql.ask(self.cursor, sql.DEBTS, sorted(debts)):
            rows.debts.setdefault(row[:2], []).append(take_debt(row[2:]))
        lots = {(account, *place) for account, places in located.grants.items() for place in places}
        lots.update((*key, lot) for key, holds in rows.holds.items() for hold in holds for lot, _ in hold.draws)
        lots.update((*key, lot) for key, owed in rows.debts.items() for debt in owed for lot, _ in debt.payers if lot)
        if lots:
            for kept in (rows.lots, rows.first):
                lots -= {(*key, lot.number) for key, known in kept.items() for lot in known}
            for row in sql.ask(self.cursor, sql.LOTS, sorted(lots)):
                rows.lots.setdefault(row[:2], []).extend(self.stored.note_ended(row[:2], [take_lot(row[2:])]))

    def load_whole(self, wallet: Wallet) -> Wallet:
        """The same wallet with all that the store has of it."""
        key = (wallet.account.account_id, wallet.unit.unit_id)
        lots, holds, debts = list_open(self.cursor, key)
        return widen_wallet(wallet, self.stored.note_ended(key, lots), holds, debts)


def list_open(cursor: sqlite3.Cursor, key: WalletKey) -> tuple[list[Lot], list[Hold], list[Debt]]:
    """The live and pending lots of a wallet, its open holds with the lots that they drew on, its unpaid debts."""
    holds = sorted(hold for _, hold in take_holds(sql.ask(cursor, sql.OPEN_HOLDS, [key])))
    lots = [take_lot(row[2:]) for row in sql.ask(cursor, sql.OPEN_LOTS, [key])]
    debts = [take_debt(row[2:]) for row in sql.ask(cursor, sql.OPEN_DEBTS, [key])]
    drawn = {lot for hold in holds for lot, _ in hold.draws} - {lot.number for lot in lots}
    rows = sql.ask(cursor, sql.LOTS, [(*key, number) for number in sorted(drawn)])
    return lots + [take_lot(row[2:]) for row in rows], holds, debts
