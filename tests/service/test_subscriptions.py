"""Steps of subscriptions through the face and the service: once for each key, whoever calls, on every store."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import farthing
from farthing.tariff.errors import PackageNotFound, PlanNotFound, SubscriptionRefused
from farthing.values.requests import Open
from tests.face.conftest import clock, empty_database, url  # noqa: F401

DAY = timedelta(days=1)

CATALOG = """
name = "kiosk"
default_plan = "free"
[units.credits]
digits = 0
[units.frames]
digits = 0
[features.image]
price = { form = "per_request", amount = 5 }
[plans.free]
allowances.credits = { amount = 60, every = "month", anchor = "calendar" }
[plans.basic]
prices = { month = "15 USD", year = "150 USD" }
allowances.credits = { amount = 500, every = "month" }
bonuses.welcome = { unit = "credits", amount = 10 }
grace = "3 days"
fallback = "free"
proration = "day"
caps.images = { unit = "credits", feature = "image", most = 400, every = "month" }
terms.credits = { overdraft = 20 }
[plans.premium]
prices = { month = "30 USD" }
allowances.credits = { amount = 1200, every = "month" }
allowances.frames = { unit = "frames", amount = 7, every = "month" }
trial = "14 days"
fallback = "free"
proration = "day"
[plans.pass]
allowances.credits = { amount = 100, every = "30 days" }
lasts = "30 days"
fallback = "free"
[plans.calendar]
prices = { month = "9 USD" }
allowances.credits = { amount = 310, every = "month", anchor = "calendar" }
grace = "5 days"
fallback = "free"
[packages.trial]
amount = 50
prices = ["0 GHS"]
lasts = "6 months"
once = true
[packages.growth]
amount = 80
bonus = 20
prices = ["80 GHS", "7 USD"]
lasts = "6 months"
extends = true
"""


@pytest.fixture
def kiosk(url, clock, tmp_path: Path) -> Iterator[farthing.Ledger]:  # noqa: F811
    file = tmp_path / "kiosk.toml"
    file.write_text(CATALOG, encoding="utf-8")
    with farthing.open(url, create=True, book="kiosk", test=True, clock=clock) as opened:
        opened.apply_catalog(file)
        yield opened
        assert opened.verify().ok, str(opened.verify())


def has(ledger, account="ada"):
    return int(ledger.balance(account, unit="credits").spendable)


def move(ledger, length):
    ledger.engine.clock.advance(length)


def test_the_same_key_is_the_same_call_whatever_happened_since(kiosk):
    first = kiosk.subscribe("ada", "basic", cycle="month", paid=(1500, "USD"), key="s")
    assert (first.subscription.plan, first.subscription.state, has(kiosk)) == ("basic", "active", 510)
    again = kiosk.subscribe("ada", "basic", cycle="month", paid=(1500, "USD"), key="s")
    assert again.replayed
    assert not first.replayed
    assert (again.receipt.id, again.subscription) == (first.receipt.id, first.subscription)

    kiosk.cancel("ada", when="now", key="c")
    move(kiosk, 40 * DAY)
    kiosk.upgrade("ada", "premium", paid=(3000, "USD"), key="u")
    later = kiosk.subscribe("ada", "basic", cycle="month", paid=(1500, "USD"), key="s")
    assert later.replayed
    assert later.subscription == first.subscription
    assert kiosk.cancel("ada", when="now", key="c").replayed
    assert kiosk.subscription("ada").plan == "premium"
    with pytest.raises(farthing.KeyReused):
        kiosk.subscribe("ada", "premium", key="s")
    with pytest.raises(farthing.KeyReused):
        kiosk.cancel("ada", key="s")


def test_eight_threads_with_one_key_are_one_step(kiosk):
    got = []

    def call():
        got.append(kiosk.subscribe("ada", "basic", paid=(1500, "USD"), key="one"))

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 8
    assert sum(not each.replayed for each in got) == 1
    assert len({each.receipt.id for each in got}) == 1
    assert [step.step for step in kiosk.subscription_history("ada")] == ["subscribed"]
    assert has(kiosk) == 510


def test_eight_threads_with_keys_of_their_own_renew_eight_times(kiosk):
    kiosk.subscribe("ada", "basic", paid=(1500, "USD"))
    errors = []

    def call(number):
        try:
            kiosk.renew("ada", paid=(1500, "USD"), key=f"r{number}")
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert [step.step for step in kiosk.subscription_history("ada")] == ["subscribed"] + 8 * ["renewed"]
    assert has(kiosk) == 510
    paid_until = kiosk.subscription("ada").period_ends_at
    assert (paid_until.year, paid_until.month, paid_until.day) == (2027, 8, 21)


def test_enrolment_at_the_same_moment_is_one(kiosk):
    kiosk.run(Open(key="o", account="ada"))
    threads = [threading.Thread(target=kiosk.enrol_all) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [step.plan for step in kiosk.subscription_history("ada")] == ["free"]
    assert has(kiosk) == 60
    assert kiosk.enrol_all() == 0


def test_from_the_free_plan_one_subscribes_with_its_trial(kiosk):
    kiosk.subscribe("ada", "free")
    view = kiosk.subscribe("ada", "premium").subscription
    assert (view.state, view.plan, view.price.text) == ("trialing", "premium", "30 USD")
    assert view.trial_ends_at == view.ends_at == view.starts_at + 14 * DAY
    assert (has(kiosk), kiosk.available("ada", unit="frames")) == (1200, 7)
    move(kiosk, 14 * DAY)
    ended = kiosk.subscription("ada")
    assert (ended.plan, ended.state, ended.subscribed, has(kiosk)) == ("free", "expired", False, 60)
    assert kiosk.available("ada", unit="frames") == 0
    assert kiosk.subscribe("ada", "premium").subscription.state == "active"  # a trial is had once


def test_a_trial_that_is_paid_for_goes_on(kiosk):
    kiosk.subscribe("ada", "premium")
    view = kiosk.renew("ada", paid=(3000, "USD")).subscription
    assert view.state == "active"
    kiosk.charge("ada", 200, unit="credits")
    move(kiosk, 14 * DAY)
    assert (kiosk.subscription("ada").state, has(kiosk)) == ("active", 1200)


def test_bonuses_come_once_for_ever(kiosk):
    kiosk.subscribe("ada", "basic", paid=(1500, "USD"))
    kiosk.cancel("ada", when="now")
    kiosk.subscribe("ada", "basic", paid=(1500, "USD"))
    assert has(kiosk) == 510
    assert len([line for line in kiosk.history("ada") if line.kind == "granted"]) == 1


def test_settings_and_caps_go_with_the_plan_when_a_job_or_a_caller_writes_it(kiosk):
    kiosk.subscribe("ada", "basic", paid=(1500, "USD"))
    assert int(kiosk.available("ada", unit="credits")) == 530
    kiosk.charge("ada", 400, feature="image", unit="credits")
    with pytest.raises(farthing.BudgetExceeded):
        kiosk.charge("ada", 5, feature="image", unit="credits")
    kiosk.cancel("ada", when="now")
    assert int(kiosk.available("ada", unit="credits")) == 70


def test_payments_are_whole_and_in_a_currency_that_has_a_price(kiosk):
    with pytest.raises(farthing.AmountInvalid, match="is less than the 15 USD that it costs"):
        kiosk.subscribe("ada", "basic", paid=(1499, "USD"))
    with pytest.raises(farthing.AmountInvalid):
        kiosk.subscribe("ada", "basic", paid=(0, "USD"))
    with pytest.raises(farthing.TermInvalid, match="basic costs 15 USD, 150 USD"):
        kiosk.subscribe("ada", "basic", paid=(1500, "GHS"))
    with pytest.raises(farthing.TermInvalid, match="is not how this plan is sold"):
        kiosk.subscribe("ada", "basic", cycle="week")
    with pytest.raises(PlanNotFound, match="choose one of free, basic"):
        kiosk.subscribe("ada", "basics")
    with pytest.raises(farthing.AccountNotFound):
        kiosk.subscription("ada")  # nothing of this was written
    kiosk.subscribe("ada", "basic")
    with pytest.raises(SubscriptionRefused, match="change its plan, renew it, or cancel it first"):
        kiosk.subscribe("ada", "premium")
    with pytest.raises(SubscriptionRefused, match="record its payment"):
        kiosk.renew("ada")
    with pytest.raises(farthing.AmountInvalid):
        kiosk.renew("ada", paid=(1, "USD"))
    with pytest.raises(farthing.TermInvalid):
        kiosk.renew("ada", paid=(1500, "EUR"))
    assert len(kiosk.subscription_history("ada")) == 1


def test_a_change_is_quoted_as_it_is_charged(kiosk):
    kiosk.subscribe("ada", "basic", paid=(1500, "USD"))
    move(kiosk, 15 * DAY)
    quote = kiosk.quote_change("ada", "premium")
    assert [(line.kind, line.minor) for line in quote.lines] == [("credit", -750), ("charge", 1500)]
    assert (quote.minor, quote.currency, quote.event, quote.after.plan) == (750, "USD", "upgrade", "premium")
    with pytest.raises(farthing.AmountInvalid, match=r"the 7\.50 USD"):
        kiosk.change_plan("ada", "premium", paid=(749, "USD"))
    assert kiosk.change_plan("ada", "premium", paid=(750, "USD")).subscription.plan == "premium"
    assert has(kiosk) == 1210


def test_downgrade_waits_and_is_taken_back(kiosk):
    kiosk.subscribe("ada", "basic", paid=(1500, "USD"))
    view = kiosk.change_plan("ada", "free").subscription
    assert (view.plan, view.next_plan) == ("basic", "free")
    assert kiosk.resume("ada").subscription.next_plan is None
    kiosk.downgrade("ada", "free")
    kiosk.charge("ada", 100, unit="credits")
    ends_at = kiosk.subscription("ada").period_ends_at
    kiosk.engine.clock.move_to(ends_at)
    assert (kiosk.subscription("ada").plan, kiosk.subscription("ada").state) == ("free", "active")
    assert has(kiosk) == 60 + 10  # the bonus has no end


def test_thirty_days_more_give_fresh_credits_once(kiosk):
    kiosk.subscribe("ada", "pass")
    kiosk.charge("ada", 30, unit="credits")
    move(kiosk, 29 * DAY)
    kiosk.renew("ada")
    assert has(kiosk) == 70
    move(kiosk, 1 * DAY)
    assert has(kiosk) == 100
    kiosk.charge("ada", 25, unit="credits")
    move(kiosk, 29 * DAY)
    assert has(kiosk) == 75
    move(kiosk, 1 * DAY)
    assert (has(kiosk), kiosk.subscription("ada").plan) == (60, "free")


@pytest.mark.parametrize("late", [-1, 0, 1, 4])
def test_a_calendar_plan_that_is_renewed_gives_no_month_twice(kiosk, late):
    kiosk.subscribe("ada", "calendar", paid=(900, "USD"))  # on 21 November
    kiosk.charge("ada", 300, unit="credits")
    move(kiosk, 10 * DAY)
    assert has(kiosk) == 310  # 1 December
    kiosk.charge("ada", 300, unit="credits")
    move(kiosk, (20 + late) * DAY)
    kiosk.renew("ada", paid=(900, "USD"))
    given = sum(int(line.amount) for line in kiosk.history("ada") if line.kind in ("allowed", "turned"))
    assert given < 2 * 310 + 120, given
    kiosk.engine.clock.move_to(datetime(2027, 1, 2, tzinfo=UTC))
    assert has(kiosk) == 310


def test_a_package_with_its_bonus(kiosk):
    receipt = kiosk.buy("ada", "growth", paid=(8000, "GHS"), reference="ch_1", key="p1")
    assert has(kiosk) == 100
    assert kiosk.buy("ada", "growth", paid=(8000, "GHS"), reference="ch_1", key="p1").id == receipt.id
    assert has(kiosk) == 100
    with pytest.raises(PackageNotFound, match="did you mean growth"):
        kiosk.buy("ada", "grwth")
    with pytest.raises(farthing.AmountInvalid, match="80 GHS"):
        kiosk.buy("ada", "growth", paid=(7999, "GHS"))
    with pytest.raises(farthing.TermInvalid, match="growth costs 80 GHS, 7 USD"):
        kiosk.buy("ada", "growth", paid=(8000, "EUR"))
    move(kiosk, 100 * DAY)
    kiosk.buy("ada", "growth", paid=(700, "USD"))
    assert len({lot.expires_at for lot in kiosk.balance("ada").lots}) == 1


def test_a_package_that_is_had_once_replays_the_very_same_call_only(kiosk):
    kiosk.buy("ada", "trial", paid=(0, "GHS"), key="k")

    assert kiosk.buy("ada", "trial", paid=(0, "GHS"), key="k").replayed
    with pytest.raises(farthing.AlreadyRedeemed):
        kiosk.buy("ada", "trial", paid=(100, "GHS"), key="k")


def test_a_trial_package_is_had_once_whoever_asks(kiosk):
    got, refused = [], []

    def call(number):
        try:
            got.append(kiosk.buy("ada", "trial", key=f"t{number}"))
        except farthing.FarthingError as no:
            refused.append(no)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(got), len(refused), {no.code for no in refused}) == (1, 7, {"already_redeemed"})
    assert kiosk.buy("ada", "trial", key=got[0].key).replayed
    assert has(kiosk) == 50


def test_closed_and_frozen_accounts(kiosk):
    kiosk.subscribe("ada", "basic", paid=(1500, "USD"))
    kiosk.freeze("ada")
    assert kiosk.renew("ada", paid=(1500, "USD")).subscription.state == "active"
    kiosk.close_account("ada")
    with pytest.raises(farthing.AccountClosed):
        kiosk.renew("ada", paid=(1500, "USD"))


def test_the_plan_of_a_closed_account_can_be_removed(kiosk, tmp_path):
    kiosk.subscribe("ada", "pass")
    kiosk.close_account("ada")
    file = tmp_path / "kiosk.toml"
    file.write_text(CATALOG.replace("[plans.pass]", "[plans.other]"), encoding="utf-8")

    kiosk.apply_catalog(file)

    move(kiosk, 40 * DAY)
    assert kiosk.subscription("ada").plan == "free"


def test_what_is_given_back_in_one_currency_pays_nothing_in_another(kiosk, tmp_path):
    file = tmp_path / "kiosk.toml"
    file.write_text(CATALOG + '[plans.local]\nprices = { month = "300 GHS" }\nfallback = "free"\n', encoding="utf-8")
    kiosk.apply_catalog(file)
    kiosk.subscribe("ada", "local", paid=(30_000, "GHS"))

    quote = kiosk.quote_change("ada", "premium", when="now")
    with pytest.raises(farthing.AmountInvalid):
        kiosk.change_plan("ada", "premium", when="now", paid=(2999, "USD"))
    kiosk.change_plan("ada", "premium", when="now", paid=(3000, "USD"))

    assert [(line.minor, line.currency) for line in quote.lines] == [(-30_000, "GHS"), (3000, "USD")]
    assert (quote.minor, quote.currency) == (3000, "USD")


@pytest.mark.parametrize("metadata", [5, "x", [1]])
def test_metadata_that_are_none_are_refused_beside_a_reference_too(kiosk, metadata):
    with pytest.raises(farthing.Invalid):
        kiosk.subscribe("ada", "basic", metadata=metadata, reference="r")
    with pytest.raises(farthing.Invalid):
        kiosk.buy("ada", "growth", metadata=metadata, reference="r")
    assert kiosk.engine.store.find_account("ada") is None


def test_what_is_shown_is_json(kiosk):
    import json

    kiosk.subscribe("ada", "basic", paid=(1500, "USD"))
    said = json.dumps(
        [
            [plan.json() for plan in kiosk.plans()],
            [package.json() for package in kiosk.packages()],
            kiosk.subscription("ada").json(),
            [step.json() for step in kiosk.subscription_history("ada")],
            kiosk.quote_change("ada", "premium").json(),
            kiosk.cancel("ada").json(),
        ]
    )
    assert "15 USD" in said


def test_a_key_is_known_again_after_a_restart(tmp_path, clock):  # noqa: F811
    file = tmp_path / "kiosk.toml"
    file.write_text(CATALOG, encoding="utf-8")
    made = []
    for _ in range(2):
        with farthing.open(f"sqlite:///{tmp_path}/k.db", create=True, book="kiosk", test=True, clock=clock) as ledger:
            ledger.apply_catalog(file)
            made.append(ledger.subscribe("ada", "basic", paid=(1500, "USD"), key="k"))
            clock.advance(40 * DAY)
    assert (made[0].subscription, made[0].receipt.id) == (made[1].subscription, made[1].receipt.id)
    assert [each.replayed for each in made] == [False, True]


def test_a_second_look_is_taken_when_another_step_came_between(kiosk, monkeypatch):
    from farthing.service import subscriptions

    kiosk.subscribe("ada", "basic", paid=(1500, "USD"))
    send, calls = subscriptions.send, []

    def send_late(engine, asked, look, planned):
        calls.append(asked.key)
        if len(calls) == 1:
            kiosk.renew("ada", paid=(1500, "USD"), key="between")
        return send(engine, asked, look, planned)

    monkeypatch.setattr(subscriptions, "send", send_late)
    kiosk.renew("ada", paid=(1500, "USD"), key="outer")
    assert calls == ["outer", "between", "outer"]
    assert [step.step for step in kiosk.subscription_history("ada")] == ["subscribed", "renewed", "renewed"]
