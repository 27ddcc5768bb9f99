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

CASES = Path(__file__).parents[1] / "peers" / "cases"
STEPS = {"charge", "grant", "hold", "extend", "settle", "release", "refund", "void", "forgive", "advance", "balance"}
SETUPS = {"overdraft", "settle_above_hold", "refund_grace_days", "unit"}
ASSERTIONS = {
    "after", "outcome", "reason", "available", "available_for", "balance", "held", "debt", "breakage", "written_off",
    "lots", "amount", "drew", "to",
}  # fmt: skip
REASONS = {"hold_unknown": "hold_unknown", "hold_closed": "hold_ended"}
SUPPORTED = {"burndown": 40, "holds": 31, "refunds_clawbacks": 12, "idempotency": 12}
SUPPORTED |= {"allowances_rollover": 1, "wallets_alerts": 1, "calendar_anchors": 0, "rounding_allocation": 0}

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
        self.now = read_instant(case["steps"][0]["at"])
        self.lots: dict[str, int] = {}
        self.holds: dict[str, int] = {}
        self.charges: dict[str, int] = {}
        self.written_off = 0
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
        key: Case = {"key": step["key"]} if "key" in step else {}
        try:
            answer = getattr(self, "do_" + step["do"])(step, key)
        except NaiveRefused as no:
            return ("key_reused" if no.reason == "key_reused" else "refused"), no.reason
        return ("replayed" if answer["replayed"] else "ok"), answer

    def do_grant(self, step: Case, key: Case) -> Case:
        lot: Case = {word: step[word] for word in ("priority", "promotional", "features") if word in step}
        lot |= {word: read_instant(step[word]) for word in ("effective", "expires") if word in step}
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

    def look(self, word: str, expected: Any, outcome: str, answer: Any) -> Any:
        """What the model says of one word of an expectation, in the words of the case."""
        names = {number: name for name, number in self.lots.items()}
        seen = self.model.snapshot("credits", self.now)
        amounts = ("charged", "released", "refunded", "voided", "forgiven", "held", "granted")
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
        if word == "amount":
            return next(answer[told] for told in amounts if told in answer)
        if word in ("drew", "to"):
            pairs = answer["draws" if word == "drew" else "to"]
            return [[names[lot], amount] for lot, amount in pairs]
        return seen[word]

    def read_expected(self, word: str, expected: Any) -> Any:
        if word in ("outcome", "reason"):
            return expected
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
