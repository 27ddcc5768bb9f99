"""Vibe: credits for code generation that stand for tokens."""

# ruff: noqa: N802 - rows of the mission are called by their ids.

from datetime import UTC, datetime, timedelta

import pytest

import farthing
from farthing.service.jobs import run_job

PRO_ENDS = datetime(2026, 12, 21, 10, 4, tzinfo=UTC)


def test_V1_a_credit_is_2000_tokens_and_a_request_costs_one(vibe):
    assert vibe.quote("ada", "tokens", usage=farthing.Usage(input=6_000, output=4_000)).price == 5
    for plan, credits in (("free", 5), ("pro", 100), ("enterprise", 1000)):
        vibe.subscribe(plan, plan)
        assert vibe.balance(plan).spendable == credits
        assert vibe.charge(plan, feature="generate").charged == 1
        assert vibe.charge(plan, feature="review").charged == 1


def test_V2_tokens_are_counted_for_life_and_for_the_month(vibe, clock):
    vibe.subscribe("ada", "free")
    vibe.charge("ada", feature="generate", usage=farthing.Usage(input=1_500, output=300))
    clock.move_to(datetime(2026, 12, 5, tzinfo=UTC))
    vibe.charge("ada", feature="review", usage=farthing.Usage(input=700, output=100))

    (life,) = vibe.reports.usage("ada", every="all")
    assert (life.input, life.output) == (2_200, 400)
    months = {row.start.month: (row.input, row.output) for row in vibe.reports.usage("ada", every="month")}
    assert (months[11], months[12]) == ((1_500, 300), (700, 100))


def test_V3_an_expired_subscription_falls_back_to_free_by_itself(vibe, clock):
    vibe.subscribe("ada", "free")
    vibe.change_plan("ada", "pro")
    read = vibe.subscription("ada")
    assert (read.plan, read.ends_at) == ("pro", PRO_ENDS)
    vibe.grant("ada", 7, source="bonus")

    clock.move_to(PRO_ENDS)

    assert vibe.subscription("ada").plan == "free"
    assert vibe.balance("ada").spendable == 5 + 7


def test_V3_pro_for_so_many_days_and_downgrade(vibe):
    vibe.subscribe("ada", "pro", days=10)
    assert vibe.subscription("ada").ends_at == datetime(2026, 12, 1, 10, 4, tzinfo=UTC)

    vibe.cancel("ada", when="now")

    assert vibe.subscription("ada").plan == "free"
    assert vibe.balance("ada").spendable == 5


def test_V6_signing_up_gives_the_free_credits_once_however_often_it_is_called(vibe):
    for _ in range(3):
        vibe.open_account("ada")
    assert vibe.balance("ada").spendable == 5
    vibe.charge("ada", feature="generate")
    vibe.open_account("ada")
    assert vibe.balance("ada").spendable == 4


def test_V7_one_credit_and_two_requests(vibe):
    vibe.open_account("ada")
    vibe.charge("ada", 4, feature="generate")

    assert vibe.charge("ada", feature="generate").available == 0
    with pytest.raises(farthing.InsufficientCredits):
        vibe.charge("ada", feature="generate")


def test_V7_pro_after_ten_requests_has_90(vibe):
    vibe.subscribe("ada", "pro")
    for _ in range(10):
        vibe.charge("ada", feature="generate")
    assert vibe.balance("ada").spendable == 90


def test_V7_an_upgrade_takes_5_to_100_and_a_past_end_reads_as_free(vibe, clock):
    vibe.subscribe("ada", "free")
    vibe.change_plan("ada", "pro")
    assert vibe.balance("ada").spendable == 100
    clock.move_to(PRO_ENDS + timedelta(days=400))
    assert vibe.subscription("ada").plan == "free"
    assert vibe.balance("ada").spendable == 5


def test_V8_the_monthly_reset_comes_on_each_users_day(vibe, clock):
    vibe.subscribe("ada", "free")
    clock.move_to(datetime(2026, 11, 30, tzinfo=UTC))
    vibe.subscribe("bob", "free")
    for user in ("ada", "bob"):
        vibe.charge(user, 3, feature="generate")

    clock.move_to(datetime(2026, 12, 21, 10, 4, tzinfo=UTC))
    assert {user: vibe.balance(user).spendable for user in ("ada", "bob")} == {"ada": 5, "bob": 2}
    clock.move_to(datetime(2026, 12, 30, tzinfo=UTC))
    run_job(vibe.engine, "reset_monthly_usage")
    assert vibe.balance("bob").spendable == 5


def test_V8_the_expiry_check_changes_nothing_that_was_not_so_already(vibe, clock):
    vibe.subscribe("ada", "pro")
    clock.move_to(PRO_ENDS + timedelta(days=3))
    before = vibe.balance("ada").spendable, vibe.subscription("ada").plan

    run_job(vibe.engine, "check_expired_subscriptions")
    run_job(vibe.engine, "check_expired_subscriptions")

    assert (vibe.balance("ada").spendable, vibe.subscription("ada").plan) == before == (5, "free")


def test_V9_analytics_by_time_of_day_feature_segment_and_month(vibe, clock):
    vibe.subscribe("ada", "pro")
    vibe.subscribe("bob", "free")
    for user, feature in (("ada", "generate"), ("ada", "review"), ("bob", "generate")):
        vibe.charge(user, feature=feature)
    clock.move_to(datetime(2026, 12, 5, 22, tzinfo=UTC))
    vibe.charge("ada", feature="generate")

    by_hour = {row.bucket: row.uses for row in vibe.reports.usage(every="hour_of_day") if row.uses}
    assert by_hour == {10: 3, 22: 1}
    by_feature = {row.feature: row.spent for row in vibe.reports.usage(every="all", split="feature")}
    assert by_feature == {"generate": 3, "review": 1}
    by_segment = {row.plan: row.uses for row in vibe.reports.usage(every="all", split="plan")}
    assert by_segment == {"pro": 3, "free": 1}
    trend = {row.start.month: row.uses for row in vibe.reports.usage(every="month") if row.uses}
    assert trend == {11: 3, 12: 1}
