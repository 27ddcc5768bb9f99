"""Rule 21: an allowance that takes the place of another, in three modes."""

import pytest

from farthing.core.decide import decide
from farthing.engine.zones import find_zone
from farthing.values.bounds import MICROSECONDS, MOST_ALLOWANCES
from farthing.values.entries import Kind
from farthing.values.errors import AllowanceExists, AllowanceNotFound
from farthing.values.names import name_number
from farthing.values.periods import Cadence
from farthing.values.standing_requests import ChangeMode
from farthing.values.wallets import Rollover
from tests.unit.desk import DAY, Desk, kinds_of, tell

HALF = DAY // 2


def basic(**fields):
    """A desk with a hundred a day, half a day after its opening, of which thirty are used."""
    desk = Desk()
    number = desk.allow(100, name="basic", every=Cadence.DAY, **fields)
    desk.charge(30)
    desk.wait(HALF)
    return desk, number


def upgrade(desk, amount=500, *, mode=ChangeMode.REPLACE, **fields):
    terms = {"every": Cadence.MONTH, "instead_of": "basic", "change_mode": mode} | fields
    return desk.allow(amount, name=terms.pop("name", "pro"), **terms)


def name_live(desk):
    return [each.name for each in desk.wallet.allowances.values() if not each.ended_at]


def test_rule_21_replace_what_was_unused_goes_at_once():
    desk, old = basic()

    new = upgrade(desk)

    assert kinds_of(desk.written) == [Kind.ALLOWED, Kind.ALLOWANCE_ENDED, Kind.EXPIRED]
    assert [(entry.of_number, entry.expired) for entry in desk.written] == [(new, 0), (old, 0), (old, 70)]
    assert (desk.wallet.free, desk.wallet.recurring, name_live(desk)) == (500, 1, ["pro"])


def test_rule_21_add_what_was_unused_lives_to_the_end_of_its_own_period():
    desk, old = basic()

    upgrade(desk, mode=ChangeMode.ADD)

    assert (desk.wallet.free, desk.wallet.lots[old].expires_at, name_live(desk)) == (570, desk.at(DAY), ["pro"])
    desk.wait(HALF)
    desk.tidy()
    assert desk.wallet.free == 500


@pytest.mark.parametrize(("used", "left"), [(0, 50), (20, 30), (50, 0), (80, 0)])
def test_rule_21_keep_used_what_was_used_there_is_used_here_too_and_never_more_than_all(used, left):
    desk = Desk()
    desk.allow(100, name="basic", every=Cadence.DAY)
    desk.charge(used)

    upgrade(desk, 50, mode=ChangeMode.KEEP_USED)

    assert (desk.wallet.free, desk.wallet.expired) == (left, 100 - used)
    fresh = [lot for lot in desk.wallet.lots.values() if lot.remaining]
    assert [(lot.amount, lot.amount - lot.remaining) for lot in fresh] == ([(50, used)] if left else [])
    desk.wait(40 * DAY)
    desk.tidy()
    assert desk.wallet.free == 50


def test_rule_21_keep_used_counts_what_is_held_as_used():
    desk, _ = basic()
    hold = desk.hold(20, ttl=DAY * MICROSECONDS)

    upgrade(desk, mode=ChangeMode.KEEP_USED)

    assert (desk.wallet.free, desk.wallet.covered) == (450, 20)
    desk.settle(hold, 5)
    assert (desk.wallet.free, desk.wallet.expired) == (450, 50 + 15)


def test_rule_21_keep_used_with_debt_pays_it_out_of_what_is_left():
    desk, _ = basic()
    desk.record(90)
    assert desk.wallet.debt == 20

    upgrade(desk, mode=ChangeMode.KEEP_USED)

    assert (desk.wallet.debt, desk.wallet.free) == (0, 500 - 100 - 20)


def test_rule_21_keep_used_of_a_lot_that_has_ended_before_its_period_counts_nothing():
    """Whether a lot that has ended is loaded at all must not matter."""
    desk = Desk()
    desk.allow(100, name="basic", every=Cadence.DAY, rollover=Rollover.ALL, keep=1)
    desk.charge(30)
    desk.set_period_end(desk.at(5 * DAY), "basic")
    desk.wait(3 * DAY)
    desk.tidy()
    assert desk.wallet.expired == 70

    upgrade(desk, mode=ChangeMode.KEEP_USED)

    assert desk.wallet.free == 500


def test_rule_21_what_was_carried_bought_or_held_is_never_touched():
    desk = Desk()
    desk.allow(100, name="basic", every=Cadence.DAY, rollover=Rollover.ALL)
    desk.grant(9)
    hold = desk.hold(25, ttl=9 * DAY * MICROSECONDS)
    desk.wait(DAY)

    upgrade(desk)

    assert (desk.wallet.free, desk.wallet.covered) == (500 + 75 + 9, 25)
    desk.release(hold)
    assert desk.wallet.free == 500 + 100 + 9


