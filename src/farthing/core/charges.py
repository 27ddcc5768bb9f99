"""Charges: hold and settle in one step, in three modes (rule 14); and the refusal that explains itself."""

from farthing.core import meters
from farthing.core.budgets import limit, list_claims, spend
from farthing.core.burndown import list_arriving, sum_available
from farthing.core.draft import Draft
from farthing.values.amounts import to_decimal
from farthing.values.calendars import to_instant_or_none
from farthing.values.entries import Kind
from farthing.values.errors import InsufficientCredits
from farthing.values.requests import Charge, Hold, Mode, Record
from farthing.values.wallets import Wallet


def charge(draft: Draft, request: Charge, amount: int) -> None:
    """Take `amount` from lots in burn-down order, then from overdraft; refuse or shrink by the mode when short."""
    wallet, feature = draft.wallet, request.feature
    asked = amount = meters.reckon(draft, request, amount)
    available = sum_available(wallet, feature)
    if amount > available:
        if request.mode == Mode.STRICT:
            refuse_short(wallet, feature, request, amount, available)
        elif request.mode == Mode.ALL_AVAILABLE:
            amount = max(0, available)
    claims = list_claims(draft, feature, request.about) if wallet.budgeted else ()
    if claims and request.mode != Mode.RECORD:
        amount = limit(draft, claims, amount, is_strict=request.mode == Mode.STRICT)
    owed = draft.draw(amount, feature)
    if owed:
        draft.make_debt(owed, feature)
    spend(draft, claims, amount)
    kind = Kind.RECORDED if request.mode == Mode.RECORD else Kind.CHARGED
    draft.write(kind, amount, uncovered=asked - amount, spent=amount, feature=feature)


def record(draft: Draft, request: Record, amount: int) -> None:
    """Take what is there for work that already happened; the rest is debt. Never refused."""
    amount = meters.reckon(draft, request, amount)
    owed = draft.draw(amount, request.feature)
    if owed:
        draft.make_debt(owed, request.feature)
    if draft.wallet.budgeted:
        spend(draft, list_claims(draft, request.feature, request.about), amount)
    draft.write(Kind.RECORDED, amount, spent=amount, feature=request.feature)


def refuse_short(wallet: Wallet, feature: int, request: Charge | Hold, needed: int, available: int) -> None:
    """Zero is always allowed; anything else is refused with what is needed, there, short, and when more arrives."""
    if not needed:
        return
    waiting = list_arriving(wallet, feature)
    resets_at = min((at for at, _ in waiting), default=None)
    arriving = sum(amount for at, amount in waiting if at == resets_at)
    unit = wallet.unit
    raise InsufficientCredits(
        account=wallet.account.key,
        unit=unit.name,
        feature=request.feature_text or None,
        needed=to_decimal(needed, unit),
        available=to_decimal(available, unit),
        held=to_decimal(wallet.held, unit),
        short=to_decimal(needed - available, unit),
        top_up=to_decimal(needed - available, unit),
        resets_at=to_instant_or_none(resets_at),
        arriving=to_decimal(arriving, unit) if waiting else None,
    )
