"""A client that stands still in its transaction for longer than the server bears it, and then goes on (F8)."""

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import psutil
import psycopg
import pytest

from farthing.engine.engine import Engine
from farthing.store.faults import Busy
from farthing.values.errors import InsufficientCredits
from tests.crash.proof import prove, read_spent
from tests.crash.workload import freeze_at_step
from tests.postgres.databases import Database, open_prepared
from tests.postgres.server import Server
from tests.races.asking import charge
from tests.races.books import open_book
from tests.races.gates import wait_until
from tests.races.processes import SERVER, start

IDLE_SECONDS = 3
"""How long the server bears the zombie's transaction: longer than anybody waits for a lock."""


@pytest.fixture
def database(postgres: Server) -> Iterator[Database]:
    with open_prepared(postgres) as made:
        yield made


def count_transactions(database: Database) -> int:
    """Sessions that stand still in a transaction."""
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        text = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND state = 'idle in transaction'"
        row = connection.execute(text, (database.name,)).fetchone()
        return 0 if row is None else int(row[0])


@pytest.mark.parametrize(
    ("step", "spent_meanwhile"), [("before save", 10), ("before commit", 10), ("before commit", 50)]
)
def test_a_client_frozen_for_too_long_commits_nothing_of_what_it_had_decided(
    database: Database, step: str, spent_meanwhile: int
) -> None:
    answers: Any = SERVER.Queue()
    zombie = start(freeze_at_step, database.app_url, step, f"{IDLE_SECONDS}s", answers)
    assert zombie.pid is not None
    pid: int = zombie.pid
    wait_until(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED, 20)
    engine = Engine(open_book(database.app_url))

    began = time.monotonic()
    with pytest.raises(Busy):
        engine.run(charge("living", spent_meanwhile))
    wait_until(lambda: count_transactions(database) == 0)
    assert time.monotonic() - began < IDLE_SECONDS + 1
    living = engine.run(charge("living", spent_meanwhile))
    os.kill(pid, signal.SIGCONT)
    answer = answers.get(timeout=20)
    zombie.join(20)

    told = {("acme", "living"): living.entries[0].hash}
    if spent_meanwhile == 50:
        assert answer == InsufficientCredits.code, "decided again, on what is there now"
    else:
        replayed, told["acme", "zombie"], number = answer
        assert not replayed
        assert number == living.entries[0].number + 1
    prove(database.app_url, told)
    assert read_spent(database.app_url, "acme")[0].spent == (50 if spent_meanwhile == 50 else 70)
    engine.close()


def test_the_server_bears_a_transaction_of_ours_no_longer_than_ten_seconds(database: Database) -> None:
    open_book(database.app_url).close()
    store = open_book(database.app_url)
    with store.work() as work:
        work.load([charge("c", 1)], 0)
        connection = work.connection  # type: ignore[attr-defined]
        assert connection.execute("SHOW idle_in_transaction_session_timeout").fetchone() == ("10s",)
        # In the midst of a COPY a session is not idle: there it is the statement that is borne no longer.
        assert connection.execute("SHOW statement_timeout").fetchone() == ("10s",)
    store.close()
