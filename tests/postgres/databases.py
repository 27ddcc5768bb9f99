"""Fresh databases as the world has them: the owner's role owns the tables, the app's role owns nothing.

Usable with and without pytest: `open_database()` takes the process's shared server unless it is given one.
"""

import itertools
import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import psycopg
from psycopg import sql

from farthing.store.postgres_connections import connect
from farthing.store.postgres_migration import grant_app_role
from farthing.store.postgres_opening import make_tables
from farthing.store.postgres_places import read_postgres_url
from farthing.values.entries import Seal
from tests.postgres.server import Server, share_server

OWNER, APP = "farthing_owner", "farthing_app"
numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Database:
    """One database, and how each of the three roles reaches it."""

    server: Server
    name: str

    @property
    def owner_url(self) -> str:
        """Of the role that owns the database and its tables: for init and migrate."""
        return self.server.url(OWNER, self.server.role_password, self.name)

    @property
    def app_url(self) -> str:
        """Of the role that an app runs as: it owns nothing."""
        return self.server.url(APP, self.server.role_password, self.name)

    @property
    def superuser_url(self) -> str:
        """For what only a test does: looking into other sessions, ending them."""
        return self.server.superuser_url(self.name)


def command(server: Server, *statements: sql.Composed | sql.SQL, database: str = "postgres") -> None:
    """Run these as the superuser, each by itself."""
    with psycopg.connect(server.superuser_url(database), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def make_roles(server: Server) -> None:
    """The owner's and the app's role, once for a server."""
    if server.role_password:
        return
    server.role_password = secrets.token_urlsafe(12)
    login = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
    roles = [login.format(sql.Identifier(role), sql.Literal(server.role_password)) for role in (OWNER, APP)]
    command(server, *roles)


def create_database(server: Server, template: str = "template1") -> Database:
    """A database of the owner's that nobody else may make anything in."""
    make_roles(server)
    name = f"test_{next(numbers)}_{secrets.token_hex(3)}"
    made, owner = sql.Identifier(name), sql.Identifier(OWNER)
    command(
        server,
        sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} STRATEGY file_copy").format(
            made, owner, sql.Identifier(template)
        ),
    )
    return Database(server, name)


def drop_database(database: Database) -> None:
    """Also when somebody is still connected."""
    command(database.server, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database.name)))


@contextmanager
def open_database(server: Server | None = None) -> Iterator[Database]:
    """An empty database for this block alone."""
    database = create_database(server or share_server())
    try:
        yield database
    finally:
        drop_database(database)


@contextmanager
def open_prepared(server: Server | None = None, *, key: bytes | None = None) -> Iterator[Database]:
    """A database as a deploy leaves it: our tables, and what the app's role needs granted to it; no book yet.

    `key` seals it. Copied from a template that is made once for a server and key.
    """
    server = server or share_server()
    template = server.templates.get(key)
    if template is None:
        made = create_database(server)
        prepare_tables(made, Seal(key))
        template = server.templates[key] = made.name
    database = create_database(server, template)
    try:
        yield database
    finally:
        drop_database(database)


def prepare_tables(database: Database, seal: Seal) -> None:
    """What an operator does before the app comes."""
    place = read_postgres_url(database.owner_url)
    with closing(connect(place)) as connection:
        make_tables(connection, place, seal)
    grant_app_role(database.owner_url, APP)
