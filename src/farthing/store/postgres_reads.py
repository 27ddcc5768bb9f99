"""What is read from PostgreSQL without a lock: wallets, history, whole books, each as of one moment.

What fits in memory is asked in one round trip (`Connections.ask`); whole books are streamed inside the transaction of a
connection that is given.
"""

import itertools
from collections.abc import Callable, Iterator
from typing import Any, Final

import psycopg

from farthing.core.burndown import place_lots, widen_wallet
from farthing.store.contract import History, WalletKey, WalletRecord
from farthing.store.postgres_asking import ask_alone, asking
from farthing.store.postgres_connections import Connections
from farthing.store.postgres_opening import translate
from farthing.store.postgres_statements import (
    ACCOUNT,
    ALLOWANCE,
    BUDGET,
    DEBT,
    ENTRY,
    HOLD,
    LOT,
    SUBSCRIPTION,
    TALLY,
    WALLET,
)
from farthing.store.reads import (
    ALERTS,
    KEYS_FROM,
    MOST_ALIKE,
    list_starts,
    pick_alike,
    take_history,
    write_kinds,
)
from farthing.store.versions import PREFIX as P
from farthing.store.wallet_rows import (
    ACCOUNT_COLUMNS,
    WALLET_COLUMNS,
    Row,
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
from farthing.values.wallets import ACCOUNT_UNIT, Account, Wallet

PAGE: Final = 256
"""Rows taken at a time from a table that may be long."""

ACCOUNT_BESIDE: Final = ", ".join(f"a.{column}" for column in ACCOUNT_COLUMNS)
OF: Final = "r.account_id = %s AND r.unit_id = %s"
OPEN: Final = "{0}.account_id = %s AND {0}.ended_at = 0{{}} ORDER BY r.unit_id, r.number"
ACCOUNT_OF_KEY: Final = f"SELECT {ACCOUNT} FROM {P}account AS r WHERE r.book = %s AND r.key = %s"
ACCOUNT_OF_ID: Final = f"SELECT {ACCOUNT} FROM {P}account AS r WHERE r.account_id = %s"
WALLETS: Final = (
    f"SELECT r.unit_id, {WALLET} FROM {P}wallet AS r WHERE r.account_id = %s AND r.unit_id <> 0 ORDER BY r.unit_id"
)
# Draws are pairs of 8-byte little-endian integers (`wallet_rows`), the first of each a lot's number.
DRAWN: Final = "SELECT bit_or(get_byte(h.draws, 16 * pair + at)::int8 << (8 * at)) FROM generate_series(0, 7) AS at"
OPEN_ROWS: Final = (
    f"SELECT r.unit_id, {LOT} FROM {P}lot AS r WHERE {OPEN.format('r')}",
    f"SELECT r.unit_id, {LOT} FROM {P}hold AS h"
    " CROSS JOIN LATERAL generate_series(0, length(h.draws) / 16 - 1) AS pair"
    f" JOIN {P}lot AS r ON r.account_id = h.account_id AND r.unit_id = h.unit_id AND r.number = ({DRAWN})"
    f" WHERE r.ended_at <> 0 AND {OPEN.format('h')}",
    f"SELECT r.unit_id, {HOLD} FROM {P}hold AS r WHERE {OPEN.format('r')}",
    f"SELECT r.unit_id, {DEBT} FROM {P}debt AS r WHERE {OPEN.format('r')}",
    f"SELECT r.unit_id, {ALLOWANCE} FROM {P}allowance AS r WHERE {OPEN.format('r')}",
    f"SELECT r.unit_id, {BUDGET} FROM {P}budget AS r WHERE {OPEN.format('r')}",
    f"SELECT r.unit_id, {TALLY} FROM {P}tally AS r WHERE r.account_id = %s{{}}",
)
"""What is open in a wallet: lots, those that have ended and that open holds drew on, holds, debts, allowances, budgets;
and every counter."""

OPEN_OF_UNIT: Final = tuple(text.format(" AND r.unit_id = %s") for text in OPEN_ROWS)
OPEN_OF_ACCOUNT: Final = tuple(text.format("") for text in OPEN_ROWS)
UNEXPIRED_LOTS: Final = f"SELECT {LOT} FROM {P}lot AS r WHERE {OF} AND r.expires_at > %s"
ALL_ROWS: Final = tuple(
    f"SELECT {columns} FROM {P}{table} AS r WHERE {OF} ORDER BY r.number"
    for table, columns in (
        ("lot", LOT), ("hold", HOLD), ("debt", DEBT), ("allowance", ALLOWANCE), ("budget", BUDGET)
    )
)  # fmt: skip
ALL_SUBSCRIPTIONS: Final = (
    f"SELECT {SUBSCRIPTION} FROM {P}subscription AS r WHERE r.account_id = %s AND %s::int8 = 0 ORDER BY r.number"
)
"""They are the account's: with its own wallet, of unit 0, they are shown."""
NEXT_ENTRIES: Final = f"SELECT {ENTRY} FROM {P}entry AS r WHERE {OF} AND r.number > %s ORDER BY r.number LIMIT %s"
NUMBER: Final = Entry._fields.index("number")
NEXT_WALLETS: Final = (
    f"SELECT {ACCOUNT_BESIDE}, r.unit_id, {WALLET} FROM {P}wallet AS r"
    f" JOIN {P}account AS a ON a.account_id = r.account_id"
    " WHERE (r.account_id, r.unit_id) > (%s, %s) AND a.book = %s ORDER BY r.account_id, r.unit_id LIMIT %s"
)
HISTORY: Final = (
    f"SELECT r.position, {ACCOUNT_BESIDE}, {ENTRY},"
    f" (SELECT n.body FROM {P}note AS n"
    " WHERE n.account_id = r.account_id AND n.unit_id = r.unit_id AND n.number = r.number)"
)
# Each wallet gives its newest, found by its numbers: positions would be looked for in the whole ledger.
HISTORY_OF_ACCOUNT: Final = (
    f"{HISTORY} FROM {P}account AS a JOIN {P}wallet AS w ON w.account_id = a.account_id CROSS JOIN LATERAL"
    f" (SELECT * FROM {P}entry AS e WHERE e.account_id = w.account_id AND e.unit_id = w.unit_id AND e.position < %s{{}}"
    " ORDER BY e.number DESC LIMIT %s) AS r"
    " WHERE a.account_id = %s{} ORDER BY r.position DESC LIMIT %s"
)
HISTORY_OF_ALERTS: Final = (
    f"{HISTORY} FROM {P}entry AS r JOIN {P}account AS a ON a.account_id = r.account_id"
    f" WHERE {write_kinds(ALERTS)} AND a.book = %s AND r.position < %s{{}} ORDER BY r.position DESC LIMIT %s"
)
HISTORY_OF_BOOK: Final = (
    f"{HISTORY} FROM {P}entry AS r JOIN {P}account AS a ON a.account_id = r.account_id"
    " WHERE a.book = %s AND r.position < %s{} ORDER BY r.position DESC LIMIT %s"
)
FindUnit = Callable[[psycopg.Connection[Any], int], Unit | None]


def find_account(connections: Connections, book: int, key: str) -> Account | None:
    """An account by its key."""
    rows = connections.ask((ACCOUNT_OF_KEY, (book, key)))[0]
    return take_account(rows[0]) if rows else None


def read_wallet(
    connections: Connections, account: Account, unit: Unit, seal: Seal, unexpired_at: int | None = None
) -> Wallet:
    """A wallet, whole, with its account as it is now, and on request with empty lots that end after then."""
    key = (account.account_id, unit.unit_id)
    more = [] if unexpired_at is None else [(UNEXPIRED_LOTS, (*key, unexpired_at))]
    found, rows, *opened = connections.ask(
        (ACCOUNT_OF_ID, key[:1]),
        (f"SELECT {WALLET} FROM {P}wallet AS r WHERE {OF}", key),
        *[(text, key) for text in OPEN_OF_UNIT],
        *more,
    )
    known = take_account(found[0]) if found else account
    if not rows:
        return Wallet(known, unit, seal.begin(known, unit))
    wallet = widen(take_wallet(known, unit, rows[0]), opened[: len(OPEN_ROWS)])
    for empty in opened[len(OPEN_ROWS) :]:
        place_lots(wallet, [take_lot(row) for row in empty])
    return wallet


def widen(wallet: Wallet, opened: list[list[Row]]) -> Wallet:
    """The same wallet with all that `OPEN_ROWS` found, by number."""
    lots, drawn, holds, debts, allowances, budgets, tallies = opened
    if wallet.budgeted:
        wallet.budgets = {row[1]: take_budget(row[1:]) for row in budgets}
    return widen_wallet(
        wallet,
        [take_lot(row[1:]) for row in lots + drawn],
        [take_hold(row[1:]) for row in holds],
        [take_debt(row[1:]) for row in debts],
        [take_allowance(row[1:]) for row in allowances],
        [counter for row in tallies for counter in take_tally(row[1:])] if wallet.budgeted else [],
    )


def read_wallets(
    connections: Connections, account: Account, find_units: Callable[[set[int]], dict[int, Unit]]
) -> list[Wallet]:
    """Every wallet of an account but that of unit 0, whole, by unit id."""
    key = (account.account_id,)
    found, wallets, *opened = connections.ask(
        (ACCOUNT_OF_ID, key), (WALLETS, key), *[(text, key) for text in OPEN_OF_ACCOUNT]
    )
    known = take_account(found[0]) if found else account
    units = find_units({row[0] for row in wallets})
    made = []
    for unit_id, *row in wallets:
        if unit_id in units:
            of_unit = [[one for one in rows if one[0] == unit_id] for rows in opened]
            made.append(widen(take_wallet(known, units[unit_id], tuple(row)), of_unit))
    return made


def list_history(
    connections: Connections,
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
    more, values = ("", ()) if feature is None else (" AND {}.feature = %s", (feature,))
    of_unit, units = ("", ()) if unit_id is None else (" AND {}.unit_id = %s", (unit_id,))
    if kinds is not None:
        more += f" AND {write_kinds(kinds, table='{}')}"
    if kinds is not None and ALERTS.issuperset(kinds):
        of_account, accounts = ("", ()) if account is None else (" AND r.account_id = %s", (account.account_id,))
        text = HISTORY_OF_ALERTS.format((more + of_unit).replace("{}", "r") + of_account)
        question = (text, (book, before, *values, *units, *accounts, most))
    elif account is None:
        text = HISTORY_OF_BOOK.format((more + of_unit).replace("{}", "r"))
        question = (text, (book, before, *values, *units, most))
    else:
        text = HISTORY_OF_ACCOUNT.format(more.replace("{}", "e"), of_unit.format("w"))
        question = (text, (before, *values, most, account.account_id, *units, most))
    return [take_history(row) for row in connections.ask(question)[0]]


def iter_records(connection: psycopg.Connection[Any], book: int, find_unit: FindUnit) -> Iterator[WalletRecord]:
    """Every wallet of the book with all its rows, by account and unit; those of unknown units are oddities."""
    last: WalletKey = (-NEVER - 1, -NEVER - 1)
    while rows := ask_alone(connection, NEXT_WALLETS, *last, book, PAGE).fetchall():
        for row in rows:
            account, unit_id = take_account(row[: len(ACCOUNT_COLUMNS)]), row[len(ACCOUNT_COLUMNS)]
            last = (account.account_id, unit_id)
            unit = ACCOUNT_UNIT if unit_id == 0 else find_unit(connection, unit_id)
            if unit is not None:
                wallet = take_wallet(account, unit, row[-len(WALLET_COLUMNS) :])
                *opened, lots, holds, debts, allowances, budgets, steps = read_all(connection, last)
                tallies = opened[-1]
                yield WalletRecord(
                    widen(wallet, opened),
                    iter_entries(connection, last),
                    [take_lot(lot) for lot in lots],
                    [take_hold(hold) for hold in holds],
                    [take_debt(debt) for debt in debts],
                    [take_allowance(allowance) for allowance in allowances],
                    [take_budget(budget) for budget in budgets],
                    [counter for row in tallies for counter in take_tally(row[1:])],
                    [Subscription._make(step) for step in steps],
                )


def read_all(connection: psycopg.Connection[Any], key: WalletKey) -> list[list[Row]]:
    """What is open in a wallet, found as reading one wallet finds it, and all its lots, holds, debts and rules."""
    with asking(connection) as a:
        answered = [a.ask(text, *key) for text in (*OPEN_OF_UNIT, *ALL_ROWS, ALL_SUBSCRIPTIONS)]
    return [answer.fetchall() for answer in answered]


def iter_entries(connection: psycopg.Connection[Any], key: WalletKey) -> Iterator[Entry]:
    """The entries of a wallet by number, a page at a time."""
    last = 0
    while page := ask_alone(connection, NEXT_ENTRIES, *key, last, PAGE).fetchall():
        yield from map(Entry._make, page)
        if len(page) < PAGE:
            break
        last = page[-1][NUMBER]


NUMBERS: Final = itertools.count(1)


def stream(connection: psycopg.Connection[Any], text: str, values: tuple[Any, ...] = ()) -> Iterator[list[Row]]:
    """The answer to a question, a page at a time, through a cursor on the server, which ends with the transaction.

    Nothing is said to the server when this is given up half-way: others may have the connection by then.
    """
    named = f"farthing_{next(NUMBERS)}"
    connection.execute(f"DECLARE {named} NO SCROLL CURSOR FOR {text}", values, prepare=False)
    cursor = connection.cursor(binary=True)
    while page := cursor.execute(f"FETCH {PAGE} FROM {named}", prepare=False).fetchall():
        yield page
    connection.execute(f"CLOSE {named}", prepare=False)


def count_rows(connection: psycopg.Connection[Any], table: str, book: int) -> int:
    """Entries, or wallets, in a book; quickly if there is no other."""
    books = ask_alone(connection, f"SELECT count(*) FROM {P}book").fetchone()
    counting, values = f"SELECT count(*) FROM {P}{table} AS r", list[int]()
    if books is not None and books[0] > 1:
        counting += f" JOIN {P}account AS a ON a.account_id = r.account_id WHERE a.book = %s"
        values.append(book)
    row = ask_alone(connection, counting, *values).fetchone()
    return 0 if row is None else int(row[0])


def nearest_accounts(connections: Connections, book: int, key: str, most: int) -> list[str]:
    """Keys that look like this one: among those that begin alike, and some that come after it in order."""
    listing = translate(KEYS_FROM)
    found = connections.ask(*[(listing, (book, start, MOST_ALIKE)) for start in list_starts(key)])
    return pick_alike(key, [row[0] for rows in found for row in rows], most)
