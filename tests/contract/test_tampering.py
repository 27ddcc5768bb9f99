"""Whoever owns the database can change anything in it, and `verify` names what: table, row, column, law.

The columns come from the real schema: a new one without an answer here fails.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from farthing.audit.rollup import MONTH
from farthing.store.rollup import UNUSABLE
from farthing.store.schema import metadata
from farthing.store.versions import PREFIX as P
from farthing.store.versions import VERSION_TABLE
from farthing.values.bounds import NEVER
from farthing.values.names import name_number
from tests.contract.desk import START
from tests.contract.spoiling import ROWS, WALLET, change, check, find_fault, read_row

ANA = name_number("ana")

IN_ORDER = {
    ("meta", "id"): "there is one such row, and nothing names it by its number",
    ("unit", "digits"): "how many places are shown at least may change at any time",
    ("book", "name"): "what a book is called is its operator's to say, and nothing that is sealed depends on it",
    ("account_alias", "key"): "another name for an account is its operator's to give; nothing is sealed under it",
    ("catalog", "digest"): "what a document says is known to who reads it, who compares the two",
    ("catalog", "document"): "what a document says is known to who reads it, who compares the two",
    ("catalog", "published_at"): "nothing follows from when a catalog was published",
    ("claim", "claim_id"): "nothing names it by its number for longer than the grant takes",
    ("rollup_usage", "spill"): "how many rows a sum is kept in changes nothing of what they add up to",
    ("rollup_flow", "spill"): "how many rows a sum is kept in changes nothing of what they add up to",
    **{
        ("claim", column): "a claim that was granted is proven by the entry of its grant alone"
        for column in ("campaign", "code", "amount", "expires_at", "features", "key", "made_at", "finished_at")
    },
}
"""Columns of which no change is a fault, and why. Single changes that are none have tests of their own below."""

PLACE = ("shard", "account_id", "unit_id", "number")
MOVED = {
    "shard": "has another shard than its account",
    "account_id": "belongs to an account that is not there",
    "unit_id": "belongs to a wallet that is not there",
}
"""What is said of a row that was moved to where there is nothing."""

FAULTS = {
    ("meta", "encoding_version"): "UpgradeFirst",
    ("meta", "chain_check"): "ChainKeyWrong",
    ("version", "version_num"): "UpgradeFirst",
    ("book", "book"): "is in book 1, which is not there",
    ("book", "catalog"): "book main: expected in order, found has catalog 2, which is not there",
    ("subscription", "shard"): "subscription of account 1, number 3: expected in order, found has another shard",
    ("subscription", "account_id"): "subscription of account 1001, number 3: expected in order, found has no entry",
    ("catalog", "book"): "catalog 1: expected in order, found is in book 1001, which is not there",
    ("catalog", "version"): "catalog 1: expected in order, found is named by entries, and is not there",
    ("claim", "book"): "claim 1: expected in order, found is in book 1001, which is not there",
    ("claim", "role"): "claim 1: expected in order, found is in the unknown role ownx",
    ("claim", "account"): "claim 1: expected in order, found is finished, and account acmex is not there",
    ("claim", "unit_id"): "claim 1: expected in order, found is of unit 1001, which this book does not have",
    ("book", "mode"): "is neither live nor test but 'livex'",
    (
        "unit",
        "unit_id",
    ): "wallet of account 1, unit 1: expected in order, found is of a unit that this book does not have",
    ("unit", "book"): "unit credits: expected in order, found is in book 1001, which is not there",
    ("unit", "name"): "chain_unbroken: entry 1 of wallet acme creditsx, hash",
    ("unit", "scale"): "chain_unbroken: entry 1 of wallet acme credits, hash",
    (
        "account",
        "account_id",
    ): "wallet of account 1, unit 0: expected in order, found belongs to an account that is not there",
    ("account", "shard"): "account acme: expected in order, found is in shard",
    ("account", "book"): "account acme: expected in order, found is in book 1001, which is not there",
    ("account", "key"): "chain_unbroken: entry 1 of wallet acmex credits, hash",
    ("account", "state"): "rows_equal_the_fold: account acme, state",
    ("account", "zone"): "rows_equal_the_fold: account acme, zone",
    ("account", "clock"): "rows_equal_the_fold: account acme, clock",
    ("account_alias", "book"): "account_alias acme corp: expected in order, found is in book 1001, which is not there",
    ("account_alias", "account_id"): "account_alias acme corp: expected in order, found is for account 1001",
    ("name", "number"): "is not the number of 'chat'",
    ("name", "text"): "is not the number of 'chatx'",
    ("entry", "position"): "entry of account 1, unit 1, number 9: expected in order, found has a position before",
    ("entry", "number"): "numbers_without_gaps: entry 9 of wallet acme credits",
    ("wallet", "unit_id"): "wallet of account 1, unit 1001: expected in order, found is of a unit",
    ("wallet", "seq"): "numbers_without_gaps: wallet acme credits, seq",
    ("wallet", "head"): "chain_unbroken: wallet acme credits, head",
    ("wallet", "next_due"): "nothing_due_is_missed: wallet acme credits, next_due",
    ("wallet", "live"): "counts_agree: wallet acme credits, live",
    ("wallet", "pending"): "counts_agree: wallet acme credits, pending",
    ("wallet", "scoped"): "counts_agree: wallet acme credits, scoped",
    ("wallet", "recurring"): "counts_agree: wallet acme credits, recurring",
    ("wallet", "budgeted"): "counts_agree: wallet acme credits, budgeted",
    (
        "tally",
        "subject",
    ): f"rows_equal_the_fold: counter 17, {ANA} of wallet acme credits: expected a row, found no row",
    ("tally", "counters"): f"rows_equal_the_fold: counter 17, {ANA} of wallet acme credits, reserved: expected 3",
    ("wallet", "stopped"): "wallet_in_order: wallet acme credits, stopped",
    ("rollup_mark", "id"): "table farthing_rollup_mark: expected in order, found goes up to nothing, and",
    ("rollup_mark", "position"): "table farthing_rollup_mark: expected in order, found goes up to position 10",
}
"""What is said of columns that a whole table's answer does not fit."""


