"""The lines of the ledger: their kinds, their columns, their binary form and the chain that binds them.

An entry is never changed. Its columns say what moved; its effects say which lots, holds and debts moved, completely
enough that folding a wallet's entries gives its state again (`audit/fold.py`). The binary form is fixed per version,
with golden vectors in the tests. A new kind or effect gets a number never used before, at the end.
"""

import hashlib
import hmac
import struct
from enum import IntEnum
from itertools import chain
from typing import Final, NamedTuple

from farthing.core.amounts import Unit
from farthing.core.wallets import Account

ENCODING: Final = b"\x01"
"""The version of the binary form. A database with a later one is refused (`UpgradeFirst`)."""


class Kind(IntEnum):
    """What an entry records."""

    OPENED = 1
    FROZEN = 2
    UNFROZEN = 3
    CLOSED = 4
    CONFIGURED = 5
    GRANTED = 10
    IMPORTED = 11
    STARTED = 12
    EXPIRED = 13
    GRACED = 14
    CHARGED = 20
    RECORDED = 21
    HELD = 22
    EXTENDED = 23
    SETTLED = 24
    RELEASED = 25
    TIMED_OUT = 26
    REFUNDED = 30
    VOIDED = 31
    FORGIVEN = 32
    ADJUSTED = 33
    USED_SET = 34
    USED_RESET = 35


CHARGES: Final = frozenset({Kind.CHARGED, Kind.RECORDED, Kind.SETTLED})
"""The kinds that a refund undoes."""


class Effect(IntEnum):
    """How an entry changed a lot, hold or debt: (effect, number, key, value), all integers."""

    LOT_MOVED = 1
    """lot, –, ±amount: remaining changes."""
    LOT_SET = 2
    """lot, field, value: a term of a new lot, or that it started."""
    HOLD_DREW = 3
    """hold, lot or 0, amount: set aside from the lot; lot 0 is bare."""
    HOLD_SPENT = 4
    """hold, lot or 0, amount: set aside no longer, and gone (charged, or breakage in an EXPIRED entry)."""
    HOLD_RETURNED = 5
    """hold, lot or 0, amount: set aside no longer, and back in the lot; a bare part vanishes."""
    HOLD_SET = 6
    """hold, field, value."""
    DEBT_MADE = 7
    """debt, feature, amount."""
    DEBT_PAID = 8
    """debt, lot or 0, ±amount: paid from the lot; lot 0 writes it off; negative gives it back to the payer."""
    DEBT_UNDONE = 9
    """debt, –, amount: owed no longer because the charge was refunded."""
    TERM_SET = 10
    """–, term, value: a setting of the wallet."""
    ACCOUNT_SET = 11
    """–, field, value: the account's state or zone."""


class LotField(IntEnum):
    """Keys of LOT_SET. FEATURE occurs once for each feature of the scope; fields at zero are left out."""

    AMOUNT = 1
    PRIORITY = 2
    EFFECTIVE_AT = 3
    EXPIRES_AT = 4
    PROMOTIONAL = 5
    FEATURE = 6
    SOURCE = 7
    COST_MINOR = 8
    CURRENCY = 9
    OF_NUMBER = 10
    STARTED = 11


class HoldField(IntEnum):
    """Keys of HOLD_SET; fields at zero are left out."""

    LEAD_UNIT = 1
    LEAD_NUMBER = 2
    AMOUNT = 3
    FEATURE = 4
    NAME = 5
    DEADLINE = 6
    STATE = 7
    SETTLED = 8


class AccountField(IntEnum):
    """Keys of ACCOUNT_SET."""

    STATE = 1
    ZONE = 2


