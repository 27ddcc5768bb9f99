"""An address becomes a ledger, the same engine each time; what cannot be opened says why, and makes nothing."""

import asyncio
import gc
import os
import sqlite3
import subprocess
import sys
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

import farthing
from farthing.face.opening import REGISTER
from farthing.testing import FrozenClock, memory_ledger
from tests.face.conftest import AT


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/credits.db"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql+asyncpg://app:secret@db/credits", "has a scheme that is not known"),
        ("postgresql://app:secret@db:5433/credits?pgbouncer=true", "'pgbouncer', which libpq does not know"),
        ("postgresql://app:sec%ret@db/credits", "cannot be read as an address"),
        ("https://credits.internal", "is not available in this release"),
        ("mysql://db", "is not the address of a database"),
        ("credits.db", "is not the address of a database"),
        ("", "is not the address of a database"),
        ("sqlite:///", "names no file"),
        ("sqlite:///:memory:", "memory:"),
        ("sqlite://credits.db", "two slashes"),
        ("sqlite:///credits.db?mode=ro", "options"),
        (None, "is not the address of a database"),
        (7, "is not the address of a database"),
    ],
)
def test_an_address_that_cannot_be_used_says_what_to_write(url, says):
    with pytest.raises(farthing.UrlInvalid, match=says) as caught:
        farthing.open(url)
    assert ("postgresql://USER@HOST" if str(url).startswith("postgres") else "sqlite:///") in str(caught.value)
    assert "sec" not in str(caught.value)


def test_a_missing_database_is_refused_by_its_absolute_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(farthing.DatabaseMissing) as caught:
        farthing.open("sqlite:///credits.db")

    assert caught.value.path == str(tmp_path / "credits.db")
    assert "create=True" in str(caught.value)
    assert os.listdir(tmp_path) == []


def test_opened_twice_it_is_the_same_engine_until_the_last_is_closed(url, tmp_path, monkeypatch):
    first = farthing.open(url, create=True)
    monkeypatch.chdir(tmp_path)
    second = farthing.open("sqlite:///credits.db")

    assert first.engine is second.engine
    first.close()
    first.close()
    assert second.grant("acme", 1).balance == 1
    second.close()
    with pytest.raises(farthing.LedgerClosed):
        second.charge("acme", 1)
    with pytest.raises(farthing.LedgerClosed):
        second.balance("acme")
    with pytest.raises(farthing.LedgerClosed):
        second.history()
    with pytest.raises(farthing.LedgerClosed):
        second.verify()
    with farthing.open(url) as third:
        assert third.engine is not first.engine
        assert third.balance("acme").spendable == 1


def test_books_of_one_database_are_ledgers_of_their_own(url):
    with farthing.open(url, create=True) as live, farthing.open(url, create=True, book="tenant") as tenant:
        live.grant("acme", 1)
        tenant.grant("acme", 2)

        assert (live.balance("acme").spendable, tenant.balance("acme").spendable) == (Decimal(1), Decimal(2))
        assert live.engine is not tenant.engine


def test_a_ledger_that_is_forgotten_is_closed_but_not_while_its_history_is_read(url):
    engine = farthing.open(url, create=True).engine
    gc.collect()
    assert engine.is_closed

    farthing.open(url).grant("acme", 1)
    lines = farthing.open(url).history("acme")
    gc.collect()
    assert [line.kind for line in lines] == ["granted", "opened"]
    gc.collect()
    assert list(REGISTER.engines) == []


def test_memory_is_new_each_time():
    with farthing.open("memory:") as first, farthing.open("memory:") as second:
        first.grant("acme", 1)

        with pytest.raises(farthing.AccountNotFound):
            second.balance("acme")


def test_units_are_named_when_a_database_is_made_and_may_be_added(url):
    with farthing.open(url, create=True) as ledger:
        assert ledger.units() == {"credits": farthing.Unit("credits", 6, 2)}
    with farthing.open(url, units={"credits": 6, "free_tokens": 0}) as ledger:
        assert list(ledger.units()) == ["credits", "free_tokens"]
        assert ledger.units()["free_tokens"] == farthing.Unit("free_tokens", 0, 0)
        assert str(ledger.grant("acme", 7, unit="free_tokens").granted) == "7"
    with pytest.raises(farthing.UnitChanged) as caught:
        farthing.open(url, units={"credits": 2})
    assert (caught.value.scale, caught.value.wanted) == (6, 2)
    with farthing.open(url) as ledger:
        assert list(ledger.units()) == ["credits", "free_tokens"]


def test_units_may_show_more_or_fewer_digits():
    units = [farthing.Unit("usd", scale=9, digits=4), farthing.Unit("credits")]
    with farthing.open("memory:", units=units) as ledger:
        assert str(ledger.grant("acme", 1).granted) == "1.0000"
        receipt = ledger.charge("acme", "0.000000001")
        assert (receipt.json()["charged"], receipt.json()["available"]) == ("0.000000001", "0.999999999")
        assert str(ledger.grant("acme", 1, unit="credits").granted) == "1.00"


@pytest.mark.parametrize(
    ("units", "says"),
    [
        ({"credits": 13}, "from 0 to 12"),
        ({"credits": True}, "from 0 to 12"),
        ({"credits": "6"}, "from 0 to 12"),
        ("credits", "is no unit"),
        ([("credits", 6)], "is no unit"),
        ([farthing.Unit("a"), farthing.Unit("a", 0)], "name each once"),
        ([farthing.Unit("a", 2, 3)], "from 0 to 2, its scale"),
        ({"": 6}, "1 to 200 characters"),
        ({"account": 6}, "stands for the account itself"),
    ],
)
def test_units_that_cannot_be_are_refused_and_nothing_is_made(units, says, url, tmp_path):
    with pytest.raises(farthing.Invalid, match=says):
        farthing.open(url, create=True, units=units)
    assert os.listdir(tmp_path) == []


