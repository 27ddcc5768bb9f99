"""The page about other systems keeps its word: every case is in the project, every link leads to its source."""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.peers.casefiles import THEMES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-others-do-it.md"
TEXT = PAGE.read_text(encoding="utf-8")
CASES: dict[str, Any] = {
    case["id"]: case for path in THEMES for case in json.loads(path.read_text(encoding="utf-8"))["cases"]
}
PROSE, *_ = re.split(r"^\[[^]]+\]: ", TEXT, maxsplit=1, flags=re.MULTILINE)
TARGETS = dict(re.findall(r"^\[([^]]+)\]: (\S+)$", TEXT, flags=re.MULTILINE))
ASKED_OF = re.compile(r"\[([a-z0-9]+-[a-z_]+-\d+[a-z]?)\](?![(:\[])")
"""A case, by its id in square brackets."""
NAMED = re.compile(r"\[[^]\[]+\]\[([^]]+)\]")
"""A further source: its label behind the words that it stands under."""
READ_ON = "2026-11-21"
HOSTS_BY_NAME = {"app.unpkg.com", "www.rfc-editor.org"}
"""Where a source is to be read that its case calls by name (an SDK's documentation, an RFC)."""


def split_questions() -> dict[str, str]:
    """The text under each question, by its heading."""
    parts = re.split(r"^### (.+)$", re.sub(r"^## .+$", "### ", PROSE, flags=re.MULTILINE), flags=re.MULTILINE)
    return {heading: text for heading, text in zip(parts[1::2], parts[2::2], strict=True) if heading.strip()}


QUESTIONS = split_questions()


def test_the_page_asks_the_questions_on_which_systems_differ() -> None:
    said = " ".join(QUESTIONS).lower()
    subjects = ["first", "instant", "above the hold", "deadline", "rolls over", "plan", "refund larger", "tiers", "key"]

    assert len(QUESTIONS) >= 20
    assert [subject for subject in [*subjects, "rounding", "debt at a turn", "month ends"] if subject not in said] == []


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_has_a_case_what_farthing_does_and_a_setting(question: str) -> None:
    text = QUESTIONS[question]

    assert ASKED_OF.findall(text), "no case shows it"
    farthing = re.findall(r"^\*\*Farthing\*\*: (.+(?:\n.+)*)", text, flags=re.MULTILINE)
    assert len(farthing) == 1
    rules = re.search(r"\(rules?\s(\d+)(?:\sand\s(\d+))?\)", farthing[0])
    assert rules, "no rule is named"
    assert all(1 <= int(number) <= 30 for number in rules.groups() if number)
    assert len(re.findall(r"^\*\*Setting\*\*: \S+", text, flags=re.MULTILINE)) == 1


def test_every_case_that_is_named_is_in_the_project() -> None:
    named = set(ASKED_OF.findall(PROSE))

    assert len(named) > 80
    assert named - CASES.keys() == set()


def test_every_case_in_which_farthing_differs_on_purpose_is_named() -> None:
    differing = {name for name, case in CASES.items() if "differs" in case and "farthing_expect" in case}

    assert differing - set(ASKED_OF.findall(PROSE)) == set()


def test_every_name_has_a_target_and_every_target_a_name() -> None:
    named = set(ASKED_OF.findall(PROSE)) | set(NAMED.findall(PROSE))

    assert named == TARGETS.keys()


@pytest.mark.parametrize("label", TARGETS)
def test_every_link_is_well_formed(label: str) -> None:
    parts = urlsplit(TARGETS[label])

    assert parts.scheme == "https"
    assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", parts.netloc)
    assert re.fullmatch(r"/[\w./@-]+", parts.path)
    assert (parts.query, parts.fragment) == ("", "")
    if parts.netloc == "github.com" and "/blob/" in parts.path:
        assert re.match(r"/[\w.-]+/[\w.-]+/blob/[0-9a-f]{40}/\w", parts.path)


@pytest.mark.parametrize("label", [label for label in TARGETS if label in CASES])
def test_a_case_links_to_where_it_was_read(label: str) -> None:
    source = CASES[label]["source"]

    if "repo" in source:
        assert TARGETS[label] == f"https://github.com/{source['repo']}/blob/{source['commit']}/{source['path']}"
    else:
        assert source["date"].endswith(READ_ON)
        assert urlsplit(TARGETS[label]).netloc in {*re.findall(r"[\w.-]+\.\w+", source["site"]), *HOSTS_BY_NAME}


def test_the_page_says_on_what_day_documentation_was_read() -> None:
    assert re.search(r"read on\s+21 November 2026", PROSE)


def test_every_system_in_the_last_table_is_spoken_of_before() -> None:
    before, last = PROSE.split("## When you move")
    _, _, *systems = re.findall(r"^\|[ ]?([\w-]+)", last, flags=re.MULTILINE)

    assert len(systems) >= 7
    assert [system for system in systems if system not in before] == []
