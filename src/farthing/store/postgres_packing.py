"""Rows as PostgreSQL's binary protocol wants them: whole columns as arrays for `unnest`, and entries for COPY.

Packed here by `struct`, a column at a time, because a batch has some ten thousand values and a general adapter looks at
each by itself. The formats are PostgreSQL's own (`array_recv`, COPY's binary format) and are the same in all versions.
"""

import struct
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

from farthing.values.entries import FIRST_DIGEST, FIRST_USAGE, NO_USAGE, Entry
from farthing.values.wallets import Account

INT8, BYTEA, TEXT = 20, 17, 25
"""Types by their numbers in PostgreSQL."""

ARRAY: Final = struct.Struct(">iiIii")
"""Dimensions, whether there are nulls, the type of the elements, how many, from which number on."""

NULL: Final = struct.pack(">i", -1)


class Packed(bytes):
    """An array, packed, of the type that `oid` names."""

    oid: int


class Int8s(Packed):
    """An int8[]."""

    oid = 1016


class Byteas(Packed):
    """A bytea[]."""

    oid = 1001


class Texts(Packed):
    """A text[]."""

    oid = 1009


@lru_cache(maxsize=1024)
def make_pairs(count: int) -> struct.Struct:
    """The elements of an int8[] without nulls."""
    return struct.Struct(">" + "iq" * count)


def pack_int8s(column: Sequence[int | None]) -> Int8s:
    """A column of integers, some of which may be null."""
    count = len(column)
    if None in column:
        parts = [NULL if value is None else struct.pack(">iq", 8, value) for value in column]
        return Int8s(ARRAY.pack(1, 1, INT8, count, 1) + b"".join(parts))
    pairs: list[Any] = [8] * (2 * count)
    pairs[1::2] = column
    return Int8s(ARRAY.pack(1, 0, INT8, count, 1) + make_pairs(count).pack(*pairs))


def pack_parts(element: int, column: Sequence[bytes | None]) -> bytes:
    """A column of values of any length."""
    parts = [NULL if value is None else len(value).to_bytes(4) + value for value in column]
    return ARRAY.pack(1, 1 if None in column else 0, element, len(column), 1) + b"".join(parts)


def pack_column(column: Sequence[Any], type_name: str) -> Packed:
    """A column of any type that our tables have."""
    if type_name == "bytea":
        return Byteas(pack_parts(BYTEA, column))
    if type_name == "text":
        return Texts(pack_parts(TEXT, [text.encode() for text in column]))
    return pack_int8s(column)


def pack_columns(rows: Sequence[Sequence[Any]], types: Sequence[str]) -> list[Packed]:
    """Rows as one array for each column; without rows, empty arrays."""
    columns: Iterable[Sequence[Any]] = zip(*rows, strict=True) if rows else ((),) * len(types)
    return [pack_column(column, type_name) for column, type_name in zip(columns, types, strict=True)]


# The first fields of an entry are integers that are always there; each stands after its length, 8.
ALWAYS: Final = 1 + FIRST_USAGE
ENTRY_HEAD: Final = struct.Struct(">hih" + "iq" * ALWAYS)
EIGHTS: Final[list[Any]] = [8] * (2 * ALWAYS)
FIELDS: Final = 2 + len(Entry._fields)
UNSAID: Final = NULL * len(NO_USAGE)
COPY_HEAD: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
COPY_END: Final = struct.pack(">h", -1)


def pack_entry(account: Account, entry: Entry) -> bytes:
    """One entry as a row for COPY, after its shard and its account."""
    pairs = EIGHTS.copy()
    pairs[1] = account.account_id
    pairs[3::2] = entry[:FIRST_USAGE]
    head = ENTRY_HEAD.pack(FIELDS, 2, account.shard, *pairs)
    usage = entry[FIRST_USAGE:FIRST_DIGEST]
    if usage == NO_USAGE:
        said = UNSAID
    else:
        said = b"".join([NULL if value is None else struct.pack(">iq", 8, value) for value in usage])
    digests: tuple[Any, ...] = entry[FIRST_DIGEST:]
    return head + said + b"".join([NULL if value is None else len(value).to_bytes(4) + value for value in digests])
