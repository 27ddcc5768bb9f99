"""What the command prints: the answer, alone, on stdout; notes, errors and progress on stderr.

Colour only on a terminal, never with NO_COLOR or TERM=dumb. Nothing here knows what a ledger is.
"""

import json
import os
import sys
import time
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, TextIO

STYLES: Final = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
WAIT_SECONDS: Final = 1.0
REDRAW_SECONDS: Final = 0.1
BAR_WIDTH: Final = 28


def paint(text: str, style: str, stream: TextIO | None = None) -> str:
    """The text in a colour, if the stream it goes to (stdout unless said) shows colours."""
    return f"\x1b[{STYLES[style]}m{text}\x1b[0m" if text and may_colour(stream or sys.stdout) else text


def may_colour(stream: TextIO) -> bool:
    """Whether colours may be sent there (https://no-color.org: set and not empty means no)."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and stream.isatty()


def say(text: str = "") -> None:
    """The answer, on stdout."""
    print(text)


def note(text: str) -> None:
    """Anything else, on stderr."""
    print(text, file=sys.stderr)


def say_json(value: Any) -> None:
    """The answer as JSON, on stdout: amounts as strings, instants in ISO 8601."""
    print(json.dumps(value, default=write_plainly, ensure_ascii=False, indent=2))


def write_plainly(value: object) -> Any:
    """What JSON has no form for: decimals as they read, instants in ISO 8601, the rest as text."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return list(value)
    return str(value)


def measure(text: str) -> int:
    """How many columns a terminal gives to a text without colours."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(bool(unicodedata.combining(character)) for character in text)


def pad(text: str, width: int, *, right: bool = False) -> str:
    """The text in a column: on its left side, or on its right side as numbers stand."""
    gap = " " * (width - measure(text))
    return gap + text if right else text + gap


def align_points(amounts: Sequence[str]) -> list[str]:
    """Amounts with their decimal points below each other."""
    tails = [len(amount) - amount.find(".") if "." in amount else 0 for amount in amounts]
    longest = max(tails, default=0)
    padded = [amount + " " * (longest - tail) for amount, tail in zip(amounts, tails, strict=True)]
    width = max(map(len, padded), default=0)
    return [amount.rjust(width) for amount in padded]


def lay_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, amounts: Iterable[str] = ()) -> list[str]:
    """Lines of a table. Columns named in `amounts` stand point below point; others on the left."""
    columns = [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in header]
    lines = [[] for _ in range(len(rows) + 1)]  # type: list[list[str]]
    for name, column in zip(header, columns, strict=True):
        numeric = name in amounts
        cells = align_points(column) if numeric else column
        width = max(map(measure, [name, *cells]))
        lines[0].append(paint(pad(name, width, right=numeric), "dim"))
        for line, cell in zip(lines[1:], cells, strict=True):
            line.append(pad(cell, width, right=numeric))
    return ["  ".join(line).rstrip() for line in lines]


class Bar:
    """Progress on stderr: from the second second on, if stderr is a terminal; gone without a trace when it ends."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.began = self.drawn = time.monotonic()
        self.shown = False
        self.live = sys.stderr.isatty()

    def update(self, done: int, total: int) -> None:
        """So much is done, of so much."""
        if not self.live:
            return
        now = time.monotonic()
        if now - self.began < WAIT_SECONDS or now - self.drawn < REDRAW_SECONDS:
            return
        self.drawn, self.shown = now, True
        part = min(done / total, 1.0) if total else 1.0
        filled = round(part * BAR_WIDTH)
        left = (now - self.began) * (1 - part) / part if part > 0.01 else None
        ends = f", {left:.0f} s left" if left is not None else ""
        bar = paint("━" * filled, "cyan", sys.stderr) + paint("─" * (BAR_WIDTH - filled), "dim", sys.stderr)
        sys.stderr.write(f"\r\x1b[K{self.what} {bar} {part:4.0%}{ends}")
        sys.stderr.flush()

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *_: object) -> None:
        if self.shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
