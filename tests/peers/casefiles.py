"""Reads files of worked cases (their form is in cases/README.md) and says where one is not as it should be."""

import json
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

HERE = Path(__file__).parent
THEMES = tuple(sorted((HERE / "cases").glob("*.json")))
"""The files that are in the project."""


class CaseFileError(Exception):
    """A file that is missing, is not JSON, or is not a list of cases: says which, where, and what was expected."""


class Case(NamedTuple):
    """One worked case. `expect` is what Farthing should say: a peer's own figures are left out where they differ."""

    id: str
    says: str
    setup: list[dict[str, Any]]
    steps: list[dict[str, Any]]
    expect: list[dict[str, Any]]
    is_for_reading: bool
    """The peer does something else, and nobody wrote down what Farthing's figures would be."""


def read_cases(paths: Iterable[Path]) -> list[Case]:
    """Every case of every file, in order. Raises `CaseFileError`."""
    cases: dict[str, Case] = {}
    for path in paths:
        for place, found in enumerate(read_list(path)):
            case = read_case(path, place, found)
            if case.id in cases:
                refuse(path, case.id, "is there twice: ids are unique over all files that are run together")
            cases[case.id] = case
    return list(cases.values())


def read_list(path: Path) -> list[Any]:
    """What a file has under `cases`. Numbers with a point stay exact, though no amount should be one."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise CaseFileError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise CaseFileError(f"{path}: is not UTF-8 ({error.reason} at byte {error.start})") from error
    try:
        content = json.loads(text, parse_float=Decimal)
    except ValueError as error:
        raise CaseFileError(f"{path}: is not JSON ({error})") from error
    cases = content.get("cases") if isinstance(content, dict) else content
    if not isinstance(cases, list):
        raise CaseFileError(f'{path}: has no list of cases: write {{"theme": "…", "cases": […]}}')
    return cases


def read_case(path: Path, place: int, found: Any) -> Case:
    """A case whose parts are of the right shape; whether its words are known is the adapter's to say."""
    if not isinstance(found, dict) or not isinstance(found.get("id"), str):
        refuse(path, f"case {place + 1}", "has no id")
    name = found["id"]
    differs = "differs" in found
    setup: Any = found.get("setup", [])
    steps: Any = found.get("steps")
    expect: Any = found.get("farthing_expect", found.get("expect"))
    for what, part in (("setup", setup), ("steps", steps), ("expect", expect)):
        if not isinstance(part, list) or not all(isinstance(item, dict) for item in part):
            refuse(path, name, f"{what} is not a list of objects")
    if not steps:
        refuse(path, name, "has no steps")
    for index, step in enumerate(steps):
        if not isinstance(step.get("do"), str):
            refuse(path, name, f'step {index} says nothing to do: write "do": "charge"')
    for assertion in expect:
        after = assertion.get("after")
        if type(after) is not int or not 0 <= after < len(steps):
            refuse(path, name, f'an assertion is "after" {after!r}: write a step from 0 to {len(steps) - 1}')
    return Case(name, str(found.get("says", "")), setup, steps, expect, differs and "farthing_expect" not in found)


def refuse(path: Path, where: str, problem: str) -> NoReturn:
    """Say what is wrong in which case of which file."""
    raise CaseFileError(f"{path}, {where}: {problem}")
