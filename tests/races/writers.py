"""What the processes in the races do; each opens the database for itself. Answers go through a queue or a file."""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from farthing.engine.engine import Engine
from farthing.engine.options import Settings
from farthing.engine.tickets import Outcome
from farthing.values.errors import FarthingError
from farthing.values.requests import Charge, Request
from tests.races.asking import charge, grant
from tests.races.books import open_book


def charge_for(url: str, account: str, start: Any, seconds: float, answers: Any) -> None:
    """Charge one at a time until the time is over; says how many commits it had."""
    engine = Engine(open_book(url))
    start.wait(20)
    until, turn = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        engine.run(charge(f"c{turn}", 1, account))
        turn += 1
    answers.put(turn)
    engine.close()


def charge_crowded(url: str, name: str, threads: int, start: Any, seconds: float, answers: Any) -> None:
    """Charge one account from many threads until the time is over; says how many charges were acknowledged."""
    engine = Engine(open_book(url))
    start.wait(20)
    until = time.monotonic() + seconds

    def spend(thread: int) -> int:
        turn = 0
        while time.monotonic() < until:
            engine.run(charge(f"{name}-{thread}-{turn}", 1))
            turn += 1
        return turn

    with ThreadPoolExecutor(threads) as pool:
        answers.put(sum(pool.map(spend, range(threads))))
    engine.close()


def write_new(url: str, batches: list[list[Request]], start: Any, answers: Any) -> None:
    """Ask for these batches, each when the other servers begin with theirs; says what each request was answered: the
    account's key and id, or an error's code."""
    engine = Engine(open_book(url), settings=Settings(lanes=1))
    told = []
    for batch in batches:
        for request in batch:
            if isinstance(request, Charge):
                engine.store.intern_name(request.feature_text)
        start.wait(20)
        for one in engine.run_many(batch):
            told.append((one.account.key, one.account.account_id) if isinstance(one, Outcome) else one.code)
    answers.put(told)
    engine.close()


def charge_each(url: str, keys: list[str], threads: int, start: Any, answers: Any) -> None:
    """Charge 1 under each of `keys`, in threads; says (key, replayed, receipt's hash or error's code) of each."""
    engine = Engine(open_book(url))

    def spend(key: str) -> tuple[str, bool, str]:
        try:
            outcome = engine.run(charge(key, 1))
        except FarthingError as no:
            return key, False, no.code
        return key, outcome.replayed, outcome.entries[0].hash.hex()

    start.wait(20)
    with ThreadPoolExecutor(threads) as pool:
        answers.put(list(pool.map(spend, keys)))
    engine.close()


def keep_the_lock(url: str, locked: Any, done: Any) -> None:
    """Begin a unit of work on the account and sit on it."""
    store = open_book(url)
    with store.work() as work:
        work.load([charge("kept", 1)], 0)
        locked.set()
        done.wait(20)
    store.close()


def fork_while_others_wait(url: str, answers: Any) -> None:
    """Fork while threads of this process are charging; the child charges too, through the engine that it inherited."""
    engine = Engine(open_book(url))
    engine.run(grant("g", 100_000))
    stop = threading.Event()

    def spend(thread: int) -> int:
        turn = 0
        while not stop.is_set():
            engine.run(charge(f"t{thread}-{turn}", 1))
            turn += 1
        return turn

    with ThreadPoolExecutor(4) as pool:
        spending = [pool.submit(spend, thread) for thread in range(4)]
        codes = [in_child(partial(spend_in_child, engine, child)) for child in range(5)]
        stop.set()
        spent = sum(done.result(timeout=20) for done in spending)
    answers.put((codes, spent, engine.run(charge("c0-0", 1)).replayed))
    engine.close()


def spend_in_child(engine: Engine, child: int) -> None:
    """What a forked child does with the engine that it found."""
    for turn in range(5):
        if engine.run(charge(f"c{child}-{turn}", 1)).replayed:
            raise RuntimeError("a key of this child was taken already")
    engine.close()


def in_child(work: Callable[[], None]) -> int:
    """Do `work` in a forked child; says how that ended, 0 being well."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    until = time.monotonic() + 20
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return -1
