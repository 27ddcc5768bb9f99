"""README keeps its word: its Python blocks run as they stand, in an empty folder, twice, and print what they say."""

import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"


def read_blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def run_twice(block: str, folder: Path) -> list[list[str]]:
    """What a block prints, line by line, the first time and the second."""
    command = [sys.executable, "-W", "error", "-c", block]
    runs = [subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False) for _ in range(2)]

    assert [(done.returncode, done.stderr) for done in runs] == [(0, "")] * 2
    return [done.stdout.splitlines() for done in runs]


def test_the_first_block_runs_twice_and_its_keyed_calls_count_once(tmp_path: Path) -> None:
    first, second = run_twice(read_blocks("python")[0], tmp_path)

    assert first[0] == second[0] == "2.50 97.50"
    assert first[1].startswith("acme needs 500")
    assert "85.10" in first[2]
    assert "72.70" in second[2]


def test_the_block_with_a_catalog_runs_twice_and_charges_once(tmp_path: Path) -> None:
    _, block = read_blocks("python")
    text = README.read_text(encoding="utf-8")
    command = re.search(r"`farthing (init --catalog \w+)`", text)
    assert command
    farthing = Path(sys.executable).with_name("farthing")
    subprocess.run([farthing, *command[1].split()], cwd=tmp_path, check=True, capture_output=True)

    first, second = run_twice(block, tmp_path)

    assert first == second
    assert first[0].startswith("50 credits ('8 seconds: ")
    assert f"# {first[1]}\n" in block
