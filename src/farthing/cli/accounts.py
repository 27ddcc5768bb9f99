"""Accounts and their terms: open, freeze, unfreeze, close, configure."""

from typing import Annotated

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
    UnitName,
    gather,
    read_grace,
    read_length,
    refuse_both,
)
from farthing.cli.receipts import show_receipt
from farthing.values.errors import TermInvalid


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


Overdraft = Annotated[
    str | None, typer.Option("--overdraft", metavar="AMOUNT", help="How far below zero new work may go.")
]
SettleAboveHold = Annotated[
    str | None,
    typer.Option("--settle-above-hold", metavar="POLICY", help="bill_full, cap_hold, cap_available or reject."),
]
RestOfEndedLot = Annotated[
    str | None,
    typer.Option("--rest-of-ended-lot", metavar="POLICY", help="A hold's rest of expired credits: breakage, grace."),
]
HoldTtl = Annotated[
    str | None, typer.Option("--hold-ttl", metavar="TIME", help="How long a hold lives when nobody says: 15m.")
]
RefundGrace = Annotated[
    str | None,
    typer.Option("--refund-grace", metavar="TIME", help="How long a refund to expired credits lives: 30d; 0 is none."),
]
Alerts = Annotated[
    list[str] | None,
    typer.Option("--alert", metavar="AMOUNT", help="Tell when the balance falls to this; repeatable. Replaces all."),
]
NoAlerts = Annotated[bool, typer.Option("--no-alerts", help="Tell of no balance any more.")]
TopUp = Annotated[
    str | None,
    typer.Option("--top-up", metavar="AMOUNT", help="Ask for this much more, when --top-up-at is reached."),
]
TopUpAt = Annotated[
    str | None, typer.Option("--top-up-at", metavar="AMOUNT", help="What is available then; 0 if left out.")
]
TopUpTo = Annotated[
    str | None, typer.Option("--top-up-to", metavar="AMOUNT", help="Or for as much as leads up to this.")
]
TopUpPerDay = Annotated[
    str | None, typer.Option("--top-up-per-day", metavar="AMOUNT", help="At most so much in a day.")
]
TopUpPerMonth = Annotated[str | None, typer.Option("--top-up-per-month", metavar="AMOUNT", help="And in a month.")]
NoTopUp = Annotated[bool, typer.Option("--no-top-up", help="Ask for nothing any more.")]


def configure(
    account: Account,
    overdraft: Overdraft = None,
    settle_above_hold: SettleAboveHold = None,
    rest_of_ended_lot: RestOfEndedLot = None,
    hold_ttl: HoldTtl = None,
    refund_grace: RefundGrace = None,
    alerts: Alerts = None,
    no_alerts: NoAlerts = False,
    top_up: TopUp = None,
    top_up_at: TopUpAt = None,
    top_up_to: TopUpTo = None,
    top_up_per_day: TopUpPerDay = None,
    top_up_per_month: TopUpPerMonth = None,
    no_top_up: NoTopUp = False,
    unit: UnitName = None,
    key: Key = None,
    description: Description = None,
    actor: Actor = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Set terms of an account; those that are not named stay as they are. A rule for top-ups is named as a whole."""
    refuse_both(alert=alerts or None, no_alerts=no_alerts or None)
    rule = read_top_up(
        top_up, threshold=top_up_at, target=top_up_to, per_day=top_up_per_day, per_month=top_up_per_month
    )
    refuse_both(top_up=rule, no_top_up=no_top_up or None)
    terms = gather(
        overdraft=overdraft,
        settle_above_hold=settle_above_hold,
        rest_of_ended_lot=rest_of_ended_lot,
        hold_ttl=read_length(hold_ttl, what="--hold-ttl"),
        refund_grace=read_grace(refund_grace),
        alerts=[] if no_alerts else alerts or None,
        top_up=False if no_top_up else rule,
        unit=unit,
    )
    with open_ledger(db, book) as ledger:
        said = gather(key=key, description=description, actor=actor)
        show_receipt(ledger.configure(account, **terms, **said), in_json)


def read_top_up(quantity: str | None, **rest: str | None) -> farthing.TopUp | None:
    """A rule for automatic top-ups, all of it anew. Raises `TermInvalid` for one that buys nothing."""
    said = gather(**rest)
    if quantity is None and not said:
        return None
    if quantity is None and "target" not in said:
        problem, advice = "say nothing of how much to ask for", "write --top-up AMOUNT or --top-up-to AMOUNT with them"
        raise TermInvalid(what="options", given="of a top-up", problem=problem, advice=advice)
    return farthing.TopUp(**{"threshold": 0} | gather(quantity=quantity) | said)
