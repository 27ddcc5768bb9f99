"""Time in test books, moved by hand: clock show, clock advance."""

from collections.abc import Sequence
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
        str,
        typer.Argument(metavar="TIME|WHEN", help="By how much: 90m, 12h, 31d, 2w; or till 2026-12-01T09:00:00Z"),
    ],
    key: Key = None,
    description: Description = None,
    actor: Actor = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Let time pass for an account in a test book; everything that falls due on the way happens, in order."""
    to = read_moment(by, what="WHEN") if "T" in by else None
    length = None if to else get_length(by, what="TIME")
    said = gather(key=key, description=description, actor=actor)
    with open_ledger(db, book) as ledger:
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
