"""The rollup on PostgreSQL beside who writes at the same time: no entry that commits late is ever skipped, and two runs
at once add nothing twice."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

import farthing
from farthing.audit.rollup import check_rollup
from farthing.service import rollups
from farthing.service.rollups import rebuild_rollup, run_rollup
from farthing.store import rollup_postgres
from farthing.store.versions import PREFIX
from tests.postgres.databases import Database, open_prepared
from tests.postgres.server import Server


@pytest.fixture
def books(postgres: Server) -> Iterator[tuple[Database, farthing.Ledger]]:
    with open_prepared(postgres) as database, farthing.open(database.app_url, create=True) as ledger:
        ledger.grant("slow", 100)
        ledger.grant("quick", 100)
        yield database, ledger


def run(ledger: farthing.Ledger) -> int:
    return sum(run_rollup(ledger.engine.store, None, lambda: False))


def spent(ledger: farthing.Ledger) -> int:
    return sum(int(row.spent) for row in ledger.reports.usage(every="all"))


def test_an_entry_that_has_its_position_and_is_not_committed_yet_is_waited_for_and_never_skipped(books, monkeypatch):
    monkeypatch.setattr(rollup_postgres, "LONGEST_WAIT_SECONDS", 0.3)
    database, ledger = books
    with psycopg.connect(database.app_url) as slow:
        with ledger.within(slow) as tx:
            tx.charge("slow", 7, feature="chat")
        last = slow.execute(f"SELECT max(position) FROM {PREFIX}entry").fetchone()
        assert last is not None
        ledger.charge("quick", 5, feature="chat")
        with ledger.engine.store.rollup.reading() as reader:
            assert reader.find_last_position() > last[0], "the slow one has an earlier position"

        assert run(ledger) == 0, "nothing may be rolled up past a position that somebody still holds"
        assert spent(ledger) == 5
        slow.commit()

    assert spent(ledger) == 12
    assert run(ledger) == 6
    assert spent(ledger) == 12
    assert list(check_rollup(ledger.engine.store)) == []


def test_what_was_committed_before_somebody_slow_began_does_not_wait_for_him(books):
    database, ledger = books
    book = ledger.engine.store.rollup
    limit = book.find_limit(lambda: False)
    with psycopg.connect(database.app_url) as slow, ledger.within(slow) as tx:
        tx.charge("slow", 7)
        assert limit == 4


def test_a_position_that_was_undone_leaves_a_gap_and_nothing_else(books):
    database, ledger = books
    with psycopg.connect(database.app_url) as undone:
        with ledger.within(undone) as tx:
            tx.charge("slow", 7)
        undone.rollback()
    ledger.charge("quick", 5)

    assert run(ledger) == 5
    assert spent(ledger) == 5
    with psycopg.connect(database.app_url) as undone:
        with ledger.within(undone) as tx:
            tx.charge("slow", 7)
        undone.rollback()
    assert run(ledger) == 0
    with ledger.engine.store.rollup.reading() as reader:
        assert reader.mark > reader.find_last_position(), "it goes up to a position that nobody has"
    assert ledger.verify().ok


def test_runs_at_once_while_others_write_add_every_entry_once(books, monkeypatch):
    monkeypatch.setattr(rollups, "PAGE", 40)
    monkeypatch.setattr(rollups, "FOLLOWED_FROM", 50)
    _, ledger = books
    stop = threading.Event()

    def write(place: int) -> int:
        for number in range(60):
            ledger.charge(("slow", "quick")[place], 1, feature=f"f{number % 3}")
        return 60

    def roll(_: int) -> int:
        count = 0
        while not stop.is_set():
            count += run(ledger)
        return count

    with ThreadPoolExecutor(4) as pool:
        rolling = [pool.submit(roll, n) for n in range(2)]
        written = sum(pool.map(write, range(2)))
        stop.set()
        rolled = sum(each.result(60) for each in rolling)
    rolled += run(ledger)

    assert rolled == written + 4
    assert spent(ledger) == written
    assert list(check_rollup(ledger.engine.store)) == []


def test_the_apps_role_may_rebuild(books):
    _, ledger = books
    ledger.charge("quick", 5)
    run(ledger)

    assert sum(rebuild_rollup(ledger.engine.store, None, lambda: False)) == 5
    assert spent(ledger) == 5
    assert ledger.verify().ok
