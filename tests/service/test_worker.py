"""The worker runs jobs at its interval, waits while the database is away and says so once, and goes when it is told."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import farthing
from farthing.service import worker
from farthing.service.jobs import JOBS, run_job
from farthing.service.worker import Bell, Event, Ran, Returned, Waits, work_on
from farthing.store.faults import ClockDisagrees, DatabaseAway
from farthing.values.errors import Misconfigured, TermInvalid
from tests.postgres.databases import open_prepared
from tests.postgres.server import run_server
from tests.races.books import open_book
from tests.races.gates import wait_until
from tests.service.forty_days import DAY, open_played

FARTHING = Path(sys.executable).with_name("farthing")
ENOUGH_SECONDS = 20
TIDYING = ("tidy", "reset_monthly_usage")
"""What fell due is written down by the one of these that comes first."""


@pytest.fixture
def played(tmp_path):
    with open_played("memory", tmp_path) as opened:
        opened.begin()
        opened.clock.advance(20 * DAY)
        yield opened


def test_it_runs_at_once_and_again_at_its_interval_until_the_bell(played):
    told: list[Event] = []
    began = time.monotonic()

    with Bell() as bell:

        def tell(event: Event) -> None:
            told.append(event)
            if len(told) == 3:
                bell.ring()

        work_on(played.engine, bell, tell, every_seconds=1, jobs=["tidy"])

    took = time.monotonic() - began
    assert [event.summary.seen > 0 for event in told if isinstance(event, Ran)] == [True, False, False]
    assert 2 <= took < 3, "the third round begins after two intervals, and the bell is heard at once"


def test_a_round_runs_every_job_once_in_their_order(played):
    told: list[Event] = []

    with Bell() as bell:

        def tell(event: Event) -> None:
            told.append(event)
            if len(told) == len(JOBS):
                bell.ring()

        work_on(played.engine, bell, tell)

    assert [event.summary.job for event in told if isinstance(event, Ran)] == list(JOBS)


def test_the_bell_ends_a_sleep_at_once(played):
    with Bell() as bell:
        threading.Timer(0.2, bell.ring).start()
        began = time.monotonic()

        work_on(played.engine, bell, lambda event: None, every_seconds=600)

    assert time.monotonic() - began < 5


def test_the_bell_ends_a_run_after_the_batch_in_hand(played, monkeypatch):
    monkeypatch.setattr("farthing.service.jobs.LARGEST_BATCH", 10)
    told: list[Event] = []
    whole = played.engine.run_many

    with Bell() as bell:

        def run_many(requests: Any) -> Any:
            bell.ring()
            return whole(requests)

        monkeypatch.setattr(played.engine, "run_many", run_many)
        work_on(played.engine, bell, told.append)

    assert [(event.summary.done, event.summary.is_whole) for event in told if isinstance(event, Ran)] == [(10, False)]


def test_a_bell_may_be_rung_twice_and_after_it_was_put_away():
    bell = Bell()
    bell.ring()
    bell.ring()
    with bell:
        began = time.monotonic()
        bell.wait(600)
    bell.ring()

    assert time.monotonic() - began < 1


def test_a_database_that_is_away_is_waited_for_and_said_once(played, monkeypatch):
    monkeypatch.setattr(worker, "FIRST_WAIT_SECONDS", 0.01)
    told: list[Event] = []
    tries: list[float] = []

    def run(*arguments: Any, **options: Any) -> Any:
        tries.append(time.monotonic())
        if len(tries) < 6:
            raise DatabaseAway(place="the database", problem="gone")
        return run_job(*arguments, **options)

    monkeypatch.setattr(worker, "run_job", run)
    with Bell() as bell:

        def tell(event: Event) -> None:
            told.append(event)
            if isinstance(event, Ran):
                bell.ring()

        work_on(played.engine, bell, tell)

    assert [type(event) for event in told] == [Waits, Returned, Ran]
    assert len(tries) == 6
    waits = [after - before for before, after in pairwise(tries)]
    assert all(wait >= 0.01 * 2**place for place, wait in enumerate(waits)), "each wait is twice as long"


def test_the_bell_ends_the_waiting_for_a_database(played, monkeypatch):
    def run(*arguments: Any, **options: Any) -> Any:
        raise DatabaseAway(place="the database", problem="gone")

    monkeypatch.setattr(worker, "run_job", run)
    told: list[Event] = []
    with Bell() as bell:
        threading.Timer(0.2, bell.ring).start()
        began = time.monotonic()

        work_on(played.engine, bell, told.append)

    assert time.monotonic() - began < 5
    assert [type(event) for event in told] == [Waits]


def test_what_an_operator_must_act_on_ends_it(played, monkeypatch):
    def run(*arguments: Any, **options: Any) -> Any:
        raise ClockDisagrees(clocks="two clocks", seconds=90_000)

    monkeypatch.setattr(worker, "run_job", run)
    with Bell() as bell, pytest.raises(Misconfigured):
        work_on(played.engine, bell, lambda event: None)


@pytest.mark.parametrize("seconds", [0, -1, 1.5, 7 * 86_400 + 1])
def test_an_interval_that_is_none_is_refused(played, seconds):
    with Bell() as bell, pytest.raises(TermInvalid, match="interval"):
        work_on(played.engine, bell, lambda event: None, every_seconds=seconds)


def test_an_unknown_job_is_refused_before_anything_runs(played):
    with Bell() as bell, pytest.raises(TermInvalid, match="did you mean tidy"):
        work_on(played.engine, bell, lambda event: None, jobs=["tidy", "tidi"])

    assert played.tidy().seen > 0


@contextmanager
def run_worker(url: str, *arguments: str) -> "Iterator[subprocess.Popen[str]]":
    """`farthing worker` in a process of its own, which is ended at the latest when the block is left."""
    command = [str(FARTHING), "worker", "--every", "1", "--db", url, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean_environ())
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def clean_environ() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("FARTHING_")}


def read_event(process: "subprocess.Popen[str]") -> dict[str, Any]:
    assert process.stdout is not None
    said: dict[str, Any] = json.loads(process.stdout.readline())
    return said


def test_a_real_worker_tidies_a_real_file_and_leaves_with_0_when_it_is_told(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/credits.db"
    with farthing.open(url, create=True) as ledger:
        ledger.grant("acme", 100)
        ledger.hold("acme", 40, ttl=timedelta(seconds=1))

        with run_worker(url, "--json") as process:
            began = read_event(process)
            while (event := read_event(process))["job"] not in TIDYING or event["done"] == 0:
                pass
            process.send_signal(signal.SIGTERM)
            rest, errors = process.communicate(timeout=ENOUGH_SECONDS)

        assert (began["event"], began["jobs"], began["every_seconds"]) == ("began", list(JOBS), 1)
        assert (event["event"], event["done"]) == ("ran", 1)
        assert [json.loads(line)["event"] for line in rest.splitlines()][-1] == "ended"
        assert (process.returncode, errors) == (0, "")
        assert next(ledger.history("acme")).kind == "timed_out"


def test_ctrl_c_ends_it_the_same_way_and_people_get_a_line_for_each_run(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/credits.db"
    farthing.open(url, create=True).close()

    with run_worker(url) as process:
        assert process.stderr is not None
        lines = [process.stderr.readline() for _ in range(1 + 2 * len(JOBS))]
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=ENOUGH_SECONDS)

    assert (process.returncode, out) == (0, "")
    assert f"{', '.join(JOBS)} every 1 s on sqlite:///" in lines[0]
    assert [line.split("  ", 1)[1].split(", ")[0] for line in lines[1:]] == [
        f"{job}: nothing was due" for job in JOBS
    ] * 2
    assert "told to stop" in errors
    assert "Traceback" not in errors


def test_a_server_that_restarts_is_waited_out() -> None:
    with run_server() as server, open_prepared(server) as database:
        open_book(database.app_url).close()
        with run_worker(database.app_url, "--json") as process:
            events = [read_event(process) for _ in range(2)]
            server.stop("immediate")
            while (event := read_event(process))["event"] == "ran":
                pass
            time.sleep(1.5)
            server.start()
            back, ran = read_event(process), read_event(process)
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=ENOUGH_SECONDS)

    assert [each["event"] for each in events] == ["began", "ran"]
    assert (event["event"], event["code"]) == ("waits", "database_away")
    assert (back["event"], ran["event"]) == ("returned", "ran")
    assert process.returncode == 0


def test_two_workers_at_once_do_no_harm(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/credits.db"
    with farthing.open(url, create=True) as ledger:
        for place in range(40):
            ledger.grant(f"acct-{place}", 100)
            ledger.hold(f"acct-{place}", 40, ttl=timedelta(seconds=2))

        with run_worker(url, "--json") as one, run_worker(url, "--json") as other:
            assert [read_event(process)["event"] for process in (one, other)] == ["began", "began"]
            wait_until(lambda: is_all_timed_out(ledger), ENOUGH_SECONDS)
            for process in (one, other):
                process.send_signal(signal.SIGTERM)
                process.communicate(timeout=ENOUGH_SECONDS)

        assert (one.returncode, other.returncode) == (0, 0)
        assert [line.kind for line in ledger.history()].count("timed_out") == 40
        assert ledger.verify().ok


def is_all_timed_out(ledger: farthing.Ledger) -> bool:
    time.sleep(0.1)
    return [line.kind for line in ledger.history()].count("timed_out") == 40
