"""`./dev demo`: a tour of the ledger in a database of its own, gone afterwards. What it prints is what happened.

The lines shown after `>>>` are the lines that run. A scene is a title, what it shows, and its lines.
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any, Final, NamedTuple

import farthing
from farthing.cli.app import run_command
from farthing.cli.databases import show_report
from farthing.cli.screen import paint, say
from farthing.cli.statements import count_sorts, lay_balance
from farthing.cli.trace import write_trace
from farthing.face.catalogs import read_shipped
from farthing.testing.clocks import FrozenClock
from farthing.values.errors import Refused

MORNING: Final = datetime(2026, 11, 21, 10, 4, tzinfo=UTC)
ROWS: Final = 2000
SEED: Final = 20231116


class Scene(NamedTuple):
    """One stop of the tour."""

    title: str
    said: str
    lines: Sequence[str]


SCENES: Final = (
    Scene(
        "Credits in, credits out",
        "Amounts are whole numbers, text or decimals; never floats. A key makes a call safe to repeat.",
        (
            'ledger.grant("acme", 100, source="purchase", expires_in=timedelta(days=180), key="pay_31").available',
            'receipt = ledger.charge("acme", "2.50", feature="describe", key="req_9f2")',
            "receipt.charged, receipt.available",
            'ledger.charge("acme", "2.50", feature="describe", key="req_9f2").replayed    # the same call again',
            "balance",
        ),
    ),
    Scene(
        "Work of unknown cost",
        "Set aside what it may cost, settle what it did. Failed work gives everything back.",
        (
            'hold = ledger.hold("acme", 40, feature="chat", ttl=timedelta(minutes=10))',
            "balance",
            'hold.settle("12.40").charged',
            'with ledger.hold("acme", 25, feature="image"): raise TimeoutError("the model did not answer")',
            'ledger.balance("acme").held, ledger.balance("acme").spendable',
        ),
    ),
    Scene(
        "When the answer is no",
        "A refusal says what was needed, what there is and what would help. Nothing is written.",
        (
            'ledger.grant("acme", 100, source="plan", starts_at=clock.at + timedelta(days=10)).granted',
            'ledger.charge("acme", 500, feature="video")',
            'ledger.settle(hold.id, "1")',
            'ledger.charge("acme", "2.12345678")',
        ),
    ),
    Scene(
        "Credits back",
        "A refund goes to the grants that paid, and never exceeds what was charged.",
        (
            'ledger.refund(receipt.id, "1.25", description="slow answer").refunded',
            'ledger.refund(receipt.id, "2.00")',
        ),
    ),
    Scene(
        "Time passes",
        "In a test book the clock obeys. What expires is written down as breakage; it never just vanishes.",
        (
            'ledger.grant("acme", 20, source="promo", promotional=True, expires_in=timedelta(days=7)).available',
            'ledger.charge("acme", 5).lots[0].amount    # the promotion burns first: it ends soonest',
            "clock.advance(timedelta(days=8))",
            "balance",
        ),
    ),
    Scene(
        "Every month anew, so much a day",
        "Allowances turn by themselves, also after years of absence. Budgets cap what is spent in a day, or an hour.",
        (
            'ledger.allow("globex", 100, every="month", rollover="capped", cap=50).available',
            'ledger.budget("globex", 60, name="chat", feature="chat", every="day").available',
            'ledger.charge("globex", 30, feature="chat").available',
            'ledger.charge("globex", 45, feature="chat")',
            "clock.advance(timedelta(days=31))",
            'ledger.balance("globex").spendable    # 100 fresh ones, and 50 of the 70 that were left',
        ),
    ),
    Scene(
        "Prices and plans from one document",
        "A catalog says what things cost and what plans give. Five come with Farthing; this is studio.toml.",
        (
            'studio.charge("initech", feature="image").available    # the free plan opens by itself: 60',
            'studio.quote("initech", "video", quantity="8s").working',
            'studio.change_plan("initech", "basic", cycle="month", paid=(1500, "USD")).subscription.plan',
            'studio.balance("initech").spendable',
            "clock.advance(timedelta(days=31))",
            'studio.subscription("initech").plan, studio.balance("initech").spendable    # unpaid: free again',
        ),
    ),
)

NEXT: Final = """Yours to try, from this folder:

  .venv/bin/farthing init                          a database here: farthing.db
  .venv/bin/farthing grant acme 100                credits for an account of yours
  .venv/bin/farthing charge acme 2.50 --key r1     take some; again with the same key: nothing
  .venv/bin/farthing balance acme                  what there is, and why
  .venv/bin/farthing --help                        everything else

