"""TextVault: organisations, a monthly count of AI generations, bonus credits on top."""

# ruff: noqa: N802 - rows of the mission are called by their ids.

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

import farthing

LIMITS = {"explorer": 3, "creator": 100, "master": 500}
FIRST = datetime(2026, 12, 1, tzinfo=UTC)


class Organisation:
    """What TextVault shows of one, asked of a ledger."""

    def __init__(self, ledger: farthing.Ledger, plan: str) -> None:
        self.ledger = ledger
        ledger.subscribe("org", plan)
        self.plan = plan

    def generate(self) -> farthing.Receipt:
        return self.ledger.charge("org", feature="generation")

    def counts(self) -> tuple[Any, Any, Any, Any]:
        """(used, base, bonus, remaining)."""
        balance = self.ledger.balance("org")
        bonus = sum((lot.amount for lot in balance.lots if lot.source == "bonus"), Decimal(0))
        return self.ledger.used("org"), balance.allowances[0].amount, bonus, balance.spendable


@pytest.mark.parametrize("plan", LIMITS)
def test_T1_plans_have_a_monthly_allowance_of_generations(textvault, clock, plan):
    org = Organisation(textvault, plan)
    assert org.counts() == (0, LIMITS[plan], 0, LIMITS[plan])

    for month in range(3):
        org.generate()
        clock.move_to(datetime(2026 + (11 + month) // 12, (11 + month) % 12 + 1, 1, tzinfo=UTC))
        assert org.counts() == (0, LIMITS[plan], 0, LIMITS[plan])


def test_T1_whoever_generates_first_is_an_explorer(textvault):
    textvault.charge("newcomer", feature="generation")
    assert textvault.subscription("newcomer").plan == "explorer"
    assert textvault.balance("newcomer").spendable == 2


def test_T2_bonus_comes_on_top_of_the_plan_and_never_changes_it(textvault):
    org = Organisation(textvault, "explorer")
    textvault.grant("org", 2, source="bonus")

    assert org.counts() == (0, 3, 2, 5)
    for _ in range(5):
        org.generate()
    with pytest.raises(farthing.InsufficientCredits):
        org.generate()
    assert textvault.subscription("org").plan == "explorer"
    assert org.counts()[1] == 3


@pytest.mark.parametrize("helped_by", ["the next period", "an upgrade"])
def test_T3_every_generation_counts_and_at_the_total_limit_it_is_refused(textvault, clock, helped_by):
    org = Organisation(textvault, "explorer")
    for used in (1, 2, 3):
        org.generate()
        assert org.counts()[0] == used

    with pytest.raises(farthing.InsufficientCredits) as no:
        org.generate()
    assert no.value.resets_at == FIRST
    assert no.value.arriving == 3

    if helped_by == "an upgrade":
        textvault.change_plan("org", "creator")
        assert org.counts()[3] == 97
    else:
        clock.move_to(FIRST)
    assert org.generate().charged == 1


def test_T4_at_the_period_end_used_and_bonus_go_to_zero_until_the_1st_of_next_month(textvault, clock):
    org = Organisation(textvault, "creator")
    textvault.grant("org", 20, source="bonus")
    org.generate()
    assert org.counts() == (1, 100, 20, 119)

    clock.move_to(FIRST)

    assert org.counts() == (0, 100, 0, 100)
    assert textvault.balance("org").next_reset == datetime(2027, 1, 1, tzinfo=UTC)


def test_T4_a_bonus_outlives_an_upgrade_and_ends_with_the_month(textvault, clock):
    org = Organisation(textvault, "explorer")
    textvault.grant("org", 20, source="bonus")
    org.generate()

    textvault.change_plan("org", "master")

    assert org.counts()[1:3] == (500, 20)
    clock.move_to(FIRST)
    assert org.counts() == (0, 500, 0, 500)


def test_T10_a_period_end_in_the_past_and_a_reset_are_a_real_period_end(textvault):
    org = Organisation(textvault, "creator")
    textvault.grant("org", 20, source="bonus")
    for _ in range(4):
        org.generate()

    textvault.set_period_end("org", datetime(2026, 11, 1, tzinfo=UTC), name="creator.generations")

    assert org.counts() == (0, 100, 0, 100)
    assert textvault.balance("org").next_reset == FIRST
