"""Rows of the mission that time makes: TextVault's months, prepaid credits that expire, alerts, free credits."""

# ruff: noqa: N802 - rows of the mission are called by their ids.

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

import farthing

PLANS = {"explorer": 3, "creator": 100, "master": 500}
FIRST = datetime(2026, 12, 1, tzinfo=UTC)
SIX_MONTHS = timedelta(days=182)


class Organisation:
    """What TextVault shows of one: used, base, bonus, total, remaining."""

    def __init__(self, ledger: farthing.Ledger, plan: str) -> None:
        self.ledger = ledger
        ledger.allow("org", PLANS[plan], every="month", anchor="calendar", unit="generations")

    def add_bonus(self, number: int) -> None:
        self.ledger.grant("org", number, source="bonus", until_turn="plan", unit="generations")

    def generate(self) -> farthing.Receipt:
        return self.ledger.charge("org", 1, unit="generations", feature="text")

    def counts(self) -> tuple[Any, Any, Any, Any]:
        """(used, base, bonus, remaining)."""
        balance = self.ledger.balance("org", "generations")
        bonus = sum((lot.amount for lot in balance.lots if lot.source == "bonus"), Decimal(0))
        return self.ledger.used("org", "generations"), balance.allowances[0].amount, bonus, balance.spendable

    @property
    def resets_at(self) -> datetime | None:
        return self.ledger.balance("org", "generations").next_reset


