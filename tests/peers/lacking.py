"""What Farthing does not do: each word of the cases' vocabulary that is left out, and why.

A word that arrives leaves this list and gets its method in `adapter.py`; skipped.json then has to shrink with it.
"""

from tests.peers.casefiles import Case

TIME_OF_DAY = "needs prices by the time of day, which Farthing does not have"
READING = "is for reading: the peer differs, and the case gives no figures for Farthing"


def find_reason(case: Case) -> str | None:
    """Why a case is not run, or None."""
    if case.is_for_reading:
        return READING
    if any(step["do"] == "quote" and "off_peak" in step.get("price", {}) for step in case.steps):
        return TIME_OF_DAY
    return None
