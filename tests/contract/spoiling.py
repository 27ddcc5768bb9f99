"""Spoiling a database as its owner could, and asking `verify` about it: what the tampering tests share.

The triggers are dropped before each change and put back after it, so that nothing but the change is there to be found.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from farthing.audit.verify import Report, verify
from farthing.service import rollups
from farthing.service.rollups import run_rollup
from farthing.store.contract import NewClaim
from farthing.store.rollup_rows import QUARTER, TOTAL
from farthing.store.sqlite import open_sqlite
from farthing.store.versions import PREFIX as P
from farthing.values.entries import Kind, Seal
from farthing.values.errors import FarthingError
from farthing.values.periods import Cadence
from farthing.values.requests import About, Charge, Configure, Freeze, Grant, Hold, Mode, Note, Open
from farthing.values.standing_requests import Allow, SetBudget
from farthing.values.subscriptions import Step
from farthing.values.wallets import Rollover, Subject, TurnPolicy
from tests.contract.desk import GENERATIONS, START, Desk, open_desk
from tests.contract.standing import ACME as TO_ACME
from tests.contract.standing import ANA, price, take_step

ACME = f"account_id = (SELECT account_id FROM {P}account WHERE key = 'acme')"
WALLET = f"{ACME} AND unit_id = 1"
"""The wallet that is tampered with most."""

ROWS = {
    "meta": "id = 1",
    "version": "TRUE",
    "book": "TRUE",
    "unit": "name = 'credits'",
    "account": "key = 'acme'",
    "account_alias": "key = 'acme corp'",
    "wallet": WALLET,
    "lot": f"{WALLET} AND length(features) > 0 AND allowance = 0",
    "hold": f"{WALLET} AND ended_at = 0 AND name <> 0",
    "debt": f"{WALLET} AND length(payers) > 0",
    "allowance": f"{WALLET} AND ended_at = 0",
    "budget": f"{WALLET} AND member <> 0",
    "tally": f"{WALLET} AND subject = {ANA}",
    "subscription": f"{ACME} AND ended_at = 0",
    "catalog": "version = 1",
    "claim": "campaign = 'spring'",
    "entry": f"{WALLET} AND kind = {int(Kind.SETTLED)}",
    "note": ACME,
    "name": "text = 'chat'",
    "rollup_mark": "id = 1",
    "rollup_followed": WALLET,
    "rollup_usage": f"{WALLET} AND part = {TOTAL} AND grain = {QUARTER} AND currency = 0",
    "rollup_flow": f"{WALLET} AND grain = {QUARTER} AND currency = 0",
    "rollup_basis": WALLET,
}
"""One row of each table, one with something in as many columns as there can be."""


def write_sound_books(folder: Path) -> Path:
    """A closed database with something in every table."""
    with open_desk("sqlite", folder) as desk:
        for name in ("chat", "gpt-9", "bonus", "EUR", "draft"):
            desk.store.intern_name(name)
        chat, bonus = desk.store.intern_name("chat"), desk.store.intern_name("bonus")
        desk.do(Open(key="open", account="acme", zone="Europe/Rome"))
        desk.do(Configure(key="terms", account="acme", unit=1, terms=((1, 40),)))
        desk.do(Grant(key="g1", account="acme", amounts=((1, 100),), note=Note(b"s" * 16, b'{"why":"paid"}')))
        desk.grant(30, features=(chat,), source=bonus, cost_minor=4900, currency=desk.store.intern_name("EUR"))
        desk.grant(9, starts_at=START + 500, expires_at=START + 9000)
        charged = desk.charge(20)
        desk.refund(charged, (1, 5))
        desk.settle(desk.hold(25, feature=chat, ttl=700), (1, 10))
        desk.charge(120, mode=Mode.RECORD)
        desk.grant(10)
        desk.charge(5, mode=Mode.RECORD)
        desk.hold(3, feature=chat, ttl=900, name=desk.store.intern_name("draft"), name_text="draft")
        desk.grant(50, unit=2, account="other")
        desk.grant(7, unit=2)
        desk.do(Hold(key="both", account="acme", amounts=((2, 2), (1, 1)), feature=chat))
        desk.now += 1
        desk.charge(1, feature=chat)
        desk.do(Freeze(key="freeze", account="other"))
        write_standing_rules(desk)
        write_catalog(desk)
        roll_up(desk)
        assert verify(desk.store).summary == "ok"
    with closing(sqlite3.connect(folder / "credits.db")) as owner, owner:
        owner.execute(
            f"INSERT INTO {P}account_alias SELECT book, 'acme corp', account_id FROM {P}account WHERE key = 'acme'"
        )
    return folder / "credits.db"


def write_standing_rules(desk: Desk) -> None:
    """What stands and recurs, with something in every column: beside what is there already, in the same wallet."""
    chat, ana = desk.store.intern_name("chat"), desk.store.intern_name("ana")
    for name in ("plan", "Europe/Rome", "each", "model", "key"):
        desk.store.intern_name(name)
    words: dict[str, Any] = {"account": "acme", "unit": 1}
    rule = ((1, 1), (2, -900), (3, 50), (9, 7))
    desk.do(Configure(key="told", **words, terms=(), alerts=(5, 20), top_up=rule))
    desk.do(
        Allow(
            key="plan", **words, name="plan", amount=40, every=Cadence.MONTH, zone="Europe/Rome", promotional=True,
            features=(chat,), source=chat, rollover=Rollover.CAPPED, cap=15, keep=2, on_turn=TurnPolicy.FORGIVE,
        )
    )  # fmt: skip
    about = About(member=ana, model=desk.store.intern_name("model"), api_key=desk.store.intern_name("key"))
    each: dict[str, Any] = {
        "per": Subject.MEMBER,
        "member": ana,
        "model": about.model,
        "api_key": about.api_key,
        "feature": chat,
    }
    desk.do(SetBudget(key="each", **words, name="each", most=60, every=Cadence.MONTH, anchor=START, **each))
    desk.charge(2, feature=chat, about=about)
    desk.hold(3, feature=chat, about=about, ttl=10**12)


def write_catalog(desk: Desk) -> None:
    """A catalog, and what follows from one, with something in every column. All of it is beside the wallet that is
    tampered with most."""
    version = desk.store.publish_catalog(b"d" * 16, 'name = "studio"', START)
    other: dict[str, Any] = TO_ACME | {"unit": GENERATIONS.unit_id}
    until = Allow(key="", **other, name="pro.generations", amount=30, every=Cadence.MONTH, until=START + 10**12)
    said: dict[str, Any] = {"anchor": START, "trial_ends_at": START + 9, "period_starts_at": START, "fallback": "free",
            "catalog_version": version, "paid_minor": 900, "currency": desk.store.intern_name("EUR")}  # fmt: skip
    desk.do(take_step(desk, "basic", until, key="basic", **said))
    desk.do(take_step(desk, "basic", key="planned", step=int(Step.PLANNED), next_plan="pro", next_every=6, **said))
    metered = price(17, unit=2, subject=desk.store.intern_name("chat"))
    desk.do(Charge(key="metered", account="acme", amounts=((2, 0),), priced=metered, catalog_version=version))
    wanted = NewClaim("spring", "own", "SPRING26", "acme", 9, 2, 1, 40, START + 99, ("chat",), "claimed")
    (claim,) = desk.store.claim([wanted], START)
    desk.store.finish_claim(claim.claim_id, START + 1)


def roll_up(desk: Desk) -> None:
    """Sums of all that is there, and of the longest wallet on its own, as if it were much longer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rollups, "FOLLOWED_FROM", 10)
        assert sum(run_rollup(desk.store, None, lambda: False)) == len(
            desk.store.list_history(None, None, None, None, 99)
        )


