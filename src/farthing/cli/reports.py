"""What was used, what came and went, what there was: report …, rollup …, journal."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final, TextIO

import typer

from farthing.cli.databases import open_ledger
from farthing.cli.jobs import describe_summary
from farthing.cli.options import (
    DEFAULT_DB,
    Account,
    Book,
    Db,
    Feature,
    Json,
    Member,
    Model,
    UnitName,
    gather,
    get_moment,
    read_day,
)
from farthing.cli.receipts import show_day, show_instant
from farthing.cli.screen import Bar, lay_table, note, say, say_json
from farthing.cli.standing import show_amount
from farthing.engine.zones import find_zone
from farthing.face.reports import EVERY, SPLITS
from farthing.service.jobs import Summary, run_job
from farthing.service.journal import Posted, write_beancount, write_csv, write_hledger, write_parquet
from farthing.service.rollups import rebuild_rollup
from farthing.values.errors import TermInvalid

Someone = Annotated[str | None, typer.Argument(metavar="[ACCOUNT]", help="Whose; without it everybody's.")]
Every = Annotated[str, typer.Option("--every", metavar="PERIOD", help=f"{', '.join(EVERY)}.")]
Since = Annotated[
    str | None, typer.Option("--since", metavar="WHEN", help="From then on: 2026-11-01, or 2026-11-01T09:00:00Z.")
]
Until = Annotated[str | None, typer.Option("--until", metavar="WHEN", help="Up to then, which is not in it.")]
Zone = Annotated[
    str | None,
    typer.Option("--zone", metavar="ZONE", help="Whose midnights count: Europe/Berlin; else the account's own."),
]
By = Annotated[
    list[str] | None,
    typer.Option("--by", metavar="WHAT", help=f"Tell apart by {', '.join(SPLITS)}; repeatable."),
]
FORMATS: Final[dict[str, Callable[..., int]]] = {
    "csv": write_csv, "hledger": write_hledger, "beancount": write_beancount, "parquet": write_parquet,
}  # fmt: skip
SPANS: Final = {"hour": "%Y-%m-%d %H:%M", "hour_of_day": "%H:00"}
MONEY: Final = ("sold", "revenue", "broken", "withdrawn", "returned", "liability")


def read_time(text: str | None, *, what: str) -> datetime | date | None:
    """A day, or an instant with its zone. Raises `TimeInvalid`."""
    if text is None:
        return None
    return read_day(text, what=what) if len(text) <= len("2026-11-01") else get_moment(text, what=what)


def usage(
    account: Someone = None,
    every: Every = "month",
    by: By = None,
    since: Since = None,
    until: Until = None,
    feature: Feature = None,
    model: Model = None,
    member: Member = None,
    plan: Annotated[str | None, typer.Option("--plan", metavar="NAME", help="Only while this plan held.")] = None,
    zone: Zone = None,
    unit: UnitName = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """What was used, by when it happened: uses, credits, tokens, what providers took, what was earned."""
    span = gather(since=read_time(since, what="--since"), until=read_time(until, what="--until"))
    only = gather(feature=feature, model=model, member=member, plan=plan, zone=zone, unit=unit)
    with open_ledger(db, book) as ledger:
        rows = ledger.reports.usage(account, every=every, split=by or (), **span, **only)
    show(rows, in_json, lambda: lay_usage(rows, every, by or []))


def credit_rows(
    account: Someone = None,
    every: Every = "month",
    since: Since = None,
    until: Until = None,
    zone: Zone = None,
    unit: UnitName = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Credits issued, spent and expired, what was outstanding, and the money behind them."""
    span = gather(since=read_time(since, what="--since"), until=read_time(until, what="--until"))
    with open_ledger(db, book) as ledger:
        rows = ledger.reports.credits(account, every=every, **span, **gather(zone=zone, unit=unit))
    show(rows, in_json, lambda: lay_credits(rows, every))


