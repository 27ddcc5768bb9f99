"""Rules 1, 18 and 19 after a long absence: turns that are written as one come to the same as turns one by one."""

import pytest

from farthing.values.bounds import LARGEST_AMOUNT, MICROSECONDS, MOST_TURNS
from farthing.values.entries import Effect, Kind, unpack_effects
from farthing.values.periods import Cadence
from farthing.values.wallets import Rollover, TurnPolicy
from tests.unit.desk import DAY, Desk, instant

YEARS = ("2034-01-02T00:00", "2034-07-15T12:34:56")
"""When somebody asks again: at a turn (of weeks since 2024 too), within a period."""


def begin(moment="2024-01-01T00:00", zone="UTC"):
    desk = Desk(zone=zone)
    desk.go(moment)
    return desk


def sum_up(desk):
    """What must be the same however many turns one entry stands for."""
    wallet = desk.wallet
    lots = sorted(
        (lot.allowance, lot.effective_at, lot.expires_at, lot.remaining, lot.priority)
        for lot in wallet.lots.values()
        if lot.remaining
    )
    allowances = [each._replace(lot=0) for each in wallet.allowances.values()]
    totals = (wallet.granted, wallet.refunded, wallet.adjusted, wallet.spent, wallet.expired, wallet.free, wallet.debt)
    return totals, wallet.held, lots, allowances, wallet.next_due, wallet.clock


def sum_lots(desk):
    """The same where merged periods that are carried for ever are one lot."""
    totals, held, lots, allowances, _, clock = sum_up(desk)
    return totals, held, sum(lot[3] for lot in lots), allowances, clock


def play_both(monkeypatch, story, summed=sum_up):
    """A story told with merged turns and with turns one by one; answers the desk of merged ones."""
    merged = story()
    monkeypatch.setattr("farthing.core.allowances.MOST_TURNS", 10**9)
    single = story()
    monkeypatch.undo()
    assert summed(merged) == summed(single)
    assert len(merged.entries[1]) <= len(single.entries[1])
    return merged, single


def count_merged(desk):
    """How many turns each merged entry stands for."""
    return [
        value
        for entry in desk.entries[1]
        for effect, _, _, value in unpack_effects(entry.effects)
        if effect == Effect.TURNS_MERGED
    ]


@pytest.mark.parametrize("back", YEARS)
@pytest.mark.parametrize(
    ("every", "count", "turns"),
    [(Cadence.DAY, 5, 730), (Cadence.WEEK, 1, 521), (Cadence.MONTH, 1, 120)],
    ids=["five days", "week", "month"],
)
def test_rule_18_after_ten_years_without_rollover_one_period_is_left_and_the_rest_is_breakage(
    monkeypatch, back, every, count, turns
):
    def story():
        desk = begin()
        desk.allow(100, every=every, count=count, calendar=True)
        desk.go(back)
        desk.tidy()
        return desk

    merged, single = play_both(monkeypatch, story)

    assert merged.wallet.free == 100
    assert sum(count_merged(merged)) > MOST_TURNS
    assert len(merged.written) < MOST_TURNS < turns <= len(single.written)


def test_rule_18_hourly_allowances_of_ten_years_are_one_entry_and_the_totals_are_exact():
    desk = begin()
    number = desk.allow(7, every=Cadence.HOUR)
    desk.go("2034-01-01T00:30")

    written = desk.tidy()

    hours = (instant("2034-01-01T00:00") - instant("2024-01-01T00:00")) // (3_600 * MICROSECONDS)
    assert (desk.wallet.granted, desk.wallet.expired, desk.wallet.free) == (7 * (hours + 1), 7 * hours, 7)
    assert desk.allowance(number).turns_at == instant("2034-01-01T01:00")
    assert len(written) < 10


@pytest.mark.parametrize("back", YEARS)
@pytest.mark.parametrize(
    "fields",
    [
        {"rollover": Rollover.ALL, "keep": 5},
        {"rollover": Rollover.CAPPED, "cap": 30, "keep": 3},
        {"rollover": Rollover.CAPPED, "cap": 250, "keep": 2},
        {"rollover": Rollover.CAPPED, "cap": 250, "keep": 7},
    ],
    ids=str,
)
def test_rule_19_what_is_kept_for_some_periods_is_the_same_lot_by_lot(monkeypatch, back, fields):
    def story():
        desk = begin()
        desk.allow(100, every=Cadence.WEEK, **fields)
        desk.charge(40)
        desk.go(back)
        desk.tidy()
        return desk

    merged, _ = play_both(monkeypatch, story)

    assert count_merged(merged) != []
    assert merged.charge(merged.wallet.free).amount > 0


@pytest.mark.parametrize("back", YEARS)
@pytest.mark.parametrize(
    "fields", [{"rollover": Rollover.ALL}, {"rollover": Rollover.CAPPED, "cap": 250}], ids=["all", "capped"]
)
def test_rule_19_what_is_kept_for_ever_comes_to_the_same(monkeypatch, back, fields):
    def story():
        desk = begin()
        desk.allow(100, every=Cadence.WEEK, **fields)
        desk.charge(40)
        desk.go(back)
        desk.tidy()
        desk.wait(8 * DAY)
        desk.tidy()
        return desk

    merged, _ = play_both(monkeypatch, story, sum_lots)

    assert count_merged(merged) != []
    if "cap" in fields:
        assert merged.wallet.free == 250 + 100


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"on_turn": TurnPolicy.FORGIVE},
        {"rollover": Rollover.ALL, "keep": 3},
        {"rollover": Rollover.CAPPED, "cap": 130, "keep": 9},
    ],
    ids=str,
)
@pytest.mark.parametrize("debt", [100, 101, 2_345, 52_050, 100_000])
def test_rule_18_debt_of_ten_years_ago_is_paid_or_written_off_as_one_by_one(monkeypatch, debt, fields):
    def story():
        desk = begin()
        desk.allow(100, every=Cadence.WEEK, **fields)
        desk.record(100 + debt)
        desk.go("2034-01-01T00:00")
        desk.tidy()
        return desk

    merged, _ = play_both(monkeypatch, story)

    assert merged.wallet.debt == max(0, debt - 521 * 100 if "on_turn" not in fields else 0)


