"""Which lane a request belongs in, and how many requests at once are spread over the lanes.

A lane has a range of the shards, and an account one shard: so what is asked of an account is worked off in the order in
which it came, and batches in flight do not wait for each other's accounts.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import islice

from farthing.engine.lane import Lane
from farthing.engine.tickets import Ticket
from farthing.store.faults import LedgerClosed
from farthing.store.needs import SHARDS, hash_shard
from farthing.values.bounds import LARGEST_QUEUE
from farthing.values.requests import Request, Void

Lanes = tuple[Lane, ...]

find_shard = lru_cache(LARGEST_QUEUE)(hash_shard)
"""The hash costs more than all the rest of choosing a lane; accounts that are charged now are charged again soon."""


def find_lane(lanes: Lanes, request: Request) -> Lane:
    """The lane of whose request it is, by the account's key, or by the shard in the place that it names."""
    if len(lanes) == 1:
        return lanes[0]
    if request.account:
        shard = find_shard(request.account)
    else:
        place = request.grant if isinstance(request, Void) else request.place
        # The place is as the caller wrote it. A wrong one names nothing, in whichever lane that is found out.
        shard = place.shard % SHARDS if place is not None else 0
    return lanes[shard * len(lanes) // SHARDS]


def enter_batches(lanes: Lanes, requests: Sequence[Request], start: int, largest_batch: int) -> list[Ticket]:
    """Tickets for the next requests from `start` on, in order: so many that one lane has a full batch of them, and the
    others what comes in between. Raises `LedgerClosed` if none was accepted; a ticket may be done, with that in it.

    The lanes that are not waited for at first begin at once, so that one caller keeps all of them busy: while one waits
    for the database the other decides.
    """
    if len(lanes) == 1:
        return lanes[0].enter(requests[start : start + largest_batch])
    parts: dict[Lane, list[Request]] = {}
    order: list[Lane] = []
    for request in islice(requests, start, None):
        lane = find_lane(lanes, request)
        part = parts.setdefault(lane, [])
        if len(part) == largest_batch:
            break
        part.append(request)
        order.append(lane)
    entered = {lane: enter_part(lane, part) for lane, part in parts.items()}
    if all(isinstance(ticket.error, LedgerClosed) for tickets in entered.values() for ticket in tickets):
        raise LedgerClosed()
    taken = {lane: iter(tickets) for lane, tickets in entered.items()}
    in_order = [next(taken[lane]) for lane in order]
    first = next((ticket.lane for ticket in in_order if not ticket.is_done), None)
    for lane, tickets in entered.items():
        if lane is not first and not tickets[-1].is_done:
            lane.start(tickets[-1])
    return in_order


def enter_part(lane: Lane, requests: Sequence[Request]) -> list[Ticket]:
    """Tickets of one lane. If it was closed while the others were entered, they are done, with that in them."""
    try:
        return lane.enter(requests)
    except LedgerClosed as closed:
        tickets = [Ticket(request, request.account, lane) for request in requests]
        for ticket in tickets:
            ticket.answer(closed)
            ticket.is_done = True
        return tickets


def close_lanes(lanes: Lanes) -> None:
    """Take no more requests in any lane, then work off what was taken."""
    for lane in lanes:
        lane.is_closed = True
    for lane in lanes:
        lane.close()
