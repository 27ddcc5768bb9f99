"""What reading without a lock has in common in every SQL dialect: the rows of a history, and keys that look alike."""

import difflib
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final

from farthing.store.contract import Due, History, WalletKey
from farthing.store.versions import PREFIX
from farthing.store.wallet_rows import ACCOUNT_COLUMNS, Row, take_account
from farthing.values.amounts import Unit
from farthing.values.bounds import NEVER
from farthing.values.entries import Entry, Kind

MOST_ALIKE: Final = 1000
"""Keys among which the nearest are looked for."""

KEYS_FROM: Final = f"SELECT key FROM {PREFIX}account WHERE book = ? AND key >= ? ORDER BY key LIMIT ?"

ALERTS: Final = frozenset({Kind.ALERTED, Kind.TOP_UP_WANTED})
"""The kinds that stand in an index of their own."""

DUE_SPAN: Final = 10_000
"""Wallets that are looked at in one question for those in which something is due."""

DUE_WALLETS: Final = (
    f"WITH span AS (SELECT w.account_id, w.unit_id, w.next_due FROM {PREFIX}wallet AS w"
    " WHERE (w.account_id, w.unit_id) > (?, ?) ORDER BY w.account_id, w.unit_id LIMIT ?)"
    " SELECT s.account_id, s.unit_id, a.key, 0"
    f" FROM span AS s CROSS JOIN {PREFIX}account AS a WHERE a.account_id = s.account_id AND a.book = ?"
    " AND s.unit_id <> 0 AND s.next_due <= CASE a.clock WHEN 0 THEN ? ELSE a.clock END"
    " UNION ALL SELECT * FROM (SELECT account_id, unit_id, '', count(*) OVER () FROM span"
    " ORDER BY account_id DESC, unit_id DESC LIMIT 1) AS last"
)
"""Of the next so many wallets those in which something is due, and then the last of all, with their count."""


def list_due(
    read_span: Callable[[WalletKey], list[Row]],
    after: WalletKey | None,
    most: int,
    find_unit: Callable[[int], Unit | None],
) -> list[Due]:
    """`most` wallets in which something is due, or all that there are; `read_span` asks `DUE_WALLETS`."""
    last, due = after or (-NEVER - 1, -NEVER - 1), list[Due]()
    while rows := read_span(last):
        *found, (account_id, unit_id, _, looked_at) = rows
        for row in sorted(found):
            unit = find_unit(row[1])
            if unit is not None:
                due.append(Due(row[2], unit, (row[0], row[1])))
        last = (account_id, unit_id)
        if len(due) >= most or looked_at < DUE_SPAN:
            break
    return due[:most]


def write_kinds(kinds: Iterable[int], table: str = "r") -> str:
    """A condition on an entry's kind. Written out, and in the order of the index of alerts, so that this is used."""
    return "(" + " OR ".join(f"{table}.kind = {int(kind)}" for kind in sorted(kinds)) + ")"


def take_history(row: Row) -> tuple[int, History]:
    """One listed entry from its columns: position, account, entry, the note's body."""
    last = 1 + len(ACCOUNT_COLUMNS)
    return row[0], History(take_account(row[1:last]), Entry._make(row[last:-1]), row[-1])


def list_starts(key: str) -> tuple[str, str, str]:
    """From where on in their order keys are looked at that may be like this one."""
    return key[:2], key[:1], ""


def pick_alike(key: str, keys: list[str], most: int) -> list[str]:
    """Those that look most like this one."""
    return difflib.get_close_matches(key, list(islice(dict.fromkeys(keys), MOST_ALIKE)), most)
