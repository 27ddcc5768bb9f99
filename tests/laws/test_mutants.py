"""A hundred and more seeded bugs of the kind that people make; each is planted in a copy of the core, and a test must notice.

A mutant is (file, what stands there, what the bug makes of it, the tests that are to kill it), or without the tests:
then a short walk beside the naive model is to kill it. Text that no longer stands there fails too, so that the lists
grow with the core.
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
    ("due.py", "TIMES_OUT, EXPIRES, STARTS, TURNS = 0, 1, 2, 3", "TIMES_OUT, EXPIRES, STARTS, TURNS = 1, 0, 2, 3", "test_rules_time.py"),
    ("expiries.py", "expired=breakage if lot.started else 0", "expired=0", "test_rules_time.py"),
    ("allowances.py", "expired=lot.remaining if lot.started else 0", "expired=lot.remaining", "test_folding.py"),
    ("budgets.py", "if counter.starts_at == starts_at:", "if True:", "test_folding.py"),
    ("grants.py", "waits = starts_at > draft.t", "waits = starts_at >= draft.t", "test_rules_time.py"),
    ("holds.py", "for number, drawn in reversed(draws):", "for number, drawn in draws:", "test_rules_holds.py"),
    ("holds.py", "if lot.expires_at <= draft.at:", "if lot.expires_at < draft.at:", "test_rules_holds.py"),
    ("holds.py", "still_held + max(0, sum_available(wallet, hold.feature))", "still_held", "test_rules_limits.py"),
    ("holds.py", "min(draft.t + ttl, LATEST_INSTANT)", "draft.t", "test_rules_holds.py"),
    ("refunds.py", "for number, drawn in reversed(undone.draws):", "for number, drawn in undone.draws:", "test_rules_back.py"),
    ("refunds.py", "if amount > left:", "if False:", "test_rules_back.py"),
    ("refunds.py", "for debt in reversed(owed):", "for debt in owed[:0]:", "test_rules_back.py"),
    ("corrections.py", "for lot in reversed(list_period_lots(draft)):", "for lot in list_period_lots(draft):", "test_rules_corrections.py"),
    ("decide.py", "first.request_digest == request.digests()[1]", "first.key_digest == request.digests()[0]", "test_rules_keys.py"),
    ("amounts.py", "quotient += 2 * rest >= abs(denominator)", "quotient += 2 * rest > abs(denominator)", "test_rules_amounts.py"),
    ("laws.py", "if stated != lots + covered - debt:", "if False:", "test_step_laws.py"),
    ("laws.py", "if refunded > charged:", "if False:", "test_step_laws.py"),
    ("entries.py", "return self.digest(before + encode_entry(fields))", "return self.digest(encode_entry(fields))", "test_entry_encoding.py"),
    ("standing_requests.py", "return tuple(sorted(units, key=bool))", "return tuple(units)", "test_rules_together.py"),
    ("allowances.py", "draft.resize_lot(allowance.lot, full)  #", "pass  #", "test_rules_replacing.py"),
    ("subscriptions.py", "if last != request.expected or draft.stepped is not None:", "if last > request.expected:", "test_rules_together.py"),
    ("subscriptions.py", "if said and name not in UNSAID:", "if name not in UNSAID:", "test_rules_together.py"),
    ("requests.py", "if self.priced is None else [*self.priced.said]", "", "test_rules_meters.py"),
    ("requests.py", "if (value := getattr(self, name)) != usual", "if (value := getattr(self, name)) is not self", "test_request_digests.py"),
    ("draft.py", "version = request.catalog_version", "version = 0", "test_rules_meters.py"),
    ("allowances.py", "live = [each for each in live if each is not replaced]", "pass", "test_rules_replacing.py"),
    ("allowances.py", "lot is None or lot.expires_at <= draft.t else lot.amount", "lot is None else lot.amount", "test_rules_replacing.py"),
    ("allowances.py", "turns_at = clip(allowance, request.starts_at)", "turns_at = request.starts_at", "test_rules_until.py"),
    ("allowances.py", "        return allowance.starts_at\n    return find_period", "        pass\n    return find_period", "test_rules_until.py"),
    ("allowances.py", "            end_anew(draft, lot, ends_at)\n        changed", "            pass\n        changed", "test_rules_until.py"),
]  # fmt: skip

STORIES = [
    ("allowances.py", "and is_steady(draft, allowance)", "", "test_merged_turns.py"),
]  # fmt: skip

WALKED = [
    ("allowances.py", "request.starts_at > t:", "request.starts_at >= t:"),
    ("allowances.py", "divide_half_up(request.amount * (end - t), end - start)", "request.amount * (end - t) // (end - start)"),
    ("allowances.py", "find_index(rhythm, end, draft.zones) + allowance.keep", "find_index(rhythm, end, draft.zones) + 1"),
    ("allowances.py", "allowance.on_turn == TurnPolicy.FORGIVE", "allowance.on_turn == TurnPolicy.KEEP"),
    ("allowances.py", "sorted(lots, key=lambda lot: (lot.effective_at, lot.number))", "sorted(lots, key=lambda lot: -lot.number)"),
    ("allowances.py", "allowance.amount * allowance.cap_percent // WHOLE_PERCENT", "-(-allowance.amount * allowance.cap_percent // WHOLE_PERCENT)"),
    ("allowances.py", "- index - count_kept(allowance)", "- index"),
    ("allowances.py", "wanted = allowance.amount * periods", "wanted = allowance.amount"),
    ("allowances.py", "min(lot.expires_at, end)", "lot.expires_at"),
    ("allowances.py", "moved = max(more, -lot.remaining)", "moved = max(more, 0)"),
    ("allowances.py", "draft.wallet.recurring -= 1", "pass"),
    ("allowances.py", "end_now(draft, allowance, allowance.turns_at)", "end_now(draft, allowance, None)"),
    ("allowances.py", "lot.expires_at == allowance.turns_at and not is_carried(draft, lot)", "lot.expires_at == allowance.turns_at"),
    ("allowances.py", "request.amount is None or before.starts_at > draft.t", "request.amount is None"),
    ("corrections.py", "and not is_carried(draft, lot)", ""),
    ("due.py", "TIMES_OUT, EXPIRES, STARTS, TURNS = 0, 1, 2, 3", "TIMES_OUT, EXPIRES, STARTS, TURNS = 0, 3, 2, 1"),
    ("budgets.py", "most - counter.spent - counter.reserved", "most - counter.spent"),
    ("budgets.py", "t < counter.ends_at", "t <= counter.ends_at"),
    ("budgets.py", "if counter.starts_at == starts_at:", "if True:"),
    ("budgets.py", "spent=0 if is_over else spent", "spent=spent"),
    ("budgets.py", "counter.spent < budget.most <= total", "counter.spent <= budget.most < total"),
    ("budgets.py", "if counter.starts_at <= entry.recorded_at:", "if True:"),
    ("budgets.py", "and (not budget.per or said[budget.per])", ""),
    ("budgets.py", "left < room and budget.is_hard", "left < room"),
    ("budgets.py", "back = min(amount, spent)", "back = spent"),
    ("alerts.py", "before > threshold >= after", "before >= threshold > after"),
    ("alerts.py", "AlertKind.EXPIRED if has_expired else", "AlertKind.LOW if has_expired else"),
    ("alerts.py", "available > rule.threshold or", "available >= rule.threshold or"),
    ("alerts.py", "// rule.quantity + 1)", "// rule.quantity)"),
    ("alerts.py", "bought + amount > most", "bought + amount >= most"),
    ("alerts.py", "or draft.origin.terms.top_up.in_flight", ""),
    ("clawbacks.py", "gone = min(due - taken, before.unused)", "gone = 0"),
    ("clawbacks.py", "(*past, *draft.entries)", "past"),
    ("clawbacks.py", "divide_half_up(lot.amount * returned, lot.cost_minor)", "lot.amount * returned // lot.cost_minor"),
    ("clawbacks.py", "total - before.credits", "total"),
    ("clawbacks.py", "(taken if lot.started else 0)", "taken"),
    ("clawbacks.py", "if returned > lot.cost_minor:", "if returned >= lot.cost_minor:"),
    ("clawbacks.py", "unused -= min(unused, entry.uncovered)", "unused -= entry.uncovered"),
    ("expiries.py", " or (shortens and lot.expires_at > end)", ""),
    ("expiries.py", "if end <= draft.t:", "if end < draft.t:"),
    ("expiries.py", "and not lot.allowance and", "and"),
    ("expiries.py", "(lot.remaining or lot.number in held)", "lot.remaining"),
    ("grants.py", "elif request.extends and not waits:", "elif False:"),
    ("decide.py", "draft.wallet.account = account\n        due", "due"),
    ("allowances.py", "return min(end, allowance.until) if allowance.until else end", "return end"),
    ("allowances.py", "min(quiet_until, allowance.until - 1) if allowance.until else quiet_until", "clip(allowance, quiet_until)"),
    ("allowances.py", "if until and until <= draft.t:", "if until and until < draft.t:"),
    ("allowances.py", "before.turns_at if request.until is None else clip(changed, unclip(draft, before))", "clip(changed, before.turns_at)"),
    ("allowances.py", "allowance.until - 1, draft.zones)[2]", "allowance.until, draft.zones)[2]"),
    ("allowances.py", "ends_at = clip(allowance, max(request.ends_at, draft.t))", "ends_at = max(request.ends_at, draft.t)"),
    ("allowances.py", "    ends_at = clip(allowance, ends_at)\n    wanted", "    wanted"),
    ("allowances.py", "max(0, full - count_taken(draft, replaced))", "full - min(full, replaced.amount)"),
    ("allowances.py", "is_kept = request.change_mode == ChangeMode.ADD", "is_kept = request.change_mode != ChangeMode.REPLACE"),
    ("allowances.py", "return finish(draft, allowance, list_in_hand(draft, allowance), draft.at)", "return finish(draft, allowance, [], draft.at)"),
    ("allowances.py", "(lot.effective_at >= allowance.starts_at or lot.number == allowance.lot)", "True"),
    ("decide.py", "for each in request.requests:", "for each in request.requests[:2]:"),
    ("holds.py", "is_rest = asked is None and hold.settled > 0", "is_rest = False"),
    ("meters.py", "is_new = stored is None or draft.t >= ends_at", "is_new = stored is None or draft.t > ends_at"),
    ("meters.py", "before = 0 if stored is None or is_new else stored.spent", "before = 0 if stored is None else stored.spent"),
    ("meters.py", "wallet.budgeted += stored is None", "wallet.budgeted += is_new"),
    ("meters.py", "starts_at, ends_at, after, 0))", "starts_at, ends_at, before + meter.quantity, 0))"),
    ("meters.py", "if unit == draft.wallet.unit.unit_id", ""),
    ("meters.py", "meter.zone or draft.wallet.account.zone", 'meter.zone or "UTC"'),
    ("holds.py", "meters.reckon(draft, request, amount, keeps=False)", "meters.reckon(draft, request, amount)"),
    ("holds.py", "meters.reckon(draft, request, held if asked is None else asked)", "held if asked is None else asked"),
    ("charges.py", "    amount = meters.reckon(draft, request, amount)\n    owed", "    owed"),
    ("charges.py", "asked = amount = meters.reckon(draft, request, amount)", "asked = amount = amount or meters.reckon(draft, request, amount)"),
    ("subscriptions.py", "wallet.subscription = draft.stepped = step", "draft.stepped = step"),
]  # fmt: skip
STEPS = 40_000
"""Most of them are noticed within a thousand."""


@pytest.mark.parametrize(("file", "stands", "bug", "killer"), MUTANTS, ids=[f"{m[0]}: {m[2][:40]}" for m in MUTANTS])
def test_a_seeded_bug_is_noticed(tmp_path: Path, file: str, stands: str, bug: str, killer: str) -> None:
    plant(tmp_path, file, stands, bug)

    done = run_tests(tmp_path, ROOT / "tests" / "unit" / killer)

    assert done.returncode == 1, f"nobody noticed: {done.stdout[-800:]}{done.stderr[-800:]}"
    assert " failed" in done.stdout


@pytest.mark.parametrize(("file", "stands", "bug", "killer"), STORIES, ids=[f"{m[0]}: {m[1][:40]}" for m in STORIES])
def test_a_seeded_bug_spoils_a_story(tmp_path: Path, file: str, stands: str, bug: str, killer: str) -> None:
    plant(tmp_path, file, stands, bug)

    done = run_tests(tmp_path, ROOT / "tests" / "laws" / killer)

    assert done.returncode == 1, f"nobody noticed: {done.stdout[-800:]}{done.stderr[-800:]}"
    assert "Disagree" in done.stdout


@pytest.mark.parametrize(("file", "stands", "bug"), WALKED, ids=[f"{m[0]}: {m[1][:40]}" for m in WALKED])
def test_a_seeded_bug_parts_the_core_from_the_model(tmp_path: Path, file: str, stands: str, bug: str) -> None:
    plant(tmp_path, file, stands, bug)
    walk = ["tests.laws.long_run", "--steps", str(STEPS), "--seed", "3", "--as-it-is"]

    done = run(tmp_path, ["-m", *walk])

    assert done.returncode == 1, f"nobody noticed: {done.stdout[-800:]}{done.stderr[-800:]}"
    assert "Disagree: " in done.stdout or "LawBroken: " in done.stdout


def plant(code: Path, file: str, stands: str, bug: str) -> None:
    """A copy of the core and its values, with the bug in it."""
    shutil.copytree(ROOT / "src" / "farthing", code / "farthing", ignore=shutil.ignore_patterns("__pycache__"))
    rooms = [code / "farthing" / room / file for room in ("core", "values")]
    mutated = next(path for path in rooms if path.exists())
    text = mutated.read_text()
    assert stands in text, "the code has changed: plant this bug where it belongs now"
    mutated.write_text(text.replace(stands, bug, 1))


def run_tests(code: Path, file: Path) -> subprocess.CompletedProcess[str]:
    """One file of tests, on the mutated copy, up to the first failure."""
    plain = ["-x", "-q", "-n", "0", "-p", "no:cacheprovider", "-p", "no:hypothesispytest"]
    return run(code, ["-m", "pytest", str(file), *plain])


def run(code: Path, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(code), str(ROOT)])}
    command = [sys.executable, "-B", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
