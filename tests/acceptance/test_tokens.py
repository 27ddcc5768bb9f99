"""Subscription management: automated tasks, and tokens counted apart."""

# ruff: noqa: N802 - rows of the mission are called by their ids.

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import farthing
from farthing.service.jobs import run_job

JOBS = ("reset_monthly_usage", "check_expired_subscriptions", "handle_subscription_renewals")
USAGE = farthing.Usage(model="gpt-5", input=1_000, output=200)
FREE_USAGE = farthing.Usage(model="gpt-5-nano", input=300, output=50)
FIRST = datetime(2026, 12, 1, tzinfo=UTC)
PERIOD_ENDS = datetime(2026, 12, 21, 10, 4, tzinfo=UTC)


def read_all(ledger: farthing.Ledger, account: str) -> tuple[Any, ...]:
    """What people see of an account: balances, plan, state."""
    read = ledger.subscription(account)
    spendable = {balance.unit: balance.spendable for balance in ledger.balances(account)}
    return spendable, read.plan, read.state


def test_M1_free_model_limits_begin_anew_on_the_1st_and_daily_runs_are_safe(tokens, clock):
    tokens.subscribe("ada", "free")
    tokens.charge("ada", feature="chat", usage=FREE_USAGE)
    assert tokens.balance("ada", "free_tokens").spendable == 99_650

    for day in range(22, 31):
        clock.move_to(datetime(2026, 11, day, tzinfo=UTC))
        run_job(tokens.engine, "reset_monthly_usage")
        assert tokens.balance("ada", "free_tokens").spendable == 99_650
    clock.move_to(FIRST)
    for _ in range(2):
        run_job(tokens.engine, "reset_monthly_usage")
        assert tokens.balance("ada", "free_tokens").spendable == 100_000


def test_M2_expired_subscriptions_end_and_their_counters_begin_anew(tokens, clock):
    tokens.subscribe("ada", "basic", cycle="month", paid=(1000, "USD"))
    tokens.charge("ada", feature="chat", usage=USAGE)
    tokens.charge("ada", feature="chat", usage=FREE_USAGE)
    clock.move_to(PERIOD_ENDS + timedelta(hours=15))

    run_job(tokens.engine, "check_expired_subscriptions")

    assert tokens.subscription("ada").plan == "free"
    assert tokens.balance("ada", "tokens").spendable == 0
    assert tokens.balance("ada", "free_tokens").spendable == 100_000
    assert tokens.used("ada", "free_tokens") == 0


def test_M3_renewals(tokens, clock):
    tokens.subscribe("ada", "basic", cycle="month", paid=(1000, "USD"))
    tokens.subscribe("bob", "basic", cycle="month", paid=(1000, "USD"))
    for account in ("ada", "bob"):
        tokens.charge(account, feature="chat", usage=USAGE)
    tokens.renew("ada", paid=(1000, "USD"))
    clock.move_to(PERIOD_ENDS)

    run_job(tokens.engine, "handle_subscription_renewals")

    assert tokens.subscription("ada").plan == "basic"
    assert tokens.balance("ada", "tokens").spendable == 1_000_000
    assert tokens.subscription("bob").plan == "free"


@pytest.mark.parametrize("days", [(0,), range(40), (0, 0), (40,)], ids=["on the day", "daily", "twice", "40 days late"])
def test_M4_however_the_jobs_run_the_end_is_the_same(tokens, clock, days):
    tokens.subscribe("ada", "basic", cycle="month", paid=(1000, "USD"))
    tokens.subscribe("bob", "pro", cycle="month", paid=(3000, "USD"))
    tokens.subscribe("cleo", "free")
    for account in ("ada", "bob", "cleo"):
        tokens.charge(account, feature="chat", usage=FREE_USAGE)
    tokens.renew("bob", paid=(3000, "USD"))

    for day in days:
        clock.move_to(max(PERIOD_ENDS + timedelta(days=day), clock.at))
        for job in JOBS:
            run_job(tokens.engine, job)
    clock.move_to(PERIOD_ENDS + timedelta(days=40))

    assert read_all(tokens, "ada") == ({"tokens": 0, "free_tokens": 100_000}, "free", "expired")
    assert read_all(tokens, "bob")[1] == "free"
    assert read_all(tokens, "cleo")[0]["free_tokens"] == 100_000


