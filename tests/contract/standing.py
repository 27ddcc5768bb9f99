"""What the tests of what stands share: short ways to ask for allowances and budgets, and to look into the books."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from farthing.audit.verify import verify
from farthing.engine.tickets import Outcome
from farthing.store.contract import WalletRecord
from farthing.values.bounds import NEVER
from farthing.values.names import name_number
from farthing.values.periods import Cadence
from farthing.values.requests import Charge, Meter, Priced, Request
from farthing.values.standing_requests import (
    Allow,
    SetBudget,
    Subscribe,
    Together,
)
from farthing.values.subscriptions import Step, Subscription
from farthing.values.wallets import Wallet
from tests.contract.desk import Desk

CHAT, PLAN = name_number("chat"), name_number("plan")
ANA, BEN, CLEO = (name_number(name) for name in ("ana", "ben", "cleo"))
SMALLEST = Decimal("0.000001")
ACME: Any = {"account": "acme", "unit": 1}


def allow(desk: Desk, name: str = "monthly", amount: int = 100, **terms) -> Outcome:
    every = terms.pop("every", Cadence.DAY)
    return desk.do(Allow(key=desk.next_key(), **ACME, name=name, amount=amount, every=every, **terms))


def budget(desk: Desk, name: str = "cap", most: int = 100, **terms) -> Outcome:
    return desk.do(SetBudget(key=desk.next_key(), **ACME, name=name, most=most, **terms))


def charge(key: str, amount: int = 1, **terms) -> Charge:
    return Charge(key=key, account="acme", amounts=((1, amount),), **terms)


@dataclass(frozen=True, slots=True)
class Blocks:
    """A price of one for each whole block, which remembers what was begun."""

    size: int

    def advance(self, before: int, quantity: int) -> tuple[int, int]:
        return (before + quantity) // self.size - before // self.size, before + quantity


def price(quantity: int, *, unit: int = 1, subject: int = CHAT, every: int = 0, size: int = 10) -> Priced:
    """A charge of this much at a price that remembers."""
    return Priced(("blocks", quantity), ((unit, Meter(subject, every, 1, 0, "", quantity, Blocks(size))),))


NO_STEP = Subscription(
    0, int(Step.SUBSCRIBED), "", Cadence.MONTH, 1, 0, "Europe/Rome", 0, 0, 0, NEVER, NEVER, 1, "", 0, "", 0, 0, 0,
    NEVER, 0, 0,
)  # fmt: skip


def take_step(desk: Desk, plan: str, *others: Request, account: str = "acme", key: str = "", **said) -> Together:
    """A request that writes the next step of a subscription, and more."""
    known = desk.store.find_account(account)
    last = None if known is None else desk.store.read_subscription(known)
    step = NO_STEP._replace(plan=plan, starts_at=desk.now, **said)
    subscribe = Subscribe(key="", account=account, expected=last.number if last else 0, subscription=step)
    return Together(
        key=key or desk.next_key(), account=account, said=("subscribe", plan), requests=(subscribe, *others)
    )


def load_wallet(desk: Desk, *requests: Request) -> Wallet:
    return desk.load(*requests).wallets[desk.account().account_id, 1]


def read_record(desk: Desk) -> WalletRecord:
    """The only wallet with credits in it."""
    records = [(record, list(record.entries))[0] for record in desk.store.iter_records()]
    (record,) = [record for record in records if record.wallet.unit.unit_id == 1]
    return record


def insist(desk: Desk) -> None:
    """The books add up, and everything in them has its text."""
    report = verify(desk.store)
    assert report.summary == "ok", str(report)
    assert list(desk.store.find_oddities()) == []


def list_stored_names(desk: Desk) -> set[int]:
    """The numbers of the names of which the store has the texts for good."""
    store: Any = desk.store
    return set(store.names.stored if hasattr(store, "names") else store.tables.names)
