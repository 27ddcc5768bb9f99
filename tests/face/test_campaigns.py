"""Credits by rule, as people have them: a code, a reward, a referral; each once, and every refusal says why."""

import asyncio
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import farthing
from farthing.tariff.errors import CampaignNotFound, CampaignRefused, CatalogMissing, CodeNotFound
from farthing.testing import FrozenClock
from farthing.values.errors import AlreadyRedeemed, CodeSpent

DOCUMENT = """
name = "given"
default_plan = "free"
[units.credits]
[units.generations]
scale = 0
digits = 0
[features.image]
price = { form = "per_request", amount = 5 }
[plans.free]
[plans.basic]
[campaigns.welcome]
rule = "signup"
amount = 10
lasts = "30 days"
[campaigns.spring]
rule = "code"
amount = "12.5"
codes = ["SPRING-26", "Easter26"]
most = 2
features = ["image"]
[campaigns.often]
rule = "code"
unit = "generations"
amount = 3
codes = ["OFTEN"]
per_account = 2
[campaigns.autumn]
rule = "code"
amount = 1
codes = ["AUTUMN"]
starts_at = 2026-09-01T00:00:00Z
ends_at = 2026-12-01T00:00:00Z
[campaigns.free_gift]
rule = "plan"
amount = 4
plans = ["free"]
[campaigns.basic_gift]
rule = "plan"
amount = 5
plans = ["basic"]
[campaigns.spender]
rule = "loyalty"
amount = 20
spent = 50
[campaigns.early]
rule = "beta"
amount = 100
accounts = ["acme", "42"]
[campaigns.friends]
rule = "referral"
amount = 7
referrer_amount = 9
"""


Apply = Callable[[str], None]


@pytest.fixture
def apply(ledger: farthing.Ledger, tmp_path: Path) -> Apply:
    """Publishes a document."""

    def publish(document: str) -> None:
        file = tmp_path / "given.toml"
        file.write_text(document)
        ledger.apply_catalog(file)

    return publish


@pytest.fixture
def given(ledger: farthing.Ledger, apply: Apply) -> farthing.Ledger:
    apply(DOCUMENT)
    return ledger


def spendable(ledger: farthing.Ledger, account: str, unit: str = "credits") -> Any:
    return ledger.balance(account, unit).spendable


def test_a_code_is_redeemed_once_without_case_and_blanks(given: farthing.Ledger) -> None:
    receipt = given.redeem("acme", " spring - 26\n")

    assert (receipt.account, receipt.kind, receipt.amount) == ("acme", "granted", Decimal("12.5"))
    assert not receipt.replayed
    with pytest.raises(AlreadyRedeemed, match="acme has got from spring what it may: 1 times"):
        given.redeem("acme", "SPRING-26")
    with pytest.raises(AlreadyRedeemed):
        given.redeem("acme", "EASTER26")
    assert spendable(given, "acme") == Decimal("12.5")


def test_what_was_given_says_where_it_comes_from_and_keeps_its_terms(given: farthing.Ledger) -> None:
    given.redeem("acme", "easter26", actor="support")
    given.reward("bolt", "welcome")
    given.refer("crux", by="acme")

    spring, welcome = given.balance("acme").lots, given.balance("bolt").lots[0]
    assert [(lot.source, lot.promotional, lot.features) for lot in spring] == [
        ("promo", True, ("image",)),
        ("referral", True, ()),
    ]
    assert welcome.expires_at == datetime(2026, 12, 21, 10, 4, tzinfo=UTC)
    assert spring[0].expires_at is None
    lines = [line for line in given.history("acme") if line.kind == "granted"]
    assert [line.description for line in lines] == ["campaign friends", "campaign spring, code EASTER26"]
    assert [line.actor for line in lines] == [None, "support"]


def test_the_same_key_replays_and_another_call_under_it_is_refused(given: farthing.Ledger) -> None:
    first = given.redeem("acme", "EASTER26", key="form_1")

    again = given.redeem("acme", "easter 26", key="form_1")
    assert (again.id, again.key, again.replayed, first.replayed) == (first.id, "form_1", True, False)
    for call, differs in (
        (lambda: given.redeem("acme", "OFTEN", key="form_1"), "its code"),
        (lambda: given.reward("acme", "welcome", key="form_1"), "what was asked"),
    ):
        with pytest.raises(farthing.KeyReused, match=f"form_1.*differs in {differs}"):
            call()
    assert given.redeem("bolt", "EASTER26", key="form_1").account == "bolt", "keys belong to an account"
    assert spendable(given, "acme") == Decimal("12.5")


