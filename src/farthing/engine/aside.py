"""Requests whose account somebody else has locked step aside here, out of their lane, so that no neighbour waits.

One group for each owner, first come first served; what comes later for that owner joins it while it is there. Threads
of a small pool each wait for a group's lock, for as long as the store's bound allows, and work off a batch; then that
group goes behind the others. One thread more knocks: it tries the groups that wait for a thread, without patience,
again and again, so that an account which is free waits for nobody. Tickets stay in their group until they are answered.
"""

import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from time import monotonic, sleep
from typing import Final, Protocol

from farthing.engine.crew import answer_alike
from farthing.engine.tickets import Ticket
from farthing.store.faults import Busy
from farthing.store.needs import Owner
from farthing.values.bounds import LONGEST_WAIT_SECONDS

FIRST_PAUSE_SECONDS: Final = 0.005
LONGEST_PAUSE_SECONDS: Final = 0.04
"""Between two knocks at a group that is locked: the first pause, and what it grows to, twice as long each time."""

TICKETS_AT_A_KNOCK: Final = 8
"""Of one group. Most knocks are in vain, and what is asked in vain costs as much as a charge."""


class Home(Protocol):
    """What is asked of the lane that tickets step out of."""

    lock: threading.Lock

    def insist(self, batch: Sequence[Ticket], *, patient: bool) -> tuple[list[Ticket], Exception | None]:
        """Have a batch served; the tickets that were not answered, and an error that was none of their doing."""
        ...

    def let_go(self, ticket: Ticket) -> None:
        """A ticket is done. To be called under the lock."""
        ...

    def wake_loops(self) -> None:
        """Wake the tasks whose tickets were let go."""
        ...

    def wake_idle(self) -> None:
        """Wake who waits until there is nothing left to do. To be called under the lock."""
        ...


class Group:
    """The tickets of one owner, in the order in which they came."""

    __slots__ = ("due", "is_taken", "owner", "pause", "tickets")

    def __init__(self, owner: Owner) -> None:
        self.owner = owner
        self.tickets: dict[Ticket, float] = {}
        """Each with the time when it stepped aside."""
        self.is_taken = False
        """Whether a thread has its turn with it."""
        self.expect_soon()

    def expect_soon(self) -> None:
        """It was not knocked at in vain yet."""
        self.pause = FIRST_PAUSE_SECONDS
        self.due = monotonic() + self.pause

    def expect_later(self) -> None:
        """It was, once more."""
        self.pause = min(2 * self.pause, LONGEST_PAUSE_SECONDS)
        self.due = monotonic() + self.pause

    def is_late(self) -> bool:
        """Whether its first ticket has waited for as long as the bound allows."""
        return monotonic() - next(iter(self.tickets.values())) > LONGEST_WAIT_SECONDS

    def refuse_late(self) -> list[Ticket]:
        """Tell all those who have waited for that long, and are locked out still. Returns their tickets."""
        now = monotonic()
        late = [ticket for ticket, since in self.tickets.items() if now - since > LONGEST_WAIT_SECONDS]
        answer_alike(late, self.make_busy())
        return late

    def make_busy(self) -> Busy:
        """What its tickets are told when nobody could wait for the lock in their place, or not for any longer."""
        what = f"the account {self.owner}" if isinstance(self.owner, str) else "the account"
        return Busy(what=what, seconds=int(monotonic() - next(iter(self.tickets.values()))))


