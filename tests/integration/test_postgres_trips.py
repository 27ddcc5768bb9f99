"""How often a batch asks PostgreSQL: what stands in a wallet costs a plain charge nothing that it need not."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from farthing.store import postgres_asking
from farthing.store.budget_book import BudgetBook
from farthing.values.periods import Cadence
from farthing.values.requests import About, Charge, Configure
from farthing.values.standing_requests import Allow, SetBudget
from farthing.values.wallets import Subject
from tests.contract.desk import Desk
from tests.integration.postgres_books import open_host, open_store


@pytest.fixture
def desk() -> Iterator[Desk]:
    with open_host() as database, open_store(database) as store:
        desk = Desk(store)
        desk.grant(1000)
        store.intern_name("ana")
        desk.charge(1, about=About(member=store.intern_name("ana")))
        yield desk


@contextmanager
def counting_trips(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Every time that something is sent and its answer waited for."""
    trips: list[str] = []
    usual = postgres_asking.exchange

    def exchange(pgconn: psycopg.pq.abc.PGconn):
        trips.append("")
        return usual(pgconn)

    with monkeypatch.context() as patched:
        patched.setattr(postgres_asking, "exchange", exchange)
        yield trips


def count_trips(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many a charge takes, its second of this shape, so that everything is prepared."""
    about = About(member=desk.store.intern_name("ana"))
    for _ in range(2):
        with counting_trips(monkeypatch) as trips:
            answer = desk.ask(Charge(key=desk.next_key(), account="acme", amounts=((1, 1),), about=about))[0]
        assert not isinstance(answer, Exception)
    return len(trips)


def test_what_stands_costs_a_charge_no_more_than_it_must(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    plain = count_trips(desk, monkeypatch)
    assert plain == 3

    for name in ("monthly", "yearly"):
        desk.do(Allow(key=name, account="acme", unit=1, name=name, amount=100, every=Cadence.MONTH))
    desk.do(Configure(key="c", account="acme", unit=1, terms=(), alerts=(5, 0)))
    assert count_trips(desk, monkeypatch) == plain

    for per in (Subject.ALL, Subject.MEMBER):
        desk.do(SetBudget(key=f"b{per}", account="acme", unit=1, name=f"by {per}", most=999, per=per))
    assert count_trips(desk, monkeypatch) == plain, "budgets are remembered"
    monkeypatch.setattr(BudgetBook, "find", lambda *_: None)
    assert count_trips(desk, monkeypatch) == plain + 1, "where another server wrote last they are asked for"
