"""Worked examples of subscriptions, from the mission and the rules, on the real core."""

from dataclasses import replace

import pytest

from farthing.engine.zones import find_zone
from farthing.tariff.catalog import Cap, Length, UnitTerms
from farthing.tariff.errors import PlanNotFound, SubscriptionRefused
from farthing.tariff.plans import (
    EVENTS,
    STATES,
    TRANSITIONS,
    Event,
    State,
    draw_transitions,
    find_due,
    find_nearest,
    find_plan,
    resolve_terms,
)
from farthing.tariff.rows import Choice
from farthing.tariff.steps import RULES, plan_step
from farthing.values.bounds import NEVER
from farthing.values.errors import SubscriptionChanged, TermInvalid
from farthing.values.periods import HOUR, Rhythm
from farthing.values.requests import Configure
from farthing.values.standing_requests import Allow, ChangeMode, Subscribe, Together
from farthing.values.subscriptions import Step
from tests.unit.tariff.subscriber import (
    DAYS,
    MONTH,
    STUDIO,
    VIBE,
    WEEK,
    YEAR,
    Subscriber,
    credits,
    dollars,
    moment,
    with_plan,
)


def test_rule_21_the_new_plan_says_what_becomes_of_the_credits_in_hand():
    for mode, balance in ((ChangeMode.REPLACE, 1200), (ChangeMode.ADD, 1600), (ChangeMode.KEEP_USED, 1100)):
        studio = Subscriber(with_plan(STUDIO, "premium", on_upgrade=mode))
        studio.do("subscribe", "basic", paid=dollars(15))
        studio.spend(100)
        studio.do("upgrade", "premium", paid=dollars(29))

        assert studio.balance == balance
        assert studio.live() == [("free.credits", True), ("premium.credits", False)]


def test_an_upgrade_within_a_cycle_keeps_the_period_and_prorates_both_prices():
    studio = Subscriber()
    studio.do("subscribe", "basic", paid=dollars(15))
    studio.wait(days=10)
    planned = studio.do("upgrade", "premium")

    assert studio.row.period_ends_at == moment("2026-02-10T12:00:00")
    # 21 of 31 days are left: 15 * 21 / 31 = 10.161…, 29 * 21 / 31 = 19.645….
    assert [(line.kind, line.plan, line.minor) for line in planned.lines] == [
        ("credit", "basic", -1016),
        ("charge", "premium", 1965),
    ]


def test_what_was_paid_ahead_is_given_back_whole():
    studio = Subscriber()
    studio.do("subscribe", "basic", paid=dollars(15))
    studio.do("renew", paid=dollars(15))
    studio.do("renew", paid=dollars(15))

    planned = studio.do("upgrade", "premium", every=YEAR)

    # Three periods that end on 10 April are worth 90 / 31 of one of 31 days.
    assert [(line.kind, line.minor) for line in planned.lines] == [("credit", -4355), ("charge", 29000)]
    assert studio.row.period_ends_at == moment("2027-01-10T12:00:00")


def test_without_proration_an_upgrade_within_a_cycle_costs_nothing_before_the_next_period():
    studio = Subscriber(with_plan(STUDIO, "premium", proration="none"))
    studio.do("subscribe", "basic", paid=dollars(15))

    assert studio.do("upgrade", "premium").lines == ()


def test_a_downgrade_to_a_free_plan_happens_at_the_end_of_the_period_by_itself():
    studio = Subscriber()
    studio.do("subscribe", "premium", paid=dollars(29))
    studio.do("downgrade", "free")
    assert (studio.plan, studio.balance) == ("premium", 1200)
    assert studio.live() == [("free.credits", True), ("premium.credits", False)]

    studio.go("2026-02-10T12:00:00")

    assert (studio.plan, studio.balance, studio.state) == ("free", 60, "active")
    assert studio.catch_up() == ["switch"]
    assert (studio.row.step, studio.row.plan, studio.row.ends_at) == (Step.DOWNGRADED, "free", NEVER)
    assert studio.balance == 60


