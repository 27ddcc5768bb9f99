"""The race for an account that somebody else has locked: who asks for it steps aside, and nobody else waits."""

import asyncio
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from farthing.audit.verify import verify
from farthing.engine import aside
from farthing.engine.engine import Engine
from farthing.engine.lanes import find_lane
from farthing.engine.options import Settings
from farthing.engine.tickets import Outcome, Ticket
from farthing.store.faults import Busy, LedgerClosed, Overloaded
from farthing.values.errors import InsufficientCredits
from tests.races.asking import charge, grant, hold, settle
from tests.races.books import CREDITS
from tests.races.gates import wait_until
from tests.races.locks import LockingStore

SHORT = 0.25
"""A bound for waits that tests sit out."""


@pytest.fixture
def store() -> LockingStore:
    return LockingStore()


@pytest.fixture
def open_engine(store: LockingStore) -> Iterator[Callable[..., Engine]]:
    """Opens an engine with 1,000 credits for each account that is named; the books are proved at the end."""
    opened: list[Engine] = []

    def open_engine(*accounts: str, **settings: Any) -> Engine:
        engine = Engine(store, settings=Settings(**settings))
        opened.append(engine)
        for account in accounts:
            engine.run(grant(f"g {account}", 1000, account))
        return engine

    yield open_engine
    for engine in opened:
        assert engine.stats().waiting == 0
        engine.close()
        assert not any(lane.aside.groups or lane.shares for lane in engine.lanes)
    assert not any(lock.locked() for lock in store.locks.values())
    store.closed = False
    assert verify(store).summary == "ok"


