"""Documents read into catalogs. Every mistake is told at once, each with its place, before anything is believed.

What a document may hold is said in `tables.py`; here is how it is walked. A value that will not do is left out, so
that what follows from it is still looked at.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from hashlib import sha256
from typing import Any, Final

from farthing.documents.scalars import advise, quote
from farthing.documents.shapes import Around, Either, Forms, Listed, Named, Scalar, Shape, Table
from farthing.documents.tables import CATALOG, UNITS
from farthing.tariff.catalog import Catalog
from farthing.tariff.errors import CatalogInvalid, Problem
from farthing.values.amounts import Unit
from farthing.values.errors import AmountTooLarge, Invalid
from farthing.values.periods import Zones

LARGEST_DOCUMENT: Final = 1_000_000
"""Characters."""
LONGEST_NUMBER: Final = 100
"""Characters of a number with a point or an exponent."""
MOST_TOLD: Final = 200
"""Mistakes that are told of; whoever mends these is told the rest."""
USUAL_UNITS: Final = {"credits": Unit(1, "credits")}
"""What is counted where a document does not say."""
FAILED: Final = object()
"""Stands for what could not be read, and was told of."""


def read_catalog(text: str, zones: Zones | None = None) -> Catalog:
    """The catalog that a TOML document describes. Raises `CatalogInvalid`, with all of its mistakes.

    `zones` finds time zones by name, and raises for one that there is not; without it their names are believed.
    """
    document = parse_document(text)
    reading = Reading(zones)
    found = reading.read(CATALOG, document, "", Unit(0, ""))
    reading.check_references(document)
    if reading.problems:
        raise CatalogInvalid(problems=reading.problems[:MOST_TOLD])
    catalog: Catalog = found
    return catalog


def parse_document(text: str) -> dict[str, Any]:
    """TOML, with decimals where others have floats. Raises `CatalogInvalid`, with the line of a mistake."""
    if len(text) > LARGEST_DOCUMENT:
        problem = Problem("document", f"has {len(text)} characters", f"write {LARGEST_DOCUMENT} at most")
        raise CatalogInvalid(problems=[problem])
    try:
        return tomllib.loads(text, parse_float=read_decimal)
    except RecursionError:
        problem = Problem("document", "is nested too deeply", "a catalog needs no more than six levels")
    except ValueError as error:
        said = re.fullmatch(r"(.*) \(at (?:(line \d+), column \d+|end of document)\)", str(error), re.DOTALL)
        place, told = (said[2] or "the last line", said[1]) if said else ("document", str(error))
        advice = 'lines are [tables] or key = value, texts stand in quotes: name = "studio"'
        problem = Problem(place, f"is not TOML: {told[:200]}", advice)
    raise CatalogInvalid(problems=[problem])


def read_decimal(text: str) -> Decimal:
    """A number as it is written. Nobody means one of thousands of digits, and reckoning with it takes minutes."""
    try:
        if len(text) <= LONGEST_NUMBER:
            return Decimal(text)
    except InvalidOperation:
        pass
    raise ValueError(f"{text[:20]}… is a number without end")


def join_place(place: str, key: object) -> str:
    """The dotted path of a key. What would not be a bare key is quoted."""
    name = key if isinstance(key, str) and re.fullmatch("[A-Za-z0-9_-]{1,64}", key, re.ASCII) else quote(key)
    return f"{place}.{name}" if place else str(name)


class Reading:
    """One walk through one document."""

    def __init__(self, zones: Zones | None) -> None:
        self.zones = zones
        self.units: Mapping[str, Unit] = USUAL_UNITS
        self.problems: list[Problem] = []
        self.references: list[tuple[str, str, str]] = []
        """(section, name, place of who names it)."""

    def blame(self, place: str, problem: str, advice: str) -> Any:
        """Tell of a mistake."""
        self.problems.append(Problem(place, problem, advice))
        return FAILED

    def read(self, shape: Shape, value: Any, place: str, unit: Unit | None, key: str = "") -> Any:
        """What a place holds, by its shape; FAILED if it will not do."""
        match shape:
            case Scalar():
                return self.read_scalar(shape, value, place, unit)
            case Listed():
                return self.read_list(shape, value, place, unit)
            case Named():
                return self.read_named(shape, value, place, unit)
            case Table():
                return self.read_table(shape, value, place, unit, key)
            case Forms():
                return self.read_form(shape, value, place, unit)
        if isinstance(value, dict):
            return self.read_table(shape.long, value, place, unit, key)
        found = self.read_scalar(shape.short, value, place, unit)
        return FAILED if found is FAILED else shape.widen(found)

    def read_scalar(self, shape: Scalar, value: Any, place: str, unit: Unit | None) -> Any:
        try:
            found = shape.read(value, Around(unit, self.zones))
        except AmountTooLarge as no:
            return self.blame(place, f"{no.given} is too large", f"the largest is {no.largest}")
        except Invalid as no:
            return self.blame(place, f"{no.given} {no.problem}", no.advice)
        if shape.refers_to:
            self.references.append((shape.refers_to, found, place))
        return found

    def read_list(self, shape: Listed, value: Any, place: str, unit: Unit | None) -> Any:
        if shape.how == "one" or (shape.how == "either" and not isinstance(value, list)):
            found = self.read(shape.item, value, place, unit)
            return FAILED if found is FAILED else (found,)
        if not isinstance(value, list):
            return self.blame(place, f"is {quote(value)}, not a list", "write it in brackets: [ … ]")
        if not shape.least <= len(value) <= shape.most:
            return self.blame(place, f"has {len(value)} entries", f"write {shape.least} to {shape.most}")
        found = [self.read(shape.item, each, f"{place}[{n}]", unit) for n, each in enumerate(value)]
        if isinstance(shape.item, Scalar):
            for n, each in enumerate(value):
                if each in value[:n] and found[n] is not FAILED:
                    self.blame(f"{place}[{n}]", f"is {quote(each)} for the second time", "keep it once")
        return FAILED if any(each is FAILED for each in found) else tuple(found)

    def read_named(self, shape: Named, value: Any, place: str, unit: Unit | None) -> Any:
        if not isinstance(value, dict):
            return self.blame(place, f"is {quote(value)}, not a table", "write [tables], or { key = value }")
        if len(value) > shape.most:
            return self.blame(place, f"has {len(value)} entries", f"write {shape.most} at most")
        if len(value) < shape.least:
            return self.blame(place, "is empty", "write what is in it, or leave it out")
        found: dict[Any, Any] = {}
        for key, each in value.items():
            here = join_place(place, key)
            name = self.read_scalar(shape.keys, key, here, unit)
            one = self.read(shape.item, each, here, unit, key)
            if name is not FAILED and one is not FAILED:
                found[name] = one
        made = shape.make(found)
        if shape is UNITS:
            self.units = made
        return made

    def read_form(self, shape: Forms, value: Any, place: str, unit: Unit | None) -> Any:
        """A table of the form that it names."""
        if not isinstance(value, dict):
            return self.blame(place, f"is {quote(value)}, not a table", 'write { form = "per_request", amount = 5 }')
        if value.get("form") not in list(shape.tables):
            problem = f"{quote(value['form'])} is no form of {shape.name}" if "form" in value else "is missing"
            return self.blame(join_place(place, "form"), problem, advise(value.get("form"), list(shape.tables)))
        rest = {key: each for key, each in value.items() if key != "form"}
        return self.read_table(shape.tables[value["form"]], rest, place, unit)

    def read_table(self, table: Table, value: Any, place: str, unit: Unit | None, key: str = "") -> Any:
        if not isinstance(value, dict):
            return self.blame(place, f"is {quote(value)}, not a table", "write a [table], or { key = value }")
        said: dict[str, Any] = dict(table.preset) | ({"name": key} if table.has_name else {})
        if table.unit:
            unit = self.find_unit(table, value, place, key)
        before, is_whole, taken = len(self.problems), True, dict[str, str]()
        keys = [field.key for field in table.fields]
        for unknown in [each for each in value if each not in keys]:
            here = join_place(place, unknown)
            self.blame(here, f"is no key of {table.name}", advise(unknown, keys))
        for field in table.fields:
            if field.key not in value:
                if field.is_needed:
                    self.blame(join_place(place, field.key), "is missing", field.says)
                    is_whole = False
                continue
            here = join_place(place, field.key)
            attribute = field.to or field.key
            if attribute in taken:
                self.blame(here, f"says the same as {taken[attribute]}", "keep one of them")
            if attribute != "*":
                taken[attribute] = field.key
            found = self.read(field.shape, value[field.key], here, unit)
            if found is FAILED:
                is_whole = is_whole and not field.is_needed
            else:
                said |= found if attribute == "*" else {attribute: found}
        if table is CATALOG:
            said.setdefault("name", "")
            said.setdefault("units", self.units)
        elif not is_whole:
            return FAILED
        if table.unit and table.unit != "around":
            said["unit"] = unit.name if unit else ""
        made = table.kind(**said)
        if table.check is not None and (len(self.problems) == before or table is CATALOG):
            self.check(table.check(made, Around(unit, self.zones)), place)
        return made

    def check(self, mistakes: Any, place: str) -> None:
        """Tell of what a check found."""
        for key, problem, advice in mistakes:
            self.blame(f"{place}.{key}" if place else key, problem, advice)

    def find_unit(self, table: Table, value: Mapping[str, Any], place: str, key: str) -> Unit | None:
        """In which unit the amounts of a table are; None if that is a mistake of its own."""
        named = value.get("unit") if table.unit != "around" else key
        if named is not None:
            return self.units.get(named) if isinstance(named, str) else None
        if table.unit == "first":
            return next(iter(self.units.values()), None)
        if key not in self.units:
            here, advice = join_place(place, "unit"), f"write unit = …: {advise(key, list(self.units))}"
            self.blame(here, f"is missing, and {key} is no unit", advice)
        return self.units.get(key)

    def check_references(self, document: Mapping[str, Any]) -> None:
        """Whatever is named is there, be it with mistakes of its own."""
        for section, name, place in self.references:
            there = document.get(section, USUAL_UNITS if section == "units" else {})
            if isinstance(there, dict) and name not in there:
                self.blame(place, f"{quote(name)} is not one of its {section}", advise(name, list(there)))


def digest_document(text: str) -> bytes:
    """32 bytes that tell documents apart by what they say: not by comments, by how a number is written, or by the order
    of keys; but by the order of what is named where that means something. Raises `CatalogInvalid` for broken TOML."""
    return sha256(repr(settle_order(CATALOG, parse_document(text))).encode()).digest()


def settle_order(shape: Shape | None, value: Any) -> Any:
    """A value in one way of writing. Stored digests depend on it: it never changes."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int | Decimal):
        is_near = Decimal(value).is_finite() and abs(Decimal(value).adjusted()) < 60
        return ("number", str(Fraction(value)) if is_near else str(value))
    if isinstance(value, datetime) and value.tzinfo is not None:
        return ("instant", value.astimezone(UTC).isoformat())
    if isinstance(value, list):
        item = shape.item if isinstance(shape, Listed) else None
        return [settle_order(item, each) for each in value]
    if not isinstance(value, dict):
        return str(value)
    find = find_inner(shape, value)
    pairs = [(key, settle_order(find(key), each)) for key, each in value.items()]
    return (
        "table",
        pairs if isinstance(shape, Named) and shape.is_ordered else sorted(pairs, key=lambda pair: pair[0]),
    )


def find_inner(shape: Shape | None, value: Mapping[str, Any]) -> Callable[[str], Shape | None]:
    """The shape of each key's value."""
    if isinstance(shape, Listed):
        return find_inner(shape.item, value)
    if isinstance(shape, Named):
        item = shape.item
        return lambda key: item
    table = shape.long if isinstance(shape, Either) else shape
    if not isinstance(table, Table):
        return lambda key: None
    return {field.key: field.shape for field in table.fields}.get
