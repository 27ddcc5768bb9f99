"""Steps of subscriptions in every store: what is loaded for the next one, what comes back, who is to act."""

from typing import Any

import pytest

from farthing.engine.tickets import Outcome
from farthing.values.bounds import NEVER
from farthing.values.entries import Kind
from farthing.values.errors import AllowanceExists, SubscriptionChanged
from farthing.values.periods import DAY, Cadence
from farthing.values.requests import Close, Place
from farthing.values.standing_requests import Allow, ChangeAllowance, SetBudget, Subscribe, Together
from farthing.values.subscriptions import Step
from tests.contract.desk import Desk, find_place
from tests.contract.standing import ACME, NO_STEP, insist, list_stored_names, read_record, take_step

FAR = 10**15


def allow(name: str, **terms) -> Allow:
    return Allow(key="", **ACME, name=name, amount=100, every=Cadence.MONTH, **terms)


def test_every_field_of_a_step_comes_back(desk: Desk):
    eur = desk.store.intern_name("EUR")
    said: dict[str, Any] = {
        "step": int(Step.PLANNED), "every": int(Cadence.WEEK), "count": 2, "anchor": 5, "zone": "Asia/Tokyo",
        "trial_ends_at": 7, "period_starts_at": 8, "period_ends_at": 9, "ends_at": 10, "is_renewing": 0,
        "next_plan": "pro", "next_every": 3, "fallback": "free", "paid_minor": 900, "currency": eur, "acts_at": 11,
    }  # fmt: skip
    written = desk.do(take_step(desk, "basic", **said))

    (step,) = desk.store.list_subscriptions(desk.account())
    assert step == NO_STEP._replace(
        **said, number=2, plan="basic", starts_at=desk.now, recorded_at=desk.now, ended_at=0
    )
    assert desk.store.read_subscription(desk.account()) == step
    entry = desk.store.read_entry(find_place(written))
    assert entry == written.entries[0]
    assert (entry.kind, entry.unit_id, entry.number) == (Kind.SUBSCRIBED, 0, 2)
    assert list_stored_names(desk) >= {eur}
    insist(desk)


def test_the_next_step_ends_the_last_one(desk: Desk):
    desk.do(take_step(desk, "basic"))
    desk.now += DAY
    desk.do(take_step(desk, "pro"))
    desk.do(take_step(desk, "max"))

    first, second, third = desk.store.list_subscriptions(desk.account())

    assert [(step.plan, step.number) for step in (first, second, third)] == [("basic", 2), ("pro", 3), ("max", 4)]
    assert (first.ended_at, second.ended_at, third.ended_at) == (desk.now, desk.now, 0)
    assert desk.store.read_subscription(desk.account()) == third
    insist(desk)


def test_steps_of_one_batch_follow_each_other(desk: Desk):
    desk.grant(5)
    first = take_step(desk, "basic", key="first")
    stale = take_step(desk, "stale", key="stale")
    assert isinstance(desk.ask(first, stale)[1], SubscriptionChanged)

    last = desk.store.read_subscription(desk.account())
    assert last is not None
    later = [
        Together(key=plan, account="acme", said=(plan,), requests=(
            Subscribe(key="", account="acme", expected=expected, subscription=NO_STEP._replace(plan=plan)),
        ))
        for plan, expected in (("pro", last.number), ("max", last.number + 1))
    ]  # fmt: skip
    answers = desk.ask(*later)

    assert all(isinstance(answer, Outcome) for answer in answers)
    steps = desk.store.list_subscriptions(desk.account())
    assert [(step.plan, bool(step.ended_at)) for step in steps] == [("basic", True), ("pro", True), ("max", False)]
    insist(desk)


def test_an_account_that_a_step_opens_and_changes_in_one_batch(desk: Desk):
    answers = desk.ask(take_step(desk, "basic", allow("basic.credits"), key="a"), take_step(desk, "x", key="b"))

    assert isinstance(answers[0], Outcome)
    assert isinstance(answers[1], SubscriptionChanged)
    assert desk.wallet().recurring == 1
    assert [step.plan for step in desk.store.list_subscriptions(desk.account())] == ["basic"]
    insist(desk)


def test_all_of_it_is_written_or_nothing(desk: Desk):
    desk.do(take_step(desk, "basic", allow("basic.credits")))
    before = read_record(desk)[2:]
    asked = take_step(
        desk, "pro", SetBudget(key="", **ACME, name="cap", most=5), allow("pro.credits"), allow("basic.credits")
    )

    (refused,) = desk.ask(asked)

    assert isinstance(refused, AllowanceExists)
    assert read_record(desk)[2:] == before
    assert [step.plan for step in desk.store.list_subscriptions(desk.account())] == ["basic"]
    insist(desk)


