"""What an account subscribes to, as the ledger keeps it: a row for each step, written by an entry of the account.

Plans are the catalog's; the ledger knows their names, the times between which they hold and what was paid. What follows
from a step for credits (allowances, grants, budgets, terms) is written by the same request, in the same moment.
"""

from enum import IntEnum
from typing import NamedTuple


class Step(IntEnum):
    """What happened to a subscription."""

    SUBSCRIBED = 1
    RENEWED = 2
    UPGRADED = 3
    """To another plan, at once."""
    DOWNGRADED = 4
    """To the plan that was chosen before, at the end of the period."""
    PLANNED = 5
    """Another plan was chosen for the end of the period, or that choice was taken back."""
    CANCELLED = 6
    """It ends with the period in hand."""
    RESUMED = 7
    """It does not end after all."""
    PAST_DUE = 8
    """The period ended unpaid; it waits for a payment."""
    EXPIRED = 9
    """It ended; the fallback plan holds from then on."""
    ENDED = 10
    """It was ended at once."""
    CONVERTED = 11
    """Its trial ended, and it goes on."""


class Subscription(NamedTuple):
    """One step, and what holds from it on until the next. `number` is the entry in unit 0 that wrote it."""

    number: int
    step: int
    plan: str
    every: int
    """A cadence: what one payment is for. 0 where there is no period: the plan holds until it is ended."""
    count: int  # type: ignore[assignment]  # hides tuple.count, which nobody asks here
    anchor: int
    """From which the periods are counted."""
    zone: str
    starts_at: int
    """When this plan began to hold."""
    trial_ends_at: int
    """0 where there is none."""
    period_starts_at: int
    period_ends_at: int
    """Until when it is paid; `NEVER` where nothing is to be paid."""
    ends_at: int
    """When the fallback plan takes over unless something happens before; `NEVER` if it goes on."""
    is_renewing: int
    """1 if it is to go on when the period ends: by itself where the plan has no price, else by a payment."""
    next_plan: str
    """The plan from the end of the period on; empty for the same one."""
    next_every: int
    fallback: str
    """The plan that holds after `ends_at`; empty for none."""
    catalog_version: int
    """By which the plan is read."""
    paid_minor: int
    """What was paid with this step, in minor units."""
    currency: int
    """The number of its name; 0 where nothing was paid."""
    acts_at: int
    """When a job has something to write next; `NEVER` if nothing."""
    recorded_at: int
    ended_at: int
    """When the next step took its place, or 0."""
