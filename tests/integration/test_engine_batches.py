"""What one batch does when one request in it goes wrong: the neighbours go on, in the same commit where that can be."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from farthing.audit.verify import verify
from farthing.engine.engine import Engine
from farthing.engine.tickets import Outcome
from farthing.store.contract import Loaded
from farthing.store.faults import Busy, UpgradeFirst
from farthing.store.memory import MemoryStore
from farthing.testing.clocks import FrozenClock
from farthing.values.amounts import Unit
from farthing.values.errors import AccountFrozen, AccountNotFound, HoldNotFound, LawBroken
from farthing.values.requests import Charge, Freeze, Hold, Note, Place, Release, Request
from tests.races.asking import charge, grant, hold, place_of, record, settle
from tests.races.faults import WatchedStore, WatchedWork

CREDITS, GENERATIONS = Unit(1, "credits", 6, 2), Unit(2, "generations", 0, 0)


class DamagedWork(WatchedWork):
    """Loads the wallets of the account `bad` with a credit that nobody granted."""

    def load(self, requests: Sequence[Request], now: int) -> Loaded:
        if any(request.account == "poison" for request in requests):
            raise self.store.poison
        loaded = super().load(requests, now)
        for wallet in loaded.wallets.values():
            if wallet.account.key == "bad" and wallet.unit == CREDITS:
                wallet.free += 1
        return loaded

    store: "DamagedStore"


class DamagedStore(WatchedStore):
    """A memory store of which one account is damaged on the way in, and another cannot be loaded at all."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store, lambda step: None)
        self.poison: Exception = ValueError("an account that cannot be read")

    @contextmanager
    def work(self, *, patient: bool = True) -> Iterator[WatchedWork]:
        with self.store.work(patient=patient) as work:
            damaged = DamagedWork(work, self.hook)
            damaged.store = self
            yield damaged


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    store.add_units([CREDITS, GENERATIONS])
    return store


@pytest.fixture
def damaged(store: MemoryStore) -> Any:
    return DamagedStore(store)


@pytest.fixture
def engine(store: MemoryStore, damaged: Any) -> Iterator[Engine]:
    healthy = Engine(store)
    for account in ("acme", "bad", "poison"):
        healthy.run(grant(f"g {account}", 100, account))
    engine = Engine(damaged)
    yield engine
    engine.close()


def test_an_item_that_breaks_a_law_is_cut_out_and_its_wallet_stopped_in_a_commit_of_its_own(
    engine: Engine, store: MemoryStore
) -> None:
    before = engine.stats().commits

    first, broken, after, last = engine.run_many(
        [charge("c1", 1), charge("c2", 1, "bad"), charge("c3", 1, "bad"), charge("c4", 1)]
    )

    assert isinstance(first, Outcome)
    assert isinstance(last, Outcome)
    assert isinstance(broken, LawBroken)
    assert (broken.account, broken.unit) == ("bad", "credits")
    assert isinstance(after, LawBroken)
    assert engine.stats().commits == before + 1, "the neighbours share one"
    bad = store.find_account("bad")
    assert bad is not None
    assert store.read_wallet(bad, CREDITS).stopped == 1
    assert store.read_wallet(bad, CREDITS).spent == 0
    with pytest.raises(LawBroken, match="stopped"):
        Engine(store).run(charge("c5", 1, "bad"))
    assert verify(store).ok is False or store.read_wallet(bad, CREDITS).stopped == 1


@pytest.mark.parametrize("poison", [ValueError("a bug"), UpgradeFirst(path="db", found="entry kind 99")])
def test_a_request_that_undoes_the_whole_batch_ends_alone_with_its_error(
    engine: Engine, damaged: Any, poison: Exception
) -> None:
    damaged.poison = poison
    requests = [charge(f"c{turn}", 1) for turn in range(20)]
    requests[13] = charge("p", 1, "poison")

    tickets = engine.lanes[0].enter(requests)
    for ticket in tickets:
        if ticket is not tickets[13]:
            assert ticket.wait().entries[0].amount == 1

    with pytest.raises(type(poison)):
        tickets[13].wait()
    assert engine.read_wallet("acme", CREDITS).spent == 19


def test_a_bug_reaches_only_its_own_caller_and_many_at_once_are_all_done_first(engine: Engine, damaged: Any) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        engine.run_many([charge("c1", 1), charge("p", 1, "poison"), charge("c2", 1)])

    assert engine.read_wallet("acme", CREDITS).spent == 2


def test_each_caller_of_a_busy_batch_gets_an_error_of_his_own(engine: Engine, damaged: Any) -> None:
    damaged.poison = Busy(what="the database", seconds=2)

    first, second = engine.run_many([charge("c", 1), charge("p", 1, "poison")])

    assert isinstance(first, Busy)
    assert isinstance(second, Busy)
    assert first is not second
    assert first.__traceback__ is None
    assert first.__context__ is None


