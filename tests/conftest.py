"""What every test shares: one Hypothesis profile, without a deadline, since a busy machine is no reason to fail; and
PostgreSQL, started when a test first asks for it."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.postgres.databases import Database, open_database
from tests.postgres.server import Server, share_server

settings.register_profile("house", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


@pytest.fixture(scope="session")
def postgres() -> Server:
    """This worker's running server: quick, with no durability. A test that stops or kills one takes `run_server`."""
    return share_server()


@pytest.fixture
def database(postgres: Server) -> Iterator[Database]:
    """A fresh, empty database with an owner's role and an app's role."""
    with open_database(postgres) as made:
        yield made
