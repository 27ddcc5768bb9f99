"""Where a PostgreSQL database is: its address, and what may be shown of it. Only libpq knows all that can stand in one.

A password is in `settings` and nowhere else: not in what is shown, not in what two addresses are compared by.
"""

import re
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict

from farthing.store.faults import UrlInvalid

SCHEME: Final = re.compile(r"(?:postgresql|postgres|postgresql\+psycopg)://")
EXPECTED: Final = "postgresql://USER@HOST:PORT/DATABASE"
UNKNOWN_PART: Final = re.compile(r'invalid URI query parameter: "(\w{1,40})"')
UNENCODED: Final = "has a `/`, `@` or `?` in a name or a password that must be percent-encoded there (%2F, %40, %3F)"
NO_PORT: Final = "has a port that is no number from 1 to 65535 (or a password with a `/` that must be written %2F)"
HIGHEST_PORT: Final = 65535
NAMED_BY: Final = ("host", "hostaddr", "port", "dbname", "user", "service", "options")
"""What two addresses of one database have in common."""


@dataclass(frozen=True)
class Place:
    """A database on a server."""

    shown: str
    """Its address for people: no password, no settings."""
    identity: tuple[str, ...]
    """By what it is known in this process."""
    settings: dict[str, Any] = field(repr=False, compare=False)
    """What libpq is given."""


def read_postgres_url(url: str) -> Place:
    """The place that an address names; what it leaves out comes from the environment (PGHOST …), as libpq has it.

    Raises `UrlInvalid`, which shows nothing of an address that cannot be read: there may be a password in it.
    """
    scheme = SCHEME.match(url)
    if not scheme:
        raise UrlInvalid(given="postgresql…", problem="has a scheme that is not known", expected=EXPECTED)
    rest = url[scheme.end() :]
    refuse_unencoded(rest)
    try:
        said = conninfo_to_dict("postgresql://" + rest)
    except (psycopg.Error, UnicodeError) as error:
        unknown = UNKNOWN_PART.search(str(error))
        problem = f"says {unknown[1]!r}, which libpq does not know" if unknown else "cannot be read as an address"
        if "@" in rest.partition("/")[2]:
            problem = UNENCODED
        raise UrlInvalid(given="postgresql://…", problem=problem, expected=EXPECTED) from None
    settings = {name: value for name, value in said.items() if value is not None}
    usual = {
        option.keyword.decode(): option.val.decode(errors="replace")
        for option in pq.Conninfo.get_defaults()
        if option.val is not None
    }
    whole = usual | {name: str(value) for name, value in settings.items()}
    whole.setdefault("dbname", whole.get("user", ""))
    refuse_ports(whole.get("port", ""))
    return Place(show_address(whole), tuple(whole.get(name, "") for name in NAMED_BY), settings)


def refuse_unencoded(rest: str) -> None:
    """Raises `UrlInvalid` where libpq would take a part of a password for something else, which is shown. `rest` comes
    after the scheme."""
    authority, _, path = rest.partition("/")
    user, at, place = authority.rpartition("@")
    if "@" in user or "?" in user.partition(":")[0] or "@" in path.partition("?")[0]:
        raise UrlInvalid(given="postgresql://…", problem=UNENCODED, expected=EXPECTED)
    hosts = (place if at else authority).partition("?")[0]
    refuse_ports(",".join(host.rpartition("]")[2].partition(":")[2] for host in hosts.split(",")))


def refuse_ports(ports: str) -> None:
    """Raises `UrlInvalid` for one of a list that is no port; an empty one stands for the usual."""
    for port in filter(None, ports.split(",")):
        if not (port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= HIGHEST_PORT):
            raise UrlInvalid(given="postgresql://…", problem=NO_PORT, expected=EXPECTED)


def show_address(whole: dict[str, str]) -> str:
    """The address without what is secret."""
    user = quote(whole["user"], safe="") + "@" if whole.get("user") else ""
    host = whole.get("host") or whole.get("hostaddr") or "localhost"
    database = quote(whole["dbname"], safe="")
    if host.startswith(("/", "@")):
        return f"postgresql://{user}/{database}?host={quote(host, safe='/@')}"
    hosts, ports = host.split(","), whole.get("port", "").split(",")
    if len(ports) < len(hosts):
        ports = ports[:1] * len(hosts)
    named = ",".join(show_host(*pair) for pair in zip(hosts, ports, strict=False))
    return f"postgresql://{user}{named}/{database}"


def show_host(host: str, port: str) -> str:
    """A host with its port, where that is not the usual one."""
    return (f"[{host}]" if ":" in host else host) + (f":{port}" if port not in ("", "5432") else "")
