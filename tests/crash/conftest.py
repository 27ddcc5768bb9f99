"""Books for the crashes: of each kind that outlives the process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.races.books import SHARED, make_url


@pytest.fixture(params=SHARED)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a fresh book. Its server has no need to be durable: it is the client that dies."""
    with make_url(request.param, tmp_path) as made:
        yield made
