"""How the naive model decides: replays, states and clocks, then what fell due, then the request; all or nothing."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

from .naive_books import Amount, NaiveBooks, NaiveRefused, Record
from .naive_rows import UNDO, Row, take_back

OPENS_THE_ACCOUNT = {"open", "grant", "import", "allow", "set_budget", "together"}
ABOUT_THE_ACCOUNT = {"open", "freeze", "unfreeze", "close", "advance"}
OWN = "of the account"
"""Where a unit would stand, for what is written about the account itself: that has a clock too."""
PASSES_WHEN_CLOSED = {
    "settle", "release", "void", "forgive", "tidy", "clawback", "end_allowance", "end_budget", "decline_top_up",
    "advance",
}  # fmt: skip
STOPS_WHEN_FROZEN = {"hold", "extend"}


class NaiveDecisions(NaiveBooks):
    def _decide(
        self,
        kind: str,
        now: int,
        units: Iterable[str],
        key: str | None,
        asked: Record,
        act: Callable[[int], Record],
        stops_when_frozen: bool = False,
        to: Callable[[], int] | None = None,
    ) -> Record:
        """`to` says the decision's time where it is not the clock's. Part of several together, it only acts."""
        if self.at_once:
            return self._join(units, act)
        if key is not None:
            request = {"kind": kind, **copy.deepcopy(asked)}
            if key in self.keys:
                if self.keys[key]["request"] != request:
                    raise NaiveRefused("key_reused")
                return {**copy.deepcopy(self.keys[key]["result"]), "replayed": True}
        UNDO.clear()
        try:
            self._check_state(kind, stops_when_frozen)
            units = list(units)
            if kind in ABOUT_THE_ACCOUNT:
                units = [OWN, *units]
                self._note(OWN, kind)
            t = to() if to is not None else self.account["clock"] or now
            for unit in units:
                t = max(t, self.clocks.get(unit, t))
            before = {unit: (self._balance(unit), self._is_buying(unit)) for unit in units}
            for unit in units:
                self._pass_time(unit, t)
            result = {"replayed": False, **act(t)}
            for unit in units:
                self._pay_debts(unit)
                self._tell(unit, *before[unit], t)
                if unit in self.wrote:
                    self.clocks[unit] = t
            if kind == "tidy" and not self.wrote:
                # Nothing was worth a line, as the end of an empty lot is not: so nothing happened, and no time passed.
                take_back(0)
            result["alerts"] = {unit: list(fired) for unit, fired in self.fired.items()}
        except NaiveRefused:
            take_back(0)
            raise
        finally:
            self.wrote, self.fired = Row(), Row()
        if len(result.get("units", {})) == 1:
            result.update(*result["units"].values())
        if key is not None:
            self.keys[key] = {"request": request, "result": copy.deepcopy(result)}
        return result

    def _join(self, units: Iterable[str], act: Callable[[int], Record]) -> Record:
        result = act(self.at_once["t"])
        for unit in units:
            self._pay_debts(unit)
        return result

    def together(self, *, now: int, said: Any, parts: Iterable[tuple[str, Record]], key: str | None = None) -> Record:
        """Several requests as one, each a word and its terms. What was `said` is all that makes it the same again."""
        units = [OWN] if any(word == "subscribe" for word, _ in parts) else []
        units += dict.fromkeys(terms["unit"] for word, terms in parts if word != "subscribe")

        def act(t: int) -> Record:
            self.at_once = {"t": t}
            try:
                return {"parts": [getattr(self, word)(now=now, **terms) for word, terms in parts]}
            finally:
                self.at_once = {}

        return self._decide("together", now, units, key, {"said": said}, act)

    def subscribe(self, *, now: int, expected: int, step: Any) -> Record:
        """Only together with others. `expected`: how many steps there were when the caller looked."""

        def act(t: int) -> Record:
            if expected != len(self.steps):
                raise NaiveRefused("subscription_changed")
            self._note(OWN, "subscribed")
            self.steps[expected + 1] = (step, t)
            return {"step": expected + 1}

        return self._decide("subscribe", now, [OWN], None, {}, act)

    def _decide_each(
        self,
        kind: str,
        now: int,
        amounts: dict[str, int],
        key: str | None,
        asked: Record,
        act: Callable[[int, str, int], Record],
        finish: Callable[[Record], None] = lambda result: None,
        stops_when_frozen: bool = False,
    ) -> Record:
        """The same in every unit named, all or nothing."""

        def act_in_all(t: int) -> Record:
            if not amounts:
                raise NaiveRefused("amount_invalid")
            result: Record = {"units": {unit: act(t, unit, self._check(amounts[unit])) for unit in amounts}}
            finish(result)
            return result

        return self._decide(kind, now, amounts, key, {"amounts": amounts, **asked}, act_in_all, stops_when_frozen)

    def _decide_one(
        self, kind: str, now: int, unit: str, key: str | None, asked: Record, act: Callable[[int], Record]
    ) -> Record:
        """A request about one wallet, which it always writes in."""

        def act_and_write(t: int) -> Record:
            self._note(unit, kind)
            return {"units": {unit: act(t)}}

        return self._decide(kind, now, [unit], key, {"unit": unit, **asked}, act_and_write)

    def _check_state(self, kind: str, stops_when_frozen: bool) -> None:
        state = self.account["state"]
        if state is None and kind not in OPENS_THE_ACCOUNT:
            raise NaiveRefused("account_unknown")
        if state == "closed" and kind not in PASSES_WHEN_CLOSED:
            raise NaiveRefused("account_closed")
        if state == "frozen" and (stops_when_frozen or kind in STOPS_WHEN_FROZEN):
            raise NaiveRefused("account_frozen")
        self.account["state"] = state or "active"

    def _change_state(self, kind: str, state: str, now: int, key: str | None) -> Record:
        def act(t: int) -> Record:
            self.account["state"] = state
            return {}

        return self._decide(kind, now, [], key, {}, act)

    def _check(self, amount: Any) -> int:
        if isinstance(amount, int) and not isinstance(amount, bool) and amount >= 0:
            return amount
        raise NaiveRefused("amount_invalid")

    def _spread(self, amount: Amount | None, units: list[str]) -> dict[str, int | None]:
        """An amount for each unit: all of it when None, and in a unit that a dict leaves out."""
        if amount is None:
            return dict.fromkeys(units)
        if not isinstance(amount, dict):
            if len(units) != 1:
                raise NaiveRefused("amount_needs_units")
            amount = {units[0]: amount}
        if not set(amount) <= set(units):
            raise NaiveRefused("unit_unknown")
        return {unit: self._check(amount[unit]) if unit in amount else None for unit in units}

    def _units_of(self, found: Record | None) -> list[str]:
        return [] if found is None else list(found["units"])

    def _find_hold(self, hold: int, states: set[str]) -> Row:
        if hold not in self.holds:
            raise NaiveRefused("hold_unknown")
        found: Row = self.holds[hold]
        if any(part["state"] not in states for part in found["units"].values()):
            raise NaiveRefused("hold_ended")
        return found

    # Time.

    def _pass_time(self, unit: str, t: int) -> None:
        """Everything that is due up to t, one at a time, in order of due time, then kind, then number."""
        while due := self._list_due(unit, t):
            at, kind, number = min(due)
            if kind == 0:
                self._end_hold(self.holds[number], unit, "timed_out", at)
            elif kind == 1:
                self._expire(self.lots[number])
            elif kind == 2:
                self._note(unit, "started")
                self._write(unit, "granted", self.lots[number]["remaining"])
                self.lots[number]["state"] = "live"
            else:
                self._turn(self.allowances[number], at)
            self._pay_debts(unit)

    def _list_due(self, unit: str, t: int) -> list[tuple[int, int, int]]:
        due = [(h["deadline"], 0, n) for n, h in self._working("hold", unit).items() if h["deadline"] <= t]
        for number, lot in self._working("lot", unit).items():
            if lot["expires"] is not None and lot["expires"] <= t:
                due.append((lot["expires"], 1, number))
            if lot["state"] == "pending" and lot["remaining"] and lot["effective"] <= t:
                due.append((lot["effective"], 2, number))
        if self.account["state"] != "closed":
            due += [(a["turns"], 3, n) for n, a in self._working("allowance", unit).items() if a["turns"] <= t]
        return due

    def _expire(self, lot: Row) -> None:
        """What is left is breakage."""
        if lot["remaining"]:
            self._note(lot["unit"], "expired")
            lot["unused"] += lot["remaining"]
            self._write(lot["unit"], "expired", lot["remaining"] if lot["state"] == "live" else 0)
        lot.update(remaining=0, state="ended")
        del self._working("lot", lot["unit"])[lot["id"]]

    # What the classes that build on this one tell.

    def _turn(self, allowance: Row, at: int) -> None:
        raise NotImplementedError

    def _is_buying(self, unit: str) -> bool:
        raise NotImplementedError

    def _tell(self, unit: str, before: int, was_buying: bool, t: int) -> None:
        raise NotImplementedError
