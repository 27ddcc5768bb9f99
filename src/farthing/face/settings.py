"""The terms of one wallet, changed by `configure`, on record like everything else."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final, Unpack

from farthing.face.desk import Desk
from farthing.face.options import Amount, Name, Said, read_choice, read_said
from farthing.face.top_ups import TopUp, read_top_up
from farthing.values.amounts import Unit, read_amount
from farthing.values.bounds import LONGEST_HOLD_TTL, MOST_ALERTS
from farthing.values.calendars import ONE, read_duration
from farthing.values.errors import TermInvalid, TimeInvalid, show_given
from farthing.values.names import read_account
from farthing.values.requests import Configure
from farthing.values.wallets import RestPolicy, SettlePolicy, Terms

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
    alerts: Iterable[Amount] | None = None,
    top_up: TopUp | bool | None = None,
    **said: Unpack[Said],
) -> Configure:
    """Set terms of an account in one unit; those that are not named stay as they are.

    `overdraft`: how far below zero new work may go. `settle_above_hold`: what happens to cost above a hold: bill_full
    (the default), cap_hold, cap_available, reject. `rest_of_ended_lot`: the rest of a hold on expired credits is
    breakage, or lives on as a grace grant. `hold_ttl`: how long a hold lives when nobody says. `refund_grace`: how
    long a refund to expired credits lives (a timedelta, or days; 0 makes it breakage).
    `alerts`: balances that are told of, once, each time the balance (overdraft not counted, what is held not spent)
    falls to them or below: [10, 0]; [] for none. `top_up`: a `farthing.TopUp` says when to ask for a purchase; False
    turns that off.
    Raises `TermInvalid`, `TimeInvalid`, `AmountInvalid`, `AccountNotFound`, `AccountClosed`.
    """
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
    if not changed and alerts is None and top_up is None:
        names = ", ".join(Terms._fields)
        raise TermInvalid(what="terms", given="none", problem="are named", advice=f"name one or more of {names}")
    return Configure(
        account=read_account(account),
        unit=counted.unit_id,
        terms=tuple((Terms._fields.index(name) + 1, int(value)) for name, value in sorted(changed.items())),
        alerts=None if alerts is None else read_thresholds(alerts, counted),
        top_up=None if top_up is None else read_top_up(top_up, counted),
        **told,
    )


def read_thresholds(alerts: object, unit: Unit) -> tuple[int, ...]:
    """Balances that are told of, each once, highest first. Raises `TermInvalid`, `AmountInvalid`."""
    if isinstance(alerts, str | bytes | Mapping) or not isinstance(alerts, Iterable):
        advice = "write balances such as [10, 0], or [] for none"
        raise TermInvalid(what="alerts", given=show_given(alerts), problem="is not a list", advice=advice)
    thresholds: set[int] = set()
    for threshold in alerts:
        thresholds.add(read_amount(threshold, unit, what="alert", signed=True))
        if len(thresholds) > MOST_ALERTS:
            problem, advice = f"name more than {MOST_ALERTS} balances", "name fewer"
            raise TermInvalid(what="alerts", given="together", problem=problem, advice=advice)
    return tuple(sorted(thresholds, reverse=True))


def read_grace(grace: object) -> int:
    """Microseconds of a timedelta, or of whole days; zero is allowed."""
    if type(grace) is int and 0 <= grace <= LONGEST_HOLD_TTL // (timedelta(days=1) // ONE):
        grace = timedelta(days=grace)
    if not isinstance(grace, timedelta) or not timedelta(0) <= grace <= LONGEST_HOLD_TTL * ONE:
        advice = f"write a timedelta or days, from 0 to {LONGEST_HOLD_TTL * ONE // timedelta(days=1)} days"
        raise TimeInvalid(what="refund_grace", given=show_given(grace), problem="is out of bounds", advice=advice)
    return grace // ONE
