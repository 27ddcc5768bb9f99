"""Allowances: grants that recur (rules 18 to 21). Each period's credits are a lot of their own.

Carried credits stay in the lot of their period, which lives on beside the fresh one: so holds and refunds still find
it. At a turn the cap trims the oldest of them.
"""

from farthing.core.burndown import sum_waiting
from farthing.core.corrections import is_carried, write_off
from farthing.core.draft import Draft
from farthing.core.expiries import expire
from farthing.values.amounts import divide_half_up
from farthing.values.bounds import (
    LARGEST_AMOUNT,
    LONGEST_KEEP,
    MOST_ALLOWANCES,
    MOST_LIVE_LOTS,
    MOST_PERIODS,
    MOST_TURNS,
    NEVER,
    WHOLE_PERCENT,
)
from farthing.values.calendars import to_instant
from farthing.values.entries import AllowanceField, Effect, Kind, LotField
from farthing.values.errors import (
    AllowanceExists,
    AllowanceNotFound,
    TermInvalid,
    TimeInvalid,
    TooManyLots,
    TooManyRules,
)
from farthing.values.names import name_number
from farthing.values.periods import Rhythm, find_boundary, find_calendar_anchor, find_index, find_period
from farthing.values.standing_requests import (
    Allow,
    ChangeAllowance,
    ChangeMode,
    EndAllowance,
    EndPeriod,
    SetPeriodEnd,
)
from farthing.values.wallets import Allowance, Lot, NeedsMore, Rollover, TurnPolicy, Wallet

FIELDS = AllowanceField


def allow(draft: Draft, request: Allow) -> None:
    """Begin an allowance, and with it the period in hand, or wait for the first."""
    wallet, t = draft.wallet, draft.t
    live = list_live(wallet)
    replaced = find_allowance(wallet, request.instead_of) if request.instead_of else None
    live = [each for each in live if each is not replaced]
    if request.name != request.instead_of and any(each.name == request.name for each in live):
        raise AllowanceExists(account=wallet.account.key, unit=wallet.unit.name, allowance=request.name)
    if len(live) >= MOST_ALLOWANCES:
        raise TooManyRules(account=wallet.account.key, unit=wallet.unit.name, what="allowances", most=MOST_ALLOWANCES)
    number, zone = draft.next_number, request.zone or wallet.account.zone
    anchor = find_anchor(draft, request.every, request.anchor, zone, is_calendar=request.calendar)
    allowance = Allowance(
        number, request.name, request.amount, request.every, request.count, anchor, zone, request.priority,
        int(request.promotional), request.features, request.source, request.rollover, request.cap,
        request.cap_percent, request.keep, request.on_turn, request.until, t, NEVER, 0, 0,
    )  # fmt: skip
    refuse_senseless(allowance)
    refuse_past_until(draft, request.until)
    _, start, end = find_period(to_rhythm(allowance), t, draft.zones)
    first = 0
    if request.starts_at is not None and request.starts_at > t:
        if request.first is not None or request.is_prorated:
            advice = "leave it out: the first period that begins later is a whole one"
            raise TermInvalid(what="first", given="with starts_at", problem="makes no sense here", advice=advice)
        turns_at = clip(allowance, request.starts_at)
        allowance = allowance._replace(starts_at=request.starts_at, turns_at=turns_at)
    else:
        full = first = find_first(request, start, end, t)
        if replaced is not None and request.change_mode == ChangeMode.KEEP_USED:
            first = max(0, full - count_taken(draft, replaced))
        end = clip(allowance, end)
        allowance = begin_period(draft, allowance._replace(turns_at=end), first, end)
        if first < full and allowance.lot:
            draft.resize_lot(allowance.lot, full)  # what was used there counts as used here
    say_fields(draft, allowance, None)
    draft.put_allowance(allowance)
    wallet.recurring += 1
    if replaced is not None:
        hand_over(draft, replaced, allowance)
    draft.write(Kind.ALLOWED, first, granted=first, of_number=number)
    if replaced is not None:
        is_kept = request.change_mode == ChangeMode.ADD
        finish(draft, replaced, list_in_hand(draft, replaced), replaced.turns_at if is_kept else t)


def hand_over(draft: Draft, replaced: Allowance, allowance: Allowance) -> None:
    """Bonus credits that end with a period are no part of what is replaced (rule 21): they end when they were to end,
    with the new period if it ends then too."""
    wallet = draft.wallet
    for lot in list_in_hand(draft, replaced):
        if lot.source != replaced.source and lot.expires_at > draft.t:
            tied = allowance.number if lot.expires_at == allowance.turns_at else 0
            draft.effects.append((int(Effect.LOT_SET), lot.number, int(LotField.ALLOWANCE), tied))
            wallet.lots[lot.number] = lot._replace(allowance=tied)
            draft.touched_lots.add(lot.number)


