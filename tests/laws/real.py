"""The real core behind the same kind of methods as the naive model: one account, several units, everything in memory.

Each decision sees as little as a store may show it (`narrow`): a few usable lots, and what the request names.
"""

from __future__ import annotations

import random
from collections.abc import Iterable

from farthing.core.amounts import Unit
from farthing.core.burndown import place_lots, rank_lot, widen_wallet
from farthing.core.decide import Decision, apply_due_only, decide, find_replay
from farthing.core.entries import CHARGES, Entry, Kind, Seal, unpack_effects
from farthing.core.requests import Hold, Place, Refund, Request, ResetUsed, SetUsed, Void
from farthing.core.wallets import Account, AccountState, HoldState, NeedsMore, Wallet

UNITS = {"credits": Unit(1, "credits", 6), "generations": Unit(2, "generations", 0)}


class RealAccount:
    def __init__(self, key: str, account_id: int) -> None:
        self.dice = random.Random(account_id)
        self.seal = Seal()
        self.key = key
        self.account = Account(account_id, 3, 1, key, AccountState.NEW)
        units = [Unit(0, "account", 0, 0), *UNITS.values()]
        self.wallets = {unit.unit_id: Wallet(self.account, unit, self.seal.begin(self.account, unit)) for unit in units}
        self.entries: list[Entry] = []

    def ask(self, request: Request, now: int) -> tuple[list[Entry], bool]:
        """The receipt's entries, and whether it is a replay. Raises what `decide` raises; then nothing has changed."""
        took = [entry for entry in self.entries if entry.key_digest == request.digests()[0]]
        if took:
            receipt = [entry for entry in self.entries if entry[3:5] == took[0][3:5]]
            find_replay(request, receipt)
            return receipt, True
        past = self.find_past(request)
        units = self.find_units(request, past)
        seen = {unit: self.narrow(self.wallets[unit], request, past, now) for unit in units}
        while True:
            try:
                decision = decide(self.account, seen, request, now, self.seal, past)
                break
            except NeedsMore as need:
                seen[need.unit_id] = self.widen(seen[need.unit_id])
        self.keep(decision)
        return [entry for entry in decision.entries if (entry.lead_unit, entry.lead_number) == decision.lead], False

    def keep(self, decision: Decision) -> None:
        self.account = decision.account
        for unit, wallet in decision.wallets.items():
            self.wallets[unit] = self.widen(wallet)
        self.entries += decision.entries

    def widen(self, wallet: Wallet) -> Wallet:
        full = self.wallets[wallet.unit.unit_id]
        return widen_wallet(wallet, list(full.lots.values()), list(full.holds.values()), list(full.debts.values()))

    def find_units(self, request: Request, past: list[Entry]) -> list[int]:
        units = list(request.units)
        if request.place is not None:
            units = [request.place.unit_id]
            lead = (request.place.unit_id, request.place.number)
            for number, wallet in self.wallets.items():
                parts = [hold for hold in wallet.holds.values() if (hold.lead_unit, hold.lead_number) == lead]
                if parts or any(entry.unit_id == number for entry in past):
                    units.append(number)
        if self.account.state == AccountState.NEW:
            units.append(0)
        return list(dict.fromkeys(units))

    def find_past(self, request: Request) -> list[Entry]:
        if not isinstance(request, Refund):
            return []
        lead = (request.charge.unit_id, request.charge.number)
        first = [entry for entry in self.entries if (entry.lead_unit, entry.lead_number) == lead]
        past = list(first)
        for entry in first:
            if entry.kind not in CHARGES | {Kind.HELD}:
                continue
            base = entry.of_number or entry.number
            later = (e for e in self.entries if e.unit_id == entry.unit_id and e.of_number == base)
            past += [e for e in later if e not in past]
        return sorted(past, key=lambda entry: (entry.unit_id, entry.number))

    def narrow(self, wallet: Wallet, request: Request, past: Iterable[Entry], now: int) -> Wallet:
        """No more than a store would load: what is due makes a wallet whole, else a few lots and what is named."""
        is_due = wallet.next_due <= max(now, *(each.clock for each in self.wallets.values()))
        if is_due or isinstance(request, SetUsed | ResetUsed) or self.dice.random() < 0.2:
            return self.widen(wallet)
        seen = wallet.copy()
        usable = [lot for lot in wallet.lots.values() if lot.started and lot.remaining]
        first = usable[: self.dice.randint(0, 3)]
        seen.lots = {lot.number: lot for lot in first}
        seen.holds, seen.debts = {}, {}
        named: set[int] = set()
        for hold in wallet.holds.values():
            is_named = request.place is not None and (hold.lead_unit, hold.lead_number) == request.place[2:]
            if is_named or (isinstance(request, Hold) and hold.name == request.name and hold.state == HoldState.OPEN):
                seen.holds[hold.number] = hold
                named |= {lot for lot, _ in hold.draws}
        for entry in past:
            if entry.unit_id == wallet.unit.unit_id:
                for _, first_key, second_key, _ in unpack_effects(entry.effects):
                    named |= {first_key, second_key}
        if isinstance(request, Void) and request.grant is not None:
            named.add(request.grant.number)
        seen.debts = {number: debt for number, debt in wallet.debts.items() if number in named}
        for debt in seen.debts.values():
            named |= {payer for payer, _ in debt.payers}
        place_lots(seen, [wallet.lots[number] for number in named if number in wallet.lots])
        seen.unloaded = sum(lot.number not in seen.lots for lot in usable)
        seen.horizon = rank_lot(first[-1]) if first else (-1,)
        seen.whole = False
        return seen

    def look(self, unit: str, now: int) -> Wallet:
        """A wallet as a reader sees it at `now`."""
        return apply_due_only(self.wallets[UNITS[unit].unit_id], now, self.seal)

    def place(self, unit: str, number: int) -> Place:
        return Place(self.account.shard, self.account.account_id, UNITS[unit].unit_id, number)
