"""What Farthing cannot do yet: each word of the cases' vocabulary that has to wait, and for what.

A word that arrives leaves these tables and gets its method in `adapter.py`; skipped.json then has to shrink with it.
"""

from typing import Any

from tests.peers.casefiles import Case

ALLOWANCES = "needs allowances, which come with recurring time"
CALENDAR = "needs periods, which come with recurring time"
CLAWBACK = "needs clawback, which comes with recurring time"
ALERTS = "needs alerts, which come with recurring time"
TOP_UPS = "needs automatic top-ups, which come with purchases"
PRICES = "needs prices, which come with the catalog"
CONVERSION = "needs conversions of quantities, which come with the catalog"
PRORATION = "needs proration, which comes with plans"
READING = "is for reading: the peer differs, and the case gives no figures for Farthing"

OPERATIONS = {
    "allowance": ALLOWANCES,
    "change_allowance": ALLOWANCES,
    "clawback": CLAWBACK,
    "topup_rule": TOP_UPS,
    "quote": PRICES,
    "convert": CONVERSION,
    "prorate": PRORATION,
    "schedule": CALENDAR,
    "period_at": CALENDAR,
    "days": CALENDAR,
    "local_day": CALENDAR,
}
SETTINGS = {"clawback_spent": CLAWBACK, "alert": ALERTS, "auto_topup": TOP_UPS}
ASSERTIONS = {"carried": ALLOWANCES, "alerts": ALERTS, "topups": TOP_UPS}


def find_reason(case: Case) -> str | None:
    """Why a case is not run, or None."""
    if case.is_for_reading:
        return READING
    reasons = [OPERATIONS.get(str(step["do"])) or find_rounding(step) for step in case.steps]
    reasons += [SETTINGS.get(str(setting.get("set"))) for setting in case.setup]
    reasons += [ASSERTIONS.get(word) for assertion in case.expect for word in assertion]
    return next((reason for reason in reasons if reason), None)


def find_rounding(step: dict[str, Any]) -> str | None:
    """Amounts are rounded half up in public; the other ways come with prices."""
    if step["do"] == "round" and step.get("round", "half_up") != "half_up":
        return f"needs rounding by {step['round']}, which comes with the catalog"
    return None
