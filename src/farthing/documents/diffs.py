"""Two catalogs told apart for people, and what of the change cannot be: units and plans that are in use.

Places are the document's (`plans.basic.prices.month`), values as people read them. What says only what holds anyway is
not told.
"""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from typing import Any, Literal, NamedTuple

from farthing.documents.shapes import Either, Forms, Listed, Named, Scalar, Shape, Table
from farthing.documents.tables import CATALOG
from farthing.tariff.catalog import Catalog
from farthing.tariff.errors import Problem
from farthing.tariff.wording import show_amount
from farthing.values.amounts import Unit

Kind = Literal["added", "removed", "changed"]
SECTIONS = ("units", "features", "plans", "packages", "campaigns", "terms", "caps")
"""Where a name that comes or goes is one change, however much it brings."""


class Change(NamedTuple):
    """One difference. None stands for what was not there, or goes without saying."""

    place: str
    before: str | None
    after: str | None
    kind: Kind

    def __str__(self) -> str:
        if self.kind == "changed":
            return f"{self.place}: {self.before} → {self.after}"
        return f"{self.place}: {self.kind}, {self.after if self.kind == 'added' else self.before}"


@dataclass(frozen=True, slots=True)
class Used:
    """What a book uses already."""

    units: Mapping[str, Unit] = field(default_factory=dict)
    """Whatever its ledger has, with or without a catalog."""
    subscribers: Mapping[str, int] = field(default_factory=dict)
    """How many accounts have a plan, or are to have it."""


class Diff(NamedTuple):
    """What changes, and what speaks against it."""

    changes: list[Change]
    refusals: list[Problem]


def compare_catalogs(old: Catalog | None, new: Catalog, used: Used) -> Diff:
    """How a catalog differs from the one before, and what of that is refused."""
    before = {} if old is None else tell_catalog(old)
    after = tell_catalog(new)
    changes = list(list_changes(before, after))
    if old is not None:
        changes += list_orders(old, new)
    return Diff(changes, list(list_refusals(old, new, used)))


def list_changes(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Change]:
    """The differences between what two catalogs say, in the order of the new one."""
    entries = [{find_entry(place) for place in told} for told in (before, after)]
    told_of: set[str] = set()
    for place in dict.fromkeys([*after, *before]):
        entry = find_entry(place)
        if entry and (entry in entries[0]) != (entry in entries[1]):
            if entry not in told_of:
                told_of.add(entry)
                is_new = entry in entries[1]
                said = sum_up(entry, after if is_new else before)
                yield Change(entry, None, said, "added") if is_new else Change(entry, said, None, "removed")
        elif before.get(place) != after.get(place):
            kind: Kind = "added" if place not in before else "removed" if place not in after else "changed"
            yield Change(place, before.get(place), after.get(place), kind)


def find_entry(place: str) -> str:
    """What a place belongs to: plans.basic; empty for the catalog's own keys."""
    parts = place.split(".")
    return ".".join(parts[:2]) if parts[0] in SECTIONS else ""


def sum_up(entry: str, told: Mapping[str, str]) -> str:
    """All that is said of an entry, in one line."""
    said = (f"{place[len(entry) + 1 :]} {text}".strip() for place, text in told.items() if find_entry(place) == entry)
    return "; ".join(text for text in said if text) or "as usual"


def list_orders(old: Catalog, new: Catalog) -> Iterator[Change]:
    """The first unit is the default, and plans rank by their order."""
    for section in ("units", "plans"):
        sooner, later = list(getattr(old, section)), list(getattr(new, section))
        is_moved = [name for name in sooner if name in later] != [name for name in later if name in sooner]
        if is_moved or (section == "units" and sooner[0] != later[0]):
            yield Change(section, ", ".join(sooner), ", ".join(later), "changed")


def list_refusals(old: Catalog | None, new: Catalog, used: Used) -> Iterator[Problem]:
    """What cannot be, since the book uses what would change."""
    published = {} if old is None else dict(old.units)
    for name, unit in (published | dict(used.units)).items():
        place = f"units.{name}"
        if name in new.units and new.units[name].scale != unit.scale:
            problem = f"is kept with {unit.scale} places for ever, and the catalog says {new.units[name].scale}"
            yield Problem(f"{place}.scale", problem, f"write scale = {unit.scale}, or count in a unit of another name")
        elif name in published and name not in new.units:
            yield Problem(place, "was published, so accounts may hold it", "keep it; nothing need give or charge it")
    for name, count in used.subscribers.items():
        if count and name not in new.plans:
            who = "1 account is" if count == 1 else f"{count} accounts are"
            advice = "move them to another plan first, or keep the plan"
            yield Problem(f"plans.{name}", f"is removed, but {who} on it or about to be", advice)


