"""A catalog: units, features and their prices, plans, packages, campaigns, terms; one document, one frozen value.

`reading.py` makes it from a document and reports every mistake at once; `diffs.py` tells two of them apart. Money is in
minor units of an ISO 4217 currency, amounts of a unit in its smallest parts, lengths of time as their writer said.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

from farthing.tariff.prices import Price
from farthing.values.amounts import Unit
from farthing.values.standing_requests import ChangeMode


class Money(NamedTuple):
    """A sum in minor units (cents, pesewas) of a currency named by its ISO 4217 code."""

    minor: int
    currency: str


class Length(NamedTuple):
    """A length of time as people say it: 14 days, 6 months. Months end where the calendar ends them."""

    every: int
    """A `Cadence`."""
    count: int  # type: ignore[assignment]  # hides tuple.count, which nobody asks here


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """How much a hold sets aside when nobody knows yet: from the most tokens that the call may use, or a quantile of
    what the feature cost before, never more than `most`; `usually` where there is no history yet."""

    source: str = "max_tokens"
    """`max_tokens` or `history`."""
    quantile: Fraction = Fraction(9, 10)
    usually: Fraction | None = None
    most: Fraction | None = None
    over: Length | None = None
    """How far back the history is read; None is 30 days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPrice:
    """The prices of models whose name matches a pattern (`*` is anything); the first that matches counts."""

    match: str
    prices: tuple[Price, ...]
    is_free: bool = False
    """Whether reports count it among the free models."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """What can be charged for. All its prices are charged together, one in each unit."""

    name: str
    title: str = ""
    says: str = ""
    """How its price is described to people: "per image"."""
    measure: str = ""
    """What its quantity counts: seconds, images, characters…; empty where each request is one."""
    converts: Mapping[str, Fraction] = field(default_factory=dict)
    """Other measures in which a quantity may be said: {"characters": 1/15} is 15 characters a second."""
    prices: tuple[Price, ...] = ()
    models: tuple[ModelPrice, ...] = ()
    unknown_model: str = "refuse"
    """What a model that no pattern matches costs: `refuse` (UnknownPrice), `fixed` (the feature's own prices), or
    `later` (the caller says the amount when it is known)."""
    estimate: Estimate = Estimate()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurring:
    """Credits that a plan gives in every period; `name` is its own among the plan's."""

    name: str
    unit: str
    amount: int
    every: int
    count: int = 1
    is_calendar: bool = False
    """Whether its periods are the calendar's; else they run from the day on which the plan began."""
    rollover: int = 0
    cap: int = 0
    cap_percent: int = 0
    keep: int = 0
    on_turn: int = 0
    is_prorated: bool = False
    priority: int = 10
    promotional: bool = False
    features: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bonus:
    """Credits given once, when a plan is subscribed to for the first time."""

    name: str
    unit: str
    amount: int
    lasts: Length | None = None
    features: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """A budget that a plan, or the catalog for everyone, sets on accounts."""

    name: str
    unit: str
    most: int
    is_hard: bool = True
    per: str = ""
    feature: str = ""
    model: str = ""
    every: int = 0
    is_cycle: bool = False
    """Whether it runs with the plan's first allowance in that unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitTerms:
    """Settings of wallets in one unit; None where nothing is said. `wallets.Terms` says what they mean."""

    overdraft: int | None = None
    settle_above_hold: int | None = None
    rest_of_ended_lot: int | None = None
    hold_ttl: int | None = None
    refund_grace: int | None = None
    alerts: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanPrice:
    """What one period of a plan costs, in one currency."""

    every: int
    money: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What subscribers get, and what it costs them."""

    name: str
    title: str = ""
    rank: int = 0
    """Its place among the plans of the document: to a higher one is an upgrade."""
    prices: tuple[PlanPrice, ...] = ()
    """None: it costs nothing, and goes on by itself."""
    allowances: tuple[Recurring, ...] = ()
    bonuses: tuple[Bonus, ...] = ()
    features: tuple[str, ...] | None = None
    """What its subscribers may use; None is everything."""
    caps: tuple[Cap, ...] = ()
    terms: Mapping[str, UnitTerms] = field(default_factory=dict)
    trial: Length | None = None
    lasts: Length | None = None
    """How long it holds where nobody says otherwise; None is until it is ended, or as long as it is paid."""
    grace: Length | None = None
    """How long it stays past due before it expires; None is not at all."""
    fallback: str = ""
    on_upgrade: ChangeMode = ChangeMode.REPLACE
    """What becomes of the credits of the plan before (rule 21)."""
    proration: str = "none"
    """`none`, `second` or `day` (rule 22)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """Credits for sale."""

    name: str
    title: str = ""
    unit: str = ""
    amount: int = 0
    bonus: int = 0
    prices: tuple[Money, ...] = ()
    lasts: Length | None = None
    is_extending: bool = False
    """Whether buying it moves the end of the whole balance (`extend_on_purchase`, mission B2)."""
    is_once: bool = False
    """Whether an account may have it once only: a trial."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """Credits by rule, at most once for each account (a code with `per_account` as often as that)."""

    name: str
    rule: str
    """signup, plan, code, loyalty, beta, referral."""
    unit: str
    amount: int
    """For whoever redeems; of a referral, for the newcomer."""
    referrer_amount: int = 0
    lasts: Length | None = None
    features: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    most: int | None = None
    """How often each code may be redeemed in all; None is without limit."""
    per_account: int = 1
    plans: tuple[str, ...] = ()
    """Rule `plan`: whose subscribers; other rules: only for these, if any is named."""
    months: int = 0
    """Rule `loyalty`: after so many months with a subscription, or …"""
    spent: int = 0
    """… so much spent in the unit."""
    accounts: tuple[str, ...] = ()
    """Rule `beta`: who."""
    starts_at: int = 0
    ends_at: int = 0
    """Instants between which it holds; 0 is always."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """All of it. What the document names first is the default: the first unit is the book's."""

    name: str
    currency: str = "USD"
    """In which providers' costs are reckoned."""
    zone: str = "UTC"
    default_plan: str = ""
    """The plan that an account gets at its first use; empty for none."""
    bonus_ends: str = "never"
    """When credits with the source `bonus` end that say nothing themselves: `period`, with the plan's, or `never`."""
    units: Mapping[str, Unit] = field(default_factory=dict)
    features: Mapping[str, Feature] = field(default_factory=dict)
    plans: Mapping[str, Plan] = field(default_factory=dict)
    packages: Mapping[str, Package] = field(default_factory=dict)
    campaigns: Mapping[str, Campaign] = field(default_factory=dict)
    terms: Mapping[str, UnitTerms] = field(default_factory=dict)
    """By unit."""
    caps: tuple[Cap, ...] = ()
    refusal_status: int = 402
    """The HTTP status of a refusal for want of credits."""
