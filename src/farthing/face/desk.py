"""What turns words into numbers and numbers into words: units, names, an instant, dice. One for each open ledger.

The only dice in Farthing are here: for keys that the caller did not name, and for the salts of notes.
"""

import secrets
from collections.abc import Callable
from typing import Final

from farthing.engine.clocks import Clock
from farthing.face.ids import ALPHABET
from farthing.service.catalogs import Catalogs
from farthing.service.estimates import Estimates
from farthing.store.contract import Store
from farthing.values.amounts import Unit
from farthing.values.errors import UnitNotFound
from farthing.values.names import read_name
from farthing.values.requests import Place
from farthing.values.wallets import ACCOUNT_UNIT

Dice = Callable[[int], bytes]
"""As many random bytes as asked. Tests put their own in its place, so that two stores can be held side by side."""

KEY_DICE: Final = 10
SALT_DICE: Final = 16
PAIRS: Final = tuple(first + second for first in ALPHABET for second in ALPHABET)


class Desk:
    """Where a ledger's words are looked up. Units are kept by name; an unknown one is looked for once more."""

    def __init__(self, store: Store, clock: Clock, dice: Dice = secrets.token_bytes) -> None:
        self.store = store
        self.clock = clock
        self.dice = dice
        self.units: dict[str, Unit] = {}
        self.units_by_id: dict[int, Unit] = {0: ACCOUNT_UNIT}
        self.first_unit = ACCOUNT_UNIT
        self.catalogs = Catalogs(store)
        self.estimates = Estimates(store)
        self.budget_names: dict[Place, str] = {}
        """Of committed budgets that an alert told of: they never change."""
        self.refresh_units()

    def refresh_units(self) -> None:
        """Read the units of the book, the default one first."""
        self.units = self.store.units()
        self.units_by_id = {0: ACCOUNT_UNIT} | {unit.unit_id: unit for unit in self.units.values()}
        self.first_unit = next(iter(self.units.values()), ACCOUNT_UNIT)

    @property
    def default_unit(self) -> Unit:
        """The unit that is meant where none is named: the catalog's first, or the book's."""
        published = self.catalogs.find_current()
        if published is None:
            return self.first_unit
        name = next(iter(published.catalog.units))
        unit = self.units.get(name)
        if unit is None:
            self.refresh_units()
            unit = self.units.get(name, self.first_unit)
        return unit

    def list_unit_ids(self) -> tuple[int, ...]:
        """Every unit of the book, for requests that concern whatever an account has."""
        self.refresh_units()
        return tuple(sorted(unit.unit_id for unit in self.units.values()))

    def get_unit(self, name: str | None) -> Unit:
        """A unit by its name, the default one for None. Raises `UnitNotFound`, which lists what there is."""
        if name is None:
            return self.default_unit
        unit = self.units.get(name) if isinstance(name, str) else None
        if unit is None:
            text = read_name(name, what="unit")
            self.refresh_units()
            unit = self.units.get(text)
            if unit is None:
                raise UnitNotFound(unit=text, known=", ".join(self.units) or "none")
        return unit

    def get_unit_of(self, unit_id: int) -> Unit:
        """A unit by its number, as ids have it. Raises `UnitNotFound`."""
        unit = self.units_by_id.get(unit_id)
        if unit is None:
            self.refresh_units()
            unit = self.units_by_id.get(unit_id)
            if unit is None:
                raise UnitNotFound(unit=f"number {unit_id}", known=", ".join(self.units) or "none")
        return unit

    def has_unit(self, unit_id: int) -> bool:
        """Whether a number, as ids have it, is that of a unit in which something is counted."""
        if unit_id not in self.units_by_id:
            self.refresh_units()
        return unit_id != ACCOUNT_UNIT.unit_id and unit_id in self.units_by_id

    def intern_name(self, value: object, what: str) -> int:
        """The number of a name that a caller wrote. Raises `NameInvalid`."""
        return self.store.intern_name(read_name(value, what=what))

    def keep_name(self, value: object, what: str) -> str:
        """A name as it is stored, and remembered: for requests that carry its text. Raises `NameInvalid`."""
        text = read_name(value, what=what)
        self.store.intern_name(text)
        return text

    def find_text(self, number: int | None) -> str | None:
        """The text of a name's number; None for nothing."""
        return self.store.name_text(number) if number else None

    def make_key(self) -> str:
        """A key for a caller who named none: 48 bits of milliseconds, so that keys sort by time, and 80 of dice."""
        number = (self.clock.now() // 1000 & 2**48 - 1) << 80 | int.from_bytes(self.dice(KEY_DICE), "big")
        return "auto_" + "".join([PAIRS[number >> shift & 1023] for shift in range(120, -10, -10)])

    def make_salt(self) -> bytes:
        """What makes a note's digest useless once the note is gone."""
        return self.dice(SALT_DICE)
