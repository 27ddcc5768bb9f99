"""A wallet's entries folded back into its state, from their columns and effects alone: the second opinion of `verify`.

Written from what `entries.py` says of effects, not from what the rules do; a new effect gets its line in `EFFECTS`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from farthing.core.amounts import Unit
from farthing.core.bounds import NEVER
from farthing.core.entries import CHARGES, AccountField, Effect, Entry, HoldField, Kind, LotField, Seal, unpack_effects
from farthing.core.wallets import Account, AccountState, Debt, Hold, HoldState, Lot, Terms


class Unfoldable(Exception):
    """An entry whose effects make no sense: it names what is not there, or does what no effect does."""


@dataclass(slots=True)
class FoldedLot:
    """A lot as entries tell it."""

    terms: dict[int, int] = field(default_factory=dict)
    features: tuple[int, ...] = ()
    started: int = 0
    remaining: int = 0
    ended_at: int = 0
    spent: int = 0
    """What charges took from it, debts that it paid included."""
    given_back: int = 0
    """What refunds put back."""

    def to_row(self, number: int) -> Lot:
        """The row that a store should have."""
        said, at = self.terms.get, LotField
        return Lot(
            number, said(at.AMOUNT, 0), said(at.PRIORITY, 0), said(at.EFFECTIVE_AT, 0), said(at.EXPIRES_AT, NEVER),
            said(at.PROMOTIONAL, 0), self.features, said(at.SOURCE, 0), said(at.COST_MINOR, 0), said(at.CURRENCY, 0),
            said(at.OF_NUMBER, 0), self.started, self.remaining, self.ended_at,
        )  # fmt: skip


@dataclass(slots=True)
class FoldedHold:
    """A hold as entries tell it; `draws` by lot, 0 for what is bare, in the order in which they were drawn."""

    terms: dict[int, int] = field(default_factory=dict)
    draws: dict[int, int] = field(default_factory=dict)
    ended_at: int = 0

    def to_row(self, number: int, unit_id: int) -> Hold:
        """The row that a store should have."""
        said, at = self.terms.get, HoldField
        draws = tuple((lot, amount) for lot, amount in self.draws.items() if lot)
        return Hold(
            number, said(at.LEAD_UNIT, unit_id), said(at.LEAD_NUMBER, number), said(at.AMOUNT, 0), said(at.FEATURE, 0),
            said(at.NAME, 0), said(at.DEADLINE, 0), said(at.STATE, 0), said(at.SETTLED, 0), self.draws.get(0, 0),
            draws, self.ended_at,
        )  # fmt: skip


@dataclass(slots=True)
class FoldedDebt:
    """A debt as entries tell it."""

    feature: int
    amount: int
    remaining: int
    payers: list[tuple[int, int]] = field(default_factory=list)
    ended_at: int = 0

    def to_row(self, number: int) -> Debt:
        """The row that a store should have."""
        return Debt(number, self.feature, self.amount, self.remaining, tuple(self.payers), self.ended_at)


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
        self.account: dict[int, int] = {AccountField.STATE: AccountState.NEW, AccountField.ZONE: 0}
        self.lots: dict[int, FoldedLot] = {}
        self.holds: dict[int, FoldedHold] = {}
        self.debts: dict[int, FoldedDebt] = {}
        self.by_scope: dict[tuple[int, ...], int] = {}
        """What started lots have remaining, by the features to which they are scoped."""
        self.instants: set[int] = {NEVER}
        """Every instant at which anything was ever to fall due."""
        self.charged: dict[int, int] = {}
        self.given_back: dict[int, int] = {}
        """What was charged, and refunded of it, by the number of the charge or hold."""
        self.moved = [0, 0, 0, 0]
        """What the effects of the last entry moved in lots, covered, bare and debt."""
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
        self.moved = [0, 0, 0, 0]
        if not self.is_lost:
            try:
                self.apply_effects(entry)
            except Unfoldable:
                self.is_lost = True
                raise

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
        self.terms[key] = value

    def set_account(self, number: int, key: int, value: int) -> None:
        """ACCOUNT_SET."""
        self.account[AccountField(key)] = value

    def to_terms(self) -> Terms:
        """The wallet's settings."""
        return Terms(*[self.terms.get(place, value) for place, value in enumerate(Terms(), 1)])

    def sum_available(self, feature: int) -> int:
        """available(feature), overdraft included: rule 6, reckoned from the entries alone."""
        usable = sum(left for scope, left in self.by_scope.items() if not scope or (feature and feature in scope))
        return usable + self.to_terms().overdraft - self.debt - self.bare


LOTS, COVERED, BARE, DEBT = range(4)
EFFECT_SIZE = 25
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
}
