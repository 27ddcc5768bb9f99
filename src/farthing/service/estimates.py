"""How much a hold sets aside when nobody knows the cost yet: what the most tokens would cost, or what most calls of the
feature came to before. An estimate is a guess that people chose; no balance depends on it once the hold is settled.

History is read in bounded steps, newest first, and remembered in this process for a minute: entries of other features
are looked at too, since none but alerts have an index. Whoever comes while somebody else reads goes by what is known.
"""

import os
import time
from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor
from threading import Lock
from typing import Final

from farthing.engine.zones import find_zone
from farthing.store.contract import History, Store
from farthing.tariff.catalog import Estimate, Feature
from farthing.values.amounts import Unit
from farthing.values.entries import CHARGES, Kind
from farthing.values.errors import TermInvalid
from farthing.values.names import name_number
from farthing.values.periods import Cadence, Rhythm, find_boundary
from farthing.values.wallets import Account

MOST_CHARGES: Final = 500
"""Charges of a feature that are remembered: the last."""
FEWEST: Final = 20
"""Charges that an account's own history needs before it counts; with fewer the whole book's does."""
PAGE: Final = 250
MOST_READ: Final = 1_000
"""Entries looked at in one refresh, which is as long as a hold ever waits for an estimate."""
LIFETIME_SECONDS: Final = 60.0
MOST_WALLETS: Final = 500
"""Accounts whose history is remembered; beyond that all are forgotten, and read again as they come."""

Place = tuple[int, int]
"""A unit and a feature, by their numbers."""


@dataclass(slots=True)
class Costs:
    """What the last charges of a feature came to in a unit, oldest first."""

    at: "array[int]" = field(default_factory=lambda: array("q"))
    parts: "array[int]" = field(default_factory=lambda: array("q"))

    def join(self, newer: "Costs") -> "Costs":
        """Both, the last of them."""
        return Costs((self.at + newer.at)[-MOST_CHARGES:], (self.parts + newer.parts)[-MOST_CHARGES:])

    def list_since(self, start: int) -> list[int]:
        """Those from an instant on, smallest first."""
        return sorted(cost for at, cost in zip(self.at, self.parts, strict=True) if at >= start)


@dataclass(slots=True)
class Past:
    """What is remembered of an account, or of the whole book. `costs` is never changed, only put in place anew, so that
    nobody waits to read it."""

    costs: dict[Place, Costs] = field(default_factory=dict)
    newest: int = -1
    """Positions of the newest and the oldest entry that were looked at."""
    oldest: int | None = None
    is_whole: bool = False
    """Whether the oldest is the first there is."""
    fresh_until: float = float("-inf")
    reading: Lock = field(default_factory=Lock)


