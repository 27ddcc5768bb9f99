"""Time that lies further ahead than a calendar goes, and years of absence beside what is carried under a cap."""

from datetime import UTC, datetime, timedelta

import pytest

import farthing
from farthing.service.jobs import run_job
from farthing.testing import FrozenClock, memory_ledger

FEBRUARY = datetime(2026, 1, 31, 22, tzinfo=UTC)


def spend_late(*, tidied: bool) -> list[object]:
    """Twenty days of two allowances under caps, tidied hourly or not at all; then a charge, and one more turn."""
    clock = FrozenClock(FEBRUARY)
    ledger = memory_ledger(clock=clock)
    ledger.allow("acme", 13, every="hour", name="hourly", rollover="capped", cap=33)
    ledger.allow("acme", 5, every="week", name="weekly", rollover="capped", cap=15)
    for _ in range(480):
        clock.advance(timedelta(hours=1))
        if tidied:
            run_job(ledger.engine, "tidy")
    before = ledger.balance("acme").spendable
    ledger.charge("acme", 10)
    clock.advance(timedelta(hours=1))
    assert ledger.verify().ok
    return [before, ledger.balance("acme").spendable]


def test_rule_19_what_a_cap_trims_after_an_absence_is_what_it_would_have_trimmed_in_time():
    assert spend_late(tidied=False) == spend_late(tidied=True)


@pytest.mark.parametrize("every", ["hour", "month", "year"])
def test_rule_20_a_period_that_ends_after_the_year_9999_never_ends(every: str):
    ledger = memory_ledger()
    ledger.allow("acme", 5, every="year", count=10_000)
    ledger.allow("acme", 3, every=every, name="other")

    (_, last) = ledger.balance("acme").allowances

    assert (last.name, last.turns_at) == ("plan", None)
    assert ledger.charge("acme", 8).available == 0


def test_rule_13_a_hold_ends_before_the_calendar_does():
    ledger = memory_ledger(at=datetime(9999, 12, 31, 12, tzinfo=UTC))
    ledger.grant("acme", 5)

    ledger.hold("acme", 5, ttl=timedelta(days=30))

    (hold,) = ledger.balance("acme").holds
    assert hold.deadline.year == 9999


def test_rule_30_a_purchase_that_is_told_twice_is_granted_once():
    ledger = memory_ledger()
    ledger.grant("acme", 20)
    ledger.configure("acme", top_up=farthing.TopUp(threshold=10, quantity=50))
    (wanted,) = ledger.charge("acme", 15).alerts

    first = ledger.grant("acme", 50, source="purchase", top_up=wanted.id)
    again = ledger.grant("acme", 50, source="purchase", top_up=wanted.id)

    assert again.replayed
    assert again.available == first.available == 55


@pytest.mark.parametrize("length", [timedelta.max, timedelta(days=401), timedelta(days=-1)])
def test_a_duration_that_could_not_be_read_back_is_refused(length: timedelta):
    ledger = memory_ledger()
    ledger.grant("acme", 5)

    with pytest.raises(farthing.TimeInvalid):
        ledger.charge("acme", 1, duration=length)

    assert [entry.kind for entry in ledger.history("acme")] == ["granted", "opened"]
