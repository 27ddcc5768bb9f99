"""The races for the end of a hold: settle, release and time-out exclude each other, and its cost counts once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

from farthing.engine.engine import Engine
from farthing.engine.tickets import Outcome
from farthing.store.contract import Store
from farthing.testing.clocks import FrozenClock
from farthing.values.entries import Kind
from farthing.values.errors import HoldEnded
from farthing.values.requests import Request, Tidy
from tests.races.asking import UNIT, grant, hold, release, settle
from tests.races.books import CREDITS, list_kinds

MINUTE = timedelta(minutes=1)


def run_or_error(engine: Engine, request: Request) -> Outcome | Exception:
    try:
        return engine.run(request)
    except HoldEnded as no:
        return no


def race(engine: Engine, one: Request, other: Request) -> tuple[Outcome | Exception, Outcome | Exception]:
    start = Barrier(2)

    def go(request: Request) -> Outcome | Exception:
        start.wait()
        return run_or_error(engine, request)

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(go, (one, other))
    return first, second


def test_of_settle_and_release_exactly_one_ends_the_hold(engine: Engine) -> None:
    engine.run(grant("g", 1000))
    settled = 0

    for turn in range(20):
        held = engine.run(hold(f"h{turn}", 10))
        answers = race(engine, settle(f"s{turn}", held, 7), release(f"r{turn}", held))
        assert sorted(isinstance(answer, Outcome) for answer in answers) == [False, True]
        settled += isinstance(answers[0], Outcome)

    wallet = engine.read_wallet("acme", CREDITS)
    assert (wallet.spent, wallet.held, wallet.free) == (7 * settled, 0, 1000 - 7 * settled)


def test_of_two_settles_exactly_one_counts(engine: Engine) -> None:
    engine.run(grant("g", 1000))

    for turn in range(10):
        held = engine.run(hold(f"h{turn}", 10))
        answers = race(engine, settle(f"s{turn}", held, 7), settle(f"t{turn}", held, 8))
        assert sorted(isinstance(answer, Outcome) for answer in answers) == [False, True]

    assert engine.read_wallet("acme", CREDITS).held == 0


def race_time_out(store: Store, engine: Engine, clock: FrozenClock, rounds: int, end: str) -> tuple[int, int]:
    """Ask for the end of holds while another thread lets their time run out. Says how many were in time, and late."""
    in_time = late = 0
    for turn in range(rounds):
        held = engine.run(hold(f"h{turn}", 10, ttl=60_000_000))
        start = Barrier(2)

        def let_it_run_out(turn: int = turn, start: Barrier = start) -> None:
            start.wait()
            clock.advance(MINUTE)
            engine.run(Tidy(key=f"t{turn}", account="acme", unit=UNIT))

        with ThreadPoolExecutor(1) as pool:
            timing_out = pool.submit(let_it_run_out)
            start.wait()
            request = settle(f"s{turn}", held, 7) if end == "settle" else release(f"r{turn}", held)
            answer = run_or_error(engine, request)
            timing_out.result(timeout=20)
        kinds = list_kinds(store, held)
        if Kind.TIMED_OUT in kinds:
            late += 1
            assert isinstance(answer, Outcome) == (end == "settle")
            assert kinds == [Kind.HELD, Kind.TIMED_OUT, *([Kind.SETTLED] if end == "settle" else [])]
        else:
            in_time += 1
            assert kinds == [Kind.HELD, Kind.SETTLED if end == "settle" else Kind.RELEASED]
    return in_time, late


def test_settle_against_time_out_charges_exactly_once(store: Store) -> None:
    clock = FrozenClock(datetime(2026, 11, 21, tzinfo=UTC))
    engine = Engine(store, clock)
    engine.run(grant("g", 1000))

    in_time, late = race_time_out(store, engine, clock, 15, "settle")

    wallet = engine.read_wallet("acme", CREDITS)
    assert in_time + late == 15
    assert (wallet.spent, wallet.held, wallet.debt) == (7 * 15, 0, 0)
    engine.close()


def test_release_against_time_out_gives_back_exactly_once(store: Store) -> None:
    clock = FrozenClock(datetime(2026, 11, 21, tzinfo=UTC))
    engine = Engine(store, clock)
    engine.run(grant("g", 1000))

    race_time_out(store, engine, clock, 15, "release")

    wallet = engine.read_wallet("acme", CREDITS)
    assert (wallet.spent, wallet.held, wallet.free) == (0, 0, 1000)
    engine.close()


def test_settle_and_time_out_at_one_instant_in_one_batch_charge_once_whichever_comes_first(store: Store) -> None:
    clock = FrozenClock(datetime(2026, 11, 21, tzinfo=UTC))
    engine = Engine(store, clock)
    engine.run(grant("g", 1000))
    first, second = engine.run(hold("h1", 10, ttl=60_000_000)), engine.run(hold("h2", 10, ttl=60_000_000))
    clock.advance(MINUTE)

    answers = engine.run_many(
        [settle("s1", first, 7), Tidy(key="t", account="acme", unit=UNIT), settle("s2", second, 8)]
    )

    assert all(isinstance(answer, Outcome) for answer in answers)
    assert list_kinds(store, first) == [Kind.HELD, Kind.TIMED_OUT, Kind.SETTLED]
    assert list_kinds(store, second) == [Kind.HELD, Kind.TIMED_OUT, Kind.SETTLED]
    assert engine.read_wallet("acme", CREDITS).spent == 15
    engine.close()
