"""`./dev cases FILE.json … [--json]`: runs any files of worked cases on every store and says what came of each case.

A case has passed when it passed on every store. Exit codes: 0 none failed, 1 some failed, 2 a file cannot be used.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tests.peers.casefiles import THEMES, Case, CaseFileError, read_cases
from tests.peers.lacking import find_reason
from tests.peers.plays import Mismatch, play_case
from tests.peers.stores import STORES

PASSED, FAILED, UNUSABLE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print, and say with the exit code how it went."""
    options = read_options(arguments)
    try:
        cases = read_cases(options.files or THEMES)
    except CaseFileError as error:
        print(f"cases: {error}", file=sys.stderr)
        return UNUSABLE
    outcome = run_cases(cases, options.store or list(STORES), watch=not options.json)
    print(json.dumps(outcome, ensure_ascii=False, indent=1) if options.json else write_table(outcome))
    return FAILED if outcome["failed"] else PASSED


def read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(
        prog="./dev cases",
        description="Run worked cases on every store; their form is described in tests/peers/cases/README.md.",
        epilog="example: ./dev cases tests/peers/cases/holds.json --json",
    )
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE.json", help="all that are in the project if none")
    parser.add_argument("--json", action="store_true", help="one JSON object: passed, failed, skipped, stores")
    parser.add_argument("--store", action="append", choices=list(STORES), help="only this store (may be repeated)")
    return parser.parse_args(arguments)


def run_cases(cases: Iterable[Case], stores: Sequence[str], *, watch: bool = False) -> dict[str, Any]:
    """Every case on every store. A mismatch that several stores share is told once, with their names."""
    passed, failed, skipped = 0, [], []
    for number, case in enumerate(cases):
        if watch and sys.stderr.isatty():
            print(f"\r{number} cases", end="", file=sys.stderr)
        reason = find_reason(case)
        if reason:
            skipped.append({"id": case.id, "reason": reason})
            continue
        found = [(store, play_case(case, store)) for store in stores]
        failures = gather_failures(case, found)
        failed += failures
        passed += not failures
    if watch and sys.stderr.isatty():
        print("\r" + " " * 20 + "\r", end="", file=sys.stderr)
    return {"passed": passed, "failed": failed, "skipped": skipped, "stores": list(stores)}


def gather_failures(case: Case, found: Iterable[tuple[str, Mismatch | None]]) -> list[dict[str, Any]]:
    """The mismatches of a case, those that are alike together."""
    failures: list[dict[str, Any]] = []
    for store, mismatch in found:
        if mismatch is None:
            continue
        alike = {"step": mismatch.step, "expected": mismatch.expected, "got": mismatch.got}
        known = next((failure for failure in failures if alike.items() <= failure.items()), None)
        if known:
            known["stores"].append(store)
        else:
            step = case.steps[mismatch.step]
            failures.append({"id": case.id, "says": case.says, "do": step["do"], **alike, "stores": [store]})
    return failures


def write_table(outcome: dict[str, Any]) -> str:
    """The same for people: failures in full, what was skipped by its reason, and the sums last."""
    lines = []
    for failure in outcome["failed"]:
        lines.append(f"FAILED {failure['id']} on {', '.join(failure['stores'])}: {failure['says']}")
        lines.append(f"  after step {failure['step']} ({failure['do']})")
        width = max(len(word) for word in failure["got"])
        for word, got in failure["got"].items():
            if word in failure["expected"]:
                lines.append(f"  {word:<{width}}  expected {write_value(failure['expected'][word])}")
                lines.append(f"  {'':<{width}}  got      {write_value(got)}")
            else:
                lines.append(f"  {word:<{width}}  {write_value(got)}")
        lines.append("")
    reasons: dict[str, list[str]] = {}
    for skip in outcome["skipped"]:
        reasons.setdefault(skip["reason"], []).append(skip["id"])
    for reason, ids in reasons.items():
        lines.append(f"skipped {len(ids):>3}  {reason}")
        lines += [f"             {name}" for name in ids]
    if reasons:
        lines.append("")
    skipped, failed = len(outcome["skipped"]), len({failure["id"] for failure in outcome["failed"]})
    lines.append(f"{outcome['passed']} passed, {failed} failed, {skipped} skipped, on {', '.join(outcome['stores'])}")
    return "\n".join(lines)


def write_value(value: Any) -> str:
    """A value on one line."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


if __name__ == "__main__":
    sys.exit(main())
