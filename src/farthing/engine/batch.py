"""Decides a batch one by one, in order of arrival, against what the requests before it in the batch have changed.

Nothing is written here: `changes` is what the store is to save. A request that is refused, or breaks a law, leaves
no trace.
"""

from collections.abc import Sequence
from typing import Final

from farthing.core.decide import Decision, decide, find_replay, refuse_unknown
from farthing.engine.tickets import Outcome, strip_error
from farthing.engine.zones import find_zone
from farthing.store.contract import Changes, WalletKey, Work
from farthing.store.needs import find_roots, name_owner
from farthing.values.entries import Entry, Seal
from farthing.values.errors import FarthingError, LawBroken
from farthing.values.requests import Hold, NamesHold, Refund, Request
from farthing.values.standing_requests import Clawback, NamesGrant
from farthing.values.wallets import Account, AccountState, NeedsMore, Wallet

NEW = int(AccountState.NEW)
LOOK_BACK: Final = (Refund, Clawback)
"""Requests that are decided on what was written before."""

EARLY_ENTRIES: Final = 128
"""How many entries of a batch are handed to the store at once while the rest is decided."""


class Batch:
    """The requests of one unit of work, and what they have come to so far."""

    def __init__(self, work: Work, requests: Sequence[Request], now: int, seal: Seal, *, provisional: bool) -> None:
        loaded = work.load(requests, now)
        self.work = work
        self.aside = loaded.aside
        """Whose account somebody else has locked: their requests are not decided here."""
        self.requests = [one for one in requests if name_owner(one) not in loaded.aside] if loaded.aside else requests
        self.now = now
        self.seal = seal
        self.provisional = provisional
        self.accounts = loaded.accounts
        self.wallets = loaded.wallets
        self.replays = loaded.replays
        self.past = loaded.past
        self.hold_units = loaded.hold_units
        self.changes = Changes()
        self.broken: list[WalletKey] = []
        """Wallets in which a law broke: to be stopped in a commit of their own."""
        self.keys: dict[tuple[int, str], list[Entry]] = {}
        """Keys taken in this batch, with their receipts."""
        self.follow_ups: dict[tuple[int, int, int], list[Entry]] = {}
        """(account, unit, number) of a charge or grant → what this batch wrote of it. Kept only if it may be asked."""
        self.looks_back = any(type(request) in LOOK_BACK for request in requests)

    def answer_all(self) -> list[Outcome | Exception]:
        """What each of `requests` comes to, in their order. An error that is not Farthing's own is nobody's answer: it
        may have come in the midst of `collect`, so the batch is of no more use."""
        answers: list[Outcome | Exception] = []
        entries, sent = self.changes.entries, 0
        for request in self.requests:
            if len(entries) - sent >= EARLY_ENTRIES:
                self.work.send_early(self.changes)
                sent = len(entries)
            try:
                answers.append(self.answer(request))
            except LawBroken as error:
                self.note_broken(request, error)
                answers.append(strip_error(error))
            except FarthingError as error:
                answers.append(strip_error(error))
        return answers

    def answer(self, request: Request) -> Outcome:
        """Decide one request. Raises what speaks against it; then nothing has changed."""
        account = self.accounts.get(request.account or name_owner(request))
        if account is None or (account.state == NEW and not request.opens):
            raise refuse_unknown(request)
        receipt = self.find_receipt(account, request)
        if receipt and find_replay(request, receipt):
            return Outcome(account, receipt, True, self.provisional, request.key)
        past: Sequence[Entry] = ()
        if self.looks_back and isinstance(request, LOOK_BACK):
            past = self.gather_past(account, request)
        units = self.list_units(account, request, past)
        decision = self.decide(account, units, request, past)
        return Outcome(decision.account, self.collect(account, request, decision), False, self.provisional, request.key)

    def find_receipt(self, account: Account, request: Request) -> list[Entry] | None:
        """The entries of the receipt that took this request's key, in this batch or before it."""
        receipt = self.keys.get((account.account_id, request.key))
        if receipt is None and self.replays:
            receipt = self.replays.get((account.account_id, request.digests()[0]))
        return receipt

    def list_units(self, account: Account, request: Request, past: Sequence[Entry]) -> Sequence[int]:
        """The units that a request concerns, its lead first; before them unit 0 if the account is opened on the way."""
        if account.state == NEW:
            return (0, *(unit for unit in request.units if unit))
        if isinstance(request, NamesHold):
            place = request.hold
            units = self.hold_units.get((account.account_id, place.unit_id, place.number), (place.unit_id,))
        elif isinstance(request, Refund):
            lead = request.charge.unit_id
            units = tuple(sorted({entry.unit_id for entry in past}, key=lambda unit: (unit != lead, unit)))
        elif isinstance(request, NamesGrant):
            units = request.units if request.grant.shard == account.shard else ()
        else:
            return request.units
        if not units or (account.account_id, units[0]) not in self.wallets:
            raise refuse_unknown(request)
        return units

    def decide(self, account: Account, units: Sequence[int], request: Request, past: Sequence[Entry]) -> Decision:
        """Decide, loading more of a wallet where the decision runs out of what is loaded; each wallet once."""
        wallets, key = self.wallets, account.account_id
        while True:
            try:
                named = {unit: wallets[key, unit] for unit in units}
                return decide(account, named, request, self.now, self.seal, find_zone, past)
            except NeedsMore as more:
                short = wallets[key, more.unit_id]
            if short.whole:
                raise RuntimeError(f"a decision asks for more of unit {short.unit.name}, which is loaded whole")
            wallets[key, short.unit.unit_id] = self.work.load_whole(short)

    def collect(self, before: Account, request: Request, decision: Decision) -> list[Entry]:
        """Take a decision over into the state of the batch and into its changes. Returns the entries of the receipt."""
        account, changes, key, lead = decision.account, self.changes, before.account_id, decision.lead
        step = decision.subscription
        if step is not None:
            last = self.wallets[key, 0].subscription
            if last is not None:
                changes.subscriptions[key, last.number] = last._replace(ended_at=step.recorded_at)
            changes.subscriptions[key, step.number] = step
        for unit, wallet in decision.wallets.items():
            self.wallets[key, unit] = changes.wallets[key, unit] = wallet
        for unit, number in decision.lots:
            changes.lots[key, unit, number] = decision.wallets[unit].lots[number]
        for unit, number in decision.holds:
            changes.holds[key, unit, number] = decision.wallets[unit].holds[number]
        for unit, number in decision.debts:
            changes.debts[key, unit, number] = decision.wallets[unit].debts[number]
        for unit, number in decision.allowances:
            changes.allowances[key, unit, number] = decision.wallets[unit].allowances[number]
        for unit, number in decision.budgets:
            changes.budgets[key, unit, number] = decision.wallets[unit].budgets[number]
        for unit, counted in decision.counters:
            changes.counters[key, unit, *counted] = decision.wallets[unit].counters[counted]
        if account is not before:
            self.accounts[account.key] = self.accounts[key] = changes.accounts[key] = account
        receipt = []
        for entry in decision.entries:
            changes.entries.append((account, entry))
            if (entry.lead_unit, entry.lead_number) == lead:
                receipt.append(entry)
        if receipt:
            self.keys[key, request.key] = receipt
            if request.note is not None:
                changes.notes.append((account, receipt[0], request.note))
        if type(request) is Hold:
            self.hold_units[key, lead[0], lead[1]] = request.units
        if self.looks_back:
            for entry in decision.entries:
                if entry.of_number:
                    self.follow_ups.setdefault((key, entry.unit_id, entry.of_number), []).append(entry)
        return receipt

    def gather_past(self, account: Account, request: Refund | Clawback) -> Sequence[Entry]:
        """What was written of the charge or grant that a request names, before this batch and in it, its receipt
        first."""
        key, place = account.account_id, request.place
        stored = self.past.get((key, place.unit_id, place.number), [])
        receipt = {
            (entry.unit_id, entry.number): entry
            for entry in stored
            if (entry.lead_unit, entry.lead_number) == (place.unit_id, place.number)
        }
        roots = find_roots(receipt.values()) if type(request) is Refund else [(place.unit_id, place.number)]
        fresh = [entry for root in roots for entry in self.follow_ups.get((key, *root), ())]
        if not fresh:
            return stored
        rest = {(entry.unit_id, entry.number): entry for entry in [*stored, *fresh]}
        return [*receipt.values(), *(rest[place] for place in sorted(rest.keys() - receipt.keys()))]

    def note_broken(self, request: Request, error: LawBroken) -> None:
        """Let nothing further move in the wallet that a broken law names, and have it stopped in the store."""
        for key, wallet in list(self.wallets.items()):
            if (wallet.account.key, wallet.unit.name) == (error.account, error.unit) and not wallet.stopped:
                self.wallets[key] = stop(wallet)
                self.broken.append(key)


def stop(wallet: Wallet) -> Wallet:
    """The same wallet, stopped, for the rest of the batch."""
    stopped = wallet.copy()
    stopped.stopped = 1
    return stopped
