"""The rollup on every store: with it or without, after whatever was asked, reports come to what the entries come to,
reckoned here anew; and what somebody changed in it is found."""

import random
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from farthing.audit.rollup import check_rollup
from farthing.engine.zones import find_zone
from farthing.service import reports, rollups
from farthing.service.reports import Query, sum_flow, sum_usage
from farthing.service.rollups import rebuild_rollup, run_rollup
from farthing.service.windows import FIRST, LAST, Window, list_hours_of_day
from farthing.store.rollup_rows import FLOW, QUARTER, UNSAID, USAGE, cut_window, lay_rows
from farthing.values.amounts import divide_half_up
from farthing.values.entries import CHARGES, Effect, Entry, HoldField, Kind, unpack_effects
from farthing.values.periods import DAY, HOUR
from farthing.values.wallets import HoldState
from tests.contract.desk import START, Desk, open_desk
from tests.contract.scenario import Scenario
from tests.contract.spoiling import change

USED = {*CHARGES, Kind.REFUNDED}


def run(desk: Desk) -> int:
    return sum(run_rollup(desk.store, None, lambda: False))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wallets are followed soon, and pages are short."""
    monkeypatch.setattr(rollups, "FOLLOWED_FROM", 25)
    monkeypatch.setattr(rollups, "PAGE", 17)
    monkeypatch.setattr(reports, "PAGE", 11)


@pytest.fixture
def played(desk: Desk, small: None) -> Desk:
    """A desk at which much was asked, rolled up now and then, with some entries after the mark."""
    scenario = Scenario(11, desk)
    for _ in range(4):
        scenario.play(20)
        run(desk)
    scenario.play(12)
    return desk


@pytest.fixture(params=["sqlite", "postgres"])
def kept(request: pytest.FixtureRequest, tmp_path: Path, small: None) -> Iterator[Desk]:
    """The same on the stores that keep a rollup: the memory store has none, all its answers come from entries."""
    with open_desk(request.param, tmp_path) as desk:
        scenario = Scenario(12, desk)
        for _ in range(3):
            scenario.play(20)
            run(desk)
        scenario.play(8)
        yield desk


def list_entries(desk: Desk) -> list[tuple[str, Entry]]:
    found = desk.store.list_history(None, None, None, None, 100_000)
    return [(item.account.key, item.entry) for _, item in reversed(found)]


def find_moment(entry: Entry) -> int:
    is_asked = entry.request_digest is not None or (entry.lead_unit, entry.lead_number) != entry[:2]
    return entry.recorded_at if is_asked else entry.effective_at


def find_bucket(windows: list[Window], at: int) -> int | None:
    place = bisect_right([window.start for window in windows], at) - 1
    return windows[place].bucket if place >= 0 and at < windows[place].end else None


def count_usage(desk: Desk, query: Query, entry_of: list[tuple[str, Entry]]) -> dict[Any, list[int]]:
    """Usage reckoned from entries alone; what was paid for it is not looked at."""
    sums: dict[Any, list[int]] = defaultdict(lambda: [0] * (len(USAGE) - 1))
    steps = {key: desk.store.list_subscriptions(desk.account(key)) for key, _ in entry_of}
    written: set[tuple[str, int]] = set()
    for key, entry in entry_of:
        if not entry.unit_id:
            written.add((key, entry.number))
        bucket = find_bucket(list(query.windows), entry.effective_at)
        failed = entry.kind == Kind.RELEASED and entry.success is not None
        if (
            bucket is None
            or entry.unit_id not in query.unit_ids
            or not (entry.kind in USED or entry.kind == Kind.RELEASED)
        ):
            continue
        if query.account is not None and key != query.account.key:
            continue
        plan = ""
        for step in steps[key]:
            if step.recorded_at <= entry.effective_at and (key, step.number) in written:
                plan = step.plan if entry.effective_at < step.ends_at else step.fallback
        said = {
            "plan": plan, "feature": entry.feature, "model": entry.model or 0, "member": entry.member or 0,
            "success": UNSAID if entry.success is None else entry.success,
            "lead": int((entry.lead_unit, entry.lead_number) == entry[:2]),
        }  # fmt: skip
        if any(said[column] != value for column, value in query.only):
            continue
        ends = any(
            effect == Effect.HOLD_SET and field == HoldField.STATE and value == HoldState.SETTLED
            for effect, _, field, value in unpack_effects(entry.effects)
        )
        is_use = entry.kind in (Kind.CHARGED, Kind.RECORDED) or failed or (entry.kind == Kind.SETTLED and ends)
        told = [
            entry.quantity, entry.tokens_in, entry.tokens_cache_read, entry.tokens_cache_write, entry.tokens_out,
            entry.tokens_reasoning, entry.provider_cost_nanos, entry.duration_ms, int(entry.duration_ms is not None),
        ]  # fmt: skip
        if entry.kind == Kind.REFUNDED:
            told = [0] * 9
        row = [int(is_use), entry.spent, entry.uncovered, entry.refunded, *(each or 0 for each in told)]
        known = sums[bucket, entry.unit_id, tuple(said[column] for column in query.told_apart)]
        for place, each in enumerate(row):
            known[place] += each
    return {key: each for key, each in sums.items() if any(each)}


def ask_usage(desk: Desk, query: Query) -> dict[Any, list[int]]:
    sums: dict[Any, list[int]] = defaultdict(lambda: [0] * (len(USAGE) - 1))
    for cell in sum_usage(desk.store, query):
        known = sums[cell.bucket, cell.unit_id, cell.told_apart]
        for place, each in enumerate(cell.sums[:-1]):
            known[place] += each
    return {key: each for key, each in sums.items() if any(each)}


def cut_at_random(dice: random.Random, first: int, last: int, most: int) -> list[Window]:
    """Windows with edges anywhere, and now and then with gaps."""
    edges = sorted({dice.choice((edge, edge // QUARTER * QUARTER, edge // HOUR * HOUR, edge // DAY * DAY))
                    for edge in (dice.randrange(first, last) for _ in range(most))})  # fmt: skip
    return [Window(n, low, high) for n, (low, high) in enumerate(pairwise(edges)) if n % 5 != 3]


def test_usage_comes_to_what_the_entries_come_to(played: Desk):
    entries = list_entries(played)
    dice = random.Random(5)
    times = [entry.effective_at for _, entry in entries if entry.unit_id]
    seen = 0
    for turn in range(40):
        whole = [Window(0, FIRST, LAST)]
        windows = whole if turn < 8 else cut_at_random(dice, min(times) - DAY, max(times) + DAY, 12)
        account = played.account(dice.choice(("acme", "zoë & co"))) if turn % 2 else None
        told_apart = dice.choice([(), ("feature",), ("feature", "model"), ("success", "lead"), ("plan", "feature")])
        if account is not None and dice.random() < 0.5:
            told_apart = dice.choice([("member", "feature"), ("plan", "model")])
        feature = dice.choice(entries)[1].feature
        only = (("feature", feature),) if dice.random() < 0.3 else ()
        query = Query(account=account, unit_ids=(1, 2), windows=windows, told_apart=told_apart, only=only)

        expected = count_usage(played, query, entries)
        assert ask_usage(played, query) == expected, query
        seen += len(expected)
    assert seen > 100


def test_flow_comes_to_what_the_entries_come_to(played: Desk):
    entries = list_entries(played)
    dice = random.Random(6)
    times = [find_moment(entry) for _, entry in entries]
    columns = ("granted", "refunded", "adjusted", "spent", "expired", "lots", "covered", "debt")
    for turn in range(30):
        windows = [Window(0, FIRST, LAST)] if turn < 4 else cut_at_random(dice, min(times), max(times) + DAY, 9)
        account = played.account(dice.choice(("acme", "zoë & co"))) if turn % 2 else None
        expected: dict[Any, list[int]] = defaultdict(lambda: [0] * len(columns))
        for key, entry in entries:
            bucket = find_bucket(windows, find_moment(entry))
            if bucket is not None and entry.unit_id and (account is None or key == account.key):
                known = expected[bucket, entry.unit_id]
                for place, column in enumerate(columns):
                    known[place] += getattr(entry, column)
        found: dict[Any, list[int]] = defaultdict(lambda: [0] * len(columns))
        for cell in sum_flow(played.store, Query(account=account, unit_ids=(1, 2), windows=windows)):
            for place in range(len(columns)):
                found[cell.bucket, cell.unit_id][place] += cell.sums[place]
        assert {key: each for key, each in found.items() if any(each)} == {
            key: each for key, each in expected.items() if any(each)
        }


def test_what_was_paid_for_a_lot_is_recognised_as_it_leaves_the_lot_and_adds_up(played: Desk):
    expected: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])
    for record in played.store.iter_records():
        unit = record.wallet.unit.unit_id
        inside = {lot.number: lot.remaining for lot in record.lots}
        for hold in record.holds:
            for number, drawn in hold.draws if hold.state == HoldState.OPEN else ():
                inside[number] += drawn
        granted = {
            number: value
            for entry in record.entries
            for effect, number, field, value in unpack_effects(entry.effects)
            if effect == Effect.LOT_SET and field == 1 and number == entry.number
        }
        for lot in record.lots:
            if lot.cost_minor:
                sums = expected[unit, lot.currency]
                amount = granted.get(lot.number, 0)
                sums[0] += lot.cost_minor
                sums[1] += (
                    divide_half_up(lot.cost_minor * (amount - inside[lot.number]), amount) if amount else lot.cost_minor
                )

    found: dict[tuple[int, int], list[int]] = {}
    earned = 0
    whole = [Window(0, FIRST, LAST)]
    for cell in sum_flow(played.store, Query(account=None, unit_ids=(1, 2), windows=whole)):
        flow = dict(zip(FLOW, cell.sums, strict=True))
        earned += flow["revenue"]
        if flow["sold"] or cell.currency:
            found[cell.unit_id, cell.currency] = [
                flow["sold"], flow["revenue"] + flow["broken"] + flow["withdrawn"]
            ]  # fmt: skip

    assert found == expected
    assert any(sums[1] for sums in expected.values()), "nothing was earned"
    assert earned == sum(
        cell.sums[-1] for cell in sum_usage(played.store, Query(account=None, unit_ids=(1, 2), windows=whole))
    )


def test_hours_of_the_day_are_those_of_the_zone(played: Desk):
    entries = list_entries(played)
    for name in ("UTC", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns"):
        windows = list_hours_of_day(START - START % HOUR, START - START % HOUR + 60 * DAY, name, find_zone)
        query = Query(account=None, unit_ids=(1,), windows=windows)
        assert ask_usage(played, query) == count_usage(played, query, entries)


def test_a_run_that_finds_nothing_new_adds_nothing_and_two_runs_add_nothing_twice(kept: Desk):
    whole = Query(account=None, unit_ids=(1, 2), windows=[Window(0, FIRST, LAST)], told_apart=("feature",))
    before = ask_usage(kept, whole)

    assert run(kept) > 0
    assert run(kept) == 0
    assert ask_usage(kept, whole) == before
    assert list(check_rollup(kept.store)) == []
    with kept.store.rollup.reading() as reader:
        assert reader.mark == reader.find_last_position()
        assert reader.list_followed()


def test_a_batch_that_somebody_else_was_quicker_with_is_dropped(kept: Desk):
    run(kept)
    kept.grant(10)
    kept.charge(0)
    with kept.store.rollup.reading() as reader:
        batch, count = rollups.make_batch(reader, reader.find_last_position())

    assert count >= 2
    assert kept.store.rollup.save(batch)
    assert not kept.store.rollup.save(batch)
    assert list(check_rollup(kept.store)) == []


def test_a_rebuilt_rollup_is_the_same(kept: Desk):
    run(kept)
    with kept.store.rollup.reading() as reader:
        before = {table: sorted(reader.iter_rows(table)) for table in ("usage", "flow")}

    sum(rebuild_rollup(kept.store, None, lambda: False))

    with kept.store.rollup.reading() as reader:
        assert {table: sorted(reader.iter_rows(table)) for table in ("usage", "flow")} == before
    assert all(before.values())


def test_a_rebuild_that_was_broken_off_counts_for_nothing_and_is_ended_by_the_next_run(kept: Desk):
    run(kept)
    whole = Query(account=None, unit_ids=(1, 2), windows=[Window(0, FIRST, LAST)], told_apart=("feature",))
    before = ask_usage(kept, whole)

    assert list(rebuild_rollup(kept.store, None, lambda: True)) == []
    with kept.store.rollup.reading() as reader:
        assert reader.mark == 0
    assert ask_usage(kept, whole) == before
    assert run(kept) > 0
    assert ask_usage(kept, whole) == before
    assert list(check_rollup(kept.store)) == []


def test_who_throws_away_stops_where_somebody_else_was_quicker_and_began_anew(kept: Desk):
    run(kept)
    turns: list[int] = []

    def ask() -> bool:
        turns.append(1)
        if len(turns) == 2:
            assert sum(rebuild_rollup(kept.store, None, lambda: False)) > 0
        return False

    assert kept.store.rollup.discard(ask)

    assert len(turns) == 2
    assert list(check_rollup(kept.store)) == []
    with kept.store.rollup.reading() as reader:
        assert reader.mark == reader.find_last_position()


def test_an_entry_that_cannot_be_read_is_a_finding_in_the_rollup_too(tmp_path: Path):
    with open_desk("sqlite", tmp_path) as desk:
        desk.grant(10)
        run(desk)
        assert list(check_rollup(desk.store)) == []
        change(tmp_path / "credits.db", "UPDATE farthing_entry SET effects = x'01' WHERE unit_id = 1")

        ((where, problem),) = check_rollup(desk.store)

    assert (where, "cannot be read" in problem) == ("the rollup", True)


def test_sums_too_large_for_eight_bytes_are_kept(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    most = 2**62
    for account in ("a", "b", "c"):
        desk.grant(most, account=account)
        desk.charge(most, account=account)
        run(desk)
    for account in ("d", "e", "f", "g"):
        desk.grant(most, account=account)
        desk.charge(most, account=account)
    run(desk)

    whole = [Window(0, FIRST, LAST)]
    (cell,) = sum_usage(desk.store, Query(account=None, unit_ids=(1,), windows=whole))
    (flow,) = sum_flow(desk.store, Query(account=None, unit_ids=(1,), windows=whole))
    assert cell.sums[USAGE.index("spent")] == 7 * most
    assert flow.sums[FLOW.index("issued")] == 7 * most
    assert list(check_rollup(desk.store)) == []


@pytest.mark.parametrize("kind", ["sqlite"])
@pytest.mark.parametrize(
    "spoilt",
    [
        "UPDATE farthing_rollup_usage SET spent = spent + 1 WHERE part = 2 AND grain = 3600000000",
        "UPDATE farthing_rollup_usage SET feature = feature + 1 WHERE account_id > 0",
        "UPDATE farthing_rollup_flow SET issued = issued - 1",
        "DELETE FROM farthing_rollup_flow WHERE account_id = 0 AND currency <> 0",
        "UPDATE farthing_rollup_followed SET upto = upto - 1",
        "UPDATE farthing_rollup_mark SET position = position - 1",
        "UPDATE farthing_rollup_basis SET inside = inside + 1",
        "DELETE FROM farthing_rollup_basis",
        "UPDATE farthing_rollup_usage SET last = first WHERE part = 0",
        "UPDATE farthing_rollup_flow SET first = last WHERE account_id = 0",
    ],
)
def test_what_somebody_changed_in_the_rollup_is_found(kind: str, spoilt: str, tmp_path, small: None):
    import sqlite3

    with open_desk(kind, tmp_path) as desk:
        Scenario(11, desk).play(60)
        run(desk)
        assert list(check_rollup(desk.store)) == []
        with sqlite3.connect(tmp_path / "credits.db") as connection:
            assert connection.execute(spoilt).rowcount > 0
        connection.close()

        findings = list(check_rollup(desk.store))

    assert findings
    assert all("rollup" in where for where, _ in findings)


def test_windows_are_cut_into_whole_rows_and_what_is_left():
    dice = random.Random(3)
    for _ in range(500):
        start = dice.randrange(-5 * HOUR, 5 * HOUR)
        end = start + dice.choice((1, QUARTER - 1, QUARTER, HOUR, 3 * HOUR + 7, DAY)) + dice.randrange(3)
        pieces, left = cut_window(1, start, end)

        stretches = sorted([(piece.start, piece.end) for piece in pieces] + left)
        assert stretches[0][0] == start
        assert stretches[-1][1] == end
        assert all(one[1] == two[0] for one, two in pairwise(stretches))
        assert all(piece.start % piece.grain == piece.end % piece.grain == 0 for piece in pieces)
        assert all(high - low < QUARTER for low, high in left)


def test_a_sum_that_is_too_large_is_laid_in_rows_that_add_up():
    rows = list(lay_rows((7,), (2**64 + 5, -(2**63), 3), (1, 2), 99))

    assert [sum(column) for column in zip(*[row[2:5] for row in rows], strict=True)] == [2**64 + 5, -(2**63), 3]
    assert len({row[1] for row in rows}) == len(rows)
    assert all(abs(each) < 2**63 for row in rows for each in row[2:5])
