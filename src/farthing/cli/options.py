"""The options that many commands share, and how what people type becomes what the face takes.

An option is declared once, here, so that it has the same name, help and environment variable everywhere.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Final

import typer

from farthing.store.faults import NoteInvalid
from farthing.values.errors import AmountInvalid, Invalid, TermInvalid, TimeInvalid

DEFAULT_DB: Final = "sqlite:///farthing.db"

DATABASES: Final = "Which database: sqlite:///FILE, postgresql://USER@HOST/NAME, or memory:"

Db = Annotated[str, typer.Option("--db", envvar="FARTHING_DB", metavar="URL", help=DATABASES)]
Book = Annotated[
    str | None, typer.Option("--book", envvar="FARTHING_BOOK", metavar="NAME", help="Which book inside the database.")
]
AppRole = Annotated[
    str | None,
    typer.Option("--app-role", metavar="ROLE", help="PostgreSQL: the role that the app runs as, which owns nothing."),
]
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON: amounts are strings.")]
UnitName = Annotated[
    str | None, typer.Option("--unit", metavar="NAME", help="What is counted; without it the first unit of the book.")
]
Key = Annotated[
    str | None,
    typer.Option("--key", metavar="KEY", help="Idempotency key: the same command with the same key happens once."),
]
Feature = Annotated[str | None, typer.Option("--feature", metavar="NAME", help="What the credits are for.")]
Description = Annotated[
    str | None, typer.Option("--description", metavar="TEXT", help="A note for people; it can be erased later.")
]
Metadata = Annotated[
    str | None, typer.Option("--metadata", metavar="JSON", help='Kept with the entry: {"chat": "c_77"}. Erasable.')
]
Actor = Annotated[str | None, typer.Option("--actor", metavar="NAME", help="Who does this (support, a job).")]
Model = Annotated[str | None, typer.Option("--model", metavar="NAME", help="Which model did the work.")]
Member = Annotated[str | None, typer.Option("--member", metavar="NAME", help="Who acted for the account.")]
ApiKey = Annotated[
    str | None, typer.Option("--api-key", metavar="NAME", help="Through which key: its name, never the key itself.")
]
Account = Annotated[str, typer.Argument(metavar="ACCOUNT", help="Whose credits: your own name for the account.")]
AmountText = Annotated[
    str, typer.Argument(metavar="AMOUNT", help="12.50, or several units in one step: generations=1,credits=5")
]
AmountOrPrice = Annotated[
    str | None,
    typer.Argument(metavar="[AMOUNT]", help="12.50, or generations=1,credits=5; without it the catalog's price."),
]
Every = Annotated[
    str, typer.Option("--every", metavar="PERIOD", help="hour, day, week, month, quarter, half_year, year; or 14d, 2w.")
]
Count = Annotated[int, typer.Option("--count", metavar="N", help="So many of them make one period.")]
Anchor = Annotated[
    str | None,
    typer.Option(
        "--anchor", metavar="WHEN", help="From when periods are counted: an instant, or calendar (the 1st …)."
    ),
]
PeriodZone = Annotated[
    str | None,
    typer.Option("--zone", metavar="ZONE", help="Where their midnights are: Europe/Berlin; else the account's own."),
]
ExpiresIn = Annotated[str | None, typer.Option("--expires-in", metavar="TIME", help="For so long: 12h, 180d, 2w.")]
ExpiresAt = Annotated[
    str | None, typer.Option("--expires-at", metavar="WHEN", help="Or until then: 2026-12-01T09:00:00Z")
]
Through = Annotated[str | None, typer.Option("--through", metavar="DAY", help="Or to the end of that day: 2026-12-31")]
Ttl = Annotated[str | None, typer.Option("--ttl", metavar="TIME", help="For how long: 90s, 10m, 2h, 7d.")]

LENGTH: Final = re.compile(r"([0-9]{1,9})(s|m|h|d|w)\Z", re.ASCII)
LENGTHS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def read_length(text: str | None, *, what: str) -> timedelta | None:
    """A duration such as 90s, 10m, 2h, 180d, 2w. Raises `TimeInvalid`."""
    if text is None:
        return None
    found = LENGTH.match(text)
    if not found:
        advice = "write a whole number and s, m, h, d or w, such as 10m or 180d"
        raise TimeInvalid(what=what, given=repr(text)[:60], problem="is not a duration", advice=advice)
    try:
        return timedelta(**{LENGTHS[found[2]]: int(found[1])})
    except OverflowError:
        raise TimeInvalid(what=what, given=text, problem="is too long", advice="write a shorter one") from None


def get_length(text: str, *, what: str) -> timedelta:
    """The same where one must be given."""
    return read_length(text, what=what) or timedelta(0)


def read_every(text: str) -> str | timedelta:
    """A cadence by its word, or a length of whole days: 14d, 2w. The face judges both."""
    return get_length(text, what="--every") if LENGTH.match(text) else text


def read_grace(text: str | None) -> timedelta | int | None:
    """How long a refund to expired credits lives; 0 is a choice of its own."""
    return 0 if text == "0" else read_length(text, what="--refund-grace")


def read_moment(text: str | None, *, what: str) -> datetime | None:
    """An instant with its zone, as ISO 8601 writes it. Raises `TimeInvalid`, also for one that names no zone."""
    return None if text is None else get_moment(text, what=what)


def get_moment(text: str, *, what: str) -> datetime:
    """The same where one must be given."""
    advice = "write it with its zone, such as 2026-12-01T09:00:00Z"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise TimeInvalid(what=what, given=repr(text)[:60], problem="is not an instant", advice=advice) from None
    if moment.tzinfo is None:
        raise TimeInvalid(what=what, given=text, problem="names no zone", advice=advice)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise TimeInvalid(what=what, given=text, problem="is out of range", advice=advice) from None


def read_anchor(text: str | None) -> datetime | str | None:
    """An instant, or the word for the calendar's own periods. Raises `TimeInvalid`."""
    return text if text == "calendar" else read_moment(text, what="--anchor")


