"""A man in the middle of a worker and PostgreSQL who loses one answer."""

from __future__ import annotations

import select
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.postgres import url_of

SOCKET = ".s.PGSQL.5432"
COMMIT = b"COMMIT\0"


class LosesAnAnswer(socketserver.ThreadingUnixStreamServer):
    """Once `armed`, the next COMMIT is passed on, its answer swallowed, and the connection cut."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, server: Path, folder: Path) -> None:
        super().__init__(str(folder / SOCKET), Talk)
        self.server_socket = str(server / SOCKET)
        self.armed = threading.Event()
        self.url = url_of(folder)


class Talk(socketserver.BaseRequestHandler):
    server: LosesAnAnswer

    def handle(self) -> None:
        with socket.socket(socket.AF_UNIX) as upstream:
            upstream.connect(self.server.server_socket)
            while True:
                ready, _, _ = select.select([self.request, upstream], [], [])
                for source in ready:
                    if not (data := source.recv(65536)):
                        return
                    (upstream if source is self.request else self.request).sendall(data)
                    if source is self.request and COMMIT in data and self.server.armed.is_set():
                        upstream.recv(65536)  # it is committed
                        self.server.armed.clear()
                        return


@contextmanager
def losing_an_answer(server: Path, folder: Path) -> Iterator[LosesAnAnswer]:
    with LosesAnAnswer(server, folder) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
            thread.join()
