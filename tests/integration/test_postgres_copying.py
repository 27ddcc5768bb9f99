"""Entries on their way by COPY: what an interruption in their midst leaves behind."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest

import farthing
from farthing.engine.engine import Engine
from farthing.store.postgres_copying import Copying
from farthing.store.postgres_save import COPY_FROM
from farthing.values.requests import Charge, Grant
from tests.integration.postgres_books import open_host
from tests.races.books import open_book


def grants(tag: str) -> list[Grant]:
    return [Grant(key=f"{tag} {number}", account="acme", amounts=((1, 10),)) for number in range(300)]


@pytest.mark.parametrize("step", ["fetch", "flush"])
def test_a_copy_that_a_signal_breaks_off_gives_its_connection_up_and_is_done_again(
    monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    with open_host() as database:
        engine = Engine(open_book(database.app_url))
        engine.run_many(grants("first"))
        real: Callable[..., Any] = getattr(Copying, step)
        calls: list[Copying] = []

        def break_off(copying: Copying, *wanted: Any) -> Any:
            calls.append(copying)
            if len(calls) == 1:
                raise KeyboardInterrupt
            return (yield from real(copying, *wanted))

        monkeypatch.setattr(Copying, step, break_off)

        with pytest.raises(KeyboardInterrupt):
            engine.run_many(grants("second"))
        outcome = engine.run(Charge(key="c", account="acme", amounts=((1, 6000),)))

        assert calls[0].connection.closed
        assert calls[-1].connection is not calls[0].connection
        assert outcome.entries[0].balance_after == 0, "what was accepted was done, once"
        engine.close()


def test_what_is_written_in_a_callers_transaction_never_goes_by_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(copying: Copying, rows: list[bytes]) -> None:
        raise AssertionError("a COPY that a signal breaks off would cost the caller the connection")

    monkeypatch.setattr(Copying, "send", refuse)
    with open_host() as database, farthing.open(database.app_url, create=True) as ledger:
        ledger.grant("acme", 5)
        for _ in range(COPY_FROM):
            ledger.grant("acme", 1, expires_in=timedelta(milliseconds=400))
        time.sleep(0.5)

        with psycopg.connect(database.app_url) as connection, ledger.within(connection) as tx:
            tx.charge("acme", 2)

        balance = ledger.balance("acme")
        assert balance.expired == COPY_FROM
        assert balance.spendable == 3
        assert ledger.verify().ok
