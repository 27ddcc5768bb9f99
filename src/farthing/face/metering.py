"""`@ledger.metered("image", …)`: hold, run the function, settle; release on failure. For functions sync and async.

With a key, however often the same call comes, it is charged once: an attempt that failed makes room for another, one
that is still open is taken over, and after one that was settled the function runs without being charged again.
"""

import functools
import inspect
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from farthing.engine.tickets import Outcome
from farthing.face.desk import Desk
from farthing.face.holds import build_extend, build_hold, read_hold
from farthing.face.ids import write_id
from farthing.face.options import Amounts, Name
from farthing.face.receipts import place_of
from farthing.face.usage import Usage
from farthing.face.verbs import Runner
from farthing.values.bounds import HOLD_TTL
from farthing.values.calendars import ONE
from farthing.values.errors import FarthingError, HoldEnded, KeyReused
from farthing.values.requests import Request

F = TypeVar("F", bound=Callable[..., Any])
Steps = Generator[Request, Outcome, Outcome | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """What is asked of each call. Callables are given the call's own arguments; `cost` is given what it returned."""

    feature: str
    amount: Amounts | Callable[..., Amounts] | None
    account: str | Callable[..., Name]
    key: str | Callable[..., str] | None
    cost: Callable[[Any], Amounts | Usage | None] | None
    unit: str | None
    ttl: timedelta | None


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a metered function, in the ledger's words."""

    meter: Meter
    account: Name
    amount: Amounts | None
    key: str | None

    def place(self, desk: Desk) -> Steps:
        """The requests that place a hold for it; None if an earlier call with this key was charged already."""
        attempt = 0
        while True:
            attempt += 1
            key = None if self.key is None else f"{self.key}#hold{attempt}"
            meter = self.meter
            outcome = yield build_hold(
                desk, self.account, self.amount, feature=meter.feature, unit=meter.unit, ttl=meter.ttl, key=key
            )
            if not outcome.replayed:
                return outcome
            lead = outcome.entries[0]
            hold = write_id("hld", place_of(outcome.account, lead.lead_unit, lead.lead_number))
            try:
                yield build_extend(desk, hold, meter.ttl or HOLD_TTL * ONE)
                return outcome
            except HoldEnded as ended:
                if ended.state == "settled":
                    return None

    def settle_options(self, result: Any) -> tuple[Amounts | None, dict[str, Any]]:
        """What to settle for this result, as an amount or by its usage, and under which key."""
        cost = None if self.meter.cost is None else self.meter.cost(result)
        said: dict[str, Any] = {"success": True, "key": None if self.key is None else f"{self.key}#settle"}
        return (None, said | {"usage": cost}) if isinstance(cost, Usage) else (cost, said)


@contextmanager
def charged_once(call: Call) -> Generator[None, None, None]:
    """Somebody else settled under this key meanwhile, for another amount: theirs stands."""
    try:
        yield
    except KeyReused:
        if call.key is None:
            raise


def drive(runner: Runner, steps: Steps) -> Outcome | None:
    """Have each request of some steps decided; give the last word."""
    try:
        request = next(steps)
        while True:
            try:
                outcome = runner.run(request)
            except FarthingError as no:
                request = steps.throw(no)
            else:
                request = steps.send(outcome)
    except StopIteration as end:
        last: Outcome | None = end.value
        return last


async def adrive(runner: Runner, steps: Steps) -> Outcome | None:
    """The same for a coroutine."""
    try:
        request = next(steps)
        while True:
            try:
                outcome = await runner.arun(request)
            except FarthingError as no:
                request = steps.throw(no)
            else:
                request = steps.send(outcome)
    except StopIteration as end:
        last: Outcome | None = end.value
        return last


def meter_function(runner: Runner, meter: Meter, function: F) -> F:
    """The function, charged for. Raises `TypeError` for one that cannot be metered."""
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(f"{function!r} yields, and ends nobody knows when: place a hold and settle it in steps instead")
    read_call = make_reader(meter, function)
    is_async = inspect.iscoroutinefunction(function)
    metered = meter_coroutine(runner, read_call, function) if is_async else meter_plain(runner, read_call, function)
    return functools.wraps(function)(metered)  # type: ignore[return-value]


def meter_plain(runner: Runner, read_call: Callable[..., Call], function: Callable[..., Any]) -> Callable[..., Any]:
    """The form that waits."""

    def metered(*args: Any, **kwargs: Any) -> Any:
        call = read_call(*args, **kwargs)
        outcome = drive(runner, call.place(runner.desk))
        if outcome is None:
            return function(*args, **kwargs)
        with read_hold(runner, outcome) as hold:
            result = function(*args, **kwargs)
            amount, said = call.settle_options(result)
            with charged_once(call):
                hold.settle(amount, **said)
        return result

    return metered


def meter_coroutine(
    runner: Runner, read_call: Callable[..., Call], function: Callable[..., Awaitable[Any]]
) -> Callable[..., Any]:
    """The form that is awaited."""

    async def metered(*args: Any, **kwargs: Any) -> Any:
        call = read_call(*args, **kwargs)
        outcome = await adrive(runner, call.place(runner.desk))
        if outcome is None:
            return await function(*args, **kwargs)
        async with read_hold(runner, outcome) as hold:
            result = await function(*args, **kwargs)
            amount, said = call.settle_options(result)
            with charged_once(call):
                await hold.asettle(amount, **said)
        return result

    return metered


def make_reader(meter: Meter, function: Callable[..., Any]) -> Callable[..., Call]:
    """What turns the arguments of a call into a `Call`. Parameters that the meter names must exist."""
    signature = inspect.signature(function)
    takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in signature.parameters.values())
    for name in (meter.account, meter.key):
        if isinstance(name, str) and name not in signature.parameters and not takes_any:
            raise TypeError(f"{function!r} has no parameter {name!r}: name one that it has, or give a function")

    def find(wanted: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if callable(wanted):
            return wanted(*args, **kwargs)
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return bound.arguments[wanted] if wanted in bound.arguments else kwargs[wanted]

    def read_call(*args: Any, **kwargs: Any) -> Call:
        amount = meter.amount(*args, **kwargs) if callable(meter.amount) else meter.amount
        key = None if meter.key is None else find(meter.key, args, kwargs)
        return Call(meter, find(meter.account, args, kwargs), amount, key)

    return read_call
