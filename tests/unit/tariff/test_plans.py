"""Worked examples of subscriptions, from the mission and the rules, on the real core."""

import pytest

from farthing.tariff.catalog import Length
from farthing.tariff.errors import SubscriptionRefused
from farthing.tariff.plans import (
    find_due,
)
from farthing.values.bounds import NEVER
from farthing.values.errors import TermInvalid, TimeInvalid
from tests.unit.tariff.subscriber import (
    DAYS,
    MONTH,
    TEXTVAULT,
    VIBE,
    YEAR,
    Subscriber,
    dollars,
    moment,
)


def test_v7_an_upgrade_takes_5_to_100():
    vibe = Subscriber(VIBE)
    vibe.do("subscribe", "free")
    assert vibe.balance == 5

    vibe.spend(2)
    vibe.do("upgrade", "pro")

    assert (vibe.balance, vibe.plan, vibe.state) == (100, "pro", "active")


def test_v7_a_pro_whose_end_is_past_reads_as_free_without_any_job():
    vibe = Subscriber(VIBE)
    vibe.do("subscribe", "free")
    vibe.do("upgrade", "pro", lasts=Length(DAYS, 30))
    vibe.spend(10)
    assert vibe.balance == 90

    vibe.wait(days=30)

    assert (vibe.balance, vibe.plan, vibe.state) == (5, "free", "expired")
    assert vibe.catch_up() == ["expire"]
    assert (vibe.balance, vibe.plan, vibe.state, vibe.row.acts_at) == (5, "free", "expired", NEVER)
    assert vibe.catch_up() == []


def test_v3_pro_for_some_days_or_until_an_instant_runs_out_and_is_not_renewed():
    vibe = Subscriber(VIBE)
    vibe.do("subscribe", "pro", ends_at=vibe.at + 5)
    assert (vibe.row.period_ends_at, vibe.row.ends_at, vibe.row.is_renewing) == (vibe.at + 5, vibe.at + 5, 0)

    with pytest.raises(SubscriptionRefused, match="it ends by itself"):
        vibe.do("cancel")
    with pytest.raises(TimeInvalid, match="has passed"):
        vibe.do("upgrade", "free", ends_at=vibe.at)
    with pytest.raises(TermInvalid, match="beside periods"):
        vibe.do("upgrade", "free", ends_at=vibe.at + 9, every=MONTH)


def test_s1_monthly_and_yearly_cycles_give_credits_each_month():
    studio = Subscriber(start="2026-01-31T09:00:00")
    studio.do("subscribe", "free")
    assert studio.balance == 60

    studio.do("upgrade", "basic", every=YEAR, paid=dollars(210))
    ends = []
    for _ in range(3):
        studio.spend(100)
        assert studio.balance == 400
        [basic] = [each for each in studio.stand().allowances[1] if each.name == "basic.credits"]
        ends.append(basic.turns_at)
        studio.desk.now = basic.turns_at
        assert studio.balance == 500

    assert ends == [moment(f"2026-{day}T09:00:00") for day in ("02-28", "03-31", "04-30")]
    assert studio.row.period_ends_at == moment("2027-01-31T09:00:00")
    studio.do("upgrade", "premium", every=MONTH, paid=dollars(29))
    assert studio.balance == 1200


def test_s1_periods_are_counted_from_the_anchor_so_a_clamped_day_comes_back():
    studio = Subscriber(start="2026-01-31T09:00:00")
    studio.do("subscribe", "premium", paid=dollars(29))
    ends = []
    for _ in range(3):
        ends.append(studio.row.period_ends_at)
        studio.do("renew", paid=dollars(29))
        studio.wait(days=1)

    assert ends == [moment(f"2026-{day}T09:00:00") for day in ("02-28", "03-31", "04-30")]


def test_t4_a_calendar_allowance_resets_on_the_first_whatever_the_plan_does():
    vault = Subscriber(TEXTVAULT, start="2026-01-20T10:00:00")
    vault.do("subscribe", "explorer")
    vault.spend(3)
    vault.do("upgrade", "creator")
    assert vault.balance == 100
    [base] = vault.stand().allowances[2]
    assert base.turns_at == moment("2026-02-01T00:00:00")

    vault.spend(40)
    vault.go("2026-02-01T00:00:00")

    assert vault.balance == 100


