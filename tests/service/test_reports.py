"""Reports as people ask for them, on figures that can be checked by hand, on SQLite and PostgreSQL, with a rollup and
without one."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import farthing
from farthing.engine.engine import Engine
from farthing.engine.zones import find_zone
from farthing.face.ledger import Ledger
from farthing.face.report_rows import Money
from farthing.service.jobs import run_job
from farthing.service.windows import list_cycles, list_periods
from farthing.testing.clocks import FrozenClock
from farthing.values.bounds import NEVER
from farthing.values.calendars import read_instant
from farthing.values.errors import AccountNotFound, TermInvalid, TimeInvalid
from farthing.values.periods import Cadence
from farthing.values.subscriptions import Step, Subscription
from tests.races.books import make_store

START = datetime(2026, 1, 31, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Desk:
    """A ledger in time as the test tells it; with `rolls`, rolled up before every look."""

    def __init__(self, engine: Engine, clock: FrozenClock, *, rolls: bool) -> None:
        self.ledger, self.clock, self.rolls = Ledger(engine), clock, rolls

    @property
    def reports(self) -> Any:
        if self.rolls:
            assert not run_job(self.ledger.engine, "rollup").passed_over
        return self.ledger.reports

    def at(self, moment: datetime) -> Ledger:
        self.clock.move_to(moment)
        return self.ledger


KINDS = [("sqlite", True), ("sqlite", False), ("postgres", True), ("memory", False)]


@pytest.fixture(params=KINDS, ids=lambda kind: f"{kind[0]}{' rolled up' if kind[1] else ''}")
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    kind, rolls = request.param
    clock = FrozenClock(START)
    with make_store(kind, tmp_path) as store:
        yield Desk(Engine(store, clock), clock, rolls=rolls)


def at(month: int, day: int, hour: int = 9) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def test_usage_is_cut_by_every_period_and_told_apart(desk: Desk):
    ledger = desk.ledger
    ledger.open_account("acme", zone="Africa/Accra")
    ledger.grant("acme", 100)
    ledger.charge("acme", "2.50", feature="chat", model="big", member="ana", success=True,
                  usage=farthing.Usage(input=1000, output=200, cache_read=100), provider_cost="0.012",
                  duration=timedelta(milliseconds=800))  # fmt: skip
    desk.at(at(2, 1)).charge("acme", 2, feature="chat", model="small", member="ben", success=False)
    charged = desk.at(at(2, 1, 23)).charge("acme", 5, feature="image", member="ana")
    desk.at(at(2, 2)).refund(charged.id, 1)
    desk.at(at(2, 3)).charge("acme", 4, feature="image", effective_at=at(1, 30))

    by_month = desk.reports.usage("acme", since=date(2026, 1, 1))
    by_day = desk.reports.usage("acme", every="day", split="feature", since=date(2026, 1, 29))
    by_work = desk.reports.usage("acme", every="all", split=("feature", "model"))
    by_member = desk.reports.usage("acme", every="all", split="member", feature="chat")
    of_all = desk.reports.usage(every="all", split="success")
    by_hour_of_day = desk.reports.usage(every="hour_of_day")

    assert [(row.start, row.uses, row.spent, row.refunded) for row in by_month] == [
        (at(1, 1, 0), 2, Decimal("6.50"), 0), (at(2, 1, 0), 2, 7, 1),
    ]  # fmt: skip
    assert [(row.start, row.feature, row.spent, row.refunded) for row in by_day] == [
        (at(1, 30, 0), "image", 4, 0), (at(1, 31, 0), "chat", Decimal("2.50"), 0), (at(2, 1, 0), "image", 5, 0),
        (at(2, 1, 0), "chat", 2, 0), (at(2, 2, 0), "image", 0, 1),
    ]  # fmt: skip
    assert [(row.feature, row.model, row.uses, row.input, row.output, row.cache_read) for row in by_work] == [
        ("image", None, 2, 0, 0, 0), ("chat", "big", 1, 1000, 200, 100), ("chat", "small", 1, 0, 0, 0),
    ]  # fmt: skip
    assert by_work[1].provider_cost == Decimal("0.012")
    assert by_work[1].mean_duration == timedelta(milliseconds=800)
    assert [(row.member, row.spent) for row in by_member] == [("ana", Decimal("2.50")), ("ben", 2)]
    assert [(row.success, row.spent) for row in of_all] == [(None, 9), (True, Decimal("2.50")), (False, 2)]
    assert [(row.bucket, row.spent, row.refunded) for row in by_hour_of_day] == [(9, Decimal("8.50"), 1), (23, 5, 0)]
    assert desk.reports.spent_this_month("acme") == 6
    assert desk.reports.spent_this_month("acme", feature="chat") == 2


def test_days_are_those_of_the_zone_also_where_its_midnights_are_not_at_full_hours(desk: Desk):
    desk.ledger.grant("acme", 100)
    for moment in (datetime(2026, 3, 5, 18, 14, tzinfo=UTC), datetime(2026, 3, 5, 18, 16, tzinfo=UTC)):
        desk.at(moment).charge("acme", 1, feature="chat")

    def days(zone: str) -> list[int]:
        local = find_zone(zone)
        rows = desk.reports.usage("acme", every="day", zone=zone)
        assert all(row.start and row.start.astimezone(local).hour == 0 for row in rows)
        return [row.start.astimezone(local).day for row in rows if row.start]

    assert days("UTC") == [5]
    assert days("Asia/Kathmandu") == [5, 6], "five and three quarters of an hour ahead"
    assert days("Asia/Kolkata") == [5]


def test_the_week_of_a_business_earns_what_was_paid_for_what_was_spent(desk: Desk):
    ledger = desk.ledger
    ledger.grant("datalogique", 50, source="trial", promotional=True, expires_in=5 * DAY)
    ledger.grant("datalogique", 30, source="purchase", paid=(3000, "GHS"), expires_in=10 * DAY)
    ledger.charge("datalogique", "52.50", feature="describe", provider_cost="0.20")
    owed = desk.at(at(2, 1)).record("datalogique", "30", feature="chat")
    desk.at(at(2, 5)).grant("datalogique", 40, source="purchase", paid=(4001, "GHS"))
    desk.at(at(2, 6)).void("datalogique", 10)

    by_feature = desk.reports.usage("datalogique", every="all", split="feature")
    of_all = desk.reports.usage(every="all", split="feature")
    january, february = desk.reports.credits(since=date(2026, 1, 1), until=date(2026, 3, 1))

    # 2.50 of the first thirty for describe, 27.50 for chat; 2.50 were owed, and the second purchase paid them.
    earned = {row.feature: row.revenue for row in by_feature}
    assert earned == {"describe": (Money("GHS", 250),), "chat": (Money("GHS", 2750 + 250),)}
    assert {row.feature: row.revenue for row in of_all} == earned
    assert next(row for row in by_feature if row.feature == "describe").margin("GHS") == Decimal("2.30")
    assert owed.parts[0].owed == Decimal("2.50")
    assert (january.issued, january.spent, january.outstanding) == (80, Decimal("52.50"), Decimal("27.50"))
    assert (january.sold, january.revenue, january.liability) == (
        (Money("GHS", 3000),), (Money("GHS", 250),), (Money("GHS", 2750),),
    )  # fmt: skip
    assert (february.spent, february.debt, february.adjusted) == (30, 0, -10)
    assert february.outstanding == Decimal("27.50")
    assert (february.sold, february.revenue) == ((Money("GHS", 4001),), (Money("GHS", 3000),))
    # 12.50 of the forty have left: 1250.3125 of 4001 minor units, of which 250 were earned.
    assert february.withdrawn == (Money("GHS", 1000),)
    assert february.liability == (Money("GHS", 2751),)
    bought = desk.reports.last_purchase("datalogique")
    assert bought is not None
    assert (bought.amount, bought.paid, bought.at) == (40, Money("GHS", 4001), at(2, 5))
    assert desk.reports.last_purchase("datalogique") is not None


def test_credits_that_end_unused_are_breakage_on_the_day_they_ended_however_late_it_is_written_down(desk: Desk):
    desk.ledger.grant("acme", 30, paid=(3000, "EUR"), expires_at=at(2, 28))
    desk.at(at(2, 1)).charge("acme", 10, feature="chat")
    desk.at(at(5, 1)).charge("acme", 0, feature="chat")

    rows = desk.reports.credits("acme", since=date(2026, 1, 1), until=date(2026, 4, 1))

    assert [(row.spent, row.expired, row.outstanding) for row in rows] == [(0, 0, 30), (10, 20, 0), (0, 0, 0)]
    assert [(row.revenue, row.broken, row.liability) for row in rows] == [
        ((), (), (Money("EUR", 3000),)), ((Money("EUR", 1000),), (Money("EUR", 2000),), ()), ((), (), ()),
    ]  # fmt: skip
    assert [row.expired for row in desk.reports.credits(since=date(2026, 1, 1), until=date(2026, 4, 1))] == [0, 20, 0]


def test_money_that_went_back_stands_beside_what_was_taken_back_for_it(desk: Desk):
    granted: Any = desk.ledger.grant("acme", 100, paid=(1000, "EUR"))
    desk.ledger.charge("acme", 50)
    desk.ledger.clawback(granted.grant, money=1000)

    (row,) = desk.reports.credits("acme", every="all")

    assert (row.sold, row.revenue, row.withdrawn, row.returned, row.liability) == (
        (Money("EUR", 1000),), (Money("EUR", 500),), (Money("EUR", 500),), (Money("EUR", 1000),), (),
    )  # fmt: skip
    assert (row.debt, row.outstanding) == (50, 0)


def test_the_balance_at_a_past_moment_is_what_it_was(desk: Desk):
    ledger = desk.ledger
    ledger.grant("acme", 30, expires_at=at(2, 10), key="ends")
    ledger.grant("acme", 20, starts_at=at(2, 5), key="starts")
    desk.at(at(2, 1)).hold("acme", 10, ttl=2 * DAY)
    desk.at(at(2, 20)).charge("acme", 5)
    desk.at(at(3, 1))

    def then(moment: datetime) -> Any:
        found = desk.reports.balance_at("acme", moment)
        return found.spendable, found.held

    assert then(START - DAY) == (0, 0)
    assert then(START) == (30, 0)
    assert then(at(2, 1)) == (20, 10)
    assert then(at(2, 3) - timedelta(microseconds=1)) == (20, 10)
    assert then(at(2, 3)) == (30, 0), "the hold timed out, though nobody wrote it down until the 20th"
    assert then(at(2, 5)) == (50, 0)
    assert then(at(2, 10)) == (20, 0)
    assert then(at(2, 20)) == (15, 0)
    assert then(at(3, 1)) == (15, 0)
    with pytest.raises(TimeInvalid, match="has not come"):
        then(at(3, 2))


def test_a_moment_after_the_last_entry_has_everything_that_fell_due_by_then(desk: Desk):
    desk.ledger.grant("acme", 30, expires_at=at(2, 10))
    desk.ledger.allow("acme", 5, every="day")
    desk.at(at(2, 20))

    assert desk.reports.balance_at("acme", at(2, 9)).spendable == 35
    assert desk.reports.balance_at("acme", at(2, 10)).spendable == 5
    assert desk.ledger.balance("acme").spendable == 5


def test_every_entry_of_the_journal_adds_up_to_nothing(desk: Desk):
    ledger = desk.ledger
    ledger.configure("acme", overdraft=50) if ledger.grant("acme", 30, expires_in=2 * DAY) else None
    charged = ledger.charge("acme", 50, feature="chat")
    ledger.refund(charged.id, 10)
    ledger.forgive("acme", 5)
    ledger.grant("acme", 25)
    ledger.settle(ledger.hold("acme", 5, feature="image").id, 2)
    desk.at(at(2, 9)).adjust("acme", -1)

    posted = list(desk.reports.journal())
    books: dict[str, int] = {}
    for entry in posted:
        assert entry.postings
        assert sum(line.amount for line in entry.postings) == 0, entry
        for line in entry.postings:
            books[line.book] = books.get(line.book, 0) + line.amount
    balance = ledger.balance("acme")
    million = 1_000_000
    assert books["Liabilities:Customers"] == -(balance.spendable + balance.held + balance.debt) * million
    assert books.get("Assets:Debt", 0) == balance.debt * million
    assert books["Income:Consumed"] == -(balance.spent - balance.refunded) * million
    assert books.get("Income:Breakage", 0) == -balance.expired * million
    assert books["Expenses:WrittenOff"] == 5 * million
    assert [entry.moment for entry in posted] == sorted(entry.moment for entry in posted)
    assert list(desk.reports.journal("acme")) == posted
    assert not list(desk.reports.journal(since=at(3, 1)))


def test_questions_that_make_no_sense_are_refused(desk: Desk):
    desk.ledger.grant("acme", 1)
    reports = desk.reports
    with pytest.raises(TermInvalid, match="choose hour, day"):
        reports.usage(every="fortnight")
    with pytest.raises(TermInvalid, match="choose feature, model"):
        reports.usage(split="colour")
    with pytest.raises(TermInvalid, match="cannot be told apart together for all accounts"):
        reports.usage(split="member")
    with pytest.raises(TermInvalid, match="cannot be told apart together for an account"):
        reports.usage("acme", split=("member", "plan"))
    with pytest.raises(TermInvalid, match="an account's own"):
        reports.usage(every="cycle")
    with pytest.raises(TermInvalid, match="too many"):
        reports.usage(every="hour", since=date(1990, 1, 1))
    with pytest.raises(TimeInvalid, match="not after since"):
        reports.usage(since=date(2026, 2, 1), until=date(2026, 2, 1))
    with pytest.raises(AccountNotFound):
        reports.usage("nobody")


def test_a_cycle_without_a_subscription_is_the_allowances_or_the_month(desk: Desk):
    desk.ledger.grant("plain", 9)
    desk.ledger.charge("plain", 2)
    desk.ledger.allow("given", 10, every="month")
    desk.ledger.charge("given", 3)
    desk.at(at(2, 10)).charge("plain", 1)
    desk.ledger.charge("given", 1)

    (month,) = desk.reports.usage("plain", every="cycle")
    (cycle,) = desk.reports.usage("given", every="cycle")

    assert (month.start, month.end, month.spent) == (at(2, 1, 0), at(3, 1, 0), 1)
    assert (cycle.start, cycle.end, cycle.spent) == (START, at(2, 28), 4)


async def usage_by_coroutine(ledger: Ledger) -> list[Decimal]:
    return [row.spent for row in await ledger.reports.ausage("acme", every="all")]


def test_reports_can_be_awaited(desk: Desk):
    desk.ledger.grant("acme", 9)
    desk.ledger.charge("acme", 2)

    assert asyncio.run(usage_by_coroutine(desk.ledger)) == [2]


def test_the_rollup_is_a_job(desk: Desk):
    desk.ledger.grant("acme", 9)
    summary = run_job(desk.ledger.engine, "rollup")

    assert (summary.done, summary.is_whole) == (
        0 if desk.ledger.url == "memory:" or "memory" in desk.ledger.url else 2,
        True,
    )
    assert run_job(desk.ledger.engine, "rollup").done == 0
    assert desk.ledger.verify().ok


MICRO = read_instant


def make_step(
    recorded: datetime, plan: str, *, anchor: datetime, ends: datetime | None, number: int = 2
) -> Subscription:
    return Subscription(
        number, int(Step.SUBSCRIBED), plan, int(Cadence.MONTH), 1, MICRO(anchor, what="anchor"), "UTC",
        MICRO(recorded, what="starts"), 0, 0, 0, NEVER if ends is None else MICRO(ends, what="ends"), 1, "", 0, "free",
        1, 0, 0, NEVER, MICRO(recorded, what="recorded"), 0,
    )  # fmt: skip


def show(cycles: list[tuple[int, int]]) -> list[tuple[str, str]]:
    from farthing.values.calendars import to_instant

    return [(f"{to_instant(start):%m-%d}", f"{to_instant(end):%m-%d}") for start, end in cycles]


def test_cycles_are_the_subscriptions_while_it_is_active_and_months_before_and_after():
    steps = [
        make_step(at(2, 10), "basic", anchor=at(2, 10), ends=None),
        make_step(at(3, 10), "basic", anchor=at(2, 10), ends=None, number=3),
        make_step(at(3, 20), "pro", anchor=at(2, 10), ends=at(5, 10), number=4),
    ]
    low, high = MICRO(at(1, 1, 0), what="low"), MICRO(at(7, 1, 0), what="high")

    cycles = list_cycles(steps, None, low, high, high, "UTC", find_zone)
    now = list_cycles(steps, None, None, None, MICRO(at(4, 1), what="now"), "UTC", find_zone)

    assert show(cycles) == [
        ("01-01", "02-01"), ("02-01", "02-10"), ("02-10", "03-10"), ("03-10", "04-10"), ("04-10", "05-10"),
        ("05-10", "06-01"), ("06-01", "07-01"),
    ]  # fmt: skip
    assert show(now) == [("03-10", "04-10")]


def test_periods_end_with_the_one_in_hand():
    now = MICRO(at(3, 15), what="now")

    assert show(list_periods("month", None, None, now, "UTC", find_zone))[-2:] == [
        ("02-01", "03-01"),
        ("03-01", "04-01"),
    ]
    assert len(list_periods("month", None, None, now, "UTC", find_zone)) == 12
    assert len(list_periods("hour", None, None, now, "Asia/Kolkata", find_zone)) == 24
    since = MICRO(at(3, 3), what="since")
    assert show(list_periods("week", since, None, now, "UTC", find_zone)) == [("03-03", "03-09"), ("03-09", "03-16")]
