"""What databases, files, clocks and set-ups do to us: the leaves of the error tree that no rule can cause.

The tree is drawn in `values/errors.py`; most are `Unavailable` (not now) or `Misconfigured` (an operator must act).
"""

from typing import Any

from farthing.values.errors import Invalid, Misconfigured, Unavailable


class NoteInvalid(Invalid):
    """Metadata that cannot be kept: not JSON, or over its bound."""

    code = "note_invalid"


class TraceInvalid(Invalid):
    """A usage trace with a row that cannot be read."""

    code = "trace_invalid"
    file: str
    row: int | None
    """Counted from 0, or None for the header."""
    line: int
    """The line of the file; the header is line 1. 0 stands for the file as a whole."""
    column: str

    def describe(self) -> str:
        said = f"{self.given} {self.problem}".strip()
        if not self.line:
            return said
        place = "header" if self.row is None else f"row {self.row}"
        return f"{self.file}, {place} (line {self.line}), column {self.column}: {said}"


class Overloaded(Unavailable):
    """Too many requests wait already. Nothing was written."""

    code = "overloaded"
    text = "{waiting} requests wait already ({scope}): try again shortly, with the same key"
    waiting: int
    scope: str


class Busy(Unavailable):
    """Somebody else kept the lock for longer than the bound. Nothing was written."""

    code = "busy"
    text = "{what} was busy for more than {seconds} seconds: try again with the same key"
    what: str
    seconds: Any


class DiskFailed(Unavailable):
    """The disk is full, or reports an error. Nothing was written."""

    code = "disk_failed"
    text = "{problem}: nothing was written to {path}; {advice}, then try again with the same key"
    problem: str
    path: str
    advice: str


class DatabaseAway(Unavailable):
    """The database server cannot be reached, or went away before the commit. Nothing was written."""

    code = "database_away"
    text = "{place} cannot be reached ({problem}): nothing was written; try again with the same key"
    place: str
    problem: str


class OutcomeUnknown(Unavailable):
    """The database went away around the commit. The same call with `key` is safe: it runs once."""

    code = "outcome_unknown"
    text = "{cause} while {key} was being committed: repeat the call with this key"
    key: str
    cause: str

    def __init__(self, key: str, cause: str = "the database went away") -> None:
        super().__init__(key=key, cause=cause)


class UrlInvalid(Misconfigured):
    """A database address that Farthing cannot use."""

    code = "url_invalid"
    text = "{given} {problem}: write {expected}"
    given: str
    problem: str
    expected: str


class DatabaseMissing(Misconfigured):
    """No database at that path."""

    code = "database_missing"
    text = "there is no database at {path}: run `farthing init`, or open it with create=True"
    path: str


class DatabaseUnreadable(Misconfigured):
    """The file is there and cannot be used: damaged, not a database, or without permission."""

    code = "database_unreadable"
    text = "{path} cannot be used: {problem}"
    path: str
    problem: str
    is_refusal: bool = False
    """Whether it is only that we were refused: that says nothing of the data."""


class DatabaseForeign(Misconfigured):
    """A database that is somebody else's."""

    code = "database_foreign"
    text = "{path} is a database without Farthing's tables: run `farthing init` to add them, or name another"
    path: str


class BookMissing(Misconfigured):
    """The database has Farthing's tables, and no book of that name."""

    code = "book_missing"
    text = "{path} has no book {book}: run `farthing init` with this book, open it with create=True, or name another"
    path: str
    book: str


class ConnectionForeign(Misconfigured):
    """The connection given to `within` cannot be joined: to another database, or with no transaction to be part of."""

    code = "connection_foreign"
    text = "the connection {problem}: {advice}"
    problem: str
    advice: str


class SchemaOld(Misconfigured):
    """The database was written by an older release and must be migrated."""

    code = "schema_old"
    text = "{path} has schema {found} and this release needs {needed}: run `farthing migrate`"
    path: str
    found: str
    needed: str


class UpgradeFirst(Misconfigured):
    """The database was written by a newer release."""

    code = "upgrade_first"
    text = "{path} has {found}, which this release does not know: upgrade Farthing first"
    path: str
    found: str


class UseTheOpenTransaction(Misconfigured):
    """A plain call was made inside a `within` block of the same thread: it would wait for itself."""

    code = "use_the_open_transaction"
    text = "a `within` block is open in this thread: call {call} on what it gave you (tx.{call}), not on the ledger"
    call: str


class UnitChanged(Misconfigured):
    """A unit's scale is for ever."""

    code = "unit_changed"
    text = "the unit {unit} is stored with {scale} places and cannot be changed to {wanted}: name a new unit"
    unit: str
    scale: int
    wanted: int


class ClockDisagrees(Misconfigured):
    """A clock jumped: going on would expire or revive things by mistake."""

    code = "clock_disagrees"
    text = "{clocks} differ by {seconds} seconds: set the clock right, then try again"
    clocks: str
    seconds: int


class ClockIsFrozen(Misconfigured):
    """A frozen clock was given for a live book, or a test book was opened without one."""

    code = "clock_is_frozen"
    text = "{problem}: frozen clocks exist in test books only"
    problem: str


class ChainKeyWrong(Misconfigured):
    """The entries were sealed with another key, or with none."""

    code = "chain_key_wrong"
    text = "this database was sealed {sealed}: open it {advice}"
    sealed: str
    advice: str


class LedgerClosed(Misconfigured):
    """The ledger was closed in this process."""

    code = "ledger_closed"
    text = "this ledger is closed: open it again with farthing.open"
