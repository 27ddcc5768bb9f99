"""The long run, for a few seconds: what it draws, that the two never part, and that it can tell where they do."""

from __future__ import annotations

import pytest

from farthing.core import burndown
from tests.laws.long_run import Report, main, run_walks
from tests.laws.paths import WEIGHTS
from tests.laws.walk import REASONS

NEVER_ASKED = {"hold_unknown", "charge_unknown", "key_reused"}
"""Refusals of what a walk does not draw: `test_naive_corners.py` has them."""


@pytest.fixture(scope="module")
def report() -> Report:
    return run_walks(7, 0, 60)


def test_the_core_and_the_model_never_part(report: Report) -> None:
    assert report.parted == ""


def test_every_kind_of_request_is_drawn_and_every_refusal_seen(report: Report) -> None:
    assert set(report.kinds) == set(WEIGHTS)
    assert set(report.refusals) == set(REASONS) - NEVER_ASKED
    assert report.alerts > 100
    assert report.entries > report.steps


def test_where_they_part_the_walk_is_shortened_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in the order of spending is told as the few requests that show it."""

    def rank_backwards(lot):
        return (-lot.priority, lot.expires_at, 0, 0, lot.effective_at, lot.number)

    monkeypatch.setattr(burndown, "rank_lot", rank_backwards)

    found = run_walks(7, 0, 60)

    lines = found.parted.splitlines()
    assert lines[0].startswith("seed 7, walk ")
    assert 3 <= len(lines) < 14
    assert "Disagree: " in lines[-1]


def test_the_run_can_be_asked_for_by_hand(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--steps", "3000", "--seed", "5"]) == 0

    said = capsys.readouterr().out
    assert said.startswith("3,000 steps in ")
    assert "drawn:   charge " in said
    assert said.endswith("they never parted\n")
