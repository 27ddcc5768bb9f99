"""Holds: credits set aside for work of unknown cost (rules 9 to 14). One life each: settled, released or timed out.

A hold has a covered part, drawn from named lots, and a bare part, only a number, where overdraft let it be placed.
"""

from collections.abc import Iterable

from farthing.core import budgets, meters
from farthing.core.burndown import sum_available
from farthing.core.charges import refuse_short
from farthing.core.draft import Draft
from farthing.core.graces import add_grace_lot
from farthing.values.amounts import to_decimal
from farthing.values.bounds import LATEST_INSTANT
from farthing.values.calendars import to_instant
from farthing.values.entries import Effect, HoldField, Kind
from farthing.values.errors import HoldEnded, HoldNameTaken, HoldNotFound, SettleAboveHold
from farthing.values.requests import Extend, Hold, Mode, Release, Settle
from farthing.values.wallets import Hold as HoldRow
from farthing.values.wallets import HoldState, Lot, RestPolicy, SettlePolicy, Wallet

DREW, SPENT, RETURNED = int(Effect.HOLD_DREW), int(Effect.HOLD_SPENT), int(Effect.HOLD_RETURNED)


def find_ttl(drafts: Iterable[Draft], request: Hold) -> int:
    """How long a hold lives: one deadline for all its parts, so that they end together."""
    if request.ttl is not None:
        return request.ttl
    return min(draft.wallet.terms.hold_ttl for draft in drafts)


def place_hold(draft: Draft, request: Hold, amount: int, ttl: int) -> None:
    """Set credits aside: out of lots in burn-down order, the rest bare where overdraft allows."""
    wallet, feature = draft.wallet, request.feature
    if request.name:
        refuse_taken_name(wallet, request)
    asked = amount = meters.reckon(draft, request, amount, keeps=False)
    available = sum_available(wallet, feature)
    if amount > available:
        if request.mode == Mode.STRICT:
            refuse_short(wallet, feature, request, amount, available)
        elif request.mode == Mode.ALL_AVAILABLE:
            amount = max(0, available)
    claims = budgets.list_claims(draft, feature, request.about) if wallet.budgeted else ()
    if claims and request.mode != Mode.RECORD:
        amount = budgets.limit(draft, claims, amount, is_strict=request.mode == Mode.STRICT)
    reserves = budgets.reserve(draft, claims, amount)
    number = draft.next_number
    deadline = min(draft.t + ttl, LATEST_INSTANT)
    lead = (draft.lead_unit, draft.lead_number)
    hold = HoldRow(number, *lead, amount, feature, request.name, reserves, deadline, int(HoldState.OPEN), 0, 0, (), 0)
    draft.add_hold(hold)
    marks = len(draft.effects)
    bare = draft.draw(amount, feature)
    draws = tuple((lot, -moved) for _, lot, _, moved in draft.effects[marks:])
    draft.effects[marks:] = [(DREW, number, lot, drawn) for lot, drawn in draws]
    if bare:
        draft.effects.append((DREW, number, 0, bare))
    draft.replace_hold(hold._replace(bare=bare, draws=draws))
    draft.move_covered(amount - bare)
    draft.move_bare(bare)
    draft.write(Kind.HELD, amount, uncovered=asked - amount, feature=feature)


def refuse_taken_name(wallet: Wallet, request: Hold) -> None:
    """A hold's own name is unique among the account's open holds (rule 13)."""
    for hold in wallet.holds.values():
        if hold.name == request.name and hold.state == HoldState.OPEN:
            raise HoldNameTaken(account=wallet.account.key, name=request.name_text)


def find_part(wallet: Wallet, lead_unit: int, lead_number: int) -> HoldRow | None:
    """The part of a hold that is in this wallet."""
    if lead_unit == wallet.unit.unit_id:
        hold = wallet.holds.get(lead_number)
        return hold if hold and hold.lead_unit == lead_unit and hold.lead_number == lead_number else None
    for hold in wallet.holds.values():
        if (hold.lead_unit, hold.lead_number) == (lead_unit, lead_number):
            return hold
    return None


def get_part(draft: Draft, request: Extend | Settle | Release) -> HoldRow:
    """The same, or `HoldNotFound`."""
    hold = find_part(draft.wallet, request.hold.unit_id, request.hold.number)
    if hold is None:
        raise HoldNotFound(hold=request.hold_id)
    return hold


def refuse_ended(hold: HoldRow, request: Extend | Settle | Release) -> None:
    """The hold is over, and what was asked needs it to be open."""
    state = HoldState(hold.state).name.lower().replace("_", " ")
    raise HoldEnded(hold=request.hold_id, state=state, ended_at=to_instant(hold.ended_at), asked=request.asked)


def extend(draft: Draft, request: Extend) -> None:
    """Move the deadline to `ttl` from now; too late once it has passed (rule 13)."""
    hold = get_part(draft, request)
    if hold.state != HoldState.OPEN:
        refuse_ended(hold, request)
    deadline = min(draft.t + request.ttl, LATEST_INSTANT)
    draft.set_hold(hold, HoldField.DEADLINE, deadline)
    draft.replace_hold(hold._replace(deadline=deadline))
    draft.wallet.next_due = min(draft.wallet.next_due, deadline)
    draft.write(Kind.EXTENDED, hold.covered + hold.bare, of_number=hold.number, feature=hold.feature)


def release(draft: Draft, request: Release) -> None:
    """Give everything back; nothing is charged."""
    hold = get_part(draft, request)
    if hold.state != HoldState.OPEN:
        refuse_ended(hold, request)
    end_unsettled(draft, hold, HoldState.RELEASED, Kind.RELEASED)


