"""Claims from several processes: a code gives as often as it may, and no more, whoever asks."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from farthing.store.contract import NewClaim
from farthing.store.postgres import open_postgres
from farthing.store.sqlite import open_sqlite
from farthing.values.errors import AlreadyRedeemed, CodeSpent
from tests.integration.postgres_books import open_host

ROOT = Path(__file__).resolve().parents[2]
PROCESSES, EACH, MOST = 3, 40, 30
PAUSE_SECONDS = 0.02
"""Between two accounts, so that nobody runs ahead of the others."""
START = 1_750_000_000_000_000


def claim_all(url: str, process: int) -> None:
    """What one process does: it claims for the same accounts as the others, in the same order, at the same time."""
    opened = open_sqlite(url) if url.startswith("sqlite") else open_postgres(url)
    with closing(opened) as store:
        print("ready", flush=True)
        began = float(sys.stdin.readline())
        made = 0
        for number in range(EACH):
            new = NewClaim("spring", "own", "CODE", f"a{number}", MOST, 1, 1, 5, 0, (), f"{process} {number}")
            time.sleep(max(0.0, began + number * PAUSE_SECONDS - time.time()))
            with suppress(AlreadyRedeemed, CodeSpent):
                made += len(store.claim([new], START))
        print(made, flush=True)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        made = f"sqlite:///{tmp_path}/credits.db"
        open_sqlite(made, create=True).close()
        yield made
    else:
        with open_host() as database:
            open_postgres(database.app_url, create=True).close()
            yield database.app_url


def test_a_code_gives_as_often_as_it_may_to_whichever_process(url: str):
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.integration.test_claims", url, str(number)],
            cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        for number in range(PROCESSES)
    ]  # fmt: skip
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    began = time.time() + 0.2
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(f"{began}\n")
        process.stdin.flush()
    made = [int(process.communicate(timeout=60)[0]) for process in processes]

    with closing(open_sqlite(url) if url.startswith("sqlite") else open_postgres(url)) as store:
        claims = store.list_open_claims(START + 1, 1000)
    assert sum(made) == len(claims) == MOST
    assert len({claim.account for claim in claims}) == MOST
    assert len({claim.claim_id for claim in claims}) == MOST


if __name__ == "__main__":
    claim_all(sys.argv[1], int(sys.argv[2]))