def test_a_downgrade_to_a_priced_plan_waits_for_its_payment():
    unpaid, late, ahead = Subscriber(), Subscriber(), Subscriber()
    for each in (unpaid, late, ahead):
        each.do("subscribe", "premium", paid=dollars(29))
        each.do("downgrade", "basic")
    ahead.do("renew", paid=dollars(15))
    with pytest.raises(SubscriptionRefused, match="basic is paid for from 2026-02-10"):
        ahead.do("cancel")

    for each in (unpaid, late, ahead):
        each.go("2026-02-10T13:00:00")
    assert [each.balance for each in (unpaid, late, ahead)] == [0, 0, 500]
    assert [each.state for each in (unpaid, late, ahead)] == ["past_due", "past_due", "active"]
    late.do("renew", paid=dollars(15))
    assert ahead.catch_up() == ["switch"]
    unsaid = {"number": 0, "recorded_at": 0, "paid_minor": 0, "currency": 0}
    assert ahead.row._replace(**unsaid) == late.row._replace(**unsaid)
    assert (late.balance, late.plan, late.row.step) == (500, "basic", Step.DOWNGRADED)

    unpaid.go("2026-02-14T12:00:00")
    assert (unpaid.catch_up(), unpaid.balance, unpaid.plan) == (["miss", "expire"], 60, "free")


def test_cancel_runs_to_the_end_of_what_is_paid_and_resume_undoes_it():
    studio = Subscriber()
    studio.do("subscribe", "basic", paid=dollars(15))
    before = studio.row
    studio.do("cancel")
    assert (studio.state, studio.balance, studio.row.ends_at) == ("cancelled", 500, before.period_ends_at)

    studio.do("resume")
    assert (
        studio.row._replace(number=before.number, step=before.step, paid_minor=1500, currency=before.currency) == before
    )
    studio.do("downgrade", "free")
    studio.do("resume")
    assert (studio.row.next_plan, studio.row.ends_at) == ("", before.ends_at)
    with pytest.raises(SubscriptionRefused, match="nothing was taken back"):
        studio.do("resume")


def test_cancel_now_takes_the_plans_credits_and_gives_those_of_the_fallback():
    studio = Subscriber()
    studio.do("subscribe", "basic", paid=dollars(15))
    studio.do("cancel_now")

    assert (studio.state, studio.plan, studio.balance) == ("expired", "free", 60)
    assert studio.row.step == Step.ENDED


def test_another_cycle_of_the_same_plan_is_chosen_for_the_end_of_the_period_and_may_be_paid_ahead():
    studio = Subscriber()
    studio.do("subscribe", "basic", paid=dollars(15))
    with pytest.raises(SubscriptionRefused, match="it is basic already"):
        studio.do("downgrade", "basic")
    studio.do("downgrade", "basic", every=YEAR)
    studio.do("renew", paid=dollars(210))
    studio.spend(100)

    studio.go("2026-02-10T12:00:00")

    assert (studio.catch_up(), studio.balance) == (["switch"], 500)
    assert (studio.row.every, studio.row.period_ends_at) == (YEAR, moment("2027-02-10T12:00:00"))


def test_a_downgrade_to_a_plan_that_lasts_ends_with_it_and_its_fallback():
    studio = Subscriber()
    studio.do("subscribe", "premium", paid=dollars(29))
    studio.do("downgrade", "pass")
    assert studio.live() == [("free.credits", True), ("pass.credits", True), ("premium.credits", False)]

    studio.go("2026-02-17T12:00:00")
    assert (studio.plan, studio.balance, studio.catch_up()) == ("pass", 100, ["switch"])
    studio.do("resume")
    assert (studio.row.ends_at, studio.live()) == (NEVER, [("pass.credits", False)])


def test_a_plan_that_comes_back_as_the_fallback_of_the_next_is_arranged_when_it_has_gone():
    studio = Subscriber(with_plan(STUDIO, "premium", fallback="basic"))
    studio.do("subscribe", "basic", paid=dollars(15))
    studio.do("downgrade", "premium")
    studio.do("renew", paid=dollars(29))
    assert studio.live() == [("basic.credits", False), ("premium.credits", True)]

    studio.go("2026-02-10T12:00:00")
    studio.catch_up()

    assert studio.live() == [("basic.credits", True), ("premium.credits", False)]


