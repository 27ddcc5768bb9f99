"""A wallet's entries folded back into its state, from their columns and effects alone: the second opinion of `verify`.

Written from what `entries.py` says of effects, not from what the rules do; a new effect gets its line in `EFFECTS`.
"""

from collections.abc import Callable
from typing import Final

from farthing.audit.folded_rows import (
    FoldedAllowance,
    FoldedBudget,
    FoldedCounter,
    FoldedDebt,
    FoldedHold,
    FoldedLot,
    FoldedSubscription,
)
from farthing.values.amounts import Unit
from farthing.values.bounds import NEVER
from farthing.values.entries import (
    CHARGES,
    AccountField,
    AlertKind,
    AllowanceField,
    BudgetField,
    Effect,
    Entry,
    HoldField,
    Kind,
    LotField,
    Seal,
    SubscriptionField,
    unpack_effects,
)
from farthing.values.wallets import USUAL_TERMS, Account, AccountState, CounterKey, HoldState, Terms, TopUp


class Unfoldable(Exception):
    """An entry whose effects make no sense: it names what is not there, or does what no effect does."""


class Fold:
    """The state of one wallet after the entries that were added, in the order of their numbers."""

    def __init__(self, account: Account, unit: Unit, seal: Seal) -> None:
        self.unit_id = unit.unit_id
        self.seal = seal
        self.head = seal.begin(account, unit)
        self.seq = self.clock = self.kind = 0
        self.granted = self.refunded = self.adjusted = self.spent = self.expired = 0
        self.free = self.covered = self.bare = self.debt = 0
        self.terms: dict[int, int] = {}
        self.alerts: list[int] = []
        self.top_up: dict[int, int] = {}
        self.account: dict[int, int] = {
            AccountField.STATE: AccountState.NEW, AccountField.ZONE: 0, AccountField.CLOCK: 0,
        }  # fmt: skip
        self.lots: dict[int, FoldedLot] = {}
        self.holds: dict[int, FoldedHold] = {}
        self.debts: dict[int, FoldedDebt] = {}
        self.allowances: dict[int, FoldedAllowance] = {}
        self.budgets: dict[int, FoldedBudget] = {}
        self.counters: dict[CounterKey, FoldedCounter] = {}
        """Those of budget 0 are of prices that depend on what came before."""
        self.subscriptions: dict[int, FoldedSubscription] = {}
        self.by_scope: dict[tuple[int, ...], int] = {}
        """What started lots have remaining, by the features to which they are scoped."""
        self.instants: set[int] = {NEVER}
        """Every instant at which anything was ever to fall due."""
        self.charged: dict[int, int] = {}
        self.given_back: dict[int, int] = {}
        """What was charged, and refunded of it, by the number of the charge or hold."""
        self.moved = [0, 0, 0, 0]
        """What the effects of the last entry moved in lots, covered, bare and debt."""
        self.told: list[tuple[int, int, int, int]] = []
        """Those effects of the last entry that its laws look at again: of counters, alerts and merged turns."""
        self.is_lost = False
        """Whether an entry made no sense: from there on only columns are summed, and no row can be told."""

    def add(self, entry: Entry) -> None:
        """Apply one entry. Raises `Unfoldable`."""
        self.head, self.seq, self.clock, self.kind = entry.hash, entry.number, entry.recorded_at, entry.kind
        self.granted += entry.granted
        self.refunded += entry.refunded
        self.adjusted += entry.adjusted
        self.spent += entry.spent
        self.expired += entry.expired
        self.free += entry.lots
        self.covered += entry.covered
        self.bare += entry.bare
        self.debt += entry.debt
        if entry.kind in CHARGES:
            number = entry.of_number or entry.number
            self.charged[number] = self.charged.get(number, 0) + entry.amount
        elif entry.kind == Kind.REFUNDED:
            self.given_back[entry.of_number] = self.given_back.get(entry.of_number, 0) + entry.amount
        elif entry.kind == Kind.CLAWED_BACK and entry.of_number in self.lots:
            self.lots[entry.of_number].clawed_back += entry.amount + entry.uncovered
        elif entry.kind == Kind.SUBSCRIBED:
            self.begin_step(entry)
        self.moved = [0, 0, 0, 0]
        self.told = []
        if not self.is_lost:
            try:
                self.apply_effects(entry)
            except Unfoldable:
                self.is_lost = True
                raise

    def begin_step(self, entry: Entry) -> None:
        """A subscription's next step, and so the end of the last."""
        if entry.of_number in self.subscriptions:
            self.subscriptions[entry.of_number].ended_at = entry.recorded_at
        self.subscriptions[entry.number] = FoldedSubscription(entry.recorded_at)

    def apply_effects(self, entry: Entry) -> None:
        """Apply the effects of one entry. Raises `Unfoldable`."""
        if len(entry.effects) % EFFECT_SIZE:
            raise Unfoldable(f"{len(entry.effects)} bytes, not a multiple of {EFFECT_SIZE}")
        for effect, number, key, value in unpack_effects(entry.effects):
            apply = EFFECTS.get(effect)
            if apply is None:
                raise Unfoldable(f"the unknown effect {effect}")
            try:
                apply(self, number, key, value)
            except (LookupError, ValueError) as error:
                raise Unfoldable(f"{Effect(effect).name} of {number}, which makes no sense here") from error

    def set_lot(self, number: int, key: int, value: int) -> None:
        """LOT_SET."""
        lot = self.lots.setdefault(number, FoldedLot())
        if key == LotField.FEATURE:
            lot.features += (value,)
        elif key == LotField.STARTED:
            if lot.started:
                raise ValueError("started twice")
            lot.started = value
            self.count(lot, lot.remaining)
        else:
            lot.terms[LotField(key)] = value
            if key in (LotField.EFFECTIVE_AT, LotField.EXPIRES_AT):
                self.instants.add(value)
            elif key == LotField.AMOUNT:
                lot.widest = max(lot.widest, value)

    def move_lot(self, number: int, key: int, value: int) -> None:
        """LOT_MOVED."""
        self.shift(number, value)
        if self.kind in CHARGES:
            self.lots[number].spent -= value
        elif self.kind == Kind.REFUNDED:
            self.lots[number].given_back += value

    def shift(self, number: int, value: int) -> None:
        """Put into a lot, or take from it."""
        lot = self.lots[number]
        lot.remaining += value
        lot.ended_at = 0 if lot.remaining else self.clock
        if lot.started:
            self.count(lot, value)

    def count(self, lot: FoldedLot, delta: int) -> None:
        """Credits of a started lot changed."""
        self.moved[LOTS] += delta
        self.by_scope[lot.features] = self.by_scope.get(lot.features, 0) + delta

    def draw(self, number: int, key: int, value: int) -> None:
        """HOLD_DREW."""
        hold = self.holds[number]
        hold.draws[key] = hold.draws.get(key, 0) + value
        self.moved[COVERED if key else BARE] += value
        if key:
            self.shift(key, -value)

    def spend(self, number: int, key: int, value: int) -> None:
        """HOLD_SPENT."""
        self.drop_draw(number, key, value)
        if key and self.kind in CHARGES:
            self.lots[key].spent += value

    def drop_draw(self, number: int, key: int, value: int) -> None:
        """A hold has less set aside."""
        draws = self.holds[number].draws
        draws[key] -= value
        if not draws[key]:
            del draws[key]
        self.moved[COVERED if key else BARE] -= value

    def give_back(self, number: int, key: int, value: int) -> None:
        """HOLD_RETURNED."""
        self.drop_draw(number, key, value)
        if key:
            self.shift(key, value)

    def set_hold(self, number: int, key: int, value: int) -> None:
        """HOLD_SET."""
        hold = self.holds.setdefault(number, FoldedHold())
        hold.terms[HoldField(key)] = value
        if key == HoldField.DEADLINE:
            self.instants.add(value)
        elif key == HoldField.STATE and value != HoldState.OPEN:
            hold.ended_at = self.clock

    def make_debt(self, number: int, key: int, value: int) -> None:
        """DEBT_MADE."""
        self.debts[number] = FoldedDebt(key, value, value)
        self.moved[DEBT] += value

    def pay_debt(self, number: int, key: int, value: int) -> None:
        """DEBT_PAID: what is given back leaves the debt as small as it was, since it is undone at once."""
        debt = self.debts[number]
        if value > 0:
            self.lower_debt(debt, value)
            debt.payers.append((key, value))
        else:
            payer, paid = debt.payers.pop()
            if payer != key or paid < -value:
                raise ValueError("given back to somebody else")
            if paid > -value:
                debt.payers.append((payer, paid + value))
        if key:
            self.shift(key, -value)
            if value > 0:
                self.lots[key].spent += value
            else:
                self.lots[key].given_back -= value

    def undo_debt(self, number: int, key: int, value: int) -> None:
        """DEBT_UNDONE."""
        self.lower_debt(self.debts[number], value)

    def lower_debt(self, debt: FoldedDebt, amount: int) -> None:
        """Less is owed."""
        debt.remaining -= amount
        self.moved[DEBT] -= amount
        if not debt.remaining:
            debt.ended_at = self.clock

    def set_term(self, number: int, key: int, value: int) -> None:
        """TERM_SET."""
        if not 1 <= key <= PLAIN_TERMS:
            raise ValueError("no such term")
        self.terms[key] = value

    def set_account(self, number: int, key: int, value: int) -> None:
        """ACCOUNT_SET."""
        self.account[AccountField(key)] = value

    def set_alert(self, number: int, key: int, value: int) -> None:
        """ALERT_SET: the first of a list begins it anew."""
        if number == 0:
            self.alerts = []
        if key:
            if number != len(self.alerts) or number >= key:
                raise ValueError("out of place")
            self.alerts.append(value)

    def set_top_up(self, number: int, key: int, value: int) -> None:
        """TOP_UP_SET."""
        if not 1 <= key <= len(TopUp._fields):
            raise ValueError("no such field")
        self.top_up[key] = value

    def set_allowance(self, number: int, key: int, value: int) -> None:
        """ALLOWANCE_SET."""
        allowance = self.allowances.setdefault(number, FoldedAllowance())
        if key == AllowanceField.FEATURE:
            allowance.features += (value,)
        else:
            allowance.terms[AllowanceField(key)] = value
            if key == AllowanceField.TURNS_AT:
                self.instants.add(value)

    def merge_turns(self, number: int, key: int, value: int) -> None:
        """TURNS_MERGED."""
        if number not in self.allowances:
            raise LookupError("no such allowance")
        self.told.append((Effect.TURNS_MERGED, number, key, value))

    def set_budget(self, number: int, key: int, value: int) -> None:
        """BUDGET_SET."""
        self.budgets.setdefault(number, FoldedBudget()).terms[BudgetField(key)] = value

    def start_counter(self, number: int, key: int, value: int) -> None:
        """COUNTER_STARTED: whatever it counted in the period before is gone."""
        if number != NO_BUDGET and number not in self.budgets:
            raise LookupError("no such budget")
        self.counters[number, key] = FoldedCounter(value)

    def end_counter(self, number: int, key: int, value: int) -> None:
        """COUNTER_ENDS."""
        self.counters[number, key].ends_at = value

    def count_spent(self, number: int, key: int, value: int) -> None:
        """COUNTER_SPENT."""
        self.counters[number, key].spent += value
        self.told.append((Effect.COUNTER_SPENT, number, key, value))

    def count_reserved(self, number: int, key: int, value: int) -> None:
        """COUNTER_RESERVED."""
        self.counters[number, key].reserved += value
        self.told.append((Effect.COUNTER_RESERVED, number, key, value))

    def reserve(self, number: int, key: int, value: int) -> None:
        """HOLD_RESERVED: the hold remembers which period was in hand."""
        self.holds[number].reserves += ((key, value, self.counters[key, value].starts_at),)

    def fire_alert(self, number: int, key: int, value: int) -> None:
        """ALERT_FIRED."""
        self.told.append((Effect.ALERT_FIRED, AlertKind(number), key, value))

    def return_money(self, number: int, key: int, value: int) -> None:
        """MONEY_RETURNED."""
        self.lots[number].money_returned += value

    def set_subscription(self, number: int, key: int, value: int) -> None:
        """SUBSCRIPTION_SET: in the entry of the step itself."""
        if number != self.seq:
            raise ValueError("of another step")
        self.subscriptions[number].terms[SubscriptionField(key)] = value

    def to_terms(self) -> Terms:
        """The wallet's settings."""
        plain = [self.terms.get(place, value) for place, value in enumerate(USUAL_TERMS[:PLAIN_TERMS], 1)]
        top_up = [self.top_up.get(place, value) for place, value in enumerate(TopUp(), 1)]
        return Terms._make((*plain, tuple(self.alerts), TopUp._make(top_up)))

    def sum_available(self, feature: int) -> int:
        """available(feature), overdraft included: rule 6, reckoned from the entries alone."""
        usable = sum(left for scope, left in self.by_scope.items() if not scope or (feature and feature in scope))
        return usable + self.terms.get(OVERDRAFT, 0) - self.debt - self.bare


