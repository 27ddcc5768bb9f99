"""Grants: credits given, from now or later, for ever or until an instant (rules 4 and 8)."""

from farthing.core import laws
from farthing.core.alerts import finish_top_up
from farthing.core.allowances import find_allowance, list_live
from farthing.core.burndown import sum_waiting
from farthing.core.draft import Draft
from farthing.core.expiries import expire, extend_all
from farthing.values.bounds import LARGEST_AMOUNT, LATEST_INSTANT, MOST_LIVE_LOTS, NEVER
from farthing.values.calendars import to_instant
from farthing.values.entries import Kind
from farthing.values.errors import TimeInvalid, TooManyLots
from farthing.values.requests import ANY_PERIOD, Grant, Import
from farthing.values.wallets import Allowance, Lot


def grant(draft: Draft, request: Grant, amount: int) -> None:
    """Give credits. They pay debt at once; a grant for later waits, and counts for nothing until then."""
    wallet, is_import = draft.wallet, isinstance(request, Import)
    starts_at = draft.t if request.starts_at is None else request.starts_at
    expires_at, allowance = find_end(request, starts_at), 0
    tied = find_tied(draft, request.until_turn) if request.until_turn else None
    if tied is not None:
        expires_at, allowance = tied.turns_at, tied.number
        if tied.starts_at <= draft.t:
            starts_at = max(starts_at, tied.starts_at)  # else they would count as carried from an earlier period
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
        request.source, request.cost_minor, request.currency, 0, allowance, int(not waits), 0, 0,
    )  # fmt: skip
    draft.add_lot(lot)
    draft.move_lot(lot, amount)
    is_dead = expires_at <= draft.t
    draft.has_freed = not is_dead and not waits
    if request.top_up:
        finish_top_up(draft, request.top_up)
    kind = Kind.IMPORTED if is_import else Kind.GRANTED
    draft.write(kind, amount, granted=0 if waits else amount, of_number=lot.number)
    if is_dead:
        expire(draft, wallet.lots[lot.number])
    elif request.extends and not waits:
        extend_all(draft, expires_at, shortens=False)


def find_tied(draft: Draft, name: str) -> Allowance | None:
    """The allowance with whose period credits end: the one of that name, or with `ANY_PERIOD` the first whose period is
    in hand, if there is one."""
    if name != ANY_PERIOD:
        return find_allowance(draft.wallet, name)
    return next((each for each in list_live(draft.wallet) if each.starts_at <= draft.t), None)


def find_end(request: Grant, starts_at: int) -> int:
    """When a grant ends: at an instant, after a duration counted from its start, or never."""
    if request.expires_in is not None:
        return starts_at + request.expires_in
    return NEVER if request.expires_at is None else request.expires_at
