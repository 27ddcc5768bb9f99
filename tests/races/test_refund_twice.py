"""The race of two refunds for one charge: what was charged comes back once."""

from concurrent.futures import ThreadPoolExecutor

from farthing.engine.engine import Engine
from farthing.engine.tickets import Outcome
from farthing.values.errors import MoreThanLeft
from tests.races.asking import charge, grant, hold, refund, settle
from tests.races.books import CREDITS


def run_or_error(engine: Engine, key: str, charged: Outcome) -> Outcome | Exception:
    try:
        return engine.run(refund(key, charged, 10))
    except MoreThanLeft as no:
        return no


def test_of_two_full_refunds_of_every_charge_exactly_half_succeed(engine: Engine) -> None:
    engine.run(grant("g", 500))
    charges = [engine.run(charge(f"c{turn}", 10)) for turn in range(25)]

    with ThreadPoolExecutor(8) as pool:
        waiting = [
            pool.submit(run_or_error, engine, f"r{turn}-{side}", charged)
            for turn, charged in enumerate(charges)
            for side in "ab"
        ]
        answers = [done.result(timeout=20) for done in waiting]

    for turn in range(25):
        assert sorted(isinstance(answer, Outcome) for answer in answers[2 * turn : 2 * turn + 2]) == [False, True]
    wallet = engine.read_wallet("acme", CREDITS)
    assert (wallet.spent, wallet.refunded, wallet.free) == (250, 250, 500)


def test_refunds_of_one_charge_in_one_batch_see_each_other(engine: Engine) -> None:
    engine.run(grant("g", 100))
    charged = engine.run(charge("c", 10))
    before = engine.stats().batches

    answers = engine.run_many([refund(f"r{turn}", charged, 4) for turn in range(4)])

    assert engine.stats().batches == before + 1
    assert [isinstance(answer, Outcome) for answer in answers] == [True, True, False, False]
    assert isinstance(answers[2], MoreThanLeft)
    assert answers[2].left * 1_000_000 == 2
    assert engine.read_wallet("acme", CREDITS).refunded == 8


def test_a_settle_and_the_refund_of_its_hold_fit_in_one_batch(engine: Engine) -> None:
    engine.run(grant("g", 100))
    held = engine.run(hold("h", 10))

    settled, back, again = engine.run_many([settle("s", held, 6), refund("r1", held), refund("r2", held, 1)])

    assert isinstance(settled, Outcome)
    assert isinstance(back, Outcome)
    assert isinstance(again, MoreThanLeft)
    wallet = engine.read_wallet("acme", CREDITS)
    assert (wallet.spent, wallet.refunded, wallet.free, wallet.held) == (6, 6, 100, 0)
