"""One account told twice, by the naive model and by the real thing, and random requests to both.

A step draws one request with the dice that it is given, asks both sides and compares their answers; `compare` holds the
two states against each other. Nothing here knows whether dice are Hypothesis's own or plain ones.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple, Protocol

from farthing.core.burndown import sum_available
from farthing.values import requests as ask
from farthing.values.entries import AlertKind, Entry
from farthing.values.errors import FarthingError
from farthing.values.names import name_number
from farthing.values.requests import Place
from farthing.values.subscriptions import Subscription
from farthing.values.wallets import HoldState, Wallet

from .naive import NaiveAccount, NaiveRefused
from .naive_meters import count_memory
from .real import UNITS, list_alerts, list_wanted, to_end

REASONS = {
    "insufficient_credits": "insufficient_credits",
    "above_total": "insufficient_credits",
    "hold_unknown": "hold_not_found",
    "hold_ended": "hold_ended",
    "hold_name_taken": "hold_name_taken",
    "above_hold": "settle_above_hold",
    "charge_unknown": "charge_not_found",
    "more_than_refundable": "more_than_left",
    "more_than_is_left": "more_than_left",
    "more_than_is_owed": "more_than_left",
    "more_than_paid": "more_than_paid",
    "dead_on_arrival": "time_invalid",
    "time_invalid": "time_invalid",
    "grant_ended": "grant_ended",
    "account_frozen": "account_frozen",
    "account_closed": "account_closed",
    "key_reused": "key_reused",
    "setting_invalid": "term_invalid",
    "allowance_exists": "allowance_exists",
    "allowance_not_found": "allowance_not_found",
    "budget_exists": "budget_exists",
    "budget_not_found": "budget_not_found",
    "budget_exceeded": "budget_exceeded",
    "clock_runs": "clock_runs",
    "subscription_changed": "subscription_changed",
}


class Real(Protocol):
    """The core alone, or a ledger with an engine and a store."""

    key: str

    def ask(self, request: ask.Request, now: int) -> tuple[list[Entry], bool]: ...

    def look(self, unit: str, now: int) -> Wallet: ...

    def place(self, unit: str, number: int) -> Place: ...

    def subscription(self) -> Subscription | None: ...


class Thing(NamedTuple):
    """What both sides know by a name of their own."""

    unit: str
    naive: Any
    number: int


class Asked(NamedTuple):
    """One request, as it was put to both."""

    now: int
    word: str
    said: dict[str, Any]


class Disagree(AssertionError):
    """The two do not say the same."""


def pick(dice: Random, choices: Any) -> Any:
    return choices[int(dice.random() * len(choices))]


def number(name: str | None) -> int:
    return name_number(name) if name else 0


def numbers(names: Any) -> tuple[int, ...]:
    return tuple(name_number(name) for name in names or ())


def read(said: dict[str, int]) -> ask.Amounts:
    return tuple((UNITS[unit].unit_id, amount) for unit, amount in said.items())


def tell_about(about: dict[str, str] | None) -> ask.About:
    return ask.About(**{what: name_number(name) for what, name in about.items()}) if about else ask.UNSAID


class Pair:
    """Both sides of one account, and what can be named in it."""

    def __init__(self, real: Real, now: int, *, zone: str = "UTC", is_test: bool = False) -> None:
        self.naive = NaiveAccount()
        self.real = real
        self.now = now
        self.zone = zone
        self.is_test = is_test
        self.count = 0
        self.grants: list[Thing] = []
        self.holds: list[Thing] = []
        self.charges: list[Thing] = []
        self.purchases: list[Thing] = []
        self.allowances: dict[tuple[str, int], int] = {}
        """The core's number of an allowance -> the model's."""
        self.budgets: dict[tuple[str, int], int] = {}
        self.tied: set[tuple[str, int]] = set()
        """Lots that end with an allowance's period and are nobody's but the account's own."""
        self.keyed: list[tuple[str, str, dict[str, Any], ask.Request]] = []
        self.history: list[Asked] = []
        self.refusals: dict[str, int] = {}
        self.fired = 0

    @property
    def account(self) -> str:
        return self.real.key

    def both(
        self, word: str, said: dict[str, Any], make: Callable[[str], ask.Request], *, is_keyed: bool = False
    ) -> Any:
        """Ask both; they say the same or refuse for the same reason. The model's facts and the entries, or None."""
        self.count += 1
        key = f"key {self.count}"
        self.history.append(Asked(self.now, word, said))
        try:
            expected, refused = getattr(self.naive, word)(now=self.now, key=key if is_keyed else None, **said), None
        except NaiveRefused as no:
            expected, refused = None, no.reason
        request = make(key)
        try:
            entries, _ = self.real.ask(request, self.now)
        except FarthingError as no:
            if refused is None:
                raise Disagree(f"the model passes, the core says {no!r}") from no
            if no.code != REASONS[refused]:
                raise Disagree(f"the model says {refused}, the core {no!r}") from no
            self.refusals[refused] = self.refusals.get(refused, 0) + 1
            return None
        if refused is not None:
            raise Disagree(f"the model says {refused}, the core passes: {entries}")
        if is_keyed:
            self.keyed.append((key, word, said, request))
        self.compare_told(expected, entries)
        return expected, entries

    def compare_told(self, expected: Any, entries: list[Entry]) -> None:
        """Which alerts fired in this decision, and which purchases were asked for."""
        for unit, core in UNITS.items():
            told = []
            for kind, what, amount in expected["alerts"].get(unit, ()):
                if kind == "budget":
                    what = next(at for (of, at), budget in self.budgets.items() if (of, budget) == (unit, what))
                if kind == "top_up":
                    wanted = list_wanted(entries, core.unit_id)
                    check("purchase", [each for _, each in wanted], [amount])
                    self.purchases.append(Thing(unit, what, wanted[0][0]))
                else:
                    told.append((int(AlertKind[kind.upper()]), what, amount))
            self.fired += len(told)
            check("alerts", sorted(list_alerts(entries, core.unit_id)), sorted(told))
            if not any(kind == "top_up" for kind, _, _ in expected["alerts"].get(unit, ())):
                check("purchase", list_wanted(entries, core.unit_id), [])

    # What is compared.

    def compare(self, unit: str, at: int) -> None:
        """The state of one wallet, as of an instant."""
        wallet = self.real.look(unit, at)
        self.naive._look(unit, at, lambda: self.compare_wallet(unit, wallet))

    def compare_wallet(self, unit: str, wallet: Wallet) -> None:
        naive = self.naive
        check("balance", wallet.balance, naive._balance(unit))
        check("covered", wallet.covered, naive._covered(unit))
        check("bare", wallet.bare, naive._bare(unit))
        check("debt", wallet.debt, naive._debt(unit))
        for column in ("granted", "refunded", "adjusted", "spent", "expired"):
            check(column, getattr(wallet, column), naive._total(unit, column))
        for feature in (None, "chat", "video"):
            check(f"available {feature}", sum_available(wallet, number(feature)), naive._available(unit, feature))
        check("recurring", wallet.recurring, len(naive._working("allowance", unit)))
        meters = {name: row for (of, name), row in naive.meters.items() if of == unit}
        check("budgeted", wallet.budgeted, len(naive._working("budget", unit)) + len(meters))
        debts = [debt.remaining for _, debt in sorted(wallet.debts.items()) if debt.remaining]
        check("debts", debts, [debt["remaining"] for debt in naive._list_debts(unit)])
        self.compare_lots(unit, wallet)
        self.compare_holds(unit, wallet)
        self.compare_allowances(unit, wallet)
        self.compare_budgets(unit, wallet)
        self.compare_meters(wallet, meters)

    def compare_lots(self, unit: str, wallet: Wallet) -> None:
        """Own grants one by one; of allowances what each has at each end, for turns may have been merged."""
        own: list[tuple[int, int | None]] = []
        given: dict[tuple[int, int | None], int] = {}
        for of, lot in sorted(wallet.lots.items()):
            if not lot.remaining or not lot.started:
                continue
            allowance = self.allowances.get((unit, lot.allowance))
            if allowance is not None and (unit, of) not in self.tied:
                group = (allowance, to_end(lot.expires_at))
                given[group] = given.get(group, 0) + lot.remaining
            else:
                own.append((lot.remaining, to_end(lot.expires_at)))
        expected_own: list[tuple[int, int | None]] = []
        expected_given: dict[tuple[int, int | None], int] = {}
        for _, row in sorted(self.naive._working("lot", unit).items()):
            if not row["remaining"] or row["state"] != "live":
                continue
            if row["is_given"]:
                group = (row["allowance"], row["expires"])
                expected_given[group] = expected_given.get(group, 0) + row["remaining"]
            else:
                expected_own.append((row["remaining"], row["expires"]))
        check("own lots", own, expected_own)
        check("lots of allowances", given, expected_given)

    def compare_holds(self, unit: str, wallet: Wallet) -> None:
        holds = [(h.deadline, h.covered, h.bare) for _, h in sorted(wallet.holds.items()) if h.state == HoldState.OPEN]
        expected = []
        for _, hold in sorted(self.naive._working("hold", unit).items()):
            part = hold["units"][unit]
            expected.append((hold["deadline"], sum(x for _, x in part["covered"]), part["bare"]))
        check("open holds", holds, expected)

    def compare_allowances(self, unit: str, wallet: Wallet) -> None:
        found = {}
        for of, allowance in wallet.allowances.items():
            if not allowance.ended_at:
                lot = wallet.lots.get(allowance.lot)
                left = lot.remaining if lot is not None else 0
                name = self.allowances[unit, of]
                found[name] = (allowance.name, allowance.amount, allowance.starts_at, allowance.turns_at, left)
        expected = {}
        for of, row in self.naive._working("allowance", unit).items():
            left = self.naive.lots[row["lot"]]["remaining"] if row["lot"] else 0
            expected[of] = (row["name"], row["amount"], row["starts"], row["turns"], left)
        check("allowances", found, expected)

    def compare_budgets(self, unit: str, wallet: Wallet) -> None:
        at = wallet.clock
        found = {}
        for (of, subject), counter in wallet.counters.items():
            is_live = of in wallet.budgets and not wallet.budgets[of].ended_at and at < counter.ends_at
            if is_live and (counter.spent or counter.reserved):
                found[self.budgets[unit, of], subject] = (counter.spent, counter.reserved)
        expected = {}
        for of, budget in self.naive._working("budget", unit).items():
            for whose, row in budget["counters"].items():
                if (row["ends"] is None or at < row["ends"]) and (row["spent"] or row["reserved"]):
                    expected[of, number(whose)] = (row["spent"], row["reserved"])
        check("budgets", found, expected)

    def compare_meters(self, wallet: Wallet, meters: dict[str, Any]) -> None:
        """What is remembered and counts still; one of a period that has passed is as one of nothing."""
        at = wallet.clock
        counters = {subject: each for (of, subject), each in wallet.counters.items() if not of}
        found = {name: (each.spent, to_end(each.ends_at)) for name, each in counters.items() if at < each.ends_at}
        expected = {
            number(name): (count_memory(row), row["ends"])
            for name, row in meters.items()
            if row["ends"] is None or at < row["ends"]
        }
        check("meters", found, expected)


def check(what: str, found: Any, expected: Any) -> None:
    if found != expected:
        raise Disagree(f"{what}: the core has {found}, the model {expected}")
