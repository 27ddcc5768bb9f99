"""What reading without a lock has in common in every SQL dialect: the rows of a history, and keys that look alike."""

import difflib
from itertools import islice
from typing import Final

from farthing.core.entries import Entry
from farthing.store.contract import History
from farthing.store.versions import PREFIX
from farthing.store.wallet_rows import ACCOUNT_COLUMNS, Row, take_account

MOST_ALIKE: Final = 1000
"""Keys among which the nearest are looked for."""

KEYS_FROM: Final = f"SELECT key FROM {PREFIX}account WHERE book = ? AND key >= ? ORDER BY key LIMIT ?"


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
