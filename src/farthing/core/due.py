"""What time alone does to a wallet, in the order of rule 1: holds time out, grants expire, grants take effect,
allowances turn. Applied before every request, so no job is ever needed for correctness.
"""

import heapq

from farthing.core.allowances import to_rhythm, turn
from farthing.core.burndown import may_pay
from farthing.core.draft import Draft
from farthing.core.expiries import expire
from farthing.core.holds import time_out
from farthing.values.bounds import NEVER
from farthing.values.entries import Kind
from farthing.values.periods import find_index
from farthing.values.wallets import AccountState, Allowance, HoldState, Lot, NeedsMore, Wallet

TIMES_OUT, EXPIRES, STARTS, TURNS = 0, 1, 2, 3
Event = tuple[int, int, int]
"""(instant, kind, number)."""


def apply_due(draft: Draft) -> None:
    """Apply everything that fell due up to the draft's time, each at its own instant, with its entry."""
    wallet, now = draft.wallet, draft.t
    if now < wallet.next_due:
        return
    if not wallet.whole:
        raise NeedsMore(wallet.unit.unit_id)
    events = [event for event in list_due(wallet, draft.origin.clock) if event[0] <= now]
    heapq.heapify(events)
    while events:
        draft.at, kind, number = heapq.heappop(events)
        written, turned = len(draft.entries), None
        if kind == TIMES_OUT:
            time_out(draft, wallet.holds[number])
        elif kind == EXPIRES:
            expire(draft, wallet.lots[number])
        elif kind == STARTS:
            start(draft, wallet.lots[number])
        else:
            turned = turn(draft, wallet.allowances[number], find_quiet(draft, wallet.allowances[number], events))
            if turned.turns_at <= now and not turned.ended_at:
                heapq.heappush(events, (turned.turns_at, TURNS, number))
        if kind in (EXPIRES, STARTS):
            continue
        # Lots that this made, or whose end it moved, may end in time too.
        fresh = {entry.number for entry in draft.entries[written:]} | ({turned.lot} if turned else set())
        for lot in [wallet.lots[number] for number in fresh & wallet.lots.keys()]:
            if lot.expires_at <= now:
                heapq.heappush(events, (lot.expires_at, EXPIRES, lot.number))
    draft.at = now
    wallet.next_due = min((at for at, _, _ in list_due(wallet, now)), default=NEVER)


def find_quiet(draft: Draft, allowance: Allowance, events: list[Event]) -> int:
    """Until when turns of one allowance depend on nothing else, so that many of them may be written as one.

    Where it can pay no debt only a hold that times out matters to them: it may give credits back to carried lots. Where
    it can, it matters which credits come first to pay, and so does all else that pays or forgives, unless there is more
    debt than all of them bring.
    """
    wallet = draft.wallet
    quiet = min((at for at, kind, _ in events if kind == TIMES_OUT), default=draft.t)
    owed = [debt for debt in wallet.debts.values() if debt.remaining]
    if not any(may_pay(allowance, debt.feature) for debt in owed):
        return quiet
    rivals = [event for event in events if event[1] in (STARTS, TURNS)]
    first = min((at for at, _, _ in rivals), default=quiet)
    if any(kind == TURNS and wallet.allowances[number].on_turn for _, kind, number in rivals):
        return min(quiet, first)
    payers: list[Allowance | Lot] = [allowance]
    payers += [wallet.allowances[number] if kind == TURNS else wallet.lots[number] for _, kind, number in rivals]
    if not all(may_pay(payer, debt.feature) for payer in payers for debt in owed):
        return min(quiet, first)
    while quiet > first and sum(sum_coming(draft, payer, quiet) for payer in payers) > wallet.debt:
        quiet = draft.at + (quiet - draft.at) // 2
    return quiet


def sum_coming(draft: Draft, payer: Allowance | Lot, until: int) -> int:
    """What an allowance, or a grant that waits, gives from now on until an instant, or a little more."""
    if isinstance(payer, Lot):
        return payer.remaining if payer.effective_at <= until else 0
    rhythm = to_rhythm(payer)
    turns = find_index(rhythm, until, draft.zones) - find_index(rhythm, draft.at, draft.zones) + 1
    return payer.amount * turns


def list_due(wallet: Wallet, since: int) -> list[Event]:
    """What is still to come for a wallet in which everything up to `since` is done. A closed account's allowances turn
    no more."""
    due = [(hold.deadline, TIMES_OUT, hold.number) for hold in wallet.holds.values() if hold.state == HoldState.OPEN]
    for lot in wallet.lots.values():
        if since < lot.expires_at < NEVER:
            due.append((lot.expires_at, EXPIRES, lot.number))
        if not lot.started and lot.remaining:
            due.append((lot.effective_at, STARTS, lot.number))
    is_closed = wallet.account.state == AccountState.CLOSED
    for allowance in () if is_closed else wallet.allowances.values():
        if not allowance.ended_at and allowance.turns_at < NEVER:
            due.append((allowance.turns_at, TURNS, allowance.number))
    return due


def start(draft: Draft, lot: Lot) -> None:
    """A grant made for later takes effect, and pays debt if there is any."""
    draft.start_lot(lot)
    draft.write(Kind.STARTED, lot.remaining, granted=lot.remaining, of_number=lot.number)
