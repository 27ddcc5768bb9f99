"""One text for sync and async: every verb has both forms, with one signature, and both do the same."""

import asyncio
import inspect

import pytest

import farthing
from farthing.face.words import AwaitedWords, Words

VERBS = [name for name in vars(Words) if not name.startswith("_")]


@pytest.mark.parametrize("name", VERBS)
def test_each_verb_has_an_awaited_twin_with_its_signature(name):
    plain, awaited = getattr(Words, name), getattr(AwaitedWords, "a" + name)

    assert inspect.signature(plain).parameters == inspect.signature(awaited).parameters
    assert plain.__doc__ == awaited.__doc__
    assert len(plain.__doc__.split()) >= 5
    assert (plain.__name__, awaited.__name__) == (name, "a" + name)


def test_there_is_no_awaited_verb_without_its_plain_one():
    assert ["a" + name for name in VERBS] == [name for name in vars(AwaitedWords) if not name.startswith("_")]


def test_common_options_are_spelt_out_in_signatures():
    parameters = inspect.signature(farthing.Ledger.charge).parameters

    assert [*parameters][:4] == ["self", "account", "amount", "feature"]
    assert {"key", "description", "metadata", "usage", "success", "actor"} <= parameters.keys()
    assert inspect.signature(farthing.Ledger.charge).return_annotation is farthing.Receipt


def test_an_option_that_does_not_exist_is_a_type_error_that_names_it(ledger):
    with pytest.raises(TypeError, match=r"charge\(\) got an unexpected keyword argument 'featur'"):
        ledger.charge("acme", 1, featur="chat")


def test_awaited_verbs_do_what_the_plain_ones_do(ledger):
    async def work():
        await ledger.agrant("acme", 100, key="g")
        charges = await asyncio.gather(*[ledger.acharge("acme", 1, key=f"c{n}") for n in range(50)])
        refusal = await asyncio.gather(ledger.acharge("acme", 500), return_exceptions=True)
        balance = await ledger.abalance("acme")
        lines = [line async for line in ledger.ahistory("acme")]
        return charges, refusal[0], balance, lines, await ledger.aavailable("acme"), await ledger.averify()

    charges, refusal, balance, lines, available, report = asyncio.run(work())

    assert sum(receipt.charged for receipt in charges) == 50
    assert isinstance(refusal, farthing.InsufficientCredits)
    assert (balance.spendable, available, len(lines), report.ok) == (50, 50, 52, True)
    assert balance == ledger.balance("acme")
    assert lines == list(ledger.history("acme"))
