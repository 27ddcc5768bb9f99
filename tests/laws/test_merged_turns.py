"""Turns written as one where telling them one by one says most: each story is one that a walk has found wrong before.

The core merges after one turn here, the model never.
"""

from __future__ import annotations

from typing import Any

import pytest

from farthing.core import allowances
from farthing.values.requests import Open
from tests.laws.paths import START
from tests.laws.real import RealAccount
from tests.laws.standing import Standing
from tests.laws.steps import DAY, HOUR

Said = dict[str, Any]
MONTHLY: Said = {"unit": "credits", "name": "a", "every": "month", "amount": 20}


@pytest.fixture
def pair(monkeypatch: pytest.MonkeyPatch) -> Standing:
    monkeypatch.setattr(allowances, "MOST_TURNS", 1)
    pair = Standing(RealAccount("acme", 1, narrows=0), START)
    pair.both("open", {}, lambda key: Open(key=key, account="acme"))
    return pair


def look_after(pair: Standing, days: int) -> None:
    """At every few hours up to that day, as whoever reads would see it, and then for good."""
    begun = pair.now
    for part in range(1, 12):
        pair.compare("credits", begun + part * days * DAY // 12 + HOUR)
    pair.now = begun + days * DAY
    pair.both("reset_used", {"unit": "credits"}, lambda key: pair.make_reset("credits", key))
    pair.compare("credits", pair.now)


@pytest.mark.parametrize("rollover", [{"cap": 50}, {"cap": 50, "keep": 2}, {"cap_percent": 700_000, "keep": 1}])
@pytest.mark.parametrize("before", [{}, {"keep": 3}])
def test_what_is_carried_for_ever_is_trimmed_by_periods_that_are_carried_for_some(
    pair: Standing, before: Said, rollover: Said
) -> None:
    """Capped and kept credits end one by one, and never trim as many as all of them together would."""
    pair.ask_allow({**MONTHLY, "rollover": "all", **before})
    pair.now += 100 * DAY
    pair.ask_change("credits", "a", "add", {"amount": 15, "rollover": "capped", **rollover})

    look_after(pair, 900)


@pytest.mark.parametrize("amount", [0, 1, 20])
@pytest.mark.parametrize("rollover", ["none", "all"])
@pytest.mark.parametrize("on_turn", ["keep", "forgive"])
def test_debt_is_paid_or_forgiven_turn_by_turn(pair: Standing, amount: int, rollover: str, on_turn: str) -> None:
    pair.ask_allow({**MONTHLY, "amount": amount, "rollover": rollover, "on_turn": on_turn})
    pair.ask_charge({"credits": 70}, None, "record", None)
    pair.ask_allow({**MONTHLY, "name": "b", "every": "week", "amount": 3, "rollover": "all", "priority": 11})

    look_after(pair, 400)


def test_a_hold_that_times_out_between_gives_back_to_what_is_carried(pair: Standing) -> None:
    pair.ask_allow({**MONTHLY, "rollover": "capped", "cap": 25, "keep": 3})
    pair.ask_hold({"credits": 18}, 70 * DAY)

    look_after(pair, 400)
