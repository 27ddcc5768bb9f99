"""What was told of balances and budgets, and the purchases that automatic top-ups asked for: alerts, decline-top-up."""

from typing import Annotated

import typer

from farthing.cli.databases import open_ledger
from farthing.cli.options import DEFAULT_DB, Account, Actor, Book, Db, Description, Json, Key, UnitName, gather
from farthing.cli.receipts import show_receipt
from farthing.cli.screen import note, say, say_json
from farthing.cli.standing import lay_alerts


def alerts(
    account: Annotated[str | None, typer.Argument(metavar="[ACCOUNT]", help="Whose; without it everybody's.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 20,
    unit: UnitName = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Balances that fell to a threshold, budgets that are spent, top-ups that are wanted, newest first. Reads only."""
    with open_ledger(db, book) as ledger:
        listed = ledger.alerts(account, **gather(unit=unit))
        shown = [each for each, _ in zip(listed, range(limit), strict=False)]
    if in_json:
        say_json([each.json() for each in shown])
        return
    if not shown:
        note("no alerts")
        return
    for line in lay_alerts(shown, everybody=account is None):
        say(line)


def decline_top_up(
    account: Account,
    top_up: Annotated[str, typer.Argument(metavar="ENT", help="The alert that asked for it (ent_…).")],
    key: Key = None,
    description: Description = None,
    actor: Actor = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Say that a top-up came to nothing: the next is asked for after a while, twice as long each time."""
    with open_ledger(db, book) as ledger:
        said = gather(key=key, description=description, actor=actor)
        show_receipt(ledger.decline_top_up(account, top_up, **said), in_json)
