"""The commands gathered into one application, and the one place where errors become messages and exit codes."""

import io
import os
import re
import sys
import traceback
from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperCommand
from typer.exceptions import TyperException
from typer.main import get_command

from farthing.cli import (
    accounts,
    alerts,
    allowances,
    budgets,
    campaigns,
    catalogs,
    charges,
    clocks,
    corrections,
    databases,
    grants,
    holds,
    jobs,
    packages,
    plans,
    replay,
    reports,
    statements,
    worker,
)
from farthing.cli.exits import EXITS, MEANINGS, Exit, describe_exits
from farthing.cli.screen import note, paint, say, say_json
from farthing.values.errors import FarthingError, Refused


class Command(TyperCommand):
    """A command whose arguments may be negative numbers: `farthing adjust acme -5`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Let `-5` through as what it is, so that the amount itself is judged."""
        ctx.ignore_unknown_options = any(one[:1] == "-" and one[1:2].isdigit() for one in args)
        return super().parse_args(ctx, args)


EXAMPLES: tuple[tuple[Callable[..., None], str], ...] = (
    (databases.init, "farthing init --db sqlite:///credits.db --unit credits:6"),
    (databases.migrate, "farthing migrate --db sqlite:///credits.db"),
    (accounts.open_account, "farthing open acme --zone Europe/Berlin"),
    (grants.grant, "farthing grant acme 100 --source purchase --expires-in 180d --key pay_31"),
    (charges.charge, "farthing charge acme 2.50 --feature describe --key req_9f2"),
    (charges.record, "farthing record acme 2.50 --feature describe --key req_9f3"),
    (holds.hold, "farthing hold acme 40 --feature chat --ttl 10m"),
    (holds.extend, "farthing extend hld_2j9 30m"),
    (holds.settle, "farthing settle hld_2j9 12.40"),
    (holds.release, "farthing release hld_2j9"),
    (charges.refund, "farthing refund rct_2j9 1.25 --description 'slow answer'"),
    (grants.void, "farthing void acme 20 --up-to"),
    (grants.clawback, "farthing clawback gra_2j9 --money 1200"),
    (grants.reschedule, "farthing reschedule acme --expires-in 180d"),
    (allowances.allow, "farthing allow acme 100 --every month --anchor calendar --rollover capped --cap 50"),
    (allowances.change_allowance, "farthing change-allowance acme 500 --mode keep_used"),
    (allowances.end_allowance, "farthing end-allowance acme"),
    (allowances.end_period, "farthing end-period acme"),
    (allowances.set_period_end, "farthing set-period-end acme 2026-12-01T00:00:00Z"),
    (budgets.budget, "farthing budget acme 20 --name interns --every day --per member"),
    (budgets.change_budget, "farthing change-budget acme 50 --name interns"),
    (budgets.end_budget, "farthing end-budget acme --name interns"),
    (budgets.budgets, "farthing budgets acme"),
    (corrections.adjust, "farthing adjust acme -5 --description 'counted twice'"),
    (corrections.forgive, "farthing forgive acme"),
    (corrections.set_used, "farthing set-used acme 30"),
    (corrections.reset_used, "farthing reset-used acme"),
    (statements.balance, "farthing balance acme"),
    (statements.history, "farthing history acme --feature chat --limit 20"),
    (alerts.alerts, "farthing alerts acme"),
    (alerts.decline_top_up, "farthing decline-top-up acme ent_2j9"),
    (accounts.configure, "farthing configure acme --overdraft 50 --alert 10 --alert 0"),
    (accounts.freeze, "farthing freeze acme"),
    (accounts.unfreeze, "farthing unfreeze acme"),
    (accounts.close, "farthing close acme"),
    (catalogs.check, "farthing catalog check studio.toml"),
    (catalogs.diff, "farthing catalog diff studio.toml"),
    (catalogs.apply, "farthing catalog apply studio.toml"),
    (catalogs.show, "farthing catalog show"),
    (catalogs.schema, "farthing catalog schema"),
    (catalogs.shipped, "farthing catalog shipped studio"),
    (catalogs.costs, "farthing costs"),
    (catalogs.quote, "farthing quote acme video --quantity 8s"),
    (campaigns.campaigns, "farthing campaigns"),
    (campaigns.redeem, "farthing redeem acme SPRING26 --key form_17"),
    (campaigns.reward, "farthing reward acme welcome"),
    (campaigns.refer, "farthing refer bolt --by acme"),
    (plans.plans, "farthing plans"),
    (plans.subscribe, "farthing subscribe acme basic --cycle month --paid 1500:USD --key pay_32"),
    (plans.change_plan, "farthing change-plan acme premium --quote"),
    (plans.renew, "farthing renew acme --paid 1500:USD --key pay_33"),
    (plans.cancel, "farthing cancel acme"),
    (plans.resume, "farthing resume acme"),
    (plans.subscription, "farthing subscription acme --history"),
    (plans.enrol_all, "farthing enrol-all"),
    (packages.packages, "farthing packages"),
    (packages.buy, "farthing buy acme growth --paid 8000:GHS --key pay_34"),
    (databases.verify, "farthing verify"),
    (reports.usage, "farthing report usage acme --every day --by feature --by model"),
    (reports.credit_rows, "farthing report credits --every month"),
    (reports.balance_at, "farthing report balance acme 2026-11-01T00:00:00Z"),
    (reports.summary, "farthing report summary acme"),
    (reports.journal, "farthing journal --format hledger --since 2026-11-01"),
    (reports.bring_up, "farthing rollup run"),
    (reports.rebuild, "farthing rollup rebuild"),
    (jobs.list_jobs, "farthing jobs list"),
    (jobs.run, "farthing jobs run all"),
    (worker.worker, "farthing worker --every 5m"),
    (clocks.show, "farthing clock show acme --book test"),
    (clocks.advance, "farthing clock advance acme 31d --book test"),
    (replay.replay, "farthing replay trace.csv --accounts 97 --grant 10000 --price-in 0.0025 --price-out 0.0125"),
)
GROUPS = {
    "catalog": "Prices and plans: one document",
    "report": "What was used, what came and went, what there was",
    "rollup": "Sums that keep reports quick",
    "jobs": "What Farthing does by itself, when it is told to",
    "clock": "Time in test books, moved by hand",
}
NAMES: dict[Callable[..., None], str] = {
    accounts.open_account: "open",
    catalogs.check: "catalog check",
    catalogs.diff: "catalog diff",
    catalogs.apply: "catalog apply",
    catalogs.show: "catalog show",
    catalogs.schema: "catalog schema",
    catalogs.shipped: "catalog shipped",
    reports.usage: "report usage",
    reports.credit_rows: "report credits",
    reports.balance_at: "report balance",
    reports.summary: "report summary",
    reports.bring_up: "rollup run",
    reports.rebuild: "rollup rebuild",
    jobs.list_jobs: "jobs list",
    jobs.run: "jobs run",
    clocks.show: "clock show",
    clocks.advance: "clock advance",
}
"""What a command is called where it is not as its function is; the first of two words is its group."""


