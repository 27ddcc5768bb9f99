"""Studio: images, video, audio, lip-sync; plans by the month and the year."""

# ruff: noqa: N802 - rows of the mission are called by their ids.

from datetime import UTC, datetime
from decimal import Decimal

import pytest

import farthing


@pytest.mark.parametrize(
    ("feature", "quantity", "cost"),
    [
        ("image", None, 5),
        ("video", "5s", 25),
        ("video", "8s", 50),
        ("video", "10s", 50),
        ("audio", "15s", 1),
        ("audio", "16s", 2),
        ("audio", "1 min", 4),
        ("lip_sync", "10s", 20),
        ("lip_sync", "10.5s", 40),
    ],
)
def test_S2_costs(studio, feature, quantity, cost):
    said = {} if quantity is None else {"quantity": quantity}
    studio.grant("acme", 100)

    assert studio.quote("acme", feature, **said).price == cost
    assert studio.charge("acme", feature=feature, **said).charged == cost


def test_S2_audio_is_estimated_from_the_length_of_its_text(studio):
    assert studio.quote("acme", "audio", quantity="225 characters").price == 1
    assert studio.quote("acme", "audio", quantity="226 characters").price == 2


def test_S2_a_video_longer_than_the_last_step_has_no_price(studio):
    studio.grant("acme", 100)
    with pytest.raises(farthing.UnknownPrice):
        studio.charge("acme", feature="video", quantity="11s")
    assert studio.balance("acme").spendable == 100


def test_S1_plans_monthly_and_yearly(studio, clock):
    plans = {plan.name: plan for plan in studio.plans()}
    assert {
        name: {(price.cycle, price.minor, price.currency) for price in plan.prices} for name, plan in plans.items()
    } == {
        "free": set(),
        "basic": {("month", 1500, "USD"), ("year", 21000, "USD")},
        "premium": {("month", 2900, "USD"), ("year", 29000, "USD")},
    }
    for name, credits in (("free", 60), ("basic", 500), ("premium", 1200)):
        studio.subscribe(name, name, cycle=None if name == "free" else "month")
        assert studio.balance(name).spendable == credits

    studio.subscribe("yearly", "basic", cycle="year", paid=(21000, "USD"))
    for month in range(12):
        assert studio.balance("yearly").spendable == 500
        studio.charge("yearly", 123, feature="image")
        clock.move_to(datetime(2026 + (11 + month) // 12, (11 + month) % 12 + 1, 21, 10, 4, tzinfo=UTC))
    assert studio.subscription("yearly").plan == "free"
    assert studio.balance("yearly").spendable == 60


def test_S4_operations(studio, clock):
    studio.subscribe("ada", "free")
    assert studio.balance("ada").spendable == 60
    assert studio.available("ada") >= studio.quote("ada", "video", quantity="8s").price

    deducted = studio.charge("ada", feature="video", quantity="8s", key="job_81")
    assert (deducted.charged, deducted.available) == (50, 10)
    with pytest.raises(farthing.InsufficientCredits) as no:
        studio.charge("ada", feature="video", quantity="8s")
    assert [no.value.needed, no.value.available, no.value.short] == [50, 10, 40]

    studio.grant("ada", 7, source="bonus")
    assert studio.refund(deducted.id).available == 67
    kinds = [line.kind for line in studio.history("ada")][:4]
    assert kinds == ["refunded", "granted", "charged", "allowed"]
    assert len(list(zip(range(2), studio.history("ada"), strict=False))) == 2

    studio.change_plan("ada", "basic", cycle="month", paid=(1500, "USD"))
    assert studio.subscription("ada").plan == "basic"
    assert studio.balance("ada").spendable >= 500


def test_S4_costs_are_described_for_people(studio):
    said = {cost.feature: cost.text for cost in studio.costs()}
    assert said["image"] == "5 credits per image"
    assert said["audio"] == "1 credit per started 15 seconds"
    assert studio.quote("ada", "video", quantity="8s").text == "50 credits"


def test_S8_seeding_puts_everyone_without_a_plan_on_free_and_again_changes_nothing(studio):
    for account in ("ada", "bob", "cleo"):
        studio.open_account(account)
    studio.subscribe("cleo", "basic", cycle="month", paid=(1500, "USD"))
    before = studio.balance("cleo").spendable

    studio.enrol_all()

    found = {account: studio.balance(account).spendable for account in ("ada", "bob", "cleo")}
    assert found == {"ada": 60, "bob": 60, "cleo": before}
    entries = len(list(studio.history()))
    studio.enrol_all()
    assert len(list(studio.history())) == entries


def test_S3_check_and_deduct_is_one_step_and_a_failure_gives_the_credits_back(studio):
    studio.subscribe("ada", "free")

    @studio.metered("image", account="who")
    def paint(who: str, fails: bool) -> str:
        if fails:
            raise RuntimeError("the model is down")
        return "picture"

    assert paint("ada", fails=False) == "picture"
    with pytest.raises(RuntimeError):
        paint("ada", fails=True)
    assert studio.balance("ada").spendable == Decimal(55)
