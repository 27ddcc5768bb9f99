"""One empty ledger per test, on each store, whose time stands still until the test moves it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import farthing
from farthing.testing import FrozenClock

AT = datetime(2026, 11, 21, 10, 4, tzinfo=UTC)
UNITS = {"credits": 6, "generations": 0}


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(AT)


@pytest.fixture(params=["memory", "sqlite"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path, clock: FrozenClock) -> Iterator[farthing.Ledger]:
    url = "memory:" if request.param == "memory" else f"sqlite:///{tmp_path}/credits.db"
    with farthing.open(url, create=True, book="test", test=True, clock=clock, units=UNITS) as opened:
        yield opened
        assert opened.verify().ok, str(opened.verify())
