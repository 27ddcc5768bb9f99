"""What is read from SQLite without a lock: wallets, history, whole books. Each function reads inside the transaction of
the cursor that it is given, so all of its answer is as of one moment."""

import sqlite3
from collections.abc import Callable, Iterator
from typing import Final

from farthing.core.burndown import place_lots, widen_wallet
from farthing.store import sqlite_statements as sql
from farthing.store.contract import History, WalletKey, WalletRecord
from farthing.store.reads import (
    ALERTS,
    KEYS_FROM,
    MOST_ALIKE,
    list_starts,
    pick_alike,
    take_history,
    write_kinds,
)
from farthing.store.sqlite_load import list_open
from farthing.store.sqlite_work import make_cursor
from farthing.store.versions import PREFIX as P
from farthing.store.wallet_rows import (
    ACCOUNT_COLUMNS,
    WALLET_COLUMNS,
    take_account,
    take_allowance,
    take_budget,
    take_debt,
    take_hold,
    take_lot,
    take_tally,
    take_wallet,
)
from farthing.values.amounts import Unit
from farthing.values.bounds import NEVER
from farthing.values.entries import Entry, Seal
from farthing.values.subscriptions import Subscription
from farthing.values.wallets import ACCOUNT_UNIT, Account, Counter, Wallet

PAGE: Final = 256
"""Rows taken at a time from a table that may be long."""

OF: Final = "r.account_id = ? AND r.unit_id = ?"
ROW_OF_WALLET: Final = f"SELECT {sql.WALLET} FROM {P}wallet AS r WHERE {OF}"
ACCOUNT_OF_KEY: Final = f"SELECT {sql.ACCOUNT} FROM {P}account AS r WHERE r.book = ? AND r.key = ?"
ACCOUNT_OF_ID: Final = f"SELECT {sql.ACCOUNT} FROM {P}account AS r WHERE r.account_id = ?"
UNITS_OF_ACCOUNT: Final = f"SELECT unit_id FROM {P}wallet WHERE account_id = ? ORDER BY unit_id"
ALL_LOTS: Final = f"SELECT {sql.LOT} FROM {P}lot AS r WHERE {OF} ORDER BY r.number"
ALL_HOLDS: Final = f"SELECT {sql.HOLD} FROM {P}hold AS r WHERE {OF} ORDER BY r.number"
ALL_DEBTS: Final = f"SELECT {sql.DEBT} FROM {P}debt AS r WHERE {OF} ORDER BY r.number"
ALL_ALLOWANCES: Final = f"SELECT {sql.ALLOWANCE} FROM {P}allowance AS r WHERE {OF} ORDER BY r.number"
ALL_BUDGETS: Final = f"SELECT {sql.BUDGET} FROM {P}budget AS r WHERE {OF} ORDER BY r.number"
ALL_TALLIES: Final = f"SELECT {sql.TALLY} FROM {P}tally AS r WHERE {OF} ORDER BY r.subject"
ALL_SUBSCRIPTIONS: Final = (
    f"SELECT {sql.SUBSCRIPTION} FROM {P}subscription AS r WHERE r.account_id = ? ORDER BY r.number"
)
ALL_ENTRIES: Final = f"SELECT {sql.ENTRY} FROM {P}entry AS r WHERE {OF} ORDER BY r.number"
NEXT_WALLETS: Final = (
    f"SELECT {sql.list_columns(ACCOUNT_COLUMNS, 'a')}, r.unit_id, {sql.WALLET} FROM {P}wallet AS r"
    f" CROSS JOIN {P}account AS a ON a.account_id = r.account_id"
    " WHERE (r.account_id, r.unit_id) > (?, ?) AND a.book = ? ORDER BY r.account_id, r.unit_id LIMIT ?"
)
HISTORY: Final = (
    f"SELECT r.position, {sql.list_columns(ACCOUNT_COLUMNS, 'a')}, {sql.ENTRY},"
    f" (SELECT n.body FROM {P}note AS n"
    " WHERE n.account_id = r.account_id AND n.unit_id = r.unit_id AND n.number = r.number)"
)
# The unary plus keeps SQLite from walking the whole ledger by position where it can walk one wallet by number.
HISTORY_OF_WALLET: Final = (
    f"{HISTORY} FROM {P}entry AS r CROSS JOIN {P}account AS a ON a.account_id = r.account_id"
    " WHERE r.account_id = ? AND r.unit_id = ? AND +r.position < ?{} ORDER BY r.number DESC LIMIT ?"
)
HISTORY_OF_BOOK: Final = (
    f"{HISTORY} FROM {P}entry AS r NOT INDEXED CROSS JOIN {P}account AS a ON a.account_id = r.account_id"
    " WHERE a.book = ? AND r.position < ?{} ORDER BY r.position DESC LIMIT ?"
)
HISTORY_OF_ALERTS: Final = (
    f"{HISTORY} FROM {P}entry AS r INDEXED BY {P}entry_alert CROSS JOIN {P}account AS a ON a.account_id = r.account_id"
    f" WHERE {write_kinds(ALERTS)} AND a.book = ? AND r.position < ?{{}} ORDER BY r.position DESC LIMIT ?"
)
FindUnit = Callable[[sqlite3.Cursor, int], Unit | None]


