"""Parts of a price for parts of a period (rule 22), and the cases of other systems."""

import json
from datetime import datetime
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farthing.engine.zones import find_zone
from farthing.tariff.catalog import Money
from farthing.tariff.proration import prorate, prorate_change
from farthing.values.errors import TermInvalid

CASES = json.loads((Path(__file__).parents[2] / "peers" / "cases" / "proration.json").read_text())["cases"]


def instant(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1_000_000


def share(amount, start, end, at, **fields):
    return prorate(Fraction(amount), start=instant(start), end=instant(end), at=instant(at), zones=find_zone, **fields)


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_other_systems_figures(case):
    for expected in case["expect"]:
        terms = dict(case["steps"][expected["after"]]["terms"])
        until, times = terms.pop("until", None), Fraction(terms.pop("times", "1"))
        found = share(**terms, until=until and instant(until), times=times)
        assert found == Fraction(expected["amount"])


def test_rule_22_days_are_local_dates_over_the_periods_own_length():
    # March in Berlin has 31 local dates, though an hour is missing; a quarter before midnight is still the 16th.
    start, end = "2026-03-01T00:00:00+01:00", "2026-04-01T00:00:00+02:00"

    for at, left in (("2026-03-16T22:45:00+00:00", 1600), ("2026-03-16T23:00:00+00:00", 1500)):
        assert share(3100, start, end, at, basis="day", zone="Europe/Berlin") == left


def test_rule_22_credit_and_charge_are_two_lines_each_rounded_once_half_up():
    start, end = instant("2026-06-01T00:00:00Z"), instant("2026-07-01T00:00:00Z")
    lines = prorate_change(
        ("basic", Money(1001, "USD")), ("pro", Money(2001, "USD")), at=instant("2026-06-16T00:00:00Z"), basis="second",
        zone="UTC", start=start, end=end,
        zones=find_zone,
    )  # fmt: skip

    assert [(line.kind, line.plan, line.minor, line.currency) for line in lines] == [
        ("credit", "basic", -501, "USD"),
        ("charge", "pro", 1001, "USD"),
    ]


def test_rule_22_none_prorates_nothing():
    lines = prorate_change(
        ("a", Money(1, "USD")), ("b", Money(2, "USD")), start=0, end=9, at=3, basis="none", zone="UTC", zones=find_zone
    )

    assert lines == ()


def test_months_taken_as_equal_are_worth_the_same():
    for start, end in (("2023-05-23", "2023-06-15"), ("2023-06-23", "2023-07-15"), ("2024-02-23", "2024-03-15")):
        fields = {"start": f"{start[:7]}-15T00:00:00Z", "end": f"{end}T00:00:00Z", "at": f"{start}T00:00:00Z"}
        assert share(30, **fields, basis="fixed_30") == 22
        assert share(28, **fields, basis="fixed_n", days_in_month=28) == 20


def test_nothing_is_owed_for_a_period_without_length_or_a_basis_that_is_none():
    at = "2026-01-01T00:00:00Z"
    assert share(10, at, at, at, basis="day") == 0
    with pytest.raises(TermInvalid, match="choose one of second, day"):
        share(10, at, at, at, basis="hour")


@given(amount=st.integers(0, 10**9), length=st.integers(1, 10**14), at=st.integers(0, 10**14))
def test_a_part_is_never_more_than_the_whole_nor_less_than_nothing(amount, length, at):
    part = prorate(Fraction(amount), start=0, end=length, at=at, zones=find_zone)

    assert 0 <= part <= amount
    assert abs(part - Fraction(amount) * max(0, length - at) / length) <= Fraction(1, 2)
