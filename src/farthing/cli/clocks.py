"""Time in test books, moved by hand: clock show, clock advance."""

from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile
from typing import Annotated, Any, Final

import typer

import farthing
from farthing.cli.databases import open_ledger
from farthing.cli.options import (
    DEFAULT_DB,
    Account,
    Actor,
    Book,
    Db,
    Description,
    Json,
    Key,
    gather,
    get_length,
    read_moment,
)
from farthing.cli.receipts import show_receipt
from farthing.cli.screen import lay_table, note, say, say_json
from farthing.cli.standing import show_amount, show_second
from farthing.values.calendars import to_instant
from farthing.values.errors import TermInvalid
from farthing.values.names import read_account

SHOWN_EVENTS: Final = 100
"""Entries that are shown of what happened on the way."""


def show(account: Account, db: Db = DEFAULT_DB, book: Book = None, in_json: Json = False) -> None:
    """What time it is for an account, and whether its clock runs or stands. Reads only."""
    with open_ledger(db, book) as ledger:
        clock = ledger.engine.get_account(read_account(account)).clock
        at = to_instant(clock or ledger.engine.clock.now())
    if in_json:
        say_json({"account": account, "at": at, "stands_still": bool(clock)})
        return
    state = "stands still: `farthing clock advance` moves it" if clock else "runs, as in every live book"
    say(f"{account}: {at:%Y-%m-%d %H:%M:%S} UTC; its clock {state}")


def advance(
    account: Account,
    by: Annotated[
        str | None,
        typer.Argument(metavar="[TIME|WHEN]", help="By how much: 90m, 12h, 31d, 2w; or till 2026-12-01T09:00:00Z"),
    ] = None,
    to_period_end: Annotated[
        bool, typer.Option("--to-period-end", help="Till its plan's period ends, or else its first allowance turns.")
    ] = False,
    key: Key = None,
    description: Description = None,
    actor: Actor = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Let time pass for an account in a test book; everything that falls due on the way happens, in order."""
    if (by is None) != to_period_end:
        advice = "say by how much, till when, or --to-period-end"
        raise TermInvalid(what="TIME", given="nothing" if by is None else "twice", problem="is no time", advice=advice)
    to = read_moment(by, what="WHEN") if by and "T" in by else None
    length = get_length(by, what="TIME") if by and not to else None
    said = gather(key=key, description=description, actor=actor)
    with open_ledger(db, book) as ledger:
        to = find_period_end(ledger, account) if to_period_end else to
        receipt = ledger.advance(account, **gather(by=length, to=to), **said)
        events = [] if receipt.replayed else list_events(ledger, receipt)
    if in_json:
        say_json(receipt.json() | {"events": [event.json() for event in events]})
        return
    show_receipt(receipt, in_json=False)
    if receipt.replayed:
        return
    if not events:
        note("nothing fell due on the way")
        return
    say()
    for line in lay_events(events[:SHOWN_EVENTS]):
        say(line)
    if len(events) > SHOWN_EVENTS:
        all_of_them = f"farthing history {account} --limit {len(events)}"
        note(f"{len(events) - SHOWN_EVENTS} more fell due; {all_of_them} shows all of them")


def find_period_end(ledger: farthing.Ledger, account: str) -> datetime:
    """When the period of its plan ends; where that has none, when its first allowance turns."""
    ends_at = ledger.subscription(account).period_ends_at
    if ends_at is not None:
        return ends_at
    wallets = ledger.engine.read_wallets(read_account(account))
    turns = [each.turns_at for wallet in wallets for each in wallet.allowances.values() if not each.ended_at]
    if not turns:
        advice = "it has neither a plan with periods nor an allowance: say a time"
        raise TermInvalid(what="--to-period-end", given=account, problem="is no time", advice=advice)
    return to_instant(min(turns))


def list_events(ledger: farthing.Ledger, receipt: Any) -> list[Any]:
    """The lines of the ledger that a move of the clock has written after its own, by when they happened."""
    newest_first = ledger.history(receipt.account)
    # Alerts stand under the receipt of the move itself, behind its own line.
    written = list(takewhile(lambda line: (line.receipt, line.kind) != (receipt.id, receipt.kind), newest_first))
    happened = [line for line in reversed(written) if line.at == receipt.at]
    return sorted(happened, key=lambda line: line.effective_at)


def lay_events(events: Sequence[Any]) -> list[str]:
    """What happened on the way as a table, in the order of its happening."""
    units = {event.unit for event in events}
    columns = ["when", "what", "amount", "change", "balance", "unit"]
    if len(units) < 2:
        columns.remove("unit")
    rows = [
        {
            "when": show_second(event.effective_at),
            "what": event.kind.replace("_", " "),
            "amount": show_amount(event.amount),
            "change": f"{'+' if event.change > 0 else ''}{show_amount(event.change)}" if event.change else "",
            "balance": show_amount(event.balance),
            "unit": event.unit,
        }
        for event in events
    ]
    return lay_table(
        columns, [[row[name] for name in columns] for row in rows], amounts=("amount", "change", "balance")
    )
