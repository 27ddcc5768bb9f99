"""`farthing replay`: a trace of real model requests through the ledger. Each row holds, then settles or is released.

Keys are made from the trace's digest and the row, so what ran before is not charged again and comes out the same. The
whole trace and the terms are checked before anything is written. A row that was refused is remembered as an attempt
of amount zero under its key: a second run refuses it again, whatever the balance is then.
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal, Inexact
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import typer

import farthing
from farthing.cli.databases import is_there, open_ledger, show_report
from farthing.cli.exits import Exit
from farthing.cli.options import DEFAULT_DB, Book, Db, Json, UnitName
from farthing.cli.prices import Prices
from farthing.cli.screen import Bar, note, say, say_json
from farthing.cli.trace import Row, Trace, iter_trace, scan_trace
from farthing.values.amounts import Unit, read_amount, to_decimal, to_text
from farthing.values.bounds import LARGEST_BATCH
from farthing.values.errors import HoldEnded, InsufficientCredits, KeyReused, Refused, TermInvalid, UnitNotFound

FEATURE: Final = "replay"
COUNTED: Final = ("requests", "settled", "released", "refused", "tokens_in", "tokens_out")
MOST_ACCOUNTS: Final = 1_000_000
MOST_TOKENS: Final = 10**15 - 1
MOST_AT_ONCE: Final = 4096
EXACT: Final = Context(prec=200, traps=[Inexact])
T = TypeVar("T")


@dataclass(slots=True)
class Job:
    """What is replayed, on what terms."""

    trace: Trace
    prices: Prices
    accounts: int
    grant: str
    fail_every: int | None
    concurrency: int

    def make_key(self, *parts: object) -> str:
        """A key that only this trace's file and row make."""
        return ":".join(("trace", self.trace.digest, *map(str, parts)))

    def describe_terms(self) -> str:
        """All that a second run must have in common with the first, in one line."""
        prices = self.prices
        said = f"accounts {self.accounts}, grant {self.grant}, unit {prices.unit.name}, max-out {prices.max_out}"
        return f"{said}, prices {prices.price_in:f} {prices.price_out:f}, fail-every {self.fail_every or 0}"

    def fails(self, row: Row) -> bool:
        """Whether this row's request fails."""
        return self.fail_every is not None and (row.number + 1) % self.fail_every == 0


@dataclass(slots=True)
class Figures:
    """What came of it. `charged` is the sum over this trace's receipts."""

    requests: int = 0
    settled: int = 0
    released: int = 0
    refused: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    charged: Decimal = Decimal(0)
    seconds: float = 0.0
    reasons: dict[str, int] = field(default_factory=dict)

    def count_refusal(self, code: str) -> None:
        """One more row was refused."""
        self.refused += 1
        self.reasons[code] = self.reasons.get(code, 0) + 1


def run_job(ledger: farthing.Ledger, job: Job, progress: Callable[[int, int], None]) -> Figures:
    """Fund the accounts, then take `concurrency` rows at a time through the ledger: all hold, then all end."""
    figures = Figures()
    agree_on_terms(ledger, job)
    for numbers in iter_windows(iter(range(job.accounts)), LARGEST_BATCH):
        insist(ledger.batch([ask_grant(job, number) for number in numbers]))
    began = time.monotonic()
    for rows in iter_windows(iter_trace(job.trace), job.concurrency):
        run_rows(ledger, job, rows, figures)
        progress(figures.requests, job.trace.rows)
    figures.seconds = time.monotonic() - began
    return figures


def iter_windows(things: Iterator[T], size: int) -> Iterator[list[T]]:
    """So many at a time, and what is left at the end."""
    while window := list(islice(things, size)):
        yield window


def insist(outcomes: Sequence[Any]) -> list[Any]:
    """The outcomes, all of which must be receipts. Raises the first that is an error."""
    for outcome in outcomes:
        if isinstance(outcome, farthing.FarthingError):
            raise outcome
    return list(outcomes)


def name_account(number: int) -> str:
    """The account of a number."""
    return f"acct-{number}"