@pytest.fixture
def short(store: LockingStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for long."""
    store.longest_wait = SHORT
    monkeypatch.setattr(aside, "LONGEST_WAIT_SECONDS", SHORT)


def count_spent(engine: Engine, account: str = "stuck") -> int:
    return engine.read_wallet(account, CREDITS).spent


def step_aside(engine: Engine, *requests: Any) -> list[Ticket]:
    """Tickets of requests that have stepped aside."""
    tickets = [engine.submit(request) for request in requests]
    for ticket in tickets:
        lane = find_lane(engine.lanes, ticket.request)
        lane.start(ticket)
        wait_until(partial(lane.aside.has, ticket))
    return tickets


def test_neighbours_of_a_locked_account_never_wait_for_it(
    store: LockingStore, open_engine: Callable[..., Engine]
) -> None:
    engine = open_engine("stuck", "acme")
    slowest = 0.0
    with ThreadPoolExecutor(2) as pool, store.keep_locked("stuck") as unlock:
        waiting = pool.submit(engine.run, charge("c", 1, "stuck"))
        together = pool.submit(engine.run_many, [charge("with", 1), charge("d", 1, "stuck"), charge("beside", 1)])
        wait_until(lambda: engine.stats().waiting == 2)
        for turn in range(100):
            began = time.monotonic()
            assert engine.run(charge(f"c{turn}", 1)).entries
            slowest = max(slowest, time.monotonic() - began)
        assert not waiting.done()
        assert not together.done()
        assert engine.stats().waiting == 2
        unlock.set()
        assert waiting.result(timeout=10).entries
        kinds = [type(answer) for answer in together.result(timeout=10)]

    assert slowest < 0.5
    assert kinds == [Outcome] * 3
    assert (count_spent(engine), count_spent(engine, "acme")) == (2, 102)


def test_a_group_is_served_first_come_first_served_and_later_ones_join_it(
    store: LockingStore, open_engine: Callable[..., Engine]
) -> None:
    engine = open_engine("stuck", "acme")
    with store.keep_locked("stuck") as unlock:
        tickets = []
        for turn in range(6):
            tickets += step_aside(engine, charge(f"c{turn}", 1, "stuck"))
        assert len(engine.lanes[0].aside.groups) == 1
        before = engine.stats().batches
        unlock.set()
        numbers = [ticket.wait().entries[0].number for ticket in tickets]

    assert numbers == sorted(numbers)
    assert engine.stats().batches == before + 2, "the one that waited with the first, and all who joined it"


def test_a_locked_account_is_told_by_its_key_and_by_the_place_of_its_hold(
    store: LockingStore, open_engine: Callable[..., Engine]
) -> None:
    engine = open_engine("stuck", "acme")
    held = engine.run(hold("h", 10, "stuck"))
    with store.keep_locked("stuck") as unlock:
        settled, charged = step_aside(engine, settle("s", held, 4), charge("c", 1, "stuck"))
        unlock.set()
        assert settled.wait().entries
        assert charged.wait().entries

    assert count_spent(engine) == 5


def test_who_waits_aside_neither_leads_nor_spins(store: LockingStore, open_engine: Callable[..., Engine]) -> None:
    engine = open_engine("stuck")
    with ThreadPoolExecutor(4) as pool, store.keep_locked("stuck") as unlock:
        waiting = [pool.submit(engine.run, charge(f"c{turn}", 1, "stuck")) for turn in range(4)]
        wait_until(lambda: engine.lanes[0].aside.count() == 4)
        wait_until(lambda: engine.lanes[0].leader is None)
        before = time.process_time()
        time.sleep(0.3)
        assert time.process_time() - before < 0.1
        assert engine.lanes[0].leader is None
        unlock.set()
        assert all(one.result(timeout=10) for one in waiting)


def test_an_account_locked_for_too_long_is_busy_for_all_who_asked_for_it(
    store: LockingStore, open_engine: Callable[..., Engine], short: None
) -> None:
    engine = open_engine("stuck", "acme")
    with store.keep_locked("stuck"):
        first, charged, second = engine.run_many([charge("c", 1, "stuck"), charge("n", 1), charge("d", 1, "stuck")])

    assert isinstance(charged, Outcome)
    assert isinstance(first, Busy)
    assert isinstance(second, Busy)
    assert first is not second
    assert not engine.run(charge("c", 1, "stuck")).replayed, "nothing was written"


@pytest.mark.parametrize("turn", range(5))
def test_tasks_wait_aside_and_a_cancelled_one_leaves_its_ticket_to_be_done(
    store: LockingStore, open_engine: Callable[..., Engine], turn: int
) -> None:
    engine = open_engine("stuck", "acme")

    async def spend(unlock: threading.Event) -> list[Any]:
        tasks = [asyncio.create_task(engine.arun(charge(f"c{place}", 1, "stuck"))) for place in range(4)]
        await asyncio.sleep(0.01 * turn)
        await engine.arun(charge("beside", 1))
        tasks[1].cancel()
        tasks[3].cancel()
        await asyncio.sleep(0)
        await engine.arun(charge("beside too", 1))
        unlock.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    with store.keep_locked("stuck") as unlock:
        answers = asyncio.run(asyncio.wait_for(spend(unlock), 10))

    assert [type(answer) for answer in answers] == [Outcome, asyncio.CancelledError] * 2
    wait_until(lambda: count_spent(engine) == 4)
    wait_until(lambda: engine.stats().waiting == 0)


class TimeLimit(Exception):
    """What a handler of signals raises."""


@pytest.mark.parametrize("turn", range(8))
def test_a_waiter_who_is_called_away_leaves_his_ticket_to_be_done(
    store: LockingStore, open_engine: Callable[..., Engine], turn: int
) -> None:
    engine = open_engine("stuck", "acme")

    def limit(*_: object) -> None:
        raise TimeLimit

    before = signal.signal(signal.SIGALRM, limit)
    try:
        with store.keep_locked("stuck"):
            signal.setitimer(signal.ITIMER_REAL, 0.0004 * (turn + 1) ** 2)
            with pytest.raises(TimeLimit):
                engine.run(charge("c", 1, "stuck"))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    engine.run(charge("after", 1))
    wait_until(lambda: engine.stats().waiting == 0)
    assert engine.run(charge("c", 1, "stuck")).replayed
    assert count_spent(engine) == 1


def test_close_waits_for_what_is_aside_and_refuses_what_comes_later(
    store: LockingStore, open_engine: Callable[..., Engine]
) -> None:
    engine = open_engine("stuck", "acme")
    with ThreadPoolExecutor(2) as pool, store.keep_locked("stuck") as unlock:
        (left,) = step_aside(engine, charge("c", 1, "stuck"))
        in_queue = engine.submit(charge("d", 1, "stuck"))
        closings = [pool.submit(engine.close) for _ in range(2)]
        wait_until(lambda: engine.lanes[0].is_closed)
        with pytest.raises(LedgerClosed):
            engine.run(charge("late", 1))
        time.sleep(0.05)
        assert not any(closing.done() for closing in closings)
        unlock.set()
        for closing in closings:
            closing.result(timeout=10)

    assert left.wait().entries
    assert in_queue.wait().entries


def test_more_locked_accounts_than_threads_wait_no_longer_than_two_bounds(
    store: LockingStore, open_engine: Callable[..., Engine], short: None
) -> None:
    accounts = [f"stuck{place}" for place in range(9)]
    engine = open_engine(*accounts, "acme", threads_aside=2)
    with store.keep_locked(*accounts[:8]):
        began = time.monotonic()
        with store.keep_locked(accounts[8]) as unlock:
            tickets = step_aside(engine, *(charge("c", 1, account) for account in accounts))
            unlock.set()
        for turn in range(20):
            assert engine.run(charge(f"n{turn}", 1))
        for ticket in tickets[:8]:
            with pytest.raises(Busy):
                ticket.wait()
        assert tickets[8].wait().entries, "it was free when its turn came"
        took = time.monotonic() - began

    assert SHORT <= took < 2 * SHORT + 0.5


def test_a_crowd_round_one_locked_account_does_not_keep_the_threads_from_another(
    store: LockingStore, open_engine: Callable[..., Engine], short: None
) -> None:
    engine = open_engine("stuck", "other", threads_aside=1)
    is_over = threading.Event()

    def ask(thread: int) -> int:
        turn = 0
        while not is_over.is_set():
            turn += 1
            with pytest.raises(Busy):
                engine.run(charge(f"t{thread}-{turn}", 1, "stuck"))
        return turn

    with ThreadPoolExecutor(4) as pool, store.keep_locked("stuck"):
        asking = [pool.submit(ask, thread) for thread in range(3)]
        wait_until(lambda: engine.lanes[0].aside.count() == 3)
        for turn in range(3):
            with store.keep_locked("other") as unlock:
                (ticket,) = step_aside(engine, charge(f"c{turn}", 1, "other"))
                began = time.monotonic()
                unlock.set()
                assert ticket.wait().entries
                assert time.monotonic() - began < 2 * SHORT + 0.5
        is_over.set()
        assert all(one.result(timeout=10) for one in asking)


def test_an_account_that_is_free_again_waits_for_no_thread_while_all_wait_for_others(
    store: LockingStore, open_engine: Callable[..., Engine]
) -> None:
    accounts = [f"stuck{place}" for place in range(5)]
    engine = open_engine(*accounts, "brief", "acme", threads_aside=2)
    slowest = 0.0
    with store.keep_locked(*accounts) as unlock_all:
        stuck = step_aside(engine, *(charge("c", 1, account) for account in accounts))
        for turn in range(4):
            with store.keep_locked("brief") as unlock:
                tickets = step_aside(engine, *(charge(f"c{turn}-{place}", 1, "brief") for place in range(20)))
                began = time.monotonic()
                unlock.set()
                numbers = [ticket.wait().entries[0].number for ticket in tickets]
            slowest = max(slowest, time.monotonic() - began)
            assert numbers == sorted(numbers)
        assert engine.stats().waiting == len(stuck)
        unlock_all.set()
        assert all(ticket.wait().entries for ticket in stuck)

    assert slowest < 0.5
    wait_until(lambda: not engine.lanes[0].aside.knocker)


def test_who_finds_no_thread_is_busy_after_the_bound_and_knocking_takes_little_time(
    store: LockingStore, open_engine: Callable[..., Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aside, "LONGEST_WAIT_SECONDS", 1)
    accounts = [f"stuck{place}" for place in range(6)]
    engine = open_engine(*accounts, threads_aside=1)
    with store.keep_locked(*accounts):
        began, before = time.monotonic(), time.process_time()
        tickets = step_aside(engine, *(charge("c", 1, account) for account in accounts))
        for ticket in tickets[1:]:
            with pytest.raises(Busy, match="stuck"):
                ticket.wait()
        took = time.monotonic() - began
        assert not tickets[0].is_done, "the one thread there is waits with it, for the store's 2 seconds"
        assert time.process_time() - before < 0.4

    assert 1 <= took < 1.5
    assert tickets[0].wait().entries


def test_tickets_aside_count_in_the_bounds_of_the_queue(
    store: LockingStore, open_engine: Callable[..., Engine]
) -> None:
    engine = open_engine("stuck", *(f"stuck{place}" for place in range(6)), largest_queue=12)
    with store.keep_locked("stuck", *(f"stuck{place}" for place in range(6))) as unlock:
        step_aside(engine, *(charge(f"c{turn}", 1, "stuck") for turn in range(3)))
        with pytest.raises(Overloaded) as share:
            engine.run(charge("over", 1, "stuck"))
        others = [charge(f"c{turn}", 1, f"stuck{turn % 6}") for turn in range(9)]
        step_aside(engine, *others)
        with pytest.raises(Overloaded) as whole:
            engine.run(charge("over", 1, "acme"))
        unlock.set()
        wait_until(lambda: engine.stats().waiting == 0)

    assert (share.value.waiting, share.value.scope) == (3, "of this account")
    assert (whole.value.waiting, whole.value.scope) == (12, "in this process")
    assert engine.run(charge("over", 1, "stuck")).entries


def test_a_bug_met_aside_reaches_the_callers_of_that_account_and_leaves_no_group(
    store: LockingStore, open_engine: Callable[..., Engine]
) -> None:
    engine = open_engine("stuck", "acme")
    met: list[str] = []

    def fail(step: str) -> None:
        if step == "before save" and threading.current_thread().name.startswith("farthing-aside"):
            met.append(step)
            raise ValueError("a bug")

    with store.keep_locked("stuck") as unlock:
        tickets = step_aside(engine, charge("c", 1, "stuck"), charge("d", 1, "stuck"))
        store.hook = fail
        unlock.set()
        for ticket in tickets:
            with pytest.raises(ValueError, match="a bug"):
                ticket.wait()

    assert len(met) > 2, "it was tried again, and halved"
    store.hook = lambda step: None
    assert not engine.run(charge("c", 1, "stuck")).replayed


def test_what_strikes_a_thread_aside_once_is_nobodys_answer(
    store: LockingStore, open_engine: Callable[..., Engine]
) -> None:
    engine = open_engine("stuck", "acme")
    strikes: list[BaseException] = [ValueError("once"), SystemExit()]

    def strike(step: str) -> None:
        if step == "before save" and strikes:
            raise strikes.pop()

    with store.keep_locked("stuck") as unlock:
        tickets = step_aside(engine, charge("c", 1, "stuck"), charge("much", 5000, "stuck"))
        store.hook = strike
        unlock.set()
        assert not tickets[0].wait().replayed
        with pytest.raises(InsufficientCredits):
            tickets[1].wait()

    assert strikes == []
    assert count_spent(engine) == 1


def test_where_no_thread_can_be_had_the_locked_account_is_busy_at_once_and_nobody_else(
    store: LockingStore, open_engine: Callable[..., Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_engine("stuck", "acme")
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name.startswith("farthing-aside"):
            raise RuntimeError("can't start new thread")
        start(thread)

    with store.keep_locked("stuck") as unlock:
        monkeypatch.setattr(threading.Thread, "start", refuse)
        stuck, beside = engine.run_many([charge("c", 1, "stuck"), charge("n", 1)])
        assert isinstance(stuck, Busy)
        assert isinstance(beside, Outcome)
        monkeypatch.undo()
        (ticket,) = step_aside(engine, charge("c", 1, "stuck"))
        unlock.set()
        assert not ticket.wait().replayed

    assert count_spent(engine) == 1


LEAVES_OTHERS_ASIDE = """
import threading, time
from farthing.engine.engine import Engine
from tests.races.asking import charge, grant
from tests.races.gates import wait_until
from tests.races.locks import LockingStore

store = LockingStore(lanes=2)
engine = Engine(store)
for account in ("stuck", "acme", "b", "c"):
    engine.run(grant("g", 10, account))
store.locks["stuck"].acquire()
threading.Thread(target=engine.run, args=(charge("waits", 1, "stuck"),), daemon=True).start()
wait_until(lambda: any(lane.aside.groups for lane in engine.lanes))
"""

FORKS = (
    LEAVES_OTHERS_ASIDE
    + """
import gc
from farthing.engine.collector import pause_collector
def spend_in_child():
    assert gc.isenabled()
    assert engine.stats().waiting == 0
    assert engine.run(charge("in child", 1, "stuck")).entries
    assert all(outcome.entries for outcome in engine.run_many([charge("many", 1, account) for account in "bc"]))
    engine.close()
from tests.races.writers import in_child
with pause_collector():
    print([in_child(spend_in_child) for _ in range(5)])
store.locks["stuck"].release()
engine.close()
print(engine.stats().waiting, len(store.tables.journal))
"""
)

LEAVES = (
    LEAVES_OTHERS_ASIDE
    + """
left = engine.submit(charge("left", 1, "stuck"))
threading.Timer(0.3, store.locks["stuck"].release).start()
print("leaving")
"""
)


def run_script(script: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", "-c", script],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_a_forked_child_forgets_who_waits_aside_in_its_parent() -> None:
    assert run_script(FORKS) == (0, "[0, 0, 0, 0, 0]\n0 9\n", "")


def test_an_interpreter_that_leaves_while_some_wait_aside_neither_hangs_nor_complains() -> None:
    assert run_script(LEAVES) == (0, "leaving\n", "")
