"""`python -m fitsize.fake_broker PORT`: Redis in Python, for machines where no binary can be had. Slow (46 ms a message), but right."""

from __future__ import annotations

import sys


def serve(port: int) -> None:
    from fakeredis import TcpFakeServer

    server = TcpFakeServer(("127.0.0.1", port), server_type="redis")
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
