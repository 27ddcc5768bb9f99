"""Jobs: what is worth doing while nobody asks. No balance waits for one: each may run late, twice, in two processes at
once, or not at all.

To add a job: a function that gives a `Tally`, and a line in `JOBS`.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final

from farthing.engine.engine import Engine
from farthing.service.campaigns import iter_left, keep_promise
from farthing.service.catalogs import Catalogs
from farthing.service.rollups import run_rollup
from farthing.service.subscriptions import settle
from farthing.store.contract import Due, Progress, WalletKey
from farthing.store.faults import Busy, Overloaded, UpgradeFirst
from farthing.tariff.plans import Event, find_due
from farthing.values.bounds import LARGEST_BATCH
from farthing.values.errors import FarthingError, LawBroken, Refused, TermInvalid, show_given
from farthing.values.requests import Tidy

PAGE: Final = 8 * LARGEST_BATCH
"""Wallets that are asked for at a time."""

PASSED_OVER: Final = (Refused, LawBroken, Busy, Overloaded, UpgradeFirst)
"""What may come of one wallet and says nothing of the next. Anything else ends the run: the database is away, the
ledger closed, the clocks disagree."""

Stop = Callable[[], bool]
"""Asked between batches: whether to leave the rest for another time."""


@dataclass(slots=True)
class Tally:
    """What a run has come to so far."""

    seen: int = 0
    done: int = 0
    passed_over: Counter[str] = field(default_factory=Counter)
    """Wallets that were left as they are, by the code of the error that says why."""
    was_stopped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What one run of a job came to."""

    job: str
    seen: int
    """Wallets in which something had fallen due."""
    done: int
    """Those in which it is written down by now."""
    passed_over: Mapping[str, int]
    """Those that were left as they are, by the code of the error that says why: `busy`, `law_broken` (stopped) …"""
    is_whole: bool
    """Whether it got to its end before it was told to stop."""
    seconds: float

    def json(self) -> dict[str, Any]:
        """The same for JSON."""
        said = {name: getattr(self, name) for name in self.__slots__}
        return said | {"passed_over": dict(self.passed_over), "seconds": round(self.seconds, 3)}


@dataclass(frozen=True, slots=True)
class Job:
    """A job by its name."""

    name: str
    does: str
    """What it does, in a sentence."""
    work: Callable[[Engine, Progress | None, Stop], Tally]
    counts: str = "wallets"
    """What its tally counts."""


def run_job(engine: Engine, name: str, *, progress: Progress | None = None, must_stop: Stop | None = None) -> Summary:
    """Run a job once, to its end or until `must_stop` says so. `progress` is told (wallets behind, of how many).

    What is wrong with one wallet is counted and passes the others by. Raises `TermInvalid` for a name that is no job's,
    and what speaks against all of it (`DatabaseAway`, `DiskFailed`, `LedgerClosed`, `ClockDisagrees` …): what was
    done until then stays done, and the next run goes on from there.
    """
    job = get_job(name)
    began = time.monotonic()
    tally = job.work(engine, progress, must_stop or (lambda: False))
    return Summary(
        job=job.name,
        seen=tally.seen,
        done=tally.done,
        passed_over=dict(sorted(tally.passed_over.items())),
        is_whole=not tally.was_stopped,
        seconds=time.monotonic() - began,
    )


def get_job(name: str) -> Job:
    """A job by its name. Raises `TermInvalid`, which names the nearest."""
    job = JOBS.get(name)
    if job is None:
        near = get_close_matches(name, JOBS, n=1, cutoff=0.5)
        advice = f"did you mean {near[0]}?" if near else f"there is {', '.join(JOBS)}"
        raise TermInvalid(what="job", given=show_given(name), problem="is not there", advice=advice)
    return job


def tidy(engine: Engine, progress: Progress | None, must_stop: Stop) -> Tally:
    """Write down what fell due in wallets that nobody has asked anything of since.

    Every wallet that was due when the run began is asked for once, in the order of accounts, so that a run comes to its
    end whatever the others do meanwhile; those that are busy or stopped are there again for the next one.
    """
    tally = Tally()
    now = engine.clock.now()
    total = sum(len(page) for page in turn_pages(engine, now)) if progress else 0
    for page in turn_pages(engine, now):
        for first in range(0, len(page), LARGEST_BATCH):
            if must_stop():
                tally.was_stopped = True
                return tally
            tidy_wallets(engine, page[first : first + LARGEST_BATCH], now, tally)
            if progress:
                progress(tally.seen, max(total, tally.seen))
    return tally


