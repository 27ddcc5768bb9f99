"""The ledger: everything that can be said to an open database, and everything that can be asked of it.

The verbs themselves stand in the files of their nouns; `words.py` has one line for each of their two forms.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from datetime import timedelta
from decimal import Decimal
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from farthing.audit.verify import Report, verify
from farthing.core.burndown import sum_available
from farthing.engine.engine import Engine
from farthing.engine.stats import Stats
from farthing.engine.tickets import Outcome
from farthing.engine.within import Within
from farthing.face.accounts import find_opening
from farthing.face.alerts import Alert, iter_alerts
from farthing.face.balances import Balance, count_used, read_balance, read_feature
from farthing.face.batches import Answer, Deferred, Lines
from farthing.face.campaigns import Campaigning
from farthing.face.desk import Desk, Dice
from farthing.face.enrolling import MAY_LACK_PLAN, give_plan, has_opened, run_again, wants_plan
from farthing.face.histories import Line, iter_history
from farthing.face.ids import read_id
from farthing.face.metering import F, Meter, meter_function
from farthing.face.options import Amounts, Name
from farthing.face.packages import Buying
from farthing.face.pricing import Pricing
from farthing.face.reports import Reports
from farthing.face.subscriptions import Subscribing
from farthing.face.units import Unit, show_unit
from farthing.face.usage import Usage
from farthing.face.verbs import threaded
from farthing.face.words import AwaitedWords, Words
from farthing.store.contract import Progress
from farthing.store.faults import LedgerClosed
from farthing.values.amounts import to_decimal
from farthing.values.names import read_account
from farthing.values.requests import Open, Request
from farthing.values.wallets import HoldState

T = TypeVar("T")


class Ledger(Words, AwaitedWords, Pricing, Subscribing, Buying, Campaigning):
    """An open database. Safe to share between threads, tasks and event loops; `farthing.open` makes one."""

    def __init__(self, engine: Engine, *, dice: Dice = secrets.token_bytes) -> None:
        self.engine = engine
        self.desk = Desk(engine.store, engine.clock, dice)
        self.let_go: Callable[[], object] = engine.close
        self.is_closed = False

    @property
    def url(self) -> str:
        """Where it is."""
        return self.engine.store.url

    def run(self, request: Request) -> Outcome:
        """Have a request decided with whatever else is waiting, in one durable commit."""
        self.refuse_closed()
        try:
            outcome = self.engine.run(request)
        except MAY_LACK_PLAN as no:
            if not wants_plan(self.desk, request, no):
                raise
            give_plan(self.engine, self.desk, request.account)
            return self.engine.run(request)
        if has_opened(self.desk, outcome):
            give_plan(self.engine, self.desk, outcome.account.key)
        return outcome

    async def arun(self, request: Request) -> Outcome:
        """The same, awaited."""
        self.refuse_closed()
        try:
            outcome = await self.engine.arun(request)
        except MAY_LACK_PLAN as no:
            if not wants_plan(self.desk, request, no):
                raise
            await asyncio.to_thread(give_plan, self.engine, self.desk, request.account)
            return await self.engine.arun(request)
        if has_opened(self.desk, outcome):
            await asyncio.to_thread(give_plan, self.engine, self.desk, outcome.account.key)
        return outcome

    def recall(self, request: Open) -> Outcome | None:
        """What opened an account that is open already, as last committed."""
        self.refuse_closed()
        return find_opening(self.desk, request)

    def sees_open(self, hold: str, account: str) -> bool:
        """Whether a hold is open, as last committed."""
        self.refuse_closed()
        place = read_id(hold, "hld")
        wallet = self.engine.read_wallet(account, self.desk.get_unit_of(place.unit_id))
        known = wallet.holds.get(place.number)
        return known is not None and known.state == HoldState.OPEN

    def batch(self, items: Iterable[Deferred]) -> list[Answer]:
        """Many at once: `batch([Charge("acme", 1), Hold("umbrella", 2), Grant(…)])`, in as few commits as possible.

        Gives receipts and errors in the order of the lines, raising none of them: nobody's refusal harms a neighbour,
        and a line that is wrong in itself is refused at its place.
        """
        self.refuse_closed()
        lines = Lines(self, items)
        outcomes = self.engine.run_many(lines.requests)
        return lines.read_answers(run_again(self.engine, self.desk, lines.requests, outcomes))

    async def abatch(self, items: Iterable[Deferred]) -> list[Answer]:
        """The same for a coroutine."""
        self.refuse_closed()
        lines = Lines(self, items)
        outcomes = await self.engine.arun_many(lines.requests)
        if any(isinstance(outcome, MAY_LACK_PLAN) for outcome in outcomes):
            outcomes = await asyncio.to_thread(run_again, self.engine, self.desk, lines.requests, outcomes)
        return lines.read_answers(outcomes)

    def within(self, connection: object) -> "Joined":
        """The same words inside the caller's own transaction: `with ledger.within(connection) as tx: tx.charge(…)`.

        `connection` is an open sqlite3, psycopg, SQLAlchemy or Django connection to this very database. What is said to
        `tx` commits or vanishes with the caller's rows; receipts are `provisional` until then.
        """
        self.refuse_closed()
        return Joined(self, self.engine.within(connection))

    def balance(self, account: Name, unit: str | None = None, feature: str | None = None) -> Balance:
        """What an account has, and why: one read, nothing written. Raises `AccountNotFound`, `UnitNotFound`."""
        self.refuse_closed()
        wallet = self.engine.read_wallet(read_account(account), self.desk.get_unit(unit))
        return read_balance(self.desk, wallet, feature)

    abalance = threaded(balance)

    def available(self, account: Name, feature: str | None = None, unit: str | None = None) -> Decimal:
        """What a strict charge for `feature` could take now, overdraft included. Raises `AccountNotFound`."""
        self.refuse_closed()
        counted = self.desk.get_unit(unit)
        wallet = self.engine.read_wallet(read_account(account), counted)
        return to_decimal(sum_available(wallet, read_feature(feature)), counted)

    aavailable = threaded(available)

    def used(self, account: Name, unit: str | None = None) -> Decimal:
        """How much of the period's total is used: base + bonus − what remains of them + debt (rule 18).

        Base and bonus are grants whose source is `plan` or `bonus`; what `set_used` and `reset_used` change is this.
        Raises `AccountNotFound`, `UnitNotFound`.
        """
        self.refuse_closed()
        counted = self.desk.get_unit(unit)
        return count_used(self.engine.read_wallet(read_account(account), counted, with_empty_lots=True))

    aused = threaded(used)

    def balances(self, account: Name) -> list[Balance]:
        """The balance in every unit that an account ever moved, by the order of units. Raises `AccountNotFound`."""
        self.refuse_closed()
        wallets = self.engine.read_wallets(read_account(account))
        return [read_balance(self.desk, wallet, None) for wallet in wallets]

    abalances = threaded(balances)

    def history(
        self, account: Name | None = None, *, feature: str | None = None, unit: str | None = None
    ) -> Iterator[Line]:
        """Lines of the ledger, newest first, lazily: of one account or of all, of one feature, in one unit.

        Raises `AccountNotFound`, `UnitNotFound`.
        """
        self.refuse_closed()
        return self.stay_open(iter_history(self.desk, account, feature, unit))

    def stay_open(self, lines: Iterator[T]) -> Iterator[T]:
        """The same lines; while somebody reads them this ledger is not forgotten, and so not closed."""
        yield from lines

    async def ahistory(
        self, account: Name | None = None, *, feature: str | None = None, unit: str | None = None
    ) -> AsyncIterator[Line]:
        """The same for a coroutine: `async for line in ledger.ahistory("acme")`."""
        lines = await asyncio.to_thread(self.history, account, feature=feature, unit=unit)
        while page := await asyncio.to_thread(list, islice(lines, 200)):
            for line in page:
                yield line

    def alerts(self, account: Name | None = None, *, unit: str | None = None) -> Iterator[Alert]:
        """What was told, newest first, lazily: balances that fell to a threshold, budgets that were spent, purchases
        that are wanted; of one account or of all, in one unit or in all.

        Raises `AccountNotFound`, `UnitNotFound`.
        """
        self.refuse_closed()
        return self.stay_open(iter_alerts(self.desk, account, unit))

    async def aalerts(self, account: Name | None = None, *, unit: str | None = None) -> AsyncIterator[Alert]:
        """The same for a coroutine: `async for alert in ledger.aalerts()`."""
        alerts = await asyncio.to_thread(self.alerts, account, unit=unit)
        while page := await asyncio.to_thread(list, islice(alerts, 200)):
            for alert in page:
                yield alert

    @property
    def reports(self) -> Reports:
        """What was used, what came and went, what there was: `ledger.reports.usage("acme", every="day")`."""
        return Reports(self)

    def verify(self, progress: Progress | None = None) -> Report:
        """Check every law over every wallet of the book. `report.ok`, and what was found if it is not."""
        self.refuse_closed()
        return verify(self.engine.store, progress)

    averify = threaded(verify)

    def stats(self) -> Stats:
        """Queue, batches, commit times and refusals of this process since it opened the database."""
        return self.engine.stats()

    def units(self) -> dict[str, Unit]:
        """The units of the book by name, the default one first."""
        self.refuse_closed()
        self.desk.refresh_units()
        return {name: show_unit(unit) for name, unit in self.desk.units.items()}

    def nearest_accounts(self, account: Name) -> list[str]:
        """A few accounts of a similar name: for operators only, since it tells who else there is."""
        self.refuse_closed()
        return self.engine.store.nearest_accounts(read_account(account))

    def metered(
        self,
        feature: str,
        *,
        amount: Amounts | Callable[..., Amounts] | None = None,
        account: str | Callable[..., Name] = "account",
        key: str | Callable[..., str] | None = None,
        cost: Callable[[Any], Amounts | Usage | None] | None = None,
        unit: str | None = None,
        ttl: timedelta | None = None,
    ) -> Callable[[F], F]:
        """A decorator for functions sync and async: hold, run, settle; released if the function raises.

        `amount` is what to hold, or a function of the call's arguments; without one the catalog says. `account` and
        `key` each name a parameter of the function, or are functions of its arguments. `cost`, given what the function
        returned, says what to settle, as an amount or a `Usage`; without it all that is held. With a key the same call
        is charged once, however often it is tried.
        """
        meter = Meter(feature=feature, amount=amount, account=account, key=key, cost=cost, unit=unit, ttl=ttl)
        return lambda function: meter_function(self, meter, function)

    def refuse_closed(self) -> None:
        """Raise `LedgerClosed` once it was closed."""
        if self.is_closed or self.engine.is_closed:
            raise LedgerClosed()

    def close(self) -> None:
        """Let go. The database itself is closed when the last ledger on it is; what was accepted is done first."""
        self.is_closed = True
        self.let_go()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<ledger at {self.url}>"


class Joined(Words):
    """The words of a ledger inside the caller's own transaction; a context manager."""

    def __init__(self, ledger: Ledger, block: Within) -> None:
        self.ledger = ledger
        self.desk = ledger.desk
        self.block = block

    def run(self, request: Request) -> Outcome:
        """Decide in the caller's transaction, under a savepoint."""
        return self.block.run(request)

    async def arun(self, request: Request) -> Outcome:
        """There is nothing to await in somebody else's transaction."""
        raise TypeError("inside `within` nothing is awaited: say settle, not asettle")

    def recall(self, request: Open) -> Outcome | None:
        """Nothing: what the caller's own transaction did to the account is only known in it."""
        return None

    def sees_open(self, hold: str, account: str) -> bool:
        """Whether a hold is open, as last committed: what the caller's own transaction did is not seen."""
        return self.ledger.sees_open(hold, account)

    def __enter__(self) -> Self:
        self.block.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        self.block.__exit__(kind, error, frames)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            said = f"inside `within` there is no {name}"
            if hasattr(Ledger, name):
                said += ", only the verbs that write: ask the ledger itself, which sees what was committed"
            raise AttributeError(said, name=name, obj=self)
