"""Plans at the command line: what is on offer; taking, changing, renewing and ending one; where an account stands."""

from datetime import datetime
from typing import Annotated, Any

import typer

from farthing.cli.databases import open_ledger
from farthing.cli.grants import read_paid
from farthing.cli.options import (
    DEFAULT_DB,
    Account,
    Actor,
    Book,
    Db,
    Description,
    Json,
    Key,
    gather,
    read_moment,
    refuse_both,
)
from farthing.cli.screen import Bar, lay_table, note, paint, say, say_json
from farthing.cli.standing import show_amount, show_second

PlanName = Annotated[str, typer.Argument(metavar="PLAN", help="Its name in the catalog; `farthing plans` shows them.")]
Cycle = Annotated[
    str | None, typer.Option("--cycle", metavar="PERIOD", help="What one payment is for: month, year, as it is sold.")
]
Days = Annotated[int | None, typer.Option("--days", metavar="N", help="Give it for so many days instead.")]
Until = Annotated[str | None, typer.Option("--until", metavar="WHEN", help="Or until an instant: 2026-12-31T00:00:00Z")]
Paid = Annotated[
    str | None, typer.Option("--paid", metavar="MINOR:CODE", help="What was paid, in cents or the like: 1500:USD")
]
Reference = Annotated[
    str | None, typer.Option("--reference", metavar="TEXT", help="The payment's id at whoever took it.")
]


def plans(db: Db = DEFAULT_DB, book: Book = None, in_json: Json = False) -> None:
    """The plans of the catalog: what they cost and what they give."""
    with open_ledger(db, book) as ledger:
        listed = ledger.plans()
    if in_json:
        say_json([view.json() for view in listed])
        return
    if not listed:
        note("the catalog has no plans")
        return
    rows = [[view.name, describe_prices(view), describe_credits(view), describe_rest(view)] for view in listed]
    for line in lay_table(["plan", "costs", "gives", "and"], rows):
        say(line)