def change(path: Path, *statements: str, values: tuple[Any, ...] = (), rows: int = 1) -> None:
    """Run statements as the owner would, past the triggers. Each must change so many rows."""
    with closing(sqlite3.connect(path)) as owner, owner:
        triggers = owner.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        assert triggers
        for name, _ in triggers:
            owner.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            assert owner.execute(statement, values).rowcount == rows, statement
        for _, sql in triggers:
            owner.execute(sql)


def check(path: Path, seal: Seal | None = None, book: str = "main") -> Report:
    """Open what is left of a database and verify it."""
    store = open_sqlite(f"sqlite:///{path}", seal=seal, book=book)
    try:
        return verify(store)
    finally:
        store.close()


def find_fault(path: Path) -> str:
    """What people are told: the report, or the error with which the database is not even opened."""
    try:
        report = check(path)
    except FarthingError as error:
        return f"{type(error).__name__}: {error}"
    assert report.ok == (report.summary == "ok") == (not report.findings)
    return str(report)


def read_row(path: Path, table: str) -> dict[str, Any]:
    """The chosen row of a table."""
    with closing(sqlite3.connect(path)) as owner:
        owner.row_factory = sqlite3.Row
        (row,) = owner.execute(f"SELECT * FROM {P}{table} WHERE {ROWS[table]}").fetchall()
        return dict(row)


def count_entries(path: Path) -> int:
    """Entries in the wallet that is tampered with."""
    with closing(sqlite3.connect(path)) as owner:
        return int(owner.execute(f"SELECT count(*) FROM {P}entry WHERE {WALLET}").fetchone()[0])
