"""Jobs from the command line: listed, run once, run by the worker; a summary each, and the exit code 0."""

import signal
import threading

import pytest

from tests.cli.test_refusals import refuse


def test_jobs_are_listed_with_what_they_do(bare):
    lines = bare("jobs", "list").out.splitlines()

    assert lines[0].split() == ["job", "what", "it", "does"]
    assert lines[1].startswith("tidy  Writes down what fell due in idle wallets")
    assert [job["name"] for job in bare.ask("jobs", "list")] == ["tidy"]


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
    assert second.out.startswith("tidy: nothing was due, 0.")
    assert [line["kind"] for line in anywhere.ask("history")][:2] == ["expired", "timed_out"]


def test_a_run_in_json_is_a_list_of_summaries(shell):
    (got,) = shell.ask("jobs", "run", "all")

    assert (got["job"], got["seen"], got["done"], got["passed_over"], got["is_whole"]) == ("tidy", 0, 0, {}, True)
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
    assert [line.split("  ", 1)[1].split()[0] for line in done.err.splitlines()] == ["tidy", "tidy:", "told"]
    assert done.out == ""
    assert signal.getsignal(signal.SIGTERM) is before
