"""Whatever is asked in whatever order, and however long nobody asks: folding a wallet's entries gives its rows again.

Hypothesis draws steps over allowances, budgets, clawbacks, ends, alerts and top-ups; after every decision the desk
holds all of it to every law of `verify`.
"""

from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from farthing.values.bounds import MICROSECONDS, NEVER
from farthing.values.errors import Refused
from farthing.values.names import name_number
from farthing.values.periods import Cadence
from farthing.values.requests import Mode
from farthing.values.standing_requests import ChangeMode
from tests.unit.desk import DAY, OPENED_AT, Desk

NAMES = ("plan", "extra")
PEOPLE = ("ana", "ben")
FEATURES = ("", "chat")
SPANS = (0, 1, 300, 3_600, DAY, 20 * DAY, 31 * DAY, 400 * DAY, 3_000 * DAY)
"""How long nobody asks anything: a moment, an hour, years."""


def test_a_bonus_that_had_not_begun_ends_with_the_period():
    desk = Desk()
    desk.allow(5, every=Cadence.MONTH)
    waiting = desk.grant(7, starts_at=desk.at(60), until_turn="plan")

    desk.end_period()

    assert [entry.expired for entry in desk.written if entry.of_number == waiting] == [0]
    assert (desk.wallet.pending, desk.wallet.free, desk.wallet.expired) == (0, 5, 5)


def test_a_smaller_amount_is_written_down_though_nothing_is_left_to_take():
    desk = Desk()
    desk.allow(5, every=Cadence.MONTH)
    desk.charge(5)

    desk.change_allowance(mode=ChangeMode.KEEP_USED, amount=2)

    (lot,) = desk.rows["lots"][1].values()
    assert (lot.amount, lot.remaining) == (2, 0)


def test_a_settle_after_the_budgets_period_moves_nothing_of_the_next():
    desk = Desk()
    desk.grant(100)
    budget = desk.set_budget(50, every=Cadence.DAY)
    held = desk.hold(10, ttl=5 * DAY * MICROSECONDS)
    desk.wait(2 * DAY)
    desk.charge(3)

    desk.settle(held, 10)
    desk.refund(held, 10)

    assert (desk.counter(budget).spent, desk.counter(budget).reserved) == (3, 0)


def pick(choices, number):
    """One of the choices, whatever the number."""
    return choices[number % len(choices)]


class Play:
    """A desk, and what later steps may name. A step is a verb and three small numbers that say the rest."""

    def __init__(self, zone: str = "UTC", clock: int = 0):
        self.desk = Desk(zone=zone, clock=clock)
        self.holds: list[int] = []
        self.charges: list[int] = []
        self.grants: list[int] = []

    def take(self, verb: Callable, *numbers: int) -> None:
        """One step; a refusal is an answer too, and changes nothing."""
        try:
            verb(self, *numbers)
        except Refused:
            assert self.desk.find_broken_laws() == []

    def wait(self, a, b, c):
        self.desk.wait(pick(SPANS, a) + b)
        if c % 2:
            self.desk.tidy()

    def advance(self, a, b, c):
        self.desk.advance(pick(SPANS, a) + b)

    def allow(self, a, b, c):
        desk = self.desk
        rollover = pick([{}, {"rollover": 1, "cap": 15}, {"rollover": 1, "cap_percent": 500_000}, {"rollover": 2}], a)
        starts_at = desk.now + b * 1_000 * MICROSECONDS if c % 4 == 3 else None
        desk.allow(
            b, pick(NAMES, c), every=pick(list(Cadence), a), count=1 + c % 2, calendar=bool(b % 2), keep=c % 3
            if rollover else 0, on_turn=(a + c) % 2, first=c if b % 3 == 1 else None, is_prorated=b % 3 == 2,
            starts_at=starts_at, features=("chat",) if a % 4 == 3 else (), source=name_number("plan"), **rollover,
        )  # fmt: skip

    def change_allowance(self, a, b, c):
        rollover = pick([{}, {"rollover": 0}, {"rollover": 1, "cap": 7}, {"rollover": 2, "keep": 2}], b)
        self.desk.change_allowance(pick(NAMES, c), mode=a % 4, amount=b if a % 5 else None, **rollover)

    def end_allowance(self, a, b, c):
        self.desk.end_allowance(pick(NAMES, a), now=bool(b % 2))

    def end_period(self, a, b, c):
        self.desk.end_period(pick(NAMES, a))

    def set_period_end(self, a, b, c):
        self.desk.set_period_end(self.desk.now + (pick(SPANS, b) - 50) * MICROSECONDS, pick(NAMES, a))

    def set_budget(self, a, b, c):
        per, every = pick([0, 1, 2], a), pick([0, Cadence.HOUR, Cadence.DAY, Cadence.MONTH], b)
        chosen = {"member": "ana"} if c % 4 == 1 else {"cycle": "plan"} if c % 4 == 2 else {}
        self.desk.set_budget(b, pick(NAMES, c), per=per, every=every, is_hard=bool(a % 2), **chosen)

    def change_budget(self, a, b, c):
        self.desk.change_budget(pick(NAMES, c), most=b if a % 3 else None, is_hard=pick([None, True, False], a))

    def end_budget(self, a, b, c):
        self.desk.end_budget(pick(NAMES, a))

    def grant(self, a, b, c):
        desk = self.desk
        ends = pick([{}, {"expires_at": desk.now + (1 + pick(SPANS, a)) * MICROSECONDS}, {"until_turn": "plan"}], c)
        if a % 5 == 4:
            ends["starts_at"] = desk.now + (1 + b) * MICROSECONDS
        feature = ("chat",) if a % 3 == 2 else ()
        wanted = desk.wallet.terms.top_up.in_flight if b % 2 else 0
        more = {"extends": c % 4 == 3, "cost_minor": b * 7, "top_up": wanted, "features": feature}
        self.grants.append(desk.grant(b, **ends, **more))

    def charge(self, a, b, c):
        about = {"member": pick(PEOPLE, c)} if c % 3 else {}
        mode = pick([Mode.STRICT, Mode.RECORD, Mode.ALL_AVAILABLE], a)
        self.charges.append(self.desk.charge(b, pick(FEATURES, a), mode, **about).number)

    def hold(self, a, b, c):
        about = {"member": pick(PEOPLE, c)} if c % 3 else {}
        mode, ttl = pick([Mode.STRICT, Mode.RECORD, Mode.ALL_AVAILABLE], a), (1 + pick(SPANS[:6], c)) * MICROSECONDS
        self.holds.append(self.desk.hold(b, pick(FEATURES, a), mode=mode, ttl=ttl, **about))

    def settle(self, a, b, c):
        if self.holds:
            number = pick(self.holds, c)
            self.desk.settle(number, b if a % 4 else None, final=bool(a % 3), policy=pick([None, 0, 1, 2], a))
            self.charges.append(number)

    def release(self, a, b, c):
        if self.holds:
            self.desk.release(pick(self.holds, a))

    def refund(self, a, b, c):
        if self.charges:
            self.desk.refund(pick(self.charges, a), b if c % 2 else None, up_to=True)

    def clawback(self, a, b, c):
        if self.grants:
            asked = pick([{}, {"amount": b}, {"money": b}, {"money": b * 7}], c)
            self.desk.clawback(pick(self.grants, a), policy=c % 2, **asked)

    def reschedule(self, a, b, c):
        ends_at = NEVER if c % 3 == 0 else self.desk.now + (1 + pick(SPANS, b)) * MICROSECONDS
        self.desk.reschedule(ends_at, pick(self.grants, a) if self.grants and c % 2 else None)

    def void(self, a, b, c):
        self.desk.void(b, pick(self.grants, a) if self.grants and c % 2 else None, up_to=True)

    def set_used(self, a, b, c):
        self.desk.set_used(b)

    def configure(self, a, b, c):
        alerts = pick([None, (), (0,), (b, 10, -5)], a)
        top_up = pick([None, {"is_on": 1, "quantity": 20, "threshold": c, "whole_gap": a % 2}, {"is_on": 0}], c)
        if top_up and a % 4 == 3:
            top_up |= {"most_per_day": 40, "back_off": 60 * MICROSECONDS, "target": 30}
        self.desk.configure(overdraft=b, alerts=alerts, top_up=top_up, refund_grace=c * DAY * MICROSECONDS)

    def decline(self, a, b, c):
        self.desk.decline_top_up(self.desk.wallet.terms.top_up.in_flight or a)


