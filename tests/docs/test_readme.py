"""README keeps its word: its Python block runs as it stands, in an empty folder, twice, and prints what it says."""

import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"


def read_blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_readme_block_runs_twice_and_its_keyed_calls_count_once(tmp_path: Path) -> None:
    blocks = read_blocks("python")
    assert blocks

    for block in blocks:
        command = [sys.executable, "-W", "error", "-c", block]
        first = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        second = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

        assert (first.returncode, first.stderr) == (0, "")
        assert (second.returncode, second.stderr) == (0, "")
        said = first.stdout.splitlines()
        assert said[0] == second.stdout.splitlines()[0] == "2.50 97.50"
        assert said[1].startswith("acme needs 500")
        assert "85.10" in said[2]
        assert "72.70" in second.stdout.splitlines()[2]
