"""Prices in words: one sentence for each form ("5 credits per image"). Plain text."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from farthing.tariff import prices
from farthing.tariff.catalog import Catalog, Feature
from farthing.tariff.forms import iter_bounds
from farthing.tariff.prices import Price
from farthing.tariff.quotes import find_unit
from farthing.tariff.wording import bend_noun, show_amount, show_count, show_fraction
from farthing.values.amounts import Unit


class Described(NamedTuple):
    """One price of a feature, in words."""

    feature: str
    title: str
    model: str
    """The pattern of the models that it is for; empty for all."""
    unit: str
    text: str


def describe_feature(catalog: Catalog, feature: Feature) -> tuple[Described, ...]:
    """All prices of a feature: its own, then those of its models."""
    priced = [("", feature.prices), *((model.match, model.prices) for model in feature.models)]
    title = feature.title or feature.name
    rows = []
    for model, found in priced:
        for price in found:
            unit = find_unit(catalog, price)
            rows.append(Described(feature.name, title, model, unit.name, describe_price(price, feature, unit)))
    return tuple(rows)


def describe_price(price: Price, feature: Feature, unit: Unit) -> str:
    """One price in a sentence."""
    said = FORMS[type(price)](price, feature, unit)
    if price.minimum is not None:
        said += f", at least {show_amount(price.minimum, unit)}"
    if price.maximum is not None:
        said += f", at most {show_amount(price.maximum, unit)}"
    if getattr(price, "over", "request") == "period":
        every = str(getattr(price, "every", ""))
        said += ", counted over each billing cycle" if every == "cycle" else f", counted over each {every}"
    return said


def say_each(feature: Feature, size: Fraction = Fraction(1), kind: str = "") -> str:
    """per second, per started 15 seconds, per request."""
    if size == 1 and not kind and (feature.says or not feature.measure):
        return feature.says or "per request"
    word = f"{kind} " if kind else ""
    noun = bend_noun(feature.measure or "requests", size)
    return f"per {word}{noun}" if size == 1 else f"per {word}{show_fraction(size)} {noun}"


def say_request(price: prices.PerRequest, feature: Feature, unit: Unit) -> str:
    return f"{show_amount(price.amount, unit)} {feature.says or 'per request'}"


def say_quantity(price: prices.PerQuantity, feature: Feature, unit: Unit) -> str:
    return f"{show_amount(price.amount, unit)} {say_each(feature, price.size)}"


def say_blocks(price: prices.PerBlock, feature: Feature, unit: Unit) -> str:
    kind = "started" if price.block_rounding == "up" else "full"
    free = f", the first {show_count(price.free, feature.measure)} free" if price.free else ""
    return f"{show_amount(price.amount, unit)} {say_each(feature, price.size, kind)}{free}"


def say_steps(price: prices.Steps, feature: Feature, unit: Unit) -> str:
    said = [
        f"{show_amount(step.amount, unit)} "
        + ("above that" if step.up_to is None else f"up to {show_count(step.up_to, feature.measure)}")
        for step in price.steps
    ]
    return ", ".join(said)


def say_tiers(price: prices.Tiered, feature: Feature, unit: Unit) -> str:
    said = []
    for start, end, tier in iter_bounds(price.tiers):
        parts = [show_amount(tier.flat, unit)] if tier.flat else []
        parts += [f"{show_fraction(tier.percent)} %"] if tier.percent else []
        if tier.unit or not parts:
            size = tier.size or price.size or Fraction(1)
            kind = "started" if tier.size or price.size else ""
            parts.append(f"{show_amount(tier.unit, unit)} {say_each(feature, size, kind)}" if tier.unit else "free")
        last = "above" if start else "whatever it is"
        where = last if end is None else f"up to {show_count(end, feature.measure)}"
        said.append(f"{where} {' and '.join(parts)}")
    lead = "each part by its own tier" if price.mode == "graduated" else "all of it by the tier it reaches"
    return f"{lead}: {', '.join(said)}" if len(said) > 1 else said[0].removeprefix("whatever it is ")


def say_share(price: prices.Percent, feature: Feature, unit: Unit) -> str:
    said = f"{'the sum and ' if price.adds else ''}{show_fraction(price.rate)} % of it"
    said += f" and {show_amount(price.fixed, unit)} per event" if price.fixed else ""
    if price.least is not None:
        said += f", each at least {show_amount(price.least, unit)}"
    if price.most is not None:
        said += f", each at most {show_amount(price.most, unit)}"
    free = [f"first {price.free_events} events"] if price.free_events else []
    free += [f"first {show_fraction(price.free_units)}"] if price.free_units else []
    return said + (f", the {' or the '.join(free)} free" if free else "")


def say_tokens(price: prices.Tokens, feature: Feature, unit: Unit) -> str:
    noun = "token" if price.per == 1 else f"{show_fraction(price.per)} tokens"
    said = []
    for kind, rate in price.rates.items():
        words = f"{show_amount(rate.base, unit)} per {noun} of {kind.replace('_', ' ')}"
        above = [f"{show_fraction(each)} above {tokens:,} tokens of input" for tokens, each in rate.above]
        said.append(words + (f" ({', '.join(above)})" if above else ""))
    said += [f"{show_amount(price.per_item, unit)} per item"] if price.per_item else []
    return ", ".join(said)


def say_tokens_together(price: prices.TokensPerCredit, feature: Feature, unit: Unit) -> str:
    return f"{show_amount(Fraction(1), unit)} per {price.tokens:,} tokens"


def say_cost(price: prices.CostPlus, feature: Feature, unit: Unit) -> str:
    markup = (price.factor - 1) * 100
    said = "what the provider takes"
    said += f" plus {show_fraction(markup)} %" if markup > 0 else f" less {show_fraction(-markup)} %" if markup else ""
    return f"{said}, at {show_amount(price.credits_per, unit)} for each whole of its currency"


FORMS: Final[Mapping[type[Price], Callable[[Any, Feature, Unit], str]]] = MappingProxyType(
    {
        prices.PerRequest: say_request,
        prices.PerQuantity: say_quantity,
        prices.PerBlock: say_blocks,
        prices.Steps: say_steps,
        prices.Tiered: say_tiers,
        prices.Percent: say_share,
        prices.Tokens: say_tokens,
        prices.TokensPerCredit: say_tokens_together,
        prices.CostPlus: say_cost,
    }
)
