"""A desk to decide at: one account, a clock, and its wallets in memory, straight on core, for the tests of the rules.

After every request the wallets are folded from their entries and held to every law, so that no test can pass on books
that do not add up. Amounts are whole credits, seconds count from the opening.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from farthing.audit.fold import Fold
from farthing.audit.laws import Books, Finding, check_entries, check_state, rows_equal_the_fold
from farthing.core.burndown import sum_available
from farthing.core.decide import Decision, decide, find_replay
from farthing.engine.zones import find_zone
from farthing.face.ids import write_id
from farthing.values.amounts import Unit
from farthing.values.bounds import MICROSECONDS
from farthing.values.calendars import read_instant
from farthing.values.entries import Effect, Entry, Kind, Seal, unpack_effects
from farthing.values.names import name_number
from farthing.values.requests import (
    About,
    Adjust,
    Charge,
    Configure,
    Extend,
    Forgive,
    Grant,
    Hold,
    Import,
    Mode,
    Place,
    Record,
    Refund,
    Release,
    Request,
    ResetUsed,
    Settle,
    SetUsed,
    Tidy,
    Void,
)
from farthing.values.standing_requests import (
    Advance,
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
from farthing.values.subscriptions import Subscription
from farthing.values.wallets import ACCOUNT_UNIT, Account, AccountState, Allowance, Counter, Terms, TopUp, Wallet

OPENED_AT = 1_700_000_000 * MICROSECONDS
DAY = 86_400
CREDITS = Unit(1, "credits", 0, 0)
TABLES = ("lots", "holds", "debts", "allowances", "budgets", "counters")
GENERATIONS = Unit(2, "generations", 0, 0)
SAID_NOTHING = dict.fromkeys(("plan", "zone", "next_plan", "fallback"), "")

Amount = int | Sequence[tuple[int, int]]


class Desk:
    """`wait` moves the clock; a request's method answers its receipt (an entry), or the number of what it made."""

    def __init__(self, *units: Unit, zone: str = "UTC", clock: int = 0, **terms: Any) -> None:
        self.account = Account(7, 3, 1, "acme", AccountState.ACTIVE, zone, clock)
        self.seal = Seal()
        self.now = OPENED_AT
        self.wallets: dict[int, Wallet] = {}
        self.entries: dict[int, list[Entry]] = {}
        self.rows: dict[str, dict[int, dict[Any, Any]]] = {table: {} for table in TABLES}
        self.steps: dict[int, Subscription] = {}
        self.receipts: dict[bytes, Entry] = {}
        self.written: list[Entry] = []
        self.asked = 0
        for unit in (ACCOUNT_UNIT, *(units or (CREDITS,))):
            self.wallets[unit.unit_id] = Wallet(self.account, unit, self.seal.begin(self.account, unit))
            self.entries[unit.unit_id] = []
        if terms:
            self.configure(**terms)

    @property
    def wallet(self) -> Wallet:
        """The wallet of the first unit."""
        return self.wallets[CREDITS.unit_id]

    @property
    def step(self) -> Subscription:
        """The step of the subscription that holds."""
        step = self.wallets[0].subscription
        assert step is not None
        return step

    def at(self, seconds: int) -> int:
        """The instant that many seconds after the opening."""
        return OPENED_AT + seconds * MICROSECONDS

    def wait(self, seconds: int, *, micros: int = 0) -> None:
        """Time passes, and nobody asks anything."""
        self.now += seconds * MICROSECONDS + micros

    def go(self, moment: str) -> None:
        """Time passes up to an ISO moment, and nobody asks anything."""
        self.now = instant(moment)

    def ask(self, request: Request) -> Entry:
        """Decide, keep what changed, check every law, and answer the receipt: the first one for a true replay."""
        first = self.receipts.get(request.digests()[0])
        self.written = []
        if find_replay(request, [first] if first else []):
            assert first is not None
            return first
        decision = self.decide(request)
        receipt = self.entries[decision.lead[0]][decision.lead[1] - 1]
        self.receipts[request.digests()[0]] = receipt
        return receipt

    def decide(self, request: Request) -> Decision:
        """One decision, kept, and every law checked after it."""
        units = set(request.units) | self.units_of(request)
        if self.account.state == AccountState.NEW:
            units.add(0)
        wallets = {unit: wallet for unit, wallet in self.wallets.items() if unit in units}
        decision = decide(self.account, wallets, request, self.now, self.seal, find_zone, self.list_past(request))
        self.account = decision.account
        self.wallets |= decision.wallets
        for wallet in self.wallets.values():
            wallet.account = self.account
        for entry in decision.entries:
            self.entries[entry.unit_id].append(entry)
        for table in TABLES:
            for unit, number in getattr(decision, table):
                row = getattr(decision.wallets[unit], table)[number]
                self.rows[table].setdefault(unit, {})[number] = row
        step = decision.subscription
        if step is not None:
            last = self.steps.get(max(self.steps, default=0))
            if last is not None:
                self.steps[last.number] = last._replace(ended_at=step.recorded_at)
            self.steps[step.number] = step
        self.written = decision.entries
        assert self.find_broken_laws() == []
        return decision

    def units_of(self, request: Request) -> set[int]:
        """The units of the hold or charge that a request names."""
        place = request.place
        if place is None:
            return set()
        return {
            entry.unit_id
            for entries in self.entries.values()
            for entry in entries
            if (entry.lead_unit, entry.lead_number) == (place.unit_id, place.number)
        } | {place.unit_id}

    def list_past(self, request: Request) -> list[Entry]:
        """What a store loads for a refund or clawback: the entries of the receipt that it names, and all that are about
        that charge or grant since."""
        place = request.place
        if place is None or not isinstance(request, Refund | Clawback):
            return []
        unit, number = place.unit_id, place.number
        if number > len(self.entries[unit]):
            return []
        named = self.entries[unit][number - 1]
        receipt = [
            entry
            for entries in self.entries.values()
            for entry in entries
            if (entry.lead_unit, entry.lead_number) == (named.lead_unit, named.lead_number)
        ]
        roots = {(e.unit_id, e.of_number if e.kind == Kind.SETTLED else e.number) for e in receipt}
        return [
            entry
            for entries in self.entries.values()
            for entry in entries
            if entry in receipt or (entry.unit_id, entry.of_number) in roots
        ]

    def find_broken_laws(self) -> list[Finding]:
        """Every law over every wallet, from its entries alone."""
        findings: list[Finding] = []
        for unit, wallet in self.wallets.items():
            fold = Fold(self.account, wallet.unit, self.seal)
            findings += check_entries(wallet, self.entries[unit], fold)
            rows = {table: list(self.rows[table].get(unit, {}).values()) for table in TABLES}
            steps = [] if unit else list(self.steps.values())
            books = Books(wallet=wallet, fold=fold, subscriptions=steps, **rows)
            findings += check_state(books) if unit else rows_equal_the_fold(books)
        return findings

    def key(self) -> str:
        """A key never used before."""
        self.asked += 1
        return f"key {self.asked}"

    def place(self, number: int, unit: int = 1) -> Place:
        """Where something of this account lives."""
        return Place(self.account.shard, self.account.account_id, unit, number)

    def said(self, fields: dict[str, Any]) -> dict[str, Any]:
        """What every request says; features and other names by their text."""
        words = {"key": self.key(), "account": self.account.key} | fields
        named = {name: name_number(words.pop(name)) for name in ("member", "model", "api_key") if name in words}
        if named:
            words["about"] = About(**named)
        if "features" in words:
            words["features"] = tuple(name_number(feature) for feature in words["features"])
        if "feature" in words:
            feature = words["feature"]
            words["feature"] = name_number(feature) if feature else 0
        return words

    def grant(self, amount: Amount, **fields: Any) -> int:
        """The number of the new grant."""
        return self.ask(Grant(amounts=spread(amount), **self.said(fields))).number

    def import_grant(self, amount: Amount, **fields: Any) -> int:
        """The number of the new grant."""
        return self.ask(Import(amounts=spread(amount), **self.said(fields))).number

    def charge(self, amount: Amount, feature: str = "", mode: Mode = Mode.STRICT, **fields: Any) -> Entry:
        return self.ask(
            Charge(amounts=spread(amount), mode=mode, feature_text=feature, **self.said({"feature": feature} | fields))
        )

    def record(self, amount: Amount, feature: str = "", **fields: Any) -> Entry:
        return self.ask(Record(amounts=spread(amount), **self.said({"feature": feature} | fields)))

    def hold(self, amount: Amount, feature: str = "", name: str = "", **fields: Any) -> int:
        """The number of the new hold."""
        number = name_number(name) if name else 0
        words = self.said({"feature": feature, "name": number, "name_text": name} | fields)
        return self.ask(Hold(amounts=spread(amount), **words)).number

    def settle(self, hold: int, amount: Amount | None = None, **fields: Any) -> Entry:
        amounts = () if amount is None else spread(amount)
        return self.ask(
            Settle(hold=self.place(hold), hold_id=self.id_of(hold), amounts=amounts, **self.unowned(fields))
        )

    def release(self, hold: int, **fields: Any) -> Entry:
        return self.ask(Release(hold=self.place(hold), hold_id=self.id_of(hold), **self.unowned(fields)))

    def extend(self, hold: int, seconds: int) -> Entry:
        return self.ask(
            Extend(hold=self.place(hold), hold_id=self.id_of(hold), ttl=seconds * MICROSECONDS, **self.unowned({}))
        )

    def refund(self, of: int, amount: Amount | None = None, **fields: Any) -> Entry:
        amounts = () if amount is None else spread(amount)
        return self.ask(
            Refund(charge=self.place(of), charge_id=self.id_of(of), amounts=amounts, **self.unowned(fields))
        )

    def void(self, amount: Amount | None = None, grant: int | None = None, **fields: Any) -> Entry:
        place = None if grant is None else self.place(grant)
        amounts = () if amount is None else spread(amount)
        grant_id = "" if place is None else write_id("gra", place)
        return self.ask(Void(amounts=amounts, grant=place, grant_id=grant_id, **self.said(fields)))

    def forgive(self, amount: int | None = None) -> Entry:
        return self.ask(Forgive(owed=((1, amount),), **self.said({})))

    def adjust(self, amount: int) -> Entry:
        return self.ask(Adjust(amounts=((1, amount),), **self.said({})))

    def set_used(self, used: int) -> Entry:
        return self.ask(SetUsed(amounts=((1, used),), **self.said({})))

    def reset_used(self) -> Entry:
        return self.ask(ResetUsed(unit=1, **self.said({})))

    def configure(
        self,
        *,
        unit: int = 1,
        alerts: Sequence[int] | None = None,
        top_up: dict[str, int] | None = None,
        **terms: int,
    ) -> Entry:
        pairs = tuple((Terms._fields.index(name) + 1, int(value)) for name, value in terms.items())
        thresholds = None if alerts is None else tuple(alerts)
        rule = None if top_up is None else tuple((TopUp._fields.index(name) + 1, top_up[name]) for name in top_up)
        return self.ask(Configure(unit=unit, terms=pairs, alerts=thresholds, top_up=rule, **self.said({})))

    def allow(self, amount: int, name: str = "plan", **fields: Any) -> int:
        """The number of the new allowance."""
        return self.ask(self.make_allow(amount, name, **fields)).number

    def make_allow(self, amount: int, name: str = "plan", **fields: Any) -> Allow:
        """The request, to be one of several."""
        return Allow(unit=1, name=name, amount=amount, **self.said(fields))

    def make_step(self, expected: int = 0, plan: str = "basic", **fields: Any) -> Subscribe:
        """A step of the subscription, to be one of several."""
        step = Subscription(**(dict.fromkeys(Subscription._fields, 0) | SAID_NOTHING | {"plan": plan} | fields))
        return Subscribe(expected=expected, subscription=step, **self.said({}))

    def together(self, *requests: Request, said: tuple[object, ...] = ("chosen",), **fields: Any) -> Entry:
        return self.ask(Together(said=said, requests=requests, **self.said(fields)))

    def change_allowance(self, name: str = "plan", **fields: Any) -> Entry:
        return self.ask(ChangeAllowance(unit=1, name=name, **self.said(fields)))

    def end_allowance(self, name: str = "plan", **fields: Any) -> Entry:
        return self.ask(EndAllowance(unit=1, name=name, **self.said(fields)))

    def end_period(self, name: str = "plan", **fields: Any) -> Entry:
        return self.ask(EndPeriod(unit=1, name=name, **self.said(fields)))

    def set_period_end(self, ends_at: int, name: str = "plan") -> Entry:
        return self.ask(SetPeriodEnd(unit=1, name=name, ends_at=ends_at, **self.said({})))

    def set_budget(self, most: int, name: str = "cap", **fields: Any) -> int:
        """The number of the new budget; what it selects is named by its text."""
        said = ((each, fields.pop(each)) for each in ("member", "model", "api_key") if each in fields)
        names: dict[str, Any] = {each: name_number(text) for each, text in said}
        return self.ask(SetBudget(unit=1, name=name, most=most, **names, **self.said(fields))).number

    def change_budget(self, name: str = "cap", **fields: Any) -> Entry:
        return self.ask(ChangeBudget(unit=1, name=name, **self.said(fields)))

    def end_budget(self, name: str = "cap") -> Entry:
        return self.ask(EndBudget(unit=1, name=name, **self.said({})))

    def clawback(self, grant: int, money: int | None = None, **fields: Any) -> Entry:
        place = self.place(grant)
        return self.ask(Clawback(grant=place, grant_id=write_id("gra", place), money=money, **self.said(fields)))

    def reschedule(self, expires_at: int, grant: int | None = None, **fields: Any) -> Entry:
        place = None if grant is None else self.place(grant)
        grant_id = "" if place is None else write_id("gra", place)
        return self.ask(Reschedule(unit=1, expires_at=expires_at, grant=place, grant_id=grant_id, **self.said(fields)))

    def decline_top_up(self, top_up: int) -> Entry:
        return self.ask(DeclineTopUp(unit=1, top_up=top_up, **self.said({})))

    def advance(self, seconds: int = 0, to: int | None = None) -> Entry:
        units = tuple(unit for unit in self.wallets if unit)
        return self.ask(Advance(to=to, by=seconds * MICROSECONDS, unit_ids=units, **self.said({})))

    def tidy(self) -> list[Entry]:
        """What fell due until now, written down."""
        return self.decide(Tidy(unit=1, **self.said({}))).entries

    def unowned(self, fields: dict[str, Any]) -> dict[str, Any]:
        """What a request says that names a hold or a charge: the id tells whose it is."""
        words = self.said(fields)
        del words["account"]
        return words

    def id_of(self, number: int) -> str:
        """The id of a hold."""
        return write_id("hld", self.place(number))

    def left(self, number: int) -> int:
        """What a grant has left that nobody holds."""
        row = self.rows["lots"][1][number]
        return int(row.remaining) if row.started else 0

    def allowance(self, number: int) -> Allowance:
        """An allowance as it stands."""
        return self.wallet.allowances[number]

    def counter(self, budget: int, subject: str = "") -> Counter:
        """What a budget has counted for someone, in the period in hand."""
        return self.wallet.counters[budget, name_number(subject) if subject else 0]

    def available(self, feature: str = "") -> int:
        """What a strict charge for a feature could take now."""
        return sum_available(self.wallet, name_number(feature) if feature else 0)


