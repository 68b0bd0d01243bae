"""The generator against a server that speaks the protocol of contracts/legacy-clients.md, section 2."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import cast

import pytest

from tests.stack import ROOT

NAMES = {"test_00": "Paul", "test_01": "Emily", "test_02": "Bob"}
Answer = Callable[[str, str], tuple[int, str] | None]
"""What is answered to a picture of this stem and person: status and text; None hangs up."""


def right(stem: str, name: str) -> tuple[int, str]:
    return 200, f"{stem}:{name}"


@dataclass
class Service:
    """`answers` is changed by tests; `received` are the names and contents of the files, in the order in which they came."""

    answers: Answer = right
    received: list[tuple[str, bytes]] = field(default_factory=list)
    url: str = ""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        service = cast("Server", self.server).service
        body = self.rfile.read(int(self.headers["Content-Length"]))
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        message = BytesParser(EmailMessage, policy=HTTP).parsebytes(head + body)
        [part] = message.iter_parts()
        assert part.get_param("name", header="Content-Disposition") == "inputFile"
        file = str(part.get_filename())
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        service.received.append((file, content))
        answer = service.answers(Path(file).stem, NAMES[Path(file).stem]) if self.path == "/" else (404, "")
        if answer is None:
            self.close_connection = True
            return
        status, text = answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *arguments: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True

    def __init__(self, service: Service) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.service = service


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    with Server(service) as server:
        service.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield service
        server.shutdown()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for stem in NAMES:
        (folder / f"{stem}.jpg").write_bytes(f"picture {stem}".encode())
    (folder / ".DS_Store").write_bytes(b"no picture")
    return folder


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "results.csv"
    file.write_text("Image,Results\n" + "".join(f"{stem},{name}\n" for stem, name in NAMES.items()))
    return file


def command(url: str, pictures: Path, table: Path, count: int = 3) -> list[str]:
    options = (f"--num_request={count}", f"--url={url}", f"--image_folder={pictures}", f"--prediction_file={table}")
    return [sys.executable, "jmeter/workload_generator.py", *options]


def generate(url: str, pictures: Path, table: Path, count: int = 3) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(url, pictures, table, count), cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def numbers(said: str) -> dict[str, float]:
    """The statistics as the graders of this workload read them."""
    patterns = {
        "total": r"Total number of requests: (\d+)",
        "completed": r"Total number of requests completed successfully: (\d+)",
        "failed": r"Total number of failed requests: (\d+)",
        "correct": r"Total number of correct predictions : (\d+)",
        "wrong": r"Total number of wrong predictions: (\d+)",
        "seconds": r"Total Test Duration: ([0-9]+\.[0-9]+)",
    }
    found = {name: re.search(pattern, said) for name, pattern in patterns.items()}
    return {name: float(match[1]) for name, match in found.items() if match}


def counted(said: str) -> tuple[float, ...]:
    found = numbers(said)
    return tuple(found[name] for name in ("total", "completed", "failed", "correct", "wrong"))


def test_each_picture_is_sent_once_and_counted(service: Service, pictures: Path, table: Path) -> None:
    done = generate(service.url, pictures, table)
    assert (done.returncode, counted(done.stdout)) == (0, (3, 3, 0, 3, 0)), done.stderr
    assert sorted(service.received) == [(f"{stem}.jpg", f"picture {stem}".encode()) for stem in NAMES]
    assert numbers(done.stdout)["seconds"] > 0


def test_the_statistics_are_printed_word_for_word(service: Service, pictures: Path, table: Path) -> None:
    lines = generate(service.url, pictures, table).stdout.splitlines()
    assert re.fullmatch(r"Total Test Duration: [\d.]+ \(seconds\)", lines.pop(-2))
    assert lines[-9:] == [
        "Attempt-1 3/3 requests successful.",
        "All requests have been processed or retried.",
        "+++++ Test Result Statistics +++++",
        "Total number of requests: 3",
        "Total number of requests completed successfully: 3",
        "Total number of failed requests: 0",
        "Total number of correct predictions : 3",
        "Total number of wrong predictions: 0",
        "++++++++++++++++++++++++++++++++++++",
    ]
    assert "test_00.jpg uploaded!\nClassification result: test_00:Paul" in "\n".join(lines)


def test_a_wrong_name_is_a_wrong_prediction_and_no_failure(service: Service, pictures: Path, table: Path) -> None:
    service.answers = lambda stem, name: right(stem, "Bob")
    done = generate(service.url, pictures, table)
    assert (done.returncode, counted(done.stdout)) == (0, (3, 3, 0, 1, 2))


@pytest.mark.parametrize(
    "answer",
    [(503, "test_00:Paul"), (404, ""), (200, "Paul"), (200, "test_00:Paul:Emily"), (200, "test_01:Paul"), (200, "test_00:"), (200, "")],
    ids=["busy", "not found", "no colon", "two colons", "of another picture", "nobody", "empty"],
)
def test_any_other_answer_is_a_failure(service: Service, pictures: Path, table: Path, answer: tuple[int, str]) -> None:
    service.answers = lambda stem, name: answer if stem == "test_00" else right(stem, name)
    done = generate(service.url, pictures, table)
    assert (done.returncode, counted(done.stdout)) == (1, (3, 2, 1, 2, 0))
    assert len(service.received) == 3  # no failure is sent again


def test_a_connection_that_breaks_is_sent_again_until_it_is_answered(service: Service, pictures: Path, table: Path) -> None:
    service.answers = lambda stem, name: right(stem, name) if len(service.received) > 6 else None
    done = generate(service.url, pictures, table)
    assert (done.returncode, counted(done.stdout)) == (0, (3, 3, 0, 3, 0))
    assert {file for file, _ in service.received} == {f"{stem}.jpg" for stem in NAMES}
    assert "Attempt-3 3/3 requests successful." in done.stdout
    assert done.stderr.count("3 were not answered (RemoteProtocolError") == 2


def test_a_hundred_pictures_are_under_way_at_once(service: Service, pictures: Path, table: Path) -> None:
    together = threading.Barrier(100, timeout=30)

    def answer(stem: str, name: str) -> tuple[int, str]:
        together.wait()
        return right(stem, name)

    service.answers = answer
    done = generate(service.url, pictures, table, count=100)
    assert (done.returncode, counted(done.stdout)) == (0, (100, 100, 0, 100, 0)), done.stderr
    assert "3 pictures for 100 requests" in done.stderr


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Image,Results\ntest_00,Paul\ntest_01,Emily\n", "no row for test_02.jpg"),
        ("Picture,Name\ntest_00,Paul\n", "Image,Results"),
        ("Image,Results\ntest_00\n", "Image,Results"),
        (None, "No such file"),
    ],
    ids=["a row is missing", "other columns", "half a row", "no file"],
)
def test_a_table_that_cannot_be_used_is_told_before_anything_is_sent(
    service: Service, pictures: Path, tmp_path: Path, text: str | None, reason: str
) -> None:
    file = tmp_path / "table.csv"
    if text is not None:
        file.write_text(text)
    done = generate(service.url, pictures, file)
    assert (done.returncode, service.received) == (2, [])
    assert reason in done.stderr


@pytest.mark.parametrize(("folder", "reason"), [("nowhere", "no such folder"), ("", "no row for")])
def test_a_folder_that_cannot_be_used_is_told_before_anything_is_sent(
    service: Service, tmp_path: Path, table: Path, folder: str, reason: str
) -> None:
    done = generate(service.url, tmp_path / folder, table)
    assert (done.returncode, service.received) == (2, [])
    assert reason in done.stderr


@pytest.mark.parametrize(
    "options", [("0", "http://127.0.0.1:1"), ("3", "127.0.0.1:1"), ("3", "http://")], ids=["no requests", "no scheme", "no host"]
)
def test_wrong_flags_are_refused(pictures: Path, table: Path, options: tuple[str, str]) -> None:
    assert generate(options[1], pictures, table, count=int(options[0])).returncode == 2


def test_an_interrupt_does_not_wait_for_answers(service: Service, pictures: Path, table: Path) -> None:
    asked, over = threading.Event(), threading.Event()

    def answer(stem: str, name: str) -> None:
        asked.set()
        over.wait(60)

    service.answers = answer
    with subprocess.Popen(
        command(service.url, pictures, table),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # ignored where tests run in the background
    ) as process:
        assert asked.wait(30)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=30)
        over.set()
    assert (process.returncode, said) == (130, "")
