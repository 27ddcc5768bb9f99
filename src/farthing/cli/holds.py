"""Credits set aside for work of unknown cost: hold, extend, settle, release."""

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
    Ttl,
    UnitName,
    gather,
    get_length,
    read_amounts,
    read_length,
    read_metadata,
)
from farthing.cli.receipts import show_receipt
from farthing.cli.usage import Quantity, TokensIn, TokensOut, read_usage

HoldId = Annotated[str, typer.Argument(metavar="HOLD", help="The hold's id (hld_…), as `farthing hold` printed it.")]


def hold(
    account: Account,
    amount: AmountOrPrice = None,
    feature: Feature = None,
    quantity: Quantity = None,
    tokens_in: TokensIn = None,
    tokens_out: TokensOut = None,
    ttl: Ttl = None,
    name: Annotated[
        str | None,
        typer.Option("--name", help="Your own name for it, unique among open holds."),
    ] = None,
    mode: Annotated[
        str, typer.Option("--mode", help="strict (refuse when short), all_available (hold what fits), record (owe).")
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
    """Set credits aside, for 15 minutes unless --ttl says otherwise. Settle or release it by the id printed."""
    amounts = None if amount is None else read_amounts(amount, unit)
    length = read_length(ttl, what="--ttl")
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
        placed = ledger.hold(
            account, amounts, mode=mode, **gather(feature=feature, ttl=length, name=name, unit=unit), **said
        )
        show_receipt(placed.receipt, in_json)


def extend(
    hold_id: HoldId,
    ttl: Annotated[str, typer.Argument(metavar="TIME", help="For how long from now: 90s, 10m, 2h.")],
    key: Key = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Move a hold's deadline to so long from now. One that has ended stays ended."""
    length = get_length(ttl, what="TIME")
    with open_ledger(db, book) as ledger:
        show_receipt(ledger.extend(hold_id, length, **gather(key=key)), in_json)


def settle(
    hold_id: HoldId,
    amount: Annotated[
        str | None, typer.Argument(metavar="[AMOUNT]", help="What it really cost; else by what it used, or all.")
    ] = None,
    quantity: Quantity = None,
    tokens_in: TokensIn = None,
    tokens_out: TokensOut = None,
    keep_open: Annotated[
        bool, typer.Option("--keep-open", help="A step: the rest stays held and may be settled later.")
    ] = False,
    policy: Annotated[
        str | None, typer.Option("--policy", help="Cost above the hold: bill_full, cap_hold, cap_available, reject.")
    ] = None,
    key: Key = None,
    description: Description = None,
    metadata: Metadata = None,
    actor: Actor = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Charge what held work really cost; the rest goes back. A hold that timed out can still be settled."""
    amounts = None if amount is None else read_amounts(amount, None)
    usage = read_usage(tokens_in, tokens_out)
    note = read_metadata(metadata)
    said = gather(key=key, description=description, metadata=note, actor=actor, quantity=quantity, usage=usage)
    with open_ledger(db, book) as ledger:
        receipt = ledger.settle(hold_id, amounts, final=not keep_open, **gather(policy=policy), **said)
        show_receipt(receipt, in_json)


def release(
    hold_id: HoldId,
    failed: Annotated[bool, typer.Option("--failed", help="The work failed: kept with the entry.")] = False,
    key: Key = None,
    description: Description = None,
    metadata: Metadata = None,
    actor: Actor = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Give back what a hold has set aside; nothing is charged."""
    said = gather(
        key=key,
        description=description,
        metadata=read_metadata(metadata),
        actor=actor,
        success=False if failed else None,
    )
    with open_ledger(db, book) as ledger:
        show_receipt(ledger.release(hold_id, **said), in_json)
