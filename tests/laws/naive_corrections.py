"""What operators correct in the naive model: void, forgive, adjust, the used count, ends of grants, clawbacks."""

from __future__ import annotations

from .naive_books import NaiveRefused, Record
from .naive_recurring import NaiveAllowances, round_half_up


class NaiveCorrections(NaiveAllowances):
    def void(
        self,
        *,
        now: int,
        lot: int | None = None,
        amount: int | None = None,
        unit: str = "credits",
        up_to: bool = False,
        key: str | None = None,
    ) -> Record:
        """Takes unspent credits of one lot, or of all live lots in burn-down order; what is held stays."""
        unit = self.lots[lot]["unit"] if lot in self.lots else unit

        def act(t: int) -> Record:
            if lot is not None and lot not in self.lots:
                raise NaiveRefused("grant_unknown")
            lots = self._list_full(unit) if lot is None else [self.lots[lot]]
            self._note(unit, "voided")
            there = sum(each["remaining"] for each in lots)
            asked = there if amount is None else self._check(amount)
            if asked > there and not up_to:
                raise NaiveRefused("more_than_is_left", left=there)
            draws, _ = self._take(lots, asked)
            for name, taken in draws:
                self.lots[name]["amount"] -= taken
                if self.lots[name]["state"] != "pending":
                    self._write(unit, "adjusted", -taken)
            return {"units": {unit: {"voided": min(asked, there), "draws": list(draws)}}}

        asked = {"lot": lot, "amount": amount, "unit": unit, "up_to": up_to}
        return self._decide("void", now, [unit], key, asked, act)

    def forgive(self, *, now: int, amount: int | None = None, unit: str = "credits", key: str | None = None) -> Record:
        def act(t: int) -> Record:
            self._note(unit, "forgiven")
            asked = self._debt(unit) if amount is None else self._check(amount)
            if asked > self._debt(unit):
                raise NaiveRefused("more_than_is_owed", debt=self._debt(unit))
            self._forgive(unit, asked)
            self._write(unit, "adjusted", asked)
            return {"units": {unit: {"forgiven": asked}}}

        return self._decide("forgive", now, [unit], key, {"amount": amount, "unit": unit}, act)

    def adjust(self, *, now: int, amount: int, unit: str = "credits", key: str | None = None) -> Record:
        """A signed correction: up is a lot without an end, down follows the burn-down order."""

        def act(t: int) -> Record:
            self._note(unit, "adjusted")
            result: Record = {"adjusted": amount, "lot": None, "draws": []}
            if amount > 0:
                result["lot"] = self._add_lot(unit, amount, t, source="adjustment")["id"]
            else:
                draws, missing = self._take(self._list_full(unit), -amount)
                result["draws"] = list(draws)
                if missing:
                    raise NaiveRefused("more_than_is_left", left=-amount - missing)
            self._write(unit, "adjusted", amount)
            return {"units": {unit: result}}

        return self._decide("adjust", now, [unit], key, {"amount": amount, "unit": unit}, act)

    def set_used(self, *, now: int, used: int, unit: str = "credits", key: str | None = None) -> Record:
        return self._set_used("set_used", now, used, unit, key)

    def reset_used(self, *, now: int, unit: str = "credits", key: str | None = None) -> Record:
        return self._set_used("reset_used", now, 0, unit, key)

    def _set_used(self, kind: str, now: int, used: int, unit: str, key: str | None) -> Record:
        def act(t: int) -> Record:
            self._note(unit, kind)
            change = self._check(used) - self._used(unit)
            if change < 0:
                self._lower_used(unit, -change)
            else:
                self._raise_used(unit, change)
            self._write(unit, "adjusted", -change)
            return {"units": {unit: {"adjusted": -change}}}

        return self._decide(kind, now, [unit], key, {"used": used, "unit": unit}, act)

    def _lower_used(self, unit: str, amount: int) -> None:
        """Debt first, then the period's lots in the reverse of the order in which they burn."""
        forgiven = min(amount, self._debt(unit))
        self._forgive(unit, forgiven)
        amount -= forgiven
        for lot in reversed(self._period_lots(unit)):
            room = max(0, lot["amount"] - lot["remaining"] - self._covered_on(lot))
            filled = min(amount, room)
            lot["remaining"] += filled
            amount -= filled

    def _raise_used(self, unit: str, amount: int) -> None:
        _, rest = self._take(self._period_lots(unit), amount)
        if rest:
            if self._debt(unit) + self._bare(unit) + rest > self._term(unit, "overdraft"):
                raise NaiveRefused("above_total", above=rest)
            self._owe(unit, None, rest)

    # Requests about grants that were given.

    def _extend_others(self, unit: str, ends: int | None, t: int, *, shortens: bool = False) -> None:
        """All live credits but those of allowances, also what is held of them."""
        for lot in self._working("lot", unit).values():
            is_movable = lot["state"] == "live" and lot["allowance"] is None
            if is_movable and (lot["remaining"] or self._covered_on(lot)):
                is_longer = lot["expires"] is not None and (ends is None or ends > lot["expires"])
                if shortens or is_longer:
                    lot["expires"] = ends

    def reschedule(
        self,
        *,
        now: int,
        expires: int | None,
        lot: int | None = None,
        unit: str = "credits",
        key: str | None = None,
    ) -> Record:
        """Moves the end of one grant, or of all that can still be spent or is held."""
        unit = self.lots[lot]["unit"] if lot in self.lots else unit

        def act(t: int) -> Record:
            if expires is not None and expires <= t:
                raise NaiveRefused("time_invalid")
            if lot is None:
                self._extend_others(unit, expires, t, shortens=True)
                return {}
            found = self.lots[lot]
            if found["allowance"] is not None or self._is_over(lot, t):
                raise NaiveRefused("grant_ended")
            if expires is not None and expires <= found["effective"]:
                raise NaiveRefused("time_invalid")
            found["expires"] = expires
            return {}

        return self._decide_one("reschedule", now, unit, key, {"lot": lot, "expires": expires}, act)

    def clawback(
        self,
        *,
        now: int,
        lot: int,
        money: int | None = None,
        amount: int | None = None,
        policy: str = "debt",
        key: str | None = None,
    ) -> Record:
        """Credits back for money back: in proportion to it, or an amount of them, or all. Policies: debt, write_off."""
        found = self.lots[lot]
        unit = found["unit"]

        def act(t: int) -> Record:
            left = max(0, found["amount"] - found["clawed_back"])
            due = left if amount is None else amount
            if money is not None:
                found["money_back"] += money
                if found["money_back"] > found["cost"]:
                    raise NaiveRefused("more_than_paid")
                whole = round_half_up(found["amount"] * found["money_back"], found["cost"]) if found["cost"] else 0
                due = min(left, max(0, whole - found["clawed_back"]))
            elif due > left:
                raise NaiveRefused("more_than_is_left", left=left)
            taken = min(due, found["remaining"])
            # What had expired unused counts as taken back, and nobody owes it.
            unused = min(due - taken, found["unused"] - found["unused_back"])
            owed = due - taken - unused if policy == "debt" else 0
            if found["state"] != "pending":
                self._write(unit, "adjusted", -taken)
            found["remaining"] -= taken
            found["clawed_back"] += due
            found["unused_back"] += unused
            if owed:
                self._owe(unit, None, owed)
                self._write(unit, "adjusted", -owed)
            return {"taken": taken, "owed": owed, "uncovered": due - taken - owed}

        asked = {"lot": lot, "money": money, "amount": amount, "policy": policy}
        return self._decide_one("clawback", now, unit, key, asked, act)
