"""PostgreSQL reads what is packed by hand as what was meant: arrays, and entries by COPY."""

import struct
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings, strategies

from farthing.store import postgres_statements as sql
from farthing.store.postgres_asking import ask_alone
from farthing.store.postgres_packing import COPY_END, COPY_HEAD, pack_columns, pack_entry
from farthing.values.entries import FIRST_DIGEST, FIRST_USAGE, Entry
from farthing.values.wallets import Account, AccountState
from tests.integration.postgres_books import open_host
from tests.unit.test_postgres_packing import BYTES, INTEGERS, LEAST, MOST, TEXTS

FEW = settings(max_examples=25, deadline=None)


@pytest.fixture(scope="module")
def connection() -> Iterator[psycopg.Connection[Any]]:
    with open_host() as database, psycopg.connect(database.app_url) as opened:
        opened.execute("SELECT 1")  # begins a transaction, which is rolled back each time
        yield opened


@FEW
@given(rows=strategies.lists(strategies.tuples(INTEGERS, BYTES, TEXTS), max_size=20))
def test_postgresql_reads_arrays_as_what_was_meant(connection: psycopg.Connection[Any], rows: list[Any]) -> None:
    packed = pack_columns(rows, ("int8", "bytea", "text"))

    statement = "SELECT * FROM unnest(%s::int8[], %s::bytea[], %s::text[])"
    found = ask_alone(connection, statement, *packed).fetchall()

    assert found == rows


POSITIVE = strategies.integers(0, MOST)
UNSAID = strategies.one_of(strategies.none(), strategies.integers(LEAST, MOST))
DIGEST = strategies.one_of(strategies.none(), strategies.binary(min_size=16, max_size=16))
LATER = len(Entry._fields) - FIRST_DIGEST
ENTRIES = strategies.tuples(
    *[strategies.integers(LEAST, MOST)] * FIRST_USAGE,
    *[UNSAID] * (FIRST_DIGEST - FIRST_USAGE),
    *[DIGEST] * (LATER - 2),
    *[strategies.binary(max_size=70)] * 2,
).map(Entry._make)


@FEW
@given(entries=strategies.lists(ENTRIES, max_size=4), shard=strategies.integers(0, 63), account_id=POSITIVE)
def test_postgresql_copies_entries_as_what_they_are(
    connection: psycopg.Connection[Any], entries: list[Entry], shard: int, account_id: int
) -> None:
    account = Account(account_id, shard, 1, "acme", AccountState.ACTIVE)
    # Two entries of one wallet have one number each, and one key is taken once.
    entries = [
        entry._replace(unit_id=1, number=number, key_digest=entry.key_digest and struct.pack(">qq", 1, number))
        for number, entry in enumerate(entries)
    ]

    with connection.cursor().copy(sql.COPY_ENTRIES) as copy:
        copy.write(COPY_HEAD + b"".join(pack_entry(account, entry) for entry in entries) + COPY_END)

    columns = ", ".join(sql.ENTRY_COLUMNS)
    found = ask_alone(connection, f"SELECT {columns} FROM farthing_entry ORDER BY number").fetchall()
    connection.rollback()
    assert found == [(shard, account_id, *entry) for entry in entries]
    assert all(type(value) is not memoryview for row in found for value in row)
