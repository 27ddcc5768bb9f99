"""The naive model's budgets, alerts and automatic top-ups (rules 11, 12, 29, 30): what caps, warns and buys."""

from __future__ import annotations

from typing import Any

from .naive_books import DAY, NaiveRefused, Record
from .naive_meters import NaiveMeters
from .naive_periods import Recurrence, boundary, calendar_start, find_number, local_date
from .naive_rows import Row

LONGEST_BACK_OFF = 30 * DAY
NO_TOP_UP: Record = {
    "is_on": False, "threshold": 0, "quantity": 0, "target": 0, "whole_gap": False, "least": 0, "most_per_day": 0,
    "most_per_month": 0, "back_off": 0,
}  # fmt: skip
SUBJECTS = ("member", "feature", "model", "api_key")
Claims = list[tuple[Row, str | None]]


class NaiveCaps(NaiveMeters):
    # Budgets.

    def set_budget(
        self,
        *,
        now: int,
        name: str,
        most: int,
        unit: str = "credits",
        is_hard: bool = True,
        per: str | None = None,
        selects: Record | None = None,
        every: str | None = None,
        number: int = 1,
        anchor: int | None = None,
        zone: str | None = None,
        cycle: str | None = None,
        key: str | None = None,
    ) -> Record:
        """`selects`: member, feature, model, api_key, as far as they matter. `cycle`: an allowance's name."""

        def act(t: int) -> Record:
            if any(budget["name"] == name for budget in self._working("budget", unit).values()):
                raise NaiveRefused("budget_exists")
            rhythm = None
            if cycle is not None:
                rhythm = self._find_allowance(unit, cycle)["recurrence"]
            elif every is not None:
                where = zone or self.account["zone"]
                start = calendar_start(every, where) if anchor is None else anchor
                rhythm = Recurrence(every, number, start, where)
            budget = Row(
                id=len(self.budgets) + 1, name=name, unit=unit, most=most, is_hard=is_hard, per=per,
                selects=dict(selects or {}), rhythm=rhythm, counters=Row(),
            )  # fmt: skip
            self.budgets[budget["id"]] = self._working("budget", unit)[budget["id"]] = budget
            return {"budget": budget["id"]}

        asked = {"name": name, "most": most, "is_hard": is_hard, "per": per, "selects": selects, "every": every}
        asked |= {"number": number, "anchor": anchor, "zone": zone, "cycle": cycle}
        return self._decide_one("set_budget", now, unit, key, asked, act)

    def change_budget(
        self, *, now: int, name: str, unit: str = "credits", key: str | None = None, **changes: Any
    ) -> Record:
        """`changes`: most, is_hard."""

        def act(t: int) -> Record:
            self._find_budget(unit, name).update(**changes)
            return {}

        return self._decide_one("change_budget", now, unit, key, {"name": name, **changes}, act)

    def end_budget(self, *, now: int, name: str, unit: str = "credits", key: str | None = None) -> Record:
        def act(t: int) -> Record:
            del self._working("budget", unit)[self._find_budget(unit, name)["id"]]
            return {}

        return self._decide_one("end_budget", now, unit, key, {"name": name}, act)

    def _find_budget(self, unit: str, name: str) -> Row:
        for budget in self._working("budget", unit).values():
            if budget["name"] == name:
                return budget  # type: ignore[no-any-return]
        raise NaiveRefused("budget_not_found")

    def _list_claims(self, unit: str, feature: str | None, about: Record | None) -> Claims:
        """The budgets that count this work, and whose counter it is. Who says no member has no member's budget."""
        said = {"feature": feature, **(about or {})}
        claims: Claims = []
        for budget in self._working("budget", unit).values():
            is_meant = all(said.get(what) == name for what, name in budget["selects"].items())
            whose = None if budget["per"] is None else said.get(budget["per"])
            if is_meant and (budget["per"] is None or whose is not None):
                claims.append((budget, whose))
        return claims

    def _find_counter(self, budget: Row, whose: str | None, t: int) -> Row:
        """What was counted in the period of now. A new period begins at nothing."""
        counter = budget["counters"].get(whose)
        if counter is None or (counter["ends"] is not None and counter["ends"] <= t):
            starts, ends = 0, None
            if budget["rhythm"] is not None:
                n = find_number(budget["rhythm"], t)
                starts, ends = boundary(budget["rhythm"], n), boundary(budget["rhythm"], n + 1)
            counter = budget["counters"][whose] = Row(starts=starts, ends=ends, spent=0, reserved=0)
        return counter  # type: ignore[no-any-return]

    def _limit(self, claims: Claims, amount: int, mode: str, t: int) -> int:
        """How much of the amount the hard budgets let through."""
        if mode == "record":
            return amount
        for budget, whose in claims:
            counter = self._find_counter(budget, whose, t)
            room = max(0, budget["most"] - counter["spent"] - counter["reserved"])
            if budget["is_hard"] and amount > room:
                if mode == "strict":
                    raise NaiveRefused("budget_exceeded", budget=budget["id"])
                amount = room
        return amount

    def _spend(self, part: Row, budget: Row, whose: str | None, amount: int, t: int) -> None:
        """Count a charge (`part` of its bill remembers it, for refunds); a budget that is spent tells of it."""
        counter = self._find_counter(budget, whose, t)
        before = counter["spent"]
        counter["spent"] += amount
        if amount:
            part["counted"] += ((budget["id"], whose, counter["starts"], amount),)
        if before < budget["most"] <= counter["spent"]:
            self._fire(budget["unit"], ("budget", budget["id"], counter["spent"]))

    def _reserve(self, claims: Claims, amount: int, t: int) -> tuple[tuple[int, str | None, int], ...]:
        """Count a hold, which is to remember in which periods."""
        reserves = []
        for budget, whose in claims:
            counter = self._find_counter(budget, whose, t)
            counter["reserved"] += amount
            reserves.append((budget["id"], whose, counter["starts"]))
        return tuple(reserves)

    def _find_reserved(self, part: Record) -> list[tuple[Row, str | None]]:
        """The budgets that count still, and the period that the hold was placed in."""
        found = []
        for number, whose, starts in part["reserves"]:
            budget = self.budgets[number]
            if number in self._working("budget", budget["unit"]) and budget["counters"][whose]["starts"] == starts:
                found.append((budget, whose))
        return found

    def _free_reserves(self, part: Row, amount: int) -> None:
        for budget, whose in self._find_reserved(part):
            budget["counters"][whose]["reserved"] -= amount

    def _settle_reserves(self, hold: Row, unit: str, amount: int, t: int) -> None:
        """The settle counts in the period in which the hold was placed, as long as that lasts."""
        for budget, whose in self._find_reserved(hold["units"][unit]):
            ends = budget["counters"][whose]["ends"]
            if ends is None or t < ends:
                self._spend(hold["bill"]["units"][unit], budget, whose, amount, t)

    def _give_back(self, part: Row, amount: int) -> None:
        """A refund gives back what the charge counted, in the period in which it counted it."""
        counted: dict[tuple[int, str | None, int], int] = {}
        for number, whose, starts, spent in part["counted"]:
            counted[number, whose, starts] = counted.get((number, whose, starts), 0) + spent
        for (number, whose, starts), spent in counted.items():
            back = min(amount, spent)
            part["counted"] += ((number, whose, starts, -back),)
            budget = self.budgets[number]
            if number in self._working("budget", budget["unit"]) and budget["counters"][whose]["starts"] == starts:
                budget["counters"][whose]["spent"] -= back

    # Alerts and top-ups.

    def _fire(self, unit: str, alert: tuple[str, int, int]) -> None:
        self.fired[unit] = (*self.fired.get(unit, ()), alert)

    def _is_buying(self, unit: str) -> bool:
        return unit in self.top_ups and self.top_ups[unit]["in_flight"] is not None

    def _tell(self, unit: str, before: int, was_buying: bool, t: int) -> None:
        """At the end of a decision that wrote something: thresholds reached from above, and too little to go on."""
        if unit not in self.wrote:
            return
        after = self._balance(unit)
        for threshold in sorted(set(self._find_alerts(unit)), reverse=True):
            if before > threshold >= after:
                kind = "low" if threshold > 0 else "expired" if "expired" in self.wrote[unit] else "depleted"
                self._fire(unit, (kind, threshold, after))
        rule = self.top_ups.get(unit)
        if rule is not None and rule["is_on"] and not was_buying and self.account["state"] != "closed":
            self._want_top_up(unit, rule, t)

    def _find_alerts(self, unit: str) -> tuple[int, ...]:
        return tuple(self.alerts.get(unit, ()))

    def _set_top_up(self, unit: str, said: Record) -> None:
        """Settings that are not named stay, and so does how far it has got."""
        if unit not in self.top_ups:
            self.top_ups[unit] = Row(**NO_TOP_UP, purchases=(), in_flight=None, declined=0, waits_until=0)
        rule = self.top_ups[unit]
        rule.update(**said)
        if rule["is_on"] and not (rule["quantity"] or rule["target"]):
            raise NaiveRefused("setting_invalid")
        if rule["target"] and rule["target"] <= rule["threshold"]:
            raise NaiveRefused("setting_invalid")

    def _want_top_up(self, unit: str, rule: Row, t: int) -> None:
        available = self._available(unit, None) - self._term(unit, "overdraft")
        if available > rule["threshold"] or rule["in_flight"] is not None or t < rule["waits_until"]:
            return
        amount = rule["quantity"]
        if rule["target"]:
            amount = rule["target"] - available
        elif rule["whole_gap"]:
            while available + amount <= rule["threshold"]:
                amount += rule["quantity"]
        amount = max(amount, rule["least"])
        zone = self.account["zone"]
        today = local_date(t, zone)
        bought_today = bought_this_month = 0
        for at, bought in rule["purchases"]:
            day = local_date(at, zone)
            bought_today += bought if day == today else 0
            bought_this_month += bought if day[:2] == today[:2] else 0
        if rule["most_per_day"] and bought_today + amount > rule["most_per_day"]:
            return
        if rule["most_per_month"] and bought_this_month + amount > rule["most_per_month"]:
            return
        number = len(rule["purchases"]) + 1
        rule.update(purchases=(*rule["purchases"], (t, amount)), in_flight=number)
        self._fire(unit, ("top_up", number, amount))

    def _finish_top_up(self, unit: str, number: int) -> None:
        rule = self.top_ups.get(unit)
        if rule is not None and rule["in_flight"] == number:
            rule.update(in_flight=None, declined=0, waits_until=0)

    def decline_top_up(self, *, now: int, number: int, unit: str = "credits", key: str | None = None) -> Record:
        """What came to nothing is not counted by the caps; the next waits, twice as long each time."""

        def act(t: int) -> Record:
            rule = self.top_ups.get(unit)
            if rule is not None and rule["in_flight"] == number:
                wait = rule["back_off"]
                for _ in range(rule["declined"]):
                    wait = min(2 * wait, LONGEST_BACK_OFF)
                purchases = list(rule["purchases"])
                purchases[number - 1] = (purchases[number - 1][0], 0)
                rule.update(
                    purchases=tuple(purchases), in_flight=None, declined=rule["declined"] + 1,
                    waits_until=t + min(wait, LONGEST_BACK_OFF),
                )  # fmt: skip
            return {}

        return self._decide_one("decline_top_up", now, unit, key, {"number": number}, act)

    def _find_allowance(self, unit: str, name: str) -> Row:
        raise NotImplementedError