@pytest.mark.parametrize("rivals", [{}, {"on_turn": TurnPolicy.FORGIVE}, {"features": ["chat"]}], ids=str)
@pytest.mark.parametrize(
    ("debt", "feature"), [(50, ""), (1_800, "chat"), (9_000, "chat"), (40_000, ""), (9_000, "video")]
)
def test_rule_18_debt_that_several_allowances_pay_comes_to_the_same(monkeypatch, rivals, debt, feature):
    def story():
        desk = begin()
        desk.allow(30, every=Cadence.DAY)
        desk.allow(20, name="other", every=Cadence.DAY, count=2, **rivals)
        desk.record(50 + debt, feature=feature)
        desk.grant(500, starts_at=instant("2024-05-05T05:00"), expires_at=instant("2024-08-01T00:00"))
        desk.go("2025-01-01T00:00")
        desk.tidy()
        return desk

    merged, single = play_both(monkeypatch, story)

    assert count_merged(merged) != []
    assert len(merged.written) <= len(single.written)


@pytest.mark.parametrize("feature", ["video", "chat"])
def test_rule_18_debt_never_makes_an_absence_long(feature):
    desk = begin()
    desk.record(10**6, feature=feature)
    for name in ("one", "other"):
        desk.allow(3, name=name, every=Cadence.HOUR, features=["chat"])
    desk.go("2034-01-01T00:00")

    written = desk.tidy()

    hours = (desk.now - instant("2024-01-01T00:00")) // (3_600 * MICROSECONDS)
    assert desk.wallet.granted == 2 * 3 * (hours + 1)
    assert desk.wallet.debt == 10**6 - (desk.wallet.granted if feature == "chat" else 0)
    assert len(written) < 10 * MOST_TURNS


def test_rule_19_a_hold_that_times_out_in_between_gives_back_to_the_carried_lot_it_came_from(monkeypatch):
    def story():
        desk = begin()
        desk.allow(100, every=Cadence.DAY, rollover=Rollover.CAPPED, cap=120)
        desk.hold(80, ttl=150 * DAY * MICROSECONDS)
        desk.go("2025-01-01T00:00")
        desk.tidy()
        return desk

    merged, _ = play_both(monkeypatch, story, sum_lots)

    assert len(count_merged(merged)) == 2
    assert merged.wallet.free == 220


def test_rule_01_what_ends_and_starts_in_between_is_done_each_at_its_time(monkeypatch):
    def story():
        desk = begin()
        desk.allow(100, every=Cadence.DAY, count=4)
        desk.allow(10, name="small", every=Cadence.WEEK, rollover=Rollover.ALL, keep=2)
        desk.grant(7, expires_at=instant("2027-03-01T00:00"))
        desk.grant(8, starts_at=instant("2028-01-01T00:00"), expires_at=instant("2029-01-01T00:00"))
        desk.hold(50, ttl=200 * DAY * MICROSECONDS)
        desk.go("2034-01-01T00:00")
        desk.tidy()
        return desk

    merged, _ = play_both(monkeypatch, story)

    assert merged.wallet.free == 100 + 30
    times = [entry.effective_at for entry in merged.written]
    assert times == sorted(times)


@pytest.mark.parametrize("zone", ["Europe/Rome", "America/New_York", "Australia/Lord_Howe"])
def test_rule_18_local_days_of_ten_years_are_counted_through_every_summer_time(monkeypatch, zone):
    def story(years=2):
        desk = begin("2024-01-01T12:00", zone)
        desk.allow(100, every=Cadence.DAY, calendar=True)
        desk.go(f"{2024 + years}-01-01T12:00")
        desk.tidy()
        return desk

    play_both(monkeypatch, story)

    assert story(years=10).wallet.granted == 100 * 3_654


def test_rule_18_an_allowance_near_the_largest_total_is_clipped_when_merged_too(monkeypatch):
    def story():
        desk = begin()
        desk.allow(2**60, every=Cadence.DAY)
        desk.go("2025-01-01T00:00")
        desk.tidy()
        return desk

    merged, _ = play_both(monkeypatch, story)

    assert (merged.wallet.granted, merged.wallet.free) == (LARGEST_AMOUNT, 0)
    assert [entry.kind for entry in merged.written][-1] == Kind.TURNED


def test_rule_18_sixty_four_turns_are_written_each_by_itself_and_one_more_is_merged():
    for days, merged in ((MOST_TURNS + 1, []), (MOST_TURNS + 2, [MOST_TURNS + 1])):
        desk = begin()
        desk.allow(100, every=Cadence.DAY)
        desk.wait(days * DAY)
        desk.tidy()

        assert count_merged(desk) == merged
        assert desk.wallet.granted == 100 * (days + 1)
