"""Receipts say what a request did, from its own entries alone; a replay is the same word for word."""

import json
import pickle
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

import farthing


def shares(receipt):
    return [(lot.grant, lot.amount) for lot in receipt.lots]


def test_a_charge_names_every_grant_that_paid_in_order(ledger):
    first = ledger.grant("acme", 3, expires_in=timedelta(days=1)).grant
    second = ledger.grant("acme", 5).grant

    receipt = ledger.charge("acme", 4)

    assert shares(receipt) == [(first, 3), (second, 1)]


def test_a_charge_beyond_the_credits_shows_the_debt_and_no_lot_for_it(ledger):
    grant = ledger.grant("acme", 3).grant

    receipt = ledger.charge("acme", 5, mode="record")

    assert (receipt.kind, receipt.charged, receipt.owed, receipt.available) == ("recorded", 5, 2, -2)
    assert shares(receipt) == [(grant, 3)]


def test_a_charge_that_takes_what_fits_says_what_did_not(ledger):
    ledger.grant("acme", 3)

    receipt = ledger.charge("acme", 5, mode="all_available")

    assert (receipt.amount, receipt.charged, receipt.uncovered, receipt.owed) == (3, 3, 2, 0)


def test_a_grant_that_pays_debt_shows_both(ledger):
    ledger.open_account("acme")
    ledger.record("acme", 4)

    receipt = ledger.grant("acme", 10)

    assert (receipt.granted, receipt.repaid, receipt.debt, receipt.balance) == (10, 4, 0, 6)


def test_a_grant_for_later_says_how_much_was_given(ledger, clock):
    receipt = ledger.grant("acme", 10, starts_at=clock.at + timedelta(days=1))

    assert (receipt.granted, receipt.balance) == (10, 0)


def test_a_hold_its_settle_and_the_rest(ledger):
    first = ledger.grant("acme", 3, expires_in=timedelta(days=1)).grant
    second = ledger.grant("acme", 10).grant

    hold = ledger.hold("acme", 5, feature="chat")
    step = hold.settle(1, final=False)
    last = hold.settle("8")

    assert shares(hold.receipt) == [(first, 3), (second, 2)]
    assert shares(step) == [(first, 1)]
    assert shares(last) == [(first, 2), (second, 6)]
    assert (last.feature, last.hold, last.held) == ("chat", hold.id, 0)
    assert hold.receipt.hold == hold.id


def test_a_settle_below_its_hold_shows_only_what_paid(ledger):
    first = ledger.grant("acme", 3, expires_in=timedelta(days=1)).grant
    ledger.grant("acme", 10)

    receipt = ledger.hold("acme", 5).settle(2)

    assert shares(receipt) == [(first, 2)]
    assert (receipt.charged, receipt.available) == (2, 11)


def test_a_settle_whose_grant_expired_shows_the_breakage(ledger, clock):
    grant = ledger.grant("acme", 10, expires_in=timedelta(minutes=1)).grant
    hold = ledger.hold("acme", 10)
    clock.advance(timedelta(minutes=2))

    receipt = hold.settle(4)

    assert (receipt.charged, receipt.broken, receipt.balance, receipt.held) == (4, 6, 0, 0)
    assert shares(receipt) == [(grant, 4)]


def test_a_settle_whose_rest_lives_on_shows_only_what_paid(ledger, clock):
    ledger.open_account("acme")
    ledger.configure("acme", rest_of_ended_lot="grace")
    grant = ledger.grant("acme", 10, expires_in=timedelta(minutes=1)).grant
    hold = ledger.hold("acme", 10)
    clock.advance(timedelta(minutes=2))

    receipt = hold.settle(4)

    assert shares(receipt) == [(grant, 4)]
    assert (receipt.broken, receipt.balance) == (0, 6)
    assert ledger.balance("acme").lots[0].grant == receipt.grant


def test_a_release_shows_what_went_back(ledger):
    grant = ledger.grant("acme", 10).grant

    receipt = ledger.hold("acme", 4).release()

    assert shares(receipt) == [(grant, 4)]
    assert (receipt.kind, receipt.amount, receipt.charged) == ("released", 4, 0)


def test_a_bare_hold_names_no_lot(ledger):
    ledger.open_account("acme")
    ledger.configure("acme", overdraft=5)

    hold = ledger.hold("acme", 4)

    assert shares(hold.receipt) == []
    assert (hold.receipt.held, hold.receipt.available) == (4, 1)


