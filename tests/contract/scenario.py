"""Random requests of every kind, the same for the same seed, so that stores can be asked the same questions."""

import random
from collections.abc import Callable, Iterator
from typing import Any

from farthing.engine.tickets import Outcome
from farthing.face.ids import write_id
from farthing.values.bounds import NEVER
from farthing.values.entries import Kind
from farthing.values.names import name_number
from farthing.values.periods import Cadence
from farthing.values.requests import (
    About,
    Adjust,
    Charge,
    Close,
    Configure,
    Extend,
    Forgive,
    Freeze,
    Grant,
    Hold,
    Import,
    Mode,
    Note,
    Open,
    Place,
    Record,
    Refund,
    Release,
    Request,
    ResetUsed,
    Settle,
    SetUsed,
    Tidy,
    Unfreeze,
    Void,
)
from farthing.values.standing_requests import (
    Allow,
    ChangeAllowance,
    ChangeBudget,
    Clawback,
    DeclineTopUp,
    EndAllowance,
    EndBudget,
    EndPeriod,
    Reschedule,
    SetBudget,
    SetPeriodEnd,
    Subscribe,
    Together,
)
from farthing.values.wallets import Rollover, Subject
from tests.contract.desk import Desk, find_place
from tests.contract.standing import NO_STEP, price

ACCOUNTS = ("acme", "zoë & co")
FEATURES = ("chat", "image", "video")
OTHER_NAMES = ("plan", "bonus", "purchase", "gpt-9", "ana", "ben", "EUR", "draft 7")
RULES = ("plan", "plan", "plan", "bonus")
"""Names of allowances and budgets."""

PLANS = ("basic", "pro")
EVERY = (Cadence.HOUR, Cadence.DAY, Cadence.MONTH)

