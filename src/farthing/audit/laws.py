"""The state laws: what the books of a wallet must keep as a whole. Each law is a named function that yields findings.

Entry laws look at each entry as it is folded, state laws at the rows afterwards. A new law is a function here and a
line in its table; the step laws, which stop a decision before it is written, are in `core/laws.py`.
"""

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from farthing.audit.fold import Fold, Unfoldable
from farthing.core.bounds import NEVER
from farthing.core.burndown import may_pay
from farthing.core.entries import AccountField, Entry, Kind, LotField
from farthing.core.names import name_number
from farthing.core.wallets import Debt, Hold, HoldState, Lot, Terms, Wallet


class Finding(NamedTuple):
    """One thing that does not add up: which law, where (table, row, column), what it should be and what it is."""

    law: str
    where: str
    expected: str
    found: str


Rows = Mapping[int, Lot] | Mapping[int, Hold] | Mapping[int, Debt]


class Books(NamedTuple):
    """A wallet's rows, ended ones too, and what its entries say that they should be."""

    wallet: Wallet
    lots: list[Lot]
    holds: list[Hold]
    debts: list[Debt]
    fold: Fold


def check_entries(wallet: Wallet, entries: Iterable[Entry], fold: Fold) -> Iterator[Finding]:
    """Fold a wallet's entries one by one, and check each against every entry law."""
    kinds = {int(kind) for kind in Kind}
    for entry in entries:
        where = f"entry {entry.number} of {name_wallet(wallet)}"
        if entry.kind not in kinds:
            yield Finding("kinds_are_known", where, "a kind of entry", str(entry.kind))
        yield from numbers_without_gaps(fold, entry, where)
        yield from chain_unbroken(fold, entry, where)
        yield from time_never_runs_backwards(fold, entry, where)
        try:
            fold.add(entry)
        except Unfoldable as error:
            yield Finding("effects_make_sense", f"{where}, effects", "effects that can be folded", str(error))
        yield from every_change_has_its_entry(fold, entry, where)
        yield from entries_say_what_is_there(fold, entry, where)


def name_wallet(wallet: Wallet) -> str:
    """How findings name a wallet."""
    return f"wallet {wallet.account.key} {wallet.unit.name}"


def compare(law: str, where: str, expected: object, found: object) -> Iterator[Finding]:
    """A finding unless both are the same."""
    if expected != found:
        yield Finding(law, where, show(expected), show(found))


def show(value: object) -> str:
    """A value as a finding says it."""
    return value.hex() if isinstance(value, bytes) else str(value)


def numbers_without_gaps(fold: Fold, entry: Entry, where: str) -> Iterator[Finding]:
    """Entries are numbered from 1, each one more than the last."""
    return compare("numbers_without_gaps", where, fold.seq + 1, entry.number)


def chain_unbroken(fold: Fold, entry: Entry, where: str) -> Iterator[Finding]:
    """Each entry is sealed with the one before it."""
    try:
        sealed = fold.seal.bind(fold.head, entry[:-1])
    except (struct.error, TypeError) as error:
        yield Finding("chain_unbroken", where, "an entry that can be sealed", str(error))
        return
    yield from compare("chain_unbroken", f"{where}, hash", sealed, entry.hash)


def time_never_runs_backwards(fold: Fold, entry: Entry, where: str) -> Iterator[Finding]:
    """Entries are in the order of their times."""
    if entry.recorded_at < fold.clock:
        yield Finding("time_never_runs_backwards", where, f"{fold.clock} or later", str(entry.recorded_at))


def every_change_has_its_entry(fold: Fold, entry: Entry, where: str) -> Iterator[Finding]:
    """The columns of an entry say the same as its effects, and its left side equals its right side."""
    moved = [entry.lots, entry.covered, entry.bare, entry.debt]
    if not fold.is_lost:
        yield from compare("every_change_has_its_entry", f"{where}, lots covered bare debt", fold.moved, moved)
    stated = entry.granted + entry.refunded + entry.adjusted - entry.spent - entry.expired
    yield from compare("equation_adds_up", where, stated, entry.lots + entry.covered - entry.debt)


def entries_say_what_is_there(fold: Fold, entry: Entry, where: str) -> Iterator[Finding]:
    """The balances after an entry are what all entries up to it add up to."""
    after = fold.free + fold.covered - fold.debt, fold.covered + fold.bare, fold.debt
    said = entry.balance_after, entry.held_after, entry.debt_after
    yield from compare("entries_say_what_is_there", f"{where}, balance held debt after", after, said)
    if not fold.is_lost:
        available = fold.sum_available(entry.feature)
        yield from compare("entries_say_what_is_there", f"{where}, available_after", available, entry.available_after)