def count_taken(draft: Draft, allowance: Allowance) -> int:
    """What was used, or is held, of the period in hand. Of a lot that has ended nothing: it may not be loaded."""
    lot = draft.wallet.lots.get(allowance.lot)
    return 0 if lot is None or lot.expires_at <= draft.t else lot.amount - lot.remaining


def clip(allowance: Allowance, end: int) -> int:
    """The end of a period, which is never after that of the allowance itself."""
    return min(end, allowance.until) if allowance.until else end


def unclip(draft: Draft, allowance: Allowance) -> int:
    """The end of the period in hand as it would be without an end of the allowance: where that cut it short, the next
    boundary, so that a later end gives the period back what an earlier one took."""
    if not allowance.until or allowance.turns_at < allowance.until:
        return allowance.turns_at
    if allowance.starts_at > draft.t:
        return allowance.starts_at
    return find_period(to_rhythm(allowance), allowance.until - 1, draft.zones)[2]


def refuse_past_until(draft: Draft, until: int) -> None:
    """An allowance that is to end by itself ends in time to come."""
    if until and until <= draft.t:
        given, advice = to_instant(until).isoformat(), "name a later instant, or end it now"
        raise TimeInvalid(what="until", given=given, problem="has passed", advice=advice)


def find_anchor(draft: Draft, every: int, anchor: int | None, zone: str, *, is_calendar: bool) -> int:
    """The instant from which periods are counted: the caller's, now, or the start of the calendar's."""
    if is_calendar:
        return find_calendar_anchor(every, zone, draft.zones)
    return draft.t if anchor is None else anchor


def refuse_senseless(allowance: Allowance) -> None:
    """What no allowance can mean."""
    refusals = (
        (not 1 <= allowance.count <= MOST_PERIODS, "count", allowance.count, f"choose 1 to {MOST_PERIODS}"),
        (not 0 <= allowance.keep <= LONGEST_KEEP, "keep", allowance.keep, f"choose 0 (for ever) to {LONGEST_KEEP}"),
        (
            allowance.rollover == Rollover.CAPPED and not (allowance.cap or allowance.cap_percent),
            "cap", 0, "choose a cap above zero, or rollover none",
        ),
        (
            allowance.rollover != Rollover.CAPPED and bool(allowance.cap or allowance.cap_percent),
            "cap", allowance.cap or allowance.cap_percent, "it belongs to rollover capped",
        ),
        (
            allowance.rollover == Rollover.NONE and allowance.keep > 0,
            "keep", allowance.keep, "it belongs to rollover capped or all",
        ),
    )  # fmt: skip
    for is_senseless, what, given, advice in refusals:
        if is_senseless:
            raise TermInvalid(what=what, given=str(given), problem="makes no sense here", advice=advice)


def find_first(request: Allow, start: int, end: int, t: int) -> int:
    """What the first period gives: all of it, unless it is to be in proportion, or a figure of its own (rule 20)."""
    if request.first is not None:
        return request.first
    if request.is_prorated and end < NEVER:
        return divide_half_up(request.amount * (end - t), end - start)
    return request.amount


def begin_period(draft: Draft, allowance: Allowance, amount: int, end: int, *, is_past: bool = False) -> Allowance:
    """The lot of a period that lasts until `end`. Its entry is the next to be written. Of one so long past that what
    it gave is no longer carried either, the lot ends with it."""
    wallet = draft.wallet
    expires_at = end if is_past else find_lot_end(draft, allowance, end)
    if not amount:
        return allowance._replace(lot=0)
    last = wallet.lots.get(allowance.lot)
    if wallet.live + wallet.pending >= MOST_LIVE_LOTS:
        if draft.request is not None:
            raise TooManyLots(account=wallet.account.key, unit=wallet.unit.name, most=MOST_LIVE_LOTS)
        if last is not None and last.remaining:
            return widen_lot(draft, allowance, last, amount, expires_at)
    lot = Lot(
        draft.next_number, amount, allowance.priority, draft.at, expires_at, allowance.promotional, allowance.features,
        allowance.source, 0, 0, 0, allowance.number, 1, 0, 0,
    )  # fmt: skip
    draft.add_lot(lot)
    draft.move_lot(lot, amount)
    return allowance._replace(lot=lot.number)


