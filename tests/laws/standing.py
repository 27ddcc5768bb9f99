"""Requests drawn by dice, the standing ones: allowances, budgets, alerts, top-ups, ends, clawbacks, clocks."""

from __future__ import annotations

from random import Random
from typing import Any

from farthing.values import requests as ask
from farthing.values import standing_requests as stand
from farthing.values.bounds import NEVER
from farthing.values.entries import Entry, Kind
from farthing.values.periods import Cadence
from farthing.values.wallets import Rollover, Subject, TopUp, TurnPolicy

from .real import UNITS
from .steps import DAY, HOUR, MINUTE, Steps, find_entry
from .walk import Thing, check, number, numbers, pick

ZONES = (None, None, "Europe/Berlin", "America/New_York", "Australia/Lord_Howe")
CADENCES = ("hour", "day", "day", "week", "month", "month", "month", "quarter", "half_year", "year")
SPANS = {"hour": HOUR, "day": DAY, "week": 7 * DAY, "month": 30 * DAY, "quarter": 91 * DAY,
         "half_year": 182 * DAY, "year": 365 * DAY}  # fmt: skip
NAMES = ("a", "b", "c")
PRIORITIES = {"a": 10, "b": 11, "c": 70}
"""One for each name: credits carried for ever, of which many turns make one lot, must never be between those of another
grant in the order of spending."""
CAPS = ("x", "y", "z")


