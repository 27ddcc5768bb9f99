"""One empty ledger per test, on each store, whose time stands still until the test moves it."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import farthing
from farthing.testing import FrozenClock
from tests.postgres.databases import open_prepared

AT = datetime(2026, 11, 21, 10, 4, tzinfo=UTC)
UNITS = {"credits": 6, "generations": 0}


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(AT)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once, with every migration; each test has a copy."""
    path = tmp_path_factory.mktemp("empty") / "credits.db"
    farthing.open(f"sqlite:///{path}", create=True, book="test", test=True, units=UNITS).close()
    assert [file.name for file in path.parent.iterdir() if "-wal" in file.name] == []
    return path


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Of a fresh database."""
    if request.param == "memory":
        yield "memory:"
    elif request.param == "sqlite":
        shutil.copy(request.getfixturevalue("empty_database"), tmp_path)
        yield f"sqlite:///{tmp_path}/credits.db"
    else:
        with open_prepared() as database:
            yield database.app_url


@pytest.fixture
def ledger(url: str, clock: FrozenClock) -> Iterator[farthing.Ledger]:
    with farthing.open(url, create=True, book="test", test=True, clock=clock, units=UNITS) as opened:
        yield opened
        assert opened.verify().ok, str(opened.verify())
