"""The `farthing` command. It asks the face, as any program would, and decides nothing itself.

A command is a function in the module of its noun, registered in app.py; its options come from options.py, what it
prints goes through screen.py, and its errors leave through the one table in exits.py.
"""

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; returns its exit code."""
    from farthing.cli.app import run_command

    return run_command(sys.argv[1:] if arguments is None else list(arguments))
