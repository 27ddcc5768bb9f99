"""The races for the lead: it goes from one who waits to the next, whatever becomes of either; the lane never wedges."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from farthing.audit.verify import verify
from farthing.engine.engine import Engine
from farthing.engine.options import Settings
from farthing.engine.tickets import Outcome
from farthing.store.contract import Store
from farthing.store.faults import Busy, LedgerClosed, Overloaded
from tests.races.asking import charge, grant
from tests.races.books import CREDITS
from tests.races.faults import WatchedStore
from tests.races.gates import Gate, wait_until


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def gated(store: Store, gate: Gate) -> Iterator[Engine]:
    """An engine whose leader can be held at a step; 1,000 credits are there."""
    watched: Any = WatchedStore(store, gate)
    engine = Engine(watched, settings=Settings(largest_queue=40, lanes=1))
    engine.run(grant("g", 1000))
    yield engine
    gate.open.set()
    engine.run(charge("last", 1))
    assert verify(store).summary == "ok"
    engine.close()


def count_spent(engine: Engine) -> int:
    return engine.read_wallet("acme", CREDITS).spent


def start_waiting(pool: ThreadPoolExecutor, engine: Engine, gate: Gate, count: int) -> list[Future[Outcome]]:
    """A leader held at the gate, and `count` followers queued behind it, in order."""
    gate.shut()
    started = [pool.submit(engine.run, charge("lead", 1))]
    assert gate.reached.wait(10)
    for place in range(count):
        started.append(pool.submit(engine.run, charge(f"f{place}", 1)))
        wait_until(lambda: engine.stats().waiting == len(started))
    return started


def test_what_queues_while_a_commit_is_in_flight_is_the_next_batch(gated: Engine, gate: Gate) -> None:
    with ThreadPoolExecutor(10) as pool:
        before = gated.stats()
        waiting = start_waiting(pool, gated, gate, 8)
        gate.open.set()
        outcomes = [done.result(timeout=10) for done in waiting]

    assert [outcome.entries[0].number for outcome in outcomes] == list(range(2, 11))
    assert gated.stats().batches == before.batches + 2
    assert gated.stats().largest_batch == 8


def test_a_leader_is_answered_before_the_batch_after_his_own_is_worked(gated: Engine, gate: Gate) -> None:
    with ThreadPoolExecutor(10) as pool:
        lead, *others = start_waiting(pool, gated, gate, 3)
        gate.reached.clear()
        gate.open.set()
        gate.open.clear()
        assert gate.reached.wait(10)

        assert lead.result(timeout=10).entries[0].amount == 1
        assert not any(other.done() for other in others)

        gate.open.set()
        assert all(other.result(timeout=10) for other in others)


@pytest.mark.parametrize("step", ["before work", "after load", "after save", "before commit", "after commit"])
def test_a_leader_that_dies_at_any_step_leaves_the_lead_to_the_next(store: Store, step: str) -> None:
    gate = Gate(step)
    watched: Any = WatchedStore(store, gate)
    engine = Engine(watched)
    engine.run(grant("g", 1000))

    with ThreadPoolExecutor(5) as pool:
        lead, *others = start_waiting(pool, engine, gate, 3)
        gate.raises = KeyboardInterrupt()
        gate.open.set()
        with pytest.raises(KeyboardInterrupt):
            lead.result(timeout=10)
        outcomes = [other.result(timeout=10) for other in others]

    assert [outcome.replayed for outcome in outcomes] == [False] * 3
    assert count_spent(engine) == 4, "what was accepted is committed, once"
    again = engine.run(charge("lead", 1))
    assert again.replayed
    assert verify(store).summary == "ok"
    engine.close()


def test_a_follower_that_dies_is_not_handed_the_lead(gated: Engine, gate: Gate) -> None:
    with ThreadPoolExecutor(5) as pool:
        waiting = start_waiting(pool, gated, gate, 2)
        ticket = list(gated.lanes[0].queue)[1]
        signal = ticket.waiters[0]
        gated.lanes[0].abandon(ticket, signal)
        gate.open.set()

        assert waiting[0].result(timeout=10)
        assert waiting[2].result(timeout=10)
        assert ticket.is_done, "it was committed with its neighbour"
        assert isinstance(signal, type(threading.Lock()))
        signal.release()


def test_a_follower_that_dies_with_the_lead_in_his_hand_passes_it_on(gated: Engine) -> None:
    first, second = gated.submit(charge("c1", 1)), gated.submit(charge("c2", 1))
    signal = threading.Lock()
    assert gated.lanes[0].line_up(first, signal)

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(second.wait)
        wait_until(lambda: bool(second.waiters))
        gated.lanes[0].abandon(first, signal)
        assert waiting.result(timeout=10).entries[0].amount == 1

    assert first.wait().entries[0].amount == 1


def test_a_ticket_that_nobody_waits_for_is_committed_with_the_next_batch(gated: Engine) -> None:
    left = gated.submit(charge("left", 1))

    gated.run(charge("next", 1))

    assert left.is_done
    assert count_spent(gated) == 2


def test_what_was_left_is_committed_without_waiting_for_the_next_caller(gated: Engine) -> None:
    async def leave() -> None:
        tasks = [asyncio.create_task(gated.arun(charge(f"c{turn}", 1))) for turn in range(10)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    asyncio.run(leave())

    wait_until(lambda: count_spent(gated) == 10)


def test_a_queue_full_of_tickets_that_nobody_waits_for_empties_itself(gated: Engine) -> None:
    for turn in range(10):
        gated.submit(charge(f"c{turn}", 1))

    with pytest.raises(Overloaded):
        gated.run(charge("over", 1))

    wait_until(lambda: gated.stats().waiting == 0)
    assert count_spent(gated) == 10
    gated.run(charge("over", 1))


def test_256_tasks_are_served_with_one_wake_up_for_each_batch(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine(store)
    engine.run(grant("g", 1000))
    before = engine.stats().batches
    wake_ups = 0

    async def spend() -> list[Outcome]:
        loop = asyncio.get_running_loop()
        wake = loop.call_soon_threadsafe

        def count(*arguments: Any, **more: Any) -> Any:
            nonlocal wake_ups
            wake_ups += 1
            return wake(*arguments, **more)

        monkeypatch.setattr(loop, "call_soon_threadsafe", count)
        return await asyncio.gather(*(engine.arun(charge(f"c{turn}", 1)) for turn in range(256)))

    outcomes = asyncio.run(spend())

    assert sorted(outcome.entries[0].balance_after for outcome in outcomes) == list(range(744, 1000))
    assert wake_ups == engine.stats().batches - before
    engine.close()


@pytest.mark.parametrize("cancelled", [0, 1, 3])
def test_a_cancelled_await_takes_nothing_back_and_wedges_nothing(gated: Engine, gate: Gate, cancelled: int) -> None:
    async def spend() -> list[Outcome | BaseException]:
        gate.shut()
        tasks = [asyncio.create_task(gated.arun(charge(f"c{turn}", 1))) for turn in range(6)]
        await asyncio.to_thread(gate.reached.wait, 10)
        late = asyncio.create_task(gated.arun(charge("late", 1)))
        await asyncio.sleep(0)
        tasks[cancelled].cancel()
        late.cancel()
        await asyncio.sleep(0)
        gate.open.set()
        return await asyncio.gather(
            *tasks, late, asyncio.create_task(gated.arun(charge("after", 1))), return_exceptions=True
        )

    answers = asyncio.run(asyncio.wait_for(spend(), 20))

    gone = [place for place, answer in enumerate(answers) if isinstance(answer, asyncio.CancelledError)]
    assert gone == [cancelled, 6]
    assert all(isinstance(answer, Outcome) for place, answer in enumerate(answers) if place not in gone)
    gated.run(charge("c0", 1))
    assert count_spent(gated) == 8, "the cancelled ones were committed too"


def test_a_thread_and_a_coroutine_hand_the_lead_to_each_other(engine: Engine) -> None:
    engine.run(grant("g", 1000))

    async def spend() -> list[Outcome]:
        return await asyncio.gather(*(engine.arun(charge(f"a{turn}", 1)) for turn in range(30)))

    def spend_in_thread(thread: int) -> None:
        for turn in range(10):
            engine.run(charge(f"t{thread}-{turn}", 1))

    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(spend_in_thread, thread) for thread in range(3)]
        asyncio.run(asyncio.wait_for(spend(), 20))
        for done in running:
            done.result(timeout=20)

    assert count_spent(engine) == 60


def test_an_event_loop_that_is_closed_while_its_task_waits_harms_nobody(gated: Engine, gate: Gate) -> None:
    loop = asyncio.new_event_loop()
    with ThreadPoolExecutor(2) as pool:
        lead, follower = start_waiting(pool, gated, gate, 1)
        task = loop.create_task(gated.arun(charge("gone", 1)))
        loop.run_until_complete(asyncio.sleep(0.01))
        loop.close()
        gate.open.set()

        assert lead.result(timeout=10)
        assert follower.result(timeout=10)
        gated.run(charge("after", 1))

    assert count_spent(gated) == 4
    # A task of a closed loop cannot end; asyncio would complain of it when it is collected.
    task._log_destroy_pending = False  # type: ignore[attr-defined]


def test_a_full_queue_is_overloaded_and_says_so(gated: Engine, gate: Gate) -> None:
    with ThreadPoolExecutor(10) as pool:
        waiting = start_waiting(pool, gated, gate, 9)

        with pytest.raises(Overloaded) as share:
            gated.run(charge("over", 1))
        others = [gated.submit(charge("k", 1, f"account-{place}")) for place in range(30)]
        with pytest.raises(Overloaded) as whole:
            gated.submit(charge("k", 1, "one more"))

        gate.open.set()
        assert all(done.result(timeout=10) for done in waiting)

    assert (share.value.waiting, share.value.scope) == (10, "of this account")
    assert (whole.value.waiting, whole.value.scope) == (40, "in this process")
    assert len(others) == 30
    gated.run(charge("over", 1))
    assert count_spent(gated) == 11


def test_what_found_no_place_is_overloaded_alone_among_many(gated: Engine) -> None:
    answers = gated.run_many([charge(f"c{turn}", 1) for turn in range(14)])

    assert [isinstance(answer, Outcome) for answer in answers] == [True] * 10 + [False] * 4
    assert all(isinstance(answer, Overloaded) for answer in answers[10:])


def test_close_waits_for_the_batch_in_flight_and_refuses_what_comes_later(store: Store) -> None:
    gate = Gate()
    watched: Any = WatchedStore(store, gate)
    engine = Engine(watched)
    engine.run(grant("g", 10))

    with ThreadPoolExecutor(4) as pool:
        waiting = start_waiting(pool, engine, gate, 1)
        left = engine.submit(charge("left", 1))
        closing = pool.submit(engine.close)
        wait_until(lambda: engine.lanes[0].is_closed)
        with pytest.raises(LedgerClosed):
            engine.run(charge("late", 1))
        assert not closing.done()
        gate.open.set()
        assert all(done.result(timeout=10) for done in waiting)
        closing.result(timeout=10)

    assert left.wait().entries[0].amount == 1
    engine.close()
    with pytest.raises(LedgerClosed):
        engine.read_wallet("acme", CREDITS)


def test_busy_reaches_everyone_in_the_batch_and_nobody_after_it(gated: Engine, gate: Gate) -> None:
    gate.step = "before work"
    with ThreadPoolExecutor(5) as pool:
        waiting = start_waiting(pool, gated, gate, 0)
        gate.raises = Busy(what="the database", seconds=2)
        gate.open.set()
        with pytest.raises(Busy):
            waiting[0].result(timeout=10)

    assert gated.run(charge("lead", 1)).replayed is False


INTERRUPTED = """
import os, signal, threading
from farthing.values.amounts import Unit
from farthing.engine.engine import Engine
from farthing.store.memory import MemoryStore
from tests.races.asking import charge, grant
from tests.races.books import CREDITS
from tests.races.faults import WatchedStore
from tests.races.gates import Gate, wait_until

