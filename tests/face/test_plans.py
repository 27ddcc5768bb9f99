"""Plans in the face: each word has its form for coroutines, and none is said inside somebody else's transaction."""

import asyncio
import inspect
import sqlite3

import pytest

import farthing
from farthing.face.packages import Buying
from farthing.face.subscriptions import Subscribing
from tests.service.test_subscriptions import CATALOG, has

WORDS = [
    (part, name)
    for part, names in (
        (
            Subscribing,
            "subscribe change_plan upgrade downgrade renew cancel resume subscription subscription_history plans "
            "quote_change enrol_all",
        ),
        (Buying, "buy packages"),
    )
    for name in names.split()
]


@pytest.fixture
def kiosk(ledger, tmp_path):
    file = tmp_path / "kiosk.toml"
    file.write_text(CATALOG, encoding="utf-8")
    with pytest.raises(farthing.CatalogMissing):
        ledger.subscribe("ada", "basic")
    ledger.apply_catalog(file)
    return ledger


@pytest.mark.parametrize(("part", "name"), WORDS)
def test_each_word_has_a_form_for_coroutines_with_the_same_parameters(part, name):
    one, other = getattr(part, name), getattr(part, "a" + name)
    assert inspect.iscoroutinefunction(other)
    assert list(inspect.signature(one).parameters.values()) == list(inspect.signature(other).parameters.values())


def test_they_are_awaited(kiosk):
    ledger = kiosk

    async def live():
        await ledger.asubscribe("ada", "basic", cycle="year", paid=(15000, "USD"), key="k")
        assert (await ledger.asubscription("ada")).cycle == "year"
        assert (await ledger.aquote_change("ada", "premium")).event == "upgrade"
        await ledger.adowngrade("ada", "free")
        await ledger.aresume("ada")
        await ledger.arenew("ada", paid=(15000, "USD"))
        await ledger.acancel("ada")
        await ledger.aupgrade("ada", "premium", paid=(3000, "USD"))
        await ledger.achange_plan("ada", "basic", when="now", paid=(1500, "USD"))
        await ledger.abuy("ada", "growth")
        assert [plan.name for plan in await ledger.aplans()][:2] == ["free", "basic"]
        assert len(await ledger.apackages()) == 2
        assert await ledger.aenrol_all() == 0
        return [step.step for step in await ledger.asubscription_history("ada")]

    steps = asyncio.run(live())
    assert steps == ["subscribed", "planned", "resumed", "renewed", "cancelled", "upgraded", "upgraded"]


@pytest.mark.parametrize(
    "said",
    [
        {"cycle": 3}, {"cycle": "fortnight"}, {"days": 0}, {"days": "3"}, {"days": 1, "until": farthing}, {"trial": 1},
        {"until": "2030-01-01"}, {"paid": 15}, {"paid": (1.5, "USD")}, {"paid": (1500, "usd")}, {"renews": "no"},
        {"reference": ""}, {"colour": "red"}, {"trial": True},
    ],
)  # fmt: skip
def test_bad_input_is_refused_and_writes_nothing(kiosk, said):
    with pytest.raises((farthing.FarthingError, TypeError)):
        kiosk.subscribe("ada", "basic", **said)
    with pytest.raises(farthing.AccountNotFound):
        kiosk.subscription("ada")


def test_inside_a_transaction_of_ones_own_it_is_refused(tmp_path, clock):
    file = tmp_path / "kiosk.toml"
    file.write_text(CATALOG, encoding="utf-8")
    with farthing.open(f"sqlite:///{tmp_path}/k.db", create=True, book="kiosk", test=True, clock=clock) as ledger:
        ledger.apply_catalog(file)
        connection = sqlite3.connect(tmp_path / "k.db", isolation_level=None)
        with ledger.within(connection):
            for call in (lambda: ledger.subscribe("ada", "basic"), lambda: ledger.buy("ada", "growth")):
                with pytest.raises(farthing.UseTheOpenTransaction):
                    call()
        connection.close()
        ledger.subscribe("ada", "basic")
        assert has(ledger) == 510
