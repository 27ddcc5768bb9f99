"""Keeps Python's cyclic garbage collector out of batches: a process has one switch, and several lanes turn it."""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Final

LONGEST_PAUSE_SECONDS: Final = 0.25
"""After so long without it the collector has its turn, though batches overlap so that one is always under way."""


COUNTED_ANEW_SECONDS: Final = 60.0
"""After so long the batches under way are counted anew. One that a signal broke off may hang on to its place in a cycle
that only the collector would clear away; a count that is wrong for a moment does no harm."""


class Pause:
    """How many batches want the collector off, and whether it was on before the first of them."""

    def __init__(self) -> None:
        # One that its own holder may take again: a handler of signals may serve a batch of its own in between.
        self.lock = threading.RLock()
        self.count = 0
        self.was_on = False
        self.began_at = 0.0
        self.counted_since = 0.0

    def begin_in_child(self) -> None:
        """After a fork: the parent's batches do not end here, so what they turned off is turned on again."""
        if self.count and self.was_on:
            gc.enable()
        self.lock = threading.RLock()
        self.count = 0

    def begin(self) -> None:
        """One batch more that wants it off. It is off anew if it had its turn in the meantime."""
        with self.lock:
            is_on = gc.isenabled()
            if self.count and monotonic() - self.counted_since > COUNTED_ANEW_SECONDS:
                self.count = 0
                is_on = is_on or self.was_on
            if not self.count:
                self.was_on = is_on
                self.counted_since = monotonic()
            self.count += 1
            if is_on:
                self.began_at = monotonic()
                gc.disable()

    def end(self) -> None:
        """One batch fewer. Who turned it off before us all is left in peace."""
        with self.lock:
            self.count = max(0, self.count - 1)
            if self.was_on and (not self.count or monotonic() - self.began_at > LONGEST_PAUSE_SECONDS):
                gc.enable()


PAUSE: Final = Pause()


@contextmanager
def pause_collector() -> Iterator[None]:
    """Keep the collector out of a batch: that makes thousands of objects and no cycles, and the collector would walk
    everything that lives again and again, for a tenth of the time of a wide batch."""
    try:
        # Inside, for who is broken off there must not leave it off: one end too many does no harm.
        PAUSE.begin()
        yield
    finally:
        PAUSE.end()
