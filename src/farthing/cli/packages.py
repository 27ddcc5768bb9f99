"""Packages at the command line: credits for sale, and buying them."""

from typing import Annotated

import typer

from farthing.cli.databases import open_ledger
from farthing.cli.grants import read_paid
from farthing.cli.options import DEFAULT_DB, Account, Actor, Book, Db, Description, Json, Key, gather
from farthing.cli.plans import Paid, Reference
from farthing.cli.receipts import show_receipt
from farthing.cli.screen import lay_table, note, say, say_json
from farthing.cli.standing import show_amount


def packages(db: Db = DEFAULT_DB, book: Book = None, in_json: Json = False) -> None:
    """The packages of the catalog: credits for sale."""
    with open_ledger(db, book) as ledger:
        listed = ledger.packages()
    if in_json:
        say_json([view.json() for view in listed])
        return
    if not listed:
        note("the catalog has no packages")
        return
    rows = [
        [
            view.name,
            ", ".join(price.text for price in view.prices),
            f"{show_amount(view.amount)} {view.unit}" + (f" + {show_amount(view.bonus)}" if view.bonus else ""),
            view.lasts or "for ever",
            "once" if view.once else "",
        ]
        for view in listed
    ]
    for line in lay_table(["package", "costs", "gives", "lasts", ""], rows):
        say(line)


def buy(
    account: Account,
    package: Annotated[
        str, typer.Argument(metavar="PACKAGE", help="Its name in the catalog; `farthing packages` shows them.")
    ],
    paid: Paid = None,
    reference: Reference = None,
    key: Key = None,
    description: Description = None,
    actor: Actor = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Give an account a package of credits that it has bought. It is opened if there is none of that name."""
    said = gather(key=key, description=description, actor=actor, reference=reference, paid=read_paid(paid))
    with open_ledger(db, book) as ledger:
        receipt = ledger.buy(account, package, **said)
    given = f"{show_amount(receipt.granted)} {receipt.unit}"
    show_receipt(receipt, in_json, sentence=f"{receipt.account} has {given} more: {package}")
