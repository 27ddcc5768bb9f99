"""What operators put right, always as entries: void, forgive, adjust, and the used count (rules 15, 17, 18)."""

from farthing.core.burndown import sum_available
from farthing.core.draft import Draft
from farthing.values.amounts import to_decimal
from farthing.values.bounds import MOST_LIVE_LOTS, NEVER
from farthing.values.entries import Effect, Kind
from farthing.values.errors import InsufficientCredits, MoreThanLeft, TooManyLots
from farthing.values.names import name_number
from farthing.values.requests import Void
from farthing.values.wallets import Lot, NeedsMore, Wallet

PRIORITY = 50
ADJUSTMENT = name_number("adjustment")
PERIOD_SOURCES = frozenset({name_number("plan"), name_number("bonus")})
"""The sources whose lots make up base and bonus (rule 18)."""


def more_than_left(wallet: Wallet, action: str, asked: int, left: int) -> MoreThanLeft:
    """The refusal that names the number that would pass."""
    unit = wallet.unit
    return MoreThanLeft(action=action, unit=unit.name, asked=to_decimal(asked, unit), left=to_decimal(left, unit))


def void(draft: Draft, request: Void, asked: int | None) -> None:
    """Take unspent credits away: of the grant that is named, else in burn-down order. What is held stays held."""
    wallet, lot = draft.wallet, None
    if request.grant is not None:
        lot = draft.get_grant(request.grant, request.grant_id)
    left = wallet.free if lot is None else lot.remaining
    amount = left if asked is None else min(asked, left) if request.up_to else asked
    if amount > left:
        raise more_than_left(wallet, "voided", amount, left)
    if lot is None:
        take_in_order(draft, amount, shrinks=True)
    else:
        draft.move_lot(lot, -amount)
        draft.resize_lot(lot.number, lot.amount - amount)
    adjusted = 0 if lot is not None and not lot.started else -amount
    of_number = 0 if lot is None else lot.number
    draft.write(Kind.VOIDED, amount, uncovered=max(0, (asked or 0) - amount), adjusted=adjusted, of_number=of_number)


def take_in_order(draft: Draft, amount: int, *, shrinks: bool) -> None:
    """Take from all live lots in burn-down order, whatever they are scoped to.

    What is voided counts as never granted (`shrinks`), what is adjusted away as used.
    """
    wallet = draft.wallet
    if wallet.unloaded:
        raise NeedsMore(wallet.unit.unit_id)
    for lot in list(wallet.lots.values()):
        if not amount:
            return
        taken = min(amount, lot.remaining) if lot.started else 0
        if taken:
            draft.move_lot(lot, -taken)
            amount -= taken
            if shrinks:
                draft.resize_lot(lot.number, lot.amount - taken)


def forgive(draft: Draft, asked: int | None) -> None:
    """Write debt off, oldest first."""
    wallet = draft.wallet
    amount = wallet.debt if asked is None else asked
    if amount > wallet.debt:
        raise more_than_left(wallet, "forgiven", amount, wallet.debt)
    write_off(draft, amount)
    draft.write(Kind.FORGIVEN, amount, adjusted=amount)


def write_off(draft: Draft, amount: int) -> None:
    """Owe less, oldest debt first, though nobody paid."""
    wallet = draft.wallet
    if amount and not wallet.whole:
        raise NeedsMore(wallet.unit.unit_id)
    for debt in list(wallet.debts.values()):
        gone = min(amount, debt.remaining)
        if gone:
            draft.effects.append((int(Effect.DEBT_PAID), debt.number, 0, gone))
            draft.change_debt(debt, -gone, (*debt.payers, (0, gone)))
            amount -= gone


def adjust(draft: Draft, amount: int) -> None:
    """Correct a balance: up is a lot of its own, which pays debt first; down follows the burn-down order."""
    wallet = draft.wallet
    if amount < 0:
        if -amount > wallet.free:
            raise more_than_left(wallet, "taken away", -amount, wallet.free)
        take_in_order(draft, -amount, shrinks=False)
    else:
        if amount and wallet.live + wallet.pending >= MOST_LIVE_LOTS:
            raise TooManyLots(account=wallet.account.key, unit=wallet.unit.name, most=MOST_LIVE_LOTS)
        lot = Lot(draft.next_number, amount, PRIORITY, draft.t, NEVER, 0, (), ADJUSTMENT, 0, 0, 0, 0, 1, 0, 0)
        draft.add_lot(lot)
        draft.move_lot(lot, amount)
    draft.write(Kind.ADJUSTED, amount, adjusted=amount)


