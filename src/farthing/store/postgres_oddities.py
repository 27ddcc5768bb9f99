"""What `verify` looks for in PostgreSQL beside the wallets: what every dialect has (`oddities`), a schema that somebody
has changed, sequences that would give numbers again. Each check is a function that yields (where, what is wrong)."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Final

import psycopg

from farthing.store import oddities
from farthing.store.oddities import Oddity, compare_schema
from farthing.store.postgres_catalog import expect_catalog, read_catalog
from farthing.store.postgres_opening import fetch_value
from farthing.store.postgres_reads import stream
from farthing.store.rollup_postgres import LAST_GIVEN
from farthing.store.versions import PREFIX as P
from farthing.store.versions import SCHEMAS, VERSION_TABLE
from farthing.store.wallet_rows import Row

KNOWN_NAMES: Final = f"SELECT number FROM {P}name WHERE number = ANY(%s)"
NUMBERED: Final = (("account", "account_id"), ("entry", "position"), ("claim", "claim_id"))
"""Tables whose rows a sequence numbers."""


class PostgresAsking:
    """See `oddities.Asking`."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection

    def ask(self, text: str, values: Sequence[Any] = ()) -> Iterable[Row]:
        """The answer to a question, through a cursor on the server."""
        text = text.replace("?", "%s").replace("CROSS JOIN", "JOIN")
        return chain.from_iterable(stream(self.connection, text, tuple(values)))

    def find_named(self, numbers: Sequence[int]) -> set[int]:
        """Those of these numbers that have a text."""
        return {row[0] for row in self.connection.execute(KNOWN_NAMES, (list(numbers),))}

    def find_last_position(self) -> int:
        """The last position that the sequence has given."""
        return int(fetch_value(self.connection, LAST_GIVEN))


def find_oddities(connection: psycopg.Connection[Any], book: int) -> Iterator[Oddity]:
    """Everything, the cheapest first."""
    yield from check_schema(connection)
    yield from check_sequences(connection)
    yield from oddities.find_oddities(PostgresAsking(connection), book)


def check_schema(connection: psycopg.Connection[Any]) -> Iterator[Oddity]:
    """Tables, indexes and triggers are those that this release makes; of a newer schema only its release can say."""
    if (fetch_value(connection, f"SELECT max(version_num) FROM {VERSION_TABLE}") or "") <= SCHEMAS[-1]:
        yield from compare_schema(expect_catalog(), read_catalog(connection))


def check_sequences(connection: psycopg.Connection[Any]) -> Iterator[Oddity]:
    """No sequence stands before what it has given, as a restore may leave it: every new row would be refused."""
    for table, column in NUMBERED:
        last = fetch_value(connection, f"SELECT coalesce(max({column}), 0) FROM {P}{table}")
        sequence = fetch_value(connection, "SELECT pg_get_serial_sequence(%s, %s)", f"{P}{table}", column)
        given = fetch_value(connection, "SELECT pg_sequence_last_value(%s::regclass)", sequence) if sequence else None
        if (given or 0) < last:
            yield f"table {table}", f"has {column} {last}, and its sequence stands at {given or 0}"
