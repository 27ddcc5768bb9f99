"""What a batch reads from PostgreSQL, as `contract.Loaded` says: lock the accounts, and in statements after it, in the
same round trip, read what their requests name. What that leads to further is read in a second or third.

The row of an account is the lock for everything that is the account's. Rows that were read of accounts whose lock was
not to be had count for nothing.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from farthing.core.burndown import widen_wallet
from farthing.store import postgres_statements as sql
from farthing.store.account_book import AccountBook
from farthing.store.budget_book import BudgetBook
from farthing.store.contract import LeadKey, Loaded, WalletKey
from farthing.store.database_clock import DatabaseClock
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
from farthing.store.postgres_asking import Answer, Asking, Connection, answers, ask_alone, asking
from farthing.store.postgres_packing import pack_column, pack_columns, pack_int8s
from farthing.store.rows import Rows, assemble, sort_wallets, take_holds, take_known
from farthing.store.saving import Stored
from farthing.store.wallet_rows import Row, take_allowance, take_budget, take_debt, take_lot, take_wallet
from farthing.values.amounts import Unit
from farthing.values.bounds import LOTS_AT_FIRST
from farthing.values.entries import Entry, Seal
from farthing.values.errors import LawBroken
from farthing.values.requests import Request
from farthing.values.subscriptions import Subscription
from farthing.values.wallets import Account, AccountState, Wallet

RECEIPT_LINES = 16
"""Lines of a receipt that are asked for at first; a longer one is asked for again, ever more at once."""

CLAIMS: Final = 0x66617274 << 16
"""Where the numbers of our advisory locks begin."""


class Loader:
    """Reads for one unit of work. `begin` opens it, with the settings that it needs, in the first round trip."""

    def __init__(
        self,
        connection: Connection,
        book: int,
        seal: Seal,
        clock: DatabaseClock,
        known: AccountBook,
        budgets: BudgetBook,
        find_unit: Callable[[Connection, int], Unit | None],
        begin: Callable[[Asking], Answer],
        *,
        lock: str = sql.LOCK_ACCOUNTS,
        is_joined: bool = False,
        is_test: bool = False,
    ) -> None:
        self.connection = connection
        self.book = book
        self.seal = seal
        self.clock = clock
        self.known = known
        self.budgets = budgets
        self.find_unit = find_unit
        self.begin = begin
        self.lock = lock
        self.is_joined = is_joined
        """Whether what is read may be in the caller's transaction only."""
        self.is_test = is_test
        self.is_begun = False
        self.stored = Stored()
        self.asked: set[WalletKey] = set()
        """Wallets that have been asked for: those that did not come are new."""

    def load(self, requests: Sequence[Request], now: int) -> Loaded:
        """Everything that these requests can read."""
        needs, loaded, rows = plan_needs(requests), Loaded(), Rows()
        named = self.find_accounts(needs, loaded, now)
        located = needs.locate(named)
        self.load_first(located, named, loaded, rows, now)
        self.load_past(located, loaded)
        self.load_wallets(located, loaded, rows, requests)
        sort_wallets(located, rows, now)
        self.load_more(located, rows, now)
        self.load_budgets(located, loaded, rows, requests)
        self.load_subscriptions(located, rows)
        self.load_named(located, rows)
        assemble(rows)
        return loaded

    def find_accounts(self, needs: Needs, loaded: Loaded, now: int) -> dict[str | int, Account]:
        """Accounts by key and id, without a lock: of what they say only id and shard are sure. One that a request may
        open is NEW, with an id of its own."""
        found: dict[str | int, Account] = {}
        owners: tuple[str | int, ...] = (*needs.keys, *needs.ids)
        for owner in owners:
            account = self.known.find(owner)
            if account is not None:
                found[account.key] = found[account.account_id] = account
        keys = [key for key in needs.keys if key not in found]
        ids = [account_id for account_id in needs.ids if account_id not in found]
        if keys or ids:
            asked = (self.book, pack_column(keys, "text"), pack_int8s(ids), self.book)
            for row in ask_alone(self.connection, sql.FIND_ACCOUNTS, *asked).fetchall():
                account = take_known(row)
                found[account.key] = found[account.account_id] = account
        fresh = [key for key in keys if key not in found and needs.keys[key]]
        if fresh:
            self.claim_keys(fresh, found, loaded, now if self.is_test else 0)
        return found

    def claim_keys(self, fresh: Sequence[str], found: dict[str | int, Account], loaded: Loaded, clock: int) -> None:
        """Take care that no caller's transaction opens these accounts meanwhile: wait until it ends, or let requests
        for them wait. Those that are there by then are found; the others are new."""
        claims = {key: name_claim(self.book, hash_shard(key)) for key in fresh}
        claim = sql.CLAIM_FREE_KEYS if self.lock == sql.LOCK_FREE_ACCOUNTS else sql.CLAIM_KEYS
        begun = self.clock.begin()
        with asking(self.connection) as a:
            opened = self.begin(a)
            claimed = sorted(set(claims.values()))
            taken = a.ask(sql.CLAIM_KEYS_ALONE if self.is_joined else claim, pack_int8s(claimed))
            keys = pack_column(fresh, "text")
            there = a.ask(sql.FIND_ACCOUNTS, self.book, keys, pack_int8s(()), self.book)
            allotted = a.ask(sql.NEW_ACCOUNT_IDS, len(fresh))
        self.is_begun = True
        self.clock.learn(opened.fetchall()[0][0], begun)
        known = {account.key: account for account in map(take_known, answers(there))}
        mine = {row[0] for row in answers(taken)}
        for (account_id,), key in zip(answers(allotted), fresh, strict=True):
            if key not in known and claims[key] not in mine:
                loaded.aside.add(key)
                continue
            account = known.get(key)
            if account is None:
                account = Account(account_id, hash_shard(key), self.book, key, AccountState.NEW, clock=clock)
            found[key] = found[account.account_id] = account

    def load_first(
        self, located: Located, named: dict[str | int, Account], loaded: Loaded, rows: Rows, now: int
    ) -> None:
        """Lock, and read all that can be asked for before anything is known: keys, holds, wallets, a few lots."""
        there = {account.account_id for account in named.values() if account.state != AccountState.NEW}
        places = [(place.account_id, place.unit_id, place.number) for place in located.holds]
        self.asked.update((key, unit) for key, unit_ids in located.units.items() if key in there for unit in unit_ids)
        self.asked.update(place[:2] for place in places)
        names = [(key, name) for key, wanted in located.names.items() if key in there for name in wanted]
        digests = [(key, digest) for key, wanted in located.digests.items() if key in there for digest in wanted]
        wallets = sorted(self.asked)
        begun = self.clock.begin()
        with asking(self.connection) as a:
            opened = None if self.is_begun else self.begin(a)
            locked = a.ask(self.lock, pack_int8s(sorted(there))) if there else None
            taken = ask_keys(a, digests)
            leading, others = a.ask_each(sql.LEADING_PARTS, places), a.ask_each(sql.OTHER_PARTS, places)
            holds = a.ask_each(sql.NAMED_HOLDS, names)
            totals, lots = a.ask_each(sql.WALLETS, wallets), a.ask_each(sql.FEW_LOTS, wallets)
        if opened is not None:
            self.clock.learn(opened.fetchall()[0][0], begun)
        self.take_accounts(answers(locked), named, loaded)
        self.take_parts(answers(leading), answers(others), located, loaded, rows)
        self.take_holds(answers(holds), loaded, rows)
        self.take_wallets(answers(totals), answers(lots), loaded, rows)
        self.load_replays(answers(taken), loaded)

    def take_accounts(self, locked: list[Row], named: dict[str | int, Account], loaded: Loaded) -> None:
        """Accounts as they are under their lock. Those that are not there others have locked."""
        for row in locked:
            seen = named.get(row[0])
            account = seen if seen == row else take_known(row)
            if account.book == self.book:
                loaded.accounts[account.key] = loaded.accounts[account.account_id] = account
                if not self.is_joined:
                    self.known.learn(account)
        for owner, account in named.items():
            if account.state == AccountState.NEW:
                loaded.accounts[owner] = account
            elif owner not in loaded.accounts:
                if self.lock == sql.LOCK_FREE_ACCOUNTS:
                    loaded.aside.add(owner)
                else:
                    # Waited for, and not there: this is not the database that it was.
                    self.known.forget(account)

    def take_parts(self, leading: list[Row], others: list[Row], located: Located, loaded: Loaded, rows: Rows) -> None:
        """The parts of holds named by id, whose units count as asked for."""
        for key, hold in take_holds(leading) + sorted(take_holds(others)):
            account_id, unit_id = key
            lead = (account_id, hold.lead_unit, hold.lead_number)
            if account_id in loaded.accounts and (unit_id == hold.lead_unit or lead in loaded.hold_units):
                loaded.hold_units[lead] = (*loaded.hold_units.get(lead, ()), unit_id)
                located.units.setdefault(account_id, set()).add(unit_id)
                rows.holds.setdefault(key, []).append(hold)

    def take_holds(self, found: list[Row], loaded: Loaded, rows: Rows) -> None:
        """Open holds."""
        for key, hold in take_holds(found):
            if key[0] in loaded.accounts:
                rows.holds.setdefault(key, []).append(hold)

    def take_wallets(self, totals: list[Row], lots: list[Row], loaded: Loaded, rows: Rows) -> None:
        """Wallets that have a row, and their next lots."""
        for row in totals:
            account, unit = loaded.accounts.get(row[0]), self.find_unit(self.connection, row[1])
            if account is not None and unit is None:
                raise lose_unit(account, row[1])
            if account is not None and unit is not None:
                wallet = take_wallet(account, unit, row[2:])
                rows.wallets[row[:2]] = loaded.wallets[row[:2]] = self.stored.wallets[row[:2]] = wallet
        for row in lots:
            if row[:2] in rows.wallets:
                rows.lots.setdefault(row[:2], []).append(take_lot(row[2:]))

    def load_replays(self, taken: list[Row], loaded: Loaded) -> None:
        """The receipts that took these keys before."""
        mine = [row for row in taken if row[0] in loaded.accounts]
        receipts = self.read_receipts([(row[0], row[2], row[3]) for row in mine])
        for account_id, digest, unit_id, number in mine:
            loaded.replays[account_id, digest] = receipts[account_id, unit_id, number]

    def read_receipts(self, leads: Sequence[LeadKey]) -> dict[LeadKey, list[Entry]]:
        """The entries that stand under these leads, in the order of their writing."""
        found: dict[LeadKey, list[tuple[int, Entry]]] = {lead: [] for lead in leads}
        wanted, size = sorted(found), RECEIPT_LINES
        while wanted:
            with asking(self.connection) as a:
                own = a.ask_each(sql.FROM_LEAD_ON, wanted, size)
                others = a.ask_each(sql.OTHERS_OF_LEAD, wanted) if size == RECEIPT_LINES else None
            longest = {lead for lead, count in count_leads(answers(own), found).items() if count == size}
            count_leads(answers(others), found)
            wanted, size = sorted(longest), size * 64
            for lead in wanted:
                found[lead] = [pair for pair in found[lead] if pair[1].unit_id != lead[1]]
        return {lead: [entry for _, entry in sorted(pairs)] for lead, pairs in found.items()}

    def load_past(self, located: Located, loaded: Loaded) -> None:
        """What was written of the charges that are to be refunded, and the lots and debts that they moved; what was
        written of the grants that are to be clawed back."""
        leads = [
            (place.account_id, place.unit_id, place.number)
            for place in (*located.charges, *located.clawed)
            if place.account_id in loaded.accounts
        ]
        if not leads:
            return
        clawed = {(place.account_id, place.unit_id, place.number) for place in located.clawed}
        receipts = self.read_receipts(leads)
        roots = {(lead[0], *root) for lead, receipt in receipts.items() for root in find_roots(receipt)} | clawed
        with asking(self.connection) as a:
            about = a.ask_each(sql.ABOUT, sorted(roots))
        later: dict[LeadKey, list[Entry]] = {}
        for account_id, *fields in answers(about):
            entry = Entry._make(fields)
            later.setdefault((account_id, entry.unit_id, entry.of_number), []).append(entry)
        for lead, receipt in receipts.items():
            if lead in clawed:
                past = join_past(receipt, later.get(lead, ()))
                if past:
                    loaded.past[lead] = past
            elif receipt:
                self.take_past(lead, receipt, later, located, loaded)

    def take_past(
        self,
        lead: LeadKey,
        receipt: list[Entry],
        later: dict[LeadKey, list[Entry]],
        located: Located,
        loaded: Loaded,
    ) -> None:
        """One charge: the entries of its receipt, then all that speak of it, by unit and number."""
        past = join_past(receipt, [e for root in find_roots(receipt) for e in later.get((lead[0], *root), ())])
        loaded.past[lead] = past
        located.units.setdefault(lead[0], set()).update(entry.unit_id for entry in past)
        lots, debts = find_touched(past)
        located.grants.setdefault(lead[0], set()).update(lots)
        located.debts.setdefault(lead[0], set()).update(debts)

    def load_wallets(self, located: Located, loaded: Loaded, rows: Rows, requests: Sequence[Request]) -> None:
        """A wallet for every unit that is asked for: those that holds and charges led to are read now, and those that
        have no row are new. Raises `LawBroken` where a unit is lost."""
        wanted = {(key, unit) for key, units in located.units.items() if key in loaded.accounts for unit in units}
        missing = wanted - rows.wallets.keys()
        if missing:
            later = sorted(key for key in missing - self.asked if loaded.accounts[key[0]].state != AccountState.NEW)
            if later:
                with asking(self.connection) as a:
                    totals, lots = a.ask_each(sql.WALLETS, later), a.ask_each(sql.FEW_LOTS, later)
                self.take_wallets(answers(totals), answers(lots), loaded, rows)
            missing -= rows.wallets.keys()
            missing |= {(key, 0) for key, _ in missing if loaded.accounts[key].state == AccountState.NEW}
        for account_id, unit_id in sorted(missing):
            account, unit = loaded.accounts[account_id], self.find_unit(self.connection, unit_id)
            if unit is not None:
                wallet = Wallet(account, unit, self.seal.begin(account, unit))
                loaded.wallets[account_id, unit_id] = self.stored.wallets[account_id, unit_id] = wallet
            elif any(unit_id in r.units and not isinstance(r, BY_PLACE) for r in requests):
                raise lose_unit(account, unit_id)

    def load_more(self, located: Located, rows: Rows, now: int) -> None:
        """Of wallets with more lots than were read at first, the rest or the first; and everything open and unexpired
        where a wallet needs it all."""
        long = [key for key, lots in rows.lots.items() if len(lots) > LOTS_AT_FIRST]
        few = [key for key in rows.partial if key in rows.lots and len(rows.lots[key]) <= LOTS_AT_FIRST]
        for key in few:
            rows.first[key] = [lot for lot in rows.lots.pop(key) if lot.started]
        for key in long:
            del rows.lots[key]
        thorough = sorted(rows.thorough)
        unexpired = [(*key, instant) for key, instant in located.list_unexpired(rows.wallets, now)]
        if not (long or thorough or unexpired):
            return
        with asking(self.connection) as a:
            first = a.ask_each(sql.FIRST_LOTS, [key for key in long if key in rows.partial])
            lots = a.ask_each(sql.OPEN_LOTS, [key for key in long if key not in rows.partial])
            holds, debts = a.ask_each(sql.OPEN_HOLDS, thorough), a.ask_each(sql.OPEN_DEBTS, rows.list_owing())
            allowances = a.ask_each(sql.LIVE_ALLOWANCES, rows.list_recurring())
            lasting = a.ask_each(sql.UNEXPIRED_LOTS, unexpired)
        for row in answers(first):
            rows.first.setdefault(row[:2], []).append(take_lot(row[2:]))
        for row in answers(lots):
            rows.lots.setdefault(row[:2], []).append(take_lot(row[2:]))
        for key, hold in take_holds(answers(holds)):
            rows.holds.setdefault(key, []).append(hold)
        for row in answers(debts):
            rows.debts.setdefault(row[:2], []).append(take_debt(row[2:]))
        for row in answers(allowances):
            rows.allowances.setdefault(row[:2], []).append(take_allowance(row[2:]))
        for row in answers(lasting):
            known, lot = rows.lots.setdefault(row[:2], []), take_lot(row[2:])
            if all(lot.number != other.number for other in known):
                known += self.stored.note_ended(row[:2], [lot])

    def load_budgets(self, located: Located, loaded: Loaded, rows: Rows, requests: Sequence[Request]) -> None:
        """Of wallets with budgets all of these, and the counters that can be read."""
        wanted = located.list_budgeted(rows.wallets)
        if wanted:
            subjects = find_subjects(wanted, requests, loaded.accounts, rows.holds, loaded.past)
            unknown, asked = self.stored.recall_budgets(self.budgets, subjects)
            if not (unknown or asked):
                return
            with asking(self.connection) as a:
                budgets, tallies = a.ask_each(sql.LIVE_BUDGETS, unknown), a.ask_each(sql.TALLIES, asked)
            for row in answers(budgets):
                rows.budgets.setdefault(row[:2], []).append(take_budget(row[2:]))
            for key, counters in self.stored.note_tallies(answers(tallies)):
                rows.counters.setdefault(key, []).extend(counters)

    def load_subscriptions(self, located: Located, rows: Rows) -> None:
        """The last steps of subscriptions."""
        asked = [(account_id,) for account_id in located.subscribed if (account_id, 0) in rows.wallets]
        if asked:
            with asking(self.connection) as a:
                found = a.ask_each(sql.LAST_SUBSCRIPTIONS, asked)
            for row in answers(found):
                rows.wallets[row[0], 0].subscription = Subscription._make(row[1:])

    def load_named(self, located: Located, rows: Rows) -> None:
        """Named debts and what paid them, named lots, and those that a loaded hold has drawn on."""
        debts = {(account, *place) for account, places in located.debts.items() for place in places}
        debts -= {(*key, debt.number) for key, known in rows.debts.items() for debt in known}
        if debts:
            with asking(self.connection) as a:
                found = a.ask_each(sql.DEBTS, sorted(debts))
            for row in answers(found):
                rows.debts.setdefault(row[:2], []).append(take_debt(row[2:]))
        lots = {(account, *place) for account, places in located.grants.items() for place in places}
        lots.update((*key, lot) for key, holds in rows.holds.items() for hold in holds for lot, _ in hold.draws)
        lots.update((*key, lot) for key, owed in rows.debts.items() for debt in owed for lot, _ in debt.payers if lot)
        for kept in (rows.lots, rows.first):
            lots -= {(*key, lot.number) for key, known in kept.items() for lot in known}
        if lots:
            with asking(self.connection) as a:
                found = a.ask_each(sql.LOTS, sorted(lots))
            for row in answers(found):
                rows.lots.setdefault(row[:2], []).extend(self.stored.note_ended(row[:2], [take_lot(row[2:])]))

    def load_whole(self, wallet: Wallet) -> Wallet:
        """The same wallet with all that the store has of it."""
        key = (wallet.account.account_id, wallet.unit.unit_id)
        with asking(self.connection) as a:
            questions = (sql.OPEN_LOTS, sql.OPEN_HOLDS, sql.OPEN_DEBTS, sql.LIVE_ALLOWANCES)
            open_lots, open_holds, open_debts, live = (a.ask_each(text, [key]) for text in questions)
        holds = sorted(hold for _, hold in take_holds(answers(open_holds)))
        lots = [take_lot(row[2:]) for row in answers(open_lots)]
        drawn = {lot for hold in holds for lot, _ in hold.draws} - {lot.number for lot in lots}
        subjects = {subject for hold in holds for _, subject, _ in hold.reserves} if wallet.budgeted else set()
        with asking(self.connection) as a:
            more = a.ask_each(sql.LOTS, [(*key, number) for number in sorted(drawn)])
            tallies = a.ask_each(sql.TALLIES, [(*key, subject) for subject in sorted(subjects)])
        lots += [take_lot(row[2:]) for row in answers(more)]
        return widen_wallet(
            wallet,
            self.stored.note_later(key, lots),
            holds,
            [take_debt(row[2:]) for row in answers(open_debts)],
            sorted(take_allowance(row[2:]) for row in answers(live)),
            [each for _, some in self.stored.note_tallies(answers(tallies)) for each in some],
        )


