"""The job `tidy` may run hourly, late, twice, twice at once, in two processes, or never: all comes out the same."""

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.races.books import make_url
from tests.races.processes import SERVER, start
from tests.service.forty_days import (
    ACCOUNTS,
    DAY,
    DAYS,
    START,
    Played,
    join_played,
    open_played,
    play,
    sleep_through,
    tidy_at_once,
)

STORES = ("sqlite", "postgres")
LAST = DAYS * 24


@cache
def play_without_the_job() -> dict[str, Any]:
    """What it comes to when nobody ever tidies: what all other playings are held to, on every store."""
    with open_played("memory", Path()) as played:
        return play(played, lambda played, hour: None)


def check_the_same(ended: dict[str, Any]) -> None:
    expected = play_without_the_job()
    for account in ACCOUNTS:
        assert ended[account] == expected[account], account


def test_the_forty_days_have_something_of_everything():
    expected = play_without_the_job()
    kinds = {kind for _, happened, _ in expected.values() for kind, *_ in happened}
    turns = [kind for kind, *_ in expected["daily"][1]].count("TURNED")

    assert {"TIMED_OUT", "EXPIRED", "STARTED", "TURNED", "GRACED", "SETTLED"} - kinds == {"SETTLED"}, "none is settled"
    assert turns == DAYS
    assert expected["warned"][2] == [("LOW", 10_000_000), ("EXPIRED", 0)]
    assert expected["owing"][0]["debt"] == 0


def hourly(played: Played, hour: int) -> object:
    return played.tidy()


def nightly_and_late(played: Played, hour: int) -> object:
    return played.tidy() if hour % 24 == 3 and hour // 24 not in range(8, 25) else None


def once_at_the_end(played: Played, hour: int) -> object:
    return played.tidy() if hour == LAST else None


def twice_at_the_end(played: Played, hour: int) -> object:
    return [played.tidy(), played.tidy()] if hour == LAST else None


def by_two_threads_at_once_every_night(played: Played, hour: int) -> object:
    if hour % 24:
        return None
    barrier = threading.Barrier(2)

    def tidy(_: int) -> None:
        barrier.wait(20)
        played.tidy()

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(tidy, range(2)))


@pytest.mark.parametrize("kind", STORES)
@pytest.mark.parametrize(
    "tidying",
    [hourly, nightly_and_late, once_at_the_end, twice_at_the_end, by_two_threads_at_once_every_night],
    ids=lambda tidying: tidying.__name__,
)
def test_balances_and_the_times_of_things_do_not_depend_on_when_the_job_ran(kind, tidying, tmp_path):
    with open_played(kind, tmp_path) as played:
        check_the_same(play(played, tidying))


@pytest.mark.parametrize("kind", STORES)
def test_a_ledger_that_was_never_tidied_comes_to_the_same_on_every_store(kind, tmp_path):
    with open_played(kind, tmp_path) as played:
        check_the_same(play(played, lambda played, hour: None))


@pytest.mark.parametrize("kind", STORES)
def test_two_processes_that_tidy_at_once_after_40_days_change_nothing(kind, tmp_path):
    with make_url(kind, tmp_path) as url:
        with join_played(url, START) as played:
            sleep_through(played)
            at = played.clock.at
        barrier, answers = SERVER.Barrier(2), SERVER.Queue()

        processes = [start(tidy_at_once, url, at, barrier, answers) for _ in range(2)]
        summaries = [answers.get(timeout=60) for _ in processes]
        for process in processes:
            process.join(30)

        assert [summary.passed_over for summary in summaries] == [{}, {}]
        assert max(summary.done for summary in summaries) > 60
        with join_played(url, at) as played:
            assert played.tidy().seen == 0, "all is written down"
            check_the_same(played.end())


@pytest.mark.parametrize("kind", ["memory", *STORES])
def test_a_second_run_finds_nothing_and_writes_nothing(kind, tmp_path):
    with open_played(kind, tmp_path) as played:
        played.begin()
        played.clock.advance(20 * DAY)

        first = played.tidy()
        entries = played.engine.store.count_entries()
        second = played.tidy()

        assert first.seen == first.done > 40
        assert (second.seen, second.done, second.passed_over) == (0, 0, {})
        assert played.engine.store.count_entries() == entries


@pytest.mark.parametrize("kind", ["memory", *STORES])
def test_what_fell_due_is_in_the_ledger_afterwards_at_the_time_when_it_happened(kind, tmp_path):
    with open_played(kind, tmp_path) as played:
        played.begin()
        played.clock.advance(12 * DAY)

        played.tidy()

        lines = list(played.ledger.history("idle"))
        told = {line.kind: line.effective_at - START for line in lines[:3]}
        assert {line.at for line in lines[:3]} == {START + 12 * DAY}
        assert (told["timed_out"], told["started"], told["expired"]) == (DAY / 12, 5 * DAY, 10 * DAY)
        assert next(played.ledger.history("warned")).kind == "alerted"