def widen_lot(draft: Draft, allowance: Allowance, last: Lot, amount: int, expires_at: int) -> Allowance:
    """In a wallet with as many lots as it may have the credits join those of the period before: a request would be
    refused, but time alone must never get stuck."""
    draft.move_lot(last, amount)
    draft.resize_lot(last.number, last.amount + amount)
    end_anew(draft, draft.wallet.lots[last.number], expires_at)
    return allowance


def find_lot_end(draft: Draft, allowance: Allowance, end: int) -> int:
    """When the lot of a period that lasts until `end` ends: with it, or as many periods later as it may be carried."""
    if allowance.rollover == Rollover.NONE:
        return end
    if not allowance.keep or end == NEVER:
        return NEVER
    rhythm = to_rhythm(allowance)
    return find_boundary(rhythm, find_index(rhythm, end, draft.zones) + allowance.keep, draft.zones)


def turn(draft: Draft, allowance: Allowance, quiet_until: int, ends_at: int | None = None) -> Allowance:
    """The period in hand has ended: trim what is carried, and give the next period's credits, which pay debt first.

    Of many periods that have all passed before `quiet_until` the credits are given in one entry, as one lot. The new
    period lasts until `ends_at`, or the next boundary. An allowance whose own end has come turns no more.
    """
    wallet, zones = draft.wallet, draft.zones
    if allowance.until and draft.at >= allowance.until:
        return finish(draft, allowance, list_in_hand(draft, allowance), draft.at)
    # The last period ends with all that it gave, so it is never one of many that have passed.
    quiet_until = min(quiet_until, allowance.until - 1) if allowance.until else quiet_until
    if wallet.debt and allowance.on_turn == TurnPolicy.FORGIVE:
        debt = min(wallet.debt, find_room(wallet))
        write_off(draft, debt)
        draft.write(Kind.FORGIVEN, debt, adjusted=debt)
    trim_carried(draft, allowance)
    rhythm, periods = to_rhythm(allowance), 1
    if ends_at is None:
        index, _, ends_at = find_period(rhythm, draft.at, zones)
        if ends_at <= quiet_until and is_steady(draft, allowance):
            missed = find_index(rhythm, quiet_until, zones) - index - count_kept(allowance)
            if missed > MOST_TURNS:
                periods, ends_at = missed, find_boundary(rhythm, index + missed, zones)
                draft.effects.append((int(Effect.TURNS_MERGED), allowance.number, 0, periods))
    ends_at = clip(allowance, ends_at)
    wanted = allowance.amount * periods
    amount = min(wanted, find_room(wallet))
    fresh = allowance._replace(starts_at=draft.at, turns_at=ends_at)
    turned = begin_period(draft, fresh, amount, ends_at, is_past=periods > 1 and allowance.keep > 0)
    say_fields(draft, turned, allowance)
    draft.put_allowance(turned)
    uncovered = min(wanted - amount, LARGEST_AMOUNT)
    draft.write(Kind.TURNED, amount, uncovered=uncovered, granted=amount, of_number=allowance.number)
    return turned


def count_kept(allowance: Allowance) -> int:
    """How many of the last periods leave something to carry, so that each needs a lot of its own: those that credits
    are kept for, or that fit under the cap."""
    if allowance.rollover == Rollover.CAPPED and allowance.amount:
        fitting = find_cap(allowance) // allowance.amount + 2
        return max(allowance.keep, min(fitting, MOST_TURNS))
    return allowance.keep


def is_steady(draft: Draft, allowance: Allowance) -> bool:
    """Whether further turns find the same carried credits under the cap, so that which of them it trims, the oldest,
    comes out the same when many turns are written as one."""
    if allowance.rollover != Rollover.CAPPED or not allowance.amount:
        return True
    lots = [lot for lot in draft.wallet.lots.values() if lot.allowance == allowance.number]
    if allowance.keep:
        return sum(lot.number > draft.origin.seq for lot in lots) > allowance.keep
    return not any(lot.remaining and lot.expires_at < NEVER for lot in lots)


def find_room(wallet: Wallet) -> int:
    """How much may come in before a total would be too large: time alone takes no more, so that it never gets stuck."""
    came_in = wallet.granted + wallet.refunded + max(0, wallet.adjusted) + sum_waiting(wallet)
    return max(0, LARGEST_AMOUNT - came_in)


def trim_carried(draft: Draft, allowance: Allowance) -> None:
    """The cap bounds all carried lots of an allowance together; what is above it goes, the oldest first (rule 19)."""
    if allowance.rollover != Rollover.CAPPED:
        return
    lots = [
        lot for lot in draft.wallet.lots.values() if lot.remaining and lot.allowance == allowance.number and lot.started
    ]
    above = sum(lot.remaining for lot in lots) - find_cap(allowance)
    for lot in sorted(lots, key=lambda lot: (lot.effective_at, lot.number)):
        trimmed = min(above, lot.remaining)
        if trimmed > 0:
            above -= trimmed
            draft.move_lot(lot, -trimmed)
            draft.write(Kind.EXPIRED, trimmed, expired=trimmed, of_number=lot.number)


