"""`./dev cases`: what it prints, what it answers with, and what it says to files that it cannot use."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.peers import run
from tests.peers.casefiles import HERE, THEMES, read_cases
from tests.peers.lacking import TIME_OF_DAY
from tests.peers.plays import Mismatch

ROOT = Path(__file__).resolve().parents[2]


def make_case(name="own-1", **changes):
    steps = [
        {"at": "2024-01-01T00:00:00Z", "do": "grant", "id": "g", "amount": "10"},
        {"do": "charge", "amount": "4"},
    ]
    return {
        "id": name,
        "says": "4 of 10.",
        "setup": [],
        "steps": steps,
        "expect": [{"after": 1, "balance": "6"}],
    } | changes


def write_file(folder, *cases):
    path = folder / "own.json"
    path.write_text(json.dumps({"theme": "own", "cases": list(cases)}), encoding="utf-8")
    return path


def run_json(capsys, *arguments):
    code = run.main([*map(str, arguments), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_json_counts_cases_and_names_what_failed_and_what_was_skipped(tmp_path, capsys):
    wrong = make_case("own-2", expect=[{"after": 0, "balance": "10"}, {"after": 1, "balance": "7.0", "debt": "0"}])
    later = make_case("own-3", steps=[{"do": "quote", "price": {"off_peak": {}}}], expect=[])
    path = write_file(tmp_path, make_case(), wrong, later)

    code, said = run_json(capsys, path)

    assert code == run.FAILED
    assert said == {
        "passed": 1,
        "failed": [
            {
                "id": "own-2",
                "says": "4 of 10.",
                "do": "charge",
                "step": 1,
                "expected": {"balance": "7.0"},
                "got": {"balance": "6.00"},
                "stores": ["memory", "sqlite", "postgres"],
            }
        ],
        "skipped": [{"id": "own-3", "reason": TIME_OF_DAY}],
        "stores": ["memory", "sqlite", "postgres"],
    }


def test_without_failures_the_exit_code_is_zero(tmp_path, capsys):
    assert run_json(capsys, write_file(tmp_path, make_case())) == (
        run.PASSED,
        {"passed": 1, "failed": [], "skipped": [], "stores": ["memory", "sqlite", "postgres"]},
    )


def test_a_list_of_cases_without_a_theme_will_do(tmp_path, capsys):
    path = tmp_path / "own.json"
    path.write_text(json.dumps([make_case()]), encoding="utf-8")

    assert run_json(capsys, path, "--store", "memory")[1]["passed"] == 1


def test_the_figures_for_farthing_win_over_the_peers(tmp_path, capsys):
    case = make_case(differs="on purpose", expect=[{"after": 1, "balance": "99"}])
    path = write_file(tmp_path, case | {"farthing_expect": [{"after": 1, "balance": "6"}]}, case | {"id": "own-2"})

    _, said = run_json(capsys, path, "--store", "memory")

    assert (said["passed"], said["failed"]) == (1, [])
    assert said["skipped"][0]["reason"].startswith("is for reading")


def test_the_table_shows_expected_and_got_one_above_the_other(tmp_path, capsys):
    wrong = make_case("own-2", steps=[*make_case()["steps"], {"do": "charge", "amount": "99"}])
    wrong["expect"] = [{"after": 2, "outcome": "ok", "balance": "6"}]

    code = run.main([str(write_file(tmp_path, make_case(), wrong)), "--store", "memory"])

    said = capsys.readouterr().out.splitlines()
    assert code == run.FAILED
    assert said[:6] == [
        "FAILED own-2 on memory: 4 of 10.",
        "  after step 2 (charge)",
        "  outcome  expected ok",
        "           got      refused",
        "  refusal  acme needs 99 credits and can spend 6 (none held): 93 short.",
        "",
    ]
    assert said[-1] == "1 passed, 1 failed, 0 skipped, on memory"


def test_mismatches_that_differ_between_stores_are_told_apart():
    case = read_cases([HERE / "cases" / "holds.json"])[0]
    one, other = (Mismatch(0, {"balance": "1"}, {"balance": got}) for got in ("2", "3"))

    failures = run.gather_failures(case, [("a", one), ("b", None), ("c", other), ("d", one)])

    assert [(failure["stores"], failure["got"]) for failure in failures] == [
        (["a", "d"], {"balance": "2"}),
        (["c"], {"balance": "3"}),
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not JSON"),
        ("{}", "has no list of cases"),
        ("7", "has no list of cases"),
        ('[{"steps": []}]', "case 1: has no id"),
        ("[7]", "case 1: has no id"),
        ('[{"id": "x", "expect": []}]', "x: steps is not a list of objects"),
        ('[{"id": "x", "steps": [], "expect": []}]', "x: has no steps"),
        ('[{"id": "x", "steps": [{"at": "now"}], "expect": []}]', "x: step 0 says nothing to do"),
        ('[{"id": "x", "steps": [{"do": "advance"}]}]', "x: expect is not a list of objects"),
        (
            '[{"id": "x", "steps": [{"do": "advance"}], "expect": [{"after": 1}]}]',
            '"after" 1: write a step from 0 to 0',
        ),
        ('[{"id": "x", "steps": [{"do": "advance"}], "expect": [{}]}]', '"after" None'),
    ],
)
def test_a_file_that_is_not_as_it_should_be_is_refused_by_name_and_place(tmp_path, capsys, content, said):
    path = tmp_path / "own.json"
    path.write_text(content, encoding="utf-8")

    code = run.main([str(path)])

    error = capsys.readouterr().err
    assert (code, error.startswith(f"cases: {path}"), said in error) == (run.UNUSABLE, True, True)


def test_a_case_that_is_there_twice_is_refused(tmp_path, capsys):
    assert run.main([str(write_file(tmp_path, make_case(), make_case()))]) == run.UNUSABLE
    assert "own-1: is there twice" in capsys.readouterr().err


def test_a_file_that_cannot_be_read_is_refused(tmp_path, capsys):
    latin = tmp_path / "latin.json"
    latin.write_bytes(b'[{"id": "\xe9"}]')

    for path, said in ((tmp_path / "none.json", "No such file"), (tmp_path, "Is a directory"), (latin, "is not UTF-8")):
        assert run.main([str(path)]) == run.UNUSABLE
        assert said in capsys.readouterr().err


def test_without_files_all_of_the_project_are_meant():
    assert run.read_options([]).files == []
    assert {path.stem for path in THEMES} == {path.stem for path in (HERE / "cases").glob("*.json")}


def test_the_door_runs_files_from_wherever_it_is_called(tmp_path):
    write_file(tmp_path, make_case())

    done = subprocess.run(
        [str(ROOT / "dev"), "cases", "own.json", "--json"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert (done.returncode, json.loads(done.stdout)["passed"]) == (0, 1)