@pytest.mark.parametrize("plan", PLANS)
def test_T1_plans_have_a_monthly_allowance(ledger, clock, plan):
    org = Organisation(ledger, plan)
    assert org.counts() == (0, PLANS[plan], 0, PLANS[plan])

    org.generate()
    for month in range(12):
        clock.move_to(datetime(2026 + (11 + month) // 12, (11 + month) % 12 + 1, 1, tzinfo=UTC))
        assert org.counts() == (0, PLANS[plan], 0, PLANS[plan])
        org.generate()


def test_T2_bonus_comes_on_top_of_the_plan_and_never_changes_it(ledger):
    org = Organisation(ledger, "explorer")
    org.add_bonus(2)

    assert org.counts() == (0, 3, 2, 5)
    for _ in range(5):
        org.generate()
    with pytest.raises(farthing.InsufficientCredits):
        org.generate()
    org.add_bonus(1)
    assert org.generate().charged == 1
    assert ledger.balance("org", "generations").allowances[0].amount == 3


@pytest.mark.parametrize("helped_by", ["the next period", "an upgrade"])
def test_T3_every_generation_counts_and_at_the_limit_it_is_refused(ledger, clock, helped_by):
    org = Organisation(ledger, "explorer")
    for used in (1, 2, 3):
        org.generate()
        assert org.counts()[0] == used

    with pytest.raises(farthing.InsufficientCredits) as no:
        org.generate()
    assert no.value.arriving == 3
    assert no.value.resets_at == FIRST
    if helped_by == "an upgrade":
        ledger.change_allowance("org", PLANS["creator"], mode="keep_used", unit="generations")
        assert org.counts() == (3, 100, 0, 97)
    else:
        clock.move_to(FIRST)
        assert org.counts() == (0, 3, 0, 3)
    assert org.generate().charged == 1


def test_T4_at_period_end_used_and_bonus_are_zero_and_the_next_reset_is_on_the_first(ledger, clock):
    org = Organisation(ledger, "creator")
    org.add_bonus(10)
    for _ in range(4):
        org.generate()
    assert (org.counts(), org.resets_at) == ((4, 100, 10, 106), FIRST)

    clock.move_to(FIRST - timedelta(microseconds=1))
    assert org.counts() == (4, 100, 10, 106)
    clock.move_to(FIRST)

    assert (org.counts(), org.resets_at) == ((0, 100, 0, 100), datetime(2027, 1, 1, tzinfo=UTC))


def test_T7_the_used_counter_is_reset(ledger):
    org = Organisation(ledger, "explorer")
    org.add_bonus(1)
    for _ in range(4):
        org.generate()

    ledger.reset_used("org", unit="generations", description="goodwill", actor="operator")

    assert (org.counts(), org.resets_at) == ((0, 3, 1, 4), FIRST)


def test_T8_a_simulated_period_end_is_as_a_real_one(ledger):
    org = Organisation(ledger, "explorer")
    org.add_bonus(4)
    for _ in range(5):
        org.generate()

    receipt = ledger.end_period("org", unit="generations", actor="operator")

    assert (receipt.kind, receipt.granted, receipt.broken) == ("period_set", 3, 2)
    assert (org.counts(), org.resets_at) == ((0, 3, 0, 3), FIRST)


@pytest.mark.parametrize("is_reset", [False, True], ids=["set", "set and reset"])
def test_T10_a_period_end_in_the_past_is_a_real_period_end(ledger, is_reset):
    org = Organisation(ledger, "creator")
    org.add_bonus(10)
    for _ in range(7):
        org.generate()

    ledger.set_period_end("org", datetime(2026, 3, 1, tzinfo=UTC), unit="generations")
    if is_reset:
        ledger.end_period("org", unit="generations")

    assert (org.counts(), org.resets_at) == ((0, 100, 0, 100), FIRST)


def test_B2_buying_again_moves_the_end_of_everything_to_six_months_from_now(ledger, clock):
    ledger.grant("shop", 30, source="purchase", expires_in=SIX_MONTHS, extend=True)
    clock.advance(timedelta(days=100))
    ledger.charge("shop", 12)
    ledger.grant("shop", 80, source="purchase", expires_in=SIX_MONTHS, extend=True)
    ledger.grant("shop", 20, source="bonus", expires_in=SIX_MONTHS, extend=True)

    assert [lot.expires_at for lot in ledger.balance("shop").lots] == [clock.at + SIX_MONTHS] * 3
    ledger.configure("shop", alerts=[0])
    clock.advance(SIX_MONTHS - timedelta(microseconds=1))
    assert ledger.balance("shop").spendable == 118
    clock.advance(timedelta(microseconds=1))
    assert ledger.balance("shop").spendable == 0
    receipt = ledger.record("shop", 0)
    assert [(alert.kind, alert.balance) for alert in receipt.alerts] == [("expired", 0)]
    expired = [line for line in ledger.history("shop") if line.kind == "expired"]
    assert sum(line.amount for line in expired) == 118
    assert {line.effective_at for line in expired} == {clock.at}


def test_B2_or_each_purchase_keeps_its_own_end(ledger, clock):
    ledger.grant("shop", 30, source="purchase", expires_in=SIX_MONTHS)
    clock.advance(timedelta(days=100))
    ledger.grant("shop", 80, source="purchase", expires_in=SIX_MONTHS)

    clock.advance(timedelta(days=82))

    assert ledger.balance("shop").spendable == 80


def test_B7_one_alert_per_crossing_not_one_per_request(ledger, clock):
    ledger.grant("shop", 30, source="purchase")
    ledger.configure("shop", alerts=[10, 0])

    for _ in range(12):
        ledger.charge("shop", "2.50")
    ledger.grant("shop", 12, source="purchase", expires_in=timedelta(days=1))
    ledger.charge("shop", 3)
    clock.advance(timedelta(days=1))
    ledger.record("shop", 0)

    told = [(alert.kind, alert.threshold, alert.balance) for alert in reversed(list(ledger.alerts("shop")))]
    assert told == [("low", 10, 10), ("depleted", 0, 0), ("low", 10, 9), ("expired", 0, 0)]
    assert {alert.account for alert in ledger.alerts()} == {"shop"}


def test_V2_usage_is_counted_for_the_lifetime_and_for_the_month(ledger, clock):
    ledger.allow("user", 100, every="month")
    ledger.budget("user", 1_000_000, name="lifetime", hard=False)
    ledger.budget("user", 1_000_000, name="month", cycle="plan", hard=False)
    ledger.charge("user", 7)
    clock.move_to(datetime(2026, 12, 21, 10, 4, tzinfo=UTC))
    ledger.charge("user", 5)

    lifetime, month = ledger.balance("user").budgets

    assert (lifetime.spent, month.spent) == (12, 5)
    assert (lifetime.resets_at, month.resets_at) == (None, datetime(2027, 1, 21, 10, 4, tzinfo=UTC))


def test_V6_signing_up_gives_the_free_credits_once_however_often_it_is_called(ledger):
    receipts = [ledger.grant("user", 5, source="trial", key="signup:user") for _ in range(5)]

    assert [receipt.replayed for receipt in receipts] == [False, True, True, True, True]
    assert ledger.balance("user").spendable == 5


def test_V7_an_upgrade_takes_five_to_a_hundred(ledger):
    ledger.allow("user", 5, every="month")
    ledger.change_allowance("user", 100)
    assert ledger.balance("user").spendable == 100

    for _ in range(10):
        ledger.charge("user", 1)

    assert ledger.balance("user").spendable == 90
