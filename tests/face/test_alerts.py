"""Alerts: one for each crossing; top-ups: one purchase under way."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

import farthing
from farthing import TopUp


def told(alerts):
    return [(alert.kind, alert.threshold) for alert in alerts]


def test_each_threshold_is_told_once_when_it_is_reached_from_above(ledger):
    ledger.open_account("acme")
    ledger.configure("acme", alerts=[0, 10, 50])
    ledger.grant("acme", 60)

    assert ledger.charge("acme", 9).alerts == ()
    assert told(ledger.charge("acme", 1).alerts) == [("low", 50)]
    assert ledger.charge("acme", 1).alerts == ()
    both = ledger.charge("acme", 49)
    assert told(both.alerts) == [("low", 10), ("depleted", 0)]
    assert [alert.balance for alert in both.alerts] == [0, 0]
    assert {alert.receipt for alert in both.alerts} == {both.id}
    ledger.grant("acme", 11)
    assert told(ledger.charge("acme", 1).alerts) == [("low", 10)], "armed again above it"


def test_what_is_held_is_not_spent_so_a_released_hold_fires_nothing(ledger):
    ledger.open_account("acme")
    ledger.configure("acme", alerts=[10], overdraft=100)
    ledger.grant("acme", 20)

    hold = ledger.hold("acme", 15)

    assert hold.receipt.alerts == ()
    assert hold.release().alerts == ()
    assert told(ledger.charge("acme", 10).alerts) == [("low", 10)]
    assert told(ledger.charge("acme", 60).alerts) == []
    assert ledger.balance("acme").terms.alerts == (10,)


def test_a_fall_by_expiry_is_told_with_the_next_decision(ledger, clock):
    ledger.open_account("acme")
    ledger.configure("acme", alerts=[0])
    ledger.grant("acme", 20, expires_in=timedelta(days=1))
    clock.advance(timedelta(days=2))

    assert list(ledger.alerts()) == []
    receipt = ledger.record("acme", 0)

    assert told(receipt.alerts) == [("expired", 0)]


def test_alerts_are_listed_newest_first_for_one_or_for_all(ledger, clock):
    ledger.open_account("acme")
    ledger.configure("acme", alerts=[10])
    ledger.open_account("umbrella")
    ledger.configure("umbrella", alerts=[1], unit="generations")
    ledger.grant("acme", 20)
    ledger.grant("umbrella", 2, unit="generations")
    receipt = ledger.charge("acme", 10)
    clock.advance(timedelta(minutes=1))
    ledger.charge("umbrella", 1, unit="generations")

    newest, oldest = ledger.alerts()
    assert (newest.account, newest.unit, newest.threshold, newest.at) == ("umbrella", "generations", 1, clock.at)
    assert list(ledger.alerts("acme")) == [oldest] == list(receipt.alerts)
    assert list(ledger.alerts(unit="generations")) == [newest]
    assert (oldest.balance, oldest.id[:4]) == (10, "ent_")
    assert oldest.json()["threshold"] == "10.00"
    assert receipt.json()["alerts"] == [oldest.json()]
    with pytest.raises(farthing.AccountNotFound):
        ledger.alerts("nobody")
    with pytest.raises(farthing.UnitNotFound):
        ledger.alerts(unit="tokens")


def test_alerts_are_read_a_page_at_a_time(ledger):
    ledger.open_account("acme")
    ledger.configure("acme", alerts=[5])
    ledger.batch([farthing.Adjust("acme", 6 if n % 2 == 0 else -6) for n in range(450)])

    alerts = list(ledger.alerts("acme"))

    assert (len(alerts), len({alert.id for alert in alerts})) == (225, 225)


def test_a_replay_tells_the_same_alerts(ledger):
    ledger.open_account("acme")
    ledger.configure("acme", alerts=[10])
    ledger.grant("acme", 20)
    first = ledger.charge("acme", 15, key="c")

    again = ledger.charge("acme", 15, key="c")

    assert (again.replayed, again.alerts) == (True, first.alerts)
    assert len(list(ledger.alerts())) == 1


def test_a_spent_budget_is_told_by_its_name_even_once_it_has_ended(ledger):
    ledger.grant("acme", 100)
    ledger.budget("acme", 20, name="interns", per="member")
    (alert,) = ledger.charge("acme", 20, member="ann").alerts
    ledger.end_budget("acme", name="interns")
    ledger.desk.budget_names.clear()

    assert (alert.kind, alert.budget, alert.spent, alert.threshold, alert.balance) == (
        "budget",
        "interns",
        20,
        None,
        80,
    )
    assert list(ledger.alerts("acme")) == [alert]


def test_a_top_up_asks_for_the_whole_gap_once_and_is_finished_by_its_grant(ledger):
    ledger.grant("acme", 20)
    ledger.configure("acme", top_up=TopUp(threshold=10, quantity=50))

    (wanted,) = ledger.record("acme", "449.8").alerts
    assert (wanted.kind, wanted.amount, wanted.balance, wanted.threshold) == ("top_up", 450, Decimal("-429.8"), None)
    assert ledger.record("acme", 1).alerts == (), "one purchase is under way at a time"
    ledger.grant("acme", 450, source="purchase", top_up=wanted.id)
    (again,) = ledger.charge("acme", 15).alerts
    assert (again.kind, again.amount) == ("top_up", 50)
    assert [alert.id for alert in ledger.alerts()] == [again.id, wanted.id]


def test_after_a_decline_the_next_purchase_waits(ledger, clock):
    ledger.grant("acme", 5)
    (wanted,) = ledger.configure("acme", top_up=TopUp(threshold=10, target=100, back_off=timedelta(hours=2))).alerts
    assert wanted.amount == 95

    receipt = ledger.decline_top_up("acme", wanted.id, description="card declined")

    assert (receipt.kind, receipt.alerts) == ("top_up_declined", ())
    assert ledger.charge("acme", 1).alerts == ()
    clock.advance(timedelta(hours=2))
    (again,) = ledger.charge("acme", 1).alerts
    assert (again.kind, again.amount) == ("top_up", 97)
    ledger.decline_top_up("acme", wanted.id)
    assert ledger.charge("acme", 1).alerts == (), "declining another one changes nothing"


def test_top_ups_obey_their_caps_and_are_turned_off(ledger, clock):
    rule = TopUp(threshold=10, quantity=50, whole_gap=False, min_purchase=60, per_day=60, per_month=1000)
    ledger.grant("acme", 15)
    ledger.configure("acme", top_up=rule)
    (wanted,) = ledger.charge("acme", 10).alerts
    assert wanted.amount == 60

    ledger.grant("acme", 60, top_up=wanted.id)
    assert ledger.charge("acme", 60).alerts == (), "that was all for today"
    clock.advance(timedelta(days=1))
    ledger.configure("acme", top_up=False)
    assert ledger.charge("acme", 1).alerts == ()

    kept = ledger.balance("acme").terms.top_up
    assert (kept.on, kept.threshold, kept.quantity, kept.min_purchase, kept.per_day) == (False, 10, 50, 60, 60)
    assert (kept.whole_gap, kept.target, kept.per_month, kept.back_off) == (False, None, 1000, timedelta(hours=1))
    ledger.open_account("umbrella")
    assert ledger.balance("umbrella").terms.top_up is None


def test_the_list_of_alerts_is_replaced_and_cleared(ledger):
    ledger.open_account("acme")
    ledger.configure("acme", alerts=[10, 5, 10])
    assert ledger.balance("acme").terms.alerts == (10, 5)
    ledger.configure("acme", overdraft=1)
    assert ledger.balance("acme").terms.alerts == (10, 5)
    ledger.configure("acme", alerts=[])
    assert ledger.balance("acme").terms.alerts == ()


def test_a_stranger_or_another_unit_cannot_end_a_purchase(ledger):
    ledger.grant("acme", 5)
    (wanted,) = ledger.configure("acme", top_up=TopUp(threshold=10, quantity=50)).alerts
    ledger.grant("umbrella", 1)

    with pytest.raises(farthing.TermInvalid, match="is no purchase that umbrella asked for"):
        ledger.decline_top_up("umbrella", wanted.id)
    with pytest.raises(farthing.TermInvalid, match="is no purchase that umbrella asked for"):
        ledger.grant("umbrella", 50, top_up=wanted.id)
    with pytest.raises(farthing.TermInvalid, match="grant credits, and nothing else"):
        ledger.grant("acme", 50, unit="generations", top_up=wanted.id)
    with pytest.raises(farthing.IdInvalid, match="expected ent_"):
        ledger.decline_top_up("acme", "50")


def test_awaited_alerts_and_batches_are_the_same(ledger):
    async def work():
        await ledger.agrant("acme", 20)
        await ledger.aconfigure("acme", alerts=[10], top_up=TopUp(threshold=3, quantity=5))
        charged = await ledger.acharge("acme", 18)
        wanted = charged.alerts[-1]
        await ledger.adecline_top_up("acme", wanted.id)
        return charged, [alert async for alert in ledger.aalerts("acme")]

    charged, alerts = asyncio.run(work())

    assert told(charged.alerts) == [("low", 10), ("top_up", None)]
    assert alerts == list(reversed(charged.alerts)) == list(ledger.alerts())
    (answer,) = ledger.batch([farthing.DeclineTopUp("acme", charged.alerts[-1].id)])
    assert answer.kind == "top_up_declined"
