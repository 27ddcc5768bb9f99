"""What time alone does to a wallet, in the order of rule 1: holds time out, grants expire, grants take effect.

Applied before every request, so no job is ever needed for correctness. Allowances will turn here too.
"""

import heapq

from farthing.core.bounds import NEVER
from farthing.core.draft import Draft
from farthing.core.entries import Kind
from farthing.core.holds import time_out
from farthing.core.wallets import HoldState, Lot, NeedsMore, Wallet

TIMES_OUT, EXPIRES, STARTS = 0, 1, 2


def apply_due(draft: Draft) -> None:
    """Apply everything that fell due up to the draft's time, each at its own instant, with its entry."""
    wallet, now = draft.wallet, draft.t
    if now < wallet.next_due:
        return
    if not wallet.whole:
        raise NeedsMore(wallet.unit.unit_id)
    events = [event for event in list_due(wallet, draft.since) if event[0] <= now]
    heapq.heapify(events)
    seen = set(wallet.lots)
    while events:
        draft.at, kind, number = heapq.heappop(events)
        if kind == TIMES_OUT:
            time_out(draft, wallet.holds[number])
        elif kind == EXPIRES:
            expire(draft, wallet.lots[number])
        else:
            start(draft, wallet.lots[number])
        for fresh in wallet.lots.keys() - seen:
            seen.add(fresh)
            if wallet.lots[fresh].expires_at <= now:
                heapq.heappush(events, (wallet.lots[fresh].expires_at, EXPIRES, fresh))
    draft.at = now
    wallet.next_due = min((at for at, _, _ in list_due(wallet, now)), default=NEVER)


def list_due(wallet: Wallet, since: int) -> list[tuple[int, int, int]]:
    """(instant, kind, number) of all that is still to come for a wallet in which everything up to `since` is done."""
    due = [(hold.deadline, TIMES_OUT, hold.number) for hold in wallet.holds.values() if hold.state == HoldState.OPEN]
    for lot in wallet.lots.values():
        if since < lot.expires_at < NEVER:
            due.append((lot.expires_at, EXPIRES, lot.number))
        if not lot.started and lot.remaining:
            due.append((lot.effective_at, STARTS, lot.number))
    return due


def expire(draft: Draft, lot: Lot) -> None:
    """A grant ends: what is left of it is breakage, on record. What holds have of it stays theirs."""
    if not lot.remaining:
        return
    breakage = lot.remaining
    draft.move_lot(lot, -breakage)
    draft.write(Kind.EXPIRED, breakage, expired=breakage if lot.started else 0, of_number=lot.number)


def start(draft: Draft, lot: Lot) -> None:
    """A grant made for later takes effect, and pays debt if there is any."""
    draft.start_lot(lot)
    draft.write(Kind.STARTED, lot.remaining, granted=lot.remaining, of_number=lot.number)
