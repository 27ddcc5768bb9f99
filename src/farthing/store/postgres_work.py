"""A unit of work on PostgreSQL: in a transaction of its own, or under a savepoint in one that is the caller's."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Protocol

import psycopg
from psycopg.pq import PipelineStatus, TransactionStatus

from farthing.store import postgres_statements as sql
from farthing.store.account_book import AccountBook
from farthing.store.budget_book import BudgetBook
from farthing.store.contract import Changes, CommitUnknown, DecideAgain, Loaded, WalletKey
from farthing.store.database_clock import DatabaseClock
from farthing.store.faults import ConnectionForeign, DatabaseAway
from farthing.store.joining import BEGIN_FIRST
from farthing.store.name_book import NameBook
from farthing.store.postgres_asking import Answer, Asking, Connection, ask_alone, asking
from farthing.store.postgres_connections import Connections
from farthing.store.postgres_errors import is_gone, name_loss, name_problem, naming_faults
from farthing.store.postgres_load import Loader
from farthing.store.postgres_packing import pack_int8s
from farthing.store.postgres_places import Place
from farthing.store.postgres_save import JoinedSaver, PostgresSaver
from farthing.store.versions import PREFIX
from farthing.store.wallet_rows import Row
from farthing.values.amounts import Unit
from farthing.values.bounds import LONGEST_WAIT_SECONDS
from farthing.values.entries import Seal
from farthing.values.requests import Request
from farthing.values.wallets import Wallet

SAVEPOINT: Final = "farthing_work"
LOCK_TIMEOUT: Final = f"{LONGEST_WAIT_SECONDS}s"
EXPECTED: Final = "an open psycopg 3 connection, or SQLAlchemy's or Django's connection to PostgreSQL through psycopg 3"
"""What a caller may give to `within`."""

IDENTITY: Final = (
    "SELECT current_setting('transaction_isolation'), (SELECT oid::int8 FROM pg_database"
    f" WHERE datname = current_database()), coalesce(to_regclass('{PREFIX}entry')::oid::int8, 0),"
    " (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::int8"
)
"""Which database a connection is to, and which tables it means by our names there. Servers are told apart by when they
were started, which every role may ask, unlike `pg_control_system` where somebody else runs the server."""


class Owner(Protocol):
    """What a unit of work is told by the store that it is of."""

    book: int
    is_test: bool
    seal: Seal
    place: Place
    names: NameBook
    clock: DatabaseClock
    account_ids: AccountBook
    budgets: BudgetBook
    connections: Connections

    def find_unit(self, connection: Connection, unit_id: int) -> Unit | None:
        """A unit of this book by its id."""
        ...


class PostgresWork:
    """One unit of work in a transaction of its own; see `contract.Work`."""

    def __init__(self, store: Owner, connection: Connection, *, patient: bool) -> None:
        self.store = store
        self.connection = connection
        lock = sql.LOCK_ACCOUNTS if patient else sql.LOCK_FREE_ACCOUNTS
        self.loader = make_loader(store, connection, begin_own, lock=lock)
        self.saver = PostgresSaver(connection, self.loader.stored, store.names)

    def load(self, requests: Sequence[Request], now: int) -> Loaded:
        """Lock and read what these requests concern."""
        with naming_faults(self.store.place):
            return self.loader.load(requests, now)

    def load_whole(self, wallet: Wallet) -> Wallet:
        """The same wallet with all that the database has of it."""
        with naming_faults(self.store.place):
            self.saver.end_copy()
            return self.loader.load_whole(wallet)

    def send_early(self, changes: Changes) -> None:
        """Send the entries that were decided so far."""
        with naming_faults(self.store.place):
            self.saver.send_entries(changes)

    def save(self, changes: Changes) -> None:
        """Write all of it."""
        with naming_faults(self.store.place):
            self.saver.save(changes)

    def leave(self) -> None:
        """Leave the connection in a state in which what is not committed can be undone."""
        self.saver.break_off()

    def stop_wallet(self, key: WalletKey) -> None:
        """Mark a wallet in which a law broke; one without a row has nothing to stop."""
        with naming_faults(self.store.place), asking(self.connection) as a:
            self.loader.begin(a)
            a.ask(sql.LOCK_ACCOUNTS, pack_int8s(key[:1]))
            a.ask(sql.STOP_WALLET, *key)

    def commit(self) -> None:
        """Make it durable. Where the connection is lost meanwhile, nobody knows whether it is."""
        try:
            with asking(self.connection) as a:
                a.ask(sql.UNBOUNDED)
                done = a.ask("COMMIT")
        except psycopg.Error as error:
            if is_gone(error, self.connection):
                raise CommitUnknown(name_loss(error)) from None
            raise name_problem(error, self.store.place) from None
        if done.status != "COMMIT":
            problem = "it undid what was to be committed"
            raise DecideAgain(DatabaseAway(place=self.store.place.shown, problem=problem))
        self.store.names.learn(self.saver.new_names, stored=True)
        self.loader.stored.teach_budgets(self.store.budgets)


class JoinedWork(PostgresWork):
    """One unit of work in the caller's transaction. No name or account counts as stored by it: they may undo it all."""

    def __init__(self, store: Owner, connection: Connection) -> None:
        super().__init__(store, connection, patient=True)
        self.loader = make_loader(store, connection, begin_joined, lock=sql.LOCK_ACCOUNTS, is_joined=True)
        self.saver = JoinedSaver(connection, self.loader.stored, store.names, store.connections)
        self.is_kept = False

    def send_early(self, changes: Changes) -> None:
        """Nothing: all that a transaction of somebody else's writes for one request is sent at once."""

    def commit(self) -> None:
        """Make it part of the caller's transaction."""
        self.is_kept = True