def check_state(books: Books) -> Iterator[Finding]:
    """Every state law over one wallet, its entries being folded."""
    for law in STATE_LAWS:
        yield from law(books)


def no_tail_is_missing(books: Books) -> Iterator[Finding]:
    """The wallet's row knows how many entries there are, and the hash of the last."""
    wallet, fold = books.wallet, books.fold
    yield from compare("numbers_without_gaps", f"{name_wallet(wallet)}, seq", fold.seq, wallet.seq)
    yield from compare("chain_unbroken", f"{name_wallet(wallet)}, head", fold.head, wallet.head)


def wallet_in_order(books: Books) -> Iterator[Finding]:
    """A wallet that was stopped because a law broke in it is not in order until somebody has looked."""
    return compare("wallet_in_order", f"{name_wallet(books.wallet)}, stopped", 0, books.wallet.stopped)


def balance_is_lots_plus_covered_minus_debt(books: Books) -> Iterator[Finding]:
    """balance = Σ lots + Σ covered holds − debt."""
    wallet = books.wallet
    lots = sum(lot.remaining for lot in books.lots if lot.started)
    covered = sum(hold.covered for hold in books.holds)
    debt = sum(debt.remaining for debt in books.debts)
    where = f"{name_wallet(wallet)}, balance"
    yield from compare("balance_is_lots_plus_covered_minus_debt", where, lots + covered - debt, wallet.balance)
    yield from compare("balance_is_lots_plus_covered_minus_debt", f"{name_wallet(wallet)}, free", lots, wallet.free)
    yield from compare("balance_is_lots_plus_covered_minus_debt", f"{name_wallet(wallet)}, debt", debt, wallet.debt)


def held_is_open_holds(books: Books) -> Iterator[Finding]:
    """held = Σ open holds, and a hold that has ended holds nothing."""
    wallet = books.wallet
    opened = [hold for hold in books.holds if hold.state == HoldState.OPEN]
    for name, held in (("covered", sum(h.covered for h in opened)), ("bare", sum(h.bare for h in opened))):
        where = f"{name_wallet(wallet)}, {name}"
        yield from compare("held_is_open_holds", where, held, getattr(wallet, name))
    for hold in books.holds:
        if hold.state != HoldState.OPEN:
            where = f"hold {hold.number} of {name_wallet(wallet)}, held"
            yield from compare("held_is_open_holds", where, 0, hold.covered + hold.bare)


def equation_adds_up(books: Books) -> Iterator[Finding]:
    """granted + refunded ± adjusted − spent − expired = balance."""
    wallet = books.wallet
    stated = wallet.granted + wallet.refunded + wallet.adjusted - wallet.spent - wallet.expired
    return compare("equation_adds_up", f"{name_wallet(wallet)}, balance", stated, wallet.balance)


def never_owe_and_hold_credit_that_could_pay(books: Books) -> Iterator[Finding]:
    """While a debt is unpaid there is no live credit that could have been charged for it."""
    live = {lot.features: lot for lot in books.lots if lot.started and lot.remaining > 0}
    for debt in books.debts:
        for lot in live.values():
            if debt.remaining > 0 and may_pay(lot, debt.feature):
                where = f"debt {debt.number} of {name_wallet(books.wallet)}, remaining"
                found = f"{debt.remaining} owed, {lot.remaining} in lot {lot.number}"
                yield Finding("never_owe_and_hold_credit_that_could_pay", where, "paid by the lot", found)


def refunds_give_back_what_was_drawn(books: Books) -> Iterator[Finding]:
    """No lot gets more back from refunds than charges took from it; a grace lot is made by one, and has no bound."""
    for number, lot in books.fold.lots.items():
        if lot.given_back > lot.spent and not lot.terms.get(LotField.OF_NUMBER):
            where = f"lot {number} of {name_wallet(books.wallet)}, refunds"
            yield Finding("refunds_give_back_what_was_drawn", where, f"{lot.spent} or less", str(lot.given_back))


def nothing_due_is_missed(books: Books) -> Iterator[Finding]:
    """`next_due` is some instant that was promised, none is earlier, and what was due at the last entry is done."""
    wallet = books.wallet
    left = [lot for lot in books.lots if lot.remaining]
    coming = [hold.deadline for hold in books.holds if hold.state == HoldState.OPEN]
    coming += [lot.expires_at for lot in left] + [lot.effective_at for lot in left if not lot.started]
    earliest = min(coming, default=NEVER)
    where = f"{name_wallet(wallet)}, next_due"
    if wallet.next_due > earliest:
        yield Finding("nothing_due_is_missed", where, f"{earliest} or earlier", str(wallet.next_due))
    elif wallet.next_due not in books.fold.instants and not books.fold.is_lost:
        yield Finding("nothing_due_is_missed", where, "when something falls due", str(wallet.next_due))
    if earliest <= wallet.clock:
        yield Finding("nothing_due_is_missed", f"{name_wallet(wallet)}, clock", f"before {earliest}", str(wallet.clock))