def ask_grant(job: Job, number: int) -> Any:
    """What funds an account, once."""
    unit, key = job.prices.unit.name, job.make_key("grant", number)
    return farthing.Grant(name_account(number), job.grant, unit=unit, source=FEATURE, key=key)


def agree_on_terms(ledger: farthing.Ledger, job: Job) -> None:
    """Write the terms down under the trace's own key. Raises `TermInvalid` if it was replayed here on others."""
    account, terms = name_account(0), job.describe_terms()
    digest = hashlib.sha256(terms.encode()).hexdigest()[:16]
    ledger.open_account(account, key=job.make_key("open"))
    try:
        ledger.record(
            account, 0, unit=job.prices.unit.name, feature=f"{FEATURE} {digest}", key=job.make_key("terms"),
            description=f"{job.trace.path.name}: {terms}",
        )  # fmt: skip
    except KeyReused:
        problem = "are not those on which this trace was replayed here before"
        advice = "repeat the first run's, or choose another --book or --db"
        raise TermInvalid(what="terms", given=f"({terms})", problem=problem, advice=advice) from None


def run_rows(ledger: farthing.Ledger, job: Job, rows: Sequence[Row], figures: Figures) -> None:
    """Rows in flight together: one batch of holds, then one of what ends them."""
    held: list[tuple[Row, str]] = []
    refused: list[Any] = []
    for row, outcome in zip(rows, ledger.batch([ask_hold(job, row) for row in rows]), strict=True):
        figures.requests += 1
        if isinstance(outcome, Refused):
            # A key that is taken is the memory of a refusal: the terms are the same, so the hold would be too.
            figures.count_refusal(InsufficientCredits.code if isinstance(outcome, KeyReused) else outcome.code)
            if isinstance(outcome, InsufficientCredits):
                refused.append(ask_memory(job, row))
        else:
            held.append((row, insist([outcome])[0].hold))
    outcomes = ledger.batch([ask_end(job, row, hold) for row, hold in held] + refused)
    insist(outcomes[len(held) :])
    for (row, _), outcome in zip(held, outcomes, strict=False):
        if job.fails(row):
            note_release(ledger, job, row, outcome)
            figures.released += 1
        elif isinstance(outcome, Refused):
            figures.count_refusal(outcome.code)
        else:
            figures.settled += 1
            figures.tokens_in += row.tokens_in
            figures.tokens_out += row.tokens_out
            figures.charged = EXACT.add(figures.charged, insist([outcome])[0].charged)


def ask_hold(job: Job, row: Row) -> Any:
    """What sets aside the most that a row may cost."""
    amount = to_decimal(job.prices.reckon_hold(row), job.prices.unit)
    account, key = name_account(row.number % job.accounts), job.make_key(row.number, "hold")
    return farthing.Hold(account, amount, unit=job.prices.unit.name, feature=FEATURE, key=key)


def ask_end(job: Job, row: Row, hold: str) -> Any:
    """What a row comes to: settled at its cost, or released and logged as failed."""
    key, usage = job.make_key(row.number, "end"), farthing.Usage(input=row.tokens_in, output=row.tokens_out)
    if job.fails(row):
        return farthing.Release(hold, key=key, success=False)
    return farthing.Settle(hold, to_decimal(job.prices.reckon_cost(row), job.prices.unit), key=key, usage=usage)


def ask_memory(job: Job, row: Row, step: str = "hold") -> Any:
    """An attempt of amount zero under the key of a step that came to nothing, so that it stays so in a second run."""
    account, key = name_account(row.number % job.accounts), job.make_key(row.number, step)
    return farthing.Record(account, 0, unit=job.prices.unit.name, feature=FEATURE, success=False, key=key)


def note_release(ledger: farthing.Ledger, job: Job, row: Row, outcome: Any) -> None:
    """A failed row whose hold timed out before this run came back to it is over all the same, and logged."""
    if isinstance(outcome, HoldEnded):
        insist(ledger.batch([ask_memory(job, row, "end")]))
    elif not isinstance(outcome, KeyReused):
        insist([outcome])


