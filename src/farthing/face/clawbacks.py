"""Clawbacks: credits taken back because the money for them went back."""

from typing import Final, Unpack

from farthing.face.desk import Desk
from farthing.face.ids import read_id
from farthing.face.options import Amount, Said, read_choice, read_said
from farthing.values.amounts import read_amount
from farthing.values.bounds import LARGEST_AMOUNT
from farthing.values.errors import AmountInvalid, AmountIsFloat, GrantNotFound, TermInvalid, show_given
from farthing.values.requests import Place
from farthing.values.standing_requests import Clawback, SpentPolicy

POLICIES: Final = {policy.name.lower(): policy for policy in SpentPolicy}


def build_clawback(
    desk: Desk,
    grant: str,
    *,
    money: int | None = None,
    amount: Amount | None = None,
    policy: str = "debt",
    **said: Unpack[Said],
) -> Clawback:
    """Take a grant's credits back because its price was refunded, or disputed: the grant's id is enough.

    `money` is how much went back, in minor units of the currency in which the grant was `paid` (500 of 1200): the
    credits go in proportion, on the running total, so that parts add up to the whole. Or name an `amount` of credits;
    without either all that earlier clawbacks left. Of those that were spent already, `policy="debt"` makes a debt,
    which other credits pay; `write_off` lets them go. Those that expired unused are nobody's debt.
    Raises `GrantNotFound`, `MoreThanPaid`, `MoreThanLeft`, `TermInvalid`, `IdInvalid`, `AmountInvalid`, `KeyReused`.
    """
    place = find_grant(desk, grant, "the account")
    if money is not None and amount is not None:
        problem = "say it twice"
        raise TermInvalid(what="money and amount", given="together", problem=problem, advice="choose one of them")
    return Clawback(
        grant=place,
        grant_id=grant,
        money=None if money is None else read_money(money),
        amount=None if amount is None else read_amount(amount, desk.get_unit_of(place.unit_id)),
        policy=int(read_choice(policy, POLICIES, "policy")),
        **read_said(desk, "clawback", said),
    )


def read_money(money: object) -> int:
    """Minor units. Raises `AmountInvalid`."""
    if isinstance(money, float):
        raise AmountIsFloat(what="money", given=repr(money), advice="write whole minor units: 1250 for 12.50")
    if type(money) is not int or not 0 <= money <= LARGEST_AMOUNT:
        problem, advice = "is not an amount of money", "write whole minor units from 0: 1250 for 12.50"
        raise AmountInvalid(what="money", given=show_given(money), problem=problem, advice=advice)
    return money


def find_grant(desk: Desk, grant: str, account: str) -> Place:
    """Where a grant lives. Raises `IdInvalid`, and `GrantNotFound` for an id whose unit this book does not have."""
    place = read_id(grant, "gra")
    if not desk.has_unit(place.unit_id):
        raise GrantNotFound(account=account, grant=grant)
    return place
