"""Accounts and their terms: open, freeze, unfreeze, close, configure."""

from typing import Annotated

import typer

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
    UnitName,
    gather,
    read_grace,
    read_length,
)
from farthing.cli.receipts import show_receipt


def open_account(
    account: Account,
    zone: Annotated[str, typer.Option("--zone", metavar="ZONE", help="Where its days end: Europe/Berlin.")] = "UTC",
    key: Key = None,
    description: Description = None,
    actor: Actor = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Open an account, or find it open."""
    with open_ledger(db, book) as ledger:
        said = gather(key=key, description=description, actor=actor)
        show_receipt(ledger.open_account(account, zone=zone, **said), in_json)


def freeze(
    account: Account,
    key: Key = None,
    description: Description = None,
    actor: Actor = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Refuse new charges and holds until unfrozen; what runs may end."""
    with open_ledger(db, book) as ledger:
        show_receipt(ledger.freeze(account, **gather(key=key, description=description, actor=actor)), in_json)


def unfreeze(
    account: Account,
    key: Key = None,
    description: Description = None,
    actor: Actor = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Undo a freeze."""
    with open_ledger(db, book) as ledger:
        show_receipt(ledger.unfreeze(account, **gather(key=key, description=description, actor=actor)), in_json)


def close(
    account: Account,
    key: Key = None,
    description: Description = None,
    actor: Actor = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """End an account for good; what runs may still end."""
    with open_ledger(db, book) as ledger:
        show_receipt(ledger.close_account(account, **gather(key=key, description=description, actor=actor)), in_json)


def configure(
    account: Account,
    overdraft: Annotated[
        str | None, typer.Option("--overdraft", metavar="AMOUNT", help="How far below zero new work may go.")
    ] = None,
    settle_above_hold: Annotated[
        str | None,
        typer.Option("--settle-above-hold", metavar="POLICY", help="bill_full, cap_hold, cap_available or reject."),
    ] = None,
    rest_of_ended_lot: Annotated[
        str | None,
        typer.Option(
            "--rest-of-ended-lot", metavar="POLICY", help="The rest of a hold on expired credits: breakage or grace."
        ),
    ] = None,
    hold_ttl: Annotated[
        str | None, typer.Option("--hold-ttl", metavar="TIME", help="How long a hold lives when nobody says: 15m.")
    ] = None,
    refund_grace: Annotated[
        str | None,
        typer.Option(
            "--refund-grace", metavar="TIME", help="How long a refund to expired credits lives: 30d; 0 is none."
        ),
    ] = None,
    unit: UnitName = None,
    key: Key = None,
    description: Description = None,
    actor: Actor = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Set terms of an account; those that are not named stay as they are."""
    terms = gather(
        overdraft=overdraft,
        settle_above_hold=settle_above_hold,
        rest_of_ended_lot=rest_of_ended_lot,
        hold_ttl=read_length(hold_ttl, what="--hold-ttl"),
        refund_grace=read_grace(refund_grace),
        unit=unit,
    )
    with open_ledger(db, book) as ledger:
        said = gather(key=key, description=description, actor=actor)
        show_receipt(ledger.configure(account, **terms, **said), in_json)