def replay(
    trace: Annotated[
        Path, typer.Argument(metavar="TRACE.csv", help="With the columns ContextTokens, GeneratedTokens.")
    ],
    accounts: Annotated[int, typer.Option("--accounts", min=1, max=MOST_ACCOUNTS, help="Row i is of acct-{i mod N}.")],
    grant: Annotated[str, typer.Option("--grant", metavar="CREDITS", help="What each account is given, once.")],
    price_in: Annotated[str, typer.Option("--price-in", metavar="X", help="Credits per token of context: 0.0025")],
    price_out: Annotated[str, typer.Option("--price-out", metavar="Y", help="Credits per token generated: 0.0125")],
    max_out: Annotated[
        int, typer.Option("--max-out", metavar="T", min=0, max=MOST_TOKENS, help="Hold for so many tokens generated.")
    ] = 0,
    fail_every: Annotated[
        int | None, typer.Option("--fail-every", metavar="K", min=1, help="Every K-th request fails: released.")
    ] = None,
    concurrency: Annotated[
        int, typer.Option("--concurrency", metavar="C", min=1, max=MOST_AT_ONCE, help="So many rows in flight at once.")
    ] = 64,
    unit: UnitName = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Take a trace of model requests through the ledger: hold, then settle or release; then verify the whole ledger.

    Row i holds ContextTokens·X + max(T, GeneratedTokens)·Y credits and settles ContextTokens·X + GeneratedTokens·Y.
    Run again on the same database it charges nothing twice and prints the same. The database is made if need be.
    """
    counted, given = find_unit(db, book, unit, grant)
    prices = Prices(price_in, price_out, counted, max_out)
    with Bar("reading") as bar:
        found = scan_trace(trace, lambda row: prices.check_row(row, trace.name), bar.update)
    job = Job(found, prices, accounts, given, fail_every, concurrency)
    with open_ledger(db, book, create=True) as ledger:
        with Bar("replaying") as bar:
            figures = run_job(ledger, job, bar.update)
        with Bar("verifying") as bar:
            report = ledger.verify(bar.update)
    show_figures(figures, report, counted, in_json)
    if not report.ok:
        raise typer.Exit(Exit.BROKEN)


def find_unit(db: str, book: str | None, unit: str | None, grant: str) -> tuple[Unit, str]:
    """The unit that prices are in, and the grant as an amount of it. Nothing is made for it: a book that is not there
    yet will count credits. Raises `AmountInvalid`, `UnitNotFound`, and whatever stands against opening the database.
    """
    units = {"credits": Unit(1, "credits")}
    if is_there(db, book):
        with open_ledger(db, book) as ledger:
            units = {one.name: Unit(0, one.name, one.scale, one.digits or 0) for one in ledger.units().values()}
    name = next(iter(units)) if unit is None else unit
    if name not in units:
        raise UnitNotFound(unit=name, known=", ".join(units))
    return units[name], to_text(read_amount(grant, units[name], what="--grant"), units[name])


def show_figures(figures: Figures, report: Any, unit: Unit, in_json: bool) -> None:
    """Print what came of it."""
    charged = to_text(int(figures.charged.scaleb(unit.scale, EXACT)), unit)
    speed = round(figures.requests / figures.seconds) if figures.seconds else 0
    if in_json:
        said = {name: getattr(figures, name) for name in COUNTED}
        verdict = "ok" if report.ok else sorted(report.laws)
        say_json(said | {"charged": charged, "per_second": speed, "verify": verdict})
        return
    rows = [(name, f"{getattr(figures, name):,}") for name in COUNTED]
    rows += [("charged", f"{charged} {unit.name}"), ("per_second", f"{speed:,}")]
    width = max(len(value.split(" ")[0]) for _, value in rows)
    for name, value in rows:
        number, _, rest = value.partition(" ")
        say(f"{name.ljust(10)}  {number.rjust(width)} {rest}".rstrip())
    for code, count in figures.reasons.items():
        note(f"refused: {count} × {code}")
    show_report(report)
