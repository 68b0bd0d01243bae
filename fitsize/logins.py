"""Passwords that people log in with. Each try costs a slow hash in a web thread: a flood of them must not cost more."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv6Address, ip_address
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from fitsize.models import Attempt, User

PATIENCE_SECONDS = 2.0  # a hash of 12 rounds takes a quarter of one
places = threading.BoundedSemaphore(2)  # of this process's web threads that are busy with passwords: one hashes, one waits
hashing = threading.Lock()


class Busy(PermissionDenied):
    """Other passwords are being looked at: a moment later there may be room."""


class TooManyAttempts(PermissionDenied):
    """This network, or this account, is not heard for a while."""


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Raises Busy where two are at it already, or the one before takes too long."""
    if not places.acquire(blocking=False):
        raise Busy
    try:
        if not hashing.acquire(timeout=PATIENCE_SECONDS):
            raise Busy
        try:
            yield
        finally:
            hashing.release()
    finally:
        places.release()


def network_of(address: str) -> str:
    """Whom failures are held against: an address, or the whole /64 that one customer has of IPv6."""
    try:
        found = ip_address(address)
    except ValueError:
        return ""
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped or IPv6Address(int(found) >> 64 << 64))
    return str(found)


def network_of_client(request: HttpRequest) -> str:
    return network_of(request.META.get("REMOTE_ADDR", ""))


class LimitedBackend(ModelBackend):
    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **other: Any
    ) -> User | None:
        """Raises TooManyAttempts or Busy (both are PermissionDenied) before anything is hashed.

        It takes the same time for a name that nobody has, for one that is shut out, and for a hash of other rounds.
        """
        if request is None or not username or password is None:
            return None
        with one_at_a_time():
            return self.looked_at(request, username, password)

    def looked_at(self, request: HttpRequest, username: str, password: str) -> User | None:
        network = network_of_client(request)
        if not Attempt.objects.admit_login(username, network):
            raise TooManyAttempts
        user: User | None = super().authenticate(request, username, password)
        if user is None:
            Attempt.objects.note(Attempt.What.FAILED_LOGIN, username, network)
        else:
            failures = Attempt.objects.filter(what=Attempt.What.FAILED_LOGIN)
            failures.filter(account=username[:150], network=network).delete()
        return user
