"""Steps of a subscription: what an account subscribes to, from when to when. What a plan gives is written beside it, by
the other requests of the same `Together`; which plan, and what follows from it, is the catalog's.
"""

from farthing.core.draft import Draft
from farthing.values.entries import Effect, Kind, SubscriptionField
from farthing.values.errors import SubscriptionChanged
from farthing.values.names import name_number
from farthing.values.standing_requests import Subscribe

UNSAID = ("number", "recorded_at", "ended_at")
"""Fields that the entry says by itself."""


def subscribe(draft: Draft, request: Subscribe) -> None:
    """Write the next step, if the last one is still the one that the caller saw."""
    wallet = draft.wallet
    last = 0 if wallet.subscription is None else wallet.subscription.number
    if last != request.expected or draft.stepped is not None:
        raise SubscriptionChanged(account=wallet.account.key)
    number = draft.next_number
    step = request.subscription._replace(number=number, recorded_at=draft.t, ended_at=0)
    for name, value in step._asdict().items():
        said = name_number(value) if value and isinstance(value, str) else value
        if said and name not in UNSAID:
            field = int(SubscriptionField[name.upper()])
            draft.effects.append((int(Effect.SUBSCRIPTION_SET), number, field, said))
    wallet.subscription = draft.stepped = step
    draft.write(Kind.SUBSCRIBED, 0, of_number=last)
