"""A wallet that is loaded in part decides the same as one loaded whole, or asks for more: never anything else."""

from typing import Any

import pytest

from farthing.core.burndown import rank_lot, sum_available, widen_wallet
from farthing.core.decide import decide
from farthing.core.draft import Draft
from farthing.engine.zones import find_zone
from farthing.values.bounds import MICROSECONDS, NEVER
from farthing.values.errors import InsufficientCredits, LawBroken
from farthing.values.names import name_number
from farthing.values.periods import Cadence
from farthing.values.requests import (
    Adjust,
    Charge,
    Forgive,
    Grant,
    Hold,
    Mode,
    Record,
    Refund,
    Release,
    ResetUsed,
    Settle,
    Void,
)
from farthing.values.standing_requests import Allow, Clawback, EndPeriod, Reschedule
from farthing.values.wallets import NeedsMore, Wallet
from tests.unit.desk import Desk

CHAT = name_number("chat")
WORDS: dict[str, Any] = {"key": "k", "account": "acme"}


def make_desk():
    """Six lots of 10 in burn-down order (the fourth scoped), an open hold on the first, a debt for another feature."""
    desk = Desk(overdraft=8)
    for place in range(5):
        desk.grant(10, priority=place, features=["chat"] if place == 3 else [])
    desk.grant(10, starts_at=desk.at(500), priority=9)
    desk.hold(4, ttl=400 * MICROSECONDS)
    return desk


def load_part(desk: Desk, lots: int, *, rows: bool = True) -> Wallet:
    """The first lots of the wallet only, and neither its holds nor its debts unless `rows`."""
    part = desk.wallet.copy()
    live = [lot for lot in part.lots.values() if lot.started and lot.remaining]
    part.lots = {lot.number: lot for lot in live[:lots]}
    part.whole = False
    part.unloaded = len(live) - len(part.lots)
    part.horizon = rank_lot(live[lots - 1])
    part.allowances, part.counters = {}, {}
    if not rows:
        part.holds, part.debts = {}, {}
    return part


def load_rest(desk: Desk, part: Wallet) -> Wallet:
    whole = desk.wallet
    rows: Any = [whole.lots, whole.holds, whole.debts, whole.allowances, whole.counters]
    return widen_wallet(part, *(list(each.values()) for each in rows))


def decide_both(desk, request, lots, past=()):
    """(whether more was needed, whether both decisions are the same)"""
    right = decide(desk.account, {1: desk.wallet}, request, desk.now, desk.seal, find_zone, past)
    part, needed = load_part(desk, lots), False
    try:
        found = decide(desk.account, {1: part}, request, desk.now, desk.seal, find_zone, past)
    except NeedsMore:
        needed = True
        found = decide(desk.account, {1: load_rest(desk, part)}, request, desk.now, desk.seal, find_zone, past)
    return needed, found.entries == right.entries and found.wallets[1].free == right.wallets[1].free


@pytest.mark.parametrize(
    ("request_", "lots", "needs"),
    [
        pytest.param(Charge(**WORDS, amounts=((1, 5),)), 1, False, id="a charge inside what is loaded"),
        pytest.param(Charge(**WORDS, amounts=((1, 6),)), 1, False, id="a charge of all that is loaded"),
        pytest.param(Charge(**WORDS, amounts=((1, 7),)), 1, True, id="a charge beyond what is loaded"),
        pytest.param(Charge(**WORDS, amounts=((1, 5),), feature=CHAT), 2, True, id="a charge for what may have scopes"),
        pytest.param(Charge(**WORDS, amounts=((1, 44),), mode=Mode.ALL_AVAILABLE), 4, True, id="all that is available"),
        pytest.param(Record(**WORDS, amounts=((1, 99),)), 2, True, id="work beyond all lots"),
        pytest.param(Hold(**WORDS, amounts=((1, 5),)), 1, False, id="a hold inside what is loaded"),
        pytest.param(Hold(**WORDS, amounts=((1, 20),)), 1, True, id="a hold beyond it"),
        pytest.param(Grant(**WORDS, amounts=((1, 5),)), 1, False, id="a grant without debt"),
        pytest.param(Void(**WORDS, amounts=((1, 5),)), 1, True, id="a void in burn-down order"),
        pytest.param(Adjust(**WORDS, amounts=((1, -5),)), 1, True, id="an adjustment down"),
        pytest.param(Adjust(**WORDS, amounts=((1, 5),)), 1, False, id="an adjustment up"),
        pytest.param(Forgive(**WORDS, owed=((1, None),)), 1, False, id="forgiving nothing"),
        pytest.param(ResetUsed(**WORDS, unit=1), 1, True, id="the used count"),
    ],
)
def test_a_decision_on_part_of_a_wallet_is_the_same_or_asks_for_more(request_, lots, needs):
    assert decide_both(make_desk(), request_, lots) == (needs, True)


