"""Refunds: a charge undone, last drawn first, debt before lots, at most once in all (rule 15)."""

from collections.abc import Sequence
from typing import NamedTuple

from farthing.core import budgets, laws
from farthing.core.draft import Draft
from farthing.core.graces import add_grace_lot
from farthing.values.amounts import to_decimal
from farthing.values.entries import CHARGES, Effect, Entry, Kind, unpack_effects
from farthing.values.errors import MoreThanLeft
from farthing.values.requests import Refund
from farthing.values.wallets import Debt, Lot


class Undone(NamedTuple):
    """A charge in one wallet, as a refund sees it: what it drew, what it left owing, what was given back already."""

    number: int
    feature: int
    charged: int
    refunded: int
    draws: list[tuple[int, int]]
    debts: list[int]
    grace: int
    """The lot that an earlier refund of this charge made for parts whose lots had ended, or 0."""


def read_charge(request: Refund, unit_id: int, past: Sequence[Entry]) -> Undone | None:
    """What the entries named by a refund say of its charge in one unit, or None if it moved nothing there."""
    charged = refunded = number = feature = grace = 0
    draws: list[tuple[int, int]] = []
    debts: list[int] = []
    is_charge = False
    # In the order in which they were written, whichever of them the refund names: what was drawn last goes back first.
    for entry in sorted((entry for entry in past if entry.unit_id == unit_id), key=lambda entry: entry.number):
        effects = unpack_effects(entry.effects)
        if entry.kind in CHARGES:
            is_charge = True
            charged += entry.amount
            number, feature = entry.of_number or entry.number, entry.feature
            for effect, first, second, value in effects:
                if effect == Effect.LOT_MOVED:
                    draws.append((first, -value))
                elif effect == Effect.HOLD_SPENT and second:
                    draws.append((second, value))
                elif effect == Effect.DEBT_MADE:
                    debts.append(first)
        elif entry.kind == Kind.REFUNDED:
            refunded += entry.amount
            grace = next((first for effect, first, _, _ in effects if effect == Effect.LOT_SET), grace)
            undone = sum(value for effect, _, _, value in effects if effect == Effect.DEBT_UNDONE)
            undone -= sum(value for effect, _, _, value in effects if effect == Effect.DEBT_PAID and value < 0)
            take_last(draws, entry.amount - undone)
    return Undone(number, feature, charged, refunded, draws, debts, grace) if is_charge else None


def take_last(draws: list[tuple[int, int]], amount: int) -> None:
    """Shorten draws by `amount`, from the back."""
    while amount and draws:
        lot, drawn = draws.pop()
        if drawn > amount:
            draws.append((lot, drawn - amount))
        amount -= min(drawn, amount)


def refund(draft: Draft, request: Refund, asked: int | None, undone: Undone, past: Sequence[Entry]) -> None:
    """Give back `asked`, or all that is left. More than is left is refused, or clamped where `up_to` says so."""
    wallet, left = draft.wallet, undone.charged - undone.refunded
    amount = left if asked is None else min(asked, left) if request.up_to else asked
    if amount > left:
        unit = wallet.unit
        raise MoreThanLeft(
            action="refunded", unit=unit.name, asked=to_decimal(amount, unit), left=to_decimal(left, unit)
        )
    laws.refunds_at_most_the_charge(wallet, undone.charged, undone.refunded + amount)
    ended: list[tuple[Lot, int]] = []
    owed = [get_debt(draft, number) for number in undone.debts]
    rest, written_off = amount, 0
    for debt in reversed(owed):
        rest, forgiven = undo_debt(draft, debt, rest, ended)
        written_off += forgiven
    for number, drawn in reversed(undone.draws):
        back = min(drawn, rest)
        rest -= back
        if back:
            give_to_lot(draft, number, back, ended)
    if wallet.budgeted:
        budgets.give_back(draft, wallet.unit.unit_id, past, amount)
    broken = place_ended(draft, undone, ended)
    draft.write(
        Kind.REFUNDED, amount, uncovered=max(0, (asked or 0) - amount), refunded=amount, adjusted=-written_off,
        expired=broken, of_number=undone.number, feature=undone.feature,
    )  # fmt: skip


def get_debt(draft: Draft, number: int) -> Debt:
    """A debt that the charge made, paid by now or not."""
    debt = draft.wallet.debts.get(number)
    if debt is None:
        raise laws.break_law(draft.wallet, "rows_equal_the_fold", f"debt {number} is missing")
    return debt


def undo_debt(draft: Draft, debt: Debt, rest: int, ended: list[tuple[Lot, int]]) -> tuple[int, int]:
    """Undo up to `rest` of a debt: what is unpaid first, then its payers, last first. Says what is left to undo,
    and how much of it had been written off (that goes back to nobody)."""
    unpaid = min(rest, debt.remaining)
    if unpaid:
        draft.effects.append((int(Effect.DEBT_UNDONE), debt.number, 0, unpaid))
        draft.change_debt(debt, -unpaid, debt.payers)
    rest -= unpaid
    payers, forgiven = list(debt.payers), 0
    while rest and payers:
        payer, paid = payers.pop()
        back = min(rest, paid)
        rest -= back
        if paid > back:
            payers.append((payer, paid - back))
        current = draft.wallet.debts[debt.number]
        draft.effects.append((int(Effect.DEBT_PAID), debt.number, payer, -back))
        draft.change_debt(current, 0, tuple(payers))
        if payer:
            lot = draft.get_lot(payer)
            draft.change_lot(lot, back)
            if lot.expires_at <= draft.at:
                draft.move_lot(draft.wallet.lots[payer], -back)
                ended.append((lot, back))
        else:
            forgiven += back
    return rest, forgiven


def give_to_lot(draft: Draft, number: int, amount: int, ended: list[tuple[Lot, int]]) -> None:
    """Back into the lot it came from, unless that has ended."""
    lot = draft.get_lot(number)
    if lot.expires_at <= draft.at:
        ended.append((lot, amount))
    else:
        draft.move_lot(lot, amount)


def place_ended(draft: Draft, undone: Undone, ended: list[tuple[Lot, int]]) -> int:
    """What came back for lots that have ended goes to one grace lot per charge; without grace, to breakage."""
    amount = sum(back for _, back in ended)
    grace = draft.wallet.terms.refund_grace
    if not amount or not grace:
        return amount
    if undone.grace:
        lot = draft.get_lot(undone.grace)
        if lot.expires_at > draft.at:
            draft.move_lot(lot, amount)
            draft.resize_lot(lot.number, lot.amount + amount)
            return 0
    add_grace_lot(draft, ended, undone.feature, undone.number)
    return 0
