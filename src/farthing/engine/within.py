"""Requests inside the caller's own open transaction: decided and saved at once, theirs to commit or undo.

A plain call from the same thread, task, or anything started there meanwhile would wait for that very transaction, so
it is refused at once (`refuse_inside`). The open block is remembered in a context variable, which threads have each
for themselves and tasks inherit.
"""

import re
from contextvars import ContextVar
from types import TracebackType
from typing import Final, Self

from farthing.core.errors import LawBroken
from farthing.core.requests import Request
from farthing.engine.batch import Batch
from farthing.engine.clocks import Clock
from farthing.engine.tickets import Outcome
from farthing.store.contract import Store
from farthing.store.faults import UseTheOpenTransaction

INNERMOST: ContextVar["Within | None"] = ContextVar("farthing_within", default=None)
"""The innermost block that was entered here; it may be over by now."""

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
        self.outer = INNERMOST.get()
        self.is_open = self.was_entered = True
        INNERMOST.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        self.is_open = False
        if INNERMOST.get() is self:
            INNERMOST.set(self.outer)

    def run(self, request: Request) -> Outcome:
        """Decide and save one request under a savepoint; an error undoes that and leaves the transaction usable.

        The outcome is provisional until the caller commits. Locks are waited for no longer than the store's bound.
        """
        if not self.is_open:
            raise RuntimeError(OVER if self.was_entered else NOT_ENTERED)
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


def refuse_inside(store: Store, request: Request) -> None:
    """Raises `UseTheOpenTransaction` if a block of this store is open where this is called."""
    block = INNERMOST.get()
    while block is not None:
        if block.is_open and block.store is store:
            raise UseTheOpenTransaction(call=name_call(request))
        block = block.outer


def name_call(request: Request) -> str:
    """The call behind a kind of request: `set_used` for SetUsed."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(request).__name__).lower()
