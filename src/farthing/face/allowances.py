"""Allowances: grants that recur. What an account is given anew in every period, and what becomes of the rest."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final, Unpack

from farthing.face.cadences import Every, keep_zone, read_anchor, read_cadence, read_moment
from farthing.face.desk import Desk
from farthing.face.grants import read_features, read_priority
from farthing.face.options import Amount, Name, Said, read_choice, read_claim, read_said
from farthing.values.amounts import Unit, read_amount
from farthing.values.bounds import LONGEST_KEEP
from farthing.values.errors import TermInvalid, show_given
from farthing.values.names import read_account, read_name
from farthing.values.standing_requests import Allow, ChangeAllowance, ChangeMode, EndAllowance, EndPeriod, SetPeriodEnd
from farthing.values.wallets import Rollover, TurnPolicy

ROLLOVERS: Final = {policy.name.lower(): policy for policy in Rollover}
TURNS: Final = {policy.name.lower(): policy for policy in TurnPolicy}
MODES: Final = {mode.name.lower(): mode for mode in ChangeMode}
FIRSTS: Final = ("full", "prorated")
PERCENT: Final = Unit(0, "percent", 4, 0)
"""100 % is a million: a percentage is kept in ten-thousandths of one per cent."""


def build_allow(
    desk: Desk,
    account: Name,
    amount: Amount,
    *,
    every: Every,
    count: int = 1,
    name: str = "plan",
    unit: str | None = None,
    anchor: datetime | str | None = None,
    zone: str | None = None,
    starts_at: datetime | None = None,
    first: Amount | str = "full",
    rollover: str = "none",
    cap: Amount | None = None,
    cap_percent: Amount | None = None,
    keep: int | None = None,
    on_turn: str = "keep",
    priority: int = 10,
    features: Collection[str] | None = None,
    promotional: bool = False,
    source: str = "plan",
    **said: Unpack[Said],
) -> Allow:
    """Give credits anew in every period. Opens the account if need be; each period's credits are a grant of their own.

    `every` is hour, day, week, month, quarter, half_year, year, or a timedelta of whole days; `count` of them make one
    period. Periods are counted from `anchor`: now unless an aware datetime says otherwise (31 January, 28 February, 31
    March), or with "calendar" from midnight of the 1st (weeks: of Monday). `zone` is where its midnights are, the
    account's own unless said. The period in hand begins at once, or at `starts_at`, which is then the anchor too unless
    there is another. `first` is what the period in hand gives: the `full` amount, `prorated` by the time that is left
    of it, or an amount of its own.
    Unused credits end with their period (`rollover="none"`), or live on: `all` of them, or `capped` by `cap` credits
    or `cap_percent` of the amount (floored; the oldest go first); `keep` says for how many periods (0 is for ever, the
    default). `on_turn="forgive"` writes debt off at each turn; otherwise the fresh credits pay it. `name` is yours,
    unique among the account's live allowances in this unit; `priority`, `features`, `promotional` and `source` are as
    for `grant`.
    Raises `AllowanceExists`, `TooManyRules`, `TermInvalid`, `TimeInvalid`, `AmountInvalid`, `AccountClosed` …
    """
    counted, key = desk.get_unit(unit), read_account(account)
    cadence, periods = read_cadence(every, count)
    instant, is_calendar = read_anchor(anchor)
    begins = None if starts_at is None else read_moment(starts_at, "starts_at")
    if begins is not None and instant is None and not is_calendar:
        instant = begins
    return Allow(
        account=key,
        unit=counted.unit_id,
        name=desk.keep_name(name, "name"),
        amount=read_amount(amount, counted),
        every=cadence,
        count=periods,
        anchor=instant,
        calendar=is_calendar,
        zone=keep_zone(desk, key, zone),
        starts_at=begins,
        priority=read_priority(priority),
        promotional=bool(read_claim(promotional, "promotional")),
        features=() if features is None else read_features(desk, features),
        source=desk.intern_name(source, "source"),
        **read_first(first, counted, waits=begins is not None),
        **read_rollover(counted, rollover, cap, cap_percent, keep),
        on_turn=int(read_choice(on_turn, TURNS, "on_turn")),
        **read_said(desk, "allow", said),
    )


def read_first(first: object, unit: Unit, *, waits: bool) -> dict[str, Any]:
    """What the period in hand gives. Raises `TermInvalid`, `AmountInvalid`."""
    if first == "full":
        return {}
    if waits:
        problem, advice = "belongs to a period that begins now", "leave it out, or name an anchor instead of starts_at"
        raise TermInvalid(what="first", given=show_given(first), problem=problem, advice=advice)
    if first == "prorated":
        return {"is_prorated": True}
    if isinstance(first, str) and not any(letter.isdigit() for letter in first):
        advice = f"choose {', '.join(FIRSTS)}, or an amount"
        raise TermInvalid(what="first", given=show_given(first), problem="is not a choice", advice=advice)
    return {"first": read_amount(first, unit, what="first")}


def read_rollover(unit: Unit, rollover: object, cap: object, cap_percent: object, keep: object) -> dict[str, Any]:
    """What becomes of unused credits, as a new allowance says it. Raises `TermInvalid`, `AmountInvalid`."""
    policy = read_choice(rollover, ROLLOVERS, "rollover")
    said = read_caps(unit, cap, cap_percent, keep)
    if policy == Rollover.CAPPED and not (said.keys() & {"cap", "cap_percent"}):
        advice = 'name a cap or a cap_percent, or choose rollover="all" or "none"'
        raise TermInvalid(what="rollover", given="'capped'", problem="has no cap", advice=advice)
    for name in said:
        if policy == Rollover.NONE or (policy == Rollover.ALL and name != "keep"):
            given = {"cap": cap, "cap_percent": cap_percent, "keep": keep}[name]
            wanted = '"capped" or "all"' if name == "keep" else '"capped"'
            problem, advice = f"says nothing beside rollover={rollover!r}", f"choose rollover={wanted}, or leave it out"
            raise TermInvalid(what=name, given=show_given(given), problem=problem, advice=advice)
    return {"rollover": int(policy)} | said


def read_caps(unit: Unit, cap: object, cap_percent: object, keep: object) -> dict[str, int]:
    """Those of the three that were named. Raises `TermInvalid`, `AmountInvalid`."""
    if cap is not None and cap_percent is not None:
        problem = "name two caps"
        raise TermInvalid(what="cap and cap_percent", given="together", problem=problem, advice="choose one of them")
    said: dict[str, int] = {}
    for name, value, scale in (("cap", cap, unit), ("cap_percent", cap_percent, PERCENT)):
        if value is not None:
            said[name] = read_amount(value, scale, what=name)
            if not said[name]:
                advice = 'to carry nothing choose rollover="none"'
                raise TermInvalid(what=name, given=show_given(value), problem="carries nothing", advice=advice)
    if keep is not None:
        said["keep"] = read_keep(keep)
    return said


def read_keep(keep: object) -> int:
    """For how many periods carried credits live; zero stands for ever. Raises `TermInvalid`."""
    if type(keep) is not int or not 0 <= keep <= LONGEST_KEEP:
        advice = f"write whole periods from 1 to {LONGEST_KEEP}, or 0 for ever"
        raise TermInvalid(what="keep", given=show_given(keep), problem="is no number of periods", advice=advice)
    return keep


def build_change_allowance(
    desk: Desk,
    account: Name,
    amount: Amount | None = None,
    *,
    name: str = "plan",
    unit: str | None = None,
    mode: str = "replace",
    rollover: str | None = None,
    cap: Amount | None = None,
    cap_percent: Amount | None = None,
    keep: int | None = None,
    on_turn: str | None = None,
    **said: Unpack[Said],
) -> ChangeAllowance:
    """Change what an allowance gives, or how it rolls over; what is not named stays.

    `mode` says what a new `amount` means for the period in hand (rule 21): `replace` (a fresh grant, the old one ends),
    `add` (a fresh grant beside the old one), `keep_used` (the difference: what was used counts), `at_turn` (nothing
    before the next turn). A new way to roll over works from the next turn.
    Raises `AllowanceNotFound`, `TermInvalid`, `AmountInvalid`, `AccountNotFound`, `KeyReused` …
    """
    counted = desk.get_unit(unit)
    changes: dict[str, Any] = read_caps(counted, cap, cap_percent, keep)
    if rollover is not None:
        changes |= read_rollover(counted, rollover, cap, cap_percent, keep)
    if on_turn is not None:
        changes["on_turn"] = int(read_choice(on_turn, TURNS, "on_turn"))
    if amount is not None:
        changes["amount"] = read_amount(amount, counted)
    chosen = read_choice(mode, MODES, "mode")
    if not changes:
        advice = "name an amount, rollover, cap, cap_percent, keep or on_turn"
        raise TermInvalid(what="change_allowance", given="of nothing", problem="changes nothing", advice=advice)
    return ChangeAllowance(
        account=read_account(account),
        unit=counted.unit_id,
        name=read_name(name, what="name"),
        mode=int(chosen),
        **changes,
        **read_said(desk, "change_allowance", said),
    )


def build_end_allowance(
    desk: Desk,
    account: Name,
    *,
    name: str = "plan",
    unit: str | None = None,
    now: bool = False,
    **said: Unpack[Said],
) -> EndAllowance:
    """Let an allowance turn no more. What the period in hand gave lives to the period's end, or goes at once (`now`),
    and then what was carried over goes with it.

    Raises `AllowanceNotFound`, `AccountNotFound`, `TermInvalid`, `KeyReused`.
    """
    return EndAllowance(
        account=read_account(account),
        unit=desk.get_unit(unit).unit_id,
        name=read_name(name, what="name"),
        now=bool(read_claim(now, "now")),
        **read_said(desk, "end_allowance", said),
    )


def build_end_period(
    desk: Desk, account: Name, *, name: str = "plan", unit: str | None = None, **said: Unpack[Said]
) -> EndPeriod:
    """Let the period in hand end now, as at its real end: its credits and the bonus credits tied to it go, and a new
    period begins that lasts until the date on which the old one would have ended.

    Raises `AllowanceNotFound`, `AccountNotFound`, `AccountClosed`, `KeyReused`.
    """
    return EndPeriod(
        account=read_account(account),
        unit=desk.get_unit(unit).unit_id,
        name=read_name(name, what="name"),
        **read_said(desk, "end_period", said),
    )


def build_set_period_end(
    desk: Desk, account: Name, ends_at: datetime, *, name: str = "plan", unit: str | None = None, **said: Unpack[Said]
) -> SetPeriodEnd:
    """Move the end of the period in hand, and of all that ends with it, to `ends_at` (an aware datetime).

    One that has passed lets the allowance turn now; the next period then lasts to the next boundary as it always was.
    Raises `AllowanceNotFound`, `TimeInvalid`, `AccountNotFound`, `AccountClosed`, `KeyReused`.
    """
    return SetPeriodEnd(
        account=read_account(account),
        unit=desk.get_unit(unit).unit_id,
        name=read_name(name, what="name"),
        ends_at=read_moment(ends_at, "ends_at"),
        **read_said(desk, "set_period_end", said),
    )
