"""Ids that people see: a prefix and base-32 of where the thing lives, so that looking one up needs no search.

An id is (shard, account, unit, number); the number is the wallet's entry that made the thing. They grow in order
within a wallet, carry two check bytes, and are minted without dice. Prefixes: acc gra hld rct ent (pur comes later).
"""

import hashlib

from farthing.values.errors import IdInvalid, show_given
from farthing.values.requests import Place

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base-32 in lower case: no i, l, o, u (https://www.crockford.com/base32.html)."""

PAIRS = [first + second for first in ALPHABET for second in ALPHABET]
"""Ten bits at a time: an id is written for every receipt."""

VALUES = {character: value for value, character in enumerate(ALPHABET)}


def write_id(prefix: str, place: Place) -> str:
    """`hld_…` for a place. Byte lengths go first, so that longer (later) numbers sort after shorter ones."""
    pieces = [value.to_bytes((value.bit_length() + 7) // 8, "big") for value in place]
    sizes = len(pieces[0]) << 12 | len(pieces[1]) << 8 | len(pieces[2]) << 4 | len(pieces[3])
    payload = sizes.to_bytes(2, "big") + b"".join(pieces)
    payload += digest_payload(prefix, payload)
    bits = len(payload) * 8
    pad = -bits % 10
    number = int.from_bytes(payload, "big") << pad
    text = "".join([PAIRS[number >> shift & 1023] for shift in range(bits + pad - 10, -10, -10)])
    return f"{prefix}_{text[:-1] if pad >= 5 else text}"


def read_id(text: object, *prefixes: str) -> Place:
    """The place that an id names. Raises `IdInvalid` for another kind of id, a typing mistake, or no id at all."""
    expected = " or ".join(f"{prefix}_…" for prefix in prefixes)
    if not isinstance(text, str):
        raise IdInvalid(given=show_given(text), expected=expected, problem=f"is not a string but {type(text).__name__}")
    prefix, _, body = text.partition("_")
    if prefix not in prefixes:
        raise IdInvalid(given=show_given(text), expected=expected, problem="is not such an id")
    number = 0
    for character in body:
        if character not in VALUES:
            raise IdInvalid(
                given=show_given(text), expected=expected, problem=f"has a character that ids never have: {character!r}"
            )
        number = number << 5 | VALUES[character]
    size, pad = divmod(len(body) * 5, 8)
    payload = (number >> pad).to_bytes(size, "big")
    place = unpack_place(payload[:-2])
    if place is None or write_id(prefix, place) != text:
        raise IdInvalid(given=show_given(text), expected=expected, problem="is mistyped or cut short")
    return place


def unpack_place(payload: bytes) -> Place | None:
    """The four numbers in an id's bytes, or None if the bytes are not of that shape."""
    if len(payload) < 2:
        return None
    sizes = int.from_bytes(payload[:2], "big")
    values, start = [], 2
    for shift in (12, 8, 4, 0):
        end = start + (sizes >> shift & 15)
        values.append(int.from_bytes(payload[start:end], "big"))
        start = end
    return Place(*values) if start == len(payload) else None


def digest_payload(prefix: str, payload: bytes) -> bytes:
    """Two bytes that a mistyped id, or one of another kind, has right once in 65,536 times."""
    return hashlib.blake2b(prefix.encode() + payload, digest_size=2).digest()
