"""A walk of many steps, each with dice of its own: any step can be left out, and the others stay what they were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from random import Random
from typing import Any

from farthing.core import allowances
from farthing.values.requests import Open

from .real import UNITS, RealAccount
from .several import Several
from .standing import SPANS
from .steps import DAY, HOUR, MINUTE, SECOND
from .walk import pick

START = 1_700_000_000 * SECOND
LATEST = START + 300 * 365 * DAY
WEIGHTS = {
    "charge": 20, "hold": 10, "settle": 9, "grant": 9, "refund": 7, "allow": 5, "change_allowance": 4,
    "clawback": 4, "record": 3, "set_budget": 4, "release": 2, "extend": 1, "void": 2, "forgive": 1, "adjust": 1,
    "set_used": 3, "configure": 2, "freeze": 1, "close": 1, "tidy": 2, "repeat": 2, "import_grant": 1,
    "end_allowance": 1, "end_period": 2, "set_period_end": 2, "change_budget": 1, "end_budget": 1, "warn": 2,
    "buy_by_itself": 1, "decline_top_up": 1, "reschedule": 3, "advance": 1, "together": 6,
}  # fmt: skip
KINDS = [kind for kind, weight in WEIGHTS.items() for _ in range(weight)]
WAITS = (SECOND, MINUTE, 5 * MINUTE, 10 * MINUTE, HOUR, 6 * HOUR, DAY, 8 * DAY, 31 * DAY, 100 * DAY, 366 * DAY)
MOST_TURNS = (1, 1, 2, 64)
SIZE = 150
"""Steps before a wallet is left for a new one, so that neither side has much to look through."""


class Walk(Several):
    def pass_time(self, dice: Random) -> None:
        """Often none, mostly a little, now and then years; or just to an instant at which something is due."""
        roll = dice.random()
        if roll < 0.5:
            return
        if roll < 0.62:
            to = pick(dice, self.list_ends() or [self.now]) + pick(dice, (-1, 0, 0, 0, 1, HOUR))
        elif roll < 0.64:
            to = self.now - pick(dice, (SECOND, HOUR, 2 * DAY))
        elif roll < 0.985:
            to = self.now + pick(dice, WAITS)
        else:
            to = self.now + 10 * 365 * DAY
        if self.is_test:
            to = max(to, self.now)
        self.move_to(min(to, self.now + self.find_longest_wait(dice)))

    def list_ends(self) -> list[int]:
        """Instants ahead at which something ends or begins."""
        ends: list[int | None] = []
        for unit in UNITS:
            ends += [allowance["turns"] for allowance in self.naive._working("allowance", unit).values()]
            ends += [hold["deadline"] for hold in self.naive._working("hold", unit).values()]
            for lot in self.naive._working("lot", unit).values():
                ends += [lot["expires"], lot["effective"]]
            for budget in self.naive._working("budget", unit).values():
                ends += [counter["ends"] for counter in budget["counters"].values()]
        ends += [row["ends"] for row in self.naive.meters.values()]
        return [end for end in ends if end is not None and self.now < end < LATEST]

    def find_longest_wait(self, dice: Random) -> int:
        """The model turns one by one, so that what comes at once is bounded."""
        most = pick(dice, (1, 2, 2, 3, 3, 5, 20, 100 if dice.random() < 0.2 else 20))
        rates = 1 / (100 * 365 * DAY)
        for unit in UNITS:
            for allowance in self.naive._working("allowance", unit).values():
                rates += 1 / (SPANS[allowance["recurrence"].every] * allowance["recurrence"].number)
        return int(most / rates)

    def move_to(self, to: int) -> None:
        """Clocks run, also backwards; those of a test book are moved."""
        if self.is_test:
            self.advance_to(to)
        else:
            self.now = to

    def step(self, dice: Random) -> str:
        if self.now < LATEST:
            self.pass_time(dice)
        kind = str(pick(dice, KINDS))
        if self.naive.account["state"] == "frozen" and dice.random() < 0.3:
            kind = "freeze"
        elif any(self.naive._is_buying(unit) for unit in UNITS) and dice.random() < 0.2:
            kind = pick(dice, ("decline_top_up", "grant"))
        getattr(self, kind)(dice)
        return kind


def begin(dice: Random, number: int) -> Walk:
    """A new account of one sort or another."""
    is_test = dice.random() < 0.2
    zone = pick(dice, ("UTC", "UTC", "Europe/Berlin", "America/New_York"))
    now = START + int(dice.random() * 400) * DAY + int(dice.random() * 24) * HOUR
    real = RealAccount(f"account {number}", number, clock=now if is_test else 0, narrows=pick(dice, (0.0, 0.5, 0.9)))
    walk = Walk(real, now, zone=zone, is_test=is_test)
    walk.both("open", {"zone": zone, "is_test": is_test}, lambda key: Open(key=key, account=real.key, zone=zone))
    return walk


class Outcome:
    """How one walk went."""

    def __init__(self, walk: Walk) -> None:
        self.walk = walk
        self.kinds: Counter[str] = Counter()
        self.entries = 0
        self.problem: Exception | None = None
        self.at = -1
        """The step at which the two parted."""


def take_walk(seed: int, number: int, steps: Iterable[int]) -> Outcome:
    """Walk number `number` of a seed, with these of its steps."""
    dice = make_dice(seed, number)
    merges_after = draw_most_turns(dice)
    usual = vars(allowances)["MOST_TURNS"]
    vars(allowances)["MOST_TURNS"] = merges_after
    try:
        return go_on(begin(dice, number), seed, number, steps)
    finally:
        vars(allowances)["MOST_TURNS"] = usual


def make_dice(seed: int, number: int) -> Random:
    return Random((seed << 40) + (number << 12))


def draw_most_turns(dice: Random) -> int:
    """After how many turns of an allowance the core makes one of them: few, so that it often does."""
    return int(pick(dice, MOST_TURNS))


def go_on(walk: Walk, seed: int, number: int, steps: Iterable[int]) -> Outcome:
    outcome = Outcome(walk)
    dice = Random()
    for at in steps:
        dice.seed((seed << 40) + (number << 12) + at + 1)
        try:
            outcome.kinds[walk.step(dice)] += 1
            look_around(walk, dice, at)
        except Exception as problem:  # whatever it is, it is to be told with how to see it again
            outcome.problem, outcome.at = problem, at
            break
    else:
        outcome.entries = sum(walk.real.look(unit, walk.now).seq for unit in UNITS)
    return outcome


def look_around(walk: Walk, dice: Random, at: int) -> None:
    """The unit that was most likely touched after each step; the other, and what will be, now and then."""
    walk.compare("credits" if at % 4 else "generations", walk.now)
    if dice.random() < 0.05:
        ahead = walk.now + min(pick(dice, (HOUR, DAY, 40 * DAY, 800 * DAY)), walk.find_longest_wait(dice))
        for unit in UNITS:
            walk.compare(unit, ahead)


def shorten(seed: int, number: int, steps: Sequence[int]) -> list[int]:
    """As few of the steps as still make the two part (with whatever problem)."""
    kept = list(steps)
    size = len(kept)
    while size:
        start = 0
        while start < len(kept):
            fewer = kept[:start] + kept[start + size :]
            outcome = take_walk(seed, number, fewer)
            if outcome.problem is not None:
                kept = fewer[: fewer.index(outcome.at) + 1]
            else:
                start += size
        size //= 2
    return kept


def tell(seed: int, number: int, steps: Sequence[int]) -> str:
    """The history of a walk, a request a line, and where it ended."""
    outcome = take_walk(seed, number, steps)
    begun = outcome.walk.history[0].now
    most = draw_most_turns(make_dice(seed, number))
    lines = [f"seed {seed}, walk {number}, steps {list(steps)}, turns merged if more than {most}"]
    lines += [f"  {show_time(asked.now, begun)} {asked.word} {show(asked.said)}" for asked in outcome.walk.history]
    return "\n".join([*lines, f"  {type(outcome.problem).__name__}: {outcome.problem}"])


def show_time(now: int, begun: int) -> str:
    days, rest = divmod(now - begun, DAY)
    return f"day {days} {rest // HOUR:02}:{rest % HOUR // MINUTE:02}:{rest % MINUTE / SECOND:09.6f}"


def show(said: dict[str, Any]) -> str:
    return ", ".join(f"{word}={value!r}" for word, value in said.items() if value not in (None, False, "", {}))
