"""What stands with an account as people read it: allowances with their next turn, budgets with what is left of them,
alerts. Tables only; the commands are in the files of their nouns.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from farthing.cli.receipts import show_instant
from farthing.cli.screen import lay_table

PERIODS: Final = {
    "hour": "hours", "day": "days", "week": "weeks", "month": "months", "quarter": "quarters",
    "half_year": "half-years", "year": "years",
}  # fmt: skip
ALERTS: Final = {
    "low": "balance low",
    "depleted": "balance used up",
    "expired": "balance expired",
    "budget": "budget spent",
    "top_up": "top-up wanted",
}


def show_amount(amount: Decimal) -> str:
    """An amount with a minus sign that looks like one."""
    return f"{amount:f}".replace("-", "−")


def show_rhythm(every: str, count: int) -> str:
    """month, 3 months, half-year."""
    return f"{count} {PERIODS[every]}" if count > 1 else every.replace("_", "-")


def lay_allowances(allowances: Sequence[Any]) -> list[str]:
    """Allowances, the next to turn first: what is left of the period in hand, what comes next, and when."""
    columns = ["allowance", "left", "carried", "bonus", "next", "every", "on"]
    rows = [
        [
            each.name,
            show_amount(each.left),
            show_amount(each.carried),
            show_amount(each.tied),
            show_amount(each.amount),
            show_rhythm(each.every, each.count),
            show_instant(each.turns_at) if each.turns_at else "never",
        ]
        for each in allowances
    ]
    return lay_used(columns, rows, optional=("carried", "bonus"), amounts=("left", "carried", "bonus", "next"))


def lay_budgets(budgets: Sequence[tuple[str, Any]]) -> list[str]:
    """(unit, budget) as a table: a line for each, or for each member, feature … that it counts apart."""
    columns = ["budget", "for", "spent", "held", "left", "most", "unit", "every", "begins anew"]
    rows = [row for unit, budget in budgets for row in iter_budget_rows(unit, budget)]
    if len({row[6] for row in rows}) < 2:
        place = columns.index("unit")
        columns.pop(place)
        rows = [[*row[:place], *row[place + 1 :]] for row in rows]
    return lay_used(columns, rows, optional=("for",), amounts=("spent", "held", "left", "most"))


def iter_budget_rows(unit: str, budget: Any) -> Iterator[list[str]]:
    """The lines of one budget."""
    chosen = [getattr(budget, name) for name in ("member", "feature", "model", "api_key")]
    scope = ", ".join(name for name in chosen if name)
    every = show_rhythm(budget.every, budget.count) if budget.every else ""
    again = show_instant(budget.resets_at) if budget.resets_at else "never"
    name = budget.name if budget.hard else f"{budget.name} (soft)"
    subjects = budget.subjects if budget.per else (budget,)
    if budget.per and not subjects:
        each = f"each {budget.per.replace('_', ' ')}"
        nothing = budget.most - budget.most
        yield [
            name, ", ".join(filter(None, (each, scope))), show_amount(nothing), show_amount(nothing),
            show_amount(budget.most), show_amount(budget.most), unit, every, again,
        ]  # fmt: skip
    for one in subjects:
        whose = ", ".join(filter(None, (one.name if budget.per else "", scope)))
        yield [
            name, whose, show_amount(one.spent), show_amount(one.reserved), show_amount(one.left),
            show_amount(budget.most), unit, every, again,
        ]  # fmt: skip


def lay_alerts(alerts: Sequence[Any], *, everybody: bool) -> list[str]:
    """Alerts as a table: what was told, of what, and what the balance was then."""
    columns = ["when", "account", "what", "figure", "budget", "balance", "unit", "id"]
    rows = [
        [
            show_second(each.at),
            each.account,
            ALERTS[each.kind],
            find_point(each),
            each.budget or "",
            show_amount(each.balance),
            each.unit,
            each.id,
        ]
        for each in alerts
    ]
    optional = ("budget",) if everybody else ("budget", "account")
    if not everybody:
        rows = [[row[0], "", *row[2:]] for row in rows]
    return lay_used(columns, rows, optional=optional, amounts=("figure", "balance"))


def find_point(alert: Any) -> str:
    """The figure that an alert is about: the threshold, what was spent, what to buy."""
    figures = (alert.threshold, alert.spent, alert.amount)
    return next((show_amount(figure) for figure in figures if figure is not None), "")


def show_second(moment: datetime) -> str:
    """An instant as tables have it."""
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def lay_used(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, optional: Sequence[str], amounts: Sequence[str]
) -> list[str]:
    """A table without those optional columns that say nothing."""
    kept = [
        place
        for place, name in enumerate(columns)
        if name not in optional or any(row[place].strip("0.") for row in rows)
    ]
    shown = [columns[place] for place in kept]
    return lay_table(shown, [[row[place] for place in kept] for row in rows], amounts=amounts)
