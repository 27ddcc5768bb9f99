"""Every house rule can say no: each is shown a sample of what it forbids, and a neighbour that it lets pass."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tidy import rules

HASH = "--hash=sha256:" + "0" * 64
CORE = "src/farthing/core/holds.py"
LONG = "def count():\n" + "    x = 1\n" * 70
FITS = "def count():\n" + "    x = 1\n" * 69


@pytest.mark.parametrize(
    ("rule", "path", "forbidden", "allowed"),
    [
        (rules.find_long_file, CORE, "x = 1\n" * 501, "x = 1\n" * 500),
        (rules.find_long_functions, CORE, LONG, FITS),
        (rules.find_long_functions, CORE, "async " + LONG, "async " + FITS),
        (rules.find_missing_contract, CORE, "x = 1\n", '"""What a hold is."""\n'),
        (rules.find_unfinished, CORE, "x = 1  # TO" + "DO later\n", "x = 1  # to do it later would be late\n"),
        (rules.find_machine_paths, "README.md", "cd /" + "home/ann/farthing", "see https://example.org/home/ann"),
        (rules.find_machine_paths, "dev", "cp x /" + "root/y", "ls /tmp/x ../shared/opt/x"),
        (rules.find_floats, CORE, "x = 0.5", "x = Decimal('0.5')"),
        (rules.find_floats, CORE, "x = float(y)", "x = isinstance(y, float)"),
        (rules.find_floats, CORE, "x = y / 2", "x = y // 2"),
        (rules.find_floats, CORE, "x /= 2", "x //= 2"),
        (rules.find_foreign_imports, CORE, "import sqlalchemy", "import hashlib"),
        (rules.find_foreign_imports, CORE, "from farthing.store import sqlite", "from farthing.core import laws"),
        (rules.find_foreign_imports, CORE, "from .. import store", "from . import laws"),
        (rules.find_foreign_imports, CORE, "def f():\n    import typer", "def f():\n    import hashlib"),
        (rules.find_reaching_out, CORE, "import farthing", "import farthing.core.laws"),
        (rules.find_reaching_out, CORE, "from farthing import ledger", "from farthing import core"),
        (
            rules.find_reaching_out,
            "src/farthing/engine/lanes.py",
            "from ..ledger import Ledger",
            "from ..store import x",
        ),
        (rules.find_reaching_out, "src/farthing/store/sqlite.py", "from farthing.face.x import y", "import sqlalchemy"),
        (rules.find_ledger_transactions, CORE, "class Transaction: pass", "class UseTheOpenTransaction: pass"),
        (rules.find_ledger_transactions, CORE, "def f(transaction_id): pass", "def f(entry): 'no transaction'"),
        (rules.find_ledger_transactions, CORE, "x.transactions", "x.entries"),
        (rules.find_long_record, "docs/decisions/0001-x.md", "a\n" * 61, "a\n" * 60),
        (rules.find_loose_locks, "requirements.lock", f"alembic>=1 {HASH}", f"alembic==1.2 \\\n    {HASH}"),
        (rules.find_loose_locks, "requirements.lock", "alembic==1.2", f"# made by hand\nalembic==1.2 {HASH}"),
        (rules.find_loose_locks, "requirements.lock", "--index-url https://example.org", ""),
    ],
)
def test_rule_says_no_and_yes(rule: Callable[[str, str], list[str]], path: str, forbidden: str, allowed: str) -> None:
    assert len(rule(path, forbidden)) == 1
    assert rule(path, allowed) == []


@pytest.mark.parametrize("name", sorted(rules.VAGUE_NAMES))
def test_vague_names_are_refused_for_files_and_folders(name: str) -> None:
    assert rules.find_vague_name(f"src/farthing/store/{name}.py", "")
    assert rules.find_vague_name(f"src/farthing/{name}/holds.py", "")
    assert rules.find_vague_name(f"src/farthing/store/{name}_of_holds.py", "") == []


def test_records_need_a_number_each() -> None:
    assert rules.find_bad_records(["0001-a.md", "0002-b-c.md"]) == []
    for names in (["0001-a.md", "0001-b.md"], ["0002-a.md"], ["0001-a.md", "0003-b.md"], ["0001-a.md", "notes.md"]):
        assert rules.find_bad_records(names)


def test_readme_needs_its_block_and_its_two_commands() -> None:
    whole = "# X\n./dev demo\n./dev test\n```python\n1\n```\n"

    assert rules.find_readme_gaps("README.md", whole) == []
    assert rules.find_readme_gaps("README.md", whole.replace("./dev demo", ""))
    assert rules.find_readme_gaps("README.md", whole.replace("./dev test", ""))
    assert rules.find_readme_gaps("README.md", "\n" * 30 + whole)
    assert rules.find_readme_gaps("README.md", whole.replace("python", ""))


def test_links_must_lead_somewhere_inside(tmp_path: Path) -> None:
    (tmp_path / "there.md").touch()
    good = "[a](there.md) [b](there.md#part) [c](#here) [d](https://example.org/x)\n```\n[e](nowhere.md)\n```\n"

    assert rules.find_broken_links("README.md", good, tmp_path) == []
    assert rules.find_broken_links("README.md", "[a](nowhere.md)", tmp_path)
    assert rules.find_broken_links("docs/x.md", "[a](there.md)", tmp_path)
    assert rules.find_broken_links("README.md", f"[a](../{tmp_path.parent.name})", tmp_path)
