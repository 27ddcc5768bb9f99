"""What the naive model writes down, how it lets time pass, how it adds up: plain rows, nothing remembered twice.

Lots, holds, charges and allowances are named 1, 2, 3 in the order of their making. What builds on this: how it decides
(`naive_decisions.py`), budgets, alerts and top-ups (`naive_caps.py`), allowances (`naive_recurring.py`), corrections
(`naive_corrections.py`), and at last all other requests (`naive.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .naive_rows import UNDO, Row, take_back

Record = dict[str, Any]
Amount = int | dict[str, int]
Draws = tuple[tuple[Any, int], ...]

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


def take_last(draws: Draws, amount: int) -> tuple[list[tuple[Any, int]], Draws]:
    """The last `amount` of what was drawn, last first, and what is left of the draws."""
    back, left = [], list(draws)
    while amount and left:
        name, drawn = left.pop()
        undone = min(amount, drawn)
        amount -= undone
        back.append((name, undone))
        if drawn > undone:
            left.append((name, drawn - undone))
    return back, tuple(left)


def make_bill(feature: str | None) -> Row:
    return Row(feature=feature, units=Row())


def make_bill_part() -> Row:
    return Row(charged=0, refunded=0, draws=(), debts=(), grace=None, counted=())


def pays_for(lot: Record, feature: str | None) -> bool:
    return not lot["features"] or feature in lot["features"]


def burn_down(lot: Record) -> tuple[Any, ...]:
    never_ends = lot["expires"] is None
    return (
        lot["priority"],
        never_ends,
        0 if never_ends else lot["expires"],
        not lot["features"],
        not lot["promotional"],
        lot["effective"],
        lot["id"],
    )


class NaiveBooks:
    """One account in several units. A refused request leaves all of it as it was, the clocks too."""

    def __init__(self) -> None:
        self.account = Row(state=None, zone="UTC", clock=0)
        self.keys = Row()
        self.terms = Row()
        self.clocks = Row()
        self.totals = Row()
        self.lots = Row()
        self.debts = Row()
        self.holds = Row()
        self.charges = Row()
        self.allowances = Row()
        self.budgets = Row()
        self.alerts = Row()
        self.top_ups = Row()
        self.wrote: Row = Row()
        """What the decision in hand wrote: unit -> the words for it."""
        self.fired: Row = Row()
        """Alerts of the decision in hand: unit -> (kind, of what, how much)."""
        self.steps = Row()
        """Of the subscription, the first is 1."""
        self.meters = Row()
        """What prices with a memory remember: (unit, under which name) -> its row."""
        self.at_once: Record = {}
        """Where several requests are decided as one: the instant."""
        self.at_work = Row()
        """The lots, holds and debts that can still change, by kind and unit: all of them are in the rows above, most
        of those are over, and to look through all again and again takes long."""

    def _working(self, kind: str, unit: str) -> Row:
        if (kind, unit) not in self.at_work:
            self.at_work[kind, unit] = Row()
        return self.at_work[kind, unit]  # type: ignore[no-any-return]

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
        cost: int = 0,
        allowance: int | None = None,
        is_given: bool = False,
    ) -> Row:
        """`cost`: the money paid; `allowance`: with whose period it ends, or who gave it, if `is_given`."""
        starts = t if effective is None else effective
        lot = Row(
            id=len(self.lots) + 1,
            unit=unit,
            amount=amount,
            remaining=amount,
            priority=priority,
            effective=starts,
            expires=expires,
            promotional=promotional,
            features=tuple(features or ()),
            source=source,
            state="live" if starts <= t else "pending",
            cost=cost,
            allowance=allowance,
            is_given=is_given,
            unused=0,
            money_back=0,
            clawed_back=0,
            unused_back=0,
        )
        self.lots[lot["id"]] = lot
        self._working("lot", unit)[lot["id"]] = lot
        return lot

    def _add_grace_lot(self, unit: str, feature: str | None, ended: list[tuple[Record, int]], t: int) -> Row:
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

    def _live_lots(self, unit: str) -> list[Row]:
        """In burn-down order, the empty ones too."""
        return sorted((x for x in self._working("lot", unit).values() if x["state"] == "live"), key=burn_down)

    def _list_full(self, unit: str) -> list[Row]:
        """In burn-down order, without the empty ones."""
        lots = self._working("lot", unit).values()
        return sorted((x for x in lots if x["remaining"] and x["state"] == "live"), key=burn_down)

    def _period_lots(self, unit: str) -> list[Row]:
        """Base and bonus, but nothing that was carried over from an earlier period."""
        return [
            lot for lot in self._live_lots(unit) if lot["source"] in ("plan", "bonus") and self._is_of_the_period(lot)
        ]

    def _is_carried(self, lot: Row) -> bool:
        """What has another source was only tied to its allowance; one that has yet to begin gave nothing."""
        allowance = self.allowances[lot["allowance"]] if lot["allowance"] else None
        if allowance is None or lot["source"] != allowance["source"]:
            return False
        return bool(lot["effective"] < allowance["starts"] < allowance["turns"])

    def _is_of_the_period(self, lot: Row) -> bool:
        """An allowance that has ended has no period in hand."""
        if lot["allowance"] is None:
            return True
        return lot["allowance"] in self._working("allowance", lot["unit"]) and not self._is_carried(lot)

    def _take(self, lots: list[Row], amount: int) -> tuple[Draws, int]:
        """From these lots in this order; what they lack is the second answer."""
        draws: list[tuple[int, int]] = []
        for lot in lots:
            if not amount:
                break
            taken = min(amount, lot["remaining"])
            if taken:
                lot["remaining"] -= taken
                amount -= taken
                draws.append((lot["id"], taken))
        return tuple(draws), amount

    def _draw(self, unit: str, feature: str | None, amount: int) -> tuple[Draws, int]:
        return self._take([lot for lot in self._list_full(unit) if pays_for(lot, feature)] if amount else [], amount)

    def _is_over(self, lot: int, t: int) -> bool:
        """A lot lives while t is before its end, whether or not its end was written down yet."""
        return self.lots[lot]["expires"] is not None and bool(self.lots[lot]["expires"] <= t)

    def _fill(self, back: Iterable[tuple[Any, int]], t: int) -> list[tuple[Any, int]]:
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
        """How much of the amount this mode lets through, as far as there are credits."""
        available = self._available(unit, feature)
        if mode == "strict" and amount > 0 and amount > available:
            raise NaiveRefused("insufficient_credits", needed=amount, available=available)
        if mode in ("all_available", "shrink"):
            return min(amount, max(0, available))
        if mode not in ("strict", "record"):
            raise NaiveRefused("mode_unknown")
        return amount

    def _bill(self, bill: Record, unit: str, used: Iterable[tuple[int, int]], rest: int) -> Record:
        """Writes a charge of what was held (`used`) and of a rest that lots pay now, or else is owed."""
        draws, owed = self._draw(unit, bill["feature"], rest)
        charged = sum(amount for _, amount in used) + rest
        if unit not in bill["units"]:
            bill["units"][unit] = make_bill_part()
        part = bill["units"][unit]
        part["charged"] += charged
        part["draws"] += (*used, *draws)
        if owed:
            part["debts"] += ((self._owe(unit, bill["feature"], owed), owed),)
        self._write(unit, "spent", charged)
        return {"charged": charged, "draws": join_neighbours([*used, *draws]), "owed": owed}

    def _owe(self, unit: str, feature: str | None, amount: int) -> int:
        number = len(self.debts) + 1
        debt = Row(unit=unit, feature=feature, amount=amount, remaining=amount, payers=())
        self.debts[number] = self._working("debt", unit)[number] = debt
        return number

    def _list_debts(self, unit: str) -> list[Row]:
        """Those not yet paid, oldest first."""
        return [debt for _, debt in sorted(self._working("debt", unit).items())]

    def _pay_debts(self, unit: str) -> None:
        for number, debt in sorted(self._working("debt", unit).items()):
            draws, rest = self._draw(unit, debt["feature"], debt["remaining"])
            if draws:
                debt.update(remaining=rest, payers=debt["payers"] + draws)
            self._strike_paid(number)

    def _forgive(self, unit: str, amount: int) -> None:
        for number, debt in sorted(self._working("debt", unit).items()):
            forgiven = min(amount, debt["remaining"])
            amount -= forgiven
            if forgiven:
                debt.update(remaining=debt["remaining"] - forgiven, payers=(*debt["payers"], ("forgiven", forgiven)))
            self._strike_paid(number)

    def _strike_paid(self, number: int) -> None:
        debt = self.debts[number]
        working = self._working("debt", debt["unit"])
        if number in working and not debt["remaining"]:
            del working[number]

    # Holds.

    def _held(self, part: Record) -> int:
        return int(sum(amount for _, amount in part["covered"]) + part["bare"])

    def _open_parts(self, unit: str) -> list[Row]:
        return [hold["units"][unit] for hold in self._working("hold", unit).values()]

    def _take_from_front(self, part: Row, amount: int) -> tuple[Draws, int]:
        """Held credits are used in the order they were drawn; what they lack is the second answer."""
        used, kept = [], []
        for lot, covered in part["covered"]:
            taken = min(amount, covered)
            amount -= taken
            if taken:
                used.append((lot, taken))
            if covered > taken:
                kept.append((lot, covered - taken))
        part["covered"] = tuple(kept)
        return tuple(used), amount

    def _end_hold(self, hold: Row, unit: str, state: str, t: int) -> list[tuple[Any, int]]:
        """Nothing is charged (any more): what is still held goes back, also to the budgets."""
        part = hold["units"][unit]
        self._note(unit, state)
        self._free_reserves(part, self._held(part))
        returned = self._return_rest(hold, unit, t)
        part["state"] = state
        del self._working("hold", unit)[hold["id"]]
        return returned

    def _return_rest(self, hold: Row, unit: str, t: int) -> list[tuple[Any, int]]:
        """What is still held goes back, last drawn first; the bare part was nothing but a number."""
        part = hold["units"][unit]
        back = list(reversed(part["covered"]))
        part.update(covered=(), bare=0)
        ended = [(self.lots[lot], amount) for lot, amount in back if self._is_over(lot, t)]
        told = self._fill(back, t)
        if ended:
            self._pay_debts(unit)
            total = sum(amount for _, amount in ended)
            has_grace = self._term(unit, "rest_of_ended_lot") == "grace" and self._term(unit, "refund_grace") > 0
            if has_grace:
                told.append((self._add_grace_lot(unit, hold["feature"], ended, t)["id"], total))
            else:
                self._note(unit, "expired")
                self._write(unit, "expired", total)
                for lot, amount in ended:
                    lot["unused"] += amount
                told.append(("breakage", total))
        return join_neighbours(told)

    # Sums.

    def _term(self, unit: str, name: str) -> Any:
        for place in (unit, None):
            if place in self.terms and name in self.terms[place]:
                return self.terms[place][name]
        return DEFAULT_TERMS[name]

    def _write(self, unit: str, column: str, amount: int) -> None:
        self.totals[unit, column] = self._total(unit, column) + amount

    def _note(self, unit: str, word: str) -> None:
        """This decision wrote something in this unit."""
        self.wrote[unit] = self.wrote.get(unit, frozenset()) | {word}

    def _total(self, unit: str, column: str) -> int:
        return int(self.totals.get((unit, column), 0))

    def _debt(self, unit: str) -> int:
        return sum([debt["remaining"] for debt in self._working("debt", unit).values()])

    def _covered(self, unit: str) -> int:
        return sum([amount for part in self._open_parts(unit) for _, amount in part["covered"]])

    def _bare(self, unit: str) -> int:
        return sum([part["bare"] for part in self._open_parts(unit)])

    def _covered_on(self, lot: Record) -> int:
        parts = self._open_parts(lot["unit"])
        return sum(amount for part in parts for number, amount in part["covered"] if number == lot["id"])

    def _free(self, unit: str) -> int:
        return sum([x["remaining"] for x in self._working("lot", unit).values() if x["state"] == "live"])

    def _balance(self, unit: str) -> int:
        return self._free(unit) + self._covered(unit) - self._debt(unit)

    def _available(self, unit: str, feature: str | None) -> int:
        lots = self._working("lot", unit).values()
        free = sum([x["remaining"] for x in lots if x["state"] == "live" and pays_for(x, feature)])
        return int(free + self._term(unit, "overdraft") - self._debt(unit) - self._bare(unit))

    def _used(self, unit: str) -> int:
        lots = self._period_lots(unit)
        return sum(int(x["amount"] - x["remaining"]) - self._covered_on(x) for x in lots) + self._debt(unit)

    # Reading: time passes, one looks, and all of it is taken back.

    def snapshot(self, unit: str, now: int) -> Record:
        return dict(self._look(unit, now, lambda: self._sum_up(unit)))

    def _sum_up(self, unit: str) -> Record:
        return {
            "balance": self._balance(unit),
            "held": sum(self._held(part) for part in self._open_parts(unit)),
            "covered": self._covered(unit),
            "bare": self._bare(unit),
            "debt": self._debt(unit),
            "overdraft": self._term(unit, "overdraft"),
            "available": self._available(unit, None),
            **{column: self._total(unit, column) for column in COLUMNS},
            "lots": {lot["id"]: lot["remaining"] for lot in self._live_lots(unit)},
            "debts": {n: d["remaining"] for n, d in sorted(self._working("debt", unit).items())},
            "holds": {n: h["units"][unit]["state"] for n, h in self.holds.items() if unit in h["units"]},
            "used": self._used(unit),
        }

    def available(self, unit: str, now: int, feature: str | None = None) -> int:
        return int(self._look(unit, now, lambda: self._available(unit, feature)))

    def _look(self, unit: str, now: int, read: Callable[[], Any]) -> Any:
        """What there is to read once all has happened up to `now`; then that is taken back."""
        mark = len(UNDO)
        self._pass_time(unit, max(self.account["clock"] or now, self.clocks.get(unit, now)))
        seen = read()
        take_back(mark)
        return seen

    # What the classes that build on this one tell.

    def _pass_time(self, unit: str, t: int) -> None:
        raise NotImplementedError

    def _free_reserves(self, part: Row, amount: int) -> None:
        raise NotImplementedError