def test_a_state_that_changes_inside_a_batch_is_seen_by_what_comes_later_in_it(engine: Engine) -> None:
    before, frozen, after = engine.run_many([charge("c1", 1), Freeze(key="f", account="acme"), charge("c2", 1)])

    assert isinstance(before, Outcome)
    assert isinstance(frozen, Outcome)
    assert isinstance(after, AccountFrozen)


def test_a_batch_in_which_everything_is_refused_commits_nothing(engine: Engine, store: MemoryStore) -> None:
    before, entries = engine.stats().commits, store.count_entries()

    answers = engine.run_many([charge("c1", 1000), charge("c2", 1, "nobody")])

    assert [getattr(answer, "code", "") for answer in answers] == ["insufficient_credits", "account_not_found"]
    assert engine.stats().commits == before
    assert store.count_entries() == entries
    assert engine.stats().refusals == {("insufficient_credits", ""): 1, ("account_not_found", ""): 1}


def test_a_hold_over_two_units_is_settled_in_both_even_in_the_batch_that_placed_it(engine: Engine) -> None:
    account = engine.get_account("acme")
    engine.run_many([grant("gg", 5), Charge(key="z", account="acme", amounts=((1, 0),))])
    place = Place(account.shard, account.account_id, 1, engine.read_wallet("acme", CREDITS).seq + 1)
    asked = Hold(key="h", account="acme", amounts=((1, 3), (2, 0)))

    held, released = engine.run_many([asked, Release(key="r", hold=place, hold_id="hld_guessed")])

    assert isinstance(held, Outcome)
    assert isinstance(released, Outcome)
    assert place_of(held) == place
    assert sorted(entry.unit_id for entry in released.entries) == [1, 2]


def test_a_hold_nobody_placed_is_not_found(engine: Engine) -> None:
    account = engine.get_account("acme")
    place = Place(account.shard, account.account_id, 1, 4711)

    (answer,) = engine.run_many([Release(key="r", hold=place, hold_id="hld_none")])

    assert isinstance(answer, HoldNotFound)


def test_a_note_is_kept_with_the_first_entry_of_the_receipt(engine: Engine, store: MemoryStore) -> None:
    note = Note(salt=b"0" * 16, body=b'{"chat":"c_77"}')

    outcome = engine.run(Charge(key="c", account="acme", amounts=((1, 1), (2, 0)), note=note))

    listed = store.list_history(outcome.account, None, None, None, 2)
    kept = {history.entry.hash: history.note for _, history in listed}
    assert kept[outcome.entries[0].hash] == note.body
    assert sum(body is not None for body in kept.values()) == 1


def test_a_decision_that_runs_out_of_what_is_loaded_gets_the_rest(store: MemoryStore) -> None:
    clock = FrozenClock(datetime(2026, 11, 21, tzinfo=UTC))
    engine = Engine(store, clock)
    engine.run_many([grant(f"g{turn}", 2, expires_in=10**12 + turn) for turn in range(40)])

    drawn, again = engine.run_many([charge("c1", 71), charge("c2", 9)])

    assert isinstance(drawn, Outcome)
    assert isinstance(again, Outcome)
    assert engine.read_wallet("acme", CREDITS).free == 0
    assert verify(store).summary == "ok"


def test_reading_applies_what_is_due_and_writes_nothing(store: MemoryStore) -> None:
    clock = FrozenClock(datetime(2026, 11, 21, tzinfo=UTC))
    engine = Engine(store, clock)
    engine.run(grant("g", 10, expires_in=60_000_000))
    held = engine.run(hold("h", 4, ttl=30_000_000))
    entries = store.count_entries()

    clock.advance(timedelta(seconds=30))
    assert engine.read_wallet("acme", CREDITS).held == 0
    clock.advance(timedelta(seconds=30))
    assert engine.read_wallet("acme", CREDITS).free == 0
    assert [wallet.expired for wallet in engine.read_wallets("acme")] == [10]

    assert store.count_entries() == entries
    assert engine.run(settle("s", held, 4)).entries[-1].debt_after == 4
    with pytest.raises(AccountNotFound):
        engine.read_wallet("nobody", CREDITS)


def test_stats_tell_how_it_went(store: MemoryStore) -> None:
    engine = Engine(store)
    engine.run(grant("g", 10))
    engine.run_many([record(f"r{turn}", 1) for turn in range(9)])

    stats = engine.stats()

    assert (stats.waiting, stats.batches, stats.requests, stats.largest_batch) == (0, 2, 10, 9)
    assert (stats.mean_batch, stats.commits) == (5.0, 2)
    assert 0 < stats.commit_median_seconds <= stats.commit_p99_seconds
