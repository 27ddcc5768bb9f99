"""Settings of one wallet, changed by `configure`, on record like everything else."""

from farthing.core.bounds import LARGEST_AMOUNT, LONGEST_HOLD_TTL
from farthing.core.draft import Draft
from farthing.core.entries import Effect, Kind
from farthing.core.errors import TermInvalid
from farthing.core.requests import Configure
from farthing.core.wallets import RestPolicy, SettlePolicy, Terms

LIMITS = {
    "overdraft": (0, LARGEST_AMOUNT),
    "settle_above_hold": (0, max(SettlePolicy)),
    "rest_of_ended_lot": (0, max(RestPolicy)),
    "hold_ttl": (1, LONGEST_HOLD_TTL),
    "refund_grace": (0, LONGEST_HOLD_TTL),
}
"""The least and the most of each term."""


def configure(draft: Draft, request: Configure) -> None:
    """Set terms; those that are not named stay."""
    changed = {}
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
    draft.write(Kind.CONFIGURED, 0)