def turn_pages(engine: Engine, now: int) -> Iterator[Sequence[Due]]:
    """The wallets in which something was due at `now`, page after page, each read when the one before it is done."""
    after: WalletKey | None = None
    while True:
        page = engine.store.list_due(now, after, PAGE)
        if page:
            yield page
        if len(page) < PAGE:
            return
        after = page[-1].place


def tidy_wallets(engine: Engine, due: Sequence[Due], now: int, tally: Tally) -> None:
    """Have one batch of wallets tidied.

    The key says which wallet, and up to when: two runs of one instant ask for the same thing, and the second is a
    replay. Of any other two the later finds done what the earlier did.
    """
    requests = [
        Tidy(key=f"farthing:tidy:{now}:{unit.unit_id}", account=account, unit=unit.unit_id) for account, unit, _ in due
    ]
    for outcome in engine.run_many(requests):
        tally.seen += 1
        if not isinstance(outcome, FarthingError):
            tally.done += 1
        elif isinstance(outcome, PASSED_OVER):
            tally.passed_over[outcome.code] += 1
        else:
            raise outcome


def roll_up(engine: Engine, progress: Progress | None, must_stop: Stop) -> Tally:
    """Bring the rollup up to the entries that there are, for reports to be quick."""
    tally = Tally()
    for count in run_rollup(engine.store, progress, must_stop):
        tally.seen += count
        tally.done += count
    tally.was_stopped = must_stop()
    return tally


def finish_campaigns(engine: Engine, progress: Progress | None, must_stop: Stop) -> Tally:
    """Grant what campaigns promised to people whose own call died before it was granted."""
    tally, catalogs = Tally(), Catalogs(engine.store)
    for claim in iter_left(engine, PAGE):
        if must_stop():
            tally.was_stopped = True
            return tally
        tally.seen += 1
        try:
            keep_promise(engine, catalogs, claim)
        except PASSED_OVER as no:
            tally.passed_over[no.code] += 1
        else:
            tally.done += 1
        if progress:
            progress(tally.seen, tally.seen)
    return tally


def act_on(engine: Engine, events: Collection[Event], progress: Progress | None, must_stop: Stop) -> Tally:
    """Write the steps that time brought about in subscriptions whose first such event is one of these, and all that
    follows it in the same subscription by now."""
    tally, catalogs, after = Tally(), Catalogs(engine.store), None
    now = engine.clock.now()
    while page := engine.store.list_acting(now, after, PAGE):
        after = page[-1][0].account_id
        for account, row in page:
            if find_due(row, account.clock or now) not in events:
                continue
            if must_stop():
                tally.was_stopped = True
                return tally
            tally.seen += 1
            try:
                settle(engine, catalogs, account.key)
            except PASSED_OVER as no:
                tally.passed_over[no.code] += 1
            else:
                tally.done += 1
            if progress:
                progress(tally.seen, tally.seen)
    return tally


def check_expired_subscriptions(engine: Engine, progress: Progress | None, must_stop: Stop) -> Tally:
    """Write down which subscriptions have ended: their plan to fall back to holds since then, with its settings."""
    return act_on(engine, {Event.EXPIRE}, progress, must_stop)


def handle_subscription_renewals(engine: Engine, progress: Progress | None, must_stop: Stop) -> Tally:
    """Write down which subscriptions went on by themselves, went over to another plan, or missed a payment."""
    return act_on(engine, {Event.RENEW, Event.SWITCH, Event.MISS}, progress, must_stop)


JOBS: Final[Mapping[str, Job]] = {
    job.name: job
    for job in (
        Job(
            "tidy",
            "Writes down what fell due in idle wallets: time-outs, expiries, starts, turns, and the alerts of them.",
            tidy,
        ),
        Job(
            "check_expired_subscriptions",
            "Writes down which subscriptions have ended, and gives them the settings of the plan to fall back to.",
            check_expired_subscriptions,
            "subscriptions",
        ),
        Job(
            "handle_subscription_renewals",
            "Writes down which subscriptions went on, went over to another plan, or missed a payment.",
            handle_subscription_renewals,
            "subscriptions",
        ),
        Job(
            "reset_monthly_usage",
            "Turns allowances whose month is over: safe every day, for where nothing has fallen due it does nothing.",
            tidy,
        ),
        Job(
            "rollup",
            "Sums entries up by hour, account and what they were for, so that reports are quick.",
            roll_up,
            "entries",
        ),
        Job(
            "finish_campaigns",
            "Grants what campaigns promised to people whose own call died before it was granted.",
            finish_campaigns,
            "claims",
        ),
    )
}
"""Every job, in the order in which they run."""
