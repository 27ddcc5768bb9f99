"""A wallet being changed by one decision. Rules move lots, holds and debts here, and then write the entry that says so.

Every move adds an effect; `write` seals all effects since the last one into an entry and checks the step laws.
"""

from collections.abc import Sequence

from farthing.core import laws
from farthing.core.burndown import may_pay, place_lots, rank_lot, sum_available
from farthing.values.bounds import LARGEST_AMOUNT, NEVER
from farthing.values.entries import Effect, Entry, HoldField, Kind, LotField, Seal, pack_effects
from farthing.values.errors import GrantNotFound
from farthing.values.periods import Zones
from farthing.values.requests import UNSAID, Place, Request
from farthing.values.subscriptions import Subscription
from farthing.values.wallets import (
    Allowance,
    Budget,
    Counter,
    CounterKey,
    Debt,
    Hold,
    HoldState,
    Lot,
    NeedsMore,
    Wallet,
)

LOT_MOVED, LOT_SET, HOLD_SET = int(Effect.LOT_MOVED), int(Effect.LOT_SET), int(Effect.HOLD_SET)
NO_DIGESTS: tuple[bytes | None, bytes | None, bytes | None] = (None, None, None)
MUCH = LARGEST_AMOUNT // 2
"""Up to here all totals together are within bounds, since what waits to take effect is never more than this either."""
MOVING = len(Lot._fields) - 2
"""The place of a lot's `remaining`, the first of its two last fields that change."""


