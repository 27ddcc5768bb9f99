"""What the naive model writes down, how it lets time pass, how it adds up: plain dicts, nothing remembered twice.

Lots, holds and charges are named 1, 2, 3 in the order of their making. No total is kept: each is added up when asked
for. `naive.py` has the requests.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

Record = dict[str, Any]
Amount = int | dict[str, int]

SECOND = 1_000_000
DAY = 86_400 * SECOND
DEFAULT_TERMS: Record = {
    "overdraft": 0,
    "settle_above_hold": "bill_full",
    "hold_ttl": 900 * SECOND,
    "refund_grace": 30 * DAY,
    "rest_of_ended_lot": "breakage",
}
COLUMNS = ("granted", "refunded", "adjusted", "spent", "expired")
OPENS_THE_ACCOUNT = {"open", "grant", "import"}
PASSES_WHEN_CLOSED = {"settle", "release", "void", "forgive", "tidy"}
STOPS_WHEN_FROZEN = {"hold", "extend"}


class NaiveRefused(Exception):
    """The answer is no, for `reason`; nothing was written. `facts` are the numbers that explain it."""

    def __init__(self, reason: str, **facts: Any) -> None:
        super().__init__(reason, facts)
        self.reason = reason
        self.facts = facts


def join_neighbours(pairs: Iterable[tuple[Any, int]]) -> list[tuple[Any, int]]:
    """What was taken from one lot twice in a row is told once."""
    joined: list[tuple[Any, int]] = []
    for name, amount in pairs:
        if joined and joined[-1][0] == name:
            joined[-1] = (name, joined[-1][1] + amount)
        elif amount:
            joined.append((name, amount))
    return joined


def make_bill(feature: str | None) -> Record:
    return {"feature": feature, "units": {}}


def make_bill_part() -> Record:
    return {"charged": 0, "refunded": 0, "draws": [], "debts": [], "grace": None}


def pays_for(lot: Record, feature: str | None) -> bool:
    return not lot["features"] or feature in lot["features"]


class NaiveBooks:
    """One account in several units. A refused request leaves all of it as it was, the clocks too."""

    def __init__(self) -> None:
        self.state: str | None = None
        self.keys: dict[str, Record] = {}
        self.terms: dict[str | None, Record] = {}
        self.clocks: dict[str, int] = {}
        self.journal: list[tuple[str, str, int]] = []
        self.lots: dict[int, Record] = {}
        self.debts: dict[int, Record] = {}
        self.holds: dict[int, Record] = {}
        self.charges: dict[int, Record] = {}

    # One decision.

    def _decide(
        self,
        kind: str,
        now: int,
        units: Iterable[str],
        key: str | None,
        asked: Record,
        act: Callable[[int], Record],
        stops_when_frozen: bool = False,
    ) -> Record:
        request = {"kind": kind, **copy.deepcopy(asked)}
        if key is not None and key in self.keys:
            if self.keys[key]["request"] != request:
                raise NaiveRefused("key_reused")
            return {**copy.deepcopy(self.keys[key]["result"]), "replayed": True}
        before = copy.deepcopy(self.__dict__)
        try:
            self._check_state(kind, stops_when_frozen)
            units = list(units)
            t = max([now, *[self.clocks.get(unit, now) for unit in units]])
            for unit in units:
                self.clocks[unit] = t
                self._pass_time(unit, t)
            result = {"replayed": False, **act(t)}
            for unit in units:
                self._pay_debts(unit)
        except NaiveRefused:
            self.__dict__ = before
            raise
        if len(result.get("units", {})) == 1:
            result.update(*result["units"].values())
        if key is not None:
            self.keys[key] = {"request": request, "result": copy.deepcopy(result)}
        return result

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

    def _check_state(self, kind: str, stops_when_frozen: bool) -> None:
        if self.state is None and kind not in OPENS_THE_ACCOUNT:
            raise NaiveRefused("account_unknown")
        if self.state == "closed" and kind not in PASSES_WHEN_CLOSED:
            raise NaiveRefused("account_closed")
        if self.state == "frozen" and (stops_when_frozen or kind in STOPS_WHEN_FROZEN):
            raise NaiveRefused("account_frozen")
        self.state = self.state or "active"

    def _change_state(self, kind: str, state: str, now: int, key: str | None) -> Record:
        def act(t: int) -> Record:
            self.state = state
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

    def _find_hold(self, hold: int, states: set[str]) -> Record:
        if hold not in self.holds:
            raise NaiveRefused("hold_unknown")
        found = self.holds[hold]
        if any(part["state"] not in states for part in found["units"].values()):
            raise NaiveRefused("hold_ended")
        return found

    # Time.

    def _pass_time(self, unit: str, t: int) -> None:
        """Everything that is due up to t, one at a time, in order of due time, then kind, then number."""
        while due := self._list_due(unit, t):
            at, kind, number = min(due)
            if kind == 0:
                self._return_rest(self.holds[number], unit, at)
                self.holds[number]["units"][unit]["state"] = "timed_out"
            elif kind == 1:
                self._write(unit, "expired", self.lots[number]["remaining"])
                self.lots[number].update(remaining=0, state="ended")
            else:
                self._write(unit, "granted", self.lots[number]["remaining"])
                self.lots[number]["state"] = "live"
            self._pay_debts(unit)

    def _list_due(self, unit: str, t: int) -> list[tuple[int, int, int]]:
        due = []
        for number, hold in self.holds.items():
            if unit in hold["units"] and hold["units"][unit]["state"] == "open" and hold["deadline"] <= t:
                due.append((hold["deadline"], 0, number))
        for number, lot in self.lots.items():
            if lot["unit"] != unit:
                continue
            if lot["state"] == "live" and lot["expires"] is not None and lot["expires"] <= t:
                due.append((lot["expires"], 1, number))
            if lot["state"] == "pending" and lot["effective"] <= t:
                due.append((lot["effective"], 2, number))
        return due

    # Lots.

    def _add_lot(
        self,
        unit: str,
        amount: int,
        t: int,
        *,
        priority: int = 50,
        effective: int | None = None,
        expires: int | None = None,
        promotional: bool = False,
        features: Iterable[str] | None = None,
        source: str = "purchase",
    ) -> Record:
        starts = t if effective is None else effective
        lot: Record = {
            "id": len(self.lots) + 1,
            "unit": unit,
            "amount": amount,
            "remaining": amount,
            "priority": priority,
            "effective": starts,
            "expires": expires,
            "promotional": promotional,
            "features": tuple(features or ()),
            "source": source,
            "state": "live" if starts <= t else "pending",
        }
        self.lots[lot["id"]] = lot
        return lot

    def _add_grace_lot(self, unit: str, feature: str | None, ended: list[tuple[Record, int]], t: int) -> Record:
        is_scoped = feature is not None and any(lot["features"] for lot, _ in ended)
        return self._add_lot(
            unit,
            sum(amount for _, amount in ended),
            t,
            expires=t + self._term(unit, "refund_grace"),
            promotional=all(lot["promotional"] for lot, _ in ended),
            features=[feature] if is_scoped and feature else None,
            source="refund",
        )

    def _live_lots(self, unit: str) -> list[Record]:
        """In burn-down order, the empty ones too."""

        def burn_down(lot: Record) -> tuple[Any, ...]:
            never_ends = lot["expires"] is None
            return (
                lot["priority"],
                (never_ends, 0 if never_ends else lot["expires"]),
                not lot["features"],
                not lot["promotional"],
                lot["effective"],
                lot["id"],
            )

        return sorted((x for x in self.lots.values() if x["unit"] == unit and x["state"] == "live"), key=burn_down)

    def _period_lots(self, unit: str) -> list[Record]:
        return [lot for lot in self._live_lots(unit) if lot["source"] in ("plan", "bonus")]

    def _take(self, lots: list[Record], amount: int) -> tuple[list[tuple[int, int]], int]:
        """From these lots in this order; what they lack is the second answer."""
        draws = []
        for lot in lots:
            taken = min(amount, lot["remaining"])
            lot["remaining"] -= taken
            amount -= taken
            if taken:
                draws.append((lot["id"], taken))
        return draws, amount

    def _draw(self, unit: str, feature: str | None, amount: int) -> tuple[list[tuple[int, int]], int]:
        return self._take([lot for lot in self._live_lots(unit) if pays_for(lot, feature)], amount)

    def _is_over(self, lot: int, t: int) -> bool:
        """A lot lives while t is before its end, whether or not its end was written down yet."""
        return self.lots[lot]["expires"] is not None and bool(self.lots[lot]["expires"] <= t)

    def _fill(self, back: list[tuple[Any, int]], t: int) -> list[tuple[Any, int]]:
        """Credits back to the lots that live; what is meant for ended lots is left to the caller."""
        told = []
        for name, amount in back:
            if name in self.lots and self._is_over(name, t):
                continue
            if name in self.lots:
                self.lots[name]["remaining"] += amount
            told.append((name, amount))
        return told

    # Charges and debts.

    def _fit(self, unit: str, feature: str | None, amount: int, mode: str) -> int:
        """How much of the amount this mode lets through."""
        available = self._available(unit, feature)
        if mode == "strict" and amount > 0 and amount > available:
            raise NaiveRefused("insufficient_credits", needed=amount, available=available)
        if mode in ("all_available", "shrink"):
            return min(amount, max(0, available))
        if mode not in ("strict", "record"):
            raise NaiveRefused("mode_unknown")
        return amount

    def _bill(self, bill: Record, unit: str, used: list[tuple[int, int]], rest: int) -> Record:
        """Writes a charge of what was held (`used`) and of a rest that lots pay now, or else is owed."""
        draws, owed = self._draw(unit, bill["feature"], rest)
        charged = sum(amount for _, amount in used) + rest
        part = bill["units"].setdefault(unit, make_bill_part())
        part["charged"] += charged
        part["draws"] += [[lot, amount] for lot, amount in used + draws]
        if owed:
            part["debts"].append([self._owe(unit, bill["feature"], owed), owed])
        self._write(unit, "spent", charged)
        return {"charged": charged, "draws": join_neighbours(used + draws), "owed": owed}

    def _owe(self, unit: str, feature: str | None, amount: int) -> int:
        number = len(self.debts) + 1
        self.debts[number] = {"unit": unit, "feature": feature, "amount": amount, "remaining": amount, "payers": []}
        return number

    def _list_debts(self, unit: str) -> list[Record]:
        return [debt for debt in self.debts.values() if debt["unit"] == unit]

    def _pay_debts(self, unit: str) -> None:
        for debt in self._list_debts(unit):
            draws, debt["remaining"] = self._draw(unit, debt["feature"], debt["remaining"])
            debt["payers"] += [[lot, amount] for lot, amount in draws]

    def _forgive(self, unit: str, amount: int) -> None:
        for debt in self._list_debts(unit):
            forgiven = min(amount, debt["remaining"])
            debt["remaining"] -= forgiven
            amount -= forgiven
            if forgiven:
                debt["payers"].append(["forgiven", forgiven])

    # Holds.

    def _held(self, part: Record) -> int:
        return int(sum(amount for _, amount in part["covered"]) + part["bare"])

    def _open_parts(self, unit: str) -> list[Record]:
        parts = [hold["units"][unit] for hold in self.holds.values() if unit in hold["units"]]
        return [part for part in parts if part["state"] == "open"]

    def _take_from_front(self, part: Record, amount: int) -> tuple[list[tuple[int, int]], int]:
        """Held credits are used in the order they were drawn; what they lack is the second answer."""
        used, kept = [], []
        for lot, covered in part["covered"]:
            taken = min(amount, covered)
            amount -= taken
            if taken:
                used.append((lot, taken))
            if covered > taken:
                kept.append((lot, covered - taken))
        part["covered"] = kept
        return used, amount

    def _return_rest(self, hold: Record, unit: str, t: int) -> list[tuple[Any, int]]:
        """What is still held goes back, last drawn first; the bare part was nothing but a number."""
        part = hold["units"][unit]
        back = list(reversed(part["covered"]))
        part.update(covered=[], bare=0)
        ended = [(self.lots[lot], amount) for lot, amount in back if self._is_over(lot, t)]
        told = self._fill(back, t)
        if ended:
            total = sum(amount for _, amount in ended)
            has_grace = self._term(unit, "rest_of_ended_lot") == "grace" and self._term(unit, "refund_grace") > 0
            if has_grace:
                told.append((self._add_grace_lot(unit, hold["feature"], ended, t)["id"], total))
            else:
                self._write(unit, "expired", total)
                told.append(("breakage", total))
        return join_neighbours(told)

    # Sums.

    def _term(self, unit: str, name: str) -> Any:
        return {**DEFAULT_TERMS, **self.terms.get(None, {}), **self.terms.get(unit, {})}[name]

    def _write(self, unit: str, column: str, amount: int) -> None:
        self.journal.append((unit, column, amount))

    def _total(self, unit: str, column: str) -> int:
        return sum(amount for u, c, amount in self.journal if (u, c) == (unit, column))

    def _debt(self, unit: str) -> int:
        return sum(int(debt["remaining"]) for debt in self._list_debts(unit))

    def _covered(self, unit: str) -> int:
        return sum(amount for part in self._open_parts(unit) for _, amount in part["covered"])

    def _covered_on(self, lot: Record) -> int:
        parts = self._open_parts(lot["unit"])
        return sum(amount for part in parts for number, amount in part["covered"] if number == lot["id"])

    def _balance(self, unit: str) -> int:
        return sum(int(lot["remaining"]) for lot in self._live_lots(unit)) + self._covered(unit) - self._debt(unit)

    def _available(self, unit: str, feature: str | None) -> int:
        free = sum(lot["remaining"] for lot in self._live_lots(unit) if pays_for(lot, feature))
        bare = sum(part["bare"] for part in self._open_parts(unit))
        return int(free + self._term(unit, "overdraft") - self._debt(unit) - bare)

    def _used(self, unit: str) -> int:
        lots = self._period_lots(unit)
        return sum(int(x["amount"] - x["remaining"]) - self._covered_on(x) for x in lots) + self._debt(unit)

    # Reading: everything due is applied to a copy, and nothing is written.

    def snapshot(self, unit: str, now: int) -> Record:
        seen = self._look(unit, now)
        return {
            "balance": seen._balance(unit),
            "held": sum(seen._held(part) for part in seen._open_parts(unit)),
            "covered": seen._covered(unit),
            "bare": sum(part["bare"] for part in seen._open_parts(unit)),
            "debt": seen._debt(unit),
            "overdraft": seen._term(unit, "overdraft"),
            "available": seen._available(unit, None),
            **{column: seen._total(unit, column) for column in COLUMNS},
            "lots": {lot["id"]: lot["remaining"] for lot in seen._live_lots(unit)},
            "debts": {n: d["remaining"] for n, d in seen.debts.items() if d["unit"] == unit and d["remaining"]},
            "holds": {n: h["units"][unit]["state"] for n, h in seen.holds.items() if unit in h["units"]},
            "used": seen._used(unit),
        }

    def available(self, unit: str, now: int, feature: str | None = None) -> int:
        return self._look(unit, now)._available(unit, feature)

    def _look(self, unit: str, now: int) -> NaiveBooks:
        seen = copy.deepcopy(self)
        seen._pass_time(unit, max(now, self.clocks.get(unit, now)))
        return seen
