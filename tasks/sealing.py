"""What must not be read by whoever has a copy of the database or of the stored files: AES-256-GCM under the installation's master keys.

`SEAL_KEYS` names them; the first one seals, all of them open. The name of the key stands before what it seals, so that keys can be changed.
"""

from __future__ import annotations

import secrets
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

NONCE_BYTES = 12
MARK = b"FSS1"  # the form of a box: mark, length of the key's name in one byte, the name, what `sealed` gives


class Unreadable(Exception):
    """There is no key, or not the one that this was sealed under."""


def sealed(key: bytes, content: bytes, *bound_to: UUID) -> bytes:
    """AES-256-GCM: a nonce and what it seals. It opens only for the ids that it is bound to: nothing can be put in another's place."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, content, bound(bound_to))


def opened(key: bytes, box: bytes | memoryview, *bound_to: UUID) -> bytes:
    """Raises Unreadable."""
    try:
        return AESGCM(key).decrypt(bytes(box[:NONCE_BYTES]), bytes(box[NONCE_BYTES:]), bound(bound_to))
    except (InvalidTag, ValueError):  # ValueError: shorter than a nonce
        raise Unreadable from None


def bound(ids: tuple[UUID, ...]) -> bytes:
    return b"".join(pk.bytes for pk in ids)


def master_sealed(content: bytes, *bound_to: UUID) -> bytes:
    """A box under the first master key, with that key's name."""
    name, key = next(iter(settings.SEAL_KEYS.items()))
    called = name.encode()
    return MARK + bytes([len(called)]) + called + sealed(key, content, *bound_to)


def master_opened(box: bytes, *bound_to: UUID) -> bytes:
    """Raises Unreadable for a key that is no longer ours, for another id, and for what is no box."""
    start = len(MARK) + 1
    end = start + (box[len(MARK)] if len(box) > len(MARK) else 0)
    key = settings.SEAL_KEYS.get(box[start:end].decode(errors="replace"))
    if not box.startswith(MARK) or key is None:
        raise Unreadable
    return opened(key, memoryview(box)[end:], *bound_to)
