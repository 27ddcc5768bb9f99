"""Plays a case on a store and holds what Farthing says against what the case expects: one after another, or at once."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import groupby
from typing import Any

import farthing
from farthing.testing import FrozenClock
from tests.peers.adapter import OF_THE_STEP, Answer, Player, UnknownWord, find_start, find_unit
from tests.peers.casefiles import Case
from tests.peers.stores import open_book

SEVERAL_CALLERS = frozenset({"bursar-burndown-03", "stigg-holds-01", "bursar-idempotency-02"})
"""The cases that speak of several callers at once: they are also played from threads."""


@dataclass(frozen=True)
class Mismatch:
    """Where a case first went wrong: after which step, what was expected, and what Farthing said instead."""

    step: int
    expected: dict[str, Any]
    got: dict[str, Any]


def play_case(case: Case, store: str) -> Mismatch | None:
    """The first mismatch, if any. A case of several callers is played a second time, from threads."""
    found = play_on_fresh_book(case, store, play_in_order)
    if found is None and case.id in SEVERAL_CALLERS:
        found = play_on_fresh_book(case, store, play_from_threads)
    return found


Way = Callable[[Case, Player], Mismatch | None]


def play_on_fresh_book(case: Case, store: str, way: Way) -> Mismatch | None:
    """A case on a book of its own, which must obey every law in the end. Whatever goes wrong is a mismatch."""
    clock = FrozenClock(find_start(case.steps))
    try:
        with open_book(store, clock, *find_unit(case.setup)) as ledger:
            found = way(case, Player(ledger, clock, case.setup))
            return found or check_books(case, ledger)
    except UnknownWord as error:
        return Mismatch(0, {"vocabulary": "known words only"}, {"vocabulary": str(error)})


def check_books(case: Case, ledger: farthing.Ledger) -> Mismatch | None:
    """Every law over everything that the case left behind."""
    report = ledger.verify()
    if report.ok:
        return None
    return Mismatch(len(case.steps) - 1, {"verify": "ok"}, {"verify": report.summary})


def play_in_order(case: Case, player: Player) -> Mismatch | None:
    """Step by step, each assertion checked right after its step."""
    for index, step in enumerate(case.steps):
        answer = play_step(player, index, step)
        if isinstance(answer, Mismatch):
            return answer
        for assertion in case.expect:
            if assertion["after"] == index:
                found = compare(player, index, assertion, answer)
                if found:
                    return found
    return None


def play_step(player: Player, index: int, step: dict[str, Any]) -> Answer | Mismatch:
    """One step; a step that lacks an argument, or has a malformed one, is a mismatch of its own."""
    try:
        return player.play(step)
    except KeyError as error:
        return Mismatch(index, {"step": f"{step['do']} with {error.args[0]}"}, {"step": "not given"})
    except (ValueError, ArithmeticError, TypeError, farthing.FarthingError, UnknownWord) as error:
        return Mismatch(index, {"step": f"{step['do']} can be played"}, {"step": f"{type(error).__name__}: {error}"})


def compare(
    player: Player, index: int, assertion: dict[str, Any], answer: Answer, words: frozenset[str] | None = None
) -> Mismatch | None:
    """Every word of an assertion (or only some) against what Farthing says."""
    expected, got = {}, {}
    for word, value in assertion.items():
        if word == "after" or (words is not None and word not in words):
            continue
        try:
            found = player.read(word, value, answer)
        except UnknownWord as error:
            found = str(error)
        if normalise(word, found) != normalise(word, value):
            expected[word], got[word] = value, show(found)
    if expected and answer.refusal is not None:
        got["refusal"] = str(answer.refusal)
    return Mismatch(index, expected, got) if expected else None


def normalise(word: str, value: Any) -> Any:
    """A value in the one form in which both sides are compared: amounts as decimals, shares added up by lot."""
    if word in ("drew", "to") and isinstance(value, list):
        shares: dict[str, Decimal] = {}
        for lot, amount in value:
            shares[lot] = shares.get(lot, Decimal(0)) + Decimal(amount)
        return list(shares.items())
    if word == "alerts" and isinstance(value, list):
        return sorted(map(str, value))
    if word == "carried" and isinstance(value, list):
        # A carried lot that is spent counts for nothing, whether it is told of or not.
        return [item for item in normalise("", value) if item]
    if isinstance(value, dict):
        return {name: normalise("", item) for name, item in value.items()}
    if isinstance(value, list):
        return [normalise("", item) for item in value]
    try:
        return value if value is None or word in ("outcome", "reason") else Decimal(value)
    except (InvalidOperation, TypeError, ValueError):
        return value


def show(value: Any) -> Any:
    """A value as JSON and people can have it: amounts as plain text."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dict):
        return {name: show(item) for name, item in value.items()}
    if isinstance(value, list):
        return [show(item) for item in value]
    return value if value is None or isinstance(value, str) else str(value)


def play_from_threads(case: Case, player: Player) -> Mismatch | None:
    """Steps of one instant and one kind all at once: outcomes may come in any order, the totals may not differ."""
    indexes = range(len(case.steps))
    for _, group in groupby(indexes, key=lambda index: (case.steps[index].get("at"), case.steps[index]["do"])):
        together = list(group)
        answers = play_together(player, [case.steps[index] for index in together])
        asserted = [assertion for assertion in case.expect if assertion["after"] in together]
        expected = Counter(assertion["outcome"] for assertion in asserted if "outcome" in assertion)
        if sum(expected.values()) == len(together) and expected != Counter(answer.outcome for answer in answers):
            got = dict(Counter(answer.outcome for answer in answers))
            return Mismatch(together[-1], {"outcomes from threads": dict(expected)}, {"outcomes from threads": got})
        for assertion in asserted:
            if assertion["after"] == together[-1]:
                words = frozenset(assertion) - OF_THE_STEP
                found = compare(player, together[-1], assertion, answers[-1], words)
                if found:
                    return found
    return None


def play_together(player: Player, steps: Sequence[dict[str, Any]]) -> list[Answer]:
    """Every step in a thread of its own, all let go at the same moment."""
    player.move_clock(steps[0])
    gate = threading.Barrier(len(steps))

    def play(step: dict[str, Any]) -> Answer:
        gate.wait()
        return player.play(step)

    with ThreadPoolExecutor(len(steps)) as threads:
        return list(threads.map(play, steps))
