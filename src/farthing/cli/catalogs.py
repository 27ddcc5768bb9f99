"""Catalogs at the command line: checked, told apart, published, shown; what things cost, and what something would."""

from collections.abc import Iterable
from typing import Annotated, Any

import typer

from farthing.cli.databases import open_ledger
from farthing.cli.exits import Exit
from farthing.cli.options import DEFAULT_DB, Account, Book, Db, Json, Model, gather
from farthing.cli.screen import lay_table, note, paint, say, say_json
from farthing.cli.usage import Quantity, TokensIn, TokensOut, read_usage
from farthing.documents.diffs import Diff, Used, compare_catalogs
from farthing.documents.reading import read_catalog
from farthing.documents.schema import write_schema
from farthing.engine.zones import find_zone
from farthing.face.catalogs import SHIPPED, read_document, read_shipped
from farthing.store.faults import BookMissing, DatabaseMissing
from farthing.tariff.errors import CatalogMissing

File = Annotated[str, typer.Argument(metavar="FILE", help="A catalog: a TOML document.")]


def check(file: File, db: Db = DEFAULT_DB, book: Book = None, in_json: Json = False) -> None:
    """Read a catalog and say every mistake in it, and what speaks against publishing it here. Nothing is written.

    Where there is no database yet, the catalog is read by itself.
    """
    document = read_document(file)
    try:
        with open_ledger(db, book) as ledger:
            found = ledger.check_catalog(file)
    except (DatabaseMissing, BookMissing):
        found = compare_catalogs(None, read_catalog(document, find_zone), Used(units={}, subscribers={}))
    if in_json:
        say_json(tell_diff(found))
    elif found.refusals:
        say_problems(found.refusals)
    else:
        say(f"{file}: {paint('ok', 'green')}, {count_changes(found.changes)}")
    if found.refusals:
        raise typer.Exit(Exit.MISCONFIGURED)


def diff(file: File, db: Db = DEFAULT_DB, book: Book = None, in_json: Json = False) -> None:
    """How a catalog differs from the one that holds now."""
    with open_ledger(db, book) as ledger:
        found = ledger.check_catalog(file)
    if in_json:
        say_json(tell_diff(found))
        return
    show_changes(found.changes)
    say_problems(found.refusals)


def apply(file: File, db: Db = DEFAULT_DB, book: Book = None, in_json: Json = False) -> None:
    """Publish a catalog: its prices hold from now on, everywhere within seconds. The same again changes nothing."""
    with open_ledger(db, book) as ledger:
        version, found = ledger.apply_catalog(file)
    if in_json:
        say_json({"version": version.version, "name": version.name} | tell_diff(found))
        return
    show_changes(found.changes)
    say(f"{version.name}: version {version.version} holds, {count_changes(found.changes)}")


def show(
    file: Annotated[
        str | None, typer.Argument(metavar="[FILE]", help="A catalog; without one, what holds in the book.")
    ] = None,
    version: Annotated[
        int | None, typer.Option("--version", metavar="N", help="An earlier one, by the number that entries name.")
    ] = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Print a catalog as it was written: a file, or the one that holds (or held) in the book."""
    if file is not None:
        say(read_document(file).rstrip("\n"))
        return
    with open_ledger(db, book) as ledger:
        found = ledger.catalog(version)
    if found is None:
        raise CatalogMissing()
    if in_json:
        say_json({"version": found.version, "name": found.name, "document": found.document})
        return
    note(f"{found.name}, version {found.version}")
    say(found.document.rstrip("\n"))


def schema() -> None:
    """Print the JSON Schema of catalogs, for editors that complete and check TOML."""
    say_json(write_schema())


def shipped(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Which one; without it, their names.")] = None,
) -> None:
    """Print a catalog that comes with Farthing, to start from."""
    if name is None:
        for each in SHIPPED:
            say(each)
        return
    say(read_shipped(name).rstrip("\n"))


def costs(db: Db = DEFAULT_DB, book: Book = None, in_json: Json = False) -> None:
    """What every feature costs, as people read it."""
    with open_ledger(db, book) as ledger:
        found = ledger.costs()
    if in_json:
        say_json([each.json() for each in found])
        return
    rows = [[each.title, each.model or "", each.text] for each in found]
    for line in lay_table(["feature", "model", "cost"], rows):
        say(line)


def quote(
    account: Account,
    feature: Annotated[str, typer.Argument(metavar="FEATURE", help="What would be charged for.")],
    quantity: Quantity = None,
    tokens_in: TokensIn = None,
    tokens_out: TokensOut = None,
    model: Model = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """What work would cost, with its working line by line. Nothing is charged."""
    said = gather(quantity=quantity, usage=read_usage(tokens_in, tokens_out), model=model)
    with open_ledger(db, book) as ledger:
        found = ledger.quote(account, feature, **said)
    if in_json:
        say_json(found.json())
        return
    say(paint(f"{found.feature} costs {found.text}", "bold"))
    for line in found.working:
        say(f"  {line}")


def say_problems(problems: Iterable[Any]) -> None:
    """What speaks against a catalog, a line each."""
    for problem in problems:
        say(f"{paint('refused', 'red')} {problem}")


def show_changes(changes: Iterable[Any]) -> None:
    """What a catalog changes, a line each."""
    colours = {"added": "green", "removed": "red", "changed": "yellow"}
    for change in changes:
        said = " → ".join(text for text in (change.before, change.after) if text is not None)
        say(f"{paint(change.kind.ljust(8), colours[change.kind])} {change.place}: {said}")


def tell_diff(found: Diff) -> dict[str, Any]:
    """A difference for JSON."""
    return {
        "changes": [change._asdict() for change in found.changes],
        "refusals": [problem._asdict() for problem in found.refusals],
    }


def count_changes(changes: Any) -> str:
    """no changes; one change; 5 changes."""
    return {0: "no changes", 1: "one change"}.get(len(changes), f"{len(changes)} changes")
