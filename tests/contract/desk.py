"""What the contract tests share: every store by name, and a desk that brings requests to one as the engine does.

A store joins the suite by a line in `STORES`.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

from farthing.engine.batch import Batch
from farthing.engine.tickets import Outcome
from farthing.face.ids import write_id
from farthing.store.contract import Loaded, Store
from farthing.store.memory import MemoryStore
from farthing.store.postgres import open_postgres
from farthing.store.sqlite import open_sqlite
from farthing.values.amounts import Unit
from farthing.values.entries import Entry, Seal
from farthing.values.requests import Charge, Grant, Hold, Place, Refund, Request, Settle
from farthing.values.wallets import Account, Wallet
from tests.postgres.databases import open_prepared

START = 1_750_000_000_000_000
"""Some instant in 2025."""
CREDITS, GENERATIONS = Unit(1, "credits"), Unit(2, "generations", 0, 0)


@contextmanager
def open_memory(folder: Path, seal: Seal, test: bool) -> Iterator[Store]:
    yield MemoryStore(seal, test=test)


@contextmanager
def open_file(folder: Path, seal: Seal, test: bool) -> Iterator[Store]:
    with closing(open_sqlite(f"sqlite:///{folder}/credits.db", create=True, seal=seal, test=test)) as store:
        yield store


@contextmanager
def open_server(folder: Path, seal: Seal, test: bool) -> Iterator[Store]:
    """As the app's role, which owns nothing, sees it."""
    with (
        open_prepared(key=seal.key) as database,
        closing(open_postgres(database.app_url, create=True, seal=seal, test=test)) as store,
    ):
        yield store


STORES: dict[str, Callable[[Path, Seal, bool], AbstractContextManager[Store]]] = {
    "memory": open_memory,
    "sqlite": open_file,
    "postgres": open_server,
}


@contextmanager
def open_desk(kind: str, folder: Path, seal: Seal | None = None, *, test: bool = False) -> Iterator["Desk"]:
    """A desk at a fresh store of this kind, and on request at a test book."""
    with STORES[kind](folder, seal or Seal(), test) as store:
        store.add_units([CREDITS, GENERATIONS])
        yield Desk(store)


class Desk:
    """Brings requests to a store, batch by batch, at times that the test chooses."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.now = START
        self.asked = 0

    def ask(self, *requests: Request) -> list[Outcome | Exception]:
        """Decide these in one batch and commit it."""
        with self.store.work() as work:
            batch = Batch(work, requests, self.now, self.store.seal, provisional=False)
            answers = batch.answer_all()
            work.save(batch.changes)
            work.commit()
        return answers

    def do(self, request: Request) -> Outcome:
        """Decide one, which must be granted."""
        answer = self.ask(request)[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def load(self, *requests: Request) -> Loaded:
        """What the store loads for these, the work being left without a commit."""
        with self.store.work() as work:
            return work.load(requests, self.now)

    def next_key(self) -> str:
        """A key never used before at this desk."""
        self.asked += 1
        return f"key-{self.asked}"

    def account(self, key: str = "acme") -> Account:
        account = self.store.find_account(key)
        assert account is not None
        return account

    def wallet(self, key: str = "acme", unit: Unit = CREDITS) -> Wallet:
        return self.store.read_wallet(self.account(key), unit)

    def grant(self, amount: int, account: str = "acme", unit: int = 1, **terms) -> Outcome:
        return self.do(Grant(key=self.next_key(), account=account, amounts=((unit, amount),), **terms))

    def charge(self, amount: int, account: str = "acme", unit: int = 1, **terms) -> Outcome:
        return self.do(Charge(key=self.next_key(), account=account, amounts=((unit, amount),), **terms))

    def hold(self, amount: int, account: str = "acme", unit: int = 1, **terms) -> Outcome:
        return self.do(Hold(key=self.next_key(), account=account, amounts=((unit, amount),), **terms))

    def settle(self, held: Outcome, *amounts: tuple[int, int], **terms) -> Outcome:
        place = find_place(held)
        key, hold_id = self.next_key(), write_id("hld", place)
        return self.do(Settle(key=key, hold=place, hold_id=hold_id, amounts=amounts, **terms))

    def refund(self, charged: Outcome, *amounts: tuple[int, int]) -> Outcome:
        return self.do(ask_refund(self.next_key(), charged, *amounts))


def ask_refund(key: str, charged: Outcome, *amounts: tuple[int, int]) -> Refund:
    """A refund of what an earlier request charged."""
    place = find_place(charged)
    return Refund(key=key, charge=place, charge_id=write_id("rct", place), amounts=amounts)


def find_place(outcome: Outcome) -> Place:
    """Where a receipt stands."""
    first = outcome.entries[0]
    return Place(outcome.account.shard, outcome.account.account_id, first.lead_unit, first.lead_number)


def list_numbers(entries: list[Entry]) -> list[tuple[int, int]]:
    """(unit, number) of each entry."""
    return [(entry.unit_id, entry.number) for entry in entries]
