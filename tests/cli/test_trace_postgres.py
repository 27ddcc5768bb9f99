"""A trace on PostgreSQL comes to the independent sum, also when two processes replay it on one database at once."""

import csv
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from farthing.cli.trace import write_trace
from tests.postgres.databases import Database, open_prepared

ROWS, ACCOUNTS, FAIL_EVERY = 1_600, 7, 13
PRICE_IN, PRICE_OUT = Decimal("0.0025"), Decimal("0.0125")
ENTRIES = 2 * ACCOUNTS + 1 + 2 * ROWS
"""Each account is opened and funded; the terms are noted; each row is held and then settled or released."""
FARTHING = "import sys; from farthing.cli import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture
def database() -> Iterator[Database]:
    with open_prepared() as made:
        yield made


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    path = tmp_path / "trace.csv"
    write_trace(path, rows=ROWS, seed=11)
    return path


def start_replay(trace: Path, database: Database, concurrency: int) -> "subprocess.Popen[str]":
    terms = (
        "--accounts",
        str(ACCOUNTS),
        "--grant",
        "100000",
        "--price-in",
        str(PRICE_IN),
        "--price-out",
        str(PRICE_OUT),
    )
    more = ("--max-out", "512", "--fail-every", str(FAIL_EVERY), "--concurrency", str(concurrency), "--json")
    command = [sys.executable, "-c", FARTHING, "replay", str(trace), "--db", database.app_url, *terms, *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def read_figures(process: "subprocess.Popen[str]") -> dict[str, Any]:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    found: dict[str, Any] = json.loads(out)
    assert found.pop("per_second") >= 0
    return found | {"charged": Decimal(found["charged"])}


def reckon(trace: Path) -> dict[str, Any]:
    """The sum, worked out without Farthing."""
    with trace.open(newline="") as file:
        rows = list(csv.DictReader(file))
    kept = [row for number, row in enumerate(rows, 1) if number % FAIL_EVERY]
    tokens_in = sum(int(row["ContextTokens"]) for row in kept)
    tokens_out = sum(int(row["GeneratedTokens"]) for row in kept)
    return {
        "requests": len(rows), "settled": len(kept), "released": len(rows) - len(kept), "refused": 0,
        "tokens_in": tokens_in, "tokens_out": tokens_out, "verify": "ok",
        "charged": tokens_in * PRICE_IN + tokens_out * PRICE_OUT,
    }  # fmt: skip


def count_entries(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("SELECT count(*) FROM farthing_entry").fetchone()
    assert row is not None
    return int(row[0])


def test_two_processes_share_a_trace_and_charge_each_row_once(trace: Path, database: Database) -> None:
    want = reckon(trace)
    together = False

    processes = [start_replay(trace, database, concurrency) for concurrency in (16, 5)]
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        while all(process.poll() is None for process in processes):
            asked = "SELECT count(DISTINCT client_port) FROM pg_stat_activity WHERE application_name = 'farthing'"
            row = connection.execute(asked).fetchone()
            together = together or (row is not None and row[0] > 1 and count_entries(connection) > 0)
            time.sleep(0.005)
        figures = [read_figures(process) for process in processes]
        entries = count_entries(connection)
        spent = connection.execute("SELECT sum(spent) FROM farthing_wallet WHERE unit_id <> 0").fetchone()

    assert together, "one was done before the other began: this tested nothing"
    assert figures == [want, want]
    assert entries == ENTRIES
    assert spent == (want["charged"] * 10**6,)

    assert read_figures(start_replay(trace, database, 64)) == want


def test_a_process_that_is_killed_midway_leaves_nothing_to_mend(trace: Path, database: Database) -> None:
    killed = start_replay(trace, database, 4)
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        while killed.poll() is None and count_entries(connection) < ROWS:
            time.sleep(0.002)
        assert killed.poll() is None, "it was done before it was killed: this tested nothing"
        killed.kill()
        killed.communicate()

        assert read_figures(start_replay(trace, database, 16)) == reckon(trace)
        assert count_entries(connection) == ENTRIES
