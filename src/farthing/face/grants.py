"""Grants: credits given, from now or later, for ever or until an instant."""

from collections.abc import Collection
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, Final, Unpack

from farthing.engine.zones import find_zone
from farthing.face.desk import Desk
from farthing.face.options import Amounts, Name, Said, read_amounts, read_claim, read_said
from farthing.face.top_ups import find_purchase
from farthing.values.bounds import LARGEST_AMOUNT, LATEST_INSTANT, MOST_SCOPES
from farthing.values.calendars import read_duration, read_instant, to_instant
from farthing.values.errors import AmountInvalid, TermInvalid, TimeInvalid, show_given
from farthing.values.names import read_account, read_name
from farthing.values.periods import DAY, FIRST_DAY, find_first_instant
from farthing.values.requests import ANY_PERIOD, Grant, Import
from farthing.values.requests import Amounts as Parts

LARGEST_PRIORITY: Final = 1000
BONUS: Final = "bonus"


def build_grant(
    desk: Desk,
    account: Name,
    amount: Amounts,
    *,
    unit: str | None = None,
    source: str = "grant",
    expires_in: timedelta | None = None,
    expires_at: datetime | None = None,
    through: date | None = None,
    starts_at: datetime | None = None,
    priority: int = 50,
    features: Collection[str] | None = None,
    promotional: bool = False,
    paid: tuple[int, str] | None = None,
    until_turn: str | None = None,
    extend: bool = False,
    top_up: str | None = None,
    **said: Unpack[Said],
) -> Grant:
    """Give credits. Opens the account if need be, and pays its debt first.

    `source` says why: purchase, bonus, promo, referral, trial, admin … (`plan` and `bonus` make up the period's total
    of the used count). They live for ever, or for `expires_in` from their start, or until the instant `expires_at`, or
    `through` a date: to the end of that day in the account's zone. `starts_at` makes them wait. Lower `priority`
    (0 to 1000) burns first. `features` scopes them: they pay for nothing else. `paid=(1200, "GHS")` is what they cost,
    in minor units of an ISO currency.
    `until_turn="plan"` ties them to the allowance of that name: they end when it turns, whenever that comes to be.
    `extend=True` lets all other live credits live at least as long as these (allowances' own apart): buying again moves
    the end of everything. A catalog may say that what has the source `bonus` ends with the period in hand, unless
    another end is named (`bonus_ends = "period"`). `top_up` is the id of the alert that asked for this purchase
    (`alert.id`): it is the key too, unless you give one, so that a purchase told twice is granted once.
    Raises `TimeInvalid` (an end that has passed, a naive or bare date), `TooManyLots`, `AccountClosed`, `KeyReused` …
    """
    name = read_account(account)
    if top_up is not None and said.get("key") is None:
        said["key"] = f"top-up {top_up}"
    terms = read_terms(desk, name, source, expires_in, expires_at, through, starts_at, priority, features, until_turn)
    amounts = read_amounts(desk, amount, unit)
    return Grant(
        account=name,
        amounts=amounts,
        promotional=bool(read_claim(promotional, "promotional")),
        until_turn=read_until_turn(desk, source, until_turn, ends=(expires_in, expires_at, through)),
        extends=read_extension(extend, starts_at),
        top_up=0 if top_up is None else read_purchase(desk, name, amounts, top_up),
        **terms,
        **read_paid(desk, paid),
        **read_said(desk, "grant", said),
    )


def build_import_grant(
    desk: Desk,
    account: Name,
    amount: Amounts,
    *,
    unit: str | None = None,
    source: str = "grant",
    expires_in: timedelta | None = None,
    expires_at: datetime | None = None,
    through: date | None = None,
    starts_at: datetime | None = None,
    priority: int = 50,
    features: Collection[str] | None = None,
    promotional: bool = False,
    paid: tuple[int, str] | None = None,
    **said: Unpack[Said],
) -> Import:
    """Bring a grant from another system. As `grant`, but it may have expired: then it is breakage at once."""
    name = read_account(account)
    terms = read_terms(desk, name, source, expires_in, expires_at, through, starts_at, priority, features)
    return Import(
        account=name,
        amounts=read_amounts(desk, amount, unit),
        promotional=bool(read_claim(promotional, "promotional")),
        **terms,
        **read_paid(desk, paid),
        **read_said(desk, "import_grant", said),
    )