def test_a_priced_plan_given_for_a_length_of_time_is_not_renewed_by_a_payment():
    studio = Subscriber()
    studio.do("subscribe", "basic", lasts=Length(DAYS, 10))
    with pytest.raises(SubscriptionRefused, match="upgrade to periods"):
        studio.do("renew", paid=dollars(15))
    with pytest.raises(TermInvalid, match="beside periods"):
        studio.do("upgrade", "premium", lasts=Length(DAYS, 10), renews=True)
    assert studio.do("upgrade", "basic", paid=dollars(15)).lines[0].minor == 1500


def test_a_trial_is_converted_by_a_payment_and_nothing_else():
    studio = Subscriber()
    studio.do("subscribe", "premium", trial=True)
    with pytest.raises(SubscriptionRefused, match="record its payment"):
        studio.do("convert")
    studio.do("cancel")
    studio.do("resume")
    assert (studio.state, studio.row.ends_at) == ("trialing", studio.row.trial_ends_at)
    assert studio.do("upgrade", "basic", paid=dollars(15)).lines[0].kind == "charge"
    assert (studio.state, studio.row.trial_ends_at) == ("active", 0)


def test_a_fallback_that_the_catalog_has_no_more_is_read_from_the_version_that_had_it():
    studio = Subscriber()
    studio.do("subscribe", "premium", paid=dollars(29))
    studio.publish(replace(STUDIO, plans={name: plan for name, plan in STUDIO.plans.items() if name != "free"}))
    studio.wait(days=40)

    assert (studio.catch_up(), studio.plan, studio.balance) == (["expire"], "free", 60)


def test_a_plan_that_is_its_own_fallback_after_an_unpaid_choice_goes_on_without_a_gap():
    studio = Subscriber()
    studio.do("subscribe", "free", lasts=Length(DAYS, 10))
    studio.do("downgrade", "basic", every=MONTH)
    assert studio.row.ends_at == studio.row.period_ends_at
    assert [(each.name, each.until) for each in studio.stand().allowances[1]] == [("free.credits", 0)]

    studio.wait(days=10)
    assert (studio.balance, studio.catch_up(), studio.balance) == (60, ["expire"], 60)


def test_what_is_arranged_follows_the_catalog_with_the_next_step():
    studio = Subscriber()
    studio.do("subscribe", "premium", paid=dollars(29))
    studio.publish(with_plan(STUDIO, "free", allowances=(credits(90),)))
    studio.do("cancel")
    studio.wait(days=31)

    assert studio.balance == 90


def test_only_the_first_period_is_prorated_never_one_that_is_paid_late():
    studio = Subscriber(with_plan(STUDIO, "basic", allowances=(replace(credits(500), is_prorated=True),)))
    studio.do("subscribe", "basic", paid=dollars(15))
    studio.go("2026-02-12T12:00:00")
    studio.do("renew", paid=dollars(15))

    assert studio.balance == 500


def test_a_new_allowance_of_the_same_plan_takes_the_place_of_none():
    both = (credits(9, name="more"), credits(500))
    studio = Subscriber(with_plan(STUDIO, "basic", on_upgrade=ChangeMode.KEEP_USED))
    studio.do("subscribe", "basic", paid=dollars(15))
    studio.spend(100)
    studio.publish(with_plan(studio.catalog, "basic", allowances=both))
    studio.do("upgrade", "basic", every=YEAR, paid=dollars(210))

    assert studio.balance == 409


def test_what_was_paid_for_after_a_trial_is_given_back_once():
    studio = Subscriber()
    studio.do("subscribe", "premium", trial=True)
    studio.do("convert", paid=dollars(29))

    assert [line.minor for line in studio.do("upgrade", "basic").lines] == [-2900, 1500]


