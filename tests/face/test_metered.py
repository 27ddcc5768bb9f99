"""A metered function is held for, run, settled; released if it raises; with a key charged once, however often tried."""

import asyncio

import pytest

import farthing


def test_a_metered_function_is_charged_for_when_it_returns(ledger):
    ledger.grant("acme", 10)

    @ledger.metered("image", amount=5)
    def draw(account, *, size=1):
        """Draw."""
        return f"{account} {size} {ledger.balance(account).held}"

    assert draw("acme", size=2) == "acme 2 5.00"
    assert (draw.__name__, draw.__doc__) == ("draw", "Draw.")
    line = next(ledger.history("acme"))
    assert (line.kind, line.amount, line.feature, line.success) == ("settled", 5, "image", True)


def test_a_metered_function_that_raises_costs_nothing(ledger):
    ledger.grant("acme", 10)

    @ledger.metered("image", amount=5)
    def draw(account):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        draw("acme")
    assert ledger.balance("acme").spendable == 10
    assert (next(ledger.history("acme")).kind, next(ledger.history("acme")).success) == ("released", False)


def test_a_metered_function_does_not_run_for_who_cannot_pay(ledger):
    ledger.grant("acme", 1)
    ran = []

    @ledger.metered("image", amount=5)
    def draw(account):
        ran.append(account)

    with pytest.raises(farthing.InsufficientCredits):
        draw("acme")
    assert ran == []


def test_amount_account_and_key_may_come_from_the_arguments_and_the_cost_from_the_result(ledger):
    ledger.grant("acme", 10)

    @ledger.metered(
        "image",
        amount=lambda job, **_: job["most"],
        account=lambda job, **_: job["who"],
        key=lambda job, **_: job["id"],
        cost=lambda result: result,
    )
    def draw(job, *, used):
        return used

    draw({"most": 5, "who": "acme", "id": "j1"}, used="1.25")
    draw({"most": 5, "who": "acme", "id": "j1"}, used="1.25")

    assert str(ledger.balance("acme").spent) == "1.25"


def test_with_a_key_a_call_is_charged_once_and_runs_again_without_credits(ledger):
    ledger.grant("acme", 5)

    @ledger.metered("image", amount=5, key="job")
    def draw(account, job):
        return job

    assert [draw("acme", "j1"), draw("acme", job="j1")] == ["j1", "j1"]
    assert (ledger.balance("acme").spent, ledger.balance("acme").held) == (5, 0)


def test_with_a_key_a_failed_attempt_makes_room_for_another(ledger):
    ledger.grant("acme", 5)
    fails = [True, True, False]

    @ledger.metered("image", amount=5, key="job")
    def draw(account, job):
        if fails.pop(0):
            raise ZeroDivisionError
        return job

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            draw("acme", "j1")
    assert draw("acme", "j1") == "j1"
    assert ledger.balance("acme").spent == 5


def test_with_a_key_two_calls_at_once_are_charged_once(ledger):
    ledger.grant("acme", 100)
    both_in = asyncio.Event()
    inside = []

    @ledger.metered("image", amount=5, key="job", cost=lambda result: result)
    async def draw(account, job):
        inside.append(job)
        if len(inside) == 2:
            both_in.set()
        await both_in.wait()
        return len(inside)

    async def work():
        return await asyncio.gather(draw("acme", "j1"), draw("acme", "j1"))

    asyncio.run(work())

    assert (ledger.balance("acme").spent, ledger.balance("acme").held) == (2, 0)


def test_an_async_function_that_is_cancelled_costs_nothing(ledger):
    ledger.grant("acme", 10)

    @ledger.metered("image", amount=5)
    async def draw(account):
        await asyncio.sleep(60)

    async def work():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(draw("acme"), 0.05)

    asyncio.run(work())
    assert (ledger.balance("acme").spendable, ledger.balance("acme").held) == (10, 0)


def test_a_function_that_cannot_be_metered_is_refused_when_it_is_decorated(ledger):
    with pytest.raises(TypeError, match="has no parameter 'account'"):

        @ledger.metered("image", amount=5)
        def draw(who):
            return who

    with pytest.raises(TypeError, match="yields"):

        @ledger.metered("image", amount=5)
        def stream(account):
            yield account
