"""Claims of campaigns, for every SQL dialect: how often a code and an account may claim, decided where all can see it.

Whoever calls `make_claims` holds the locks of `name_locks`, so that of many who claim at once each counts the others.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from farthing.store.contract import Claim, NewClaim
from farthing.store.versions import PREFIX as P
from farthing.store.wallet_rows import CLAIM_COLUMNS, Row
from farthing.values.errors import AlreadyRedeemed, CodeSpent

Ask = Callable[..., list[Row]]
"""Asks a statement, written as SQLite has it, with its values."""

COLUMNS: Final = ", ".join(CLAIM_COLUMNS)
FEATURES: Final = CLAIM_COLUMNS.index("features")
GIVEN: Final = ("book", *CLAIM_COLUMNS[1:])

CLAIM_OF_KEY: Final = f"SELECT {COLUMNS} FROM {P}claim WHERE book = ? AND key = ?"
OF_CODE: Final = f"SELECT count(*) FROM {P}claim WHERE book = ? AND campaign = ? AND code = ? AND role = ?"
OF_ACCOUNT: Final = f"SELECT count(*) FROM {P}claim WHERE book = ? AND account = ? AND campaign = ? AND role = ?"
ADD_CLAIM: Final = (
    f"INSERT INTO {P}claim ({', '.join(GIVEN)}) VALUES ({', '.join('?' * len(GIVEN))}) RETURNING {COLUMNS}"
)
FINISH_CLAIM: Final = f"UPDATE {P}claim SET finished_at = ? WHERE book = ? AND claim_id = ? AND finished_at = 0"
OPEN_CLAIMS: Final = (
    f"SELECT {COLUMNS} FROM {P}claim WHERE finished_at = 0 AND book = ? AND made_at < ? ORDER BY claim_id LIMIT ?"
)
CLAIMS_OF_ACCOUNT: Final = f"SELECT {COLUMNS} FROM {P}claim WHERE book = ? AND account = ? ORDER BY claim_id"


def name_locks(book: int, wanted: Iterable[NewClaim]) -> list[int]:
    """The locks of those who claim the same key, the same code, or for the same account, in the one order in which all
    take them: 64-bit numbers."""
    places: set[tuple[object, ...]] = set()
    for new in wanted:
        places |= {(book, "key", new.key), (book, "account", new.campaign, new.account)}
        if new.code:
            places.add((book, "code", new.campaign, new.code))
    return sorted(hash_place(place) for place in places)


def hash_place(place: tuple[object, ...]) -> int:
    """A number that stands for what somebody claims, the same on every server."""
    said = json.dumps(place).encode()
    digest = hashlib.blake2b(said, digest_size=8, person=b"farthing-claim").digest()
    return int.from_bytes(digest, signed=True)


def make_claims(ask: Ask, book: int, wanted: Sequence[NewClaim], at: int) -> list[Claim]:
    """Make claims one by one; the caller commits them. Raises `CodeSpent`, `AlreadyRedeemed`."""
    made: list[Claim] = []
    for new in wanted:
        rows = ask(CLAIM_OF_KEY, book, new.key)
        if not rows:
            if new.code and new.most_of_code is not None:
                of_code = ask(OF_CODE, book, new.campaign, new.code, new.role)[0][0]
                refuse_spent_code(new, new.most_of_code, of_code)
            if new.most_per_account is not None:
                of_account = ask(OF_ACCOUNT, book, new.account, new.campaign, new.role)[0][0]
                refuse_redeemed(new, new.most_per_account, of_account)
            rows = ask(ADD_CLAIM, book, *give_claim(new, at))
        made.append(take_claim(rows[0]))
    return made


def refuse_spent_code(new: NewClaim, most: int, made: int) -> None:
    """Raises `CodeSpent` if the code has been claimed so often."""
    if made >= most:
        raise CodeSpent(redeemed=new.code, campaign=new.campaign, most=most)


def refuse_redeemed(new: NewClaim, most: int, made: int) -> None:
    """Raises `AlreadyRedeemed` if the account has claimed so often."""
    if made >= most:
        raise AlreadyRedeemed(account=new.account, campaign=new.campaign, most=most)


def give_claim(new: NewClaim, at: int) -> Row:
    """The columns of a new claim, but its number and book."""
    features = json.dumps(new.features).encode() if new.features else b""
    said = (new.campaign, new.role, new.code, new.account, new.unit_id, new.amount, new.expires_at, features, new.key)
    return (*said, at, 0)


def take_claim(row: Sequence[Any]) -> Claim:
    """A claim from its columns."""
    features = tuple(json.loads(row[FEATURES])) if row[FEATURES] else ()
    return Claim._make((*row[:FEATURES], features, *row[FEATURES + 1 :]))
