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

from farthing.values.amounts import Unit
from farthing.values.wallets import Account

ENCODING: Final = b"\x01"
"""The version of the binary form. A database with a later one is refused (`UpgradeFirst`)."""


class Kind(IntEnum):
    """What an entry records."""

    OPENED = 1
    FROZEN = 2
    UNFROZEN = 3
    CLOSED = 4
    CONFIGURED = 5
    ADVANCED = 6
    GRANTED = 10
    IMPORTED = 11
    STARTED = 12
    EXPIRED = 13
    GRACED = 14
    ALLOWED = 15
    TURNED = 16
    ALLOWANCE_CHANGED = 17
    ALLOWANCE_ENDED = 18
    PERIOD_SET = 19
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
    CLAWED_BACK = 36
    RESCHEDULED = 37
    BUDGETED = 40
    BUDGET_CHANGED = 41
    BUDGET_ENDED = 42
    ALERTED = 50
    TOP_UP_WANTED = 51
    TOP_UP_DECLINED = 52
    SUBSCRIBED = 60
    """Any step of a subscription."""


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
    """–, field, value: the account's state, zone or frozen clock."""
    ALLOWANCE_SET = 12
    """allowance, field, value."""
    TURNS_MERGED = 13
    """allowance, –, how many: so many periods, long past, gave their credits in this one entry."""
    BUDGET_SET = 14
    """budget, field, value."""
    COUNTER_STARTED = 15
    """budget, subject, instant: a period begins, in which nothing is spent or reserved yet."""
    COUNTER_ENDS = 16
    """budget, subject, instant: when it ends."""
    COUNTER_SPENT = 17
    """budget, subject, ±amount."""
    COUNTER_RESERVED = 18
    """budget, subject, ±amount."""
    HOLD_RESERVED = 19
    """hold, budget, subject: the hold reserves from that counter's period in hand."""
    ALERT_SET = 20
    """place, how many there are, balance: one threshold of the list, from place 0; (0, 0, 0) clears it."""
    ALERT_FIRED = 21
    """kind, threshold or budget, balance or what was spent."""
    TOP_UP_SET = 22
    """–, field, value: of the wallet's top-up rule, fields numbered as those of `TopUp` from 1."""
    MONEY_RETURNED = 23
    """lot, –, minor units of what was paid for it."""
    SUBSCRIPTION_SET = 24
    """step, field, value: the entry's own number, and what holds from it on."""


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
    ALLOWANCE = 12


class AllowanceField(IntEnum):
    """Keys of ALLOWANCE_SET, as the fields of `Allowance`; NAME and ZONE say the number of the text."""

    NAME = 1
    AMOUNT = 2
    EVERY = 3
    COUNT = 4
    ANCHOR = 5
    ZONE = 6
    PRIORITY = 7
    PROMOTIONAL = 8
    FEATURE = 9
    SOURCE = 10
    ROLLOVER = 11
    CAP = 12
    CAP_PERCENT = 13
    KEEP = 14
    ON_TURN = 15
    STARTS_AT = 16
    TURNS_AT = 17
    LOT = 18
    ENDED_AT = 19
    UNTIL = 20


class SubscriptionField(IntEnum):
    """Keys of SUBSCRIPTION_SET, as the fields of `Subscription`; texts by their numbers; zeros are left out."""

    STEP = 1
    PLAN = 2
    EVERY = 3
    COUNT = 4
    ANCHOR = 5
    ZONE = 6
    STARTS_AT = 7
    TRIAL_ENDS_AT = 8
    PERIOD_STARTS_AT = 9
    PERIOD_ENDS_AT = 10
    ENDS_AT = 11
    IS_RENEWING = 12
    NEXT_PLAN = 13
    NEXT_EVERY = 14
    FALLBACK = 15
    CATALOG_VERSION = 16
    PAID_MINOR = 17
    CURRENCY = 18
    ACTS_AT = 19


class BudgetField(IntEnum):
    """Keys of BUDGET_SET, as the fields of `Budget`; NAME and ZONE say the number of the text."""

    NAME = 1
    MOST = 2
    IS_HARD = 3
    PER = 4
    MEMBER = 5
    FEATURE = 6
    MODEL = 7
    API_KEY = 8
    EVERY = 9
    COUNT = 10
    ANCHOR = 11
    ZONE = 12
    ENDED_AT = 13


class AlertKind(IntEnum):
    """Why an alert fired."""

    LOW = 1
    """The balance fell to a threshold above zero, or below it."""
    DEPLETED = 2
    """It fell to zero or below."""
    EXPIRED = 3
    """The same, because credits expired."""
    BUDGET = 4
    """A budget is spent."""


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
    CLOCK = 3


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
