"""Campaigns from the command line: listed, redeemed, given, referred; refusals with their exit codes."""

import pytest

from tests.cli.conftest import Shell
from tests.cli.test_refusals import refuse

DOCUMENT = """
name = "given"
[units.credits]
[campaigns.welcome]
rule = "signup"
amount = 10
lasts = "30 days"
[campaigns.spring]
rule = "code"
amount = 5
codes = ["SPRING26", "EASTER"]
most = 1
[campaigns.loyal]
rule = "loyalty"
amount = 20
months = 6
spent = 500
[campaigns.friends]
rule = "referral"
amount = 7
referrer_amount = 9
"""


@pytest.fixture
def given(shell: Shell) -> Shell:
    (shell.folder / "given.toml").write_text(DOCUMENT)
    assert shell("catalog", "apply", "given.toml").code == 0
    return shell


def test_a_code_is_redeemed(given: Shell) -> None:
    first = given("redeem", "acme", "spring 26", "--key", "k")
    again = given("redeem", "acme", "SPRING26", "--key", "k")

    assert (first.code, first.err) == (0, "")
    assert first.out.startswith("granted 5.00 credits to acme\n")
    assert "(replayed: nothing new was written)" in again.out
    assert given.ask("redeem", "bolt", "EASTER")["amount"] == "5.00"


def test_a_reward_and_a_referral_are_given(given: Shell) -> None:
    assert given("reward", "bolt", "welcome").out.startswith("granted 10.00 credits to bolt\n")
    both = given("refer", "crux", "--by", "acme").out
    assert "granted 7.00 credits to crux" in both
    assert "granted 9.00 credits to acme" in both
    said = given.ask("refer", "dune", "--by", "acme", "--campaign", "friends")
    assert (said["newcomer"]["account"], said["referrer"]["account"]) == ("dune", "acme")


def test_a_refusal_says_why(given: Shell) -> None:
    given("redeem", "acme", "SPRING26")

    refuse(given, 4, "already_redeemed", "acme has got from spring", "redeem", "acme", "SPRING26")
    refuse(given, 4, "code_spent", "has been redeemed 1 times", "redeem", "bolt", "SPRING26")
    refuse(given, 4, "code_not_found", "there is no code NOPE", "redeem", "bolt", "nope")
    refuse(given, 4, "campaign_not_found", "did you mean welcome?", "reward", "bolt", "welcom")
    refuse(given, 4, "campaign_refused", "subscribed for 6 months, or spent 500 credits", "reward", "bolt", "loyal")
    refuse(given, 4, "campaign_refused", "nobody can refer themselves", "refer", "bolt", "--by", "bolt")
    refuse(given, 4, "account_not_found", "there is no account nobody", "refer", "bolt", "--by", "nobody")


def test_campaigns_are_listed(given: Shell) -> None:
    given("redeem", "acme", "EASTER")

    lines = given("campaigns").out.splitlines()

    assert [line.split("  ")[0] for line in lines] == ["campaign", "welcome", "spring", "", "loyal", "friends"]
    assert lines[1].split() == ["welcome", "signup", "10.00", "credits", "for", "30", "days", "everybody", "0"]
    assert [line.split()[-3:] for line in lines[2:4]] == [["SPRING26", "0", "1"], ["EASTER", "1", "1"]]
    assert "after 6 months or 500.00 spent" in lines[4]
    assert "7.00 and 9.00 credits" in lines[5]
    assert [view["name"] for view in given.ask("campaigns")] == ["welcome", "spring", "loyal", "friends"]


def test_without_a_catalog_or_campaigns_it_says_so(shell: Shell) -> None:
    refuse(shell, 6, "catalog_missing", "farthing catalog apply", "campaigns")
    (shell.folder / "bare.toml").write_text('name = "bare"\n[units.credits]\n')
    shell("catalog", "apply", "bare.toml")
    done = shell("campaigns")
    assert (done.code, done.out, done.err) == (0, "", "the catalog has no campaigns\n")
