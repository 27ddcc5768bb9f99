"""Databases: made, brought up to date, proved; and how every command opens one."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer

import farthing
from farthing.cli.exits import Exit
from farthing.cli.options import DEFAULT_DB, AppRole, Book, Db, Json, gather, refuse_both
from farthing.cli.screen import Bar, lay_table, note, paint, say, say_json
from farthing.face import schemas
from farthing.face.catalogs import read_document, write_shipped
from farthing.face.opening import is_on_server, list_catalog_units
from farthing.store.faults import BookMissing, ClockIsFrozen, DatabaseForeign, DatabaseMissing
from farthing.store.sqlite_files import connect, saying_plainly
from farthing.values.errors import AccountNotFound, TermInvalid

SHOWN_FINDINGS: Final = 20


@contextmanager
def open_ledger(db: str, book: str | None, **options: Any) -> Iterator[farthing.Ledger]:
    """The ledger that a command works on. An unknown account is refused with the names that look like it."""
    ledger = open_as_made(db, book, **options)
    try:
        yield ledger
    except AccountNotFound as no:
        nearest = ledger.nearest_accounts(no.account)
        raise AccountNotFound(**no.facts, nearest=nearest) from None
    finally:
        ledger.close()


def open_as_made(db: str, book: str | None, **options: Any) -> farthing.Ledger:
    """A book as what it was made, live or for tests: who names it here knows which it is."""
    try:
        return farthing.open(db, **gather(book=book), **options)
    except ClockIsFrozen:
        if "test" in options:
            raise
    return farthing.open(db, **gather(book=book), **options, test=True)


def read_unit(text: str) -> tuple[str, int]:
    """A unit and its scale from name:scale, 6 places when none is said. Raises `TermInvalid`."""
    name, colon, scale = text.rpartition(":")
    if not colon:
        return text, 6
    if not name or not (scale.isascii() and scale.isdigit() and len(scale) < 3):
        advice = "write its name, a colon and how many places it keeps: credits:6"
        raise TermInvalid(what="--unit", given=repr(text)[:60], problem="cannot be read", advice=advice)
    return name, int(scale)


def init(
    units: Annotated[
        list[str] | None,
        typer.Option("--unit", metavar="NAME:SCALE", help="What the book counts, the default first; repeatable."),
    ] = None,
    test: Annotated[
        bool, typer.Option("--test", help="A book for tests: each account has a clock that stands still until moved.")
    ] = False,
    db: Db = DEFAULT_DB,
    book: Book = None,
    app_role: AppRole = None,
    catalog: Annotated[
        str | None,
        typer.Option("--catalog", metavar="NAME", help="Begin with textvault, studio, business, vibe or tokens."),
    ] = None,
    in_json: Json = False,
) -> None:
    """Make a database, or a book in one. What is there stays; units can be added, never changed.

    --catalog writes a catalog that comes with Farthing beside you (studio.toml) and publishes it.

    On PostgreSQL the database is there already: this makes our tables in it, as their owner, and --app-role is given
    what an app needs on them.
    """
    if app_role is not None:
        schemas.check_app_role(db, app_role)
    wanted: list[tuple[str, Any]] = [read_unit(text) for text in units or ()]
    path = None if catalog is None else write_shipped(catalog)
    if path is not None:
        refuse_both(catalog=catalog, unit=units)
        wanted = list(read_catalog_units(path))
    if len({name for name, _ in wanted}) < len(wanted):
        raise TermInvalid(
            what="--unit", given=", ".join(units or ()), problem="names one twice", advice="name each once"
        )
    try:
        is_new = not is_there(db, book)
    except DatabaseForeign:
        is_new = True
    asked = gather(units=dict(wanted) or None, test=test or None)
    with open_ledger(db, book, create=True, **asked) as ledger:
        if path is not None:
            ledger.apply_catalog(path)
        counted = list(ledger.units().values())
        url, mode = ledger.url, "test" if ledger.engine.store.is_test else "live"
    if app_role is not None:
        schemas.grant_app_role(db, app_role)
    if in_json:
        shown = {unit.name: {"scale": unit.scale, "digits": unit.digits} for unit in counted}
        say_json({"db": url, "book": book or "main", "mode": mode, "created": is_new, "units": shown})
        return
    names = ", ".join(f"{unit.name} ({unit.scale} places)" for unit in counted)
    kind = "test book" if mode == "test" else "book"
    say(f"{'made' if is_new else 'there already:'} {url}, {kind} {book or 'main'}: {names}")
    if path is not None:
        say(f"wrote {path} and published it; change it, then: farthing catalog apply {path}")


def read_catalog_units(path: Path) -> Iterator[tuple[str, farthing.Unit]]:
    """The units of a catalog, by name."""
    for unit in list_catalog_units(read_document(path)):
        yield unit.name, farthing.Unit(unit.name, unit.scale, unit.digits)


def is_there(db: str, book: str | None) -> bool:
    """Whether the database is there, with this book; a file with no tables at all, as a making that was killed leaves
    it, is none. Raises whatever else stands against opening it."""
    try:
        open_as_made(db, book).close()
    except (DatabaseMissing, BookMissing):
        return False
    except DatabaseForeign as no:
        if is_on_server(db) or has_tables(Path(no.path)):
            raise
        return False
    return db not in ("memory:", "memory://")


def has_tables(path: Path) -> bool:
    """Whether there is anything in a database."""
    with saying_plainly(path), closing(connect(path)) as connection:
        return bool(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])


def migrate(db: Db = DEFAULT_DB, app_role: AppRole = None, in_json: Json = False) -> None:
    """Bring a database to this release's schema, all of it or nothing. Nothing to do is fine. Keep a backup.

    On PostgreSQL, run it as the owner of the tables, and name the app's role each time: new tables need new rights.
    """
    done = schemas.migrate(db, app_role=app_role)
    if in_json:
        say_json({"db": done.url, "before": done.before, "after": done.after, "changed": done.before != done.after})
    elif done.before == done.after:
        say(f"{done.url} has schema {done.after}, this release's: nothing to do")
    else:
        say(f"{done.url}: brought from schema {done.before} to {done.after}")


def verify(db: Db = DEFAULT_DB, book: Book = None, in_json: Json = False) -> None:
    """Check every law over every wallet. Exit code 7 if anything is wrong, with what, where, and how it should be."""
    with open_ledger(db, book) as ledger, Bar("verifying") as bar:
        report = ledger.verify(bar.update)
    if in_json:
        say_json(report.json())
    else:
        show_report(report)
    if not report.ok:
        raise typer.Exit(Exit.BROKEN)


def show_report(report: Any) -> None:
    """Print what verify found."""
    counted = f"{report.wallets} wallets, {report.entries} entries"
    if report.ok:
        say(f"verify: {paint('ok', 'green')} ({counted})")
        return
    say(f"verify: {paint(f'{report.count} findings', 'red')} ({counted})")
    rows = [
        [finding.law, str(finding.where), str(finding.expected)[:60], str(finding.found)[:60]]
        for finding in report.findings[:SHOWN_FINDINGS]
    ]
    for line in lay_table(["law", "where", "expected", "found"], rows):
        say(line)
    if report.count > len(rows):
        note(f"{report.count - len(rows)} more findings; --json lists the first hundred")
