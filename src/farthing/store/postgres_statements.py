"""Every statement of a batch on PostgreSQL. Each asks about, or writes, all rows of its kind at once, as arrays.

How each is carried out is pinned by `SETTINGS`: the planner would otherwise change its mind with the size of a batch
or of a table, to a plan that reads all that ever was. A test looks at the plan of every statement here.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from farthing.store.schema import TYPES
from farthing.store.sqlite_statements import BURNDOWN, list_columns
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
)
from farthing.values.bounds import LOTS_AT_FIRST
from farthing.values.entries import Entry
from farthing.values.wallets import Account

LOT, HOLD, DEBT = (list_columns(c, "r") for c in (LOT_COLUMNS, HOLD_COLUMNS, DEBT_COLUMNS))
ALLOWANCE, BUDGET, TALLY = (list_columns(c, "r") for c in (ALLOWANCE_COLUMNS, BUDGET_COLUMNS, TALLY_COLUMNS))
SUBSCRIPTION: Final = list_columns(SUBSCRIPTION_COLUMNS, "r")
ENTRY: Final = list_columns(Entry._fields, "r")
ACCOUNT: Final = list_columns(Account._fields, "r")
WALLET: Final = list_columns(WALLET_COLUMNS, "r")

PLANS: Final = {
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_material": "off",
    "enable_memoize": "off",
}
"""What pins the plans: every row is found by its index, one after the other."""

BOUNDS: Final = {"statement_timeout": "10s", "idle_in_transaction_session_timeout": "10s"}
"""For our own transactions: nobody who hangs, in the midst of a COPY too, or went away unseen, keeps an account locked
for long."""

UNBOUNDED: Final = "SET LOCAL statement_timeout = 0"
"""Before a COMMIT: one that were cut short while it waits for a standby would count as done."""

CLOCK: Final = "(extract(epoch FROM clock_timestamp()) * 1000000)::int8"
GUARDED: Final = "current_setting('synchronous_commit')"
DURABLE: Final = f"set_config('synchronous_commit', CASE {GUARDED} WHEN 'off' THEN 'on' ELSE {GUARDED} END, true)"
"""What is answered is on the disk, also where a server was told that this may wait."""


def write_settings(settings: dict[str, str]) -> str:
    """Set these for the transaction."""
    return ", ".join(f"set_config('{name}', '{value}', true)" for name, value in settings.items())


SETTINGS: Final = f"SELECT {CLOCK}, set_config('lock_timeout', %s, true), {DURABLE}, {write_settings(PLANS | BOUNDS)}"
JOINED_SETTINGS: Final = f"SELECT {CLOCK}, set_config('lock_timeout', %s, true), {write_settings(PLANS)}"
KEPT: Final = ("lock_timeout", *PLANS)
KEEP_SETTINGS: Final = "SELECT " + ", ".join(f"current_setting('{name}')" for name in KEPT)
RESTORE_SETTINGS: Final = "SELECT " + ", ".join(f"set_config('{name}', %s, true)" for name in KEPT)

ASKED: Final = (
    "",
    "unnest(%s::int8[]) AS asked(a)",
    "unnest(%s::int8[], %s::int8[]) AS asked(a, b)",
    "unnest(%s::int8[], %s::int8[], %s::int8[]) AS asked(a, b, c)",
)
ASKED_DIGESTS: Final = "unnest(%s::int8[], %s::bytea[]) AS asked(a, b)"


def write_question(columns: str, asked: str, table: str, found: str, *, more: str = "OFFSET 0") -> str:
    """For each row that is asked about, what is found in a table. Without an OFFSET it would be a join, and where the
    planner takes a table for small it has a join walk all of it instead."""
    looked = f"SELECT * FROM {P}{table} AS r WHERE {found} {more}"
    return f"SELECT {columns} FROM {asked} CROSS JOIN LATERAL ({looked}) AS r"


FIND_ACCOUNTS: Final = (
    f"SELECT {ACCOUNT} FROM {P}account AS r WHERE r.book = %s AND r.key = ANY (%s::text[])"
    f" UNION ALL SELECT {ACCOUNT} FROM {P}account AS r WHERE r.account_id = ANY (%s::int8[]) AND r.book + 0 = %s::int8"
)
LOCK_ACCOUNTS: Final = (
    f"SELECT {ACCOUNT} FROM {P}account AS r WHERE r.account_id = ANY (%s::int8[])"
    " ORDER BY r.account_id FOR NO KEY UPDATE"
)
LOCK_FREE_ACCOUNTS: Final = f"{LOCK_ACCOUNTS} SKIP LOCKED"
NEW_ACCOUNT_IDS: Final = (
    f"SELECT nextval(pg_get_serial_sequence('{P}account', 'account_id')) FROM generate_series(1, %s::int8)"
)

CLAIM_KEYS: Final = "SELECT a, pg_advisory_xact_lock_shared(a) FROM unnest(%s::int8[]) AS asked(a)"
CLAIM_FREE_KEYS: Final = "SELECT a FROM unnest(%s::int8[]) AS asked(a) WHERE pg_try_advisory_xact_lock_shared(a)"
CLAIM_KEYS_ALONE: Final = "SELECT a, pg_advisory_xact_lock(a) FROM unnest(%s::int8[]) AS asked(a)"
"""Before accounts are opened. An account that a caller's own transaction opens is seen by nobody else until that ends,
and whoever would open it too would wait at the row: with all the others in its batch, if it did not wait here."""

OF_WALLET: Final = "r.account_id = a AND r.unit_id = b"
BY_PLACE: Final = f"{OF_WALLET} AND r.number = c"
LIVE: Final = f"{OF_WALLET} AND r.ended_at = 0"
WALLETS: Final = write_question(f"a, b, {WALLET}", ASKED[2], "wallet", OF_WALLET)
OPEN_LOTS: Final = write_question(f"a, b, {LOT}", ASKED[2], "lot", LIVE)
FEW_LOTS: Final = write_question(
    f"a, b, {LOT}", ASKED[2], "lot", LIVE, more=f"ORDER BY {BURNDOWN} LIMIT {LOTS_AT_FIRST + 1}"
)
"""One more than is loaded at first, so that it shows whether these are all."""
FIRST_LOTS: Final = write_question(
    f"a, b, {LOT}", ASKED[2], "lot", f"{LIVE} AND r.started = 1", more=f"ORDER BY {BURNDOWN} LIMIT {LOTS_AT_FIRST}"
)
UNEXPIRED_LOTS: Final = write_question(f"a, b, {LOT}", ASKED[3], "lot", f"{OF_WALLET} AND r.expires_at > c")
OPEN_HOLDS: Final = write_question(f"a, b, {HOLD}", ASKED[2], "hold", LIVE)
OPEN_DEBTS: Final = write_question(f"a, b, {DEBT}", ASKED[2], "debt", LIVE)
LIVE_ALLOWANCES: Final = write_question(f"a, b, {ALLOWANCE}", ASKED[2], "allowance", LIVE)
LIVE_BUDGETS: Final = write_question(f"a, b, {BUDGET}", ASKED[2], "budget", LIVE)
TALLIES: Final = write_question(f"a, b, {TALLY}", ASKED[3], "tally", f"{OF_WALLET} AND r.subject = c")
LAST_SUBSCRIPTIONS: Final = write_question(
    f"a, {SUBSCRIPTION}", ASKED[1], "subscription", "r.account_id = a", more="ORDER BY r.number DESC LIMIT 1"
)
LOTS: Final = write_question(f"a, b, {LOT}", ASKED[3], "lot", BY_PLACE)
DEBTS: Final = write_question(f"a, b, {DEBT}", ASKED[3], "debt", BY_PLACE)
NAMED_HOLDS: Final = write_question(
    f"a, r.unit_id, {HOLD}", ASKED[2], "hold", "r.account_id = a AND r.name = b AND r.ended_at = 0 AND r.name <> 0"
)
LEADING_PARTS: Final = write_question(
    f"a, r.unit_id, {HOLD}", ASKED[3], "hold", f"{BY_PLACE} AND r.lead_unit = b AND r.lead_number = c"
)
OF_LEAD: Final = "r.account_id = a AND r.lead_unit = b AND r.lead_number = c AND r.unit_id <> r.lead_unit"
OTHER_PARTS: Final = write_question(f"a, r.unit_id, {HOLD}", ASKED[3], "hold", OF_LEAD)
TAKEN_KEYS: Final = write_question(
    "a, b, r.lead_unit, r.lead_number", ASKED_DIGESTS, "entry",
    "r.account_id = a AND r.key_digest = b AND r.key_digest IS NOT NULL",
)  # fmt: skip
FROM_LEAD_ON: Final = write_question(
    f"r.position, r.account_id, {ENTRY}", ASKED[3], "entry",
    f"{OF_WALLET} AND r.number >= c AND r.number < c + %s::int8 AND r.lead_unit = b AND r.lead_number = c",
)  # fmt: skip
"""The next so many lines from a lead on, as far as they stand under it."""
OTHERS_OF_LEAD: Final = write_question(f"r.position, r.account_id, {ENTRY}", ASKED[3], "entry", OF_LEAD)
ABOUT: Final = write_question(f"a, {ENTRY}", ASKED[3], "entry", f"{OF_WALLET} AND r.of_number = c AND r.of_number <> 0")
SEQ: Final = f"SELECT seq FROM {P}wallet WHERE account_id = %s AND unit_id = %s"
KNOWN_NAMES: Final = write_question("r.number, r.text", ASKED[1], "name", "r.number = a")


class Write(NamedTuple):
    """A statement that writes rows given as one array for each column."""

    text: str
    types: tuple[str, ...]


def name_type(column: str, *, is_number: bool = False) -> str:
    """The type in which a column is handed over; small integers as large ones."""
    kind = "int8" if is_number else str(TYPES.get(column, "INT8")).lower()
    return {"blob": "bytea", "text": "text"}.get(kind, "int8")


def list_asked(columns: Sequence[str], types: Sequence[str]) -> str:
    """The rows that are given, under the names of their columns."""
    arrays = ", ".join(f"%s::{kind}[]" for kind in types)
    return f"unnest({arrays}) AS n({', '.join(columns)})"


def write_insert(table: str, columns: Sequence[str], *, otherwise: str = "", numbers: Sequence[str] = ()) -> Write:
    """An INSERT; `numbers` are columns that hold one under a text's name."""
    types = tuple(name_type(column, is_number=column in numbers) for column in columns)
    listed = ", ".join(columns)
    return Write(f"INSERT INTO {P}{table} ({listed}) SELECT * FROM {list_asked(columns, types)}{otherwise}", types)


