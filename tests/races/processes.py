"""Real processes for races and crashes: forked from a clean server, so that they start fast and share nothing."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from typing import Any

SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["tests.crash.workload", "tests.races.writers"])


def start(work: Callable[..., Any], *arguments: Any) -> BaseProcess:
    """A process that does `work` and ends."""
    process = SERVER.Process(target=work, args=arguments, daemon=True)
    process.start()
    return process