class Standing(Steps):
    def draw_rollover(self, dice: Random) -> dict[str, Any]:
        rollover = pick(dice, ("none", "none", "capped", "all"))
        said: dict[str, Any] = {"rollover": rollover}
        if rollover == "capped":
            said |= pick(dice, ({"cap": 5}, {"cap": 30}, {"cap": 200}, {"cap_percent": 1_000_000}))
            said |= pick(dice, ({}, {"cap_percent": 333_333, "cap": 0}))
        if rollover != "none" and dice.random() < 0.5:
            said["keep"] = pick(dice, (1, 2, 3))
        if dice.random() < 0.03:
            said["keep"] = 2
        return said

    def draw_name(self, dice: Random, unit: str, kind: str, names: tuple[str, ...]) -> str:
        """One that is there, mostly."""
        there = [row["name"] for row in self.naive._working(kind, unit).values()]
        return str(pick(dice, there if there and dice.random() < 0.9 else names))

    def allow(self, dice: Random) -> None:
        unit, name, every = self.draw_unit(dice), pick(dice, NAMES), pick(dice, CADENCES)
        said: dict[str, Any] = {
            "unit": unit, "name": name, "every": every, "amount": pick(dice, (0, 1, 7, 10, 30, 100)),
            "number": pick(dice, (1, 1, 1, 2, 3)), "zone": pick(dice, ZONES), "priority": PRIORITIES[name],
            "promotional": dice.random() < 0.2, "features": pick(dice, (None, None, None, ("chat",))),
            "source": pick(dice, ("plan", "plan", "bonus")), "on_turn": pick(dice, ("keep", "keep", "forgive")),
            "is_prorated": dice.random() < 0.3, "first": pick(dice, (None, None, None, 0, 55)),
            **self.draw_rollover(dice),
        }  # fmt: skip
        how = dice.random()
        if how < 0.3:
            said["is_calendar"] = True
        elif how < 0.6:
            span = SPANS[every] * said["number"]
            said["anchor"] = self.now + int((dice.random() * 3 - 2) * span) // MINUTE * MINUTE
        if dice.random() < 0.15:
            said["starts"] = self.now + pick(dice, (-HOUR, 0, HOUR, DAY, 14 * DAY))
            said |= {"first": None, "is_prorated": False}
        if dice.random() < 0.35:
            begins = said.get("starts") or self.now
            said["until"] = self.draw_until(dice, begins, SPANS[every] * said["number"])
            if begins > self.now and dice.random() < 0.5:
                said["until"] = (self.now + begins) // 2
        if dice.random() < 0.2:
            said["instead_of"] = self.draw_name(dice, unit, "allowance", NAMES)
            said["change_mode"] = pick(dice, ("replace", "add", "keep_used"))
        if dice.random() < 0.1:
            self.wait_for_end(dice, said)
        self.ask_allow(said)

    def draw_until(self, dice: Random, begins: int, span: int) -> int:
        """At a boundary, in the middle of a period, when something else ends, or in the past."""
        how = dice.random()
        later = int(begins + span * int(1 + dice.random() * 5))
        if how < 0.4:
            return later
        if how < 0.6:
            return later + int(pick(dice, (-1, 1, HOUR, DAY)))
        if how < 0.9:
            ends = [row["turns"] for unit in UNITS for row in self.naive._working("allowance", unit).values()]
            return int(pick(dice, ends or [later]))
        return self.now + int(pick(dice, (-HOUR, 0, 1, MINUTE)))

    def wait_for_end(self, dice: Random, said: dict[str, Any]) -> None:
        """As a plan that holds when another has ended: it begins at that very instant."""
        others = self.naive._working("allowance", said["unit"]).values()
        ends = [row["until"] for row in others if row["until"] is not None]
        if ends:
            said |= {"starts": pick(dice, ends), "first": None, "is_prorated": False, "until": None}

    def ask_allow(self, said: dict[str, Any]) -> None:
        unit, name = said["unit"], said["name"]
        done = self.both("allow", said, lambda key: stand.Allow(
            key=key, account=self.account, unit=UNITS[unit].unit_id, name=name, amount=said["amount"],
            every=Cadence[said["every"].upper()], count=said.get("number", 1), anchor=said.get("anchor"),
            calendar=said.get("is_calendar", False), zone=said.get("zone") or "", priority=said.get("priority", 10),
            promotional=said.get("promotional", False), features=numbers(said.get("features")),
            source=number(said.get("source", "plan")),
            rollover=Rollover[said["rollover"].upper()], cap=said.get("cap", 0),
            cap_percent=said.get("cap_percent", 0), keep=said.get("keep", 0),
            on_turn=TurnPolicy[said.get("on_turn", "keep").upper()], first=said.get("first"),
            is_prorated=said.get("is_prorated", False),
            starts_at=said.get("starts"), until=said.get("until") or 0, instead_of=said.get("instead_of", ""),
            change_mode=stand.ChangeMode[said.get("change_mode", "replace").upper()],
        ))  # fmt: skip
        if done:
            entry = find_entry(done[1], unit)
            self.allowances[unit, entry.number] = done[0]["allowance"]
            check("granted", entry.granted, done[0]["granted"])

    def change_allowance(self, dice: Random) -> None:
        unit = self.draw_unit(dice)
        name = self.draw_name(dice, unit, "allowance", NAMES)
        mode = pick(dice, ("replace", "add", "keep_used", "keep_used", "at_turn"))
        said: dict[str, Any] = {"amount": pick(dice, (0, 5, 20, 100))} if dice.random() < 0.8 else {}
        if dice.random() < 0.3:
            said |= self.draw_rollover(dice)
        if dice.random() < 0.2:
            said["on_turn"] = pick(dice, ("keep", "forgive"))
        if dice.random() < 0.3:
            there = {row["name"]: row for row in self.naive._working("allowance", unit).values()}
            row = there.get(name)
            span = SPANS[row["recurrence"].every] * row["recurrence"].number if row else DAY
            said["until"] = pick(dice, (None, self.draw_until(dice, row["turns"] - span if row else self.now, span)))
        self.ask_change(unit, name, mode, said)

    def ask_change(self, unit: str, name: str, mode: str, said: dict[str, Any]) -> None:
        core = {**said}
        if "rollover" in core:
            core["rollover"] = Rollover[said["rollover"].upper()]
        if "on_turn" in core:
            core["on_turn"] = TurnPolicy[said["on_turn"].upper()]
        if "until" in core:
            core["until"] = said["until"] or 0
        self.both(
            "change_allowance",
            {"unit": unit, "name": name, "mode": mode, **said},
            lambda key: stand.ChangeAllowance(
                key=key, account=self.account, unit=UNITS[unit].unit_id, name=name,
                mode=stand.ChangeMode[mode.upper()], **core,
            ),
        )  # fmt: skip

    def end_allowance(self, dice: Random) -> None:
        unit, at_once = self.draw_unit(dice), dice.random() < 0.4
        name = self.draw_name(dice, unit, "allowance", NAMES)
        self.both("end_allowance", {"unit": unit, "name": name, "at_once": at_once}, lambda key: stand.EndAllowance(
            key=key, account=self.account, unit=UNITS[unit].unit_id, name=name, now=at_once
        ))  # fmt: skip

    def end_period(self, dice: Random) -> None:
        unit = self.draw_unit(dice)
        name = self.draw_name(dice, unit, "allowance", NAMES)
        self.both("end_period", {"unit": unit, "name": name}, lambda key: stand.EndPeriod(
            key=key, account=self.account, unit=UNITS[unit].unit_id, name=name
        ))  # fmt: skip

    def set_period_end(self, dice: Random) -> None:
        unit = self.draw_unit(dice)
        name = self.draw_name(dice, unit, "allowance", NAMES)
        ends = self.now + pick(dice, (-DAY, 0, HOUR, DAY, 40 * DAY))
        self.both("set_period_end", {"unit": unit, "name": name, "ends": ends}, lambda key: stand.SetPeriodEnd(
            key=key, account=self.account, unit=UNITS[unit].unit_id, name=name, ends_at=ends
        ))  # fmt: skip

    def set_budget(self, dice: Random) -> None:
        unit, name = self.draw_unit(dice), pick(dice, CAPS)
        selects = {"member": pick(dice, (None, None, "ann")), "feature": pick(dice, (None, None, "chat"))}
        selects |= {"model": pick(dice, (None, None, "large")), "api_key": pick(dice, (None, None, None, "k1"))}
        said: dict[str, Any] = {
            "unit": unit, "name": name, "most": pick(dice, (0, 5, 20, 60)), "is_hard": dice.random() < 0.7,
            "per": pick(dice, (None, None, "member", "feature", "model", "api_key")),
            "selects": {what: who for what, who in selects.items() if who}, "zone": pick(dice, ZONES),
            "every": pick(dice, (None, *CADENCES)), "number": pick(dice, (1, 1, 2)),
        }  # fmt: skip
        if said["every"] and dice.random() < 0.4:
            said["anchor"] = self.now + int((dice.random() * 3 - 2) * SPANS[said["every"]]) // MINUTE * MINUTE
        if dice.random() < 0.2:
            said["cycle"] = self.draw_name(dice, unit, "allowance", NAMES)
        done = self.both("set_budget", said, lambda key: stand.SetBudget(
            key=key, account=self.account, unit=UNITS[unit].unit_id, name=name, most=said["most"],
            is_hard=said["is_hard"], per=Subject[said["per"].upper()] if said["per"] else Subject.ALL,
            every=Cadence[said["every"].upper()] if said["every"] else 0, count=said["number"],
            anchor=said.get("anchor"), zone=said["zone"] or "", cycle=said.get("cycle", ""),
            member=number(selects["member"]), feature=number(selects["feature"]), model=number(selects["model"]),
            api_key=number(selects["api_key"]),
        ))  # fmt: skip
        if done:
            self.budgets[unit, find_entry(done[1], unit).number] = done[0]["budget"]

    def change_budget(self, dice: Random) -> None:
        unit = self.draw_unit(dice)
        name = self.draw_name(dice, unit, "budget", CAPS)
        said = pick(dice, ({"most": pick(dice, (0, 10, 50))}, {"is_hard": dice.random() < 0.5}))
        self.both("change_budget", {"unit": unit, "name": name, **said}, lambda key: stand.ChangeBudget(
            key=key, account=self.account, unit=UNITS[unit].unit_id, name=name, **said
        ))  # fmt: skip

    def end_budget(self, dice: Random) -> None:
        unit = self.draw_unit(dice)
        name = self.draw_name(dice, unit, "budget", CAPS)
        self.both("end_budget", {"unit": unit, "name": name}, lambda key: stand.EndBudget(
            key=key, account=self.account, unit=UNITS[unit].unit_id, name=name
        ))  # fmt: skip

    def warn(self, dice: Random) -> None:
        """Thresholds to be told of."""
        unit = self.draw_unit(dice)
        alerts = tuple(dice.choice((-10, 0, 1, 5, 20, 50)) for _ in range(int(dice.random() * 5)))
        self.both("configure", {"unit": unit, "alerts": alerts}, lambda key: ask.Configure(
            key=key, account=self.account, unit=UNITS[unit].unit_id, terms=(), alerts=alerts
        ))  # fmt: skip

    def buy_by_itself(self, dice: Random) -> None:
        """The rule for automatic top-ups."""
        unit = self.draw_unit(dice)
        said = {"is_on": dice.random() < 0.8, "threshold": pick(dice, (-5, 0, 10)), "quantity": pick(dice, (0, 7, 50))}
        said |= {"target": pick(dice, (0, 0, 5, 60)), "whole_gap": dice.random() < 0.5, "least": pick(dice, (0, 25))}
        said |= {"most_per_day": pick(dice, (0, 0, 60)), "most_per_month": pick(dice, (0, 0, 150))}
        said |= {"back_off": pick(dice, (0, HOUR, 10 * DAY))}
        if dice.random() < 0.3:
            said = dict(list(said.items())[: 1 + int(dice.random() * 3)])
        core = tuple((TopUp._fields.index(name) + 1, int(value)) for name, value in said.items())
        self.both("configure", {"unit": unit, "top_up": said}, lambda key: ask.Configure(
            key=key, account=self.account, unit=UNITS[unit].unit_id, terms=(), top_up=core
        ))  # fmt: skip

    def decline_top_up(self, dice: Random) -> None:
        if self.purchases:
            asked = self.draw_thing(dice, self.purchases)
            self.both("decline_top_up", {"unit": asked.unit, "number": asked.naive}, lambda key: stand.DeclineTopUp(
                key=key, account=self.account, unit=UNITS[asked.unit].unit_id, top_up=asked.number
            ))  # fmt: skip

    def find_grant(self, dice: Random) -> Thing | None:
        """A grant, or what an allowance gave for the period in hand."""
        if self.grants and dice.random() < 0.85:
            return self.draw_thing(dice, self.grants)
        unit = self.draw_unit(dice)
        for of, allowance in self.real.look(unit, self.now).allowances.items():
            row = self.naive.allowances[self.allowances[unit, of]]
            is_in_hand = row["id"] in self.naive._working("allowance", unit) and row["turns"] > self.now
            if is_in_hand and row["lot"] and allowance.lot:
                return Thing(unit, row["lot"], allowance.lot)
        return None

    def clawback(self, dice: Random) -> None:
        grant = self.find_grant(dice)
        if grant is None:
            return self.grant(dice)
        said = pick(dice, ({}, {"money": pick(dice, (1, 33, 50, 100, 333))}, {"amount": self.draw_amount(dice)}))
        policy = pick(dice, ("debt", "debt", "write_off"))
        done = self.both(
            "clawback",
            {"lot": grant.naive, "policy": policy, **said},
            lambda key: stand.Clawback(
                key=key, grant=self.real.place(grant.unit, grant.number), grant_id="gra",
                policy=stand.SpentPolicy[policy.upper()], **said,
            ),
        )  # fmt: skip
        if done:
            entry, facts = find_entry(done[1], grant.unit), done[0]["units"][grant.unit]
            check("clawed back", (entry.amount, entry.uncovered), (facts["taken"] + facts["owed"], facts["uncovered"]))

    def reschedule(self, dice: Random) -> None:
        expires = pick(dice, (None, -MINUTE, 0, HOUR, 3 * DAY, 100 * DAY))
        expires = None if expires is None else self.now + expires
        grant = self.find_grant(dice) if dice.random() < 0.6 else None
        unit = self.draw_unit(dice) if grant is None else grant.unit
        self.both(
            "reschedule",
            {"unit": unit, "expires": expires, "lot": grant.naive if grant else None},
            lambda key: stand.Reschedule(
                key=key, account=self.account, unit=UNITS[unit].unit_id,
                expires_at=NEVER if expires is None else expires,
                grant=self.real.place(grant.unit, grant.number) if grant else None, grant_id="gra",
            ),
        )  # fmt: skip

    def advance(self, dice: Random) -> None:
        """Only test books move by hand; live ones refuse."""
        by = pick(dice, (0, MINUTE, HOUR, DAY, 33 * DAY, -HOUR))
        self.advance_by({"by": by} if dice.random() < 0.5 else {"to": self.now + by})

    def advance_to(self, to: int) -> None:
        self.advance_by({"to": to})

    def advance_by(self, said: dict[str, Any]) -> None:
        done = self.both("advance", {**said, "units": tuple(UNITS)}, lambda key: stand.Advance(
            key=key, account=self.account, unit_ids=tuple(unit.unit_id for unit in UNITS.values()), **said
        ))  # fmt: skip
        if done:
            check("advanced", find_lead_kind(done[1]), Kind.ADVANCED)
            self.now = self.naive.account["clock"]


def find_lead_kind(entries: list[Entry]) -> int:
    return next(entry.kind for entry in entries if entry.unit_id == 0)
