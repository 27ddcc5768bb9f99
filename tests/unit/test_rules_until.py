"""Rules 18 to 21: an allowance that ends by itself, at a boundary or within a period, and what holds from then on."""

import pytest

from farthing.core.decide import apply_due_only
from farthing.engine.zones import find_zone
from farthing.values.bounds import LARGEST_AMOUNT, MICROSECONDS, MOST_TURNS
from farthing.values.entries import Kind
from farthing.values.errors import AllowanceNotFound, TermInvalid, TimeInvalid
from farthing.values.periods import Cadence
from farthing.values.standing_requests import ChangeMode
from farthing.values.wallets import RestPolicy, Rollover, TurnPolicy
from tests.unit.desk import DAY, Desk, instant, kinds_of, tell


def daily(until, amount=100, **fields):
    """A desk with so much a day, from its opening, until so many days from then."""
    desk = Desk()
    return desk, desk.allow(amount, every=Cadence.DAY, until=desk.at(int(until * DAY)), **fields)


def list_lots(desk):
    return [lot.remaining for _, lot in sorted(desk.wallet.lots.items()) if lot.remaining]


def test_rule_18_at_a_boundary_the_last_period_is_a_whole_one_and_no_other_begins():
    desk, number = daily(2)
    desk.wait(2 * DAY - 1)
    desk.tidy()
    assert desk.wallet.free == 100
    desk.wait(1)

    written = desk.tidy()

    assert [(entry.kind, entry.expired) for entry in written] == [(Kind.EXPIRED, 100), (Kind.ALLOWANCE_ENDED, 0)]
    assert [entry.effective_at for entry in written] == [desk.at(2 * DAY)] * 2
    assert (desk.wallet.free, desk.wallet.granted, desk.wallet.recurring) == (0, 200, 0)
    assert desk.allowance(number).ended_at == desk.now
    desk.wait(400 * DAY)
    assert desk.tidy() == []


