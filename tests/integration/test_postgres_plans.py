"""How PostgreSQL carries out each statement of a batch: by the index that is meant, whatever it knows of the tables.

A statement that is new in `postgres_statements` fails here until its index is named below.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import psycopg
import pytest
from psycopg import sql

from farthing.store import postgres_statements
from farthing.store.postgres_statements import PLANS, SETTINGS, Write
from farthing.store.schema import metadata
from farthing.values.bounds import LOTS_AT_FIRST
from tests.integration.postgres_books import open_host, run_sql
from tests.postgres.databases import Database

BOTH: Final = frozenset({"account_book_key_key", "account_pkey"})
INDEXES: Final[dict[str, frozenset[str]]] = {
    "FIND_ACCOUNTS": BOTH,
    "LOCK_ACCOUNTS": frozenset({"account_pkey"}),
    "LOCK_FREE_ACCOUNTS": frozenset({"account_pkey"}),
    "WALLETS": frozenset({"wallet_pkey"}),
    "OPEN_LOTS": frozenset({"lot_burndown"}),
    "FEW_LOTS": frozenset({"lot_burndown"}),
    "FIRST_LOTS": frozenset({"lot_burndown"}),
    "UNEXPIRED_LOTS": frozenset({"lot_pkey"}),
    "OPEN_HOLDS": frozenset({"hold_open"}),
    "OPEN_DEBTS": frozenset({"debt_owed"}),
    "LIVE_ALLOWANCES": frozenset({"allowance_live"}),
    "LIVE_BUDGETS": frozenset({"budget_live"}),
    "TALLIES": frozenset({"tally_pkey"}),
    "LAST_SUBSCRIPTIONS": frozenset({"subscription_pkey"}),
    "LOTS": frozenset({"lot_pkey"}),
    "DEBTS": frozenset({"debt_pkey"}),
    "NAMED_HOLDS": frozenset({"hold_named"}),
    "LEADING_PARTS": frozenset({"hold_pkey"}),
    "OTHER_PARTS": frozenset({"hold_part"}),
    "TAKEN_KEYS": frozenset({"entry_key"}),
    "FROM_LEAD_ON": frozenset({"entry_account_id_unit_id_number_key"}),
    "OTHERS_OF_LEAD": frozenset({"entry_lead"}),
    "ABOUT": frozenset({"entry_about"}),
    "SEQ": frozenset({"wallet_pkey"}),
    "KNOWN_NAMES": frozenset({"name_pkey"}),
    "UPDATE_ACCOUNT": BOTH,
    "UPDATE_WALLET": frozenset({"wallet_pkey"}),
    "UPDATE_TOTALS": frozenset({"wallet_pkey"}),
    "UPDATE_LIVE_LOT": frozenset({"lot_pkey"}),
    "UPDATE_LOT": frozenset({"lot_pkey"}),
    "UPDATE_MOVED_LOT": frozenset({"lot_pkey"}),
    "UPDATE_HOLD": frozenset({"hold_pkey"}),
    "UPDATE_DEBT": frozenset({"debt_pkey"}),
    "UPDATE_ALLOWANCE": frozenset({"allowance_pkey"}),
    "UPDATE_BUDGET": frozenset({"budget_pkey"}),
    "UPDATE_TALLY": frozenset({"tally_pkey"}),
    "UPDATE_SUBSCRIPTION": frozenset({"subscription_pkey"}),
    "STOP_WALLET": frozenset({"wallet_pkey"}),
}
"""Statement → the index by which it finds each of its rows."""

NONE: Final = frozenset[str]()
TOUCH_NO_TABLE: Final = {"SETTINGS", "JOINED_SETTINGS", "KEEP_SETTINGS", "RESTORE_SETTINGS", "CLAIM_KEYS",
                         "CLAIM_FREE_KEYS", "CLAIM_KEYS_ALONE", "NEW_ACCOUNT_IDS"}  # fmt: skip
EITHER: Final = {"UPDATE_ACCOUNT"}
"""These give all columns of two unique indexes: either will do."""

IN_ORDER: Final = ("FEW_LOTS", "FIRST_LOTS")
FORBIDDEN: Final = {
    "Seq Scan", "Hash Join", "Merge Join", "Bitmap Heap Scan", "Bitmap Index Scan", "Hash", "Materialize", "Gather",
    "Gather Merge", "Memoize", "Incremental Sort",
}  # fmt: skip
FEW: Final = ("empty", "one row")
STATES: Final = ("never analysed", "analysed", "analysed with one row", *FEW)
"""What the planner knows. With one row it knows that a page has one: it takes the tables for smaller than they are."""

UNITS, ACCOUNTS, ROWS = 2, 400, 60
"""ROWS of each kind in each wallet."""


def list_statements() -> dict[str, str]:
    """Every statement that a batch can send, by its name."""
    found: dict[str, str] = {}
    for name, value in vars(postgres_statements).items():
        if isinstance(value, Write):
            found[name] = value.text
        elif name.isupper() and isinstance(value, str) and re.match(r"SELECT|UPDATE|INSERT|DELETE|WITH", value):
            found[name] = value
    return found


USUAL: Final = {"LargeBinary": "''::bytea", "Text": "''", "SmallInteger": "0", "BigInteger": "0"}
STATEMENTS: Final = list_statements()


def write_filling(table: Any, accounts: int = ACCOUNTS, units: int = UNITS, most: int = ROWS) -> str:
    """Rows for every wallet. What an index has a condition on holds for one row in four, of most tables."""
    given = {
        "account_id": "a", "unit_id": "u", "number": "n", "shard": "a % 64", "book": "1", "key": "'key ' || a",
        "position": "nextval('farthing_entry_position_seq')", "priority": "n % 3", "expires_at": "n % 7",
        "ended_at": "n % 4", "lead_unit": "CASE WHEN n % 4 = 0 THEN 1 ELSE u END", "lead_number": "n", "acts_at": "a",
        "of_number": "n % 4", "subject": "n",
        "key_digest": "int8send(a * 1000000 + u * 1000 + n)", "started": "1", "text": "'name ' || a",
    }  # fmt: skip
    if table.name.endswith("_hold"):
        given["name"] = "n % 8"
    if table.name.endswith("_name"):
        given |= {"number": "a"}
    columns = [column.name for column in table.columns]
    values = [given.get(column.name) or USUAL[type(column.type).__name__] for column in table.columns]
    keys = {column.name for column in table.primary_key.columns}
    is_by_wallet = "unit_id" in columns
    is_of_account = is_by_wallet or table.name.endswith("_subscription")
    rows = f"generate_series(1, {accounts if is_of_account else 10 * accounts}) AS a"
    if is_by_wallet:
        rows += f", generate_series(1, {units}) AS u"
    if keys & {"number", "position", "subject"} and not table.name.endswith("_name"):
        rows += f", generate_series(1, {most}) AS n"
    return (
        f"INSERT INTO {table.name} ({', '.join(columns)}) SELECT {', '.join(values)} FROM {rows} ON CONFLICT DO NOTHING"
    )


@pytest.fixture(scope="module", params=STATES)
def state(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def filled(state: str) -> Iterator[Database]:
    """Tables full of rows, of which the planner knows more, or less, or what is no longer true."""
    hot = ("account", "wallet", "lot", "hold", "debt", "allowance", "budget", "tally", "entry", "name",
           "subscription")  # fmt: skip
    tables = [metadata.tables[f"farthing_{name}"] for name in hot]
    with open_host() as database:
        run_sql(database, *(f"ALTER TABLE {table.name} SET (autovacuum_enabled = off)" for table in tables))
        if "one row" in state:
            run_sql(database, *(write_filling(table, 1, 1, 1) for table in tables), "ANALYZE")
        if state not in FEW:
            run_sql(database, *(write_filling(table) for table in tables))
        if state == "analysed":
            run_sql(database, "ANALYZE")
        yield database


@pytest.fixture
def connection(filled: Database) -> Iterator[psycopg.Connection[Any]]:
    """As in a batch: the app's role, and its settings."""
    with psycopg.connect(filled.app_url) as opened:
        opened.execute(SETTINGS, ("2s",))
        yield opened
        opened.rollback()


