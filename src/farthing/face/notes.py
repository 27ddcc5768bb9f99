"""Notes: description and metadata as canonical JSON, bounded and erasable. Kept with an entry, never decided on."""

import json
from collections.abc import Mapping
from typing import Any, Final

from farthing.face.desk import Desk
from farthing.store.faults import NoteInvalid
from farthing.values.bounds import LARGEST_NOTE
from farthing.values.errors import show_given
from farthing.values.requests import Note

LONGEST_NUMBER: Final = 3 * LARGEST_NOTE
"""Bits of a number in metadata: written out, it takes up most of a note."""


def make_note(desk: Desk, description: object, metadata: object) -> Note | None:
    """The note of a request, or None if nothing was said. Raises `NoteInvalid`."""
    if description is None and metadata is None:
        return None
    said: dict[str, Any] = {}
    if description is not None:
        if not isinstance(description, str):
            raise refuse_note("description", description, "is not text", "write a string")
        refuse_half_characters("description", description)
        said["description"] = description
    if metadata is not None:
        if not isinstance(metadata, Mapping):
            raise refuse_note("metadata", metadata, "is not a mapping", 'write {"chat": "c_77"}')
        said["metadata"] = dict(metadata)
    return Note(desk.make_salt(), encode_note(said))


def encode_note(said: Mapping[str, Any]) -> bytes:
    """The same words always give the same bytes: sorted keys, no spaces, UTF-8."""
    metadata = said.get("metadata")
    try:
        refuse_odd_parts(metadata)
        text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except RecursionError:
        raise refuse_note("metadata", "…", "is nested too deeply, or contains itself", "make it flatter") from None
    except (TypeError, ValueError) as no:
        advice = "write text, numbers, lists and mappings; a Decimal or a date as text"
        raise refuse_note("metadata", metadata, f"is not JSON ({no})", advice) from None
    refuse_half_characters("metadata", text)
    body = text.encode()
    if len(body) > LARGEST_NOTE:
        problem = f"take {len(body)} bytes"
        raise refuse_note("description and metadata", text, problem, f"{LARGEST_NOTE} at most; keep the rest elsewhere")
    return body


def refuse_half_characters(what: str, text: str) -> None:
    """Raises `NoteInvalid` for text that UTF-8 cannot write."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise refuse_note(what, text, "has half a character", "leave lone surrogates out") from None


def refuse_odd_parts(said: object) -> None:
    """JSON turns keys that are no text into text without a word; then they would not come back as they went. Very long
    numbers are not even written out by Python."""
    if isinstance(said, Mapping):
        for key, value in said.items():
            if not isinstance(key, str):
                raise TypeError(f"the key {show_given(key)} is no text")
            refuse_odd_parts(value)
    elif isinstance(said, list | tuple):
        for value in said:
            refuse_odd_parts(value)
    elif isinstance(said, int) and said.bit_length() > LONGEST_NUMBER:
        raise ValueError("a number is too long")


def refuse_note(what: str, given: object, problem: str, advice: str) -> NoteInvalid:
    """The refusal, with as much of the note as fits a line."""
    return NoteInvalid(what=what, given=show_given(given), problem=problem, advice=advice)


def read_note(body: bytes | None) -> tuple[str | None, dict[str, Any]]:
    """Description and metadata of a note; none if there was no note, or it was erased."""
    if body is None:
        return None, {}
    said = json.loads(body)
    return said.get("description"), said.get("metadata", {})
