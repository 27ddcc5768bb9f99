"""Holds as people hold them: usable without a block, released by it, and never in the way of an exception."""

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

import farthing
from farthing.face.holds import OpenHold


def last_line(ledger):
    return next(ledger.history("acme"))


def test_a_hold_is_placed_at_once_and_needs_no_block(ledger, clock):
    ledger.grant("acme", 100)

    hold = ledger.hold("acme", 40, feature="chat", ttl=timedelta(minutes=10))

    assert ledger.balance("acme").held == 40
    assert (hold.amount, hold.account, hold.deadline) == (40, "acme", clock.at + timedelta(minutes=10))
    assert hold.receipt.hold == hold.id
    assert hold.settle("12.40").charged == Decimal("12.40")


def test_a_block_left_after_a_settle_changes_nothing_more(ledger):
    ledger.grant("acme", 100)

    with ledger.hold("acme", 40, feature="chat") as hold:
        hold.settle("12.40", metadata={"chat": "c_77"}, success=True)

    assert (last_line(ledger).kind, last_line(ledger).metadata) == ("settled", {"chat": "c_77"})
    assert ledger.balance("acme").held == 0


def test_a_block_left_without_settle_releases_and_records_a_failure(ledger):
    ledger.grant("acme", 100)

    with ledger.hold("acme", 40, feature="chat"):
        pass

    line = last_line(ledger)
    assert (line.kind, line.feature, line.success) == ("released", "chat", False)
    assert ledger.balance("acme").spendable == 100


def test_an_exception_releases_and_comes_through_unmasked(ledger):
    ledger.grant("acme", 100)
    error = ZeroDivisionError("the model fell over")

    with pytest.raises(ZeroDivisionError) as caught, ledger.hold("acme", 40):
        raise error

    assert caught.value is error
    assert (last_line(ledger).kind, last_line(ledger).success) == ("released", False)


def test_an_exception_is_not_masked_by_a_release_that_fails(ledger, monkeypatch):
    ledger.grant("acme", 100)
    hold = ledger.hold("acme", 40)

    def be_busy(request):
        raise farthing.Busy(what="the store", seconds=2)

    def work():
        with hold:
            monkeypatch.setattr(ledger, "run", be_busy)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as caught:
        work()

    assert hold.id in caught.value.__notes__[0]
    monkeypatch.undo()


def test_a_release_that_fails_without_an_exception_is_told(ledger, monkeypatch):
    ledger.grant("acme", 100)

    def be_busy(request):
        raise farthing.Busy(what="the store", seconds=2)

    with pytest.raises(farthing.Busy), ledger.hold("acme", 40):
        monkeypatch.setattr(ledger, "run", be_busy)
    monkeypatch.undo()


def test_a_hold_settled_elsewhere_leaves_its_block_in_peace(ledger):
    ledger.grant("acme", 100)

    with ledger.hold("acme", 40) as hold:
        ledger.settle(hold.id, 3)

    assert ledger.balance("acme").spendable == 97


def test_a_hold_that_timed_out_leaves_its_block_in_peace_and_settles_late(ledger, clock):
    ledger.grant("acme", 100)

    with ledger.hold("acme", 40, ttl=timedelta(seconds=1)) as hold:
        clock.advance(timedelta(minutes=1))
    assert ledger.balance("acme").spendable == 100

    assert hold.settle(5).charged == 5


def test_a_settle_that_found_no_database_is_not_undone_by_leaving_the_block(ledger, monkeypatch):
    ledger.grant("acme", 100)
    run = ledger.run

    def lose_the_database(request):
        raise farthing.OutcomeUnknown(key=request.key)

    hold = ledger.hold("acme", 40)

    def work():
        with hold:
            monkeypatch.setattr(ledger, "run", lose_the_database)
            try:
                hold.settle(30)
            finally:
                monkeypatch.setattr(ledger, "run", run)

    with pytest.raises(farthing.OutcomeUnknown) as caught:
        work()

    assert ledger.balance("acme").held == 40
    assert ledger.settle(hold.id, 30, key=caught.value.key).charged == 30


def test_settling_in_steps_then_leaving_releases_the_rest_without_calling_it_a_failure(ledger):
    ledger.grant("acme", 100)

    with ledger.hold("acme", 40) as hold:
        hold.settle("3", final=False)
        hold.settle("4", final=False)

    assert (last_line(ledger).kind, last_line(ledger).success) == ("released", None)
    assert (ledger.balance("acme").spent, ledger.balance("acme").held) == (7, 0)


def test_extend_counts_from_now_and_moves_the_deadline(ledger, clock):
    ledger.grant("acme", 100)
    hold = ledger.hold("acme", 40, ttl=timedelta(minutes=1))
    clock.advance(timedelta(seconds=30))

    receipt = hold.extend(timedelta(minutes=5))

    assert receipt.deadline == hold.deadline == clock.at + timedelta(minutes=5)
    clock.advance(timedelta(minutes=6))
    with pytest.raises(farthing.HoldEnded) as caught:
        hold.extend(timedelta(minutes=5))
    assert (caught.value.state, caught.value.hold) == ("timed out", hold.id)
    with pytest.raises(farthing.TimeInvalid):
        hold.extend(timedelta(0))


