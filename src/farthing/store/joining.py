"""The driver's own connection under what a caller gives to `within`: itself, or SQLAlchemy's, Django's, a session's."""

from inspect import iscoroutinefunction
from typing import Any, Final, TypeVar

from farthing.store.faults import ConnectionForeign

BEGIN_FIRST: Final = "begin one first, and commit it yourself"

T = TypeVar("T")


def find_driver(connection: Any, kind: type[T], expected: str) -> T:
    """The connection of this kind under what a caller gave. Raises `ConnectionForeign`, which says what is expected."""
    found = connection
    for _ in range(4):
        if isinstance(found, kind):
            return found
        if any(iscoroutinefunction(getattr(type(found), name, None)) for name in ("execute", "exec_driver_sql")):
            problem = f"is a {type(found).__name__}, whose calls are awaited, and can not be joined"
            raise ConnectionForeign(problem=problem, advice=f"pass {expected}")
        # SQLAlchemy's answers nothing else once it is closed.
        if getattr(found, "closed", False) is True:
            raise ConnectionForeign(problem="is closed", advice="pass one that is open")
        begin = getattr(found, "exec_driver_sql", None)
        if begin is not None and not found.in_transaction():
            # SQLAlchemy commits only what it has begun itself.
            begin("SELECT 1").close()
        inner = getattr(found, "driver_connection", None) or getattr(found, "connection", None)
        if callable(inner) and not isinstance(inner, kind):
            # A session's connection is asked for by a call.
            inner = inner()
        if inner is None and hasattr(found, "ensure_connection"):
            # Django's connects when it is first used.
            raise ConnectionForeign(problem="has no transaction open", advice=BEGIN_FIRST)
        found = inner
    given = type(connection).__name__
    raise ConnectionForeign(problem=f"is a {given}, which is none that can be joined", advice=f"pass {expected}")
