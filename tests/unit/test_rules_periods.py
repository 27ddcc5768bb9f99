"""Rule 2 where time recurs: boundaries on the wall of a named zone, counted from the anchor, ends exclusive."""

from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from farthing.engine.zones import find_zone, list_zones
from farthing.values.bounds import EARLIEST_INSTANT, LATEST_INSTANT, NEVER
from farthing.values.periods import (
    DAY,
    HOUR,
    Cadence,
    Rhythm,
    count_days,
    find_boundary,
    find_calendar_anchor,
    find_index,
    find_local_date,
    find_period,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE = 60_000_000
CURIOUS_ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",  # half an hour of summer time
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Pacific/Apia",  # left out 30 December 2011
    "Africa/Casablanca",  # puts clocks back for Ramadan
    "Europe/Dublin",  # winter time is the exception
    "America/St_Johns",  # once changed clocks at one past midnight
    "Africa/Monrovia",
    "America/Juneau",  # had one day twice
    "Asia/Manila",
]


def read(text):
    """An instant from ISO 8601 with an offset."""
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)


def show(instant):
    """An instant in UTC, to the minute, or as much more as it has."""
    if instant == NEVER:
        return "never"
    return (EPOCH + timedelta(microseconds=instant)).isoformat().removesuffix("+00:00").removesuffix(":00") + "Z"


def begin(every, anchor, zone="UTC", count=1):
    return Rhythm(Cadence[every], count, read(anchor), zone)


def list_boundaries(rhythm, numbers):
    return [show(find_boundary(rhythm, n, find_zone)) for n in numbers]


def show_period(rhythm, moment):
    n, start, end = find_period(rhythm, read(moment), find_zone)
    return n, show(start), show(end)


