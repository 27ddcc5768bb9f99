"""`kill -9` in the middle of the work, over and over: nothing acknowledged is lost, nothing is done twice (F1)."""

import random
import time
from pathlib import Path

import pytest

from farthing.audit.verify import verify
from farthing.engine.engine import Engine
from tests.crash.workload import check_totals, die_at_step, last_round, read_log, run_rounds, work_until_killed
from tests.races.books import open_sqlite
from tests.races.faults import STEPS
from tests.races.gates import wait_until
from tests.races.processes import start

KILLED = -9


def prove(database: Path, log: Path) -> None:
    """After a death: the books are in order, and everything acknowledged is there, word for word."""
    store = open_sqlite(database)
    assert verify(store).summary == "ok"
    hashes = {history.entry.hash for _, history in store.list_history(None, None, None, None, 1_000_000)}
    assert [place for place, receipt in read_log(log).items() if receipt not in hashes] == [], "acknowledged, and gone"
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
        prove(database, log)

    finish(database, log, rounds)


def test_a_process_killed_at_any_moment_loses_and_doubles_nothing(tmp_path: Path) -> None:
    database, log, endless = tmp_path / "killed.db", tmp_path / "acknowledged", 1_000_000
    open_sqlite(database).close()
    dice = random.Random(8)

    for _ in range(20):
        before = log.stat().st_size if log.exists() else 0
        child = start(work_until_killed, database, log, endless)
        wait_until(lambda before=before: log.exists() and log.stat().st_size > before)  # type: ignore[misc]
        time.sleep(dice.uniform(0, 0.06))
        child.kill()
        child.join(30)
        assert child.exitcode == KILLED
        prove(database, log)

    finish(database, log, last_round(log) + 3)
