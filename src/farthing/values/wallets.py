"""What a decision knows: accounts, wallets, and the lots, holds and debts in them. Values only, no rules.

Rows of lots, holds, debts, allowances, budgets and counters are never changed in place: a new one replaces the old.
A new field goes after the fixed ones, gets an effect in `entries.py`, a line in `audit/fold.py` and a column in the
store.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Final, NamedTuple

from farthing.values.amounts import Unit
from farthing.values.bounds import HOLD_TTL, NEVER, REFUND_GRACE
from farthing.values.subscriptions import Subscription

ACCOUNT_UNIT: Final = Unit(0, "account", 0, 0)
"""The wallet of this unit holds nothing: its chain records what happens to the account itself."""


class AccountState(IntEnum):
    """NEW is an account that this very request opens."""

    NEW = 0
    ACTIVE = 1
    FROZEN = 2
    CLOSED = 3


class Account(NamedTuple):
    """Who holds credits. `key` is the host's own name for it; `shard` a stable hash of it."""

    account_id: int
    shard: int
    book: int
    key: str
    state: AccountState
    zone: str = "UTC"
    clock: int = 0
    """In a test book, the instant at which this account's clock stands still; 0 where time runs."""


class SettlePolicy(IntEnum):
    """What happens to cost above the hold (rule 11)."""

    BILL_FULL = 0
    CAP_HOLD = 1
    CAP_AVAILABLE = 2
    REJECT = 3


class RestPolicy(IntEnum):
    """What happens to the rest of a hold whose lot has ended meanwhile (rule 10)."""

    BREAKAGE = 0
    GRACE = 1


class TopUp(NamedTuple):
    """When to buy more by itself, and how far that has got (rule 30). Amounts in smallest parts."""

    is_on: int = 0
    threshold: int = 0
    """At or below this, without overdraft, more is bought."""
    quantity: int = 0
    """What one purchase buys; with `whole_gap` as many of them at once as lead above the threshold."""
    target: int = 0
    """If above zero, buy up to this instead."""
    whole_gap: int = 0
    least: int = 0
    """The smallest purchase there is."""
    most_per_day: int = 0
    """By the account's calendar; 0 is no cap."""
    most_per_month: int = 0
    back_off: int = 0
    """How long to wait after a purchase was declined, in microseconds; twice as long each time."""
    in_flight: int = 0
    """The entry that asked for the purchase under way, or 0."""
    wanted: int = 0
    """What it buys."""
    declined: int = 0
    """How often in a row."""
    waits_until: int = 0
    day_starts_at: int = 0
    bought_in_day: int = 0
    month_starts_at: int = 0
    bought_in_month: int = 0


NO_TOP_UP: Final = TopUp()


class Terms(NamedTuple):
    """The settings that hold for one wallet. Amounts in smallest parts, durations in microseconds."""

    overdraft: int = 0
    settle_above_hold: int = SettlePolicy.BILL_FULL
    rest_of_ended_lot: int = RestPolicy.BREAKAGE
    hold_ttl: int = HOLD_TTL
    refund_grace: int = REFUND_GRACE
    alerts: tuple[int, ...] = ()
    """Balances that are told of when they are reached from above (rule 29), highest first."""
    top_up: TopUp = NO_TOP_UP


USUAL_TERMS: Final = Terms()
"""What holds where nothing was said. Wallets share it, so that `is` tells."""


class Lot(NamedTuple):
    """A grant as burn-down sees it. `number` is the entry that granted it; the last three fields change often."""

    number: int
    amount: int
    priority: int
    effective_at: int
    expires_at: int
    promotional: int
    features: tuple[int, ...]
    source: int
    cost_minor: int
    currency: int
    of_number: int
    """The charge that this lot was granted back for (rule 15), or 0."""
    allowance: int
    """The allowance that gave it, or with whose period it ends, or 0."""
    started: int
    """1 once it took effect; until then it counts for nothing."""
    remaining: int
    ended_at: int
    """When it became empty, or 0. A refund may fill it again while it has not expired."""


