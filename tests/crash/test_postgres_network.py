"""The network between us and PostgreSQL, at its worst, right before and right after COMMIT (F3, F4, F5)."""

import time
from collections.abc import Callable, Iterator

import pytest

import farthing
from farthing.face.ledger import Ledger
from farthing.store import postgres_connections
from farthing.store.faults import Busy, DatabaseAway, OutcomeUnknown
from farthing.store.postgres_connections import BoundedConnection
from farthing.values.bounds import LONGEST_WAIT_SECONDS
from tests.crash.load import Load
from tests.crash.proof import prove, read_spent
from tests.postgres.databases import Database, open_prepared
from tests.postgres.proxy import Link, Moment, Proxy, open_proxy
from tests.postgres.server import Server
from tests.races.books import open_book
from tests.races.gates import wait_until

MOMENTS: tuple[Moment, ...] = ("before commit", "after commit")
SILENCE = 0.4
"""What this file counts as too long without an answer, in seconds."""


@pytest.fixture
def database(postgres: Server) -> Iterator[Database]:
    with open_prepared(postgres) as made:
        yield made


@pytest.fixture
def proxy(database: Database) -> Iterator[Proxy]:
    with open_proxy(database.server.port) as opened:
        yield opened


@pytest.fixture
def ledger(database: Database, proxy: Proxy) -> Iterator[Ledger]:
    """By way of the proxy; acme has 100."""
    open_book(database.app_url).close()
    with farthing.open(proxy.lead(database.app_url)) as opened:
        opened.grant("acme", 100, key="g")
        yield opened


