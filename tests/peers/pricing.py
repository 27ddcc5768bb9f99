"""The cases' `quote`: a price from the case's own words, and what a use costs by it. No wallet, no catalog."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal

from farthing.tariff.prices import (
    PerBlock,
    Percent,
    PerQuantity,
    Price,
    Rate,
    Tier,
    Tiered,
    Tokens,
    TokensPerCredit,
    Use,
)
from farthing.tariff.pricing import reckon
from farthing.values.amounts import LARGEST_SCALE, Rounding, Unit, to_decimal

Words = dict[str, Any]

ROUNDINGS = {rounding.name.lower(): rounding for rounding in Rounding}
ROUNDINGS |= {"up": Rounding.CEILING, "ceil": Rounding.CEILING, "down": Rounding.FLOOR}


def find_unit(setup: list[Words]) -> Unit:
    """What a case charges in. One that names no unit wants exact figures: all the places that there are."""
    said = next((setting for setting in setup if setting.get("set") == "unit"), {})
    return Unit(0, "credits", int(said.get("scale", LARGEST_SCALE)), 0)


def quote(step: Words, unit: Unit) -> Decimal:
    """`quote`: with `prior` it is the next charge of a period, with `already_billed` what is still to be charged."""
    words, usage = step["price"], dict(step.get("usage") or {})
    price = read_price(words)
    events, items = usage.pop("events", None), usage.pop("items", None)
    use = Use(
        quantity=Fraction(step.get("quantity", 1)),
        tokens={kind: Fraction(count) for kind, count in usage.items()},
        items=None if items is None else int(items),
        events=None if events is None else tuple(Fraction(event) for event in events),
    )
    if words["model"] == "tokens_per_credit" and not use.tokens:
        use = replace(use, tokens={"input": use.quantity})
    if "already_billed" in step:
        billed = int(Fraction(step["already_billed"]) * unit.per_whole)
        return to_decimal(reckon(price, use, unit, before=read_number(step, "prior"), billed=billed).parts, unit)
    if "prior" in step and isinstance(price, PerBlock | Tiered):
        price = replace(price, over="period")
    return to_decimal(reckon(price, use, unit, before=read_number(step, "prior")).parts, unit)


def read_price(words: Words) -> Price:
    """A price value from a case's words. A model that nobody knows is a `ValueError`."""
    model = words["model"]
    if model not in MODELS:
        raise ValueError(f"no such price model: {model}")
    price = MODELS[model](words)
    places, rounding = words.get("round_to", words.get("digits")), words.get("round")
    if isinstance(price, PerBlock) and rounding in ("up", "down"):
        rounding = None
    if rounding is not None and rounding not in ROUNDINGS:
        raise ValueError(f"no such rounding: {rounding}")
    if model == "tokens_per_credit" and rounding is not None and places is None:
        places = 0
    return replace(
        price,
        minimum=read_optional(words, "minimum"),
        maximum=read_optional(words, "maximum"),
        places=None if places is None else int(places),
        rounding=Rounding.HALF_UP if rounding is None else ROUNDINGS[rounding],
    )


def read_package(words: Words) -> Price:
    size, free = Fraction(words["size"]), read_number(words, "free")
    way: Literal["up", "down"] = "down" if words.get("round") == "down" else "up"
    return PerBlock(amount=Fraction(words["price"]), size=size, free=free, block_rounding=way)


def read_tiered(words: Words) -> Price:
    tiers = tuple(
        Tier(
            up_to=read_optional(tier, "up_to"),
            unit=read_number(tier, "unit"),
            flat=read_number(tier, "flat"),
            percent=read_number(tier, "percent"),
        )
        for tier in words["tiers"]
    )
    is_flat = bool(words.get("flat_at_zero"))
    return Tiered(mode=words["model"], tiers=tiers, flat_at_zero=is_flat, size=read_optional(words, "size"))


def read_block_tiers(words: Words) -> Price:
    tiers = tuple(
        Tier(
            up_to=None,
            unit=Fraction(tier["price"]),
            blocks=read_optional(tier, "blocks"),
            size=Fraction(tier["size"]),
        )
        for tier in words["tiers"]
    )
    return Tiered(mode=words["mode"], tiers=tiers, flat_at_zero=bool(words.get("flat_at_zero")))


def read_events(words: Words) -> Price:
    return Percent(
        rate=Fraction(words["rate"]),
        fixed=read_number(words, "fixed"),
        free_events=int(words.get("free_events") or 0),
        free_units=read_number(words, "free_units"),
        least=read_optional(words, "min"),
        most=read_optional(words, "max"),
    )


def read_tokens(words: Words) -> Price:
    return Tokens(
        rates={kind: read_rate(rate) for kind, rate in words.get("rates", {}).items()},
        per=Fraction(words.get("per", 1)),
        per_item=read_number(words, "per_item"),
        default_items=int(words.get("default_items") or 0),
    )


def read_rate(rate: Any) -> Rate:
    if not isinstance(rate, dict):
        return Rate(Fraction(rate))
    return Rate(Fraction(rate["base"]), tuple((int(each["tokens"]), Fraction(each["rate"])) for each in rate["above"]))


def read_number(words: Words, name: str) -> Fraction:
    return Fraction(words.get(name) or 0)


def read_optional(words: Words, name: str) -> Fraction | None:
    return None if words.get(name) is None else Fraction(words[name])


MODELS: dict[str, Callable[[Words], Price]] = {
    "per_unit": lambda words: PerQuantity(amount=Fraction(words["unit"])),
    "multiplier": lambda words: PerQuantity(amount=Fraction(words["factor"])),
    "package": read_package,
    "graduated": read_tiered,
    "volume": read_tiered,
    "block_tiers": read_block_tiers,
    "percentage": lambda words: Percent(rate=Fraction(words["rate"])),
    "percentage_events": read_events,
    "markup": lambda words: Percent(rate=Fraction(words["percent"]), adds=True),
    "tokens": read_tokens,
    "tokens_per_credit": lambda words: TokensPerCredit(tokens=int(words["tokens"])),
}
