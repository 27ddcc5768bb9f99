"""Entries on their way by COPY: what an interruption in their midst leaves behind."""

from collections.abc import Callable
from typing import Any

import pytest

from farthing.core.requests import Charge, Grant
from farthing.engine.engine import Engine
from farthing.store.postgres_copying import Copying
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
