"""With the caller's own rows: what is said inside `within` commits or vanishes with them."""

import sqlite3

import pytest
import sqlalchemy

import farthing
from farthing.testing import FrozenClock
from tests.face.conftest import AT


@pytest.fixture
def path(tmp_path):
    return tmp_path / "credits.db"


@pytest.fixture
def ledger(path):
    with farthing.open(f"sqlite:///{path}", create=True, book="test", test=True, clock=FrozenClock(AT)) as opened:
        opened.grant("acme", 100)
        yield opened
        assert opened.verify().ok


@pytest.fixture
def connection(path):
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("CREATE TABLE IF NOT EXISTS picture (name TEXT) STRICT")
    yield connection
    connection.close()


def test_a_charge_commits_with_the_callers_rows(ledger, connection):
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO picture VALUES ('cat')")
    with ledger.within(connection) as tx:
        receipt = tx.charge("acme", "2.50", feature="image", key="k")
    connection.execute("COMMIT")

    assert receipt.provisional is True
    assert str(ledger.balance("acme").spendable) == "97.50"
    again = ledger.charge("acme", "2.50", feature="image", key="k")
    assert (again.replayed, again.provisional, again.id) == (True, False, receipt.id)


def test_a_charge_vanishes_with_the_callers_rows(ledger, connection):
    connection.execute("BEGIN IMMEDIATE")
    with ledger.within(connection) as tx:
        tx.charge("acme", "2.50")
        hold = tx.hold("acme", 5)
        hold.settle(1)
    connection.execute("ROLLBACK")

    assert ledger.balance("acme").spendable == 100
    assert connection.execute("SELECT count(*) FROM picture").fetchone() == (0,)


def test_a_refusal_inside_leaves_the_callers_transaction_usable(ledger, connection):
    connection.execute("BEGIN IMMEDIATE")
    with ledger.within(connection) as tx:
        with pytest.raises(farthing.InsufficientCredits):
            tx.charge("acme", 500)
        connection.execute("INSERT INTO picture VALUES ('dog')")
        tx.charge("acme", 1)
    connection.execute("COMMIT")

    assert ledger.balance("acme").spendable == 99
    assert connection.execute("SELECT name FROM picture").fetchall() == [("dog",)]


def test_a_hold_block_inside_is_released_by_an_exception(ledger, connection):
    connection.execute("BEGIN IMMEDIATE")
    with ledger.within(connection) as tx, pytest.raises(ZeroDivisionError), tx.hold("acme", 5):
        raise ZeroDivisionError
    connection.execute("COMMIT")

    assert ledger.balance("acme").held == 0
    assert next(ledger.history("acme")).success is False


def test_a_plain_call_inside_says_how_to_join(ledger, connection):
    connection.execute("BEGIN IMMEDIATE")
    with ledger.within(connection), pytest.raises(farthing.UseTheOpenTransaction) as caught:
        ledger.charge("acme", 1)
    connection.execute("ROLLBACK")

    assert caught.value.call == "charge"
    assert "tx.charge" in str(caught.value)


def test_a_sqlalchemy_connection_will_do(ledger, path):
    engine = sqlalchemy.create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS picture (name TEXT) STRICT")
        connection.commit()
        connection.exec_driver_sql("INSERT INTO picture VALUES ('cat')")
        with ledger.within(connection) as tx:
            tx.charge("acme", "2.50")
        connection.commit()
        with ledger.within(connection) as tx:
            tx.charge("acme", "7.50")
        connection.rollback()
    engine.dispose()

    assert str(ledger.balance("acme").spendable) == "97.50"


def test_nothing_is_awaited_inside(ledger, connection):
    connection.execute("BEGIN IMMEDIATE")
    with ledger.within(connection) as tx:
        hold = tx.hold("acme", 5)
        with pytest.raises(TypeError, match="settle, not asettle"):
            hold.asettle().send(None)
    connection.execute("ROLLBACK")


def test_what_is_not_there_inside_says_where_to_ask(ledger, connection):
    with ledger.within(connection) as tx:
        for name in ("balance", "batch", "history"):
            with pytest.raises(AttributeError, match=f"there is no {name}.* ask the ledger itself"):
                getattr(tx, name)
        with pytest.raises(AttributeError, match=r"there is no nonsense$"):
            getattr(tx, "nonsense")  # noqa: B009 (a type checker would not let the plain form pass)


def test_a_block_that_is_over_takes_no_more(ledger, connection):
    with ledger.within(connection) as tx:
        pass

    with pytest.raises(RuntimeError, match="is over"):
        tx.charge("acme", 1)


def test_memory_has_no_connection_to_join():
    with farthing.open("memory:") as ledger, pytest.raises(farthing.ConnectionForeign), ledger.within(object()) as tx:
        tx.charge("acme", 1)


def test_rules_made_inside_commit_or_vanish_with_the_callers_rows(ledger, connection):
    ledger.budget("acme", 5, name="known")
    connection.execute("BEGIN IMMEDIATE")
    with ledger.within(connection) as tx:
        tx.allow("acme", 10, every="month")
        tx.budget("acme", 5, name="fresh")
        receipt = tx.charge("acme", 5)
    connection.execute("ROLLBACK")

    assert [(alert.kind, alert.budget) for alert in receipt.alerts] == [("budget", "known"), ("budget", None)], (
        "what is not committed has no name to be looked up yet"
    )
    balance = ledger.balance("acme")
    assert (balance.spendable, balance.allowances, [budget.name for budget in balance.budgets]) == (100, (), ["known"])
    assert list(ledger.alerts()) == []
    assert ledger.budget("acme", 7, name="other").kind == "budgeted"
    assert [alert.budget for alert in ledger.charge("acme", 7, mode="all_available").alerts] == ["known"]