def time_out(draft: Draft, hold: HoldRow) -> None:
    """The deadline passed. The hold can still be settled, late."""
    end_unsettled(draft, hold, HoldState.TIMED_OUT, Kind.TIMED_OUT)


def end_unsettled(draft: Draft, hold: HoldRow, state: HoldState, kind: Kind) -> None:
    """The rest of a hold goes back to its lots; what belonged to lots that ended meanwhile is breakage."""
    held = hold.covered + hold.bare
    if hold.reserves:
        budgets.settle(draft, hold, held, 0)
    ended = give_back(draft, hold, hold.draws, hold.bare)
    draft.end_hold(hold, state, hold.settled)
    draft.write(kind, held, of_number=hold.number, feature=hold.feature)
    end_rest(draft, hold, ended)


def settle(draft: Draft, request: Settle, asked: int | None) -> None:
    """Charge what the work really cost, at most once for each credit held (rules 10 and 11)."""
    hold = get_part(draft, request)
    is_late = hold.state == HoldState.TIMED_OUT
    if hold.state != HoldState.OPEN and not is_late:
        refuse_ended(hold, request)
    held = max(0, hold.amount - hold.settled) if is_late else hold.covered + hold.bare
    # What is left of a hold that was settled in steps is no whole use, which a price with a memory could be asked for.
    is_rest = asked is None and hold.settled > 0
    wanted = held if is_rest else meters.reckon(draft, request, held if asked is None else asked)
    amount = limit_settle(draft, request, hold, wanted, held, is_late)
    consumed, kept = split_draws(hold.draws, amount)
    spent_covered = sum(taken for _, taken in consumed)
    spent_bare = min(amount - spent_covered, hold.bare)
    draft.effects.extend((SPENT, hold.number, lot, taken) for lot, taken in consumed)
    if spent_bare:
        draft.effects.append((SPENT, hold.number, 0, spent_bare))
    draft.move_covered(-spent_covered)
    draft.move_bare(-spent_bare)
    owed = draft.draw(amount - spent_covered, hold.feature)
    if owed:
        draft.make_debt(owed, hold.feature)
    settled, ended = hold.settled + amount, []
    if hold.reserves:
        freed = 0 if is_late else held if request.final else spent_covered + spent_bare
        budgets.settle(draft, hold, freed, amount)
    draft.set_hold(hold, HoldField.SETTLED, settled)
    rest = hold._replace(settled=settled, bare=hold.bare - spent_bare, draws=kept)
    if request.final:
        ended = give_back(draft, rest, kept, rest.bare)
        draft.end_hold(rest, HoldState.SETTLED, settled)
    else:
        draft.replace_hold(rest)
    uncovered = wanted - amount
    draft.write(Kind.SETTLED, amount, uncovered=uncovered, spent=amount, of_number=hold.number, feature=hold.feature)
    end_rest(draft, hold, ended)


def limit_settle(draft: Draft, request: Settle, hold: HoldRow, wanted: int, held: int, is_late: bool) -> int:
    """What is charged of what is wanted, by the policy for cost above the hold (rule 11)."""
    wallet = draft.wallet
    policy = wallet.terms.settle_above_hold if request.policy is None else request.policy
    if policy == SettlePolicy.CAP_AVAILABLE:
        still_held = 0 if is_late else held
        return min(wanted, still_held + max(0, sum_available(wallet, hold.feature)))
    if wanted <= held or policy == SettlePolicy.BILL_FULL:
        return wanted
    if policy == SettlePolicy.CAP_HOLD:
        return held
    unit = wallet.unit
    raise SettleAboveHold(
        hold=request.hold_id, unit=unit.name, held=to_decimal(held, unit), needed=to_decimal(wanted, unit)
    )


Draws = tuple[tuple[int, int], ...]


def split_draws(draws: Draws, amount: int) -> tuple[Draws, Draws]:
    """What a settle of `amount` consumes, from the front, and what it leaves."""
    consumed, kept = [], []
    for lot, drawn in draws:
        taken = min(drawn, amount)
        amount -= taken
        if taken:
            consumed.append((lot, taken))
        if drawn - taken:
            kept.append((lot, drawn - taken))
    return tuple(consumed), tuple(kept)


def give_back(draft: Draft, hold: HoldRow, draws: Draws, bare: int) -> list[tuple[Lot, int]]:
    """Return draws to their lots, last drawn first; those whose lot has ended are returned to the caller instead."""
    ended = []
    for number, drawn in reversed(draws):
        lot = draft.get_lot(number)
        if lot.expires_at <= draft.at:
            ended.append((lot, drawn))
            continue
        draft.effects.append((RETURNED, hold.number, number, drawn))
        draft.change_lot(lot, drawn)
        draft.move_covered(-drawn)
    if bare:
        draft.effects.append((RETURNED, hold.number, 0, bare))
        draft.move_bare(-bare)
    return ended


def end_rest(draft: Draft, hold: HoldRow, ended: list[tuple[Lot, int]]) -> None:
    """The rest of a hold on lots that ended meanwhile is breakage now, else holding would outlive expiry (rule 10).

    Where the terms say `grace`, it lives on for a while in a lot of its own. Either way its entries are its own, so
    that a settle's entry has nothing in it but what was charged and what went back.
    """
    lives_on = draft.wallet.terms.rest_of_ended_lot == RestPolicy.GRACE and draft.wallet.terms.refund_grace
    for lot, drawn in ended:
        draft.effects.append((SPENT, hold.number, lot.number, drawn))
        draft.move_covered(-drawn)
        if not lives_on:
            draft.write(Kind.EXPIRED, drawn, expired=drawn, of_number=lot.number)
    if lives_on and ended:
        amount = add_grace_lot(draft, ended, hold.feature, hold.number)
        draft.write(Kind.GRACED, amount, of_number=hold.number, feature=hold.feature)