@pytest.fixture(params=[SILENCE])
def short(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> float:
    """Nobody listens for longer to a silent server."""
    seconds: float = request.param
    monkeypatch.setattr(postgres_connections, "LONGEST_SILENCE_SECONDS", seconds)
    monkeypatch.setattr(BoundedConnection, "longest_silence", seconds)
    return seconds


def cut(link: Link) -> None:
    link.cut()


def delay(link: Link) -> None:
    time.sleep(0.3)


def check(database: Database, told: dict[str, farthing.Receipt], spent: int) -> None:
    """Everything told of acme is there, once, and that is all that was spent."""
    prove(database.app_url, {("acme", key): receipt.id for key, receipt in told.items()})
    assert read_spent(database.app_url, "acme")[0].spent == spent * 1_000_000


@pytest.mark.parametrize(
    ("moment", "act", "times"),
    [("before commit", cut, 2), ("before commit", delay, 1), ("after commit", cut, 1), ("after commit", delay, 1)],
)
def test_a_commit_cut_off_or_delayed_counts_once_and_its_caller_need_not_know(
    ledger: Ledger, proxy: Proxy, database: Database, moment: Moment, act: Callable[[Link], None], times: int
) -> None:
    told = {}
    for turn in range(6):
        proxy.plan(moment, act, times)
        told[f"c{turn}"] = ledger.charge("acme", 1, key=f"c{turn}")
        assert proxy.planned == [], "every fault was met"

    assert not any(receipt.replayed for receipt in told.values()), "each is its caller's own first receipt"
    check(database, told, spent=6)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_whole_batch_cut_off_at_its_commit_counts_once(
    ledger: Ledger, proxy: Proxy, database: Database, moment: Moment
) -> None:
    proxy.plan(moment, cut)

    answers = ledger.batch([farthing.Charge("acme", 1, key=f"c{turn}") for turn in range(60)])

    assert proxy.planned == []
    receipts = {f"c{turn}": answer for turn, answer in enumerate(answers) if isinstance(answer, farthing.Receipt)}
    assert len(receipts) == 60
    check(database, receipts, spent=60)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_database_gone_for_good_at_the_commit_leaves_the_outcome_unknown_and_the_key_tells(
    ledger: Ledger, proxy: Proxy, database: Database, moment: Moment
) -> None:
    server = proxy.target

    def go(link: Link) -> None:
        proxy.target = 1  # Nobody answers there.
        proxy.cut_all()

    proxy.plan(moment, go)
    with pytest.raises(OutcomeUnknown) as unknown:
        ledger.charge("acme", 7, key="c")
    with pytest.raises(DatabaseAway):
        ledger.charge("acme", 1, key="d")
    proxy.target = server

    again = ledger.charge("acme", 7, key="c")

    assert unknown.value.key == "c"
    assert again.replayed == (moment == "after commit")
    check(database, {"c": again}, spent=7)


def test_an_answer_that_never_comes_after_the_commit_is_looked_up(
    short: float, ledger: Ledger, proxy: Proxy, database: Database
) -> None:
    proxy.plan("after commit", lambda link: link.hang())

    began = time.monotonic()
    receipt = ledger.charge("acme", 7, key="c")

    assert SILENCE <= time.monotonic() - began < SILENCE + 1.5
    assert not receipt.replayed
    check(database, {"c": receipt}, spent=7)


@pytest.mark.parametrize("short", [LONGEST_WAIT_SECONDS + SILENCE], indirect=True)
def test_a_commit_that_never_arrives_keeps_its_account_only_until_the_server_gives_it_up(
    short: float, ledger: Ledger, proxy: Proxy, database: Database
) -> None:
    hung: list[Link] = []

    def hang(link: Link) -> None:
        hung.append(link)
        link.hang()

    ledger.grant("bolt", 100, key="g")
    proxy.plan("before commit", hang)
    began = time.monotonic()
    with pytest.raises(OutcomeUnknown):
        ledger.charge("acme", 7, key="c")
    assert time.monotonic() - began < short + LONGEST_WAIT_SECONDS + 1
    with pytest.raises(Busy):
        ledger.charge("acme", 1, key="d")
    assert ledger.charge("bolt", 1, key="c").available == 99, "its neighbours go on"

    hung[0].cut()  # As the server does, when that is silent in a transaction for too long.
    receipt = ledger.charge("acme", 7, key="c")

    assert not receipt.replayed
    check(database, {"c": receipt}, spent=7)


def test_a_network_that_swallows_everything_for_a_while_loses_and_doubles_nothing(
    short: float, database: Database, proxy: Proxy
) -> None:
    with Load(proxy.lead(database.app_url)) as load:
        for _ in range(2):
            load.go_on(30)
            proxy.flows.clear()
            time.sleep(2 * SILENCE)
            proxy.cut_all()
            proxy.flows.set()
        load.go_on(30)

    load.check(database.app_url)


def test_connections_cut_at_any_moment_lose_and_double_nothing(database: Database, proxy: Proxy) -> None:
    with Load(proxy.lead(database.app_url)) as load:
        for turn in range(12):
            load.go_on(5 + turn)
            proxy.plan(MOMENTS[turn % 2], cut, times=2)
            if turn % 3 == 0:
                proxy.cut_all()
        load.go_on(20)

    load.check(database.app_url)


def test_answers_and_questions_a_byte_at_a_time_are_put_together(
    ledger: Ledger, proxy: Proxy, database: Database
) -> None:
    proxy.largest_piece = 1

    held = ledger.hold("acme", 5, key="h")
    answers = ledger.batch([farthing.Charge("acme", 1, key=f"c{turn}") for turn in range(40)])
    settled = ledger.settle(held.id, 4, key="s")

    told = {f"c{turn}": answer for turn, answer in enumerate(answers) if isinstance(answer, farthing.Receipt)}
    assert len(told) == 40
    check(database, told | {"s": settled}, spent=44)


def test_a_cut_before_anything_was_committed_is_decided_again_on_a_new_connection(
    ledger: Ledger, proxy: Proxy, database: Database
) -> None:
    proxy.cut_all()
    wait_until(lambda: all(link.ended.is_set() for link in proxy.links))
    told = {"c": ledger.charge("acme", 1, key="c")}

    proxy.cut_all()
    assert ledger.balance("acme").available == 99

    check(database, told, spent=1)
