"""What is wrong about an allowance, a budget, a top-up or an end is refused by name, and nothing is written."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

import farthing
from farthing import TopUp
from farthing.testing import FrozenClock

AT = datetime(2026, 11, 21, 10, 4, tzinfo=UTC)
MONTH = {"every": "month"}
LONG: Any = 10**5000
FLOAT: Any = 1.5


@pytest.fixture(scope="module")
def furnished() -> Iterator[farthing.Ledger]:
    """A ledger in which nothing may be written from here on."""
    clock = FrozenClock(AT)
    with farthing.open(
        "memory:", book="test", test=True, clock=clock, units={"credits": 6, "generations": 0}
    ) as ledger:
        ledger.allow("acme", 100, every="month", name="there")
        ledger.budget("acme", 20, name="there")
        before = list(ledger.history())
        yield ledger
        assert list(ledger.history()) == before


ALLOW: list[tuple[dict[str, Any], type[farthing.Refused], str]] = [
    ({"every": "fortnight"}, farthing.TermInvalid, "every 'fortnight' is no cadence: choose hour, day, week, month"),
    ({"every": "monthly"}, farthing.TermInvalid, "did you mean month"),
    ({"every": "Mounth"}, farthing.TermInvalid, "did you mean month"),
    ({"every": "half-year"}, farthing.TermInvalid, "did you mean half_year"),
    ({"every": 1.5}, farthing.TermInvalid, "every 1.5 is no cadence"),
    ({"every": 30}, farthing.TermInvalid, "or a timedelta of days"),
    ({"every": None}, farthing.TermInvalid, "every None is no cadence"),
    ({"every": LONG}, farthing.TermInvalid, "every a number of 16610 bits"),
    ({"every": timedelta(hours=36)}, farthing.TermInvalid, 'every="hour"'),
    ({"every": timedelta(0)}, farthing.TermInvalid, "is not whole days"),
    ({"every": timedelta(days=-1)}, farthing.TermInvalid, "is not whole days"),
    ({"every": timedelta(days=10_001)}, farthing.TermInvalid, "at most 10000 days"),
    (MONTH | {"count": 0}, farthing.TermInvalid, "count 0 is no number of periods: write a whole number from 1"),
    (MONTH | {"count": True}, farthing.TermInvalid, "count True"),
    (MONTH | {"count": LONG}, farthing.TermInvalid, "count a number"),
    (MONTH | {"name": "there"}, farthing.AllowanceExists, "acme has an allowance there of credits already"),
    (MONTH | {"name": ""}, farthing.NameInvalid, "name '' has 0 characters"),
    (MONTH | {"zone": "Europe/Zurch"}, farthing.TimeInvalid, "did you mean Europe/Zurich"),
    (MONTH | {"zone": 1}, farthing.TimeInvalid, "zone 1 is not a time zone"),
    (MONTH | {"anchor": "1st"}, farthing.TermInvalid, 'write "calendar", or an aware datetime'),
    (MONTH | {"anchor": date(2026, 1, 1)}, farthing.TimeInvalid, "anchor 2026-01-01 is a date, not an instant"),
    (MONTH | {"anchor": AT.replace(tzinfo=None)}, farthing.TimeInvalid, "anchor .* names no zone"),
    (MONTH | {"starts_at": 5}, farthing.TimeInvalid, "starts_at 5 is not an instant"),
    (MONTH | {"first": "half"}, farthing.TermInvalid, "choose full, prorated, or an amount"),
    (MONTH | {"first": 1.5}, farthing.AmountIsFloat, "first 1.5"),
    (MONTH | {"first": -1}, farthing.AmountInvalid, "first -1 is negative"),
    (MONTH | {"first": 5, "starts_at": AT + timedelta(1)}, farthing.TermInvalid, "a period that begins now"),
    (MONTH | {"rollover": "some"}, farthing.TermInvalid, "choose none, capped, all"),
    (MONTH | {"rollover": "capped"}, farthing.TermInvalid, "has no cap: name a cap or a cap_percent"),
    (MONTH | {"rollover": "capped", "cap": 0}, farthing.TermInvalid, 'to carry nothing choose rollover="none"'),
    (MONTH | {"rollover": "capped", "cap_percent": 0}, farthing.TermInvalid, 'choose rollover="none"'),
    (MONTH | {"rollover": "capped", "cap": 1, "cap_percent": 5}, farthing.TermInvalid, "cap and cap_percent together"),
    (MONTH | {"rollover": "capped", "cap": 1.5}, farthing.AmountIsFloat, "cap 1.5"),
    (MONTH | {"rollover": "capped", "cap_percent": "0.00001"}, farthing.AmountInvalid, "more than 4 decimal places"),
    (
        MONTH | {"rollover": "capped", "cap_percent": Decimal("-5")},
        farthing.AmountInvalid,
        "cap_percent -5 is negative",
    ),
    (MONTH | {"cap": 5}, farthing.TermInvalid, "cap 5 says nothing beside rollover='none'"),
    (MONTH | {"rollover": "all", "cap": 5}, farthing.TermInvalid, "cap 5 says nothing beside rollover='all'"),
    (MONTH | {"rollover": "all", "cap_percent": 5}, farthing.TermInvalid, "cap_percent 5 says nothing"),
    (MONTH | {"keep": 2}, farthing.TermInvalid, "keep 2 says nothing beside rollover='none'"),
    (MONTH | {"rollover": "all", "keep": -1}, farthing.TermInvalid, "keep -1 is no number of periods"),
    (MONTH | {"rollover": "all", "keep": 401}, farthing.TermInvalid, "from 1 to 400, or 0 for ever"),
    (MONTH | {"rollover": "all", "keep": 1.0}, farthing.TermInvalid, "keep 1.0"),
    (MONTH | {"on_turn": "forget"}, farthing.TermInvalid, "choose keep, forgive"),
    (MONTH | {"priority": -1}, farthing.TermInvalid, "from 0 to 1000"),
    (MONTH | {"features": "video"}, farthing.TermInvalid, "is not a list"),
    (MONTH | {"features": []}, farthing.TermInvalid, "name 1 to 32"),
    (MONTH | {"promotional": "yes"}, farthing.TermInvalid, "write True or False"),
    (MONTH | {"source": ""}, farthing.NameInvalid, "source"),
    (MONTH | {"unit": "tokens"}, farthing.UnitNotFound, "no unit tokens"),
]


@pytest.mark.parametrize(("options", "error", "says"), ALLOW)
def test_a_wrong_allowance_is_refused_by_name(furnished, options, error, says):
    with pytest.raises(error, match=says):
        furnished.allow("acme", 100, **options)


@pytest.mark.parametrize(
    "amount", [1.5, -1, "x", {"credits": 5}, None, True, LONG], ids=lambda amount: type(amount).__name__
)
def test_an_allowance_or_a_budget_is_of_one_amount(furnished, amount):
    for call in (
        lambda: furnished.allow("acme", amount, every="month"),
        lambda: furnished.budget("acme", amount, name="cap"),
    ):
        with pytest.raises(farthing.AmountInvalid):
            call()


BUDGET: list[tuple[dict[str, Any], type[farthing.Refused], str]] = [
    ({"name": "there"}, farthing.BudgetExists, "acme has a budget there in credits already"),
    ({"name": ""}, farthing.NameInvalid, "name"),
    ({"name": "cap", "every": "dayly"}, farthing.TermInvalid, "did you mean day"),
    ({"name": "cap", "every": "day", "count": -1}, farthing.TermInvalid, "count -1"),
    ({"name": "cap", "count": 2}, farthing.TermInvalid, "count 2 says nothing without a cadence"),
    ({"name": "cap", "zone": "UTC"}, farthing.TermInvalid, "zone 'UTC' says nothing without a cadence"),
    ({"name": "cap", "anchor": AT}, farthing.TermInvalid, "anchor .* says nothing without a cadence"),
    ({"name": "cap", "cycle": "there", "zone": "UTC"}, farthing.TermInvalid, "zone 'UTC' is the allowance's own"),
    ({"name": "cap", "cycle": "there", "every": "day"}, farthing.TermInvalid, "every and cycle together"),
    ({"name": "cap", "cycle": "there", "every": "cycle:there"}, farthing.TermInvalid, "every and cycle together"),
    ({"name": "cap", "cycle": "plan"}, farthing.AllowanceNotFound, "acme has no allowance plan of credits"),
    ({"name": "cap", "every": "cycle:"}, farthing.NameInvalid, "cycle"),
    ({"name": "cap", "every": "day", "zone": "Nowhere"}, farthing.TimeInvalid, "is not a time zone"),
    ({"name": "cap", "every": "day", "anchor": date(2026, 1, 1)}, farthing.TimeInvalid, "is a date, not an instant"),
    ({"name": "cap", "per": "person"}, farthing.TermInvalid, "choose member, feature, model, api_key"),
    ({"name": "cap", "per": "all"}, farthing.TermInvalid, "choose member, feature, model, api_key"),
    ({"name": "cap", "hard": 1}, farthing.TermInvalid, "hard 1 is neither"),
    ({"name": "cap", "member": ""}, farthing.NameInvalid, "member"),
    ({"name": "cap", "feature": 5}, farthing.NameInvalid, "feature 5 is not a string"),
]


@pytest.mark.parametrize(("options", "error", "says"), BUDGET)
def test_a_wrong_budget_is_refused_by_name(furnished, options, error, says):
    with pytest.raises(error, match=says):
        furnished.budget("acme", 20, **options)


CALLS: list[tuple[str, tuple[Any, ...], dict[str, Any], type[farthing.Refused], str]] = [
    ("change_allowance", (), {"name": "there"}, farthing.TermInvalid, "changes nothing: name an amount, rollover"),
    ("change_allowance", (5,), {}, farthing.AllowanceNotFound, "acme has no allowance plan of credits"),
    ("change_allowance", (5,), {"name": "there", "mode": "swap"}, farthing.TermInvalid, "choose replace, add"),
    ("change_allowance", (), {"name": "there", "cap": 0}, farthing.TermInvalid, 'rollover="none"'),
    ("change_allowance", (), {"name": "there", "cap": 5}, farthing.TermInvalid, "it belongs to rollover capped"),
    ("change_allowance", (), {"name": "there", "keep": 5}, farthing.TermInvalid, "it belongs to rollover"),
    ("change_allowance", (), {"name": "there", "rollover": "capped"}, farthing.TermInvalid, "has no cap: name a cap"),
    ("change_allowance", (), {"name": "there", "keep": -1}, farthing.TermInvalid, "keep -1"),
    ("end_allowance", (), {"name": "there", "now": 1}, farthing.TermInvalid, "now 1 is neither"),
    ("end_allowance", (), {"name": "plan"}, farthing.AllowanceNotFound, "no allowance plan"),
    ("end_period", (), {"name": "plan"}, farthing.AllowanceNotFound, "no allowance plan"),
    ("set_period_end", (AT,), {"name": "plan"}, farthing.AllowanceNotFound, "no allowance plan"),
    ("set_period_end", (date(2026, 1, 1),), {"name": "there"}, farthing.TimeInvalid, "is a date, not an instant"),
    ("set_period_end", ("2026-01-01",), {"name": "there"}, farthing.TimeInvalid, "is not an instant"),
    ("change_budget", (), {"name": "there"}, farthing.TermInvalid, "changes nothing: name another cap, or hard"),
    ("change_budget", (), {"name": "there", "hard": "no"}, farthing.TermInvalid, "write True or False"),
    ("change_budget", (1.5,), {"name": "there"}, farthing.AmountIsFloat, "most 1.5"),
    ("change_budget", (1,), {"name": "cap"}, farthing.BudgetNotFound, "acme has no budget cap in credits"),
    ("end_budget", (), {"name": "cap"}, farthing.BudgetNotFound, "no budget cap"),
    ("reschedule", (), {}, farthing.TermInvalid, "choose one of expires_at, expires_in, through, never"),
    ("reschedule", (), {"never": 1}, farthing.TermInvalid, "never 1 is neither"),
    ("reschedule", (), {"never": True, "expires_in": timedelta(1)}, farthing.TermInvalid, "expires_in and never"),
    ("reschedule", (), {"expires_in": timedelta(0)}, farthing.TimeInvalid, "expires_in .* is not a duration"),
    ("reschedule", (), {"expires_in": timedelta(days=2_930_000)}, farthing.TimeInvalid, "is after the year 9999"),
    ("reschedule", (), {"expires_in": timedelta(days=3_000_000)}, farthing.TimeInvalid, "is too long"),
    ("reschedule", (), {"expires_at": AT}, farthing.TimeInvalid, "has passed"),
    ("reschedule", (), {"expires_at": date(2026, 12, 1)}, farthing.TimeInvalid, "is a date, not an instant"),
    ("reschedule", (), {"through": "2026"}, farthing.TimeInvalid, "is not a date"),
    ("reschedule", (), {"never": True, "grant": "gra_x"}, farthing.IdInvalid, "mistyped"),
    ("grant", (5,), {"until_turn": "plan"}, farthing.AllowanceNotFound, "no allowance plan"),
    ("grant", (5,), {"until_turn": ""}, farthing.NameInvalid, "until_turn"),
    ("grant", (5,), {"until_turn": "there", "expires_in": timedelta(1)}, farthing.TermInvalid, "more than one end"),
    ("grant", (5,), {"extend": 1}, farthing.TermInvalid, "extend 1 is neither"),
    ("grant", (5,), {"extend": True, "starts_at": AT + timedelta(1)}, farthing.TermInvalid, "credits that begin now"),
    ("grant", (5,), {"top_up": "gra_x"}, farthing.IdInvalid, "expected ent_"),
    ("configure", (), {"alerts": 10}, farthing.TermInvalid, r"write balances such as \[10, 0\]"),
    ("configure", (), {"alerts": "10"}, farthing.TermInvalid, "alerts '10' is not a list"),
    ("configure", (), {"alerts": [1.5]}, farthing.AmountIsFloat, "alert 1.5"),
    ("configure", (), {"alerts": range(17)}, farthing.TermInvalid, "more than 16 balances"),
    ("configure", (), {"top_up": True}, farthing.TermInvalid, r"farthing.TopUp\(threshold=10, quantity=50\), or False"),
    ("configure", (), {"top_up": 50}, farthing.TermInvalid, "is no rule"),
    ("configure", (), {"top_up": TopUp(threshold=10)}, farthing.TermInvalid, "name a quantity or a target"),
    ("configure", (), {"top_up": TopUp(threshold=10, quantity=-1)}, farthing.AmountInvalid, "top_up quantity -1"),
    ("configure", (), {"top_up": TopUp(threshold=FLOAT, quantity=1)}, farthing.AmountIsFloat, "top_up threshold 1.5"),
    ("configure", (), {"top_up": TopUp(threshold=10, target=10)}, farthing.TermInvalid, "one above the threshold"),
    ("configure", (), {"top_up": TopUp(threshold=10, target=0)}, farthing.TermInvalid, "top_up target 0 is zero"),
    ("configure", (), {"top_up": TopUp(threshold=1, quantity=1, per_day=0)}, farthing.TermInvalid, "top_up per_day 0"),
    (
        "configure", (), {"top_up": TopUp(threshold=1, quantity=1, back_off=timedelta(days=31))},
        farthing.TimeInvalid, "from zero to 30 days",
    ),
    ("advance", (timedelta(days=-1),), {}, farthing.TimeInvalid, "clocks only go forward"),
]  # fmt: skip


@pytest.mark.parametrize(("verb", "args", "options", "error", "says"), CALLS)
def test_a_wrong_option_is_refused_by_name(furnished, verb, args, options, error, says):
    with pytest.raises(error, match=says):
        getattr(furnished, verb)("acme", *args, **options)


@pytest.mark.parametrize(
    ("verb", "args", "options"),
    [
        ("change_allowance", (5,), {}),
        ("end_allowance", (), {}),
        ("end_period", (), {}),
        ("set_period_end", (AT,), {}),
        ("change_budget", (5,), {"name": "cap"}),
        ("end_budget", (), {"name": "cap"}),
        ("reschedule", (), {"never": True}),
    ],
)
def test_an_unknown_account_is_refused_by_what_does_not_open_one(furnished, verb, args, options):
    with pytest.raises(farthing.AccountNotFound):
        getattr(furnished, verb)("nobody", *args, **options)


def test_a_wrong_clawback_is_refused_by_name(furnished):
    grant = furnished.balance("acme").lots[0].grant

    for options, error, says in (
        ({"money": 1.5}, farthing.AmountIsFloat, "whole minor units"),
        ({"money": -1}, farthing.AmountInvalid, "money -1 is not an amount of money"),
        ({"money": Decimal(5)}, farthing.AmountInvalid, "whole minor units from 0"),
        ({"money": True}, farthing.AmountInvalid, "money True"),
        ({"money": LONG}, farthing.AmountInvalid, "money a number"),
        ({"money": 1, "amount": 1}, farthing.TermInvalid, "money and amount together"),
        ({"money": 1}, farthing.MoreThanPaid, "cost 0"),
        ({"amount": 101}, farthing.MoreThanLeft, "100 is left"),
        ({"amount": "1.1234567"}, farthing.AmountInvalid, "more than 6 decimal places"),
        ({"policy": "forget"}, farthing.TermInvalid, "choose debt, write_off"),
    ):
        with pytest.raises(error, match=says):
            furnished.clawback(grant, **options)
    with pytest.raises(farthing.TermInvalid, match="is not the unit of its grant"):
        furnished.reschedule("acme", grant=grant, never=True, unit="generations")


def test_an_option_of_other_verbs_is_a_type_error(furnished):
    for call in (
        lambda: furnished.budget("acme", 5, name="cap", usage=farthing.Usage(input=1), nonsense=1),
        lambda: furnished.allow("acme", 5, every="month", nonsense=1),
    ):
        with pytest.raises(TypeError, match="nonsense"):
            call()