def test_an_ended_hold_says_what_it_is_and_since_when(ledger, clock):
    ledger.grant("acme", 100)
    hold = ledger.hold("acme", 40)
    hold.release()

    for call in (hold.release, hold.settle, lambda: ledger.settle(hold.id, 1)):
        with pytest.raises(farthing.HoldEnded) as caught:
            call()
        assert (caught.value.state, caught.value.ended_at) == ("released", clock.at)


def test_a_hold_in_another_unit_is_settled_in_that_unit(ledger):
    ledger.grant("acme", {"generations": 5, "credits": 5})

    receipt = ledger.settle(ledger.hold("acme", 3, unit="generations").id, 2)

    assert (receipt.unit, receipt.charged) == ("generations", 2)
    both = ledger.hold("acme", {"generations": 1, "credits": 5})
    parts = ledger.settle(both.id, {"credits": "0.5"}).parts
    assert [(part.unit, part.charged) for part in parts] == [("generations", 1), ("credits", Decimal("0.50"))]
    assert ledger.available("acme") == Decimal("4.50")


def test_the_policy_of_a_settle_goes_before_the_accounts_terms(ledger):
    ledger.grant("acme", 100)

    assert ledger.hold("acme", 10).settle(20, policy="cap_hold").uncovered == 10
    assert ledger.hold("acme", 10).settle(95, policy="cap_available").charged == 90
    with pytest.raises(farthing.SettleAboveHold):
        ledger.hold("acme", 0).settle(5, policy="reject")
    with pytest.raises(farthing.TermInvalid, match="choose bill_full, cap_hold, cap_available, reject"):
        ledger.hold("acme", 0).settle(5, policy="forgive")


def test_a_name_of_ones_own_is_unique_among_open_holds(ledger):
    ledger.grant("acme", 100)
    first = ledger.hold("acme", 1, name="job-7")

    with pytest.raises(farthing.HoldNameTaken) as caught:
        ledger.hold("acme", 1, name="job-7")
    assert caught.value.name == "job-7"
    first.release()

    assert ledger.hold("acme", 1, name="job-7").amount == 1


def test_a_hold_may_take_what_fits(ledger):
    ledger.grant("acme", 3)

    hold = ledger.hold("acme", 5, mode="all_available")

    assert (hold.amount, hold.receipt.uncovered) == (3, 2)


def test_settle_with_usage_keeps_the_tokens(ledger):
    ledger.grant("acme", 100)

    with ledger.hold("acme", 40, feature="chat") as hold:
        hold.settle(usage=farthing.Usage(model="m", input=1200, output=420))

    line = last_line(ledger)
    assert (line.amount, line.model, line.usage.input, line.usage.output) == (40, "m", 1200, 420)


def test_an_awaited_hold_is_settled_released_and_extended(ledger):
    ledger.grant("acme", 100)

    async def work():
        hold = await ledger.ahold("acme", 40)
        assert isinstance(hold, OpenHold)
        await hold.aextend(timedelta(minutes=1))
        await hold.arelease()
        async with ledger.ahold("acme", 40) as hold:
            return await hold.asettle("12.40")

    assert str(asyncio.run(work()).charged) == "12.40"
    assert ledger.balance("acme").held == 0


def test_an_async_block_left_by_an_exception_releases_and_does_not_mask(ledger):
    ledger.grant("acme", 100)

    async def work():
        async with ledger.ahold("acme", 40):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(work())
    assert (last_line(ledger).kind, last_line(ledger).success) == ("released", False)


def test_cancellation_inside_an_async_block_releases(ledger):
    ledger.grant("acme", 100)
    held = []

    async def work():
        async with ledger.ahold("acme", 40):
            held.append(ledger.balance("acme").held)
            await asyncio.sleep(60)

    async def cancel():
        task = asyncio.create_task(work())
        while not held:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert held == [40]
    assert (ledger.balance("acme").held, last_line(ledger).success) == (0, False)


def test_cancellation_while_a_hold_is_being_placed_leaves_nothing_held(ledger):
    ledger.grant("acme", 100)

    async def cancel(after):
        task = asyncio.create_task(enter())
        for _ in range(after):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def enter():
        async with ledger.ahold("acme", 40):
            await asyncio.sleep(60)

    for after in range(6):
        asyncio.run(cancel(after))
        assert ledger.balance("acme").held == 0


def test_a_refused_hold_enters_no_block(ledger):
    ledger.open_account("acme")

    async def work():
        async with ledger.ahold("acme", 40):
            raise AssertionError("entered")

    with pytest.raises(farthing.InsufficientCredits):
        asyncio.run(work())
    with pytest.raises(farthing.InsufficientCredits), ledger.hold("acme", 40):
        raise AssertionError("entered")


def test_the_block_of_a_hold_that_ended_since_an_earlier_call_is_refused_before_the_work(ledger, clock):
    ledger.grant("acme", 100)
    with ledger.hold("acme", 40, key="job") as hold:
        again = ledger.hold("acme", 40, key="job")
        with again:
            assert again.receipt.replayed is True
            assert again.settle(3).charged == 3
        assert again.id == hold.id

    async def work():
        async with ledger.ahold("acme", 40, key="job"):
            raise AssertionError("entered")

    with pytest.raises(farthing.HoldEnded) as caught, ledger.hold("acme", 40, key="job"):
        raise AssertionError("entered")
    assert (caught.value.state, caught.value.hold) == ("settled", hold.id)
    with pytest.raises(farthing.HoldEnded):
        asyncio.run(work())
    assert ledger.hold("acme", 40, key="job").receipt == again.receipt
