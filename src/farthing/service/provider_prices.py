"""What providers take for a call, from the price lists of `genai-prices`: offline, by model and instant, exact.

Never a guess and never a silent zero: where the list says nothing of something that was used, that is `UnknownPrice`.
The package is imported at the first question. Only rates are taken from it, and reckoned with as our own are: its sums
are rounded as the caller's decimal context happens to say, and what has no rate is free in them.
"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple

from farthing.tariff.errors import PricesMissing, UnknownPrice
from farthing.tariff.forms import NAMELESS, Line, multiply
from farthing.tariff.prices import KINDS, Rate, Tokens, Use
from farthing.tariff.tokens import price_tokens, read_counts, subtract_parts
from farthing.tariff.wording import bend_noun
from farthing.values.calendars import to_instant

if TYPE_CHECKING:
    from genai_prices.data_snapshot import DataSnapshot
    from genai_prices.types import ModelPrice

NAMES: Final = (
    "input_mtok", "cache_read_mtok", "cache_write_mtok", "cache_write_1h_mtok", "input_audio_mtok",
    "output_mtok", "output_reasoning_mtok", "output_citation_mtok", "output_image_mtok", "output_audio_mtok",
    "output_video_mtok",
)  # fmt: skip
RATES: Final = dict(zip(NAMES, KINDS, strict=True))
"""The list's names of rates, as kinds of token."""

AS_WHOLE: Final = ("cache_read", "cache_write", "reasoning", "citation")
"""Text: where the list has no rate for these, the provider takes that of the whole. Not so for sound, images and video,
nor for a longer life in the cache, which cost several times as much."""

ASIDE: Final = (
    "web_searches_kcount", "social_searches_kcount", "storage_searches_kcount", "code_executions_kcount",
    "input_image_mtok", "input_video_mtok", "cache_audio_read_mtok", "cache_image_read_mtok", "cache_video_read_mtok",
)  # fmt: skip
"""What a list may have beside: of tools, and of images that go in, a use says nothing, and most calls have none."""

BY_REQUEST: Final = "requests_kcount"
LISTED_IN: Final = "USD"
"""The currency of all lists."""


class ProviderCost(NamedTuple):
    """What a provider takes for a use."""

    cost: Fraction
    """In whole units of the lists' currency (`LISTED_IN`)."""
    lines: tuple[Line, ...]
    """The working; subtotals add up to the cost."""
    source: str
    """Which list, which of its models, and as of when: "genai-prices 0.2.3, openai/gpt-5 at 2026-11-21 10:04 UTC"."""


@dataclass(frozen=True, slots=True)
class PriceList:
    """What holds for a model at an instant."""

    rates: Tokens
    by_request: Fraction
    cached_audio: Rate | None
    beyond: tuple[str, ...]
    """What else it costs, of which a use says nothing: so its tokens alone are not its cost."""
    source: str


def find_provider_cost(
    model: str, use: Use, provider: str, at: int, *, feature: str = "", is_free: bool = False
) -> Fraction:
    """What the provider takes, in whole USD, by the prices of that instant; else as `reckon_provider_cost`."""
    return reckon_provider_cost(model, use, provider, at, feature=feature, is_free=is_free).cost


def reckon_provider_cost(
    model: str, use: Use, provider: str, at: int, *, feature: str = "", is_free: bool = False
) -> ProviderCost:
    """What the provider takes, with its working; `use.cost` is not looked at. Without a provider, the one whose name
    for a model it is.

    Raises `UnknownPrice` where the list does not know the model, has no rate for something that was used, or counts by
    something else than tokens; `QuantityInvalid` for counts that cannot be; `PricesMissing` without the package. A
    model that the list has at zero is believed to be free only if `is_free`: the catalog says so too.
    """
    counts = read_counts(use.tokens)
    found = find_price_list(model, provider, at)
    problem = found if isinstance(found, str) else find_problem(found, use)
    lines = list[Line]()
    if not problem and isinstance(found, PriceList):
        lines = price_tokens(found.rates, Use(tokens=counts))
        if found.by_request:
            lines.append(multiply("a request", 1, found.by_request))
        cost = sum((line.subtotal for line in lines), Fraction(0))
        if cost or is_free or not any(counts.values()):
            return ProviderCost(cost, tuple(lines), found.source)
        problem = f"{found.source} has it at zero, which counts only where the catalog calls it free too"
    named = f"{provider}/{model}" if provider and model else model or "a call without a model"
    advice = f"{problem}. Give it a price of its own in the catalog, or say provider_cost"
    raise UnknownPrice(what=named, feature=feature or NAMELESS, advice=advice)


