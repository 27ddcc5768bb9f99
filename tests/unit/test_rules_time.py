"""Rules 1 to 4: what happens at one instant, where things end, usage that is reported late, grants dead on arrival."""

import pytest

from farthing.core.entries import Kind
from farthing.core.errors import HoldEnded, InsufficientCredits, TimeInvalid
from tests.unit.desk import DAY, Desk, kinds_of, tell


def test_rule_01_at_one_instant_holds_time_out_then_grants_expire_then_grants_start_then_the_request_runs():
    desk = Desk()
    start = desk.grant(7, starts_at=desk.at(100))
    short = desk.grant(4, expires_at=desk.at(100), priority=60)
    lasting = desk.grant(3)
    hold = desk.hold(2, ttl=desk.at(100) - desk.now)
    desk.wait(100)

    desk.charge(10)

    assert kinds_of(desk.written) == [Kind.TIMED_OUT, Kind.EXPIRED, Kind.STARTED, Kind.CHARGED]
    assert [entry.of_number for entry in desk.written] == [hold, short, start, 0]
    assert [desk.left(grant) for grant in (lasting, start, short)] == [0, 0, 0]
    assert (desk.wallet.expired, desk.wallet.debt) == (4, 0)


def test_rule_01_a_grant_that_starts_pays_debt_before_the_request_of_the_same_instant():
    desk = Desk()
    grant = desk.grant(10, starts_at=desk.at(60))
    desk.record(4)
    desk.wait(60)

    desk.charge(5)

    assert [(entry.kind, entry.debt) for entry in desk.written] == [(Kind.STARTED, -4), (Kind.CHARGED, 0)]
    assert (desk.left(grant), desk.wallet.debt) == (1, 0)


def test_rule_01_within_a_kind_the_order_is_by_id_whatever_the_burn_down_order():
    desk = Desk()
    grants = [desk.grant(5, expires_at=desk.at(60), priority=priority) for priority in (30, 20, 10)]
    holds = [desk.hold(0, ttl=desk.at(60) - desk.now) for _ in range(2)]
    desk.wait(60)

    written = desk.tidy()

    assert [entry.of_number for entry in written] == holds + grants


def test_rule_01_what_fell_due_at_other_instants_comes_in_the_order_of_its_time_and_says_when():
    desk = Desk()
    late = desk.grant(1, expires_at=desk.at(30))
    hold = desk.hold(0, ttl=desk.at(20) - desk.now)
    early = desk.grant(1, expires_at=desk.at(10))
    desk.wait(40)

    written = desk.tidy()

    assert [entry.of_number for entry in written] == [early, hold, late]
    assert [entry.effective_at for entry in written] == [desk.at(10), desk.at(20), desk.at(30)]
    assert {entry.recorded_at for entry in written} == {desk.at(40)}


def test_rule_01_a_request_at_the_moment_of_expiry_is_too_late_for_that_grant():
    desk = Desk()
    desk.grant(10, expires_at=desk.at(60))
    desk.wait(60, micros=-1)
    desk.charge(4)
    desk.wait(0, micros=1)

    with pytest.raises(InsufficientCredits) as refused:
        desk.charge(1)

    assert refused.value.available == 0
    desk.tidy()
    assert desk.wallet.expired == 6


def test_rule_01_a_grant_lives_from_its_effective_instant_on_and_not_before():
    desk = Desk()
    desk.grant(10, starts_at=desk.at(60))
    desk.wait(60, micros=-1)
    with pytest.raises(InsufficientCredits) as refused:
        desk.charge(1)
    desk.wait(0, micros=1)

    desk.charge(10)

    assert tell(refused, "arriving", "available") == (10, 0)
    assert refused.value.resets_at.timestamp() * 1_000_000 == desk.at(60)


def test_rule_01_time_alone_writes_nothing_until_somebody_asks_and_then_everything_once():
    desk = Desk()
    desk.grant(10, expires_at=desk.at(60))
    desk.wait(DAY)

    assert kinds_of(desk.tidy()) == [Kind.EXPIRED]
    assert desk.tidy() == []


