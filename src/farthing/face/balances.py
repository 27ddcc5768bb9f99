"""Balances: one read of one wallet, nothing written, with everything that explains the number."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from farthing.core import corrections
from farthing.core.burndown import sum_available
from farthing.core.draft import Draft
from farthing.engine.zones import find_zone
from farthing.face.desk import Desk
from farthing.face.ids import write_id
from farthing.face.receipts import place_of
from farthing.face.spelling import plain
from farthing.face.standings import BalanceAllowance, BalanceBudget, list_allowances, list_budgets
from farthing.face.top_ups import TopUp, show_top_up
from farthing.values.amounts import Unit, to_decimal, to_text
from farthing.values.calendars import to_instant, to_instant_or_none
from farthing.values.entries import Seal
from farthing.values.names import NOTHING, name_number, read_name
from farthing.values.wallets import HoldState, Lot, RestPolicy, SettlePolicy, Wallet


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceLot:
    """What is left of one grant."""

    grant: str
    amount: Decimal
    remaining: Decimal
    source: str
    priority: int
    starts_at: datetime
    expires_at: datetime | None
    features: tuple[str, ...]
    promotional: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceHold:
    """One open hold."""

    id: str
    amount: Decimal
    """What it has set aside now."""
    settled: Decimal
    feature: str | None
    name: str | None
    deadline: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Spendable credits that pay for some features only."""

    features: tuple[str, ...]
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceTerms:
    """The terms that hold for the account in this unit."""

    overdraft: Decimal
    settle_above_hold: str
    rest_of_ended_lot: str
    hold_ttl_seconds: int
    refund_grace_seconds: int
    alerts: tuple[Decimal, ...]
    """Balances that are told of when they are reached from above, highest first."""
    top_up: TopUp | None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Balance:
    """granted + refunded ± adjusted − spent − expired − held = spendable, and what stands behind it."""

    account: str
    state: str
    unit: str
    feature: str | None
    spendable: Decimal
    """What is there to spend, whatever it is scoped to, without overdraft."""
    available: Decimal
    """What a strict charge for `feature` (or for none) could take now, overdraft included."""
    held: Decimal
    covered: Decimal
    """The part of `held` that was taken out of grants."""
    bare: Decimal
    """The part of `held` that only overdraft stands for."""
    debt: Decimal
    overdraft: Decimal
    granted: Decimal
    refunded: Decimal
    adjusted: Decimal
    spent: Decimal
    expired: Decimal
    as_of: datetime
    equation: str
    lots: tuple[BalanceLot, ...]
    """In the order in which they will burn."""
    pending: tuple[BalanceLot, ...]
    """Granted for later; they count for nothing until then."""
    holds: tuple[BalanceHold, ...]
    scoped: Decimal
    """The part of what the lots have that pays for some features only."""
    scopes: tuple[Scope, ...]
    allowances: tuple[BalanceAllowance, ...]
    """Those that turn still, the next to turn first."""
    next_reset: datetime | None
    """When the next of them turns."""
    budgets: tuple[BalanceBudget, ...]
    """Those that count still, by their names."""
    terms: BalanceTerms
    stopped: bool
    """Whether a law broke here: nothing moves until an operator has looked."""

    def json(self) -> dict[str, Any]:
        """The same for JSON: amounts and instants as strings."""
        said: dict[str, Any] = plain(self)
        return said

    def __repr__(self) -> str:
        return f"<balance of {self.account} in {self.unit}: {self.equation}>"


def read_feature(feature: object) -> int:
    """The number of a feature that is only asked about: nothing is remembered of it."""
    return NOTHING if feature is None else name_number(read_name(feature, what="feature"))


