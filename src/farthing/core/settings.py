"""Settings of one wallet, changed by `configure`, on record like everything else."""

from typing import Any

from farthing.core.alerts import set_top_up
from farthing.core.draft import Draft
from farthing.values.bounds import LARGEST_AMOUNT, LONGEST_BACK_OFF, LONGEST_HOLD_TTL, MOST_ALERTS
from farthing.values.entries import Effect, Kind
from farthing.values.errors import TermInvalid
from farthing.values.requests import Configure
from farthing.values.wallets import RestPolicy, SettlePolicy, Terms, TopUp

LIMITS = {
    "overdraft": (0, LARGEST_AMOUNT),
    "settle_above_hold": (0, max(SettlePolicy)),
    "rest_of_ended_lot": (0, max(RestPolicy)),
    "hold_ttl": (1, LONGEST_HOLD_TTL),
    "refund_grace": (0, LONGEST_HOLD_TTL),
}
"""The least and the most of each term."""

TOP_UP_LIMITS = {
    "is_on": (0, 1),
    "threshold": (-LARGEST_AMOUNT, LARGEST_AMOUNT),
    "quantity": (0, LARGEST_AMOUNT),
    "target": (0, LARGEST_AMOUNT),
    "whole_gap": (0, 1),
    "least": (0, LARGEST_AMOUNT),
    "most_per_day": (0, LARGEST_AMOUNT),
    "most_per_month": (0, LARGEST_AMOUNT),
    "back_off": (0, LONGEST_BACK_OFF),
}
"""The same of the rule for top-ups: these are its settings, its other fields its state."""


def configure(draft: Draft, request: Configure) -> None:
    """Set terms; those that are not named stay."""
    changed: dict[str, Any] = {}
    for number, value in request.terms:
        name = Terms._fields[number - 1]
        least, most = LIMITS[name]
        if not least <= value <= most:
            raise TermInvalid(
                what=name, given=str(value), problem="is out of bounds", advice=f"choose {least} to {most}"
            )
        changed[name] = value
        draft.effects.append((int(Effect.TERM_SET), 0, number, value))
    draft.wallet.terms = draft.wallet.terms._replace(**changed)
    if request.alerts is not None:
        set_alerts(draft, request.alerts)
    if request.top_up is not None:
        configure_top_up(draft, request.top_up)
    draft.write(Kind.CONFIGURED, 0)


def set_alerts(draft: Draft, thresholds: tuple[int, ...]) -> None:
    """Tell of these balances from now on, highest first, and of no others."""
    alerts = tuple(sorted(set(thresholds), reverse=True))
    if len(alerts) > MOST_ALERTS:
        advice = f"name at most {MOST_ALERTS}"
        raise TermInvalid(what="alerts", given=f"of {len(alerts)} balances", problem="are too many", advice=advice)
    said = [(place, len(alerts), at) for place, at in enumerate(alerts)] or [(0, 0, 0)]
    draft.effects.extend((int(Effect.ALERT_SET), *one) for one in said)
    draft.wallet.terms = draft.wallet.terms._replace(alerts=alerts)


def configure_top_up(draft: Draft, fields: tuple[tuple[int, int], ...]) -> None:
    """Change the rule for automatic top-ups; how far it has got stays."""
    rule = draft.wallet.terms.top_up
    changed = rule._replace(**{TopUp._fields[number - 1]: value for number, value in fields})
    for name, (least, most) in TOP_UP_LIMITS.items():
        value = getattr(changed, name)
        if not least <= value <= most:
            advice = f"choose {least} to {most}"
            raise TermInvalid(what=f"top_up {name}", given=str(value), problem="is out of bounds", advice=advice)
    if changed.is_on and not (changed.quantity or changed.target):
        raise TermInvalid(what="top_up", given="on", problem="buys nothing", advice="name a quantity or a target")
    if changed.target and changed.target <= changed.threshold:
        given, advice = str(changed.target), "choose one above the threshold"
        raise TermInvalid(what="top_up target", given=given, problem="would trigger again at once", advice=advice)
    set_top_up(draft, changed)
