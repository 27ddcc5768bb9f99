"""What can be said with every verb: its key, who and what it was for, what it used, when, and a note."""

from collections.abc import Mapping, Set
from datetime import datetime, timedelta
from decimal import Decimal
from enum import IntEnum
from typing import Any, Final, TypedDict, TypeVar, cast
from uuid import UUID

from farthing.face.desk import Desk
from farthing.face.notes import make_note
from farthing.face.usage import Usage, read_tokens
from farthing.values.amounts import Unit, divide_half_up, read_amount
from farthing.values.bounds import MOST_UNITS
from farthing.values.calendars import ONE, read_instant
from farthing.values.errors import AmountInvalid, TermInvalid, TimeInvalid, show_given
from farthing.values.names import read_key
from farthing.values.requests import UNSAID, About, Note
from farthing.values.requests import Amounts as Parts

Name = str | int | UUID
"""How the host names an account, a member, an actor: its own text or number."""

Amount = int | str | Decimal
"""Never a float: floats cannot hold most decimals."""

Amounts = Amount | Mapping[str, Amount]
"""In one unit, or in several at once: {"generations": 1, "credits": 5}."""

QUANTITY: Final = Unit(0, "quantity", 6, 0)
COST: Final = Unit(0, "provider cost", 9, 0)
LONGEST_NUMBER: Final = 200
"""Bits of a number that names somebody; Python does not even write very long ones out."""


class SaidOfRules(TypedDict, total=False):
    """Options of every verb, those included that set up a rule and name members and models of their own in it. None
    is the same as not said."""

    key: str | None
    """The caller's idempotency key; without one the engine makes one (`receipt.key`)."""
    description: str | None
    metadata: Mapping[str, Any] | None
    effective_at: datetime | None
    """When it happened, if not now; for reports only (rule 3)."""
    actor: Name | None
    """Whoever of the host's own people or jobs does this."""


class Said(SaidOfRules, total=False):
    """Options of every other verb: who and what it was for, and what it used."""

    model: str | None
    member: Name | None
    """The person acting for the account."""
    api_key: Name | None
    """The name of the program's key, never the key itself."""
    usage: Usage | None
    quantity: Amount | None
    success: bool | None
    duration: timedelta | None
    provider_cost: Amount | None
    """What the provider took, in the book's costing currency."""


class Told(TypedDict):
    """The same as a request keeps it."""

    key: str
    about: About
    note: Note | None
    effective_at: int | None


def read_said(desk: Desk, verb: str, given: Said | SaidOfRules) -> Told:
    """Read what was said with a verb. Raises `Invalid` and its kin; `TypeError` for an option that does not exist."""
    said = cast(Said, given)
    if not said.keys() <= OPTIONS:
        unknown = min(said.keys() - OPTIONS)
        raise TypeError(f"{verb}() got an unexpected keyword argument {unknown!r}")
    key = said.get("key")
    told = Told(key=desk.make_key() if key is None else read_key(key), about=UNSAID, note=None, effective_at=None)
    if not said.keys() <= {"key"}:
        told["about"] = read_about(desk, said)
        told["note"] = make_note(desk, said.get("description"), said.get("metadata"))
        moment = said.get("effective_at")
        told["effective_at"] = None if moment is None else read_instant(moment, what="effective_at")
    return told


OPTIONS: Final[Set[str]] = frozenset(Said.__annotations__)


def read_about(desk: Desk, said: Said) -> About:
    """What the caller says of the work, names as numbers."""
    usage, model = said.get("usage"), said.get("model")
    tokens = (None, None, None, None, None) if usage is None else read_tokens(usage)
    if usage is not None and usage.model is not None:
        if model not in (None, usage.model):
            problem = f"is not the usage's own ({show_given(usage.model)})"
            raise TermInvalid(what="model", given=show_given(model), problem=problem, advice="name the model once")
        model = usage.model
    return About(
        None if model is None else desk.intern_name(model, "model"),
        read_who(desk, said.get("member"), "member"),
        read_who(desk, said.get("actor"), "actor"),
        read_who(desk, said.get("api_key"), "api_key"),
        read_fraction(said.get("quantity"), QUANTITY),
        *tokens,
        read_fraction(said.get("provider_cost"), COST),
        read_milliseconds(said.get("duration")),
        read_claim(said.get("success"), "success"),
    )


