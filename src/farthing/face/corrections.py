"""What operators put right, always on record: void, forgive, adjust, and the used count."""

from collections.abc import Mapping
from typing import Unpack

from farthing.face.desk import Desk
from farthing.face.ids import read_id
from farthing.face.options import Amount, Amounts, Name, Said, read_amounts, read_claim, read_parts, read_said
from farthing.values.errors import AmountInvalid, GrantNotFound, show_given
from farthing.values.names import read_account
from farthing.values.requests import Adjust, Forgive, ResetUsed, SetUsed, Void


def build_void(
    desk: Desk,
    account: Name,
    amount: Amounts | None = None,
    *,
    grant: str | None = None,
    unit: str | None = None,
    up_to: bool = False,
    **said: Unpack[Said],
) -> Void:
    """Take unspent credits away: of one `grant` (all that is left of it, or an amount), or in burn-down order.

    What is held stays held. More than there is is refused, or clamped with `up_to=True`.
    Raises `MoreThanLeft`, `GrantNotFound`, `AccountNotFound`, `IdInvalid`, `AmountInvalid`, `KeyReused`.
    """
    name, place = read_account(account), None if grant is None else read_id(grant, "gra")
    if place is None:
        if amount is None:
            raise refuse_missing("void", "write how many, or name the grant of which all is to go")
        amounts = read_amounts(desk, amount, unit)
    else:
        if not desk.has_unit(place.unit_id):
            raise GrantNotFound(account=name, grant=grant)
        if isinstance(amount, Mapping) or (unit is not None and desk.get_unit(unit).unit_id != place.unit_id):
            problem = "names other units than its grant"
            raise AmountInvalid(what="amount", given=show_given(amount), problem=problem, advice="write one amount")
        amounts = () if amount is None else read_parts(desk, amount, place.unit_id)
    return Void(
        account=name,
        amounts=amounts,
        grant=place,
        grant_id=grant or "",
        up_to=bool(read_claim(up_to, "up_to")),
        **read_said(desk, "void", said),
    )


def build_forgive(
    desk: Desk, account: Name, amount: Amounts | None = None, *, unit: str | None = None, **said: Unpack[Said]
) -> Forgive:
    """Write debt off, oldest first: an amount, or all that is owed in `unit`.

    Raises `MoreThanLeft` (less is owed), `AccountNotFound`, `AmountInvalid`, `KeyReused`.
    """
    owed: tuple[tuple[int, int | None], ...] = ((desk.get_unit(unit).unit_id, None),)
    if amount is not None:
        owed = read_amounts(desk, amount, unit)
    return Forgive(account=read_account(account), owed=owed, **read_said(desk, "forgive", said))


def build_adjust(
    desk: Desk, account: Name, amount: Amounts, *, unit: str | None = None, **said: Unpack[Said]
) -> Adjust:
    """Correct a balance by a signed amount: up is a lot of its own, which pays debt first; down burns in order.

    Raises `MoreThanLeft` (down, by more than there is), `AccountNotFound`, `AmountInvalid`, `KeyReused`.
    """
    amounts = read_amounts(desk, amount, unit, signed=True)
    return Adjust(account=read_account(account), amounts=amounts, **read_said(desk, "adjust", said))


def build_set_used(
    desk: Desk, account: Name, used: Amount, *, unit: str | None = None, **said: Unpack[Said]
) -> SetUsed:
    """Make the period's used count `used`: the difference is written as an entry (rule 18).

    Used = base + bonus − what remains of the period's credits + debt; base and bonus are grants whose source is `plan`
    or `bonus`. Above the total is refused, unless the account may owe.
    Raises `InsufficientCredits`, `AccountNotFound` …
    """
    amounts = read_amounts(desk, used, unit)
    return SetUsed(account=read_account(account), amounts=amounts, **read_said(desk, "set_used", said))


def build_reset_used(desk: Desk, account: Name, *, unit: str | None = None, **said: Unpack[Said]) -> ResetUsed:
    """Make the period's used count zero: debt is written off, then the period's credits are filled up (rule 18)."""
    number = desk.get_unit(unit).unit_id
    return ResetUsed(account=read_account(account), unit=number, **read_said(desk, "reset_used", said))


def refuse_missing(verb: str, advice: str) -> AmountInvalid:
    """The verb needs an amount and was given none."""
    return AmountInvalid(what="amount", given=f"of {verb}", problem="is missing", advice=advice)