def list_period_lots(draft: Draft) -> list[Lot]:
    """The lots that make up base and bonus: from a plan or a bonus, in effect, not expired, empty ones too. What was
    carried over from an earlier period is neither."""
    wallet = draft.wallet
    if not wallet.whole:
        raise NeedsMore(wallet.unit.unit_id)
    return [
        lot
        for lot in wallet.lots.values()
        if lot.source in PERIOD_SOURCES and lot.started and lot.expires_at > draft.at and is_of_period(draft, lot)
    ]


def is_of_period(draft: Draft, lot: Lot) -> bool:
    """Whether a lot belongs to the period in hand, if it came with one at all. An allowance that has ended has none."""
    allowance = draft.wallet.allowances.get(lot.allowance)
    is_live = allowance is not None and not allowance.ended_at
    return not lot.allowance or (is_live and not is_carried(draft, lot))


def is_carried(draft: Draft, lot: Lot) -> bool:
    """Whether a lot was given by an allowance for a period that has ended. Of one that has yet to begin none was; what
    has another source was only tied to it."""
    allowance = draft.wallet.allowances.get(lot.allowance)
    if allowance is None or lot.source != allowance.source:
        return False
    return lot.effective_at < allowance.starts_at <= draft.at


def count_used(draft: Draft) -> int:
    """used = base + bonus − what remains of the period's lots (held counts as remaining) + debt."""
    lots = list_period_lots(draft)
    covered = sum(count_covered(draft.wallet, lot.number) for lot in lots)
    return sum(lot.amount - lot.remaining for lot in lots) - covered + draft.wallet.debt


def count_covered(wallet: Wallet, number: int) -> int:
    """What open holds have set aside of a lot."""
    return sum(drawn for hold in wallet.holds.values() for lot, drawn in hold.draws if lot == number)


def set_used(draft: Draft, used: int, kind: Kind = Kind.USED_SET) -> None:
    """Make the used count `used`: less pays debt off, then refills the period's lots; more takes from them.

    Above the total is refused unless the account may owe.
    """
    more = used - count_used(draft)
    if more > 0:
        raise_used(draft, more)
    elif more < 0:
        lower_used(draft, -more)
    draft.write(kind, used, adjusted=-more)


def raise_used(draft: Draft, more: int) -> None:
    """Take from the period's lots in burn-down order; the rest is owed, where overdraft allows."""
    wallet = draft.wallet
    for lot in list_period_lots(draft):
        taken = min(more, lot.remaining)
        if taken:
            draft.move_lot(lot, -taken)
            more -= taken
    if more:
        room = wallet.terms.overdraft - wallet.debt - wallet.bare
        if more > room:
            unit = wallet.unit
            raise InsufficientCredits(
                account=wallet.account.key, unit=unit.name, feature=None, needed=to_decimal(more, unit),
                available=to_decimal(sum_available(wallet, 0), unit), held=to_decimal(wallet.held, unit),
                short=to_decimal(more - room, unit), top_up=to_decimal(more - room, unit),
                resets_at=None, arriving=None,
            )  # fmt: skip
        draft.make_debt(more, 0)
        draft.has_freed = True


def lower_used(draft: Draft, less: int) -> None:
    """Debt first, then the period's lots from the back of the burn-down order, each up to its amount."""
    wallet = draft.wallet
    forgiven = min(less, wallet.debt)
    write_off(draft, forgiven)
    less -= forgiven
    for lot in reversed(list_period_lots(draft)):
        room = max(0, lot.amount - lot.remaining - count_covered(wallet, lot.number))
        back = min(less, room)
        if back:
            draft.move_lot(lot, back)
            less -= back


def reset_used(draft: Draft) -> None:
    """Make the used count zero."""
    set_used(draft, 0, Kind.USED_RESET)
