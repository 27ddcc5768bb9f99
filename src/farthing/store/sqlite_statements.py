"""Every statement of a batch on SQLite, and how one question is asked about many rows at once.

A question begins with the rows that are asked about, as `asked(a, b, …)`, and names the index that answers it: SQLite
keeps no statistics here, and the wrong one would read all that ever ended.
"""

import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, Final

from farthing.store.versions import PREFIX as P
from farthing.store.wallet_rows import (
    ALLOWANCE_COLUMNS,
    BUDGET_COLUMNS,
    DEBT_COLUMNS,
    HOLD_COLUMNS,
    LOT_COLUMNS,
    SUBSCRIPTION_COLUMNS,
    TALLY_COLUMNS,
    TOTALS,
    WALLET_COLUMNS,
    Row,
)
from farthing.values.entries import Entry
from farthing.values.requests import About
from farthing.values.wallets import Account

SIZES: Final = (1, 8, 64, 512)
"""How many rows a question is asked about; fewer are filled up with nothing, so that few statements are kept."""

NAMES: Final = "abcd"


def list_columns(columns: Sequence[str], table: str) -> str:
    """Columns for a SELECT."""
    return ", ".join(f"{table}.{column}" for column in columns)


LOT, HOLD, DEBT = (list_columns(c, "r") for c in (LOT_COLUMNS, HOLD_COLUMNS, DEBT_COLUMNS))
ALLOWANCE, BUDGET, TALLY = (list_columns(c, "r") for c in (ALLOWANCE_COLUMNS, BUDGET_COLUMNS, TALLY_COLUMNS))
SUBSCRIPTION: Final = list_columns(SUBSCRIPTION_COLUMNS, "r")
ENTRY: Final = list_columns(Entry._fields, "r")
ACCOUNT: Final = list_columns(Account._fields, "r")
WALLET: Final = list_columns(WALLET_COLUMNS, "r")

BURNDOWN: Final = "r.priority, r.expires_at, (length(r.features) = 0), r.promotional DESC, r.effective_at, r.number"
"""The order of `rank_lot`, as the index has it."""