@pytest.mark.parametrize(
    ("every", "count", "anchor", "days"),
    [
        ("MONTH", 1, "2023-01-31", ["2023-01-31", "2023-02-28", "2023-03-31", "2023-04-30", "2023-05-31"]),
        ("MONTH", 1, "2024-01-31", ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31"]),
        ("MONTH", 1, "2023-01-30", ["2023-01-30", "2023-02-28", "2023-03-30", "2023-04-30"]),
        ("MONTH", 1, "2023-02-28", ["2023-02-28", "2023-03-28", "2023-04-28"]),
        ("MONTH", 1, "2024-02-29", ["2024-02-29", "2024-03-29", "2024-04-29"]),
        ("MONTH", 1, "2023-11-30", ["2023-11-30", "2023-12-30", "2024-01-30", "2024-02-29"]),
        ("MONTH", 2, "2023-12-31", ["2023-12-31", "2024-02-29", "2024-04-30", "2024-06-30", "2024-08-31"]),
        ("QUARTER", 1, "2023-11-30", ["2023-11-30", "2024-02-29", "2024-05-30"]),
        ("HALF_YEAR", 1, "2023-08-31", ["2023-08-31", "2024-02-29", "2024-08-31", "2025-02-28"]),
        ("YEAR", 1, "2024-02-29", ["2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]),
        ("YEAR", 4, "2092-02-29", ["2092-02-29", "2096-02-29", "2100-02-28", "2104-02-29"]),
        ("YEAR", 100, "2000-02-29", ["2000-02-29", "2100-02-28", "2200-02-28", "2300-02-28", "2400-02-29"]),
        ("WEEK", 2, "2023-12-25", ["2023-12-25", "2024-01-08", "2024-01-22"]),
        ("DAY", 30, "2024-02-01", ["2024-02-01", "2024-03-02", "2024-04-01"]),
    ],
)
def test_rule_02_the_nth_boundary_is_anchor_plus_n_periods_and_a_clamped_day_comes_back(every, count, anchor, days):
    rhythm = begin(every, f"{anchor}T10:00Z", count=count)

    assert list_boundaries(rhythm, range(len(days))) == [f"{day}T10:00Z" for day in days]
    assert [find_index(rhythm, read(f"{day}T10:00Z"), find_zone) for day in days] == list(range(len(days)))


@pytest.mark.parametrize(
    ("every", "anchor", "days"),
    [
        ("MONTH", "2024-03-31", ["2023-11-30", "2023-12-31", "2024-01-31", "2024-02-29"]),
        ("YEAR", "2024-02-29", ["2020-02-29", "2021-02-28", "2022-02-28", "2023-02-28"]),
        ("WEEK", "2024-01-08", ["2023-12-11", "2023-12-18", "2023-12-25", "2024-01-01"]),
    ],
)
def test_rule_02_there_are_boundaries_before_the_anchor_too(every, anchor, days):
    rhythm = begin(every, f"{anchor}T10:00Z")

    assert list_boundaries(rhythm, range(-4, 0)) == [f"{day}T10:00Z" for day in days]


@pytest.mark.parametrize(
    ("zone", "eve", "skip"),
    [
        pytest.param("Europe/Berlin", "2024-03-30T{}+01:00", "2024-03-31T01:00Z", id="an hour in Berlin"),
        pytest.param("America/New_York", "2024-03-09T{}-05:00", "2024-03-10T07:00Z", id="an hour in New York"),
        pytest.param("Australia/Lord_Howe", "2024-10-05T{}+10:30", "2024-10-05T15:30Z", id="half an hour on Lord Howe"),
    ],
)
def test_rule_02_a_time_that_summer_time_skips_is_the_first_valid_instant_after_it(zone, eve, skip):
    for time in ("02:00", "02:01", "02:15", "02:29:59.999999", "02:30"):
        assert list_boundaries(begin("DAY", eve.format(time), zone), [1]) == [skip], time

    before = begin("DAY", eve.format("01:59:59.999999"), zone)
    assert find_boundary(before, 1, find_zone) == read(skip) - 1
    # What was skipped once is itself again the day after: on the wall, an hour (or half of one) earlier than the eve's.
    assert find_boundary(before, 2, find_zone) == read(skip) + DAY - 1 - (HOUR // 2 if "Howe" in zone else HOUR)


@pytest.mark.parametrize(
    ("zone", "eve", "first"),
    [
        pytest.param("Europe/Berlin", "2024-10-26T02:30+02:00", "2024-10-27T00:30Z", id="an hour in Berlin"),
        pytest.param("America/New_York", "2024-11-02T01:30-04:00", "2024-11-03T05:30Z", id="an hour in New York"),
        pytest.param("Australia/Lord_Howe", "2024-04-06T01:45+11:00", "2024-04-06T14:45Z", id="half an hour there"),
    ],
)
def test_rule_02_of_a_time_that_comes_twice_the_first_is_the_boundary(zone, eve, first):
    rhythm = begin("DAY", eve, zone)

    assert list_boundaries(rhythm, [1]) == [first]
    # The second is inside the period that the first began.
    assert find_index(rhythm, read(first) + HOUR, find_zone) == 1
    assert find_index(rhythm, read(first) - 1, find_zone) == 0


def test_rule_02_the_hour_that_comes_twice_begins_when_it_comes_first_and_ends_with_the_second():
    berlin = begin("DAY", "2024-10-26T02:00+02:00", "Europe/Berlin")

    assert list_boundaries(berlin, [1, 2]) == ["2024-10-27T00:00Z", "2024-10-28T01:00Z"]
    # 03:00 comes once, after both.
    assert list_boundaries(begin("DAY", "2024-10-26T03:00+02:00", "Europe/Berlin"), [1]) == ["2024-10-27T02:00Z"]


def test_rule_02_an_anchor_in_the_second_of_two_hours_is_kept_as_it_is():
    second = begin("DAY", "2024-10-27T02:30+01:00", "Europe/Berlin")

    assert list_boundaries(second, [-1, 0, 1]) == ["2024-10-26T00:30Z", "2024-10-27T01:30Z", "2024-10-28T01:30Z"]
    assert show_period(second, "2024-10-27T02:30+02:00") == (-1, "2024-10-26T00:30Z", "2024-10-27T01:30Z")
    # A year's boundaries from it fall on the first, as ever.
    assert list_boundaries(begin("YEAR", "2024-10-27T02:30+01:00", "Europe/Berlin"), [6]) == ["2030-10-27T00:30Z"]


@pytest.mark.parametrize(
    ("zone", "anchor", "hours"),
    [
        ("Europe/Berlin", "2024-03-18T00:00+01:00", [168, 167, 168]),
        ("Europe/Berlin", "2024-10-14T00:00+02:00", [168, 169, 168]),
        ("America/New_York", "2024-02-26T00:00-05:00", [168, 167, 168]),
        ("America/New_York", "2024-10-21T00:00-04:00", [168, 169, 168]),
        ("Australia/Lord_Howe", "2024-09-23T00:00+10:30", [168, 167.5, 168]),
        ("Australia/Lord_Howe", "2024-03-25T00:00+11:00", [168, 168.5, 168]),
        ("Asia/Kathmandu", "2024-03-18T00:00+05:45", [168, 168, 168]),
    ],
)
def test_rule_02_a_week_has_as_many_hours_as_the_zone_gives_it(zone, anchor, hours):
    rhythm = begin("WEEK", anchor, zone)
    bounds = [find_boundary(rhythm, n, find_zone) for n in range(4)]

    assert [(end - start) / HOUR for start, end in pairwise(bounds)] == hours


def test_rule_02_an_hour_is_elapsed_time_whatever_the_clock_on_the_wall_shows():
    for anchor in ("2024-03-31T00:00+01:00", "2024-10-27T00:00+02:00"):
        rhythm = begin("HOUR", anchor, "Europe/Berlin")
        bounds = [find_boundary(rhythm, n, find_zone) for n in range(-2, 6)]

        assert bounds == [read(anchor) + n * HOUR for n in range(-2, 6)]
        assert [find_index(rhythm, bound, find_zone) for bound in bounds] == list(range(-2, 6))
    six = begin("HOUR", "2024-03-31T00:00:00.000001+01:00", "Europe/Berlin", count=6)
    assert show_period(six, "2024-03-31T07:00+02:00") == (
        0,
        "2024-03-30T23:00:00.000001Z",
        "2024-03-31T05:00:00.000001Z",
    )


def test_rule_02_an_end_is_the_first_instant_that_is_no_longer_in_the_period():
    rhythm = begin("MONTH", "2024-01-31T09:00:00.000007+05:30", "Asia/Kolkata")
    n, start, end = find_period(rhythm, read("2024-02-10T00:00Z"), find_zone)

    assert (n, show(start), show(end)) == (0, "2024-01-31T03:30:00.000007Z", "2024-02-29T03:30:00.000007Z")
    assert find_period(rhythm, start, find_zone) == (0, start, end)
    assert find_period(rhythm, end - 1, find_zone) == (0, start, end)
    assert find_index(rhythm, start - 1, find_zone) == -1
    assert find_index(rhythm, end, find_zone) == 1


def test_rule_02_a_day_that_a_zone_left_out_is_a_period_without_length_and_nothing_is_in_it():
    midnight = begin("DAY", "2011-12-28T00:00-10:00", "Pacific/Apia")
    morning = begin("DAY", "2011-12-28T10:00-10:00", "Pacific/Apia")

    assert list_boundaries(midnight, range(1, 5)) == [
        "2011-12-29T10:00Z",
        "2011-12-30T10:00Z",
        "2011-12-30T10:00Z",
        "2011-12-31T10:00Z",
    ]
    assert show_period(midnight, "2011-12-30T10:00Z") == (3, "2011-12-30T10:00Z", "2011-12-31T10:00Z")
    assert find_index(midnight, read("2011-12-30T10:00Z") - 1, find_zone) == 1
    # Ten o'clock of the day that was not: the first instant of the day after it.
    assert list_boundaries(morning, range(1, 4)) == ["2011-12-29T20:00Z", "2011-12-30T10:00Z", "2011-12-30T20:00Z"]


def test_rule_02_a_day_that_a_zone_had_twice_is_one_period_of_48_hours():
    # Alaska went over to the western side of the date line: Friday 18 October 1867 followed Friday the 18th.
    rhythm = Rhythm(Cadence.DAY, 1, read("1867-10-01T00:00+00:00"), "America/Juneau")
    bounds = [find_boundary(rhythm, n, find_zone) for n in range(-3, 30)]
    lengths = [end - start for start, end in pairwise(bounds)]

    assert list_boundaries(rhythm, [0, 30]) == ["1867-10-01T00:00Z", "1867-11-01T00:00Z"]
    assert sorted(lengths)[-2:] == [DAY, 2 * DAY]
    for moment in range(bounds[0], bounds[-1], HOUR):
        n, start, end = find_period(rhythm, moment, find_zone)
        assert start <= moment < end
        assert bounds[n + 3] == start


def test_rule_02_calendar_periods_begin_at_the_local_midnight():
    for zone, month in (
        ("Asia/Kathmandu", (649, "2024-01-31T18:15Z", "2024-02-29T18:15Z")),
        ("Asia/Kolkata", (649, "2024-01-31T18:30Z", "2024-02-29T18:30Z")),
        ("America/New_York", (649, "2024-02-01T05:00Z", "2024-03-01T05:00Z")),
    ):
        rhythm = Rhythm(Cadence.MONTH, 1, find_calendar_anchor(Cadence.MONTH, zone, find_zone), zone)
        assert show_period(rhythm, "2024-02-15T00:00Z") == month


@pytest.mark.parametrize(
    ("every", "start", "end"),
    [
        ("HOUR", "2024-08-15T12:00", "2024-08-15T13:00"),
        ("DAY", "2024-08-15T00:00", "2024-08-16T00:00"),
        ("WEEK", "2024-08-12T00:00", "2024-08-19T00:00"),
        ("MONTH", "2024-08-01T00:00", "2024-09-01T00:00"),
        ("QUARTER", "2024-07-01T00:00", "2024-10-01T00:00"),
        ("HALF_YEAR", "2024-07-01T00:00", "2025-01-01T00:00"),
        ("YEAR", "2024-01-01T00:00", "2025-01-01T00:00"),
    ],
)
def test_rule_02_calendar_periods_are_those_of_a_wall_calendar(every, start, end):
    for zone in ("UTC", "Europe/Berlin", "America/New_York"):
        cadence, local = Cadence[every], find_zone(zone)
        rhythm = Rhythm(cadence, 1, find_calendar_anchor(cadence, zone, find_zone), zone)
        moment = datetime(2024, 8, 15, 12, 34, tzinfo=local)
        _, *bounds = find_period(rhythm, read(moment.isoformat()), find_zone)
        shown = [(EPOCH + timedelta(microseconds=bound)).astimezone(local).isoformat()[:16] for bound in bounds]

        assert shown == [start, end], zone


def test_rule_02_in_every_zone_the_calendar_is_counted_from_a_midnight():
    for zone in list_zones():
        for cadence in Cadence:
            anchor = find_calendar_anchor(cadence, zone, find_zone)
            local = (EPOCH + timedelta(microseconds=anchor)).astimezone(find_zone(zone)).replace(tzinfo=None)
            assert local == datetime(1970, 1, 5 if cadence == Cadence.WEEK else 1), (zone, cadence)  # noqa: DTZ001
    assert date(1970, 1, 5).isoweekday() == 1


@pytest.mark.parametrize(
    ("zone", "start", "end", "days"),
    [
        pytest.param("UTC", "2024-02-28T00:00Z", "2024-03-01T00:00Z", 2, id="over a leap day"),
        pytest.param("UTC", "2024-03-01T00:00Z", "2024-02-28T00:00Z", -2, id="backwards"),
        pytest.param("UTC", "2024-03-01T00:00Z", "2024-03-01T23:59:59.999999Z", 0, id="within a day"),
        pytest.param("UTC", "2024-03-01T23:59:59.999999Z", "2024-03-02T00:00Z", 1, id="over midnight"),
        pytest.param("Europe/Berlin", "2024-03-30T23:00Z", "2024-03-31T22:00Z", 1, id="a day of 23 hours"),
        pytest.param("Europe/Berlin", "2024-10-26T22:00Z", "2024-10-27T22:59Z", 0, id="a day of 25 hours"),
        pytest.param("America/Los_Angeles", "2024-08-01T23:00Z", "2024-08-03T01:00Z", 1, id="26 hours"),
        pytest.param("Pacific/Apia", "2011-12-29T20:00Z", "2011-12-30T20:00Z", 2, id="over a day that was not"),
        pytest.param("Asia/Kathmandu", "1969-12-31T18:29Z", "1969-12-31T18:30Z", 1, id="at the epoch, when +05:30"),
    ],
)
def test_rule_02_a_count_of_days_is_the_difference_of_local_dates(zone, start, end, days):
    assert count_days(read(start), read(end), zone, find_zone) == days
    assert count_days(read(start), read(start), zone, find_zone) == 0


def test_rule_02_the_local_date_is_that_of_the_zones_rules_at_the_instant():
    shown = [
        find_local_date(read(moment), "America/Juneau", find_zone).isoformat()
        for moment in ("2015-01-01T08:01:01Z", "2015-09-01T08:01:01Z", "2015-12-01T08:01:01Z")
    ]

    assert shown == ["2014-12-31", "2015-09-01", "2015-11-30"]


def test_rule_02_zones_come_through_the_port_and_from_nowhere_else():
    asked = []

    def find_three_hours_east(name):
        asked.append(name)
        return timezone(timedelta(hours=3))

    rhythm = Rhythm(Cadence.DAY, 1, read("2024-01-01T00:00+03:00"), "Mars/Olympus")

    assert show(find_boundary(rhythm, 1, find_three_hours_east)) == "2024-01-01T21:00Z"
    assert set(asked) == {"Mars/Olympus"}


@pytest.mark.parametrize("cadence", Cadence)
@pytest.mark.parametrize("periods", [10_000, 100])
def test_finding_a_period_is_a_few_steps_however_far_away_it_is(cadence, periods):
    asked = []

    def find_counting(name):
        asked.append(name)
        return find_zone(name)

    periods = min(periods, 7_000) if cadence == Cadence.YEAR else periods
    rhythm = begin(cadence.name, "2024-01-31T02:30+01:00", "Europe/Berlin")
    for n in (periods, -periods // 4):
        moment = find_boundary(rhythm, n, find_zone)
        for seen, found in ((moment - 1, n - 1), (moment, n)):
            asked.clear()
            assert find_index(rhythm, seen, find_counting) == found
            assert len(asked) <= 5


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Niue", "Europe/Berlin"])
@pytest.mark.parametrize("cadence", Cadence)
def test_at_the_ends_of_time_boundaries_are_never_or_the_earliest_instant(zone, cadence):
    for anchor in (EARLIEST_INSTANT, EARLIEST_INSTANT + 1, 0, LATEST_INSTANT - 1, LATEST_INSTANT):
        rhythm = Rhythm(cadence, 1, anchor, zone)
        for moment in (EARLIEST_INSTANT, EARLIEST_INSTANT + DAY, LATEST_INSTANT - DAY, LATEST_INSTANT):
            n, start, end = find_period(rhythm, moment, find_zone)
            assert EARLIEST_INSTANT <= start <= moment < end
            assert end <= LATEST_INSTANT or end == NEVER
            assert find_boundary(rhythm, n + 1, find_zone) == end
        for n in (10**9, 10**30):
            assert find_boundary(rhythm, n, find_zone) == NEVER
            assert find_boundary(rhythm, -n, find_zone) == EARLIEST_INSTANT
    assert find_period(Rhythm(cadence, 10**9, 0, zone), 0, find_zone) == (0, 0, NEVER)
    assert find_period(Rhythm(cadence, 1, 0, zone), NEVER, find_zone)[2] == NEVER
    assert find_period(Rhythm(cadence, 1, 0, zone), -NEVER, find_zone)[1] == EARLIEST_INSTANT


def test_the_end_of_the_year_9999_is_a_boundary_where_it_comes_before_it_comes_in_utc():
    east = begin("YEAR", "9998-01-01T00:00+14:00", "Pacific/Kiritimati")
    west = begin("YEAR", "9998-01-01T00:00-11:00", "Pacific/Niue")

    assert list_boundaries(east, [1, 2, 3]) == ["9998-12-31T10:00Z", "9999-12-31T10:00Z", "never"]
    assert list_boundaries(west, [1, 2]) == ["9999-01-01T11:00Z", "never"]
    assert find_local_date(LATEST_INSTANT, "Pacific/Kiritimati", find_zone) == date.max
    assert find_local_date(EARLIEST_INSTANT, "Pacific/Niue", find_zone) == date.min
    assert count_days(LATEST_INSTANT - DAY, LATEST_INSTANT, "Pacific/Kiritimati", find_zone) == 1


instants = st.one_of(
    st.integers(EARLIEST_INSTANT, LATEST_INSTANT),
    st.integers(read("1860-01-01T00:00Z"), read("2060-01-01T00:00Z")),
    st.integers(read("1970-01-01T00:00Z") // MINUTE, read("2040-01-01T00:00Z") // MINUTE).map(lambda n: n * MINUTE),
)
zone_names = st.one_of(st.sampled_from(CURIOUS_ZONES), st.sampled_from(sorted(list_zones())))
rhythms = st.builds(Rhythm, st.sampled_from(Cadence), st.integers(1, 40), instants, zone_names)


@given(rhythms, instants)
@example(Rhythm(Cadence.DAY, 1, read("2011-12-01T10:00Z"), "Pacific/Apia"), read("2011-12-30T10:00Z"))
@example(Rhythm(Cadence.DAY, 1, read("2024-10-27T01:30Z"), "Europe/Berlin"), read("2024-10-27T00:45Z"))
def test_every_moment_is_in_the_one_period_that_was_begun_last(rhythm, moment):
    n, start, end = find_period(rhythm, moment, find_zone)

    assert start <= moment < end
    assert (start, end) == (find_boundary(rhythm, n, find_zone), find_boundary(rhythm, n + 1, find_zone))
    assert find_index(rhythm, moment, find_zone) == n
    assert find_period(rhythm, start, find_zone) == (n, start, end)
    assert find_boundary(rhythm, 0, find_zone) == rhythm.anchor


@given(rhythms, st.integers(-400, 400))
def test_boundaries_never_decrease_and_each_is_found_again(rhythm, first):
    bounds = [find_boundary(rhythm, n, find_zone) for n in range(first, first + 6)]

    assert bounds == sorted(bounds)
    for n, bound in enumerate(bounds, first):
        if bound != NEVER:
            found = find_index(rhythm, bound, find_zone)
            assert found >= n
            assert find_boundary(rhythm, found, find_zone) == bound


def move_slowly(wall, every, steps):
    """A wall-clock time moved month by month or day by day, as one would with a finger on a calendar."""
    if every in (Cadence.DAY, Cadence.WEEK):
        return wall + timedelta(days=steps * (7 if every == Cadence.WEEK else 1))
    months = {Cadence.MONTH: 1, Cadence.QUARTER: 3, Cadence.HALF_YEAR: 6, Cadence.YEAR: 12}[every]
    year, month = wall.year, wall.month
    for _ in range(abs(steps) * months):
        month += 1 if steps > 0 else -1
        if month == 13:
            year, month = year + 1, 1
        elif month == 0:
            year, month = year - 1, 12
    for day in range(wall.day, 0, -1):
        try:
            return wall.replace(year=year, month=month, day=day)
        except ValueError:
            continue
    raise AssertionError


def find_slowly(wall, zone):
    """The first second at which a wall shows a time or more: minute by minute, then the last minute by seconds."""
    moment = wall.replace(tzinfo=UTC) - timedelta(hours=27)
    for step in (timedelta(minutes=1), timedelta(seconds=1)):
        while moment.astimezone(zone).replace(tzinfo=None) < wall:
            moment += step
        moment -= step
    return moment + timedelta(seconds=1)


@given(
    st.sampled_from([cadence for cadence in Cadence if cadence != Cadence.HOUR]),
    st.integers(1, 4),
    st.integers(read("1975-01-01T00:00Z") // MINUTE, read("2035-01-01T00:00Z") // MINUTE),
    st.sampled_from(CURIOUS_ZONES),
    st.integers(-30, 30),
)
@example(Cadence.DAY, 1, read("2024-03-30T01:30Z") // MINUTE, "Europe/Berlin", 1)
@example(Cadence.DAY, 1, read("2024-10-26T00:30Z") // MINUTE, "Europe/Berlin", 1)
@example(Cadence.DAY, 1, read("2024-10-04T15:45Z") // MINUTE, "Australia/Lord_Howe", 1)
@example(Cadence.DAY, 1, read("2011-12-29T20:00Z") // MINUTE, "Pacific/Apia", 1)
@example(Cadence.YEAR, 1, read("2024-03-31T00:30Z") // MINUTE, "Europe/Berlin", 6)
def test_a_slow_finger_on_the_calendar_finds_the_same_boundaries(every, count, minutes, zone, n):
    local = find_zone(zone)
    rhythm = Rhythm(every, count, minutes * MINUTE, zone)
    wall = (EPOCH + timedelta(minutes=minutes)).astimezone(local).replace(tzinfo=None)
    slow = find_slowly(move_slowly(wall, every, n * count), local) if n else EPOCH + timedelta(minutes=minutes)

    assert show(find_boundary(rhythm, n, find_zone)) == show(read(slow.isoformat()))


@given(rhythms, st.integers(0, 10**18))
def test_looking_at_boundary_after_boundary_finds_the_same_period(rhythm, share):
    bounds = [find_boundary(rhythm, n, find_zone) for n in range(-20, 21)]
    moment = bounds[0] + share * (min(bounds[-1], LATEST_INSTANT) - bounds[0]) // 10**18

    slow = max(n for n, bound in enumerate(bounds, -20) if bound <= moment)
    found = find_index(rhythm, moment, find_zone)
    assert found == slow or (slow == 20 and found > 20)
