"""On PostgreSQL the database's clock counts: servers whose own clocks differ agree on the time, frozen books aside."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import farthing
from farthing.testing import FrozenClock
from tests.integration.postgres_books import open_host, run_sql
from tests.postgres.databases import Database

LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
WAYS = [
    "a clock that is set wrong",
    pytest.param(
        "libfaketime", marks=pytest.mark.skipif(not LIBRARIES, reason="libfaketime is not installed (Debian: faketime)")
    ),
]
SERVER = """
import functools, json, sys, time
from datetime import timedelta
url, ahead = sys.argv[1], int(sys.argv[2])
if ahead:
    import farthing.store.postgres as opened
    opened.DatabaseClock = functools.partial(opened.DatabaseClock, wall=lambda: time.time_ns() + ahead * 10**9)
import farthing
try:
    with farthing.open(url) as ledger:
        receipt = ledger.charge("acme", 1)
        held = ledger.hold("acme", 2, ttl=timedelta(minutes=10))
        print(json.dumps({"at": receipt.at.timestamp(), "wall": time.time() + ahead, "held": held.id,
                          "spendable": str(ledger.balance("acme").spendable)}))
except farthing.FarthingError as error:
    print(json.dumps({"error": error.code, "said": str(error)}))
"""


@pytest.fixture
def database() -> Iterator[Database]:
    with open_host() as made:
        yield made


def run_server(database: Database, way: str, hours: float) -> Any:
    """What a process says that charges and holds while its own clock is so many hours ahead."""
    environment, ahead = dict(os.environ), int(hours * 3600)
    if way == "libfaketime":
        environment |= {
            "LD_PRELOAD": str(LIBRARIES[0]),
            "FAKETIME": f"{ahead:+d}s",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        ahead = 0
    command = [sys.executable, "-c", SERVER, database.app_url, str(ahead)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def read_database_clock(database: Database) -> float:
    return float(run_sql(database, "SELECT extract(epoch FROM clock_timestamp())")[0][0])


@pytest.mark.parametrize("way", WAYS)
def test_servers_whose_clocks_differ_agree(database: Database, way: str) -> None:
    with farthing.open(database.app_url, create=True) as ledger:
        ledger.grant("acme", 100)
        before = read_database_clock(database)
        told = [run_server(database, way, hours) for hours in (-23, 5)]
        after = read_database_clock(database)
        here = ledger.charge("acme", 1).at.timestamp()

        # Neither the slow server nor the fast one lets a hold end before its ten minutes are over.
        assert ledger.balance("acme").held == 4

    for one, hours in zip(told, (-23, 5), strict=True):
        assert before - 0.1 <= one["at"] <= after + 0.1
        assert abs(one["wall"] - before - hours * 3600) < 120, "its own clock was not wrong: this tested nothing"
    assert told[0]["at"] < told[1]["at"] < here
    assert float(told[1]["spendable"]) == 94


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("hours", [-25, 25])
def test_a_server_that_is_more_than_a_day_off_writes_nothing(database: Database, way: str, hours: int) -> None:
    with farthing.open(database.app_url, create=True) as ledger:
        ledger.grant("acme", 100)

        told = run_server(database, way, hours)

        assert told["error"] == "clock_disagrees"
        assert "the database's clock and this machine's" in told["said"]
        assert ledger.balance("acme").spendable == 100


def test_a_frozen_test_book_uses_the_frozen_clock(database: Database) -> None:
    at = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
    clock = FrozenClock(at)
    with farthing.open(database.app_url, create=True, book="frozen", test=True, clock=clock) as ledger:
        granted = ledger.grant("acme", 100, expires_in=timedelta(hours=1))
        first = ledger.charge("acme", 1)
        clock.advance(timedelta(hours=2))
        late = ledger.grant("acme", 5)

        assert (granted.at, first.at, late.at) == (at, at, at + timedelta(hours=2))
        assert ledger.balance("acme").spendable == 5


def test_a_live_book_takes_no_frozen_clock(database: Database) -> None:
    clock = FrozenClock(datetime(2031, 5, 6, tzinfo=UTC))

    with pytest.raises(farthing.ClockIsFrozen):
        farthing.open(database.app_url, create=True, clock=clock)

    assert run_sql(database, "SELECT count(*) FROM farthing_book") == [(0,)]
