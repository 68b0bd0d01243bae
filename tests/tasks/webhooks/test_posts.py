"""One POST to a receiver that is slow, endless, elsewhere or hostile."""

from __future__ import annotations

import itertools
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from tasks.webhooks import posts
from tasks.webhooks.answers import Answer, Reason
from tests.receiver import Receiver, status

LONG = 60.0  # far more than any of these should take


@pytest.fixture(autouse=True)
def loopback(settings: Any) -> None:
    settings.WEBHOOK_ALLOW_HTTP = True
    settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network("127.0.0.1/32")]


def post(url: str, seconds: float = LONG) -> Answer:
    return posts.post(url, {"X-Test": "yes"}, b"{}", seconds)


@pytest.mark.parametrize(("line", "reason"), [("200 OK", None), ("204 No Content", None), ("500 Oh", "status"), ("410 Gone", "status")])
def test_the_status_decides(line: str, reason: Reason | None) -> None:
    with Receiver(status(line)) as receiver:
        answer = post(receiver.url)
    assert (answer.status, answer.reason) == (int(line[:3]), reason)
    [heard] = receiver.heard
    assert (heard.path, heard.body, heard.headers["x-test"]) == ("/hook", b"{}", "yes")
    assert heard.headers["host"] == f"127.0.0.1:{receiver.port}"


def test_no_redirect_is_followed() -> None:
    with Receiver() as elsewhere, Receiver(status("307 Look", f"Location: {elsewhere.url}")) as receiver:
        answer = post(receiver.url)
    assert (answer.status, answer.reason, elsewhere.heard) == (307, Reason.STATUS, [])


def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with Receiver() as proxy, Receiver() as receiver:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert post(receiver.url).delivered
    assert (len(receiver.heard), proxy.heard) == (1, [])


def trickled(*parts: bytes) -> Any:
    """A byte every twentieth of a second, for as long as somebody listens."""

    def answer(connection: socket.socket) -> None:
        for part in itertools.chain(parts, itertools.repeat(b"x")):
            connection.sendall(part)
            time.sleep(0.05)

    return answer


def test_an_answer_that_trickles_ends_in_time() -> None:
    """Each byte comes in time, the whole never does."""
    with Receiver(trickled(b"HTTP/1.1 200 OK\r\nX-Endless: ")) as receiver:
        answer = post(receiver.url, seconds=0.5)
    assert (answer.reason, answer.status, answer.milliseconds >= 490) == (Reason.TIMEOUT, None, True)


def test_a_body_that_trickles_ends_in_time_and_the_status_counts() -> None:
    with Receiver(trickled(b"HTTP/1.1 200 OK\r\n\r\n")) as receiver:
        answer = post(receiver.url, seconds=2)
    assert (answer.delivered, answer.status) == (True, 200)


def test_interim_answers_without_end_end_in_time() -> None:
    with Receiver(trickled(*[b"HTTP/1.1 103 Early Hints\r\n\r\n"] * 1000)) as receiver:
        assert post(receiver.url, seconds=0.5).reason == Reason.TIMEOUT


def test_a_server_that_says_nothing_is_given_up() -> None:
    with Receiver(lambda connection: time.sleep(2)) as receiver:
        assert post(receiver.url, seconds=0.3).reason == Reason.TIMEOUT


def test_of_an_endless_answer_little_is_read() -> None:
    sent = []

    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        for _ in range(1000):
            connection.sendall(bytes(100_000))
            sent.append(100_000)

    with Receiver(flood) as receiver:
        answer = post(receiver.url)
    assert answer.delivered
    assert sum(sent) < 50_000_000  # what lies in the sockets' buffers


def test_headers_without_end_are_no_answer() -> None:
    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + b"X-More: yes\r\n" * 1_000_000)

    with Receiver(flood) as receiver:
        assert post(receiver.url).reason == Reason.PROTOCOL


def test_what_is_not_http_is_no_answer() -> None:
    with Receiver(b"220 smtp.example ESMTP\r\n") as receiver:
        assert post(receiver.url).reason == Reason.PROTOCOL


