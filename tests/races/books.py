"""Books for the races: how a test opens one, and what it reads from it behind the engine's back."""

from pathlib import Path

from farthing.core.amounts import Unit
from farthing.core.entries import Kind
from farthing.engine.tickets import Outcome
from farthing.store.contract import Store

CREDITS = Unit(1, "credits", 6, 2)


def open_sqlite(path: Path) -> Store:
    """A SQLite file of its own for a test, made when it is not there."""
    from farthing.store import sqlite

    store = sqlite.open_sqlite(f"sqlite:///{path}", create=True)
    store.add_units([CREDITS])
    return store


def list_kinds(store: Store, held: Outcome) -> list[Kind]:
    """The kinds of all entries of a hold, in order."""
    first = held.entries[0]
    listed = store.list_history(held.account, first.unit_id, None, None, 10_000)
    entries = [history.entry for _, history in reversed(listed)]
    return [Kind(entry.kind) for entry in entries if first.number in (entry.number, entry.of_number)]