class Estimates:
    """The estimates of one open ledger. `clock` counts seconds that pass, whatever the date."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self.store = store
        self.clock = clock
        self.book = Past()
        self.wallets: dict[Place, Past] = {}
        """By account and unit."""
        self.pid = os.getpid()

    def find_estimate(
        self, feature: Feature, unit: Unit, account: Account | None, at: int, most_used: int | None = None
    ) -> int:
        """Smallest parts to set aside for a call of this feature at an instant.

        `most_used` is what the call costs if it uses all that it may: the price of `Usage(input=…, output=max_tokens)`.
        It is the estimate where the feature goes by `max_tokens`, and a history is never believed beyond it.
        Raises `TermInvalid` where there is nothing to go by.
        """
        how = feature.estimate
        usually, most = (find_parts(amount, unit, to) for amount, to in ((how.usually, ceil), (how.most, floor)))
        ways = [most_used, usually, most]
        if how.source == "history":
            ways = [self.find_usual(feature, unit, account, at), usually, most_used, most]
        found = next((way for way in ways if way is not None), None)
        if found is None:
            problem = f"says nothing from which to estimate {unit.name}"
            advice = "say the most tokens it may use, or an amount, or give its estimate a `usually` in the catalog"
            raise TermInvalid(what="feature", given=feature.name, problem=problem, advice=advice)
        return min(found, *[bound for bound in (found, most_used, most) if bound is not None])

    def find_usual(self, feature: Feature, unit: Unit, account: Account | None, at: int) -> int | None:
        """The feature's quantile of what its last charges came to: the account's own if there are enough of them, else
        the book's; None if there are none."""
        how, place = feature.estimate, (unit.unit_id, name_number(feature.name))
        since = find_start(how, at)
        costs = list[int]()
        if account is not None:
            costs = self.recall(account, unit, place).list_since(since)
        if len(costs) < FEWEST:
            costs = self.recall(None, unit, place).list_since(since)
        return pick_quantile(costs, how.quantile) if costs else None

    def recall(self, account: Account | None, unit: Unit, place: Place) -> Costs:
        """What is remembered, refreshed first if that is a minute old and nobody else is at it."""
        if self.pid != os.getpid():
            # A thread of the parent process may have been reading; none here will ever finish that.
            self.pid, self.book, self.wallets = os.getpid(), Past(), {}
        past = self.book if account is None else self.get_past(account, unit)
        if past.fresh_until <= self.clock() and past.reading.acquire(blocking=False):
            try:
                self.refresh(past, account, unit, place)
                past.fresh_until = self.clock() + LIFETIME_SECONDS
            finally:
                past.reading.release()
        return past.costs.get(place) or Costs()

    def get_past(self, account: Account, unit: Unit) -> Past:
        """What is remembered of a wallet."""
        key = (account.account_id, unit.unit_id)
        past = self.wallets.get(key)
        if past is None:
            if len(self.wallets) >= MOST_WALLETS:
                self.wallets = {}
            past = self.wallets.setdefault(key, Past())
        return past

    def refresh(self, past: Past, account: Account | None, unit: Unit, place: Place) -> None:
        """Look at what is new; and in the book, if that leaves some to be looked at and this feature has few charges
        so far, further back than ever before."""
        unit_id, is_first = (None if account is None else unit.unit_id), past.newest < 0
        newer, is_end = self.read_back(account, unit_id, None, past.newest, MOST_READ)
        costs = join_costs(past.costs, gather_costs(newer))
        if newer:
            past.newest = newer[0][0]
        if newer and is_first:
            past.oldest, past.is_whole = newer[-1][0], is_end
        left = MOST_READ - len(newer)
        if account is None and left and not past.is_whole and len(costs.get(place, NO_COSTS).at) < FEWEST:
            older, past.is_whole = self.read_back(None, None, past.oldest, -1, left)
            costs = join_costs(gather_costs(older), costs)
            if older:
                past.oldest = older[-1][0]
        past.costs = costs

    def read_back(
        self, account: Account | None, unit_id: int | None, before: int | None, until: int, most: int
    ) -> tuple[list[tuple[int, History]], bool]:
        """Entries newest first, from before one position to after another, at most so many; and whether there are no
        older ones. Where something is known already, there are few that are newer."""
        found, page_size = list[tuple[int, History]](), most if until < 0 else PAGE
        while len(found) < most:
            asked = min(page_size, most - len(found))
            page = self.store.list_history(account, unit_id, None, before, asked)
            found += [line for line in page if line[0] > until]
            if len(page) < asked or page[-1][0] <= until:
                return found, len(page) < asked
            before = page[-1][0]
        return found, False


NO_COSTS: Final = Costs()


def gather_costs(lines: Iterable[tuple[int, History]]) -> dict[Place, Costs]:
    """What charges came to, from lines of the ledger, newest first: with what they could not cover, a hold that was
    settled in steps as one, and without those of work that failed."""
    gathered: dict[Place, dict[tuple[int, ...], tuple[int, int]]] = {}
    for position, (account, entry, _) in sorted(lines, key=lambda line: line[0]):
        if entry.kind in CHARGES and entry.feature and entry.success != 0:
            is_step = entry.kind == Kind.SETTLED and entry.of_number
            key = (account.account_id, entry.of_number) if is_step else (position,)
            charges = gathered.setdefault((entry.unit_id, entry.feature), {})
            before = charges.get(key, (0, 0))[1]
            charges[key] = (entry.recorded_at, before + entry.amount + entry.uncovered)
    return {
        place: Costs(array("q", [at for at, _ in charges.values()]), array("q", [cost for _, cost in charges.values()]))
        for place, charges in gathered.items()
    }


def join_costs(older: dict[Place, Costs], newer: dict[Place, Costs]) -> dict[Place, Costs]:
    """Both, of each feature the last."""
    return older | {place: older.get(place, NO_COSTS).join(costs) for place, costs in newer.items()}


def find_start(how: Estimate, at: int) -> int:
    """From when on charges count."""
    every, count = how.over or (Cadence.DAY, 30)
    return find_boundary(Rhythm(every, count, at, "UTC"), -1, find_zone)


def find_parts(amount: Fraction | None, unit: Unit, to_whole: Callable[[Fraction], int]) -> int | None:
    """Whole units as smallest parts."""
    return None if amount is None else to_whole(amount * unit.per_whole)


def pick_quantile(costs: list[int], quantile: Fraction) -> int:
    """The smallest of them that is not below so large a share of all: of 0.9, nine in ten cost at most this."""
    return costs[max(ceil(quantile * len(costs)), 1) - 1]
