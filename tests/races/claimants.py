"""What threads and processes do in the races for campaigns: they redeem, refer and die; each opens the book itself."""

import os
import signal
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from farthing.engine.engine import Engine
from farthing.face.ledger import Ledger
from farthing.service.catalogs import publish_catalog
from farthing.store.contract import Store
from farthing.values.errors import FarthingError
from tests.races.books import open_book

DOCUMENT = """
name = "raced"
[units.credits]
digits = 2
[campaigns.spring]
rule = "code"
amount = 10
codes = ["SPRING"]
most = 7
[campaigns.often]
rule = "code"
amount = 1
codes = ["OFTEN", "AGAIN"]
per_account = 3
[campaigns.welcome]
rule = "signup"
amount = 5
[campaigns.friends]
rule = "referral"
amount = 2
referrer_amount = 3
"""

Call = tuple[str, str, str, str | None]
"""(redeem, reward or refer; whose; the code, campaign or referrer; the key)."""


def open_campaigns(engine: Engine) -> Ledger:
    """A ledger whose campaigns are those above."""
    ledger = Ledger(engine)
    publish_catalog(ledger.engine, ledger.desk.catalogs, DOCUMENT)
    ledger.desk.refresh_units()
    return ledger


def make_call(ledger: Ledger, call: Call) -> str:
    """What a call came to: `given`, `replayed`, or the code of an error."""
    verb, account, named, key = call
    try:
        if verb == "refer":
            had = ledger.refer(account, by=named, key=key)
            return "replayed" if had.replayed else "given"
        receipt = (ledger.redeem if verb == "redeem" else ledger.reward)(account, named, key=key)
    except FarthingError as no:
        return no.code
    return "replayed" if receipt.replayed else "given"


def call_at_once(ledger: Ledger, calls: Iterable[Call], threads: int) -> list[str]:
    """Make these calls from so many threads."""
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(partial(make_call, ledger), calls, timeout=60))


def call_in_process(url: str, calls: list[Call], threads: int, start: Any, answers: Any) -> None:
    """A process that makes these calls when the others make theirs."""
    ledger = Ledger(Engine(open_book(url)))
    ledger.campaigns()
    start.wait(20)
    answers.put(call_at_once(ledger, calls, threads))
    ledger.engine.close()


class DyingStore:
    """A real store whose process dies at one of its steps."""

    def __init__(self, store: Store, step: str) -> None:
        self.store = store
        self.step = step

    def __getattr__(self, name: str) -> Any:
        known = getattr(self.store, name)
        if name not in ("claim", "finish_claim", "work"):
            return known

        def call(*args: Any, **kwargs: Any) -> Any:
            self.die(f"before {name}")
            answer = known(*args, **kwargs)
            self.die(f"after {name}")
            return answer

        return call

    def die(self, step: str) -> None:
        if step == self.step:
            os.kill(os.getpid(), signal.SIGKILL)


DEATHS = ("before claim", "after claim", "before finish_claim", "after finish_claim")


def die_at_step(url: str, step: str, call: Call) -> None:
    """A process that makes a call, and kills itself on the way."""
    store: Any = DyingStore(open_book(url), step)
    ledger = Ledger(Engine(store))
    make: Callable[[Ledger, Call], str] = make_call
    make(ledger, call)
    raise SystemExit(3)
