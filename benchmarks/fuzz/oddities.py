"""What a generator of valid and nearly valid requests does not send: bytes that are no text, numbers that are none, parts out of order.

Each answer must be a refusal as the API writes them, or a plain success; never a 5xx, never silence.
"""

from __future__ import annotations

import base64
import http.client
import json
import random
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.fuzz.notes import NO_HTTP
from benchmarks.fuzz.words import (
    BYTES,
    CURSORS,
    DATES,
    FILTERS,
    FRAMING,
    GOOD,
    HEADERS,
    METHODS,
    NAMES,
    NAMES_OF_HEADERS,
    NUMBERS,
    SUBMITS,
    TEXTS,
)
from tasks.openapi.samples import PICTURE
from tasks.problems import MEDIA_TYPE


@dataclass
class Request:
    method: str
    path: bytes
    headers: dict[str, bytes] = field(default_factory=dict)
    body: bytes = b""

    def __str__(self) -> str:
        return f"{self.method} {self.path[:200]!r} {self.headers} {self.body[:300]!r}"


class Oddities:
    """Requests from a seed; the same seed, the same requests."""

    def __init__(self, seed: int, jobs: list[str]) -> None:
        self.random = random.Random(seed)
        self.jobs = jobs
        self.makers: list[Callable[[], Request]] = [
            self.odd_json,
            self.odd_submit,
            self.odd_form,
            self.odd_query,
            self.odd_path,
            self.odd_header,
            self.odd_method,
        ]

    def request(self) -> Request:
        return self.random.choice(self.makers)()

    def one(self, *choices: bytes) -> bytes:
        return self.random.choice(choices)

    def some(self, choices: Any) -> Any:
        return self.random.choice(choices)

    def job(self) -> str:
        return self.some(self.jobs) if self.jobs else "0d5f3c2e-6c1b-4c8e-9b1a-2f4d8e7a6b53"

    # -- bodies
    def odd_json(self) -> Request:
        members = [f"{json.dumps(self.some(NAMES))}: {self.value()}" for _ in range(self.random.randint(0, 4))]
        body = "{" + ", ".join([*members, *self.good_members()]) + "}"
        if self.random.random() < 0.2:
            body = self.some(
                ["", "null", "[]", "1", '"x"', "[" * 60_000, '{"a":' * 60_000, body[:-1], body + body, "\ufeff" + body, "{'image': 1}"]
            )
        encoded = (
            body.encode(self.some(["utf-8", "utf-16", "utf-32", "latin-1"]), "replace") if self.random.random() < 0.2 else body.encode()
        )
        return Request("POST", self.some(SUBMITS).encode(), {"Content-Type": self.json_type()}, encoded)

    def odd_submit(self) -> Request:
        """A good body, and headers that are not."""
        path, names = self.some(GOOD)
        body = dict.fromkeys(names, PICTURE) | ({"clothing": "trousers"} if "image" in names else {})
        odd = {self.some(NAMES_OF_HEADERS): self.some(HEADERS) for _ in range(self.some([1, 2, 4]))}
        return Request("POST", path.encode(), {"Content-Type": b"application/json"} | odd, json.dumps(body).encode())

    def good_members(self) -> list[str]:
        if self.random.random() < 0.5:
            return []
        return [f'"{name}": "{PICTURE}"' for name in ("image", "selfie", "reference")] + ['"clothing": "trousers"']

    def json_type(self) -> bytes:
        odd = (
            b"application/json; charset=utf-16",
            b"application/json;;",
            b"APPLICATION/JSON",
            b"application/json; charset=\xff",
            b"text/json",
            b"",
        )
        return self.one(*odd) if self.random.random() < 0.2 else b"application/json"

    def value(self) -> str:
        plain = [
            json.dumps(self.some(TEXTS)),
            self.some(NUMBERS),
            "true",
            "null",
            "[]",
            "{}",
            "[[[]]]",
            '{"a": {"b": 1}}',
            '["a"]',
            f'"{PICTURE}"',
        ]
        return str(self.some(plain))

    def odd_form(self) -> Request:
        edge = self.some([b"edge", b"x" * 70, b"x" * 300, b"\xc3\xa9", b'a"b', b""])
        parts = b"".join(b"--" + edge + b"\r\n" + self.part() for _ in range(self.some([0, 1, 2, 5, 1200])))
        body = parts + self.some([b"--" + edge + b"--\r\n", b"--" + edge + b"\r\n", b"", b"--" + edge + b"--" + b"x" * 600])
        kinds = (
            b"multipart/form-data; boundary=" + edge,
            b'multipart/form-data; boundary="' + edge + b'"',
            b"multipart/form-data",
            b"multipart/mixed; boundary=" + edge,
        )
        return Request("POST", self.some(SUBMITS).encode(), {"Content-Type": self.some(kinds)}, body)

    def part(self) -> bytes:
        name = self.some([*NAMES, *TEXTS[:10]]).encode(errors="surrogatepass")
        disposition: bytes = b'Content-Disposition: form-data; name="' + name + b'"'
        if self.random.random() < 0.5:
            disposition += b'; filename="' + self.some(TEXTS).encode(errors="surrogatepass")[:3000] + b'"'
        more: bytes = self.some(
            [
                b"",
                b"",
                b"Content-Type: image/png\r\n",
                b"Content-Type: text/plain; charset=nope\r\n",
                b"Content-Transfer-Encoding: base64\r\n",
            ]
        )
        more += self.some(
            [b"", b"", b"Content-Transfer-Encoding: quoted-printable\r\n", b"\xff\xfe: \xff\r\n", b"X: " + b"a" * 9000 + b"\r\n"]
        )
        content: bytes = self.some(
            [
                BYTES,
                BYTES[:40],
                b"",
                b"\xff\xfe\x00",
                b"trousers",
                self.some(NUMBERS).encode(),
                self.some(TEXTS).encode(errors="surrogatepass"),
            ]
        )
        return disposition + b"\r\n" + more + b"\r\n" + content + b"\r\n"

    # -- addresses
    def odd_query(self) -> Request:
        path = self.some(["/api/v1/jobs", "/api/v1/jobs", "/api/v1/jobs", f"/api/v1/jobs/{self.job()}", "/livez", "/readyz"])
        pairs = [self.pair() for _ in range(self.some([1, 1, 2, 3, 1500]))]
        return Request("GET", path.encode() + b"?" + b"&".join(pairs))

    def pair(self) -> bytes:
        name = self.some([*FILTERS, "wait", "format", "\0", "é"])
        cursor = base64.b64encode(self.some(CURSORS).encode()).decode()
        value = self.some([self.some(TEXTS[:14]), self.some(NUMBERS), self.some(DATES), cursor, "queued,running", "1"])
        written = quoted(value.encode(errors="surrogatepass")) if self.random.random() < 0.9 else b"%zz%"
        return quoted(name.encode()) + self.one(b"=", b"=", b"=", b"", b"[]=") + written

    def odd_path(self) -> Request:
        odd = self.some(TEXTS[:17]).encode(errors="surrogatepass")[:5000]
        start = self.some(
            ["/", "//", "/api/v1/jobs/", f"/api/v1/jobs/{self.job()}/files/", f"/api/v1/jobs/{self.job()}/", "/static/", "/api/"]
        ).encode()
        end = self.some([b"", b"/", b"/..", b"%2e%2e%2f", b"%", b"%ff", b";x=1", b"//", b"%0d%0aX: y"])
        return Request(self.some(["GET", "POST", "DELETE"]), start + quoted(odd) + end)

    # -- headers and methods
    def odd_header(self) -> Request:
        path = self.some(["/api/v1/jobs", f"/api/v1/jobs/{self.job()}", "/livez", SUBMITS[0], "/api/docs"]).encode()
        odd = {self.some(NAMES_OF_HEADERS): self.some(HEADERS) for _ in range(self.some([1, 2, 4]))}
        return Request(self.some(["GET", "POST"]), path, odd, self.some([b"", b"{}", b"x" * 100]))

    def odd_method(self) -> Request:
        path = self.some(
            [
                "/api/v1/jobs",
                f"/api/v1/jobs/{self.job()}",
                f"/api/v1/jobs/{self.job()}/cancel",
                "/livez",
                "/readyz",
                "/api/schema",
                "/api/docs",
            ]
        )
        return Request(self.some(METHODS), self.some([path.encode(), b"*", b"http://elsewhere/" + path.encode(), path.encode()]))


