"""Dicts that can take back what was done to them, so that a refused request leaves the naive model as it was.

Every change goes through `row[key] = value`, `del row[key]` or `row.update(…)`; values that may change later are rows
themselves or are replaced whole (tuples, never lists).
"""

from __future__ import annotations

from typing import Any, Final

UNDO: Final[list[tuple[Row, Any, Any]]] = []
"""(row, key, what stood there), the last change last."""
GONE: Final = object()


class Row(dict[Any, Any]):
    """A dict that writes down what it was before each change."""

    __slots__ = ()

    def __setitem__(self, key: Any, value: Any) -> None:
        UNDO.append((self, key, self.get(key, GONE)))
        dict.__setitem__(self, key, value)

    def __delitem__(self, key: Any) -> None:
        UNDO.append((self, key, self[key]))
        dict.__delitem__(self, key)

    def update(self, **changes: Any) -> None:  # type: ignore[override]
        for key, value in changes.items():
            self[key] = value


def take_back(mark: int) -> None:
    """Undo every change since there were `mark` of them."""
    while len(UNDO) > mark:
        row, key, old = UNDO.pop()
        if old is GONE:
            dict.__delitem__(row, key)
        else:
            dict.__setitem__(row, key, old)
