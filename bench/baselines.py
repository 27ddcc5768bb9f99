"""What people write by hand on PostgreSQL, driven by pgbench: the figures that everything else is held against.

One statement: a guarded UPDATE of the balance and an INSERT of the ledger row, in a CTE, prepared. And the same with a
unique key in the ledger row, which is the least that makes a retry safe.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import psycopg

from bench.meters import Meter
from bench.patterns import ACCOUNTS
from bench.rows import Plan, Row, make_row, median_of
from bench.servers import get_server
from tests.postgres.binaries import run_program
from tests.postgres.databases import Database, open_database

TABLES = f"""
DROP TABLE IF EXISTS account, line, keyed;
CREATE TABLE account (id bigint PRIMARY KEY, balance bigint NOT NULL) WITH (fillfactor = 80);
CREATE TABLE line (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account bigint NOT NULL, amount bigint NOT NULL,
  at timestamptz NOT NULL DEFAULT now());
CREATE TABLE keyed (LIKE line INCLUDING ALL, key text NOT NULL UNIQUE);
INSERT INTO account SELECT number, 1000000000000 FROM generate_series(1, {ACCOUNTS}) number;
VACUUM ANALYZE account;
CHECKPOINT;
"""
DRAWS = {
    "uniform": f"random(1, {ACCOUNTS})",
    "zipf": f"random_zipfian(1, {ACCOUNTS}, 1.5)",
    "hot": "1",
}
PAY = "WITH paid AS (UPDATE account SET balance = balance - 5 WHERE id = :account AND balance >= 5 RETURNING id)"
STATEMENTS = {
    "one statement": f"{PAY} INSERT INTO line (account, amount) SELECT id, 5 FROM paid;",
    "one statement with a unique key": (
        f"\\set key random(1, 9000000000000000000)\n"
        f"{PAY} INSERT INTO keyed (account, amount, key) SELECT id, 5, 'charge ' || :key FROM paid;"
    ),
}
CLIENTS = (8, 32)
BEST = "pgbench, one statement"
"""What figures are held against: the best of it for the same pattern."""


def bench_baselines(plan: Plan) -> Iterator[Row]:
    if not plan.list_stores("postgres"):
        return
    for name in STATEMENTS:
        for pattern in DRAWS:
            best = find_best(pattern, plan)
            for clients in CLIENTS:
                rate, costs = measure_statement(name, pattern, clients, plan.quick)
                yield make_row(
                    f"pgbench, {name}", "postgres", rate, pattern=pattern, clients=clients,
                    baseline=best, against=BEST, server_us=costs["server_us"], wal_bytes=costs["wal_bytes"],
                )  # fmt: skip


def find_best(pattern: str, plan: Plan) -> float | None:
    """The best one-statement figure of this pattern, without a key, at any number of clients."""
    if not plan.list_stores("postgres"):
        return None
    return max(measure_statement("one statement", pattern, clients, plan.quick)[0] for clients in CLIENTS)


@cache
def measure_statement(name: str, pattern: str, clients: int, quick: bool) -> tuple[float, dict[str, float]]:
    """Charges a second, the median of three runs, each on fresh tables; and what one cost the server."""
    seconds, runs = (2, 3) if quick else (8, 3)
    server = get_server()
    meter = Meter("postgres")
    with open_database(server) as database:
        script = server.place / "charge.sql"
        script.write_text(f"\\set account {DRAWS[pattern]}\n{STATEMENTS[name]}\n")
        script.chmod(0o644)
        rate = median_of(runs, lambda: run_pgbench(database, script, clients, seconds, meter))
        script.unlink()
    return rate, meter.columns()


def run_pgbench(database: Database, script: Path, clients: int, seconds: int, meter: Meter) -> float:
    """Transactions a second, as pgbench counts them."""
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        for statement in TABLES.split(";\n"):
            if statement:
                connection.execute(statement.encode())
    with meter.measure():
        said = run_program(
            "pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", str(seconds), "-f", str(script),
            "-h", "127.0.0.1", "-p", str(database.server.port), "-U", "postgres", database.name,
            PGPASSWORD=database.server.password,
        ).stdout  # fmt: skip
    done, failed, rate = (
        re.search(pattern, said)
        for pattern in (r"actually processed: (\d+)", r"failed transactions: 0 ", r"tps = ([0-9.]+)")
    )
    if not (done and failed and rate):
        raise RuntimeError(f"pgbench did not do what it was asked to:\n{said}")
    meter.charges += int(done[1])
    return float(rate[1])