def subscribe(
    account: Account,
    plan: PlanName,
    cycle: Cycle = None,
    days: Days = None,
    until: Until = None,
    trial: Annotated[bool | None, typer.Option("--trial/--no-trial", help="With the plan's trial, or without.")] = None,
    paid: Paid = None,
    reference: Reference = None,
    key: Key = None,
    description: Description = None,
    actor: Actor = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Give an account a plan, with its credits, from now on. The account is opened if there is none of that name."""
    refuse_both(days=days, until=until)
    said = gather(key=key, description=description, actor=actor, reference=reference, paid=read_paid(paid))
    moment = read_moment(until, what="--until")
    with open_ledger(db, book) as ledger:
        done = ledger.subscribe(account, plan, **gather(cycle=cycle, days=days, until=moment, trial=trial), **said)
    show_change(done, in_json)


def change_plan(
    account: Account,
    plan: PlanName,
    when: Annotated[
        str | None, typer.Option("--when", metavar="WHEN", help="now or period_end; by the plans' ranks if not said.")
    ] = None,
    cycle: Cycle = None,
    days: Days = None,
    until: Until = None,
    paid: Paid = None,
    reference: Reference = None,
    is_quote: Annotated[bool, typer.Option("--quote", help="Only say what it would cost. Nothing is written.")] = False,
    key: Key = None,
    description: Description = None,
    actor: Actor = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Give an account another plan: a higher one at once, a lower one when the period ends, unless you say when."""
    refuse_both(days=days, until=until)
    said = gather(key=key, description=description, actor=actor, reference=reference, paid=read_paid(paid))
    terms = gather(when=when, cycle=cycle, days=days, until=read_moment(until, what="--until"))
    with open_ledger(db, book) as ledger:
        if not is_quote:
            show_change(ledger.change_plan(account, plan, **terms, **said), in_json)
            return
        quote = ledger.quote_change(account, plan, **terms)
    if in_json:
        say_json(quote.json())
        return
    for line in quote.lines:
        say(f"{line.text:>14}  {line.kind} {line.plan}, {show_span(line.starts_at, line.ends_at)}")
    say(f"to pay: {quote.minor} {quote.currency} (minor units)" if quote.currency else "nothing is to be paid")


def renew(
    account: Account,
    paid: Paid = None,
    reference: Reference = None,
    key: Key = None,
    description: Description = None,
    actor: Actor = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Record the payment of the next period; of a trial, for what follows it; past due, for the period in hand."""
    said = gather(key=key, description=description, actor=actor, reference=reference, paid=read_paid(paid))
    with open_ledger(db, book) as ledger:
        show_change(ledger.renew(account, **said), in_json)


def cancel(
    account: Account,
    is_now: Annotated[bool, typer.Option("--now", help="At once: its credits go.")] = False,
    key: Key = None,
    description: Description = None,
    actor: Actor = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Let a subscription end with what is paid for, or at once; the plan to fall back to takes over."""
    said = gather(key=key, description=description, actor=actor)
    with open_ledger(db, book) as ledger:
        show_change(ledger.cancel(account, when="now" if is_now else "period_end", **said), in_json)


def resume(
    account: Account,
    key: Key = None,
    description: Description = None,
    actor: Actor = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Take a cancellation back, or a plan that was chosen for the period's end."""
    with open_ledger(db, book) as ledger:
        show_change(ledger.resume(account, **gather(key=key, description=description, actor=actor)), in_json)


def subscription(
    account: Account,
    has_history: Annotated[bool, typer.Option("--history", help="Every step that was written, too.")] = False,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Where an account stands with its plan. It says the same whether or not any job has run."""
    with open_ledger(db, book) as ledger:
        view = ledger.subscription(account)
        steps = ledger.subscription_history(account) if has_history else []
    if in_json:
        say_json(view.json() | ({"history": [step.json() for step in steps]} if has_history else {}))
        return
    show_view(view)
    if steps:
        say()
    rows = [
        [
            show_second(step.recorded_at),
            step.step,
            step.plan or "",
            show_span(step.period_starts_at, step.period_ends_at),
        ]
        for step in steps
    ]
    for line in lay_table(["when", "step", "plan", "period"], rows) if rows else ():
        say(line)


def enrol_all(db: Db = DEFAULT_DB, book: Book = None, in_json: Json = False) -> None:
    """Give every account without a plan the catalog's default one, with its credits. Again it changes nothing."""
    with open_ledger(db, book) as ledger, Bar("accounts") as bar:
        done = ledger.enrol_all(bar.update)
    if in_json:
        say_json({"enrolled": done})
        return
    say(f"{done} account{'' if done == 1 else 's'} enrolled")


def show_change(done: Any, in_json: bool) -> None:
    """What a step came to."""
    if in_json:
        say_json(done.json())
        return
    show_view(done.subscription)
    say(f"  {paint('receipt', 'dim')}  {done.receipt.id}{' (replayed)' if done.replayed else ''}")


def show_view(view: Any) -> None:
    """Where an account stands, in a sentence and a few lines."""
    plan = f"on {view.plan}" if view.plan else "without a plan"
    say(paint(f"{view.account} is {plan} ({view.state.replace('_', ' ')})", "bold"))
    price = f"{view.price.text} each {view.cycle}" if view.price else view.cycle
    lines = {
        "period": show_span(view.period_starts_at, view.period_ends_at) if view.period_ends_at else None,
        "price": price,
        "trial to": show_second(view.trial_ends_at) if view.state == "trialing" else None,
        "ends": show_second(view.ends_at) if view.ends_at else None,
        "next": f"{view.next_plan}, when the period ends" if view.next_plan else None,
        "then": view.fallback if view.ends_at else None,
    }
    for label, value in lines.items():
        if value:
            say(f"  {paint(label.ljust(8), 'dim')}  {value}")


def show_span(start: datetime, end: datetime | None) -> str:
    """From when to when."""
    return f"from {show_second(start)}" + (f" to {show_second(end)}" if end else " on")


def describe_prices(view: Any) -> str:
    """15 USD each month, 210 USD each year; nothing."""
    return ", ".join(f"{price.text} each {price.cycle}" for price in view.prices) or "nothing"


def describe_credits(view: Any) -> str:
    """500 credits each month."""
    given = [f"{show_amount(each.amount)} {each.unit} each {each.every}" for each in view.allowances]
    return ", ".join([*given, *[f"{show_amount(each.amount)} {each.unit} once" for each in view.bonuses]])


def describe_rest(view: Any) -> str:
    """What else is worth knowing of a plan."""
    said = ["the default"] if view.is_default else []
    said += [f"{view.trial} of trial"] if view.trial else []
    said += [f"for {view.lasts}"] if view.lasts else []
    return ", ".join([*said, *([f"then {view.fallback}"] if view.fallback else [])])
