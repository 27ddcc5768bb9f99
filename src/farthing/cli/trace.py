"""Usage traces: CSV files with the columns ContextTokens and GeneratedTokens, one request a row. Read, and made up.

A trace is read twice, as a stream: `scan_trace` checks every row before anything is written anywhere, and gives the
digest that keys are made from; `iter_trace` hands out the rows. Other columns (TIMESTAMP) are not looked at.
"""

import csv
import hashlib
import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from farthing.store.faults import TraceInvalid

TOKENS_IN: Final = "ContextTokens"
TOKENS_OUT: Final = "GeneratedTokens"
HEADER: Final = ("TIMESTAMP", TOKENS_IN, TOKENS_OUT)
MOST_DIGITS: Final = 15
LONGEST_LINE: Final = 65_536
SHOW_EVERY: Final = 4096


class Row(NamedTuple):
    """One request. `number` counts from 0; `line` is where it ends in the file, whose header is line 1."""

    number: int
    line: int
    tokens_in: int
    tokens_out: int


class Trace(NamedTuple):
    """What a scan found."""

    path: Path
    digest: str
    """SHA-256 of the file's bytes, in hexadecimal."""
    rows: int
    size: int


class Reader:
    """The lines of a file, decoded one by one, digested on the way. Bytes that are no UTF-8 are kept for the report."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.digest = hashlib.sha256()
        self.size = 0
        self.damaged = False

    def __iter__(self) -> Iterator[str]:
        for raw in iter(lambda: self.file.readline(LONGEST_LINE), b""):
            if len(raw) == LONGEST_LINE:
                raise csv.Error(f"a line is longer than {LONGEST_LINE} bytes")
            self.digest.update(raw)
            self.size += len(raw)
            try:
                yield raw.decode("utf-8")
            except UnicodeDecodeError:
                self.damaged = True
                yield raw.decode("utf-8", "surrogateescape")


def scan_trace(path: Path, check: Callable[[Row], None] | None, progress: Callable[[int, int], None]) -> Trace:
    """Read every row once. Raises `TraceInvalid` for the first that cannot be read, and whatever `check` raises.

    `progress` is told how many bytes of how many are behind.
    """
    with open_trace(path) as file:
        reader, rows, size = Reader(file), 0, path.stat().st_size
        for row in read_rows(reader, path.name):
            rows += 1
            if check is not None:
                check(row)
            if rows % SHOW_EVERY == 0:
                progress(reader.size, size)
        progress(reader.size, max(size, reader.size))
    return Trace(path, reader.digest.hexdigest(), rows, reader.size)


def iter_trace(trace: Trace) -> Iterator[Row]:
    """The rows again. Raises `TraceInvalid` at the end if the file is not the one that was scanned."""
    with open_trace(trace.path) as file:
        reader = Reader(file)
        yield from read_rows(reader, trace.path.name)
    if reader.digest.hexdigest() != trace.digest:
        problem = "changed while it was being replayed: replay it again, from a copy that stays as it is"
        raise TraceInvalid(file=trace.path.name, row=None, line=0, column="", given=str(trace.path), problem=problem)


def open_trace(path: Path) -> BinaryIO:
    """The file, for reading. Raises `TraceInvalid` when it cannot be read, or only once (a pipe)."""
    problem = ""
    try:
        if path.is_file():
            return path.open("rb")
        problem = "is not a file that can be read twice" if path.exists() else "is not there"
    except OSError as error:
        problem = f"cannot be read: {(error.strerror or type(error).__name__).lower()}"
    raise TraceInvalid(file=path.name, row=None, line=0, column="", given=str(path.absolute()), problem=problem)


def read_rows(reader: Reader, name: str) -> Iterator[Row]:
    """Rows from lines. Raises `TraceInvalid`, naming file, row and column."""
    lines = csv.reader(iter(reader), strict=True)
    row: int | None = None

    def refuse(column: str, given: str, problem: str) -> TraceInvalid:
        shown = "" if not given else show_field(given)
        line = max(lines.line_num, 1)
        return TraceInvalid(file=name, row=row, line=line, column=column, given=shown, problem=problem)

    header: list[str] = []
    try:
        header = [column.strip() for column in next(lines, [])]
        if header and header[0].startswith("\ufeff"):
            header[0] = header[0].removeprefix("\ufeff")
        first, second = [find_column(header, column, refuse) for column in (TOKENS_IN, TOKENS_OUT)]
        width, row = len(header), 0
        for fields in lines:
            if not fields:
                continue
            if len(fields) != width:
                raise refuse_width(fields, header, refuse)
            tokens_in, tokens_out = fields[first], fields[second]
            if reader.damaged or not (is_count(tokens_in) and is_count(tokens_out)):
                check_fields(fields, header, refuse)
            yield Row(row, lines.line_num, int(tokens_in), int(tokens_out))
            row += 1
    except csv.Error as error:
        raise refuse(header[0] if header else TOKENS_IN, "", f"cannot be read as CSV: {error}") from None


def show_field(text: str) -> str:
    """A field for a message, short; as bytes where they are not UTF-8."""
    shown = repr(text.encode("utf-8", "surrogateescape"))[1:] if is_damaged(text) else repr(text)
    return shown[:61]


def is_damaged(text: str) -> bool:
    """Whether there are bytes in it that are not UTF-8."""
    return not text.isascii() and any("\udc80" <= character <= "\udcff" for character in text)


Refuse = Callable[[str, str, str], TraceInvalid]


def find_column(header: list[str], column: str, refuse: Refuse) -> int:
    """Where a column stands. Raises `TraceInvalid` unless it is there exactly once."""
    for place, name in enumerate(header):
        if is_damaged(name):
            raise refuse(str(place + 1), name, "has bytes that are not UTF-8")
    if header.count(column) == 1:
        return header.index(column)
    if not header:
        raise refuse(column, "", "is missing: the file is empty")
    if column in header:
        raise refuse(column, "", "is there more than once")
    raise refuse(column, "", f"is missing: there is {', '.join(header)[:120]}")


def refuse_width(fields: list[str], header: list[str], refuse: Refuse) -> TraceInvalid:
    """The error for a row with more or fewer fields than the header has columns."""
    if len(fields) < len(header):
        return refuse(header[len(fields)], "", f"is missing: the row has {len(fields)} of {len(header)} fields")
    problem = f"is one too many: the row has {len(fields)} fields for {len(header)} columns"
    return refuse(str(len(header) + 1), fields[len(header)], problem)


def is_count(text: str) -> bool:
    """Whether this is a whole number, zero or more, of a size that can be reckoned with."""
    return text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS


def check_fields(fields: list[str], header: list[str], refuse: Refuse) -> None:
    """Find what is wrong with a row. Raises `TraceInvalid` for its first field that cannot be used, if there is one."""
    for column, text in zip(header, fields, strict=True):
        if is_damaged(text):
            raise refuse(column, text, "has bytes that are not UTF-8")
        if column not in (TOKENS_IN, TOKENS_OUT) or is_count(text):
            continue
        if not text.strip():
            raise refuse(column, text, "is empty: write 0 or more tokens")
        if text.isascii() and text.isdigit():
            raise refuse(column, text, f"is too large: at most {MOST_DIGITS} digits")
        if text.startswith("-") and is_count(text[1:]):
            raise refuse(column, text, "is negative: write 0 or more tokens")
        raise refuse(column, text, "is not a whole number")


def write_trace(path: Path, *, rows: int, seed: int) -> None:
    """Make up a trace with the shape of real ones (long prompts, short answers, a long tail), the same for one seed."""
    dice = random.Random(seed)
    moment = datetime(2026, 11, 16, 9, 0)  # noqa: DTZ001 (traces are written without a zone)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for _ in range(rows):
            moment += timedelta(milliseconds=round(dice.expovariate(1) * 400))
            tokens_in = min(round(dice.lognormvariate(7.2, 0.9)), 8000) + 3
            tokens_out = min(round(dice.lognormvariate(2.8, 1.1)), 1500) + 1
            writer.writerow([moment.isoformat(sep=" ", timespec="milliseconds"), tokens_in, tokens_out])
