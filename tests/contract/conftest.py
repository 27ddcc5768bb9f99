"""Every contract test runs once for each store."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.desk import STORES, Desk, open_desk


@pytest.fixture(params=list(STORES))
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    with open_desk(request.param, tmp_path) as opened:
        yield opened
