"""Passwords that people log in with. Each try costs a slow hash in a web thread: a flood of them must not cost more."""

from __future__ import annotations

import threading
from ipaddress import IPv6Address, ip_address
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from fitsize.models import FailedLogin, User

hashing = threading.Lock()  # one web thread of this process at most is busy with passwords


def network_of(address: str) -> str:
    """Whom failures are held against: an address, or the whole /64 that one customer has of IPv6."""
    try:
        found = ip_address(address)
    except ValueError:
        return ""
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped or IPv6Address(int(found) >> 64 << 64))
    return str(found)


class LimitedBackend(ModelBackend):
    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **other: Any
    ) -> User | None:
        """Raises PermissionDenied, before anything is hashed, after too many failures and while another login is being looked at."""
        if request is None or not username or password is None:
            return None
        if not hashing.acquire(blocking=False):
            raise PermissionDenied
        try:
            return self.looked_at(request, username, password)
        finally:
            hashing.release()

    def looked_at(self, request: HttpRequest, username: str, password: str) -> User | None:
        network = network_of(request.META.get("REMOTE_ADDR", ""))
        if not FailedLogin.objects.admits(username, network):
            raise PermissionDenied
        user: User | None = super().authenticate(request, username, password)
        if user is None:
            FailedLogin.objects.note(username, network)
        else:
            FailedLogin.objects.filter(account=username[:150], network=network).delete()
        return user
