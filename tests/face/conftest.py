"""One empty ledger per test, on each store, whose time stands still until the test moves it."""

import shutil
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


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once, with every migration; each test has a copy."""
    path = tmp_path_factory.mktemp("empty") / "credits.db"
    farthing.open(f"sqlite:///{path}", create=True, book="test", test=True, units=UNITS).close()
    assert [file.name for file in path.parent.iterdir() if "-wal" in file.name] == []
    return path


@pytest.fixture(params=["memory", "sqlite"])
def ledger(
    request: pytest.FixtureRequest, tmp_path: Path, clock: FrozenClock, empty_database: Path
) -> Iterator[farthing.Ledger]:
    url = "memory:"
    if request.param == "sqlite":
        shutil.copy(empty_database, tmp_path)
        url = f"sqlite:///{tmp_path}/credits.db"
    with farthing.open(url, book="test", test=True, clock=clock, units=UNITS) as opened:
        yield opened
        assert opened.verify().ok, str(opened.verify())
