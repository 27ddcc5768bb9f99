"""What is said to people when PostgreSQL fails, and what the engine is told so that it decides again.

No SQL, no password and no exception of psycopg's leaves the store.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from psycopg import pq

from farthing.store.contract import DecideAgain
from farthing.store.faults import Busy, DatabaseAway, DatabaseUnreadable, DiskFailed
from farthing.store.postgres_places import Place
from farthing.values.bounds import LONGEST_WAIT_SECONDS
from farthing.values.errors import FarthingError

AGAIN: Final = frozenset({"40001", "40P01", "23505"})
"""Undone so as to end a deadlock, or somebody else was first: what was decided on holds no longer."""

LOCKED: Final = frozenset({"55P03", "57014"})
"""A lock, or an answer, was waited for to the bound."""

GONE: Final = frozenset({"25P03", "25P04", "53300", "57P01", "57P02", "57P03", "57P04", "57P05"})
"""The server ends the session, or begins none: it stops, starts, or has too many."""

DISK: Final = {
    "53100": ("the server's disk is full", "make room there"),
    "58030": ("the server's disk reports an error", "look at its log"),
}

PROBLEMS: Final = {
    "3D000": "there is no such database on that server: make it with createdb",
    "42501": "this role may not do that: run `farthing migrate --app-role ROLE` as the owner of the tables",
    "42P01": "tables of Farthing's are missing: restore it from a backup",
    "42703": "a table of Farthing's lacks a column: restore it from a backup",
    "XX001": "it is damaged: look at the server's log, and restore it from a backup",
    "XX002": "an index of it is damaged: look at the server's log, then REINDEX",
}

STANDBY: Final = "it takes no writes now: a standby, or set to read only"


def is_gone(error: psycopg.Error, connection: psycopg.Connection[tuple[object, ...]] | None = None) -> bool:
    """Whether the connection was lost, so that nobody knows what became of what was asked last."""
    if connection is not None and connection.pgconn.status != pq.ConnStatus.OK:
        return True
    code = error.sqlstate
    if code is None:
        return isinstance(error, psycopg.OperationalError)
    return code in GONE or code.startswith("08")


def name_problem(error: psycopg.Error, place: Place) -> FarthingError:
    """What to say of a failure of the server's, or of the way to it. Nothing was written."""
    code = error.sqlstate or ""
    if is_gone(error):
        return DatabaseAway(place=place.shown, problem=name_loss(error))
    if code in LOCKED or code in AGAIN:
        return Busy(what=place.shown, seconds=LONGEST_WAIT_SECONDS)
    if code in DISK:
        problem, advice = DISK[code]
        return DiskFailed(problem=problem, path=place.shown, advice=advice)
    if code == "25006":
        return DatabaseAway(place=place.shown, problem=STANDBY)
    if code.startswith("53"):
        return DatabaseAway(place=place.shown, problem=first_line(error.diag.message_primary or "no room"))
    said = first_line(error.diag.message_primary or type(error).__name__)
    problem = PROBLEMS.get(code, f"the server refuses ({code}: {said})" if code else f"the driver refuses ({said})")
    if code == "42501":
        return DatabaseUnreadable(path=place.shown, problem=problem, is_refusal=True)
    return DatabaseUnreadable(path=place.shown, problem=problem)


def name_loss(error: psycopg.Error) -> str:
    """Why the server is not there, in its own words or the network's."""
    return first_line(error.diag.message_primary or str(error)) or "the connection was lost"


def first_line(text: str) -> str:
    """The first line of what somebody else says, of a bounded length."""
    lines = text.strip().splitlines()
    return lines[0][:200] if lines else ""


@contextmanager
def naming_faults(place: Place) -> Iterator[None]:
    """In a unit of work, before its commit: whatever another attempt may mend is `DecideAgain`."""
    try:
        yield
    except psycopg.Error as error:
        named = name_problem(error, place)
        if error.sqlstate in AGAIN or (isinstance(named, DatabaseAway) and error.sqlstate != "25006"):
            raise DecideAgain(named) from None
        raise named from None


@contextmanager
def saying_plainly(place: Place) -> Iterator[None]:
    """Outside of units of work: every failure is told as it is."""
    try:
        yield
    except psycopg.Error as error:
        raise name_problem(error, place) from None