def write_update(table: str, changing: Sequence[str], keys: Sequence[str], more: str = "") -> Write:
    """An UPDATE: the changing columns first, then the keys."""
    columns = (*changing, *keys)
    types = tuple(name_type(column) for column in columns)
    changes = ", ".join(f"{column} = n.{column}" for column in changing)
    found = " AND ".join(f"r.{key} = n.{key}" for key in keys)
    return Write(f"UPDATE {P}{table} AS r SET {changes} FROM {list_asked(columns, types)} WHERE {found}{more}", types)


PLACE: Final = ("shard", "account_id", "unit_id")
BY_WALLET, BY_ROW = ("account_id", "unit_id"), ("account_id", "unit_id", "number")
ENTRY_COLUMNS: Final = ("shard", "account_id", *Entry._fields)
COPY_ENTRIES: Final = f"COPY {P}entry ({', '.join(ENTRY_COLUMNS)}) FROM STDIN (FORMAT BINARY)"
INSERT_ENTRY: Final = (
    f"INSERT INTO {P}entry ({', '.join(ENTRY_COLUMNS)}) VALUES ({', '.join(['%s'] * len(ENTRY_COLUMNS))})"
)
"""One entry: that many arrays of one would cost more than all the rest of a lone charge."""
INSERT_ACCOUNT: Final = write_insert("account", Account._fields)
UPDATE_ACCOUNT: Final = write_update("account", ("state", "zone", "clock"), ("account_id", "book", "key"))
INSERT_WALLET: Final = write_insert("wallet", (*PLACE, *WALLET_COLUMNS))
UPDATE_WALLET: Final = write_update("wallet", WALLET_COLUMNS, BY_WALLET)
UPDATE_TOTALS: Final = write_update("wallet", TOTALS, BY_WALLET)
INSERT_LOT: Final = write_insert("lot", (*PLACE, *LOT_COLUMNS))
UPDATE_LIVE_LOT: Final = write_update("lot", ("amount", "started", "remaining"), BY_ROW, " AND r.ended_at + 0 = 0")
UPDATE_LOT: Final = write_update("lot", ("amount", "started", "remaining", "ended_at"), BY_ROW)
MOVED_LOT: Final = ("amount", "started", "remaining", "ended_at", "expires_at", "allowance")
UPDATE_MOVED_LOT: Final = write_update("lot", MOVED_LOT, BY_ROW)
INSERT_HOLD: Final = write_insert("hold", (*PLACE, *HOLD_COLUMNS), numbers=("name",))
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
INSERT_NAME: Final = write_insert("name", ("number", "text"), otherwise=" ON CONFLICT (number) DO NOTHING")
STOP_WALLET: Final = f"UPDATE {P}wallet SET stopped = 1 WHERE account_id = %s AND unit_id = %s"
