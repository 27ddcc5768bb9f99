"""The engine: many callers, sync and async, one durable commit for all who came meanwhile.

    engine.run(request)          wait for the outcome; raises what the request came to instead
    await engine.arun(request)   the same for a coroutine
    engine.run_many(requests)    outcomes and refusals in order, in as few commits as possible
    engine.within(connection)    inside the caller's own transaction

Once a request is accepted nothing takes it back: a caller that stops waiting (a cancelled task, Ctrl-C) leaves it to be
committed with the next batch, and its key tells whether it was.
"""

import atexit
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from weakref import WeakSet

from farthing.core.decide import apply_due_only
from farthing.engine.clocks import Clock, choose_clock
from farthing.engine.collector import PAUSE
from farthing.engine.crew import Crew
from farthing.engine.lane import Lane
from farthing.engine.lanes import close_lanes, enter_batches, find_lane
from farthing.engine.options import Settings
from farthing.engine.stats import Counters, Stats
from farthing.engine.tickets import Outcome, Ticket, strip_error
from farthing.engine.within import INNERMOST, Within, refuse_inside
from farthing.engine.zones import find_zone
from farthing.store.contract import Store
from farthing.store.faults import LedgerClosed
from farthing.values.amounts import Unit
from farthing.values.errors import AccountNotFound, FarthingError
from farthing.values.requests import Request
from farthing.values.wallets import Account, Wallet


class Engine:
    """One store, and as many lanes as serve it well. Safe to share between threads and event loops; a forked child goes
    on with its own queues."""

    def __init__(self, store: Store, clock: Clock | None = None, *, settings: Settings | None = None) -> None:
        self.store = store
        self.clock = choose_clock(clock, store)
        self.settings = settings or Settings()
        self.counters = Counters(self.settings.commits_remembered)
        crew = Crew(store, self.clock, self.settings, self.counters)
        count = self.settings.lanes or store.lanes
        self.lanes = tuple(Lane(crew.serve, self.settings, count) for _ in range(count))
        self.closing = threading.Lock()
        self.is_closed = False
        OPEN_ENGINES.add(self)

    def submit(self, request: Request) -> Ticket:
        """Accept a request; it is worked off when somebody waits for it, or with the next batch before that.

        Raises `Overloaded` (the queue, or the account's share of it, is full), `LedgerClosed`, `UseTheOpenTransaction`.
        """
        if INNERMOST.get() is not None:
            refuse_inside(self.store, request)
        ticket = find_lane(self.lanes, request).enter((request,))[0]
        if ticket.error is not None:
            raise ticket.error
        return ticket

    def run(self, request: Request) -> Outcome:
        """The outcome of one request. Raises `Refused` and its kin, `Unavailable`, `LawBroken`."""
        return self.submit(request).wait()

    async def arun(self, request: Request) -> Outcome:
        """The same for a coroutine. Cancelling it takes nothing back."""
        return await self.submit(request)

    def run_many(self, requests: Sequence[Request]) -> list[Outcome | FarthingError]:
        """What each request came to, in order; nobody's refusal harms a neighbour. Batches as large as may be.

        An error that is not Farthing's own (a bug) is raised, once everything is done.
        """
        outcomes: list[Outcome | FarthingError] = []
        for ticket in self.iter_waiting(requests, outcomes):
            with suppress(Exception):
                ticket.wait()
        return outcomes

    async def arun_many(self, requests: Sequence[Request]) -> list[Outcome | FarthingError]:
        """The same for a coroutine."""
        outcomes: list[Outcome | FarthingError] = []
        for ticket in self.iter_waiting(requests, outcomes):
            with suppress(Exception):
                await ticket
        return outcomes

    def iter_waiting(self, requests: Sequence[Request], outcomes: list[Outcome | FarthingError]) -> Iterator[Ticket]:
        """Accept requests, a batch for each lane at a time, and give out the tickets to wait for; `outcomes` fills as
        they are done."""
        if requests and INNERMOST.get() is not None:
            refuse_inside(self.store, requests[0])
        bugs: list[Exception] = []
        start = 0
        while start < len(requests):
            try:
                tickets = enter_batches(self.lanes, requests, start, self.settings.largest_batch)
            except LedgerClosed as closed:
                if not start:
                    raise
                outcomes += [closed] * (len(requests) - start)
                break
            start += len(tickets)
            for ticket in tickets:
                if not ticket.is_done:
                    yield ticket
            for ticket in tickets:
                error = ticket.error
                if ticket.outcome is not None:
                    outcomes.append(ticket.outcome)
                elif isinstance(error, FarthingError):
                    strip_error(error)
                    outcomes.append(error)
                else:
                    bugs.append(error or RuntimeError("a request was left without an answer"))
        if bugs:
            raise bugs[0]

    def within(self, connection: object) -> Within:
        """A context manager whose `run` decides in the caller's own transaction on `connection`."""
        self.refuse_closed()
        return Within(self.store, self.clock, connection)

    def read_wallet(
        self, account_key: str, unit: Unit, now: int | None = None, *, with_empty_lots: bool = False
    ) -> Wallet:
        """A wallet as it stands at `now`, without a lock; nothing is written. Raises `AccountNotFound`.

        `with_empty_lots`: with every lot that has not expired, empty ones too, as the used count needs them.
        """
        account = self.get_account(account_key)
        instant = self.clock.now() if now is None else now
        unexpired_at = (account.clock or instant) if with_empty_lots else None
        return apply_due_only(self.store.read_wallet(account, unit, unexpired_at), instant, self.store.seal, find_zone)

    def read_wallets(self, account_key: str, now: int | None = None) -> list[Wallet]:
        """Every wallet that the account has, in the same way."""
        account = self.get_account(account_key)
        instant = self.clock.now() if now is None else now
        seal, wallets = self.store.seal, self.store.read_wallets(account)
        return [apply_due_only(wallet, instant, seal, find_zone) for wallet in wallets]

    def get_account(self, account_key: str) -> Account:
        """An account as it is now. Raises `AccountNotFound`."""
        self.refuse_closed()
        account = self.store.find_account(account_key)
        if account is None:
            raise AccountNotFound(account=account_key)
        return account

    def refuse_closed(self) -> None:
        """Raises `LedgerClosed` once the engine was closed."""
        if self.is_closed:
            raise LedgerClosed()

    def stats(self) -> Stats:
        """What it has been doing since it was opened in this process."""
        return self.counters.read(sum(lane.count_waiting() for lane in self.lanes), self.store.name_text)

    def close(self) -> None:
        """Work off what was accepted, refuse what comes later (`LedgerClosed`), close the store. Again does no harm."""
        close_lanes(self.lanes)
        with self.closing:
            if not self.is_closed:
                self.is_closed = True
                self.store.close()

    def begin_in_child(self) -> None:
        """After a fork: the parent's queues, locks and connections are not this process's."""
        self.closing = threading.Lock()
        self.counters.begin_in_child()
        for lane in self.lanes:
            lane.begin()
        self.store.after_fork()


OPEN_ENGINES: WeakSet[Engine] = WeakSet()


def begin_in_child() -> None:
    """Every engine of a freshly forked process starts anew."""
    PAUSE.begin_in_child()
    for engine in list(OPEN_ENGINES):
        if not engine.is_closed:
            engine.begin_in_child()


def close_all() -> None:
    """The interpreter is going: nothing that was accepted is left behind."""
    for engine in list(OPEN_ENGINES):
        engine.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=begin_in_child)
atexit.register(close_all)
