"""Every error has its exit code, written down: in the table, in --help and in the docs."""

from pathlib import Path

from farthing.cli.exits import EXITS, MEANINGS, Exit
from farthing.store.faults import Busy, DatabaseMissing, TraceInvalid
from farthing.values.errors import AccountNotFound, AmountIsFloat, FarthingError, InsufficientCredits, LawBroken

DOCS = Path(__file__).resolve().parents[2] / "docs" / "cli.md"


def list_tree(kind: type[FarthingError]) -> set[type[FarthingError]]:
    found = {kind}
    for below in kind.__subclasses__():
        found |= list_tree(below)
    return {one for one in found if one.__module__.startswith("farthing.")}


def test_every_class_of_error_has_its_exit_code_and_no_other_stands_in_the_table():
    assert list_tree(FarthingError) == set(EXITS)


def test_no_error_exits_with_done():
    assert Exit.DONE not in EXITS.values()


def test_exit_codes_say_what_to_do_next():
    assert EXITS[InsufficientCredits] == 3
    assert EXITS[AccountNotFound] == 4
    assert EXITS[AmountIsFloat] == EXITS[TraceInvalid] == 2
    assert EXITS[Busy] == 5
    assert EXITS[DatabaseMissing] == 6
    assert EXITS[LawBroken] == 7


def test_every_exit_code_has_its_meaning_and_the_docs_say_it_in_the_same_words():
    text = DOCS.read_text(encoding="utf-8")

    assert set(MEANINGS) == set(Exit)
    assert [code for code, meaning in MEANINGS.items() if f"| {int(code)} | {meaning} |" not in text] == []


def test_the_docs_name_every_error_code_beside_its_exit_code():
    text = DOCS.read_text(encoding="utf-8")

    missing = [kind.code for kind, code in EXITS.items() if f"| `{kind.code}` | {int(code)} |" not in text]

    assert missing == []
