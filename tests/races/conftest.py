"""Books to race on: every race runs on memory, SQLite and PostgreSQL, and ends with a proof of the books."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from farthing.audit.verify import verify
from farthing.engine.engine import Engine
from farthing.store.contract import Store
from tests.postgres.databases import Database, open_prepared
from tests.postgres.server import Server
from tests.races.books import SHARED, make_store, make_url


@pytest.fixture(params=["memory", *SHARED])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with make_store(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def engine(store: Store) -> Iterator[Engine]:
    engine = Engine(store)
    yield engine
    assert verify(store).summary == "ok"
    engine.close()


@pytest.fixture(params=SHARED)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a fresh book that processes can share."""
    with make_url(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def books(postgres: Server) -> Iterator[Database]:
    """A fresh database on PostgreSQL, as the app's role uses it."""
    with open_prepared(postgres) as made:
        yield made
