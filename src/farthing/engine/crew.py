"""One batch from lock to answer: load, decide, save, commit; and what is done when any of these goes wrong.

- An account that somebody else has locked, in an impatient batch: its tickets are not answered, but handed back.
- What was read no longer holds: the batch again, in a new unit of work, a few times.
- Busy, unavailable, misconfigured: nothing was written, and everyone in the batch is told.
- Anything else before the commit: the batch is halved until whoever caused it is alone with it.
- An error that is not Farthing's own may be another's altogether, raised in the leader by a handler of signals: the
  lane serves the batch again. Only when it is told that this was the last time is it taken for one request's doing.
- A commit whose end nobody knows: the same requests again, for keys are looked up before anything is decided. What
  that attempt would have written is remembered by its hash, so a receipt found to be its own is no replay.
"""

from collections.abc import Iterable, Sequence
from contextlib import nullcontext, suppress
from time import perf_counter, sleep
from typing import Final

from farthing.engine.batch import Batch
from farthing.engine.clocks import Clock
from farthing.engine.collector import pause_collector
from farthing.engine.options import Settings
from farthing.engine.stats import Counters
from farthing.engine.tickets import Outcome, Ticket, copy_error, strip_error
from farthing.store.contract import CommitUnknown, DecideAgain, Store, WalletKey, Work
from farthing.store.faults import OutcomeUnknown, UpgradeFirst
from farthing.store.needs import Owner
from farthing.values.errors import FarthingError, LawBroken, Misconfigured, Unavailable

FIRST_PAUSE_SECONDS: Final = 0.001
LONGEST_PAUSE_SECONDS: Final = 0.064
"""Before a batch is decided again: the first pause, and what it grows to, twice as long each time."""


