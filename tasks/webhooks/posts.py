"""One POST to somebody else's server, which may be slow, endless or hostile."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any

import certifi
import httpcore

from tasks.webhooks.answers import Answer, Reason
from tasks.webhooks.guard import ForbiddenAddress, Target, addresses_of, checked_target

MOST_ANSWER_BYTES = 65_536  # read out of courtesy: only the status counts
MOST_ADDRESSES = 4


class Untrusted(httpcore.ConnectError):
    """No TLS, or a certificate that is not for this name, or not from whom we trust."""


class CheckedNetwork(httpcore.NetworkBackend):
    """Connects to nothing but addresses that were checked a moment ago; all of it ends in time, however slowly the other side goes on."""

    def __init__(self, seconds: float) -> None:
        self.ends_at = time.monotonic() + seconds
        self.network = httpcore.SyncBackend()

    def left(self) -> float:
        if (seconds := self.ends_at - time.monotonic()) <= 0:
            raise httpcore.ReadTimeout
        return seconds

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = addresses_of(host, port)[:MOST_ADDRESSES]
        for after, address in zip(reversed(range(len(addresses))), addresses, strict=True):
            try:
                return TimedStream(self.network.connect_tcp(address, port, self.left() / (after + 1)), self)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if not after:
                    raise
        raise httpcore.ConnectError("the host has no address")


class TimedStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, network: CheckedNetwork) -> None:
        self.stream, self.network = stream, network

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.stream.read(max_bytes, self.network.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.stream.write(buffer, self.network.left())

    def close(self) -> None:
        self.stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        try:
            return TimedStream(self.stream.start_tls(ssl_context, server_hostname, self.network.left()), self.network)
        except httpcore.ConnectError as error:
            raise (Untrusted if isinstance(error.__cause__, ssl.SSLError) else httpcore.ConnectError)(str(error)) from None

    def get_extra_info(self, info: str) -> Any:
        return self.stream.get_extra_info(info)


@cache
def tls() -> ssl.SSLContext:
    """Who is trusted: the authorities of this system (or OpenSSL's SSL_CERT_FILE), and those that certifi brings."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def post(address: str, headers: Mapping[str, str], body: bytes, seconds: float) -> Answer:
    """Send it, once. No redirect is followed, no proxy used, and nothing is kept open. Raises nothing that the other side could cause."""
    begun = time.monotonic()
    status, reason, retry_after = None, None, 0.0
    try:
        status, wish = exchange(checked_target(address), headers, body, CheckedNetwork(seconds))
        reason = None if 200 <= status < 300 else Reason.STATUS
        retry_after = wished_seconds(wish)
    except ForbiddenAddress:
        reason = Reason.REFUSED_ADDRESS
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, socket.gaierror) as error:
        reason = reason_of(error)
    return Answer(round((time.monotonic() - begun) * 1000), status, reason, retry_after)


def exchange(target: Target, headers: Mapping[str, str], body: bytes, network: CheckedNetwork) -> tuple[int, str]:
    """The status, and what `Retry-After` says."""
    url = httpcore.URL(scheme=target.scheme.encode(), host=target.host.encode(), port=target.port, target=target.path.encode())
    sent = {"Host": target.authority, "Connection": "close", **headers}
    with (
        httpcore.ConnectionPool(ssl_context=tls(), network_backend=network) as pool,
        pool.stream("POST", url, headers=list(sent.items()), content=body) as response,
    ):
        said = {name.lower(): value for name, value in response.headers}
        read_some(response)
        return response.status, said.get(b"retry-after", b"").decode("latin-1")


def read_some(response: httpcore.Response) -> None:
    """An answer that is cut off in its middle is as much an answer as before."""
    size = 0
    with suppress(httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError):
        for chunk in response.iter_stream():
            size += len(chunk)
            if size > MOST_ANSWER_BYTES:
                return


def reason_of(error: Exception) -> Reason:
    if isinstance(error, Untrusted):
        return Reason.TLS
    if isinstance(error, httpcore.TimeoutException):
        return Reason.TIMEOUT
    if isinstance(error, httpcore.ProtocolError):
        return Reason.PROTOCOL
    return Reason.CONNECTION if isinstance(error, httpcore.NetworkError) else Reason.DNS


def wished_seconds(text: str) -> float:
    """Of a `Retry-After`: seconds, or a date; 0 for anything else."""
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    return max((moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds(), 0.0)
