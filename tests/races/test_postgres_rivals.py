"""The races of servers on PostgreSQL: one hot account, new accounts and names at once, one key, their isolation."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier

import psycopg
import pytest
from psycopg import sql

from farthing.audit.verify import verify
from farthing.engine.engine import Engine
from farthing.engine.tickets import Outcome
from farthing.values.errors import InsufficientCredits, KeyReused
from farthing.values.requests import Charge, Grant, Request
from tests.crash.proof import prove
from tests.postgres.databases import Database
from tests.races.asking import charge, grant
from tests.races.books import CREDITS, open_book
from tests.races.processes import SERVER, start
from tests.races.rivals import count_deadlocks
from tests.races.writers import charge_crowded, write_new


@pytest.fixture
def rivals(books: Database) -> Iterator[tuple[Engine, Engine]]:
    """Two servers' engines on one book, which is proved in the end."""
    one, other = Engine(open_book(books.app_url)), Engine(open_book(books.app_url))
    yield one, other
    assert verify(one.store).summary == "ok"
    one.close()
    other.close()


def test_of_two_servers_on_one_hot_account_neither_starves_and_nothing_is_doubled(books: Database) -> None:
    engine = Engine(open_book(books.app_url))
    engine.run(grant("g", 10_000_000))
    barrier, answers = SERVER.Barrier(2), SERVER.Queue()

    processes = [start(charge_crowded, books.app_url, name, 8, barrier, 2.0, answers) for name in "ab"]
    charged = [answers.get(timeout=40) for _ in processes]
    for process in processes:
        process.join(30)

    # Fair shares are the machine's to give, which others use too: one that starves gets a handful in these seconds.
    assert min(charged) >= sum(charged) / 2 / 20, charged
    wallet = engine.read_wallet("acme", CREDITS)
    assert (wallet.spent, wallet.seq) == (sum(charged), sum(charged) + 1)
    assert verify(engine.store).summary == "ok"
    engine.close()
    assert count_deadlocks(books) == 0


def run_servers(books: Database, *shares: list[list[Request]]) -> list[list[tuple[str, int] | str]]:
    """What servers were answered that ask for their batches at the same moments."""
    barrier, answers = SERVER.Barrier(len(shares)), SERVER.Queue()
    processes = [start(write_new, books.app_url, share, barrier, answers) for share in shares]
    told = [answers.get(timeout=40) for _ in processes]
    for process in processes:
        process.join(30)
    return told


@contextmanager
def keep_slow(books: Database, table: str) -> Iterator[None]:
    """Each new row of a table takes its time, so that two servers write theirs at the same time."""
    with psycopg.connect(books.superuser_url, autocommit=True) as connection:
        connection.execute(
            "CREATE FUNCTION wait_a_little() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN PERFORM pg_sleep(0.004); RETURN NEW; END'"
        )
        connection.execute(
            f"CREATE TRIGGER slow BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION wait_a_little()"
        )
        yield
        connection.execute(f"DROP TRIGGER slow ON {table}")
        connection.execute("DROP FUNCTION wait_a_little")


def test_accounts_that_two_servers_open_at_once_in_opposite_orders_are_opened_once(books: Database) -> None:
    open_book(books.app_url).close()
    accounts = [[f"{turn} {place}" for place in range(30)] for turn in range(4)]

    with keep_slow(books, "farthing_account"):
        told = run_servers(
            books,
            [[grant("one", 10, account) for account in batch] for batch in accounts],
            [[grant("other", 10, account) for account in reversed(batch)] for batch in accounts],
        )

    assert set(told[0]) == set(told[1])
    assert len(set(told[0])) == 4 * 30, "each account was opened once, and every request was answered"
    prove(books.app_url, {})
    assert count_deadlocks(books) == 0


def test_names_that_two_servers_use_first_at_once_in_opposite_orders_are_written_once(books: Database) -> None:
    engine = Engine(open_book(books.app_url))
    for account in ("acme", "bolt"):
        engine.run(grant("g", 1000, account))
    names = [[f"feature {turn} {place}" for place in range(30)] for turn in range(4)]

    def use(name: str, account: str) -> Request:
        number = engine.store.intern_name(name)
        return Charge(key=name, account=account, amounts=((1, 1),), feature=number, feature_text=name)

    with keep_slow(books, "farthing_name"):
        told = run_servers(
            books,
            [[use(name, "acme") for name in batch] for batch in names],
            [[use(name, "bolt") for name in reversed(batch)] for batch in names],
        )

    assert [len(set(said)) for said in told] == [1, 1]
    assert [engine.read_wallet(account, CREDITS).spent for account in ("acme", "bolt")] == [120, 120]
    engine.close()
    prove(books.app_url, {})
    assert count_deadlocks(books) == 0


def test_one_key_with_two_units_on_two_servers_counts_once(rivals: tuple[Engine, Engine]) -> None:
    rivals[0].run(Grant(key="g", account="acme", amounts=((1, 1000), (2, 1000))))
    begin = Barrier(2)

    def spend(server: int, turn: int) -> Outcome | KeyReused:
        begin.wait(10)
        try:
            return rivals[server].run(Charge(key=f"c{turn}", account="acme", amounts=((1 + server, 1),)))
        except KeyReused as no:
            return no

    kinds: Counter[tuple[str, ...]] = Counter()
    with ThreadPoolExecutor(2) as pool:
        for turn in range(25):
            answers = pool.map(spend, (0, 1), (turn, turn))
            kinds[tuple(sorted(type(answer).__name__ for answer in answers))] += 1

    assert kinds == {("KeyReused", "Outcome"): 25}
    assert sum(wallet.spent for wallet in rivals[0].read_wallets("acme")) == 25


def test_one_key_on_two_servers_gives_both_the_same_receipt(rivals: tuple[Engine, Engine]) -> None:
    begin = Barrier(2)

    def give(server: int, turn: int) -> Outcome:
        begin.wait(10)
        return rivals[server].run(grant("g", 5, f"account-{turn}"))

    with ThreadPoolExecutor(2) as pool:
        for turn in range(25):
            one, other = pool.map(give, (0, 1), (turn, turn))
            assert one.entries == other.entries
            assert sorted((one.replayed, other.replayed)) == [False, True]


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
def test_a_stricter_isolation_by_default_changes_nothing_for_racing_servers(books: Database, isolation: str) -> None:
    with psycopg.connect(books.superuser_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET default_transaction_isolation = {}").format(
                sql.Identifier(books.name), sql.Literal(isolation)
            )
        )
    servers = [Engine(open_book(books.app_url)) for _ in range(2)]
    servers[0].run(grant("g", 60))

    def spend(place: int) -> bool:
        try:
            return bool(servers[place % 2].run(charge(f"c{place}", 1)).entries)
        except InsufficientCredits:
            return False

    with ThreadPoolExecutor(8) as pool:
        passed = list(pool.map(spend, range(120)))

    assert sum(passed) == 60
    assert verify(servers[0].store).summary == "ok"
    for server in servers:
        server.close()
