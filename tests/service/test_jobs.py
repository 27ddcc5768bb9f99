"""A job passes over what is wrong with one wallet, counts it, tells how far it is, and stops when it is told to."""

import time

import psycopg
import pytest

from farthing.engine.engine import Engine
from farthing.service import jobs
from farthing.service.jobs import JOBS, get_job, run_job
from farthing.store.faults import DatabaseAway, LedgerClosed
from farthing.testing.clocks import FrozenClock
from farthing.values.errors import TermInvalid
from tests.postgres.databases import open_prepared
from tests.races.books import CREDITS, open_book
from tests.service.forty_days import CROWD, DAY, START, Played, open_played

LONG_AFTER = 20 * DAY


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def played(request, tmp_path):
    with open_played(request.param, tmp_path) as opened:
        yield opened


def test_every_job_says_what_it_does_in_a_sentence():
    assert list(JOBS) == [
        "tidy",
        "check_expired_subscriptions",
        "handle_subscription_renewals",
        "reset_monthly_usage",
        "rollup",
        "finish_campaigns",
    ]
    assert all(job.does.endswith(".") and job.does.count(".") == 1 for job in JOBS.values())


@pytest.mark.parametrize(("name", "advice"), [("tydy", "did you mean tidy?"), ("backup", "there is tidy")])
def test_an_unknown_job_is_refused_with_the_nearest_name(played, name, advice):
    with pytest.raises(TermInvalid, match=f"is not there: {advice}"):
        run_job(played.engine, name)


def test_there_is_nothing_to_do_in_an_empty_ledger(played):
    summary = run_job(played.engine, "tidy", progress=lambda done, total: pytest.fail("nothing is behind"))

    assert (summary.seen, summary.done, summary.passed_over, summary.is_whole) == (0, 0, {}, True)


def test_a_stopped_wallet_is_counted_and_the_others_are_tidied(played):
    played.begin()
    played.clock.advance(LONG_AFTER)
    account = played.engine.store.find_account("idle")
    with played.engine.store.work() as work:
        work.stop_wallet((account.account_id, CREDITS.unit_id))
        work.commit()

    first, second = played.tidy(), played.tidy()

    assert (first.passed_over, first.done) == ({"law_broken": 1}, first.seen - 1)
    assert first.done > 30
    assert (second.seen, second.done, second.passed_over) == (1, 0, {"law_broken": 1})


def test_a_wallet_that_somebody_has_locked_is_counted_and_the_others_are_tidied():
    with open_prepared() as database:
        clock = FrozenClock(START)
        engine = Engine(open_book(database.app_url), clock)
        played = Played(engine, clock)
        played.begin()
        clock.advance(LONG_AFTER)

        with psycopg.connect(database.superuser_url) as locker:
            locker.execute("SELECT 1 FROM farthing_account WHERE key = 'idle' FOR UPDATE")
            began = time.monotonic()
            first = played.tidy()
            took = time.monotonic() - began
        second = played.tidy()

        engine.close()
    assert (first.passed_over, first.done) == ({"busy": 1}, first.seen - 1)
    assert took < 10
    assert (second.seen, second.done) == (1, 1)


def test_a_frozen_and_a_closed_account_are_tidied_too(played):
    played.begin()
    played.ledger.freeze("idle")
    played.ledger.close_account("warned")
    played.clock.advance(LONG_AFTER)

    summary = played.tidy()

    assert summary.passed_over == {}
    assert next(played.ledger.history("idle")).kind == "expired"
    assert [line.kind for line in played.ledger.history("warned")][:2] == ["alerted", "expired"]


@pytest.mark.parametrize(("page", "batch"), [(1, 1), (7, 3), (8, 8), (1000, 5)])
def test_every_page_and_batch_size_comes_to_every_wallet_once(monkeypatch, played, page, batch):
    monkeypatch.setattr(jobs, "PAGE", page)
    monkeypatch.setattr(jobs, "LARGEST_BATCH", batch)
    played.begin()
    played.clock.advance(40 * DAY)
    told = []

    summary = run_job(played.engine, "tidy", progress=lambda done, total: told.append((done, total)))

    assert summary.done == summary.seen >= len(CROWD)
    assert told[-1] == (summary.seen, summary.seen)
    assert {total for _, total in told} == {summary.seen}
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert played.tidy().seen == 0


def test_it_stops_between_batches_and_the_next_run_does_the_rest(monkeypatch, played):
    monkeypatch.setattr(jobs, "LARGEST_BATCH", 10)
    played.begin()
    played.clock.advance(LONG_AFTER)
    answers = iter([False, False, True])

    first = run_job(played.engine, "tidy", must_stop=lambda: next(answers))
    second = run_job(played.engine, "tidy")

    assert (first.done, first.is_whole) == (20, False)
    assert (second.is_whole, second.done) == (True, second.seen)
    assert played.tidy().seen == 0


def test_what_speaks_against_all_of_it_ends_the_run_and_keeps_what_was_done(monkeypatch, played):
    monkeypatch.setattr(jobs, "LARGEST_BATCH", 10)
    played.begin()
    played.clock.advance(LONG_AFTER)
    whole, asked = played.engine.run_many, []

    def run_many(requests):
        asked.append(len(requests))
        away = DatabaseAway(place="the database", problem="gone")
        return whole(requests) if len(asked) == 1 else [away for _ in requests]

    monkeypatch.setattr(played.engine, "run_many", run_many)
    with pytest.raises(DatabaseAway):
        played.tidy()

    assert asked == [10, 10]
    monkeypatch.undo()
    assert played.tidy().seen + 10 > 40


def test_a_closed_ledger_is_refused(played):
    played.begin()
    played.clock.advance(LONG_AFTER)
    played.engine.close()

    with pytest.raises(LedgerClosed):
        run_job(played.engine, "tidy")


def test_a_summary_says_in_json_what_it_says_in_words(played):
    played.begin()

    said = run_job(played.engine, "tidy").json()

    assert said == {
        "job": "tidy",
        "seen": 0,
        "done": 0,
        "passed_over": {},
        "is_whole": True,
        "seconds": said["seconds"],
    }
    assert get_job("tidy").name == "tidy"
