"""Between rows of a database and values of core, for every SQL dialect: which columns there are, how each is kept."""

import struct
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import Any, Final, cast

from farthing.values.amounts import Unit
from farthing.values.subscriptions import Subscription
from farthing.values.wallets import (
    NO_TOP_UP,
    USUAL_TERMS,
    Account,
    AccountState,
    Allowance,
    Budget,
    Counter,
    Debt,
    Hold,
    Lot,
    Terms,
    TopUp,
    Wallet,
)

Row = tuple[Any, ...]

TOTALS: Final = (
    "seq", "head", "clock", "next_due", "granted", "refunded", "adjusted", "spent", "expired",
    "free", "scoped", "covered", "bare", "debt", "live", "pending", "stopped",
)  # fmt: skip
"""The columns of a wallet that any entry may change, by their names in `Wallet`."""

STANDING: Final = ("recurring", "budgeted", *Terms._fields)
"""Those that change seldom: how many rules stand, and the terms."""

WALLET_COLUMNS: Final = TOTALS + STANDING
LOT_COLUMNS: Final = Lot._fields
HOLD_COLUMNS: Final = Hold._fields
DEBT_COLUMNS: Final = Debt._fields
ALLOWANCE_COLUMNS: Final = Allowance._fields
BUDGET_COLUMNS: Final = Budget._fields
TALLY_COLUMNS: Final = ("subject", "counters")
"""A row for each subject, with its counters in all budgets."""

ACCOUNT_COLUMNS: Final = Account._fields
SUBSCRIPTION_COLUMNS: Final = Subscription._fields
CLAIM_COLUMNS: Final = (
    "claim_id", "campaign", "role", "code", "account", "unit_id", "amount", "expires_at", "features", "key", "made_at",
    "finished_at",
)  # fmt: skip

FEATURES, DRAWS, PAYERS = (
    Lot._fields.index("features"),
    Hold._fields.index("draws"),
    Debt._fields.index("payers"),
)
RESERVES, SCOPE = Hold._fields.index("reserves"), Allowance._fields.index("features")
ALERTS: Final = Terms._fields.index("alerts")
USUAL: Final = (*USUAL_TERMS[:ALERTS], b"", b"")
COUNTED: Final = len(Counter._fields) - 1
"""Numbers of a counter in the row of its subject."""
PACKED_COUNTER: Final = struct.Struct(f"<{COUNTED}q")

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


def unpack_groups(packed: bytes, size: int) -> list[tuple[int, ...]]:
    """Numbers in groups of `size`; see `unpack_numbers`."""
    numbers = unpack_numbers(packed)
    return list(zip_longest(*[iter(numbers)] * size, fillvalue=-1))


def take_account(row: Row) -> Account:
    """An account from its columns. A state that this release does not know stays a number."""
    account_id, shard, book, key, state, zone, clock = row
    return Account(account_id, shard, book, key, STATES.get(state, cast(AccountState, state)), zone, clock)


def take_wallet(account: Account, unit: Unit, row: Row) -> Wallet:
    """A wallet with nothing loaded from its `WALLET_COLUMNS`."""
    wallet = object.__new__(Wallet)
    wallet.account, wallet.unit = account, unit
    wallet.lots, wallet.holds, wallet.debts = {}, {}, {}
    wallet.allowances, wallet.budgets, wallet.counters = {}, {}, {}
    wallet.subscription = None
    wallet.whole, wallet.unloaded, wallet.horizon = True, 0, ()
    (
        wallet.seq, wallet.head, wallet.clock, wallet.next_due,
        wallet.granted, wallet.refunded, wallet.adjusted, wallet.spent, wallet.expired,
        wallet.free, wallet.scoped, wallet.covered, wallet.bare, wallet.debt, wallet.live,
        wallet.pending, wallet.stopped, wallet.recurring, wallet.budgeted, *terms,
    ) = row  # fmt: skip
    wallet.terms = take_terms(tuple(terms))
    return wallet


def take_terms(row: Row) -> Terms:
    """Terms from their columns: the shared ones if they are the usual."""
    if row == USUAL:
        return USUAL_TERMS
    alerts, top_up = row[ALERTS:]
    return Terms._make((*row[:ALERTS], unpack_numbers(alerts), take_top_up(top_up)))


