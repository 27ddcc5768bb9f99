"""What Farthing cannot do yet: each word of the cases' vocabulary that has to wait, and for what.

A word that arrives leaves these tables and gets its method in `adapter.py`; skipped.json then has to shrink with it.
"""

from tests.peers.casefiles import Case

PRICES = "needs prices, which come with the catalog"
PRORATION = "needs proration, which comes with plans"
READING = "is for reading: the peer differs, and the case gives no figures for Farthing"

OPERATIONS = {"quote": PRICES, "prorate": PRORATION}


def find_reason(case: Case) -> str | None:
    """Why a case is not run, or None."""
    if case.is_for_reading:
        return READING
    reasons = [OPERATIONS.get(str(step["do"])) for step in case.steps]
    return next((reason for reason in reasons if reason), None)
