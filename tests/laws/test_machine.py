"""Any order of any requests: the real thing and the naive model must agree after each, and every law must hold.

The core alone is walked by `long_run.py` too, which is faster; here are the engine and the stores as well, and
Hypothesis, which shrinks what it finds.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from random import Random

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from farthing.values.requests import Open
from tests.laws.paths import KINDS, START, Walk
from tests.laws.real import UNITS, RealAccount
from tests.laws.stored import Shelf, StoredAccount

dice = st.randoms(use_true_random=False)


class Ledgers(RuleBasedStateMachine):
    """Two ledgers side by side, of two accounts each, and a clock that all of them share, unless it is a test book."""

    @initialize(zone=st.sampled_from(["UTC", "Europe/Berlin"]), is_test=st.booleans(), dice=dice)
    def begin(self, zone: str, is_test: bool, dice: Random) -> None:
        self.walks = [Walk(real, START, zone=zone, is_test=is_test) for real in self.open_accounts(is_test)]
        for walk in self.walks:
            walk.both("open", {"zone": zone, "is_test": is_test}, lambda key: make_opening(walk, key))  # noqa: B023
            walk.grant(dice)
        self.walk = self.walks[0]

    def open_accounts(self, is_test: bool) -> Sequence[RealAccount | StoredAccount]:
        """The real thing: the core alone, which sees one account at a time."""
        clock = START if is_test else 0
        return [RealAccount("acme", 7, clock=clock), RealAccount("umbrella", 8, clock=clock)]

    @rule(which=st.sampled_from([0, 1]))
    def turn_to(self, which: int) -> None:
        """What follows concerns this account. Its clock is that of the other, where clocks run."""
        now = self.walk.now
        self.walk = self.walks[which]
        if not self.walk.is_test:
            self.walk.now = now

    @rule(dice=dice)
    def pass_time(self, dice: Random) -> None:
        self.walk.pass_time(dice)

    @rule(kind=st.sampled_from(KINDS), dice=dice)
    def ask(self, kind: str, dice: Random) -> None:
        getattr(self.walk, kind)(dice)

    @invariant()
    def agree(self) -> None:
        for unit in UNITS if hasattr(self, "walk") else ():
            self.walk.compare(unit, self.walk.now)

    def teardown(self) -> None:
        """At the end the account that was left alone is looked at once more, and both at what is to come."""
        for walk in getattr(self, "walks", ()):
            for unit in UNITS:
                walk.compare(unit, walk.now)
                walk.compare(unit, walk.now + walk.find_longest_wait(Random(1)))


def make_opening(walk: Walk, key: str) -> Open:
    return Open(key=key, account=walk.account, zone=walk.zone)


class StoredLedgers(Ledgers):
    """The same through the engine, in one database that both accounts share; at the end every law over all of it."""

    kind = "memory"

    def open_accounts(self, is_test: bool) -> Sequence[RealAccount | StoredAccount]:
        self.shelf = Shelf(self.kind, is_test=is_test)
        self.shelf.clock.at = START
        return [self.shelf.open_account("acme"), self.shelf.open_account("umbrella")]

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            if hasattr(self, "shelf"):
                self.shelf.close()


class FileLedgers(StoredLedgers):
    kind = "sqlite"


class ServerLedgers(StoredLedgers):
    kind = "postgres"


TestLedgers = Ledgers.TestCase
TestStoredLedgers = StoredLedgers.TestCase
TestFileLedgers = FileLedgers.TestCase
TestServerLedgers = ServerLedgers.TestCase
EXAMPLES = int(os.environ.get("FARTHING_EXAMPLES", "100"))
SHRINKS = "FARTHING_EXAMPLES" not in os.environ
PHASES = tuple(phase for phase in Phase if SHRINKS or phase is not Phase.shrink)
TestLedgers.settings = settings(max_examples=EXAMPLES, stateful_step_count=40, deadline=None, phases=PHASES)
TestStoredLedgers.settings = settings(TestLedgers.settings, max_examples=EXAMPLES // 2)
TestFileLedgers.settings = settings(TestLedgers.settings, max_examples=EXAMPLES // 4)
TestServerLedgers.settings = settings(TestLedgers.settings, max_examples=max(1, EXAMPLES // 8))