def refunds_at_most_the_charge(books: Books) -> Iterator[Finding]:
    """Σ refunds of a charge never pass it."""
    for number, back in books.fold.given_back.items():
        charged = books.fold.charged.get(number, 0)
        if back > charged:
            where = f"entry {number} of {name_wallet(books.wallet)}, refunds"
            yield Finding("refunds_at_most_the_charge", where, f"{charged} or less", str(back))


def counts_agree(books: Books) -> Iterator[Finding]:
    """The row's counts of lots, and what of them is scoped, are those of the lots."""
    wallet = books.wallet
    live = [lot for lot in books.lots if lot.started and lot.remaining]
    pending = sum(1 for lot in books.lots if lot.remaining and not lot.started)
    scoped = sum(lot.remaining for lot in live if lot.features)
    for name, count in (("live", len(live)), ("pending", pending), ("scoped", scoped)):
        yield from compare("counts_agree", f"{name_wallet(wallet)}, {name}", count, getattr(wallet, name))


def rows_equal_the_fold(books: Books) -> Iterator[Finding]:
    """Every column of every row is what the entries say, and there is a row for all that they speak of."""
    wallet, fold = books.wallet, books.fold
    for name in ("clock", "granted", "refunded", "adjusted", "spent", "expired", "free", "covered", "bare", "debt"):
        where = f"{name_wallet(wallet)}, {name}"
        yield from compare("rows_equal_the_fold", where, getattr(fold, name), getattr(wallet, name))
    if fold.is_lost:
        return
    for name, said, found in zip(Terms._fields, fold.to_terms(), wallet.terms, strict=True):
        yield from compare("rows_equal_the_fold", f"{name_wallet(wallet)}, {name}", said, found)
    lots = {number: lot.to_row(number) for number, lot in fold.lots.items()}
    holds = {number: hold.to_row(number, wallet.unit.unit_id) for number, hold in fold.holds.items()}
    debts = {number: debt.to_row(number) for number, debt in fold.debts.items()}
    yield from compare_rows("lot", wallet, lots, {lot.number: lot for lot in books.lots})
    yield from compare_rows("hold", wallet, holds, {hold.number: hold for hold in books.holds})
    yield from compare_rows("debt", wallet, debts, {debt.number: debt for debt in books.debts})


def compare_rows(table: str, wallet: Wallet, said: Rows, found: Rows) -> Iterator[Finding]:
    """Findings by table, row and column."""
    for number in sorted(said.keys() | found.keys()):
        where = f"{table} {number} of {name_wallet(wallet)}"
        right, row = said.get(number), found.get(number)
        if right is None or row is None:
            there = "a row" if right is not None else "no row"
            yield Finding("rows_equal_the_fold", where, there, "no row" if row is None else "a row")
        elif right != row:
            for name, expected, value in zip(row._fields, right, row, strict=True):
                yield from compare("rows_equal_the_fold", f"{where}, {name}", expected, value)


def account_is_as_recorded(books: Books) -> Iterator[Finding]:
    """The account's state and zone are what the entries of unit 0 say; the first of them opened it."""
    wallet, said = books.wallet, books.fold.account
    if wallet.unit.unit_id == 0 and not books.fold.is_lost:
        zone = 0 if wallet.account.zone == "UTC" else name_number(wallet.account.zone)
        where = f"account {wallet.account.key}"
        yield from compare(
            "rows_equal_the_fold", f"{where}, state", said[AccountField.STATE], int(wallet.account.state)
        )
        yield from compare("rows_equal_the_fold", f"{where}, zone", said[AccountField.ZONE], zone)


STATE_LAWS: tuple[Callable[[Books], Iterator[Finding]], ...] = (
    no_tail_is_missing,
    wallet_in_order,
    balance_is_lots_plus_covered_minus_debt,
    held_is_open_holds,
    equation_adds_up,
    never_owe_and_hold_credit_that_could_pay,
    nothing_due_is_missed,
    refunds_at_most_the_charge,
    refunds_give_back_what_was_drawn,
    counts_agree,
    rows_equal_the_fold,
    account_is_as_recorded,
)
