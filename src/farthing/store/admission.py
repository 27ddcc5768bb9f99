"""What stands against opening a database that is there, for every dialect: the seal, the encoding, the kind of book.

Each function judges what a store has read; nothing is read here.
"""

from collections.abc import Sequence
from typing import Any, Final

from farthing.store.faults import ChainKeyWrong, ClockIsFrozen, DatabaseForeign, UpgradeFirst
from farthing.store.versions import PREFIX
from farthing.values.entries import ENCODING, Seal

CHAIN_CHECK: Final = b"farthing chain check"
LIVE, TEST = "live", "test"

META: Final = f"SELECT encoding_version, chain_check FROM {PREFIX}meta"
BOOK: Final = f"SELECT book, mode FROM {PREFIX}book WHERE name = ?"
ADD_META: Final = f"INSERT INTO {PREFIX}meta (id, encoding_version, chain_check) VALUES (?, ?, ?)"
NEXT_BOOK: Final = f"SELECT coalesce(max(book), 0) + 1 FROM {PREFIX}book"
ADD_BOOK: Final = f"INSERT INTO {PREFIX}book (book, name, mode) VALUES (?, ?, ?)"


def refuse_meta(row: Sequence[Any] | None, path: str, seal: Seal) -> None:
    """Raises `UpgradeFirst` for entries in a form that is not known yet, and `ChainKeyWrong` for another key."""
    if row is None:
        raise DatabaseForeign(path=path)
    if row[0] != ENCODING[0]:
        raise UpgradeFirst(path=path, found=f"entries of encoding {row[0]}")
    if row[1] != seal.digest(CHAIN_CHECK):
        if row[1] == Seal().digest(CHAIN_CHECK):
            raise ChainKeyWrong(sealed="without a key", advice="without a chain key")
        if seal.key is None:
            raise ChainKeyWrong(sealed="with a key", advice="with that chain key")
        raise ChainKeyWrong(sealed="with another key", advice="with that chain key")


def give_meta(seal: Seal) -> tuple[int, int, bytes]:
    """The columns of `ADD_META`."""
    return 1, ENCODING[0], seal.digest(CHAIN_CHECK)


def take_book(row: Sequence[Any] | None, name: str, *, test: bool) -> int | None:
    """The number of a book, or None. Raises `ClockIsFrozen` for a live book asked for as a test book, or reverse."""
    if row is None:
        return None
    if row[1] == LIVE and test:
        raise ClockIsFrozen(problem=f"the book {name} is live and was opened as a test book")
    if row[1] == TEST and not test:
        raise ClockIsFrozen(problem=f"the book {name} is a test book and was opened as a live one")
    return int(row[0])
