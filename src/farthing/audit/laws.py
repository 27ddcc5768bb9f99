"""The state laws: what the books of a wallet must keep as a whole. Each law is a named function that yields findings.

Entry laws look at each entry as it is folded, state laws at the rows afterwards. A new law is a function here and a
line in its table; the step laws, which stop a decision before it is written, are in `core/laws.py`.
"""

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from farthing.audit.fold import NO_BUDGET, Fold, Unfoldable
from farthing.core.burndown import may_pay
from farthing.values.bounds import LARGEST_AMOUNT, NEVER
from farthing.values.entries import CHARGES, AccountField, AlertKind, AllowanceField, Effect, Entry, Kind, LotField
from farthing.values.names import name_number
from farthing.values.subscriptions import Subscription
from farthing.values.wallets import AccountState, Allowance, Budget, Counter, Debt, Hold, HoldState, Lot, Terms, Wallet


class Finding(NamedTuple):
    """One thing that does not add up: which law, where (table, row, column), what it should be and what it is."""

    law: str
    where: str
    expected: str
    found: str


Row = Lot | Hold | Debt | Allowance | Budget | Counter | Subscription


FREEING: Final = frozenset({Kind.SETTLED, Kind.RELEASED, Kind.TIMED_OUT})
"""The kinds of entries in which holds reserve less."""


class Books(NamedTuple):
    """A wallet's rows, ended ones too, and what its entries say that they should be."""

    wallet: Wallet
    lots: list[Lot]
    holds: list[Hold]
    debts: list[Debt]
    allowances: list[Allowance]
    budgets: list[Budget]
    counters: list[Counter]
    fold: Fold
    subscriptions: Sequence[Subscription] = ()
    """Steps of the account's subscription, in unit 0; no other wallet has any."""


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
        if not fold.is_lost:
            yield from turns_give_what_was_promised(fold, entry, where)
            if fold.told:
                yield from budgets_count_what_moved(fold, entry, where)
                yield from alerts_say_what_happened(fold, entry, where)


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


def turns_give_what_was_promised(fold: Fold, entry: Entry, where: str) -> Iterator[Finding]:
    """Each turn gives its allowance's amount, once for each period that it stands for, and owns to what it does not."""
    if entry.kind != Kind.TURNED:
        return
    allowance = fold.allowances.get(entry.of_number)
    periods = next((value for effect, *_, value in fold.told if effect == Effect.TURNS_MERGED), 1)
    promised = 0 if allowance is None else periods * allowance.terms.get(AllowanceField.AMOUNT, 0)
    yield from compare("turns_give_what_was_promised", f"{where}, granted", entry.amount, entry.granted)
    if entry.amount + entry.uncovered != promised and entry.uncovered != LARGEST_AMOUNT:
        found = f"{entry.amount} and {entry.uncovered} uncovered"
        yield Finding("turns_give_what_was_promised", f"{where}, amount", str(promised), found)


def budgets_count_what_moved(fold: Fold, entry: Entry, where: str) -> Iterator[Finding]:
    """What a charge counts as spent in a budget, or a hold as reserved, is all of it; a refund gives back no more. A
    price counts what it likes, of what is charged only."""
    for effect, number, subject, value in fold.told:
        if effect not in (Effect.COUNTER_SPENT, Effect.COUNTER_RESERVED):
            continue
        moves = (effect, entry.kind)
        if number == NO_BUDGET:
            is_right = effect == Effect.COUNTER_SPENT and entry.kind in CHARGES
        elif (entry.kind in CHARGES and effect == Effect.COUNTER_SPENT) or moves == (
            Effect.COUNTER_RESERVED,
            Kind.HELD,
        ):
            is_right = value == entry.amount
        elif moves == (Effect.COUNTER_SPENT, Kind.REFUNDED):
            is_right = -entry.amount <= value < 0
        else:
            is_right = effect == Effect.COUNTER_RESERVED and entry.kind in FREEING and value < 0
        if not is_right:
            what = f"{where}, counter {subject} of budget {number}"
            yield Finding("budgets_count_what_moved", what, f"what {entry.amount} moves", f"{value:+}")