class HoldState(IntEnum):
    """The life of a hold. Settle, release and time-out exclude each other; settling late stays possible."""

    OPEN = 1
    SETTLED = 2
    RELEASED = 3
    TIMED_OUT = 4


class Hold(NamedTuple):
    """Credits set aside in one wallet. A hold over several units has one such part in each, under one lead."""

    number: int
    lead_unit: int
    lead_number: int
    amount: int
    feature: int
    name: int
    reserves: tuple[tuple[int, int, int], ...]
    """(budget, subject, start of the period) of the counters that it reserves from (rule 12)."""
    deadline: int
    state: int
    settled: int
    bare: int
    draws: tuple[tuple[int, int], ...]
    """(lot, amount still set aside), in the order in which they were drawn."""
    ended_at: int

    @property
    def covered(self) -> int:
        """What named lots have set aside for it."""
        return sum(amount for _, amount in self.draws)


class Debt(NamedTuple):
    """What one charge could not be paid from. `number` is the entry that made it."""

    number: int
    feature: int
    amount: int
    remaining: int
    payers: tuple[tuple[int, int], ...]
    """(lot that paid, amount), in order; lot 0 is what was written off. A refund gives it back, last first."""
    ended_at: int


class Rollover(IntEnum):
    """What becomes of an allowance's unused credits when its period ends (rule 19)."""

    NONE = 0
    CAPPED = 1
    ALL = 2


class TurnPolicy(IntEnum):
    """What becomes of debt when an allowance turns (rule 18)."""

    KEEP = 0
    FORGIVE = 1


class Allowance(NamedTuple):
    """A grant that recurs. `number` is the entry that made it; each period's credits are a lot of their own."""

    number: int
    name: str
    """The caller's own, unique among the wallet's live allowances."""
    amount: int
    every: int
    count: int  # type: ignore[assignment]  # hides tuple.count, which nobody asks here
    anchor: int
    zone: str
    priority: int
    promotional: int
    features: tuple[int, ...]
    source: int
    rollover: int
    cap: int
    cap_percent: int
    """Of the amount, in millionths: 1,000,000 is 100 %. If above zero it stands for `cap`."""
    keep: int
    """For how many periods carried credits live; 0 is for ever, under the cap."""
    on_turn: int
    until: int
    """When it ends by itself; 0 is never. No period lasts longer."""
    starts_at: int
    """When the period in hand began."""
    turns_at: int
    """When it ends: fixed when it began, whatever becomes of the zone's rules."""
    lot: int
    """The lot of the period in hand; 0 before the first."""
    ended_at: int


class Subject(IntEnum):
    """What a budget may count apart: one counter for each member, feature, model or API key."""

    ALL = 0
    MEMBER = 1
    FEATURE = 2
    MODEL = 3
    API_KEY = 4


class Budget(NamedTuple):
    """A cap on spending in each period, by what it selects: 0 selects whatever there is, a number only that."""

    number: int
    name: str
    """The caller's own, unique among the wallet's live budgets."""
    most: int
    is_hard: int
    per: int
    """A `Subject`: whether each has a counter of its own."""
    member: int
    feature: int
    model: int
    api_key: int
    every: int
    """A cadence; 0 is one period without end."""
    count: int  # type: ignore[assignment]  # hides tuple.count, which nobody asks here
    anchor: int
    zone: str
    ended_at: int


class Counter(NamedTuple):
    """What a budget has counted in the period in hand. A new period begins at zero, in the same place."""

    budget: int
    subject: int
    """The number of the member's (feature's …) name; 0 where all count together."""
    starts_at: int
    ends_at: int
    spent: int
    reserved: int
    """By open holds that were placed in this period."""


CounterKey = tuple[int, int]
"""(budget, subject)."""