ACCOUNTS_BY_KEY: Final = f"SELECT {ACCOUNT} FROM asked CROSS JOIN {P}account AS r ON r.book = a AND r.key = b"
ACCOUNTS_BY_ID: Final = f"SELECT {ACCOUNT} FROM asked CROSS JOIN {P}account AS r ON r.account_id = b WHERE r.book = a"
WALLETS: Final = f"SELECT a, b, {WALLET} FROM asked CROSS JOIN {P}wallet AS r ON r.account_id = a AND r.unit_id = b"
OPEN_LOTS: Final = (
    f"SELECT a, b, {LOT} FROM asked CROSS JOIN {P}lot AS r INDEXED BY {P}lot_burndown"
    " ON r.account_id = a AND r.unit_id = b WHERE r.ended_at = 0"
)
FIRST_LOTS: Final = (
    f"SELECT {LOT} FROM {P}lot AS r INDEXED BY {P}lot_burndown WHERE r.account_id = ? AND r.unit_id = ?"
    f" AND r.ended_at = 0 AND r.started = 1 ORDER BY {BURNDOWN} LIMIT ?"
)
UNEXPIRED_LOTS: Final = f"SELECT {LOT} FROM {P}lot AS r WHERE r.account_id = ? AND r.unit_id = ? AND r.expires_at > ?"
OPEN_HOLDS: Final = (
    f"SELECT a, b, {HOLD} FROM asked CROSS JOIN {P}hold AS r INDEXED BY {P}hold_open"
    " ON r.account_id = a AND r.unit_id = b WHERE r.ended_at = 0"
)
OPEN_DEBTS: Final = (
    f"SELECT a, b, {DEBT} FROM asked CROSS JOIN {P}debt AS r INDEXED BY {P}debt_owed"
    " ON r.account_id = a AND r.unit_id = b WHERE r.ended_at = 0"
)
LIVE_ALLOWANCES: Final = (
    f"SELECT a, b, {ALLOWANCE} FROM asked CROSS JOIN {P}allowance AS r INDEXED BY {P}allowance_live"
    " ON r.account_id = a AND r.unit_id = b WHERE r.ended_at = 0"
)
LIVE_BUDGETS: Final = (
    f"SELECT a, b, {BUDGET} FROM asked CROSS JOIN {P}budget AS r INDEXED BY {P}budget_live"
    " ON r.account_id = a AND r.unit_id = b WHERE r.ended_at = 0"
)
TALLIES: Final = (
    f"SELECT a, b, {TALLY} FROM asked CROSS JOIN {P}tally AS r ON r.account_id = a AND r.unit_id = b AND r.subject = c"
)
LAST_SUBSCRIPTIONS: Final = (
    f"SELECT a, {SUBSCRIPTION} FROM asked CROSS JOIN {P}subscription AS r INDEXED BY {P}subscription_current"
    " ON r.account_id = a WHERE r.ended_at = 0"
)
BY_PLACE: Final = "ON r.account_id = a AND r.unit_id = b AND r.number = c"
LOTS: Final = f"SELECT a, b, {LOT} FROM asked CROSS JOIN {P}lot AS r {BY_PLACE}"
DEBTS: Final = f"SELECT a, b, {DEBT} FROM asked CROSS JOIN {P}debt AS r {BY_PLACE}"
NAMED_HOLDS: Final = (
    f"SELECT a, r.unit_id, {HOLD} FROM asked CROSS JOIN {P}hold AS r INDEXED BY {P}hold_named"
    " ON r.account_id = a AND r.name = b WHERE r.ended_at = 0 AND r.name <> 0"
)
LEADING_PARTS: Final = (
    f"SELECT a, r.unit_id, {HOLD} FROM asked CROSS JOIN {P}hold AS r {BY_PLACE}"
    " WHERE r.lead_unit = b AND r.lead_number = c"
)
OTHER_PARTS: Final = (
    f"SELECT a, r.unit_id, {HOLD} FROM asked CROSS JOIN {P}hold AS r INDEXED BY {P}hold_part"
    " ON r.account_id = a AND r.lead_unit = b AND r.lead_number = c WHERE r.unit_id <> r.lead_unit"
)
TAKEN_KEYS: Final = (
    f"SELECT a, b, r.lead_unit, r.lead_number FROM asked CROSS JOIN {P}entry AS r INDEXED BY {P}entry_key"
    " ON r.account_id = a AND r.key_digest = b WHERE r.key_digest IS NOT NULL"
)
FROM_LEAD_ON: Final = (
    f"SELECT r.position, {ENTRY} FROM {P}entry AS r"
    " WHERE r.account_id = ? AND r.unit_id = ? AND r.number >= ? ORDER BY r.number"
)
OTHERS_OF_LEAD: Final = (
    f"SELECT r.position, {ENTRY} FROM {P}entry AS r INDEXED BY {P}entry_lead"
    " WHERE r.account_id = ? AND r.lead_unit = ? AND r.lead_number = ? AND r.unit_id <> r.lead_unit"
)
ABOUT: Final = (
    f"SELECT {ENTRY} FROM {P}entry AS r INDEXED BY {P}entry_about"
    " WHERE r.account_id = ? AND r.unit_id = ? AND r.of_number = ? AND r.of_number <> 0 ORDER BY r.number"
)
LAST_ACCOUNT: Final = f"SELECT coalesce(max(account_id), 0) FROM {P}account"
SEQ: Final = f"SELECT seq FROM {P}wallet WHERE account_id = ? AND unit_id = ?"
KNOWN_NAMES: Final = f"SELECT r.number, r.text FROM asked CROSS JOIN {P}name AS r ON r.number = a"


def write_insert(table: str, columns: Sequence[str], otherwise: str = "") -> str:
    """An INSERT of one row."""
    return f"INSERT {otherwise}INTO {P}{table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"


def write_update(table: str, changing: Sequence[str], keys: Sequence[str], more: str = "") -> str:
    """An UPDATE of one row: the changing columns first, then the keys."""
    changes = ", ".join(f"{column} = ?" for column in changing)
    return f"UPDATE {P}{table} SET {changes} WHERE " + " AND ".join(f"{key} = ?" for key in keys) + more