def find_account(cursor: sqlite3.Cursor, book: int, key: str) -> Account | None:
    """An account by its key."""
    row = cursor.execute(ACCOUNT_OF_KEY, (book, key)).fetchone()
    return None if row is None else take_account(row)


def read_wallet(
    cursor: sqlite3.Cursor, account: Account, unit: Unit, seal: Seal, unexpired_at: int | None = None
) -> Wallet:
    """A wallet, whole, with its account as it is now, and on request with empty lots that end after then."""
    found = cursor.execute(ACCOUNT_OF_ID, (account.account_id,)).fetchone()
    known = account if found is None else take_account(found)
    row = cursor.execute(ROW_OF_WALLET, (known.account_id, unit.unit_id)).fetchone()
    if row is None:
        return Wallet(known, unit, seal.begin(known, unit))
    wallet = widen(cursor, take_wallet(known, unit, row))
    if unexpired_at is not None:
        rows = cursor.execute(sql.UNEXPIRED_LOTS, (known.account_id, unit.unit_id, unexpired_at))
        place_lots(wallet, [take_lot(row) for row in rows])
    return wallet


def read_wallets(cursor: sqlite3.Cursor, account: Account, seal: Seal, find_unit: FindUnit) -> list[Wallet]:
    """Every wallet of an account but that of unit 0, whole, by unit id."""
    unit_ids = [row[0] for row in cursor.execute(UNITS_OF_ACCOUNT, (account.account_id,)).fetchall()]
    units = [find_unit(cursor, unit_id) for unit_id in unit_ids if unit_id]
    return [read_wallet(cursor, account, unit, seal) for unit in units if unit is not None]


def widen(cursor: sqlite3.Cursor, wallet: Wallet) -> Wallet:
    """The same wallet with its live and pending lots, open holds with their lots, unpaid debts, live allowances and
    budgets, and every counter."""
    key = (wallet.account.account_id, wallet.unit.unit_id)
    counters: list[Counter] = []
    if wallet.budgeted:
        wallet.budgets = {row[2]: take_budget(row[2:]) for row in sorted(sql.ask(cursor, sql.LIVE_BUDGETS, [key]))}
        counters = list_counters(cursor, key)
    return widen_wallet(wallet, *list_open(cursor, key), counters)


def list_counters(cursor: sqlite3.Cursor, key: WalletKey) -> list[Counter]:
    """Every counter of a wallet."""
    return [counter for row in cursor.execute(ALL_TALLIES, key) for counter in take_tally(row)]


def list_subscriptions(cursor: sqlite3.Cursor, account: Account) -> list[Subscription]:
    """Every step of an account's subscription."""
    return [Subscription._make(row) for row in cursor.execute(ALL_SUBSCRIPTIONS, (account.account_id,))]


