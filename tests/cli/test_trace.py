"""A trace is read whole and strictly: what cannot be read is named by file, row, line and column."""

import hashlib
from pathlib import Path

import pytest

from farthing.cli.trace import Row, iter_trace, scan_trace, write_trace
from farthing.store.faults import TraceInvalid

HEAD = b"TIMESTAMP,ContextTokens,GeneratedTokens\n"


def write(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "trace.csv"
    path.write_bytes(content)
    return path


def scan(path: Path):
    return scan_trace(path, None, lambda done, total: None)


def refuse(tmp_path: Path, content: bytes) -> TraceInvalid:
    with pytest.raises(TraceInvalid) as caught:
        scan(write(tmp_path, content))
    return caught.value


def test_rows_are_counted_from_zero_and_lines_from_one(tmp_path):
    content = HEAD + b"t,100,7\nt,0,0\n"

    trace = scan(write(tmp_path, content))

    assert (trace.rows, trace.size, trace.digest) == (2, len(content), hashlib.sha256(content).hexdigest())
    assert list(iter_trace(trace)) == [Row(0, 2, 100, 7), Row(1, 3, 0, 0)]


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfContextTokens,GeneratedTokens\n1,2\n",
        b"GeneratedTokens,ContextTokens\r\n2,1\r\n",
        b'GeneratedTokens,other,ContextTokens\n2,"a,\nb",1',
        HEAD + b"\n\nt,1,2\n\n",
    ],
    ids=["a byte order mark", "other order and line ends", "quotes and no last line end", "blank lines"],
)
def test_traces_as_other_programs_write_them_are_read(tmp_path, content):
    rows = list(iter_trace(scan(write(tmp_path, content))))

    assert [(row.number, row.tokens_in, row.tokens_out) for row in rows] == [(0, 1, 2)]


@pytest.mark.parametrize(
    ("content", "row", "line", "column", "said"),
    [
        (b"", None, 1, "ContextTokens", "the file is empty"),
        (b"TIMESTAMP,ContextTokens\nt,1\n", None, 1, "GeneratedTokens", "is missing: there is TIMESTAMP"),
        (b"ContextTokens,GeneratedTokens,ContextTokens\n", None, 1, "ContextTokens", "more than once"),
        (HEAD + b"t,1,2\nt,abc,2\n", 1, 3, "ContextTokens", "'abc' is not a whole number"),
        (HEAD + b"t,1,2.5\n", 0, 2, "GeneratedTokens", "'2.5' is not a whole number"),
        (HEAD + b"t,1,-2\n", 0, 2, "GeneratedTokens", "'-2' is negative"),
        (HEAD + b"t,,2\n", 0, 2, "ContextTokens", "is empty"),
        (HEAD + b"t,1_000,2\n", 0, 2, "ContextTokens", "'1_000' is not a whole number"),
        (HEAD + b"t,1,1" + b"0" * 30 + b"\n", 0, 2, "GeneratedTokens", "is too large"),
        (HEAD + b"t,1,2,3\n", 0, 2, "4", "'3' is one too many"),
        (HEAD + b"t,1\n", 0, 2, "GeneratedTokens", "is missing: the row has 2 of 3"),
        (HEAD + b"t,1,2\nt\xff,1,2\n", 1, 3, "TIMESTAMP", "bytes that are not UTF-8"),
        (HEAD + b"t,1\xff,2\n", 0, 2, "ContextTokens", "bytes that are not UTF-8"),
        (b"TIME\xff,ContextTokens,GeneratedTokens\n", None, 1, "1", "bytes that are not UTF-8"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\n".encode("utf-16"), None, 1, "1", "bytes that are not UTF-8"),
        (HEAD + 't,"٣",2\n'.encode(), 0, 2, "ContextTokens", "'٣' is not a whole number"),
        (b"A,ContextTokens,GeneratedTokens\rq,1,2\r", None, 1, "ContextTokens", "cannot be read as CSV"),
        (HEAD + b't,"1,2\n', 0, 2, "TIMESTAMP", "cannot be read as CSV"),
        (HEAD + b"t," + b"1" * 70_000, 0, 1, "TIMESTAMP", "longer than 65536 bytes"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, content, row, line, column, said):
    no = refuse(tmp_path, content)

    assert (no.file, no.row, no.line, no.column) == ("trace.csv", row, line, column)
    assert said in str(no)
    assert str(no).startswith("trace.csv, " + ("header" if row is None else f"row {row}"))


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path, said in ((tmp_path / "none.csv", "is not there"), (tmp_path, "is not a file")):
        with pytest.raises(TraceInvalid, match=said):
            scan(path)


def test_a_file_that_changes_between_the_two_readings_is_refused(tmp_path):
    path = write(tmp_path, HEAD + b"t,1,2\n")
    trace = scan(path)
    path.write_bytes(HEAD + b"t,1,3\n")

    with pytest.raises(TraceInvalid, match="changed"):
        list(iter_trace(trace))


def test_the_check_sees_every_row_and_its_error_goes_through(tmp_path):
    path = write(tmp_path, HEAD + b"t,1,2\nt,3,4\n")
    seen: list[Row] = []

    scan_trace(path, seen.append, lambda done, total: None)

    assert [row.tokens_in for row in seen] == [1, 3]


def test_made_up_traces_are_the_same_for_one_seed(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_trace(tmp_path / name, rows=200, seed=seed)
    a, b, c = [scan(tmp_path / name) for name in "abc"]

    assert a.rows == 200
    assert a.digest == b.digest != c.digest
