"""Ends of credits: what happens at one, and moving it (B2 of the mission: `extend_on_purchase`)."""

from farthing.core.draft import Draft
from farthing.values.bounds import LATEST_INSTANT, NEVER
from farthing.values.calendars import to_instant
from farthing.values.entries import Kind
from farthing.values.errors import GrantEnded, TimeInvalid
from farthing.values.standing_requests import Reschedule
from farthing.values.wallets import Lot, NeedsMore, Wallet


def expire(draft: Draft, lot: Lot) -> None:
    """A grant ends: what is left of it is breakage, on record. What holds have of it stays theirs."""
    if not lot.remaining or lot.expires_at > draft.at:
        return
    breakage = lot.remaining
    draft.move_lot(lot, -breakage)
    draft.write(Kind.EXPIRED, breakage, expired=breakage if lot.started else 0, of_number=lot.number)


def reschedule(draft: Draft, request: Reschedule) -> None:
    """Move the end of the grant that is named, or of all live credits but those of allowances."""
    end = request.expires_at
    if request.expires_in is not None:
        end = draft.t + request.expires_in
    refuse_past_end(draft, end)
    if request.grant is None:
        extend_all(draft, end, shortens=True)
        return
    lot = draft.get_grant(request.grant, request.grant_id)
    if lot.allowance:
        raise GrantEnded(grant=request.grant_id, problem="ends with an allowance's period")
    if lot.expires_at <= draft.t:
        raise GrantEnded(grant=request.grant_id, problem=f"ended at {to_instant(lot.expires_at).isoformat()}")
    if end <= lot.effective_at:
        given, advice = to_instant(end).isoformat(), "end it after it starts"
        raise TimeInvalid(what="expires_at", given=given, problem="is not after the start", advice=advice)
    draft.end_lot(lot, end)
    draft.write(Kind.RESCHEDULED, lot.remaining, of_number=lot.number)


def refuse_past_end(draft: Draft, end: int) -> None:
    """An end lies ahead, in a year that can be shown, or never comes."""
    if end <= draft.t:
        given, now = to_instant(end).isoformat(), to_instant(draft.t).isoformat()
        advice = "choose a later end, or void the credits"
        raise TimeInvalid(what="expires_at", given=given, problem=f"has passed (it is {now})", advice=advice)
    if LATEST_INSTANT < end < NEVER:
        advice = "leave it out for no end at all"
        raise TimeInvalid(what="expires_at", given=str(end), problem="is after the year 9999", advice=advice)


def extend_all(draft: Draft, end: int, *, shortens: bool) -> None:
    """Move the end of everything that can still be spent or is held, pending grants and allowances' lots apart."""
    wallet, moved = draft.wallet, 0
    if not wallet.whole:
        raise NeedsMore(wallet.unit.unit_id)
    for lot in list_movable(wallet, draft.t):
        if lot.expires_at < end or (shortens and lot.expires_at > end):
            draft.end_lot(lot, end)
            moved += lot.remaining
    draft.write(Kind.RESCHEDULED, moved)


def list_movable(wallet: Wallet, t: int) -> list[Lot]:
    """Lots that live, with something in them or in a hold of them."""
    held = {number for hold in wallet.holds.values() for number, _ in hold.draws}
    return [
        lot
        for lot in wallet.lots.values()
        if lot.started and lot.expires_at > t and not lot.allowance and (lot.remaining or lot.number in held)
    ]
