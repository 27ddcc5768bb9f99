"""Requests inside the caller's own open transaction: decided and saved at once, theirs to commit or undo.

A plain call from the same thread, task, or anything started there meanwhile would wait for that very transaction, so
it is refused at once (`refuse_inside`). The open block is remembered in a context variable, which threads have each
for themselves and tasks inherit.
"""

import re
from contextvars import ContextVar
from types import TracebackType
from typing import Final, Self
from weakref import ref

from farthing.engine.batch import Batch
from farthing.engine.clocks import Clock
from farthing.engine.tickets import Outcome
from farthing.store.contract import DecideAgain, Store
from farthing.store.faults import UseTheOpenTransaction
from farthing.values.errors import LawBroken
from farthing.values.requests import Request

INNERMOST: ContextVar["ref[Within] | None"] = ContextVar("farthing_within", default=None)
"""The innermost block that was entered here; it may be over by now. Weak, so that one whose entering was broken off by
a signal is forgotten with it."""

NOT_ENTERED: Final = "this `within` block was never entered: call inside `with ledger.within(connection) as tx:`"
OVER: Final = "this `within` block is over: make the call inside it, or open another round the call"


class Within:
    """A context manager round requests in one of the caller's connections."""

    def __init__(self, store: Store, clock: Clock, connection: object) -> None:
        self.store = store
        self.clock = clock
        self.connection = connection
        self.is_open = False
        self.was_entered = False
        self.outer: Within | None = None

    def __enter__(self) -> Self:
        self.outer = find_innermost()
        INNERMOST.set(ref(self))
        self.is_open = self.was_entered = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        self.is_open = False
        if find_innermost() is self:
            INNERMOST.set(None if self.outer is None else ref(self.outer))

    def run(self, request: Request) -> Outcome:
        """Decide and save one request under a savepoint; an error undoes that and leaves the transaction usable.

        The outcome is provisional until the caller commits. Locks are waited for no longer than the store's bound.
        Nothing is decided again here: what was read no longer holds for the caller's own transaction either.
        """
        if not self.is_open:
            raise RuntimeError(OVER if self.was_entered else NOT_ENTERED)
        try:
            return self.decide(request)
        except DecideAgain as again:
            raise again.instead from None

    def decide(self, request: Request) -> Outcome:
        """See `run`."""
        with self.store.work_within(self.connection) as work:
            batch = Batch(work, [request], self.clock.now(), self.store.seal, provisional=True)
            answer = batch.answer_all()[0]
            if batch.changes.wallets:
                work.save(batch.changes)
                work.commit()
        if isinstance(answer, LawBroken):
            self.stop_wallets(batch)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def stop_wallets(self, batch: Batch) -> None:
        """Stop a wallet in which a law broke. In a commit of its own it would wait for the caller's transaction, so it
        is part of that; if they undo it, the next request there finds the same law broken."""
        for key in batch.broken:
            with self.store.work_within(self.connection) as work:
                work.stop_wallet(key)
                work.commit()


def find_innermost() -> Within | None:
    """The innermost block that was entered here, or None."""
    known = INNERMOST.get()
    return None if known is None else known()


def refuse_inside(store: Store, request: Request) -> None:
    """Raises `UseTheOpenTransaction` if a block of this store is open where this is called."""
    block = find_innermost()
    while block is not None:
        if block.is_open and block.store is store:
            raise UseTheOpenTransaction(call=name_call(request))
        block = block.outer


def name_call(request: Request) -> str:
    """The call behind a kind of request: `set_used` for SetUsed."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(request).__name__).lower()