def test_M5_input_and_output_free_and_paid_are_counted_apart(tokens):
    tokens.subscribe("ada", "basic", cycle="month", paid=(1000, "USD"))
    tokens.charge("ada", feature="chat", usage=USAGE)
    tokens.charge("ada", feature="chat", usage=FREE_USAGE)

    found = {
        row.free: (row.input, row.output) for row in tokens.reports.usage("ada", every="all", split="free", unit="all")
    }
    assert found == {False: (1_000, 200), True: (300, 50)}


def test_M6_one_event_is_stored_once_and_coarser_periods_are_derived(tokens, clock):
    tokens.subscribe("ada", "basic", cycle="month", paid=(1000, "USD"))
    for hours in (0, 1, 30, 24 * 9):
        clock.move_to(datetime(2026, 11, 22, 9, tzinfo=UTC) + timedelta(hours=hours))
        tokens.charge("ada", feature="chat", usage=USAGE)

    for every in ("hour", "day", "week", "month", "all"):
        rows = tokens.reports.usage("ada", every=every, since=datetime(2026, 11, 1, tzinfo=UTC))
        assert sum(row.uses for row in rows) == 4, every
        assert sum(row.input for row in rows) == 4_000, every


def test_M6_free_usage_is_always_by_calendar_month(tokens, clock):
    tokens.subscribe("ada", "pro", cycle="month", paid=(3000, "USD"))
    tokens.charge("ada", feature="chat", usage=FREE_USAGE)
    tokens.charge("ada", feature="chat", usage=USAGE)
    clock.move_to(FIRST)
    assert tokens.balance("ada", "free_tokens").spendable == 2_000_000
    assert tokens.balance("ada", "tokens").spendable == 5_000_000 - 1_200


CHANGES: dict[str, Callable[[farthing.Ledger, Any], object]] = {
    "an upgrade": lambda ledger, clock: ledger.change_plan("ada", "pro", cycle="month", paid=(3000, "USD")),
    "a renewal": lambda ledger, clock: (
        ledger.renew("ada", paid=(1000, "USD")), clock.move_to(PERIOD_ENDS)
    ),
    "expiry": lambda ledger, clock: clock.move_to(PERIOD_ENDS),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_M7_counters_begin_anew_on(tokens, clock, change):
    tokens.subscribe("ada", "basic", cycle="month", paid=(1000, "USD"))
    tokens.charge("ada", feature="chat", usage=USAGE)
    tokens.charge("ada", feature="chat", usage=FREE_USAGE)
    assert (tokens.used("ada", "tokens"), tokens.used("ada", "free_tokens")) == (1_200, 350)

    CHANGES[change](tokens, clock)

    assert (tokens.used("ada", "tokens"), tokens.used("ada", "free_tokens")) == (0, 0)


def test_M8_usage_is_reckoned_over_the_billing_cycle_or_from_the_1st(tokens, clock):
    tokens.subscribe("ada", "basic", cycle="month", paid=(1000, "USD"))
    tokens.subscribe("bob", "free")
    for account in ("ada", "bob"):
        tokens.charge(account, feature="chat", usage=FREE_USAGE)
    clock.move_to(datetime(2026, 12, 5, tzinfo=UTC))

    cycle = tokens.reports.usage("ada", every="cycle", unit="free_tokens")[-1]
    assert (cycle.start, cycle.input) == (datetime(2026, 11, 21, 10, 4, tzinfo=UTC), 300)
    tokens.charge("bob", feature="chat", usage=FREE_USAGE)
    (month,) = tokens.reports.usage("bob", every="cycle", unit="free_tokens")
    assert (month.start, month.input) == (FIRST, 300)