def test_a_payment_on_time_lets_credits_turn_at_the_boundary_and_a_late_one_gives_the_same():
    prompt, late = Subscriber(), Subscriber()
    for each in (prompt, late):
        each.do("subscribe", "basic", paid=dollars(15))
        each.spend(450)
    prompt.wait(days=20)
    prompt.do("renew", paid=dollars(15))
    assert prompt.balance == 50

    prompt.go("2026-02-11T12:00:00")
    late.go("2026-02-11T12:00:00")
    assert (late.balance, late.state, late.plan) == (0, "past_due", "basic")
    late.do("renew", paid=dollars(15))

    assert prompt.balance == late.balance == 500
    assert prompt.row.period_ends_at == late.row.period_ends_at == moment("2026-03-10T12:00:00")
    assert (late.row.period_starts_at, late.state) == (moment("2026-02-10T12:00:00"), "active")


def test_past_due_gives_no_credits_and_the_fallback_takes_over_after_the_grace():
    studio = Subscriber()
    studio.do("subscribe", "basic", paid=dollars(15))
    studio.go("2026-02-10T12:00:00")
    assert studio.catch_up() == ["miss"]
    assert (studio.balance, studio.state, studio.row.acts_at) == (0, "past_due", moment("2026-02-13T12:00:00"))

    with pytest.raises(SubscriptionRefused, match="record its payment"):
        studio.do("renew")
    studio.go("2026-02-13T12:00:00")

    assert (studio.balance, studio.plan) == (60, "free")
    assert studio.catch_up() == ["expire"]
    with pytest.raises(SubscriptionRefused, match="it can subscribe, upgrade"):
        studio.do("renew", paid=dollars(15))


def test_a_late_job_writes_every_step_that_was_missed():
    studio = Subscriber()
    studio.do("subscribe", "basic", paid=dollars(15))
    studio.wait(days=400)

    assert studio.catch_up() == ["miss", "expire"]

    steps = [each for each in studio.desk.entries[0] if each.kind == 60]
    assert len(steps) == 3
    assert studio.row.starts_at == moment("2026-02-13T12:00:00")


def test_a_plan_without_a_price_renews_by_itself_into_the_period_in_hand():
    vibe = Subscriber(VIBE)
    vibe.do("subscribe", "pro", every=MONTH)
    vibe.spend(30)
    vibe.wait(days=70)
    assert (vibe.balance, vibe.state) == (100, "active")
    with pytest.raises(SubscriptionRefused):
        vibe.do("renew", every=YEAR) if find_due(vibe.row, vibe.at) is None else vibe.do("miss")

    assert vibe.catch_up() == ["renew"]

    assert vibe.row.period_starts_at == moment("2026-03-10T12:00:00")
    assert (vibe.row.ends_at, vibe.row.is_renewing, vibe.balance) == (NEVER, 1, 100)
    with pytest.raises(SubscriptionRefused, match="by itself"):
        vibe.do("renew")


def test_rule_20_the_end_of_a_trial_is_the_earliest_first_turn():
    studio = Subscriber()
    studio.do("subscribe", "club", is_first=True)
    assert (studio.state, studio.balance) == ("trialing", 77)

    studio.spend(50)
    studio.wait(days=12)
    assert studio.balance == 27

    studio.do("convert", paid=dollars(9))
    assert (studio.state, studio.balance) == ("active", 27)
    assert studio.row.period_starts_at == moment("2026-01-30T12:00:00")
    assert studio.row.period_ends_at == moment("2026-02-28T12:00:00")
    studio.go("2026-01-30T12:00:00")
    assert studio.balance == 77


def test_an_unpaid_trial_falls_back_when_it_ends_and_is_given_once():
    studio = Subscriber()
    studio.do("subscribe", "premium", is_first=True)
    assert (studio.state, studio.balance) == ("trialing", 1200)

    studio.wait(days=14)
    assert (studio.state, studio.balance) == ("expired", 60)
    assert studio.catch_up() == ["expire"]

    studio.do("subscribe", "premium", paid=dollars(29))
    assert (studio.state, studio.balance) == ("active", 1200)
    with pytest.raises(TermInvalid, match="trial"):
        studio.do("upgrade", "basic", trial=True)


def test_bonuses_come_with_the_first_subscription_only():
    studio = Subscriber()
    studio.do("subscribe", "basic", is_first=True, paid=dollars(15))
    assert studio.balance == 510
    studio.do("cancel_now")
    assert studio.balance == 70
    studio.do("subscribe", "basic", paid=dollars(15))
    assert studio.balance == 510

    studio.wait(days=31)
    assert studio.balance == 0
