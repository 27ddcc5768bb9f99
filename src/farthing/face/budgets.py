"""Budgets: caps on what may be spent in each period, by member, feature, model or API key."""

from datetime import datetime
from typing import Any, Final, Unpack

from farthing.face.cadences import CALENDAR, Every, keep_zone, read_anchor, read_cadence
from farthing.face.desk import Desk
from farthing.face.options import Amount, Name, Said, SaidOfRules, read_choice, read_claim, read_said, read_who
from farthing.values.amounts import read_amount
from farthing.values.errors import TermInvalid, show_given
from farthing.values.names import NOTHING, read_account, read_name
from farthing.values.standing_requests import ChangeBudget, EndBudget, SetBudget
from farthing.values.wallets import Subject

SUBJECTS: Final = {subject.name.lower(): subject for subject in Subject if subject != Subject.ALL}
CYCLE: Final = "cycle:"


def build_budget(
    desk: Desk,
    account: Name,
    most: Amount,
    *,
    name: str,
    unit: str | None = None,
    every: Every | None = None,
    cycle: str | None = None,
    count: int = 1,
    anchor: datetime | str = CALENDAR,
    zone: str | None = None,
    member: Name | None = None,
    feature: str | None = None,
    model: str | None = None,
    api_key: Name | None = None,
    per: str | None = None,
    hard: bool = True,
    **said: Unpack[SaidOfRules],
) -> SetBudget:
    """Cap what may be spent: `most` in each period, counted from zero. Opens the account if need be.

    A hard budget refuses charges and holds beyond it (`BudgetExceeded`); one with `hard=False` only counts, and tells
    once when it is spent, as the hard one does. It counts all work, or that of one `member`, `feature`, `model` or
    `api_key`, as charges and holds say them; `per="member"` (or feature, model, api_key) gives each a count of its own.
    `every`, `count` and `zone` are as for `allow`; periods follow the calendar unless `anchor` is an aware datetime.
    `cycle="plan"` (or every="cycle:plan") takes the periods of the allowance of that name; without either there is one
    period without end. What a hold sets aside counts until it is settled, in the period in which it was placed.
    `name` is yours, unique among the account's live budgets in this unit.
    Raises `BudgetExists`, `AllowanceNotFound`, `TooManyRules`, `TermInvalid`, `TimeInvalid`, `AmountInvalid` …
    """
    counted, key = desk.get_unit(unit), read_account(account)
    return SetBudget(
        account=key,
        unit=counted.unit_id,
        name=desk.keep_name(name, "name"),
        most=read_amount(most, counted, what="most"),
        is_hard=bool(read_claim(hard, "hard")),
        per=NOTHING if per is None else int(read_choice(per, SUBJECTS, "per")),
        member=read_who(desk, member, "member") or NOTHING,
        feature=NOTHING if feature is None else desk.intern_name(feature, "feature"),
        model=NOTHING if model is None else desk.intern_name(model, "model"),
        api_key=read_who(desk, api_key, "api_key") or NOTHING,
        **read_periods(desk, key, every, cycle, count, anchor, zone),
        **read_said(desk, "budget", said),
    )


def read_periods(
    desk: Desk, account: str, every: object, cycle: object, count: object, anchor: object, zone: object
) -> dict[str, Any]:
    """How a budget's periods recur: by a cadence, with an allowance's, or not at all. Raises `TermInvalid` …"""
    if isinstance(every, str) and every.startswith(CYCLE):
        if cycle is not None:
            problem = "name the periods twice"
            raise TermInvalid(what="every and cycle", given="together", problem=problem, advice="choose one of them")
        cycle, every = every.removeprefix(CYCLE), None
    if every is not None and cycle is not None:
        problem = "name the periods twice"
        raise TermInvalid(what="every and cycle", given="together", problem=problem, advice="choose one of them")
    if every is None:
        unasked = (("count", count, 1), ("anchor", anchor, CALENDAR), ("zone", zone, None))
        for what, value, usual in unasked:
            if value is not usual and value != usual:
                problem = "says nothing without a cadence" if cycle is None else "is the allowance's own"
                raise TermInvalid(what=what, given=show_given(value), problem=problem, advice="leave it out")
        if cycle is None:
            return {"zone": keep_zone(desk, account, zone)}
        return {"cycle": read_name(cycle, what="cycle"), "zone": keep_zone(desk, account, zone)}
    cadence, periods = read_cadence(every, count)
    instant, _ = read_anchor(anchor)
    return {"every": cadence, "count": periods, "anchor": instant, "zone": keep_zone(desk, account, zone)}


def build_change_budget(
    desk: Desk,
    account: Name,
    most: Amount | None = None,
    *,
    name: str,
    unit: str | None = None,
    hard: bool | None = None,
    **said: Unpack[Said],
) -> ChangeBudget:
    """Give a budget another cap, or make it hard or soft, from now on; what it has counted stays.

    Raises `BudgetNotFound`, `TermInvalid`, `AmountInvalid`, `AccountNotFound`, `AccountClosed`, `KeyReused`.
    """
    counted = desk.get_unit(unit)
    if most is None and hard is None:
        advice = "name another cap, or hard"
        raise TermInvalid(what="change_budget", given="of nothing", problem="changes nothing", advice=advice)
    return ChangeBudget(
        account=read_account(account),
        unit=counted.unit_id,
        name=read_name(name, what="name"),
        most=None if most is None else read_amount(most, counted, what="most"),
        is_hard=None if hard is None else bool(read_claim(hard, "hard")),
        **read_said(desk, "change_budget", said),
    )


def build_end_budget(
    desk: Desk, account: Name, *, name: str, unit: str | None = None, **said: Unpack[Said]
) -> EndBudget:
    """Count and cap no more. Raises `BudgetNotFound`, `AccountNotFound`, `KeyReused`."""
    return EndBudget(
        account=read_account(account),
        unit=desk.get_unit(unit).unit_id,
        name=read_name(name, what="name"),
        **read_said(desk, "end_budget", said),
    )