def balance_at(
    account: Account,
    at: Annotated[str, typer.Argument(metavar="WHEN", help="A past instant: 2026-11-01T09:00:00Z.")],
    unit: UnitName = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """What an account had at a past moment, with everything that had fallen due by then."""
    with open_ledger(db, book) as ledger:
        found = ledger.reports.balance_at(account, get_moment(at, what="WHEN"), unit=unit)
    if in_json:
        say_json(found.json())
        return
    say(f"{found.account}, {found.unit}, {show_instant(found.at)}, after {found.entries} entries")
    rows = [[name, show_amount(getattr(found, name))] for name in ("balance", "held", "spendable", "debt")]
    for line in lay_table(["", "amount"], rows, amounts=("amount",))[1:]:
        say(line)


def summary(
    account: Account, unit: UnitName = None, db: Db = DEFAULT_DB, book: Book = None, in_json: Json = False
) -> None:
    """What people ask first: the balance now, what was spent this month, the last purchase."""
    with open_ledger(db, book) as ledger:
        balance = ledger.balance(account, unit)
        spent = ledger.reports.spent_this_month(account, unit=unit)
        bought = ledger.reports.last_purchase(account)
    if in_json:
        said = {"account": balance.account, "unit": balance.unit, "spendable": balance.spendable,
                "spent_this_month": spent, "last_purchase": None if bought is None else bought.json()}  # fmt: skip
        say_json(said)
        return
    say(f"{balance.account} can spend {show_amount(balance.spendable)} {balance.unit}")
    say(f"spent this month: {show_amount(spent)}")
    if bought is None:
        say("never bought any")
    else:
        paid = f" for {bought.paid}" if bought.paid else ""
        say(f"last bought: {show_amount(bought.amount)} {bought.unit}{paid}, {show_day(bought.at)} ({bought.grant})")


def bring_up(db: Db = DEFAULT_DB, book: Book = None, in_json: Json = False) -> None:
    """Bring the rollup up to date; the worker's job `rollup` does the same. Late, twice or never does no harm."""
    with open_ledger(db, book) as ledger, Bar("rolling up") as bar:
        done = run_job(ledger.engine, "rollup", progress=bar.update if bar.live else None)
    tell_summary(done, in_json)


def rebuild(db: Db = DEFAULT_DB, book: Book = None, in_json: Json = False) -> None:
    """Throw the rollup away and make it again from the entries. Reports stay right meanwhile, and are slow."""
    began = time.monotonic()
    with open_ledger(db, book) as ledger, Bar("rebuilding") as bar:
        progress = bar.update if bar.live else None
        count = sum(rebuild_rollup(ledger.engine.store, progress, lambda: False))
    seconds = time.monotonic() - began
    tell_summary(
        Summary(job="rebuild", seen=count, done=count, passed_over={}, is_whole=True, seconds=seconds), in_json
    )


def tell_summary(done: Summary, in_json: bool) -> None:
    """What a run came to."""
    if in_json:
        say_json(done.json())
    else:
        say(describe_summary(done))


def journal(
    account: Someone = None,
    form: Annotated[str, typer.Option("--format", metavar="FORM", help=f"{', '.join(FORMATS)}.")] = "csv",
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Where to; without it to stdout.")] = None,
    since: Since = None,
    until: Until = None,
    zone: Zone = None,
    unit: UnitName = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
) -> None:
    """Every entry as double-entry postings, for whoever keeps the accounts: CSV, Parquet, hledger, beancount."""
    if form not in FORMATS:
        raise TermInvalid(
            what="--format", given=repr(form)[:60], problem="is not known", advice=f"choose {', '.join(FORMATS)}"
        )
    if form == "parquet" and out is None:
        raise TermInvalid(what="--out", given="none", problem="is needed for parquet", advice="name a file")
    span = gather(since=read_time(since, what="--since"), until=read_time(until, what="--until"), zone=zone, unit=unit)
    with open_ledger(db, book) as ledger, Bar("exporting") as bar:
        posted = ledger.reports.journal(account, progress=bar.update if bar.live else None, **span)
        place = find_zone(ledger.reports.find_zone(account, zone))
        count = write_journal(form, posted, out, place)
    if out is not None:
        note(f"{count} {'entry' if count == 1 else 'entries'} written to {out}")


def write_journal(form: str, posted: Iterator[Posted], out: Path | None, zone: Any) -> int:
    """The journal in one of its forms; how many entries there were."""
    if form == "parquet" and out is not None:
        return write_parquet(posted, out)
    with open_out(out) as stream:
        return FORMATS[form](posted, stream, *([] if form == "csv" else [zone]))


@contextmanager
def open_out(path: Path | None) -> Iterator[TextIO]:
    """A file to write, or stdout. Raises `TermInvalid` for one that cannot be written."""
    if path is None:
        yield sys.stdout
        return
    try:
        stream = path.open("w", encoding="utf-8", newline="")
    except OSError as error:
        problem = (error.strerror or "cannot be written").lower()
        raise TermInvalid(what="--out", given=str(path), problem=problem, advice="name another file") from None
    with stream:
        yield stream


def show(rows: Sequence[Any], in_json: bool, lay: Callable[[], list[str]]) -> None:
    """A report as JSON, or as a table."""
    if in_json:
        say_json([row.json() for row in rows])
        return
    if not rows:
        note("nothing in this time")
        return
    for line in lay():
        say(line)


def show_span(row: Any, every: str) -> str:
    """How a period is named."""
    if every == "hour_of_day":
        return f"{row.bucket:02}:00"
    if every == "all" and row.start is None:
        return "all time"
    start = "begin" if row.start is None else f"{row.start:{SPANS.get(every, '%Y-%m-%d')}}"
    return start


def lay_usage(rows: Sequence[Any], every: str, splits: Sequence[str]) -> list[str]:
    """Usage as a table; columns of nothing are left out."""
    sums = ("uses", "spent", "refunded", "uncovered", "quantity", "input", "cache_read", "cache_write", "output",
            "reasoning", "provider_cost")  # fmt: skip
    shown = [name for name in sums if name in ("uses", "spent") or any(getattr(row, name) for row in rows)]
    earned = any(row.revenue for row in rows)
    told = [each for each in splits if each != "unit"]
    several = len({row.unit for row in rows}) > 1
    header = ["from", *(["unit"] if several else []), *told, *[name.replace("_", " ") for name in shown]]
    table = []
    for row in rows:
        cells = [show_span(row, every), *([row.unit] if several else []), *[show_told(row, each) for each in told]]
        cells += [show_amount(Decimal(getattr(row, name))) for name in shown]
        table.append([*cells, *([", ".join(map(str, row.revenue))] if earned else [])])
    amounts = [name.replace("_", " ") for name in shown]
    return lay_table([*header, *(["earned"] if earned else [])], table, amounts=amounts)


def show_told(row: Any, name: str) -> str:
    """What a row was told apart by."""
    value = getattr(row, name)
    if name == "free":
        return "free" if value else "paid"
    if name == "success":
        return {True: "yes", False: "failed"}.get(value, "not said")
    return value or "—"


def lay_credits(rows: Sequence[Any], every: str) -> list[str]:
    """Credits and money by period."""
    sums = ("issued", "refunded", "adjusted", "spent", "expired", "outstanding", "debt")
    always = ("issued", "spent", "expired", "outstanding")
    shown = [name for name in sums if name in always or any(getattr(row, name) for row in rows)]
    money = [name for name in MONEY if any(getattr(row, name) for row in rows)]
    table = [
        [show_span(row, every), *[show_amount(getattr(row, name)) for name in shown],
         *[", ".join(map(str, getattr(row, name))) or "—" for name in money]]
        for row in rows
    ]  # fmt: skip
    return lay_table(["from", *shown, *money], table, amounts=shown)