PLAIN_TERMS: Final = Terms._fields.index("alerts")
"""How many terms are single numbers, set by TERM_SET."""
OVERDRAFT: Final = Terms._fields.index("overdraft") + 1
LOTS, COVERED, BARE, DEBT = range(4)
EFFECT_SIZE = 25
NO_BUDGET = 0
EFFECTS: dict[int, Callable[[Fold, int, int, int], None]] = {
    Effect.LOT_MOVED: Fold.move_lot,
    Effect.LOT_SET: Fold.set_lot,
    Effect.HOLD_DREW: Fold.draw,
    Effect.HOLD_SPENT: Fold.spend,
    Effect.HOLD_RETURNED: Fold.give_back,
    Effect.HOLD_SET: Fold.set_hold,
    Effect.DEBT_MADE: Fold.make_debt,
    Effect.DEBT_PAID: Fold.pay_debt,
    Effect.DEBT_UNDONE: Fold.undo_debt,
    Effect.TERM_SET: Fold.set_term,
    Effect.ACCOUNT_SET: Fold.set_account,
    Effect.ALLOWANCE_SET: Fold.set_allowance,
    Effect.TURNS_MERGED: Fold.merge_turns,
    Effect.BUDGET_SET: Fold.set_budget,
    Effect.COUNTER_STARTED: Fold.start_counter,
    Effect.COUNTER_ENDS: Fold.end_counter,
    Effect.COUNTER_SPENT: Fold.count_spent,
    Effect.COUNTER_RESERVED: Fold.count_reserved,
    Effect.HOLD_RESERVED: Fold.reserve,
    Effect.ALERT_SET: Fold.set_alert,
    Effect.ALERT_FIRED: Fold.fire_alert,
    Effect.TOP_UP_SET: Fold.set_top_up,
    Effect.MONEY_RETURNED: Fold.return_money,
    Effect.SUBSCRIPTION_SET: Fold.set_subscription,
}
