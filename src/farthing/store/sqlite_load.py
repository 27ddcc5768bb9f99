"""What a batch reads from SQLite: a few questions about all its rows together, as `contract.Loaded` says."""

import sqlite3
from collections.abc import Callable, Iterable, Sequence

from farthing.core.burndown import widen_wallet
from farthing.store import sqlite_statements as sql
from farthing.store.budget_book import BudgetBook
from farthing.store.contract import LeadKey, Loaded, WalletKey
from farthing.store.needs import (
    BY_PLACE,
    Located,
    Needs,
    find_roots,
    find_subjects,
    find_touched,
    hash_shard,
    plan_needs,
)
from farthing.store.rows import Rows, assemble, sort_wallets, take_holds, take_known
from farthing.store.saving import Stored
from farthing.store.wallet_rows import take_allowance, take_budget, take_debt, take_lot, take_wallet
from farthing.values.amounts import Unit
from farthing.values.bounds import LOTS_AT_FIRST
from farthing.values.entries import Entry, Seal
from farthing.values.errors import LawBroken
from farthing.values.requests import Place, Request
from farthing.values.subscriptions import Subscription
from farthing.values.wallets import Account, AccountState, Allowance, Counter, Debt, Hold, Lot, Wallet


class Loader:
    """Reads for one unit of work. Remembers how far each wallet was stored, which `sqlite_save.py` needs to know."""

    def __init__(
        self,
        cursor: sqlite3.Cursor,
        book: int,
        seal: Seal,
        find_unit: Callable[[sqlite3.Cursor, int], Unit | None],
        known: BudgetBook,
        *,
        is_test: bool,
    ) -> None:
        self.cursor = cursor
        self.is_test = is_test
        self.book = book
        self.seal = seal
        self.find_unit = find_unit
        self.known = known
        self.stored = Stored()

    def load(self, requests: Sequence[Request], now: int) -> Loaded:
        """Everything that these requests can read."""
        needs, loaded, rows = plan_needs(requests), Loaded(), Rows()
        self.load_accounts(needs, loaded, now)
        located = needs.locate(loaded.accounts)
        self.load_replays(located, loaded)
        self.load_holds(located, loaded, rows)
        self.load_past(located, loaded)
        self.load_wallets(located, loaded, rows, requests)
        sort_wallets(located, rows, now)
        self.load_lots(rows)
        self.load_thoroughly(located, rows, now)
        self.load_budgets(located, loaded, rows, requests)
        self.load_subscriptions(located, rows)
        self.load_named(located, rows)
        assemble(rows)
        return loaded

    def load_accounts(self, needs: Needs, loaded: Loaded, now: int) -> None:
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
                clock = now if self.is_test else 0
                account = Account(account_id, hash_shard(key), self.book, key, AccountState.NEW, clock=clock)
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
        """What was written of the charges that are to be refunded, and the lots and debts that they moved; what was
        written of the grants that are to be clawed back."""
        for place in located.clawed:
            lead = (place.account_id, place.unit_id, place.number)
            past = self.add_later(lead, self.read_receipt(*lead), [lead[1:]])
            if past:
                loaded.past[lead] = past
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
        lead = (place.account_id, place.unit_id, place.number)
        receipt = self.read_receipt(*lead)
        return self.add_later(lead, receipt, find_roots(receipt))

    def add_later(self, lead: LeadKey, receipt: list[Entry], roots: Iterable[tuple[int, int]]) -> list[Entry]:
        """A receipt, and then the entries that say `of_number` = one of these."""
        seen = {(entry.unit_id, entry.number) for entry in receipt}
        later: list[Entry] = []
        for unit_id, number in roots:
            for row in self.cursor.execute(sql.ABOUT, (lead[0], unit_id, number)):
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
        if kept or any(unit_id in r.units and not isinstance(r, BY_PLACE) for r in requests):
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
        """Every open hold, debt and allowance, where a wallet needs them all, and every unexpired lot where a rule
        does."""
        asked = list(rows.thorough)
        for key, hold in take_holds(sql.ask(self.cursor, sql.OPEN_HOLDS, asked)):
            rows.holds.setdefault(key, []).append(hold)
        for row in sql.ask(self.cursor, sql.OPEN_DEBTS, rows.list_owing()):
            rows.debts.setdefault(row[:2], []).append(take_debt(row[2:]))
        for row in sql.ask(self.cursor, sql.LIVE_ALLOWANCES, rows.list_recurring()):
            rows.allowances.setdefault(row[:2], []).append(take_allowance(row[2:]))
        for key, instant in located.list_unexpired(rows.wallets, now):
            known = {lot.number for lot in rows.lots.get(key, ())}
            found = map(take_lot, self.cursor.execute(sql.UNEXPIRED_LOTS, (*key, instant)))
            fresh = self.stored.note_ended(key, [lot for lot in found if lot.number not in known])
            rows.lots.setdefault(key, []).extend(fresh)

    def load_budgets(self, located: Located, loaded: Loaded, rows: Rows, requests: Sequence[Request]) -> None:
        """Of wallets with budgets all of these, and the counters that can be read."""
        wanted = located.list_budgeted(rows.wallets)
        if wanted:
            subjects = find_subjects(wanted, requests, loaded.accounts, rows.holds, loaded.past)
            unknown, asked = self.stored.recall_budgets(self.known, subjects)
            for row in sql.ask(self.cursor, sql.LIVE_BUDGETS, unknown):
                rows.budgets.setdefault(row[:2], []).append(take_budget(row[2:]))
            for key, counters in self.stored.note_tallies(sql.ask(self.cursor, sql.TALLIES, asked)):
                rows.counters.setdefault(key, []).extend(counters)

    def load_subscriptions(self, located: Located, rows: Rows) -> None:
        """The last steps of subscriptions."""
        asked = [(account_id,) for account_id in located.subscribed if (account_id, 0) in rows.wallets]
        for row in sql.ask(self.cursor, sql.LAST_SUBSCRIPTIONS, asked):
            rows.wallets[row[0], 0].subscription = Subscription._make(row[1:])

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
        lots, holds, debts, allowances = list_open(self.cursor, key)
        counters: list[Counter] = []
        if wallet.budgeted:
            subjects = {subject for hold in holds for _, subject, _ in hold.reserves}
            found = sql.ask(self.cursor, sql.TALLIES, [(*key, subject) for subject in subjects])
            counters = [each for _, some in self.stored.note_tallies(found) for each in some]
        return widen_wallet(wallet, self.stored.note_later(key, lots), holds, debts, allowances, counters)


def list_open(cursor: sqlite3.Cursor, key: WalletKey) -> tuple[list[Lot], list[Hold], list[Debt], list[Allowance]]:
    """The live and pending lots of a wallet, its open holds with the lots that they drew on, its unpaid debts, its live
    allowances."""
    holds = sorted(hold for _, hold in take_holds(sql.ask(cursor, sql.OPEN_HOLDS, [key])))
    lots = [take_lot(row[2:]) for row in sql.ask(cursor, sql.OPEN_LOTS, [key])]
    debts = [take_debt(row[2:]) for row in sql.ask(cursor, sql.OPEN_DEBTS, [key])]
    drawn = {lot for hold in holds for lot, _ in hold.draws} - {lot.number for lot in lots}
    rows = sql.ask(cursor, sql.LOTS, [(*key, number) for number in sorted(drawn)])
    allowances = sorted(take_allowance(row[2:]) for row in sql.ask(cursor, sql.LIVE_ALLOWANCES, [key]))
    return lots + [take_lot(row[2:]) for row in rows], holds, debts, allowances