def test_a_refund_shows_what_was_put_back(ledger):
    first = ledger.grant("acme", 3, expires_in=timedelta(days=1)).grant
    second = ledger.grant("acme", 5).grant
    charge = ledger.charge("acme", 4)

    half = ledger.refund(charge.id, 2)
    rest = ledger.refund(charge.id)

    assert shares(half) == [(second, 1), (first, 1)]
    assert shares(rest) == [(first, 2)]
    assert (half.refunded, rest.refunded, rest.balance) == (2, 2, 8)
    with pytest.raises(farthing.MoreThanLeft) as caught:
        ledger.refund(charge.id, 1)
    assert caught.value.left == 0


def test_a_refund_to_an_ended_grant_names_the_grace_grant(ledger, clock):
    ledger.grant("acme", 3, expires_in=timedelta(days=1))
    charge = ledger.charge("acme", 3)
    clock.advance(timedelta(days=2))

    receipt = ledger.refund(charge.id)

    assert shares(receipt) == [(receipt.grant, 3)]
    assert ledger.balance("acme").lots[0].grant == receipt.grant


def test_a_refund_of_a_settled_hold_goes_by_the_holds_id_or_the_settles(ledger):
    ledger.grant("acme", 10)
    hold = ledger.hold("acme", 5)
    settle = hold.settle(4)

    assert ledger.refund(hold.id, 1).balance == 7
    assert ledger.refund(settle.id).balance == 10


def test_voids_and_adjustments_show_what_they_took(ledger):
    grant = ledger.grant("acme", 10).grant

    void = ledger.void("acme", 2)
    down = ledger.adjust("acme", -3)
    up = ledger.adjust("acme", 4)

    assert (shares(void), shares(down)) == ([(grant, 2)], [(grant, 3)])
    assert shares(up) == [(up.grant, 4)]
    assert up.grant != grant
    assert ledger.void("acme", grant=grant).grant == grant
    assert (void.grant, down.grant) == (None, None)


def test_lots_of_several_units_stand_in_their_parts(ledger):
    credits = ledger.grant("acme", 5).grant
    generations = ledger.grant("acme", 5, unit="generations").grant

    receipt = ledger.charge("acme", {"generations": 1, "credits": 2})

    assert [(part.unit, shares(part)) for part in receipt.parts] == [
        ("generations", [(generations, 1)]),
        ("credits", [(credits, 2)]),
    ]
    assert shares(receipt) == [(generations, 1)]


def test_a_replay_is_word_for_word_the_first_receipt_whatever_came_between(ledger, clock):
    def say_all():
        grant = ledger.grant("acme", {"credits": 50, "generations": 5}, key="grant")
        charge = ledger.charge("acme", {"generations": 1, "credits": "2.5"}, feature="chat", key="charge")
        hold = ledger.hold("acme", 5, key="hold")
        return [
            grant, charge, hold.receipt,
            hold.settle(2, final=False, key="step"), hold.settle(7, key="settle"),
            ledger.refund(charge.id, {"credits": 1}, key="refund"),
            ledger.void("acme", 1, key="void"), ledger.adjust("acme", -1, key="down"),
            ledger.configure("acme", overdraft=5, key="terms"), ledger.record("acme", 60, key="record"),
            ledger.forgive("acme", key="forgive"), ledger.freeze("acme", key="freeze"),
            ledger.unfreeze("acme", key="unfreeze"), ledger.open_account("acme", key="open"),
        ]  # fmt: skip

    first = say_all()
    ledger.grant("acme", 1000, unit="credits")
    clock.advance(timedelta(days=3))
    again = say_all()

    assert [receipt.replayed for receipt in first] == [False] * len(first)
    assert [receipt.replayed for receipt in again] == [True] * len(first)
    assert [replace(receipt, replayed=False) for receipt in again] == first
    assert [receipt.json() | {"replayed": False} for receipt in again] == [receipt.json() for receipt in first]


