"""Jobs from the command line: listed, run once, run by the worker; a summary each, and the exit code 0."""

import re
import signal
import threading

import pytest

from farthing.cli import worker
from farthing.cli.databases import open_ledger
from farthing.cli.jobs import describe_summary
from farthing.service.jobs import JOBS, Summary
from tests.cli.test_refusals import refuse


def test_jobs_are_listed_with_what_they_do(bare):
    lines = bare("jobs", "list").out.splitlines()

    assert lines[0].split() == ["job", "what", "it", "does"]
    assert lines[1].split(maxsplit=1)[0] == "tidy"
    assert lines[1].split(maxsplit=1)[1].startswith("Writes down what fell due in idle wallets")
    assert [job["name"] for job in bare.ask("jobs", "list")] == list(JOBS)


def test_a_job_is_run_once(anywhere):
    anywhere("init")
    anywhere("grant", "acme", "100")
    anywhere("hold", "acme", "40", "--ttl", "1s")
    anywhere("grant", "umbrella", "5", "--expires-in", "1s")
    threading.Event().wait(1.1)

    first = anywhere("jobs", "run", "tidy")
    second = anywhere("jobs", "run", "all")

    assert (first.code, first.err, second.code, second.err) == (0, "", 0, "")
    assert first.out.startswith("tidy: 2 wallets brought up to date, 0.")
    assert [line.split(", ")[0] for line in second.out.splitlines()] == [
        f"{job}: nothing was due" if job != "rollup" else "rollup: 7 entries done" for job in JOBS
    ]
    assert [line["kind"] for line in anywhere.ask("history")][:2] == ["expired", "timed_out"]


def test_a_run_in_json_is_a_list_of_summaries(shell):
    ran = shell.ask("jobs", "run", "all")

    assert [each["job"] for each in ran] == list(JOBS)
    assert {each["job"]: (each["seen"], each["done"]) for each in ran if each["seen"] or each["done"]} == {
        "rollup": (2, 2)
    }
    assert all(each["passed_over"] == {} and each["is_whole"] for each in ran)
    assert shell.ask("jobs", "run", "tidy")[0]["job"] == "tidy"


def test_an_unknown_job_is_refused_with_the_nearest(shell):
    refuse(shell, 2, "term_invalid", "did you mean tidy?", "jobs", "run", "tydi")
    refuse(shell, 2, "term_invalid", "there is tidy", "jobs", "run", "backup")


@pytest.mark.parametrize("every", ["0", "0s", "8d", "often", "1.5", "-5"])
def test_an_interval_that_is_none_is_refused(shell, every):
    done = shell("worker", "--every", every, "--json")

    assert (done.code, done.json()["code"] in ("term_invalid", "time_invalid")) == (2, True)


def test_a_missing_database_ends_both(bare):
    for command in (("jobs", "run", "all"), ("worker",)):
        assert bare(*command).code == 6


def test_the_worker_leaves_with_0_on_a_signal_and_puts_the_handlers_back(shell):
    before = signal.getsignal(signal.SIGTERM)
    threading.Timer(0.5, signal.pthread_kill, [threading.get_ident(), signal.SIGTERM]).start()

    done = shell("worker")

    assert done.code == 0
    began, *ran, ended = [line.split("  ", 1)[1] for line in done.err.splitlines()]
    assert began.startswith(f"{', '.join(JOBS)} every 60 s on sqlite:///")
    assert [line.split(":")[0] for line in ran] == list(JOBS)[: len(ran)]
    assert ended.startswith("told to stop")
    assert done.out == ""
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_worker_that_is_told_to_stop_while_it_opens_the_ledger_leaves_with_0_and_runs_nothing(shell, monkeypatch):
    def open_slowly(*arguments):
        signal.raise_signal(signal.SIGTERM)
        return open_ledger(*arguments)

    monkeypatch.setattr(worker, "open_ledger", open_slowly)

    done = shell("worker")

    assert (done.code, done.out) == (0, "")
    assert [line.split("  ", 1)[1].split()[0] for line in done.err.splitlines()] == ["tidy,", "told"]


@pytest.mark.parametrize("name", JOBS)
def test_what_a_job_did_is_told_of_one_and_of_several(name):
    for done in (1, 2):
        summary = Summary(job=name, seen=2, done=done, passed_over={}, is_whole=True, seconds=0.5)
        assert re.fullmatch(rf"{name}: {done} [a-z]+ (done|brought up to date), 0\.50 s", describe_summary(summary))