store, gate = MemoryStore(), Gate()
store.add_units([CREDITS])
engine = Engine(WatchedStore(store, gate))
engine.run(grant("g", 1000))

def interrupt():
    wait_until(lambda: engine.stats().waiting == 2)
    os.kill(os.getpid(), signal.SIGINT)

gate.shut()
leader = threading.Thread(target=engine.run, args=(charge("lead", 1),))
leader.start()
gate.reached.wait(10)
threading.Thread(target=interrupt).start()
try:
    engine.run(charge("interrupted", 1))
except KeyboardInterrupt:
    print("interrupted while waiting")
gate.open.set()
leader.join()

gate.shut()
follower = threading.Thread(target=lambda: (gate.reached.wait(10), engine.run(charge("follower", 1))))
follower.start()
threading.Thread(target=interrupt).start()
try:
    engine.run(charge("leading", 1))
except KeyboardInterrupt:
    print("interrupted while leading")
gate.open.set()
follower.join(10)
engine.run(charge("after", 1))
print(engine.read_wallet("acme", CREDITS).spent)
engine.close()
"""


def test_ctrl_c_in_the_main_thread_takes_nothing_back_and_wedges_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", INTERRUPTED], capture_output=True, text=True, timeout=30, check=False
    )

    assert (done.stdout, done.stderr) == ("interrupted while waiting\ninterrupted while leading\n5\n", "")


LEAVES_EARLY = """
import asyncio, threading
from farthing.values.amounts import Unit
from farthing.store.faults import LedgerClosed
from farthing.engine.engine import Engine
from farthing.store.memory import MemoryStore
from tests.races.asking import charge, grant

store = MemoryStore()
store.add_units([Unit(1, "credits", 6, 2)])
engine = Engine(store)
engine.run(grant("g", 1000))
asyncio.run(engine.arun(charge("async", 1)))
def spend_for_ever():
    turn = 0
    while True:
        turn += 1
        try:
            engine.run(charge(f"t{turn}", 0))
        except LedgerClosed:
            return
for _ in range(3):
    threading.Thread(target=spend_for_ever, daemon=True).start()
left = engine.submit(charge("left", 1))
print("leaving")
"""


def test_an_interpreter_that_leaves_without_closing_neither_hangs_nor_complains() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", LEAVES_EARLY], capture_output=True, text=True, timeout=20, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "leaving\n", "")