def test_a_change_of_plan_keeps_the_cycle_if_the_new_one_is_sold_so():
    studio = Subscriber()
    studio.do("subscribe", "basic", every=YEAR, paid=dollars(210))
    studio.wait(days=366)
    assert studio.state == "past_due"

    assert studio.do("upgrade", "premium").lines[0].minor == 29000


def test_a_trial_that_goes_on_after_all_has_no_grace():
    studio = Subscriber(with_plan(STUDIO, "premium", grace=Length(DAYS, 3)))
    studio.do("subscribe", "premium", trial=True)
    studio.do("cancel")
    studio.do("resume")

    assert studio.row.ends_at == studio.row.trial_ends_at


def test_a_boundary_that_zone_rules_have_moved_since_is_still_the_same_one():
    rhythm = Rhythm(MONTH, 1, moment("2026-01-10T12:00:00"), "UTC")
    for hours in (-1, 0, 1):
        assert find_nearest(rhythm, moment("2026-03-10T12:00:00") + hours * HOUR, find_zone) == 2


def test_settings_of_a_plan_come_and_go_with_it_and_those_changed_by_hand_stay():
    studio = Subscriber()
    terms = lambda: studio.stand().terms[1]  # noqa: E731
    studio.do("subscribe", "free")
    assert (terms().alerts, terms().overdraft) == ((5,), 0)
    studio.do("upgrade", "basic", paid=dollars(15))
    assert (terms().alerts, terms().overdraft) == ((50, 0), 20)

    studio.desk.decide(Configure(key="by hand", account="acme", unit=1, terms=((1, 7),)))
    studio.do("cancel_now")

    assert (terms().alerts, terms().overdraft) == ((5,), 7)


def test_settings_resolve_plan_over_catalog_unit_by_unit():
    assert resolve_terms(STUDIO, STUDIO.plans["basic"]) == {"credits": UnitTerms(overdraft=20, alerts=(50, 0))}
    assert resolve_terms(STUDIO, STUDIO.plans["free"]) == {"credits": UnitTerms(alerts=(5,))}
    only_overdraft = with_plan(STUDIO, "basic", terms={"credits": UnitTerms(overdraft=1)})
    assert resolve_terms(only_overdraft, only_overdraft.plans["basic"])["credits"].alerts == (5,)


def test_caps_of_a_plan_come_and_go_with_it_and_the_catalogs_stay():
    studio = Subscriber()
    budgets = lambda: {each.name: each.most for each in studio.stand().budgets[1]}  # noqa: E731
    studio.do("subscribe", "basic", paid=dollars(15))
    assert budgets() == {"basic.clips": 100, "catalog.all": 5000}
    [clips] = [each for each in studio.stand().budgets[1] if each.name == "basic.clips"]
    assert (clips.every, clips.anchor) == (MONTH, studio.row.anchor)

    studio.publish(with_plan(STUDIO, "basic", caps=(Cap(name="clips", unit="credits", most=70, is_hard=False),)))
    studio.do("renew", paid=dollars(15))
    assert budgets() == {"basic.clips": 70, "catalog.all": 5000}
    studio.do("upgrade", "premium")
    assert budgets() == {"catalog.all": 5000}


def test_a_renewal_goes_by_the_catalog_of_now_from_the_next_turn():
    studio = Subscriber()
    studio.do("subscribe", "basic", paid=dollars(15))
    studio.publish(with_plan(STUDIO, "basic", allowances=(credits(800), credits(9, name="more", every=WEEK))))
    studio.do("cancel")
    studio.do("resume")
    assert studio.row.catalog_version == 1

    studio.do("renew", paid=dollars(15))
    assert (studio.row.catalog_version, studio.balance) == (2, 509)
    studio.go("2026-02-10T12:00:00")
    assert studio.balance == 809


def test_what_costs_something_now_still_goes_on_by_itself_for_those_who_have_it():
    vibe = Subscriber(VIBE)
    vibe.do("subscribe", "pro", every=MONTH)
    vibe.publish(with_plan(VIBE, "pro", prices=STUDIO.plans["club"].prices))
    vibe.wait(days=40)

    assert vibe.catch_up() == ["renew"]

    assert (vibe.row.catalog_version, vibe.row.ends_at, vibe.balance) == (1, NEVER, 100)


