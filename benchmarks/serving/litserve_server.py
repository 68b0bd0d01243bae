"""The dummy model behind LitServe: `python -m benchmarks.serving.litserve_server --port 9000 [--workers 2] [--restart]`."""

from __future__ import annotations

import argparse
from typing import Any

import litserve

from benchmarks.serving.dummy import burn, is_loaded


class Dummy(litserve.LitAPI):
    def setup(self, device: str) -> None:
        is_loaded()

    def predict(self, request: dict[str, Any]) -> dict[str, Any]:
        return burn(request["file"], request["milliseconds"], request.get("signal_name", ""))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving.litserve_server", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--restart", action="store_true", help="start a model process again that died; LitServe's own default is to end")
    options = parser.parse_args()
    server = litserve.LitServer(
        Dummy(), accelerator="cpu", workers_per_device=options.workers, timeout=120, restart_workers=options.restart
    )
    server.run(host="127.0.0.1", port=options.port, generate_client_file=False, log_level="error")


if __name__ == "__main__":
    main()