def test_a_replay_is_found_by_what_was_said(desk: Desk):
    asked = take_step(desk, "basic", allow("basic.credits"), key="mine")
    desk.do(asked)

    again = desk.do(Together(key="mine", account="acme", said=asked.said, requests=take_step(desk, "pro").requests))

    assert again.replayed
    assert len(desk.store.list_subscriptions(desk.account())) == 1


def test_all_of_a_wallet_is_loaded_and_the_last_step_with_it(desk: Desk):
    for place in range(40):
        desk.grant(1, priority=100 - place)
    desk.do(take_step(desk, "basic", allow("basic.credits", until=desk.now + FAR)))
    desk.do(take_step(desk, "pro", SetBudget(key="", **ACME, name="cap", most=50)))
    asked = take_step(desk, "max", allow("max.credits", instead_of="basic.credits"))

    loaded = desk.load(asked)

    key = desk.account().account_id
    wallet, own = loaded.wallets[key, 1], loaded.wallets[key, 0]
    assert (wallet.whole, len(wallet.lots), len(wallet.allowances), len(wallet.budgets)) == (True, 41, 1, 1)
    assert own.subscription == desk.store.read_subscription(desk.account())
    assert own.subscription is not None
    assert own.subscription.plan == "pro"
    desk.do(asked)
    assert [each.until for each in read_record(desk).allowances] == [desk.now + FAR, 0]
    insist(desk)


def test_who_is_to_act_is_listed_by_the_accounts(desk: Desk):
    for number, account in enumerate(("zoe", "acme", "ben", "cleo")):
        desk.do(take_step(desk, "basic", account=account, acts_at=desk.now + 10 * number))
    desk.do(take_step(desk, "pro", account="zoe", acts_at=NEVER))
    ids = [desk.account(key).account_id for key in ("acme", "ben")]

    def list_keys(after: int | None = None, most: int = 9, now: int = desk.now + 20) -> list[str]:
        return [account.key for account, step in desk.store.list_acting(now, after, most) if step.plan == "basic"]

    assert list_keys() == ["acme", "ben"]
    assert list_keys(most=1) == ["acme"]
    assert list_keys(after=ids[0]) == ["ben"]
    assert list_keys(after=ids[1]) == []
    assert list_keys(now=desk.now + 9) == []
    assert desk.store.list_acting(desk.now + 10, None, 9) == [
        (desk.account("acme"), desk.store.read_subscription(desk.account("acme")))
    ]


def test_subscribers_are_counted_once_for_each_plan_that_they_need(desk: Desk):
    desk.do(take_step(desk, "gone", account="ana"))
    desk.do(take_step(desk, "basic", account="ana", fallback="free"))
    desk.do(take_step(desk, "basic", account="ben", next_plan="pro", fallback="basic"))
    desk.do(take_step(desk, "", account="cleo"))

    assert desk.store.count_subscribers() == {"basic": 2, "free": 1, "pro": 1}


def test_closed_accounts_keep_no_plan_and_no_job_busy(desk: Desk):
    desk.do(take_step(desk, "basic", account="ana", acts_at=desk.now))
    desk.do(take_step(desk, "basic", account="ben", acts_at=desk.now))
    desk.do(Close(key="close", account="ana"))

    assert desk.store.count_subscribers() == {"basic": 1}
    assert [account.key for account, _ in desk.store.list_acting(desk.now, None, 9)] == ["ben"]


def test_accounts_are_listed_by_their_ids_and_those_without_a_subscription(desk: Desk):
    for account in ("zoe", "acme", "ben"):
        desk.grant(1, account)
    desk.do(take_step(desk, "basic", account="acme"))
    zoe, acme, ben = (desk.account(key) for key in ("zoe", "acme", "ben"))

    assert desk.store.list_accounts(None, 9) == [zoe, acme, ben]
    assert desk.store.list_accounts(zoe.account_id, 1) == [acme]
    assert desk.store.list_accounts(None, 9, unsubscribed=True) == [zoe, ben]
    assert desk.store.list_accounts(None, 1, unsubscribed=True) == [zoe]
    assert desk.store.list_accounts(ben.account_id, 9) == []


def test_an_entry_is_read_by_its_place(desk: Desk):
    charged = desk.charge(1) if desk.grant(5) else None
    assert charged is not None
    place = find_place(charged)

    assert desk.store.read_entry(place) == charged.entries[0]
    others = [place._replace(**{name: getattr(place, name) + 1}) for name in Place._fields]
    assert [desk.store.read_entry(other) for other in others] == [None] * 4


@pytest.mark.parametrize("change", [{"until": 0}, {"until": 2 * FAR}])
def test_an_end_of_an_allowance_that_is_changed_is_stored(desk: Desk, change: dict[str, int]):
    desk.do(allow("plan", until=desk.now + FAR))
    until = change["until"] and desk.now + change["until"]

    desk.do(ChangeAllowance(key="c", **ACME, name="plan", until=until))

    assert [each.until for each in read_record(desk).allowances] == [until]
    insist(desk)
