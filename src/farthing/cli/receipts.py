"""Receipts as people read them: one line that says what happened, then what it left, and the ids to go on with."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, Final

from farthing.cli.screen import paint, say, say_json

NAMES_ITSELF: Final = {
    "opened": "{account} is open",
    "frozen": "{account} is frozen: no new charges or holds",
    "unfrozen": "{account} is no longer frozen",
    "closed": "{account} is closed",
    "configured": "{account} has new terms for {unit}",
    "allowance_ended": "that allowance of {account} has ended",
    "period_set": "the period of {account} has another end",
    "budget_ended": "that budget of {account} has ended",
    "advanced": "{account}: it is {at} now",
    "subscribed": "{account} has a plan, or another than before",
    "top_up_declined": "the top-up of {account} came to nothing",
}
SENTENCES: Final = {
    "granted": "granted {amounts} to {account}",
    "imported": "imported {amounts} for {account}",
    "charged": "charged {amounts} to {account}{purpose}",
    "recorded": "recorded {amounts} for {account}{purpose}",
    "held": "held {amounts} of {account}{purpose} until {deadline}",
    "extended": "extended the hold of {account} until {deadline}",
    "settled": "settled at {amounts} for {account}{purpose}",
    "released": "released {amounts} to {account}",
    "refunded": "refunded {amounts} to {account}",
    "voided": "voided {amounts} of {account}",
    "forgiven": "forgave {account} a debt of {amounts}",
    "adjusted": "adjusted {account} by {amounts}",
    "used_set": "{account} has used {amounts}",
    "used_reset": "{account} has used nothing",
    "allowed": "{account} has an allowance; its period in hand gives {amounts}",
    "allowance_changed": "the allowance of {account} is another now; {amounts} moved at once",
    "budgeted": "{account} has a budget of {amounts}",
    "budget_changed": "{account} has a budget of {amounts} now",
    "clawed_back": "took {amounts} back from {account}",
    "rescheduled": "{amounts} of {account} have another end",
}


Details = Iterable[tuple[str, str]]
"""(label, value) of what else is worth knowing."""


def show_receipt(
    receipt: Any, in_json: bool, *, sentence: str | None = None, after: Callable[[], Details] | None = None
) -> None:
    """Print a receipt: under this sentence, if its kind alone does not say it, with what else `after` finds to say."""
    if in_json:
        say_json(receipt.json())
        return
    say(paint(describe_receipt(receipt, sentence), "bold"))
    details = [*iter_details(receipt), *(after() if after else ())]
    width = max(len(label) for label, _ in details)
    for label, value in details:
        say(f"  {paint(label.ljust(width), 'dim')}  {value}")


def describe_receipt(receipt: Any, sentence: str | None = None) -> str:
    """What happened, in one line."""
    sentence = (
        sentence or NAMES_ITSELF.get(receipt.kind) or SENTENCES.get(receipt.kind) or "{account}: {kind} {amounts}"
    )
    amounts = " and ".join(f"{find_moved(receipt.kind, part):f} {part.unit}" for part in receipt.parts)
    said = sentence.format(
        account=receipt.account,
        kind=receipt.kind,
        unit=receipt.unit,
        at=show_instant(receipt.at),
        amounts=amounts,
        purpose=f" for {receipt.feature}" if receipt.feature else "",
        deadline=show_instant(receipt.deadline) if receipt.deadline else "",
    )
    return f"{said} (replayed: nothing new was written)" if receipt.replayed else said


def find_moved(kind: str, part: Any) -> Any:
    """The amount that the sentence speaks of."""
    return part.charged if kind in ("charged", "recorded", "settled") else part.amount


def iter_details(receipt: Any) -> Iterator[tuple[str, str]]:
    """(label, value) of what else is worth knowing."""
    if receipt.kind not in NAMES_ITSELF:
        several = len(receipt.parts) > 1
        for part in receipt.parts:
            unit = f" {part.unit}" if several else ""
            yield "available", f"{part.available:f}{unit}"
            for share in part.lots:
                yield (
                    "from" if receipt.kind not in ("released", "refunded") else "to",
                    f"{share.grant}  {share.amount:f}",
                )
            for label in ("uncovered", "owed", "repaid", "broken"):
                value = getattr(part, label)
                if value:
                    yield {"broken": "expired"}.get(label, label), f"{value:f}{unit}"
    for label in ("hold", "grant"):
        if getattr(receipt, label):
            yield label, getattr(receipt, label)
    yield "receipt", receipt.id
    yield "key", receipt.key


def show_instant(moment: datetime) -> str:
    """21 November 2026 10:04."""
    return f"{show_day(moment)} {moment:%H:%M}"


def show_day(moment: datetime) -> str:
    """21 November 2026."""
    return f"{moment.day} {moment:%B %Y}"
