"""Pages of the docs taken apart: their blocks of code, and the parts of catalogs that they show."""

import re
from pathlib import Path
from typing import Final

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"


def read_page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def list_blocks(page: str, language: str) -> list[str]:
    """What stands in blocks of a language; of none, in bare ones."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)
    return [block for marked, block in found if marked == language]


def list_documents(page: str) -> list[str]:
    """The TOML of a page as whole catalogs: a part gets a name, and lone keys are those of a feature."""
    return [complete_document(block) for block in list_blocks(page, "toml")]


def complete_document(block: str) -> str:
    if re.search(r"^name = ", block, flags=re.MULTILINE):
        return block
    return 'name = "docs"\n' + ("" if block.startswith("[") else "[features.docs]\n") + block
