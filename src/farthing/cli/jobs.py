"""What Farthing does by itself, when it is told to: jobs list, jobs run."""

from typing import Annotated, Final

import typer

from farthing.cli.databases import open_ledger
from farthing.cli.options import DEFAULT_DB, Book, Db, Json
from farthing.cli.screen import Bar, lay_table, say, say_json
from farthing.service.jobs import JOBS, Summary, get_job, run_job

ALL: Final = "all"
ONE: Final = {"wallets": "wallet", "entries": "entry", "subscriptions": "subscription", "claims": "claim"}
"""What jobs count, one of it."""


def list_jobs(in_json: Json = False) -> None:
    """The jobs that there are, and what each does. Balances are right without any of them."""
    if in_json:
        say_json([{"name": job.name, "does": job.does} for job in JOBS.values()])
        return
    for line in lay_table(["job", "what it does"], [[job.name, job.does] for job in JOBS.values()]):
        say(line)


def run(
    name: Annotated[str, typer.Argument(metavar="NAME|all", help="Which job; `farthing jobs list` shows them.")],
    db: Db = DEFAULT_DB,
    book: Book = None,
    in_json: Json = False,
) -> None:
    """Run a job once, or all of them: from cron, a scheduler or by hand. Late, twice or two at once does no harm."""
    names = list(JOBS) if name == ALL else [get_job(name).name]
    summaries = []
    with open_ledger(db, book) as ledger:
        for each in names:
            with Bar(each) as bar:
                summaries.append(run_job(ledger.engine, each, progress=bar.update if bar.live else None))
            if not in_json:
                say(describe_summary(summaries[-1]))
    if in_json:
        say_json([summary.json() for summary in summaries])


def describe_summary(summary: Summary) -> str:
    """What came of a run, in one line."""
    noun = JOBS[summary.job].counts if summary.job in JOBS else "entries"
    verb = "brought up to date" if noun == "wallets" else "done"
    done = f"{summary.done} {ONE[noun] if summary.done == 1 else noun} {verb}"
    said = "nothing was due" if not summary.seen else done
    if summary.passed_over:
        reasons = ", ".join(f"{count} {code}" for code, count in summary.passed_over.items())
        said += f", {sum(summary.passed_over.values())} left as they are ({reasons})"
    if not summary.is_whole:
        said += ", stopped before the end"
    return f"{summary.job}: {said}, {summary.seconds:.2f} s"
