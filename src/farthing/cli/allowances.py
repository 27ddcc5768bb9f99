"""Credits that come back with every period: allow, change-allowance, end-allowance, end-period, set-period-end."""

from typing import Annotated, Any

import typer

import farthing
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
    Every,
    Json,
    Key,
    Metadata,
    PeriodZone,
    UnitName,
    gather,
    get_moment,
    read_anchor,
    read_every,
    read_metadata,
    read_moment,
    refuse_both,
)
from farthing.cli.receipts import show_instant, show_receipt

Name = Annotated[str, typer.Option("--name", metavar="NAME", help="Which allowance: your own name for it.")]
Rollover = Annotated[
    str | None, typer.Option("--rollover", metavar="RULE", help="What is unused at a turn: none, capped or all of it.")
]
Cap = Annotated[str | None, typer.Option("--cap", metavar="AMOUNT", help="With capped: the most that is carried.")]
CapPercent = Annotated[
    str | None, typer.Option("--cap-percent", metavar="PERCENT", help="Or so much of the allowance: 50, 12.5.")
]
Keep = Annotated[
    str | None, typer.Option("--keep", metavar="N", help="What is carried lives for so many periods; or always.")
]
OnTurn = Annotated[
    str | None,
    typer.Option("--on-turn", metavar="RULE", help="Debt at a turn: keep (the new credits pay) or forgive."),
]


def read_keep(text: str | None) -> int | str | None:
    """A number of periods, or a word; the face judges both."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else text


def allow(
    account: Account,
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="What each period gives.")],
    every: Every = "month",
    count: Count = 1,
    name: Name = "plan",
    anchor: Anchor = None,
    zone: PeriodZone = None,
    starts_at: Annotated[
        str | None, typer.Option("--starts-at", metavar="WHEN", help="The first period waits until then.")
    ] = None,
    first: Annotated[
        str | None,
        typer.Option("--first", metavar="AMOUNT", help="What the first period gives: full, prorated, or an amount."),
    ] = None,
    rollover: Rollover = None,
    cap: Cap = None,
    cap_percent: CapPercent = None,
    keep: Keep = None,
    on_turn: OnTurn = None,
    priority: Annotated[int | None, typer.Option("--priority", help="Lower burns first; 10 if left out.")] = None,
    features: Annotated[
        list[str] | None, typer.Option("--feature", metavar="NAME", help="They pay for this feature only; repeatable.")
    ] = None,
    promotional: Annotated[bool, typer.Option("--promotional", help="Given, not paid for: burns before paid.")] = False,
    source: Annotated[str | None, typer.Option("--source", help="Why: plan, if left out.")] = None,
    unit: UnitName = None,
    key: Key = None,
    description: Description = None,
    metadata: Metadata = None,
    actor: Actor = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Give credits anew in every period. The account is opened if there is none of that name."""
    refuse_both(cap=cap, cap_percent=cap_percent)
    said = gather(key=key, description=description, metadata=read_metadata(metadata), actor=actor)
    terms = gather(
        anchor=read_anchor(anchor),
        zone=zone,
        starts_at=read_moment(starts_at, what="--starts-at"),
        first=first,
        rollover=rollover,
        cap=cap,
        cap_percent=cap_percent,
        keep=read_keep(keep),
        on_turn=on_turn,
        priority=priority,
        features=features or None,
        promotional=promotional or None,
        source=source,
        unit=unit,
    )
    with open_ledger(db, book) as ledger:
        receipt = ledger.allow(account, amount, every=read_every(every), count=count, name=name, **terms, **said)
        show_receipt(receipt, in_json, after=lambda: describe_allowance(ledger, account, name, unit))


def change_allowance(
    account: Account,
    amount: Annotated[
        str | None, typer.Argument(metavar="[AMOUNT]", help="What each period gives from now on.")
    ] = None,
    name: Name = "plan",
    mode: Annotated[
        str | None,
        typer.Option(
            "--mode",
            metavar="MODE",
            help="The period in hand: replace (fresh credits), add, keep_used (the difference), at_turn (nothing yet).",
        ),
    ] = None,
    rollover: Rollover = None,
    cap: Cap = None,
    cap_percent: CapPercent = None,
    keep: Keep = None,
    on_turn: OnTurn = None,
    unit: UnitName = None,
    key: Key = None,
    description: Description = None,
    actor: Actor = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Change an allowance. What is held, bought or given as a bonus stays; how it rolls over works from the turn."""
    refuse_both(cap=cap, cap_percent=cap_percent)
    said = gather(key=key, description=description, actor=actor)
    terms = gather(
        mode=mode, rollover=rollover, cap=cap, cap_percent=cap_percent, keep=read_keep(keep), on_turn=on_turn, unit=unit
    )
    with open_ledger(db, book) as ledger:
        receipt = ledger.change_allowance(account, amount, name=name, **terms, **said)
        show_receipt(receipt, in_json, after=lambda: describe_allowance(ledger, account, name, unit))


def end_allowance(
    account: Account,
    name: Name = "plan",
    now: Annotated[bool, typer.Option("--now", help="Its credits go at once, carried ones too.")] = False,
    unit: UnitName = None,
    key: Key = None,
    description: Description = None,
    actor: Actor = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """End an allowance: it turns no more, and the credits of the period in hand live to the period's end."""
    said = gather(key=key, description=description, actor=actor)
    with open_ledger(db, book) as ledger:
        show_receipt(ledger.end_allowance(account, name=name, now=now, **gather(unit=unit), **said), in_json)


def end_period(
    account: Account,
    name: Name = "plan",
    unit: UnitName = None,
    key: Key = None,
    description: Description = None,
    actor: Actor = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """End the period in hand now, as it would end: what is unused goes, the fresh credits come, the next date stays."""
    said = gather(key=key, description=description, actor=actor)
    with open_ledger(db, book) as ledger:
        receipt = ledger.end_period(account, name=name, **gather(unit=unit), **said)
        sentence = "the period of {account} has ended, and the next begins"
        show_receipt(receipt, in_json, sentence=sentence, after=lambda: describe_allowance(ledger, account, name, unit))


def set_period_end(
    account: Account,
    ends_at: Annotated[
        str, typer.Argument(metavar="WHEN", help="2026-12-01T00:00:00Z; one that has passed ends the period now.")
    ],
    name: Name = "plan",
    unit: UnitName = None,
    key: Key = None,
    description: Description = None,
    actor: Actor = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Move the end of the period in hand, and of the credits that end with it."""
    moment = get_moment(ends_at, what="WHEN")
    said = gather(key=key, description=description, actor=actor)
    with open_ledger(db, book) as ledger:
        receipt = ledger.set_period_end(account, moment, name=name, **gather(unit=unit), **said)
        show_receipt(receipt, in_json, after=lambda: describe_allowance(ledger, account, name, unit))


def describe_allowance(ledger: farthing.Ledger, account: str, name: str, unit: str | None) -> list[tuple[str, str]]:
    """What an allowance does next, for below a receipt."""
    allowances: Any = ledger.balance(account, unit).allowances
    return [
        ("turns", f"{show_instant(each.turns_at)}, then {each.amount:f}")
        for each in allowances
        if each.name == name and each.turns_at is not None
    ]
