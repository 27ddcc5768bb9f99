"""What recurs, in the cases' words: allowances and the names of their lots, rules for top-ups.

An allowance's lots have a source of their own, by which they are told from others; they are called `<id>/<n>`, n being
counted from the anchor, `<id>/<n>b` after a change within the period, and `<id>/carry<n>` once they are carried.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import farthing
from farthing.engine.zones import find_zone
from farthing.values.periods import Rhythm, find_index
from tests.peers import calendar

Step = dict[str, Any]
MODES = {"fresh": "replace", "keep_used": "keep_used"}


@dataclass
class Recurring:
    """An allowance of a case."""

    name: str
    rhythm: Rhythm
    rolls_over: bool
    changed: set[str] = field(default_factory=set)
    """The grants whose credits came of a change within a period."""

    @property
    def source(self) -> str:
        """The source of its lots."""
        return f"allowance {self.name}"

    def find_number(self, moment: datetime) -> int:
        """The number of a moment's period."""
        return find_index(self.rhythm, calendar.read_instant(moment.isoformat()), find_zone)

    def name_lot(self, lot: farthing.BalanceLot, now: datetime) -> str:
        """What the case calls a lot now."""
        number = self.find_number(lot.starts_at)
        if self.rolls_over and number < self.find_number(now):
            return f"{self.name}/carry{number}"
        return f"{self.name}/{number}{'b' if lot.grant in self.changed else ''}"


def read_allowance(step: Step) -> tuple[Recurring, dict[str, Any]]:
    """An allowance, and what Farthing is to be told of it. Without an anchor periods are the calendar's."""
    timed = {"tz": "UTC"} | {name: value for name, value in step.items() if value is not None}
    timed.setdefault("anchor", None)
    every, anchor = step["every"], timed["anchor"]
    rollover = read_rollover(step.get("rollover"))
    recurring = Recurring(step["id"], calendar.read_rhythm(timed), rollover["rollover"] != "none")
    terms = {
        "every": timedelta(days=int(every.removesuffix("_days"))) if every.endswith("_days") else every,
        "count": int(step.get("count", 1)),
        "anchor": "calendar" if anchor is None else datetime.fromisoformat(anchor),
        "zone": timed["tz"],
        "name": step["id"],
        "source": recurring.source,
        **{name: step[name] for name in ("first", "priority", "features") if step.get(name) is not None},
        **rollover,
    }
    return recurring, terms


def read_rollover(said: Step | None) -> dict[str, Any]:
    """What becomes of the rest. A cap of zero is what Farthing calls none."""
    if said is None or said["mode"] == "none" or (said["mode"] == "capped" and is_zero(said)):
        return {"rollover": "none"}
    terms = {name: said[name] for name in ("cap", "cap_percent") if said.get(name) is not None}
    if said.get("keep") is not None:
        terms["keep"] = int(said["keep"])
    return {"rollover": said["mode"]} | terms


def is_zero(said: Step) -> bool:
    """Whether a cap carries nothing."""
    return not any(Decimal(said.get(name) or 0) for name in ("cap", "cap_percent"))


def read_rule(said: Step) -> farthing.TopUp:
    """A rule for top-ups, as a setting or a step says it: one quantity at a time unless it speaks of the whole gap."""
    return farthing.TopUp(
        threshold=said["threshold"],
        quantity=said.get("quantity") or 0,
        target=said.get("target"),
        whole_gap=bool(said.get("whole_gap", False)),
        min_purchase=said.get("min_purchase") or 0,
        on=bool(said.get("on", True)),
    )
