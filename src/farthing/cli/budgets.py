"""Caps on spending in each period: budget, change-budget, end-budget, budgets."""

from typing import Annotated

import typer

from farthing.cli.databases import open_ledger
from farthing.cli.options import (
    DEFAULT_DB,
    Account,
    Actor,
    Anchor,
    Book,
    Count,
    Db,
    Description,
    Json,
    Key,
    PeriodZone,
    UnitName,
    gather,
    read_anchor,
    read_every,
    refuse_both,
)
from farthing.cli.receipts import show_receipt
from farthing.cli.screen import note, say, say_json
from farthing.cli.standing import lay_budgets

Name = Annotated[str, typer.Option("--name", metavar="NAME", help="Which budget: your own name for it.")]
Hard = Annotated[bool | None, typer.Option("--hard/--soft", help="Refuse what passes it (the default), or only alert.")]


def budget(
    account: Account,
    most: Annotated[str, typer.Argument(metavar="AMOUNT", help="How much may be spent in each period.")],
    name: Name,
    every: Annotated[
        str | None,
        typer.Option("--every", metavar="PERIOD", help="hour, day, week, month …, 14d; else one period without end."),
    ] = None,
    count: Count = 1,
    anchor: Anchor = None,
    zone: PeriodZone = None,
    cycle: Annotated[
        str | None, typer.Option("--cycle", metavar="ALLOWANCE", help="Its periods are those of this allowance.")
    ] = None,
    member: Annotated[
        str | None, typer.Option("--member", metavar="NAME", help="Only what this member spends.")
    ] = None,
    feature: Annotated[
        str | None, typer.Option("--feature", metavar="NAME", help="Only what is spent on this feature.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="NAME", help="Only what is spent on this model.")
    ] = None,
    api_key: Annotated[
        str | None, typer.Option("--api-key", metavar="NAME", help="Only what is spent through the key of this name.")
    ] = None,
    per: Annotated[
        str | None, typer.Option("--per", metavar="WHAT", help="Each has so much: member, feature, model or api_key.")
    ] = None,
    hard: Hard = None,
    unit: UnitName = None,
    key: Key = None,
    description: Description = None,
    actor: Actor = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Cap spending in each period, of all or by member, feature, model or API key. Holds reserve from it."""
    refuse_both(every=every, cycle=cycle)
    said = gather(key=key, description=description, actor=actor)
    terms = gather(
        every=None if every is None else read_every(every),
        count=count,
        anchor=read_anchor(anchor),
        zone=zone,
        cycle=cycle,
        member=member,
        feature=feature,
        model=model,
        api_key=api_key,
        per=per,
        hard=hard,
        unit=unit,
    )
    with open_ledger(db, book) as ledger:
        show_receipt(ledger.budget(account, most, name=name, **terms, **said), in_json)


def change_budget(
    account: Account,
    name: Name,
    most: Annotated[
        str | None, typer.Argument(metavar="[AMOUNT]", help="How much may be spent in each period from now on.")
    ] = None,
    hard: Hard = None,
    unit: UnitName = None,
    key: Key = None,
    description: Description = None,
    actor: Actor = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Change a budget's cap, or whether it refuses, at once; what was counted stays."""
    said = gather(key=key, description=description, actor=actor)
    with open_ledger(db, book) as ledger:
        receipt = ledger.change_budget(account, most, name=name, **gather(hard=hard, unit=unit), **said)
        show_receipt(receipt, in_json)


def end_budget(
    account: Account,
    name: Name,
    unit: UnitName = None,
    key: Key = None,
    description: Description = None,
    actor: Actor = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """End a budget: it counts and caps no more."""
    said = gather(key=key, description=description, actor=actor)
    with open_ledger(db, book) as ledger:
        show_receipt(ledger.end_budget(account, name=name, **gather(unit=unit), **said), in_json)


def budgets(
    account: Account,
    unit: UnitName = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """The budgets of an account, with what is spent, reserved by open holds, and left. Reads only."""
    with open_ledger(db, book) as ledger:
        found = [ledger.balance(account, unit)] if unit else ledger.balances(account)
    listed = [(one.unit, each) for one in found for each in one.budgets]
    if in_json:
        say_json([each.json() | {"unit": unit_name} for unit_name, each in listed])
        return
    if not listed:
        note(f"{account} has no budgets")
        return
    for line in lay_budgets(listed):
        say(line)
