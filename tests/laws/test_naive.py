"""The naive model against the worked cases of other systems: all whose steps it knows, the others skipped by name.

`tests/peers/cases/README.md` says what the words of a case mean. The model's own corners: `test_naive_corners.py`.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from .naive import NaiveAccount, NaiveRefused
from .naive_books import DAY, SECOND
from .naive_periods import Recurrence, boundary, calendar_start, find_number

CASES = Path(__file__).parents[1] / "peers" / "cases"
STEPS = {
    "charge", "grant", "hold", "extend", "settle", "release", "refund", "void", "forgive", "advance", "balance",
    "allowance", "change_allowance", "clawback", "topup_rule", "period_at", "schedule",
}  # fmt: skip
SETUPS = {"overdraft", "settle_above_hold", "refund_grace_days", "unit", "alert", "auto_topup"}
ASSERTIONS = {
    "after", "outcome", "reason", "available", "available_for", "balance", "held", "debt", "breakage", "written_off",
    "lots", "amount", "drew", "to", "alerts", "topups", "carried", "period", "period_start", "period_end", "times",
}  # fmt: skip
REASONS = {"hold_unknown": "hold_unknown", "hold_closed": "hold_ended"}
SUPPORTED = {"burndown": 41, "holds": 32, "refunds_clawbacks": 16, "idempotency": 12}
SUPPORTED |= {"allowances_rollover": 16, "wallets_alerts": 11, "calendar_anchors": 21, "rounding_allocation": 0}

Case = dict[str, Any]


def load_cases() -> list[tuple[str, Case]]:
    return [(p.stem, case) for p in sorted(CASES.glob("*.json")) for case in json.loads(p.read_text())["cases"]]


def list_expectations(case: Case) -> list[Case]:
    """Farthing's own figures where they are given; a case that differs and gives none states nothing for us."""
    stated = case["farthing_expect"] if "farthing_expect" in case else [] if "differs" in case else case["expect"]
    return list(stated)


def find_obstacle(case: Case) -> str | None:
    """Why the model cannot run this case."""
    unknown = {step["do"] for step in case["steps"]} - STEPS
    unknown |= {setting["set"] for setting in case["setup"]} - SETUPS
    unknown |= {"not_before" for step in case["steps"] if step.get("not_before")}
    unknown |= {word for expected in list_expectations(case) for word in expected} - ASSERTIONS
    if unknown:
        return "the naive model has no " + ", ".join(sorted(unknown))
    return None if list_expectations(case) else "a case for reading: it states no figure for Farthing"


def read_instant(text: str) -> int:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return (datetime.fromisoformat(text) - epoch) // timedelta(microseconds=1)


