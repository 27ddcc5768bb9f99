"""Farthing's rules told as naively as possible: every kind of request to one account, a method each.

Written from the rules and from nothing else; it knows no code of ours and must never import any. The property tests
walk it beside the real core and compare. Left out: prices. Amounts are integers of the smallest part, instants and
durations are microseconds, and `amount` is an integer or a dict {unit: integer}. Every method answers
{"replayed": ..., "alerts": ..., "units": {unit: facts}}; the facts of a lone unit also stand beside them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .naive_books import (
    DEFAULT_TERMS,
    Amount,
    NaiveRefused,
    Record,
    join_neighbours,
    make_bill,
    make_bill_part,
    take_last,
)
from .naive_corrections import NaiveCorrections
from .naive_rows import Row

__all__ = ["NaiveAccount", "NaiveRefused"]


class NaiveAccount(NaiveCorrections):
    # Requests about the account.

    def open(self, *, now: int, key: str | None = None, zone: str = "UTC", is_test: bool = False) -> Record:
        """In a test book the account's clock stands still, until `advance`."""

        def act(t: int) -> Record:
            self.account.update(zone=zone, clock=t if is_test else 0)
            return {}

        is_open = self.account["state"] is not None
        return self._decide("open", now, [], key, {}, (lambda t: {}) if is_open else act)

    def advance(
        self, *, now: int, to: int | None = None, by: int = 0, units: Iterable[str] = (), key: str | None = None
    ) -> Record:
        def find_time() -> int:
            clock = self.account["clock"]
            if not clock:
                raise NaiveRefused("clock_runs")
            time = int(clock + by if to is None else to)
            if time < clock:
                raise NaiveRefused("time_invalid")
            return time

        def act(t: int) -> Record:
            self.account["clock"] = t
            return {}

        return self._decide("advance", now, units, key, {"to": to, "by": by}, act, to=find_time)

    def configure(
        self,
        *,
        now: int,
        unit: str | None = None,
        alerts: Iterable[int] | None = None,
        top_up: Record | None = None,
        key: str | None = None,
        **terms: Any,
    ) -> Record:
        """Settings of one unit, or of the whole account when no unit is named; a unit's own setting wins."""

        def act(t: int) -> Record:
            if not set(terms) <= set(DEFAULT_TERMS) or any(isinstance(v, int) and v < 0 for v in terms.values()):
                raise NaiveRefused("setting_invalid")
            if unit not in self.terms:
                self.terms[unit] = Row()
            self.terms[unit].update(**terms)
            if unit is not None:
                self._note(unit, "configured")
                if alerts is not None:
                    self.alerts[unit] = tuple(alerts)
                if top_up is not None:
                    self._set_top_up(unit, top_up)
            return {}

        units = self.clocks if unit is None else [unit]
        asked = {"unit": unit, "alerts": alerts, "top_up": top_up, **terms}
        return self._decide("configure", now, units, key, asked, act)

    def freeze(self, *, now: int, key: str | None = None) -> Record:
        return self._change_state("freeze", "frozen", now, key)

    def unfreeze(self, *, now: int, key: str | None = None) -> Record:
        return self._change_state("unfreeze", "active", now, key)

    def close(self, *, now: int, key: str | None = None) -> Record:
        return self._change_state("close", "closed", now, key)

    def tidy(self, *, now: int, unit: str | None = None, key: str | None = None) -> Record:
        """Time passes: what is due is written down."""
        return self._decide("tidy", now, self.clocks if unit is None else [unit], key, {}, lambda t: {})

    # Requests that bring credits.

    def grant(self, *, now: int, amount: Amount, unit: str = "credits", key: str | None = None, **lot: Any) -> Record:
        """`lot`: priority, effective, expires, promotional, features, source, cost; `until_turn`: the allowance with
        whose period it ends; `extends`: whether all others live as long; `top_up`: the purchase that it fulfils."""
        return self._grant("grant", now, amount, unit, key, lot)

    def import_grant(
        self, *, now: int, amount: Amount, unit: str = "credits", key: str | None = None, **lot: Any
    ) -> Record:
        """A grant that may be dead on arrival: then it is granted and expires at once."""
        return self._grant("import", now, amount, unit, key, lot)

    def _grant(self, kind: str, now: int, amount: Amount, unit: str, key: str | None, lot: Record) -> Record:
        amounts = amount if isinstance(amount, dict) else {unit: amount}

        terms = {word: value for word, value in lot.items() if word not in ("until_turn", "extends", "top_up")}

        def grant_one(t: int, unit: str, amount: int) -> Record:
            starts = t if lot.get("effective") is None else lot["effective"]
            if lot.get("until_turn"):
                tied = self._find_allowance(unit, lot["until_turn"])
                starts = max(starts, tied["starts"]) if tied["starts"] <= t else starts
                terms.update(expires=tied["turns"], allowance=tied["id"], effective=starts)
            ends = terms.get("expires")
            is_dead = ends is not None and ends <= max(t, starts)
            if is_dead and kind == "grant":
                raise NaiveRefused("dead_on_arrival")
            self._note(unit, kind)
            made = self._add_lot(unit, amount, t, **terms)
            self._finish_top_up(unit, lot.get("top_up", 0))
            if made["state"] == "live" or is_dead:
                self._write(unit, "granted", amount)
            if is_dead:
                made["state"] = "live"
                self._expire(made)
            elif lot.get("extends") and made["state"] == "live":
                self._extend_others(unit, ends, t)
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
        about: Record | None = None,
        meters: Record | None = None,
        priced: Any = None,
        key: str | None = None,
    ) -> Record:
        """`about`: member, model, api_key. `priced`: what the caller said of which a catalog made the amount."""
        amounts = amount if isinstance(amount, dict) else {unit: amount}
        bill = make_bill(feature)

        def charge_one(t: int, unit: str, amount: int) -> Record:
            amount = self._reckon(unit, meters, amount, t)
            claims = self._list_claims(unit, feature, about)
            take = self._limit(claims, self._fit(unit, feature, amount, mode), mode, t)
            self._note(unit, "charged")
            told = self._bill(bill, unit, [], take)
            for budget, whose in claims:
                self._spend(bill["units"][unit], budget, whose, take, t)
            return {**told, "uncovered": amount - take}

        def name_charge(result: Record) -> None:
            result["charge"] = len(self.charges) + 1
            self.charges[result["charge"]] = bill

        asked = {"feature": feature, "mode": mode, "about": about, "amounts": priced or amounts}
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
        about: Record | None = None,
        meters: Record | None = None,
        priced: Any = None,
        key: str | None = None,
    ) -> Record:
        """Modes: strict, record, shrink. With several units the lifetime is the shortest of their defaults."""
        amounts = amount if isinstance(amount, dict) else {unit: amount}
        lifetime = min([self._term(u, "hold_ttl") for u in amounts], default=0) if ttl is None else ttl
        hold = Row(id=len(self.holds) + 1, name=name, feature=feature, units=Row(), bill=make_bill(feature))

        def hold_one(t: int, unit: str, amount: int) -> Record:
            if name is not None and any(other["name"] == name for other in self._working("hold", unit).values()):
                raise NaiveRefused("hold_name_taken")
            if lifetime <= 0:
                raise NaiveRefused("ttl_invalid")
            hold["deadline"] = t + lifetime
            amount = self._reckon(unit, meters, amount, t, is_kept=False)
            claims = self._list_claims(unit, feature, about)
            take = self._limit(claims, self._fit(unit, feature, amount, mode), mode, t)
            self._note(unit, "held")
            reserves = self._reserve(claims, take, t)
            draws, bare = self._draw(unit, feature, take)
            hold["bill"]["units"][unit] = make_bill_part()
            hold["units"][unit] = Row(
                amount=take, covered=draws, bare=bare, settled=0, state="open", reserves=reserves
            )  # fmt: skip
            self._working("hold", unit)[hold["id"]] = hold
            return {"held": take, "bare": bare, "uncovered": amount - take, "draws": join_neighbours(draws)}

        def name_hold(result: Record) -> None:
            result["hold"] = hold["id"]
            result["deadline"] = hold["deadline"]
            self.holds[hold["id"]] = hold

        asked = {"feature": feature, "mode": mode, "ttl": ttl, "name": name, "about": about}
        asked["amounts"] = priced or amounts
        return self._decide_each("hold", now, amounts, key, asked, hold_one, name_hold)

    def extend(self, *, now: int, hold: int, ttl: int | None = None, key: str | None = None) -> Record:
        units = self._units_of(self.holds.get(hold))

        def act(t: int) -> Record:
            found = self._find_hold(hold, {"open"})
            lifetime = min(self._term(u, "hold_ttl") for u in units) if ttl is None else ttl
            if lifetime <= 0:
                raise NaiveRefused("ttl_invalid")
            found["deadline"] = t + lifetime
            for unit in units:
                self._note(unit, "extended")
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
        meters: Record | None = None,
        priced: Any = None,
        key: str | None = None,
    ) -> Record:
        """A hold of several units takes a dict; a unit that the dict leaves out is settled at all that it holds."""
        units = self._units_of(self.holds.get(hold))

        def act(t: int) -> Record:
            found = self._find_hold(hold, {"open", "timed_out"})
            amounts = self._spread(amount, units)
            return {"units": {u: self._settle_one(found, u, amounts[u], final, policy, t, meters) for u in units}}

        asked = {"hold": hold, "amount": priced or amount, "final": final, "policy": policy}
        return self._decide("settle", now, units, key, asked, act)

    def _settle_one(
        self, hold: Row, unit: str, amount: int | None, final: bool, policy: str | None, t: int, meters: Record | None
    ) -> Record:
        part, feature = hold["units"][unit], hold["feature"]
        is_late = part["state"] == "timed_out"
        held = max(0, part["amount"] - part["settled"]) if is_late else self._held(part)
        is_rest = amount is None and bool(part["settled"])
        asked = held if is_rest else self._reckon(unit, meters, held if amount is None else amount, t)
        policy = policy or self._term(unit, "settle_above_hold")
        if policy == "reject" and asked > held:
            raise NaiveRefused("above_hold", held=held)
        take = asked
        if policy == "cap_hold":
            take = min(asked, held)
        if policy == "cap_available":
            take = min(asked, (0 if is_late else held) + max(0, self._available(unit, feature)))

        self._note(unit, "settled")
        before = self._held(part)
        used, rest = self._take_from_front(part, take)
        part["bare"] -= min(part["bare"], rest)
        part["settled"] += take
        self._free_reserves(part, before - self._held(part))
        result = {**self._bill(hold["bill"], unit, used, rest), "uncovered": asked - take, "returned": []}
        self._settle_reserves(hold, unit, take, t)
        if final and is_late:
            part["state"] = "settled"
        elif final:
            result["returned"] = self._end_hold(hold, unit, "settled", t)
        return result

    def release(self, *, now: int, hold: int, key: str | None = None) -> Record:
        units = self._units_of(self.holds.get(hold))

        def act(t: int) -> Record:
            found = self._find_hold(hold, {"open"})
            results = {}
            for unit in units:
                released = self._held(found["units"][unit])
                results[unit] = {"released": released, "returned": self._end_hold(found, unit, "released", t)}
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

    def _refund_one(self, bill: Row, unit: str, amount: int | None, up_to: bool, t: int) -> Record:
        part = bill["units"][unit]
        refundable = part["charged"] - part["refunded"]
        asked = refundable if amount is None else amount
        if asked > refundable and not up_to:
            raise NaiveRefused("more_than_refundable", refundable=refundable)
        take = min(asked, refundable)
        part["refunded"] += take
        self._note(unit, "refunded")
        self._write(unit, "refunded", take)
        undone, part["debts"] = take_last(part["debts"], take)
        back: list[tuple[Any, int]] = []
        for debt, amount in undone:
            back += self._undo_debt(unit, debt, amount)
        undone, part["draws"] = take_last(part["draws"], take - sum(amount for _, amount in undone))
        back += undone
        self._give_back(part, take)

        back = [(name, x) for name, x in back if x]
        ended = [(self.lots[lot], x) for lot, x in back if lot in self.lots and self._is_over(lot, t)]
        told = self._fill(back, t)
        if ended:
            told.append(self._refund_ended(bill, unit, ended, t))
        return {"refunded": take, "refundable": refundable - take, "to": join_neighbours(told)}

    def _undo_debt(self, unit: str, number: int, amount: int) -> list[tuple[Any, int]]:
        """First what is still unpaid, then what was paid, last payer first."""
        debt = self.debts[number]
        unpaid = min(amount, debt["remaining"])
        paid, payers = take_last(debt["payers"], amount - unpaid)
        debt.update(remaining=debt["remaining"] - unpaid, payers=payers)
        self._strike_paid(number)
        self._write(unit, "adjusted", -sum(x for payer, x in paid if payer == "forgiven"))
        return [("debt", unpaid), *paid]

    def _refund_ended(self, bill: Row, unit: str, ended: list[tuple[Record, int]], t: int) -> tuple[Any, int]:
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
            grace.update(amount=grace["amount"] + total, remaining=grace["remaining"] + total)
        return (grace["id"], total)
