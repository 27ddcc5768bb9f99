"""The race of lanes with each other: one account has one lane, and no lane waits for another."""

import asyncio
import gc
import linecache
import random
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import FrameType
from typing import Any

import pytest

from farthing.audit.verify import verify
from farthing.engine import aside, collector, lane
from farthing.engine.collector import PAUSE, pause_collector
from farthing.engine.engine import Engine
from farthing.engine.lanes import find_lane
from farthing.engine.options import Settings
from farthing.engine.tickets import Outcome
from farthing.store.contract import Store
from farthing.store.faults import Busy, LedgerClosed, Overloaded
from farthing.values.errors import FarthingError
from tests.races.asking import charge, grant, hold, settle
from tests.races.books import CREDITS
from tests.races.gates import Gate, wait_until
from tests.races.locks import LockingStore

ACCOUNTS = [f"account-{place}" for place in range(24)]


@pytest.fixture
def laned(store: Store) -> Iterator[Engine]:
    """Three lanes on a store that has one writer at a time: it must work, if not well."""
    engine = Engine(store, settings=Settings(lanes=3, largest_batch=8))
    for account in ACCOUNTS:
        engine.run(grant("g", 1000, account))
    yield engine
    assert verify(store).summary == "ok"
    engine.close()


def pick_accounts(engine: Engine) -> list[str]:
    """An account of each lane, in the order of the lanes."""
    by_lane = {find_lane(engine.lanes, charge("c", 1, account)): account for account in ACCOUNTS}
    return [by_lane[each] for each in engine.lanes]


def test_an_account_has_one_lane_by_its_key_and_by_the_place_of_its_hold(laned: Engine) -> None:
    for account in ACCOUNTS:
        held = laned.run(hold("h", 1, account))
        assert find_lane(laned.lanes, settle("s", held, 1)) is find_lane(laned.lanes, charge("c", 1, account))

    assert len({find_lane(laned.lanes, charge("c", 1, account)) for account in ACCOUNTS}) == 3


def test_many_at_once_are_answered_in_their_order_from_all_lanes(laned: Engine) -> None:
    requests = [charge(f"c{turn}", 1 + turn % 7, random.Random(turn).choice(ACCOUNTS)) for turn in range(300)]
    requests[77] = charge("much", 5000, ACCOUNTS[3])

    answers = laned.run_many(requests)
    again = asyncio.run(laned.arun_many(requests))

    amounts = [answer.entries[0].amount if isinstance(answer, Outcome) else None for answer in answers]
    assert amounts == [None if place == 77 else 1 + place % 7 for place in range(300)]
    assert [isinstance(answer, Outcome) and answer.replayed for answer in again] == [
        place != 77 for place in range(300)
    ]
    assert not laned.run_many([])


@pytest.fixture
def paired() -> Iterator[tuple[Engine, LockingStore, list[str]]]:
    """Two lanes over a store that locks by account, and an account in each."""
    store = LockingStore(lanes=2)
    engine = Engine(store)
    for account in ACCOUNTS:
        engine.run(grant("g", 1000, account))
    yield engine, store, pick_accounts(engine)
    engine.close()
    store.closed = False
    assert verify(store).summary == "ok"


def test_two_batches_of_one_caller_are_under_way_at_once(paired: tuple[Engine, LockingStore, list[str]]) -> None:
    engine, store, (first, second) = paired
    met = threading.Barrier(2)
    store.hook = lambda step: None if step != "before lock" else (met.wait(timeout=10), None)[1]

    for turn in range(10):
        answers = engine.run_many([charge(f"a{turn}", 1, first), charge(f"b{turn}", 1, second)])
        assert all(isinstance(answer, Outcome) for answer in answers)
        answers = asyncio.run(engine.arun_many([charge(f"c{turn}", 1, second), charge(f"d{turn}", 1, first)]))
        assert all(isinstance(answer, Outcome) for answer in answers)

    assert not met.broken


