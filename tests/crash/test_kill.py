"""`kill -9` in the middle of the work, over and over: nothing acknowledged is lost, nothing is done twice (F1)."""

import random
import time
from pathlib import Path

import pytest

from farthing.engine.engine import Engine
from farthing.engine.verify import verify
from tests.crash.workload import check_totals, die_at_step, read_log, run_rounds, work_until_killed
from tests.races.books import open_sqlite
from tests.races.faults import STEPS
from tests.races.processes import start

KILLED = -9


def prove(database: Path, log: Path, rounds: int) -> None:
    """After a death: the books are in order, and everything acknowledged is there, word for word."""
    store = open_sqlite(database)
    assert verify(store).summary == "ok"
    told = read_log(log)
    for (key, request_key), receipt in told.items():
        account = store.find_account(key)
        assert account is not None, f"{key} was acknowledged and is gone"
        hashes = {history.entry.hash for _, history in store.list_history(account, None, None, None, 10_000)}
        assert receipt in hashes, f"{request_key} of {key} was acknowledged and is gone"
    store.close()


def finish(database: Path, log: Path, rounds: int) -> None:
    """Begin again with the same keys and come to the end: what was acknowledged is replayed, the rest is done once."""
    told = read_log(log)
    store = open_sqlite(database)
    engine = Engine(store)
    answered = {}

    def compare(request: object, outcome: object) -> None:
        key = (outcome.account.key, request.key)  # type: ignore[attr-defined]
        answered[key] = outcome
        if key in told:
            assert outcome.replayed, f"{key} was acknowledged before, and done again"  # type: ignore[attr-defined]
            assert outcome.entries[0].hash == told[key]  # type: ignore[attr-defined]

    run_rounds(engine, rounds, compare)
    assert told.keys() <= answered.keys()
    check_totals(store, rounds)
    assert verify(store).summary == "ok"
    engine.close()


@pytest.mark.parametrize("step", STEPS)
def test_a_process_killed_at_a_step_of_its_batches_loses_and_doubles_nothing(tmp_path: Path, step: str) -> None:
    database, log, rounds = tmp_path / "killed.db", tmp_path / "acknowledged", 3
    open_sqlite(database).close()

    for turn in (1, 2, 3):
        child = start(die_at_step, database, log, rounds, step, turn)
        child.join(30)
        assert child.exitcode == KILLED, "the step was not reached"
        prove(database, log, rounds)

    finish(database, log, rounds)


def test_a_process_killed_at_any_moment_loses_and_doubles_nothing(tmp_path: Path) -> None:
    database, log, rounds = tmp_path / "killed.db", tmp_path / "acknowledged", 150
    open_sqlite(database).close()
    dice = random.Random(8)
    deaths = 0

    for _ in range(20):
        before = len(read_log(log))
        child = start(work_until_killed, database, log, rounds)
        until = time.monotonic() + 20
        while len(read_log(log)) == before and child.is_alive() and time.monotonic() < until:
            time.sleep(0.002)
        time.sleep(dice.uniform(0, 0.1))
        child.kill()
        child.join(30)
        deaths += child.exitcode == KILLED
        prove(database, log, rounds)

    assert deaths >= 10, "it came to its end too early to be killed"
    finish(database, log, rounds)