def read_day(text: str | None, *, what: str) -> date | None:
    """A day as YYYY-MM-DD. Raises `TimeInvalid`."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        advice = "write a date such as 2026-12-31"
        raise TimeInvalid(what=what, given=repr(text)[:60], problem="is not a day", advice=advice) from None


def read_metadata(text: str | None) -> dict[str, Any] | None:
    """A JSON object. Raises `NoteInvalid`."""
    if text is None:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        advice = 'write a JSON object, such as {"chat": "c_77"}'
        raise NoteInvalid(what="metadata", given=repr(text)[:60], problem="is not a JSON object", advice=advice)
    return value


def read_amounts(text: str, unit: str | None) -> str | Mapping[str, str]:
    """One amount as typed, or several by unit: generations=1,credits=5. Raises `AmountInvalid`, `TermInvalid`."""
    if "=" not in text:
        return text
    if unit is not None:
        advice = "leave --unit out when the amount names its units"
        raise TermInvalid(what="--unit", given=repr(unit), problem="is said twice", advice=advice)
    amounts: dict[str, str] = {}
    for part in text.split(","):
        name, _, amount = part.partition("=")
        if not name or not amount or name in amounts:
            advice = "write each unit once, such as generations=1,credits=5"
            raise AmountInvalid(what="amount", given=repr(text)[:60], problem="cannot be read", advice=advice)
        amounts[name] = amount
    return amounts


def gather(**said: Any) -> dict[str, Any]:
    """What was said, without what was not."""
    return {name: value for name, value in said.items() if value is not None}


def refuse_both(**given: object) -> None:
    """Raise `Invalid` when more than one of these options was given."""
    names = [f"--{name.replace('_', '-')}" for name, value in given.items() if value is not None]
    if len(names) > 1:
        raise Invalid(what=" and ".join(names), given="together", problem="contradict each other", advice="choose one")