class Draft:
    """One wallet, one decision. `at` is the instant that rules speak of: a due time, or the request's own."""

    __slots__ = (
        "wallet", "origin", "t", "at", "seal", "zones", "request", "lead_unit", "lead_number", "effects", "entries",
        "lots", "covered", "bare", "debt", "has_freed", "fired", "touched_lots", "touched_holds", "touched_debts",
        "touched_allowances", "touched_budgets", "touched_counters", "stepped",
    )  # fmt: skip

    def __init__(self, wallet: Wallet, t: int, seal: Seal, zones: Zones) -> None:
        laws.time_never_runs_backwards(wallet, t)
        self.wallet = wallet.copy()
        self.origin = wallet
        """The wallet before: never changed."""
        self.t = self.at = t
        self.seal = seal
        self.zones = zones
        self.request: Request | None = None
        self.lead_unit = self.lead_number = 0
        self.effects: list[tuple[int, int, int, int]] = []
        self.entries: list[Entry] = []
        self.lots = self.covered = self.bare = self.debt = 0
        self.has_freed = False
        self.fired: Sequence[tuple[int, int, int]] = ()
        """Alerts to be written at the end: (kind, threshold or budget, balance or what was spent)."""
        self.touched_lots: set[int] = set()
        self.touched_holds: set[int] = set()
        self.touched_debts: set[int] = set()
        self.touched_allowances: Sequence[int] = ()
        self.touched_budgets: Sequence[int] = ()
        self.touched_counters: list[CounterKey] = []
        self.stepped: Subscription | None = None
        """The step of a subscription that this decision writes."""

    @property
    def next_number(self) -> int:
        """The number of the entry that `write` will write next, and so of what it makes."""
        return self.wallet.seq + 1

    def get_lot(self, number: int) -> Lot:
        """A lot that must be loaded by now."""
        lot = self.wallet.lots.get(number)
        if lot is None:
            if not self.wallet.whole:
                raise NeedsMore(self.wallet.unit.unit_id)
            raise laws.break_law(self.wallet, "rows_equal_the_fold", f"lot {number} is missing")
        return lot

    def get_grant(self, place: Place, grant_id: str) -> Lot:
        """The lot of a grant that a caller names by its id. Raises `GrantNotFound`, also for another account's."""
        account = self.wallet.account
        lot = self.wallet.lots.get(place.number) if place.account_id == account.account_id else None
        if lot is None:
            raise GrantNotFound(account=account.key, grant=grant_id)
        return lot

    def change_lot(self, lot: Lot, delta: int) -> None:
        """Put into a lot, or take from it, without saying why: the caller adds the effect that does."""
        wallet = self.wallet
        remaining = lot.remaining + delta
        laws.nothing_below_zero(wallet, "lot", lot.number, remaining)
        ended_at = 0 if remaining else self.t
        wallet.lots[lot.number] = Lot._make(lot[:MOVING] + (remaining, ended_at))
        self.touched_lots.add(lot.number)
        if not lot.started:
            wallet.pending += bool(remaining) - bool(lot.remaining)
            return
        wallet.free += delta
        self.lots += delta
        if lot.features:
            wallet.scoped += delta
        if delta > 0:
            self.has_freed = True
            if not lot.remaining:
                wallet.live += 1
                wallet.next_due = min(wallet.next_due, lot.expires_at)
        elif not remaining and delta:
            wallet.live -= 1

    def move_lot(self, lot: Lot, delta: int) -> None:
        """Put into a lot, or take from it."""
        self.change_lot(lot, delta)
        self.effects.append((LOT_MOVED, lot.number, 0, delta))

    def resize_lot(self, number: int, amount: int) -> None:
        """What a lot counts as granted changes: a void shrinks it, a further refund widens its grace lot."""
        self.wallet.lots[number] = self.wallet.lots[number]._replace(amount=amount)
        self.touched_lots.add(number)
        self.effects.append((LOT_SET, number, int(LotField.AMOUNT), amount))

    def add_lot(self, lot: Lot) -> None:
        """A new lot under the next entry's number, still empty; `move_lot` fills it."""
        number, fields = lot.number, LotField
        said = (
            (fields.AMOUNT, lot.amount),
            (fields.PRIORITY, lot.priority),
            (fields.EFFECTIVE_AT, lot.effective_at),
            (fields.EXPIRES_AT, 0 if lot.expires_at == NEVER else lot.expires_at),
            (fields.PROMOTIONAL, lot.promotional),
            *((fields.FEATURE, feature) for feature in lot.features),
            (fields.SOURCE, lot.source),
            (fields.COST_MINOR, lot.cost_minor),
            (fields.CURRENCY, lot.currency),
            (fields.OF_NUMBER, lot.of_number),
            (fields.STARTED, lot.started),
            (fields.ALLOWANCE, lot.allowance),
        )
        self.effects.extend((LOT_SET, number, int(field), value) for field, value in said if value)
        place_lots(self.wallet, [lot])
        self.touched_lots.add(number)
        self.wallet.next_due = min(self.wallet.next_due, lot.expires_at if lot.started else lot.effective_at)

    def end_lot(self, lot: Lot, expires_at: int) -> None:
        """Move a lot's end, and with it the lot's place in burn-down order."""
        wallet = self.wallet
        self.effects.append((LOT_SET, lot.number, int(LotField.EXPIRES_AT), 0 if expires_at == NEVER else expires_at))
        del wallet.lots[lot.number]
        place_lots(wallet, [lot._replace(expires_at=expires_at)])
        self.touched_lots.add(lot.number)
        wallet.next_due = min(wallet.next_due, expires_at)

    def start_lot(self, lot: Lot) -> None:
        """A pending lot takes effect with what it has. Its remaining stays, so the only effect is that it started."""
        wallet = self.wallet
        wallet.lots[lot.number] = Lot._make((*lot[: MOVING - 1], 1, lot.remaining, lot.ended_at))
        self.touched_lots.add(lot.number)
        self.effects.append((LOT_SET, lot.number, int(LotField.STARTED), 1))
        wallet.pending -= 1
        wallet.live += 1
        wallet.free += lot.remaining
        self.lots += lot.remaining
        if lot.features:
            wallet.scoped += lot.remaining
        self.has_freed = True

    def draw(self, amount: int, feature: int) -> int:
        """Take up to `amount` from the lots that may pay for `feature`, in burn-down order; returns what they lack."""
        wallet = self.wallet
        if not amount:
            return 0
        for lot in list(wallet.lots.values()):
            remaining = lot.remaining
            if not remaining or not lot.started or not may_pay(lot, feature):
                continue
            if wallet.unloaded and rank_lot(lot) > wallet.horizon:
                raise NeedsMore(wallet.unit.unit_id)
            if remaining >= amount:
                self.move_lot(lot, -amount)
                return 0
            self.move_lot(lot, -remaining)
            amount -= remaining
        if wallet.unloaded:
            raise NeedsMore(wallet.unit.unit_id)
        return amount

    def add_hold(self, hold: Hold) -> None:
        """A new hold under the next entry's number, with nothing set aside yet."""
        fields = HoldField
        alone = hold.lead_unit == self.wallet.unit.unit_id and hold.lead_number == hold.number
        said = (
            (fields.LEAD_UNIT, 0 if alone else hold.lead_unit),
            (fields.LEAD_NUMBER, 0 if alone else hold.lead_number),
            (fields.AMOUNT, hold.amount),
            (fields.FEATURE, hold.feature),
            (fields.NAME, hold.name),
            (fields.DEADLINE, hold.deadline),
            (fields.STATE, hold.state),
        )
        self.effects.extend((HOLD_SET, hold.number, int(field), value) for field, value in said if value)
        reserves = [(int(Effect.HOLD_RESERVED), hold.number, budget, subject) for budget, subject, _ in hold.reserves]
        self.effects.extend(reserves)
        self.replace_hold(hold)
        self.wallet.next_due = min(self.wallet.next_due, hold.deadline)

    def replace_hold(self, hold: Hold) -> None:
        """The new state of a hold; effects are the caller's."""
        self.wallet.holds[hold.number] = hold
        self.touched_holds.add(hold.number)

    def set_hold(self, hold: Hold, field: HoldField, value: int) -> None:
        """Say that one field of a hold changed; `replace_hold` changes it."""
        self.effects.append((HOLD_SET, hold.number, int(field), value))

    def end_hold(self, hold: Hold, state: HoldState, settled: int) -> None:
        """A hold ends: nothing is set aside for it any more."""
        was_open = hold.state == HoldState.OPEN
        if was_open:
            laws.hold_ends_once(self.wallet, hold.number, hold.ended_at)
        self.set_hold(hold, HoldField.STATE, state)
        self.replace_hold(hold._replace(state=int(state), settled=settled, bare=0, draws=(), ended_at=self.t))

    def move_covered(self, delta: int) -> None:
        """What named lots have set aside changes."""
        self.wallet.covered += delta
        self.covered += delta

    def move_bare(self, delta: int) -> None:
        """What is set aside beyond the lots changes."""
        self.wallet.bare += delta
        self.bare += delta

    def make_debt(self, amount: int, feature: int) -> None:
        """Owe what nothing could pay."""
        number = self.next_number
        self.effects.append((int(Effect.DEBT_MADE), number, feature, amount))
        self.wallet.debts[number] = Debt(number, feature, amount, amount, (), 0)
        self.touched_debts.add(number)
        self.wallet.debt += amount
        self.debt += amount

    def change_debt(self, debt: Debt, delta: int, payers: tuple[tuple[int, int], ...]) -> None:
        """Owe less (or again); effects are the caller's."""
        remaining = debt.remaining + delta
        laws.nothing_below_zero(self.wallet, "debt", debt.number, remaining)
        ended_at = 0 if remaining else debt.ended_at or self.t
        self.wallet.debts[debt.number] = debt._replace(remaining=remaining, payers=payers, ended_at=ended_at)
        self.touched_debts.add(debt.number)
        self.wallet.debt += delta
        self.debt += delta

    def pay_debts(self) -> None:
        """Credit that came free pays what it could have been charged for: oldest debt first, in burn-down order."""
        wallet = self.wallet
        if not wallet.whole:
            raise NeedsMore(wallet.unit.unit_id)
        for debt in list(wallet.debts.values()):
            for lot in list(wallet.lots.values()):
                owed = wallet.debts[debt.number]
                if not owed.remaining:
                    break
                if lot.remaining and lot.started and may_pay(lot, owed.feature):
                    amount = min(owed.remaining, lot.remaining)
                    self.effects.append((int(Effect.DEBT_PAID), owed.number, lot.number, amount))
                    self.change_lot(lot, -amount)
                    self.change_debt(owed, -amount, (*owed.payers, (lot.number, amount)))
        self.has_freed = False

    def put_allowance(self, allowance: Allowance) -> None:
        """The new state of an allowance; effects are the caller's."""
        self.wallet.allowances = {**self.wallet.allowances, allowance.number: allowance}
        self.touched_allowances = (*self.touched_allowances, allowance.number)
        if not allowance.ended_at:
            self.wallet.next_due = min(self.wallet.next_due, allowance.turns_at)

    def put_budget(self, budget: Budget) -> None:
        """The new state of a budget; effects are the caller's."""
        self.wallet.budgets = {**self.wallet.budgets, budget.number: budget}
        self.touched_budgets = (*self.touched_budgets, budget.number)

    def put_counter(self, counter: Counter) -> None:
        """The new state of a counter; effects are the caller's."""
        wallet, number, key = self.wallet, counter.budget, counter[:2]
        if counter.spent < 0 or counter.reserved < 0:
            laws.nothing_below_zero(wallet, "spent of budget", number, counter.spent)
            laws.nothing_below_zero(wallet, "reserved of budget", number, counter.reserved)
        if not self.touched_counters:
            wallet.counters = dict(wallet.counters)
        wallet.counters[key] = counter
        self.touched_counters.append(key)

    def write(
        self, kind: Kind, amount: int, *, uncovered: int = 0, granted: int = 0, refunded: int = 0, adjusted: int = 0,
        spent: int = 0, expired: int = 0, of_number: int = 0, feature: int = 0,
    ) -> None:  # fmt: skip
        """Seal everything that moved since the last entry into one of `kind`, and check the step laws.

        Credit that came free pays debt in the same entry (rule 8): no rule can forget it.
        """
        wallet, request, number = self.wallet, self.request, self.wallet.seq + 1
        if self.has_freed:
            if wallet.debt:
                self.pay_debts()
            self.has_freed = False
        laws.every_change_has_its_entry(
            wallet, granted + refunded + adjusted - spent - expired, self.lots, self.covered, self.debt
        )
        wallet.granted += granted
        wallet.refunded += refunded
        wallet.adjusted += adjusted
        wallet.spent += spent
        wallet.expired += expired
        laws.parts_make_the_whole(wallet)
        if wallet.granted + wallet.refunded + wallet.spent + wallet.bare + abs(wallet.adjusted) > MUCH:
            laws.totals_within_bounds(wallet)
        if request is None:
            lead_unit, lead_number, about = wallet.unit.unit_id, number, UNSAID
            effective_at, digests, version = self.at, NO_DIGESTS, 0
        else:
            lead_unit, lead_number, about = self.lead_unit, self.lead_number, request.about
            effective_at = self.at if request.effective_at is None else request.effective_at
            digests = request.digests() if (wallet.unit.unit_id, number) == (lead_unit, lead_number) else NO_DIGESTS
            version = request.catalog_version
        fields = (
            wallet.unit.unit_id, number, int(kind), lead_unit, lead_number, amount, uncovered,
            granted, refunded, adjusted, spent, expired, self.lots, self.covered, self.bare, self.debt,
            wallet.free + wallet.covered - wallet.debt, wallet.covered + wallet.bare, wallet.debt,
            sum_available(wallet, feature),
            of_number, feature, version, effective_at, self.t,
            *about, *digests, pack_effects(self.effects),
        )  # fmt: skip
        wallet.head = self.seal.bind(wallet.head, fields)
        wallet.seq = number
        wallet.clock = self.t
        self.entries.append(Entry._make((*fields, wallet.head)))
        self.effects = []
        self.lots = self.covered = self.bare = self.debt = 0
