"""Prices with a memory (rules 24 and 25): what a request comes to where the price depends on what came before.

What came before is a counter of the wallet, as those of budgets are, but of budget 0, which is none.
"""

from farthing.core.draft import Draft
from farthing.values.bounds import NEVER
from farthing.values.entries import Effect
from farthing.values.periods import Rhythm, find_calendar_anchor, find_period
from farthing.values.requests import Meter, Request
from farthing.values.wallets import Counter

NO_BUDGET = 0


def reckon(draft: Draft, request: Request, amount: int, *, keeps: bool = True) -> int:
    """What is to be charged in this wallet: the request's own amount, or what its price makes of what came before.

    With `keeps` what comes after it is priced after this; a hold only asks.
    """
    meter = find_meter(draft, request)
    if meter is None:
        return amount
    wallet, key = draft.wallet, (NO_BUDGET, meter.subject)
    stored = wallet.counters.get(key)
    starts_at, ends_at = (stored.starts_at, stored.ends_at) if stored else (0, 0)
    is_new = stored is None or draft.t >= ends_at
    if is_new:
        starts_at, ends_at = find_span(draft, meter)
    before = 0 if stored is None or is_new else stored.spent
    amount, after = meter.price.advance(before, meter.quantity)
    if keeps:
        if is_new:
            draft.effects.append((int(Effect.COUNTER_STARTED), *key, starts_at))
            draft.effects.append((int(Effect.COUNTER_ENDS), *key, ends_at))
        if after != before:
            draft.effects.append((int(Effect.COUNTER_SPENT), *key, after - before))
        draft.put_counter(Counter(*key, starts_at, ends_at, after, 0))
        wallet.budgeted += stored is None
    return amount


def find_meter(draft: Draft, request: Request) -> Meter | None:
    """The meter of a request in this unit, if its price has a memory."""
    meters = () if request.priced is None else request.priced.meters
    return next((meter for unit, meter in meters if unit == draft.wallet.unit.unit_id), None)


def find_span(draft: Draft, meter: Meter) -> tuple[int, int]:
    """The period in hand."""
    if not meter.every:
        return 0, NEVER
    zone = meter.zone or draft.wallet.account.zone
    anchor = meter.anchor or find_calendar_anchor(meter.every, zone, draft.zones)
    _, starts_at, ends_at = find_period(Rhythm(meter.every, meter.count, anchor, zone), draft.t, draft.zones)
    return starts_at, ends_at
