"""What a catalog document says of prices: the forms, with their keys. The rest of the document is in `tables.py`.

To add a form: its class in `prices.py`, what it makes of a use in `forms.py`, and its table here.
"""

from fractions import Fraction
from typing import Any, Final, NamedTuple

from farthing.documents import checks
from farthing.documents.scalars import (
    EXACT,
    FLAG,
    NUMBER,
    SIZE,
    TEXT,
    make_choice,
    make_reference,
    make_whole,
    name_words,
    say_words,
)
from farthing.documents.shapes import Either, Field, Forms, Listed, Named, Table
from farthing.documents.spans import CADENCES
from farthing.tariff import catalog, prices
from farthing.values.amounts import LARGEST_SCALE, Rounding
from farthing.values.bounds import MOST_UNITS


class LongRate(NamedTuple):
    """A pair of `Rate.above`."""

    tokens: int
    rate: Fraction


def make_form(form: str, says: str, kind: Any, *fields: Field, check: Any = checks.check_price, **preset: Any) -> Table:
    """A form of price: its own keys and those that all have."""
    return Table(form, says, kind, (*fields, *COMMON), unit="first", preset=preset, check=check)


# A key is a line, so that they can be looked through; the lines are left as they are written.
# fmt: off
UNIT: Final = make_reference("units")
OVER: Final = make_choice(say_words("request", "period"))
PERIOD: Final = make_choice(say_words(*CADENCES, "cycle"))
COMMON: Final = (
    Field("unit", UNIT, "The unit that is charged; the catalog's first unless said."),
    Field("minimum", EXACT, "The least that one charge costs; over a period, the least for the period."),
    Field("maximum", EXACT, "The most that one charge costs."),
    Field("rounding", make_choice(name_words(Rounding)), "How the sum is rounded, once, at the end."),
    Field("places", make_whole(0, LARGEST_SCALE), "Rounded to so many places; those that the unit stores unless said."),
    Field("carry", FLAG, "Whether what rounding leaves is kept for the wallet's next charge.", "is_carried"),
)
PERIODIC: Final = (
    Field("over", OVER, "Whether the quantity counts by request, or adds up over a period."),
    Field("every", PERIOD, 'With over = "period": when it begins anew; "cycle" is the plan\'s own period.'),
)
UP_TO: Final = Field("up_to", NUMBER, "Up to here, inclusive. Left out in the last one: open.")
LONG_RATE: Final = Table("long_rate", "A rate strictly above a number of input tokens.", LongRate, (
    Field("tokens", make_whole(1, 10**9), "The number of input tokens.", is_needed=True),
    Field("rate", NUMBER, "What `per` tokens cost then, all of them.", is_needed=True),
))
RATE: Final = Either(NUMBER, Table("rate", "A rate that is another one in long contexts.", prices.Rate, (
    Field("base", NUMBER, "What `per` tokens cost.", is_needed=True),
    Field("above", Listed(LONG_RATE), "Rates for long contexts, thresholds ascending."),
), check=checks.check_rate), lambda base: prices.Rate(base), lambda rate: None if rate.above else rate.base)
STEP: Final = Table("step", "One step.", prices.StepUp, (
    UP_TO,
    Field("amount", EXACT, "What the request costs.", is_needed=True),
), preset={"up_to": None})
TIER: Final = Table("tier", "One tier.", prices.Tier, (
    UP_TO,
    Field("unit", NUMBER, "For each one of the measure in it; with a size, for each block."),
    Field("flat", NUMBER, "Once, when it is reached."),
    Field("percent", NUMBER, "A percentage of the quantity in it."),
    Field("blocks", SIZE, "So many blocks are sold in it; with `size`."),
    Field("size", SIZE, "The tier sells blocks of this size."),
), preset={"up_to": None}, check=checks.check_tier)
TIERS: Final = (
    Field("tiers", Listed(TIER, most=100), "The tiers, ascending; the last has no `up_to`.", is_needed=True),
    Field("flat_at_zero", FLAG, "Whether the first flat fee is due even for a quantity of zero."),
    Field("size", SIZE, "The quantity is first rounded up to whole sizes, and tiers' prices are for each."),
    *PERIODIC,
)
EACH: Final = Field("amount", NUMBER, "What each costs.", is_needed=True)
PRICE: Final = Forms("price", {table.name: table for table in (
    make_form("per_request", "The same for every request.", prices.PerRequest,
        Field("amount", EXACT, "What a request costs.", is_needed=True)),
    make_form("per_quantity", "So much for each `size` of the measure, fractions counted.", prices.PerQuantity, EACH,
        Field("size", SIZE, "Of how much the amount is the price; 1 unless said.")),
    make_form("per_block", "So much for each started block.", prices.PerBlock, EACH,
        Field("size", SIZE, "How much one block is.", is_needed=True),
        Field("free", NUMBER, "How much of the quantity is free."),
        Field("block_rounding", make_choice(say_words("up", "down")), "Whether started blocks count, or whole ones."),
        *PERIODIC),
    make_form("steps", "A fixed amount by the size of the request.", prices.Steps,
        Field("steps", Listed(STEP, most=100), "The steps, ascending.", is_needed=True), check=checks.check_steps),
    make_form("graduated", "Each part of the quantity by its own tier.", prices.Tiered, *TIERS,
        check=checks.check_tiers, mode="graduated"),
    make_form("volume", "All of the quantity by the tier that it reaches.", prices.Tiered, *TIERS,
        check=checks.check_tiers, mode="volume"),
    make_form("percent", "A share of a sum of money.", prices.Percent,
        Field("rate", NUMBER, "Percent of the quantity.", is_needed=True),
        Field("fixed", NUMBER, "For each event."),
        Field("free_events", make_whole(0, 10**9), "So many events are free."),
        Field("free_units", NUMBER, "So much of the quantity is free."),
        Field("least", NUMBER, "The least for one event."),
        Field("most", NUMBER, "The most for one event."),
        Field("adds", FLAG, "Whether the quantity itself is charged too.")),
    make_form("tokens", "Tokens in and out, by kind.", prices.Tokens,
        Field("rates", Named(RATE, make_choice(say_words(*prices.KINDS)), is_ordered=False),
            "What `per` tokens of a kind cost. A kind without a rate takes its whole's; 0 is free.", is_needed=True),
        Field("per", SIZE, "For how many tokens the rates are; a million unless said."),
        Field("per_item", NUMBER, "For each item of a request: an image, a search."),
        Field("default_items", make_whole(0, 10**6), "How many items a request has that says none.")),
    make_form("tokens_per_credit", "One whole unit for so many tokens, in and out together.", prices.TokensPerCredit,
        Field("tokens", make_whole(1, 10**12), "How many tokens one unit stands for.", is_needed=True)),
    make_form("cost_plus", "What the provider takes, times a factor.", prices.CostPlus,
        Field("factor", NUMBER, "1.3 adds 30 percent; 1 unless said."),
        Field("credits_per", SIZE, "How many whole units one of the catalog's currency is; 1 unless said."),
        Field("provider", TEXT, "Whose prices a model is looked up among.")),
)})
PRICES: Final = (
    Field("price", Listed(PRICE, "one"), "What it costs.", "prices"),
    Field("prices", Listed(PRICE, most=MOST_UNITS), "Prices in several units, all charged together."),
)
MODEL: Final = Table("model", "The price of models whose name matches.", catalog.ModelPrice, (
    Field("match", TEXT, "A model's name; * stands for anything. The first that matches counts.", is_needed=True),
    *PRICES,
    Field("free", FLAG, "Whether reports count it among the free models.", "is_free"),
), preset={"prices": ()}, check=checks.check_model)
# fmt: on
