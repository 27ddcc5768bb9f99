"""What the engine does when a store says that what was read holds no longer: all of it again, a few times."""

from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from farthing.audit.verify import verify
from farthing.engine import batch
from farthing.engine.engine import Engine
from farthing.engine.options import Settings
from farthing.engine.tickets import Outcome
from farthing.engine.within import Within
from farthing.store.contract import CommitUnknown, DecideAgain
from farthing.store.faults import DatabaseAway, OutcomeUnknown
from farthing.store.memory import MemoryStore
from farthing.values.errors import FarthingError, InsufficientCredits, LawBroken
from tests.races.asking import charge, grant
from tests.races.books import CREDITS, open_sqlite
from tests.races.faults import STEPS, WatchedStore

AWAY = DatabaseAway(place="the database", problem="the connection broke")
LAW = LawBroken(law="a_key_is_taken_once", account="acme", unit="credits", problem="another server was first")


class Faults:
    """A hook that raises at one step what it was given, one after another, and counts how often that step came."""

    def __init__(self) -> None:
        self.step = ""
        self.errors: list[Exception] = []
        self.count = 0

    def __call__(self, step: str) -> None:
        if step == self.step:
            self.count += 1
            if self.errors:
                raise self.errors.pop(0)


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    store.add_units([CREDITS])
    return store


@pytest.fixture
def engine(store: MemoryStore, faults: Faults, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.setattr(batch, "EARLY_ENTRIES", 1)
    watched: Any = WatchedStore(store, faults)
    engine = Engine(watched)
    engine.run(grant("g", 100))
    yield engine
    assert faults.errors == [], "not every fault was met"
    assert verify(store).summary == "ok"
    engine.close()


BEFORE_THE_END = [step for step in STEPS if step != "after commit"]


@pytest.mark.parametrize("step", BEFORE_THE_END)
def test_a_batch_is_decided_again_until_what_was_read_holds(engine: Engine, faults: Faults, step: str) -> None:
    faults.step, faults.errors = step, [DecideAgain(AWAY)] * 4

    began = monotonic()
    first, replay, refused = engine.run_many([charge("c", 7), charge("c", 7), charge("much", 1000)])

    assert monotonic() - began >= 0.015, "it pauses 1, 2, 4 and 8 ms"
    assert isinstance(first, Outcome)
    assert isinstance(replay, Outcome)
    assert (first.replayed, replay.replayed) == (False, True)
    assert isinstance(refused, InsufficientCredits)
    assert faults.count == 5
    assert engine.read_wallet("acme", CREDITS).spent == 7


@pytest.mark.parametrize("step", BEFORE_THE_END)
def test_what_never_holds_is_told_in_the_stores_own_words(engine: Engine, faults: Faults, step: str) -> None:
    faults.step, faults.errors = step, [DecideAgain(AWAY)] * 5

    first, second = engine.run_many([charge("c", 7), charge("d", 7)])

    assert isinstance(first, DatabaseAway)
    assert isinstance(second, DatabaseAway)
    assert first is not second
    assert first.__cause__ is first.__context__ is None
    assert not engine.run(charge("c", 7)).replayed, "nothing was written"


def test_a_law_that_one_request_breaks_each_time_is_cut_out_and_its_neighbours_go_on(
    engine: Engine, faults: Faults
) -> None:
    faults.step, faults.errors = "before save", [DecideAgain(LAW)] * 10

    answers = engine.run_many([charge("a", 1), charge("b", 1), charge("c", 1), charge("d", 1)])

    assert [type(answer) for answer in answers] == [Outcome] * 4, "nothing was wrong with any of them in the end"
    assert faults.count == 13, "five of all, five of the first half, then three that hold"


def test_how_often_is_a_setting(store: MemoryStore, faults: Faults) -> None:
    watched: Any = WatchedStore(store, faults)
    engine = Engine(watched, settings=Settings(decide_tries=1))
    engine.run(grant("g", 100))
    faults.step, faults.errors = "before save", [DecideAgain(AWAY)]

    with pytest.raises(DatabaseAway):
        engine.run(charge("c", 1))

    assert faults.count == 1


def test_a_look_after_a_lost_commit_is_taken_again_too(engine: Engine, faults: Faults) -> None:
    faults.step, faults.errors = "before commit", [CommitUnknown(), DecideAgain(AWAY), DecideAgain(AWAY)]
    assert not engine.run(charge("c", 7)).replayed

    faults.step, faults.errors = "before commit", [CommitUnknown("it broke")]

    def lose_the_way(step: str) -> None:
        if step == "before load" and not faults.errors:
            raise DecideAgain(AWAY)
        faults(step)

    watched: Any = engine.store
    watched.hook = lose_the_way
    with pytest.raises(OutcomeUnknown, match="it broke while d"):
        engine.run(charge("d", 7))
    watched.hook = faults
    assert not engine.run(charge("d", 7)).replayed


def test_what_is_decided_again_sees_what_others_wrote_in_between(engine: Engine, store: MemoryStore) -> None:
    other = Engine(store)
    met: list[Outcome] = []

    def lose_the_race(step: str) -> None:
        if step == "before work" and not met:
            met.append(other.run(charge("c", 30)))
            raise DecideAgain(AWAY)

    watched: Any = engine.store
    watched.hook = lose_the_race

    first, second = engine.run_many([charge("c", 30), charge("d", 80)])

    assert isinstance(first, Outcome)
    assert first.replayed
    assert isinstance(second, FarthingError)


class Joined(WatchedStore):
    """Its units of work inside the caller's transaction tell of their steps too."""

    def work_within(self, connection: object) -> Any:
        return self.work()


def test_nothing_is_decided_again_inside_the_callers_transaction(tmp_path: Path, faults: Faults) -> None:
    store: Any = Joined(open_sqlite(tmp_path / "a.db"), faults)
    engine = Engine(store)
    engine.run(grant("g", 100))
    faults.step, faults.errors = "before save", [DecideAgain(AWAY)]

    with engine.within(object()) as tx:
        assert isinstance(tx, Within)
        with pytest.raises(DatabaseAway) as away:
            tx.run(charge("c", 1))

    assert away.value.__suppress_context__
    assert faults.count == 1
    engine.close()
