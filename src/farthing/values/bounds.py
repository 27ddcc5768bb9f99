"""Every bound has a name here. Nothing in Farthing grows without one; each refusal that a bound causes names it."""

from typing import Final

LARGEST_AMOUNT: Final = 2**63 - 1
"""The largest number of smallest parts that any amount or running total may reach."""

NEVER: Final = 2**63 - 1
"""An instant that does not come: stands for "no expiry" where times are compared."""

LONGEST_KEY: Final = 255
"""Characters of an idempotency key."""

LONGEST_ACCOUNT: Final = 200
"""Characters of an account's key, after Unicode normalisation (NFC)."""

LONGEST_NAME: Final = 200
"""Characters of a feature, model, member, actor, source or unit."""

LARGEST_NOTE: Final = 4096
"""Bytes of description and metadata together, as stored."""

MOST_SCOPES: Final = 32
"""Features to which one grant may be scoped."""

MOST_UNITS: Final = 8
"""Units that one request may move."""

MOST_LIVE_LOTS: Final = 10_000
"""Live lots in one wallet; a further grant is refused until some are spent or gone."""

LOTS_AT_FIRST: Final = 16
"""Usable lots that are loaded for a decision before it asks for the rest."""

LARGEST_BATCH: Final = 512
"""Requests decided in one commit."""

LARGEST_QUEUE: Final = 10_000
"""Requests that may wait at once; one account may hold a quarter of these places."""

LONGEST_WAIT_SECONDS: Final = 2
"""How long a request waits for locks that others hold before it is told `Busy`."""

MICROSECONDS: Final = 1_000_000
"""Parts of a second in every instant and duration: times are whole microseconds, UTC."""

HOLD_TTL: Final = 15 * 60 * MICROSECONDS
"""How long a hold lives when nobody says."""

LONGEST_HOLD_TTL: Final = 400 * 86_400 * MICROSECONDS
"""The longest life that a hold can be given."""

REFUND_GRACE: Final = 30 * 86_400 * MICROSECONDS
"""How long a refund to an ended lot can be spent when nobody says."""

EARLIEST_INSTANT: Final = -62_135_510_400 * MICROSECONDS
"""The second day of the year 1, so that an instant before it can still be shown, in any zone."""

LATEST_INSTANT: Final = 253_402_300_799 * MICROSECONDS
"""The last second of the year 9999, the last that Python's datetime can show."""

MOST_ALLOWANCES: Final = 32
"""Live allowances of one wallet."""

MOST_BUDGETS: Final = 64
"""Live budgets of one wallet."""

MOST_ALERTS: Final = 16
"""Alert thresholds of one wallet."""

MOST_TURNS: Final = 64
"""Turns in a row, of one allowance, that are written each by itself when a wallet was away for long; more are merged
into one entry with the same totals."""

LONGEST_KEEP: Final = 400
"""Periods for which carried credits can be kept, other than for ever."""

MOST_PERIODS: Final = 10_000
"""Hours, days … that make one period, at most."""

WHOLE_PERCENT: Final = 1_000_000
"""100 %, where a percentage is a whole number: millionths."""

LONGEST_BACK_OFF: Final = 30 * 86_400 * MICROSECONDS
"""The longest wait after a declined top-up, however often it was declined."""
