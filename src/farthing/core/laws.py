"""The step laws: what every single entry must keep, checked before it exists. Each law is a function with its name.

A broken law is a bug or a damaged database, never the caller's fault: `LawBroken` stops the wallet, the evidence kept.
The laws over whole books are in `audit/laws.py`.
"""

from collections.abc import Sequence
from typing import NoReturn

from farthing.core.burndown import sum_waiting
from farthing.values.amounts import to_decimal
from farthing.values.bounds import LARGEST_AMOUNT
from farthing.values.entries import Entry
from farthing.values.errors import LawBroken, TotalTooLarge
from farthing.values.wallets import Wallet


def break_law(wallet: Wallet, law: str, problem: str) -> LawBroken:
    """The error that names the wallet in which `law` broke."""
    return LawBroken(law=law, account=wallet.account.key, unit=wallet.unit.name, problem=problem)


def nothing_below_zero(wallet: Wallet, what: str, number: int, left: int) -> None:
    """No lot, hold or debt ever has less than nothing."""
    if left < 0:
        raise break_law(wallet, "nothing_below_zero", f"{what} {number} would have {left}")


def every_change_has_its_entry(wallet: Wallet, stated: int, lots: int, covered: int, debt: int) -> None:
    """granted + refunded ± adjusted − spent − expired, as the entry has them, is what moved in lots, holds, debt."""
    if stated != lots + covered - debt:
        raise break_law(wallet, "every_change_has_its_entry", f"{stated} stated, {lots} {covered:+} {-debt:+} moved")


def parts_make_the_whole(wallet: Wallet) -> None:
    """Totals that the wallet keeps are never below zero, and the equation adds up after each entry."""
    if (
        wallet.free < 0
        or wallet.covered < 0
        or wallet.bare < 0
        or wallet.debt < 0
        or wallet.scoped < 0
        or wallet.live < 0
    ):
        problem = (
            f"free {wallet.free} scoped {wallet.scoped} covered {wallet.covered} bare {wallet.bare} debt {wallet.debt}"
        )
        raise break_law(wallet, "parts_make_the_whole", problem)
    if wallet.granted + wallet.refunded + wallet.adjusted - wallet.spent - wallet.expired != wallet.balance:
        raise break_law(wallet, "parts_make_the_whole", f"the equation gives another balance than {wallet.balance}")


def totals_within_bounds(wallet: Wallet) -> None:
    """No running total passes 2**63 − 1: the request that would do it is refused, not the books broken.

    All that ever came in counts as one total, with what waits to take effect: so nothing that time alone does later
    (a start, an expiry) can pass the bound, and no wallet gets stuck.
    """
    came_in = wallet.granted + wallet.refunded + max(0, wallet.adjusted) + sum_waiting(wallet)
    taken = {"adjusted": -wallet.adjusted, "spent": wallet.spent, "bare": wallet.bare, "debt": wallet.debt}
    for name, total in {"came in": came_in, **taken}.items():
        if total > LARGEST_AMOUNT:
            refuse_total(wallet, name, total)


def refuse_total(wallet: Wallet, name: str, total: int) -> NoReturn:
    """The refusal that names the total which would grow too large."""
    unit = wallet.unit
    largest = to_decimal(LARGEST_AMOUNT, unit)
    raise TotalTooLarge(
        what="amount", given=str(total), account=wallet.account.key, unit=unit.name, total=name, largest=largest
    )


def receipt_begins_with_its_lead(wallet: Wallet, lead_number: int, entries: Sequence[Entry]) -> None:
    """The first entry of a receipt is the one that its other entries name, and that has the key."""
    unit_id = wallet.unit.unit_id
    for entry in entries:
        if entry.lead_number == lead_number and entry.lead_unit == unit_id:
            if entry.number != lead_number or entry.unit_id != unit_id:
                problem = f"{entry.number} of unit {entry.unit_id} comes before {lead_number} of unit {unit_id}"
                raise break_law(wallet, "receipt_begins_with_its_lead", problem)
            return


def refunds_at_most_the_charge(wallet: Wallet, charged: int, refunded: int) -> None:
    """Σ refunds of a charge never pass it."""
    if refunded > charged:
        raise break_law(wallet, "refunds_at_most_the_charge", f"{refunded} refunded of {charged}")


def hold_ends_once(wallet: Wallet, number: int, ended_at: int) -> None:
    """Settle, release and time-out exclude each other."""
    if ended_at:
        raise break_law(wallet, "hold_ends_once", f"hold {number} has ended already")


def time_never_runs_backwards(wallet: Wallet, recorded_at: int) -> None:
    """A wallet's entries are in the order of their times."""
    if recorded_at < wallet.clock:
        raise break_law(wallet, "time_never_runs_backwards", f"{recorded_at} after {wallet.clock}")