class Wallet:
    """One account's state in one unit, as far as it is loaded. Decisions copy it; nobody changes one that others hold.

    `lots` is in burn-down order. Where `whole` is false it has only the first usable lots (up to the rank `horizon`)
    and those named by the request; `unloaded` live lots are still in the store. Of allowances it has all or none; of
    budgets all, and of their counters those for subjects that the batch names.
    """

    __slots__ = (
        "account", "unit", "seq", "head", "clock", "next_due", "granted", "refunded", "adjusted", "spent", "expired",
        "free", "scoped", "covered", "bare", "debt", "live", "pending", "recurring", "budgeted", "stopped",
        "terms", "lots", "holds", "debts", "allowances", "budgets", "counters", "subscription", "whole", "unloaded",
        "horizon",
    )  # fmt: skip

    def __init__(self, account: Account, unit: Unit, head: bytes) -> None:
        self.account = account
        self.unit = unit
        self.seq = 0
        self.head = head
        """The hash of the last entry; of a new wallet, the hash of who and what it is for."""
        self.clock = 0
        self.next_due = NEVER
        """No hold, expiry or start is due before this instant; it may be early, never late."""
        self.granted = 0
        self.refunded = 0
        self.adjusted = 0
        self.spent = 0
        self.expired = 0
        self.free = 0
        """What live lots have remaining, all together."""
        self.scoped = 0
        """The part of `free` that is scoped to features."""
        self.covered = 0
        self.bare = 0
        self.debt = 0
        self.live = 0
        """How many lots have taken effect and have something remaining."""
        self.pending = 0
        """How many lots wait to take effect."""
        self.recurring = 0
        """How many allowances are live."""
        self.budgeted = 0
        """How many budgets are live, and how many prices keep a counter here."""
        self.stopped = 0
        """1 after a law broke here: nothing moves until someone has looked."""
        self.terms = USUAL_TERMS
        self.lots: dict[int, Lot] = {}
        self.holds: dict[int, Hold] = {}
        self.debts: dict[int, Debt] = {}
        self.allowances: Mapping[int, Allowance] = {}
        self.budgets: Mapping[int, Budget] = {}
        self.counters: dict[CounterKey, Counter] = {}
        """These three change seldom, so copies share them: who changes one puts a mapping of its own in its place."""
        self.subscription: Subscription | None = None
        """The last step, in the wallet of unit 0, where a request that may write one has it loaded."""
        self.whole = True
        self.unloaded = 0
        self.horizon: tuple[int, ...] = ()

    def copy(self) -> "Wallet":
        """The same state, to be changed by one decision."""
        twin = object.__new__(Wallet)
        twin.account = self.account
        twin.unit = self.unit
        twin.seq = self.seq
        twin.head = self.head
        twin.clock = self.clock
        twin.next_due = self.next_due
        twin.granted = self.granted
        twin.refunded = self.refunded
        twin.adjusted = self.adjusted
        twin.spent = self.spent
        twin.expired = self.expired
        twin.free = self.free
        twin.scoped = self.scoped
        twin.covered = self.covered
        twin.bare = self.bare
        twin.debt = self.debt
        twin.live = self.live
        twin.pending = self.pending
        twin.recurring = self.recurring
        twin.budgeted = self.budgeted
        twin.stopped = self.stopped
        twin.terms = self.terms
        twin.lots = self.lots.copy()
        twin.holds = self.holds.copy()
        twin.debts = self.debts.copy()
        twin.allowances = self.allowances
        twin.budgets = self.budgets
        twin.counters = self.counters
        twin.subscription = self.subscription
        twin.whole = self.whole
        twin.unloaded = self.unloaded
        twin.horizon = self.horizon
        return twin

    @property
    def balance(self) -> int:
        """Σ lots + Σ covered holds − debt."""
        return self.free + self.covered - self.debt

    @property
    def held(self) -> int:
        """Σ open holds, covered and bare."""
        return self.covered + self.bare

    @property
    def spendable(self) -> int:
        """granted + refunded ± adjusted − spent − expired − held: the statement's last line, without overdraft."""
        return self.free - self.debt - self.bare


class NeedsMore(Exception):
    """The decision ran out of what was loaded: load this wallet whole and decide again."""

    def __init__(self, unit_id: int) -> None:
        self.unit_id = unit_id
