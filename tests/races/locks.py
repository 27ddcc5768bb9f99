"""A memory store that locks by account, as a database server does: real locks, which other threads may hold long."""

import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from farthing.store.contract import Changes, Loaded, WalletKey
from farthing.store.faults import Busy
from farthing.store.memory import MemoryStore
from farthing.store.memory_work import MemoryWork
from farthing.store.needs import Owner, name_owner
from farthing.values.bounds import LONGEST_WAIT_SECONDS
from farthing.values.requests import Request
from tests.races.books import CREDITS
from tests.races.faults import Hook


class LockingWork(MemoryWork):
    """Locks accounts in order, then has the store to itself until it is over."""

    def __init__(self, store: "LockingStore", patient: bool) -> None:
        super().__init__(store)
        self.locking = store
        self.patient = patient
        self.held: list[threading.Lock] = []

    def load(self, requests: Sequence[Request], now: int) -> Loaded:
        """Load what belongs to accounts that could be locked; name the others."""
        self.locking.hook("before lock")
        owners = {name_owner(request) for request in requests}
        locked_out = {key for key in sorted(set(map(self.locking.name_account, owners))) if not self.lock_account(key)}
        self.begin_alone()
        self.locking.hook("after lock")
        aside = {owner for owner in owners if self.locking.name_account(owner) in locked_out}
        loaded = super().load([one for one in requests if name_owner(one) not in aside], now)
        loaded.aside = aside
        return loaded

    def lock_account(self, key: str) -> bool:
        """Whether the account could be locked. Raises `Busy` if it could not, in spite of patience."""
        lock = self.locking.locks[key]
        if not self.patient:
            taken = lock.acquire(blocking=False)
        elif not (taken := lock.acquire(timeout=self.locking.longest_wait)):
            raise Busy(what="the account", seconds=self.locking.longest_wait)
        if taken:
            self.held.append(lock)
        return taken

    def begin_alone(self) -> None:
        """The tables bear one writer at a time; nobody waits for an account while he has them."""
        if self.locking.lock not in self.held:
            self.locking.lock.acquire()
            self.held.append(self.locking.lock)

    def save(self, changes: Changes) -> None:
        self.locking.hook("before save")
        super().save(changes)

    def stop_wallet(self, key: WalletKey) -> None:
        self.begin_alone()
        super().stop_wallet(key)

    def commit(self) -> None:
        self.locking.hook("before commit")
        super().commit()
        self.locking.hook("after commit")

    def let_go(self) -> None:
        """Unlock everything."""
        while self.held:
            self.held.pop().release()


class LockingStore(MemoryStore):
    """See above. `keep_locked` is what another server's open transaction does."""

    def __init__(self, lanes: int = 1, hook: Hook = lambda step: None) -> None:
        super().__init__()
        self.lanes: Any = lanes
        self.hook = hook
        self.longest_wait: float = LONGEST_WAIT_SECONDS
        self.patient_works = 0
        self.locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self.add_units([CREDITS])

    @contextmanager
    def work(self, *, patient: bool = True) -> Iterator[LockingWork]:
        self.refuse_closed()
        self.patient_works += patient
        work = LockingWork(self, patient)
        try:
            yield work
        finally:
            work.let_go()

    def name_account(self, owner: Owner) -> str:
        """An account's key, by key or by id."""
        return owner if isinstance(owner, str) else self.tables.accounts[owner].key

    @contextmanager
    def keep_locked(self, *keys: str) -> Iterator[threading.Event]:
        """Have another thread lock these accounts until the event is set, at the latest when the block is left."""
        locked, done = threading.Event(), threading.Event()

        def keep() -> None:
            for key in sorted(keys):
                self.locks[key].acquire()
            locked.set()
            done.wait(30)
            for key in keys:
                self.locks[key].release()

        keeper = threading.Thread(target=keep)
        keeper.start()
        assert locked.wait(10)
        try:
            yield done
        finally:
            done.set()
            keeper.join(10)

    def after_fork(self) -> None:
        super().after_fork()
        self.locks.clear()
