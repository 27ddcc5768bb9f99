"""A queue, and whoever of those who wait leads: works off a batch for everyone, until his own request is done.

There is no resident thread. The caller that finds the lane idle leads; when his request is done he hands the lead to
the next who waits: a thread is woken to it, for a coroutine one executor thread leads. At any moment `leader` says
who has the lead (the waiter himself; a ticket while a thread is on its way to lead for it; the executor), so that
somebody who dies with it is seen to have had it.

Tickets stay in the queue until they are done: a batch that is broken off (Ctrl-C) is simply taken up again. What a
handler of signals raises in the leader is the leader's alone. Tickets whose account somebody else has locked step
aside (`aside.py`); who waits for one of those does not lead.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, Final, Protocol

from farthing.engine.aside import Aside
from farthing.engine.options import Settings
from farthing.engine.tickets import Ticket, Waiter
from farthing.store.faults import LedgerClosed, Overloaded
from farthing.store.needs import name_owner
from farthing.values.requests import Request

ATTEMPTS: Final = 3
"""How often a batch is served until an error that is not Farthing's own counts as a request's doing."""


class Serve(Protocol):
    """What works off a batch; see `Crew.serve`."""

    def __call__(self, tickets: Sequence[Ticket], *, is_last: bool, patient: bool) -> list[Ticket]:
        """Answer the tickets of a batch, and return those that must step aside."""
        ...


class Lane:
    """One queue with one lead, of so many in its engine. `serve` answers the tickets of a batch. If it raises none
    counts as answered, and it is called again; it is told when for the last time."""

    def __init__(self, serve: Serve, settings: Settings, lanes: int = 1) -> None:
        self.serve = serve
        self.largest_batch = settings.largest_batch
        self.places = settings.count_places(lanes)
        self.largest_share = settings.count_share(lanes)
        self.threads_aside = settings.count_threads(lanes)
        self.scope = "in this process" if lanes == 1 else f"in one of the {lanes} lanes of this process"
        self.is_closed = False
        self.begin()

    def begin(self) -> None:
        """Start with an empty queue: at first, and in a forked child, where the parent's waiters are not."""
        self.lock = threading.Lock()
        self.queue: deque[Ticket] = deque()
        self.aside = Aside(self, self.largest_batch, self.threads_aside)
        self.shares: dict[str | int, int] = {}
        self.leader: object | None = None
        self.leading_thread = 0
        self.last_size = 0
        self.idle_waiters: list[threading.Lock] = []
        self.woken: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
        self.executor: ThreadPoolExecutor | None = None

    def count_waiting(self) -> int:
        """Tickets that are not done yet."""
        return len(self.queue) + self.aside.count()

    def enter(self, requests: Sequence[Request]) -> list[Ticket]:
        """A ticket for each request, in order. Where the queue was full, one that is done, with `Overloaded` in it.

        Raises `LedgerClosed`. An account that is named by its key and by ids of its holds has two shares.
        """
        tickets = [Ticket(request, request.account or name_owner(request), self) for request in requests]
        for request in requests:
            # Reckoned here by each who asks, while others wait for the database, and not by the leader for everybody.
            request.digests()
        shares, places, largest_share = self.shares, self.places, self.largest_share
        stuck = None
        with self.lock:
            if self.is_closed:
                raise LedgerClosed()
            queue, waiting = self.queue, self.count_waiting()
            for ticket in tickets:
                share = shares.get(ticket.owner, 0)
                if waiting >= places or share >= largest_share:
                    self.refuse_overload(ticket, waiting, share)
                    if self.leader is None and queue:
                        self.leader = stuck = queue[0]
                    continue
                shares[ticket.owner] = share + 1
                queue.append(ticket)
                waiting += 1
        if stuck is not None:
            # Full of tickets that nobody waits for: without this nobody would ever lead again.
            self.lend_thread(stuck)
        return tickets

    def refuse_overload(self, ticket: Ticket, waiting: int, share: int) -> None:
        """The ticket found no place: nothing of it is queued."""
        if share >= self.largest_share:
            ticket.answer(Overloaded(waiting=share, scope="of this account"))
        else:
            ticket.answer(Overloaded(waiting=waiting, scope=self.scope))
        ticket.is_done = True

    def start(self, ticket: Ticket) -> None:
        """Have everything up to this ticket worked off without waiting until somebody waits for it."""
        with self.lock:
            ticket.is_left = True
            starts = self.leader is None and not ticket.is_done and not self.aside.has(ticket)
            if starts:
                self.leader = ticket
        if starts:
            self.lend_thread(ticket)

    def wait_for(self, ticket: Ticket) -> None:
        """Return once the ticket is done. Leads if nobody does, or when it is handed the lead."""
        signal = threading.Lock()
        try:
            while not ticket.is_done:
                if self.line_up(ticket, signal):
                    self.lead(ticket)
                else:
                    signal.acquire()
        except BaseException:
            self.abandon(ticket, signal)
            raise

    def line_up(self, ticket: Ticket, signal: threading.Lock) -> bool:
        """Whether the lead is this waiter's, or free to take. If not, the lock is taken until there is news."""
        with self.lock:
            if self.leader is signal or (self.leader is None and not self.aside.has(ticket)):
                self.leader = signal
                return True
            if not ticket.is_done:
                signal.acquire(blocking=False)
                if signal not in ticket.waiters:
                    ticket.waiters.append(signal)
            elif signal.locked():
                signal.release()
            return False

    def abandon(self, ticket: Ticket, waiter: Waiter) -> None:
        """Somebody stops waiting before the end (Ctrl-C, a cancelled task). If he had the lead, or it was on its way
        to him or from him to a thread that has not taken it up yet, it goes on from here."""
        with self.lock:
            if waiter in ticket.waiters:
                ticket.waiters.remove(waiter)
            ticket.is_left = True
            is_dropped = self.leader is waiter or isinstance(self.leader, Ticket)
        if is_dropped:
            self.pass_lead()

    def follow(self, ticket: Ticket) -> Generator[Any, None, None]:
        """Wait in a coroutine. If nobody leads, the executor thread does. A cancelled wait takes nothing back."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        try:
            with self.lock:
                if ticket.is_done:
                    return
                ticket.waiters.append(future)
                starts = self.leader is None and not self.aside.has(ticket)
                if starts:
                    self.leader = ticket
            if starts:
                self.lend_thread(ticket)
            yield from future
        except BaseException:
            self.abandon(ticket, future)
            raise

    def lead(self, ticket: Ticket) -> None:
        """Work off batches until this ticket is done or aside, then hand over. Nobody leads for others for ever."""
        self.leading_thread = threading.get_ident()
        while not ticket.is_done and not self.aside.has(ticket) and self.work_next():
            pass
        self.pass_lead()

    def work_next(self) -> bool:
        """Work off what has queued. False if there was nothing."""
        self.let_others_in()
        batch = self.take_up()
        if batch:
            locked_out, interruption = self.insist(batch, patient=False)
            with self.lock:
                self.aside.form_groups(locked_out)
                for ticket in batch:
                    if not self.aside.has(ticket):
                        self.let_go(ticket)
                    self.queue.popleft()
            self.last_size = len(batch) - len(locked_out)
            self.wake_loops()
            if interruption is not None:
                raise interruption
        return bool(batch)

    def take_up(self) -> list[Ticket]:
        """The next batch. It stays at the head of the queue, out of which whoever has no business there is taken."""
        with self.lock:
            batch = list(islice(self.queue, self.largest_batch))
            if any(map(self.is_out_of_place, batch)):
                self.queue = deque(ticket for ticket in self.queue if not self.is_out_of_place(ticket))
                batch = list(islice(self.queue, self.largest_batch))
            return batch

    def is_out_of_place(self, ticket: Ticket) -> bool:
        """Whether a ticket in the queue is done (its leader was broken off before he took it out), or belongs aside."""
        return ticket.is_done or self.aside.join(ticket)

    def insist(self, batch: Sequence[Ticket], *, patient: bool) -> tuple[list[Ticket], Exception | None]:
        """Have every ticket answered, but for those that must step aside. Returns these, and what came in between and
        was none of their doing: the leader's own."""
        locked_out: list[Ticket] = []
        interruption: Exception | None = None
        for attempt in range(1, ATTEMPTS + 1):
            try:
                locked_out = self.serve(batch, is_last=attempt == ATTEMPTS, patient=patient)
                break
            except Exception as error:
                interruption = error
        else:
            # A bug of ours. Whoever waits must learn of it, and the queue must move on.
            for ticket in batch:
                ticket.answer(interruption or RuntimeError("a batch was left without answers"))
        is_answer = any(type(ticket.error) is type(interruption) for ticket in batch)
        return locked_out, None if is_answer else interruption

    def let_others_in(self) -> None:
        """Let those run who were answered with the last batch, as long as that lengthens the queue: threads that charge
        again at once would otherwise find one of them off with a batch of his own, every other time."""
        seen = -1
        while seen < len(self.queue) < self.last_size:
            seen = len(self.queue)
            time.sleep(0)

    def let_go(self, ticket: Ticket) -> None:
        """A ticket is done. In an order that bears being broken off and done again."""
        ticket.is_done = True
        waiters = ticket.waiters
        while waiters:
            waiter = waiters[-1]
            if isinstance(waiter, asyncio.Future):
                self.woken.setdefault(waiter.get_loop(), []).append(waiter)
            elif waiter.locked():
                waiter.release()
            waiters.pop()
        share = self.shares.pop(ticket.owner, 0) - 1
        if share > 0:
            self.shares[ticket.owner] = share

    def wake_loops(self) -> None:
        """One wake-up for each event loop, however many of its tasks were in the batch."""
        while self.woken:
            with self.lock:
                if not self.woken:
                    return
                loop, futures = self.woken.popitem()
            try:
                loop.call_soon_threadsafe(finish_futures, futures)
            except RuntimeError:
                continue  # That loop is closed, and nobody waits there any more.

    def wake_idle(self) -> None:
        """Let those go on who close the lane, to see what is left to do."""
        while self.idle_waiters:
            self.idle_waiters.pop().release()

    def pass_lead(self) -> None:
        """Hand the lead to the first who waits: wake a thread to it, or lend one to a coroutine, or to a ticket that
        somebody left. Else it is free."""
        self.wake_loops()
        with self.lock:
            self.leading_thread = 0
            ticket = next((one for one in self.queue if (one.waiters or one.is_left) and not one.is_done), None)
            if ticket is None:
                self.leader = None
                self.wake_idle()
                return
            waiter = ticket.waiters[0] if ticket.waiters else None
            if waiter is None or isinstance(waiter, asyncio.Future):
                self.leader = ticket
            else:
                if waiter.locked():
                    waiter.release()
                self.leader = waiter
                ticket.waiters.remove(waiter)
                return
        self.lend_thread(ticket)

    def lend_thread(self, ticket: Ticket) -> None:
        """Lead in the lane's one executor thread, which exists from the first time that it is needed."""
        try:
            if self.executor is None:
                self.executor = ThreadPoolExecutor(1, thread_name_prefix="farthing-lane")
            self.executor.submit(self.lead_for, ticket)
        except RuntimeError:
            # The interpreter is on its way out and starts no more threads: `close` works off what is left.
            with self.lock:
                self.leader = None
                self.wake_idle()

    def lead_for(self, ticket: Ticket) -> None:
        """Lead in the lane's own thread, unless the lead has gone to somebody else since."""
        with self.lock:
            if self.leader is not ticket:
                return
            self.leader = self.executor
        try:
            self.lead(ticket)
        except BaseException:
            self.pass_lead()
            raise

    def close(self) -> None:
        """Take no more requests, and return when all that were taken are done. A second call does no harm."""
        signal = threading.Lock()
        while True:
            with self.lock:
                self.is_closed = True
                if self.leader is None and not self.queue and not self.aside.groups:
                    break
                if self.leading_thread == threading.get_ident() or self.aside.is_worked_here():
                    return  # A handler of signals, or a finaliser, closes what its own thread is working for.
                if self.leader is None and self.queue:
                    self.leader = signal
                else:
                    signal.acquire(blocking=False)
                    self.idle_waiters.append(signal)
            if self.leader is signal:
                self.lead_to_the_end()
            else:
                signal.acquire()
                signal.release()
        if self.executor is not None:
            self.executor.shutdown(wait=False)
        self.aside.close()

    def lead_to_the_end(self) -> None:
        """Work off the whole queue."""
        try:
            self.leading_thread = threading.get_ident()
            while self.work_next():
                pass
        finally:
            self.pass_lead()


def finish_futures(futures: Sequence[asyncio.Future[None]]) -> None:
    """Wake the tasks of one loop, in that loop."""
    for future in futures:
        if not future.done():
            future.set_result(None)
