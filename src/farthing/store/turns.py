"""A bound on how many do something at once: who came first goes first, and nobody waits without a bound.

Nothing is counted by hand: a place is its holder's as long as somebody refers to it. A signal handler may raise between
any two steps; the place of whoever it struck is free once he has forgotten it.
"""

import threading
import time
import weakref
from contextlib import suppress
from itertools import islice
from queue import Empty, SimpleQueue
from typing import Final

LOOK_AGAIN_SECONDS: Final = 0.05
"""How soon it is noticed that somebody's place was forgotten, not given back. Nobody is called then."""


class Turn:
    """Somebody's place in a line."""

    def __init__(self) -> None:
        self.called: SimpleQueue[None] = SimpleQueue()


class Turns:
    """A line of which the first few have their turn, and the others wait."""

    def __init__(self, most: int) -> None:
        self.most = most
        # Both of these are C's: a signal's handler runs before or after them, never inside, and may come here itself.
        self.lock = threading.RLock()
        self.line: list[weakref.ref[Turn]] = []

    def take(self, seconds: float) -> Turn | None:
        """A turn, waited for in order of arrival; None if it did not come in time. Refer to it until it is left."""
        turn = Turn()
        mine = weakref.ref(turn)
        with self.lock:
            self.line.append(mine)
        deadline = time.monotonic() + seconds
        while not self.is_up(mine):
            left = deadline - time.monotonic()
            if left <= 0:
                self.leave(turn)
                return None
            with suppress(Empty):
                turn.called.get(timeout=min(left, LOOK_AGAIN_SECONDS))
        return turn

    def is_up(self, mine: "weakref.ref[Turn]") -> bool:
        """Whether this one has its turn."""
        with self.lock:
            if mine not in islice(self.line, self.most):
                self.line = self.list_live()
            return mine in islice(self.line, self.most)

    def leave(self, turn: Turn) -> None:
        """Leave the line; the first of those that wait has its turn."""
        with self.lock:
            self.line = [place for place in self.list_live() if place() is not turn]
            following = self.line[self.most - 1]() if len(self.line) >= self.most else None
        if following is not None:
            following.called.put(None)

    def list_live(self) -> "list[weakref.ref[Turn]]":
        """The places that somebody still refers to."""
        return [place for place in self.line if place() is not None]

    def count_taken(self) -> int:
        """How many have their turn now."""
        with self.lock:
            return min(len(self.list_live()), self.most)
