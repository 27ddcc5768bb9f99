"""The disk of the server is full: it is said, nothing is written, and all goes on when there is room again (F11)."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from psycopg import sql

import farthing
from farthing.store.faults import DatabaseAway, DiskFailed, OutcomeUnknown
from farthing.values.entries import Seal
from tests.crash.proof import prove, read_spent
from tests.postgres.binaries import find_user, make_folder
from tests.postgres.databases import command, create_database, drop_database, prepare_tables
from tests.postgres.server import DURABLE, Server, run_server
from tests.races.books import open_book

MEGABYTE = 2**20
ROWS = 200
"""Charges in a batch."""
LONGEST_SECONDS = 30


@contextmanager
def mount_disk(megabytes: int) -> Iterator[Path]:
    """A small file system of the server's own. Where none may be mounted the test is skipped."""
    folder = make_folder("farthing-disk-", in_memory=False)
    mounting = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    try:
        if not sys.platform.startswith("linux") or os.geteuid() != 0:
            pytest.skip("a full disk needs a small one, which only root can mount")
        if subprocess.run(mounting, capture_output=True, check=False).returncode != 0:
            pytest.skip("a full disk needs a small one, and none can be mounted here")
        give_away(folder)
        try:
            yield folder
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
    finally:
        folder.rmdir()


def give_away(folder: Path) -> None:
    """Make it, with all that is in it, the server's."""
    if user := find_user():
        for path in (folder, *folder.rglob("*")):
            os.chown(path, user.pw_uid, user.pw_gid)


def fill(disk: Path) -> Path:
    """Take all the room that there is."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (MEGABYTE, 4096):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    return filler


def charge_on(ledger: farthing.Ledger, told: dict[str, farthing.Receipt]) -> None:
    """One more batch of one account. If it fails, all of it fails alike: that is raised."""
    keys = [f"c{place}" for place in range(len(told), len(told) + ROWS)]
    answers = ledger.batch([farthing.Charge("acme", 1, key=key) for key in keys])
    for key, answer in zip(keys, answers, strict=True):
        if isinstance(answer, farthing.Receipt):
            told[key] = answer
        else:
            assert {type(other) for other in answers} == {type(answer)}
            raise answer


def charge_until_full(ledger: farthing.Ledger, told: dict[str, farthing.Receipt]) -> None:
    """Charge until the disk is full, for which there is an error."""
    until = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < until:
        charge_on(ledger, told)


def check(url: str, told: dict[str, farthing.Receipt]) -> None:
    prove(url, {("acme", key): receipt.id for key, receipt in told.items()})
    assert read_spent(url, "acme")[0].spent == len(told) * 1_000_000


def test_a_full_disk_under_the_tables_is_said_and_nothing_is_written_until_there_is_room(postgres: Server) -> None:
    told: dict[str, farthing.Receipt] = {}
    with mount_disk(48) as disk:
        database = create_database(postgres)
        prepare_tables(database, Seal())
        command(
            postgres,
            sql.SQL("CREATE TABLESPACE small LOCATION {}").format(sql.Literal(str(disk))),
            sql.SQL("ALTER DATABASE {} SET TABLESPACE small").format(sql.Identifier(database.name)),
        )
        try:
            open_book(database.app_url).close()
            with farthing.open(database.app_url) as ledger:
                ledger.grant("acme", 1_000_000, key="g")
                charge_on(ledger, told)
                filler = fill(disk)
                with pytest.raises(DiskFailed, match="disk is full"):
                    charge_until_full(ledger, told)
                with pytest.raises(DiskFailed, match="nothing was written"):
                    charge_on(ledger, told)
                assert ledger.balance("acme").available == 1_000_000 - len(told), "reading goes on"

                filler.unlink()
                charge_on(ledger, told)

            check(database.app_url, told)
            assert not any(receipt.replayed for receipt in told.values())
        finally:
            drop_database(database)
            command(postgres, sql.SQL("DROP TABLESPACE small"))


def test_a_full_disk_under_the_journal_stops_the_server_and_loses_nothing() -> None:
    told: dict[str, farthing.Receipt] = {}
    journal = {"min_wal_size": "32MB", "max_wal_size": "64MB", "wal_recycle": "off"}
    with mount_disk(160) as disk, run_server(DURABLE | journal) as server:
        server.stop()
        shutil.copytree(server.data / "pg_wal", disk / "pg_wal")
        shutil.rmtree(server.data / "pg_wal")
        (server.data / "pg_wal").symlink_to(disk / "pg_wal")
        give_away(disk / "pg_wal")
        server.start()
        database = create_database(server)
        prepare_tables(database, Seal())
        open_book(database.app_url).close()
        with farthing.open(database.app_url) as ledger:
            ledger.grant("acme", 1_000_000, key="g")
            charge_on(ledger, told)
            filler = fill(disk)
            with pytest.raises((DatabaseAway, OutcomeUnknown, DiskFailed)):
                charge_until_full(ledger, told)
            before = len(told)

            filler.unlink()
            server.restart("immediate")
            charge_on(ledger, told)

        assert len(told) == before + ROWS
        check(database.app_url, told)
