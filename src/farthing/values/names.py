"""Names (features, models, members, actors, sources) are stored once and told apart by a number made from their text.

The number is the text's own digest, so every store, process and machine arrives at the same one without asking.
"""

import hashlib
import unicodedata

from farthing.values.bounds import LONGEST_ACCOUNT, LONGEST_KEY, LONGEST_NAME
from farthing.values.errors import NameInvalid, show_given

NOTHING = 0
"""The number that stands for "no name given"."""

OWN_KEYS = "farthing:"
"""How the keys of requests begin that Farthing makes by itself."""


def name_number(text: str) -> int:
    """The number of a name: 63 bits of its SHA-256, never zero."""
    return (int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1) or 1


def read_name(value: object, *, what: str, longest: int = LONGEST_NAME) -> str:
    """A name as it will be stored: NFC, 1 to `longest` characters, none of them a control or a lone surrogate.

    Raises `NameInvalid`, saying which character or length is at fault.
    """
    if not isinstance(value, str):
        problem = f"is not a string but {type(value).__name__}"
        raise NameInvalid(what=what, given=show_given(value), problem=problem, advice="write a string")
    text = value if value.isascii() else unicodedata.normalize("NFC", value)
    if not 0 < len(text) <= longest:
        advice = f"write 1 to {longest} characters"
        raise NameInvalid(what=what, given=show_given(value), problem=f"has {len(text)} characters", advice=advice)
    if not (text.isascii() and text.isprintable()):
        for place, character in enumerate(text):
            if unicodedata.category(character) in ("Cc", "Cs"):
                problem = f"has an unprintable character at place {place + 1}"
                raise NameInvalid(what=what, given=show_given(value), problem=problem, advice="leave it out")
    return text


def read_account(value: object) -> str:
    """An account's key from what the host uses for it: `str`, `int` or `UUID`. Raises `NameInvalid`."""
    if (type(value) is int and value.bit_length() <= 200) or type(value).__name__ == "UUID":
        value = str(value)
    return read_name(value, what="account", longest=LONGEST_ACCOUNT)


def read_key(value: object) -> str:
    """A caller's idempotency key. Raises `NameInvalid`, also for one of those that Farthing gives its own requests:
    who had such a key first would keep that request from being made."""
    key = read_name(value, what="key", longest=LONGEST_KEY)
    if key.startswith(OWN_KEYS):
        advice = "begin it in another way"
        raise NameInvalid(
            what="key", given=show_given(key), problem=f"begins with '{OWN_KEYS}', as Farthing's own do", advice=advice
        )
    return key


def digest_key(key: str) -> bytes:
    """The 16 bytes by which an idempotency key is remembered; the key itself is not stored."""
    return hashlib.blake2b(key.encode(), digest_size=16, person=b"farthing-key").digest()
