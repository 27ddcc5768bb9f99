"""What can be asked about that which stands: allowances, budgets, ends of credits, top-ups, the clock of a test book.

They belong to the closed list of `requests.py`, whose conventions they follow.
"""

from dataclasses import dataclass, field
from enum import IntEnum

from farthing.values.requests import ADDED, Place, Request
from farthing.values.subscriptions import Subscription


class ChangeMode(IntEnum):
    """What a new amount means for the period in hand (rule 21)."""

    REPLACE = 0
    """A fresh lot; the old one ends."""
    ADD = 1
    """A lot more; the old one stays."""
    KEEP_USED = 2
    """The difference; what was used counts."""
    AT_TURN = 3
    """Nothing: it works from the turn."""


class SpentPolicy(IntEnum):
    """What becomes of credits that are clawed back and were spent already."""

    DEBT = 0
    WRITE_OFF = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class OfOneUnit(Request):
    """A request about one wallet."""

    unit: int

    @property
    def units(self) -> tuple[int, ...]:
        return (self.unit,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allow(OfOneUnit):
    """Give credits anew in every period. The period in hand begins at once, unless `starts_at` says a later instant."""

    asked = "given an allowance"
    opens = True
    name: str
    amount: int
    every: int
    count: int = 1
    anchor: int | None = None
    """An instant whose wall-clock time recurs. None is now, or with `calendar` the start of the calendar's periods."""
    calendar: bool = False
    zone: str = ""
    """The account's own if it is empty."""
    priority: int = 10
    promotional: bool = False
    features: tuple[int, ...] = ()
    source: int = 0
    rollover: int = 0
    cap: int = 0
    cap_percent: int = 0
    keep: int = 0
    on_turn: int = 0
    first: int | None = None
    """What the first period gives; None is the full amount."""
    is_prorated: bool = False
    """Whether the first period gives the amount in proportion to what is left of the period."""
    starts_at: int | None = None
    until: int = field(default=0, metadata=ADDED)
    """When it ends by itself, with the period that is then in hand; 0 is never."""
    instead_of: str = field(default="", metadata=ADDED)
    """The live allowance whose place it takes, by `change_mode`."""
    change_mode: int = field(default=0, metadata=ADDED)
    """A `ChangeMode`: what was unused there goes, stays to its end, or counts (`KEEP_USED`: what was used there is used
    here too)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamesAllowance(OfOneUnit):
    """A request about a live allowance, by its name."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeAllowance(NamesAllowance):
    """Change an allowance within its period (rule 21). What is None stays; all but the amount works from the turn."""

    asked = "given another allowance"
    mode: int = 0
    """A `ChangeMode`."""
    amount: int | None = None
    rollover: int | None = None
    cap: int | None = None
    cap_percent: int | None = None
    keep: int | None = None
    on_turn: int | None = None
    until: int | None = field(default=None, metadata=ADDED)
    """When it ends by itself; 0 is never again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndAllowance(NamesAllowance):
    """Turn no more. The credits of the period in hand live to its end, or go at once (`now`)."""

    asked = "rid of an allowance"
    now: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EndPeriod(NamesAllowance):
    """Let the period in hand end now, and a new one begin that lasts until the same date."""

    asked = "at the end of a period"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPeriodEnd(NamesAllowance):
    """Move the end of the period in hand; one that has passed lets the allowance turn now."""

    asked = "given another period end"
    ends_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SetBudget(OfOneUnit):
    """Cap spending in each period."""

    asked = "given a budget"
    opens = True
    name: str
    most: int
    is_hard: bool = True
    per: int = 0
    member: int = 0
    feature: int = 0
    model: int = 0
    api_key: int = 0
    every: int = 0
    """A cadence; 0 is one period without end."""
    cycle: str = ""
    """The allowance whose periods are the budget's; then `every`, `count`, `anchor` and `zone` count for nothing."""
    count: int = 1
    anchor: int | None = None
    """None is the start of the calendar's periods."""
    zone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamesBudget(OfOneUnit):
    """A request about a live budget, by its name."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeBudget(NamesBudget):
    """Change a budget's cap or hardness at once; what was counted stays."""

    asked = "given another budget"
    most: int | None = None
    is_hard: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndBudget(NamesBudget):
    """Count and cap no more."""

    asked = "rid of a budget"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamesGrant(Request):
    """A request about one grant, by its id."""

    grant: Place
    grant_id: str = field(compare=False)

    @property
    def place(self) -> Place:
        return self.grant

    @property
    def units(self) -> tuple[int, ...]:
        return (self.grant.unit_id,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clawback(NamesGrant):
    """Take credits back because money went back: in proportion to `money`, or `amount` of them, or all that is left."""

    asked = "asked for credits back"
    money: int | None = None
    amount: int | None = None
    policy: int = 0
    """A `SpentPolicy`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reschedule(OfOneUnit):
    """Move the end of one grant, or of all live credits but those of allowances."""

    asked = "given another expiry"
    expires_at: int
    """An instant, or `NEVER`."""
    expires_in: int | None = None
    """So long from now; then `expires_at` counts for nothing."""
    grant: Place | None = None
    grant_id: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclineTopUp(OfOneUnit):
    """Say that an automatic purchase came to nothing: the next waits for a while."""

    asked = "told of a declined top-up"
    top_up: int
    """The entry that asked for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance(Request):
    """Move the clock of an account in a test book, and let everything happen that falls due on the way."""

    asked = "moved in time"
    to: int | None = None
    by: int = 0
    unit_ids: tuple[int, ...] = field(default=(), compare=False)
    """Every unit that the account has a wallet in."""

    @property
    def units(self) -> tuple[int, ...]:
        return (0, *self.unit_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribe(Request):
    """Write one step of the account's subscription. Only ever part of a `Together`."""

    asked = "subscribed"
    opens = True
    expected: int
    """The number of the step that the caller saw last; 0 is none. Another one by now: `SubscriptionChanged`."""
    subscription: Subscription
    """What holds from now on; its `number` and `recorded_at` are filled in by the decision."""

    @property
    def units(self) -> tuple[int, ...]:
        return (0,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Together(Request):
    """Several requests for one account as one: all or nothing, under one key. The first leads; where a step of
    a subscription is among them that does, since the account's own wallet comes before all others."""

    asked = "changed in several ways at once"
    opens = True
    said: tuple[object, ...]
    """What the caller said: all that is compared when the key comes again. What follows from it may differ by then."""
    requests: tuple[Request, ...] = field(compare=False)

    @property
    def units(self) -> tuple[int, ...]:
        units = dict.fromkeys([unit for request in self.requests for unit in request.units])
        return tuple(sorted(units, key=bool))
