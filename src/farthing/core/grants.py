"""Grants: credits given, from now or later, for ever or until an instant (rules 4 and 8)."""

from farthing.core import laws
from farthing.core.bounds import LARGEST_AMOUNT, LATEST_INSTANT, MOST_LIVE_LOTS, NEVER
from farthing.core.burndown import sum_waiting
from farthing.core.calendars import to_instant
from farthing.core.draft import Draft
from farthing.core.due import expire
from farthing.core.entries import Kind
from farthing.core.errors import TimeInvalid, TooManyLots
from farthing.core.requests import Grant, Import
from farthing.core.wallets import Lot


def grant(draft: Draft, request: Grant, amount: int) -> None:
    """Give credits. They pay debt at once; a grant for later waits, and counts for nothing until then."""
    wallet, is_import = draft.wallet, isinstance(request, Import)
    starts_at = draft.t if request.starts_at is None else request.starts_at
    expires_at = find_end(request, starts_at)
    if is_import and request.starts_at is None and expires_at <= starts_at:
        starts_at = expires_at - 1
    if LATEST_INSTANT < expires_at < NEVER:
        given, advice = f"{request.expires_in} microseconds after its start", "leave it out for no end at all"
        raise TimeInvalid(what="expires_at", given=given, problem="is after the year 9999", advice=advice)
    if expires_at <= draft.t and not is_import:
        given, now = to_instant(expires_at).isoformat(), to_instant(draft.t).isoformat()
        problem, advice = f"has passed (it is {now})", "grant for a later end, or import it to keep the history"
        raise TimeInvalid(what="expires_at", given=given, problem=problem, advice=advice)
    if expires_at <= starts_at:
        given, advice = to_instant(expires_at).isoformat(), "end it after it starts"
        raise TimeInvalid(what="expires_at", given=given, problem="is not after the start", advice=advice)
    if amount and wallet.live + wallet.pending >= MOST_LIVE_LOTS:
        raise TooManyLots(account=wallet.account.key, unit=wallet.unit.name, most=MOST_LIVE_LOTS)
    waits = starts_at > draft.t
    if waits and sum_waiting(wallet) + amount > LARGEST_AMOUNT // 2:
        laws.refuse_total(wallet, "waiting", sum_waiting(wallet) + amount)
    lot = Lot(
        draft.next_number, amount, request.priority, starts_at, expires_at, int(request.promotional), request.features,
        request.source, request.cost_minor, request.currency, 0, int(not waits), 0, 0,
    )  # fmt: skip
    draft.add_lot(lot)
    draft.move_lot(lot, amount)
    is_dead = expires_at <= draft.t
    draft.has_freed = not is_dead and not waits
    kind = Kind.IMPORTED if is_import else Kind.GRANTED
    draft.write(kind, amount, granted=0 if waits else amount, of_number=lot.number)
    if is_dead:
        expire(draft, wallet.lots[lot.number])


def find_end(request: Grant, starts_at: int) -> int:
    """When a grant ends: at an instant, after a duration counted from its start, or never."""
    if request.expires_in is not None:
        return starts_at + request.expires_in
    return NEVER if request.expires_at is None else request.expires_at
