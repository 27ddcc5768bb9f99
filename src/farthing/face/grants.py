"""Grants: credits given, from now or later, for ever or until an instant."""

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Unpack
from zoneinfo import ZoneInfo

from farthing.core.bounds import LARGEST_AMOUNT, LATEST_INSTANT, MOST_SCOPES
from farthing.core.calendars import EPOCH, read_duration, read_instant
from farthing.core.errors import AmountInvalid, TermInvalid, TimeInvalid, show_given
from farthing.core.names import read_account
from farthing.core.requests import Grant, Import
from farthing.face.accounts import read_zone
from farthing.face.desk import Desk
from farthing.face.options import Amounts, Name, Said, read_amounts, read_claim, read_said

LARGEST_PRIORITY: Final = 1000
SECOND: Final = timedelta(seconds=1)


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
    **said: Unpack[Said],
) -> Grant:
    """Give credits. Opens the account if need be, and pays its debt first.

    `source` says why: purchase, bonus, promo, referral, trial, admin … (`plan` and `bonus` make up the period's total
    of the used count). They live for ever, or for `expires_in` from their start, or until the instant `expires_at`, or
    `through` a date: to the end of that day in the account's zone. `starts_at` makes them wait. Lower `priority`
    (0 to 1000) burns first. `features` scopes them: they pay for nothing else. `paid=(1200, "GHS")` is what they cost,
    in minor units of an ISO currency.
    Raises `TimeInvalid` (an end that has passed, a naive or bare date), `TooManyLots`, `AccountClosed`, `KeyReused` …
    """
    name = read_account(account)
    terms = read_terms(desk, name, source, expires_in, expires_at, through, starts_at, priority, features)
    return Grant(
        account=name,
        amounts=read_amounts(desk, amount, unit),
        promotional=bool(read_claim(promotional, "promotional")),
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
) -> dict[str, Any]:
    """The terms that a grant and an import share."""
    ends = {"expires_in": expires_in, "expires_at": expires_at, "through": through}
    named = [name for name, value in ends.items() if value is not None]
    if len(named) > 1:
        problem = "name more than one end"
        raise TermInvalid(what=" and ".join(named), given="together", problem=problem, advice="choose one of them")
    if type(priority) is not int or not 0 <= priority <= LARGEST_PRIORITY:
        advice = f"write a whole number from 0 to {LARGEST_PRIORITY}"
        raise TermInvalid(what="priority", given=show_given(priority), problem="is out of bounds", advice=advice)
    instant = None if expires_at is None else read_instant(expires_at, what="expires_at")
    if through is not None:
        instant = find_end_of_day(through, find_zone(desk, account))
    return {
        "source": desk.intern_name(source, "source"),
        "expires_in": None if expires_in is None else read_duration(expires_in, what="expires_in"),
        "expires_at": instant,
        "starts_at": None if starts_at is None else read_instant(starts_at, what="starts_at"),
        "priority": priority,
        "features": () if features is None else read_features(desk, features),
    }


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


def find_zone(desk: Desk, account: str) -> ZoneInfo:
    """The zone in which an account's days end; UTC for one that this very grant opens."""
    known = desk.store.find_account(account)
    return read_zone("UTC" if known is None else known.zone)


def find_end_of_day(day: object, zone: ZoneInfo) -> int:
    """The first instant after a date in a zone. Raises `TimeInvalid` for anything but a bare date."""
    if not isinstance(day, date) or isinstance(day, datetime):
        advice = "write a date, or use expires_at for an instant"
        raise TimeInvalid(what="through", given=show_given(day), problem="is not a date", advice=advice)
    if day >= date(9999, 12, 31):
        return LATEST_INSTANT
    midnight = datetime.combine(day + timedelta(days=1), datetime.min.time(), zone)
    return read_instant(find_first_valid(midnight, zone), what="through")


def find_first_valid(wall: datetime, zone: ZoneInfo) -> datetime:
    """The instant of a wall-clock time: in an overlap the first of the two, in a gap the first that exists after it."""
    instant = wall.replace(fold=0).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == wall.replace(tzinfo=None):
        return instant
    before, after = wall.replace(fold=1).astimezone(UTC), instant
    first, last = (before - EPOCH) // SECOND, (after - EPOCH) // SECOND
    while last - first > 1:
        middle = (first + last) // 2
        if (EPOCH + middle * SECOND).astimezone(zone).replace(tzinfo=None) < wall.replace(tzinfo=None):
            first = middle
        else:
            last = middle
    return EPOCH + last * SECOND
