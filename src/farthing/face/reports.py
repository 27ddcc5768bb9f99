"""Reports: `ledger.reports.usage(…)`, `.credits(…)`, `.balance_at(…)`, `.journal(…)` and what people ask most, in words
and decimals. What they say of time and of money is in `docs/reports.md`.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Protocol

from farthing.engine.engine import Engine
from farthing.engine.zones import find_zone
from farthing.face.cadences import read_moment
from farthing.face.desk import Desk
from farthing.face.ids import write_id
from farthing.face.options import COST, QUANTITY, Name
from farthing.face.receipts import place_of
from farthing.face.report_rows import CreditRow, Money, PastBalance, Purchase, UsageRow, add_money
from farthing.face.verbs import threaded
from farthing.service import past, windows
from farthing.service.journal import Posted, Posts, iter_posted
from farthing.service.reports import Cell, Query, sum_flow, sum_usage
from farthing.service.windows import FIRST, LAST, Window
from farthing.store.contract import Progress
from farthing.store.rollup_rows import FAILED, FLOW, SUCCEEDED, USAGE
from farthing.tariff.quotes import is_free_model
from farthing.values.amounts import Unit, to_decimal
from farthing.values.bounds import LATEST_INSTANT
from farthing.values.calendars import to_instant
from farthing.values.errors import TermInvalid, show_given
from farthing.values.names import name_number, read_account, read_name
from farthing.values.wallets import Account

EVERY: Final = ("hour", "day", "week", "month", "quarter", "half_year", "year", "cycle", "hour_of_day", "all")
"""What a report can be cut into: periods of the calendar, billing cycles, hours of the day, or nothing."""

SPLITS: Final = ("feature", "model", "member", "plan", "success", "free", "unit")
"""What usage can be told apart by."""

ALL: Final = "all"
IsFree = Callable[[str | None, str | None], bool]
"""Whether a model is free, from the names of feature and model."""

Moment = datetime | date
"""An aware datetime, or a date: the beginning of that day in the report's zone."""


class Opened(Protocol):
    """What reports need of a ledger."""

    engine: Engine
    desk: Desk

    def refuse_closed(self) -> None: ...


