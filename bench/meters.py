"""What charges cost besides time: processor time on both sides, log written, memory held."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import psycopg

from bench.servers import get_server


class Meter:
    """Adds up what the runs under it cost. The server must be doing nothing else, which ours is not."""

    def __init__(self, store: str) -> None:
        self.is_postgres = store == "postgres"
        self.charges = 0
        self.client = self.server = self.wal = 0.0

    @contextmanager
    def measure(self, charges: int = 0) -> Iterator[None]:
        """Count what happens inside as so many charges, or more if the caller adds them."""
        client, server, wal = self.read()
        yield
        now = self.read()
        self.client += now[0] - client
        self.server += now[1] - server
        self.wal += now[2] - wal
        self.charges += charges

    def read(self) -> tuple[float, float, float]:
        if not self.is_postgres:
            return time.process_time(), 0.0, 0.0
        # The server is read outside of the client's time.
        wal, server = read_wal(), read_server_seconds()
        return time.process_time(), server, wal

    def columns(self) -> dict[str, float]:
        """What one charge cost, as columns of a row."""
        costs = {"client_us": self.client / self.charges * 1e6, "memory_mb": psutil.Process().memory_info().rss / 1e6}
        if self.is_postgres:
            costs |= {"server_us": self.server / self.charges * 1e6, "wal_bytes": self.wal / self.charges}
        return costs


def read_server_seconds() -> float:
    """Processor time of the postmaster, of its children, and of those that have ended."""
    postmaster = psutil.Process(get_server().pid)
    spent = sum(postmaster.cpu_times()[:4])
    for child in postmaster.children():
        try:
            spent += sum(child.cpu_times()[:2])
        except psutil.NoSuchProcess:
            continue  # ended meanwhile: the postmaster's own figure will have it
    return float(spent)


def read_wal() -> float:
    """Bytes that the write-ahead log has had."""
    with psycopg.connect(get_server().superuser_url()) as connection:
        row = connection.execute("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')").fetchone()
    assert row is not None
    return float(row[0])
