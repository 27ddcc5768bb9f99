"""Twenty-odd seeded bugs of the kind that people make; each is planted in a copy of the core, and a test must notice.

A mutant is (file, what stands there, what the bug makes of it, the tests that are to kill it). Text that no longer
stands there fails too, so that the list grows with the core.
"""
# ruff: noqa: E501 — one mutant, one line

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

MUTANTS = [
    ("burndown.py", "- wallet.debt - wallet.bare", "+ wallet.debt - wallet.bare", "test_rules_lots.py"),
    ("burndown.py", "- wallet.debt - wallet.bare", "- wallet.debt", "test_rules_lots.py"),
    ("burndown.py", "        lot.priority,\n        lot.expires_at,", "        lot.expires_at,\n        lot.priority,", "test_rules_lots.py"),
    ("burndown.py", "0 if lot.features else 1", "1 if lot.features else 0", "test_rules_lots.py"),
    ("burndown.py", "not lot.features or feature in lot.features", "True", "test_rules_lots.py"),
    ("charges.py", "if amount > available:", "if amount >= available:", "test_rules_limits.py"),
    ("charges.py", "amount = max(0, available)", "amount = available", "test_rules_limits.py"),
    ("draft.py", "            if wallet.debt:\n                self.pay_debts()", "            pass", "test_rules_lots.py"),
    ("draft.py", "if wallet.unloaded and rank_lot(lot) > wallet.horizon:", "if False:", "test_partial_wallets.py"),
    ("draft.py", "ended_at = 0 if remaining else self.t", "ended_at = 0", "test_rules_back.py"),
    ("due.py", "if event[0] <= now]", "if event[0] < now]", "test_rules_time.py"),
    ("due.py", "TIMES_OUT, EXPIRES, STARTS = 0, 1, 2", "TIMES_OUT, EXPIRES, STARTS = 1, 0, 2", "test_rules_time.py"),
    ("due.py", "expired=breakage if lot.started else 0", "expired=0", "test_rules_time.py"),
    ("grants.py", "waits = starts_at > draft.t", "waits = starts_at >= draft.t", "test_rules_time.py"),
    ("holds.py", "for number, drawn in reversed(draws):", "for number, drawn in draws:", "test_rules_holds.py"),
    ("holds.py", "if lot.expires_at <= draft.at:", "if lot.expires_at < draft.at:", "test_rules_holds.py"),
    ("holds.py", "still_held + max(0, sum_available(wallet, hold.feature))", "still_held", "test_rules_limits.py"),
    ("holds.py", "deadline = draft.t + ttl\n    lead", "deadline = draft.t\n    lead", "test_rules_holds.py"),
    ("refunds.py", "for number, drawn in reversed(undone.draws):", "for number, drawn in undone.draws:", "test_rules_back.py"),
    ("refunds.py", "if amount > left:", "if False:", "test_rules_back.py"),
    ("refunds.py", "for debt in reversed(owed):", "for debt in owed[:0]:", "test_rules_back.py"),
    ("corrections.py", "for lot in reversed(list_period_lots(draft)):", "for lot in list_period_lots(draft):", "test_rules_corrections.py"),
    ("decide.py", "first.request_digest == request.digests()[1]", "first.key_digest == request.digests()[0]", "test_rules_keys.py"),
    ("amounts.py", "quotient += 2 * rest >= abs(denominator)", "quotient += 2 * rest > abs(denominator)", "test_rules_amounts.py"),
    ("laws.py", "if stated != lots + covered - debt:", "if False:", "test_step_laws.py"),
    ("laws.py", "if refunded > charged:", "if False:", "test_step_laws.py"),
    ("entries.py", "return self.digest(before + encode_entry(fields))", "return self.digest(encode_entry(fields))", "test_entry_encoding.py"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "stands", "bug", "killer"), MUTANTS, ids=[f"{m[0]}: {m[2][:40]}" for m in MUTANTS])
def test_a_seeded_bug_is_noticed(tmp_path: Path, file: str, stands: str, bug: str, killer: str) -> None:
    shutil.copytree(ROOT / "src" / "farthing", tmp_path / "farthing", ignore=shutil.ignore_patterns("__pycache__"))
    mutated = tmp_path / "farthing" / "core" / file
    text = mutated.read_text()
    assert stands in text, "the code has changed: plant this bug where it belongs now"

    mutated.write_text(text.replace(stands, bug, 1))
    done = run_tests(tmp_path, killer)

    assert done.returncode == 1, f"nobody noticed: {done.stdout[-800:]}{done.stderr[-800:]}"
    assert " failed" in done.stdout


def run_tests(code: Path, name: str) -> subprocess.CompletedProcess[str]:
    """One file of unit tests, on the mutated copy, up to the first failure."""
    plain = ["-x", "-q", "-n", "0", "-p", "no:cacheprovider", "-p", "no:hypothesispytest"]
    command = [sys.executable, "-B", "-m", "pytest", str(ROOT / "tests" / "unit" / name), *plain]
    environment = {**os.environ, "PYTHONPATH": str(code)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
