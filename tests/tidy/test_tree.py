"""The house is in order: every rule of rules.py over every file of the project that git would keep."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.tidy import rules

ROOT = Path(__file__).resolve().parents[2]
PLAIN = {".py", ".md", ".toml", ".txt", ".lock", ".sh", ".json", ".csv", ".cfg", ".ini", ".mako", ".yml", ".yaml", ""}


def list_files() -> list[str]:
    """Files that git tracks or would track; without git (an unpacked archive) all but hidden folders and caches."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):
        found = (str(p.relative_to(ROOT)) for p in ROOT.rglob("*"))
        listed = [name for name in found if not re.search(r"(^|/)(\.(?!ci/|gitignore)|__pycache__)", name)]
    return sorted(name for name in listed if name and (ROOT / name).is_file())


FILES = list_files()
PYTHON = [name for name in FILES if name.endswith(".py")]
SOURCE = [name for name in PYTHON if name.startswith("src/")]
CORE = [name for name in SOURCE if name.startswith("src/farthing/core/")]
VALUES = [name for name in SOURCE if name.startswith("src/farthing/values/")]
MARKDOWN = [name for name in FILES if name.endswith(".md")]
RECORDS = [name for name in MARKDOWN if name.startswith("docs/decisions/")]
TEXT = [name for name in FILES if Path(name).suffix in PLAIN]
# A migration is a list of what changed, read once and never again; its length is the schema's.
FUNCTIONS = [name for name in PYTHON if "/migrations/" not in name]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def collect(rule: Callable[[str, str], list[str]], names: Iterable[str]) -> list[str]:
    return [offence for name in names for offence in rule(name, read(name))]


@pytest.mark.parametrize(
    ("rule", "names"),
    [
        pytest.param(rules.find_long_file, PYTHON, id="no file is over 500 lines"),
        pytest.param(rules.find_long_functions, FUNCTIONS, id="no function is over 70 lines"),
        pytest.param(rules.find_vague_name, PYTHON, id="every module is named after what lives there"),
        pytest.param(rules.find_missing_contract, SOURCE, id="every module opens with its contract"),
        pytest.param(rules.find_unfinished, TEXT, id="nothing is left for later in a comment"),
        pytest.param(rules.find_machine_paths, TEXT, id="no file names a path of one machine"),
        pytest.param(rules.find_floats, CORE + VALUES, id="core has no floats"),
        pytest.param(rules.find_foreign_imports, CORE + VALUES, id="core imports the standard library only"),
        pytest.param(rules.find_ledger_transactions, CORE + VALUES, id="core calls nothing a transaction"),
        pytest.param(rules.find_reaching_out, SOURCE, id="no inner room imports the face"),
        pytest.param(rules.find_long_record, RECORDS, id="a decision record is a page"),
        pytest.param(rules.find_readme_gaps, ["README.md"], id="README shows the way in"),
        pytest.param(rules.find_loose_locks, ["requirements.lock"], id="the lock is exact and names no host"),
    ],
)
def test_house_rule(rule: Callable[[str, str], list[str]], names: list[str]) -> None:
    assert names, "the rule looked at nothing"

    assert collect(rule, names) == []


@pytest.mark.parametrize("room", rules.LONGEST_ROOMS)
def test_a_pure_room_can_be_read_in_one_sitting(room: str) -> None:
    lines = sum(read(name).count("\n") for name in SOURCE if name.startswith(f"src/farthing/{room}/"))
    assert 0 < lines <= rules.LONGEST_ROOMS[room]


def test_decision_records_are_numbered() -> None:
    assert rules.find_bad_records([Path(name).name for name in RECORDS]) == []


def test_relative_links_lead_somewhere() -> None:
    assert [o for name in MARKDOWN for o in rules.find_broken_links(name, read(name), ROOT)] == []


def test_house_papers_are_here() -> None:
    papers = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE", "src/farthing/py.typed"]

    assert [name for name in papers if name not in FILES] == []
    assert read("CHANGELOG.md").index("### Money") < read("CHANGELOG.md").index("### Added")


def test_every_dependency_is_locked_and_has_its_reason() -> None:
    project = tomllib.loads(read("pyproject.toml"))
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    names = [re.split(r"[<>=!~ \[;]", requirement)[0] for requirement in wanted]

    locked = re.findall(r"^([a-z0-9._-]+)==", read("requirements.lock"), re.MULTILINE)
    assert [name for name in names if name not in locked] == []
    assert [name for name in names if f"`{name}`" not in read("docs/decisions/0002-dependencies.md")] == []


def test_import_farthing_is_light() -> None:
    heavy = ["django", "litestar", "psycopg", "sqlalchemy", "alembic", "typer", "rich", "pytest", "hypothesis"]
    script = f"import sys, farthing; print([name for name in {heavy} if name in sys.modules])"

    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False)

    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_dev_explains_each_of_its_words() -> None:
    shown = subprocess.run([str(ROOT / "dev"), "help"], capture_output=True, text=True, check=True).stdout
    branches = re.findall(r"^  ([a-z]+)\) set_up", read("dev"), re.MULTILINE)

    assert branches == ["setup", "demo", "test", "check", "bench", "cases"]
    assert [word for word in [*branches, "help"] if not re.search(rf"^  {word} +\w", shown, re.MULTILINE)] == []


def test_dev_refuses_a_word_it_does_not_know() -> None:
    done = subprocess.run([str(ROOT / "dev"), "danse"], capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert "unknown word: danse" in done.stderr
    assert done.stdout == ""
