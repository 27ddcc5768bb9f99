"""Requests drawn by dice: several as one, steps of a subscription among them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

from farthing.values import requests as ask
from farthing.values import standing_requests as stand
from farthing.values.entries import Entry, Kind
from farthing.values.names import name_number
from farthing.values.subscriptions import Step, Subscription

from .real import UNITS
from .standing import Standing
from .steps import DAY
from .walk import Disagree, Thing, check, pick

PARTS = (
    "allow", "allow", "allow", "change_allowance", "change_allowance", "end_allowance", "end_period", "set_period_end",
    "set_budget", "change_budget", "end_budget", "grant", "grant", "configure", "warn", "buy_by_itself",
    "decline_top_up", "forgive", "subscribe", "subscribe", "subscribe",
)  # fmt: skip
NAMED = {
    "change_allowance": "allowance", "end_allowance": "allowance", "end_period": "allowance",
    "set_period_end": "allowance", "change_budget": "budget", "end_budget": "budget",
}  # fmt: skip
"""What must be there already."""
PLANS = ("free", "basic", "pro")
MADE = {"allow": Kind.ALLOWED, "set_budget": Kind.BUDGETED, "grant": Kind.GRANTED}
"""The parts that make something to be named later, and the entries that do."""

Part = tuple[str, dict[str, Any], ask.Request]


class Several(Standing):
    def __init__(self, *args: Any, **terms: Any) -> None:
        super().__init__(*args, **terms)
        self.gathered: list[Part] | None = None
        """Where parts of one request are drawn: they are put by and not asked."""
        self.steps: list[int] = []
        """The core's numbers of the subscription's steps."""
        self.shown: list[Subscription] = []

    def both(
        self, word: str, said: dict[str, Any], make: Callable[[str], ask.Request], *, is_keyed: bool = False
    ) -> Any:
        if self.gathered is None:
            return super().both(word, said, make, is_keyed=is_keyed)
        self.gathered.append((word, said, make("part")))
        return None

    def gather(self, dice: Random) -> list[Part]:
        """Two to five, rather few: each may be what the whole is refused for."""
        parts: list[Part] = []
        self.gathered = parts
        for _ in range(2 + int(dice.random() * dice.random() * 4)):
            kind = str(pick(dice, PARTS))
            if NAMED.get(kind) and not self.naive._working(NAMED[kind], "credits"):
                kind = "subscribe"
            getattr(self, kind)(dice)
        self.gathered = None
        return parts

    def together(self, dice: Random) -> None:
        parts = self.gather(dice)
        if not parts:
            return self.tidy(dice)
        said = ("chosen", self.count)
        told = {"said": said, "parts": [(word, terms) for word, terms, _ in parts]}
        requests = tuple([request for _, _, request in parts])
        done = self.both("together", told, lambda key: stand.Together(
            key=key, account=self.account, said=said, requests=requests, catalog_version=2
        ), is_keyed=dice.random() < 0.4)  # fmt: skip
        if done:
            self.keep(parts, *done)

    def keep(self, parts: list[Part], facts: dict[str, Any], entries: list[Entry]) -> None:
        """What it made, under the names of both sides."""
        if {entry.catalog_version for entry in entries} != {2}:
            raise Disagree(f"not every entry says by which catalog: {entries}")
        made = {
            (word, unit): [each for each in entries if (each.unit_id, each.kind) == (core.unit_id, kind)]
            for word, kind in MADE.items()
            for unit, core in UNITS.items()
        }
        for (word, terms, request), result in zip(parts, facts["parts"], strict=True):
            if word == "subscribe":
                self.show_step(request, result, entries)
            elif word in MADE:
                unit = terms["unit"]
                entry, found = made[word, unit].pop(0), result["units"][unit]
                if word == "allow":
                    self.allowances[unit, entry.number] = found["allowance"]
                    check("granted", entry.granted, found["granted"])
                elif word == "set_budget":
                    self.budgets[unit, entry.number] = found["budget"]
                else:
                    self.grants.append(Thing(unit, found["lot"], entry.number))
                    if terms["until_turn"]:
                        self.tied.add((unit, entry.number))
        check("made", [each for each in made.values() if each], [])

    def show_step(self, request: Any, result: dict[str, Any], entries: list[Entry]) -> None:
        steps = [entry for entry in entries if entry.kind == Kind.SUBSCRIBED]
        check("steps", len(steps), 1)
        check("the step before", steps[0].of_number, self.steps[-1] if self.steps else 0)
        self.steps.append(steps[0].number)
        at = self.naive.steps[result["step"]][1]
        self.shown.append(request.subscription._replace(number=steps[0].number, recorded_at=at, ended_at=0))
        check("subscription", self.real.subscription(), self.shown[-1])

    def subscribe(self, dice: Random) -> None:
        """Most of the time as whoever has just looked; only ever drawn as a part."""
        seen = len(self.steps)
        if seen and dice.random() < 0.15:
            seen -= 1 + int(dice.random() * seen)
        step = self.draw_step(dice)
        self.both("subscribe", {"expected": seen, "step": step}, lambda key: stand.Subscribe(
            key=key, account=self.account, expected=self.steps[seen - 1] if seen else 0, subscription=step
        ))  # fmt: skip

    def draw_step(self, dice: Random) -> Subscription:
        ends = self.now + pick(dice, (DAY, 30 * DAY, 365 * DAY))
        return Subscription(
            0, pick(dice, tuple(Step)), pick(dice, PLANS), 4, 1, self.now, "UTC", self.now, pick(dice, (0, ends)),
            self.now, ends, ends, pick(dice, (0, 1)), pick(dice, ("", *PLANS)), pick(dice, (0, 4, 7)),
            pick(dice, ("", "free")), 2, pick(dice, (0, 1500)), name_number("USD"), ends, 0, 0,
        )  # fmt: skip

    def repeat(self, dice: Random) -> None:
        """Of what is compared by what the caller said, all else has become something else by then."""
        if not self.keyed or dice.random() < 0.3:
            return super().repeat(dice)
        key, word, said, request = pick(dice, self.keyed)
        if word == "together":
            parts = self.gather(dice)
            request = replace(request, requests=tuple([each for _, _, each in parts]) or request.requests)
        elif said.get("priced"):
            said = {**said, "amount": dict.fromkeys(said["amount"], 99), "meters": None}
            priced = ask.Priced(request.priced.said)
            request = replace(request, amounts=tuple((unit, 99) for unit, _ in request.amounts), priced=priced)
        self.check_replay(key, word, said, request)