def join_past(receipt: list[Entry], later: Iterable[Entry]) -> list[Entry]:
    """A receipt, and then the later entries that do not stand in it, by unit and number."""
    seen = {(entry.unit_id, entry.number) for entry in receipt}
    return receipt + sorted(entry for entry in later if (entry.unit_id, entry.number) not in seen)


def ask_keys(a: Asking, digests: Sequence[tuple[int, bytes]]) -> Answer | None:
    """Who took these keys before."""
    if not digests:
        return None
    return a.ask(sql.TAKEN_KEYS, *pack_columns(digests, ("int8", "bytea")))


def count_leads(rows: list[Row], found: dict[LeadKey, list[tuple[int, Entry]]]) -> dict[LeadKey, int]:
    """Put lines under their leads, with their positions; how many there are of each."""
    counts: dict[LeadKey, int] = {}
    for position, account_id, *fields in rows:
        entry = Entry._make(fields)
        lead = (account_id, entry.lead_unit, entry.lead_number)
        found[lead].append((position, entry))
        counts[lead] = counts.get(lead, 0) + 1
    return counts


def name_claim(book: int, shard: int) -> int:
    """The advisory lock of those who open accounts: one for each shard, since the server has room for a few thousand
    locks only."""
    return ((CLAIMS + book) << 16) + shard


def lose_unit(account: Account, unit_id: int) -> LawBroken:
    """A unit that was known, and is gone."""
    problem = "its row in the table of units is gone"
    return LawBroken(law="units_are_kept", account=account.key, unit=f"unit {unit_id}", problem=problem)
