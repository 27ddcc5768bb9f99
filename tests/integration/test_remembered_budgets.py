"""Budgets are remembered between batches, and never believed when they are out of date: whoever wrote meanwhile, on
another server or in a transaction that came to nothing."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from farthing.engine.batch import Batch
from farthing.face.ids import write_id
from farthing.store import postgres_statements, sqlite_statements
from farthing.store.budget_book import MOST_RULES, BudgetBook
from farthing.store.postgres_asking import Asking
from farthing.values.errors import BudgetExceeded, BudgetNotFound
from farthing.values.names import name_number
from farthing.values.periods import DAY, HOUR, Cadence
from farthing.values.requests import About, Charge, Grant, Hold, Refund, Release, Request, Settle, Tidy, Void
from farthing.values.standing_requests import Allow, ChangeBudget, EndBudget, SetBudget
from farthing.values.wallets import Subject, Wallet
from tests.contract.desk import Desk, find_place
from tests.contract.standing import ACME, charge, insist, load_wallet
from tests.races.books import SHARED, make_url, open_book

MEMBERS = ("ana", "ben", "cleo")
COMPARED = ("seq", "head", "live", "budgeted", "lots", "holds", "debts", "budgets", "counters", "whole", "unloaded")


class Server(Desk):
    """A desk with a store of its own at a database that others write too."""

    def __init__(self, url: str) -> None:
        super().__init__(open_book(url))
        self.url = url
        for name in (*MEMBERS, "chat"):
            self.store.intern_name(name)

    @property
    def book(self) -> BudgetBook:
        store: Any = self.store
        kept: BudgetBook = store.budgets
        return kept

    def lose(self, *requests: Request) -> None:
        """Decide and save, and come to grief before the commit."""
        with suppress(MemoryError), self.store.work() as work:
            batch = Batch(work, requests, self.now, self.store.seal, provisional=False)
            batch.answer_all()
            work.save(batch.changes)
            raise MemoryError

    def join(self, *requests: Request, commits: bool) -> None:
        """Decide in a transaction of somebody else's, who then commits or undoes it."""
        with self.connect() as connection:
            for request in requests:
                with self.store.work_within(connection) as work:
                    batch = Batch(work, [request], self.now, self.store.seal, provisional=True)
                    batch.answer_all()
                    work.save(batch.changes)
                    work.commit()
            connection.commit() if commits else connection.rollback()

    @contextmanager
    def connect(self) -> Iterator[Any]:
        if self.url.startswith("sqlite:"):
            with closing(sqlite3.connect(self.url.removeprefix("sqlite:///"))) as connection:
                yield connection
        else:
            with psycopg.connect(self.url) as connection:
                yield connection


@pytest.fixture(params=SHARED)
def servers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Server, Server]]:
    """Two servers at one database."""
    with make_url(request.param, tmp_path) as url, ExitStack() as stack:
        pair = Server(url), Server(url)
        for server in pair:
            stack.callback(server.store.close)
        yield pair


def begin(server: Server) -> None:
    """Credits, three budgets and an allowance."""
    server.grant(10_000)
    server.do(SetBudget(key="day", **ACME, name="day", most=100, every=int(Cadence.DAY)))
    server.do(SetBudget(key="all", **ACME, name="all", most=5000))
    server.do(SetBudget(key="each", **ACME, name="each", most=60, per=int(Subject.MEMBER), every=int(Cadence.HOUR)))
    server.do(Allow(key="plan", **ACME, name="plan", amount=1000, every=int(Cadence.MONTH)))


def spend(server: Server, key: str, amount: int) -> Exception | None:
    (answer,) = server.ask(charge(key, amount))
    return answer if isinstance(answer, Exception) else None


def test_what_another_server_spent_counts_at_once(servers):
    here, there = servers
    begin(here)
    assert spend(here, "a", 50) is None

    assert spend(there, "b", 45) is None

    refused = spend(here, "c", 6)
    assert isinstance(refused, BudgetExceeded)
    assert spend(here, "d", 5) is None
    insist(here)