def test_a_lane_that_stands_still_holds_up_no_other_and_both_are_closed(
    paired: tuple[Engine, LockingStore, list[str]],
) -> None:
    engine, store, (first, second) = paired
    gate = Gate("before lock")
    with ThreadPoolExecutor(2) as pool:
        gate.shut()
        store.hook = gate
        still = pool.submit(engine.run, charge("c", 1, first))
        assert gate.reached.wait(10)
        store.hook = lambda step: None
        for turn in range(20):
            assert engine.run(charge(f"c{turn}", 1, second))
        assert engine.stats().waiting == 1
        closing = pool.submit(engine.close)
        wait_until(lambda: all(each.is_closed for each in engine.lanes))
        with pytest.raises(LedgerClosed):
            engine.run_many([charge("late", 1, account) for account in ACCOUNTS])
        assert not closing.done()
        gate.open.set()
        assert still.result(timeout=10).entries
        closing.result(timeout=10)


def test_lanes_that_close_while_many_are_entered_answer_each_of_them(
    paired: tuple[Engine, LockingStore, list[str]],
) -> None:
    engine, _, (first, second) = paired
    find_lane(engine.lanes, charge("c", 1, second)).is_closed = True

    answers = engine.run_many([charge("c", 1, second), charge("c", 1, first), charge("d", 1, second)])

    assert [type(answer) for answer in answers] == [LedgerClosed, Outcome, LedgerClosed]


def test_the_places_of_the_queue_are_divided_among_the_lanes(paired: tuple[Engine, LockingStore, list[str]]) -> None:
    _, store, (first, second) = paired
    engine = Engine(store, settings=Settings(largest_queue=20))

    answers = engine.run_many([charge(f"over{turn}", 1, first) for turn in range(7)])
    assert [type(answer) for answer in answers] == [Outcome] * 5 + [Overloaded] * 2
    for turn in range(5):
        engine.submit(charge(f"c{turn}", 1, first))
        engine.submit(charge(f"c{turn}", 1, second))
    with pytest.raises(Overloaded) as share:
        engine.submit(charge("over", 1, first))
    assert share.value.waiting == 5
    wait_until(lambda: not engine.lanes[0].queue)
    engine.close()


@pytest.mark.parametrize("lanes", [1, 2, 3])
def test_accounts_locked_and_unlocked_at_random_lose_and_double_nothing(
    lanes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aside, "LONGEST_WAIT_SECONDS", 0.05)
    store = LockingStore(lanes=lanes)
    store.longest_wait = 0.05
    engine = Engine(store, settings=Settings(threads_aside=3, largest_batch=16))
    accounts = ACCOUNTS[:8]
    for account in accounts:
        engine.run(grant("g", 100_000, account))
    until = time.monotonic() + 1.2
    spent: dict[str, int] = dict.fromkeys(accounts, 0)
    adding, met = threading.Lock(), set()

    def note(account: str, answer: object) -> None:
        with adding:
            if isinstance(answer, Outcome):
                assert not answer.replayed
                spent[account] += 1
            else:
                met.add(type(answer))

    def spend(thread: int) -> None:
        dice, turn = random.Random(thread), 0
        while time.monotonic() < until:
            turn += 1
            asked = [dice.choice(accounts) for _ in range(dice.choice([1, 1, 20]))]
            requests = [charge(f"t{thread}-{turn}-{place}", 1, account) for place, account in enumerate(asked)]
            for account, answer in zip(asked, engine.run_many(requests), strict=True):
                note(account, answer)

    async def spend_in_tasks() -> None:
        async def ask(task: int) -> None:
            dice, turn = random.Random(-task), 0
            while time.monotonic() < until:
                turn += 1
                account = dice.choice(accounts)
                try:
                    note(account, await engine.arun(charge(f"a{task}-{turn}", 1, account)))
                except FarthingError as error:
                    note(account, error)

        await asyncio.gather(*map(ask, range(6)))

    def lock_at_random(seed: int) -> None:
        dice = random.Random(seed)
        while time.monotonic() < until:
            with store.keep_locked(dice.choice(accounts)):
                time.sleep(dice.choice([0.001, 0.01, 0.1]))

    with ThreadPoolExecutor(9) as pool:
        running = [pool.submit(spend, thread) for thread in range(5)]
        running += [pool.submit(lock_at_random, seed) for seed in range(3)]
        running.append(pool.submit(asyncio.run, spend_in_tasks()))
        for done in running:
            done.result(timeout=20)

    assert met <= {Busy}
    assert {account: engine.read_wallet(account, CREDITS).spent for account in accounts} == spent
    assert sum(spent.values()) > 100
    assert engine.stats().waiting == 0
    engine.close()
    store.closed = False
    assert verify(store).summary == "ok"