@pytest.mark.parametrize(
    ("request_", "needs"),
    [
        pytest.param(Grant(**WORDS, amounts=((1, 5),)), True, id="a grant that may pay it"),
        pytest.param(Forgive(**WORDS, owed=((1, 1),)), True, id="writing it off"),
        pytest.param(Charge(**WORDS, amounts=((1, 5),)), False, id="a charge beside it"),
    ],
)
def test_debts_that_are_not_loaded_are_asked_for(request_, needs):
    desk = Desk(overdraft=20)
    desk.record(9, feature="video")
    desk.grant(10, features=["chat"])
    desk.record(3)

    part = load_part(desk, 1, rows=False)

    right = decide(desk.account, {1: desk.wallet}, request_, desk.now, desk.seal, find_zone)
    if needs:
        with pytest.raises(NeedsMore):
            decide(desk.account, {1: part}, request_, desk.now, desk.seal, find_zone)
        part = load_rest(desk, part)
    assert decide(desk.account, {1: part}, request_, desk.now, desk.seal, find_zone).entries == right.entries


def test_a_settle_and_a_release_need_the_lots_of_their_draws():
    desk = Desk()
    desk.grant(10, priority=1)
    desk.grant(10, priority=2)
    hold = desk.hold(15)
    place = desk.place(hold)
    part = load_part(desk, 1)
    part.lots = {}

    for request in (
        Release(key="k", hold=place, hold_id="h"),
        Settle(key="k", hold=place, hold_id="h", amounts=((1, 3),)),
    ):
        with pytest.raises(NeedsMore):
            decide(desk.account, {1: part}, request, desk.now, desk.seal, find_zone)
        right = decide(desk.account, {1: desk.wallet}, request, desk.now, desk.seal, find_zone)
        found = decide(desk.account, {1: load_rest(desk, part)}, request, desk.now, desk.seal, find_zone)
        assert found.entries == right.entries


def test_what_fell_due_asks_for_the_whole_wallet():
    desk = make_desk()
    part = load_part(desk, 2)
    desk.wait(400)

    with pytest.raises(NeedsMore):
        decide(desk.account, {1: part}, Charge(**WORDS, amounts=((1, 1),)), desk.now, desk.seal, find_zone)


def test_a_refusal_asks_for_the_grants_that_arrive_later():
    desk = make_desk()
    request = Charge(**WORDS, amounts=((1, 999),))

    with pytest.raises(NeedsMore):
        decide(desk.account, {1: load_part(desk, 5)}, request, desk.now, desk.seal, find_zone)

    with pytest.raises(InsufficientCredits) as refused:
        decide(desk.account, {1: load_rest(desk, load_part(desk, 5))}, request, desk.now, desk.seal, find_zone)
    assert refused.value.arriving == 10


def test_available_for_a_feature_is_known_from_a_part_when_nothing_is_scoped():
    desk = Desk()
    desk.grant(10)
    desk.grant(10)

    assert sum_available(load_part(desk, 1), CHAT) == 20


def test_widening_keeps_what_was_changed_since_it_was_loaded():
    desk = make_desk()
    part = load_part(desk, 2)
    changed = decide(
        desk.account, {1: part}, Charge(**WORDS, amounts=((1, 5),)), desk.now, desk.seal, find_zone
    ).wallets[1]

    whole = load_rest(desk, changed)

    assert [lot.remaining for lot in whole.lots.values()] == [1, 10, 10, 10, 10, 10]
    assert list(whole.lots.values()) == sorted(whole.lots.values(), key=rank_lot)
    assert (whole.whole, whole.unloaded, whole.horizon) == (True, 0, ())
    assert whole.holds == desk.wallet.holds


def test_a_lot_that_a_whole_wallet_lacks_is_a_broken_law():
    desk = make_desk()

    with pytest.raises(LawBroken, match="lot 99 is missing"):
        Draft(desk.wallet, desk.now, desk.seal, find_zone).get_lot(99)


