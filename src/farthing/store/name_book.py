"""The names that a store has heard of, between `intern_name` and the database: bounded, and safe among threads.

A text waits here until an entry that uses its number is saved. What has been seen in the database is remembered as such
only once it is committed there.
"""

import threading
from collections.abc import Iterable
from typing import Final

from farthing.values.errors import NameInvalid
from farthing.values.names import NOTHING, name_number

MOST_NAMES: Final = 200_000
"""Names kept in memory. The oldest go first; more than a full queue of requests can use at once."""


class NameBook:
    """Texts by number."""

    def __init__(self, most: int = MOST_NAMES) -> None:
        self.most = most
        self.texts: dict[int, str] = {NOTHING: ""}
        self.stored: set[int] = {NOTHING}
        self.lock = threading.Lock()

    def intern(self, text: str) -> int:
        """The number of a name. Raises `NameInvalid` if it is another name's too."""
        number = name_number(text)
        if self.texts.get(number) != text:
            self.learn([(number, text)])
        return number

    def learn(self, names: Iterable[tuple[int, str]], *, stored: bool = False) -> None:
        """Take in names; `stored` says that the database has them for good."""
        with self.lock:
            for number, text in names:
                if self.texts.setdefault(number, text) != text:
                    problem = f"has the same number as {self.texts[number]!r}"
                    raise NameInvalid(what="name", given=repr(text)[:60], problem=problem, advice="choose another")
                if stored:
                    self.stored.add(number)
            while len(self.texts) > self.most:
                oldest = next(number for number in self.texts if number != NOTHING)
                del self.texts[oldest]
                self.stored.discard(oldest)

    def find_text(self, number: int) -> str | None:
        """The text of a number, or None if it is not here (it may be in the database)."""
        return self.texts.get(number)

    def list_unstored(self, numbers: set[int]) -> list[int]:
        """Those of these numbers that the database may not have yet."""
        return sorted(numbers - self.stored)
