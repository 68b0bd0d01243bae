"""A private PostgreSQL on a unix socket, for the engine's tests. It never runs as root: privileges are dropped first."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

USER = "fitsize"
UNPRIVILEGED = ("postgres", "nobody")


class Unavailable(Exception):
    """No PostgreSQL server can be started here; the text says why."""


def binaries() -> Path:
    found = shutil.which("initdb") or shutil.which("postgres")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for place in places:
        if (place / "initdb").exists() and (place / "pg_ctl").exists():
            return place
    raise Unavailable("no PostgreSQL server is installed (Debian: apt-get install postgresql)")


def url_of(folder: Path) -> str:
    """Of a server whose socket lies there, as DATABASE_URL writes it."""
    return f"postgresql://{USER}@/{folder}/postgres"


def connected(url: str) -> psycopg.Connection:
    folder, _, name = urlsplit(url).path.rpartition("/")
    return psycopg.connect(host=folder, dbname=name, user=USER)


def unprivileged() -> pwd.struct_passwd | None:
    """Whom the server runs as: oneself, or for root somebody harmless."""
    if os.geteuid() != 0:
        return None
    for name in UNPRIVILEGED:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise Unavailable("this is root, and there is no user to run PostgreSQL as")


def run(command: list[str], user: pwd.struct_passwd | None, folder: Path) -> None:
    identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, **identity)  # type: ignore[call-overload]  # keywords by root only
    if done.returncode:
        raise Unavailable(f"{Path(command[0]).name} failed: {done.stderr.strip() or done.stdout.strip()}")


@dataclass(frozen=True)
class Postgres:
    """A private server: its data lie in `folder`, its socket too."""

    folder: Path
    place: Path
    user: pwd.struct_passwd | None

    @property
    def url(self) -> str:
        return url_of(self.folder)

    def start(self) -> None:
        self.control("-o", f"-c listen_addresses='' -k {self.folder} -c max_connections=60", "start")

    def stop(self, mode: str = "fast") -> None:
        """`fast` cuts all connections, `immediate` is a crash."""
        self.control("-m", mode, "stop")

    def control(self, *arguments: str) -> None:
        command = [str(self.place / "pg_ctl"), "-D", str(self.folder / "data"), "-w", "-l", str(self.folder / "log"), *arguments]
        run(command, self.user, self.folder)


@contextmanager
def private_postgres() -> Iterator[Postgres]:
    """A fresh server that ends with the block. Raises Unavailable."""
    place, user = binaries(), unprivileged()
    with tempfile.TemporaryDirectory(prefix="fitsize-pg-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if user:
            os.chown(folder, user.pw_uid, user.pw_gid)
        run([str(place / "initdb"), "-D", str(folder / "data"), "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync"], user, folder)
        server = Postgres(folder, place, user)
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")


def main() -> int:
    """`python -m tests.postgres COMMAND ...` runs a command with DATABASE_URL set; where there is no server it says why and succeeds."""
    try:
        with private_postgres() as server:
            return subprocess.run(sys.argv[1:], env={**os.environ, "DATABASE_URL": server.url}).returncode
    except Unavailable as reason:
        print(f"SKIPPED on PostgreSQL: {reason}")
        return 0


if __name__ == "__main__":
    sys.exit(main())