def test_rule_02_a_hold_ends_at_the_first_instant_after_it():
    desk = Desk()
    desk.grant(10)
    hold = desk.hold(10, ttl=60_000_000)
    desk.wait(60, micros=-1)
    assert (desk.tidy(), desk.wallet.held) == ([], 10)
    desk.wait(0, micros=1)

    with pytest.raises(HoldEnded) as refused:
        desk.release(hold)

    assert refused.value.state == "timed out"
    assert kinds_of(desk.tidy()) == [Kind.TIMED_OUT]
    assert desk.wallet.held == 0


def test_rule_02_a_duration_counts_from_the_start_of_the_grant():
    desk = Desk()
    grant = desk.grant(10, starts_at=desk.at(100), expires_in=60_000_000)
    desk.wait(160, micros=-1)
    desk.tidy()
    assert desk.left(grant) == 10
    desk.wait(0, micros=1)

    desk.tidy()

    assert (desk.left(grant), desk.wallet.expired) == (0, 10)


@pytest.mark.parametrize("ends", [99, 100])
def test_rule_02_a_grant_that_ends_when_it_starts_or_before_is_refused(ends):
    desk = Desk()

    with pytest.raises(TimeInvalid, match="not after the start"):
        desk.grant(10, starts_at=desk.at(100), expires_at=desk.at(ends))


def test_rule_03_usage_reported_late_is_paid_by_the_lots_of_now_and_keeps_its_time():
    desk = Desk()
    ended = desk.grant(10, expires_at=desk.at(20))
    desk.wait(30)
    alive = desk.grant(10)
    desk.wait(10)

    late = desk.record(4, effective_at=desk.at(10))

    assert (desk.left(ended), desk.left(alive), desk.wallet.expired) == (0, 6, 10)
    assert (late.effective_at, late.recorded_at) == (desk.at(10), desk.at(40))


def test_rule_03_a_clock_that_went_back_does_not_take_the_wallet_with_it():
    desk = Desk()
    desk.grant(10, expires_at=desk.at(20))
    desk.wait(30)
    desk.tidy()
    desk.wait(-25)

    receipt = desk.record(1)

    assert (receipt.recorded_at, receipt.debt_after) == (desk.at(30), 1)


@pytest.mark.parametrize("ends", [-60, 0])
def test_rule_04_a_grant_that_would_be_dead_on_arrival_is_refused(ends):
    desk = Desk()

    with pytest.raises(TimeInvalid, match="has passed"):
        desk.grant(10, starts_at=desk.at(-100), expires_at=desk.at(ends))

    assert desk.entries[1] == []


@pytest.mark.parametrize("ends", [-60, 0])
@pytest.mark.parametrize("fields", [{"starts_at": -100}, {}], ids=["with a start", "without a start"])
def test_rule_04_an_import_forces_it_and_gets_its_breakage_entry(ends, fields):
    desk = Desk()

    grant = desk.import_grant(10, expires_at=desk.at(ends), **{name: desk.at(at) for name, at in fields.items()})

    assert kinds_of(desk.written) == [Kind.IMPORTED, Kind.EXPIRED]
    assert (desk.wallet.granted, desk.wallet.expired, desk.wallet.balance, desk.left(grant)) == (10, 10, 0, 0)


def test_rule_04_an_import_that_is_dead_pays_no_debt():
    desk = Desk()
    desk.record(4)

    desk.import_grant(10, starts_at=desk.at(-100), expires_at=desk.at(-50))

    assert (desk.wallet.debt, desk.wallet.expired) == (4, 10)


def test_rule_04_an_import_that_is_alive_is_a_grant_like_any_other():
    desk = Desk()

    grant = desk.import_grant(10, starts_at=desk.at(-100), expires_at=desk.at(50))

    assert kinds_of(desk.written) == [Kind.IMPORTED]
    assert desk.left(grant) == 10


def test_rule_01_a_scoped_grant_that_starts_pays_only_for_its_features():
    desk = Desk()
    desk.grant(10, starts_at=desk.at(60), features=["chat"])
    desk.wait(60)

    desk.charge(4, feature="chat")

    assert (desk.available("chat"), desk.available()) == (6, 0)
