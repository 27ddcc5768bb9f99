"""The page on plans has the diagram and the table that the code goes by. `python -m tests.docs.test_plans_page` writes
them anew."""

from pathlib import Path
from typing import Final

from farthing.service.jobs import JOBS
from farthing.tariff.plans import draw_transitions

DOCS: Final = Path(__file__).parents[2] / "docs"
BEGIN: Final = "<!-- the transitions: drawn from TRANSITIONS by tests/docs/test_plans_page.py -->\n"
END: Final = "<!-- the end of the transitions -->\n"


def draw_page(page: str) -> str:
    """The page with the transitions as they are in the code."""
    before, _, rest = page.partition(BEGIN)
    return before + BEGIN + "\n" + draw_transitions() + "\n" + END + rest.partition(END)[2]


def test_the_page_has_the_transitions_of_the_code():
    page = (DOCS / "plans.md").read_text(encoding="utf-8")
    assert BEGIN in page
    assert page == draw_page(page)


def test_every_job_stands_in_the_page_on_jobs_in_its_own_words():
    page = (DOCS / "worker.md").read_text(encoding="utf-8")
    for job in JOBS.values():
        assert f"| `{job.name}` | {job.does} |" in page


if __name__ == "__main__":
    path = DOCS / "plans.md"
    path.write_text(draw_page(path.read_text(encoding="utf-8")), encoding="utf-8")
