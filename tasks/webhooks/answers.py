"""What came of an attempt to deliver."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why an attempt failed."""

    STATUS = "status"
    TIMEOUT = "timeout"
    DNS = "dns"
    CONNECTION = "connection"
    TLS = "tls"
    PROTOCOL = "protocol"
    REFUSED_ADDRESS = "refused_address"
    LOST = "sender_lost"
    INTERNAL = "internal_error"


@dataclass(frozen=True)
class Answer:
    """What came of an attempt; `retry_after`: the seconds that the receiver asked for."""

    milliseconds: int
    status: int | None = None
    reason: Reason | None = None
    retry_after: float = 0.0

    @property
    def delivered(self) -> bool:
        return self.reason is None
