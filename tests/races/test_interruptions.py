"""What a handler of signals raises in the leader, wherever it strikes: the leader's alone, and nobody is kept out."""

import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from farthing.audit.verify import verify
from farthing.core.decide import Decision
from farthing.engine.batch import Batch
from farthing.engine.engine import Engine
from farthing.store import sqlite_connections, sqlite_lock
from farthing.store.contract import Store
from farthing.store.faults import Busy
from farthing.values.entries import Entry
from farthing.values.requests import Request
from farthing.values.wallets import Account
from tests.races.asking import charge, grant
from tests.races.books import CREDITS, open_sqlite
from tests.races.faults import STEPS, WatchedStore
from tests.races.gates import Gate, wait_until

# A file that was just being closed when it struck is closed by the garbage collector, which says so.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


class Interrupted(BaseException):
    """What Ctrl-C raises is of this kind."""


class TimeLimit(Exception):
    """What a soft limit raises is of this kind."""


def count_calls(error: type[BaseException], at: int) -> Any:
    """A tracer that raises once, where the `at`-th line or call of the store's writing is about to run."""
    left = at

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal left
        name = frame.f_code.co_filename
        if name not in (sqlite_connections.__file__, sqlite_lock.__file__, sqlite_connections.WITH_STATEMENTS):
            return None
        if event in ("call", "line"):
            left -= 1
            if not left:
                raise error
        return trace

    return trace


@pytest.mark.parametrize("error", [Interrupted, TimeLimit])
def test_wherever_it_strikes_in_taking_and_leaving_the_gate_the_next_gets_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    monkeypatch.setattr(sqlite_connections, "LONGEST_WAIT_SECONDS", 0.2)
    engine, beside = Engine(open_sqlite(tmp_path / "a.db")), Engine(open_sqlite(tmp_path / "a.db"))
    engine.run(grant("g", 1000))
    struck = 0
    with ThreadPoolExecutor(1) as pool:
        for at in range(1, 400):
            sys.settrace(count_calls(error, at))
            try:
                engine.run(charge(f"c{at}", 1))
            except error:
                struck += 1
            else:
                break
            finally:
                sys.settrace(None)
            assert pool.submit(engine.run, charge(f"t{at}", 1)).result(timeout=10), f"another thread, after {at}"
            assert beside.run(charge(f"b{at}", 1)), f"another process, after {at}"
    assert struck > 60
    assert engine.read_wallet("acme", CREDITS).spent == 3 * struck + 1
    assert verify(engine.store).summary == "ok"
    engine.close()
    beside.close()


def test_a_handler_that_writes_or_closes_above_the_call_that_has_the_gate_takes_nothing_from_it(
    tmp_path: Path,
) -> None:
    store: Any = open_sqlite(tmp_path / "a.db")

    with store.connections.writing() as cursor:
        with pytest.raises(Busy), store.connections.writing():
            pass
        store.connections.close()
        assert cursor.connection.in_transaction

    assert store.connections.turn is None
    store.close()


def test_a_query_that_was_broken_off_does_not_go_on_reading_while_its_traceback_lives(tmp_path: Path) -> None:
    store: Any = open_sqlite(tmp_path / "a.db")

    def break_off() -> None:
        with store.connections.writing() as cursor:
            assert cursor.execute("SELECT name FROM sqlite_master").fetchone()
            raise TimeLimit

    with pytest.raises(TimeLimit) as kept:
        break_off()
    store.connections.checkpoint_at = 0

    with store.connections.writing():
        assert kept.tb is not None, "the log could be begun anew, which waits for who still reads"
    store.close()


@pytest.mark.parametrize("step", STEPS)
def test_only_the_leader_gets_what_was_raised_in_him(store: Store, step: str) -> None:
    gate = Gate("before commit")
    watched: Any = WatchedStore(store, gate)
    engine = Engine(watched)
    engine.run(grant("g", 1000))
    with ThreadPoolExecutor(4) as pool:
        gate.shut()
        first = pool.submit(engine.run, charge("first", 1))
        assert gate.reached.wait(10)
        later = [pool.submit(engine.run, charge(f"c{place}", 1)) for place in range(3)]
        wait_until(lambda: engine.stats().waiting == 4)
        strike: list[BaseException] = [TimeLimit()]

        def raise_once(reached: str) -> None:
            gate(reached)
            if reached == step and first.done() and strike:
                raise strike.pop()

        watched.hook = raise_once
        gate.open.set()
        assert first.result(timeout=10)
        wait_until(lambda: all(one.done() for one in later))

    struck = [one for one in later if one.exception() is not None]
    assert len(struck) <= 1, "one leads"
    assert all(isinstance(one.exception(), TimeLimit) for one in struck)
    assert not any(one.result().replayed for one in later if one not in struck), "a receipt stays a first receipt"
    assert engine.read_wallet("acme", CREDITS).spent == 4
    assert verify(store).summary == "ok"
    engine.close()


def test_what_strikes_in_the_midst_of_deciding_leaves_nothing_half_taken_over(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.run(grant("g", 1000))
    collect, strike = Batch.collect, [TimeLimit()]

    def collect_half(batch: Batch, before: Account, request: Request, decision: Decision) -> list[Entry]:
        if strike:
            batch.changes.wallets.update({(before.account_id, unit): one for unit, one in decision.wallets.items()})
            raise strike.pop()
        return collect(batch, before, request, decision)

    monkeypatch.setattr(Batch, "collect", collect_half)
    with pytest.raises(TimeLimit):
        engine.run(charge("c", 1))

    assert engine.read_wallet("acme", CREDITS).spent == 1, "it was accepted"
    assert engine.run(charge("c", 1)).replayed


def test_a_bug_that_comes_each_time_reaches_every_caller_in_the_end(store: Store) -> None:
    def fail(step: str) -> None:
        if step == "before save" and is_broken:
            raise ValueError("a bug")

    watched: Any = WatchedStore(store, fail)
    engine = Engine(watched)
    is_broken = False
    engine.run(grant("g", 1000))
    is_broken = True
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(engine.run, charge(f"c{place}", 1)) for place in range(4)]
        assert all(isinstance(one.exception(timeout=10), ValueError) for one in asked)
    is_broken = False
    assert engine.run(charge("c0", 1)).replayed is False
    engine.close()


@contextmanager
def alarmed(seconds: float) -> Iterator[None]:
    """Raise `TimeLimit` in this thread after so long."""
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def test_no_thread_sees_the_time_limit_of_another(tmp_path: Path) -> None:
    engine = Engine(open_sqlite(tmp_path / "a.db"))
    engine.run(grant("g", 100_000))
    met: list[BaseException] = []
    is_over = threading.Event()

    def spend(thread: int) -> None:
        turn = 0
        while not is_over.is_set():
            turn += 1
            try:
                assert not engine.run(charge(f"t{thread}-{turn}", 1)).replayed
            except Exception as error:
                met.append(error)

    def limit(*_: object) -> None:
        raise TimeLimit

    before = signal.signal(signal.SIGALRM, limit)
    threads = [threading.Thread(target=spend, args=(thread,)) for thread in range(3)]
    for thread in threads:
        thread.start()
    try:
        for turn in range(400):
            with suppress(TimeLimit), alarmed(0.0005 + turn % 100 * 0.00003):
                engine.run(charge(f"m{turn}", 1))
    finally:
        is_over.set()
        for thread in threads:
            thread.join(20)
        signal.signal(signal.SIGALRM, before)
    assert met == []
    assert verify(engine.store).summary == "ok"
    engine.close()
