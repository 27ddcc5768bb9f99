"""What one account had at a past moment, and what it bought last: single questions, answered from its own entries."""

from typing import NamedTuple

from farthing.core.decide import apply_due_only
from farthing.engine.engine import Engine
from farthing.engine.zones import find_zone
from farthing.store.rollup import Purchase, Reader
from farthing.values.amounts import Unit
from farthing.values.calendars import to_instant
from farthing.values.entries import Entry
from farthing.values.errors import TimeInvalid
from farthing.values.names import name_number
from farthing.values.wallets import Account

PURCHASE = name_number("purchase")
"""The source of what was bought, also where nobody said for how much."""


class Moment(NamedTuple):
    """A wallet at a moment, in smallest parts."""

    at: int
    number: int
    """The last entry by then; 0 for none."""
    balance: int
    held: int
    debt: int

    @property
    def spendable(self) -> int:
        """What was there to spend, without overdraft."""
        return self.balance - self.held


def find_moment(entry: Entry) -> int:
    """When an entry counts: what time alone wrote, at its own instant, however late it was written down; what somebody
    asked for, when it was recorded."""
    is_asked = entry.request_digest is not None or (entry.lead_unit, entry.lead_number) != (
        entry.unit_id,
        entry.number,
    )
    return entry.recorded_at if is_asked else entry.effective_at


def find_balance(engine: Engine, account_key: str, unit: Unit, at: int) -> Moment:
    """The balance at a past moment: everything up to and with that instant is done.

    Found by halves among the entries, whose moments rise with their numbers. After the last entry, what fell due by
    then is reckoned in memory. Raises `AccountNotFound`, and `TimeInvalid` for a moment that has not come.
    """
    account = engine.get_account(account_key)
    now = account.clock or engine.clock.now()
    if at > now:
        given, problem = to_instant(at).isoformat(), f"has not come (it is {to_instant(now).isoformat()})"
        raise TimeInvalid(what="at", given=given, problem=problem, advice="choose a moment that has passed")
    with engine.store.rollup.reading() as reader:
        last = reader.count_numbers(account.account_id, unit.unit_id)
        number = find_number(reader, account, unit, at, last)
        entry = reader.find_entry(account.account_id, unit.unit_id, number) if number else None
    if entry is None:
        return Moment(at, 0, 0, 0, 0)
    if number == last:
        wallet = engine.store.read_wallet(account, unit)
        if wallet.seq == last and at > wallet.clock:
            if account.clock:
                wallet.account = account._replace(clock=at)
            wallet = apply_due_only(wallet, at, engine.store.seal, find_zone)
            return Moment(at, number, wallet.balance, wallet.held, wallet.debt)
    return Moment(at, number, entry.balance_after, entry.held_after, entry.debt_after)


def find_number(reader: Reader, account: Account, unit: Unit, at: int, last: int) -> int:
    """The last entry of a wallet whose moment has come by then; 0 for none."""
    low, high = 0, last
    while low < high:
        middle = (low + high + 1) // 2
        entry = reader.find_entry(account.account_id, unit.unit_id, middle)
        if entry is not None and find_moment(entry) <= at:
            low = middle
        else:
            high = middle - 1
    return low


def find_last_purchase(engine: Engine, account_key: str) -> tuple[Account, Purchase, Entry] | None:
    """The last credits that an account bought, and the entry that gave them; None if it never did."""
    account = engine.get_account(account_key)
    with engine.store.rollup.reading() as reader:
        bought = reader.find_purchase(account.account_id, PURCHASE)
        if bought is None:
            return None
        entry = reader.find_entry(account.account_id, bought.unit_id, bought.number)
    return None if entry is None else (account, bought, entry)