def test_a_key_for_another_request_is_refused_and_says_how_it_differs(ledger, clock):
    ledger.grant("acme", 10)
    ledger.charge("acme", 1, feature="chat", key="k")

    with pytest.raises(farthing.KeyReused, match="it differs in amount") as caught:
        ledger.charge("acme", 2, feature="chat", key="k")

    assert (caught.value.key, caught.value.first_seen_at) == ("k", clock.at)
    for call in (
        lambda: ledger.charge("acme", 1, key="k"),
        lambda: ledger.grant("acme", 1, key="k"),
        lambda: ledger.hold("acme", 1, feature="chat", key="k"),
    ):
        with pytest.raises(farthing.KeyReused):
            call()


def test_metadata_and_description_are_no_part_of_what_a_key_compares(ledger):
    ledger.grant("acme", 10)
    ledger.charge("acme", 1, key="k", metadata={"try": 1}, description="first")

    assert ledger.charge("acme", 1, key="k", metadata={"try": 2}).replayed is True


def test_keys_that_nobody_named_are_made_in_the_order_of_time(ledger, clock):
    keys = [ledger.grant("acme", 1).key]
    for _ in range(3):
        clock.advance(timedelta(milliseconds=1))
        keys.append(ledger.charge("acme", "0.1").key)

    assert keys == sorted(keys)
    assert len(set(keys)) == 4
    assert all(key.startswith("auto_") and len(key) == 31 for key in keys)
    assert ledger.charge("acme", "0.1", key=keys[-1]).replayed is True


def test_receipts_are_json_with_amounts_as_strings(ledger):
    ledger.grant("acme", 10)
    receipt = ledger.charge("acme", "0.000001", feature="chat")

    said = json.loads(json.dumps(receipt.json()))

    assert (said["charged"], said["credits_used"], said["credits_left"]) == ("0.000001", "0.000001", "9.999999")
    assert said["lots"] == [{"grant": receipt.lots[0].grant, "amount": "0.000001"}]
    assert (said["id"], said["replayed"], said["at"]) == (receipt.id, False, "2026-11-21T10:04:00+00:00")


def test_receipts_travel_between_processes_and_cannot_be_changed(ledger):
    receipt = ledger.grant("acme", 10)

    assert pickle.loads(pickle.dumps(receipt)) == receipt
    with pytest.raises(AttributeError):
        receipt.charged = Decimal(0)


def test_a_refund_of_what_a_grant_had_paid_as_debt_goes_back_to_that_grant(ledger):
    ledger.open_account("acme")
    charge = ledger.record("acme", 4)
    grant = ledger.grant("acme", 10).grant

    receipt = ledger.refund(charge.id, 3)

    assert shares(receipt) == [(grant, 3)]
    assert (receipt.refunded, receipt.balance, receipt.debt) == (3, 9, 0)


def test_a_refund_that_pays_another_debt_shows_both(ledger):
    first = ledger.grant("acme", 5).grant
    charge = ledger.charge("acme", 5)
    ledger.record("acme", 2)

    receipt = ledger.refund(charge.id)

    assert shares(receipt) == [(first, 5)]
    assert (receipt.refunded, receipt.repaid, receipt.debt, receipt.balance) == (5, 2, 0, 3)


def test_available_after_a_settle_with_breakage_is_still_that_of_its_feature(ledger, clock):
    ledger.grant("acme", 10, expires_in=timedelta(minutes=1), features=["chat"])
    hold = ledger.hold("acme", 10, feature="chat")
    ledger.grant("acme", 7, features=["chat"])
    clock.advance(timedelta(minutes=2))

    receipt = hold.settle(4)

    assert (receipt.broken, receipt.available, receipt.balance) == (6, 7, 7)
    assert ledger.available("acme", "chat") == 7


def test_the_same_scope_in_another_order_is_the_same_request(ledger):
    features = [f"feature {number}" for number in range(8)]
    ledger.grant("acme", 1, features=features, key="k")

    assert ledger.grant("acme", 1, features=features[::-1], key="k").replayed is True


def test_a_settle_whose_rest_lives_on_and_pays_debt_shows_that(ledger, clock):
    ledger.open_account("acme")
    ledger.configure("acme", rest_of_ended_lot="grace")
    ledger.grant("acme", 10, expires_in=timedelta(minutes=1))
    hold = ledger.hold("acme", 10)
    clock.advance(timedelta(minutes=2))
    ledger.record("acme", 3)

    receipt = hold.settle(4)

    assert (receipt.charged, receipt.repaid, receipt.debt, receipt.balance) == (4, 3, 0, 3)
