"""Allowances: what recurs, what is carried over, and what the balance says of it."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

import farthing
from farthing import Allow, ChangeAllowance, EndPeriod

MONTH_ON = timedelta(days=31)


def test_an_allowance_gives_its_first_period_at_once_and_says_when_it_turns(ledger, clock):
    receipt = ledger.allow("acme", 100, every="month")

    assert (receipt.kind, receipt.granted, receipt.available) == ("allowed", 100, 100)
    balance = ledger.balance("acme")
    (allowance,) = balance.allowances
    assert (allowance.name, allowance.amount, allowance.every, allowance.count) == ("plan", 100, "month", 1)
    assert (allowance.left, allowance.carried, allowance.tied) == (100, 0, 0)
    assert allowance.starts_at == clock.at == datetime(2026, 11, 21, 10, 4, tzinfo=UTC)
    assert allowance.turns_at == balance.next_reset == datetime(2026, 12, 21, 10, 4, tzinfo=UTC)
    assert receipt.grant == balance.lots[0].grant
    assert (balance.lots[0].source, balance.lots[0].priority) == ("plan", 10)
    assert balance.lots[0].expires_at == allowance.turns_at


def test_what_is_unused_ends_with_the_period_and_a_fresh_grant_comes(ledger, clock):
    first = ledger.allow("acme", 100, every="month").grant
    ledger.charge("acme", 30)
    clock.advance(MONTH_ON)

    receipt = ledger.charge("acme", 10)

    assert (receipt.charged, receipt.available) == (10, 90)
    balance = ledger.balance("acme")
    assert (balance.granted, balance.spent, balance.expired) == (200, 40, 70)
    assert [lot.grant for lot in balance.lots] != [first]
    assert [line.kind for line in ledger.history("acme")][:3] == ["charged", "turned", "expired"]
    with pytest.raises(farthing.InsufficientCredits) as no:
        ledger.charge("acme", 91)
    assert no.value.arriving == 100
    assert no.value.resets_at == datetime(2027, 1, 21, 10, 4, tzinfo=UTC)
    assert "100 more arrive on 21 January 2027" in str(no.value)


@pytest.mark.parametrize(
    ("every", "count", "turns_at"),
    [
        ("hour", 1, datetime(2026, 11, 21, 11, tzinfo=UTC)),
        ("day", 1, datetime(2026, 11, 22, tzinfo=UTC)),
        ("week", 1, datetime(2026, 11, 23, tzinfo=UTC)),
        ("month", 1, datetime(2026, 12, 1, tzinfo=UTC)),
        ("quarter", 1, datetime(2027, 1, 1, tzinfo=UTC)),
        ("half_year", 1, datetime(2027, 1, 1, tzinfo=UTC)),
        ("year", 1, datetime(2027, 1, 1, tzinfo=UTC)),
        ("hour", 4, datetime(2026, 11, 21, 12, tzinfo=UTC)),
    ],
)
def test_calendar_periods_begin_where_the_calendar_does(ledger, every, count, turns_at):
    ledger.allow("acme", 5, every=every, count=count, anchor="calendar")

    assert ledger.balance("acme").next_reset == turns_at


def test_a_timedelta_of_days_is_so_many_days(ledger, clock):
    ledger.allow("acme", 5, every=timedelta(days=10), count=3)

    (allowance,) = ledger.balance("acme").allowances
    assert (allowance.every, allowance.count, allowance.turns_at) == ("day", 30, clock.at + timedelta(days=30))


def test_calendar_midnights_are_those_of_the_account_or_of_a_named_zone(ledger):
    ledger.open_account("acme", zone="America/New_York")
    ledger.allow("acme", 5, every="month", anchor="calendar")
    ledger.allow("acme", 5, every="month", anchor="calendar", name="kinshasa", zone="Africa/Kinshasa")

    first, second = ledger.balance("acme").allowances

    assert (first.name, first.zone, first.turns_at.isoformat()) == (
        "kinshasa", "Africa/Kinshasa", "2026-11-30T23:00:00+00:00",
    )  # fmt: skip
    assert (second.zone, second.turns_at.isoformat()) == ("America/New_York", "2026-12-01T05:00:00+00:00")


def test_an_anchor_on_the_31st_comes_back_to_the_31st(ledger, clock):
    ledger.allow("acme", 5, every="month", anchor=datetime(2026, 10, 31, 8, tzinfo=UTC))

    seen = []
    for _ in range(5):
        seen.append(ledger.balance("acme").next_reset)
        clock.move_to(seen[-1])

    assert [(at.month, at.day, at.hour) for at in seen] == [
        (11, 30, 8),
        (12, 31, 8),
        (1, 31, 8),
        (2, 28, 8),
        (3, 31, 8),
    ]


def test_an_allowance_may_wait_and_its_start_is_its_anchor(ledger, clock):
    starts_at = datetime(2026, 12, 5, 8, tzinfo=UTC)
    receipt = ledger.allow("acme", 5, every="month", starts_at=starts_at)

    assert (receipt.granted, receipt.grant) == (0, None)
    assert (ledger.balance("acme").spendable, ledger.balance("acme").next_reset) == (0, starts_at)
    clock.move_to(starts_at)
    assert ledger.charge("acme", 5).charged == 5
    assert ledger.balance("acme").next_reset == datetime(2027, 1, 5, 8, tzinfo=UTC)


def test_a_start_that_has_passed_says_which_period_is_in_hand(ledger):
    ledger.allow("acme", 5, every="month", starts_at=datetime(2026, 9, 5, 8, tzinfo=UTC))

    assert (ledger.balance("acme").spendable, ledger.balance("acme").granted) == (5, 5)
    assert ledger.balance("acme").next_reset == datetime(2026, 12, 5, 8, tzinfo=UTC)


@pytest.mark.parametrize(("first", "given"), [("full", 300), ("prorated", "95.81"), (7, 7), ("7.5", "7.5"), (0, 0)])
def test_the_first_period_gives_all_or_its_share_or_what_is_said(ledger, first, given):
    receipt = ledger.allow("acme", 300, every="month", anchor="calendar", first=first)

    assert receipt.granted.quantize(Decimal("0.01")) == Decimal(given)
    assert ledger.balance("acme").spendable == receipt.granted


def test_all_that_is_unused_is_carried(ledger, clock):
    ledger.allow("acme", 100, every="month", rollover="all")
    ledger.charge("acme", 30)
    clock.advance(MONTH_ON)

    (allowance,) = ledger.balance("acme").allowances

    assert (allowance.left, allowance.carried, allowance.rollover, allowance.keep) == (100, 70, "all", None)


@pytest.mark.parametrize(
    ("cap", "carried"), [({"cap": 50}, 50), ({"cap_percent": "12.5"}, 12), ({"cap_percent": Decimal("33.3333")}, 33)]
)
def test_what_is_carried_is_capped(ledger, clock, cap, carried):
    ledger.allow("acme", 100, every="month", rollover="capped", unit="generations", **cap)
    clock.advance(MONTH_ON)

    (allowance,) = ledger.balance("acme", "generations").allowances

    assert (allowance.left, allowance.carried) == (100, carried)
    assert [f"{value}" for value in (allowance.cap, allowance.cap_percent) if value is not None] == [
        str(value) for value in cap.values()
    ]


def test_carried_credits_live_for_as_many_periods_as_they_are_kept(ledger, clock):
    ledger.allow("acme", 10, every="day", rollover="all", keep=2)

    spendable = []
    for _ in range(5):
        spendable.append(ledger.balance("acme").spendable)
        clock.advance(timedelta(days=1))

    assert spendable == [10, 20, 30, 30, 30]


@pytest.mark.parametrize(("on_turn", "left", "debt"), [("keep", 6, 0), ("forgive", 10, 0)])
def test_debt_is_paid_by_the_fresh_credits_or_forgiven(ledger, clock, on_turn, left, debt):
    ledger.allow("acme", 10, every="month", on_turn=on_turn)
    ledger.record("acme", 14)
    clock.advance(MONTH_ON)

    balance = ledger.balance("acme")

    assert (balance.spendable, balance.debt) == (left, debt)


@pytest.mark.parametrize(
    ("mode", "spendable", "next_month"),
    [("replace", 500, 500), ("add", 570, 500), ("keep_used", 470, 500), ("at_turn", 70, 500)],
)
def test_a_new_amount_means_what_its_mode_says(ledger, clock, mode, spendable, next_month):
    ledger.allow("acme", 100, every="month")
    ledger.charge("acme", 30)

    receipt = ledger.change_allowance("acme", 500, mode=mode)

    assert (receipt.kind, ledger.balance("acme").spendable) == ("allowance_changed", spendable)
    assert ledger.balance("acme").allowances[0].left == spendable
    clock.advance(MONTH_ON)
    assert ledger.balance("acme").spendable == next_month


def test_how_it_rolls_over_can_be_changed_from_the_next_turn(ledger, clock):
    ledger.allow("acme", 100, every="month")
    ledger.change_allowance("acme", rollover="capped", cap=20, keep=1, on_turn="forgive")

    (allowance,) = ledger.balance("acme").allowances
    assert (allowance.rollover, allowance.cap, allowance.keep, allowance.on_turn) == ("capped", 20, 1, "forgive")
    clock.advance(MONTH_ON)
    assert ledger.balance("acme").spendable == 120
    with pytest.raises(farthing.TermInvalid, match="says nothing beside rollover='none'"):
        ledger.change_allowance("acme", rollover="none", cap=5)


def test_an_allowance_that_ended_turns_no_more(ledger, clock):
    ledger.allow("acme", 100, every="month")
    ledger.allow("acme", 10, every="month", name="extra")

    ledger.end_allowance("acme", name="extra", now=True)
    ledger.end_allowance("acme")

    assert (ledger.balance("acme").spendable, ledger.balance("acme").allowances) == (100, ())
    assert ledger.balance("acme").next_reset is None
    clock.advance(MONTH_ON)
    assert ledger.balance("acme").spendable == 0
    with pytest.raises(farthing.AllowanceNotFound, match="acme has no allowance plan of credits"):
        ledger.end_period("acme")


def test_a_name_is_free_again_once_its_allowance_ended(ledger):
    ledger.allow("acme", 100, every="month")
    with pytest.raises(farthing.AllowanceExists, match="change it, end it first, or choose another name"):
        ledger.allow("acme", 100, every="month")
    ledger.end_allowance("acme", now=True)

    assert ledger.allow("acme", 7, every="month").granted == 7


def test_bonus_credits_may_be_tied_to_the_period(ledger, clock):
    ledger.allow("acme", 100, every="month")
    ledger.grant("acme", 50, source="bonus", until_turn="plan")

    (allowance,) = ledger.balance("acme").allowances
    assert (allowance.left, allowance.tied, ledger.balance("acme").spendable) == (100, 50, 150)
    ledger.set_period_end("acme", clock.at + timedelta(days=60))
    clock.advance(timedelta(days=59))
    assert ledger.balance("acme").spendable == 150
    clock.advance(timedelta(days=1))
    assert ledger.balance("acme").spendable == 100
    with pytest.raises(farthing.AllowanceNotFound):
        ledger.grant("acme", 50, until_turn="nothing")


def test_a_scoped_allowance_pays_for_its_features_only(ledger):
    ledger.allow("acme", 100, every="month", features=["video", "audio"], promotional=True, source="beta", priority=5)

    (lot,) = ledger.balance("acme").lots
    assert (lot.features, lot.promotional, lot.source, lot.priority) == (("audio", "video"), True, "beta", 5)
    assert ledger.balance("acme").allowances[0].features == ("audio", "video")
    assert (ledger.available("acme"), ledger.available("acme", "video")) == (0, 100)


def test_a_replay_gives_the_first_receipt_word_for_word(ledger, clock):
    first = ledger.allow("acme", 100, every="month", rollover="capped", cap=5, key="a")
    clock.advance(MONTH_ON)
    again = ledger.allow("acme", 100, every="month", rollover="capped", cap=5, key="a")

    assert again.replayed
    assert (again.id, again.granted, again.grant, again.at) == (first.id, 100, first.grant, first.at)
    with pytest.raises(farthing.KeyReused):
        ledger.allow("acme", 100, every="month", rollover="capped", cap=6, key="a")


def test_a_frozen_account_is_given_its_allowances_and_a_closed_one_is_not(ledger, clock):
    ledger.allow("acme", 100, every="month")
    ledger.freeze("acme")
    clock.advance(MONTH_ON)

    assert ledger.balance("acme").granted == 200
    with pytest.raises(farthing.AccountFrozen):
        ledger.charge("acme", 1)
    ledger.allow("acme", 1, every="month", name="more")
    ledger.unfreeze("acme")
    ledger.close_account("acme")
    with pytest.raises(farthing.AccountClosed):
        ledger.allow("acme", 1, every="month", name="yet more")


def test_years_of_absence_come_to_the_same_as_if_somebody_had_looked(ledger, clock):
    ledger.allow("acme", 10, every="day", rollover="capped", cap=15)
    clock.advance(timedelta(days=1000))

    assert ledger.charge("acme", 25).available == 0
    balance = ledger.balance("acme")
    assert (balance.granted, balance.expired) == (10_010, 9_985)


def test_a_batch_and_the_awaited_verbs_do_the_same(ledger):
    async def work():
        receipt = await ledger.aallow("umbrella", 10, every="month")
        await ledger.achange_allowance("umbrella", 20)
        await ledger.aend_period("umbrella")
        await ledger.aset_period_end("umbrella", datetime(2027, 1, 1, tzinfo=UTC))
        balance = await ledger.abalance("umbrella")
        await ledger.aend_allowance("umbrella", now=True)
        return receipt, balance

    receipt, balance = asyncio.run(work())
    answers = ledger.batch(
        [
            Allow("acme", 10, every="month"),
            ChangeAllowance("acme", 20),
            EndPeriod("acme"),
            farthing.SetPeriodEnd("acme", datetime(2027, 1, 1, tzinfo=UTC)),
            Allow("acme", 10, every="fortnight"),
        ]
    )

    assert [getattr(answer, "kind", "no") for answer in answers] == [
        "allowed", "allowance_changed", "period_set", "period_set", "no"
    ]  # fmt: skip
    there = ledger.balance("acme").allowances[0]
    assert (receipt.granted, balance.allowances[0]) == (10, there)
    assert (there.left, there.turns_at) == (20, datetime(2027, 1, 1, tzinfo=UTC))


def test_allowances_are_json(ledger):
    ledger.allow("acme", 100, every="month", rollover="capped", cap_percent="12.5")

    said = ledger.balance("acme").json()

    assert said["next_reset"] == "2026-12-21T10:04:00+00:00"
    assert (said["allowances"][0]["left"], said["allowances"][0]["turns_at"]) == ("100.00", said["next_reset"])
    assert said["allowances"][0] == ledger.balance("acme").allowances[0].json()


def test_what_is_due_when_an_account_closes_still_happens_and_nothing_after(ledger, clock):
    ledger.allow("acme", 5, every="month", rollover="all")
    clock.advance(timedelta(days=33))

    ledger.close_account("acme")
    clock.advance(timedelta(days=100))

    assert ledger.balance("acme").spendable == 10


def test_what_an_allowance_that_has_ended_gave_is_no_base_that_could_be_refilled(ledger, clock):
    ledger.allow("acme", 20, every="month", rollover="all")
    ledger.charge("acme", 7)
    clock.advance(timedelta(days=31))
    ledger.charge("acme", 1)
    ledger.end_allowance("acme")

    ledger.reset_used("acme")

    assert ledger.balance("acme").spendable == 32
