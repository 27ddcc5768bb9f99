"""What the processes in the races do; each opens the database for itself. Answers go through a queue or a file."""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from farthing.core.errors import FarthingError
from farthing.engine.engine import Engine
from tests.races.asking import charge, grant
from tests.races.books import open_sqlite


def charge_for(database: Path, account: str, start: Any, seconds: float, answers: Any) -> None:
    """Charge one at a time until the time is over; says how many commits it had."""
    engine = Engine(open_sqlite(database))
    start.wait(20)
    until, turn = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        engine.run(charge(f"c{turn}", 1, account))
        turn += 1
    answers.put(turn)
    engine.close()


def charge_each(database: Path, keys: list[str], threads: int, start: Any, answers: Any) -> None:
    """Charge 1 under each of `keys`, in threads; says (key, replayed, receipt's hash or error's code) of each."""
    engine = Engine(open_sqlite(database))

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


def keep_the_lock(database: Path, locked: Any, done: Any) -> None:
    """Begin a unit of work and sit on it."""
    store = open_sqlite(database)
    with store.work():
        locked.set()
        done.wait(20)


def fork_while_others_wait(database: Path, answers: Any) -> None:
    """Fork while threads of this process are charging; the child charges too, through the engine that it inherited."""
    engine = Engine(open_sqlite(database))
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