def test_a_key_replays_when_the_code_is_spent_ended_or_gone(
    given: farthing.Ledger, apply: Apply, clock: FrozenClock
) -> None:
    first = given.redeem("acme", "AUTUMN", key="k")
    clock.advance(timedelta(days=60))
    apply(DOCUMENT.replace('codes = ["AUTUMN"]', 'codes = ["WINTER"]'))

    assert given.redeem("acme", "AUTUMN", key="k").id == first.id
    with pytest.raises(CodeNotFound, match="there is no code AUTUMN"):
        given.redeem("bolt", "AUTUMN")


def test_a_code_is_spent_once_so_many_have_had_it_and_others_are_not(given: farthing.Ledger) -> None:
    given.redeem("a", "SPRING-26")
    given.redeem("b", "SPRING-26")

    with pytest.raises(CodeSpent, match="SPRING-26 of spring has been redeemed 2 times"):
        given.redeem("c", "SPRING-26")
    with pytest.raises(farthing.AccountNotFound):
        given.balance("c")
    assert given.redeem("c", "EASTER26").amount == Decimal("12.5")


def test_a_code_may_be_had_as_often_as_it_says_and_in_its_own_unit(given: farthing.Ledger) -> None:
    given.redeem("acme", "OFTEN")
    given.redeem("acme", "OFTEN")

    with pytest.raises(AlreadyRedeemed, match="2 times"):
        given.redeem("acme", "OFTEN")
    assert spendable(given, "acme", "generations") == 6


@pytest.mark.parametrize("code", ["SPRING", "SPRING-2", "SPRING-266", "welcome", "friends", "ŚPRING-26"])
def test_an_unknown_code_writes_nothing(given: farthing.Ledger, code: str) -> None:
    with pytest.raises(CodeNotFound):
        given.redeem("acme", code)

    with pytest.raises(farthing.AccountNotFound):
        given.balance("acme")


@pytest.mark.parametrize("code", ["", "  ", "x" * 65, "a\x00b", None, 26])
def test_what_cannot_be_a_code_is_refused(given: farthing.Ledger, code: str) -> None:
    with pytest.raises(farthing.NameInvalid, match="code"):
        given.redeem("acme", code)


def test_a_campaign_holds_between_its_instants(given: farthing.Ledger, clock: FrozenClock) -> None:
    clock.advance(timedelta(days=9, hours=13, minutes=55))
    given.redeem("before", "AUTUMN")
    clock.advance(timedelta(minutes=1))

    with pytest.raises(CampaignRefused, match="after cannot have autumn: it ended on 1 December 2026 00:00 UTC"):
        given.redeem("after", "AUTUMN")


def test_a_campaign_that_has_not_begun_is_refused(given: farthing.Ledger, apply: Apply) -> None:
    apply(DOCUMENT.replace("starts_at = 2026-09-01", "starts_at = 2026-11-30"))

    with pytest.raises(CampaignRefused, match="it begins on 30 November 2026 00:00 UTC"):
        given.redeem("acme", "AUTUMN")


def test_a_signup_is_for_those_who_came_while_it_held(given: farthing.Ledger, apply: Apply, clock: FrozenClock) -> None:
    given.open_account("old")
    clock.advance(timedelta(hours=1))
    apply(DOCUMENT.replace('rule = "signup"', 'rule = "signup"\nstarts_at = 2026-11-21T10:30:00Z'))
    given.open_account("new")

    with pytest.raises(CampaignRefused, match="old cannot have welcome: it"):
        given.reward("old", "welcome")
    assert given.reward("new", "welcome").amount == 10
    assert given.reward("newest", "welcome").amount == 10
    with pytest.raises(AlreadyRedeemed):
        given.reward("new", "welcome")


