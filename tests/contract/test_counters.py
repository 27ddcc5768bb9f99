"""Budgets and their counters in every store: what is loaded, and what comes back."""

import pytest

from farthing.engine.tickets import Outcome
from farthing.face.ids import write_id
from farthing.values.bounds import LOTS_AT_FIRST, NEVER
from farthing.values.errors import BudgetExceeded
from farthing.values.names import name_number
from farthing.values.periods import DAY, HOUR, Cadence
from farthing.values.requests import About, Hold, Settle, Tidy
from farthing.values.standing_requests import (
    ChangeBudget,
    EndBudget,
    Reschedule,
    SetBudget,
)
from farthing.values.wallets import Counter, Subject
from tests.contract.desk import Desk, find_place
from tests.contract.standing import (
    ACME,
    ANA,
    BEN,
    CHAT,
    CLEO,
    SMALLEST,
    budget,
    charge,
    insist,
    list_stored_names,
    load_wallet,
    read_record,
)


@pytest.fixture
def desk(desk: Desk) -> Desk:
    """One at which all these names are known."""
    for name in ("chat", "plan", "ana", "ben", "cleo", "sonnet", "key 1"):
        desk.store.intern_name(name)
    return desk


def test_every_field_of_a_budget_comes_back(desk: Desk):
    model, key = name_number("sonnet"), name_number("key 1")
    budget(desk, "narrow", 70, is_hard=False, per=Subject.MEMBER, member=ANA, feature=CHAT, model=model, api_key=key,
           every=Cadence.QUARTER, count=2, zone="Asia/Tokyo")  # fmt: skip
    budget(desk, "wide", 5)
    desk.do(ChangeBudget(key="c", **ACME, name="narrow", most=80, is_hard=True))
    desk.do(EndBudget(key="e", **ACME, name="wide"))

    kept, ended = read_record(desk).budgets

    assert (kept.name, kept.most, kept.is_hard, kept.per, kept.zone) == ("narrow", 80, 1, 1, "Asia/Tokyo")
    assert (kept.member, kept.feature, kept.model, kept.api_key) == (ANA, CHAT, model, key)
    assert (kept.every, kept.count, kept.ended_at) == (5, 2, 0)
    assert (ended.name, ended.every, ended.ended_at) == ("wide", 0, desk.now)
    assert desk.wallet().budgets == {1: kept}
    assert desk.wallet().budgeted == 1
    assert list_stored_names(desk) >= {ANA, CHAT, model, key}
    insist(desk)


def test_members_of_one_batch_have_counters_of_their_own(desk: Desk):
    desk.grant(1000)
    budget(desk, "each", 50, per=Subject.MEMBER, every=Cadence.MONTH)
    budget(desk, "all", 120, every=Cadence.DAY)
    budget(desk, "soft", 5, is_hard=False)
    asked = [
        charge(f"{member}{amount}", amount, about=About(member=member))
        for member, amount in ((ANA, 40), (BEN, 50), (CLEO, 20), (ANA, 20), (CLEO, 11), (ANA, 10), (None, 1))
    ]

    answers = desk.ask(*asked)

    refused = [answer for answer in answers if isinstance(answer, Exception)]
    assert [(type(one), one.budget, one.left) for one in refused if isinstance(one, BudgetExceeded)] == [
        (BudgetExceeded, "each", SMALLEST * 10), (BudgetExceeded, "all", SMALLEST * 10), (BudgetExceeded, "all", 0),
    ]  # fmt: skip
    assert len(refused) == 3
    counters = read_record(desk).counters
    spent = {(each.budget, each.subject): each.spent for each in counters}
    assert spent == {(2, ANA): 50, (2, BEN): 50, (2, CLEO): 20, (3, 0): 120, (4, 0): 120}
    assert desk.wallet().counters == {(each.budget, each.subject): each for each in counters}
    loaded = load_wallet(desk, charge("any", about=About(member=BEN), feature=CHAT))
    assert sorted(loaded.counters) == [(2, BEN), (3, 0), (4, 0)]
    assert sorted(loaded.budgets) == [2, 3, 4]
    insist(desk)


