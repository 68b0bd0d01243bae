"""The keys that templates are sealed under: one for each person, in a folder outside of the database.

Whoever has the database alone, or a backup of it, can read no template; whoever erases a key has erased what was sealed under it, in
every copy. A key lies in a file of its own, itself sealed under the first of the installation's master keys (`SEAL_KEYS`).
"""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import UUID, uuid4

from django.conf import settings

from tasks.sealing import Unreadable, opened, sealed

KEY_BYTES = 32
OURS = re.compile(r"[0-9a-f]{32}")
ORPHANS = "orphans"


class Vault:
    """`<folder>/<first byte of the id>/<id>`: JSON with the master key's name and the sealed key."""

    def __init__(self) -> None:
        self.folder = Path(settings.FACE_VAULT)
        self.masters: dict[str, bytes] = settings.SEAL_KEYS

    def make(self) -> UUID:
        """A new key; it is on the disk when this returns."""
        pk = uuid4()
        self.write(pk, secrets.token_bytes(KEY_BYTES))
        return pk

    def key(self, pk: UUID) -> bytes:
        """Raises Unreadable for a key that was erased, or whose master key is not among ours; OSError where the whole vault is away."""
        for path in (self.path(pk), self.orphan(pk)):
            with suppress(FileNotFoundError):
                return self.unwrapped(pk, path.read_bytes())
        if not self.folder.is_dir():
            raise OSError(f"the vault {self.folder} is not there")
        raise Unreadable

    def erase(self, pk: UUID) -> bool:
        """Whether there was one. The folder is synced: what was erased does not come back after a power cut. Drafts go too, which a process
        that died left beside it."""
        gone = False
        for path in (self.path(pk), self.orphan(pk), *self.path(pk).parent.glob(f".{pk.hex}.*")):
            with suppress(FileNotFoundError):
                path.unlink()
                sync_folder(path.parent)
                gone = True
        return gone

    def rewrap(self, pk: UUID) -> bool:
        """Seal a key under the first master key; false if it was."""
        content = self.path(pk).read_bytes()
        if json.loads(content)["master"] == self.master:
            return False
        self.write(pk, self.unwrapped(pk, content))
        return True

    def is_current(self, pk: UUID) -> bool:
        """Whether it is sealed under the first master key; a key that has gone is."""
        try:
            return bool(json.loads(self.path(pk).read_bytes())["master"] == self.master)
        except FileNotFoundError:
            return True

    def all_keys(self) -> Iterator[UUID]:
        for shard in range(256):
            yield from self.keys_in(shard)

    def keys_in(self, shard: int) -> list[UUID]:
        """Those of one of the 256 folders, without what was set apart."""
        folder = self.folder / f"{shard:02x}"
        return [UUID(name) for name in os.listdir(folder) if OURS.fullmatch(name)] if folder.is_dir() else []

    # -- what belongs to nobody
    def age(self, pk: UUID) -> float:
        """Seconds since it was written; 0 for one that has gone meanwhile."""
        try:
            return time.time() - self.path(pk).stat().st_mtime
        except FileNotFoundError:
            return 0.0

    def set_apart(self, pk: UUID) -> None:
        """It still opens what it sealed, until it is forgotten: the database may be the wrong one."""
        path, orphan = self.path(pk), self.orphan(pk)
        orphan.parent.mkdir(mode=0o700, exist_ok=True)
        with suppress(FileNotFoundError):
            os.utime(path)
            path.rename(orphan)

    def orphans(self) -> list[UUID]:
        folder = self.folder / ORPHANS
        return [UUID(path.name) for path in folder.iterdir()] if folder.is_dir() else []

    def bring_back(self, pk: UUID) -> None:
        """It was somebody's after all."""
        self.make_folder(self.path(pk).parent)
        with suppress(FileNotFoundError):
            self.orphan(pk).rename(self.path(pk))

    def forget_orphans(self, seconds: float) -> None:
        """Delete what was set apart so long ago."""
        for path in map(self.orphan, self.orphans()):
            with suppress(FileNotFoundError):  # another housekeeping was faster
                if path.stat().st_mtime < time.time() - seconds:
                    path.unlink()

    # -- files
    def path(self, pk: UUID) -> Path:
        return self.folder / pk.hex[:2] / pk.hex

    def orphan(self, pk: UUID) -> Path:
        return self.folder / ORPHANS / pk.hex

    @property
    def master(self) -> str:
        return next(iter(self.masters))

    def write(self, pk: UUID, key: bytes) -> None:
        """Whole or not at all, and only for us."""
        path = self.path(pk)
        box = sealed(self.masters[self.master], key, pk)
        self.make_folder(path.parent)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump({"master": self.master, "sealed": b64encode(box).decode()}, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        sync_folder(path.parent)

    def make_folder(self, folder: Path) -> None:
        """Ours alone, and there after a power cut."""
        if not folder.is_dir():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
            sync_folder(self.folder)

    def unwrapped(self, pk: UUID, content: bytes) -> bytes:
        wrapped = json.loads(content)
        master = self.masters.get(wrapped["master"])
        if master is None:
            raise Unreadable
        return opened(master, b64decode(wrapped["sealed"]), pk)


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
