"""Expiries: moving the end of credits that are there."""

from datetime import date, datetime, timedelta
from typing import Unpack

from farthing.face.cadences import read_moment
from farthing.face.clawbacks import find_grant
from farthing.face.desk import Desk
from farthing.face.grants import find_end_of_day, find_zone_of
from farthing.face.options import Name, Said, read_claim, read_said
from farthing.values.bounds import NEVER
from farthing.values.calendars import read_duration
from farthing.values.errors import TermInvalid, show_given
from farthing.values.names import read_account
from farthing.values.standing_requests import Reschedule


def build_reschedule(
    desk: Desk,
    account: Name,
    *,
    expires_at: datetime | None = None,
    expires_in: timedelta | None = None,
    through: date | None = None,
    never: bool = False,
    grant: str | None = None,
    unit: str | None = None,
    **said: Unpack[Said],
) -> Reschedule:
    """Move the end of one `grant` (its id), or of all live credits in `unit` but those of allowances.

    Exactly one of these says when: the instant `expires_at`, `expires_in` from now, `through` a date (to the end of
    that day in the account's zone), or `never=True`. Earlier than it was is as good as later.
    Raises `TimeInvalid` (an end that has passed), `GrantNotFound`, `GrantEnded`, `TermInvalid`, `AccountNotFound` …
    """
    name = read_account(account)
    ends = {"expires_at": expires_at, "expires_in": expires_in, "through": through}
    named = [what for what, value in ends.items() if value is not None]
    named += ["never"] if read_claim(never, "never") else []
    if len(named) != 1:
        what, problem = (" and ".join(named), "name more than one end") if named else ("end", "is missing")
        advice = "choose one of expires_at, expires_in, through, never=True"
        raise TermInvalid(what=what, given="together" if named else "of the credits", problem=problem, advice=advice)
    end, length = NEVER, None
    if expires_at is not None:
        end = read_moment(expires_at, "expires_at")
    elif through is not None:
        end = find_end_of_day(through, find_zone_of(desk, name))
    elif expires_in is not None:
        length = read_duration(expires_in, what="expires_in")
    place = None if grant is None else find_grant(desk, grant, name)
    counted = desk.get_unit(unit) if place is None or unit is not None else desk.get_unit_of(place.unit_id)
    if place is not None and counted.unit_id != place.unit_id:
        problem, advice = "is not the unit of its grant", "leave it out"
        raise TermInvalid(what="unit", given=show_given(unit), problem=problem, advice=advice)
    return Reschedule(
        account=name,
        unit=counted.unit_id,
        expires_at=end,
        expires_in=length,
        grant=place,
        grant_id=grant or "",
        **read_said(desk, "reschedule", said),
    )
