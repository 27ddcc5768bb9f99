"""Counts of what an engine did, in memory only: lossy by design, bounded, and never asked by a decision."""

import threading
from collections import Counter, deque
from collections.abc import Callable
from typing import NamedTuple

from farthing.values.errors import Refused
from farthing.values.requests import Request

MOST_REASONS = 1000
"""Pairs of reason and feature that are told apart; what comes later counts under no feature."""


class Stats(NamedTuple):
    """How an engine has been doing since it was opened in this process."""

    waiting: int
    """Requests in the queue, the batch in flight included."""
    batches: int
    requests: int
    mean_batch: float
    largest_batch: int
    commits: int
    commit_median_seconds: float
    commit_p99_seconds: float
    refusals: dict[tuple[str, str], int]
    """By the error's code and the feature (empty for none)."""


class Counters:
    """What `Stats` is made from. Written by whoever serves a batch, of every lane."""

    def __init__(self, remembered: int) -> None:
        self.begin_in_child()
        self.batches = 0
        self.requests = 0
        self.largest_batch = 0
        self.commits = 0
        self.seconds: deque[float] = deque(maxlen=remembered)
        self.refusals: Counter[tuple[str, int]] = Counter()

    def begin_in_child(self) -> None:
        """After a fork: a thread of the parent may have had the lock. Its holder may take it again, so that a handler
        of signals can ask for the figures in the middle of anything."""
        self.lock = threading.RLock()

    def count_batch(self, size: int) -> None:
        """A batch was taken up."""
        with self.lock:
            self.batches += 1
            self.requests += size
            self.largest_batch = max(self.largest_batch, size)

    def count_commit(self, seconds: float) -> None:
        """A commit came back."""
        with self.lock:
            self.commits += 1
            self.seconds.append(seconds)

    def count_refusal(self, error: Exception, request: Request) -> None:
        """A request was refused."""
        if isinstance(error, Refused):
            reason = (error.code, int(getattr(request, "feature", 0)))
            with self.lock:
                if reason not in self.refusals and len(self.refusals) >= MOST_REASONS:
                    reason = (error.code, 0)
                self.refusals[reason] += 1

    def read(self, waiting: int, name_text: Callable[[int], str]) -> Stats:
        """The figures as they are now."""
        with self.lock:
            batches, requests, largest, commits = self.batches, self.requests, self.largest_batch, self.commits
            times, refusals = sorted(self.seconds), self.refusals.copy()
        size = len(times)
        return Stats(
            waiting=waiting,
            batches=batches,
            requests=requests,
            mean_batch=requests / batches if batches else 0.0,
            largest_batch=largest,
            commits=commits,
            commit_median_seconds=times[size // 2] if times else 0.0,
            commit_p99_seconds=times[min(size - 1, size * 99 // 100)] if times else 0.0,
            refusals={(code, name_text(feature)): count for (code, feature), count in refusals.items()},
        )
