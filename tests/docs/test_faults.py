"""The table of faults keeps its word: every fault has a line, and every test that it names is there."""

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
PAGE = TESTS.parent / "docs" / "faults.md"
NAMED = re.compile(r"`([\w/]+\.py)::(test_\w+)`")
EXCUSES = ("Not here", "No server", "No connection to lose", "Does not exist there", "One writer at a time", "The same")


def read_rows() -> list[list[str]]:
    """The cells of each line of the table."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if re.match(r"\| F\d", line)]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def find_test(file: str, name: str) -> bool:
    path = TESTS / file
    return path.is_file() and re.search(rf"^(async )?def {name}\(", path.read_text(encoding="utf-8"), re.M) is not None


def test_every_fault_has_a_line_and_says_what_must_show() -> None:
    rows = read_rows()

    assert [row[0] for row in rows] == [f"F{number}" for number in range(1, 31)]
    assert all(len(row) == 5 and all(row) for row in rows)


def test_every_test_that_is_named_is_there() -> None:
    named = NAMED.findall(PAGE.read_text(encoding="utf-8"))

    assert len(named) > 50
    assert [f"{file}::{name}" for file, name in named if not find_test(file, name)] == []


def test_every_cell_names_a_test_or_says_why_there_is_none() -> None:
    cells = [(row[0], cell) for row in read_rows() for cell in row[3:]]

    bare = [
        (fault, cell) for fault, cell in cells if not NAMED.search(cell) and not cell.lower().startswith(low_excuses())
    ]
    assert bare == []


def low_excuses() -> tuple[str, ...]:
    return tuple(excuse.lower() for excuse in EXCUSES)


def test_whoever_says_the_same_stands_beside_what_it_is_the_same_as() -> None:
    same = [row for row in read_rows() if row[4].startswith("The same")]

    assert same
    assert all(NAMED.search(row[3]) for row in same)