def name_command(function: Callable[..., None]) -> str:
    """What people type for a command."""
    return NAMES.get(function) or function.__name__.replace("_", "-")


EPILOG = f"""\b
Begin with:
  farthing init
  farthing grant acme 100
  farthing charge acme 2.50 --feature describe
  farthing balance acme
Options come after the command: farthing balance acme --db URL

\b
Exit codes:
{describe_exits()}

\b
Environment: FARTHING_DB (--db), FARTHING_BOOK (--book), FARTHING_CHAIN_KEY (the key
that seals the entries), NO_COLOR, FARTHING_DEBUG=1 (show where a fault in Farthing came from)."""


def make_app() -> typer.Typer:
    """The application with every command in EXAMPLES, in that order."""
    app = typer.Typer(
        name="farthing",
        no_args_is_help=True,
        add_completion=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        epilog=EPILOG,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )
    app.callback()(begin)
    groups: dict[str, typer.Typer] = {}
    for function, example in EXAMPLES:
        group, _, name = name_command(function).rpartition(" ")
        if group and group not in groups:
            groups[group] = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
            app.add_typer(groups[group], name=group, help=f"{GROUPS[group]}.", short_help=GROUPS[group])
        first = re.split(r"[.:] |\.$", (function.__doc__ or "").splitlines()[0])[0]
        command = groups.get(group, app).command
        command(name, cls=Command, short_help=first, epilog=f"\b\nExample:\n  {example}")(function)
    return app


def print_version(wanted: bool) -> None:
    """Answer --version."""
    if wanted:
        say(f"farthing {version('farthing')}")
        raise typer.Exit


def begin(
    shown: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Say which release this is.")
    ] = False,
) -> None:
    """The open credits engine for AI products: grant, hold, charge, settle, refund; exact to the last farthing."""


def run_command(arguments: list[str]) -> int:
    """Run one command line. Never raises, never shows a traceback unless FARTHING_DEBUG asks for it."""
    in_json = "--json" in arguments
    open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        code = get_command(make_app()).main(args=arguments, prog_name="farthing", standalone_mode=False)
        sys.stdout.flush()
        return int(code or 0)
    except FarthingError as error:
        return report_error(error, in_json)
    except TyperException as error:
        return report_usage(error, in_json)
    except (KeyboardInterrupt, typer.Abort):
        note("stopped")
        return Exit.STOPPED
    except BrokenPipeError:
        # What is left in the buffer would fail again when the interpreter closes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.UNREAD
    except Exception as error:
        return report_fault(error, in_json)


def open_closed_streams() -> None:
    """Started without stdout or stderr (`>&-`), Python has None there: then what is said goes nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 (for the rest of the process)


def report_error(error: FarthingError, in_json: bool) -> int:
    """Say what was refused or went wrong; returns its exit code."""
    code = EXITS[type(error)]
    if in_json:
        say_json({"code": error.code, "detail": str(error), "exit": int(code), **error.facts})
    nearest = error.facts.get("nearest")
    advice = f". Nearest: {', '.join(nearest)}" if nearest else ""
    word = "refused:" if isinstance(error, Refused) else "error:"
    note(f"{paint(word, 'red', sys.stderr)} {error}{advice}")
    return code


def report_usage(error: TyperException, in_json: bool) -> int:
    """Say what is wrong with the command line; returns its exit code."""
    if in_json:
        say_json({"code": "usage", "detail": error.format_message(), "exit": error.exit_code})
    show: Callable[[], None] | None = getattr(error, "show", None)
    if show is None:
        note(f"error: {error}")
    else:
        show()
    return error.exit_code


def report_fault(error: Exception, in_json: bool) -> int:
    """A fault of ours: one line, and how to see more."""
    if os.environ.get("FARTHING_DEBUG") == "1":
        traceback.print_exception(error)
    detail = f"{type(error).__name__}: {error}".splitlines()[0][:200]
    if in_json:
        say_json({"code": "fault", "detail": detail, "exit": int(Exit.BUG)})
    note(f"error: {MEANINGS[Exit.BUG]} ({detail}). FARTHING_DEBUG=1 shows where it came from")
    return Exit.BUG
