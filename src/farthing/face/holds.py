"""Holds: credits set aside for work of unknown cost; and what a caller has in hand while one is open."""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from types import TracebackType
from typing import Any, Concatenate, Final, ParamSpec, Self, Unpack

from farthing.engine.tickets import Outcome
from farthing.face.desk import Desk
from farthing.face.ids import read_id
from farthing.face.options import Amounts, Name, Said, read_choice, read_claim, read_said
from farthing.face.prices import read_cost, read_settled, reckon_hold
from farthing.face.receipts import Receipt, read_receipt
from farthing.face.settings import POLICIES
from farthing.face.verbs import Runner, dress, name_verb
from farthing.values.bounds import HOLD_TTL, LONGEST_HOLD_TTL
from farthing.values.calendars import ONE, read_duration
from farthing.values.errors import FarthingError, HoldEnded, HoldNotFound, Unavailable
from farthing.values.names import NOTHING, read_account
from farthing.values.requests import Extend, Hold, Mode, Place, Release, Request, Settle

P = ParamSpec("P")
HOLD_MODES: Final = {
    "strict": Mode.STRICT,
    "record": Mode.RECORD,
    "all_available": Mode.ALL_AVAILABLE,
    "shrink": Mode.ALL_AVAILABLE,
}


def build_hold(
    desk: Desk,
    account: Name,
    amount: Amounts | None = None,
    *,
    feature: str | None = None,
    unit: str | None = None,
    ttl: timedelta | None = None,
    name: str | None = None,
    mode: str = "strict",
    **said: Unpack[Said],
) -> Hold:
    """Set credits aside for work of unknown cost. It is placed at once, and usable with or without `with`.

    As a block: left without `settle`, or by an exception, it is released and the attempt is on record as failed; the
    exception is never masked. `ttl` is how long it lives unless it is extended (15 minutes unless the account's terms
    say otherwise); one that timed out can still be settled, late. `name` is the caller's own, unique among the
    account's open holds. Entering the block of a hold that was placed by an earlier call with the same key raises
    `HoldEnded` if it has ended since. `mode`: `strict` refuses when short, `all_available` (or `shrink`) holds what
    fits, `record` is never refused. Amounts as for `charge`; without one the catalog says how much: the price, or where
    nobody knows the use yet the feature's estimate (`usage` then says the most that it may be).
    Raises `InsufficientCredits`, `HoldNameTaken`, `AccountNotFound`, `AccountFrozen`, `KeyReused`, `AmountInvalid` …
    """
    cost, said = read_cost(desk, account, amount, feature, unit, said, reckon_hold, is_new=mode != "record")
    return Hold(
        account=read_account(account),
        **cost,
        feature=NOTHING if feature is None else desk.intern_name(feature, "feature"),
        feature_text=feature or "",
        mode=read_choice(mode, HOLD_MODES, "mode"),
        ttl=None if ttl is None else read_duration(ttl, what="ttl", longest=LONGEST_HOLD_TTL),
        name=NOTHING if name is None else desk.intern_name(name, "name"),
        name_text=name or "",
        **read_said(desk, "hold", said),
    )


def build_settle(
    desk: Desk,
    hold: str,
    amount: Amounts | None = None,
    *,
    final: bool = True,
    policy: str | None = None,
    **said: Unpack[Said],
) -> Settle:
    """Charge what held work really cost. The hold's id is enough: another process or machine may settle it.

    Without an amount: what `usage` or `quantity` comes to by the catalog of the hold, or all that is held. Of a hold of
    several units, those that are not named are settled at all that they hold; an amount alone is in the first of them.
    What is left goes back to the credits that it came from, unless `final=False`: then the hold stays open and may be
    settled in further steps. `policy` (bill_full, cap_hold, cap_available, reject) says what happens to cost above the
    hold; by default the account's terms do.
    Raises `HoldNotFound`, `HoldEnded`, `SettleAboveHold`, `KeyReused`, `AmountInvalid` …
    """
    place = find_place(desk, hold)
    cost, said = read_settled(desk, place, amount, said, final=bool(read_claim(final, "final")))
    return Settle(
        hold=place,
        hold_id=hold,
        **cost,
        final=bool(read_claim(final, "final")),
        policy=None if policy is None else int(read_choice(policy, POLICIES, "policy")),
        **read_said(desk, "settle", said),
    )


def find_place(desk: Desk, hold: str) -> Place:
    """Where a hold lives. Raises `IdInvalid`, and `HoldNotFound` for an id whose unit this book does not have."""
    place = read_id(hold, "hld")
    if not desk.has_unit(place.unit_id):
        raise HoldNotFound(hold=hold)
    return place


def build_release(desk: Desk, hold: str, **said: Unpack[Said]) -> Release:
    """Give back what a hold has set aside; nothing is charged. Raises `HoldNotFound`, `HoldEnded`, `KeyReused`."""
    return Release(hold=find_place(desk, hold), hold_id=hold, **read_said(desk, "release", said))


def build_extend(desk: Desk, hold: str, ttl: timedelta, **said: Unpack[Said]) -> Extend:
    """Move a hold's deadline to `ttl` from now. Raises `HoldNotFound`, `HoldEnded` (also once it has timed out)."""
    length = read_duration(ttl, what="ttl", longest=LONGEST_HOLD_TTL)
    return Extend(hold=find_place(desk, hold), hold_id=hold, ttl=length, **read_said(desk, "extend", said))


HoldBuild = Callable[Concatenate[Desk, str, P], Request]


