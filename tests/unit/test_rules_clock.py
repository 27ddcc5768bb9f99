"""Rules 1 and 3 in a test book: an account's clock stands still, goes forward when it is told to, and never back."""

import pytest

from farthing.core.decide import apply_due_only
from farthing.engine.zones import find_zone
from farthing.values.bounds import LATEST_INSTANT
from farthing.values.entries import AccountField, Effect, Kind, unpack_effects
from farthing.values.errors import ClockRuns, TimeInvalid
from farthing.values.periods import Cadence
from farthing.values.requests import Open
from farthing.values.wallets import AccountState
from tests.unit.desk import CREDITS, DAY, GENERATIONS, OPENED_AT, Desk, kinds_of


def still(*units, **fields):
    """A desk in a test book, whose clock says the time of its opening."""
    return Desk(*units, clock=OPENED_AT, **fields)


def test_rule_03_in_a_test_book_time_stands_still_whatever_the_machine_says():
    desk = still()
    desk.grant(10, expires_at=desk.at(60))
    desk.wait(400 * DAY)

    receipt = desk.charge(4)

    assert (receipt.recorded_at, desk.wallet.free) == (OPENED_AT, 6)
    assert apply_due_only(desk.wallet, desk.now, desk.seal, find_zone).free == 6


def test_rule_01_advance_moves_the_clock_and_everything_happens_on_the_way():
    desk = still()
    desk.allow(100, every=Cadence.DAY)
    desk.grant(10, expires_at=desk.at(60))
    hold = desk.hold(5)

    receipt = desk.advance(3 * DAY)

    assert (receipt.unit_id, receipt.kind, desk.account.clock) == (0, Kind.ADVANCED, desk.at(3 * DAY))
    assert unpack_effects(receipt.effects) == [(Effect.ACCOUNT_SET, 0, AccountField.CLOCK, desk.at(3 * DAY))]
    assert kinds_of(desk.written)[:3] == [Kind.ADVANCED, Kind.EXPIRED, Kind.TIMED_OUT]
    assert (desk.wallet.free, desk.wallet.expired, desk.wallet.holds[hold].state) == (100, 310, 4)
    assert desk.charge(1).recorded_at == desk.at(3 * DAY)


def test_rule_01_advance_goes_to_an_instant_too_and_to_where_it_is():
    desk = still()

    desk.advance(to=desk.at(DAY))
    desk.advance(to=desk.at(DAY))
    desk.advance(0)

    assert desk.account.clock == desk.at(DAY)


@pytest.mark.parametrize("to", [OPENED_AT - 1, LATEST_INSTANT + 1, -(10**30), 10**30])
def test_rule_03_a_clock_never_goes_back_nor_beyond_the_year_9999(to):
    desk = still()

    with pytest.raises(TimeInvalid):
        desk.advance(to=to)

    assert desk.account.clock == OPENED_AT


def test_rule_03_a_clock_that_runs_cannot_be_moved():
    desk = Desk()

    with pytest.raises(ClockRuns):
        desk.advance(DAY)

    assert desk.entries[0] == []


def test_rule_01_all_units_of_the_account_move_together():
    desk = still(CREDITS, GENERATIONS)
    desk.grant([(1, 10), (2, 3)], expires_at=desk.at(60))

    desk.advance(60)

    assert [desk.wallets[unit].expired for unit in (1, 2)] == [10, 3]
    assert {entry.lead_unit for entry in desk.written if entry.kind == Kind.ADVANCED} == {0}


def test_rule_01_ten_years_in_one_step_or_in_many_come_to_the_same():
    one, many = still(), still()
    for desk in (one, many):
        desk.allow(100, every=Cadence.WEEK, rollover=1, cap=50)
        desk.charge(30)
    one.advance(3_650 * DAY)

    for _ in range(10):
        many.advance(365 * DAY)

    for name in ("granted", "expired", "free", "next_due", "clock"):
        assert getattr(one.wallet, name) == getattr(many.wallet, name)


def test_rule_03_the_opening_of_an_account_says_where_its_clock_stands():
    desk = still(zone="Asia/Tokyo")
    desk.account = desk.account._replace(state=AccountState.NEW)

    opened = desk.ask(Open(**desk.said({})))

    assert (Effect.ACCOUNT_SET, 0, AccountField.CLOCK, OPENED_AT) in unpack_effects(opened.effects)