def test_a_gift_for_a_plan_is_for_its_subscribers_and_the_default_plan_is_everybodys(given: farthing.Ledger) -> None:
    assert given.reward("acme", "free_gift").amount == 4
    with pytest.raises(CampaignRefused, match="acme cannot have basic_gift: it is for subscribers of basic"):
        given.reward("acme", "basic_gift")


def test_who_has_spent_enough_is_loyal_and_what_was_refunded_is_not_spent(given: farthing.Ledger) -> None:
    given.grant("acme", 100)
    first = given.charge("acme", 30)
    given.charge("acme", 30)
    given.refund(first.id, 20)

    with pytest.raises(CampaignRefused, match="it is for those who have spent 50 credits"):
        given.reward("acme", "spender")
    given.charge("acme", 10)
    assert given.reward("acme", "spender").amount == 20
    with pytest.raises(CampaignRefused):
        given.reward("nobody yet", "spender")


def test_a_beta_list_names_who_may_and_tells_nobody_else(given: farthing.Ledger) -> None:
    assert given.reward("acme", "early").amount == 100
    assert given.reward(42, "early").amount == 100

    with pytest.raises(CampaignRefused, match=r"it is for those who were invited$"):
        given.reward("bolt", "early")


def test_both_sides_of_a_referral_get_theirs_and_a_newcomer_is_referred_once(given: farthing.Ledger) -> None:
    given.open_account("acme")

    had = given.refer("bolt", by="acme", key="r1")
    assert had.referrer is not None
    assert (had.newcomer.account, str(had.newcomer.amount)) == ("bolt", "7.00")
    assert (had.referrer.account, str(had.referrer.amount)) == ("acme", "9.00")
    again = given.refer("bolt", by="acme", campaign="friends", key="r1")
    assert again.replayed
    assert again.json()["referrer"]["id"] == had.referrer.id
    for by in ("acme", "crux"):
        given.open_account("crux")
        with pytest.raises(AlreadyRedeemed):
            given.refer("bolt", by=by, campaign="friends")
    with pytest.raises(farthing.KeyReused, match="who referred it"):
        given.refer("bolt", by="crux", key="r1")
    given.refer("dune", by="acme")
    given.refer("acme", by="bolt")
    assert (spendable(given, "acme"), spendable(given, "bolt")) == (9 + 9 + 7, 7 + 9)


def test_nobody_refers_themselves_and_a_referrer_must_be_there(given: farthing.Ledger) -> None:
    with pytest.raises(CampaignRefused, match="nobody can refer themselves"):
        given.refer("acme", by="acme")
    with pytest.raises(farthing.AccountNotFound, match="nobody"):
        given.refer("acme", by="nobody")

    with pytest.raises(farthing.AccountNotFound):
        given.balance("acme")


@pytest.mark.parametrize(("amount", "referrer_amount"), [(7, 0), (0, 9)])
def test_a_referral_may_have_something_for_one_side_only(
    given: farthing.Ledger, apply: Apply, amount: int, referrer_amount: int
) -> None:
    one_sided = f"amount = {amount}\nreferrer_amount = {referrer_amount}"
    apply(DOCUMENT.replace("amount = 7\nreferrer_amount = 9", one_sided))
    given.open_account("acme")

    had = given.refer("bolt", by="acme", key="k")
    assert (had.newcomer.kind, had.referrer is None) == ("granted" if amount else "opened", not referrer_amount)
    assert given.refer("bolt", by="acme", key="k").replayed
    given.open_account("crux")
    with pytest.raises(farthing.KeyReused, match="who referred it"):
        given.refer("bolt", by="crux", key="k")
    with pytest.raises(AlreadyRedeemed):
        given.refer("bolt", by="acme")
    assert (spendable(given, "bolt"), spendable(given, "acme")) == (amount, referrer_amount)


def test_a_closed_account_is_refused_before_anything_is_claimed(given: farthing.Ledger) -> None:
    given.open_account("acme")
    given.open_account("bolt")
    given.close_account("acme")

    with pytest.raises(farthing.AccountClosed):
        given.redeem("acme", "EASTER26")
    with pytest.raises(farthing.AccountClosed):
        given.refer("bolt", by="acme")
    assert given.refer("crux", by="bolt").newcomer.amount == 7
    assert [view.redeemed for view in given.campaigns() if view.name == "spring"] == [0]