def name_fault(table: str, column: str, number: int) -> str:
    """Table, row, column and law, as `verify` must name them."""
    if (table, column) in FAULTS:
        return FAULTS[table, column]
    if table.startswith("rollup_"):
        return name_sums(table, column)
    if column in MOVED:
        return f"{table} of account {1001 if column == 'account_id' else 1}, unit"
    if table == "entry":
        return f"chain_unbroken: entry {number} of wallet acme credits, hash"
    if table == "wallet":
        return f"rows_equal_the_fold: wallet acme credits, {column}"
    if table == "note":
        return "note of account 1, unit 1, number "
    if table == "subscription":
        there = ": expected a row, found no row" if column == "number" else f", {column}"
        return f"rows_equal_the_fold: subscription {number} of wallet acme account{there}"
    if column == "number":
        return f"rows_equal_the_fold: {table} {number} of wallet acme credits: expected a row, found no row"
    return f"rows_equal_the_fold: {table} {number} of wallet acme credits, {column}"


def name_sums(table: str, column: str) -> str:
    """The same of a row of the rollup: a row of sums is named by its table, wallet and month."""
    account = 1001 if column == "account_id" else 1
    whose = f"account {account}, unit {1001 if column == 'unit_id' else 1}"
    if table == "rollup_basis":
        lot = 1003 if column == "number" else 3
        return f"sums_equal_the_entries: rollup of lot {lot}, {whose}: expected sums of its entries, found is not what"
    if table == "rollup_followed":
        return f"sums_equal_the_entries: rollup of {whose}: expected sums of its entries, found says that it goes up to"
    fault = "has rows that do not reach" if column in ("first", "last") else "does not add up to its entries"
    month = START // MONTH
    return (
        f"sums_equal_the_entries: rollup of {table.removeprefix('rollup_')}, {whose}, month {month} since 1970:"
        f" expected sums of its entries, found {fault}"
    )


def list_columns() -> list[tuple[str, str]]:
    """Every column of every table that there is on SQLite."""
    tables = [(table.name, column.name) for table in metadata.sorted_tables for column in table.columns]
    return [(name.removeprefix(P), column) for name, column in [*tables, (VERSION_TABLE, "version_num")]]


def list_changes(column: str, value: Any, kind: str, nullable: bool) -> list[Any]:
    """What the owner makes of a value: something else of its kind, and nothing where that is possible."""
    if value is None:
        return [1 if kind == "INTEGER" else b"x" * 16]
    if isinstance(value, int):
        # What reaches too far costs time and nothing else.
        less = value == NEVER or column == "last"
        changed: Any = value + (1000 if column in (*PLACE, "book", "position") else -1 if less else 1)
    elif isinstance(value, str):
        changed = value + "x"
    else:
        changed = value[:-1] + bytes([value[-1] ^ 1]) if value else b"\x01" + bytes(15)
    return [changed, None] if nullable else [changed]