HOUR = 3_600_000_000
LEAPS = (HOUR // 2, 5 * HOUR, 30 * HOUR, 800 * HOUR, 9_000 * HOUR)
"""How long nobody asks anything, now and then."""


class Scenario:
    """Asks a desk one batch after another; what it asks depends on the seed and on the answers alone."""

    def __init__(self, seed: int, desk: Desk) -> None:
        self.dice = random.Random(seed)
        self.desk = desk
        for name in (*FEATURES, *OTHER_NAMES):
            desk.store.intern_name(name)
        self.holds: list[tuple[Place, list[int]]] = []
        self.charges: list[tuple[Place, list[int]]] = []
        self.grants: list[tuple[Place, str]] = []
        self.answers: list[Outcome | Exception] = []
        self.kinds: list[Callable[[str, str], Request | None]] = [
            self.grant, self.grant, self.grant, self.grant, self.charge, self.charge, self.charge, self.record,
            self.hold, self.hold, self.hold, self.settle, self.settle, self.settle, self.end_hold, self.refund,
            self.refund, self.void, self.correct, self.configure, self.configure, self.change_account, self.repeat,
            self.allow, self.change_allowance, self.change_allowance, self.set_budget, self.change_budget,
            self.clawback, self.reschedule,
            self.watch, self.decline,
            self.charge_metered, self.charge_metered, self.settle_metered, self.subscribe, self.subscribe,
        ]  # fmt: skip
        self.wanted: list[tuple[str, int, int]] = []
        """(account, unit, entry) of top-ups that were asked for."""
        self.said: list[Request] = []
        self.plans: list[tuple[str, int, str]] = []
        """(account, unit, name) of allowances that came with a plan."""

    def play(self, batches: int) -> None:
        """Ask this many batches of one to four requests."""
        for _ in range(batches):
            if self.dice.random() < 0.4:
                self.desk.now += self.dice.choice(LEAPS) if self.dice.random() < 0.1 else self.dice.randint(1, 4)
            requests = list(self.draw_requests(self.dice.randint(1, 4)))
            answers = self.desk.ask(*requests)
            for request, answer in zip(requests, answers, strict=True):
                self.remember(request, answer)
            self.answers += answers

    def draw_requests(self, count: int) -> Iterator[Request]:
        """Requests that the answers so far allow."""
        while count:
            kind, account = self.dice.choice(self.kinds), self.dice.choice(ACCOUNTS)
            request = kind(self.desk.next_key(), account)
            if request is not None:
                count -= 1
                self.said.append(request)
                yield request

    def remember(self, request: Request, answer: Outcome | Exception) -> None:
        """What later requests may name."""
        if not isinstance(answer, Outcome) or not answer.entries or answer.replayed:
            return
        place, units = find_place(answer), [entry.unit_id for entry in answer.entries]
        wanted = [entry for entry in answer.entries if entry.kind == Kind.TOP_UP_WANTED]
        self.wanted += [(answer.account.key, entry.unit_id, entry.number) for entry in wanted]
        if isinstance(request, Hold):
            self.holds.append((place, units))
        if isinstance(request, Hold | Charge | Record | Settle):
            self.charges.append((place, units))
        if isinstance(request, Grant):
            first = answer.entries[0]
            granted = place._replace(unit_id=first.unit_id, number=first.of_number)
            self.grants.append((granted, answer.account.key))

    def amounts(self, least: int = 0, most: int = 50) -> tuple[tuple[int, int], ...]:
        """One unit, or both."""
        if self.dice.random() < 0.8:
            return ((self.dice.choice([1, 2]), self.dice.randint(least, most)),)
        return ((1, self.dice.randint(least, most)), (2, self.dice.randint(least, most)))

    def feature(self) -> int:
        """A feature, or none."""
        return self.dice.choice([0, *map(name_number, FEATURES)])

    def about(self) -> About:
        """Usage, now and then."""
        if self.dice.random() < 0.7:
            return About()
        member = name_number(self.dice.choice(["ana", "ben"]))
        return About(model=name_number("gpt-9"), member=member, tokens_in=self.dice.randint(0, 9), success=1)

    def note(self) -> Note | None:
        """A note, now and then."""
        return Note(self.dice.randbytes(16), b'{"why":"a test"}') if self.dice.random() < 0.2 else None

    def grant(self, key: str, account: str) -> Request:
        dice, feature = self.dice, self.feature()
        kind, starts_at = Grant, None
        if dice.random() < 0.1:
            kind = Import
        elif dice.random() < 0.2:
            starts_at = self.desk.now + dice.randint(1, 30)
        return kind(
            key=key, account=account, amounts=self.amounts(), note=self.note(), starts_at=starts_at,
            features=(feature,) if feature and dice.random() < 0.4 else (), promotional=dice.random() < 0.3,
            priority=dice.choice([10, 50]), expires_in=dice.choice([None, 5, 20, 60]),
            source=name_number(dice.choice(["plan", "bonus", "purchase"])),
            cost_minor=dice.choice([0, 4900]), currency=dice.choice([0, name_number("EUR")]),
            until_turn="plan" if dice.random() < 0.1 else "", extends=dice.random() < 0.1,
            top_up=self.find_wanted(account),
        )  # fmt: skip

    def charge(self, key: str, account: str) -> Request:
        mode, note = self.dice.choice(list(Mode)), self.note()
        about, feature = self.about(), self.feature()
        return Charge(
            key=key, account=account, amounts=self.amounts(), feature=feature, mode=mode, about=about, note=note
        )

    def charge_metered(self, key: str, account: str) -> Request:
        """At prices that remember; one of them keeps its counter under a name that budgets count by too."""
        quantity, unit = self.dice.randint(0, 40), self.dice.choice([1, 1, 2])
        subject, every = self.dice.choice([(name_number("chat"), 0), (name_number("gpt-9"), Cadence.DAY)])
        priced = price(quantity, unit=unit, subject=subject, every=every, size=7)
        kind: type[Charge | Record | Hold] = self.dice.choice([Charge, Record, Hold])
        said: dict[str, Any] = {"feature": self.feature(), "about": self.about(), "priced": priced}
        return kind(key=key, account=account, amounts=((unit, 0),), **said)

    def settle_metered(self, key: str, account: str) -> Request | None:
        if not self.holds:
            return None
        place, units = self.dice.choice(self.holds[-8:])
        priced = price(self.dice.randint(0, 40), unit=units[0], size=7)
        hold_id, amounts = write_id("hld", place), ((units[0], 0),)
        return Settle(key=key, hold=place, hold_id=hold_id, amounts=amounts, final=True, policy=2, priced=priced)

    def subscribe(self, key: str, account: str) -> Request:
        """A step of a subscription, now and then a stale one, with an allowance and a budget that come with it."""
        dice, known = self.dice, self.desk.store.find_account(account)
        last = None if known is None else self.desk.store.read_subscription(known)
        expected = (last.number if last else 0) if dice.random() < 0.9 else 1
        plan, fallback = dice.choice(PLANS), dice.choice(["", "free"])
        step = NO_STEP._replace(
            step=dice.randint(1, 11), plan=plan, every=dice.choice(list(Cadence)), starts_at=self.desk.now,
            acts_at=self.desk.now + dice.choice(LEAPS), next_plan=dice.choice(["", *PLANS]), fallback=fallback,
            paid_minor=dice.choice([0, 900]), currency=dice.choice([0, name_number("EUR")]),
        )  # fmt: skip
        until, unit = self.desk.now + dice.choice(LEAPS), dice.choice([1, 2])
        said: dict[str, Any] = {"key": "", "account": account, "unit": unit}
        parts: list[Request] = [Subscribe(key="", account=account, expected=expected, subscription=step)]
        name = f"{plan}.{len(self.said)}"
        if dice.random() < 0.7:
            parts.append(Allow(**said, name=name, amount=dice.randint(0, 30), every=dice.choice(EVERY), until=until))
            self.plans.append((account, unit, name))
        mine = [each for owner, of, each in self.plans[:-1] if (owner, of) == (account, unit)]
        if mine and dice.random() < 0.6:
            parts.append(EndAllowance(**said, name=dice.choice(mine[-2:]), now=dice.random() < 0.5))
        if dice.random() < 0.3:
            parts.append(SetBudget(**said, name=plan, most=dice.randint(0, 200)))
        if dice.random() < 0.3:
            parts.append(Grant(key="", account=account, amounts=((unit, dice.randint(1, 20)),)))
        dice.shuffle(parts)
        return Together(key=key, account=account, said=("subscribe", plan), requests=tuple(parts))

    def record(self, key: str, account: str) -> Request:
        return Record(key=key, account=account, amounts=self.amounts(), feature=self.feature(), about=self.about())

    def hold(self, key: str, account: str) -> Request:
        name = name_number("draft 7") if self.dice.random() < 0.2 else 0
        mode, ttl = self.dice.choice(list(Mode)), self.dice.choice([5, 20, 100, 40 * HOUR])
        return Hold(
            key=key, account=account, amounts=self.amounts(), feature=self.feature(), mode=mode, ttl=ttl, name=name,
            name_text="draft 7" if name else "", about=self.about(),
        )  # fmt: skip

    def settle(self, key: str, account: str) -> Request | None:
        if not self.holds:
            return None
        place, units = self.dice.choice(self.holds[-8:])
        amounts = tuple((unit, self.dice.randint(0, 60)) for unit in units if self.dice.random() < 0.7)
        final, policy = self.dice.random() < 0.7, self.dice.choice([None, 0, 1, 2, 3])
        return Settle(key=key, hold=place, hold_id=write_id("hld", place), amounts=amounts, final=final, policy=policy)

    def end_hold(self, key: str, account: str) -> Request | None:
        if not self.holds:
            return None
        place, _ = self.dice.choice(self.holds[-6:])
        hold_id = write_id("hld", place)
        if self.dice.random() < 0.5:
            return Release(key=key, hold=place, hold_id=hold_id)
        return Extend(key=key, hold=place, hold_id=hold_id, ttl=self.dice.randint(1, 50))

    def refund(self, key: str, account: str) -> Request | None:
        if not self.charges:
            return None
        place, units = self.dice.choice(self.charges[-8:])
        amounts = tuple((unit, self.dice.randint(0, 20)) for unit in units if self.dice.random() < 0.5)
        charge_id = write_id("rct", place)
        return Refund(key=key, charge=place, charge_id=charge_id, amounts=amounts, up_to=self.dice.random() < 0.6)

    def void(self, key: str, account: str) -> Request:
        if self.grants and self.dice.random() < 0.5:
            place, owner = self.dice.choice(self.grants[-6:])
            amounts = ((place.unit_id, self.dice.randint(0, 9)),) if self.dice.random() < 0.5 else ()
            grant_id = write_id("gra", place)
            return Void(key=key, account=owner, grant=place, grant_id=grant_id, amounts=amounts, up_to=True)
        return Void(key=key, account=account, amounts=self.amounts(), up_to=self.dice.random() < 0.5)

    def correct(self, key: str, account: str) -> Request:
        unit, dice = self.dice.choice([1, 2]), self.dice
        return dice.choice(
            [
                Forgive(key=key, account=account, owed=((unit, dice.choice([None, dice.randint(0, 9)])),)),
                Adjust(key=key, account=account, amounts=self.amounts(-20, 20)),
                SetUsed(key=key, account=account, amounts=((unit, dice.randint(0, 20)),)),
                ResetUsed(key=key, account=account, unit=unit),
                Tidy(key=key, account=account, unit=unit),
            ]
        )

    def configure(self, key: str, account: str) -> Request:
        dice = self.dice
        term = dice.choice([(1, dice.randint(0, 40)), (3, dice.randrange(2)), (5, dice.choice([0, 30]))])
        return Configure(key=key, account=account, unit=dice.choice([1, 2]), terms=(term,))

    def watch(self, key: str, account: str) -> Request:
        """Alerts, and the rule for top-ups."""
        dice = self.dice
        alerts = dice.choice([None, (), (10, 0), (30, 20, dice.randint(-9, 9))])
        rule = (1, dice.randrange(2)), (2, dice.randint(-5, 5)), (3, dice.randint(1, 30)), (9, dice.choice([0, HOUR]))
        top_up = rule if dice.random() < 0.5 else None
        return Configure(key=key, account=account, unit=dice.choice([1, 2]), terms=(), alerts=alerts, top_up=top_up)

    def find_wanted(self, account: str) -> int:
        """The entry that asked for a top-up of this account, now and then, whatever became of it."""
        asked = [number for owner, _, number in self.wanted if owner == account]
        return self.dice.choice(asked[-2:]) if asked and self.dice.random() < 0.5 else 0

    def decline(self, key: str, account: str) -> Request | None:
        if not self.wanted:
            return None
        owner, unit, number = self.dice.choice(self.wanted[-3:])
        return DeclineTopUp(key=key, account=owner, unit=unit, top_up=number)

    def rule(self) -> dict[str, Any]:
        """Which allowance or budget: mostly of one name, so that those that change find it."""
        return {"unit": self.dice.choice([1, 1, 2]), "name": self.dice.choice(RULES)}

    def allow(self, key: str, account: str) -> Request:
        dice, feature = self.dice, self.feature()
        rollover = dice.choice(list(Rollover))
        is_carried = rollover != Rollover.NONE
        return Allow(
            key=key, account=account, **self.rule(), amount=dice.randint(0, 30),
            every=dice.choice(list(Cadence)), count=dice.randint(1, 3), calendar=dice.random() < 0.3,
            zone=dice.choice(["", "Europe/Rome"]), features=(feature,) if feature and dice.random() < 0.2 else (),
            source=name_number("plan"), rollover=rollover, cap=15 if rollover == Rollover.CAPPED else 0,
            keep=dice.choice([0, 2]) if is_carried else 0, on_turn=dice.randrange(2),
            first=dice.choice([None, None, 7]), is_prorated=dice.random() < 0.2,
            starts_at=dice.choice([None, None, None, self.desk.now + 20]),
        )  # fmt: skip

    def change_allowance(self, key: str, account: str) -> Request:
        dice, said = self.dice, {"account": account, **self.rule()}
        ends_at = self.desk.now + dice.choice([-5, 3, *LEAPS])
        return dice.choice(
            [
                ChangeAllowance(
                    key=key, **said, mode=dice.randrange(4), amount=dice.choice([None, dice.randint(0, 40)])
                ),
                ChangeAllowance(key=key, **said, rollover=Rollover.CAPPED, cap=dice.randint(1, 9), keep=1),
                EndAllowance(key=key, **said, now=dice.random() < 0.5),
                EndPeriod(key=key, **said),
                SetPeriodEnd(key=key, **said, ends_at=ends_at),
            ]
        )

    def set_budget(self, key: str, account: str) -> Request:
        dice = self.dice
        most, per = dice.randint(20, 300), dice.choice([Subject.ALL, Subject.MEMBER, Subject.FEATURE])
        return SetBudget(
            key=key, account=account, **self.rule(), most=most, per=per,
            is_hard=dice.random() < 0.6, member=dice.choice([0, 0, name_number("ana")]),
            feature=dice.choice([0, 0, name_number("chat")]), every=dice.choice([0, *Cadence]),
            cycle="plan" if dice.random() < 0.2 else "", count=dice.randint(1, 2),
            anchor=dice.choice([None, self.desk.now]),
        )  # fmt: skip

    def change_budget(self, key: str, account: str) -> Request:
        dice, said = self.dice, {"account": account, **self.rule()}
        if dice.random() < 0.4:
            return EndBudget(key=key, **said)
        return ChangeBudget(key=key, **said, most=dice.randint(0, 300), is_hard=dice.choice([None, True, False]))

    def clawback(self, key: str, account: str) -> Request | None:
        if not self.grants:
            return None
        dice = self.dice
        place, owner = dice.choice(self.grants[-6:])
        money, amount = dice.choice([(None, None), (None, dice.randint(0, 20)), (dice.randint(1, 2500), None)])
        return Clawback(
            key=key, account=owner, grant=place, grant_id=write_id("gra", place), money=money, amount=amount,
            policy=dice.randrange(2),
        )  # fmt: skip

    def reschedule(self, key: str, account: str) -> Request:
        dice, expires_at = self.dice, self.desk.now + self.dice.choice([2, 40, *LEAPS])
        if self.grants and dice.random() < 0.6:
            place, owner = dice.choice(self.grants[-6:])
            grant_id = write_id("gra", place)
            return Reschedule(
                key=key, account=owner, unit=place.unit_id, expires_at=expires_at, grant=place, grant_id=grant_id
            )
        expires_at = dice.choice([NEVER, expires_at])
        return Reschedule(key=key, account=account, unit=dice.choice([1, 2]), expires_at=expires_at)

    def change_account(self, key: str, account: str) -> Request:
        weights = (4, 3, 8, 0.2)
        kind = self.dice.choices([Open, Freeze, Unfreeze, Close], weights)[0]
        return Open(key=key, account=account, zone="Europe/Rome") if kind is Open else kind(key=key, account=account)

    def repeat(self, key: str, account: str) -> Request | None:
        return self.dice.choice(self.said) if self.said else None