def test_a_frozen_account_is_given_all_the_same(given: farthing.Ledger) -> None:
    given.open_account("acme")
    given.freeze("acme")

    assert given.redeem("acme", "EASTER26").amount == Decimal("12.5")


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("welcom", CampaignNotFound, "no campaign welcom: did you mean welcome?"),
        ("zzz", CampaignNotFound, "there is welcome, spring"),
        ("spring", CampaignRefused, "it is had by redeeming a code"),
        ("friends", CampaignRefused, "it is had by being referred"),
        ("", farthing.NameInvalid, "campaign"),
    ],
)
def test_a_reward_that_is_none_says_what_to_do(
    given: farthing.Ledger, name: str, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said.replace("?", r"\?")):
        given.reward("acme", name)


def test_a_referral_without_a_name_needs_one_campaign_for_it(given: farthing.Ledger, apply: Apply) -> None:
    given.open_account("acme")
    with pytest.raises(CampaignRefused, match="its rule is signup, not referral"):
        given.refer("bolt", by="acme", campaign="welcome")
    apply(DOCUMENT + '[campaigns.pals]\nrule = "referral"\namount = 1\n')
    with pytest.raises(CampaignNotFound, match="name one of friends, pals"):
        given.refer("bolt", by="acme")
    assert given.refer("bolt", by="acme", campaign="pals").newcomer.amount == 1


def test_without_a_catalog_there_are_no_campaigns(ledger: farthing.Ledger) -> None:
    for call in (lambda: ledger.redeem("acme", "A"), lambda: ledger.reward("acme", "a"), ledger.campaigns):
        with pytest.raises(CatalogMissing):
            call()


def test_campaigns_are_listed_with_what_was_had(given: farthing.Ledger, clock: FrozenClock) -> None:
    given.redeem("acme", "EASTER26")
    given.refer("bolt", by="acme")
    clock.advance(timedelta(days=30))

    listed = {view.name: view for view in given.campaigns()}

    assert list(listed)[:2] == ["welcome", "spring"]
    assert [(use.code, use.redeemed) for use in listed["spring"].codes] == [("SPRING-26", 0), ("Easter26", 1)]
    assert listed["friends"].redeemed == 1
    assert listed["friends"].referrer_amount == 9
    assert (listed["autumn"].is_open, listed["spring"].is_open) == (False, True)
    assert listed["welcome"].json()["lasts"] == "30 days"


def test_coroutines_say_the_same(given: farthing.Ledger) -> None:
    async def ask() -> list[object]:
        receipt = await given.aredeem("acme", "EASTER26", key="k")
        reward = await given.areward("acme", "welcome")
        had = await given.arefer("bolt", by="acme")
        return [receipt.key, reward.amount, had.newcomer.amount, len(await given.acampaigns())]

    assert asyncio.run(ask()) == ["k", 10, 7, 9]


def test_inside_within_a_claim_is_refused_at_once_since_it_would_outlive_the_callers_transaction(
    tmp_path: Path, clock: FrozenClock
) -> None:
    file, document = tmp_path / "credits.db", tmp_path / "given.toml"
    document.write_text(DOCUMENT)
    with farthing.open(f"sqlite:///{file}", create=True, catalog=document, test=True, clock=clock) as ledger:
        connection = sqlite3.connect(file, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        with ledger.within(connection) as tx:
            with pytest.raises(farthing.UseTheOpenTransaction):
                ledger.redeem("acme", "EASTER26")
            with pytest.raises(AttributeError, match="inside `within` there is no redeem"):
                tx.redeem("acme", "EASTER26")  # type: ignore[attr-defined]
        connection.execute("COMMIT")
        connection.close()

        assert ledger.redeem("acme", "EASTER26").amount == Decimal("12.5")


def test_a_closed_ledger_redeems_nothing(given: farthing.Ledger, clock: FrozenClock) -> None:
    other = farthing.open("memory:", create=True, book="test", test=True, clock=clock)
    other.close()

    for call in (lambda: other.redeem("acme", "A"), lambda: other.campaigns(), lambda: other.refer("a", by="b")):
        with pytest.raises(farthing.LedgerClosed):
            call()