def alerts_say_what_happened(fold: Fold, entry: Entry, where: str) -> Iterator[Finding]:
    """An alert tells of a threshold that is set and a balance that is there, or of a budget and what it has counted."""
    for effect, kind, what, value in fold.told:
        if effect != Effect.ALERT_FIRED:
            continue
        if kind == AlertKind.BUDGET:
            is_true = value in [each.spent for (budget, _), each in fold.counters.items() if budget == what]
        else:
            is_true = what in fold.alerts and what >= value == entry.balance_after
        if entry.kind != Kind.ALERTED or not is_true:
            found = f"{value} of {what}"
            yield Finding("alerts_say_what_happened", where, "an alert of what is there", found)


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
    """`next_due` is some instant that was promised, none is earlier, and what was due at the last entry is done. The
    allowances of a closed account turn no more."""
    wallet = books.wallet
    left = [lot for lot in books.lots if lot.remaining]
    coming = [hold.deadline for hold in books.holds if hold.state == HoldState.OPEN]
    coming += [lot.expires_at for lot in left] + [lot.effective_at for lot in left if not lot.started]
    if wallet.account.state != AccountState.CLOSED:
        coming += [allowance.turns_at for allowance in books.allowances if not allowance.ended_at]
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
    """The row's counts are those of the lots, allowances and budgets that live, and of the counters that prices keep;
    and so is what of lots is scoped."""
    wallet = books.wallet
    live = [lot for lot in books.lots if lot.started and lot.remaining]
    pending = sum(1 for lot in books.lots if lot.remaining and not lot.started)
    scoped = sum(lot.remaining for lot in live if lot.features)
    recurring = sum(1 for allowance in books.allowances if not allowance.ended_at)
    budgeted = sum(1 for budget in books.budgets if not budget.ended_at)
    budgeted += sum(1 for counter in books.counters if counter.budget == NO_BUDGET)
    counts = {"live": len(live), "pending": pending, "scoped": scoped, "recurring": recurring, "budgeted": budgeted}
    for name, count in counts.items():
        yield from compare("counts_agree", f"{name_wallet(wallet)}, {name}", count, getattr(wallet, name))


def clawbacks_at_most_the_grant(books: Books) -> Iterator[Finding]:
    """Σ clawbacks of a grant never pass what it ever gave, nor the money returned what was paid for it."""
    for number, lot in books.fold.lots.items():
        where = f"lot {number} of {name_wallet(books.wallet)}"
        paid = lot.terms.get(LotField.COST_MINOR, 0)
        for what, taken, most in (("clawbacks", lot.clawed_back, lot.widest), ("money", lot.money_returned, paid)):
            if taken > most:
                yield Finding("clawbacks_at_most_the_grant", f"{where}, {what}", f"{most} or less", str(taken))


def one_live_rule_of_a_name(books: Books) -> Iterator[Finding]:
    """No two live allowances of a wallet have one name, and no two live budgets."""
    for table, rules in (("allowance", books.allowances), ("budget", books.budgets)):
        seen: set[str] = set()
        for rule in rules:
            if not rule.ended_at and rule.name in seen:
                where = f"{table} {rule.number} of {name_wallet(books.wallet)}, name"
                yield Finding("one_live_rule_of_a_name", where, "one live of this name", f"another {rule.name}")
            elif not rule.ended_at:
                seen.add(rule.name)


def allowances_have_their_lots(books: Books) -> Iterator[Finding]:
    """The lot of a live allowance's period is there and its own, and every lot that an allowance gave has one."""
    wallet, owners = books.wallet, {lot.number: lot.allowance for lot in books.lots}
    numbers = {allowance.number for allowance in books.allowances}
    for allowance in books.allowances:
        if allowance.lot and not allowance.ended_at and owners.get(allowance.lot) != allowance.number:
            where = f"allowance {allowance.number} of {name_wallet(wallet)}, lot"
            yield Finding("allowances_have_their_lots", where, "a lot of its own", str(allowance.lot))
    for number, owner in owners.items():
        if owner and owner not in numbers:
            where = f"lot {number} of {name_wallet(wallet)}, allowance"
            yield Finding("allowances_have_their_lots", where, "an allowance that is there", str(owner))


