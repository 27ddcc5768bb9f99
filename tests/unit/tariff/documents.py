"""A document that uses every key there is, and ways to spoil one value of it at a time."""

import copy
import json
import tomllib
from collections.abc import Callable
from datetime import date, time
from decimal import Decimal
from typing import Any

EXAMPLE = """
name = "all"
currency = "EUR"
zone = "Africa/Accra"
default_plan = "free"
bonus_ends = "period"
[units.credits]
scale = 6
digits = 2
[units.free_tokens]
scale = 0
digits = 0
[features.image]
title = "Image"
says = "per image"
prices = [
    { form = "per_request", amount = 5 },
    { form = "per_quantity", amount = 1, size = "1/3", unit = "free_tokens" },
]
[features.video]
measure = "seconds"
price = { form = "steps", steps = [{ up_to = 5, amount = 25 }, { amount = "50" }] }
[features.audio]
measure = "seconds"
converts = { characters = "1/15" }
[features.audio.price]
form = "per_block"
size = 15
amount = 1
free = 30
block_rounding = "down"
over = "period"
every = "cycle"
[features.storage.price]
form = "graduated"
tiers = [{ up_to = 5, unit = 0.5, flat = 100 }, { unit = 2, percent = 1.5, blocks = 4, size = 3 }]
size = 10
over = "period"
every = "week"
minimum = "0.01"
maximum = 1000
rounding = "half_even"
places = 2
[features.bulk]
price = { form = "volume", flat_at_zero = true, tiers = [{ up_to = 10, unit = 2 }, { unit = 1 }] }
[features.fee.price]
form = "percent"
rate = 2.9
fixed = 0.3
free_events = 2
free_units = 10
least = 1
most = 5
adds = true
[features.chat]
unknown_model = "fixed"
price = { form = "tokens_per_credit", tokens = 2000 }
estimate = { source = "history", quantile = 0.95, usually = 5, most = 50, over = "7 days" }
[[features.chat.models]]
match = "gpt-5-mini*"
free = true
price = { form = "tokens", unit = "free_tokens", per = 1, rates = { input = 1, output = 1 } }
[[features.chat.models]]
match = "gpt-*"
[features.chat.models.price]
form = "tokens"
carry = true
per_item = 3
default_items = 1
rates.input = { base = 1.25, above = [{ tokens = 200_000, rate = 2.5 }, { tokens = 400_000, rate = 5 }] }
rates.output = 10
rates.cache_read = 0
[[features.chat.models]]
match = "*"
price = { form = "cost_plus", factor = 1.3, credits_per = 100, provider = "openai" }
[plans.free]
title = "Free"
allowances.credits = { amount = 60, every = "month" }
[plans.basic]
prices = { month = "15 USD", year = ["210 USD", "30000 JPY", "64.250 KWD"] }
features = ["image", "video"]
trial = "14 days"
lasts = "1 year"
grace = "3 days"
fallback = "free"
on_upgrade = "keep_used"
proration = "day"
[plans.basic.allowances.credits]
amount = 500
every = "month"
anchor = "calendar"
rollover = "capped"
cap = "50 %"
keep = 3
on_turn = "forgive"
first = "prorated"
priority = 9
promotional = true
features = ["image"]
[plans.basic.allowances.spare]
unit = "free_tokens"
amount = 1_000
every = "2 weeks"
[plans.basic.bonuses.welcome]
unit = "credits"
amount = 10.5
lasts = "30 days"
features = ["image"]
[plans.basic.caps.video]
most = 100
hard = false
per = "member"
feature = "video"
model = "veo"
every = "month"
[plans.basic.caps.all]
unit = "credits"
most = 1
every = "cycle"
[plans.basic.terms.credits]
overdraft = 5
settle_above_hold = "cap_hold"
rest_of_ended_lot = "grace"
hold_ttl = "15 minutes"
refund_grace = "0 days"
[packages.starter]
title = "Starter"
unit = "credits"
amount = 30
bonus = 0.5
prices = ["30 GHS"]
lasts = "6 months"
extends = true
once = true
[campaigns.spring]
rule = "code"
unit = "credits"
amount = 10
codes = ["SPRING26", "Mai"]
most = 100
per_account = 2
lasts = "30 days"
features = ["image"]
starts_at = 2026-03-01T00:00:00Z
ends_at = 2026-04-01T00:00:00+01:00
[campaigns.friends]
rule = "referral"
amount = 1
referrer_amount = 2
plans = ["basic"]
[campaigns.loyal]
rule = "loyalty"
amount = 1
months = 6
spent = 100
[campaigns.early]
rule = "beta"
amount = 1
accounts = ["acme"]
[terms.free_tokens]
alerts = [10, 0, -5]
[caps.daily]
most = 1000
every = "day"
[refusals]
status = 429
"""


def list_leaves(text: str) -> list[tuple[str, Callable[[Any], dict[str, Any]]]]:
    """Every place of a document, with a function that makes the document with another value there."""
    document = tomllib.loads(text, parse_float=Decimal)
    found: list[tuple[str, Callable[[Any], dict[str, Any]]]] = []

    def walk(value: Any, path: tuple[Any, ...]) -> None:
        if path:
            found.append((".".join(map(str, path)), lambda other: put(document, path, other)))
        pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, inner in pairs:
            walk(inner, (*path, key))

    walk(document, ())
    return found


def put(document: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """A copy of a document with another value in one place."""
    made = copy.deepcopy(document)
    inner: Any = made
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return made


def write_toml(value: dict[str, Any]) -> str:
    """TOML, a line for each key of the whole."""
    return "".join(f"{json.dumps(key)} = {write_value(one)}\n" for key, one in value.items())


def write_value(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {write_value(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(write_value, value)) + "]"
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else json.dumps(value)
