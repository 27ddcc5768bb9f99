"""The naive model's own corners, one rule a test, and its laws after any order of requests.

A model that is wrong would make the real core look wrong, so its figures are worked out by hand here.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from .naive import NaiveAccount, NaiveRefused
from .naive_books import COLUMNS, DAY, DEFAULT_TERMS, SECOND

TTL = DEFAULT_TERMS["hold_ttl"]


def open_account(**terms: Any) -> NaiveAccount:
    model = NaiveAccount()
    model.open(now=0)
    model.configure(now=0, **terms)
    return model


def check_refused(reason: str, call: Any, **asked: Any) -> dict[str, Any]:
    """The call is refused for this reason and leaves everything as it was; its facts come back."""
    before = copy.deepcopy(call.__self__.__dict__)
    with pytest.raises(NaiveRefused) as no:
        call(**asked)
    assert no.value.reason == reason
    assert call.__self__.__dict__ == before
    return no.value.facts


def test_debt_remembers_its_feature_and_scoped_credit_pays_no_other():
    model = open_account()
    model.charge(now=1, amount=10, feature="chat", mode="record")
    model.charge(now=2, amount=5, mode="record")

    video = model.grant(now=3, amount=20, features=["video"])
    chat = model.grant(now=4, amount=12, features=["chat"])
    free = model.grant(now=5, amount=6)

    assert (video["paid_debt"], chat["paid_debt"], free["paid_debt"]) == (0, 10, 5)
    assert model.snapshot("credits", 5)["lots"] == {1: 20, 2: 2, 3: 1}
    assert model.available("credits", 5, "chat") == 3
    assert model.available("credits", 5, "video") == 21
    assert model.available("credits", 5) == 1


def test_a_grant_still_to_come_counts_and_pays_when_it_takes_effect():
    model = open_account()
    model.charge(now=1, amount=4, mode="record")
    model.grant(now=2, amount=10, effective=100)

    assert model.snapshot("credits", 99) | {"granted": 0, "balance": -4, "lots": {}} == model.snapshot("credits", 99)
    then = model.snapshot("credits", 100)
    assert (then["granted"], then["balance"], then["debt"], then["lots"]) == (10, 6, 0, {1: 6})


def test_at_one_instant_a_hold_that_times_out_finds_its_lot_over_before_the_next_takes_effect():
    model = open_account(rest_of_ended_lot="grace")
    model.grant(now=0, amount=10, expires=100)
    model.grant(now=0, amount=7, effective=100)
    model.hold(now=0, amount=6, ttl=100)
    model.charge(now=1, amount=6, mode="record")

    seen = model.snapshot("credits", 100)

    # The lot is over, so the 6 that were held live on in a grace lot, which pays the debt of 2 at once.
    assert (seen["expired"], seen["debt"], seen["lots"]) == (0, 0, {2: 7, 3: 4})


def test_a_dead_import_is_granted_and_expires_at_once_and_a_dead_grant_is_refused():
    model = open_account()

    model.import_grant(now=10, amount=5, expires=10)

    seen = model.snapshot("credits", 10)
    assert (seen["granted"], seen["expired"], seen["balance"], seen["lots"]) == (5, 5, 0, {})
    check_refused("dead_on_arrival", model.grant, now=10, amount=5, expires=10)


def test_a_bare_hold_lowers_what_is_available_and_owes_only_what_is_settled():
    model = open_account(overdraft=10)
    model.grant(now=0, amount=5)
    hold = model.hold(now=0, amount=12)

    assert (hold["held"], hold["bare"], hold["draws"]) == (12, 7, [(1, 5)])
    assert model.available("credits", 0) == 3
    step = model.settle(now=1, hold=1, amount=6, final=False)
    assert (step["charged"], step["draws"], step["owed"]) == (6, [(1, 5)], 1)
    seen = model.snapshot("credits", 1)
    assert (seen["held"], seen["bare"], seen["debt"], seen["available"]) == (6, 6, 1, 3)
    assert model.release(now=2, hold=1)["released"] == 6
    assert model.snapshot("credits", 2)["available"] == 9


def test_available_may_be_below_zero_and_then_only_nothing_passes():
    model = open_account()
    model.charge(now=0, amount=5, mode="record")

    assert model.available("credits", 0) == -5
    assert model.charge(now=0, amount=0)["charged"] == 0
    taken = model.charge(now=0, amount=3, mode="all_available")
    assert (taken["charged"], taken["uncovered"]) == (0, 3)
    assert check_refused("insufficient_credits", model.charge, now=0, amount=1) == {"needed": 1, "available": -5}


@pytest.mark.parametrize(
    "policy, charged, uncovered, debt",
    [("bill_full", 25, 0, 5), ("cap_hold", 8, 17, 0), ("cap_available", 20, 5, 0)],
)
def test_a_settle_above_its_hold_follows_the_policy(policy, charged, uncovered, debt):
    model = open_account(settle_above_hold=policy)
    model.grant(now=0, amount=20)
    model.hold(now=0, amount=8)

    answer = model.settle(now=1, hold=1, amount=25)

    assert (answer["charged"], answer["uncovered"]) == (charged, uncovered)
    assert model.snapshot("credits", 1)["debt"] == debt


def test_the_rejecting_policy_keeps_the_hold_open():
    model = open_account(settle_above_hold="reject")
    model.grant(now=0, amount=20)
    model.hold(now=0, amount=8)

    assert check_refused("above_hold", model.settle, now=1, hold=1, amount=9) == {"held": 8}
    assert model.snapshot("credits", 1)["held"] == 8
    assert model.settle(now=1, hold=1, amount=9, policy="bill_full")["charged"] == 9


@pytest.mark.parametrize(
    "policy, amount, charged, uncovered, debt",
    [
        ("bill_full", None, 8, 0, 5),
        ("bill_full", 12, 12, 0, 9),
        ("cap_hold", 12, 8, 4, 5),
        ("cap_available", 12, 3, 9, 0),
        ("reject", 8, 8, 0, 5),
    ],
)
def test_a_late_settle_takes_what_is_there_then(policy, amount, charged, uncovered, debt):
    model = open_account()
    model.grant(now=0, amount=10)
    model.hold(now=0, amount=10)
    model.settle(now=1, hold=1, amount=2, final=False)
    model.charge(now=TTL, amount=5)

    answer = model.settle(now=TTL + 1, hold=1, amount=amount, policy=policy)

    assert (answer["charged"], answer["uncovered"]) == (charged, uncovered)
    assert model.snapshot("credits", TTL + 1)["debt"] == debt
    check_refused("hold_ended", model.settle, now=TTL + 2, hold=1, amount=1)


def test_a_hold_that_timed_out_is_neither_released_nor_extended_but_settles_in_steps():
    model = open_account()
    model.grant(now=0, amount=10)
    model.hold(now=0, amount=6)
    model.extend(now=10, hold=1)
    assert model.snapshot("credits", TTL + 9)["held"] == 6

    check_refused("hold_ended", model.extend, now=TTL + 10, hold=1)
    check_refused("hold_ended", model.release, now=TTL + 10, hold=1)
    model.settle(now=TTL + 10, hold=1, amount=4, final=False)
    assert check_refused("above_hold", model.settle, now=TTL + 10, hold=1, amount=3, policy="reject") == {"held": 2}
    assert model.settle(now=TTL + 11, hold=1)["charged"] == 2
    assert model.snapshot("credits", TTL + 11)["balance"] == 4


@pytest.mark.parametrize("rest, expired, lots", [("breakage", 5, {}), ("grace", 1, {2: 4})])
def test_the_rest_of_a_hold_on_an_ended_lot_is_breakage_or_grace(rest, expired, lots):
    model = open_account(rest_of_ended_lot=rest)
    model.grant(now=0, amount=10, expires=100, features=["chat"], promotional=True)
    model.hold(now=0, amount=9, feature="chat")

    model.settle(now=100, hold=1, amount=5)

    seen = model.snapshot("credits", 100)
    assert (seen["spent"], seen["expired"], seen["lots"]) == (5, expired, lots)
    if lots:
        assert model.lots[2]["features"] == ("chat",)
        assert model.lots[2]["promotional"]
        assert model.lots[2]["expires"] == 100 + 30 * DAY


def test_a_refund_goes_from_unpaid_debt_to_payers_to_lots_last_first():
    model = open_account()
    model.grant(now=0, amount=10, priority=1)
    model.grant(now=0, amount=5, priority=2)
    model.charge(now=1, amount=25, mode="record")
    model.grant(now=2, amount=4)
    model.forgive(now=3, amount=2)

    answer = model.refund(now=4, charge=1, amount=12)

    # Of the debt of 10: 4 unpaid, 2 forgiven, 4 paid by the third lot; then the second lot.
    assert answer["to"] == [("debt", 4), ("forgiven", 2), (3, 4), (2, 2)]
    assert answer["refundable"] == 13
    seen = model.snapshot("credits", 4)
    assert (seen["debt"], seen["lots"], seen["adjusted"], seen["refunded"]) == (0, {1: 0, 2: 2, 3: 4}, 0, 12)
    assert check_refused("more_than_refundable", model.refund, now=5, charge=1, amount=14) == {"refundable": 13}
    assert model.refund(now=5, charge=1, amount=14, up_to=True)["to"] == [(2, 3), (1, 10)]
    assert model.refund(now=6, charge=1)["refunded"] == 0


def test_a_refund_covers_all_settles_of_a_hold():
    model = open_account()
    model.grant(now=0, amount=4, priority=1)
    model.grant(now=0, amount=9, priority=2)
    model.hold(now=0, amount=8)
    model.settle(now=1, hold=1, amount=5, final=False)
    model.settle(now=2, hold=1, amount=6)

    assert model.refund(now=3, hold=1, amount=8)["to"] == [(2, 7), (1, 1)]
    assert check_refused("more_than_refundable", model.refund, now=3, hold=1, amount=4) == {"refundable": 3}
    check_refused("charge_unknown", model.refund, now=3, hold=9)


def test_a_refund_to_ended_lots_makes_one_grace_lot_while_it_lives():
    model = open_account()
    model.grant(now=0, amount=10, expires=100, features=["chat"], promotional=True)
    model.grant(now=0, amount=10, expires=100, priority=60)
    model.charge(now=1, amount=14, feature="chat")

    assert model.refund(now=200, charge=1, amount=5)["to"] == [(3, 5)]
    assert (model.lots[3]["features"], model.lots[3]["promotional"]) == (("chat",), False)
    assert model.refund(now=300, charge=1, amount=2)["to"] == [(3, 2)]
    assert model.refund(now=200 + 30 * DAY, charge=1)["to"] == [(4, 7)]
    assert model.lots[4]["promotional"]
    seen = model.snapshot("credits", 200 + 30 * DAY)
    assert (seen["expired"], seen["refunded"], seen["lots"]) == (6 + 7, 14, {4: 7})


def test_without_grace_a_refund_to_an_ended_lot_is_breakage_and_an_empty_lot_is_filled():
    model = open_account(refund_grace=0)
    model.grant(now=0, amount=10, expires=100)
    model.grant(now=0, amount=10)
    model.charge(now=1, amount=20)

    assert model.refund(now=100, charge=1, amount=15)["to"] == [(2, 10), ("breakage", 5)]
    seen = model.snapshot("credits", 100)
    assert (seen["refunded"], seen["expired"], seen["balance"]) == (15, 5, 10)


def test_void_and_adjust_down_take_only_what_is_not_held_whatever_its_scope():
    model = open_account()
    model.grant(now=0, amount=10, priority=1, features=["chat"])
    model.grant(now=0, amount=10, priority=2)
    model.hold(now=0, amount=4)

    assert check_refused("more_than_is_left", model.void, now=1, lot=2, amount=7) == {"left": 6}
    assert model.void(now=1, lot=2, amount=7, up_to=True)["voided"] == 6
    assert check_refused("more_than_is_left", model.adjust, now=1, amount=-11) == {"left": 10}
    assert model.adjust(now=1, amount=-3)["draws"] == [(1, 3)]
    assert model.void(now=1)["draws"] == [(1, 7)]
    model.release(now=2, hold=1)
    assert model.snapshot("credits", 2)["lots"] == {1: 0, 2: 4}


def test_adjusting_up_pays_debt_first():
    model = open_account()
    model.charge(now=0, amount=5, mode="record")

    model.adjust(now=1, amount=8)

    seen = model.snapshot("credits", 1)
    assert (seen["debt"], seen["lots"], seen["adjusted"], seen["balance"]) == (0, {1: 3}, 8, 3)


def test_set_used_forgives_then_refills_backwards_and_raising_takes_then_owes():
    model = open_account(overdraft=2)
    model.grant(now=0, amount=10, priority=1, source="plan")
    model.grant(now=0, amount=10, priority=2, source="bonus")
    model.hold(now=0, amount=3)
    model.charge(now=1, amount=19)
    assert model.snapshot("credits", 1)["used"] == 19

    model.set_used(now=2, used=9)
    assert model.snapshot("credits", 2)["lots"] == {1: 0, 2: 8}
    assert check_refused("above_total", model.set_used, now=3, used=20) == {"above": 3}
    model.set_used(now=3, used=19)
    assert model.snapshot("credits", 3)["debt"] == 2
    model.reset_used(now=4)
    seen = model.snapshot("credits", 4)
    assert (seen["debt"], seen["lots"], seen["used"], seen["adjusted"]) == (0, {1: 7, 2: 10}, 0, 19)


def test_frozen_stops_new_work_and_closed_lets_only_what_is_open_end():
    model = open_account()
    model.grant(now=0, amount=10)
    model.hold(now=0, amount=1)
    model.hold(now=0, amount=1)
    model.freeze(now=1)
    model.freeze(now=1)

    check_refused("account_frozen", model.charge, now=2, amount=1)
    check_refused("account_frozen", model.charge, now=2, amount=1, mode="all_available")
    check_refused("account_frozen", model.hold, now=2, amount=1, mode="record")
    check_refused("account_frozen", model.extend, now=2, hold=1)
    model.charge(now=2, amount=1, mode="record")
    model.grant(now=2, amount=1)
    model.close(now=3)
    for call, asked in [(model.unfreeze, {}), (model.open, {}), (model.grant, {"amount": 1}), (model.close, {})]:
        check_refused("account_closed", call, now=4, **asked)
    check_refused("account_closed", model.charge, now=4, amount=1, mode="record")
    check_refused("account_closed", model.refund, now=4, charge=1)
    model.settle(now=4, hold=1)
    model.release(now=4, hold=2)
    model.forgive(now=4)
    model.void(now=4)
    assert model.snapshot("credits", 4)["balance"] == 0


def test_what_is_released_goes_back_last_drawn_first_and_its_grace_needs_a_life():
    model = open_account(rest_of_ended_lot="grace", refund_grace=0)
    model.grant(now=0, amount=3, priority=1)
    model.grant(now=0, amount=3, priority=2, expires=50)
    model.grant(now=0, amount=3, priority=3)
    model.hold(now=0, amount=8, ttl=100)

    assert model.release(now=60, hold=1)["returned"] == [(3, 2), (1, 3), ("breakage", 3)]
    assert model.snapshot("credits", 60)["lots"] == {1: 3, 3: 3}


def test_the_later_debt_of_a_hold_is_undone_first():
    model = open_account()
    model.hold(now=0, amount=0)
    model.settle(now=1, hold=1, amount=5, final=False)
    model.settle(now=2, hold=1, amount=5)

    model.refund(now=3, hold=1, amount=6)

    assert model.snapshot("credits", 3)["debts"] == {1: 4}


def test_grace_for_unscoped_lots_of_a_feature_stays_unscoped():
    model = open_account()
    model.grant(now=0, amount=5, expires=10)
    model.charge(now=1, amount=5, feature="chat")

    model.refund(now=10, charge=1)

    assert model.lots[2]["features"] == ()


def test_lowering_used_leaves_room_for_what_is_held_and_raising_counts_the_debt_that_is_there():
    model = open_account(overdraft=3)
    model.grant(now=0, amount=10, priority=1, source="plan")
    model.grant(now=0, amount=10, priority=2, source="plan")
    model.charge(now=0, amount=10)
    model.hold(now=0, amount=4)
    model.charge(now=1, amount=4)

    model.set_used(now=2, used=9)
    assert model.snapshot("credits", 2)["lots"] == {1: 1, 2: 6}
    model.set_used(now=3, used=13)
    model.void(now=3, lot=2)
    model.charge(now=3, amount=2)
    assert check_refused("above_total", model.set_used, now=4, used=20) == {"above": 5}


def test_a_name_is_free_in_another_unit_and_again_when_its_hold_is_past_its_deadline():
    model = open_account()
    model.grant(now=0, amount={"credits": 5, "generations": 5})
    model.hold(now=0, amount=1, name="job", ttl=10)

    assert model.hold(now=9, amount=1, name="job", unit="generations")["hold"] == 2
    check_refused("hold_name_taken", model.hold, now=9, amount=1, name="job")
    assert model.hold(now=10, amount=1, name="job")["hold"] == 3


def test_several_units_move_together_or_not_at_all():
    model = open_account()
    model.grant(now=0, amount={"credits": 10, "generations": 1})
    model.charge(now=1, amount={"credits": 5, "generations": 1})

    check_refused("insufficient_credits", model.charge, now=2, amount={"credits": 5, "generations": 1})
    model.hold(now=2, amount={"credits": 5, "generations": 0})
    answer = model.settle(now=3, hold=1, amount={"credits": 4, "generations": 2})
    assert answer["units"]["credits"]["charged"] == 4
    assert answer["units"]["generations"]["owed"] == 2
    assert model.refund(now=4, charge=1)["units"]["generations"] == {"refunded": 1, "refundable": 0, "to": [(2, 1)]}
    assert model.snapshot("generations", 4)["balance"] == -1


def test_the_key_is_looked_up_before_anything_else_and_only_passed_requests_take_it():
    model = open_account()
    check_refused("insufficient_credits", model.charge, now=1, amount=5, key="k")
    model.grant(now=2, amount=5)
    first = model.charge(now=3, amount=5, key="k")
    model.close(now=4)

    assert model.charge(now=5, amount=5, key="k") == {**first, "replayed": True}
    check_refused("key_reused", model.charge, now=5, amount=5, feature="chat", key="k")
    check_refused("key_reused", model.grant, now=5, amount=5, key="k")


def test_time_does_not_run_backwards_and_a_refusal_does_not_move_it():
    model = open_account()
    model.grant(now=100, amount=5, expires=200)
    check_refused("insufficient_credits", model.charge, now=300, amount=1)

    assert model.charge(now=50, amount=1)["charged"] == 1
    model.tidy(now=200)
    check_refused("insufficient_credits", model.charge, now=150, amount=1)


AMOUNTS = st.integers(0, 12)
FEATURES = st.sampled_from([None, "chat", "video"])
NUMBERS = st.integers(0, 9)  # taken round the ones that there are
REQUESTS = st.one_of(
    st.tuples(st.just("grant"), st.fixed_dictionaries({
        "amount": AMOUNTS, "priority": st.integers(1, 2), "source": st.sampled_from(["plan", "bonus", "purchase"]),
        "features": st.sampled_from([None, ["chat"]]),
        "life": st.sampled_from([None, 0, 3, 9]), "wait": st.integers(0, 4),
    })),
    st.tuples(st.just("charge"), st.fixed_dictionaries({
        "amount": AMOUNTS, "feature": FEATURES, "mode": st.sampled_from(["strict", "record", "all_available"]),
    })),
    st.tuples(st.just("hold"), st.fixed_dictionaries({
        "amount": AMOUNTS, "feature": FEATURES, "mode": st.sampled_from(["strict", "record", "shrink"]),
        "ttl": st.integers(1, 9),
    })),
    st.tuples(st.just("settle"), st.fixed_dictionaries({
        "hold": NUMBERS, "amount": st.none() | AMOUNTS, "final": st.booleans(),
        "policy": st.sampled_from(["bill_full", "cap_hold", "cap_available", "reject"]),
    })),
    st.tuples(st.sampled_from(["release", "extend"]), st.fixed_dictionaries({"hold": NUMBERS})),
    st.tuples(st.just("refund"), st.fixed_dictionaries({"charge": NUMBERS, "amount": st.none() | AMOUNTS})),
    st.tuples(st.just("refund"), st.fixed_dictionaries({"hold": NUMBERS, "amount": st.none() | AMOUNTS})),
    st.tuples(st.just("void"), st.fixed_dictionaries({"lot": st.none() | NUMBERS, "up_to": st.booleans()})),
    st.tuples(st.just("forgive"), st.fixed_dictionaries({"amount": st.none() | AMOUNTS})),
    st.tuples(st.just("adjust"), st.fixed_dictionaries({"amount": st.integers(-9, 9)})),
    st.tuples(st.just("set_used"), st.fixed_dictionaries({"used": AMOUNTS})),
)  # fmt: skip


def name_one(asked: dict[str, Any], word: str, there: dict[int, Any]) -> dict[str, Any]:
    """A number drawn blindly becomes that of a lot, hold or charge that exists, if one does."""
    if asked.get(word) is None:
        return asked
    return {**asked, word: 1 + asked[word] % max(1, len(there))}


def check_laws(model: NaiveAccount, now: int) -> None:
    seen = model.snapshot("credits", now)
    granted, refunded, adjusted, spent, expired = (seen[column] for column in COLUMNS)
    assert granted + refunded + adjusted - spent - expired == seen["balance"]
    assert seen["balance"] == sum(seen["lots"].values()) + seen["covered"] - seen["debt"]
    assert seen["held"] == seen["covered"] + seen["bare"]
    assert all(lot["remaining"] >= 0 for lot in model.lots.values())
    for number, owed in seen["debts"].items():
        debt = model.debts[number]
        free = [
            n for n in seen["lots"] if not model.lots[n]["features"] or debt["feature"] in model.lots[n]["features"]
        ]
        assert not owed or not any(seen["lots"][n] for n in free), "owing and holding free credit that could pay"
    for bill in [*model.charges.values(), *(hold["bill"] for hold in model.holds.values())]:
        for part in bill["units"].values():
            left = sum(amount for _, amount in part["draws"] + part["debts"])
            assert 0 <= part["charged"] - part["refunded"] == left


@settings(max_examples=150)
@given(
    steps=st.lists(st.tuples(st.integers(0, 5), REQUESTS), min_size=12, max_size=40),
    rest=st.sampled_from(["breakage", "grace"]),
    grace=st.sampled_from([0, 4]),
)
def test_no_order_of_requests_breaks_a_law_of_the_model(steps, rest, grace):
    model, now = open_account(overdraft=5, rest_of_ended_lot=rest, refund_grace=grace), SECOND
    for wait, (kind, asked) in steps:
        now += wait
        if kind == "grant":
            starts, life = now + asked["wait"], asked["life"]
            asked = {k: v for k, v in asked.items() if k not in ("wait", "life")}
            asked |= {"effective": starts, "expires": None if life is None else starts + life}
        for word, there in (("hold", model.holds), ("charge", model.charges), ("lot", model.lots)):
            asked = name_one(asked, word, there)
        before = copy.deepcopy(model.__dict__)
        try:
            getattr(model, kind)(now=now, **asked)
            event(f"{kind} passed")
        except NaiveRefused as no:
            assert model.__dict__ == before
            event(f"{kind}: {no.reason}")

        check_laws(model, now)

    seen = model.snapshot("credits", now + 20)
    model.tidy(now=now + 20)
    assert seen == model.snapshot("credits", now + 20)
