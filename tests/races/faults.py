"""A store in front of a real one, in which a test decides what happens at each step of a batch: wait, raise, die."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from farthing.store.contract import Changes, Loaded, Store, WalletKey, Work
from farthing.values.requests import Request

Hook = Callable[[str], None]
"""Told each step as it is reached: before or after load, save, commit, stop; and when entries were sent early."""


class WatchedWork:
    """A unit of work that tells of its steps."""

    def __init__(self, work: Work, hook: Hook) -> None:
        self.work = work
        self.hook = hook

    def load(self, requests: Sequence[Request], now: int) -> Loaded:
        self.hook("before load")
        loaded = self.work.load(requests, now)
        self.hook("after load")
        return loaded

    def load_whole(self, wallet: Any) -> Any:
        return self.work.load_whole(wallet)

    def send_early(self, changes: Changes) -> None:
        self.work.send_early(changes)
        self.hook("in stream")

    def save(self, changes: Changes) -> None:
        self.hook("before save")
        self.work.save(changes)
        self.hook("after save")

    def stop_wallet(self, key: WalletKey) -> None:
        self.hook("before stop")
        self.work.stop_wallet(key)

    def commit(self) -> None:
        self.hook("before commit")
        self.work.commit()
        self.hook("after commit")


class WatchedStore:
    """A real store whose units of work tell `hook` of their steps; all the rest is the real store's."""

    def __init__(self, store: Store, hook: Hook) -> None:
        self.store = store
        self.hook = hook

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    @contextmanager
    def work(self, *, patient: bool = True) -> Iterator[WatchedWork]:
        self.hook("before work")
        with self.store.work(patient=patient) as work:
            yield WatchedWork(work, self.hook)


STEPS = ("before work", "before load", "after load", "before save", "after save", "before commit", "after commit")
"""Those that every batch comes to that writes; a large one is "in stream" as well, now and then."""