@pytest.mark.parametrize("state", ["settled", "in part", "timed out"])
def test_what_a_hold_reserves_is_settled_in_another_batch(desk: Desk, state: str):
    desk.grant(1000)
    budget(desk, "each", 100, per=Subject.MEMBER)
    budget(desk, "chat", 200, feature=CHAT, per=Subject.MODEL)
    about = About(member=ANA, model=name_number("sonnet"))
    held = desk.hold(60, feature=CHAT, about=about, ttl=HOUR)
    place = find_place(held)

    (hold,) = desk.wallet().holds.values()
    assert hold.reserves == ((2, ANA, 0), (3, name_number("sonnet"), 0))
    settling = Settle(key="s", hold=place, hold_id=write_id("hld", place), amounts=((1, 25),), final=state == "settled")
    loaded = load_wallet(desk, settling)
    assert sorted(loaded.counters) == [(2, ANA), (3, name_number("sonnet"))]
    if state == "timed out":
        desk.now += HOUR
        desk.do(Tidy(key="tidy", account="acme", unit=1))
    else:
        desk.do(settling)

    left = {"settled": (25, 0), "in part": (25, 35), "timed out": (0, 0)}[state]
    assert {(each.spent, each.reserved) for each in read_record(desk).counters} == {left}
    assert [each.reserves for each in read_record(desk).holds] == [hold.reserves]
    insist(desk)


def test_a_decision_that_runs_out_gets_the_counters_that_holds_reserve_from(desk: Desk):
    for place in range(LOTS_AT_FIRST + 5):
        desk.grant(10, priority=100 - place)
    budget(desk, "each", 500, per=Subject.MEMBER)
    for member in (ANA, BEN):
        desk.hold(15, about=About(member=member), ttl=DAY)

    with desk.store.work() as work:
        wallet = work.load([charge("any", about=About(member=CLEO))], desk.now).wallets[desk.account().account_id, 1]
        assert (wallet.whole, dict(wallet.counters)) == (False, {})
        whole = work.load_whole(wallet)

    assert {subject for _, subject in whole.counters} == {ANA, BEN}
    assert len(whole.holds) == 2
    assert list(whole.budgets) == list(wallet.budgets)
    released, charged = desk.ask(
        Reschedule(key="all", **ACME, expires_at=desk.now + DAY), charge("more", 5, about=About(member=ANA))
    )
    assert not isinstance(released, Exception)
    assert not isinstance(charged, Exception)
    insist(desk)


def test_a_refund_gives_back_to_the_counter_of_its_charge(desk: Desk):
    desk.grant(100)
    budget(desk, "each", 50, per=Subject.MEMBER)
    charged = desk.charge(50, about=About(member=ANA))

    desk.refund(charged, (1, 30))

    assert [each.spent for each in read_record(desk).counters] == [20]
    assert desk.charge(30, about=About(member=ANA)).entries
    insist(desk)


def test_a_budget_set_after_others_have_ended_counts_in_the_same_row(desk: Desk):
    desk.grant(100)
    budget(desk, "first", 50)
    desk.charge(5)
    desk.do(EndBudget(key="end", **ACME, name="first"))
    assert desk.wallet().budgeted == 0
    assert load_wallet(desk, charge("any")).whole

    made, charged = desk.ask(SetBudget(key="set", **ACME, name="second", most=50), charge("c", 7))

    assert not isinstance(made, Exception)
    assert not isinstance(charged, Exception)
    assert sorted((each.budget, each.spent) for each in read_record(desk).counters) == [(2, 5), (5, 7)]
    insist(desk)


def test_a_period_that_ended_begins_anew_in_the_same_row(desk: Desk):
    desk.grant(1000)
    budget(desk, "daily", 50, every=Cadence.DAY)
    desk.charge(50)
    held = desk.do(SetBudget(key="more", **ACME, name="other", most=500))
    assert held.entries
    desk.now += DAY

    desk.charge(20)

    day, ever = sorted(read_record(desk).counters)
    assert (day.spent, day.ends_at - day.starts_at, day.starts_at <= desk.now) == (20, DAY, True)
    assert ever == Counter(5, 0, 0, NEVER, 20, 0)
    insist(desk)


def test_a_hold_of_a_batch_is_settled_under_the_budget_that_the_batch_set(desk: Desk):
    desk.grant(100)

    made, held = desk.ask(
        SetBudget(key="b", **ACME, name="cap", most=50),
        Hold(key="h", account="acme", amounts=((1, 50),), about=About(member=ANA)),
    )

    assert isinstance(made, Outcome)
    assert isinstance(held, Outcome)
    assert isinstance(desk.ask(charge("over"))[0], BudgetExceeded)
    desk.settle(held, (1, 10))
    assert desk.do(charge("fits", 40)).entries
    insist(desk)
