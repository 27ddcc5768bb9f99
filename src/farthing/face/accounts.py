"""Accounts: opened, frozen, unfrozen, closed."""

from typing import Unpack
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from farthing.core.errors import TimeInvalid
from farthing.core.names import read_account
from farthing.core.requests import Close, Freeze, Open, Unfreeze
from farthing.face.desk import Desk
from farthing.face.options import Name, Said, read_said


def build_open_account(desk: Desk, account: Name, *, zone: str = "UTC", **said: Unpack[Said]) -> Open:
    """Open an account, or find it open: then nothing changes.

    `account` is the host's own name for it (`str`, `int` or `UUID`); `zone` the named zone (such as Africa/Accra) in
    which its days end. Raises `NameInvalid`, `TimeInvalid`, `AccountClosed`.
    """
    read_zone(zone)
    if zone != "UTC":
        desk.intern_name(zone, "zone")
    return Open(account=read_account(account), zone=zone, **read_said(desk, "open_account", said))


def read_zone(zone: object) -> ZoneInfo:
    """A named zone. Raises `TimeInvalid` for one that the zone database does not have."""
    if isinstance(zone, str) and zone:
        try:
            return ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass
    raise TimeInvalid(
        what="zone", given=repr(zone)[:60], problem="is no zone", advice="write a name such as UTC or Africa/Accra"
    )


def build_freeze(desk: Desk, account: Name, **said: Unpack[Said]) -> Freeze:
    """Refuse new charges and holds until unfrozen; holds that run may still be settled. Raises `AccountNotFound`."""
    return Freeze(account=read_account(account), **read_said(desk, "freeze", said))


def build_unfreeze(desk: Desk, account: Name, **said: Unpack[Said]) -> Unfreeze:
    """Undo a freeze. Raises `AccountNotFound`."""
    return Unfreeze(account=read_account(account), **read_said(desk, "unfreeze", said))


def build_close_account(desk: Desk, account: Name, **said: Unpack[Said]) -> Close:
    """End an account for good. What runs may still end (settle, release, void, forgive). Raises `AccountNotFound`."""
    return Close(account=read_account(account), **read_said(desk, "close_account", said))
