"""A process of a release: of this one, or of the next, which knows a schema more. What it does is told by its words:

python -m tests.integration.deploying RELEASE (traffic | open | migrate) URL [ROLE]
"""

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

import farthing
from farthing.face import schemas
from farthing.store import migrate, postgres_migration, postgres_opening
from farthing.store.versions import SCHEMAS, judge_schema

REVISIONS = Path(__file__).with_name("revisions")
NEXT = (*SCHEMAS, f"{int(SCHEMAS[-1]) + 1:04}")
ACCOUNTS = 4


def become_next_release() -> None:
    """Know a schema more, its revision, and the rights that its table needs."""
    judge_schema.__defaults__ = (NEXT,)
    make_config = migrate.make_config

    def make_longer_config(connection: Connection) -> Any:
        config = make_config(connection)
        places = (Path(migrate.__file__).with_name("migrations") / "versions", REVISIONS)
        config.set_main_option("version_locations", os.pathsep.join(map(str, places)))
        return config

    migrate.make_config = make_longer_config
    upgrade = migrate.upgrade_postgres

    def upgrade_further(connection: Any, finish: Any, *, to: str = NEXT[-1]) -> None:
        upgrade(connection, finish, to=to)

    migrate.upgrade_postgres = upgrade_further
    for module in (postgres_migration, postgres_opening):
        vars(module)["SCHEMAS"] = NEXT
    vars(postgres_migration)["APPENDED"] = (*postgres_migration.APPENDED, "region")


def make_traffic(url: str) -> None:
    """Charge until the input ends; then say how often, how long the longest took, and what went wrong."""
    over, figures = threading.Event(), {"charges": 0, "longest": 0.0}
    problems: list[str] = []
    with farthing.open(url) as ledger:

        def charge(number: int) -> None:
            while not over.is_set():
                began = time.monotonic()
                try:
                    ledger.charge(f"acme{number}", 1)
                except farthing.FarthingError as error:
                    problems.append(str(error))
                figures["charges"] += 1
                figures["longest"] = max(figures["longest"], time.monotonic() - began)
                time.sleep(0.01)

        threads = [threading.Thread(target=charge, args=(number,)) for number in range(ACCOUNTS)]
        for thread in threads:
            thread.start()
        print("running", flush=True)
        sys.stdin.read()
        over.set()
        for thread in threads:
            thread.join()
    print(json.dumps(figures | {"problems": problems}))


def main(release: str, word: str, url: str, *role: str) -> None:
    if release == "next":
        become_next_release()
    if word == "traffic":
        make_traffic(url)
    elif word == "migrate":
        print(*schemas.migrate(url, app_role=role[0])[1:])
    else:
        farthing.open(url).close()
        print("opened")


if __name__ == "__main__":
    main(*sys.argv[1:])