def test_a_budget_that_another_server_changed_or_ended_is_gone_at_once(servers):
    here, there = servers
    begin(here)
    assert spend(here, "a", 50) is None
    there.do(ChangeBudget(key="less", **ACME, name="day", most=60))

    assert isinstance(spend(here, "b", 11), BudgetExceeded)
    there.do(EndBudget(key="end", **ACME, name="day"))

    assert spend(here, "c", 500) is None
    (missing,) = here.ask(EndBudget(key="again", **ACME, name="day"))
    assert isinstance(missing, BudgetNotFound)
    insist(here)


def test_a_batch_that_came_to_nothing_is_not_remembered(servers):
    here, _ = servers
    begin(here)
    assert spend(here, "a", 50) is None

    here.lose(charge("lost", 50), EndBudget(key="lost", **ACME, name="all"))

    assert spend(here, "b", 50) is None
    assert isinstance(spend(here, "c", 1), BudgetExceeded)
    assert sorted(load_wallet(here, charge("any")).budgets) == [2, 3, 4]
    insist(here)


@pytest.mark.parametrize("commits", [True, False])
def test_a_transaction_of_somebody_else_counts_if_it_is_committed(servers, commits):
    here, _ = servers
    begin(here)
    assert spend(here, "a", 50) is None

    here.join(charge("theirs", 50), ChangeBudget(key="more", **ACME, name="day", most=120), commits=commits)

    assert spend(here, "b", 20) is None
    assert (spend(here, "c", 30) is None) is not commits
    assert isinstance(spend(here, "d", 1), BudgetExceeded)
    insist(here)


def test_a_period_that_is_over_is_not_what_is_remembered(servers):
    here, _ = servers
    begin(here)
    assert spend(here, "a", 100) is None
    assert isinstance(spend(here, "b", 1), BudgetExceeded)

    here.now += 2 * DAY

    assert spend(here, "c", 100) is None
    insist(here)


def test_budgets_that_are_remembered_are_not_asked_for(servers, monkeypatch):
    here, there = servers
    begin(here)
    assert spend(here, "a", 1) is None
    asked: list[str] = []
    ask, ask_each = sqlite_statements.ask, Asking.ask_each
    monkeypatch.setattr(
        sqlite_statements, "ask", lambda c, text, rows: (note(asked, text, rows), ask(c, text, rows))[1]
    )
    monkeypatch.setattr(
        Asking, "ask_each", lambda self, text, rows, *v: (note(asked, text, rows), ask_each(self, text, rows, *v))[1]
    )

    assert spend(here, "b", 1) is None
    questions = [postgres_statements, sqlite_statements]
    budgets = {each.LIVE_BUDGETS for each in questions} | {each.TALLIES for each in questions}
    assert asked, "somebody was asked something"
    assert not budgets & set(asked)
    (answer,) = here.ask(charge("c", 1, about=About(member=name_number("ana"))))
    assert answer.entries
    assert budgets & set(asked), "the counter of a member that was not known is asked for"
    asked.clear()

    assert spend(there, "d", 1) is None
    assert len(budgets & set(asked)) == 2, "another server knows nothing yet"


def note(asked: list[str], text: str, rows: Any) -> bool:
    """Whether something was asked."""
    if rows:
        asked.append(text)
    return bool(rows)


def test_a_wallet_with_very_many_counters_is_not_remembered(servers):
    here, _ = servers
    begin(here)
    here.do(Grant(key="more", account="acme", amounts=((1, 10_000),)))
    names = [f"member {number}" for number in range(MOST_RULES)]
    for name in names:
        here.store.intern_name(name)

    here.ask(*[charge(name, 1, about=About(member=name_number(name))) for name in names])

    kept = here.book.young[here.account().account_id, 1]
    assert here.book.find((here.account().account_id, 1), here.wallet().head) is None
    assert len(kept.counters) < MOST_RULES
    assert isinstance(spend(here, "a", 100), BudgetExceeded)
    insist(here)