In Python: README.md has the first twenty lines. Every command: docs/cli.md."""


def main() -> int:
    """Show everything; returns an exit code."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="farthing-demo-") as folder:
        url = f"sqlite:///{folder}/demo.db"
        clock = FrozenClock(MORNING)
        say(paint("Farthing", "bold") + ": credits for AI products, exact to the last farthing. A tour.")
        catalog = Path(folder) / "studio.toml"
        catalog.write_text(read_shipped("studio"), encoding="utf-8")
        with (
            farthing.open(url, create=True, book="tour", test=True, clock=clock) as ledger,
            farthing.open(url, create=True, book="studio", test=True, clock=clock, catalog=catalog) as studio,
        ):
            names = {"ledger": ledger, "studio": studio, "clock": clock, "timedelta": timedelta}
            for number, scene in enumerate(SCENES, 1):
                play_scene(number, scene, names)
        code = play_replay(len(SCENES) + 1, Path(folder), url)
        play_proof(len(SCENES) + 2, url, clock)
    say()
    say(paint(f"That took {time.monotonic() - began:.1f} s, and left nothing behind.", "dim"))
    say()
    say(NEXT)
    return code


def announce(number: int, title: str, said: str) -> None:
    """The heading of a stop."""
    say()
    say(paint(f"{number}. {title}", "bold"))
    say(paint(f"   {said}", "dim"))


def play_scene(number: int, scene: Scene, names: dict[str, Any]) -> None:
    """Run the lines of a scene, each shown with what came of it."""
    announce(number, scene.title, scene.said)
    for line in scene.lines:
        if line == "balance":
            ledger = names["ledger"]
            shown = ledger.balance("acme")
            say(paint("   $ farthing balance acme", "cyan"))
            for text in lay_balance(shown, count_sorts(ledger, shown)):
                say(f"   {text}")
        else:
            say(paint(f"   >>> {line}", "cyan"))
            run_line(line, names)


def run_line(line: str, names: dict[str, Any]) -> None:
    """Run one line as Python would, and print its value, or the error that it raised."""
    try:
        value = None
        if is_expression(line):
            value = eval(line, names)
        else:
            exec(line, names)
    except Refused as no:
        say(f"   {paint('refused:', 'red')} {no}")
    except TimeoutError as error:
        say(f"   TimeoutError: {error} (and the hold was released)")
    else:
        if value is not None:
            values = value if isinstance(value, tuple) else (value,)
            say("   " + ", ".join(f"{one:f}" if isinstance(one, Decimal) else str(one) for one in values))


def is_expression(line: str) -> bool:
    """Whether a line has a value."""
    try:
        compile(line, "demo", "eval")
    except SyntaxError:
        return False
    return True


def play_replay(number: int, folder: Path, url: str) -> int:
    """A day of model requests through the ledger, twice."""
    write_trace(folder / "trace.csv", rows=ROWS, seed=SEED)
    announce(
        number, f"{ROWS:,} model requests", "Each holds, then settles or fails. Run twice: nothing is charged twice."
    )
    options = ["--accounts 25 --grant 5000 --price-in 0.0025", "--price-out 0.0125 --max-out 512 --fail-every 13"]
    codes = []
    for _ in range(2):
        say(paint(f"   $ farthing replay trace.csv {options[0]} \\\n       {options[1]}", "cyan"))
        sys.stdout.flush()
        with redirect_stdout(StringIO()) as printed:
            codes.append(run_command(["replay", str(folder / "trace.csv"), "--db", url, *" ".join(options).split()]))
        for text in printed.getvalue().splitlines():
            say(f"   {text}")
    return max(codes)


def play_proof(number: int, url: str, clock: FrozenClock) -> None:
    """Every law over every wallet of the tour's own book."""
    announce(number, "The proof", "Every entry is chained to the one before; every sum is added up again.")
    with farthing.open(url, book="tour", test=True, clock=clock) as ledger:
        say(paint("   >>> ledger.verify()", "cyan"))
        sys.stdout.write("   ")
        show_report(ledger.verify())


if __name__ == "__main__":
    sys.exit(main())
