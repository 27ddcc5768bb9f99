"""One batch from lock to answer: load, decide, save, commit; and what is done when any of these goes wrong.

- Busy, unavailable, misconfigured: nothing was written, and everyone in the batch is told.
- Anything else before the commit: the batch is halved until whoever caused it is alone with it.
- An error that is not Farthing's own may be another's altogether, raised in the leader by a handler of signals: the
  lane serves the batch again. Only when it is told that this was the last time is it taken for one request's doing.
- A commit whose end nobody knows: the same requests again, for keys are looked up before anything is decided. What
  that attempt would have written is remembered by its hash, so a receipt found to be its own is no replay.
"""

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from time import perf_counter

from farthing.core.errors import FarthingError, LawBroken, Misconfigured, Unavailable
from farthing.engine.batch import Batch
from farthing.engine.clocks import Clock
from farthing.engine.options import Settings
from farthing.engine.stats import Counters
from farthing.engine.tickets import Outcome, Ticket, copy_error, strip_error
from farthing.store.contract import CommitUnknown, Store, WalletKey, Work
from farthing.store.faults import OutcomeUnknown, UpgradeFirst


class Crew:
    """Serves batches against one store. Whoever leads calls `serve`; only one does at a time."""

    def __init__(self, store: Store, clock: Clock, settings: Settings, counters: Counters) -> None:
        self.store = store
        self.clock = clock
        self.settings = settings
        self.counters = counters

    def serve(self, tickets: Sequence[Ticket], is_last: bool) -> None:
        """Give every ticket its answer. If it raises, no ticket counts as answered; no `Exception` if `is_last`."""
        try:
            self.work_off(tickets)
        except CommitUnknown as unknown:
            self.look_again(tickets, unknown, is_last)
        except Exception as error:
            if not (is_last or isinstance(error, FarthingError)):
                raise
            if len(tickets) > 1 and concerns_one(error):
                middle = len(tickets) // 2
                self.serve(tickets[:middle], is_last)
                self.serve(tickets[middle:], is_last)
            else:
                answer_alike(tickets, strip_error(error))
        except BaseException:
            # Ctrl-C may have come while the store was letting go. What that left in the way of others is cleared away
            # by the next unit of work of this same thread, which may make no call again: so here.
            with suppress(Exception), self.store.work():
                pass
            raise

    def work_off(self, tickets: Sequence[Ticket]) -> None:
        """Load, decide, save, commit, and answer the tickets if all of that went well."""
        self.counters.count_batch(len(tickets))
        fresh: list[Ticket] = []
        try:
            with pause_collector(), self.store.work() as work:
                # The instant is read under the lock: what one process commits after another is not before it in time.
                now = self.clock.now()
                requests = [ticket.request for ticket in tickets]
                batch = Batch(work, requests, now, self.store.seal, provisional=False)
                answers = recognise(tickets, batch.answer_all())
                if batch.changes.wallets:
                    work.save(batch.changes)
                    fresh += seal_fresh(tickets, answers)
                    self.commit(work)
        except FarthingError:
            # The store knows that it did not commit; of anything else that may come here nobody knows when it came.
            for ticket in fresh:
                ticket.sealed = None
            raise
        for key in batch.broken:
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
        """After a commit of unknown end: answer from what is found under the keys, decide again what is not."""
        for _ in range(self.settings.commit_tries - 1):
            try:
                return self.work_off(tickets)
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


@contextmanager
def pause_collector() -> Iterator[None]:
    """Keep Python's cyclic garbage collector out of a batch: a batch makes thousands of objects and no cycles, and
    the collector would walk everything that lives again and again, for a tenth of the time of a wide batch.

    It is on again after at most one batch, whoever paused it, because only who found it on turns it on.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


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


def answer_alike(tickets: Sequence[Ticket], error: Exception, *cause: str) -> None:
    """The same error for everyone, but for those whose request an earlier attempt may have committed, and whose end
    is unknown for this cause."""
    for ticket in tickets:
        if ticket.sealed is None:
            ticket.answer(copy_error(error))
        else:
            ticket.answer(OutcomeUnknown(ticket.request.key, *cause))
