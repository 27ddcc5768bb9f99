"""Rule 2 as callers meet it: how they may say when a grant ends. On the face, with a book in memory."""

from datetime import UTC, date, datetime, timedelta

import pytest

import farthing
from farthing.testing import FrozenClock

START = datetime(2024, 1, 1, tzinfo=UTC)


def open_book(zone):
    """A book in memory whose clock stands at the start of 2024, with one account in a zone."""
    clock = FrozenClock(START)
    ledger = farthing.open("memory:", test=True, clock=clock)
    ledger.open_account("acme", zone=zone)
    return ledger, clock


@pytest.mark.parametrize(
    ("zone", "day", "end"),
    [
        pytest.param("UTC", date(2024, 1, 31), "2024-02-01T00:00:00+00:00", id="in UTC"),
        pytest.param("Africa/Accra", date(2024, 2, 29), "2024-03-01T00:00:00+00:00", id="the leap day"),
        pytest.param("Asia/Kathmandu", date(2024, 1, 31), "2024-01-31T18:15:00+00:00", id="east of UTC"),
        pytest.param("America/New_York", date(2024, 1, 31), "2024-02-01T05:00:00+00:00", id="west of UTC"),
        pytest.param("Europe/Berlin", date(2024, 3, 31), "2024-03-31T22:00:00+00:00", id="a day of 23 hours"),
        pytest.param("Europe/Berlin", date(2024, 10, 27), "2024-10-27T23:00:00+00:00", id="a day of 25 hours"),
        pytest.param("America/Santiago", date(2024, 9, 7), "2024-09-08T04:00:00+00:00", id="midnight in a gap"),
        pytest.param("America/Havana", date(2024, 11, 2), "2024-11-03T04:00:00+00:00", id="midnight twice, the first"),
        pytest.param("America/Asuncion", date(2024, 3, 23), "2024-03-24T04:00:00+00:00", id="the hour before it twice"),
        pytest.param("Pacific/Apia", date(2024, 12, 31), "2024-12-31T11:00:00+00:00", id="furthest east"),
    ],
)
def test_rule_02_through_a_date_means_to_the_first_instant_after_that_day_in_the_accounts_zone(zone, day, end):
    ledger, clock = open_book(zone)
    ledger.grant("acme", 10, through=day)
    ends = datetime.fromisoformat(end)

    assert ledger.balance("acme").lots[0].expires_at == ends
    clock.move_to(ends - timedelta(microseconds=1))
    assert ledger.balance("acme").spendable == 10
    clock.move_to(ends)
    assert ledger.balance("acme").spendable == 0


def test_rule_02_through_a_date_of_an_account_that_the_grant_opens_is_in_utc():
    ledger, _ = open_book("UTC")

    ledger.grant("other", 10, through=date(2024, 1, 31))

    assert ledger.balance("other").lots[0].expires_at == datetime(2024, 2, 1, tzinfo=UTC)


def test_rule_02_through_today_lasts_to_midnight_and_through_yesterday_is_refused():
    ledger, _ = open_book("UTC")

    ledger.grant("acme", 10, through=date(2024, 1, 1))

    assert ledger.balance("acme").lots[0].expires_at == datetime(2024, 1, 2, tzinfo=UTC)
    with pytest.raises(farthing.TimeInvalid, match="has passed"):
        ledger.grant("acme", 10, through=date(2023, 12, 31))


@pytest.mark.parametrize(
    "end",
    [
        {"expires_at": date(2024, 2, 1)},
        {"expires_at": datetime(2024, 2, 1)},  # noqa: DTZ001
        {"expires_at": "2024-02-01"},
        {"through": datetime(2024, 2, 1, tzinfo=UTC)},
        {"through": "2024-02-01"},
        {"expires_in": timedelta(0)},
        {"expires_in": 60},
        {"starts_at": date(2024, 2, 1)},
    ],
    ids=str,
)
def test_rule_02_a_bare_date_or_a_time_without_a_zone_is_refused_and_writes_nothing(end):
    ledger, _ = open_book("UTC")

    with pytest.raises(farthing.TimeInvalid):
        ledger.grant("acme", 10, **end)

    assert ledger.balance("acme").granted == 0


def test_rule_02_two_ends_at_once_are_refused():
    ledger, _ = open_book("UTC")

    with pytest.raises(farthing.TermInvalid, match="choose one of them"):
        ledger.grant("acme", 10, expires_in=timedelta(days=1), through=date(2024, 2, 1))
