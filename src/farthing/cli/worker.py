"""`farthing worker`: every job at its interval, until a signal ends it. One line for each run: in words on stderr, or
with --json as one JSON object a line on stdout, for whatever collects logs.
"""

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import FrameType
from typing import Annotated, Any

import typer

from farthing.cli.databases import open_ledger
from farthing.cli.jobs import describe_summary
from farthing.cli.options import DEFAULT_DB, Book, Db, Json, get_length
from farthing.cli.screen import note
from farthing.service.jobs import JOBS
from farthing.service.worker import Bell, Event, Ran, Waits, refuse_interval, work_on

ENDING = (signal.SIGTERM, signal.SIGINT)


def worker(
    every: Annotated[
        str, typer.Option("--every", metavar="TIME", help="From one round to the next: 60 (seconds), 5m, 1h.")
    ] = "60",
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Run all jobs again and again. On SIGTERM or Ctrl-C the batch in hand is finished; the exit code is 0."""
    whole = f"{every}s" if every.isascii() and every.isdigit() else every
    seconds = int(get_length(whole, what="--every").total_seconds())
    refuse_interval(seconds)
    # The bell comes first: opening may take long, and whoever is told to stop meanwhile leaves as from anywhere else.
    with Bell() as bell, ringing(bell), open_ledger(db, book) as ledger:
        names = ", ".join(JOBS)
        tell = print_line if in_json else note_line
        tell("began", f"{names} every {seconds} s on {ledger.url}", {"jobs": list(JOBS), "every_seconds": seconds})
        work_on(ledger.engine, bell, lambda event: tell(*describe_event(event)), every_seconds=seconds)
        tell("ended", "told to stop: left when the batch in hand was done", {})


@contextmanager
def ringing(bell: Bell) -> Iterator[None]:
    """The first signal rings the bell; a second one, of somebody who cannot wait, does what signals usually do."""

    def ring(number: int, frame: FrameType | None) -> None:
        for each, usual in before.items():
            signal.signal(each, usual)
        bell.ring()

    before = {each: signal.signal(each, ring) for each in ENDING}
    try:
        yield
    finally:
        for each, usual in before.items():
            signal.signal(each, usual)


def describe_event(event: Event) -> tuple[str, str, dict[str, Any]]:
    """What a worker tells: its name, in words, and as data."""
    if isinstance(event, Ran):
        return "ran", describe_summary(event.summary), event.summary.json()
    if isinstance(event, Waits):
        return "waits", f"{event.job} waits: {event.error}", {"job": event.job, "code": event.error.code}
    return "returned", f"back after {event.seconds:.0f} s", {"seconds": round(event.seconds, 3)}


def note_line(name: str, words: str, data: dict[str, Any]) -> None:
    """A line for people, on stderr."""
    note(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}  {words}")


def print_line(name: str, words: str, data: dict[str, Any]) -> None:
    """A line for programs, on stdout, at once."""
    said = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": name, **data, "detail": words}
    sys.stdout.write(json.dumps(said, ensure_ascii=False) + "\n")
    sys.stdout.flush()