class Crew:
    """Serves batches against one store. Whoever leads a lane calls `serve`, and so do the threads of `aside.py`."""

    def __init__(self, store: Store, clock: Clock, settings: Settings, counters: Counters) -> None:
        self.store = store
        self.clock = clock
        self.settings = settings
        self.counters = counters

    def serve(self, tickets: Sequence[Ticket], *, is_last: bool, patient: bool) -> list[Ticket]:
        """Give every ticket its answer, and return the others: those whose account somebody else has locked, if this is
        not `patient`. If it raises, no ticket counts as answered; it raises no `Exception` if `is_last`."""
        aside: set[Owner] = set()
        try:
            self.work_off(tickets, aside, patient=patient)
        except CommitUnknown as unknown:
            self.look_again([ticket for ticket in tickets if ticket.owner not in aside], unknown, is_last)
        except Exception as error:
            if not (is_last or isinstance(error, FarthingError)):
                raise
            if len(tickets) > 1 and concerns_one(error):
                middle = len(tickets) // 2
                halves = tickets[:middle], tickets[middle:]
                return [one for half in halves for one in self.serve(half, is_last=is_last, patient=patient)]
            answer_alike(tickets, strip_error(error))
            return []
        except BaseException:
            # Ctrl-C may have come while the store was letting go. What that left in the way of others is cleared away
            # by the next unit of work of this same thread, which may make no call again: so here.
            with suppress(Exception), self.store.work():
                pass
            raise
        return [ticket for ticket in tickets if ticket.owner in aside] if aside else []

    def work_off(self, tickets: Sequence[Ticket], aside: set[Owner], *, patient: bool) -> None:
        """Decide, commit and answer; and again, after a pause, while what was read turns out not to hold. `aside` is
        told whose tickets were left out."""
        pause = FIRST_PAUSE_SECONDS
        for _ in range(self.settings.decide_tries - 1):
            try:
                return self.decide(tickets, aside, patient=patient)
            except DecideAgain:
                sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        try:
            return self.decide(tickets, aside, patient=patient)
        except DecideAgain as again:
            raise again.instead from None

    def decide(self, tickets: Sequence[Ticket], aside: set[Owner], *, patient: bool) -> None:
        """Load, decide, save, commit, and answer the tickets if all of that went well."""
        fresh: list[Ticket] = []
        # Whoever waits for a lock has no need of quick batches, and would keep the collector off all that time.
        hush = nullcontext() if patient else pause_collector()
        try:
            with hush, self.store.work(patient=patient) as work:
                # The instant is read under the lock, where one lock is all there is: what one process commits after
                # another is not before it in time. Else each wallet's own clock keeps that order.
                now = self.clock.now()
                batch = Batch(work, [one.request for one in tickets], now, self.store.seal, provisional=False)
                aside.clear()
                if batch.aside:
                    aside |= batch.aside
                    tickets = [ticket for ticket in tickets if ticket.owner not in aside]
                self.counters.count_batch(len(tickets))
                answers = recognise(tickets, batch.answer_all())
                if batch.changes.wallets:
                    work.save(batch.changes)
                    fresh += seal_fresh(tickets, answers)
                    self.commit(work)
                broken = batch.broken
                # Given back while the collector is off: it would look at all of it first.
                del batch, work
        except (FarthingError, DecideAgain):
            # The store knows that it did not commit; of anything else that may come here nobody knows when it came.
            for ticket in fresh:
                ticket.sealed = None
            raise
        for key in broken:
            self.stop_wallet(key)
        for ticket, answer in zip(tickets, answers, strict=True):
            ticket.answer(answer)
            if ticket.error is not None:
                self.counters.count_refusal(ticket.error, ticket.request)

    def commit(self, work: Work) -> None:
        """Commit, and note how long that took."""
        started = perf_counter()
        work.commit()
        self.counters.count_commit(perf_counter() - started)

    def look_again(self, tickets: Sequence[Ticket], unknown: CommitUnknown, is_last: bool) -> None:
        """After a commit of unknown end: answer from what is found under the keys, decide again what is not. Patiently,
        for what became of the commit is seen only once it has let go of its locks."""
        for _ in range(self.settings.commit_tries - 1):
            try:
                return self.work_off(tickets, set(), patient=True)
            except CommitUnknown:
                continue
            except Exception as error:
                if not (is_last or isinstance(error, FarthingError)):
                    raise
                return answer_alike(tickets, strip_error(error), *unknown.args)
        for ticket in tickets:
            ticket.answer(OutcomeUnknown(ticket.request.key, *unknown.args))
        return None

    def stop_wallet(self, key: WalletKey) -> None:
        """Stop a wallet in which a law broke, in a commit of its own. If that fails, the next request there finds the
        same law broken and tries again; the caller is told of the law either way."""
        with suppress(Exception), self.store.work() as work:
            work.stop_wallet(key)
            work.commit()


def seal_fresh(tickets: Sequence[Ticket], answers: Sequence[Outcome | Exception]) -> list[Ticket]:
    """Note what each ticket will have once this is committed, for the case that nobody learns how that ended."""
    fresh = []
    for ticket, answer in zip(tickets, answers, strict=True):
        if type(answer) is Outcome and answer.entries and not answer.replayed:
            ticket.sealed = answer.entries[0].hash
            fresh.append(ticket)
    return fresh


def recognise(tickets: Sequence[Ticket], answers: list[Outcome | Exception]) -> list[Outcome | Exception]:
    """Tell first receipts from replays among keys that were found taken, after an attempt of unknown end."""
    for place, ticket in enumerate(tickets):
        if ticket.sealed is not None:
            answer = answers[place]
            if type(answer) is Outcome and answer.replayed and answer.entries[0].hash == ticket.sealed:
                answers[place] = answer._replace(replayed=False)
            else:
                ticket.sealed = None
    return answers


def concerns_one(error: Exception) -> bool:
    """Whether an error that undid a batch may be one request's doing, and not the database's or the clock's."""
    if isinstance(error, FarthingError):
        return isinstance(error, UpgradeFirst | LawBroken) or not isinstance(error, Unavailable | Misconfigured)
    return True


def answer_alike(tickets: Iterable[Ticket], error: Exception, *cause: str) -> None:
    """The same error for everyone, but for those whose request an earlier attempt may have committed, and whose end
    is unknown for this cause."""
    for ticket in tickets:
        if ticket.sealed is None:
            ticket.answer(copy_error(error))
        else:
            ticket.answer(OutcomeUnknown(ticket.request.key, *cause))
