"""Load through the public API: threads that charge, and insist on each key until somebody answers."""

import threading
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, Self

import farthing
from farthing.face.ledger import Ledger
from farthing.values.errors import Unavailable
from tests.crash.proof import TWO_UNITS, prove, prove_wholeness, read_spent
from tests.races.books import open_book
from tests.races.gates import wait_until

ACCOUNTS: Final = ("acme", "bolt", "crux", "dune")
GRANTED, CREDIT = 1_000_000, 1_000_000
LONGEST_SECONDS: Final = 40
"""For so long a caller insists."""
PAUSE_SECONDS: Final = 0.02
EVERY = 4
"""So many charges are there to one in two units."""


class Load:
    """A context manager round what happens meanwhile; `check` afterwards."""

    def __init__(self, url: str, threads: int = 6) -> None:
        open_book(url).close()
        self.ledger: Ledger = farthing.open(url)
        for account in ACCOUNTS:
            self.ledger.grant(account, {"credits": GRANTED, "generations": GRANTED}, key=f"g-{account}")
        self.told: dict[tuple[str, str], str] = {}
        self.errors: Counter[str] = Counter()
        """What callers were told instead, by code."""
        self.is_over = threading.Event()
        self.pool = ThreadPoolExecutor(threads)
        self.threads = threads
        self.charging: list[Future[None]] = []

    def __enter__(self) -> Self:
        self.charging = [self.pool.submit(self.charge_on, thread) for thread in range(self.threads)]
        return self

    def __exit__(self, *_: object) -> None:
        self.is_over.set()
        self.pool.shutdown()
        self.ledger.close()

    def charge_on(self, thread: int) -> None:
        turn = 0
        while not self.is_over.is_set():
            account = ACCOUNTS[(thread + turn) % len(ACCOUNTS)]
            self.charge(account, f"{TWO_UNITS if turn % EVERY == 0 else 'c'}{thread}-{turn}")
            turn += 1

    def charge(self, account: str, key: str) -> None:
        """Charge 1, in two units if the key says so, until it is acknowledged."""
        amount: dict[str, int] = {"credits": 1, "generations": 1} if key.startswith(TWO_UNITS) else {"credits": 1}
        until = time.monotonic() + LONGEST_SECONDS
        while True:
            try:
                self.told[account, key] = self.ledger.charge(account, amount, key=key).id
                return
            except Unavailable as away:
                # It says that the same call with the same key is safe.
                self.errors[away.code] += 1
                if time.monotonic() > until:
                    raise
            time.sleep(PAUSE_SECONDS)

    def go_on(self, more: int, seconds: float = LONGEST_SECONDS) -> None:
        """Wait until so many more charges were acknowledged."""
        wanted = len(self.told) + more
        wait_until(lambda: len(self.told) >= wanted or any(one.done() for one in self.charging), seconds)
        for one in self.charging:
            if one.done():
                one.result()

    def check(self, url: str) -> None:
        """After the load: every caller got an answer in the end, and the books hold what they were told, once."""
        for one in self.charging:
            one.result(timeout=LONGEST_SECONDS)
        written = prove(url, self.told)
        prove_wholeness(written, [key for key in self.told if key[1].startswith(TWO_UNITS)])
        spent = sum(wallet.spent for wallet in read_spent(url, *ACCOUNTS))
        assert spent == CREDIT * len(self.told), "every key was insisted on, so each counts once"