def instant(moment: str) -> int:
    """An ISO moment, UTC where it says no offset."""
    return read_instant(datetime.fromisoformat(moment if moment[-6] in "+-" else moment + "+00:00"), what="moment")


def tell(refused: Any, *facts: str) -> tuple[Any, ...]:
    """What a refusal that was caught says, by the names of its facts."""
    return tuple(getattr(refused.value, fact) for fact in facts)


def spread(amount: Amount) -> tuple[tuple[int, int], ...]:
    """An amount of the first unit, or amounts by unit."""
    return ((1, amount),) if isinstance(amount, int) else tuple(amount)


def kinds_of(entries: Sequence[Entry]) -> list[Kind]:
    """What happened, in order."""
    return [Kind(entry.kind) for entry in entries]


def drew(entry: Entry) -> list[tuple[int, int]]:
    """(grant, amount) that a charge or settle took, in order, what it had held first."""
    taken = []
    for effect, first, second, value in unpack_effects(entry.effects):
        if effect == Effect.LOT_MOVED and value < 0:
            taken.append((first, -value))
        elif effect == Effect.HOLD_SPENT and second:
            taken.append((second, value))
    return join_neighbours(taken)


def gave(entry: Entry) -> list[tuple[int, int]]:
    """(grant, amount) that came back to grants, in order."""
    given = []
    for effect, first, second, value in unpack_effects(entry.effects):
        if effect == Effect.LOT_MOVED and value > 0:
            given.append((first, value))
        elif effect == Effect.HOLD_RETURNED and second:
            given.append((second, value))
        elif effect == Effect.DEBT_PAID and value < 0 and second:
            given.append((second, -value))
    return join_neighbours(given)


def join_neighbours(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """What moved in one grant twice in a row is told once."""
    joined: list[tuple[int, int]] = []
    for grant, amount in pairs:
        if joined and joined[-1][0] == grant:
            amount += joined.pop()[1]
        joined.append((grant, amount))
    return joined