def test_a_debt_that_a_refund_lacks_is_a_broken_law():
    desk = Desk()
    charge = desk.record(5)
    wallet = desk.wallet.copy()
    wallet.debts = {}
    request = Refund(key="k", charge=desk.place(charge.number), charge_id="r")

    with pytest.raises(LawBroken, match=f"debt {charge.number} is missing"):
        decide(desk.account, {1: wallet}, request, desk.now, desk.seal, find_zone, [charge])


def test_a_lot_named_beside_the_first_ones_is_not_drawn_on_out_of_turn():
    desk = make_desk()
    last = max((lot for lot in desk.wallet.lots.values() if lot.started), key=rank_lot)
    part = load_part(desk, 1)
    part.lots[last.number] = last
    part.unloaded -= 1

    with pytest.raises(NeedsMore):
        decide(desk.account, {1: part}, Charge(**WORDS, amounts=((1, 7),)), desk.now, desk.seal, find_zone)


STANDING = [
    pytest.param(Allow(**WORDS, unit=1, name="more", amount=5, every=Cadence.DAY), id="a new allowance"),
    pytest.param(EndPeriod(**WORDS, unit=1, name="plan"), id="the end of a period"),
    pytest.param(Grant(**WORDS, amounts=((1, 5),), until_turn="plan"), id="a bonus tied to a period"),
    pytest.param(Grant(**WORDS, amounts=((1, 5),), extends=True), id="a purchase that extends"),
    pytest.param(Reschedule(**WORDS, unit=1, expires_at=NEVER), id="another end of all credits"),
    pytest.param(Charge(**WORDS, amounts=((1, 999),)), id="a refusal that says what an allowance brings"),
    pytest.param(ResetUsed(**WORDS, unit=1), id="a used count of zero"),
]


@pytest.mark.parametrize("request_", STANDING)
def test_what_concerns_an_allowance_asks_for_all_of_it(request_):
    desk = make_desk()
    desk.allow(7, every=Cadence.DAY)

    with pytest.raises(NeedsMore):
        decide(desk.account, {1: load_part(desk, 2)}, request_, desk.now, desk.seal, find_zone)

    answers: list[Any] = []
    for wallet in (desk.wallet, load_rest(desk, load_part(desk, 2))):
        try:
            answers.append(decide(desk.account, {1: wallet}, request_, desk.now, desk.seal, find_zone).entries)
        except InsufficientCredits as refusal:
            answers.append(refusal.arriving)
    assert answers[0] == answers[1]


def test_a_charge_beside_an_allowance_needs_no_more_than_its_lots():
    desk = make_desk()
    desk.allow(7, every=Cadence.DAY)

    assert decide_both(desk, Charge(**WORDS, amounts=((1, 5),)), 1) == (False, True)


def test_a_clawback_that_makes_debt_asks_for_all_that_could_pay_it():
    desk = Desk()
    grant = desk.grant(10, cost_minor=10, priority=1)
    desk.grant(10, priority=2)
    desk.grant(10, priority=3)
    desk.charge(10)
    request = Clawback(key="k", grant=desk.place(grant), grant_id="g", money=10)
    part = load_part(desk, 1)
    part.lots[grant] = desk.wallet.lots[grant]
    past = [desk.entries[1][0]]

    with pytest.raises(NeedsMore):
        decide(desk.account, {1: part}, request, desk.now, desk.seal, find_zone, past)

    right = decide(desk.account, {1: desk.wallet}, request, desk.now, desk.seal, find_zone, past)
    found = decide(desk.account, {1: load_rest(desk, part)}, request, desk.now, desk.seal, find_zone, past)
    assert found.entries == right.entries


def test_a_settle_and_a_refund_ask_for_the_counter_that_they_move():
    desk = make_desk()
    desk.set_budget(100)
    held, charge = desk.hold(3), desk.charge(3)
    place = desk.place(held)
    settle = Settle(key="k", hold=place, hold_id="h", amounts=((1, 3),))
    refund = Refund(key="k", charge=desk.place(charge.number), charge_id="c")

    assert decide_both(desk, settle, 4) == (True, True)
    assert decide_both(desk, refund, 4, [charge]) == (True, True)


def test_a_counter_that_is_missing_in_a_whole_wallet_is_a_broken_law():
    desk = make_desk()
    desk.set_budget(100)
    place = desk.place(desk.hold(3))
    wallet = desk.wallet.copy()
    wallet.counters = {}

    release = Release(key="k", hold=place, hold_id="h")
    with pytest.raises(LawBroken, match="the counter of budget"):
        decide(desk.account, {1: wallet}, release, desk.now, desk.seal, find_zone)