def quoted(content: bytes) -> bytes:
    return b"".join(bytes([byte]) if byte in b"abcdefghijklmnopqrstuvwxyz0123456789-_.~/," else b"%%%02X" % byte for byte in content)


@dataclass(frozen=True)
class Reply:
    status: int
    media_type: str
    content: bytes


def send(address: tuple[str, int], request: Request, key: str) -> Reply | None:
    """As it is, byte for byte; None where the server said nothing."""
    headers = {
        "Host": b"localhost",
        "Authorization": b"Bearer " + key.encode(),
        "Content-Length": b"%d" % len(request.body),
    } | request.headers
    lines = [
        request.method.encode() + b" " + request.path + b" HTTP/1.1",
        *(name.encode() + b": " + value for name, value in headers.items()),
    ]
    with socket.create_connection(address, timeout=20) as connection:
        try:
            connection.sendall(b"\r\n".join([*lines, b"Connection: close", b"", request.body]))
            connection.settimeout(1.0 if FRAMING & headers.keys() - {"Content-Length"} or "Content-Length" in request.headers else 20)
            answer = http.client.HTTPResponse(connection, method=request.method)
            answer.begin()
            return Reply(answer.status, answer.headers.get("Content-Type", ""), answer.read())
        except (OSError, http.client.HTTPException):
            return None


def complaint(request: Request, reply: Reply | None) -> str:
    """What is wrong with an answer; nothing if it is fine."""
    if reply is None:
        return "" if FRAMING & request.headers.keys() else "no answer"
    if reply.status >= 500:
        return f"{reply.status}"
    if b"Traceback" in reply.content or b"/site-packages/" in reply.content:
        return "a trace"
    if reply.status < 400 or request.method == "HEAD" or reply.content == NO_HTTP:
        return ""
    if reply.media_type != MEDIA_TYPE:
        return f"{reply.status} without a problem document"
    return "" if json.loads(reply.content)["status"] == reply.status else "a problem document of another status"