def test_every_table_of_the_real_database_is_looked_at(sound: Path):
    with closing(sqlite3.connect(sound)) as owner:
        names = [name for (name,) in owner.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = [
            (name.removeprefix(P), row[1]) for name in names for row in owner.execute(f"PRAGMA table_info({name})")
        ]

    assert sorted(found) == sorted(list_columns())
    assert sorted(ROWS) == sorted({table for table, _ in found})
    for table in ROWS:
        assert read_row(sound, table)


@pytest.mark.parametrize(("table", "column"), [place for place in list_columns() if place not in IN_ORDER])
def test_a_changed_column_is_named(copy: Path, table: str, column: str):
    row = read_row(copy, table)
    with closing(sqlite3.connect(copy)) as owner:
        kinds = {
            name: (kind, not needed) for _, name, kind, needed, *_ in owner.execute(f"PRAGMA table_info({P}{table})")
        }

    for value in list_changes(column, row[column], *kinds[column]):
        change(copy, f"UPDATE {P}{table} SET {column} = ? WHERE {ROWS[table]}", values=(value,))
        said = find_fault(copy)

        assert name_fault(table, column, row.get("number", 0)) in said
        back = " AND ".join(f"{name} IS ?" for name in row)
        changed = {**row, column: value}
        change(copy, f"UPDATE {P}{table} SET {column} = ? WHERE {back}", values=(row[column], *changed.values()))
    assert check(copy).summary == "ok"


@pytest.mark.parametrize(("table", "column"), IN_ORDER)
def test_a_change_that_is_no_fault_is_told_apart(copy: Path, table: str, column: str):
    value = read_row(copy, table)[column]
    (changed,) = list_changes(column, value, "", False)

    change(copy, f"UPDATE {P}{table} SET {column} = ? WHERE {ROWS[table]}", values=(changed,))

    assert check(copy, book=changed if column == "name" else "main").summary == "ok"


def test_a_row_that_reaches_too_far_is_no_fault(copy: Path):
    for table in ("usage", "flow"):
        change(copy, f"UPDATE {P}rollup_{table} SET first = first - 1, last = last + 1 WHERE {ROWS[f'rollup_{table}']}")

    assert check(copy).summary == "ok"


@pytest.mark.parametrize("position", [-2, 10**17])
def test_a_mark_that_is_no_position_is_named_and_not_gone_up_to(copy: Path, position: int):
    change(copy, f"UPDATE {P}rollup_mark SET position = {position}")

    assert f"table farthing_rollup_mark: expected in order, found goes up to position {position}" in find_fault(copy)


def test_a_rollup_that_is_being_thrown_away_is_no_fault(copy: Path):
    change(copy, f"UPDATE {P}rollup_mark SET position = {UNUSABLE}")
    change(copy, f"DELETE FROM {P}rollup_basis")

    assert check(copy).summary == "ok"


def test_an_early_due_time_is_no_fault(copy: Path):
    change(copy, f"UPDATE {P}wallet SET next_due = {START} WHERE {WALLET}")

    assert check(copy).summary == "ok"


def test_an_erased_note_is_no_fault_and_a_deleted_one_is(copy: Path):
    change(copy, f"UPDATE {P}note SET salt = NULL, body = NULL")
    assert check(copy).summary == "ok"

    change(copy, f"DELETE FROM {P}note")
    assert "note of account 1, unit 1, number 2: expected in order, found is missing" in find_fault(copy)


def test_a_stopped_wallet_that_an_operator_has_let_go_on_is_in_order_again(copy: Path):
    change(copy, f"UPDATE {P}wallet SET stopped = 1 WHERE {WALLET}")
    assert check(copy).summary == "wallet_in_order"

    change(copy, f"UPDATE {P}wallet SET stopped = 0 WHERE {WALLET}")
    assert check(copy).summary == "ok"


DELETED = {
    "meta": "DatabaseForeign",
    "version": "the row of farthing_version is gone",
    "book": "BookMissing",
    "unit": "is of a unit that this book does not have",
    "account": "belongs to an account that is not there",
    "wallet": "entry of account 1, unit 1, number 1: expected in order, found belongs to a wallet that is not there",
    "lot": "rows_equal_the_fold: lot 3 of wallet acme credits: expected a row, found no row",
    "hold": "rows_equal_the_fold: hold 12 of wallet acme credits: expected a row, found no row",
    "debt": "rows_equal_the_fold: debt 9 of wallet acme credits: expected a row, found no row",
    "allowance": "rows_equal_the_fold: allowance 16 of wallet acme credits: expected a row, found no row",
    "budget": "rows_equal_the_fold: budget 17 of wallet acme credits: expected a row, found no row",
    "tally": f"rows_equal_the_fold: counter 17, {ANA} of wallet acme credits: expected a row, found no row",
    "entry": "numbers_without_gaps: entry 9 of wallet acme credits: expected 8, found 9",
    "subscription": "rows_equal_the_fold: subscription 3 of wallet acme account: expected a row, found no row",
    "catalog": "book main: expected in order, found has catalog 1, which is not there",
    "note": "note of account 1, unit 1, number 2: expected in order, found is missing",
    "name": "is used in entries, and has no text",
    "rollup_mark": "table farthing_rollup_mark: expected in order, found goes up to nothing, and farthing_rollup_usage",
    "rollup_followed": "rollup of usage, account 1, unit 1, month",
    "rollup_usage": "rollup of usage, account 1, unit 1, month",
    "rollup_flow": "rollup of flow, account 1, unit 1, month",
    "rollup_basis": "rollup of lot 3, account 1, unit 1: expected sums of its entries, found is missing",
}


@pytest.mark.parametrize("table", sorted(ROWS.keys() - {"account_alias", "claim"}))
def test_a_deleted_row_is_named(copy: Path, table: str):
    change(copy, f"DELETE FROM {P}{table} WHERE {ROWS[table]}")

    assert DELETED[table] in find_fault(copy)


def test_a_deleted_alias_is_no_fault(copy: Path):
    change(copy, f"DELETE FROM {P}account_alias")

    assert check(copy).summary == "ok"


INSERTED: dict[str, tuple[dict[str, Any], str]] = {
    "meta": ({"id": 2}, "meta: expected in order, found has 2 rows"),
    "version": ({"version_num": "0000"}, "and the schema's version 2"),
    "unit": ({"unit_id": 99, "name": "more", "book": 77}, "unit more: expected in order, found is in book 77"),
    "account": ({"account_id": 99, "key": "ghost"}, "account ghost: expected in order, found has no entry that opened"),
    "account_alias": (
        {"key": "ghost", "account_id": 99},
        "account_alias ghost: expected in order, found is for account 99",
    ),
    "wallet": ({"account_id": 99}, "wallet of account 99, unit 1: expected in order, found belongs to an account"),
    "lot": ({"number": 6}, "rows_equal_the_fold: lot 6 of wallet acme credits: expected no row, found a row"),
    "hold": ({"number": 6}, "rows_equal_the_fold: hold 6 of wallet acme credits: expected no row, found a row"),
    "debt": ({"number": 6}, "rows_equal_the_fold: debt 6 of wallet acme credits: expected no row, found a row"),
    "allowance": (
        {"number": 6},
        "rows_equal_the_fold: allowance 6 of wallet acme credits: expected no row, found a row",
    ),
    "budget": ({"number": 6}, "rows_equal_the_fold: budget 6 of wallet acme credits: expected no row, found a row"),
    "tally": (
        {"subject": 6},
        "rows_equal_the_fold: counter 17, 6 of wallet acme credits: expected no row, found a row",
    ),
    "subscription": (
        {"number": 1, "ended_at": 5},
        "rows_equal_the_fold: subscription 1 of wallet acme account: expected no row, found a row",
    ),
    "catalog": ({"version": 9, "digest": b"e"}, "has 2 catalogs of book 1, and the last is 9"),
    "claim": (
        {"claim_id": 9, "key": "more", "account": "ghost"},
        "claim 9: expected in order, found is finished, and account ghost is not there",
    ),
    "note": ({"number": 6}, "note of account 1, unit 1, number 6: expected in order, found is not the one"),
    "name": ({"number": 5}, "name 5: expected in order, found is not the number of 'chat'"),
    "rollup_mark": ({"id": 2}, "table farthing_rollup_mark: expected in order, found has 2 rows"),
    "rollup_followed": (
        {"account_id": 2},
        "rollup of account 2, unit 1: expected sums of its entries, found says that",
    ),
    "rollup_usage": ({"feature": 5}, "rollup of usage, account 1, unit 1, month"),
    "rollup_flow": ({"start_at": 5}, "rollup of flow, account 1, unit 1, month 0 since 1970"),
    "rollup_basis": (
        {"number": 5},
        "rollup of lot 5, account 1, unit 1: expected sums of its entries, found is not what",
    ),
}
"""A copy of the chosen row with these columns changed, and what is said of it. Books may be added by anybody."""


@pytest.mark.parametrize("table", INSERTED)
def test_a_foreign_row_is_named(copy: Path, table: str):
    columns, fault = INSERTED[table]
    row = read_row(copy, table) | columns

    change(copy, f"INSERT INTO {P}{table} VALUES ({', '.join('?' * len(row))})", values=tuple(row.values()))

    assert fault in find_fault(copy)


@pytest.mark.parametrize("table", ["allowance", "budget", "tally"])
def test_a_rule_of_a_wallet_that_is_not_there_is_named(copy: Path, table: str):
    row = read_row(copy, table) | {"unit_id": 77}

    change(copy, f"INSERT INTO {P}{table} VALUES ({', '.join('?' * len(row))})", values=tuple(row.values()))

    number = f"subject {ANA}" if table == "tally" else f"number {row['number']}"
    where = f"{table} of account 1, unit 77, {number}"
    assert find_fault(copy).splitlines()[1:] == [
        f"  tables_in_order: {where}: expected in order, found belongs to a wallet that is not there"
    ]


def test_a_tally_that_counts_nothing_is_named(copy: Path):
    row = read_row(copy, "tally") | {"subject": 7, "counters": b""}

    change(copy, f"INSERT INTO {P}tally VALUES ({', '.join('?' * len(row))})", values=tuple(row.values()))

    assert find_fault(copy).splitlines()[1:] == [
        "  tables_in_order: tally of account 1, unit 1, subject 7: expected in order, found counts nothing"
    ]


def test_what_a_hold_reserves_is_vouched_for(copy: Path):
    where = f"{WALLET} AND length(reserves) > 0"
    with closing(sqlite3.connect(copy)) as owner:
        number, reserves = owner.execute(f"SELECT number, reserves FROM {P}hold WHERE {where}").fetchone()

    change(copy, f"UPDATE {P}hold SET reserves = ? WHERE {where}", values=(reserves[:-1] + b"\x01",))

    said = find_fault(copy)
    assert f"rows_equal_the_fold: hold {number} of wallet acme credits, reserves: expected ((17, {ANA}," in said
    assert (
        f"budgets_reserve_what_is_held: counter 17, {ANA} of wallet acme credits, reserved: expected 0, found 3" in said
    )


UNREADABLE = {
    "a state": (f"UPDATE {P}account SET state = 99 WHERE key = 'acme'", "account acme, state: expected 1, found 99"),
    "a scope": (f"UPDATE {P}lot SET features = x'01' WHERE {ROWS['lot']}", "lot 3 of wallet acme credits, features"),
    "draws": (f"UPDATE {P}hold SET draws = x'01' WHERE {ROWS['hold']}", "hold 12 of wallet acme credits, draws"),
    "payers": (f"UPDATE {P}debt SET payers = x'01' WHERE {ROWS['debt']}", "debt 9 of wallet acme credits, payers"),
    "reserves": (
        f"UPDATE {P}hold SET reserves = x'01' WHERE {ROWS['hold']}",
        "hold 12 of wallet acme credits, reserves",
    ),
    "alerts": (f"UPDATE {P}wallet SET alerts = x'01' WHERE {WALLET}", "wallet acme credits, alerts: expected (20, 5)"),
    "a top-up": (f"UPDATE {P}wallet SET top_up = x'01' WHERE {WALLET}", "wallet acme credits, top_up: expected TopUp"),
    "a recurring scope": (
        f"UPDATE {P}allowance SET features = x'01' WHERE {ROWS['allowance']}",
        "allowance 16 of wallet acme credits, features",
    ),
    "counters": (f"UPDATE {P}tally SET counters = x'01' WHERE {ROWS['tally']}", f"counter 17, {ANA} of wallet acme"),
    "effects": (f"UPDATE {P}entry SET effects = x'01' WHERE {ROWS['entry']}", "effects_make_sense: entry 8 of wallet"),
    "a kind": (
        f"UPDATE {P}entry SET kind = 99 WHERE {ROWS['entry']}",
        "kinds_are_known: entry 8 of wallet acme credits",
    ),
}
"""Values that no release ever wrote, cut short or unheard of."""


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_a_finding_and_never_a_traceback(copy: Path, name: str):
    statement, fault = UNREADABLE[name]

    change(copy, statement)

    assert fault in find_fault(copy)
    assert len(find_fault(copy).splitlines()) <= 4