def explain(
    connection: psycopg.Connection[Any], name: str, *, size: int, options: str = "", prepare: bool = True
) -> dict[str, Any]:
    """The plan of a statement about so many rows."""
    if prepare:
        places = iter(range(1, 100))
        text = re.sub("%s", lambda _: f"${next(places)}", STATEMENTS[name])
        connection.execute(f"PREPARE planned AS {text}".encode())
    found = connection.execute(
        "SELECT parameter_types::text[] FROM pg_prepared_statements WHERE name = 'planned'"
    ).fetchone()
    assert found is not None
    given = sql.SQL(", ").join(sql.Literal(make_value(kind, size)) for kind in found[0])
    asked = sql.SQL("EXPLAIN (FORMAT JSON{}) EXECUTE planned({})").format(sql.SQL(options), given)
    row = connection.execute(asked).fetchone()
    assert row is not None
    plan: dict[str, Any] = (row[0] if isinstance(row[0], list) else json.loads(row[0]))[0]["Plan"]
    return plan


def make_value(kind: str, size: int) -> Any:
    """Something of this type to ask about; an array of so many. Only the number of wallets is meant."""
    one: dict[str, Any] = {"bigint": 1, "smallint": 1, "bytea": b"\1" * 16, "text": "2s"}
    if kind.endswith("[]"):
        return {"bigint": list(range(1, size + 1)), "bytea": [bytes([n % 256]) for n in range(size)],
                "text": [f"key {n}" for n in range(size)]}[kind[:-2]]  # fmt: skip
    return one[kind]


