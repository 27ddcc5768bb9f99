"""Vibe's credits by rule: plan tier, promo code, loyalty, beta programme."""

# ruff: noqa: N802 - rows of the mission are called by their ids.

from datetime import UTC, datetime

import pytest

import farthing
from farthing.face.catalogs import read_shipped

CAMPAIGNS = """
[campaigns.thanks]
rule = "plan"
amount = 10
plans = ["pro"]

[campaigns.spring]
rule = "code"
amount = 7
codes = ["SPRING26"]
most = 2

[campaigns.loyal]
rule = "loyalty"
amount = 3
months = 2
plans = ["free"]

[campaigns.beta]
rule = "beta"
amount = 20
accounts = ["ada"]
"""


@pytest.fixture
def rewarding(vibe, tmp_path):
    file = tmp_path / "rewards.toml"
    file.write_text(read_shipped("vibe") + CAMPAIGNS, encoding="utf-8")
    vibe.apply_catalog(file)
    return vibe


def test_V10_a_plan_tier_has_its_reward_once(rewarding):
    rewarding.subscribe("ada", "pro")
    rewarding.subscribe("bob", "free")
    rewarding.reward("ada", "thanks")
    for account in ("ada", "bob"):
        with pytest.raises(farthing.Refused):
            rewarding.reward(account, "thanks")
    assert {name: rewarding.balance(name).spendable for name in ("ada", "bob")} == {"ada": 110, "bob": 5}


def test_V10_a_promo_code_has_its_limits(rewarding):
    for account in ("ada", "bob", "cleo"):
        rewarding.open_account(account)
    rewarding.redeem("ada", "spring26")
    with pytest.raises(farthing.AlreadyRedeemed):
        rewarding.redeem("ada", "SPRING26")
    rewarding.redeem("bob", "SPRING26")
    with pytest.raises(farthing.CodeSpent):
        rewarding.redeem("cleo", "SPRING26")
    assert rewarding.balance("ada").spendable == 12


def test_V10_loyalty_and_beta(rewarding, clock):
    rewarding.subscribe("ada", "free")
    rewarding.open_account("bob")
    with pytest.raises(farthing.CampaignRefused):
        rewarding.reward("ada", "loyal")
    rewarding.reward("ada", "beta")
    with pytest.raises(farthing.CampaignRefused):
        rewarding.reward("bob", "beta")
    clock.move_to(datetime(2027, 1, 21, 10, 4, tzinfo=UTC))
    rewarding.reward("ada", "loyal")
    assert rewarding.balance("ada").spendable == 5 + 20 + 3