def list_history(
    cursor: sqlite3.Cursor,
    book: int,
    account: Account | None,
    unit_id: int | None,
    feature: int | None,
    before: int | None,
    most: int,
    kinds: tuple[int, ...] | None = None,
) -> list[tuple[int, History]]:
    """Entries newest first, each with its position."""
    before = NEVER if before is None else before
    more, values = ("", list[int]()) if feature is None else (" AND r.feature = ?", [feature])
    is_of_alerts = kinds is not None and ALERTS.issuperset(kinds)
    if kinds is not None:
        more += f" AND {write_kinds(kinds)}"
    if account is None or is_of_alerts:
        for column, value in (("unit_id", unit_id), ("account_id", None if account is None else account.account_id)):
            if value is not None:
                more += f" AND r.{column} = ?"
                values.append(value)
        text = HISTORY_OF_ALERTS if is_of_alerts else HISTORY_OF_BOOK
        rows = cursor.execute(text.format(more), (book, before, *values, most))
        return [take_history(row) for row in rows]
    unit_ids = [unit_id]
    if unit_id is None:
        unit_ids = [row[0] for row in cursor.execute(UNITS_OF_ACCOUNT, (account.account_id,)).fetchall()]
    found: list[tuple[int, History]] = []
    for named in unit_ids:
        rows = cursor.execute(HISTORY_OF_WALLET.format(more), (account.account_id, named, before, *values, most))
        found += [take_history(row) for row in rows]
    found.sort(key=lambda item: -item[0])
    return found[:most]


def iter_records(cursor: sqlite3.Cursor, book: int, find_unit: FindUnit) -> Iterator[WalletRecord]:
    """Every wallet of the book with all its rows, by account and unit; those of unknown units are oddities."""
    last: WalletKey = (-NEVER - 1, -NEVER - 1)
    while rows := cursor.execute(NEXT_WALLETS, (*last, book, PAGE)).fetchall():
        for row in rows:
            account, unit_id = take_account(row[: len(ACCOUNT_COLUMNS)]), row[len(ACCOUNT_COLUMNS)]
            last = (account.account_id, unit_id)
            unit = ACCOUNT_UNIT if unit_id == 0 else find_unit(cursor, unit_id)
            if unit is not None:
                wallet = widen(cursor, take_wallet(account, unit, row[-len(WALLET_COLUMNS) :]))
                yield WalletRecord(
                    wallet,
                    iter_entries(cursor, last),
                    [take_lot(lot) for lot in cursor.execute(ALL_LOTS, last)],
                    [take_hold(hold) for hold in cursor.execute(ALL_HOLDS, last)],
                    [take_debt(debt) for debt in cursor.execute(ALL_DEBTS, last)],
                    [take_allowance(allowance) for allowance in cursor.execute(ALL_ALLOWANCES, last)],
                    [take_budget(budget) for budget in cursor.execute(ALL_BUDGETS, last)],
                    list_counters(cursor, last),
                    [] if unit_id else list_subscriptions(cursor, account),
                )


def iter_entries(cursor: sqlite3.Cursor, key: WalletKey) -> Iterator[Entry]:
    """The entries of a wallet by number, a page at a time, on a cursor of their own."""
    rows = make_cursor(cursor.connection).execute(ALL_ENTRIES, key)
    while page := rows.fetchmany(PAGE):
        yield from map(Entry._make, page)


def count_rows(cursor: sqlite3.Cursor, table: str, book: int) -> int:
    """Entries, or wallets, in a book; quickly if there is no other."""
    books: int = cursor.execute(f"SELECT count(*) FROM {P}book").fetchone()[0]
    counting = f"SELECT count(*) FROM {P}{table} AS r"
    if books > 1:
        counting += f" CROSS JOIN {P}account AS a ON a.account_id = r.account_id WHERE a.book = {book}"
    count: int = cursor.execute(counting).fetchone()[0]
    return count


def nearest_accounts(cursor: sqlite3.Cursor, book: int, key: str, most: int) -> list[str]:
    """Keys that look like this one: among those that begin alike, and some that come after it in order."""
    keys: list[str] = []
    for start in list_starts(key):
        keys += [row[0] for row in cursor.execute(KEYS_FROM, (book, start, MOST_ALIKE))]
    return pick_alike(key, keys, most)
