"""Credits taken for work, and given back for it: charge, record, refund."""

from typing import Annotated

import typer

from farthing.cli.databases import open_ledger
from farthing.cli.options import (
    DEFAULT_DB,
    Account,
    Actor,
    AmountOrPrice,
    ApiKey,
    Book,
    Db,
    Description,
    Feature,
    Json,
    Key,
    Member,
    Metadata,
    Model,
    UnitName,
    gather,
    read_amounts,
    read_metadata,
)
from farthing.cli.receipts import show_receipt
from farthing.cli.usage import Quantity, TokensIn, TokensOut, read_usage


def charge(
    account: Account,
    amount: AmountOrPrice = None,
    feature: Feature = None,
    quantity: Quantity = None,
    tokens_in: TokensIn = None,
    tokens_out: TokensOut = None,
    mode: Annotated[
        str, typer.Option("--mode", help="strict (refuse when short), all_available (take what fits), record (owe).")
    ] = "strict",
    unit: UnitName = None,
    key: Key = None,
    description: Description = None,
    metadata: Metadata = None,
    actor: Actor = None,
    member: Member = None,
    model: Model = None,
    api_key: ApiKey = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Take credits for work, in one step. Exit code 3 when there are not enough: then nothing was written."""
    amounts = None if amount is None else read_amounts(amount, unit)
    said = gather(
        key=key,
        description=description,
        metadata=read_metadata(metadata),
        actor=actor,
        member=member,
        model=model,
        api_key=api_key,
        quantity=quantity,
        usage=read_usage(tokens_in, tokens_out),
    )
    with open_ledger(db, book) as ledger:
        receipt = ledger.charge(account, amounts, mode=mode, **gather(feature=feature, unit=unit), **said)
        show_receipt(receipt, in_json)


def record(
    account: Account,
    amount: AmountOrPrice = None,
    feature: Feature = None,
    quantity: Quantity = None,
    tokens_in: TokensIn = None,
    tokens_out: TokensOut = None,
    failed: Annotated[bool, typer.Option("--failed", help="The work failed: kept with the entry.")] = False,
    unit: UnitName = None,
    key: Key = None,
    description: Description = None,
    metadata: Metadata = None,
    actor: Actor = None,
    member: Member = None,
    model: Model = None,
    api_key: ApiKey = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Write down work that already happened: never refused for its cost; what is not there becomes debt."""
    amounts = None if amount is None else read_amounts(amount, unit)
    said = gather(
        key=key,
        description=description,
        metadata=read_metadata(metadata),
        actor=actor,
        member=member,
        model=model,
        api_key=api_key,
        quantity=quantity,
        usage=read_usage(tokens_in, tokens_out),
        success=False if failed else None,
    )
    with open_ledger(db, book) as ledger:
        show_receipt(ledger.record(account, amounts, **gather(feature=feature, unit=unit), **said), in_json)


def refund(
    charge_id: Annotated[
        str, typer.Argument(metavar="CHARGE", help="The id of a charge's receipt (rct_…) or of a settled hold (hld_…).")
    ],
    amount: Annotated[
        str | None, typer.Argument(metavar="[AMOUNT]", help="How many; without it all that is left to refund.")
    ] = None,
    up_to: Annotated[bool, typer.Option("--up-to", help="Refund what is left, when that is less.")] = False,
    key: Key = None,
    description: Description = None,
    metadata: Metadata = None,
    actor: Actor = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Give credits back for a charge, to the grants that paid for it, at most once in all."""
    amounts = None if amount is None else read_amounts(amount, None)
    said = gather(key=key, description=description, metadata=read_metadata(metadata), actor=actor)
    with open_ledger(db, book) as ledger:
        show_receipt(ledger.refund(charge_id, amounts, up_to=up_to, **said), in_json)
