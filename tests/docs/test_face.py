"""The face keeps its promises: every exported name explains itself, and the manual's words are all there."""

import inspect
import re
from pathlib import Path

import pytest

import farthing

README = Path(__file__).resolve().parents[2] / "README.md"


@pytest.mark.parametrize("name", farthing.__all__)
def test_every_exported_name_has_words_of_its_own(name):
    said = inspect.getdoc(getattr(farthing, name))

    assert said
    assert len(said.split()) >= 2
    assert not re.match(rf"{name}\(", said), "the docstring is the one that dataclasses make up"


@pytest.mark.parametrize("name", [name for name in dir(farthing.Ledger) if not name.startswith("_")])
def test_every_word_of_a_ledger_explains_itself(name):
    assert inspect.getdoc(getattr(farthing.Ledger, name))


def test_readme_says_only_what_is_exported():
    said = set(re.findall(r"\bfarthing\.([A-Za-z_]+)\b", README.read_text(encoding="utf-8")))
    rooms = {path.stem for path in (README.parent / "src" / "farthing").iterdir()}

    assert said - set(farthing.__all__) - rooms == set()
    assert "open" in said


def test_everything_that_is_exported_is_listed_in_order():
    assert farthing.__all__ == sorted(farthing.__all__)
    public = {name for name in vars(farthing) if not name.startswith("_")}
    rooms = {name for name in public if inspect.ismodule(getattr(farthing, name))}
    assert public - rooms == set(farthing.__all__)
