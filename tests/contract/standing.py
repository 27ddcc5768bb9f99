"""What the tests of what stands share: short ways to ask for allowances and budgets, and to look into the books."""

from decimal import Decimal
from typing import Any

from farthing.audit.verify import verify
from farthing.engine.tickets import Outcome
from farthing.store.contract import WalletRecord
from farthing.values.names import name_number
from farthing.values.periods import Cadence
from farthing.values.requests import Charge, Request
from farthing.values.standing_requests import (
    Allow,
    SetBudget,
)
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
