"""Clawbacks: credits taken back because money went back, in proportion and on the running total (rule 16)."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from farthing.core.draft import Draft
from farthing.values.amounts import divide_half_up, to_decimal
from farthing.values.entries import Effect, Entry, Kind, unpack_effects
from farthing.values.errors import MoreThanLeft, MoreThanPaid
from farthing.values.standing_requests import Clawback, SpentPolicy
from farthing.values.wallets import Lot


class Before(NamedTuple):
    """What earlier entries say of a grant."""

    money: int
    """Minor units that went back."""
    credits: int
    """Credits that earlier clawbacks were for, taken or not."""
    unused: int
    """What expired of it, less what earlier clawbacks were for."""


def clawback(draft: Draft, request: Clawback, past: Sequence[Entry]) -> None:
    """Take unspent credits of the grant; what was spent becomes debt, which other credit pays, or is written off.

    What had expired unused is neither: it counts as taken back, and nobody owes it. What a hold has set aside counts
    as spent; if it comes back, it pays the debt.
    """
    lot = draft.get_grant(request.grant, request.grant_id)
    before = read_past((*past, *draft.entries), lot)
    due = find_due(draft, request, lot, before)
    taken = min(due, lot.remaining)
    gone = min(due - taken, before.unused)
    owed = 0 if request.policy == SpentPolicy.WRITE_OFF else due - taken - gone
    if request.money:
        draft.effects.append((int(Effect.MONEY_RETURNED), lot.number, 0, request.money))
    if taken:
        draft.move_lot(lot, -taken)
    if owed:
        draft.make_debt(owed, 0)
        draft.has_freed = True
    adjusted = -owed - (taken if lot.started else 0)
    draft.write(Kind.CLAWED_BACK, taken + owed, uncovered=due - taken - owed, adjusted=adjusted, of_number=lot.number)


def read_past(past: Iterable[Entry], lot: Lot) -> Before:
    """What went back, and what expired, before now."""
    money = credits_ = unused = 0
    for entry in past:
        if entry.of_number != lot.number:
            continue
        if entry.kind == Kind.EXPIRED:
            unused += entry.amount
        elif entry.kind == Kind.CLAWED_BACK:
            credits_ += entry.amount + entry.uncovered
            # What a clawback did not get had expired, as far as anything had; only the rest was written off.
            unused -= min(unused, entry.uncovered)
            money += sum(
                value for effect, _, _, value in unpack_effects(entry.effects) if effect == Effect.MONEY_RETURNED
            )
    return Before(money, credits_, unused)


def find_due(draft: Draft, request: Clawback, lot: Lot, before: Before) -> int:
    """How many credits this clawback is for: the running total for all money returned, less those before."""
    left = max(0, lot.amount - before.credits)
    if request.money is not None:
        returned = before.money + request.money
        if returned > lot.cost_minor:
            raise MoreThanPaid(
                grant=request.grant_id, paid=lot.cost_minor, returned=before.money, asked=request.money,
                left=lot.cost_minor - before.money,
            )  # fmt: skip
        total = divide_half_up(lot.amount * returned, lot.cost_minor) if lot.cost_minor else 0
        return min(left, max(0, total - before.credits))
    if request.amount is None:
        return left
    if request.amount > left:
        unit = draft.wallet.unit
        raise MoreThanLeft(
            action="clawed back", unit=unit.name, asked=to_decimal(request.amount, unit), left=to_decimal(left, unit)
        )
    return request.amount
