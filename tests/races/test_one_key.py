"""The race of a request with itself: retries, double clicks, the same job delivered to many workers."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from farthing.engine.engine import Engine
from farthing.engine.tickets import Outcome
from farthing.values.errors import AccountNotFound, InsufficientCredits, KeyReused
from tests.races.asking import charge, grant, hold, settle
from tests.races.books import CREDITS


def test_one_key_from_20_callers_charges_once_and_all_get_the_same_receipt(engine: Engine) -> None:
    engine.run(grant("g", 100))
    start = Barrier(20)

    def spend(caller: int) -> Outcome:
        start.wait()
        return engine.run(charge("job_81", 7))

    with ThreadPoolExecutor(20) as pool:
        outcomes = list(pool.map(spend, range(20)))

    assert len({tuple(outcome.entries) for outcome in outcomes}) == 1
    assert [outcome.replayed for outcome in outcomes].count(False) == 1
    assert engine.read_wallet("acme", CREDITS).spent == 7


def test_the_second_of_two_with_one_key_in_a_batch_replays(engine: Engine) -> None:
    engine.run(grant("g", 10))
    before = engine.stats().commits

    first, second = engine.run_many([charge("c", 6), charge("c", 6)])

    assert isinstance(first, Outcome)
    assert isinstance(second, Outcome)
    assert (first.replayed, second.replayed) == (False, True)
    assert first.entries == second.entries
    assert engine.stats().commits == before + 1
    assert engine.read_wallet("acme", CREDITS).spent == 6


def test_another_request_under_a_key_taken_in_the_same_batch_is_refused(engine: Engine) -> None:
    engine.run(grant("g", 10))

    first, second = engine.run_many([charge("c", 6), charge("c", 1)])

    assert isinstance(first, Outcome)
    assert isinstance(second, KeyReused)
    assert engine.read_wallet("acme", CREDITS).spent == 6


def test_a_refused_request_leaves_its_key_free_for_later(engine: Engine) -> None:
    engine.run(grant("g", 1))

    refused, granted, passed = engine.run_many([charge("c", 5), grant("g2", 9), charge("c", 5)])

    assert isinstance(refused, InsufficientCredits)
    assert isinstance(granted, Outcome)
    assert isinstance(passed, Outcome)
    assert not passed.replayed


def test_a_replay_commits_nothing(engine: Engine) -> None:
    engine.run(grant("g", 10))
    held = engine.run(hold("h", 4))
    first = engine.run(settle("s", held, 3))
    before = engine.stats().commits

    again = engine.run(settle("s", held, 3))

    assert again.replayed
    assert again.entries == first.entries
    assert engine.stats().commits == before


def test_an_account_that_two_open_at_once_is_opened_once(engine: Engine) -> None:
    start = Barrier(10)

    def give(caller: int) -> Outcome:
        start.wait()
        return engine.run(grant(f"g{caller}", 1, account="new"))

    with ThreadPoolExecutor(10) as pool:
        outcomes = list(pool.map(give, range(10)))

    assert len({outcome.account.account_id for outcome in outcomes}) == 1
    assert engine.read_wallet("new", CREDITS).granted == 10


def test_a_charge_before_the_grant_that_opens_its_account_is_refused_and_one_after_it_passes(engine: Engine) -> None:
    early, opened, late = engine.run_many([charge("c1", 1, "new"), grant("g", 5, "new"), charge("c2", 1, "new")])

    assert isinstance(early, Exception)
    assert getattr(early, "code", "") == "account_not_found"
    assert isinstance(opened, Outcome)
    assert isinstance(late, Outcome)
    assert engine.read_wallet("new", CREDITS).spent == 1


@pytest.mark.parametrize("callers", [2, 8])
def test_two_that_retry_until_they_pass_charge_once_each(engine: Engine, callers: int) -> None:
    start = Barrier(callers + 1)

    def insist(caller: int) -> Outcome:
        start.wait()
        while True:
            try:
                return engine.run(charge(f"c{caller}", 1))
            except (AccountNotFound, InsufficientCredits):
                continue

    with ThreadPoolExecutor(callers + 1) as pool:
        waiting = [pool.submit(insist, caller) for caller in range(callers)]
        start.wait()
        engine.run(grant("g", callers))
        outcomes = [done.result(timeout=20) for done in waiting]

    assert not any(outcome.replayed for outcome in outcomes)
    wallet = engine.read_wallet("acme", CREDITS)
    assert (wallet.spent, wallet.free) == (callers, 0)
