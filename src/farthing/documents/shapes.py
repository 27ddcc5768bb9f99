"""The shapes that parts of a catalog document can have: values, lists, tables.

`tables.py` says with them, once, what a catalog consists of; `reading.py` reads documents by them, `schema.py` draws
them for editors, `diffs.py` compares catalogs by them. The kinds of value are in `scalars.py`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from farthing.values.amounts import Unit
from farthing.values.periods import Zones


class Around(NamedTuple):
    """What reading one value needs to know of its neighbours."""

    unit: Unit | None = None
    zones: Zones | None = None


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value. `show` gets the unit of its table."""

    read: Callable[[Any, Around], Any]
    show: Callable[[Any, Unit], str]
    json: Mapping[str, Any]
    refers_to: str = ""
    """The section of the document that must have it: `plans`."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of the same. `how`: `many`, `one` (a single value, read as a list of one), or `either`."""

    item: "Shape"
    how: str = "many"
    least: int = 1
    most: int = 10_000


@dataclass(frozen=True, slots=True)
class Named:
    """A table whose keys are the document's own. `make` turns what was read into what is kept, `split` back."""

    item: "Shape"
    keys: Scalar
    make: Callable[[dict[Any, Any]], Any] = dict
    split: Callable[[Any], Mapping[Any, Any]] = dict
    is_ordered: bool = True
    """Whether their order means anything, be it only to the eye."""
    most: int = 1_000
    least: int = 0


class Field(NamedTuple):
    """A key of a table. `to` is the attribute that it becomes; `*`: what is read is a table of attributes."""

    key: str
    shape: "Shape"
    says: str
    to: str = ""
    is_needed: bool = False


Mistakes = Iterator[tuple[str, str, str]]
"""(key, problem, advice)."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table with known keys, read into `kind`. `unit` says in which unit its amounts are: `first` or `key` unless a
    key `unit` names one; `around`: its own key names it; empty: that of the table around it."""

    name: str
    says: str
    kind: Callable[..., Any]
    fields: tuple[Field, ...]
    unit: str = ""
    has_name: bool = False
    preset: Mapping[str, Any] = field(default_factory=dict)
    check: Callable[[Any, Around], Mistakes] | None = None


@dataclass(frozen=True, slots=True)
class Forms:
    """One of several tables, told apart by their key `form`."""

    name: str
    tables: Mapping[str, Table]


@dataclass(frozen=True, slots=True)
class Either:
    """A single value, or a table that says more: `widen` makes the second of the first, `narrow` the first or None."""

    short: Scalar
    long: Table
    widen: Callable[[Any], Any]
    narrow: Callable[[Any], Any]


Shape = Scalar | Listed | Named | Table | Forms | Either
