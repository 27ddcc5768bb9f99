"""The page of the catalog keeps its word: no key is left out, its catalogs can be read, commands answer as shown."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from farthing.documents.reading import digest_document, read_catalog
from farthing.documents.schema import write_schema
from farthing.face.catalogs import SHIPPED
from farthing.service.catalogs import FRESH
from farthing.tariff.errors import CatalogInvalid
from tests.docs.catalog_keys import read_reference, write_reference
from tests.docs.pages import DOCS, list_blocks, list_documents, read_page

PAGE = read_page("catalog.md")
WHOLE, MISTAKEN = list_documents(PAGE)


def test_the_keys_are_those_of_the_reader() -> None:
    assert read_reference() == write_reference(), "run: python -m tests.docs.catalog_keys"


def test_every_key_of_the_schema_has_its_line() -> None:
    defined = [write_schema(), *write_schema()["$defs"].values()]
    keys = {key for table in defined for key in table["properties"]}

    assert len(keys) > 80
    assert [key for key in keys if f"\n| `{key}`" not in PAGE and key != "form"] == []


def test_the_catalog_at_the_top_is_one() -> None:
    catalog = read_catalog(WHOLE)

    assert list(catalog.plans) == ["free", "basic"]
    assert all([catalog.units, catalog.features, catalog.packages, catalog.campaigns, catalog.terms])


def test_mistakes_are_told_as_the_page_shows_them() -> None:
    with pytest.raises(CatalogInvalid) as no:
        read_catalog(MISTAKEN)

    assert f"{no.value}\n" in list_blocks(PAGE, "")


def test_other_processes_see_a_new_version_as_soon_as_the_page_says() -> None:
    assert "see a new version within five seconds" in PAGE
    assert FRESH == 5


def test_the_catalogs_that_come_along_are_named() -> None:
    assert [name for name in SHIPPED if f"`{name}`" not in PAGE] == []


def test_documents_are_the_same_as_the_page_has_it() -> None:
    said = 'name = "x"\n[plans.a]\ntitle = "A"\ntrial = "1 day"\n[plans.b]\n[terms.credits]\noverdraft = 5\n'
    same = 'name = "x" # x\n[plans.a]\ntrial = "1 day"\ntitle = "A"\n[plans.b]\n[terms.credits]\noverdraft = 5.0\n'
    other = 'name = "x"\n[plans.b]\n[plans.a]\ntitle = "A"\ntrial = "1 day"\n[terms.credits]\noverdraft = 5\n'

    assert digest_document(said) == digest_document(same) != digest_document(other)


COMMANDS = read_page("cli.md").split("## Plans and prices")[1].split("\n## ")[0]


@pytest.mark.parametrize(("page", "scripts"), [(PAGE, 3), (COMMANDS, 1)], ids=["catalog", "cli"])
def test_commands_say_what_the_page_shows(tmp_path: Path, page: str, scripts: int) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    env = {**os.environ, "PATH": path, "FARTHING_DB": "sqlite:///credits.db", "NO_COLOR": "1"}
    env.pop("FARTHING_BOOK", None)
    shown = re.findall(r"^```sh\n(.*?)^```\n(?:```\n(.*?)^```$)?", page, flags=re.MULTILINE | re.DOTALL)
    assert len(shown) == scripts

    for script, answer in shown:
        command = ["bash", "-e", "-c", script]
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)

        assert (done.returncode, done.stderr) == (0, "")
        assert not answer or done.stdout == answer


def find_mistakes(document: str) -> list[str]:
    """What is wrong with a part of a catalog. What it names of other parts is believed to be there."""
    try:
        read_catalog(document)
    except CatalogInvalid as no:
        return [str(each) for each in no.problems if not re.search(r"is not one of its \w+", each.problem)]
    return []


@pytest.mark.parametrize("name", sorted(path.name for path in DOCS.glob("*.md")))
def test_every_part_of_a_catalog_in_the_docs_can_be_read(name: str) -> None:
    documents = [document for document in list_documents(read_page(name)) if document != MISTAKEN]

    assert [mistake for document in documents for mistake in find_mistakes(document)] == []
