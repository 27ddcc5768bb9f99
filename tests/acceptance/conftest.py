"""A ledger for each catalog that comes with Farthing, on each database; time stands still until the test moves it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

import farthing
from farthing.face.catalogs import read_shipped
from farthing.testing import FrozenClock
from tests.postgres.databases import open_prepared

AT = datetime(2026, 11, 21, 10, 4, tzinfo=UTC)
Open = Callable[[str], farthing.Ledger]


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(AT)


@pytest.fixture(params=["sqlite", "postgres"])
def open_catalog(request: pytest.FixtureRequest, tmp_path: Path, clock: FrozenClock) -> Iterator[Open]:
    """Opens a ledger with the catalog of that name. When the test is over its books must add up."""
    with ExitStack() as stack:
        opened: dict[str, farthing.Ledger] = {}

        def open_one(name: str) -> farthing.Ledger:
            file = tmp_path / f"{name}.toml"
            file.write_text(read_shipped(name), encoding="utf-8")
            if request.param == "sqlite":
                url = f"sqlite:///{tmp_path}/{name}.db"
            else:
                url = stack.enter_context(open_prepared()).app_url
            ledger = farthing.open(url, create=True, book=name, test=True, clock=clock)
            opened[name] = stack.enter_context(ledger)
            ledger.apply_catalog(file)
            return ledger

        yield open_one
        for ledger in opened.values():
            assert ledger.verify().ok, str(ledger.verify())


@pytest.fixture
def textvault(open_catalog: Open) -> farthing.Ledger:
    return open_catalog("textvault")


@pytest.fixture
def studio(open_catalog: Open) -> farthing.Ledger:
    return open_catalog("studio")


@pytest.fixture
def business(open_catalog: Open) -> farthing.Ledger:
    return open_catalog("business")


@pytest.fixture
def vibe(open_catalog: Open) -> farthing.Ledger:
    return open_catalog("vibe")


@pytest.fixture
def tokens(open_catalog: Open) -> farthing.Ledger:
    return open_catalog("tokens")