def read_who(desk: Desk, value: Name | None, what: str) -> int | None:
    """The number of somebody's name, which the host may write as a number of its own."""
    if value is None:
        return None
    is_number = type(value) is int and value.bit_length() <= LONGEST_NUMBER
    return desk.intern_name(str(value) if is_number or isinstance(value, UUID) else value, what)


def read_fraction(value: Amount | None, unit: Unit) -> int | None:
    """A quantity or a cost, exactly."""
    return None if value is None else read_amount(value, unit, what=unit.name)


LONGEST_DURATION: Final = timedelta(days=400)
"""Of the work that an entry is about: as long as the longest hold."""


def read_milliseconds(length: timedelta | None) -> int | None:
    """Milliseconds, halves up. Raises `TimeInvalid` for what is no duration."""
    if length is None:
        return None
    if not isinstance(length, timedelta) or not timedelta(0) <= length <= LONGEST_DURATION:
        advice = f"write a timedelta from zero to {LONGEST_DURATION.days} days"
        raise TimeInvalid(what="duration", given=show_given(length), problem="is not a duration", advice=advice)
    return divide_half_up(length // ONE, 1000)


def read_claim(value: object, what: str) -> int | None:
    """True or False as 1 or 0; nothing else will do."""
    if value is None:
        return None
    if not isinstance(value, bool):
        raise TermInvalid(what=what, given=show_given(value), problem="is neither", advice="write True or False")
    return int(value)


Choice = TypeVar("Choice", bound=IntEnum)


def read_choice(value: object, choices: Mapping[str, Choice], what: str) -> Choice:
    """One of a few words. Raises `TermInvalid`, which lists them."""
    choice = choices.get(value) if isinstance(value, str) else None
    if choice is None:
        advice = f"choose {', '.join(choices)}"
        raise TermInvalid(what=what, given=show_given(value), problem="is not a choice", advice=advice)
    return choice


def read_amounts(desk: Desk, amount: object, unit: str | None, *, signed: bool = False) -> Parts:
    """(unit, smallest parts) of what a caller wrote: an amount in one unit, or a mapping of several.

    Raises `AmountInvalid`, `UnitNotFound`, `TermInvalid`.
    """
    if not isinstance(amount, Mapping):
        counted = desk.get_unit(unit)
        return ((counted.unit_id, read_amount(amount, counted, signed=signed)),)
    if unit is not None:
        problem = "was given beside amounts that name their units"
        raise TermInvalid(what="unit", given=show_given(unit), problem=problem, advice="leave it out")
    if not 0 < len(amount) <= MOST_UNITS:
        problem, advice = f"name {len(amount)} units", f"name 1 to {MOST_UNITS}"
        raise AmountInvalid(what="amounts", given=show_given(dict(amount)), problem=problem, advice=advice)
    parts: dict[int, int] = {}
    for name, value in amount.items():
        counted = desk.get_unit(name if name is not None else "")
        if counted.unit_id in parts:
            problem = "names a unit twice"
            raise AmountInvalid(what="amounts", given=show_given(dict(amount)), problem=problem, advice="name it once")
        parts[counted.unit_id] = read_amount(value, counted, what=f"amount of {counted.name}", signed=signed)
    return tuple(parts.items())


def read_parts(desk: Desk, amount: object, unit_id: int) -> Parts:
    """The same for a request that names a thing by its id: an amount alone is in that thing's unit."""
    return read_amounts(desk, amount, None if isinstance(amount, Mapping) else desk.get_unit_of(unit_id).name)
