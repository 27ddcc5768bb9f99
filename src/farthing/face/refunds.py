"""Refunds: credits given back for a charge or a settled hold."""

from typing import Unpack

from farthing.face.desk import Desk
from farthing.face.ids import read_id
from farthing.face.options import Amounts, Said, read_claim, read_parts, read_said
from farthing.values.errors import ChargeNotFound
from farthing.values.requests import Refund


def build_refund(
    desk: Desk, charge: str, amount: Amounts | None = None, *, up_to: bool = False, **said: Unpack[Said]
) -> Refund:
    """Give credits back for a charge, into the lots that they came from, at most once in all.

    `charge` is the id of the charge's receipt, or of a settled hold (its own, or its settle's receipt). Without an
    amount: all that is left to refund. More than that is refused (`MoreThanLeft` says what would pass), or clamped
    with `up_to=True`. What came from credits that have expired returns as a short-lived grant, by the account's terms.
    Raises `ChargeNotFound`, `MoreThanLeft`, `IdInvalid`, `AmountInvalid`, `AccountClosed`, `KeyReused`.
    """
    place = read_id(charge, "rct", "hld")
    if not desk.has_unit(place.unit_id):
        raise ChargeNotFound(charge=charge)
    return Refund(
        charge=place,
        charge_id=charge,
        amounts=() if amount is None else read_parts(desk, amount, place.unit_id),
        up_to=bool(read_claim(up_to, "up_to")),
        **read_said(desk, "refund", said),
    )
