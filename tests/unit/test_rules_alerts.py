"""Rule 29: when a balance is told of, how often, and why."""

import pytest

from farthing.values.bounds import MICROSECONDS, MOST_ALERTS
from farthing.values.entries import AlertKind, Effect, Kind, unpack_effects
from farthing.values.errors import InsufficientCredits, TermInvalid
from farthing.values.periods import Cadence
from tests.unit.desk import DAY, Desk


def watched(*thresholds, grant=100, **terms):
    desk = Desk(alerts=thresholds, **terms)
    desk.grant(grant)
    return desk


def fired(desk):
    """(kind, threshold, balance) of what the last request told of."""
    told = [entry for entry in desk.written if entry.kind == Kind.ALERTED]
    assert len(told) <= 1
    effects = [effect for entry in told for effect in unpack_effects(entry.effects)]
    return [(kind, threshold, balance) for effect, kind, threshold, balance in effects if effect == Effect.ALERT_FIRED]


@pytest.mark.parametrize(
    ("spent", "told"), [(19, False), (20, True), (21, True)], ids=["above it", "at it", "below it"]
)
def test_rule_29_an_alert_fires_when_the_balance_comes_down_to_its_threshold_or_below(spent, told):
    desk = watched(80)

    desk.charge(spent)

    assert fired(desk) == ([(AlertKind.LOW, 80, 100 - spent)] if told else [])


def test_rule_29_all_thresholds_that_were_crossed_fire_in_one_entry_highest_first():
    desk = watched(20, 80, 50)

    receipt = desk.charge(55)

    assert fired(desk) == [(AlertKind.LOW, 80, 45), (AlertKind.LOW, 50, 45)]
    alert = desk.written[-1]
    assert (alert.lead_unit, alert.lead_number, alert.amount) == (1, receipt.number, 0)


def test_rule_29_each_fires_once_until_the_balance_has_risen_above_it_again():
    desk = watched(50)
    desk.charge(60)
    assert len(fired(desk)) == 1
    desk.charge(10)
    assert fired(desk) == []

    desk.grant(20)
    desk.charge(5)
    assert fired(desk) == []
    desk.grant(50)
    assert fired(desk) == []
    desk.charge(60)

    assert fired(desk) == [(AlertKind.LOW, 50, 35)]


def test_rule_29_a_balance_that_rises_to_the_threshold_only_does_not_re_arm_it():
    desk = watched(50)
    desk.charge(60)
    desk.grant(10)

    desk.charge(1)

    assert fired(desk) == []


def test_rule_29_holds_are_not_counted_as_spent_and_one_that_is_released_fires_nothing():
    desk = watched(50)

    hold = desk.hold(80)
    assert fired(desk) == []
    desk.release(hold)
    assert fired(desk) == []
    hold = desk.hold(80)
    desk.settle(hold, 60)

    assert fired(desk) == [(AlertKind.LOW, 50, 40)]


def test_rule_29_overdraft_is_no_balance():
    desk = watched(0, overdraft=500)

    desk.charge(99)
    assert fired(desk) == []
    desk.charge(6)

    assert fired(desk) == [(AlertKind.DEPLETED, 0, -5)]


def test_rule_29_thresholds_below_zero_tell_of_debt():
    desk = watched(-10, 0)

    desk.record(115)

    assert fired(desk) == [(AlertKind.DEPLETED, 0, -15), (AlertKind.DEPLETED, -10, -15)]


def test_rule_29_a_fall_by_expiry_is_told_at_the_next_decision():
    desk = Desk(alerts=[50, 0])
    desk.grant(100, expires_at=desk.at(60))
    desk.wait(60)

    desk.tidy()

    assert fired(desk) == [(AlertKind.LOW, 50, 0), (AlertKind.EXPIRED, 0, 0)]
    assert [entry.kind for entry in desk.written] == [Kind.EXPIRED, Kind.ALERTED]


def test_rule_29_it_is_judged_once_at_the_end_of_the_decision():
    desk = Desk(alerts=[50])
    desk.allow(100, every=Cadence.DAY)
    desk.charge(10)
    desk.wait(DAY)

    desk.tidy()
    assert fired(desk) == []
    desk.wait(DAY)
    desk.charge(60)

    assert fired(desk) == [(AlertKind.LOW, 50, 40)]


def test_rule_29_a_refused_request_tells_nothing():
    desk = watched(50)
    written = len(desk.entries[1])

    with pytest.raises(InsufficientCredits):
        desk.charge(101)

    assert len(desk.entries[1]) == written


def test_rule_29_every_way_down_is_told():
    ways = {
        "void": lambda desk: desk.void(60),
        "adjust": lambda desk: desk.adjust(-60),
        "clawback": lambda desk: desk.clawback(desk.entries[1][1].number, 60),
        "record": lambda desk: desk.record(60),
        "late settle": lambda desk: (desk.wait(60), desk.settle(2, 60)),
    }

    for name, way in ways.items():
        desk = Desk(alerts=[50])
        desk.grant(100, cost_minor=100)
        if name == "late settle":
            hold = desk.hold(10, ttl=60 * MICROSECONDS)
            desk.wait(60)
            desk.settle(hold, 60)
        else:
            way(desk)
        assert fired(desk) == [(AlertKind.LOW, 50, 40)], name


def test_rule_29_thresholds_are_replaced_sorted_and_bounded():
    desk = watched(10, 90, 10)
    assert desk.wallet.terms.alerts == (90, 10)
    with pytest.raises(TermInvalid):
        desk.configure(alerts=range(MOST_ALERTS + 1))

    desk.configure(alerts=[])
    desk.charge(95)

    assert (desk.wallet.terms.alerts, fired(desk)) == ((), [])
    desk.configure(alerts=[50], overdraft=5)
    assert fired(desk) == []


def test_rule_29_a_threshold_set_above_the_balance_tells_nothing_until_it_is_crossed():
    desk = watched()

    desk.configure(alerts=[500])
    assert fired(desk) == []
    desk.charge(1)

    assert fired(desk) == []
