"""Many at once: each line is the verb of its name, and nobody's refusal harms a neighbour."""

import asyncio
from typing import Any

import pytest

import farthing
from farthing import Charge, Grant, Hold, Settle

WRONG: Any = 1.5
MISSPELT: Any = {"featur": "chat"}


def test_a_batch_answers_line_by_line_in_order(ledger):
    answers = ledger.batch(
        [
            Grant("acme", 10, key="g"),
            Charge("acme", 4, feature="chat"),
            Charge("acme", 40),
            Charge("nobody", 1),
            Hold("acme", 6),
            Charge("acme", 1),
            Grant("acme", 10, key="g"),
        ]
    )

    kinds = [getattr(answer, "kind", getattr(answer, "code", "")) for answer in answers]
    assert kinds == [
        "granted", "charged", "insufficient_credits", "account_not_found", "held", "insufficient_credits", "granted"
    ]  # fmt: skip
    assert [answers[0].replayed, answers[6].replayed] == [False, True]
    assert (answers[1].charged, answers[4].hold is not None) == (4, True)
    assert all(isinstance(answer, farthing.Receipt | farthing.Refused) for answer in answers)


def test_a_line_that_is_wrong_in_itself_is_refused_at_its_place(ledger):
    ledger.grant("acme", 10)

    answers = ledger.batch([Charge("acme", 1), Charge("acme", WRONG), Settle("nonsense"), Charge("acme", 2)])

    assert [type(answer) for answer in answers] == [
        farthing.Receipt,
        farthing.AmountIsFloat,
        farthing.IdInvalid,
        farthing.Receipt,
    ]
    assert ledger.balance("acme").spendable == 7


def test_a_batch_larger_than_a_commit_is_done_in_few(ledger):
    ledger.grant("acme", 2000)
    before = ledger.stats().commits

    answers = ledger.batch(Charge("acme", 1) for _ in range(1200))

    assert sum(answer.charged for answer in answers) == 1200
    assert ledger.stats().commits - before == 3


def test_an_awaited_batch_is_the_same(ledger):
    answers = asyncio.run(ledger.abatch([Grant("acme", 10), Charge("acme", 4), Charge("acme", 40)]))

    assert [type(answer).__name__ for answer in answers] == ["Receipt", "Receipt", "InsufficientCredits"]


def test_an_empty_batch_has_no_answers(ledger):
    assert ledger.batch([]) == []


def test_what_is_no_line_is_a_mistake_of_the_program(ledger):
    with pytest.raises(TypeError, match=r"farthing\.Charge"):
        ledger.batch([("acme", 1)])
    with pytest.raises(TypeError, match="featur"):
        ledger.batch([Charge("acme", 1, **MISSPELT)])


def test_a_line_shows_what_it_will_say():
    assert repr(Charge("acme", "2.50", key="k")) == "Charge('acme', '2.50', key='k')"
    assert repr(farthing.SetUsed("acme", 3)) == "SetUsed('acme', 3)"