def find_price_list(model: str, provider: str, at: int) -> PriceList | str:
    """What holds for a model at an instant, or why nothing does."""
    snapshot, version = open_lists()
    if not model:
        return f"{version} goes by the model"
    try:
        seller, known = snapshot.find_provider_model(model, None, provider or None, None)
    except LookupError:
        return f"{version} does not have it"
    source = f"{version}, {seller.id}/{known.id} at {to_instant(at):%Y-%m-%d %H:%M} UTC"
    return read_rates(known.get_prices(to_instant(at)), source)


def open_lists() -> tuple["DataSnapshot", str]:
    """The lists in force, and which they are: those that came with the package, or what the program has put in their
    place. Nothing is fetched."""
    try:
        from genai_prices import __version__
        from genai_prices.data_snapshot import get_snapshot
    except ImportError as error:
        if not (error.name or "genai_prices").startswith("genai_prices"):
            raise
        raise PricesMissing from None
    snapshot = get_snapshot()
    version = f"genai-prices {__version__}"
    if snapshot.from_auto_update:
        version += f" as fetched on {snapshot.timestamp.astimezone():%Y-%m-%d %H:%M %z}"
    return snapshot, version


def read_rates(price: "ModelPrice", source: str) -> PriceList:
    """A list's rates as ours."""
    rates, beyond, cached_audio, by_request = dict[str, Rate](), list[str](), None, Fraction(0)
    for name, value in vars(price).items():
        if value is None:
            continue
        rate = read_rate(value)
        if rate is None:
            beyond.append(name)
        elif name in RATES:
            rates[RATES[name]] = rate
        elif name == "cache_audio_read_mtok":
            cached_audio = rate
        elif name == BY_REQUEST and not rate.above:
            by_request = rate.base / 1000
        elif name not in ASIDE:
            beyond.append(name)
    return PriceList(Tokens(rates=rates), by_request, cached_audio, tuple(beyond), source)


def read_rate(value: object) -> Rate | None:
    """One rate; None for a number below zero, or a form that is not known here."""
    tiers = getattr(value, "tiers", ())
    numbers = [
        Fraction(number)
        for number in [getattr(value, "base", value), *[tier.price for tier in tiers]]
        if isinstance(number, Decimal) and number.is_finite() and number >= 0
    ]
    if len(numbers) != 1 + len(tiers):
        return None
    return Rate(numbers[0], tuple(sorted(zip([tier.start for tier in tiers], numbers[1:], strict=True))))


def find_problem(found: PriceList, use: Use) -> str:
    """Why this list cannot tell what the use cost; empty if it can."""
    rates, said = found.rates.rates, ""
    used = [kind for kind, count in subtract_parts(read_counts(use.tokens)).items() if count]
    missing = [kind for kind in used if not has_rate(found, kind)]
    is_mixed = {"audio_in", "cache_read"} <= set(used)
    if found.beyond:
        said = f"takes {' and '.join(found.beyond)} for it, which tokens do not tell"
    elif not rates:
        said = "has no rate for it"
    elif not use.tokens:
        said = "goes by tokens, and none were said (usage=)"
    elif use.items:
        said = f"does not say what its {use.items} {bend_noun('items', use.items)} cost"
    elif missing:
        said = f"has no rate for its {' and '.join(missing)} tokens"
    elif is_mixed and found.cached_audio not in (None, rates.get("cache_read")):
        said = "has another rate for cached sound, and nobody said how much of what was cached is sound"
    return said and f"{found.source} {said}"


def has_rate(found: PriceList, kind: str) -> bool:
    """Whether a kind has a rate of its own, or providers take its whole's."""
    rates = found.rates.rates
    if kind == "cache_write_1h":
        # Who takes nothing for writing to the cache takes nothing for its staying there.
        return kind in rates or ("cache_write" not in rates and "input" in rates)
    return kind in rates or (kind in AS_WHOLE and ("output" if kind in ("reasoning", "citation") else "input") in rates)