def find_cap(allowance: Allowance) -> int:
    """The most that may be carried; a cap in percent is floored."""
    if allowance.cap_percent:
        return allowance.amount * allowance.cap_percent // WHOLE_PERCENT
    return allowance.cap


def change_allowance(draft: Draft, request: ChangeAllowance) -> None:
    """Change what an allowance gives, by the mode, and how it rolls over, from its next turn (rules 19 and 21)."""
    before = find_allowance(draft.wallet, request.name)
    changes = {
        name: value
        for name in ("rollover", "cap", "cap_percent", "keep", "on_turn", "amount", "until")
        if (value := getattr(request, name)) is not None
    }
    if changes.get("rollover", before.rollover) == Rollover.NONE:
        changes = {"cap": 0, "cap_percent": 0, "keep": 0} | changes
    elif changes.get("rollover") == Rollover.ALL or "cap" in changes or "cap_percent" in changes:
        changes = {"cap": 0, "cap_percent": 0} | changes
    changed = before._replace(**changes)
    refuse_senseless(changed)
    refuse_past_until(draft, changed.until)
    old = draft.wallet.lots.get(before.lot)
    if old is not None and old.expires_at <= draft.t:
        old = None
    mode = ChangeMode.AT_TURN if request.amount is None or before.starts_at > draft.t else request.mode
    moved, granted = 0, 0
    ends_at = before.turns_at if request.until is None else clip(changed, unclip(draft, before))
    if ends_at != before.turns_at:
        for lot in list_ending(draft, before):
            end_anew(draft, lot, ends_at)
        changed = changed._replace(turns_at=ends_at)
    if old is not None:
        old = draft.wallet.lots[old.number]
        end = draft.t if mode == ChangeMode.REPLACE else find_lot_end(draft, changed, changed.turns_at)
        end_anew(draft, old, end)
    if mode in (ChangeMode.REPLACE, ChangeMode.ADD):
        changed = begin_period(draft, changed, changed.amount, changed.turns_at)
        moved = granted = changed.amount
    elif mode == ChangeMode.KEEP_USED:
        changed, moved = resize_period(draft, changed, changed.amount - before.amount)
        granted = max(0, moved)
    say_fields(draft, changed, before)
    draft.put_allowance(changed)
    draft.write(Kind.ALLOWANCE_CHANGED, abs(moved), granted=granted, adjusted=min(0, moved), of_number=changed.number)
    if old is not None and mode == ChangeMode.REPLACE:
        expire(draft, draft.wallet.lots[old.number])


def end_anew(draft: Draft, lot: Lot, expires_at: int) -> None:
    """Move a lot's end where it has another by now."""
    if lot.expires_at != expires_at:
        draft.end_lot(lot, expires_at)


def resize_period(draft: Draft, allowance: Allowance, more: int) -> tuple[Allowance, int]:
    """Give the difference to the lot in hand, or take it from what is unused there. Returns what moved."""
    lot = draft.wallet.lots.get(allowance.lot)
    if lot is None or lot.expires_at <= draft.t:
        return (begin_period(draft, allowance, more, allowance.turns_at), more) if more > 0 else (allowance, 0)
    moved = max(more, -lot.remaining)
    if moved:
        draft.move_lot(lot, moved)
    draft.resize_lot(lot.number, max(0, lot.amount + more))
    draft.has_freed = moved > 0
    return allowance, moved


def end_allowance(draft: Draft, request: EndAllowance) -> None:
    """Turn no more; what the period in hand gave ends with it, or now."""
    allowance = find_allowance(draft.wallet, request.name)
    if request.now:
        lots = [lot for lot in draft.wallet.lots.values() if lot.allowance == allowance.number]
        finish(draft, allowance, lots, draft.t)
    else:
        finish(draft, allowance, list_in_hand(draft, allowance), allowance.turns_at)


def list_in_hand(draft: Draft, allowance: Allowance) -> list[Lot]:
    """What the period in hand gave, and bonus credits that end with it."""
    return [
        lot
        for lot in draft.wallet.lots.values()
        if lot.allowance == allowance.number
        and (lot.effective_at >= allowance.starts_at or lot.number == allowance.lot)
    ]