def test_rule_18_within_a_period_the_last_one_is_shorter_and_gives_the_whole_amount():
    desk, number = daily(1.5)
    desk.wait(DAY)
    desk.tidy()

    allowance = desk.allowance(number)
    assert (allowance.turns_at, desk.wallet.lots[allowance.lot].expires_at) == (desk.at(DAY * 3 // 2),) * 2
    assert desk.wallet.free == 100
    desk.wait(DAY // 2)
    assert kinds_of(desk.tidy()) == [Kind.EXPIRED, Kind.ALLOWANCE_ENDED]
    assert (desk.wallet.free, desk.wallet.expired) == (0, 200)


def test_rule_20_a_first_period_that_is_cut_short_is_in_proportion_to_a_whole_one():
    desk, number = daily(0.25, is_prorated=True)

    assert (desk.wallet.free, desk.allowance(number).turns_at) == (100, desk.at(DAY // 4))


def test_rule_18_a_reader_sees_the_end_at_its_very_instant_and_not_before():
    desk, _ = daily(1.5)
    for micros, left in ((-1, 100), (0, 0)):
        seen = apply_due_only(desk.wallet, desk.at(DAY * 3 // 2) + micros, desk.seal, find_zone)

        assert (seen.free, seen.recurring) == (left, int(micros < 0))


@pytest.mark.parametrize("days", [0, -1])
def test_rule_18_an_end_that_has_passed_is_refused(days):
    desk = Desk()

    with pytest.raises(TimeInvalid) as refused:
        desk.allow(100, every=Cadence.DAY, until=desk.at(days * DAY))

    assert tell(refused, "what", "problem") == ("until", "has passed")
    assert desk.wallet.recurring == 0


@pytest.mark.parametrize(
    ("rollover", "left"),
    [
        ({"rollover": Rollover.ALL}, [70, 100]),
        ({"rollover": Rollover.ALL, "keep": 5}, [70, 100]),
        ({"rollover": Rollover.CAPPED, "cap": 120}, [20, 100]),
    ],
    ids=str,
)
@pytest.mark.parametrize("until", [3, 2.5])
def test_rule_19_the_lot_in_hand_ends_and_what_was_carried_stays(until, rollover, left):
    desk, _ = daily(until, **rollover)
    desk.charge(30)
    desk.wait(2 * DAY)
    desk.tidy()
    assert list_lots(desk) == [*left, 100]
    desk.wait(DAY)

    written = desk.tidy()

    assert (list_lots(desk), written[-1].kind, written[-1].expired) == (left, Kind.EXPIRED, 100)


def test_rule_19_what_was_carried_ends_by_the_date_that_was_fixed_when_it_was_given():
    desk, _ = daily(2, rollover=Rollover.ALL, keep=2)
    desk.wait(2 * DAY)
    desk.tidy()
    assert list_lots(desk) == [100]
    desk.wait(DAY)

    assert [(entry.kind, entry.expired) for entry in desk.tidy()] == [(Kind.EXPIRED, 100)]


@pytest.mark.parametrize("on_turn", TurnPolicy)
def test_rule_18_debt_stays_when_an_allowance_ends_for_only_a_turn_forgives(on_turn):
    desk, _ = daily(1, on_turn=on_turn)
    desk.record(130)
    desk.wait(DAY)

    assert kinds_of(desk.tidy()) == [Kind.ALLOWANCE_ENDED]
    assert (desk.wallet.debt, desk.wallet.adjusted) == (30, 0)


def test_rule_10_a_hold_over_the_end_keeps_its_credits_and_what_comes_back_is_breakage():
    desk, _ = daily(1)
    hold = desk.hold(60, ttl=3 * DAY * MICROSECONDS)
    desk.wait(DAY)
    desk.tidy()
    assert (desk.wallet.covered, desk.wallet.expired) == (60, 40)

    desk.settle(hold, 45)

    assert (desk.wallet.spent, desk.wallet.expired, desk.wallet.balance) == (45, 55, 0)


def test_rule_10_with_rollover_too_a_hold_over_the_end_has_nothing_to_give_back_to():
    desk = Desk(rest_of_ended_lot=int(RestPolicy.BREAKAGE))
    desk.allow(100, every=Cadence.DAY, until=desk.at(DAY), rollover=Rollover.ALL)
    desk.hold(60, ttl=2 * DAY * MICROSECONDS)
    desk.wait(2 * DAY)
    desk.tidy()

    assert (desk.wallet.expired, desk.wallet.balance) == (100, 0)


def test_rule_18_bonus_credits_that_end_with_the_period_end_with_the_allowance():
    desk, _ = daily(1.5)
    desk.wait(DAY)
    bonus = desk.grant(20, until_turn="plan")
    assert desk.wallet.lots[bonus].expires_at == desk.at(DAY * 3 // 2)
    desk.wait(DAY // 2)

    desk.tidy()

    assert desk.wallet.free == 0


def test_rule_18_of_two_that_end_at_one_instant_both_end_and_a_grant_that_starts_then_pays():
    desk, _ = daily(1)
    desk.allow(7, name="other", every=Cadence.HOUR, count=24, until=desk.at(DAY))
    desk.grant(5, starts_at=desk.at(DAY))
    desk.grant(6, expires_at=desk.at(DAY))
    desk.record(130)
    assert desk.wallet.debt == 17
    desk.wait(DAY)

    assert kinds_of(desk.tidy()) == [Kind.STARTED, Kind.ALLOWANCE_ENDED, Kind.ALLOWANCE_ENDED]
    assert (desk.wallet.debt, desk.wallet.free, desk.wallet.recurring) == (12, 0, 0)


@pytest.mark.parametrize("late", [0, 1, 400 * DAY])
@pytest.mark.parametrize("paid_first", [True, False])
def test_rule_21_what_is_arranged_for_afterwards_begins_at_the_very_instant(paid_first, late):
    desk = Desk()
    ends_at = desk.at(30 * DAY)

    def make_both():
        yield lambda: desk.allow(500, name="basic", every=Cadence.MONTH, until=ends_at)
        yield lambda: desk.allow(60, name="free", every=Cadence.MONTH, starts_at=ends_at)

    for make in list(make_both())[:: 1 if paid_first else -1]:
        make()
    desk.wait(30 * DAY, micros=-1)
    desk.tidy()
    assert desk.wallet.free == 500
    desk.wait(late, micros=1)
    desk.tidy()

    assert desk.wallet.free == 60
    assert [each.name for each in desk.wallet.allowances.values() if not each.ended_at] == ["free"]


def test_rule_21_an_end_that_is_moved_closer_within_the_period_takes_its_lot_and_its_bonus_along():
    desk, number = daily(10)
    bonus = desk.grant(20, until_turn="plan")

    desk.change_allowance(until=desk.at(DAY // 2))

    ends = {desk.wallet.lots[each].expires_at for each in (number, bonus)}
    assert (ends, desk.allowance(number).turns_at) == ({desk.at(DAY // 2)}, desk.at(DAY // 2))
    desk.wait(DAY // 2)
    desk.tidy()
    assert (desk.wallet.free, desk.wallet.expired, desk.wallet.recurring) == (0, 120, 0)


@pytest.mark.parametrize("until", [0, 5])
def test_rule_21_an_end_that_is_moved_away_gives_the_period_back_what_it_was_cut_short_by(until):
    """Else the old end would be a turn of its own, and give the whole amount once more."""
    desk, number = daily(0.5)
    bonus = desk.grant(20, until_turn="plan")
    desk.charge(30)

    desk.change_allowance(until=desk.at(until * DAY) if until else 0)

    ends = {desk.wallet.lots[each].expires_at for each in (number, bonus)}
    assert (ends, desk.allowance(number).turns_at) == ({desk.at(DAY)}, desk.at(DAY))
    desk.wait(DAY - 1)
    desk.tidy()
    assert (desk.wallet.free, desk.wallet.granted) == (90, 120)
    desk.wait(1)
    desk.tidy()
    assert desk.wallet.free == 100


def test_rule_21_closer_and_away_again_is_as_if_nothing_had_been():
    desk, number = daily(10, rollover=Rollover.ALL, keep=1)
    before, lot = desk.allowance(number), desk.wallet.lots[number]

    for until in (DAY // 3, DAY // 4, 2 * DAY, 10 * DAY):
        desk.change_allowance(until=desk.at(until))

    assert (desk.allowance(number), desk.wallet.lots[number]) == (before, lot)


def test_rule_21_an_end_can_be_set_and_taken_back_with_another_amount_in_one_request():
    desk, number = daily(5)
    desk.charge(30)

    desk.change_allowance(amount=200, mode=ChangeMode.KEEP_USED, until=0)

    assert (desk.allowance(number).until, desk.wallet.free) == (0, 170)


@pytest.mark.parametrize("seconds", [0, -1])
def test_rule_21_an_end_cannot_be_moved_into_the_past(seconds):
    desk, number = daily(5)
    desk.wait(60)

    with pytest.raises(TimeInvalid) as refused:
        desk.change_allowance(until=desk.at(60 + seconds))

    assert tell(refused, "what") == ("until",)
    assert desk.allowance(number).until == desk.at(5 * DAY)


def test_rule_18_a_period_is_not_set_to_end_after_its_allowance():
    desk, number = daily(1.5)

    desk.set_period_end(desk.at(40 * DAY))

    assert desk.allowance(number).turns_at == desk.at(DAY * 3 // 2)


def test_rule_18_a_period_that_is_ended_now_is_followed_by_one_until_the_same_end():
    desk, number = daily(0.5)
    desk.wait(60)

    desk.end_period()

    assert (desk.wallet.free, desk.wallet.granted, desk.allowance(number).turns_at) == (100, 200, desk.at(DAY // 2))


@pytest.mark.parametrize("until", [DAY // 2, DAY])
def test_rule_18_an_allowance_that_ends_before_it_begins_never_gives_anything(until):
    desk = Desk()
    number = desk.allow(100, every=Cadence.DAY, starts_at=desk.at(DAY), until=desk.at(until))
    desk.wait(until)

    assert kinds_of(desk.tidy()) == [Kind.ALLOWANCE_ENDED]
    assert (desk.wallet.granted, desk.allowance(number).ended_at) == (0, desk.now)


def test_rule_21_one_that_waits_begins_when_it_was_to_begin_once_its_end_is_moved_away():
    desk = Desk()
    desk.allow(100, every=Cadence.DAY, starts_at=desk.at(2 * DAY), until=desk.at(DAY // 2))

    desk.change_allowance(until=desk.at(4 * DAY))

    desk.wait(2 * DAY - 1)
    assert desk.tidy() == []
    desk.wait(1)
    assert kinds_of(desk.tidy()) == [Kind.TURNED]


def test_rule_18_an_ended_one_is_no_longer_there_to_be_named():
    desk, _ = daily(1)
    desk.wait(DAY)

    with pytest.raises(AllowanceNotFound):
        desk.change_allowance(until=0)
    assert desk.allow(5, every=Cadence.DAY) > 0


def test_rule_20_what_no_allowance_can_mean_is_refused_before_its_end_is_looked_at():
    desk = Desk()

    with pytest.raises(TermInvalid):
        desk.allow(100, every=Cadence.DAY, keep=2, until=desk.at(-DAY))


@pytest.mark.parametrize("until", ["2033-12-30T12:00", "2034-01-02T00:00", "2029-05-06T07:08:09"])
@pytest.mark.parametrize(
    "rollover",
    [
        {},
        {"rollover": Rollover.ALL},
        {"rollover": Rollover.ALL, "keep": 3},
        {"rollover": Rollover.CAPPED, "cap": 250, "keep": 2},
    ],
    ids=str,
)
@pytest.mark.parametrize("debt", [0, 30_000])
def test_rule_18_years_of_absence_over_the_end_come_to_the_same_as_turns_one_by_one(monkeypatch, debt, rollover, until):
    def tell_story():
        desk = Desk()
        desk.go("2024-01-01T00:00")
        desk.allow(100, every=Cadence.WEEK, until=instant(until), **rollover)
        desk.record(debt)
        desk.go("2036-01-01T00:00")
        return desk, desk.tidy()

    desk, written = tell_story()
    monkeypatch.setattr("farthing.core.allowances.MOST_TURNS", 10**9)
    single, _ = tell_story()

    def add_up(desk):
        wallet = desk.wallet
        return wallet.granted, wallet.expired, wallet.free, wallet.debt, wallet.recurring, wallet.next_due

    assert add_up(desk) == add_up(single)
    assert desk.wallet.recurring == 0
    assert len(written) <= 3 * MOST_TURNS


def test_rule_18_an_allowance_that_ends_amid_totals_that_are_full_ends_all_the_same():
    desk, _ = daily(3, amount=LARGEST_AMOUNT // 2)
    desk.wait(10 * DAY)

    desk.tidy()

    assert (desk.wallet.recurring, desk.wallet.free) == (0, 0)