class Reports:
    """What was used, what came and went, what there was: from a ledger's entries, and from nothing else.

    Answers are exact whether anything was rolled up or not (`farthing rollup run`); with a rollup they are quick.
    Every word has a form with an `a` for coroutines.
    """

    def __init__(self, ledger: Opened) -> None:
        self.ledger = ledger

    def usage(
        self,
        account: Name | None = None,
        *,
        every: str = "month",
        split: str | Iterable[str] = (),
        since: Moment | None = None,
        until: Moment | None = None,
        unit: str | None = None,
        feature: str | None = None,
        model: str | None = None,
        member: Name | None = None,
        plan: str | None = None,
        zone: str | None = None,
        is_free: IsFree | None = None,
    ) -> list[UsageRow]:
        """What was used, of one account or of all, by the time at which it happened.

        `every` cuts it into periods of `zone` (the account's own unless named), into billing cycles of an account, into
        hours of the day, or (`all`) not at all; `split` tells it apart by feature, model, member, plan, success, by
        free and paid models, or by unit (`unit="all"`). Members go with features, plans of all accounts too.
        Raises `AccountNotFound`, `UnitNotFound`, `TermInvalid`, `TimeInvalid`.
        """
        self.ledger.refuse_closed()
        who, place = self.find_account(account), self.find_zone(account, zone)
        splits = read_splits(split)
        units = self.list_units(unit)
        if unit == ALL and "unit" not in splits:
            splits = (*splits, "unit")
        columns = [each for each in splits if each not in ("unit", "free")]
        if "free" in splits:
            columns += [each for each in ("feature", "model") if each not in columns]
        only = self.read_filters(feature=feature, model=model, member=member, plan=plan)
        cut, spans = self.cut_time(who, every, since, until, place, units[0])
        asked = [*columns, *(["lead"] if unit == ALL else [])]
        query = Query(
            account=who, unit_ids=tuple(each.unit_id for each in units), windows=cut, told_apart=tuple(asked),
            only=tuple(only),
        )  # fmt: skip
        cells = sum_usage(self.ledger.engine.store, query)
        free = is_free or self.find_free()
        return self.lay_usage(cells, tuple(asked), splits, spans, free, account=None if who is None else who.key)

    def credits(
        self,
        account: Name | None = None,
        *,
        every: str = "month",
        since: Moment | None = None,
        until: Moment | None = None,
        unit: str | None = None,
        zone: str | None = None,
    ) -> list[CreditRow]:
        """What was issued, spent and lost in each period, what was outstanding at its end, and the money behind it:
        sold, earned, breakage, and what is still owed in credits. Raises as `usage` does."""
        self.ledger.refuse_closed()
        who, place = self.find_account(account), self.find_zone(account, zone)
        counted = self.ledger.desk.get_unit(unit)
        if every == "hour_of_day":
            advice = f"choose {', '.join(each for each in EVERY if each != every)}"
            raise TermInvalid(what="every", given=every, problem="makes no sense here", advice=advice)
        cut, spans = self.cut_time(who, every, since, until, place, counted)
        before = Window(-1, FIRST, cut[0].start) if cut and cut[0].start > FIRST else None
        query = Query(
            account=who, unit_ids=(counted.unit_id,), windows=[*([before] if before else []), *cut],
        )  # fmt: skip
        cells = sum_flow(self.ledger.engine.store, query)
        return self.lay_credits(cells, counted, spans, account=None if who is None else who.key)

    def balance_at(self, account: Name, at: datetime, *, unit: str | None = None) -> PastBalance:
        """What an account had at a past moment, with everything that had fallen due by then. Raises `TimeInvalid` for a
        moment that has not come."""
        self.ledger.refuse_closed()
        counted = self.ledger.desk.get_unit(unit)
        found = past.find_balance(self.ledger.engine, read_account(account), counted, read_moment(at, "at"))
        return PastBalance(
            account=read_account(account),
            unit=counted.name,
            at=to_instant(found.at),
            spendable=to_decimal(found.spendable, counted),
            held=to_decimal(found.held, counted),
            debt=to_decimal(found.debt, counted),
            balance=to_decimal(found.balance, counted),
            entries=found.number,
        )

    def spent_this_month(self, account: Name, *, unit: str | None = None, feature: str | None = None) -> Decimal:
        """What an account has spent since the first of the month in its zone, less what was refunded."""
        who = self.find_account(account)
        now = to_instant(self.find_now(who)).astimezone(find_zone(self.find_zone(account, None)))
        rows = self.usage(account, every="all", since=date(now.year, now.month, 1), unit=unit, feature=feature)
        return sum((row.spent - row.refunded for row in rows), to_decimal(0, self.ledger.desk.get_unit(unit)))

    def last_purchase(self, account: Name) -> Purchase | None:
        """The credits that an account bought last: those that money was paid for, or granted with the source
        `purchase`. None if it never did."""
        self.ledger.refuse_closed()
        desk = self.ledger.desk
        found = past.find_last_purchase(self.ledger.engine, read_account(account))
        if found is None:
            return None
        who, bought, entry = found
        unit = desk.get_unit_of(bought.unit_id)
        currency = desk.find_text(bought.currency) or ""
        return Purchase(
            account=who.key,
            grant=write_id("gra", place_of(who, bought.unit_id, bought.number)),
            unit=unit.name,
            amount=to_decimal(entry.amount, unit),
            paid=Money(currency, bought.cost_minor) if bought.cost_minor else None,
            source=desk.find_text(bought.source) or "",
            at=to_instant(entry.recorded_at),
        )

    def journal(
        self,
        account: Name | None = None,
        *,
        since: Moment | None = None,
        until: Moment | None = None,
        unit: str | None = ALL,
        zone: str | None = None,
        progress: Progress | None = None,
    ) -> Iterator[Posted]:
        """Every entry as double-entry postings that add up to zero, in the order of the ledger; `service.journal` has
        what writes them as CSV, Parquet, hledger or beancount."""
        self.ledger.refuse_closed()
        who, place = self.find_account(account), self.find_zone(account, zone)
        units = {each.unit_id: each for each in self.list_units(unit)}
        low = FIRST if since is None else self.read_edge(since, place, "since")
        high = LAST if until is None else self.read_edge(until, place, "until")
        store = self.ledger.engine.store
        return iter_posted(store, Posts(who, units, low, high, store.name_text), progress)

    ausage = threaded(usage)
    acredits = threaded(credits)
    abalance_at = threaded(balance_at)
    aspent_this_month = threaded(spent_this_month)
    alast_purchase = threaded(last_purchase)

    def find_account(self, account: Name | None) -> Account | None:
        """Whose report it is; None is everybody's."""
        return None if account is None else self.ledger.engine.get_account(read_account(account))

    def find_zone(self, account: Name | None, zone: str | None) -> str:
        """The zone whose midnights count: the one named, else the account's, else that of the catalog."""
        if zone is not None:
            return find_zone(zone).key
        who = self.find_account(account)
        if who is not None:
            return who.zone
        published = self.ledger.desk.catalogs.find_current()
        return "UTC" if published is None else published.catalog.zone

    def find_now(self, who: Account | None) -> int:
        """This instant, by the account's own clock where that stands still."""
        return (who.clock if who is not None else 0) or self.ledger.engine.clock.now()

    def list_units(self, unit: str | None) -> list[Unit]:
        """The units that are asked for."""
        desk = self.ledger.desk
        if unit != ALL:
            return [desk.get_unit(unit)]
        desk.refresh_units()
        return list(desk.units.values())

    def read_filters(self, *, feature: str | None, model: str | None, member: Name | None, plan: str | None) -> Any:
        """(column, value) of what is asked about alone."""
        named = (("feature", feature), ("model", model), ("member", member))
        for column, text in named:
            if text is not None:
                said = str(text) if column == "member" else text
                yield column, name_number(read_name(said, what=column))
        if plan is not None:
            yield "plan", "" if plan == "" else read_name(plan, what="plan")

    def find_free(self) -> IsFree:
        """Whether a model is free by the catalog that holds now; without one none is."""
        published = self.ledger.desk.catalogs.find_current()
        if published is None:
            return lambda feature, model: False
        features = published.catalog.features

        def is_free(feature: str | None, model: str | None) -> bool:
            known = features.get(feature or "")
            return known is not None and is_free_model(known, model)

        return is_free

    def read_edge(self, moment: Moment, zone: str, what: str) -> int:
        """An instant, or the midnight at which a day begins in the zone."""
        if isinstance(moment, date) and not isinstance(moment, datetime):
            return read_moment(datetime(moment.year, moment.month, moment.day, tzinfo=find_zone(zone)), what)
        return read_moment(moment, what)

    def cut_time(
        self, who: Account | None, every: str, since: Moment | None, until: Moment | None, zone: str, unit: Unit
    ) -> tuple[list[Window], dict[int, tuple[int, int]]]:
        """The windows of a report, and the span of each of its buckets."""
        if every not in EVERY:
            advice = f"choose {', '.join(EVERY)}"
            raise TermInvalid(what="every", given=show_given(every), problem="is no period of reports", advice=advice)
        low = None if since is None else self.read_edge(since, zone, "since")
        high = None if until is None else self.read_edge(until, zone, "until")
        now = self.find_now(who)
        if every == "hour_of_day":
            end = windows.list_periods("day", None, high, now, zone, find_zone)[-1][1] if high is None else high
            start = windows.list_periods("day", None, None, now, zone, find_zone)[0][0] if low is None else low
            cut = windows.list_hours_of_day(start, end, zone, find_zone)
            return cut, dict.fromkeys(range(24), (start, end))
        if every == "all":
            spans = [(FIRST if low is None else low, LAST if high is None else high)]
        elif every == "cycle":
            spans = self.list_cycles(who, low, high, now, zone, unit)
        else:
            spans = windows.list_periods(every, low, high, now, zone, find_zone)
        return [Window(bucket, *span) for bucket, span in enumerate(spans)], dict(enumerate(spans))

    def list_cycles(
        self, who: Account | None, low: int | None, high: int | None, now: int, zone: str, unit: Unit
    ) -> list[tuple[int, int]]:
        """The billing cycles of an account."""
        if who is None:
            advice = "name the account, or choose month"
            raise TermInvalid(what="every", given="cycle", problem="is an account's own", advice=advice)
        with self.ledger.engine.store.rollup.reading() as reader:
            steps = reader.list_steps(who.account_id)
        wallet = self.ledger.engine.read_wallet(who.key, unit)
        live = [each for each in wallet.allowances.values() if not each.ended_at]
        return windows.list_cycles(steps, live[0] if live else None, low, high, now, zone, find_zone)

    def lay_usage(
        self, cells: list[Cell], asked: tuple[str, ...], splits: tuple[str, ...], spans: dict[int, tuple[int, int]],
        is_free: IsFree, *, account: str | None,
    ) -> list[UsageRow]:  # fmt: skip
        """Cells in words: one row for each bucket and combination, in order of time and then of what was spent."""
        desk = self.ledger.desk
        sums: dict[tuple[Any, ...], tuple[list[int], dict[int, int], int]] = {}
        for cell in cells:
            named = dict(zip(asked, cell.told_apart, strict=True))
            said = self.name_splits(named, splits, cell.unit_id, is_free)
            key = (cell.bucket, cell.unit_id, tuple(said.items()))
            known, revenue, _ = sums.setdefault(key, ([0] * len(USAGE), {}, cell.unit_id))
            counts = named.get("lead", 1)
            for place, each in enumerate(cell.sums[:-1]):
                if counts or USAGE[place] in ("spent", "uncovered", "refunded"):
                    known[place] += each
            add_money(revenue, cell.currency, cell.sums[-1])
        rows = []
        for (bucket, unit_id, said_items), (known, revenue, _) in sums.items():
            if any(known) or revenue:
                rows.append(make_usage(desk, account, spans[bucket], bucket, unit_id, dict(said_items), known, revenue))
        told = [each for each in splits if each != "unit"]
        return sorted(
            rows, key=lambda row: (row.bucket, row.unit, -row.spent, *[str(getattr(row, each)) for each in told])
        )

    def name_splits(
        self, named: dict[str, int | str], splits: tuple[str, ...], unit_id: int, is_free: IsFree
    ) -> dict[str, Any]:
        """What a row is told apart by, in words."""
        desk, said = self.ledger.desk, dict[str, Any]()
        for each in splits:
            if each == "free":
                feature, model = (desk.find_text(int(named[column])) for column in ("feature", "model"))
                said[each] = is_free(feature, model)
            elif each == "success":
                said[each] = {SUCCEEDED: True, FAILED: False}.get(int(named[each]))
            elif each == "plan":
                said[each] = named[each] or None
            elif each != "unit":
                said[each] = desk.find_text(int(named[each]))
        return said

    def lay_credits(
        self, cells: list[Cell], unit: Unit, spans: dict[int, tuple[int, int]], *, account: str | None
    ) -> list[CreditRow]:
        """One row for each period, in order, also where nothing happened; what is outstanding runs on."""
        desk = self.ledger.desk
        buckets: dict[int, list[int]] = {}
        money: dict[int, dict[str, dict[int, int]]] = {}
        columns = FLOW[FLOW.index("sold") :]
        for cell in cells:
            known = buckets.setdefault(cell.bucket, [0] * len(FLOW))
            for place, each in enumerate(cell.sums):
                known[place] += each
            for column in columns:
                add_money(
                    money.setdefault(cell.bucket, {}).setdefault(column, {}), cell.currency,
                    cell.sums[FLOW.index(column)],
                )  # fmt: skip
        outstanding = debt = 0
        liability: dict[int, int] = {}
        rows = []
        for bucket in [-1, *sorted(spans)]:
            known, sums = buckets.get(bucket, [0] * len(FLOW)), money.get(bucket, {})
            flow = dict(zip(FLOW, known, strict=True))
            outstanding += flow["lots"] + flow["covered"]
            debt += flow["debt"]
            for column, sign in (("sold", 1), ("revenue", -1), ("broken", -1), ("withdrawn", -1)):
                for currency, minor in sums.get(column, {}).items():
                    add_money(liability, currency, sign * minor)
            if bucket >= 0:
                shown: dict[str, Any] = {column: name_money(desk, sums.get(column, {})) for column in columns}
                shown |= {
                    name: to_decimal(flow[name], unit)
                    for name in ("issued", "refunded", "adjusted", "spent", "expired")
                }
                rows.append(
                    CreditRow(
                        account=account, unit=unit.name, start=show_edge(spans[bucket][0]),
                        end=show_edge(spans[bucket][1]), outstanding=to_decimal(outstanding, unit),
                        debt=to_decimal(debt, unit), liability=name_money(desk, liability), **shown,
                    )
                )  # fmt: skip
        return rows


