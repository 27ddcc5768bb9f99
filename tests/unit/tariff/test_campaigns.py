"""The rules of campaigns on bare facts: what is refused, and why; months with a subscription; codes."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from farthing.engine.zones import find_zone
from farthing.tariff.campaigns import (
    Facts,
    count_months,
    find_code,
    find_obstacle,
    find_standing_plan,
    refuse_unless,
    spell_code,
)
from farthing.tariff.catalog import Campaign, Catalog, Plan
from farthing.tariff.errors import CampaignRefused, CodeNotFound
from farthing.values.amounts import Unit
from farthing.values.bounds import NEVER
from farthing.values.calendars import read_instant
from farthing.values.errors import AlreadyRedeemed
from farthing.values.periods import Cadence
from farthing.values.subscriptions import Step, Subscription

CATALOG = Catalog(
    name="given",
    default_plan="free",
    units={"credits": Unit(1, "credits", 6, 2)},
    plans={name: Plan(name=name) for name in ("free", "basic", "pro")},
    campaigns={
        "spring": Campaign(name="spring", rule="code", unit="credits", amount=1, codes=("SPRING26", "Easter-26")),
        "autumn": Campaign(name="autumn", rule="code", unit="credits", amount=1, codes=("AUTUMN",)),
    },
)


def at(year: int, month: int, day: int) -> int:
    return read_instant(datetime(year, month, day, tzinfo=UTC), what="instant")


NOW = at(2026, 11, 21)


def make(rule: str, **more: Any) -> Campaign:
    return Campaign(name="gift", rule=rule, unit="credits", amount=1, **more)


def know(**more: Any) -> Facts:
    return Facts(account="acme", at=NOW, **more)


def make_step(since: int, plan: str = "basic", **more: Any) -> Subscription:
    row = Subscription(
        number=1, step=Step.SUBSCRIBED, plan=plan, every=Cadence.MONTH, count=1, anchor=since, zone="UTC",
        starts_at=since, trial_ends_at=0, period_starts_at=since, period_ends_at=NEVER, ends_at=NEVER, is_renewing=1,
        next_plan="", next_every=0, fallback="free", catalog_version=1, paid_minor=0, currency=0, acts_at=NEVER,
        recorded_at=since, ended_at=0,
    )  # fmt: skip
    return row._replace(**more)


def months(*steps: Subscription, now: int = NOW, plans: tuple[str, ...] = ()) -> int:
    return count_months(CATALOG, make("loyalty", months=1, plans=plans), steps, now, "UTC", find_zone)


LOYAL = {"months": 6, "spent": 1_000_000_000}


@pytest.mark.parametrize(
    ("campaign", "facts", "problem"),
    [
        (make("code"), know(), ""),
        (make("code", starts_at=NOW), know(), ""),
        (make("code", starts_at=NOW + 1), know(), "it begins on 21 November 2026 00:00 UTC"),
        (make("code", ends_at=NOW + 1), know(), ""),
        (make("code", ends_at=NOW), know(), "it ended on 21 November 2026 00:00 UTC"),
        (make("code", plans=("basic", "pro")), know(plan="pro"), ""),
        (make("code", plans=("basic", "pro")), know(plan="free"), "it is for subscribers of basic or pro"),
        (make("code", plans=("a", "b", "c")), know(), "it is for subscribers of a, b or c"),
        (make("plan", plans=("basic",)), know(plan="basic"), ""),
        (make("plan", plans=("basic",)), know(), "it is for subscribers of basic"),
        (make("signup"), know(opened_at=1), ""),
        (make("signup", starts_at=NOW), know(opened_at=None), ""),
        (make("signup", starts_at=NOW), know(opened_at=NOW), ""),
        (make("signup", starts_at=NOW), know(opened_at=NOW - 1), "it is for accounts opened since"),
        (make("referral", starts_at=NOW), know(opened_at=NOW - 1), "it is for accounts opened since"),
        (make("code", starts_at=NOW), know(opened_at=NOW - 1), ""),
        (make("referral"), know(referrer="bolt"), ""),
        (make("referral"), know(referrer="acme"), "nobody can refer themselves"),
        (make("beta", accounts=("acme",)), know(), ""),
        (make("beta", accounts=("acme2", "ACME")), know(), "it is for those who were invited"),
        (make("loyalty", **LOYAL), know(months=6), ""),
        (make("loyalty", **LOYAL), know(spent=1_000_000_000), ""),
        (
            make("loyalty", **LOYAL),
            know(months=5, spent=999_999_999),
            "it is for those who have been subscribed for 6 months, or spent 1,000 credits",
        ),
        (make("loyalty", months=1), know(spent=5), "it is for those who have been subscribed for 1 month"),
        (make("loyalty", spent=2_500_000), know(months=9), "it is for those who have spent 2.50 credits"),
    ],
)
def test_an_account_can_have_it_or_hears_why_not(campaign: Campaign, facts: Facts, problem: str) -> None:
    found = find_obstacle(CATALOG, campaign, facts)

    assert found.startswith(problem) if problem else not found
    if problem:
        with pytest.raises(CampaignRefused, match=f"acme cannot have gift: {re.escape(problem)}"):
            refuse_unless(CATALOG, campaign, facts)
    else:
        refuse_unless(CATALOG, campaign, facts)


def test_who_has_had_it_hears_that_first() -> None:
    ended = make("code", ends_at=1, per_account=2)

    with pytest.raises(AlreadyRedeemed, match="2 times"):
        refuse_unless(CATALOG, ended, know(claimed=2))
    with pytest.raises(CampaignRefused):
        refuse_unless(CATALOG, ended, know(claimed=1))


def test_months_are_whole_ones_of_the_calendar() -> None:
    since = at(2026, 1, 31)

    assert months(make_step(since), now=at(2026, 2, 27)) == 0
    assert months(make_step(since), now=at(2026, 2, 28)) == 1
    assert months(make_step(since), now=at(2026, 3, 30)) == 1
    assert months(make_step(since), now=at(2026, 7, 31)) == 6
    assert months(now=NOW) == 0


def test_the_default_plan_is_no_subscription_unless_it_is_named() -> None:
    free = make_step(at(2026, 1, 1), "free")

    assert months(free) == 0
    assert months(free, plans=("free",)) == 10
    assert months(make_step(at(2026, 1, 1), "pro"), plans=("basic",)) == 0


def test_stretches_are_taken_together_and_what_ended_or_is_past_due_counts_no_more() -> None:
    first = make_step(at(2026, 1, 1), period_ends_at=at(2026, 4, 1), ends_at=at(2026, 4, 1))
    again = make_step(at(2026, 9, 21), recorded_at=at(2026, 9, 21))
    unpaid = make_step(at(2026, 1, 1), period_ends_at=at(2026, 4, 1), ends_at=at(2026, 8, 1))

    assert months(first) == 3
    assert months(first, again) == 5
    assert months(unpaid) == 3


def test_a_step_that_a_job_wrote_late_changes_nothing() -> None:
    ran = make_step(at(2026, 1, 1), period_ends_at=at(2026, 4, 1), ends_at=at(2026, 4, 1))
    ended = make_step(at(2026, 4, 1), "free", step=Step.EXPIRED, recorded_at=at(2026, 6, 1))

    assert months(ran) == months(ran, ended) == 3


def test_the_plan_chosen_for_the_end_of_the_period_counts_from_then_on() -> None:
    row = make_step(at(2026, 1, 1), "basic", period_ends_at=at(2026, 4, 1), next_plan="pro")

    assert (months(row, plans=("basic",)), months(row, plans=("pro",))) == (3, 7)


def test_who_never_subscribed_has_the_default_plan_and_who_is_past_due_has_none() -> None:
    unpaid = make_step(at(2026, 1, 1), period_ends_at=at(2026, 4, 1), ends_at=at(2027, 1, 1))

    assert find_standing_plan(CATALOG, None, NOW) == "free"
    assert find_standing_plan(CATALOG, make_step(at(2026, 1, 1)), NOW) == "basic"
    assert find_standing_plan(CATALOG, unpaid, NOW) == ""
    assert find_standing_plan(CATALOG, unpaid, at(2027, 1, 1)) == "free"


@pytest.mark.parametrize("typed", ["SPRING26", "spring26", " Spr ing\t26\n", "easter-26"])
def test_a_code_is_found_without_case_and_blanks(typed: str) -> None:
    assert find_code(CATALOG, typed).name == "spring"


@pytest.mark.parametrize("typed", ["", "SPRING", "SPRING260", "SPRING-26", "spring26\0", "é" * 70])
def test_what_is_no_code_is_none(typed: str) -> None:
    with pytest.raises(CodeNotFound):
        find_code(CATALOG, typed)


def test_a_code_is_remembered_as_it_is_compared() -> None:
    assert spell_code(" spring \u00a0 26") == "SPRING26"
