"""Work that can be begun again after any death: the same rounds, the same keys, and a log of what was acknowledged.

Each account gets a million; each round charges it 3, and 1 in two units, refunds 1 of the 3, settles 4 of a hold of 5,
releases another hold, and is refused one charge. So after n rounds every account has spent 8n and got n back, whatever
happened between; but acme, which is charged 1 so often in each round that its entries are sent as a stream.
"""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from farthing.engine.batch import EARLY_ENTRIES
from farthing.engine.engine import Engine
from farthing.engine.tickets import Outcome
from farthing.store import postgres_statements
from farthing.store.contract import Store
from farthing.values.errors import FarthingError, InsufficientCredits
from farthing.values.requests import Charge, Grant, Request
from tests.crash.proof import TWO_UNITS
from tests.races.asking import charge, hold, refund, release, settle
from tests.races.books import open_book
from tests.races.faults import WatchedStore

ACCOUNTS = ("acme", "bolt", "crux")
GRANTED, SPENT_A_ROUND, BACK_A_ROUND = 1_000_000, 8, 1
CROWD = EARLY_ENTRIES + 8
"""Charges of acme's in each round, in one batch."""

Tell = Callable[[Request, Outcome], None]


def run_rounds(engine: Engine, rounds: int, tell: Tell, first_round: int = 0) -> None:
    """All of it from a round on; what was done before is replayed."""
    both = ((1, GRANTED), (2, GRANTED))
    run_all(engine, [Grant(key=f"g-{account}", account=account, amounts=both) for account in ACCOUNTS], tell)
    for turn in range(first_round, rounds):
        first: list[Request] = [
            request
            for account in ACCOUNTS
            for request in (
                charge(f"c{turn}", 3, account),
                hold(f"h{turn}", 5, account),
                hold(f"i{turn}", 2, account),
                charge(f"much{turn}", 2 * GRANTED, account),
            )
        ]
        done = run_all(engine, first, tell)
        second: list[Request] = [charge(f"d{turn}-{place}", 1) for place in range(CROWD)]
        for place in range(0, len(done), 3):
            charged, held, other = done[place : place + 3]
            second += [refund(f"r{turn}", charged, 1), settle(f"s{turn}", held, 4), release(f"e{turn}", other)]
        second += [name_both(turn, account) for account in ACCOUNTS]
        run_all(engine, second, tell)


def name_both(turn: int, account: str) -> Charge:
    """A charge in two units."""
    return Charge(key=f"{TWO_UNITS}{turn}", account=account, amounts=((1, 1), (2, 1)))


def run_all(engine: Engine, requests: list[Request], tell: Tell) -> list[Outcome]:
    """One batch; refusals are meant, anything else is not."""
    outcomes = []
    for request, answer in zip(requests, engine.run_many(requests), strict=True):
        if isinstance(answer, Outcome):
            tell(request, answer)
            outcomes.append(answer)
        elif not isinstance(answer, InsufficientCredits):
            raise answer
    return outcomes


def check_totals(store: Store, rounds: int) -> None:
    """Nothing lost, nothing doubled: the books of every account after all rounds."""
    for key in ACCOUNTS:
        account = store.find_account(key)
        assert account is not None
        spent = SPENT_A_ROUND + (CROWD if key == "acme" else 0)
        wallet, other = store.read_wallets(account)
        assert (wallet.granted, wallet.spent, wallet.refunded, wallet.held, wallet.debt) == (
            GRANTED, spent * rounds, BACK_A_ROUND * rounds, 0, 0,
        )  # fmt: skip
        assert (other.granted, other.spent) == (GRANTED, rounds)


class Log:
    """Lines that outlive the process that wrote them."""

    def __init__(self, path: Path) -> None:
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def tell(self, request: Request, outcome: Outcome) -> None:
        """Write down that this was acknowledged: whose, its key and the hash of its receipt."""
        os.write(self.file, f"{outcome.account.key} {request.key} {outcome.entries[0].hash.hex()}\n".encode())


def read_log(path: Path) -> dict[tuple[str, str], bytes]:
    """(account, key) → hash of every receipt that somebody was told of."""
    lines = path.read_text().splitlines() if path.exists() else []
    return {(account, key): bytes.fromhex(told) for account, key, told in (line.split() for line in lines)}


def last_round(log: Path) -> int:
    """The last round of which something was acknowledged."""
    return max([int(key[1:]) for _, key in read_log(log) if key.startswith("c")], default=0)


def die_at_step(url: str, log: Path, rounds: int, step: str, turn: int) -> None:
    """A process that kills itself when it reaches `step` for the `turn`-th time; it ends well if it never does."""
    reached = 0

    def count(at: str) -> None:
        nonlocal reached
        reached += at == step
        if reached == turn:
            os.kill(os.getpid(), signal.SIGKILL)

    watched: Any = WatchedStore(open_book(url), count)
    engine = Engine(watched)
    run_rounds(engine, rounds, Log(log).tell)
    engine.close()


def work_until_killed(url: str, log: Path, rounds: int) -> None:
    """A process that goes on from the last round in the log, until it is done or somebody ends it."""
    engine = Engine(open_book(url))
    run_rounds(engine, rounds, Log(log).tell, last_round(log))
    engine.close()


def freeze_at_step(url: str, step: str, longest_idle: str, answers: Any) -> None:
    """A process that grants, charges, and stops itself (SIGSTOP) when that charge reaches `step`. The server bears an
    idle transaction for `longest_idle`. When it is continued, it tells how the charge ended."""
    usual = postgres_statements.BOUNDS["idle_in_transaction_session_timeout"]
    name = "idle_in_transaction_session_timeout"
    shortened = postgres_statements.SETTINGS.replace(f"'{name}', '{usual}'", f"'{name}', '{longest_idle}'")
    if shortened == postgres_statements.SETTINGS:
        raise RuntimeError("the bound is not where it was")
    postgres_statements.SETTINGS = shortened  # type: ignore[misc]
    is_due = False

    def freeze(at: str) -> None:
        nonlocal is_due
        if at == step and is_due:
            is_due = False
            os.kill(os.getpid(), signal.SIGSTOP)

    watched: Any = WatchedStore(open_book(url), freeze)
    engine = Engine(watched)
    engine.run(Grant(key="g", account="acme", amounts=((1, 100),)))
    is_due = True
    try:
        outcome = engine.run(charge("zombie", 60))
        answers.put((outcome.replayed, outcome.entries[0].hash, outcome.entries[0].number))
    except FarthingError as error:
        answers.put(error.code)
    engine.close()
