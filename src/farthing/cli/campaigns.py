"""Credits by rule at the command line: a code, a reward, a referral; and the campaigns that there are."""

from typing import Annotated, Any

import typer

from farthing.cli.databases import open_ledger
from farthing.cli.options import DEFAULT_DB, Account, Actor, Book, Db, Json, Key, gather
from farthing.cli.receipts import show_day, show_receipt
from farthing.cli.screen import lay_table, note, say, say_json

Campaign = Annotated[
    str, typer.Argument(metavar="CAMPAIGN", help="Its name in the catalog; `farthing campaigns` shows them.")
]


def redeem(
    account: Account,
    code: Annotated[str, typer.Argument(metavar="CODE", help="As printed; case and blanks do not matter.")],
    key: Key = None,
    actor: Actor = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Give an account what a promo code promises, once. The account is opened if there is none of that name."""
    with open_ledger(db, book) as ledger:
        show_receipt(ledger.redeem(account, code, **gather(key=key, actor=actor)), in_json)


def reward(
    account: Account,
    campaign: Campaign,
    key: Key = None,
    actor: Actor = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Give an account, once, what a campaign for signing up, a plan, loyalty or a beta list promises."""
    with open_ledger(db, book) as ledger:
        show_receipt(ledger.reward(account, campaign, **gather(key=key, actor=actor)), in_json)


def refer(
    newcomer: Annotated[
        str, typer.Argument(metavar="NEWCOMER", help="Who came; opened if there is none of that name.")
    ],
    by: Annotated[str, typer.Option("--by", metavar="ACCOUNT", help="Who brought them.")],
    campaign: Annotated[
        str | None, typer.Option("--campaign", metavar="NAME", help="For which campaign, if there are several.")
    ] = None,
    key: Key = None,
    actor: Actor = None,
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Give a newcomer, once, and the account that brought them, what the referral campaign promises both."""
    with open_ledger(db, book) as ledger:
        had = ledger.refer(newcomer, by=by, **gather(campaign=campaign, key=key, actor=actor))
        if in_json:
            say_json(had.json())
            return
        show_receipt(had.newcomer, in_json)
        if had.referrer is not None:
            show_receipt(had.referrer, in_json)


def campaigns(db: Db = DEFAULT_DB, book: Book = None, in_json: Json = False) -> None:
    """The campaigns of the catalog: what they give, to whom, and how often they were had."""
    with open_ledger(db, book) as ledger:
        listed = ledger.campaigns()
    if in_json:
        say_json([view.json() for view in listed])
        return
    if not listed:
        note("the catalog has no campaigns")
        return
    header = ["campaign", "rule", "gives", "to whom", "code", "had", "of"]
    for line in lay_table(header, [row for view in listed for row in lay_campaign(view)], amounts=("had",)):
        say(line)


def lay_campaign(view: Any) -> list[list[str]]:
    """A line for each code, or one."""
    of = "" if view.most is None else f"{view.most}"
    uses = [(use.code, use.redeemed) for use in view.codes] or [("", view.redeemed)]
    lines = [["", "", "", "", code, f"{redeemed}", of] for code, redeemed in uses]
    lines[0][:4] = [view.name, view.rule, describe_gift(view), describe_rule(view)]
    return lines


def describe_gift(view: Any) -> str:
    """10.00 credits for 30 days; 7.00 and 9.00 credits."""
    amounts = f"{view.amount:f}" + (f" and {view.referrer_amount:f}" if view.referrer_amount else "")
    return f"{amounts} {view.unit}" + (f" for {view.lasts}" if view.lasts else "")


def describe_rule(view: Any) -> str:
    """For whom it is, and when."""
    said = []
    if not view.is_open:
        said.append("not now")
    if view.plans:
        said.append(f"on {' or '.join(view.plans)}")
    loyal = [f"{view.months} months"] if view.months else []
    loyal += [f"{view.spent:f} spent"] if view.spent else []
    if loyal:
        said.append("after " + " or ".join(loyal))
    if view.accounts:
        said.append(f"{len(view.accounts)} invited")
    if view.per_account > 1:
        said.append(f"{view.per_account} times each")
    if view.ends_at:
        said.append(f"until {show_day(view.ends_at)}")
    return ", ".join(said) or "everybody"
