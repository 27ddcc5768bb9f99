"""Rules 2 and 4: ends of credits that are moved, purchases that extend all others, and the order that follows."""

import pytest

from farthing.values.bounds import LATEST_INSTANT, MICROSECONDS, NEVER
from farthing.values.entries import Kind
from farthing.values.errors import GrantEnded, GrantNotFound, TimeInvalid
from farthing.values.periods import Cadence
from tests.unit.desk import DAY, Desk, drew, kinds_of


def test_rule_02_the_end_of_one_grant_moves_later_or_earlier_or_goes_away():
    desk = Desk()
    grant = desk.grant(10, expires_at=desk.at(60))

    for end in (desk.at(120), desk.at(30), NEVER):
        receipt = desk.reschedule(end, grant)
        assert (receipt.kind, receipt.of_number, receipt.amount) == (Kind.RESCHEDULED, grant, 10)
        assert desk.wallet.lots[grant].expires_at == end
    desk.wait(10_000)
    assert desk.tidy() == []
    desk.reschedule(desk.now + MICROSECONDS, grant)
    desk.wait(1)

    assert kinds_of(desk.tidy()) == [Kind.EXPIRED]


def test_rule_02_an_end_may_be_so_long_from_now():
    desk = Desk()
    grant = desk.grant(10, expires_at=desk.at(60))
    desk.wait(30)

    desk.reschedule(0, grant, expires_in=50 * MICROSECONDS)

    assert desk.wallet.lots[grant].expires_at == desk.at(80)


def test_rule_04_a_duration_beyond_the_year_9999_is_refused():
    desk = Desk()

    with pytest.raises(TimeInvalid, match="9999"):
        desk.grant(10, expires_in=LATEST_INSTANT)


def test_rule_05_a_grant_whose_end_moved_burns_where_its_new_end_says():
    desk = Desk()
    first, second = desk.grant(10, expires_at=desk.at(60)), desk.grant(10, expires_at=desk.at(120))

    desk.reschedule(desk.at(180), first)

    assert drew(desk.charge(15)) == [(second, 10), (first, 5)]


def test_rule_02_what_a_hold_has_of_it_ends_with_its_new_end():
    desk = Desk()
    grant = desk.grant(10, expires_at=desk.at(60))
    hold = desk.hold(10)
    desk.reschedule(desk.at(600), grant)
    desk.wait(60)

    desk.release(hold)

    assert (desk.left(grant), desk.wallet.expired) == (10, 0)


def test_rule_02_a_grant_that_waits_may_be_moved_and_never_ends_before_it_starts():
    desk = Desk()
    grant = desk.grant(10, starts_at=desk.at(60), expires_at=desk.at(120))
    with pytest.raises(TimeInvalid, match="not after the start"):
        desk.reschedule(desk.at(60), grant)

    desk.reschedule(desk.at(90), grant)
    desk.wait(90)
    desk.tidy()

    assert (desk.wallet.granted, desk.wallet.expired) == (10, 10)


@pytest.mark.parametrize("back", [0, 1, -1])
def test_rule_04_an_end_that_has_passed_is_refused(back):
    desk = Desk()
    grant = desk.grant(10)

    if back < 0:
        assert desk.reschedule(desk.now - back, grant).amount == 10
        return
    with pytest.raises(TimeInvalid, match="has passed"):
        desk.reschedule(desk.now - back, grant)
    with pytest.raises(TimeInvalid, match="has passed"):
        desk.reschedule(desk.now - back)


def test_rule_04_a_grant_that_ended_or_belongs_to_a_period_or_is_not_there_is_refused():
    desk = Desk()
    ended = desk.grant(10, expires_at=desk.at(60))
    plan = desk.allow(10, every=Cadence.DAY)
    bonus = desk.grant(5, until_turn="plan")
    desk.wait(60)

    for number in (ended, plan, bonus):
        with pytest.raises(GrantEnded):
            desk.reschedule(desk.at(600), number)
    with pytest.raises(GrantNotFound):
        desk.reschedule(desk.at(600), 99)
    with pytest.raises(TimeInvalid, match="9999"):
        desk.reschedule(LATEST_INSTANT + 1, ended)


def test_rule_02_all_live_credits_move_but_those_of_allowances_and_those_that_wait():
    desk = Desk()
    desk.allow(10, every=Cadence.DAY)
    early, late, none = desk.grant(1, expires_at=desk.at(60)), desk.grant(2, expires_at=desk.at(9_000)), desk.grant(4)
    waits = desk.grant(8, starts_at=desk.at(500), expires_at=desk.at(600))
    empty = desk.grant(0, expires_at=desk.at(60))

    receipt = desk.reschedule(desk.at(1_000))

    ends = {number: lot.expires_at for number, lot in desk.wallet.lots.items()}
    assert [ends[number] for number in (early, late, none)] == [desk.at(1_000)] * 3
    assert [ends[number] for number in (1, waits, empty)] == [desk.at(DAY), desk.at(600), desk.at(60)]
    assert receipt.amount == 1 + 2 + 4


def test_rule_02_a_purchase_that_extends_lets_all_other_credits_live_as_long_and_shortens_none():
    desk = Desk()
    early, late, none = desk.grant(1, expires_at=desk.at(60)), desk.grant(2, expires_at=desk.at(9_000)), desk.grant(4)
    held = desk.grant(3, expires_at=desk.at(60), priority=1)
    desk.hold(3)

    grant = desk.grant(50, expires_at=desk.at(1_000), extends=True)

    assert kinds_of(desk.written) == [Kind.GRANTED, Kind.RESCHEDULED]
    ends = [desk.wallet.lots[number].expires_at for number in (early, held, grant, late, none)]
    assert ends == [desk.at(1_000)] * 3 + [desk.at(9_000), NEVER]
    assert desk.written[1].lead_number == grant


def test_rule_02_one_that_never_ends_takes_every_end_away_and_one_for_later_none():
    desk = Desk()
    early = desk.grant(1, expires_at=desk.at(60))

    desk.grant(5, starts_at=desk.at(30), expires_at=desk.at(9_000), extends=True)
    assert desk.wallet.lots[early].expires_at == desk.at(60)
    desk.grant(5, extends=True)

    assert desk.wallet.lots[early].expires_at == NEVER


def test_rule_04_credits_that_ended_at_this_instant_are_not_extended():
    desk = Desk()
    early = desk.grant(7, expires_at=desk.at(60))
    desk.wait(60)

    desk.grant(5, expires_at=desk.at(9_000), extends=True)

    assert (desk.left(early), desk.wallet.expired, desk.wallet.free) == (0, 7, 5)