class Runner:
    """One case on one model; the case's names for lots, holds and charges are kept here."""

    def __init__(self, case: Case) -> None:
        self.model = NaiveAccount()
        self.now = read_instant(case["steps"][0].get("at", "2024-01-01T00:00:00Z"))
        self.lots: dict[str, int] = {}
        self.holds: dict[str, int] = {}
        self.charges: dict[str, int] = {}
        self.written_off = 0
        self.topups: list[int] = []
        self.rule: Case | None = None
        """A rule for top-ups that is not set yet: else it would buy before there is anything."""
        self.codes: dict[int, str] = {}
        self.model.open(now=self.now)
        # Holds of the cases last for hours when they name no lifetime, our default is a quarter of an hour.
        terms: dict[str, Any] = {"refund_grace": 0, "hold_ttl": 365 * DAY}
        self.scale = next((x["scale"] for x in case["setup"] if x["set"] == "unit"), 6)
        for setting in case["setup"]:
            if setting["set"] == "overdraft":
                terms["overdraft"] = self.read_amount(setting["limit"])
            if setting["set"] == "settle_above_hold":
                terms["settle_above_hold"] = setting["policy"]
            if setting["set"] == "refund_grace_days":
                terms["refund_grace"] = setting["days"] * DAY
            if setting["set"] == "alert":
                self.codes = {self.read_amount(each["at"]): each["code"] for each in setting["thresholds"]}
                self.model.configure(now=self.now, unit="credits", alerts=list(self.codes))
            if setting["set"] == "auto_topup":
                self.rule = setting
        self.model.configure(now=self.now, **terms)

    def read_amount(self, text: str) -> int:
        scaled = Decimal(text).scaleb(self.scale)
        assert scaled == int(scaled), f"{text} has more than {self.scale} digits"
        return int(scaled)

    def find_amount(self, step: Case) -> int | None:
        return None if step.get("amount") is None else self.read_amount(step["amount"])

    def run_step(self, step: Case) -> tuple[str, Any]:
        """The outcome, and what the model answered or the reason why it refused."""
        self.now = read_instant(step["at"]) if "at" in step else self.now
        if self.rule is not None and self.lots:
            self.do_topup_rule(self.rule, {})
            self.rule = None
        key: Case = {"key": step["key"]} if "key" in step else {}
        try:
            answer = getattr(self, "do_" + step["do"])(step, key)
        except NaiveRefused as no:
            return ("key_reused" if no.reason == "key_reused" else "refused"), no.reason
        self.buy(answer)
        self.name_lots()
        return ("replayed" if answer["replayed"] else "ok"), answer

    def buy(self, answer: Case) -> None:
        """What the rule for top-ups asks for comes at once."""
        for kind, number, amount in answer.get("alerts", {}).get("credits", ()):
            if kind == "top_up":
                self.topups.append(amount)
                self.model.grant(now=self.now, amount=amount, top_up=number)

    def do_grant(self, step: Case, key: Case) -> Case:
        lot: Case = {word: step[word] for word in ("priority", "promotional", "features") if word in step}
        lot |= {word: read_instant(step[word]) for word in ("effective", "expires") if word in step}
        lot |= {"cost": int(step["paid_money"])} if "paid_money" in step else {}
        is_dead = lot.get("expires", self.now + 1) <= self.now
        add = self.model.import_grant if is_dead and not step.get("reject_past") else self.model.grant
        answer = add(now=self.now, amount=self.read_amount(step["amount"]), **lot, **key)
        self.lots[step["id"]] = answer["lot"]
        return answer

    def do_charge(self, step: Case, key: Case) -> Case:
        words: Case = {word: step[word] for word in ("feature", "mode") if word in step}
        answer = self.model.charge(now=self.now, amount=self.read_amount(step["amount"]), **words, **key)
        self.charges[step.get("as", "")] = answer["charge"]
        return answer

    def do_hold(self, step: Case, key: Case) -> Case:
        words: Case = {"feature": step.get("feature"), "mode": "shrink" if step.get("shrink") else "strict"}
        if "ttl" in step:
            words["ttl"] = step["ttl"] * SECOND
        amount = self.read_amount(step["amount"])
        answer = self.model.hold(now=self.now, amount=amount, name=step["id"], **words, **key)
        self.holds[step["id"]] = answer["hold"]
        return answer

    def do_extend(self, step: Case, key: Case) -> Case:
        return self.model.extend(now=self.now, hold=self.holds.get(step["id"], 0), ttl=step["ttl"] * SECOND, **key)

    def do_settle(self, step: Case, key: Case) -> Case:
        words: Case = {word: step[word] for word in ("final", "policy") if word in step}
        hold = self.holds.get(step["id"], 0)
        return self.model.settle(now=self.now, hold=hold, amount=self.find_amount(step), **words, **key)

    def do_release(self, step: Case, key: Case) -> Case:
        return self.model.release(now=self.now, hold=self.holds.get(step["id"], 0), **key)

    def do_refund(self, step: Case, key: Case) -> Case:
        of = step["of"]
        name: Case = {"charge": self.charges[of]} if of in self.charges else {"hold": self.holds.get(of, 0)}
        return self.model.refund(now=self.now, amount=self.find_amount(step), **name, **key)

    def do_void(self, step: Case, key: Case) -> Case:
        name: Case = {"lot": self.lots.get(step["grant"], 0)} if "grant" in step else {}
        return self.model.void(now=self.now, amount=self.find_amount(step), **name, **key)

    def do_forgive(self, step: Case, key: Case) -> Case:
        answer = self.model.forgive(now=self.now, **key)
        self.written_off += answer["forgiven"]
        return answer

    def do_advance(self, step: Case, key: Case) -> Case:
        return self.model.tidy(now=self.now)

    def do_balance(self, step: Case, key: Case) -> Case:
        return {"replayed": False, **self.model.snapshot("credits", self.now)}

    def do_allowance(self, step: Case, key: Case) -> Case:
        every, number, anchor = self.read_rhythm(step)
        words: Case = {"priority": step["priority"]} if "priority" in step else {}
        words |= {"first": self.read_amount(step["first"])} if "first" in step else {}
        words |= self.read_rollover(step.get("rollover", {"mode": "none"}))
        amount = self.read_amount(step["amount"])
        return self.model.allow(
            now=self.now, name=step["id"], amount=amount, every=every, number=number, anchor=anchor,
            is_calendar=anchor is None, zone=step.get("tz", "UTC"), **words, **key,
        )  # fmt: skip

    def read_rhythm(self, step: Case) -> tuple[str, int, int | None]:
        """Cadence, how many of them, and the anchor."""
        every, count = step["every"], int(step.get("count") or 1)
        if every.endswith("_days"):
            every, count = "day", int(every.removesuffix("_days"))
        return every, count, None if step["anchor"] is None else read_instant(step["anchor"])

    def read_rollover(self, said: Case) -> Case:
        """A cap of zero is what Farthing calls none."""
        if said["mode"] == "capped" and not any(Decimal(said.get(word) or 0) for word in ("cap", "cap_percent")):
            return {"rollover": "none"}
        words: Case = {"rollover": said["mode"]}
        words |= {"cap": self.read_amount(said["cap"])} if "cap" in said else {}
        words |= {"cap_percent": int(Decimal(said["cap_percent"]) * 10_000)} if "cap_percent" in said else {}
        return words | ({"keep": said["keep"]} if said.get("keep") else {})

    def do_change_allowance(self, step: Case, key: Case) -> Case:
        mode = {"fresh": "replace", "keep_used": "keep_used"}[step["mode"]]
        amount = self.read_amount(step["amount"])
        return self.model.change_allowance(now=self.now, name=step["id"], mode=mode, amount=amount, **key)

    def do_clawback(self, step: Case, key: Case) -> Case:
        return self.model.clawback(now=self.now, lot=self.lots[step["of"]], money=int(step["money"]), **key)

    def do_topup_rule(self, step: Case, key: Case) -> Case:
        words = {"is_on": step.get("on", True), "threshold": self.read_amount(step["threshold"])}
        words |= {"quantity": self.read_amount(step["quantity"])}
        return self.model.configure(now=self.now, unit="credits", top_up=words, **key)

    def do_period_at(self, step: Case, key: Case) -> Case:
        rhythm = self.find_recurrence(step)
        n = find_number(rhythm, read_instant(step["moment"]))
        return {"replayed": False, "period": [boundary(rhythm, n), boundary(rhythm, n + 1)]}

    def do_schedule(self, step: Case, key: Case) -> Case:
        rhythm = self.find_recurrence(step)
        return {"replayed": False, "times": [boundary(rhythm, n) for n in range(step["from"], step["to"] + 1)]}

    def find_recurrence(self, step: Case) -> Recurrence:
        every, number, anchor = self.read_rhythm(step)
        zone = step.get("tz") or "UTC"
        return Recurrence(every, number, calendar_start(every, zone) if anchor is None else anchor, zone)

    def name_lots(self) -> None:
        """What allowances gave is called after them and the number of the period."""
        for number, lot in self.model.lots.items():
            if lot["is_given"]:
                allowance = self.model.allowances[lot["allowance"]]
                self.lots[f"{allowance['name']}/{find_number(allowance['recurrence'], lot['effective'])}"] = number

    def list_carried(self) -> list[int]:
        lots = self.model._working("lot", "credits")
        return [lot["remaining"] for _, lot in sorted(lots.items()) if self.model._is_carried(lot)]

    def look(self, word: str, expected: Any, outcome: str, answer: Any) -> Any:
        """What the model says of one word of an expectation, in the words of the case."""
        names = {number: name for name, number in self.lots.items()}
        seen = self.model.snapshot("credits", self.now)
        amounts = ("charged", "released", "refunded", "voided", "forgiven", "held", "granted", "taken")
        if word == "outcome":
            return outcome
        if word == "reason":
            return next((told for told, ours in REASONS.items() if ours == answer), answer)
        if word == "available":
            return sum(seen["lots"].values()) + seen["overdraft"] - seen["debt"] - seen["bare"]
        if word == "available_for":
            return {feature: self.model.available("credits", self.now, feature) for feature in expected}
        if word == "breakage":
            return seen["expired"]
        if word == "written_off":
            return self.written_off
        if word == "lots":
            return {name: seen["lots"].get(self.lots[name], 0) for name in expected}
        if word == "alerts":
            return sorted(self.codes[at] for kind, at, _ in answer["alerts"].get("credits", ()) if kind != "top_up")
        if word == "topups":
            return self.topups
        if word == "carried":
            return self.model._look("credits", self.now, self.list_carried)
        if word in ("period", "times"):
            return answer[word]
        if word in ("period_start", "period_end"):
            return answer["period"][word == "period_end"]
        if word == "amount":
            return next(answer[told] for told in amounts if told in answer)
        if word in ("drew", "to"):
            pairs = answer["draws" if word == "drew" else "to"]
            return [[names[lot], amount] for lot, amount in pairs]
        return seen[word]

    def read_expected(self, word: str, expected: Any) -> Any:
        if word in ("outcome", "reason"):
            return expected
        if word == "alerts":
            return sorted(expected)
        if word in ("period", "times", "period_start", "period_end"):
            return read_instant(expected) if isinstance(expected, str) else [read_instant(each) for each in expected]
        if word in ("topups", "carried"):
            return [self.read_amount(each) for each in expected]
        if isinstance(expected, dict):
            return {name: self.read_amount(amount) for name, amount in expected.items()}
        if isinstance(expected, list):
            return [[name, self.read_amount(amount)] for name, amount in expected]
        return self.read_amount(expected)


def check_equation(model: NaiveAccount, now: int) -> None:
    seen = model.snapshot("credits", now)
    moved = seen["granted"] + seen["refunded"] + seen["adjusted"] - seen["spent"] - seen["expired"]
    assert moved == seen["balance"] == sum(seen["lots"].values()) + seen["covered"] - seen["debt"]


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for _, case in load_cases()])
def test_a_worked_case_comes_out_as_stated(case: Case) -> None:
    if obstacle := find_obstacle(case):
        pytest.skip(f"{case['id']}: {obstacle}")
    runner = Runner(case)

    for index, step in enumerate(case["steps"]):
        outcome, answer = runner.run_step(step)
        check_equation(runner.model, runner.now)

        for expected in (each for each in list_expectations(case) if each["after"] == index):
            for word, value in expected.items():
                if word != "after":
                    found = runner.look(word, value, outcome, answer)
                    assert found == runner.read_expected(word, value), f"after step {index}, {word}: {answer}"


def test_no_worked_case_drops_out_unseen() -> None:
    found = dict.fromkeys(SUPPORTED, 0)
    for theme, case in load_cases():
        if theme in found:
            found[theme] += find_obstacle(case) is None

    assert found == SUPPORTED