def tell_catalog(catalog: Catalog) -> dict[str, str]:
    """All that a catalog says, as places and texts."""
    telling = Telling(catalog)
    return dict(telling.tell(CATALOG, catalog, "", telling.first))


class Telling:
    """One walk through one catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self.units = catalog.units
        self.first = next(iter(catalog.units.values()))

    def tell(self, shape: Shape, value: Any, place: str, unit: Unit) -> Iterator[tuple[str, str]]:
        """The places in a value. A price is one of them."""
        if isinstance(shape, Table):
            if place.count(".") == 1:
                yield place, ""
            for key, inner, one in self.list_said(shape, value):
                yield from self.tell(inner, one, f"{place}.{key}" if place else key, self.find_unit(shape, value, unit))
        elif isinstance(shape, Named):
            for key, one in shape.split(value).items():
                name = shape.keys.show(key, unit)
                yield from self.tell(shape.item, one, f"{place}.{name}" if place else name, self.units.get(name, unit))
        elif isinstance(shape, Listed) and isinstance(shape.item, Table) and shape.item.fields[0].key == "match":
            for n, one in enumerate(value):
                yield from self.tell(shape.item, one, f"{place}[{n}]", unit)
        else:
            yield place, self.word(shape, value, unit)

    def word(self, shape: Shape, value: Any, unit: Unit) -> str:
        """A value in one line."""
        match shape:
            case Scalar():
                return shape.show(value, unit)
            case Listed():
                joint = ", " if isinstance(shape.item, Scalar) else "; "
                return joint.join(self.word(shape.item, one, unit) for one in value) or "none"
            case Named():
                items = shape.split(value).items()
                return ", ".join(
                    f"{shape.keys.show(key, unit)} {self.word(shape.item, one, unit)}" for key, one in items
                )
            case Table():
                said = self.list_said(shape, value)
                return ", ".join(f"{key} {self.word(inner, one, unit)}" for key, inner, one in said)
            case Either():
                short = shape.narrow(value)
                return self.word(shape.long, value, unit) if short is None else shape.short.show(short, unit)
        return self.word_price(shape, value)

    def word_price(self, shape: Forms, value: Any) -> str:
        """5 credits; per_block: amount 1, size 15 (credits)."""
        unit = self.units.get(value.unit, self.first)
        form = next(
            table
            for table in shape.tables.values()
            if table.kind is type(value) and all(getattr(value, key) == said for key, said in table.preset.items())
        )
        said = [(key, self.word(inner, one, unit)) for key, inner, one in self.list_said(form, value) if key != "unit"]
        if form.name == "per_request" and len(said) == 1:
            return show_amount(value.amount, unit)
        return f"{form.name}: {', '.join(f'{key} {text}' for key, text in said)} ({unit.name})"

    def find_unit(self, table: Table, value: Any, around: Unit) -> Unit:
        """In which unit the amounts of a table are."""
        return self.units.get(getattr(value, "unit", ""), self.first) if table.unit in ("first", "key") else around

    def list_said(self, table: Table, value: Any) -> Iterator[tuple[str, Shape, Any]]:
        """(key, shape, value) of what a table says beyond what holds anyway."""
        usual = find_defaults(value)
        told: set[str] = set()
        for each in table.fields:
            attribute = each.to or each.key
            if attribute == "*":
                if not isinstance(each.shape, Scalar) or each.shape.show(value, self.first):
                    yield each.key, each.shape, value
                continue
            one = getattr(value, attribute)
            is_other = isinstance(each.shape, Listed) and each.shape.how == "one" and len(one) != 1
            is_usual = one is None or (attribute in usual and one == usual[attribute])
            goes_without = each.key == "unit" and one == getattr(value, "name", None)
            if not (attribute in told or is_other or is_usual or goes_without):
                told.add(attribute)
                yield each.key, each.shape, one


def find_defaults(value: Any) -> dict[str, Any]:
    """What holds where nothing is said."""
    if is_dataclass(value):
        made = ((each.name, each.default, each.default_factory) for each in fields(value))
        return {
            name: factory() if factory is not MISSING else usual
            for name, usual, factory in made
            if usual is not MISSING or factory is not MISSING
        }
    return dict(getattr(value, "_field_defaults", {}))
