"""Forty days of a few accounts, played by a clock that obeys, with the job `tidy` run as often as a test likes.

What people ask is the same in every playing. `picture` is what must then be the same, however often the job ran: the
totals of every wallet, and its entries with the instants at which things happened.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from farthing.audit.verify import verify
from farthing.engine.engine import Engine
from farthing.face.batches import Grant
from farthing.face.ledger import Ledger
from farthing.service.jobs import Summary, run_job
from farthing.testing.clocks import FrozenClock
from farthing.values.entries import AlertKind, Effect, Kind, unpack_effects
from tests.races.books import make_store, open_book

START = datetime(2026, 10, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DAYS = 40
CROWD = [f"crowd-{number}" for number in range(60)]
TOTALS = ("granted", "refunded", "adjusted", "spent", "expired", "free", "scoped", "covered", "bare", "debt", "live",
          "pending", "recurring", "budgeted")  # fmt: skip

Tidying = Callable[["Played", int], object]
"""Called at every full hour from the beginning, before what people ask then."""


class Played:
    """A ledger on a store, in time as the test tells it."""

    def __init__(self, engine: Engine, clock: FrozenClock) -> None:
        self.engine = engine
        self.clock = clock
        self.ledger = Ledger(engine)

    def tidy(self) -> Summary:
        """Run the job now."""
        return run_job(self.engine, "tidy")

    def begin(self) -> None:
        """What is there on the first day."""
        ledger = self.ledger
        ledger.grant("idle", 100, expires_in=10 * DAY, key="lives ten days")
        ledger.grant("idle", 50, starts_at=START + 5 * DAY, expires_in=20 * DAY, key="starts later")
        ledger.hold("idle", 30, ttl=2 * HOUR, key="times out")
        for account in ("held", "graced"):
            ledger.grant(account, 60, expires_in=3 * DAY, key="g")
        ledger.configure("graced", rest_of_ended_lot="grace", key="c")
        for account in ("held", "graced"):
            ledger.hold(account, 40, ttl=6 * DAY, key="outlives its credits")
        ledger.allow("monthly", 100, every="month", anchor="calendar", key="a")
        ledger.allow("daily", 10, every="day", rollover="capped", cap=15, key="a")
        ledger.allow("kept", 7, every="week", rollover="all", keep=2, key="a")
        ledger.allow("berlin", 5, every="day", anchor="calendar", zone="Europe/Berlin", first="prorated", key="a")
        ledger.allow("owing", 20, every="week", key="a")
        ledger.record("owing", 75, key="more than there is")
        ledger.grant("warned", 20, expires_in=3 * DAY, key="g")
        ledger.configure("warned", alerts=[10, 0], key="c")
        ledger.grant("capped", 500, key="g")
        ledger.budget("capped", 50, name="a day", every="day", key="b")
        ledger.hold("capped", 30, ttl=36 * HOUR, key="reserves")
        grants = [Grant(account, 5, expires_in=DAY * (5 + place % 30), key="g") for place, account in enumerate(CROWD)]
        assert not [said for said in ledger.batch(grants) if isinstance(said, Exception)]

    def live(self, hour: int) -> None:
        """What people ask at this hour."""
        ledger, key = self.ledger, f"at hour {hour}"
        if hour in (7, 200, 500):
            for account in ("monthly", "daily", "berlin"):
                ledger.charge(account, 4, key=key)
        if hour == 300:
            ledger.grant("owing", 6, key=key)
            ledger.charge("capped", 45, key=key)
            ledger.hold("kept", 9, ttl=3 * DAY, key=key)

    def end(self) -> dict[str, Any]:
        """Ask something of everybody, so that all is written down by now; then what is to be the same."""
        for account in ACCOUNTS:
            self.ledger.charge(account, 0, mode="record", key="the last")
        report = verify(self.engine.store)
        assert report.summary == "ok", report
        return {account: self.picture(account) for account in ACCOUNTS}

    def picture(self, account: str) -> Any:
        """The totals of an account's wallet; its entries but the alerts; and what was told of, whenever that was."""
        wallet = self.engine.read_wallets(account)[0]
        listed = self.engine.store.list_history(wallet.account, wallet.unit.unit_id, None, None, 10_000)
        entries = [history.entry for _, history in reversed(listed)]
        alerts = [entry for entry in entries if entry.kind == Kind.ALERTED]
        fired = [
            (AlertKind(kind).name, threshold)
            for entry in alerts
            for effect, kind, threshold, _ in unpack_effects(entry.effects)
            if effect == Effect.ALERT_FIRED
        ]
        happened = [
            (Kind(entry.kind).name, entry.effective_at, entry.amount, entry.balance_after, entry.held_after)
            for entry in entries
            if entry.kind != Kind.ALERTED
        ]
        return {name: getattr(wallet, name) for name in TOTALS}, happened, fired


ACCOUNTS = ["idle", "held", "graced", "monthly", "daily", "kept", "berlin", "owing", "warned", "capped", *CROWD]


def play(played: Played, tidying: Tidying) -> dict[str, Any]:
    """All forty days."""
    played.begin()
    for hour in range(DAYS * 24 + 1):
        played.clock.move_to(START + hour * HOUR)
        tidying(played, hour)
        played.live(hour)
    return played.end()


def sleep_through(played: Played) -> None:
    """All forty days without the job; the last requests are still to come."""
    played.begin()
    for hour in range(DAYS * 24 + 1):
        played.clock.move_to(START + hour * HOUR)
        played.live(hour)


@contextmanager
def open_played(kind: str, folder: Path) -> Iterator[Played]:
    """A fresh ledger of any kind, at the beginning."""
    clock = FrozenClock(START)
    with make_store(kind, folder) as store:
        yield Played(Engine(store, clock), clock)


@contextmanager
def join_played(url: str, at: datetime) -> Iterator[Played]:
    """The ledger at an address, for one of several processes that have it open."""
    clock = FrozenClock(at)
    engine = Engine(open_book(url), clock)
    try:
        yield Played(engine, clock)
    finally:
        engine.close()


def tidy_at_once(url: str, at: datetime, barrier: Any, answers: Any) -> None:
    """What each of several processes does: run the job when all are ready, and say what came of it."""
    with join_played(url, at) as played:
        barrier.wait(30)
        answers.put(played.tidy())
