"""Business: prepaid credits in Ghana, bought as packages that live six months."""

# ruff: noqa: N802 - rows of the mission are called by their ids.

from datetime import UTC, datetime
from decimal import Decimal

import pytest

import farthing
from farthing.service.jobs import run_job


def test_B4_packages(business):
    found = {package.name: package for package in business.packages()}
    assert {name: (each.amount, each.bonus) for name, each in found.items()} == {
        "trial": (50, 0),
        "starter": (30, 0),
        "growth": (80, 20),
    }
    assert [(price.minor, price.currency) for each in found.values() for price in each.prices] == [
        (0, "GHS"),
        (3000, "GHS"),
        (8000, "GHS"),
    ]

    business.buy("shop", "growth", paid=(8000, "GHS"), reference="AI-CREDIT-1-0badcafe")

    balance = business.balance("shop")
    assert balance.spendable == 100
    assert {(lot.source, lot.amount) for lot in balance.lots} == {("purchase", 80), ("bonus", 20)}


def test_B4_the_free_trial_is_had_once(business):
    business.buy("shop", "trial", key="trial")
    assert business.buy("shop", "trial", key="trial").replayed
    with pytest.raises(farthing.Refused):
        business.buy("shop", "trial")
    assert business.balance("shop").spendable == 50


def test_B2_buying_again_moves_the_end_of_the_whole_balance(business, clock):
    business.buy("shop", "trial")
    clock.move_to(datetime(2027, 3, 1, tzinfo=UTC))
    business.buy("shop", "starter", paid=(3000, "GHS"))

    assert {lot.expires_at for lot in business.balance("shop").lots} == {datetime(2027, 9, 1, tzinfo=UTC)}
    clock.move_to(datetime(2027, 8, 31, 23, 59, tzinfo=UTC))
    assert business.balance("shop").spendable == 80
    clock.move_to(datetime(2027, 9, 1, tzinfo=UTC))
    assert business.balance("shop").spendable == 0


def test_B2_on_expiry_it_is_written_down(business, clock):
    business.buy("shop", "trial")
    business.charge("shop", feature="describe")
    clock.move_to(datetime(2027, 5, 21, 10, 4, tzinfo=UTC))
    run_job(business.engine, "tidy")

    expired = next(line for line in business.history("shop") if line.kind == "expired")
    assert expired.amount == Decimal("47.50")
    assert expired.effective_at == datetime(2027, 5, 21, 10, 4, tzinfo=UTC)