def read_splits(split: str | Iterable[str]) -> tuple[str, ...]:
    """What to tell apart by, each once. Raises `TermInvalid`."""
    splits = list(split) if isinstance(split, Iterable) and not isinstance(split, str) else [split]
    for each in splits:
        if not isinstance(each, str) or each not in SPLITS:
            advice = f"choose {', '.join(SPLITS)}"
            raise TermInvalid(what="split", given=show_given(each), problem="cannot be told apart", advice=advice)
    return tuple(dict.fromkeys(splits))


def show_edge(instant: int) -> datetime | None:
    """An edge of a period; None where time has no end."""
    return to_instant(instant) if FIRST < instant <= LATEST_INSTANT else None


def name_money(desk: Desk, sums: dict[int, int]) -> tuple[Money, ...]:
    """Sums of money by their currencies."""
    named = [Money(desk.find_text(currency) or "", minor) for currency, minor in sums.items() if minor]
    return tuple(sorted(named))


def make_usage(
    desk: Desk, account: str | None, span: tuple[int, int], bucket: int, unit_id: int, said: dict[str, Any],
    known: list[int], revenue: dict[int, int],
) -> UsageRow:  # fmt: skip
    """One row in words."""
    unit, sums = desk.get_unit_of(unit_id), dict(zip(USAGE, known, strict=True))
    timed = sums["timed"]
    return UsageRow(
        account=account, unit=unit.name, bucket=bucket, start=show_edge(span[0]), end=show_edge(span[1]), **said,
        uses=sums["uses"],
        spent=to_decimal(sums["spent"], unit),
        refunded=to_decimal(sums["refunded"], unit),
        uncovered=to_decimal(sums["uncovered"], unit),
        quantity=to_decimal(sums["quantity"], QUANTITY),
        input=sums["tokens_in"], cache_read=sums["tokens_cache_read"], cache_write=sums["tokens_cache_write"],
        output=sums["tokens_out"], reasoning=sums["tokens_reasoning"],
        provider_cost=to_decimal(sums["cost_nanos"], COST),
        revenue=name_money(desk, revenue),
        mean_duration=timedelta(milliseconds=sums["duration_ms"] // timed) if timed else None,
    )  # fmt: skip
