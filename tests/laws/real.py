"""The real core behind the same kind of methods as the naive model: one account, several units, everything in memory.

Each decision sees as little as a store may show it (`narrow`): a few usable lots, what the request names, allowances
only where something is due or asked about, and of what has ended nothing that the request does not name.
"""

from __future__ import annotations

import random
from collections.abc import Iterable

from farthing.core.burndown import place_lots, rank_lot, widen_wallet
from farthing.core.decide import Decision, apply_due_only, decide, find_replay
from farthing.engine.zones import find_zone
from farthing.values.amounts import Unit
from farthing.values.bounds import NEVER
from farthing.values.entries import CHARGES, Effect, Entry, Kind, Seal, unpack_effects
from farthing.values.requests import Hold, Place, Refund, Request, ResetUsed, SetUsed, Void
from farthing.values.standing_requests import Advance, Clawback, OfOneUnit, Reschedule, Together
from farthing.values.subscriptions import Subscription
from farthing.values.wallets import Account, AccountState, Debt, HoldState, Lot, NeedsMore, Wallet
from farthing.values.wallets import Hold as HoldRow

UNITS = {"credits": Unit(1, "credits", 6), "generations": Unit(2, "generations", 0)}
ASKS_FOR_ALL = (SetUsed, ResetUsed, Advance, OfOneUnit, Together)


class Archive:
    """What has ended in one wallet."""

    def __init__(self) -> None:
        self.lots: dict[int, Lot] = {}
        self.holds: dict[int, HoldRow] = {}
        self.debts: dict[int, Debt] = {}