ALL = (
    Play.wait, Play.wait, Play.allow, Play.allow, Play.change_allowance, Play.end_allowance, Play.end_period,
    Play.set_period_end, Play.set_budget, Play.set_budget, Play.change_budget, Play.end_budget, Play.grant, Play.grant,
    Play.charge, Play.charge, Play.hold, Play.hold, Play.settle, Play.settle, Play.release, Play.refund, Play.refund,
    Play.clawback, Play.clawback, Play.reschedule, Play.void, Play.set_used, Play.configure, Play.decline,
)  # fmt: skip
COUNTED = (Play.wait, Play.set_budget, Play.grant, Play.charge, Play.hold, Play.settle, Play.release, Play.refund)
TURNED = (
    Play.wait, Play.allow, Play.change_allowance, Play.end_period, Play.set_period_end, Play.grant, Play.hold,
    Play.settle, Play.refund, Play.charge,
)  # fmt: skip
SOLD = (
    Play.wait, Play.grant, Play.charge, Play.clawback, Play.configure, Play.decline, Play.hold, Play.refund, Play.void,
)  # fmt: skip


FIRST = (Play.allow, Play.set_budget, Play.grant, Play.configure)
"""What a play begins with, so that there is something to change, to count, to spend and to tell of."""

NUMBERS = (st.integers(0, 11), st.integers(0, 60), st.integers(0, 11))


def draw_steps(verbs):
    """Thirty steps: the first ones, and then any of these verbs."""
    first = st.tuples(*[st.tuples(st.just(verb), *NUMBERS) for verb in FIRST])
    rest = st.lists(st.tuples(st.sampled_from(verbs), *NUMBERS), min_size=26, max_size=26)
    return st.tuples(first, rest).map(lambda steps: [*steps[0], *steps[1]])


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    steps=st.one_of(*[draw_steps(verbs) for verbs in (ALL, COUNTED, TURNED, SOLD)]),
    zone=st.sampled_from(["UTC", "Europe/Rome"]),
)
def test_entries_folded_give_the_rows_again_whatever_is_asked(steps, zone):
    play = Play(zone)

    for verb, *numbers in steps:
        play.take(verb, *numbers)

    assert play.desk.find_broken_laws() == []


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=draw_steps((Play.advance, Play.advance, *TURNED, Play.set_budget, Play.clawback)))
def test_the_same_in_a_test_book_where_clocks_move_by_hand(steps):
    play = Play(clock=OPENED_AT)

    for verb, *numbers in steps:
        play.take(verb, *numbers)

    assert play.desk.find_broken_laws() == []
    assert play.desk.account.clock == max([OPENED_AT, *[entry.recorded_at for entry in play.desk.entries[0]]])