def read_terms(
    desk: Desk,
    account: str,
    source: str,
    expires_in: timedelta | None,
    expires_at: datetime | None,
    through: date | None,
    starts_at: datetime | None,
    priority: int,
    features: Collection[str] | None,
    until_turn: str | None = None,
) -> dict[str, Any]:
    """The terms that a grant and an import share."""
    ends = {"expires_in": expires_in, "expires_at": expires_at, "through": through, "until_turn": until_turn}
    named = [name for name, value in ends.items() if value is not None]
    if len(named) > 1:
        problem = "name more than one end"
        raise TermInvalid(what=" and ".join(named), given="together", problem=problem, advice="choose one of them")
    instant = None if expires_at is None else read_instant(expires_at, what="expires_at")
    if through is not None:
        instant = find_end_of_day(through, find_zone_of(desk, account))
    return {
        "source": desk.intern_name(source, "source"),
        "expires_in": None if expires_in is None else read_duration(expires_in, what="expires_in"),
        "expires_at": instant,
        "starts_at": None if starts_at is None else read_instant(starts_at, what="starts_at"),
        "priority": read_priority(priority),
        "features": () if features is None else read_features(desk, features),
    }


def read_until_turn(desk: Desk, source: str, until_turn: object, *, ends: tuple[object, ...]) -> str:
    """The allowance with whose period credits end: the one that is named, or by the catalog whichever is in hand."""
    if until_turn is not None:
        return read_name(until_turn, what="until_turn")
    published = desk.catalogs.find_current() if source == BONUS else None
    is_tied = published is not None and published.catalog.bonus_ends == "period" and not any(ends)
    return ANY_PERIOD if is_tied else ""


def read_extension(extend: object, starts_at: object) -> bool:
    """Whether other credits are to live as long as these. Raises `TermInvalid`."""
    if not read_claim(extend, "extend"):
        return False
    if starts_at is not None:
        problem, advice = "belongs to credits that begin now", "leave it out, or leave starts_at out"
        raise TermInvalid(what="extend", given="True", problem=problem, advice=advice)
    return True


def read_purchase(desk: Desk, account: str, amounts: Parts, top_up: str) -> int:
    """The entry that asked for this purchase. Raises `IdInvalid`, and `TermInvalid` for what is no purchase of this."""
    place = find_purchase(desk, account, top_up)
    if [unit for unit, _ in amounts] != [place.unit_id]:
        problem, advice = "asked for another unit", f"grant {desk.get_unit_of(place.unit_id).name}, and nothing else"
        raise TermInvalid(what="top_up", given=show_given(top_up), problem=problem, advice=advice)
    return place.number


def read_priority(priority: object) -> int:
    """A place in burn-down order. Raises `TermInvalid`."""
    if type(priority) is not int or not 0 <= priority <= LARGEST_PRIORITY:
        advice = f"write a whole number from 0 to {LARGEST_PRIORITY}"
        raise TermInvalid(what="priority", given=show_given(priority), problem="is out of bounds", advice=advice)
    return priority


def read_features(desk: Desk, features: object) -> tuple[int, ...]:
    """The numbers of a scope's features, in an order of their own, so that the same scope always compares equal."""
    if isinstance(features, str) or not isinstance(features, Collection):
        raise TermInvalid(
            what="features", given=show_given(features), problem="is not a list", advice='write ["video", "chat"]'
        )
    if not 0 < len(features) <= MOST_SCOPES:
        advice = f"name 1 to {MOST_SCOPES}, or leave it out for credits that pay for everything"
        raise TermInvalid(what="features", given=f"a list of {len(features)}", problem="is no scope", advice=advice)
    return tuple(sorted({desk.intern_name(feature, "feature") for feature in features}))


def read_paid(desk: Desk, paid: object) -> dict[str, Any]:
    """Money in minor units, and the number of its currency's ISO code."""
    if paid is None:
        return {}
    if not isinstance(paid, tuple) or len(paid) != 2 or type(paid[0]) is not int:
        problem, advice = "is not money", 'write minor units and an ISO code: (1200, "GHS")'
        raise AmountInvalid(what="paid", given=show_given(paid), problem=problem, advice=advice)
    minor, currency = paid
    if not 0 <= minor <= LARGEST_AMOUNT:
        raise AmountInvalid(what="paid", given=show_given(minor), problem="is out of bounds", advice="write 0 or more")
    if not (isinstance(currency, str) and len(currency) == 3 and currency.isascii() and currency.isupper()):
        problem, advice = "is no currency", "write its ISO 4217 code, such as GHS"
        raise TermInvalid(what="paid", given=show_given(currency), problem=problem, advice=advice)
    return {"cost_minor": minor, "currency": desk.intern_name(currency, "currency")}


def find_zone_of(desk: Desk, account: str) -> tzinfo:
    """The zone in which an account's days end; UTC for one that this very grant opens."""
    known = desk.store.find_account(account)
    return find_zone("UTC" if known is None else known.zone)


def find_end_of_day(day: object, zone: tzinfo) -> int:
    """The first instant after a date in a zone. Raises `TimeInvalid` for anything but a bare date."""
    if not isinstance(day, date) or isinstance(day, datetime):
        advice = "write a date, or use expires_at for an instant"
        raise TimeInvalid(what="through", given=show_given(day), problem="is not a date", advice=advice)
    midnight = (day.toordinal() + 1 - FIRST_DAY) * DAY
    return read_instant(to_instant(min(find_first_instant(midnight, zone), LATEST_INSTANT)), what="through")