def read_balance(desk: Desk, wallet: Wallet, feature: str | None) -> Balance:
    """The balance of a whole wallet, in which what fell due is applied."""
    unit, account = wallet.unit, wallet.account
    live = [lot for lot in wallet.lots.values() if lot.started and lot.remaining]
    waiting = [lot for lot in wallet.lots.values() if not lot.started and lot.remaining]
    allowances = list_allowances(desk, wallet)
    totals = {
        name: to_decimal(getattr(wallet, name), unit)
        for name in ("spendable", "held", "covered", "bare", "debt", "granted", "refunded", "adjusted", "spent",
                     "expired", "scoped")
    }  # fmt: skip
    return Balance(
        **totals,
        account=account.key,
        state=account.state.name.lower(),
        unit=unit.name,
        feature=feature,
        available=to_decimal(sum_available(wallet, read_feature(feature)), unit),
        overdraft=to_decimal(wallet.terms.overdraft, unit),
        as_of=to_instant(wallet.clock),
        equation=write_equation(wallet),
        lots=tuple([read_lot(desk, wallet, lot) for lot in live]),
        pending=tuple([read_lot(desk, wallet, lot) for lot in sorted(waiting, key=lambda lot: lot.effective_at)]),
        holds=read_holds(desk, wallet),
        scopes=read_scopes(desk, live, unit),
        allowances=allowances,
        next_reset=next((each.turns_at for each in allowances), None),
        budgets=list_budgets(desk, wallet),
        terms=read_terms(wallet),
        stopped=bool(wallet.stopped),
    )


def count_used(wallet: Wallet) -> Decimal:
    """The used count of a wallet that has its empty lots too, reckoned as decisions reckon it."""
    return to_decimal(corrections.count_used(Draft(wallet, wallet.clock, Seal(), find_zone)), wallet.unit)


def write_equation(wallet: Wallet) -> str:
    """The statement in one line, as people read it; a negative has a minus sign of its own."""
    said = {
        name: to_text(getattr(wallet, name), wallet.unit).replace("-", "−")
        for name in ("granted", "refunded", "adjusted", "spent", "expired", "held", "spendable")
    }
    return (
        "granted {granted} + refunded {refunded} ± adjusted {adjusted} − spent {spent} − expired {expired} "
        "− held {held} = {spendable}"
    ).format(**said)


def read_lot(desk: Desk, wallet: Wallet, lot: Lot) -> BalanceLot:
    """A lot in words."""
    return BalanceLot(
        grant=write_id("gra", place_of(wallet.account, wallet.unit.unit_id, lot.number)),
        amount=to_decimal(lot.amount, wallet.unit),
        remaining=to_decimal(lot.remaining, wallet.unit),
        source=desk.find_text(lot.source) or "",
        priority=lot.priority,
        starts_at=to_instant(lot.effective_at),
        expires_at=to_instant_or_none(lot.expires_at),
        features=name_features(desk, lot.features),
        promotional=bool(lot.promotional),
    )


def name_features(desk: Desk, features: Iterable[int]) -> tuple[str, ...]:
    """The features of a scope, in the order of the alphabet."""
    return tuple(sorted(desk.find_text(feature) or "" for feature in features))


def read_holds(desk: Desk, wallet: Wallet) -> tuple[BalanceHold, ...]:
    """The open holds, oldest first."""
    account, unit = wallet.account, wallet.unit
    return tuple(
        BalanceHold(
            id=write_id("hld", place_of(account, hold.lead_unit, hold.lead_number)),
            amount=to_decimal(hold.covered + hold.bare, unit),
            settled=to_decimal(hold.settled, unit),
            feature=desk.find_text(hold.feature),
            name=desk.find_text(hold.name),
            deadline=to_instant(hold.deadline),
        )
        for _, hold in sorted(wallet.holds.items())
        if hold.state == HoldState.OPEN
    )


def read_scopes(desk: Desk, lots: Iterable[Lot], unit: Unit) -> tuple[Scope, ...]:
    """What there is for some features only, by scope, in the order in which it will burn."""
    sums: dict[tuple[int, ...], int] = {}
    for lot in lots:
        if lot.features:
            sums[lot.features] = sums.get(lot.features, 0) + lot.remaining
    return tuple(
        Scope(features=name_features(desk, features), amount=to_decimal(amount, unit))
        for features, amount in sums.items()
    )


def read_terms(wallet: Wallet) -> BalanceTerms:
    """The wallet's terms in words."""
    terms = wallet.terms
    return BalanceTerms(
        overdraft=to_decimal(terms.overdraft, wallet.unit),
        settle_above_hold=SettlePolicy(terms.settle_above_hold).name.lower(),
        rest_of_ended_lot=RestPolicy(terms.rest_of_ended_lot).name.lower(),
        hold_ttl_seconds=terms.hold_ttl // 1_000_000,
        refund_grace_seconds=terms.refund_grace // 1_000_000,
        alerts=tuple(to_decimal(threshold, wallet.unit) for threshold in terms.alerts),
        top_up=show_top_up(terms.top_up, wallet.unit),
    )
