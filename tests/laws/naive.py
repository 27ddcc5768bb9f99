"""Farthing's rules told as naively as possible: every kind of request to one account, a method each.

Written from the rules and from nothing else; it knows no code of ours and must never import any. The property tests
walk it beside the real core and compare. Left out: allowances, budgets, alerts, clawback, prices. Amounts are integers
of the smallest part, instants and durations are microseconds, and `amount` is an integer or a dict {unit: integer}.
Every method answers {"replayed": ..., "units": {unit: facts}}; the facts of a lone unit also stand beside them.
"""

from __future__ import annotations

from typing import Any

from .naive_books import (
    DEFAULT_TERMS,
    Amount,
    NaiveBooks,
    NaiveRefused,
    Record,
    join_neighbours,
    make_bill,
    make_bill_part,
)

__all__ = ["NaiveAccount", "NaiveRefused"]


class NaiveAccount(NaiveBooks):
    # Requests about the account.

    def open(self, *, now: int, key: str | None = None) -> Record:
        return self._decide("open", now, self.clocks, key, {}, lambda t: {})

    def configure(self, *, now: int, unit: str | None = None, key: str | None = None, **terms: Any) -> Record:
        """Settings of one unit, or of the whole account when no unit is named; a unit's own setting wins."""

        def act(t: int) -> Record:
            if not set(terms) <= set(DEFAULT_TERMS) or any(isinstance(v, int) and v < 0 for v in terms.values()):
                raise NaiveRefused("setting_invalid")
            self.terms.setdefault(unit, {}).update(terms)
            return {}

        units = self.clocks if unit is None else [unit]
        return self._decide("configure", now, units, key, {"unit": unit, **terms}, act)

    def freeze(self, *, now: int, key: str | None = None) -> Record:
        return self._change_state("freeze", "frozen", now, key)

    def unfreeze(self, *, now: int, key: str | None = None) -> Record:
        return self._change_state("unfreeze", "active", now, key)

    def close(self, *, now: int, key: str | None = None) -> Record:
        return self._change_state("close", "closed", now, key)

    def tidy(self, *, now: int, unit: str | None = None) -> Record:
        """Time passes: what is due is written down."""
        return self._decide("tidy", now, self.clocks if unit is None else [unit], None, {}, lambda t: {})

    # Requests that bring credits.

    def grant(self, *, now: int, amount: Amount, unit: str = "credits", key: str | None = None, **lot: Any) -> Record:
        """`lot`: priority, effective, expires, promotional, features, source."""
        return self._grant("grant", now, amount, unit, key, lot)

    def import_grant(
        self, *, now: int, amount: Amount, unit: str = "credits", key: str | None = None, **lot: Any
    ) -> Record:
        """A grant that may be dead on arrival: then it is granted and expires at once."""
        return self._grant("import", now, amount, unit, key, lot)

    def _grant(self, kind: str, now: int, amount: Amount, unit: str, key: str | None, lot: Record) -> Record:
        amounts = amount if isinstance(amount, dict) else {unit: amount}

        def grant_one(t: int, unit: str, amount: int) -> Record:
            starts = t if lot.get("effective") is None else lot["effective"]
            ends = lot.get("expires")
            is_dead = ends is not None and ends <= max(t, starts)
            if is_dead and kind == "grant":
                raise NaiveRefused("dead_on_arrival")
            made = self._add_lot(unit, amount, t, **lot)
            if is_dead:
                self._write(unit, "granted", amount)
                self._write(unit, "expired", amount)
                made.update(remaining=0, state="ended")
            elif made["state"] == "live":
                self._write(unit, "granted", amount)
            owed = self._debt(unit)
            self._pay_debts(unit)
            return {"lot": made["id"], "granted": amount, "paid_debt": owed - self._debt(unit)}

        return self._decide_each(kind, now, amounts, key, lot, grant_one)

    # Requests that use credits.

    def charge(
        self,
        *,
        now: int,
        amount: Amount,
        unit: str = "credits",
        feature: str | None = None,
        mode: str = "strict",
        key: str | None = None,
    ) -> Record:
        amounts = amount if isinstance(amount, dict) else {unit: amount}
        bill = make_bill(feature)

        def charge_one(t: int, unit: str, amount: int) -> Record:
            take = self._fit(unit, feature, amount, mode)
            return {**self._bill(bill, unit, [], take), "uncovered": amount - take}

        def name_charge(result: Record) -> None:
            result["charge"] = len(self.charges) + 1
            self.charges[result["charge"]] = bill

        asked = {"feature": feature, "mode": mode}
        return self._decide_each("charge", now, amounts, key, asked, charge_one, name_charge, mode != "record")

    def hold(
        self,
        *,
        now: int,
        amount: Amount,
        unit: str = "credits",
        feature: str | None = None,
        mode: str = "strict",
        ttl: int | None = None,
        name: str | None = None,
        key: str | None = None,
    ) -> Record:
        """Modes: strict, record, shrink. With several units the lifetime is the shortest of their defaults."""
        amounts = amount if isinstance(amount, dict) else {unit: amount}
        lifetime = min([self._term(u, "hold_ttl") for u in amounts], default=0) if ttl is None else ttl
        hold: Record = {"name": name, "feature": feature, "units": {}, "bill": make_bill(feature)}

        def hold_one(t: int, unit: str, amount: int) -> Record:
            for other in self.holds.values():
                is_open = other["units"].get(unit, {}).get("state") == "open" and other["deadline"] > t
                if name is not None and other["name"] == name and is_open:
                    raise NaiveRefused("hold_name_taken")
            if lifetime <= 0:
                raise NaiveRefused("ttl_invalid")
            hold["deadline"] = t + lifetime
            take = self._fit(unit, feature, amount, mode)
            draws, bare = self._draw(unit, feature, take)
            hold["bill"]["units"][unit] = make_bill_part()
            hold["units"][unit] = {"amount": take, "covered": draws, "bare": bare, "settled": 0, "state": "open"}
            return {"held": take, "bare": bare, "uncovered": amount - take, "draws": join_neighbours(draws)}

        def name_hold(result: Record) -> None:
            result["hold"] = len(self.holds) + 1
            result["deadline"] = hold["deadline"]
            self.holds[result["hold"]] = hold

        asked = {"feature": feature, "mode": mode, "ttl": ttl, "name": name}
        return self._decide_each("hold", now, amounts, key, asked, hold_one, name_hold)

    def extend(self, *, now: int, hold: int, ttl: int | None = None, key: str | None = None) -> Record:
        units = self._units_of(self.holds.get(hold))

        def act(t: int) -> Record:
            found = self._find_hold(hold, {"open"})
            lifetime = min(self._term(u, "hold_ttl") for u in units) if ttl is None else ttl
            if lifetime <= 0:
                raise NaiveRefused("ttl_invalid")
            found["deadline"] = t + lifetime
            return {"deadline": t + lifetime}

        return self._decide("extend", now, units, key, {"hold": hold, "ttl": ttl}, act)

    def settle(
        self,
        *,
        now: int,
        hold: int,
        amount: Amount | None = None,
        final: bool = True,
        policy: str | None = None,
        key: str | None = None,
    ) -> Record:
        """A hold of several units takes a dict; a unit that the dict leaves out is settled at all that it holds."""
        units = self._units_of(self.holds.get(hold))

        def act(t: int) -> Record:
            found = self._find_hold(hold, {"open", "timed_out"})
            amounts = self._spread(amount, units)
            return {"units": {u: self._settle_one(found, u, amounts[u], final, policy, t) for u in units}}

        asked = {"hold": hold, "amount": amount, "final": final, "policy": policy}
        return self._decide("settle", now, units, key, asked, act)

    def _settle_one(
        self, hold: Record, unit: str, amount: int | None, final: bool, policy: str | None, t: int
    ) -> Record:
        part, feature = hold["units"][unit], hold["feature"]
        is_late = part["state"] == "timed_out"
        held = max(0, part["amount"] - part["settled"]) if is_late else self._held(part)
        asked = held if amount is None else amount
        policy = policy or self._term(unit, "settle_above_hold")
        if policy == "reject" and asked > held:
            raise NaiveRefused("above_hold", held=held)
        take = asked
        if policy == "cap_hold":
            take = min(asked, held)
        if policy == "cap_available":
            take = min(asked, (0 if is_late else held) + max(0, self._available(unit, feature)))

        used, rest = self._take_from_front(part, take)
        part["bare"] -= min(part["bare"], rest)
        part["settled"] += take
        result = {**self._bill(hold["bill"], unit, used, rest), "uncovered": asked - take, "returned": []}
        if final:
            result["returned"] = self._return_rest(hold, unit, t)
            part["state"] = "settled"
        return result

    def release(self, *, now: int, hold: int, key: str | None = None) -> Record:
        units = self._units_of(self.holds.get(hold))

        def act(t: int) -> Record:
            found = self._find_hold(hold, {"open"})
            results = {}
            for unit in units:
                released = self._held(found["units"][unit])
                results[unit] = {"released": released, "returned": self._return_rest(found, unit, t)}
                found["units"][unit]["state"] = "released"
            return {"units": results}

        return self._decide("release", now, units, key, {"hold": hold}, act)

    # Requests that undo and correct.

    def refund(
        self,
        *,
        now: int,
        charge: int | None = None,
        hold: int | None = None,
        amount: Amount | None = None,
        up_to: bool = False,
        key: str | None = None,
    ) -> Record:
        """Name a charge, or the hold whose settles are to be undone."""
        bill = self.charges.get(charge or 0) or self.holds.get(hold or 0, {}).get("bill")
        units = self._units_of(bill)

        def act(t: int) -> Record:
            if bill is None:
                raise NaiveRefused("charge_unknown")
            amounts = self._spread(amount, units)
            return {"units": {u: self._refund_one(bill, u, amounts[u], up_to, t) for u in units}}

        asked = {"charge": charge, "hold": hold, "amount": amount, "up_to": up_to}
        return self._decide("refund", now, units, key, asked, act)

    def _refund_one(self, bill: Record, unit: str, amount: int | None, up_to: bool, t: int) -> Record:
        part = bill["units"][unit]
        refundable = part["charged"] - part["refunded"]
        asked = refundable if amount is None else amount
        if asked > refundable and not up_to:
            raise NaiveRefused("more_than_refundable", refundable=refundable)
        left = take = min(asked, refundable)
        part["refunded"] += take
        self._write(unit, "refunded", take)
        back: list[tuple[Any, int]] = []
        for draw in reversed(part["debts"]):
            undone = min(left, draw[1])
            draw[1] -= undone
            left -= undone
            back += self._undo_debt(unit, self.debts[draw[0]], undone)
        for draw in reversed(part["draws"]):
            undone = min(left, draw[1])
            draw[1] -= undone
            left -= undone
            back.append((draw[0], undone))

        back = [(name, x) for name, x in back if x]
        ended = [(self.lots[lot], x) for lot, x in back if lot in self.lots and self._is_over(lot, t)]
        told = self._fill(back, t)
        if ended:
            told.append(self._refund_ended(bill, unit, ended, t))
        return {"refunded": take, "refundable": refundable - take, "to": join_neighbours(told)}

    def _undo_debt(self, unit: str, debt: Record, amount: int) -> list[tuple[Any, int]]:
        """First what is still unpaid, then what was paid, last payer first."""
        unpaid = min(amount, debt["remaining"])
        debt["remaining"] -= unpaid
        amount -= unpaid
        back = [("debt", unpaid)]
        for payer in reversed(debt["payers"]):
            undone = min(amount, payer[1])
            payer[1] -= undone
            amount -= undone
            back.append((payer[0], undone))
            if payer[0] == "forgiven":
                self._write(unit, "adjusted", -undone)
        return back

    def _refund_ended(self, bill: Record, unit: str, ended: list[tuple[Record, int]], t: int) -> tuple[Any, int]:
        """One grace lot for each charge, as long as it lives; no grace at all makes it breakage."""
        total = sum(amount for _, amount in ended)
        if self._term(unit, "refund_grace") == 0:
            self._write(unit, "expired", total)
            return ("breakage", total)
        grace = self.lots.get(bill["units"][unit]["grace"])
        if grace is None or grace["state"] == "ended":
            grace = self._add_grace_lot(unit, bill["feature"], ended, t)
            bill["units"][unit]["grace"] = grace["id"]
        else:
            grace["amount"] += total
            grace["remaining"] += total
        return (grace["id"], total)

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
            lots = self._live_lots(unit) if lot is None else [self.lots[lot]]
            there = sum(each["remaining"] for each in lots)
            asked = there if amount is None else self._check(amount)
            if asked > there and not up_to:
                raise NaiveRefused("more_than_is_left", left=there)
            draws, _ = self._take(lots, asked)
            for name, taken in draws:
                self.lots[name]["amount"] -= taken
                if self.lots[name]["state"] != "pending":
                    self._write(unit, "adjusted", -taken)
            return {"units": {unit: {"voided": min(asked, there), "draws": draws}}}

        asked = {"lot": lot, "amount": amount, "unit": unit, "up_to": up_to}
        return self._decide("void", now, [unit], key, asked, act)

    def forgive(self, *, now: int, amount: int | None = None, unit: str = "credits", key: str | None = None) -> Record:
        def act(t: int) -> Record:
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
            result: Record = {"adjusted": amount, "lot": None, "draws": []}
            if amount > 0:
                result["lot"] = self._add_lot(unit, amount, t, source="adjustment")["id"]
            else:
                result["draws"], missing = self._take(self._live_lots(unit), -amount)
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
            bare = sum(part["bare"] for part in self._open_parts(unit))
            if self._debt(unit) + bare + rest > self._term(unit, "overdraft"):
                raise NaiveRefused("above_total", above=rest)
            self._owe(unit, None, rest)
