"""The race of a commit with the connection that carries it: it took or it did not, and nobody could say (F3, F4)."""

import threading
from typing import Any

import pytest

from farthing.audit.verify import verify
from farthing.engine.engine import Engine
from farthing.engine.options import Settings
from farthing.engine.tickets import Outcome
from farthing.store.contract import CommitUnknown, Store
from farthing.store.faults import Busy, OutcomeUnknown
from farthing.values.errors import InsufficientCredits
from tests.races.asking import charge, grant
from tests.races.books import CREDITS
from tests.races.faults import WatchedStore
from tests.races.gates import wait_until
from tests.races.locks import LockingStore


class Script:
    """A hook that raises, at steps by name, what was laid down for them, one after another."""

    def __init__(self) -> None:
        self.plan: list[tuple[str, Exception]] = []

    def __call__(self, step: str) -> None:
        if self.plan and self.plan[0][0] == step:
            raise self.plan.pop(0)[1]


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def engine(store: Store, script: Script) -> Any:
    watched: Any = WatchedStore(store, script)
    engine = Engine(watched, settings=Settings(commit_tries=3))
    engine.run(grant("g", 100))
    yield engine
    assert script.plan == [], "not every fault was met"
    assert verify(store).summary == "ok"
    engine.close()


@pytest.mark.parametrize("step", ["before commit", "after commit"])
def test_a_commit_of_unknown_end_is_looked_up_and_counts_once(engine: Engine, script: Script, step: str) -> None:
    script.plan = [(step, CommitUnknown())]

    outcome = engine.run(charge("c", 7))

    assert not outcome.replayed, "it is the caller's own first receipt"
    assert engine.run(charge("c", 7)).entries == outcome.entries
    assert engine.read_wallet("acme", CREDITS).spent == 7


@pytest.mark.parametrize("step", ["before commit", "after commit"])
def test_a_whole_batch_is_looked_up_with_its_refusals_and_replays(engine: Engine, script: Script, step: str) -> None:
    engine.run(charge("old", 1))
    script.plan = [(step, CommitUnknown())]

    answers = engine.run_many([charge("c1", 7), charge("old", 1), charge("c2", 1000), charge("c1", 7), charge("c3", 2)])

    kinds = [answer.replayed if isinstance(answer, Outcome) else type(answer) for answer in answers]
    assert kinds == [False, True, InsufficientCredits, True, False]
    assert engine.read_wallet("acme", CREDITS).spent == 10


@pytest.mark.parametrize("last", ["before commit", "after commit"])
def test_a_database_that_stays_away_leaves_the_outcome_unknown_and_the_key_tells(
    engine: Engine, script: Script, last: str
) -> None:
    script.plan = [("before commit", CommitUnknown()), ("before commit", CommitUnknown()), (last, CommitUnknown())]

    with pytest.raises(OutcomeUnknown) as unknown:
        engine.run(charge("c", 7))

    assert unknown.value.key == "c"
    again = engine.run(charge("c", 7))
    assert again.replayed == (last == "after commit")
    assert engine.read_wallet("acme", CREDITS).spent == 7


@pytest.mark.parametrize("step", ["before commit", "after commit"])
def test_a_database_that_cannot_be_reached_to_look_leaves_the_outcome_unknown(
    engine: Engine, script: Script, step: str
) -> None:
    script.plan = [(step, CommitUnknown()), ("before work", Busy(what="the database", seconds=2))]

    refused, unknown = engine.run_many([charge("much", 1000), charge("c", 7)])

    assert isinstance(refused, Busy), "nothing was written for it in any case"
    assert isinstance(unknown, OutcomeUnknown)
    assert engine.run(charge("c", 7)).replayed == (step == "after commit")
    assert engine.read_wallet("acme", CREDITS).spent == 7


def test_a_commit_that_is_refused_outright_is_no_unknown_outcome(engine: Engine, script: Script) -> None:
    script.plan = [("before commit", Busy(what="the database", seconds=2))]

    with pytest.raises(Busy):
        engine.run(charge("c", 7))

    assert not engine.run(charge("c", 7)).replayed


class LostServer:
    """A hook of `LockingStore`: once, around a commit, the connection is lost, and what it carried keeps its account
    locked for a while, by a thread that stands for the server."""

    def __init__(self, store: LockingStore, step: str, seconds: float) -> None:
        self.store = store
        self.step = step
        self.seconds = seconds
        self.keeper: threading.Thread | None = None

    def __call__(self, step: str) -> None:
        if step == self.step and self.keeper is None:
            lock = self.store.locks["acme"]
            # The lock of the lost work itself: the server's thread goes on with it in its hands.
            self.store.locks["acme"] = threading.Lock()
            self.store.locks["acme"].acquire()
            self.keeper = threading.Timer(self.seconds, self.store.locks["acme"].release)
            self.keeper.start()
            assert lock.locked()
            raise CommitUnknown("the connection broke")


@pytest.fixture
def locking() -> LockingStore:
    store = LockingStore()
    Engine(store).run_many([grant("g", 100), grant("g", 100, "other")])
    return store


@pytest.mark.parametrize("step", ["before commit", "after commit"])
def test_a_lost_commit_is_looked_up_once_it_has_let_go_of_its_locks(locking: LockingStore, step: str) -> None:
    engine = Engine(locking)
    patient_works = locking.patient_works
    locking.hook = LostServer(locking, step, 0.2)

    outcome = engine.run(charge("c", 7))

    assert not outcome.replayed, "it is the caller's own first receipt"
    assert locking.patient_works == patient_works + 1
    assert engine.read_wallet("acme", CREDITS).spent == 7
    assert engine.run(charge("c", 7)).replayed
    assert verify(locking).summary == "ok"
    engine.close()


@pytest.mark.parametrize("step", ["before commit", "after commit"])
def test_a_lost_commit_that_keeps_its_locks_for_too_long_leaves_the_outcome_unknown(
    locking: LockingStore, step: str
) -> None:
    engine = Engine(locking)
    locking.longest_wait = 0.1
    locking.hook = LostServer(locking, step, 0.4)

    refused, unknown, beside = engine.run_many([charge("much", 1000), charge("c", 7), charge("o", 1, "other")])

    assert isinstance(refused, Busy)
    assert isinstance(unknown, OutcomeUnknown)
    assert (unknown.key, unknown.cause) == ("c", "the connection broke")
    assert isinstance(beside, OutcomeUnknown), "it was in the same commit"
    wait_until(lambda: not locking.locks["acme"].locked())
    assert engine.run(charge("c", 7)).replayed == (step == "after commit")
    assert engine.run(charge("o", 1, "other")).replayed == (step == "after commit")
    engine.close()


def test_who_had_stepped_aside_before_is_no_part_of_a_lost_commit(locking: LockingStore) -> None:
    engine = Engine(locking)
    with locking.keep_locked("other") as unlock:
        locking.hook = LostServer(locking, "after commit", 0.05)
        aside, charged = engine.submit(charge("o", 1, "other")), engine.submit(charge("c", 7))
        assert not charged.wait().replayed
        assert not aside.is_done
        unlock.set()
        assert not aside.wait().replayed
    engine.close()
