"""Credits given and taken away again: grant, void."""

from typing import Annotated

import typer

from farthing.cli.databases import open_ledger
from farthing.cli.options import (
    DEFAULT_DB,
    Account,
    Actor,
    AmountText,
    Book,
    Db,
    Description,
    Json,
    Key,
    Metadata,
    UnitName,
    gather,
    read_amounts,
    read_day,
    read_length,
    read_metadata,
    read_moment,
    refuse_both,
)
from farthing.cli.receipts import show_receipt


def grant(
    account: Account,
    amount: AmountText,
    source: Annotated[str, typer.Option("--source", help="Why: purchase, bonus, promo, trial, admin …")] = "grant",
    expires_in: Annotated[
        str | None, typer.Option("--expires-in", metavar="TIME", help="They live so long: 12h, 180d, 2w.")
    ] = None,
    expires_at: Annotated[
        str | None, typer.Option("--expires-at", metavar="WHEN", help="Or until then: 2026-12-01T09:00:00Z")
    ] = None,
    through: Annotated[
        str | None, typer.Option("--through", metavar="DAY", help="Or to the end of that day: 2026-12-31")
    ] = None,
    starts_at: Annotated[
        str | None, typer.Option("--starts-at", metavar="WHEN", help="They wait until then: 2026-12-01T09:00:00Z")
    ] = None,
    features: Annotated[
        list[str] | None, typer.Option("--feature", metavar="NAME", help="They pay for this feature only; repeatable.")
    ] = None,
    priority: Annotated[int, typer.Option("--priority", help="Lower burns first.")] = 50,
    promotional: Annotated[bool, typer.Option("--promotional", help="Given, not paid for: burns before paid.")] = False,
    unit: UnitName = None,
    key: Key = None,
    description: Description = None,
    metadata: Metadata = None,
    actor: Actor = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Give credits to an account, which is opened if there is none of that name. Debt is paid first."""
    refuse_both(expires_in=expires_in, expires_at=expires_at, through=through)
    amounts = read_amounts(amount, unit)
    said = gather(key=key, description=description, metadata=read_metadata(metadata), actor=actor)
    terms = gather(
        unit=unit,
        expires_in=read_length(expires_in, what="--expires-in"),
        expires_at=read_moment(expires_at, what="--expires-at"),
        through=read_day(through, what="--through"),
        starts_at=read_moment(starts_at, what="--starts-at"),
        features=features or None,
    )
    with open_ledger(db, book) as ledger:
        receipt = ledger.grant(
            account, amounts, source=source, priority=priority, promotional=promotional, **terms, **said
        )
        show_receipt(receipt, in_json)


def void(
    account: Account,
    amount: Annotated[
        str | None, typer.Argument(metavar="[AMOUNT]", help="How many; without it all that is left of --grant.")
    ] = None,
    grant_id: Annotated[
        str | None, typer.Option("--grant", metavar="GRA", help="Of this grant (gra_…); else as they would burn.")
    ] = None,
    up_to: Annotated[bool, typer.Option("--up-to", help="Take what there is, when there is less.")] = False,
    unit: UnitName = None,
    key: Key = None,
    description: Description = None,
    metadata: Metadata = None,
    actor: Actor = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Take unspent credits away. What is held stays held."""
    amounts = None if amount is None else read_amounts(amount, unit)
    said = gather(key=key, description=description, metadata=read_metadata(metadata), actor=actor)
    with open_ledger(db, book) as ledger:
        receipt = ledger.void(account, amounts, up_to=up_to, **gather(grant=grant_id, unit=unit), **said)
        show_receipt(receipt, in_json)
