"""Books to race on: every race runs on memory and on SQLite, and ends with a proof of the books."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from farthing.audit.verify import verify
from farthing.engine.engine import Engine
from farthing.store.contract import Store
from farthing.store.memory import MemoryStore
from tests.races.books import CREDITS, open_sqlite


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "sqlite":
        return open_sqlite(tmp_path / "races.db")
    memory = MemoryStore()
    memory.add_units([CREDITS])
    return memory


@pytest.fixture
def engine(store: Store) -> Iterator[Engine]:
    engine = Engine(store)
    yield engine
    assert verify(store).summary == "ok"
    engine.close()
