"""`kill -9` in the middle of the work, over and over: nothing acknowledged is lost, nothing is done twice (F1)."""

import os
import random
import time
from pathlib import Path

import pytest

from farthing.audit.verify import verify
from farthing.engine.engine import Engine
from tests.crash.proof import prove, prove_wholeness
from tests.crash.workload import (
    ACCOUNTS,
    check_totals,
    die_at_step,
    last_round,
    name_both,
    read_log,
    run_rounds,
    work_until_killed,
)
from tests.races.books import open_book
from tests.races.faults import STEPS
from tests.races.gates import wait_until
from tests.races.processes import start

KILLED = -9
KILLS = int(os.environ.get("FARTHING_TEST_KILLS", "8"))
"""How often a process is killed at any moment; for a long run, say so in the environment."""


def check(url: str, log: Path, rounds: int) -> None:
    """After a death: the books are in order, and everything acknowledged is there, word for word."""
    both = [(account, name_both(turn, account).key) for turn in range(rounds + 1) for account in ACCOUNTS]
    prove_wholeness(prove(url, read_log(log)), both)


def finish(url: str, log: Path, rounds: int) -> None:
    """Begin again with the same keys and come to the end: what was acknowledged is replayed, the rest is done once."""
    told = read_log(log)
    store = open_book(url)
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


@pytest.mark.parametrize("step", [*STEPS, "in stream"])
def test_a_process_killed_at_a_step_of_its_batches_loses_and_doubles_nothing(
    url: str, tmp_path: Path, step: str
) -> None:
    log, rounds = tmp_path / "acknowledged", 3
    open_book(url).close()

    for turn in (1, 3):
        child = start(die_at_step, url, log, rounds, step, turn)
        child.join(30)
        assert child.exitcode == KILLED, "the step was not reached"
        check(url, log, rounds)

    finish(url, log, rounds)


def test_a_process_killed_at_any_moment_loses_and_doubles_nothing(url: str, tmp_path: Path) -> None:
    log, endless = tmp_path / "acknowledged", 1_000_000
    open_book(url).close()
    dice = random.Random(8)

    for _ in range(KILLS):
        before = log.stat().st_size if log.exists() else 0
        child = start(work_until_killed, url, log, endless)
        wait_until(lambda before=before: log.exists() and log.stat().st_size > before)  # type: ignore[misc]
        time.sleep(dice.uniform(0, 0.06))
        child.kill()
        child.join(30)
        assert child.exitcode == KILLED
        check(url, log, last_round(log))

    finish(url, log, last_round(log) + 3)
