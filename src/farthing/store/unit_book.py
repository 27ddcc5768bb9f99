"""The units of a book as a store last read them, and the statements that read and write them, for every dialect."""

import time
from collections.abc import Iterable, Sequence
from typing import Any, Final

from farthing.store.faults import UnitChanged
from farthing.store.versions import PREFIX
from farthing.values.amounts import Unit
from farthing.values.wallets import ACCOUNT_UNIT

UNITS_FRESH_SECONDS: Final = 1.0
"""How long units are believed to be as last read; others may add some."""

UNITS: Final = f"SELECT unit_id, name, scale, digits FROM {PREFIX}unit WHERE book = ? ORDER BY unit_id"
NEXT_UNIT: Final = f"SELECT coalesce(max(unit_id), 0) + 1 FROM {PREFIX}unit"
ADD_UNIT: Final = f"INSERT INTO {PREFIX}unit (unit_id, book, name, scale, digits) VALUES (?, ?, ?, ?, ?)"
SET_DIGITS: Final = f"UPDATE {PREFIX}unit SET digits = ? WHERE unit_id = ?"


class UnitBook:
    """Units by name, the default one first, and by id; 0 is the account's own."""

    def __init__(self) -> None:
        self.by_name: dict[str, Unit] = {}
        self.by_id: dict[int, Unit] = {0: ACCOUNT_UNIT}
        self.read_at = 0.0

    @property
    def is_fresh(self) -> bool:
        """Whether what is here may still be believed."""
        return self.read_at > 0 and time.monotonic() - self.read_at <= UNITS_FRESH_SECONDS

    def learn(self, rows: Iterable[Sequence[Any]]) -> dict[str, Unit]:
        """Take in what `UNITS` found."""
        known = take_units(rows)
        self.by_id = {0: ACCOUNT_UNIT} | {unit.unit_id: unit for unit in known.values()}
        self.by_name = known
        self.read_at = time.monotonic()
        return known

    def has_all(self, units: Sequence[Unit]) -> bool:
        """Whether these are known, with their digits. Raises `UnitChanged` if one is known with another scale."""
        refuse_changed_scale(units, self.by_name)
        return all(unit.name in self.by_name and self.by_name[unit.name].digits == unit.digits for unit in units)


def take_units(rows: Iterable[Sequence[Any]]) -> dict[str, Unit]:
    """Units by name."""
    return {name: Unit(unit_id, name, scale, digits) for unit_id, name, scale, digits in rows}


def refuse_changed_scale(units: Sequence[Unit], known: dict[str, Unit]) -> None:
    """Raises `UnitChanged` if any of these is known with another scale."""
    for unit in units:
        if unit.name in known and known[unit.name].scale != unit.scale:
            raise UnitChanged(unit=unit.name, scale=known[unit.name].scale, wanted=unit.scale)