def test_rule_21_bonus_credits_that_end_with_its_period_are_not_touched():
    desk, _ = basic()
    desk.grant(20, until_turn="basic", source=name_number("bonus"))
    bonus = max(desk.wallet.lots)
    ends_at = desk.wallet.lots[bonus].expires_at

    upgrade(desk)

    assert (desk.wallet.free, desk.wallet.expired) == (520, 70)
    assert desk.wallet.lots[bonus].expires_at == ends_at
    desk.now = ends_at
    desk.tidy()
    assert bonus not in desk.wallet.lots or not desk.wallet.lots[bonus].remaining


@pytest.mark.parametrize("mode", ChangeMode)
def test_rule_21_it_may_have_the_name_of_the_one_whose_place_it_takes(mode):
    desk, old = basic()

    new = upgrade(desk, mode=mode, name="basic")

    assert name_live(desk) == ["basic"]
    assert (desk.allowance(old).ended_at, desk.allowance(new).amount) == (desk.now, 500)


def test_rule_21_but_not_the_name_of_a_third():
    desk, _ = basic()
    desk.allow(1, name="pro", every=Cadence.DAY)

    with pytest.raises(AllowanceExists) as refused:
        upgrade(desk)

    assert tell(refused, "allowance") == ("pro",)
    assert name_live(desk) == ["basic", "pro"]


def test_rule_21_in_a_wallet_with_as_many_as_it_may_have_one_can_still_take_the_place_of_another():
    desk, _ = basic()
    for n in range(MOST_ALLOWANCES - 1):
        desk.allow(0, name=f"other {n}", every=Cadence.DAY)

    upgrade(desk)

    assert desk.wallet.recurring == MOST_ALLOWANCES


def test_rule_21_nobodys_place_cannot_be_taken_and_then_nothing_is_given():
    desk = Desk()

    with pytest.raises(AllowanceNotFound) as refused:
        upgrade(desk)

    assert tell(refused, "allowance") == ("basic",)
    assert (desk.wallet.free, desk.wallet.recurring, desk.entries[1]) == (0, 0, [])


def test_rule_21_one_that_ended_by_itself_leaves_no_place_to_take():
    desk, _ = basic(until=Desk().at(HALF))

    with pytest.raises(AllowanceNotFound):
        upgrade(desk)


def test_rule_21_one_that_waits_takes_the_place_now_and_gives_later():
    desk, _ = basic()

    upgrade(desk, mode=ChangeMode.ADD, starts_at=desk.at(DAY))

    assert (desk.wallet.free, name_live(desk)) == (70, ["pro"])
    desk.wait(HALF)
    desk.tidy()
    assert desk.wallet.free == 500


def test_rule_21_one_that_was_waiting_can_be_replaced_before_it_begins():
    desk = Desk()
    desk.allow(100, name="basic", every=Cadence.DAY, starts_at=desk.at(DAY))

    upgrade(desk, mode=ChangeMode.KEEP_USED)
    desk.wait(2 * DAY)

    assert desk.tidy() == []
    assert desk.wallet.free == 500


def test_rule_21_with_an_end_of_its_own_and_a_first_period_in_proportion():
    desk, _ = basic()

    new = upgrade(
        desk,
        3000,
        every=Cadence.DAY,
        anchor=desk.at(0),
        is_prorated=True,
        mode=ChangeMode.KEEP_USED,
        until=desk.at(DAY),
    )

    assert (desk.wallet.free, desk.allowance(new).turns_at) == (1500 - 30, desk.at(DAY))


def test_rule_28_the_place_that_is_taken_is_part_of_what_is_compared():
    desk, _ = basic()
    request = desk.make_allow(500, name="pro", every=Cadence.DAY, key="k", instead_of="basic")
    others = [
        desk.make_allow(500, name="pro", every=Cadence.DAY, key="k", **fields)
        for fields in ({}, {"instead_of": "basic", "change_mode": 1}, {"instead_of": "basic", "until": desk.at(DAY)})
    ]

    assert len({each.digests()[1] for each in (request, *others)}) == 4
    first = desk.ask(request)
    assert desk.ask(desk.make_allow(500, name="pro", every=Cadence.DAY, key="k", instead_of="basic")) is first


def test_a_refused_replacement_leaves_the_wallet_that_it_was_given_as_it_was():
    desk, _ = basic()
    before = desk.wallet.copy()
    request = desk.make_allow(1, name="basic", every=Cadence.DAY, instead_of="nobody")

    with pytest.raises(AllowanceNotFound):
        decide(desk.account, desk.wallets, request, desk.now, desk.seal, find_zone)

    assert (desk.wallet.lots, desk.wallet.allowances, desk.wallet.seq) == (before.lots, before.allowances, before.seq)
