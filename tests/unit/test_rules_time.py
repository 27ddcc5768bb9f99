"""Rules 1 to 4: what happens at one instant, where things end, usage that is reported late, grants dead on arrival."""

from datetime import timedelta, timezone

import pytest

from farthing.core.draft import Draft
from farthing.core.due import apply_due
from farthing.values.bounds import NEVER
from farthing.values.entries import Kind
from farthing.values.errors import HoldEnded, InsufficientCredits, TimeInvalid
from farthing.values.periods import Cadence
from tests.unit.desk import DAY, Desk, drew, instant, kinds_of, tell


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


def test_rule_01_at_one_instant_allowances_turn_after_grants_have_started_and_before_the_request():
    desk = Desk()
    plan = desk.allow(20, every=Cadence.DAY)
    start = desk.grant(7, starts_at=desk.at(DAY), priority=5)
    short = desk.grant(4, expires_at=desk.at(DAY), priority=60)
    hold = desk.hold(2, ttl=desk.at(DAY) - desk.now)
    desk.wait(DAY)

    receipt = desk.charge(27)

    told = [(entry.kind, entry.of_number, entry.amount) for entry in desk.written]
    assert told == [
        (Kind.TIMED_OUT, hold, 2),
        (Kind.EXPIRED, plan, 2),
        (Kind.EXPIRED, plan, 18),
        (Kind.EXPIRED, short, 4),
        (Kind.STARTED, start, 7),
        (Kind.TURNED, plan, 20),
        (Kind.CHARGED, 0, 27),
    ]
    assert drew(receipt) == [(start, 7), (desk.allowance(plan).lot, 20)]


def test_rule_01_debt_is_paid_by_the_grant_that_starts_before_the_allowance_that_turns():
    desk = Desk()
    plan = desk.allow(20, every=Cadence.DAY)
    start = desk.grant(7, starts_at=desk.at(DAY))
    desk.record(30)
    desk.wait(DAY)

    written = desk.tidy()

    assert [(entry.kind, entry.debt) for entry in written] == [(Kind.STARTED, -7), (Kind.TURNED, -3)]
    assert (desk.left(start), desk.left(desk.allowance(plan).lot)) == (0, 17)


def test_rule_01_allowances_that_turn_at_one_instant_do_so_in_the_order_of_their_ids():
    desk = Desk()
    numbers = [desk.allow(5, name=name, every=Cadence.DAY, priority=99 - place) for place, name in enumerate("cba")]
    desk.wait(DAY)

    written = [entry for entry in desk.tidy() if entry.kind == Kind.TURNED]

    assert [entry.of_number for entry in written] == numbers


def test_rule_01_a_grant_that_starts_when_the_period_turns_is_not_of_the_old_period():
    desk = Desk()
    desk.allow(20, every=Cadence.DAY)
    with pytest.raises(TimeInvalid, match="not after the start"):
        desk.grant(7, starts_at=desk.at(DAY), until_turn="plan")


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


GAPS = [
    ("Europe/Rome", "2024-03-30T02:30+01:00", ["2024-03-31T03:00+02:00", "2024-04-01T02:30+02:00"]),
    ("America/New_York", "2024-03-09T02:15-05:00", ["2024-03-10T03:00-04:00", "2024-03-11T02:15-04:00"]),
    ("Australia/Lord_Howe", "2024-10-05T02:10+10:30", ["2024-10-06T02:30+11:00", "2024-10-07T02:10+11:00"]),
]
OVERLAPS = [
    ("Europe/Rome", "2024-10-26T02:30+02:00", ["2024-10-27T02:30+02:00", "2024-10-28T02:30+01:00"]),
    ("America/New_York", "2024-11-02T01:15-04:00", ["2024-11-03T01:15-04:00", "2024-11-04T01:15-05:00"]),
    ("Australia/Lord_Howe", "2024-04-06T01:45+11:00", ["2024-04-07T01:45+11:00", "2024-04-08T01:45+10:30"]),
]


@pytest.mark.parametrize(("zone", "anchor", "turns"), [*GAPS, *OVERLAPS])
def test_rule_02_a_turn_in_a_gap_comes_at_its_end_and_in_an_overlap_at_the_first_of_the_two(zone, anchor, turns):
    desk = Desk(zone=zone)
    desk.go(anchor)
    number = desk.allow(10, every=Cadence.DAY)

    for turn in turns:
        assert desk.allowance(number).turns_at == instant(turn)
        desk.now = instant(turn) - 1
        assert desk.tidy() == []
        desk.wait(0, micros=1)
        assert kinds_of(desk.tidy()) == [Kind.EXPIRED, Kind.TURNED]


def test_rule_02_an_anchor_on_the_second_of_two_walls_is_kept_for_itself_and_comes_back_as_the_first():
    desk = Desk(zone="Europe/Rome")
    desk.go("2024-10-27T02:30+01:00")

    number = desk.allow(10, every=Cadence.YEAR)

    assert desk.allowance(number).turns_at == instant("2025-10-27T02:30+01:00")


@pytest.mark.parametrize(
    ("anchor", "every", "turns"),
    [
        ("2024-01-31T00:00", Cadence.MONTH, ["2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31"]),
        ("2023-01-30T00:00", Cadence.MONTH, ["2023-02-28", "2023-03-30"]),
        ("2024-02-29T00:00", Cadence.YEAR, ["2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]),
        ("2024-02-28T00:00", Cadence.MONTH, ["2024-03-28", "2024-04-28"]),
        ("2024-08-31T00:00", Cadence.HALF_YEAR, ["2025-02-28", "2025-08-31"]),
        ("2023-11-30T00:00", Cadence.QUARTER, ["2024-02-29", "2024-05-30"]),
    ],
)
def test_rule_02_turns_are_counted_from_the_anchor_so_that_a_day_that_was_clamped_comes_back(anchor, every, turns):
    desk = Desk()
    desk.go(anchor)
    number = desk.allow(10, every=every)

    for turn in turns:
        assert desk.allowance(number).turns_at == instant(f"{turn}T00:00")
        desk.go(f"{turn}T00:00")
        desk.tidy()


def test_rule_02_what_was_promised_stays_where_the_rules_of_a_zone_change_since():
    desk = Desk(zone="Europe/Rome")
    desk.go("2024-06-01T00:00+02:00")
    number = desk.allow(10, every=Cadence.MONTH)
    promised = desk.allowance(number).turns_at
    later = Draft(desk.wallet, promised, desk.seal, lambda name: timezone(timedelta(hours=5)))

    apply_due(later)

    turned = [entry for entry in later.entries if entry.kind == Kind.TURNED]
    assert [entry.effective_at for entry in turned] == [promised]
    assert later.wallet.allowances[number].turns_at == instant("2024-08-01T03:00+05:00")


def test_rule_02_the_year_9999_ends_with_its_last_period():
    desk = Desk()
    desk.go("9999-12-31T12:00")

    number = desk.allow(10, every=Cadence.MONTH)

    assert desk.allowance(number).turns_at == NEVER
    assert desk.wallet.lots[number].expires_at == NEVER