def finish(draft: Draft, allowance: Allowance, lots: list[Lot], end: int) -> Allowance:
    """Turn no more; of these lots none lives past `end`."""
    ending = [lot for lot in lots if lot.expires_at > draft.at]
    for lot in ending:
        end_anew(draft, lot, min(lot.expires_at, end))
    draft.effects.append((int(Effect.ALLOWANCE_SET), allowance.number, int(FIELDS.ENDED_AT), draft.t))
    finished = allowance._replace(ended_at=draft.t)
    draft.put_allowance(finished)
    draft.wallet.recurring -= 1
    draft.write(Kind.ALLOWANCE_ENDED, 0, of_number=allowance.number)
    for lot in ending:
        expire(draft, draft.wallet.lots[lot.number])
    return finished


def end_period(draft: Draft, request: EndPeriod) -> None:
    """A period's end as it will be, but now (missions T8, T9): the next one comes at the date that was fixed."""
    allowance = find_allowance(draft.wallet, request.name)
    draft.write(Kind.PERIOD_SET, 0, of_number=allowance.number)
    end_now(draft, allowance, allowance.turns_at)


def set_period_end(draft: Draft, request: SetPeriodEnd) -> None:
    """Move the end of the period in hand, and of all that ends with it. One that has passed comes now (T10)."""
    allowance = find_allowance(draft.wallet, request.name)
    ends_at = clip(allowance, max(request.ends_at, draft.t))
    if ends_at >= NEVER:
        raise TimeInvalid(what="ends_at", given="never", problem="does not come", advice="name an instant")
    for lot in list_ending(draft, allowance):
        end_anew(draft, lot, ends_at)
    # One that has yet to begin begins at the other instant, unless that is now: then it turns, below.
    starts_at = ends_at if allowance.starts_at > draft.t < ends_at else allowance.starts_at
    moved = allowance._replace(starts_at=starts_at, turns_at=ends_at)
    say_fields(draft, moved, allowance)
    draft.put_allowance(moved)
    draft.write(Kind.PERIOD_SET, 0, of_number=allowance.number)
    if ends_at == draft.t:
        end_now(draft, moved, None)


def end_now(draft: Draft, allowance: Allowance, ends_at: int | None) -> None:
    """What ends with the period goes, and the allowance turns."""
    for lot in list_ending(draft, allowance):
        if lot.expires_at > draft.t:
            draft.end_lot(lot, draft.t)
        ended = draft.wallet.lots[lot.number]
        if ended.remaining or draft.effects:
            expire_at_once(draft, ended)
    turn(draft, allowance, draft.t, ends_at)


def expire_at_once(draft: Draft, lot: Lot) -> None:
    """Breakage, on record, of nothing too: the entry says that the lot's end has moved."""
    if lot.remaining:
        draft.move_lot(lot, -lot.remaining)
    draft.write(Kind.EXPIRED, lot.remaining, expired=lot.remaining if lot.started else 0, of_number=lot.number)


def list_ending(draft: Draft, allowance: Allowance) -> list[Lot]:
    """The lots that end with the period in hand: its own, without rollover, and bonus credits tied to it. What was
    carried may end at that instant too, but by the date that was fixed when it was given."""
    return [
        lot
        for lot in draft.wallet.lots.values()
        if lot.allowance == allowance.number and lot.expires_at == allowance.turns_at and not is_carried(draft, lot)
    ]


def list_live(wallet: Wallet) -> list[Allowance]:
    """The allowances that turn. They are loaded all or not at all."""
    if wallet.recurring and not wallet.whole:
        raise NeedsMore(wallet.unit.unit_id)
    return [each for each in wallet.allowances.values() if not each.ended_at]


def find_allowance(wallet: Wallet, name: str) -> Allowance:
    """The live allowance of that name. Everything about it must be loaded."""
    found = next((each for each in list_live(wallet) if each.name == name), None)
    if found is None:
        raise AllowanceNotFound(account=wallet.account.key, unit=wallet.unit.name, allowance=name)
    return found


def to_rhythm(allowance: Allowance) -> Rhythm:
    """How its periods recur."""
    return Rhythm(allowance.every, allowance.count, allowance.anchor, allowance.zone)


def say_fields(draft: Draft, allowance: Allowance, before: Allowance | None) -> None:
    """Effects for what is new in an allowance; of a new one, all but zeros."""
    for name, value in allowance._asdict().items():
        if name == "number" or (before is not None and getattr(before, name) == value):
            continue
        for each in value if isinstance(value, tuple) else (value,):
            place = FIELDS.FEATURE if name == "features" else AllowanceField[name.upper()]
            said = name_number(each) if isinstance(each, str) else each
            if said or before is not None:
                draft.effects.append((int(Effect.ALLOWANCE_SET), allowance.number, int(place), said))