def allowances_end_when_they_should(books: Books) -> Iterator[Finding]:
    """No period of an allowance that is to end by itself lasts longer, once it has begun."""
    for allowance in books.allowances:
        has_begun = allowance.turns_at > allowance.starts_at
        if allowance.until and not allowance.ended_at and has_begun and allowance.turns_at > allowance.until:
            where = f"allowance {allowance.number} of {name_wallet(books.wallet)}, turns_at"
            yield Finding(
                "allowances_end_when_they_should", where, f"{allowance.until} or earlier", str(allowance.turns_at)
            )


def budgets_reserve_what_is_held(books: Books) -> Iterator[Finding]:
    """A counter has spent nothing below zero, and reserves what open holds set aside that were placed in its period.

    Of an ended budget nobody counts any more, nor of a period that had passed: there only the entries speak.
    """
    wallet = books.wallet
    live = {budget.number for budget in books.budgets if not budget.ended_at}
    held: dict[tuple[int, int, int], int] = {}
    for hold in books.holds:
        for place in hold.reserves if hold.state == HoldState.OPEN else ():
            held[place] = held.get(place, 0) + hold.covered + hold.bare
    for counter in books.counters:
        where = f"counter {counter.budget}, {counter.subject} of {name_wallet(wallet)}"
        if counter.spent < 0:
            yield Finding("budgets_reserve_what_is_held", f"{where}, spent", "0 or more", str(counter.spent))
        if counter.budget in live:
            reserved = held.get((counter.budget, counter.subject, counter.starts_at), 0)
            yield from compare("budgets_reserve_what_is_held", f"{where}, reserved", reserved, counter.reserved)


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
    has_allowances = {allowance.number: allowance for allowance in books.allowances}
    has_budgets = {budget.number: budget for budget in books.budgets}
    allowances = {number: each.to_row(number, has_allowances.get(number)) for number, each in fold.allowances.items()}
    budgets = {number: each.to_row(number, has_budgets.get(number)) for number, each in fold.budgets.items()}
    counters = {key: counter.to_row(*key) for key, counter in fold.counters.items()}
    yield from compare_rows("allowance", wallet, allowances, has_allowances)
    yield from compare_rows("budget", wallet, budgets, has_budgets)
    has_steps = {step.number: step for step in books.subscriptions}
    steps = {number: each.to_row(number, has_steps.get(number)) for number, each in fold.subscriptions.items()}
    yield from compare_rows("subscription", wallet, steps, has_steps)
    yield from compare_rows("counter", wallet, counters, {(each.budget, each.subject): each for each in books.counters})


def compare_rows(table: str, wallet: Wallet, said: Mapping[Any, Row], found: Mapping[Any, Row]) -> Iterator[Finding]:
    """Findings by table, row and column."""
    for number in sorted(said.keys() | found.keys()):
        place = number if isinstance(number, int) else ", ".join(map(str, number))
        where = f"{table} {place} of {name_wallet(wallet)}"
        right, row = said.get(number), found.get(number)
        if right is None or row is None:
            there = "a row" if right is not None else "no row"
            yield Finding("rows_equal_the_fold", where, there, "no row" if row is None else "a row")
        elif right != row:
            for name, expected, value in zip(row._fields, right, row, strict=True):
                yield from compare("rows_equal_the_fold", f"{where}, {name}", expected, value)


def account_is_as_recorded(books: Books) -> Iterator[Finding]:
    """The account's state, zone and clock are what the entries of unit 0 say; the first of them opened it."""
    wallet, said = books.wallet, books.fold.account
    if wallet.unit.unit_id == 0 and not books.fold.is_lost:
        zone = 0 if wallet.account.zone == "UTC" else name_number(wallet.account.zone)
        where = f"account {wallet.account.key}"
        yield from compare(
            "rows_equal_the_fold", f"{where}, state", said[AccountField.STATE], int(wallet.account.state)
        )
        yield from compare("rows_equal_the_fold", f"{where}, zone", said[AccountField.ZONE], zone)
        yield from compare("rows_equal_the_fold", f"{where}, clock", said[AccountField.CLOCK], wallet.account.clock)


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
    clawbacks_at_most_the_grant,
    one_live_rule_of_a_name,
    allowances_have_their_lots,
    allowances_end_when_they_should,
    budgets_reserve_what_is_held,
    rows_equal_the_fold,
    account_is_as_recorded,
)
