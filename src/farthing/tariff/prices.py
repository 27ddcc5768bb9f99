"""The forms that a price can have, as frozen values. `pricing.py` reckons with them, `catalog.py` reads them.

Rates are exact fractions of a whole unit (5 is five credits). To add a form: a class here, its line in `pricing.FORMS`,
its shape in `shapes.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

from farthing.values.amounts import Rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What all forms have. `unit` is what is charged, empty for the catalog's first."""

    unit: str = ""
    minimum: Fraction | None = None
    """The least that one charge costs; with `over="period"` the least for the period."""
    maximum: Fraction | None = None
    rounding: Rounding = Rounding.HALF_UP
    places: int | None = None
    """Rounded to so many places; None is the unit's own scale."""
    is_carried: bool = False
    """Whether what is rounded away is kept for the next charge of the same wallet (`carry = true`, rule 25)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PerRequest(Price):
    """The same for every request."""

    amount: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class PerQuantity(Price):
    """So much for each `size` of the feature's measure, fractions counted (`size` 1: a unit price or multiplier)."""

    amount: Fraction
    size: Fraction = Fraction(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PerBlock(Price):
    """So much for each started block of `size`, after `free` of the quantity: 1 per started 15 s; packages of 10."""

    amount: Fraction
    size: Fraction
    free: Fraction = Fraction(0)
    block_rounding: Literal["up", "down"] = "up"
    """`down`: only whole blocks count."""
    over: Literal["request", "period"] = "request"
    every: str = "month"
    """With `over="period"`: the period after which the quantity begins anew; a cadence, or `cycle`."""


@dataclass(frozen=True, slots=True)
class StepUp:
    """Up to here, inclusive, it costs this; None is open."""

    up_to: Fraction | None
    amount: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps(Price):
    """A fixed amount by the size of the request: up to 5 s 25, up to 10 s 50. Above a last step that is closed there is
    no price: refused."""

    steps: tuple[StepUp, ...]


@dataclass(frozen=True, slots=True)
class Tier:
    """Up to here, inclusive (None is open): so much for each unit of the measure, a flat fee, a percentage."""

    up_to: Fraction | None
    unit: Fraction = Fraction(0)
    flat: Fraction = Fraction(0)
    percent: Fraction = Fraction(0)
    blocks: Fraction | None = None
    """With `size` of its own a tier sells blocks: `blocks` of them at `unit` each; None is all the rest."""
    size: Fraction | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiered(Price):
    """Tiers: `graduated` prices each part of the quantity by its own tier, `volume` all of it by the tier reached
    (rule 24)."""

    mode: Literal["graduated", "volume"]
    tiers: tuple[Tier, ...]
    flat_at_zero: bool = False
    size: Fraction | None = None
    """The quantity is first rounded up to whole sizes, and unit prices are per size."""
    over: Literal["request", "period"] = "request"
    every: str = "month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Percent(Price):
    """A share of the quantity, which is a sum of money or of events' sums: `rate` percent and `fixed` per event, the
    first `free_events` or `free_units` free, each event between `least` and `most`."""

    rate: Fraction
    fixed: Fraction = Fraction(0)
    free_events: int = 0
    free_units: Fraction = Fraction(0)
    least: Fraction | None = None
    most: Fraction | None = None
    adds: bool = False
    """Whether the quantity itself is charged too: a markup."""


@dataclass(frozen=True, slots=True)
class Rate:
    """What `per` tokens of one kind cost; strictly above a threshold of input tokens another rate holds for all of
    them, the highest threshold crossed (rule 23)."""

    base: Fraction
    above: tuple[tuple[int, Fraction], ...] = ()
    """(tokens, rate), thresholds ascending."""


KINDS = (
    "input", "cache_read", "cache_write", "cache_write_1h", "audio_in",
    "output", "reasoning", "citation", "image_out", "audio_out", "video_out",
)  # fmt: skip
"""The kinds of token that can have a rate. The first of each line is the whole that contains the others, and
`cache_write` contains `cache_write_1h`. A kind without a rate takes its whole's; an explicit 0 is free."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens(Price):
    """Tokens in and out by kind, and `per_item` for each item of a request (an image, a search)."""

    rates: Mapping[str, Rate]
    per: Fraction = Fraction(1_000_000)
    per_item: Fraction = Fraction(0)
    default_items: int = 0
    """How many items a request has that says none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokensPerCredit(Price):
    """One whole unit for so many tokens, in and out together."""

    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CostPlus(Price):
    """What the provider takes, times `factor`: `credits_per` whole units for one whole of the costing currency."""

    factor: Fraction = Fraction(1)
    credits_per: Fraction = Fraction(1)
    provider: str = ""
    """Which provider's prices a model is looked up among; empty: by its name alone."""


@dataclass(frozen=True, slots=True)
class Use:
    """What is to be priced: a quantity in the feature's measure, tokens by kind (inclusive counts), items, events of a
    percentage price, the provider's cost in whole units of the costing currency if it is known."""

    quantity: Fraction = Fraction(1)
    measure: str = ""
    """What the quantity counts, for the words of the working only."""
    tokens: Mapping[str, int | Fraction] = field(default_factory=dict)
    items: int | None = None
    events: tuple[Fraction, ...] | None = None
    cost: Fraction | None = None
