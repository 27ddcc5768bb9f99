"""A unit of work in memory: loads from the published tables and its own, saves to its own, publishes at `commit`."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from farthing.core.burndown import place_lots, rank_lot
from farthing.core.laws import break_law
from farthing.store.contract import Changes, LeadKey, Loaded, WalletKey
from farthing.store.needs import (
    Located,
    Needs,
    find_instant,
    find_roots,
    find_subjects,
    find_touched,
    hash_shard,
    is_loaded_whole,
    mark_partial,
    names_in,
    plan_needs,
)
from farthing.store.shelves import Shelf, Tables
from farthing.values.amounts import Unit
from farthing.values.bounds import LOTS_AT_FIRST
from farthing.values.entries import Entry, Seal
from farthing.values.requests import Place, Request
from farthing.values.wallets import Account, AccountState, Wallet


class Memory(Protocol):
    """What a unit of work needs of its store."""

    seal: Seal
    book: int
    is_test: bool
    tables: Tables

    def find_unit(self, unit_id: int) -> Unit | None:
        """A unit by its id."""
        ...

    def name_text(self, number: int) -> str:
        """The text of a name."""
        ...

    def publish(self, own: Tables) -> None:
        """Let readers see what a unit of work wrote."""
        ...


class MemoryWork:
    """One unit of work; see `contract.Work`."""

    def __init__(self, store: Memory) -> None:
        self.store = store
        self.own = Tables()

    def load(self, requests: Sequence[Request], now: int) -> Loaded:
        """Read what these requests concern; the lock is held already."""
        needs = plan_needs(requests)
        loaded = Loaded()
        self.load_accounts(needs, loaded, now)
        located = needs.locate(loaded.accounts)
        self.load_replays(located, loaded)
        self.load_places(located, loaded)
        for account_id, unit_ids in located.units.items():
            account = loaded.accounts[account_id]
            if account.state == AccountState.NEW:
                unit_ids.add(0)
            for unit_id in sorted(unit_ids):
                unit = self.store.find_unit(unit_id)
                if unit is not None:
                    loaded.wallets[account_id, unit_id] = self.load_wallet(account, unit, located, now)
        self.load_budgets(located, loaded, requests)
        for account_id in located.subscribed:
            wallet = loaded.wallets.get((account_id, 0))
            if wallet is not None:
                wallet.subscription = self.own.find_step(account_id) or self.store.tables.find_step(account_id)
        return loaded

    def load_accounts(self, needs: Needs, loaded: Loaded, now: int) -> None:
        """Accounts by key and id; those that a request may open get an id that is theirs if they are saved."""
        base, own = self.store.tables, self.own
        next_id = max(max(base.accounts, default=0), max(own.accounts, default=0)) + 1
        for key, may_open in needs.keys.items():
            account_id = own.ids.get(key) or base.ids.get(key)
            if account_id is not None:
                account = own.accounts.get(account_id) or base.accounts[account_id]
            elif may_open:
                clock = now if self.store.is_test else 0
                account = Account(next_id, hash_shard(key), self.store.book, key, AccountState.NEW, clock=clock)
                next_id += 1
            else:
                continue
            loaded.accounts[key] = loaded.accounts[account.account_id] = account
        for account_id in needs.ids:
            known = own.accounts.get(account_id) or base.accounts.get(account_id)
            if known is not None:
                loaded.accounts[account_id] = loaded.accounts[known.key] = known

    def load_replays(self, located: Located, loaded: Loaded) -> None:
        """The receipts that took these keys before."""
        for account_id, digests in located.digests.items():
            for digest in digests:
                lead = self.own.keys.get((account_id, digest)) or self.store.tables.keys.get((account_id, digest))
                if lead is not None:
                    loaded.replays[account_id, digest] = self.read_receipt(lead)

    def load_places(self, located: Located, loaded: Loaded) -> None:
        """What the named holds and charges lead to: further units, lots and debts."""
        for place in located.holds:
            lead = place.account_id, place.unit_id, place.number
            parts = self.list_parts(lead)
            if parts:
                loaded.hold_units[lead] = tuple(unit for unit, _ in parts)
                located.units.setdefault(place.account_id, set()).update(unit for unit, _ in parts)
        for place in located.charges:
            past = self.read_past(place)
            if past:
                loaded.past[place.account_id, place.unit_id, place.number] = past
                located.units.setdefault(place.account_id, set()).update(entry.unit_id for entry in past)
                lots, debts = find_touched(past)
                located.grants.setdefault(place.account_id, set()).update(lots)
                located.debts.setdefault(place.account_id, set()).update(debts)
        for place in located.clawed:
            lead = place.account_id, place.unit_id, place.number
            past = self.add_later(lead, self.read_receipt(lead), [lead[1:]])
            if past:
                loaded.past[lead] = past

    def load_wallet(self, account: Account, unit: Unit, located: Located, now: int) -> Wallet:
        """One wallet, as far as `Loaded` says, whole where little is missing."""
        account_id, unit_id = account.account_id, unit.unit_id
        shelf = self.find_shelf((account_id, unit_id))
        if shelf is None:
            return Wallet(account, unit, self.store.seal.begin(account, unit))
        wallet = shelf.take_row(account)
        asked = located.names.get(account_id, set())
        holds = {n: shelf.holds[n] for n in shelf.open_holds if asked and shelf.holds[n].name in asked}
        for place in located.holds:
            if place.account_id == account_id:
                for unit_of_part, number in self.list_parts((account_id, place.unit_id, place.number)):
                    if unit_of_part == unit_id:
                        holds[number] = shelf.holds[number]
        wallet.holds = dict(sorted(holds.items()))
        debts = sorted(number for at, number in located.debts.get(account_id, ()) if at == unit_id)
        wallet.debts = {number: shelf.debts[number] for number in debts if number in shelf.debts}
        named = {number for at, number in located.grants.get(account_id, ()) if at == unit_id}
        named |= {lot for hold in holds.values() for lot, _ in hold.draws}
        named |= {lot for debt in wallet.debts.values() for lot, _ in debt.payers}
        wants_unexpired = unit_id in located.unexpired.get(account_id, ())
        if wants_unexpired:
            named |= {number for number, lot in shelf.lots.items() if lot.expires_at > (account.clock or now)}
        place_lots(wallet, [shelf.lots[number] for number in named if number in shelf.lots])
        at = find_instant(wallet, now)
        if wants_unexpired or wallet.next_due <= at:
            return shelf.widen(wallet)
        if is_loaded_whole(wallet, at):
            place_lots(wallet, [shelf.lots[number] for number in shelf.open_lots])
            return wallet
        live = [lot for lot in map(shelf.lots.__getitem__, shelf.open_lots) if lot.started]
        first = sorted(live, key=rank_lot)[:LOTS_AT_FIRST]
        place_lots(wallet, first)
        mark_partial(wallet, first)
        return wallet

    def load_budgets(self, located: Located, loaded: Loaded, requests: Sequence[Request]) -> None:
        """Of wallets with budgets all of these, and the counters that can be read."""
        wanted = [key for key in located.list_budgeted(loaded.wallets) if self.find_shelf(key) is not None]
        if wanted:
            holds = {key: loaded.wallets[key].holds.values() for key in wanted}
            for key, subjects in find_subjects(wanted, requests, loaded.accounts, holds, loaded.past).items():
                shelf = self.find_shelf(key)
                if shelf is not None:
                    shelf.take_budgets(loaded.wallets[key], subjects)

    def load_whole(self, wallet: Wallet) -> Wallet:
        """The same wallet with all that the store has of it."""
        shelf = self.find_shelf((wallet.account.account_id, wallet.unit.unit_id))
        return wallet if shelf is None else shelf.widen(wallet)

    def find_shelf(self, key: WalletKey) -> Shelf | None:
        """The shelf of a wallet as this work sees it."""
        return self.own.shelves.get(key) or self.store.tables.shelves.get(key)

    def list_parts(self, lead: LeadKey) -> list[tuple[int, int]]:
        """(unit, number) of the parts of a hold, its lead first, then by unit."""
        parts = self.store.tables.parts.get(lead, []) + self.own.parts.get(lead, [])
        return sorted(parts, key=lambda part: (part != lead[1:], part))

    def read_entry(self, account_id: int, unit_id: int, number: int) -> Entry:
        """An entry that an index has led to."""
        shelf = self.find_shelf((account_id, unit_id))
        entry = None if shelf is None else shelf.find_entry(number)
        if entry is None:
            raise LookupError(f"account {account_id}, unit {unit_id} has no entry {number}")
        return entry

    def read_receipt(self, lead: LeadKey) -> list[Entry]:
        """The entries that stand under a lead, in the order of their writing."""
        places = self.store.tables.receipts.get(lead, []) + self.own.receipts.get(lead, [])
        return [self.read_entry(lead[0], unit, number) for unit, number in places]

    def read_past(self, place: Place) -> list[Entry]:
        """The entries of a charge's receipt, then all that speak of the charge, by unit and number."""
        lead = place.account_id, place.unit_id, place.number
        receipt = self.read_receipt(lead)
        return self.add_later(lead, receipt, find_roots(receipt))

    def add_later(self, lead: LeadKey, receipt: list[Entry], roots: Iterable[tuple[int, int]]) -> list[Entry]:
        """A receipt, and then the entries that say `of_number` = one of these."""
        later: set[tuple[int, int]] = set()
        for unit, number in roots:
            about = lead[0], unit, number
            numbers = self.store.tables.about.get(about, []) + self.own.about.get(about, [])
            later |= {(unit, speaking) for speaking in numbers}
        later -= {(entry.unit_id, entry.number) for entry in receipt}
        return receipt + [self.read_entry(lead[0], unit, number) for unit, number in sorted(later)]

    def send_early(self, changes: Changes) -> None:
        """Nothing: there is nobody else to work on it meanwhile."""

    def save(self, changes: Changes) -> None:
        """Stage all of it, or raise `LawBroken` and stage nothing."""
        new = Tables()
        for account in changes.accounts.values():
            if account.account_id not in self.store.tables.accounts and account.account_id not in self.own.accounts:
                new.ids[account.key] = account.account_id
            new.accounts[account.account_id] = account
        for key, wallet in changes.wallets.items():
            shelf = self.find_shelf(key)
            if shelf is None:
                shelf = Shelf(wallet)
                new.units.setdefault(key[0], []).append(key[1])
            new.shelves[key] = shelf.fork()
        self.stage_entries(changes, new)
        self.stage_rows(changes, new)
        self.own.stage(new)

    def stage_entries(self, changes: Changes, new: Tables) -> None:
        """Entries go after those that are there, without a gap, and a key is taken once."""
        for account, entry in changes.entries:
            key = (account.account_id, entry.unit_id)
            shelf = new.shelves.get(key)
            place = (*key, entry.number)
            if shelf is None or entry.number != len(shelf.entries) + len(shelf.fresh) + 1:
                raise break_law(changes.wallets[key], "numbers_without_gaps", f"entry {entry.number} is not the next")
            shelf.fresh.append(entry)
            new.journal.append(place)
            lead = account.account_id, entry.lead_unit, entry.lead_number
            new.receipts.setdefault(lead, []).append((entry.unit_id, entry.number))
            if entry.of_number:
                new.about.setdefault((*key, entry.of_number), []).append(entry.number)
            if entry.key_digest is not None:
                taken = account.account_id, entry.key_digest
                if taken in new.keys or taken in self.own.keys or taken in self.store.tables.keys:
                    raise break_law(changes.wallets[key], "a_key_is_taken_once", f"entry {entry.number} takes it again")
                new.keys[taken] = lead
        for number in names_in(entry for _, entry in changes.entries):
            text = self.store.name_text(number)
            if text:
                new.names[number] = text
        for account, entry, note in changes.notes:
            new.notes[account.account_id, entry.unit_id, entry.number] = note

    def stage_rows(self, changes: Changes, new: Tables) -> None:
        """The last state of wallets, lots, holds and debts."""
        for key, wallet in changes.wallets.items():
            shelf = new.shelves[key]
            if wallet.seq != len(shelf.entries) + len(shelf.fresh):
                raise break_law(wallet, "numbers_without_gaps", f"the wallet says {wallet.seq} entries")
            shelf.put_row(wallet)
        for (account_id, unit_id, _), lot in changes.lots.items():
            new.shelves[account_id, unit_id].put_lot(lot)
        for (account_id, unit_id, number), hold in changes.holds.items():
            shelf = new.shelves[account_id, unit_id]
            if number not in shelf.holds:
                new.parts.setdefault((account_id, hold.lead_unit, hold.lead_number), []).append((unit_id, number))
            shelf.put_hold(hold)
        for (account_id, unit_id, _), debt in changes.debts.items():
            new.shelves[account_id, unit_id].put_debt(debt)
        for (account_id, unit_id, number), allowance in changes.allowances.items():
            new.shelves[account_id, unit_id].allowances[number] = allowance
        for (account_id, unit_id, number), budget in changes.budgets.items():
            new.shelves[account_id, unit_id].budgets[number] = budget
        for (account_id, unit_id, number, subject), counter in changes.counters.items():
            new.shelves[account_id, unit_id].counters[number, subject] = counter
        for place, step in changes.subscriptions.items():
            new.subscriptions[place] = step
            if not step.ended_at:
                new.last_steps[place[0]] = place[1]

    def stop_wallet(self, key: WalletKey) -> None:
        """Mark a wallet in which a law broke; one without a row has nothing to stop."""
        shelf = self.find_shelf(key)
        if shelf is not None:
            stopped = shelf.fork()
            row = stopped.row.copy()
            row.stopped = 1
            stopped.row = row
            self.own.shelves[key] = stopped

    def commit(self) -> None:
        """Publish what was saved."""
        self.store.publish(self.own)
        self.own = Tables()