class RealAccount:
    def __init__(self, key: str, account_id: int, *, clock: int = 0, narrows: float = 0.8) -> None:
        """`clock`: where an account of a test book begins. `narrows`: how often a decision sees only a part."""
        self.dice = random.Random(account_id)
        self.narrows = narrows
        self.seal = Seal()
        self.key = key
        self.account = Account(account_id, 3, 1, key, AccountState.NEW, clock=clock)
        units = [Unit(0, "account", 0, 0), *UNITS.values()]
        self.wallets = {unit.unit_id: Wallet(self.account, unit, self.seal.begin(self.account, unit)) for unit in units}
        self.archives = {unit.unit_id: Archive() for unit in units}
        self.entries: list[Entry] = []
        self.took: dict[bytes, tuple[int, int]] = {}
        self.receipts: dict[tuple[int, int], list[Entry]] = {}
        self.told_of: dict[tuple[int, int], list[Entry]] = {}

    def ask(self, request: Request, now: int) -> tuple[list[Entry], bool]:
        """The receipt's entries, and whether it is a replay. Raises what `decide` raises; then nothing has changed."""
        took = self.took.get(request.digests()[0])
        if took is not None:
            receipt = self.receipts[took]
            find_replay(request, receipt)
            return receipt, True
        past = self.find_past(request)
        units = self.find_units(request, past)
        seen = {unit: self.narrow(self.wallets[unit], request, past, now) for unit in units}
        while True:
            try:
                decision = decide(self.account, seen, request, now, self.seal, find_zone, past)
                break
            except NeedsMore as need:
                seen[need.unit_id] = self.widen(seen[need.unit_id])
        self.keep(decision)
        return self.receipts.get(decision.lead, []), False

    def keep(self, decision: Decision) -> None:
        self.account = decision.account
        for unit, wallet in decision.wallets.items():
            self.wallets[unit] = self.put_away(self.widen(wallet))
        if decision.account.state == AccountState.CLOSED:
            for wallet in self.wallets.values():
                wallet.account = decision.account  # as whoever loads it finds it
        for entry in decision.entries:
            self.receipts.setdefault((entry.lead_unit, entry.lead_number), []).append(entry)
            if entry.of_number:
                self.told_of.setdefault((entry.unit_id, entry.of_number), []).append(entry)
            if entry.key_digest is not None:
                self.took[entry.key_digest] = decision.lead
        self.entries += decision.entries

    def widen(self, wallet: Wallet) -> Wallet:
        """With all that has not ended."""
        if wallet.whole:
            return wallet
        full = self.wallets[wallet.unit.unit_id]
        return widen_wallet(
            wallet,
            list(full.lots.values()),
            list(full.holds.values()),
            list(full.debts.values()),
            list(full.allowances.values()),
            list(full.counters.values()),
        )

    def put_away(self, wallet: Wallet) -> Wallet:
        """Without what has ended: that is there for those who name it."""
        archive = self.archives[wallet.unit.unit_id]
        held = {lot for hold in wallet.holds.values() for lot, _ in hold.draws}
        for number, lot in list(wallet.lots.items()):
            if not lot.remaining and lot.expires_at <= wallet.clock and number not in held:
                archive.lots[number] = wallet.lots.pop(number)
        for number, hold in list(wallet.holds.items()):
            if hold.state != HoldState.OPEN:
                archive.holds[number] = wallet.holds.pop(number)
        for number, debt in list(wallet.debts.items()):
            if not debt.remaining:
                archive.debts[number] = wallet.debts.pop(number)
        wallet.budgets = {n: each for n, each in wallet.budgets.items() if not each.ended_at}
        return wallet

    def find_units(self, request: Request, past: list[Entry]) -> list[int]:
        units = list(request.units)
        if request.place is not None and not isinstance(request, Clawback):
            units = [request.place.unit_id]
            lead = (request.place.unit_id, request.place.number)
            units += [entry.unit_id for entry in [*self.receipts.get(lead, []), *past]]
        if self.account.state == AccountState.NEW:
            units.append(0)
        return list(dict.fromkeys(units))

    def find_past(self, request: Request) -> list[Entry]:
        if not isinstance(request, Refund | Clawback):
            return []
        place = request.charge if isinstance(request, Refund) else request.grant
        past = list(self.receipts.get((place.unit_id, place.number), []))
        if isinstance(request, Clawback):
            bases = {(place.unit_id, place.number)}
        else:
            bases = {
                (entry.unit_id, entry.of_number or entry.number)
                for entry in past
                if entry.kind in CHARGES or entry.kind == Kind.HELD
            }
        for base in bases:
            past += [entry for entry in self.told_of.get(base, []) if entry not in past]
        return sorted(past, key=lambda entry: (entry.unit_id, entry.number))

    def narrow(self, wallet: Wallet, request: Request, past: Iterable[Entry], now: int) -> Wallet:
        """No more than a store would load: what is due makes a wallet whole, else a few lots and what is named."""
        at = max(self.account.clock or now, *(each.clock for each in self.wallets.values()))
        lots, holds, debts = self.list_named(wallet, request, past)
        if wallet.next_due <= at or isinstance(request, ASKS_FOR_ALL) or self.dice.random() >= self.narrows:
            if not (lots or holds or debts):
                return wallet
            seen = wallet.copy()
        else:
            seen = self.leave_out(wallet)
        place_lots(seen, lots)
        for hold in holds:
            seen.holds[hold.number] = hold
        if debts:
            seen.debts = dict(sorted((seen.debts | {debt.number: debt for debt in debts}).items()))
        if not seen.whole:
            usable = [lot.number for lot in wallet.lots.values() if lot.started and lot.remaining]
            seen.unloaded = sum(number not in seen.lots for number in usable)
        return seen

    def leave_out(self, wallet: Wallet) -> Wallet:
        """The first lots in burn-down order and nothing else; counters are left out where nothing names them."""
        seen = wallet.copy()
        usable = [lot for lot in wallet.lots.values() if lot.started and lot.remaining]
        first = usable[: self.dice.randrange(4)]
        seen.lots = {lot.number: lot for lot in first}
        seen.holds, seen.debts, seen.allowances = {}, {}, {}
        seen.horizon = rank_lot(first[-1]) if first else (-1,)
        seen.whole = False
        return seen

    def list_named(
        self, wallet: Wallet, request: Request, past: Iterable[Entry]
    ) -> tuple[list[Lot], list[HoldRow], list[Debt]]:
        """Lots, holds and debts that a request names, ended or not."""
        unit, archive = wallet.unit.unit_id, self.archives[wallet.unit.unit_id]
        named: set[int] = set()
        holds = []
        place = request.place
        if isinstance(request, Hold) and request.name:
            holds = [hold for hold in wallet.holds.values() if hold.name == request.name]
        elif place is not None:
            there = [*wallet.holds.values(), *archive.holds.values()]
            holds = [hold for hold in there if (hold.lead_unit, hold.lead_number) == place[2:]]
        for hold in holds:
            named.update([lot for lot, _ in hold.draws])
        for entry in past:
            if entry.unit_id == unit:
                for _, first, second, _ in unpack_effects(entry.effects):
                    named.update((first, second))
        if isinstance(request, Void | Clawback | Reschedule) and request.grant is not None:
            named.add(request.grant.number)
        debts = [debt for number in named if (debt := wallet.debts.get(number) or archive.debts.get(number))]
        for debt in debts:
            named.update([payer for payer, _ in debt.payers])
        lots = [lot for number in named if (lot := wallet.lots.get(number) or archive.lots.get(number))]
        return lots, holds, debts

    def look(self, unit: str, now: int) -> Wallet:
        """A wallet as a reader sees it at `now`."""
        return apply_due_only(self.wallets[UNITS[unit].unit_id], now, self.seal, find_zone)

    def subscription(self) -> Subscription | None:
        """The step that holds."""
        return self.wallets[0].subscription

    def place(self, unit: str, number: int) -> Place:
        return Place(self.account.shard, self.account.account_id, UNITS[unit].unit_id, number)


def list_alerts(entries: Iterable[Entry], unit_id: int) -> list[tuple[int, int, int]]:
    """(kind, threshold or budget, how much) of the alerts in a receipt, in one unit."""
    return [
        (first, second, third)
        for entry in entries
        if entry.unit_id == unit_id and entry.kind == Kind.ALERTED
        for effect, first, second, third in unpack_effects(entry.effects)
        if effect == Effect.ALERT_FIRED
    ]


def list_wanted(entries: Iterable[Entry], unit_id: int) -> list[tuple[int, int]]:
    """(entry, how much) of the purchase that a receipt asks for, in one unit."""
    return [(e.number, e.amount) for e in entries if e.unit_id == unit_id and e.kind == Kind.TOP_UP_WANTED]


def to_end(instant: int) -> int | None:
    """An end in the model's words."""
    return None if instant == NEVER else instant
