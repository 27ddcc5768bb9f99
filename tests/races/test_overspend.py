"""The race for the last credit: many callers see a balance that is enough for some of them."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from farthing.engine.engine import Engine
from farthing.engine.tickets import Outcome
from farthing.values.errors import InsufficientCredits
from tests.races.asking import charge, grant
from tests.races.books import CREDITS


def spend_in_threads(engine: Engine) -> list[Outcome | Exception]:
    start = Barrier(20)

    def spend(thread: int) -> list[Outcome | Exception]:
        start.wait()
        return [attempt(engine, f"c{thread}-{turn}") for turn in range(5)]

    with ThreadPoolExecutor(20) as pool:
        return [answer for answers in pool.map(spend, range(20)) for answer in answers]


def attempt(engine: Engine, key: str) -> Outcome | Exception:
    try:
        return engine.run(charge(key, 1))
    except InsufficientCredits as no:
        return no


def spend_in_tasks(engine: Engine) -> list[Outcome | Exception]:
    async def spend() -> list[Outcome | BaseException]:
        tasks = [engine.arun(charge(f"c{turn}", 1)) for turn in range(100)]
        return await asyncio.gather(*tasks, return_exceptions=True)

    return [answer for answer in asyncio.run(spend()) if isinstance(answer, Outcome | Exception)]


def spend_in_one_batch(engine: Engine) -> list[Outcome | Exception]:
    return [*engine.run_many([charge(f"c{turn}", 1) for turn in range(100)])]


@pytest.mark.parametrize("spend", [spend_in_threads, spend_in_tasks, spend_in_one_batch])
def test_of_100_charges_of_1_on_a_balance_of_50_exactly_50_pass(
    engine: Engine, spend: Callable[[Engine], list[Outcome | Exception]]
) -> None:
    engine.run(grant("g", 50))

    answers = spend(engine)

    passed = [answer for answer in answers if isinstance(answer, Outcome)]
    refused = [answer for answer in answers if isinstance(answer, InsufficientCredits)]
    assert (len(passed), len(refused)) == (50, 50)
    assert sorted(outcome.entries[0].balance_after for outcome in passed) == list(range(50))
    wallet = engine.read_wallet("acme", CREDITS)
    assert (wallet.free, wallet.spent, wallet.debt) == (0, 50, 0)
