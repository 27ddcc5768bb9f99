"""Grace lots: credits that come back for lots that have ended live on for a while in a lot of their own (rule 15)."""

from farthing.core.draft import Draft
from farthing.values.names import name_number
from farthing.values.wallets import Lot

PRIORITY = 50
REFUND = name_number("refund")
"""The source of a grace lot."""


def add_grace_lot(draft: Draft, ended: list[tuple[Lot, int]], feature: int, of_number: int) -> int:
    """One lot for all parts whose lots have ended; returns what is in it.

    It is scoped to the work's feature if any of these lots was scoped, and promotional only if all of them were.
    """
    amount = sum(back for _, back in ended)
    is_scoped = feature and any(lot.features for lot, _ in ended)
    features = (feature,) if is_scoped else ()
    promotional = int(all(lot.promotional for lot, _ in ended))
    expires_at = draft.at + draft.wallet.terms.refund_grace
    number = draft.next_number
    lot = Lot(
        number, amount, PRIORITY, draft.at, expires_at, promotional, features, REFUND, 0, 0, of_number, 0, 1, 0, 0
    )  # fmt: skip
    draft.add_lot(lot)
    draft.move_lot(lot, amount)
    return amount