def test_a_cycle_that_is_not_sold_any_more_is_renewed_by_the_catalog_that_sold_it():
    studio = Subscriber()
    studio.do("subscribe", "basic", every=YEAR, paid=dollars(210))
    studio.publish(with_plan(STUDIO, "basic", prices=STUDIO.plans["basic"].prices[:1]))
    with pytest.raises(SubscriptionRefused, match="record its payment"):
        studio.do("renew")

    assert studio.do("renew", paid=dollars(210)).lines[0].minor == 21000
    assert studio.row.catalog_version == 1


def test_a_step_that_was_planned_on_an_older_one_is_refused():
    studio = Subscriber()
    studio.do("subscribe", "free")
    stale = plan_step(Event.UPGRADE, studio.stand(), Choice(plan="basic"))
    studio.do("upgrade", "premium")

    with pytest.raises(SubscriptionChanged):
        studio.desk.decide(Together(key="stale", account="acme", said=("stale",), requests=stale.requests))


def test_the_first_request_is_the_step_and_all_others_are_the_accounts():
    planned = Subscriber().do("subscribe", "basic", is_first=True)

    assert isinstance(planned.requests[0], Subscribe)
    assert {(each.account, each.key) for each in planned.requests} == {("acme", "")}
    assert planned.names == tuple(sorted(planned.names))
    assert {"basic.credits", "free.credits", "basic.clips", "clip", "bonus", "plan", "UTC"} <= set(planned.names)


def test_allowances_that_people_made_are_left_alone():
    studio = Subscriber()
    for name in ("loyalty", "staff.other"):
        studio.desk.decide(Allow(key=name, account="acme", unit=1, name=name, amount=3, every=MONTH))
    studio.do("subscribe", "basic", paid=dollars(15))
    studio.do("cancel_now")

    assert {"loyalty", "staff.other"} <= {name for name, _ in studio.live()}


def test_what_the_table_does_not_have_is_refused_and_says_what_is_possible():
    studio = Subscriber()
    with pytest.raises(SubscriptionRefused, match=r"from here it can subscribe$"):
        studio.do("renew")
    with pytest.raises(PlanNotFound, match="choose one of free, basic, premium, pass, club"):
        studio.do("subscribe", "gold")
    with pytest.raises(TermInvalid, match="club is sold for USD each month"):
        studio.do("subscribe", "club", every=YEAR)
    with pytest.raises(TermInvalid, match="GHS"):
        studio.do("subscribe", "club", currency="GHS")
    studio.do("subscribe", "basic", paid=dollars(15))
    for event in ("expire", "miss", "switch"):
        with pytest.raises(SubscriptionRefused, match="it is not due"):
            studio.do(event)
    with pytest.raises(SubscriptionRefused, match="it is basic already"):
        studio.do("upgrade", "basic")
    with pytest.raises(SubscriptionRefused, match="renew, upgrade, downgrade"):
        studio.do("subscribe", "premium")
    assert studio.desk.wallets[0].seq == 1


def test_before_anything_there_is_no_plan():
    assert (find_plan(None, 0), find_due(None, 0)) == ("", None)


def test_every_event_has_words_a_rule_and_rows_and_every_row_is_drawn():
    assert set(EVENTS) == set(RULES) == set(Event) == {row.event for row in TRANSITIONS}
    assert set(STATES) == set(State) == {row.state for row in TRANSITIONS} | {row.after for row in TRANSITIONS}
    assert len(set(TRANSITIONS)) == len(TRANSITIONS)
    drawn = draw_transitions()
    for row in TRANSITIONS:
        assert f"| {row.state} | {row.event} | {row.after} | {row.says} |" in drawn
    assert "    [*] --> trialing: subscribe\n" in drawn
    assert "    past_due --> active: renew, upgrade\n" in drawn