def make_loader(
    store: Owner, connection: Connection, begin: Callable[[Asking], Answer], *, lock: str, is_joined: bool = False
) -> Loader:
    """A loader for this store on this connection."""
    return Loader(
        connection, store.book, store.seal, store.clock, store.account_ids, store.budgets, store.find_unit, begin,
        lock=lock, is_joined=is_joined, is_test=store.is_test,
    )  # fmt: skip


def begin_own(a: Asking) -> Answer:
    """Open a transaction of our own."""
    a.ask("BEGIN ISOLATION LEVEL READ COMMITTED")
    return a.ask(sql.SETTINGS, LOCK_TIMEOUT)


def begin_joined(a: Asking) -> Answer:
    """Set what our statements need in the caller's transaction, until the savepoint is left."""
    return a.ask(sql.JOINED_SETTINGS, LOCK_TIMEOUT)


@contextmanager
def join_transaction(store: Owner, connection: Connection, identify: Callable[..., Row]) -> Iterator[JoinedWork]:
    """A unit of work under a savepoint in the caller's transaction; undone unless it is committed.

    Raises `ConnectionForeign` unless this is a connection to the store's own tables, with a transaction of isolation
    READ COMMITTED open in it: under any other the locks that are waited for would not show what came meanwhile.
    """
    refuse_unusable(connection)
    with naming_faults(store.place):
        if connection.pgconn.transaction_status == TransactionStatus.IDLE:
            # Psycopg begins a transaction as it has been told to. What is asked below it would not see.
            connection.execute("SELECT", prepare=False)
        found = ask_alone(connection, IDENTITY).fetchone()
        refuse_other(found or (), identify)
        kept = ask_alone(connection, sql.KEEP_SETTINGS).fetchall()[0]
        connection.execute(f"SAVEPOINT {SAVEPOINT}")
    work = JoinedWork(store, connection)
    try:
        yield work
    finally:
        if connection.pgconn.transaction_status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
            with naming_faults(store.place):
                if work.is_kept:
                    ask_alone(connection, sql.RESTORE_SETTINGS, *kept)
                else:
                    connection.execute(f"ROLLBACK TO SAVEPOINT {SAVEPOINT}")
                connection.execute(f"RELEASE SAVEPOINT {SAVEPOINT}")


def refuse_unusable(connection: Connection) -> None:
    """Raises `ConnectionForeign` for a connection in which nothing can be joined now."""
    status = connection.pgconn.transaction_status
    if connection.closed:
        raise ConnectionForeign(problem="is closed", advice="pass one that is open")
    if connection.pgconn.pipeline_status != PipelineStatus.OFF:
        raise ConnectionForeign(problem="is in pipeline mode", advice="make the call outside of the pipeline")
    if status == TransactionStatus.INERROR:
        raise ConnectionForeign(problem="has a transaction that failed", advice="roll it back first")
    if status == TransactionStatus.IDLE and connection.autocommit:
        raise ConnectionForeign(problem="has no transaction open", advice=BEGIN_FIRST)
    if status not in (TransactionStatus.IDLE, TransactionStatus.INTRANS):
        raise ConnectionForeign(problem="is busy with another statement", advice="let that come to its end first")


def refuse_other(found: Row, identify: Callable[..., Row]) -> None:
    """Raises `ConnectionForeign` for a transaction that is of another isolation, or in another database."""
    if found[1:] != identify() and found[1:] != identify(afresh=True):
        advice = "open the ledger on that database, or pass a connection to this one"
        raise ConnectionForeign(problem="is to another database, or finds other tables there", advice=advice)
    if found[0] != "read committed":
        advice = "run it at READ COMMITTED: with the accounts locked, that is as strict as it need be"
        raise ConnectionForeign(problem=f"is in a transaction at {str(found[0]).upper()}", advice=advice)
