"""Every contract test runs once for each store."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.desk import STORES, Desk, open_desk
from tests.contract.spoiling import write_sound_books


@pytest.fixture(params=list(STORES))
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    with open_desk(request.param, tmp_path) as opened:
        yield opened


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed database with something in every table. Tests spoil a `copy` of it."""
    return write_sound_books(tmp_path_factory.mktemp("sound"))


@pytest.fixture
def copy(sound: Path, tmp_path: Path) -> Path:
    """The same database, to be spoilt by one test."""
    return Path(shutil.copy(sound, tmp_path / "credits.db"))
