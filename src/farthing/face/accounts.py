"""Accounts: opened, frozen, unfrozen, closed."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, Final, ParamSpec, Unpack

from farthing.engine.tickets import Outcome
from farthing.engine.zones import find_zone
from farthing.face.desk import Desk
from farthing.face.options import Name, Said, read_said
from farthing.face.receipts import Receipt, read_receipt
from farthing.face.verbs import dress, name_verb
from farthing.values.entries import Entry
from farthing.values.names import read_account
from farthing.values.requests import Close, Freeze, Open, Unfreeze
from farthing.values.wallets import ACCOUNT_UNIT, AccountState

P = ParamSpec("P")
PAGE: Final = 200
"""Entries read at a time, back to the first: few accounts are frozen so often."""


def build_open_account(desk: Desk, account: Name, *, zone: str = "UTC", **said: Unpack[Said]) -> Open:
    """Open an account, or find it open: then nothing changes. Without a `key` nothing is written then either, not even
    a note, and the receipt is that of its opening, `replayed`.

    `account` is the host's own name for it (`str`, `int` or `UUID`); `zone` the named zone (such as Africa/Accra) in
    which its days end. Raises `NameInvalid`, `TimeInvalid`, `AccountClosed`.
    """
    find_zone(zone)
    if zone != "UTC":
        desk.intern_name(zone, "zone")
    return Open(account=read_account(account), zone=zone, **read_said(desk, "open_account", said))


def speak_opening(build: Callable[Concatenate[Desk, P], Open]) -> Callable[Concatenate[Any, P], Receipt]:
    """`open_account`."""

    def verb(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> Receipt:
        request = build(self.desk, *args, **kwargs)
        found = self.recall(request) if kwargs.get("key") is None else None
        return read_receipt(self, found or self.run(request))

    dress(verb, build, Receipt, name_verb(build))
    return verb


def await_opening(
    build: Callable[Concatenate[Desk, P], Open],
) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, Receipt]]:
    """`aopen_account`."""

    async def verb(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> Receipt:
        request = build(self.desk, *args, **kwargs)
        found = await asyncio.to_thread(self.recall, request) if kwargs.get("key") is None else None
        return read_receipt(self, found or await self.arun(request))

    dress(verb, build, Receipt, "a" + name_verb(build))
    return verb


def find_opening(desk: Desk, request: Open) -> Outcome | None:
    """What opened an account that is open; None for one that is not."""
    account = desk.store.find_account(request.account)
    if account is None or account.state == AccountState.CLOSED:
        return None
    before: int | None = None
    first: Entry | None = None
    while page := desk.store.list_history(account, ACCOUNT_UNIT.unit_id, None, before, PAGE):
        before, first = page[-1][0], page[-1][1].entry
    return None if first is None else Outcome(account, (first,), True, False, request.key)


def build_freeze(desk: Desk, account: Name, **said: Unpack[Said]) -> Freeze:
    """Refuse new charges and holds until unfrozen; holds that run may still be settled. Raises `AccountNotFound`."""
    return Freeze(account=read_account(account), **read_said(desk, "freeze", said))


def build_unfreeze(desk: Desk, account: Name, **said: Unpack[Said]) -> Unfreeze:
    """Undo a freeze. Raises `AccountNotFound`."""
    return Unfreeze(account=read_account(account), **read_said(desk, "unfreeze", said))


def build_close_account(desk: Desk, account: Name, **said: Unpack[Said]) -> Close:
    """End an account for good. What runs may still end (settle, release, void, forgive); allowances turn no more.
    Raises `AccountNotFound`.
    """
    return Close(account=read_account(account), unit_ids=desk.list_unit_ids(), **read_said(desk, "close_account", said))