def test_a_port_where_nobody_listens_and_a_name_that_nobody_has() -> None:
    with Receiver() as receiver:
        pass
    assert post(receiver.url).reason == Reason.CONNECTION
    assert post("http://nobody.invalid/").reason == Reason.DNS


@pytest.mark.parametrize(("line", "seconds"), [("30", 30), ("", 0), ("soon", 0), ("-5", 0), ("9" * 40, 999_999_999), ("1e9", 0)])
def test_what_the_receiver_asks_for_is_read(line: str, seconds: float) -> None:
    with Receiver(status("429 Slow", f"Retry-After: {line}")) as receiver:
        assert post(receiver.url).retry_after == seconds


def test_a_date_to_come_back_at_is_read_too() -> None:
    assert posts.wished_seconds("Wed, 21 Oct 2099 07:28:00 GMT") > 1e9
    assert posts.wished_seconds("Wed, 21 Oct 2015 07:28:00 GMT") == 0


class Rebinding:
    """A resolver whose name leads to one address first, and to another from then on. Addresses lead to themselves."""

    def __init__(self, first: str, later: str) -> None:
        self.answers = itertools.chain([first], itertools.repeat(later))
        self.asked = 0
        self.really = socket.getaddrinfo

    def __call__(self, host: str, port: int, *arguments: Any, **named: Any) -> Any:
        if host == "rebound.example" and not named.get("flags"):
            self.asked += 1
            host = next(self.answers)
        return self.really(host, port, *arguments, **named)


@pytest.fixture
def pair() -> Iterator[tuple[Receiver, Receiver]]:
    """On one port of two addresses, of which only the first is allowed."""
    with Receiver() as allowed, Receiver(host="127.0.0.2", port=allowed.port) as inner:
        yield allowed, inner


def test_what_dns_says_after_the_check_changes_nothing(pair: tuple[Receiver, Receiver], monkeypatch: pytest.MonkeyPatch) -> None:
    allowed, inner = pair
    resolver = Rebinding("127.0.0.1", "127.0.0.2")
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    assert post(f"http://rebound.example:{allowed.port}/hook").delivered
    assert (len(allowed.heard), inner.heard, resolver.asked) == (1, [], 1)
    assert allowed.heard[0].headers["host"] == f"rebound.example:{allowed.port}"


def test_the_next_attempt_looks_again(pair: tuple[Receiver, Receiver], monkeypatch: pytest.MonkeyPatch) -> None:
    allowed, inner = pair
    monkeypatch.setattr(socket, "getaddrinfo", Rebinding("127.0.0.1", "127.0.0.2"))
    reasons = [post(f"http://rebound.example:{allowed.port}/hook").reason for _ in range(2)]
    assert (reasons, inner.heard) == ([None, Reason.REFUSED_ADDRESS], [])


def certificate(folder: Path, name: str) -> Path:
    """A key and a certificate that it signed itself, in one file."""
    file = folder / f"{name}.pem"
    subject = ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    key = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    subprocess.run(["openssl", *key, *subject, "-keyout", file, "-out", folder / "crt"], check=True, capture_output=True)
    file.write_text(file.read_text() + (folder / "crt").read_text())
    return file


@pytest.mark.parametrize(("named", "trusted", "reason"), [("rebound", True, None), ("other", True, "tls"), ("rebound", False, "tls")])
def test_a_certificate_counts_for_its_name_and_only_from_whom_we_trust(
    named: str, trusted: bool, reason: Reason | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = certificate(tmp_path, f"{named}.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
    monkeypatch.setattr(socket, "getaddrinfo", Rebinding("127.0.0.1", "127.0.0.1"))
    posts.tls.cache_clear()
    with Receiver(tls=context) as receiver:
        answer = post(f"https://rebound.example:{receiver.port}/hook")
    posts.tls.cache_clear()
    assert (answer.reason, len(receiver.heard)) == (reason, 0 if reason else 1)
