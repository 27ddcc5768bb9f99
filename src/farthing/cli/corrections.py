"""What operators put right, always on record: adjust, forgive, set-used, reset-used."""

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
    Metadata,
    UnitName,
    gather,
    read_amounts,
    read_metadata,
)
from farthing.cli.receipts import show_receipt


def adjust(
    account: Account,
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="Up (5) or down (-5).")],
    unit: UnitName = None,
    key: Key = None,
    description: Description = None,
    metadata: Metadata = None,
    actor: Actor = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Correct a balance by a signed amount."""
    amounts = read_amounts(amount, unit)
    said = gather(key=key, description=description, metadata=read_metadata(metadata), actor=actor)
    with open_ledger(db, book) as ledger:
        show_receipt(ledger.adjust(account, amounts, **gather(unit=unit), **said), in_json)


def forgive(
    account: Account,
    amount: Annotated[
        str | None, typer.Argument(metavar="[AMOUNT]", help="How much; without it all that is owed.")
    ] = None,
    unit: UnitName = None,
    key: Key = None,
    description: Description = None,
    metadata: Metadata = None,
    actor: Actor = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Write debt off, oldest first."""
    amounts = None if amount is None else read_amounts(amount, unit)
    said = gather(key=key, description=description, metadata=read_metadata(metadata), actor=actor)
    with open_ledger(db, book) as ledger:
        show_receipt(ledger.forgive(account, amounts, **gather(unit=unit), **said), in_json)


def set_used(
    account: Account,
    used: Annotated[str, typer.Argument(metavar="AMOUNT", help="What the period's used count is to be.")],
    unit: UnitName = None,
    key: Key = None,
    description: Description = None,
    metadata: Metadata = None,
    actor: Actor = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Set the period's used count: the difference is written as an entry, never edited in."""
    said = gather(key=key, description=description, metadata=read_metadata(metadata), actor=actor)
    with open_ledger(db, book) as ledger:
        show_receipt(ledger.set_used(account, used, **gather(unit=unit), **said), in_json)


def reset_used(
    account: Account,
    unit: UnitName = None,
    key: Key = None,
    description: Description = None,
    metadata: Metadata = None,
    actor: Actor = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Set the period's used count to zero: debt is written off, then the period's credits are filled up."""
    said = gather(key=key, description=description, metadata=read_metadata(metadata), actor=actor)
    with open_ledger(db, book) as ledger:
        show_receipt(ledger.reset_used(account, **gather(unit=unit), **said), in_json)
