"""The terms of one wallet, changed by `configure`, on record like everything else."""

from datetime import timedelta
from typing import Any, Final, Unpack

from farthing.core.amounts import read_amount
from farthing.core.bounds import LONGEST_HOLD_TTL
from farthing.core.calendars import ONE, read_duration
from farthing.core.errors import TermInvalid, TimeInvalid, show_given
from farthing.core.names import read_account
from farthing.core.requests import Configure
from farthing.core.wallets import RestPolicy, SettlePolicy, Terms
from farthing.face.desk import Desk
from farthing.face.options import Amount, Name, Said, read_choice, read_said

POLICIES: Final = {policy.name.lower(): policy for policy in SettlePolicy}
RESTS: Final = {policy.name.lower(): policy for policy in RestPolicy}


def build_configure(
    desk: Desk,
    account: Name,
    *,
    unit: str | None = None,
    overdraft: Amount | None = None,
    settle_above_hold: str | None = None,
    rest_of_ended_lot: str | None = None,
    hold_ttl: timedelta | None = None,
    refund_grace: timedelta | int | None = None,
    alerts: Any = None,
    **said: Unpack[Said],
) -> Configure:
    """Set terms of an account in one unit; those that are not named stay as they are. Opens the account if need be.

    `overdraft`: how far below zero new work may go. `settle_above_hold`: what happens to cost above a hold: bill_full
    (the default), cap_hold, cap_available, reject. `rest_of_ended_lot`: the rest of a hold on expired credits is
    breakage, or lives on as a grace grant. `hold_ttl`: how long a hold lives when nobody says. `refund_grace`: how
    long a refund to expired credits lives (a timedelta, or days; 0 makes it breakage).
    Raises `TermInvalid`, `TimeInvalid`, `AmountInvalid`, `AccountClosed`. `alerts` come with a later release.
    """
    if alerts is not None:
        problem = "are not available in this release"
        raise TermInvalid(what="alerts", given=show_given(alerts), problem=problem, advice="leave them out")
    counted = desk.get_unit(unit)
    changed: dict[str, int] = {}
    if overdraft is not None:
        changed["overdraft"] = read_amount(overdraft, counted, what="overdraft")
    if settle_above_hold is not None:
        changed["settle_above_hold"] = read_choice(settle_above_hold, POLICIES, "settle_above_hold")
    if rest_of_ended_lot is not None:
        changed["rest_of_ended_lot"] = read_choice(rest_of_ended_lot, RESTS, "rest_of_ended_lot")
    if hold_ttl is not None:
        changed["hold_ttl"] = read_duration(hold_ttl, what="hold_ttl", longest=LONGEST_HOLD_TTL)
    if refund_grace is not None:
        changed["refund_grace"] = read_grace(refund_grace)
    told = read_said(desk, "configure", said)
    if not changed:
        names = ", ".join(Terms._fields)
        raise TermInvalid(what="terms", given="none", problem="are named", advice=f"name one or more of {names}")
    terms = tuple((Terms._fields.index(name) + 1, int(value)) for name, value in sorted(changed.items()))
    return Configure(account=read_account(account), unit=counted.unit_id, terms=terms, **told)


def read_grace(grace: object) -> int:
    """Microseconds of a timedelta, or of whole days; zero is allowed."""
    if type(grace) is int and 0 <= grace <= LONGEST_HOLD_TTL // (timedelta(days=1) // ONE):
        grace = timedelta(days=grace)
    if not isinstance(grace, timedelta) or not timedelta(0) <= grace <= LONGEST_HOLD_TTL * ONE:
        advice = f"write a timedelta or days, from 0 to {LONGEST_HOLD_TTL * ONE // timedelta(days=1)} days"
        raise TimeInvalid(what="refund_grace", given=show_given(grace), problem="is out of bounds", advice=advice)
    return grace // ONE