def strike_at(at: int, state: dict[str, Any]) -> Any:
    """A tracer that raises once, where the `at`-th line of the lane, or of what is aside, is about to run. Not at the
    end of a `with`, where no handler of signals runs either before the lock is released."""
    left = at
    files = {lane.__file__, aside.__file__}

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal left
        if frame.f_code.co_filename not in files:
            return None
        if event == "line":
            left -= 1
            if left <= 0 and "struck" not in state:
                home = frame.f_locals.get("self")
                held = getattr(home, "lock", None) or getattr(getattr(home, "home", None), "lock", None)
                if not (held is not None and held.locked() and is_with_line(frame)):
                    state["struck"] = f"{frame.f_code.co_name}:{frame.f_lineno}"
                    raise KeyboardInterrupt
        return trace

    return trace


def is_with_line(frame: FrameType) -> bool:
    return linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip().startswith("with ")


def test_wherever_a_leader_is_broken_off_nobody_is_left_behind_in_the_lane_or_aside() -> None:
    struck: list[str] = []
    for at in range(1, 1000):
        store = LockingStore()
        engine = Engine(store)
        for account in ("stuck", "acme"):
            engine.run(grant("g", 10, account))
        state: dict[str, Any] = {}
        with store.keep_locked("stuck"):
            tickets = [engine.submit(charge("c", 1, "stuck")), engine.submit(charge("d", 1, "stuck"))]
            sys.settrace(strike_at(at, state))
            try:
                with suppress(KeyboardInterrupt):
                    engine.run(charge("beside", 1))
            finally:
                sys.settrace(None)
            with ThreadPoolExecutor(1) as pool:
                assert pool.submit(engine.run, charge("after", 1)).result(timeout=5), state
        with ThreadPoolExecutor(2) as pool:
            outcomes = [pool.submit(ticket.wait).result(timeout=5) for ticket in tickets]
        assert not any(outcome.replayed for outcome in outcomes), state
        assert engine.read_wallet("acme", CREDITS).spent in (1, 2)
        engine.close()
        store.closed = False
        assert verify(store).summary == "ok"
        if not state:
            break
        struck.append(state["struck"])
    assert len(struck) > 80
    assert any(place.startswith("form_groups") for place in struck)


def test_the_collector_is_on_again_once_no_batch_is_under_way_and_off_while_one_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gc.collect()  # What tests of interruptions left behind, in cycles of frames, has its place until then.
    assert gc.isenabled()
    with pause_collector():
        with pause_collector():
            assert not gc.isenabled()
        assert not gc.isenabled(), "the other one is still under way"
    assert gc.isenabled()

    monkeypatch.setattr(collector, "LONGEST_PAUSE_SECONDS", 0)
    with pause_collector():
        with pause_collector():
            pass
        assert gc.isenabled(), "batches that overlap for ever do not keep it off for ever"
    gc.disable()
    try:
        with pause_collector():
            pass
        assert not gc.isenabled(), "who turned it off before is left in peace"
    finally:
        gc.enable()
    assert PAUSE.count == 0


def test_a_batch_that_never_ended_does_not_keep_the_collector_off_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    gc.collect()
    PAUSE.begin()
    monkeypatch.setattr(collector, "COUNTED_ANEW_SECONDS", 0)

    with pause_collector():
        assert not gc.isenabled()

    assert gc.isenabled()
    assert PAUSE.count == 0