class Entry(NamedTuple):
    """One line. Amounts are in smallest parts; numbers name other entries of the same wallet; 0 is none."""

    unit_id: int
    number: int
    kind: int
    lead_unit: int
    """With `lead_number`, the entry under which everything that one request wrote stands: its receipt."""
    lead_number: int
    amount: int
    """What the request moved: charged, held, released, refunded, granted …"""
    uncovered: int
    """What was asked and not charged, held or taken, because it did not fit."""
    granted: int
    refunded: int
    adjusted: int
    spent: int
    expired: int
    lots: int
    covered: int
    bare: int
    debt: int
    balance_after: int
    held_after: int
    debt_after: int
    available_after: int
    """What a strict charge for this feature could take after the entry, overdraft included."""
    of_number: int
    """The hold, charge or grant that this entry is about."""
    feature: int
    catalog_version: int
    effective_at: int
    recorded_at: int
    model: int | None
    member: int | None
    actor: int | None
    api_key: int | None
    quantity: int | None
    """In millionths of what the feature counts."""
    tokens_in: int | None
    tokens_cache_read: int | None
    tokens_cache_write: int | None
    tokens_out: int | None
    tokens_reasoning: int | None
    provider_cost_nanos: int | None
    duration_ms: int | None
    success: int | None
    key_digest: bytes | None
    request_digest: bytes | None
    note_digest: bytes | None
    effects: bytes
    hash: bytes


MOVED = struct.Struct("<24q")
FIRST_USAGE, FIRST_DIGEST = 25, 38
NO_USAGE: Final = (None,) * (FIRST_DIGEST - FIRST_USAGE)
USAGE = struct.Struct("<H13q")
EFFECT = struct.Struct("<B3q")
EFFECTS: dict[int, struct.Struct] = {}


def encode_entry(fields: tuple[object, ...]) -> bytes:
    """The bytes of an entry that are sealed: every column but the hash, and the unit (the first hash has it)."""
    usage = fields[FIRST_USAGE:FIRST_DIGEST]
    if usage == NO_USAGE:
        said = b"\x00"
    else:
        given = sum(1 << place for place, value in enumerate(usage) if value is not None)
        said = b"\x01" + USAGE.pack(given, *[value or 0 for value in usage])
    key, request, note, effects = fields[FIRST_DIGEST : FIRST_DIGEST + 4]
    digests = b"".join([b"\x00" if digest is None else b"\x10" + digest for digest in (key, request, note)])  # type: ignore[operator]
    return ENCODING + MOVED.pack(*fields[1:FIRST_USAGE]) + said + digests + effects  # type: ignore[operator]


def pack_effects(effects: list[tuple[int, int, int, int]]) -> bytes:
    """Effects as an entry keeps them: 25 bytes each, in order."""
    if len(effects) == 1:
        return EFFECT.pack(*effects[0])
    size = len(effects)
    form = EFFECTS.get(size)
    if form is None:
        form = struct.Struct("<" + "B3q" * size)
        if size <= 64:
            EFFECTS[size] = form
    return form.pack(*chain.from_iterable(effects))


def unpack_effects(packed: bytes) -> list[tuple[int, int, int, int]]:
    """The effects of an entry, in order."""
    return list(EFFECT.iter_unpack(packed))


class Seal:
    """Binds each entry to the one before: SHA-256, or HMAC-SHA-256 with a key, so that only its holder can forge."""

    __slots__ = ("key",)

    def __init__(self, key: bytes | None = None) -> None:
        self.key = key

    def digest(self, content: bytes) -> bytes:
        """The 32 bytes that seal `content`."""
        return hashlib.sha256(content).digest() if self.key is None else hmac.digest(self.key, content, "sha256")

    def bind(self, before: bytes, fields: tuple[object, ...]) -> bytes:
        """The hash of an entry after the one whose hash is `before`."""
        return self.digest(before + encode_entry(fields))

    def begin(self, account: Account, unit: Unit) -> bytes:
        """What stands before a wallet's first entry: whose it is, and what it counts."""
        names = (
            str(account.account_id),
            str(account.shard),
            str(account.book),
            account.key,
            str(unit.unit_id),
            unit.name,
            str(unit.scale),
        )
        parts = [name.encode() for name in names]
        return self.digest(ENCODING + b"wallet" + b"".join(len(part).to_bytes(4, "little") + part for part in parts))
