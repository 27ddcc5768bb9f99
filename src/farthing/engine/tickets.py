"""A ticket is what a caller holds while a request waits: completed once, by whoever leads; waited for or awaited.

One text for sync and async: both end up in `Ticket.read`. A lock wakes a thread that waits, a future a coroutine.
"""

import threading
from asyncio import Future
from collections.abc import Generator, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

from farthing.values.entries import Entry
from farthing.values.errors import FarthingError, rebuild_error
from farthing.values.requests import Request
from farthing.values.wallets import Account

Waiter: TypeAlias = "threading.Lock | Future[None]"
"""What stands for somebody who waits; a thread's is a lock that it has taken and tries to take again."""


class Outcome(NamedTuple):
    """What a request came to: the account after it, and the entries of its receipt (of the first one, if replayed)."""

    account: Account
    entries: Sequence[Entry]
    replayed: bool
    provisional: bool
    """Whether the caller's own transaction has yet to commit it."""
    key: str


class Queue(Protocol):
    """What a ticket asks of the lane in which it waits."""

    def wait_for(self, ticket: "Ticket") -> None:
        """Return once the ticket is done, having led if need was."""
        ...

    def follow(self, ticket: "Ticket") -> Generator[Any, None, None]:
        """The same for a coroutine."""
        ...


class Ticket:
    """One accepted request. It is worked off with the next batch, waited for or not: nothing takes it back."""

    __slots__ = ("error", "is_done", "is_left", "lane", "outcome", "owner", "request", "sealed", "waiters")

    def __init__(self, request: Request, owner: str | int, lane: Queue) -> None:
        self.request = request
        self.owner = owner
        self.lane = lane
        self.is_done = False
        self.is_left = False
        """Whether somebody who waited for it went away: then it is worked off without waiting for the next caller."""
        self.outcome: Outcome | None = None
        self.error: Exception | None = None
        self.sealed: bytes | None = None
        """The hash of the receipt that a commit of unknown end would have written."""
        self.waiters: list[Waiter] = []

    def wait(self) -> Outcome:
        """The outcome, once there is one. Raises what the request came to instead."""
        if not self.is_done:
            self.lane.wait_for(self)
        return self.read()

    def __await__(self) -> Generator[Any, None, Outcome]:
        if not self.is_done:
            yield from self.lane.follow(self)
        return self.read()

    def read(self) -> Outcome:
        """The outcome of a ticket that is done."""
        if self.outcome is None:
            raise self.error or RuntimeError("a ticket was read before it was done")
        return self.outcome

    def answer(self, answer: Outcome | Exception) -> None:
        """Note what the request came to; the lane says when that may be known."""
        if isinstance(answer, Exception):
            self.outcome, self.error = None, answer
        else:
            self.outcome, self.error = answer, None


def copy_error(error: Exception) -> Exception:
    """An error for one more caller: its facts, without the frames and causes of whoever met it first."""
    return rebuild_error(type(error), error.facts) if isinstance(error, FarthingError) else error


def strip_error(error: Exception) -> Exception:
    """A refusal without the leader's frames, which would keep a whole batch in memory and show nothing of use.

    What is not one of ours is a bug and stays as it is.
    """
    if isinstance(error, FarthingError):
        error.__traceback__ = error.__cause__ = error.__context__ = None
    return error
