"""Somebody else's server that is told of jobs: it remembers what it heard, and answers as the test wishes, well or badly."""

from __future__ import annotations

import json
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from standardwebhooks import Webhook

OK = b"HTTP/1.1 204 No Content\r\n\r\n"
Answering = Callable[[socket.socket], None]


@dataclass(frozen=True)
class Heard:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def job(self) -> str:
        return str(json.loads(self.body)["data"]["id"])

    def verified(self, secret: str) -> Any:
        """As the unmodified library of Standard Webhooks reads it. Raises for a wrong signature or time."""
        return Webhook(secret).verify(self.body, self.headers)


def status(line: str, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {line}", *headers, "Content-Length: 0", "", ""]).encode()


class Handler(socketserver.StreamRequestHandler):
    server: Server

    def handle(self) -> None:
        first = self.rfile.readline().decode()
        if not first:
            return
        lines = iter(lambda: self.rfile.readline().decode().strip(), "")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = self.rfile.read(int(headers["content-length"]))
        self.server.receiver.heard.append(Heard(first.split()[1], headers, body))
        answer = self.server.receiver.answer
        if isinstance(answer, bytes):
            self.request.sendall(answer)
        else:
            answer(self.request)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    request_queue_size = 128
    daemon_threads = True
    receiver: Receiver
    tls: ssl.SSLContext | None = None

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        if self.tls:
            connection = self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who is told may hang up at any time."""


class Receiver:
    def __init__(self, answer: bytes | Answering = OK, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.answer = answer
        self.heard: list[Heard] = []
        self.server = Server((host, port), Handler)
        self.server.receiver, self.server.tls = self, tls
        self.port: int = self.server.server_address[1]
        self.url = f"http{'s' if tls else ''}://{host}:{self.port}/hook"

    def __enter__(self) -> Receiver:
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