def spoken_of(build: HoldBuild[P]) -> Callable[Concatenate[Any, P], Receipt]:
    """A verb about a hold as the hold's own method."""

    def verb(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> Receipt:
        request = build(self.desk, self.id, *args, **kwargs)
        try:
            outcome = self.runner.run(request)
        except Unavailable:
            self.doubt(request)
            raise
        return self.note(request, outcome)  # type: ignore[no-any-return]

    dress(verb, build, Receipt, name_verb(build), skipped=2)
    return verb


def awaited_of(build: HoldBuild[P]) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, Receipt]]:
    """The same for coroutines."""

    async def verb(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> Receipt:
        request = build(self.desk, self.id, *args, **kwargs)
        try:
            outcome = await self.runner.arun(request)
        except Unavailable:
            self.doubt(request)
            raise
        return self.note(request, outcome)  # type: ignore[no-any-return]

    dress(verb, build, Receipt, "a" + name_verb(build), skipped=2)
    return verb


class OpenHold:
    """A hold that was placed: `id`, `amount`, `deadline`, `receipt`; and settle, release, extend, with an `a` too."""

    def __init__(self, runner: Runner, receipt: Receipt) -> None:
        self.runner = runner
        self.desk = runner.desk
        self.receipt = receipt
        self.id: str = receipt.hold or ""
        self.account: str = receipt.account
        self.amount: Decimal = receipt.amount
        self.deadline: datetime | None = receipt.deadline
        self.is_over = False
        """Whether it was settled for good, or released, from here."""
        self.is_charged = False
        """Whether something was settled from here."""
        self.in_doubt = False
        """Whether a settle from here came to `Unavailable`: then leaving the block releases nothing."""

    settle = spoken_of(build_settle)
    release = spoken_of(build_release)
    extend = spoken_of(build_extend)
    asettle = awaited_of(build_settle)
    arelease = awaited_of(build_release)
    aextend = awaited_of(build_extend)

    def doubt(self, request: Request) -> None:
        """The database was not there. The work was done, so its cost must not be lost: the settle may be repeated."""
        if isinstance(request, Settle):
            self.in_doubt = True

    def note(self, request: Request, outcome: Outcome) -> Receipt:
        """Remember how far the hold has come."""
        receipt = read_receipt(self.runner, outcome)
        if isinstance(request, Settle):
            self.in_doubt = False
            self.is_charged = True
            self.is_over = self.is_over or request.final
        elif isinstance(request, Release):
            self.is_over = True
        elif isinstance(request, Extend):
            self.deadline = receipt.deadline
        return receipt

    @property
    def is_to_release(self) -> bool:
        """Whether leaving the block gives the rest back."""
        return not (self.is_over or self.in_doubt)

    def refuse_ended(self) -> None:
        """A block is for work to come. Raises `HoldEnded` for a hold that an earlier call with the same key placed, and
        that has ended since: before the work, rather than when it is settled."""
        if self.receipt.replayed and not self.runner.sees_open(self.id, self.account):
            self.extend(HOLD_TTL * ONE)

    def __enter__(self) -> Self:
        self.refuse_ended()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        if self.is_to_release:
            try:
                self.release(success=None if self.is_charged and error is None else False)
            except Exception as no:
                self.excuse(no, error)

    async def __aenter__(self) -> Self:
        if self.receipt.replayed:
            await asyncio.to_thread(self.refuse_ended)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        if self.is_to_release:
            try:
                await self.arelease(success=None if self.is_charged and error is None else False)
            except Exception as no:
                self.excuse(no, error)

    def excuse(self, no: Exception, error: BaseException | None) -> None:
        """The release failed. Settled elsewhere or timed out is no failure; and no failure masks an exception."""
        if isinstance(no, HoldEnded):
            self.is_over = True
        elif error is None:
            raise no
        else:
            error.add_note(f"{self.id} could not be released ({no}); it ends by itself at {self.deadline}")

    def __repr__(self) -> str:
        return f"<hold {self.id} of {self.amount} {self.receipt.unit}, {self.account}, until {self.deadline}>"


def read_hold(runner: Runner, outcome: Outcome) -> OpenHold:
    """What a caller has in hand after `hold`."""
    return OpenHold(runner, read_receipt(runner, outcome))


class PromisedHold:
    """A hold that is placed when it is awaited, or entered by `async with`."""

    def __init__(self, runner: Runner, build: Callable[[], Request]) -> None:
        self.runner = runner
        self.build = build
        self.hold: OpenHold | None = None

    async def place(self) -> OpenHold:
        """Place it. Cancelled on the way, it is released, since nobody learns its id."""
        request = self.build()
        placing = asyncio.ensure_future(self.runner.arun(request))
        try:
            outcome = await asyncio.shield(placing)
        except asyncio.CancelledError:
            with suppress(FarthingError):
                outcome = await placing
                if not outcome.replayed:
                    await read_hold(self.runner, outcome).arelease(success=False)
            raise
        self.hold = read_hold(self.runner, outcome)
        return self.hold

    def __await__(self) -> Generator[Any, None, OpenHold]:
        return self.place().__await__()

    async def __aenter__(self) -> OpenHold:
        hold = await self.place()
        return await hold.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None
    ) -> None:
        if self.hold is not None:
            await self.hold.__aexit__(kind, error, frames)


def promise_hold(build: Callable[Concatenate[Desk, P], Request]) -> Callable[Concatenate[Any, P], PromisedHold]:
    """`ahold`: to be awaited, or entered by `async with`."""

    def verb(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> PromisedHold:
        return PromisedHold(self, lambda: build(self.desk, *args, **kwargs))

    dress(verb, build, PromisedHold, "a" + name_verb(build))
    return verb