PLACE: Final = ("shard", "account_id", "unit_id")
BY_WALLET, BY_ROW = ("account_id", "unit_id"), ("account_id", "unit_id", "number")
INSERT_ACCOUNT: Final = write_insert("account", Account._fields)
UPDATE_ACCOUNT: Final = write_update("account", ("state", "zone", "clock"), ("account_id", "book", "key"))
# OR FAIL spares SQLite the copies that it makes of every page to undo one row of many; here the whole work is undone.
INSERT_ENTRY: Final = write_insert("entry", ("shard", "account_id", *Entry._fields), "OR FAIL ")
UNSAID_FIELDS: Final = frozenset((*About._fields, "note_digest"))
SHORT_FIELDS: Final = tuple(name for name in Entry._fields if name not in UNSAID_FIELDS)
INSERT_SHORT_ENTRY: Final = write_insert("entry", ("shard", "account_id", *SHORT_FIELDS), "OR FAIL ")
"""For entries about which the caller said nothing: a third of the columns, and of the cost, is in what is not said."""
INSERT_WALLET: Final = write_insert("wallet", (*PLACE, *WALLET_COLUMNS))
UPDATE_WALLET: Final = write_update("wallet", WALLET_COLUMNS, BY_WALLET)
UPDATE_TOTALS: Final = write_update("wallet", TOTALS, BY_WALLET)
INSERT_LOT: Final = write_insert("lot", (*PLACE, *LOT_COLUMNS))
# A column in an index's condition, once named in SET, costs a look at that index even if it stays the same.
UPDATE_LIVE_LOT: Final = write_update("lot", ("amount", "started", "remaining"), BY_ROW, " AND ended_at = 0")
UPDATE_LOT: Final = write_update("lot", ("amount", "started", "remaining", "ended_at"), BY_ROW)
# The end of a lot stands in the index of live ones.
MOVED_LOT: Final = ("amount", "started", "remaining", "ended_at", "expires_at", "allowance")
UPDATE_MOVED_LOT: Final = write_update("lot", MOVED_LOT, BY_ROW)
INSERT_HOLD: Final = write_insert("hold", (*PLACE, *HOLD_COLUMNS))
UPDATE_HOLD: Final = write_update("hold", ("deadline", "state", "settled", "bare", "draws", "ended_at"), BY_ROW)
INSERT_DEBT: Final = write_insert("debt", (*PLACE, *DEBT_COLUMNS))
UPDATE_DEBT: Final = write_update("debt", ("remaining", "payers", "ended_at"), BY_ROW)
INSERT_ALLOWANCE: Final = write_insert("allowance", (*PLACE, *ALLOWANCE_COLUMNS))
UPDATE_ALLOWANCE: Final = write_update("allowance", ALLOWANCE_COLUMNS[2:], BY_ROW)
INSERT_BUDGET: Final = write_insert("budget", (*PLACE, *BUDGET_COLUMNS))
UPDATE_BUDGET: Final = write_update("budget", ("most", "is_hard", "ended_at"), BY_ROW)
INSERT_TALLY: Final = write_insert("tally", (*PLACE, *TALLY_COLUMNS))
UPDATE_TALLY: Final = write_update("tally", ("counters",), ("account_id", "unit_id", "subject"))
INSERT_SUBSCRIPTION: Final = write_insert("subscription", ("shard", "account_id", *SUBSCRIPTION_COLUMNS))
UPDATE_SUBSCRIPTION: Final = write_update("subscription", ("ended_at",), ("account_id", "number"))
INSERT_NOTE: Final = write_insert("note", (*PLACE, "number", "salt", "body"))
INSERT_NAME: Final = write_insert("name", ("number", "text"))
STOP_WALLET: Final = write_update("wallet", ("stopped",), BY_WALLET)


@lru_cache(maxsize=256)
def write_question(text: str, width: int, size: int) -> str:
    """A question about `size` rows of `width` values."""
    row = f"({', '.join('?' * width)})"
    return f"WITH asked({', '.join(NAMES[:width])}) AS (VALUES {', '.join([row] * size)}) {text}"


def ask(cursor: sqlite3.Cursor, text: str, asked: Sequence[tuple[Any, ...]]) -> list[Row]:
    """The answers about all these rows, in their order, in as few statements as may be."""
    if not asked:
        return []
    width, largest = len(asked[0]), SIZES[-1]
    answers: list[Row] = []
    for start in range(0, len(asked), largest):
        part = asked[start : start + largest]
        size = next(size for size in SIZES if size >= len(part))
        values = list(chain.from_iterable(part))
        values += [None] * ((size - len(part)) * width)
        answers += cursor.execute(write_question(text, width, size), values)
    return answers