class Aside:
    """The groups of one lane. What says so is called under the lane's lock."""

    def __init__(self, home: Home, largest_batch: int, most_threads: int) -> None:
        self.home = home
        self.largest_batch = largest_batch
        self.most_threads = most_threads
        self.groups: dict[Owner, Group] = {}
        """Who waits for a thread stands in the order in which they began to."""
        self.patient: set[int] = set()
        """The threads that wait for locks, of which there are `most_threads`."""
        self.knocker = 0
        """The thread that knocks; 0 for none."""
        self.executor: ThreadPoolExecutor | None = None

    def count(self) -> int:
        """How many tickets are aside."""
        return sum(len(group.tickets) for group in list(self.groups.values())) if self.groups else 0

    def has(self, ticket: Ticket) -> bool:
        """Whether a ticket is here. Without the lock it may be done in the next moment."""
        group = self.groups.get(ticket.owner)
        return group is not None and ticket in group.tickets

    def is_worked_here(self) -> bool:
        """Whether this very thread is one of those that work here. Under the lock."""
        return threading.get_ident() in self.patient or threading.get_ident() == self.knocker

    def join(self, ticket: Ticket) -> bool:
        """Whether the ticket's owner has a group, which it is in from now on. Under the lock."""
        group = self.groups.get(ticket.owner)
        if group is not None:
            group.tickets.setdefault(ticket, monotonic())
        return group is not None

    def form_groups(self, tickets: Sequence[Ticket]) -> None:
        """Make groups of tickets whose owners were found locked just now. Under the lock. Where no thread can be had
        (the interpreter is on its way out) they are answered at once, and stay out: nobody would work them off."""
        formed: dict[Owner, Group] = {}
        for ticket in tickets:
            formed.setdefault(ticket.owner, Group(ticket.owner)).tickets[ticket] = monotonic()
        for owner, group in formed.items():
            # Its thread first: who breaks us off in between leaves the tickets in the queue, and a thread that finds
            # no such group.
            if self.call_thread():
                self.groups[owner] = group
            else:
                answer_alike(group.tickets, group.make_busy())

    def call_thread(self) -> bool:
        """See to it that one more group is worked off. False if there are no threads any more. Under the lock."""
        if self.knocker and len(self.patient) >= self.most_threads:
            return True
        try:
            if self.executor is None:
                self.executor = ThreadPoolExecutor(self.most_threads + 1, thread_name_prefix="farthing-aside")
            self.executor.submit(self.work)
        except RuntimeError:
            # It may keep what it was given none the less: whoever has nothing to do leaves.
            return False
        return True

    def work(self) -> None:
        """In a thread of the pool: wait for locks, or knock if enough others wait, until no group needs it."""
        me = threading.get_ident()
        with self.home.lock:
            is_patient = len(self.patient) < self.most_threads
            if is_patient:
                self.patient.add(me)
            elif self.knocker:
                return
            else:
                self.knocker = me
        if is_patient:
            while self.work_off_first():
                pass
        else:
            self.knock()

    def work_off_first(self) -> bool:
        """Work off a batch of the group that has waited for a thread for longest. False if none does. Those who have
        waited for long enough are tried once more, but nobody waits any longer for them."""
        with self.home.lock:
            group = next((group for group in self.groups.values() if not group.is_taken), None)
            if group is None:
                self.patient.discard(threading.get_ident())
                return False
            group.is_taken = True
            batch = list(islice(group.tickets, self.largest_batch))
            patient = not group.is_late()
        self.take_turn([group], batch, patient=patient)
        return True

    def knock(self) -> None:
        """Try the groups that wait for a thread, as long as there are any: most of them may be free long since."""
        rest = FIRST_PAUSE_SECONDS
        while True:
            sleep(rest)
            began = monotonic()
            with self.home.lock:
                waiting = [group for group in self.groups.values() if not group.is_taken]
                if not waiting:
                    self.knocker = 0
                    return
                due = [group for group in waiting if group.due <= began][: self.largest_batch]
                batch: list[Ticket] = []
                share = min(TICKETS_AT_A_KNOCK, self.largest_batch // max(1, len(due)))
                for group in due:
                    group.is_taken = True
                    batch += islice(group.tickets, share)
            if batch:
                self.take_turn(due, batch, patient=False)
            # As long as that took: where thousands are locked, or the database is slow, there is more to do than knock.
            rest = min(max(FIRST_PAUSE_SECONDS, monotonic() - began), LONGEST_PAUSE_SECONDS)

    def take_turn(self, groups: Sequence[Group], batch: Sequence[Ticket], *, patient: bool) -> None:
        """Have a batch of these groups served, and put them back behind the others."""
        locked_out: list[Ticket] = []
        try:
            locked_out, _ = self.home.insist(batch, patient=patient)
        except BaseException:
            # Whatever is meant to kill a thread kills no group: that is taken up again, as a lane's batch is.
            batch = ()
        with self.home.lock:
            self.end_turn(groups, batch, locked_out)
        self.home.wake_loops()

    def end_turn(self, groups: Sequence[Group], batch: Sequence[Ticket], locked_out: Sequence[Ticket]) -> None:
        """Let go of the tickets that were answered, and of those that were locked out for too long. Under the lock."""
        remaining, locked = set(locked_out), {ticket.owner for ticket in locked_out}
        self.let_go(ticket for ticket in batch if ticket not in remaining)
        for group in groups:
            if group.owner in locked:
                self.let_go(group.refuse_late())
                group.expect_later()
            else:
                group.expect_soon()
            del self.groups[group.owner]
            if group.tickets:
                group.is_taken = False
                self.groups[group.owner] = group
        if not self.groups:
            self.home.wake_idle()

    def let_go(self, tickets: Iterable[Ticket]) -> None:
        """These were answered. Under the lock."""
        for ticket in tickets:
            self.home.let_go(ticket)
            del self.groups[ticket.owner].tickets[ticket]

    def close(self) -> None:
        """Let the threads go; nothing is aside any more."""
        if self.executor is not None:
            self.executor.shutdown(wait=False)
