"""Credits given, moved in time, and taken away again: grant, reschedule, void, clawback."""

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
    ExpiresAt,
    ExpiresIn,
    Json,
    Key,
    Metadata,
    Through,
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
from farthing.values.errors import AmountInvalid


def grant(
    account: Account,
    amount: AmountText,
    source: Annotated[str, typer.Option("--source", help="Why: purchase, bonus, promo, trial, admin …")] = "grant",
    expires_in: ExpiresIn = None,
    expires_at: ExpiresAt = None,
    through: Through = None,
    starts_at: Annotated[
        str | None, typer.Option("--starts-at", metavar="WHEN", help="They wait until then: 2026-12-01T09:00:00Z")
    ] = None,
    features: Annotated[
        list[str] | None, typer.Option("--feature", metavar="NAME", help="They pay for this feature only; repeatable.")
    ] = None,
    until_turn: Annotated[
        str | None, typer.Option("--until-turn", metavar="NAME", help="Or until the allowance of this name turns.")
    ] = None,
    extend: Annotated[
        bool, typer.Option("--extend", help="All other live credits are to live at least as long.")
    ] = False,
    paid: Annotated[
        str | None, typer.Option("--paid", metavar="MINOR:CODE", help="What they cost, in cents or the like: 1200:GHS")
    ] = None,
    top_up: Annotated[
        str | None, typer.Option("--top-up", metavar="ENT", help="The alert that asked for this purchase (ent_…).")
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
    refuse_both(expires_in=expires_in, expires_at=expires_at, through=through, until_turn=until_turn)
    amounts = read_amounts(amount, unit)
    said = gather(key=key, description=description, metadata=read_metadata(metadata), actor=actor)
    terms = gather(
        unit=unit,
        expires_in=read_length(expires_in, what="--expires-in"),
        expires_at=read_moment(expires_at, what="--expires-at"),
        through=read_day(through, what="--through"),
        starts_at=read_moment(starts_at, what="--starts-at"),
        features=features or None,
        until_turn=until_turn,
        extend=extend or None,
        paid=read_paid(paid),
        top_up=top_up,
    )
    with open_ledger(db, book) as ledger:
        receipt = ledger.grant(
            account, amounts, source=source, priority=priority, promotional=promotional, **terms, **said
        )
        show_receipt(receipt, in_json)


def read_paid(text: str | None) -> tuple[int, str] | None:
    """Money from minor units, a colon and its currency: 1200:GHS. Raises `AmountInvalid`."""
    if text is None:
        return None
    minor, _, code = text.partition(":")
    if not code or not (minor.isascii() and minor.isdigit() and len(minor) < 20):
        advice = "write minor units, a colon and an ISO code: 1200:GHS for 12.00"
        raise AmountInvalid(what="--paid", given=repr(text)[:60], problem="is not money", advice=advice)
    return int(minor), code


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


def reschedule(
    account: Account,
    expires_in: ExpiresIn = None,
    expires_at: ExpiresAt = None,
    through: Through = None,
    never: Annotated[bool, typer.Option("--never", help="Or for ever.")] = False,
    grant_id: Annotated[
        str | None, typer.Option("--grant", metavar="GRA", help="Of this grant (gra_…); else of all live credits.")
    ] = None,
    unit: UnitName = None,
    key: Key = None,
    description: Description = None,
    actor: Actor = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Move the end of one grant, or of all live credits but those of allowances."""
    refuse_both(expires_in=expires_in, expires_at=expires_at, through=through, never=never or None)
    terms = gather(
        expires_in=read_length(expires_in, what="--expires-in"),
        expires_at=read_moment(expires_at, what="--expires-at"),
        through=read_day(through, what="--through"),
        never=never or None,
        grant=grant_id,
        unit=unit,
    )
    said = gather(key=key, description=description, actor=actor)
    with open_ledger(db, book) as ledger:
        show_receipt(ledger.reschedule(account, **terms, **said), in_json)


def clawback(
    grant_id: Annotated[str, typer.Argument(metavar="GRANT", help="The grant's id (gra_…), as it was printed.")],
    money: Annotated[
        int | None,
        typer.Option(
            "--money", metavar="MINOR", help="How much money went back, in cents or the like; credits in proportion."
        ),
    ] = None,
    amount: Annotated[
        str | None,
        typer.Option("--amount", metavar="AMOUNT", help="Or so many credits; else all that is left to take."),
    ] = None,
    policy: Annotated[
        str | None, typer.Option("--policy", metavar="RULE", help="What was spent: debt (the default) or write_off.")
    ] = None,
    key: Key = None,
    description: Description = None,
    metadata: Metadata = None,
    actor: Actor = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Take a grant's credits back because its money went back. What was spent becomes debt, or is written off."""
    refuse_both(money=money, amount=amount)
    said = gather(key=key, description=description, metadata=read_metadata(metadata), actor=actor)
    with open_ledger(db, book) as ledger:
        receipt = ledger.clawback(grant_id, **gather(money=money, amount=amount, policy=policy), **said)
        show_receipt(receipt, in_json)
