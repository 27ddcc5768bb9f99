"""Credits taken back because money went back, and credits whose end is moved."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

import farthing
from farthing import Clawback, Reschedule

PAID = (1200, "GHS")


def test_money_that_went_back_takes_its_part_of_the_credits(ledger):
    grant = ledger.grant("acme", 120, paid=PAID).grant

    receipt = ledger.clawback(grant, money=300)

    assert (receipt.kind, receipt.amount, receipt.grant, receipt.owed) == ("clawed_back", 30, grant, 0)
    assert [(lot.grant, lot.amount) for lot in receipt.lots] == [(grant, 30)]
    assert (ledger.balance("acme").spendable, ledger.balance("acme").adjusted) == (90, -30)


def test_parts_add_up_to_the_whole(ledger):
    grant = ledger.grant("acme", 100, unit="generations", paid=(300, "GHS")).grant

    taken = [ledger.clawback(grant, money=100).amount for _ in range(3)]

    assert (taken, sum(taken)) == ([33, 34, 33], 100)
    with pytest.raises(farthing.MoreThanPaid) as no:
        ledger.clawback(grant, money=1)
    assert (no.value.paid, no.value.returned, no.value.left) == (300, 300, 0)


@pytest.mark.parametrize(("policy", "debt", "balance"), [("debt", 100, -100), ("write_off", 0, 0)])
def test_what_was_spent_is_owed_or_let_go(ledger, policy, debt, balance):
    grant = ledger.grant("acme", 120, paid=PAID).grant
    ledger.charge("acme", 100)

    receipt = ledger.clawback(grant, money=1200, policy=policy)

    assert (receipt.owed, receipt.uncovered, receipt.amount) == (debt, 100 - debt, 20 + debt)
    assert (ledger.balance("acme").debt, ledger.balance("acme").spendable) == (debt, balance)


def test_an_amount_of_credits_or_all_that_is_left(ledger):
    grant = ledger.grant("acme", 120).grant

    assert ledger.clawback(grant, amount="20.5").amount == Decimal("20.50")
    with pytest.raises(farthing.MoreThanLeft, match=r"99.50 is left"):
        ledger.clawback(grant, amount=100)
    assert ledger.clawback(grant).amount == Decimal("99.50")
    assert ledger.balance("acme").spendable == 0


def test_more_money_than_was_paid_is_refused_with_what_is_left(ledger):
    grant = ledger.grant("acme", 120, paid=PAID).grant
    ledger.clawback(grant, money=700)

    with pytest.raises(farthing.MoreThanPaid, match=f"{grant} cost 1200 and 700 of it went back before") as no:
        ledger.clawback(grant, money=501)
    assert no.value.left == 500
    free = ledger.grant("acme", 5).grant
    with pytest.raises(farthing.MoreThanPaid):
        ledger.clawback(free, money=1)


def test_a_clawback_is_done_once_for_its_key(ledger):
    grant = ledger.grant("acme", 120, paid=PAID).grant
    first = ledger.clawback(grant, money=300, key="refund_1")

    again = ledger.clawback(grant, money=300, key="refund_1")

    assert (again.replayed, again.id, ledger.balance("acme").spendable) == (True, first.id, 90)


def test_a_frozen_or_closed_account_can_be_clawed_back_from(ledger):
    grant = ledger.grant("acme", 120, paid=PAID).grant
    ledger.freeze("acme")
    ledger.clawback(grant, money=300)
    ledger.close_account("acme")
    ledger.clawback(grant, money=300)

    assert ledger.balance("acme").spendable == 60


def test_a_grant_that_is_not_there_is_refused(ledger):
    with farthing.open("memory:") as other:
        for name in ("acme", "somebody"):
            elsewhere = other.grant(name, 5).grant
        ledger.grant("acme", 1)
        charge = ledger.charge("acme", 1)
    with pytest.raises(farthing.GrantNotFound):
        ledger.clawback(elsewhere, money=1)
    for wrong in (charge.id, "gra_", 7):
        with pytest.raises(farthing.IdInvalid):
            ledger.clawback(wrong)


def test_the_end_of_one_grant_is_moved_either_way(ledger, clock):
    near = ledger.grant("acme", 10, expires_in=timedelta(days=1)).grant
    far = ledger.grant("acme", 5, expires_in=timedelta(days=100)).grant

    receipt = ledger.reschedule("acme", grant=near, expires_in=timedelta(days=9))
    ledger.reschedule("acme", grant=far, expires_at=clock.at + timedelta(days=2))

    assert (receipt.kind, receipt.grant, receipt.amount) == ("rescheduled", near, 10)
    assert [(lot.grant, lot.expires_at - clock.at) for lot in ledger.balance("acme").lots] == [
        (far, timedelta(days=2)), (near, timedelta(days=9)),
    ]  # fmt: skip
    clock.advance(timedelta(days=2))
    assert ledger.balance("acme").spendable == 10
    with pytest.raises(farthing.GrantEnded, match="its end cannot be moved"):
        ledger.reschedule("acme", grant=far, never=True)


@pytest.mark.parametrize(
    ("end", "expires_at"),
    [
        ({"never": True}, None),
        ({"through": date(2026, 12, 1)}, datetime(2026, 12, 2, 5, tzinfo=UTC)),
        ({"expires_at": datetime(2027, 1, 1, tzinfo=UTC)}, datetime(2027, 1, 1, tzinfo=UTC)),
    ],
)
def test_the_end_of_all_live_credits_is_moved(ledger, end, expires_at):
    ledger.open_account("acme", zone="America/New_York")
    ledger.grant("acme", 10, expires_in=timedelta(days=1))
    ledger.grant("acme", 5)
    ledger.allow("acme", 7, every="month", priority=1)
    plan = ledger.balance("acme").lots[0].expires_at

    receipt = ledger.reschedule("acme", **end)

    assert receipt.amount == (10 if expires_at is None else 15)
    assert [lot.expires_at for lot in ledger.balance("acme").lots] == [plan, expires_at, expires_at]


def test_a_key_with_a_duration_is_replayed_later(ledger, clock):
    ledger.grant("acme", 10)
    first = ledger.reschedule("acme", expires_in=timedelta(days=9), key="r")
    clock.advance(timedelta(days=1))

    assert ledger.reschedule("acme", expires_in=timedelta(days=9), key="r").id == first.id


def test_an_allowances_credits_keep_their_end(ledger):
    plan = ledger.allow("acme", 10, every="month").grant

    with pytest.raises(farthing.GrantEnded, match="ends with an allowance's period"):
        ledger.reschedule("acme", grant=plan, never=True)


def test_a_batch_and_the_awaited_verbs_do_the_same(ledger):
    first = ledger.grant("acme", 10, paid=PAID).grant

    async def work():
        await ledger.areschedule("acme", expires_in=timedelta(days=3))
        return await ledger.aclawback(first, money=600)

    assert asyncio.run(work()).amount == 5
    answers = ledger.batch([Clawback(first, money=600), Clawback(first, money=1), Reschedule("acme", never=True)])
    assert [getattr(answer, "kind", getattr(answer, "code", "")) for answer in answers] == [
        "clawed_back", "more_than_paid", "rescheduled"
    ]  # fmt: skip