def take_top_up(packed: bytes) -> TopUp:
    """A rule for top-ups. One that somebody has cut short, or made longer, becomes one that nobody set."""
    if not packed:
        return NO_TOP_UP
    numbers, count = unpack_numbers(packed), len(TopUp._fields)
    return TopUp._make(numbers if len(numbers) == count else (-1,) * count)


def give_terms(terms: Terms) -> Row:
    """The columns of terms."""
    if terms is USUAL_TERMS:
        return USUAL
    top_up = b"" if terms.top_up == NO_TOP_UP else pack_numbers(terms.top_up)
    return (*terms[:ALERTS], pack_numbers(terms.alerts), top_up)


def give_standing(wallet: Wallet) -> Row:
    """The columns of a wallet that change seldom."""
    return (wallet.recurring, wallet.budgeted, *give_terms(wallet.terms))


def give_totals(wallet: Wallet) -> Row:
    """The columns of a wallet that any entry may change."""
    return (
        wallet.seq, wallet.head, wallet.clock, wallet.next_due,
        wallet.granted, wallet.refunded, wallet.adjusted, wallet.spent, wallet.expired,
        wallet.free, wallet.scoped, wallet.covered, wallet.bare, wallet.debt, wallet.live,
        wallet.pending, wallet.stopped,
    )  # fmt: skip


def take_lot(row: Sequence[Any]) -> Lot:
    """A lot from its columns."""
    features = unpack_numbers(row[FEATURES]) if row[FEATURES] else ()
    # Not by its own constructor, which takes as long again: of lots a batch has more than of all else.
    return tuple.__new__(Lot, (*row[:FEATURES], features, *row[FEATURES + 1 :]))


def give_lot(lot: Lot) -> Row:
    """The columns of a lot."""
    return (*lot[:FEATURES], pack_numbers(lot.features), *lot[FEATURES + 1 :])


def take_hold(row: Sequence[Any]) -> Hold:
    """A hold from its columns."""
    reserves = unpack_groups(row[RESERVES], 3) if row[RESERVES] else ()
    draws = unpack_pairs(row[DRAWS])
    return Hold._make((*row[:RESERVES], tuple(reserves), *row[RESERVES + 1 : DRAWS], draws, *row[DRAWS + 1 :]))


def give_hold(hold: Hold) -> Row:
    """The columns of a hold."""
    reserves = pack_numbers(number for reserve in hold.reserves for number in reserve) if hold.reserves else b""
    return (*hold[:RESERVES], reserves, *hold[RESERVES + 1 : DRAWS], pack_pairs(hold.draws), *hold[DRAWS + 1 :])


def take_debt(row: Sequence[Any]) -> Debt:
    """A debt from its columns."""
    return Debt._make((*row[:PAYERS], unpack_pairs(row[PAYERS]), *row[PAYERS + 1 :]))


def give_debt(debt: Debt) -> Row:
    """The columns of a debt."""
    return (*debt[:PAYERS], pack_pairs(debt.payers), *debt[PAYERS + 1 :])


def take_allowance(row: Sequence[Any]) -> Allowance:
    """An allowance from its columns."""
    return Allowance._make((*row[:SCOPE], unpack_numbers(row[SCOPE]), *row[SCOPE + 1 :]))


def give_allowance(allowance: Allowance) -> Row:
    """The columns of an allowance."""
    return (*allowance[:SCOPE], pack_numbers(allowance.features), *allowance[SCOPE + 1 :])


def take_budget(row: Sequence[Any]) -> Budget:
    """A budget from its columns."""
    return Budget._make(row)


def take_tally(row: Sequence[Any]) -> list[Counter]:
    """The counters of one subject from `TALLY_COLUMNS`."""
    subject, packed = row
    return [Counter(budget, subject, *rest) for budget, *rest in unpack_groups(packed, COUNTED)]


def pack_counters(counters: Iterable[Counter]) -> bytes:
    """The counters of one subject, by budget."""
    return b"".join([PACKED_COUNTER.pack(counter[0], *counter[2:]) for counter in sorted(counters)])
