"""The queue of writing processes: lock files beside the database. For order among writers; safety is SQLite's own.

SQLite lets whoever asks at the right moment write next, so a busy process starves the others. Here whoever wants to
write first takes the turnstile (`-turn`), of which there is one, and waits in it for the lock (`-lock`): whoever lets
go of the lock finds the turnstile taken by somebody who has waited, and queues behind them. Every wait is by short
looks, since a blocking `flock` has no bound. The files stay: a lock file that goes away locks nothing.
"""

import os
import random
import sys
import time
from pathlib import Path
from typing import Final

from farthing.store.faults import Busy, DatabaseUnreadable
from farthing.values.bounds import LONGEST_WAIT_SECONDS

LOOK_SECONDS: Final = 0.0002
"""Between two looks of whoever is next."""
QUEUE_LOOK_SECONDS: Final = 0.001
"""Between two looks of those who wait for the turnstile, half to one and a half times."""

if sys.platform == "win32":
    import msvcrt

    def try_lock(file: int) -> bool:
        """Whether the file could be locked now."""
        os.lseek(file, 0, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def unlock(file: int) -> None:
        """Let go of a locked file."""
        os.lseek(file, 0, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def try_lock(file: int) -> bool:
        """Whether the file could be locked now."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def unlock(file: int) -> None:
        """Let go of a locked file, also for children that were forked meanwhile and have it open too."""
        fcntl.flock(file, fcntl.LOCK_UN)


class WriteQueue:
    """This process's place among those that write one database. For one thread at a time."""

    def __init__(self, database: Path) -> None:
        self.database = database
        self.turn_path = f"{database}-turn"
        self.lock_path = f"{database}-lock"
        self.files: tuple[int, int] | None = None

    def enter(self, wait_seconds: float = LONGEST_WAIT_SECONDS) -> None:
        """Wait for the lock. Raises `Busy` when it does not come in time."""
        turn, lock = self.files or self.open_files()
        deadline = time.monotonic() + wait_seconds
        try:
            while not try_lock(turn):
                self.pause(deadline, QUEUE_LOOK_SECONDS * random.uniform(0.5, 1.5))
            try:
                while not try_lock(lock):
                    self.pause(deadline, LOOK_SECONDS)
            finally:
                unlock(turn)
        except OSError as error:
            problem = f"its lock files cannot be locked where they are ({error.strerror}): use a local disk"
            raise DatabaseUnreadable(path=str(self.database), problem=problem) from None

    def leave(self) -> None:
        """Let the next one in."""
        if self.files is not None:
            unlock(self.files[1])

    def pause(self, deadline: float, seconds: float) -> None:
        """Sleep a little, unless there is no time left."""
        if time.monotonic() > deadline:
            raise Busy(what=str(self.database), seconds=LONGEST_WAIT_SECONDS)
        time.sleep(seconds)

    def open_files(self) -> tuple[int, int]:
        """Open both files, made if need be with the rights of the database itself."""
        try:
            mode = os.stat(self.database).st_mode & 0o666
        except OSError:
            mode = 0o666
        opened: list[int] = []
        for path in (self.turn_path, self.lock_path):
            try:
                opened.append(os.open(path, os.O_RDWR | os.O_CREAT, mode))
            except OSError as error:
                for file in opened:
                    os.close(file)
                problem = f"its lock file {path} cannot be opened ({error.strerror}): check who may write it"
                raise DatabaseUnreadable(path=str(self.database), problem=problem) from None
        self.files = (opened[0], opened[1])
        return self.files

    def close(self) -> None:
        """Close the files. In a forked child this takes nothing from the parent, whose lock is its own to give up."""
        if self.files is not None:
            for file in self.files:
                os.close(file)
            self.files = None