def test_a_frozen_clock_is_for_test_books_only(url, tmp_path):
    with pytest.raises(farthing.ClockIsFrozen):
        farthing.open(url, create=True, clock=FrozenClock(AT))
    assert os.listdir(tmp_path) == []


def test_a_database_that_is_open_is_not_opened_in_another_way(url):
    terms: Any = {"book": "test", "test": True}
    with farthing.open(url, create=True, clock=FrozenClock(AT), **terms) as ledger:
        with pytest.raises(farthing.TermInvalid, match="clock"):
            farthing.open(url, clock=FrozenClock(AT), **terms)
        with pytest.raises(farthing.TermInvalid, match="settings"):
            farthing.open(url, settings=farthing.Settings(largest_batch=7), **terms)
        with pytest.raises(farthing.ChainKeyWrong):
            farthing.open(url, chain_key="other", **terms)
        with farthing.open(url, **terms) as same:
            assert same.engine is ledger.engine


def test_the_chain_key_seals_the_entries_and_comes_from_the_environment_too(url, monkeypatch):
    with farthing.open(url, create=True, chain_key="secret") as ledger:
        ledger.grant("acme", 1)
        assert ledger.verify().ok
    monkeypatch.setenv("FARTHING_CHAIN_KEY", "secret")
    with farthing.open(url) as ledger:
        assert ledger.verify().ok
    monkeypatch.setenv("FARTHING_CHAIN_KEY", "guess")
    with pytest.raises(farthing.ChainKeyWrong):
        farthing.open(url)
    monkeypatch.delenv("FARTHING_CHAIN_KEY")
    with pytest.raises(farthing.ChainKeyWrong):
        farthing.open(url)


def test_dice_and_clock_are_all_that_two_ledgers_can_differ_by(url):
    def write(at):
        with farthing.open(at, create=True, book="test", test=True, clock=FrozenClock(AT), dice=bytes) as ledger:
            ledger.grant("acme", 10, metadata={"a": 1})
            receipt = ledger.charge("acme", 1, description="b", key="k")
            return receipt, [line.json() for line in ledger.history()]

    assert write(url) == write("memory:")


def test_a_forked_child_goes_on_with_its_own_engine(url):
    ledger = farthing.open(url, create=True)
    ledger.grant("acme", 10)

    child = os.fork()
    if not child:
        try:
            ledger.charge("acme", 1)
            same = farthing.open(url).charge("acme", 1).balance == 8
        except BaseException:
            os._exit(1)
        os._exit(0 if same else 2)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert ledger.charge("acme", 1).balance == 7
    ledger.close()


def test_importing_farthing_imports_no_database():
    script = "import sys, farthing, farthing.testing; print({'sqlite3', 'sqlalchemy', 'alembic'} & set(sys.modules))"

    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"


def test_the_testing_room_gives_a_ledger_whose_time_obeys():
    clock = FrozenClock(AT)
    ledger = memory_ledger(clock=clock)
    ledger.grant("acme", 1, expires_in=timedelta(days=1))

    clock.advance(timedelta(days=1))

    assert ledger.balance("acme").expired == 1
    assert memory_ledger(AT).grant("acme", 1).at == AT


def test_a_database_that_was_deleted_is_not_the_one_that_is_still_open(url, tmp_path):
    with farthing.open(url, create=True) as first:
        first.grant("acme", 1)
        for file in tmp_path.iterdir():
            file.unlink()

        with pytest.raises(farthing.DatabaseMissing):
            farthing.open(url)
        with farthing.open(url, create=True) as second:
            assert second.engine is not first.engine
            with pytest.raises(farthing.AccountNotFound):
                second.balance("acme")


def test_a_closed_ledger_is_closed_though_another_on_the_same_file_is_open(url):
    with farthing.open(url, create=True) as other:
        ledger = farthing.open(url)
        ledger.grant("acme", 10)
        hold = ledger.hold("acme", 1)
        ledger.close()
        calls = [
            lambda: ledger.charge("acme", 1),
            lambda: asyncio.run(ledger.acharge("acme", 1)),
            lambda: ledger.batch([farthing.Charge("acme", 1)]),
            lambda: asyncio.run(ledger.abatch([farthing.Charge("acme", 1)])),
            lambda: ledger.within(sqlite3.connect(":memory:")),
            lambda: ledger.balance("acme"),
            lambda: ledger.available("acme"),
            lambda: ledger.used("acme"),
            lambda: ledger.balances("acme"),
            lambda: ledger.history("acme"),
            lambda: ledger.units(),
            lambda: ledger.verify(),
            lambda: ledger.nearest_accounts("acme"),
            lambda: hold.settle(1),
        ]
        for call in calls:
            with pytest.raises(farthing.LedgerClosed):
                call()
        ledger.close()
        assert other.balance("acme").spent == 0


@pytest.mark.parametrize("name", ["largest_batch", "largest_queue", "commit_tries", "commits_remembered"])
@pytest.mark.parametrize("value", ["x", "7", True, 2.0, None, 0, -1])
def test_settings_are_whole_numbers_from_1(name, value):
    with pytest.raises(farthing.TermInvalid, match=f"{name}.*whole number from 1"):
        farthing.Settings(**{name: value})
