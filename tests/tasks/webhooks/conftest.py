from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest


@pytest.fixture
def loopback(settings: Any) -> None:
    """Receivers of tests listen on 127.0.0.1, without TLS."""
    settings.WEBHOOK_ALLOW_HTTP = True
    settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network("127.0.0.1/32")]
