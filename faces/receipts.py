"""Receipts as they are signed: JSON whose Ed25519 signature anybody can check, each naming the one before it by its SHA-256."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings

FIRST = "0" * 64  # what the first receipt names


class Forged(Exception):
    """The receipt was changed, or signed by another key."""


def private_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(settings.RECEIPT_KEY.encode()).digest())


def public_key_pem() -> str:
    encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return private_key().public_key().public_bytes(encoding, form).decode()


def canonical(facts: Mapping[str, Any]) -> bytes:
    """What is signed: all but the signature, keys sorted, without spaces, UTF-8."""
    signed = {name: value for name, value in facts.items() if name != "signature"}
    return json.dumps(signed, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def signed(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {**facts, "signature": b64encode(private_key().sign(canonical(facts))).decode()}


def sha256(document: Mapping[str, Any]) -> str:
    """What the next receipt names this one by."""
    return hashlib.sha256(canonical(document)).hexdigest()


def verify(document: Mapping[str, Any], pem: str) -> None:
    """Raises Forged."""
    try:
        key = serialization.load_pem_public_key(pem.encode())
        if not isinstance(key, Ed25519PublicKey):
            raise Forged
        key.verify(b64decode(str(document.get("signature", "")), validate=True), canonical(document))
    except (InvalidSignature, ValueError):
        raise Forged from None
