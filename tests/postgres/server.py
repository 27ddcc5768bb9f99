"""One PostgreSQL server on 127.0.0.1 and a unix socket: started, stopped, killed and started again by tests.

It does not outlive us: a shell stands between, and when the pipe to it closes, even by `kill -9`, it stops the server
and removes its folder.
"""

import atexit
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO, Final, Literal

import psutil

from tests.postgres.binaries import find_binaries, find_user, make_environment, make_folder, run_as_user, run_program

QUICK: Final = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "200",
    "max_wal_size": "128MB",
    "autovacuum_naptime": "10s",
}
"""Settings for tests that do not ask what a crash leaves."""

DURABLE: Final = {"max_connections": "200"}
"""Settings as delivered: every commit reaches the disk."""

ALWAYS: Final = {
    "listen_addresses": "127.0.0.1",
    "scram_iterations": "1",
    "log_line_prefix": "%m [%p] %d ",
    "timezone": "UTC",
    "dynamic_shared_memory_type": "mmap",  # in its folder, which goes away with it even if it was killed
}
LONGEST_START_SECONDS: Final = 60
FIRST_PORT: Final = 15_000
PORTS: Final = 15_000
STOPS: Final = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}

# Word: a line says that the server has been stopped in order; the end of the pipe, that whoever wanted it is gone.
WATCH = """
folder=$1; shift
exec 3<&0
"$@" 3<&- </dev/null &
server=$!
(
  if ! read -r word <&3; then
    kill -QUIT $server 2>/dev/null
    while kill -0 $server 2>/dev/null; do sleep 0.05; done
    rm -rf "$folder"
  fi
) &
wait $server
"""


class Server:
    """A server with a data folder of its own. `start` makes the folder; `close` removes it."""

    def __init__(self, settings: Mapping[str, str] = QUICK) -> None:
        self.settings: dict[str, str] = {**ALWAYS, **settings}
        self.password = secrets.token_urlsafe(12)
        self.role_password = ""  # of the roles that databases.py makes
        self.templates: dict[bytes | None, str] = {}  # the databases that it copies
        self.folder: Path | None = None
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self.place / "data"

    @property
    def place(self) -> Path:
        """The folder of everything that is this server's: its data, its socket, its log."""
        if self.folder is None:
            raise RuntimeError("this server was never started")
        return self.folder

    @property
    def pid(self) -> int:
        """Of the postmaster."""
        return int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])

    def superuser_url(self, database: str = "postgres") -> str:
        return self.url("postgres", self.password, database)

    def url(self, role: str, password: str, database: str) -> str:
        return f"postgresql://{role}:{password}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Make the data folder if there is none yet, then run until connections are answered."""
        if self.folder is None:
            self.folder = make_folder("farthing-pg-", in_memory=self.settings.get("fsync") == "off")
            self.make_data()
        self.port = self.port or find_port()
        given = {**self.settings, "port": str(self.port), "unix_socket_directories": str(self.place)}
        options = [word for name, value in given.items() for word in ("-c", f"{name}={value}")]
        command = [str(find_binaries() / "postgres"), "-D", str(self.data), *options]
        with (self.place / "log").open("ab") as log:
            self.process = subprocess.Popen(
                ["/bin/sh", "-c", WATCH, "sh", str(self.place), *command],
                stdin=subprocess.PIPE, stdout=log, stderr=log, cwd="/", env=make_environment(),
                start_new_session=True, **run_as_user(),
            )  # fmt: skip
        self.wait_until_ready()

    def make_data(self) -> None:
        secret = self.place / "secret"
        secret.write_text(self.password)
        if user := find_user():
            os.chown(secret, user.pw_uid, user.pw_gid)
        run_program(
            "initdb", "-D", str(self.data), "-U", "postgres", "-A", "scram-sha-256", "--pwfile", str(secret),
            "-E", "UTF8", "--no-locale", "--no-sync", "--no-instructions", "-c", "scram_iterations=1",
        )  # fmt: skip
        secret.unlink()

    def wait_until_ready(self) -> None:
        last = time.monotonic() + LONGEST_START_SECONDS
        while time.monotonic() < last:
            if self.process is None or self.process.poll() is not None:
                break
            if self.find_status() in ("ready", "standby"):
                return
            time.sleep(0.01)
        raise RuntimeError(f"PostgreSQL did not start:\n{self.read_log()[-4000:]}")

    def find_status(self) -> str:
        """What the postmaster says in its file: `starting`, `ready`, `standby`, `stopping`; empty when it is away."""
        try:
            said = (self.data / "postmaster.pid").read_text().split("\n")
        except FileNotFoundError:
            return ""
        # A crash leaves the file of the server before this one.
        return said[7].strip() if len(said) > 7 and psutil.pid_exists(int(said[0])) else ""

    def read_log(self) -> str:
        return (self.place / "log").read_text(errors="replace")

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """End it: `fast` rolls back what is open and closes in order; `immediate` is what a crash would be."""
        if self.process is None:
            return
        if self.process.poll() is None:
            os.kill(self.pid, STOPS[mode])
        self.put_away(self.process)

    def kill9(self) -> None:
        """End postmaster and backends at once, none of them hearing of it."""
        if self.process is None:
            raise RuntimeError("this server does not run")
        postmaster = psutil.Process(self.pid)
        postmaster.suspend()  # so that it neither starts nor mourns children meanwhile
        all_of_it: list[psutil.Process] = [postmaster, *postmaster.children(recursive=True)]
        for one in all_of_it:
            one.kill()
        # The dead are dead before whoever inherits them has taken note.
        while any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in all_of_it):
            time.sleep(0.005)
        self.put_away(self.process)

    def put_away(self, process: "subprocess.Popen[bytes]") -> None:
        process.wait(LONGEST_START_SECONDS)
        tell(process.stdin)
        self.process = None

    def restart(self, mode: Literal["fast", "immediate"] = "fast", **settings: str) -> None:
        """Stop and start again on the same port, with these settings changed."""
        self.stop(mode)
        self.settings |= settings
        self.start()

    def close(self) -> None:
        """Stop it and remove everything."""
        self.stop("immediate")
        if self.folder is not None:
            shutil.rmtree(self.folder)
            self.folder = None


def tell(pipe: IO[bytes] | None) -> None:
    """Say to the shell between that all is in order."""
    if pipe is not None:
        pipe.write(b"stopped\n")
        pipe.close()


def find_port() -> int:
    """A port that is free now, and not of those that the system gives to whoever connects somewhere: a server that is
    killed and started again must find its own port free."""
    for _ in range(100):
        port = FIRST_PORT + secrets.randbelow(PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no port is free")


@contextmanager
def run_server(settings: Mapping[str, str] = QUICK) -> Iterator[Server]:
    """A server for this block alone."""
    server = Server(settings)
    try:
        server.start()
        yield server
    finally:
        server.close()


@cache
def share_server() -> Server:
    """This process's own quick server, started when first asked for and gone when the process ends."""
    server = Server(QUICK)
    server.start()
    maker = os.getpid()
    # A forked child that ends must leave its parent's server alone.
    atexit.register(lambda: server.close() if os.getpid() == maker else None)
    return server
