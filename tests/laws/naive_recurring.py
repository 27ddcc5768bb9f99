"""The naive model's allowances (rules 18 to 21): each turn by itself, however many there are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .naive_books import NaiveRefused, Record
from .naive_caps import NaiveCaps
from .naive_periods import Recurrence, boundary, calendar_start, find_number
from .naive_rows import Row


def round_half_up(top: int, bottom: int) -> int:
    return (2 * top + bottom) // (2 * bottom)


class NaiveAllowances(NaiveCaps):
    def allow(
        self,
        *,
        now: int,
        name: str,
        amount: int,
        every: str,
        unit: str = "credits",
        number: int = 1,
        anchor: int | None = None,
        is_calendar: bool = False,
        zone: str | None = None,
        priority: int = 10,
        promotional: bool = False,
        features: Iterable[str] | None = None,
        source: str = "plan",
        rollover: str = "none",
        cap: int = 0,
        cap_percent: int = 0,
        keep: int = 0,
        on_turn: str = "keep",
        first: int | None = None,
        is_prorated: bool = False,
        starts: int | None = None,
        until: int | None = None,
        instead_of: str | None = None,
        change_mode: str = "replace",
        key: str | None = None,
    ) -> Record:
        """`until`: when it ends by itself. `instead_of`: whose place it takes; modes: replace, add, keep_used."""

        def act(t: int) -> Record:
            old = self._find_allowance(unit, instead_of) if instead_of else None
            if any(each["name"] == name and each is not old for each in self._working("allowance", unit).values()):
                raise NaiveRefused("allowance_exists")
            where = zone or self.account["zone"]
            start = calendar_start(every, where) if is_calendar else t if anchor is None else anchor
            allowance = Row(
                id=len(self.allowances) + 1, name=name, unit=unit, amount=amount,
                recurrence=Recurrence(every, number, start, where), priority=priority, promotional=promotional,
                features=tuple(features or ()), source=source, rollover=rollover, cap=cap, cap_percent=cap_percent,
                keep=keep, on_turn=on_turn, until=until, starts=t, turns=t, lot=None,
            )  # fmt: skip
            self._refuse_senseless(allowance)
            self._refuse_past_until(allowance, t)
            self.allowances[allowance["id"]] = self._working("allowance", unit)[allowance["id"]] = allowance
            if starts is not None and starts > t:
                allowance.update(starts=starts, turns=self._cut_short(allowance, starts))
                self._hand_over(old, allowance, t)
                self._take_place_of(old, change_mode, t)
                return {"allowance": allowance["id"], "granted": 0}
            gives = self._begin_first(allowance, old if change_mode == "keep_used" else None, first, is_prorated, t)
            self._hand_over(old, allowance, t)
            self._take_place_of(old, change_mode, t)
            return {"allowance": allowance["id"], "granted": gives}

        asked = {
            "name": name, "amount": amount, "every": every, "number": number, "anchor": anchor, "cap": cap,
            "is_calendar": is_calendar, "zone": zone, "rollover": rollover, "cap_percent": cap_percent, "keep": keep,
            "on_turn": on_turn, "first": first, "is_prorated": is_prorated, "starts": starts, "priority": priority,
            "promotional": promotional, "features": features, "source": source, "until": until,
            "instead_of": instead_of, "change_mode": change_mode,
        }  # fmt: skip
        return self._decide_one("allow", now, unit, key, asked, act)

    def _begin_first(self, allowance: Row, used: Row | None, first: int | None, is_prorated: bool, t: int) -> int:
        """The period in hand; what was used of another allowance may count as used of this one."""
        n = find_number(allowance["recurrence"], t)
        begin, end = boundary(allowance["recurrence"], n), boundary(allowance["recurrence"], n + 1)
        allowance["turns"] = self._cut_short(allowance, end)
        full = first if first is not None else int(allowance["amount"])
        if first is None and is_prorated:
            full = round_half_up(full * (end - t), end - begin)
        gives = full if used is None else max(0, full - self._count_gone(used, t))
        self._begin(allowance, gives, t)
        if gives < full and allowance["lot"]:
            self.lots[allowance["lot"]]["amount"] = full
        return gives

    def _cut_short(self, allowance: Row, end: int) -> int:
        """No period lasts longer than its allowance."""
        return end if allowance["until"] is None else min(end, allowance["until"])

    def _refuse_past_until(self, allowance: Row, t: int) -> None:
        if allowance["until"] is not None and allowance["until"] <= t:
            raise NaiveRefused("time_invalid")

    def _count_gone(self, allowance: Row, t: int) -> int:
        """What is no longer in the lot in hand, while that lives."""
        lot = self.lots[allowance["lot"]] if allowance["lot"] else None
        return 0 if lot is None or self._is_over(lot["id"], t) else lot["amount"] - lot["remaining"]

    def _hand_over(self, old: Row | None, new: Row, t: int) -> None:
        """What only ends with the period is not replaced with it: it ends when it was to end."""
        if old is None:
            return
        for lot in self._list_lots_of(old):
            if lot["source"] != old["source"] and lot["effective"] >= old["starts"] and not self._is_over(lot["id"], t):
                lot["allowance"] = new["id"] if lot["expires"] == new["turns"] else None

    def _take_place_of(self, old: Row | None, mode: str, t: int) -> None:
        if old is not None:
            self._finish(old, old["turns"] if mode == "add" else t, t)

    def _refuse_senseless(self, allowance: Row) -> None:
        has_cap = bool(allowance["cap"] or allowance["cap_percent"])
        if has_cap != (allowance["rollover"] == "capped"):
            raise NaiveRefused("setting_invalid")
        if allowance["rollover"] == "none" and allowance["keep"]:
            raise NaiveRefused("setting_invalid")

    def _find_allowance(self, unit: str, name: str) -> Row:
        for allowance in self._working("allowance", unit).values():
            if allowance["name"] == name:
                return allowance  # type: ignore[no-any-return]
        raise NaiveRefused("allowance_not_found")

    def _begin(self, allowance: Row, amount: int, t: int) -> None:
        """The credits of the period in hand, in a lot of their own."""
        allowance["lot"] = None
        if amount:
            lot = self._add_lot(
                allowance["unit"], amount, t, priority=allowance["priority"], expires=self._find_lot_end(allowance),
                promotional=allowance["promotional"], features=allowance["features"], source=allowance["source"],
                allowance=allowance["id"], is_given=True,
            )  # fmt: skip
            allowance["lot"] = lot["id"]
        self._write(allowance["unit"], "granted", amount)

    def _find_lot_end(self, allowance: Row) -> int | None:
        """With the period, or as many boundaries later as it may be carried, or never."""
        if allowance["rollover"] == "none":
            return int(allowance["turns"])
        if not allowance["keep"]:
            return None
        n = find_number(allowance["recurrence"], allowance["turns"])
        return boundary(allowance["recurrence"], n + allowance["keep"])

    def _list_given(self, allowance: Row) -> list[Row]:
        """All that it gave and that lives, oldest first."""
        return [lot for lot in self._list_lots_of(allowance) if lot["is_given"]]

    def _turn(self, allowance: Row, at: int, ends: int | None = None) -> None:
        """Forgive, trim, give. What is not carried has expired by now."""
        unit = allowance["unit"]
        self._note(unit, "turned")
        if allowance["until"] is not None and at >= allowance["until"]:
            return self._finish(allowance, at, at)
        if allowance["on_turn"] == "forgive":
            self._write(unit, "adjusted", self._debt(unit))
            self._forgive(unit, self._debt(unit))
        if allowance["rollover"] == "capped":
            cap = allowance["cap"]
            if allowance["cap_percent"]:
                cap = allowance["amount"] * allowance["cap_percent"] // 1_000_000
            above = sum(lot["remaining"] for lot in self._list_given(allowance)) - cap
            for lot in self._list_given(allowance):
                trimmed = min(max(0, above), lot["remaining"])
                if trimmed:
                    self._note(unit, "expired")
                    above -= trimmed
                    lot["remaining"] -= trimmed
                    lot["unused"] += trimmed
                    self._write(unit, "expired", trimmed)
        if ends is None:
            ends = boundary(allowance["recurrence"], find_number(allowance["recurrence"], at) + 1)
        allowance.update(starts=at, turns=self._cut_short(allowance, ends))
        self._begin(allowance, allowance["amount"], at)

    def change_allowance(
        self,
        *,
        now: int,
        name: str,
        mode: str = "replace",
        unit: str = "credits",
        key: str | None = None,
        **changes: Any,
    ) -> Record:
        """Modes: replace, add, keep_used, at_turn. `changes`: amount, the terms of its rollover, on_turn, until."""

        def act(t: int) -> Record:
            allowance = self._find_allowance(unit, name)
            before = allowance["amount"]
            whole = self._find_whole_end(allowance, t)
            self._change_terms(allowance, changes)
            self._refuse_past_until(allowance, t)
            if "until" in changes:
                for ending in self._list_ending(allowance):
                    ending["expires"] = self._cut_short(allowance, whole)
                allowance["turns"] = self._cut_short(allowance, whole)
            lot: Row | None = self.lots[allowance["lot"]] if allowance["lot"] else None
            if lot is not None and self._is_over(lot["id"], t):
                lot = None
            amount = changes.get("amount")
            if allowance["starts"] > t:
                return {}
            replaces = amount is not None and mode == "replace"
            if lot is not None and not replaces:
                lot["expires"] = self._find_lot_end(allowance)
            if lot is not None and replaces:
                lot["expires"] = t
                self._expire(lot)
            if amount is not None and mode in ("replace", "add"):
                self._begin(allowance, amount, t)
            if amount is not None and mode == "keep_used":
                self._resize(allowance, lot, amount - before, t)
            return {}

        return self._decide_one("change_allowance", now, unit, key, {"name": name, "mode": mode, **changes}, act)

    def _find_whole_end(self, allowance: Row, t: int) -> int:
        """When the period in hand would end if the allowance did not."""
        if allowance["until"] is None or allowance["turns"] < allowance["until"]:
            return int(allowance["turns"])
        if allowance["starts"] > t:
            return int(allowance["starts"])
        recurrence = allowance["recurrence"]
        return boundary(recurrence, find_number(recurrence, allowance["until"] - 1) + 1)

    def _change_terms(self, allowance: Row, changes: Record) -> None:
        """A cap replaces a cap of the other sort; a cap and a keep go with the rollover that they belong to."""
        if changes.get("rollover", allowance["rollover"]) == "none":
            allowance.update(cap=0, cap_percent=0, keep=0)
        elif changes.get("rollover") == "all" or "cap" in changes or "cap_percent" in changes:
            allowance.update(cap=0, cap_percent=0)
        allowance.update(**changes)
        self._refuse_senseless(allowance)

    def _resize(self, allowance: Row, lot: Row | None, more: int, t: int) -> None:
        """The difference goes into the lot in hand, or out of what is unused there."""
        if lot is None:
            if more > 0:
                self._begin(allowance, more, t)
            return
        moved = max(more, -lot["remaining"])
        lot.update(remaining=lot["remaining"] + moved, amount=max(0, lot["amount"] + more))
        self._write(lot["unit"], "granted" if moved > 0 else "adjusted", moved)

    def end_allowance(
        self, *, now: int, name: str, at_once: bool = False, unit: str = "credits", key: str | None = None
    ) -> Record:
        """What the period in hand gave lives to its end, or everything goes at once."""

        def act(t: int) -> Record:
            allowance = self._find_allowance(unit, name)
            for lot in self._list_lots_of(allowance) if at_once else ():
                lot["expires"] = t
                self._expire(lot)
            self._finish(allowance, allowance["turns"], t)
            return {}

        return self._decide_one("end_allowance", now, unit, key, {"name": name, "at_once": at_once}, act)

    def _finish(self, allowance: Row, ends: int, t: int) -> None:
        """It turns no more, and nothing that the period in hand gave outlives `ends`."""
        del self._working("allowance", allowance["unit"])[allowance["id"]]
        for lot in self._list_lots_of(allowance):
            if lot["effective"] >= allowance["starts"] and (lot["expires"] is None or lot["expires"] > ends):
                lot["expires"] = ends
                if self._is_over(lot["id"], t):
                    self._expire(lot)

    def _list_lots_of(self, allowance: Row) -> list[Row]:
        """All that it gave, and all that ends with its period."""
        lots = sorted(self._working("lot", allowance["unit"]).items())
        return [lot for _, lot in lots if lot["allowance"] == allowance["id"]]

    def _list_ending(self, allowance: Row) -> list[Row]:
        """What ends with the period in hand."""
        return [
            lot
            for lot in self._list_lots_of(allowance)
            if lot["expires"] == allowance["turns"] and not self._is_carried(lot)
        ]

    def end_period(self, *, now: int, name: str, unit: str = "credits", key: str | None = None) -> Record:
        """The next one begins now, and lasts until the same date."""

        def act(t: int) -> Record:
            allowance = self._find_allowance(unit, name)
            self._end_now(allowance, t, allowance["turns"])
            return {}

        return self._decide_one("end_period", now, unit, key, {"name": name}, act)

    def set_period_end(
        self, *, now: int, name: str, ends: int, unit: str = "credits", key: str | None = None
    ) -> Record:
        """An end that has passed comes now."""

        def act(t: int) -> Record:
            allowance = self._find_allowance(unit, name)
            end = self._cut_short(allowance, max(t, ends))
            for lot in self._list_ending(allowance):
                lot["expires"] = end
            is_waiting = allowance["starts"] > t
            allowance["turns"] = end
            if is_waiting:
                allowance["starts"] = end
            if ends <= t:
                self._end_now(allowance, t, None)
            return {}

        return self._decide_one("set_period_end", now, unit, key, {"name": name, "ends": ends}, act)

    def _end_now(self, allowance: Row, t: int, ends: int | None) -> None:
        for lot in self._list_ending(allowance):
            lot["expires"] = t
            self._expire(lot)
        self._turn(allowance, t, ends)
