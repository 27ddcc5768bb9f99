"""What an account has, and how it came about: balance, history."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Annotated, Any, Final

import typer

import farthing
from farthing.cli.databases import open_ledger
from farthing.cli.options import DEFAULT_DB, Account, Book, Db, Feature, Json, UnitName, gather
from farthing.cli.receipts import show_day, show_instant
from farthing.cli.screen import align_points, lay_table, measure, note, paint, say, say_json
from farthing.cli.standing import lay_allowances, lay_budgets, show_amount

MOST_COUNTED: Final = 5000
"""Entries that are read to say how many there are of each sort; of longer histories nothing is said."""

SORTS: Final = {
    "granted": "granted", "imported": "granted", "started": "granted", "refunded": "refunded", "adjusted": "adjusted",
    "voided": "adjusted", "forgiven": "adjusted", "used_set": "adjusted", "used_reset": "adjusted", "charged": "spent",
    "recorded": "spent", "settled": "spent", "expired": "expired", "allowed": "granted", "turned": "granted",
    "allowance_changed": "granted", "clawed_back": "adjusted",
}  # fmt: skip
INSTANT: Final = timedelta(microseconds=1)


def balance(
    account: Account,
    feature: Annotated[
        str | None, typer.Option("--feature", metavar="NAME", help="What could be spent on this feature.")
    ] = None,
    unit: UnitName = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """What an account can spend, and why. Reads only."""
    with open_ledger(db, book) as ledger:
        if unit is not None or feature is not None:
            found = [ledger.balance(account, **gather(unit=unit, feature=feature))]
        else:
            found = ledger.balances(account) or [ledger.balance(account)]
        if in_json:
            say_json(found[0].json() if unit or feature or len(found) == 1 else [one.json() for one in found])
            return
        for place, one in enumerate(found):
            if place:
                say()
            for line in [*lay_balance(one, count_sorts(ledger, one)), *lay_standing(one)]:
                say(line)


def count_sorts(ledger: farthing.Ledger, shown: Any) -> Counter[str]:
    """How many entries stand behind each line of a balance; nothing for a very long history."""
    counts: Counter[str] = Counter()
    lines = ledger.history(shown.account, unit=shown.unit)
    for number, line in enumerate(lines):
        if number == MOST_COUNTED:
            return Counter()
        sort = SORTS.get(line.kind)
        if sort is not None and line.amount and (line.change > 0 or sort != "granted"):
            counts[sort] += 1
        elif sort is None and line.change:
            counts["expired"] += 1
    return counts


def lay_balance(shown: Any, counts: Counter[str]) -> list[str]:
    """The statement: granted + refunded ± adjusted − spent − expired − held = spendable, what is zero left out."""
    state = "" if shown.state == "active" else f" ({shown.state})"
    stopped = " (STOPPED: run farthing verify)" if shown.stopped else ""
    sums = [
        (" ", "granted", shown.granted, True),
        ("+", "refunded", shown.refunded, False),
        ("−" if shown.adjusted < 0 else "+", "adjusted", abs(shown.adjusted), False),
        ("−", "spent", shown.spent, True),
        ("−", "expired", shown.expired, False),
        ("−", "held", shown.held, True),
    ]
    lines = [
        (sign, label, amount, count_entries(counts[label])) for sign, label, amount, always in sums if always or amount
    ]
    if shown.held:
        lines[-1] = (*lines[-1][:3], f"{len(shown.holds)} open {'hold' if len(shown.holds) == 1 else 'holds'}")
    if counts and not counts["expired"]:
        due = "written down with the next request"
        lines = [(*line[:3], due) if line[1] == "expired" else line for line in lines]
    lines.append(("=", "spendable", shown.spendable, describe_expiry(shown.lots, shown.spendable)))
    lines += [(" ", "of it", scope.amount, f"for {', '.join(scope.features)} only") for scope in shown.scopes]
    if shown.debt:
        lines.append((" ", "debt", shown.debt, "paid by the next grant"))
    if shown.overdraft:
        lines.append((" ", "overdraft", shown.overdraft, ""))
    if shown.feature or shown.overdraft:
        lines.append((" ", "available", shown.available, f"for {shown.feature}" if shown.feature else ""))
    lines += [(" ", "waiting", lot.remaining, f"from {show_instant(lot.starts_at)}") for lot in shown.pending]
    lines += [
        (" ", "next", each.amount, f"{each.name}, on {show_instant(each.turns_at)}")
        for each in shown.allowances[:1]
        if each.turns_at is not None
    ]
    amounts = align_points([show_amount(amount) for _, _, amount, _ in lines])
    width = max(len(label) for _, label, _, _ in lines) + 4
    header = paint(f"{shown.account}{state}", "bold") + f", {shown.unit}, {show_instant(shown.as_of)}{stopped}"
    return [header] + [
        f"{sign} {label.ljust(width)}{paint(amount, 'bold') if sign == '=' else amount}    {said}".rstrip()
        for (sign, label, _, said), amount in zip(lines, amounts, strict=True)
    ]


def lay_standing(shown: Any) -> list[str]:
    """Below the statement: allowances and budgets, where there are any."""
    tables = []
    if shown.allowances:
        tables += ["", *lay_allowances(shown.allowances)]
    if shown.budgets:
        tables += ["", *lay_budgets([(shown.unit, each) for each in shown.budgets])]
    return tables


def count_entries(count: int) -> str:
    """1 entry, 2 entries; nothing for none."""
    return f"{count} {'entry' if count == 1 else 'entries'}" if count else ""


def describe_expiry(lots: Sequence[Any], spendable: Decimal) -> str:
    """When the next credits expire, and how many. An end is the first instant after, so its day is the one before."""
    ending = [(lot.expires_at - INSTANT, lot.remaining) for lot in lots if lot.expires_at is not None]
    if not ending or spendable <= 0:
        return ""
    soonest: datetime = min(ending)[0]
    amount = sum((left for end, left in ending if end.date() == soonest.date()), Decimal(0))
    part = "all" if len(ending) == len(lots) and amount == sum(left for _, left in ending) else f"{amount:f}"
    return f"{part} of it expires on {show_day(soonest)}"


def history(
    account: Annotated[str | None, typer.Argument(metavar="[ACCOUNT]", help="Whose; without it everybody's.")] = None,
    feature: Feature = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many entries.")] = 20,
    unit: UnitName = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """The lines of the ledger, newest first."""
    with open_ledger(db, book) as ledger:
        lines = ledger.history(account, **gather(feature=feature, unit=unit))
        if in_json:
            say_json([line.json() for line in islice(lines, limit)])
            return
        shown = list(islice(lines, limit))
        more = next(lines, None) is not None
    if not shown:
        note("no entries")
        return
    for text in lay_history(shown, everybody=account is None):
        say(text)
    if more:
        note(f"older entries are not shown: --limit {limit * 10} shows more")


def lay_history(lines: Sequence[Any], *, everybody: bool) -> list[str]:
    """Lines of the ledger as a table."""
    units = {line.unit for line in lines if line.unit != "account"}
    columns = ["when", "account", "what", "amount", "change", "balance", "unit", "feature", "receipt", "note"]
    if not everybody:
        columns.remove("account")
    if len(units) < 2:
        columns.remove("unit")
    rows = [dict(iter_cells(line)) for line in lines]
    for name in ("feature", "note"):
        if not any(row[name] for row in rows):
            columns.remove(name)
    table = [[row[column] for column in columns] for row in rows]
    return lay_table(columns, table, amounts=("amount", "change", "balance"))


def iter_cells(line: Any) -> Iterator[tuple[str, str]]:
    """(column, text) of one entry."""
    counted = line.unit != "account"
    yield "when", f"{line.at:%Y-%m-%d %H:%M:%S}"
    yield "account", line.account
    yield "what", line.kind.replace("_", " ") + (" (failed)" if line.success is False else "")
    yield "amount", show_amount(line.amount) if counted else ""
    yield "change", f"{'+' if line.change > 0 else ''}{show_amount(line.change)}" if line.change else ""
    yield "balance", show_amount(line.balance) if counted else ""
    yield "unit", line.unit
    yield "feature", line.feature or ""
    yield "receipt", line.receipt
    yield "note", shorten(line.description or "")


def shorten(text: str, most: int = 40) -> str:
    """As much of a note as fits a table, on one line."""
    flat = " ".join(text.split())
    while measure(flat) > most:
        flat = flat[:-2].rstrip() + "…"
    return flat
