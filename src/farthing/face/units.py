"""Units as people name them: what is counted, with how many places. A scale is for ever; digits are how it is shown."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from farthing.values.amounts import LARGEST_SCALE
from farthing.values.amounts import Unit as StoredUnit
from farthing.values.errors import NameInvalid, TermInvalid, show_given
from farthing.values.names import read_name
from farthing.values.wallets import ACCOUNT_UNIT


@dataclass(frozen=True, slots=True)
class Unit:
    """What is counted. `scale` places are stored, for ever; at least `digits` are shown (2, if it stores any)."""

    name: str
    scale: int = 6
    digits: int | None = None


DEFAULT_UNITS: Final = (Unit("credits"),)
"""What a book counts when nobody says."""

Units = Mapping[str, int | Unit] | Iterable[Unit]
"""{"credits": 6, "generations": 0} or [Unit("credits"), Unit("generations", scale=0)]; the first is the default."""


def read_units(units: object) -> list[StoredUnit]:
    """Units as a store takes them. Raises `TermInvalid`, `NameInvalid`."""
    if isinstance(units, Mapping):
        named: list[object] = [value if isinstance(value, Unit) else Unit(name, value) for name, value in units.items()]
    elif isinstance(units, Iterable) and not isinstance(units, str):
        named = list(units)
    else:
        named = [units]
    stored = [read_unit(unit) for unit in named]
    names = [unit.name for unit in stored]
    if len(set(names)) < len(names):
        raise TermInvalid(what="units", given=", ".join(names), problem="name one twice", advice="name each once")
    return stored


def read_unit(unit: object) -> StoredUnit:
    """One unit, checked."""
    if not isinstance(unit, Unit):
        advice = 'write {"credits": 6} or [farthing.Unit("credits")]'
        raise TermInvalid(what="unit", given=show_given(unit), problem="is no unit", advice=advice)
    name = read_name(unit.name, what="unit")
    if name == ACCOUNT_UNIT.name:
        raise NameInvalid(
            what="unit", given=name, problem="stands for the account itself", advice="choose another name"
        )
    if type(unit.scale) is not int or not 0 <= unit.scale <= LARGEST_SCALE:
        advice = f"write a whole number from 0 to {LARGEST_SCALE}"
        raise TermInvalid(
            what=f"scale of {name}", given=show_given(unit.scale), problem="is out of bounds", advice=advice
        )
    digits = min(2, unit.scale) if unit.digits is None else unit.digits
    if type(digits) is not int or not 0 <= digits <= unit.scale:
        advice = f"write a whole number from 0 to {unit.scale}, its scale"
        raise TermInvalid(what=f"digits of {name}", given=show_given(digits), problem="is out of bounds", advice=advice)
    return StoredUnit(0, name, unit.scale, digits)


def show_unit(unit: StoredUnit) -> Unit:
    """A stored unit as people see it."""
    return Unit(unit.name, unit.scale, unit.digits)
