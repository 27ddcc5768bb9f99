"""Moving an account in time, in books that are made for tests: each account there has a clock that stands still."""

from datetime import datetime, timedelta
from typing import Unpack

from farthing.face.cadences import read_moment
from farthing.face.desk import Desk
from farthing.face.options import Name, Said, read_said
from farthing.values.bounds import LATEST_INSTANT
from farthing.values.calendars import ONE
from farthing.values.errors import TermInvalid, TimeInvalid, show_given
from farthing.values.names import read_account
from farthing.values.standing_requests import Advance


def build_advance(
    desk: Desk, account: Name, by: timedelta | None = None, *, to: datetime | None = None, **said: Unpack[Said]
) -> Advance:
    """Move an account of a test book in time: `by` a timedelta, or `to` an aware datetime; never back.

    All that falls due on the way happens, in its order and at its own instant. Only this account moves.
    Raises `ClockRuns` (in a live book), `TimeInvalid`, `TermInvalid`, `AccountNotFound`, `KeyReused`.
    """
    if (by is None) == (to is None):
        given, problem = ("nothing", "says no time") if by is None else ("both", "name two times")
        raise TermInvalid(what="by and to", given=given, problem=problem, advice="choose one of them")
    if by is not None and (not isinstance(by, timedelta) or not 0 <= by // ONE <= LATEST_INSTANT):
        problem, advice = "is not a time to come", "write a timedelta from zero: clocks only go forward"
        raise TimeInvalid(what="by", given=show_given(by), problem=problem, advice=advice)
    return Advance(
        account=read_account(account),
        by=0 if by is None else by // ONE,
        to=None if to is None else read_moment(to, "to"),
        unit_ids=desk.list_unit_ids(),
        **read_said(desk, "advance", said),
    )
