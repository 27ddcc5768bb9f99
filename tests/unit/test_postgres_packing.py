"""What is packed by hand is, byte for byte, what PostgreSQL's format says and psycopg would send."""

from typing import Any

import psycopg
import pytest
from hypothesis import given, settings, strategies
from psycopg.adapt import PyFormat
from psycopg.types.numeric import Int8

from farthing.store.postgres_packing import (
    Byteas,
    Int8s,
    Texts,
    pack_column,
    pack_columns,
    pack_int8s,
)

MOST, LEAST = 2**63 - 1, -(2**63)
INTEGERS = strategies.one_of(
    strategies.none(), strategies.integers(LEAST, MOST), strategies.sampled_from([MOST, LEAST])
)
BYTES = strategies.one_of(strategies.none(), strategies.binary(max_size=40))
# PostgreSQL keeps no NUL in a text, and no half of a surrogate pair; names with either are refused long before.
TEXTS = strategies.text(strategies.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
FEW = settings(max_examples=25, deadline=None)

GOLDEN = {
    "no integers": (pack_int8s([]), "00000001 00000000 00000014 00000000 00000001"),
    "one": (pack_int8s([1]), "00000001 00000000 00000014 00000001 00000001 00000008 0000000000000001"),
    "minus one and a null": (
        pack_int8s([-1, None]),
        "00000001 00000001 00000014 00000002 00000001 00000008 ffffffffffffffff ffffffff",
    ),
    "the largest": (pack_int8s([MOST]), "00000001 00000000 00000014 00000001 00000001 00000008 7fffffffffffffff"),
    "bytes, none and null": (
        pack_column([b"\x00\xff", b"", None], "bytea"),
        "00000001 00000001 00000011 00000003 00000001 00000002 00ff 00000000 ffffffff",
    ),
    "text": (
        pack_column(["zoë", ""], "text"),
        "00000001 00000000 00000019 00000002 00000001 00000004 7a6fc3ab 00000000",
    ),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_the_bytes_are_those_of_postgresqls_format(name: str) -> None:
    packed, wanted = GOLDEN[name]

    assert packed.hex() == wanted.replace(" ", "")


@FEW
@given(strategies.lists(INTEGERS, min_size=1, max_size=20))
def test_integers_are_packed_as_psycopg_packs_them(values: list[int | None]) -> None:
    if any(value is not None for value in values):
        given_to_psycopg = [None if value is None else Int8(value) for value in values]

        assert pack_int8s(values) == dump(given_to_psycopg)


@FEW
@given(strategies.lists(BYTES, min_size=1, max_size=20))
def test_bytes_are_packed_as_psycopg_packs_them(values: list[bytes | None]) -> None:
    if any(value is not None for value in values):
        assert pack_column(values, "bytea") == dump(values)


@FEW
@given(strategies.lists(TEXTS, min_size=1, max_size=20))
def test_texts_are_packed_as_psycopg_packs_them(values: list[str]) -> None:
    assert pack_column(values, "text") == dump(values)


def dump(values: list[Any]) -> bytes:
    """What psycopg's own adapter makes of a list."""
    transformer = psycopg.adapt.Transformer()
    dumper = transformer.get_dumper(values, PyFormat.BINARY)
    return bytes(dumper.dump(values) or b"")


def test_rows_become_a_column_each_and_none_become_empty_arrays() -> None:
    rows = [(1, b"a", "x"), (2, None, "y")]

    packed = pack_columns(rows, ("int8", "bytea", "text"))

    assert packed == [pack_int8s([1, 2]), pack_column([b"a", None], "bytea"), pack_column(["x", "y"], "text")]
    assert [type(column) for column in packed] == [Int8s, Byteas, Texts]
    assert [column.oid for column in packed] == [1016, 1001, 1009]
    assert pack_columns([], ("int8", "text")) == [pack_int8s([]), pack_column([], "text")]