@pytest.mark.parametrize("seed", range(4))
def test_whatever_two_servers_do_what_is_loaded_is_what_a_new_one_loads(servers, seed):
    dice = random.Random(seed)
    begin(servers[0])
    made: dict[str, list[Any]] = {"holds": [], "charges": [], "grants": []}
    for step in range(50):
        server = dice.choice(servers)
        requests = [draw_request(dice, f"{step}-{number}", made) for number in range(dice.randrange(1, 4))]
        way = dice.random()
        if way < 0.1:
            server.lose(*requests)
        elif way < 0.25:
            server.join(*requests, commits=dice.random() < 0.5)
        else:
            remember_places(made, requests, server.ask(*requests))
        servers[0].now = servers[1].now = servers[0].now + dice.choice((0, 0, HOUR, DAY))
        compare(dice, servers, step)
    insist(servers[0])
    assert made["holds"]
    assert made["charges"]


def compare(dice: random.Random, servers: tuple[Server, Server], step: int) -> None:
    about = About(member=name_number(dice.choice(MEMBERS))) if dice.random() < 0.5 else About()
    looking = charge(f"look {step}", 1, about=about)
    loaded = [show(load_wallet(server, looking)) for server in servers]
    new = Server(servers[0].url)
    try:
        new.now = servers[0].now
        expected = show(load_wallet(new, looking))
    finally:
        new.store.close()
    assert loaded == [expected, expected], f"step {step}"


def show(wallet: Wallet) -> dict[str, Any]:
    shown = {name: getattr(wallet, name) for name in COMPARED}
    return shown | {"order": list(wallet.lots)}


def draw_request(dice: random.Random, key: str, made: dict[str, list[Any]]) -> Request:
    """Something of everything that moves lots, holds, budgets or counters."""
    said = dice.choice(
        ["charge"] * 6 + ["hold"] * 3 + ["grant", "settle", "release", "refund", "void", "tidy"] + ["rule"] * 3
    )
    about = About(member=name_number(dice.choice(MEMBERS))) if dice.random() < 0.6 else About()
    held = dice.choice(made["holds"]) if made["holds"] else None
    charged = dice.choice(made["charges"]) if made["charges"] else None
    if said == "hold":
        ttl = dice.choice((HOUR, 5 * DAY))
        return Hold(key=key, account="acme", amounts=((1, dice.randrange(15)),), about=about, ttl=ttl)
    if said == "grant":
        ends = dice.choice((None, HOUR, 3 * DAY))
        return Grant(key=key, account="acme", amounts=((1, dice.randrange(1, 50)),), expires_in=ends)
    if said == "settle" and held:
        return Settle(key=key, hold=held, hold_id=write_id("hld", held), amounts=((1, dice.randrange(10)),))
    if said == "release" and held:
        return Release(key=key, hold=held, hold_id=write_id("hld", held))
    if said == "refund" and charged:
        return Refund(key=key, charge=charged, charge_id=write_id("rct", charged))
    if said == "void":
        return Void(key=key, account="acme", amounts=((1, 3),))
    if said == "tidy":
        return Tidy(key=key, account="acme", unit=1)
    if said == "rule":
        return draw_rule(dice, key)
    return Charge(key=key, account="acme", amounts=((1, dice.randrange(12)),), about=about)


def draw_rule(dice: random.Random, key: str) -> Request:
    name = dice.choice(("day", "all", "each", "other"))
    kind = dice.choice((SetBudget, ChangeBudget, ChangeBudget, EndBudget))
    if kind is SetBudget:
        per, every = dice.choice((0, int(Subject.MEMBER))), dice.choice((0, int(Cadence.DAY)))
        return SetBudget(key=key, **ACME, name=name, most=dice.randrange(10, 200), per=per, every=every)
    if kind is ChangeBudget:
        return ChangeBudget(key=key, **ACME, name=name, most=dice.randrange(10, 200))
    return EndBudget(key=key, **ACME, name=name)


def remember_places(made: dict[str, list[Any]], requests: list[Request], answers: list[Any]) -> None:
    for request, answer in zip(requests, answers, strict=True):
        if not isinstance(answer, Exception) and isinstance(request, Hold | Charge):
            made["holds" if isinstance(request, Hold) else "charges"].append(find_place(answer))