def iter_nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from iter_nodes(inner)


def test_every_statement_has_its_index_named_here() -> None:
    inserts = {name for name, text in STATEMENTS.items() if text.startswith("INSERT")}

    assert inserts | TOUCH_NO_TABLE | INDEXES.keys() == STATEMENTS.keys()


@pytest.mark.parametrize("name", STATEMENTS)
def test_every_row_is_found_by_the_index_that_is_meant(
    connection: psycopg.Connection[Any], state: str, name: str
) -> None:
    if name in TOUCH_NO_TABLE:
        assert "farthing_" not in STATEMENTS[name].replace("'farthing_account'", "")
        return

    for size in (1, 64, 512):
        nodes = list(iter_nodes(explain(connection, name, size=size, prepare=size == 1)))

        shown = (size, [(node["Node Type"], node.get("Index Name"), node.get("Index Cond")) for node in nodes])
        assert FORBIDDEN.isdisjoint(node["Node Type"] for node in nodes), shown
        scans = [node for node in nodes if "Relation Name" in node and node["Node Type"] != "ModifyTable"]
        used = {node["Index Name"].removeprefix("farthing_") for node in scans}
        assert used == INDEXES.get(name, NONE) or (name in EITHER and len(used) == 1 and used < INDEXES[name]), shown
        # An UPDATE may walk a table of one row. As that grows the server plans anew.
        assert all("Index Cond" in node for node in scans) or (state == "one row" and "UPDATE" in name), shown
        assert name not in IN_ORDER or all(node["Node Type"] != "Sort" for node in nodes), shown


@pytest.mark.parametrize("name", IN_ORDER)
def test_the_next_lots_are_read_in_the_order_of_the_index_and_no_further(
    connection: psycopg.Connection[Any], state: str, name: str
) -> None:
    nodes = list(iter_nodes(explain(connection, name, size=64, options=", ANALYZE, TIMING off")))

    scan = next(node for node in nodes if node.get("Index Name") == "farthing_lot_burndown")
    limit = next(node for node in nodes if node["Node Type"] == "Limit")
    read = scan["Actual Rows"] + scan.get("Rows Removed by Filter", 0) + scan.get("Rows Removed by Index Recheck", 0)
    assert LOTS_AT_FIRST < ROWS / 2
    assert limit["Actual Rows"] > (-1 if state in FEW else 0)
    assert read <= LOTS_AT_FIRST + 1


def test_without_the_settings_the_planner_changes_its_mind(filled: Database, state: str) -> None:
    """Proof that this looks at something: with the planner left to itself some statement reads whole tables."""
    with psycopg.connect(filled.app_url) as connection:
        kinds = set()
        for name in ("LOCK_ACCOUNTS", "LOTS", "UPDATE_TOTALS", "UPDATE_LOT"):
            kinds |= {node["Node Type"] for node in iter_nodes(explain(connection, name, size=512))}
            connection.execute("DEALLOCATE planned")

    assert FORBIDDEN & kinds or state == "empty"
    assert PLANS["enable_seqscan"] == "off"
