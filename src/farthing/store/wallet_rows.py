"""Between rows of a database and values of core, for every SQL dialect: which columns there are, how each is kept."""

import struct
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import Any, Final, cast

from farthing.core.amounts import Unit
from farthing.core.wallets import Account, AccountState, Debt, Hold, Lot, Terms, Wallet

Row = tuple[Any, ...]

TOTALS: Final = (
    "seq", "head", "clock", "next_due", "granted", "refunded", "adjusted", "spent", "expired",
    "free", "scoped", "covered", "bare", "debt", "live", "pending", "stopped",
)  # fmt: skip
"""The columns of a wallet but its terms, by their names in `Wallet`."""

WALLET_COLUMNS: Final = TOTALS + Terms._fields
LOT_COLUMNS: Final = Lot._fields
HOLD_COLUMNS: Final = Hold._fields
DEBT_COLUMNS: Final = Debt._fields
ACCOUNT_COLUMNS: Final = Account._fields

FEATURES, DRAWS, PAYERS = (
    Lot._fields.index("features"),
    Hold._fields.index("draws"),
    Debt._fields.index("payers"),
)
USUAL_TERMS: Final = Terms()
USUAL: Final = tuple(USUAL_TERMS)
STATES: Final = {int(state): state for state in AccountState}


def pack_numbers(numbers: Iterable[int]) -> bytes:
    """8-byte little-endian integers, one after the other."""
    given = tuple(numbers)
    return struct.pack(f"<{len(given)}q", *given)


def unpack_numbers(packed: bytes) -> tuple[int, ...]:
    """The integers that `pack_numbers` packed. What somebody has cut short becomes numbers that nothing has."""
    count = -(-len(packed) // 8)
    return struct.unpack(f"<{count}q", packed.ljust(count * 8, b"\xff"))


def pack_pairs(pairs: Iterable[tuple[int, int]]) -> bytes:
    """Pairs of integers, one after the other."""
    return pack_numbers(number for pair in pairs for number in pair)


def unpack_pairs(packed: bytes) -> tuple[tuple[int, int], ...]:
    """The pairs that `pack_pairs` packed; see `unpack_numbers`."""
    numbers = unpack_numbers(packed)
    return tuple(zip_longest(numbers[::2], numbers[1::2], fillvalue=-1))


def take_account(row: Row) -> Account:
    """An account from its columns. A state that this release does not know stays a number."""
    account_id, shard, book, key, state, zone = row
    return Account(account_id, shard, book, key, STATES.get(state, cast(AccountState, state)), zone)


def take_wallet(account: Account, unit: Unit, row: Row) -> Wallet:
    """A wallet with nothing loaded from its `WALLET_COLUMNS`."""
    wallet = object.__new__(Wallet)
    wallet.account, wallet.unit = account, unit
    wallet.lots, wallet.holds, wallet.debts = {}, {}, {}
    wallet.whole, wallet.unloaded, wallet.horizon = True, 0, ()
    (
        wallet.seq, wallet.head, wallet.clock, wallet.next_due,
        wallet.granted, wallet.refunded, wallet.adjusted, wallet.spent, wallet.expired,
        wallet.free, wallet.scoped, wallet.covered, wallet.bare, wallet.debt, wallet.live,
        wallet.pending, wallet.stopped, *terms,
    ) = row  # fmt: skip
    wallet.terms = USUAL_TERMS if tuple(terms) == USUAL else Terms(*terms)
    return wallet


def give_totals(wallet: Wallet) -> Row:
    """The columns of a wallet but its terms."""
    return (
        wallet.seq, wallet.head, wallet.clock, wallet.next_due,
        wallet.granted, wallet.refunded, wallet.adjusted, wallet.spent, wallet.expired,
        wallet.free, wallet.scoped, wallet.covered, wallet.bare, wallet.debt, wallet.live,
        wallet.pending, wallet.stopped,
    )  # fmt: skip


def take_lot(row: Sequence[Any]) -> Lot:
    """A lot from its columns."""
    if not row[FEATURES]:
        return Lot._make((*row[:FEATURES], (), *row[FEATURES + 1 :]))
    return Lot._make((*row[:FEATURES], unpack_numbers(row[FEATURES]), *row[FEATURES + 1 :]))


def give_lot(lot: Lot) -> Row:
    """The columns of a lot."""
    return (*lot[:FEATURES], pack_numbers(lot.features), *lot[FEATURES + 1 :])


def take_hold(row: Sequence[Any]) -> Hold:
    """A hold from its columns."""
    return Hold._make((*row[:DRAWS], unpack_pairs(row[DRAWS]), *row[DRAWS + 1 :]))


def give_hold(hold: Hold) -> Row:
    """The columns of a hold."""
    return (*hold[:DRAWS], pack_pairs(hold.draws), *hold[DRAWS + 1 :])


def take_debt(row: Sequence[Any]) -> Debt:
    """A debt from its columns."""
    return Debt._make((*row[:PAYERS], unpack_pairs(row[PAYERS]), *row[PAYERS + 1 :]))


def give_debt(debt: Debt) -> Row:
    """The columns of a debt."""
    return (*debt[:PAYERS], pack_pairs(debt.payers), *debt[PAYERS + 1 :])
