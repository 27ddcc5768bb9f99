"""Which credits pay first, for what, and how much there is: rules 5 and 6."""

from bisect import insort

from farthing.values.wallets import Allowance, Counter, Debt, Hold, Lot, NeedsMore, Wallet


def may_pay(lot: Lot | Allowance, feature: int) -> bool:
    """Whether a lot, or what an allowance gives, may be charged for a feature; for none (0) only what is unscoped."""
    return not lot.features or feature in lot.features


def sum_available(wallet: Wallet, feature: int) -> int:
    """available(feature): what a strict charge for it could take now, overdraft included, in smallest parts.

    Unscoped lots and those scoped to it, plus overdraft, less debt and bare holds; below zero where more is owed.
    """
    usable = wallet.free - wallet.scoped
    if feature and wallet.scoped:
        if wallet.unloaded:
            raise NeedsMore(wallet.unit.unit_id)
        usable += sum(lot.remaining for lot in wallet.lots.values() if lot.started and feature in lot.features)
    return usable + wallet.terms.overdraft - wallet.debt - wallet.bare


def sum_waiting(wallet: Wallet) -> int:
    """What was granted and has not taken effect yet."""
    if not wallet.pending:
        return 0
    if not wallet.whole:
        raise NeedsMore(wallet.unit.unit_id)
    return sum(lot.remaining for lot in wallet.lots.values() if not lot.started)


def list_arriving(wallet: Wallet, feature: int) -> list[tuple[int, int]]:
    """(instant, amount) of what is still to come and could pay for a feature: pending grants, allowances that turn."""
    if (wallet.pending or wallet.recurring) and not wallet.whole:
        raise NeedsMore(wallet.unit.unit_id)
    arriving = [
        (lot.effective_at, lot.remaining)
        for lot in wallet.lots.values()
        if not lot.started and lot.remaining and may_pay(lot, feature)
    ]
    return arriving + [
        (allowance.turns_at, allowance.amount)
        for allowance in wallet.allowances.values()
        if not allowance.ended_at and allowance.amount and (not allowance.features or feature in allowance.features)
    ]


def rank_lot(lot: Lot) -> tuple[int, ...]:
    """Burn-down order (rule 5): priority, soonest expiry, scoped first, promotional first, effective time, id."""
    return (
        lot.priority,
        lot.expires_at,
        0 if lot.features else 1,
        0 if lot.promotional else 1,
        lot.effective_at,
        lot.number,
    )


def place_lots(wallet: Wallet, lots: list[Lot]) -> None:
    """Put further lots into a wallet, keeping burn-down order. Lots that it has already stay as they are."""
    fresh = [lot for lot in lots if lot.number not in wallet.lots]
    if not fresh:
        return
    lots = list(wallet.lots.values())
    if len(fresh) == 1:
        insort(lots, fresh[0], key=rank_lot)
    else:
        lots = sorted([*lots, *fresh], key=rank_lot)
    wallet.lots = {lot.number: lot for lot in lots}


def widen_wallet(
    wallet: Wallet,
    lots: list[Lot],
    holds: list[Hold],
    debts: list[Debt],
    allowances: list[Allowance],
    counters: list[Counter],
) -> Wallet:
    """The same wallet with all that the store has: live and pending lots, open holds and their lots, unpaid debts,
    live allowances, counters.

    What was loaded before may have been changed since by decisions that are not saved yet, so it wins.
    """
    whole = wallet.copy()
    place_lots(whole, lots)
    whole.holds = {hold.number: hold for hold in holds} | whole.holds
    whole.debts = dict(sorted(({debt.number: debt for debt in debts} | whole.debts).items()))
    whole.allowances = {each.number: each for each in allowances} | {**whole.allowances}
    whole.counters = {(each.budget, each.subject): each for each in counters} | {**whole.counters}
    whole.whole = True
    whole.unloaded = 0
    whole.horizon = ()
    return whole
