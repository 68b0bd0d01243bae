"""Clients that lie, dawdle or leave, at a real server: each the right answer, nothing left behind."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.stack import Stack, eventually

pytestmark = pytest.mark.slow
ADDRESS = "/api/v1/fakes/echo"
PART = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """No worker: what is accepted stays queued."""
    with Stack(tmp_path_factory.mktemp("web"), workers=()) as stack:
        yield stack


@pytest.fixture(autouse=True)
def nothing_left(web: Stack) -> Iterator[None]:
    rows = "SELECT (SELECT count(*) FROM tasks_job), (SELECT count(*) FROM tasks_input)"
    before = web.select(rows)
    yield
    assert web.select(rows) == before
    eventually(lambda: not list((web.folder / "incoming").iterdir()), 10)
    assert not [path for path in Path(web.folder / "files").rglob("*") if path.is_file()]


def connection(web: Stack) -> socket.socket:
    host, _, port = web.bind.partition(":")
    return socket.create_connection((host, int(port)), timeout=20)


def head(web: Stack, length: int | None, key: str | None = None, **headers: str) -> bytes:
    lines = [f"POST {ADDRESS} HTTP/1.1", "Host: localhost", "Content-Type: multipart/form-data; boundary=edge"]
    lines += [f"Authorization: Bearer {web.key if key is None else key}"]
    lines += [f"Content-Length: {length}"] if length is not None else ["Transfer-Encoding: chunked"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def answer(client: socket.socket) -> tuple[int, dict[str, Any]]:
    received = b""
    while (piece := client.recv(65536)) and not complete(received := received + piece):
        pass
    start, _, body = received.partition(b"\r\n\r\n")
    return int(start[9:12]), json.loads(body)


def complete(received: bytes) -> bool:
    start, found, body = received.partition(b"\r\n\r\n")
    lengths = [int(line.split(b":")[1]) for line in start.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return bool(found) and len(body) >= lengths[0]


@pytest.mark.parametrize(("size", "key", "code"), [(60_000_000, "wrong", "unauthenticated"), (600_000_000, None, "too_large")])
def test_a_large_body_is_refused_before_it_is_sent(web: Stack, size: int, key: str | None, code: str) -> None:
    with closing(connection(web)) as client:
        client.sendall(head(web, size, key))
        status, document = answer(client)
    assert (document["code"], document["status"]) == (code, status)


def test_an_address_that_takes_no_files_takes_no_large_body(web: Stack) -> None:
    with closing(connection(web)) as client:
        client.sendall(head(web, 2_000_000).replace(ADDRESS.encode(), b"/api/v1/jobs"))
        assert answer(client)[1]["code"] == "too_large"


def test_a_client_that_sends_its_large_body_all_the_same_reads_the_refusal(web: Stack) -> None:
    refused = web.http.post(
        ADDRESS, content=bytes(60_000_000), headers={"Authorization": "Bearer wrong", "Content-Type": "application/json"}
    )
    assert refused.json()["code"] == "unauthenticated"
    assert web.http.get("/livez").status_code == 200


@pytest.mark.parametrize("connection_header", ["close", "keep-alive"])
def test_a_refusal_is_read_by_who_sends_everything_first(web: Stack, connection_header: str) -> None:
    body = bytes(20_000_000)
    for _ in range(5):
        with closing(connection(web)) as client:
            client.sendall(head(web, len(body), "wrong", Connection=connection_header) + body)
            assert answer(client)[1]["code"] == "unauthenticated"


def test_a_chunked_body_over_the_limit_is_cut_off(web: Stack) -> None:
    with closing(connection(web)) as client:
        client.sendall(head(web, None).replace(b"multipart/form-data; boundary=edge", b"application/json"))
        piece = b"%x\r\n%s\r\n" % (1_000_000, bytes(1_000_000))
        with pytest.raises(OSError):
            for _ in range(60):
                client.sendall(piece)
            client.recv(1)
            client.sendall(piece)


@pytest.mark.parametrize("sent", [0, 10, 3_000_000])
def test_half_an_upload_is_no_job(web: Stack, sent: int) -> None:
    with closing(connection(web)) as client:
        client.sendall(head(web, 5_000_000) + (PART + bytes(3_000_000))[:sent])


def test_a_content_length_that_says_less_than_is_sent_is_half_a_body(web: Stack) -> None:
    body = PART + b"x\r\n--edge--\r\n"
    with closing(connection(web)) as client:
        client.sendall(head(web, len(body) - 20) + body)
        assert client.recv(12)[9:12] == b"400"


@pytest.mark.parametrize("length", ["-5", "5, 6", "1e3", "99999999999999999999999"])
def test_a_content_length_that_is_none_is_refused(web: Stack, length: str) -> None:
    with closing(connection(web)) as client:
        client.sendall(head(web, 7).replace(b"Content-Length: 7", f"Content-Length: {length}".encode()))
        assert client.recv(12)[9:12] in (b"400", b"413")
    assert web.http.get("/livez").status_code == 200


def test_ten_thousand_form_fields_are_refused(web: Stack) -> None:
    part = '--edge\r\nContent-Disposition: form-data; name="f{}"\r\n\r\nx\r\n'
    body = "".join(part.format(number) for number in range(10_000)) + "--edge--\r\n"
    refused = web.http.post(ADDRESS, content=body, headers={"Content-Type": "multipart/form-data; boundary=edge"})
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_request")


@pytest.mark.parametrize("levels", [100, 1000, 100_000])
def test_json_of_many_levels_is_refused(web: Stack, levels: int) -> None:
    for body in ('{"text": ' + "[" * levels + "]" * levels + "}", '{"deep": ' * levels + "1" + "}" * levels):
        refused = web.http.post(ADDRESS, content=body, headers={"Content-Type": "application/json"})
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid_request")


def test_internal_headers_are_neither_taken_nor_shown(web: Stack) -> None:
    forged = {"X-FitSize-Hold": "x 20", "X-FitSize-Go-On": "1", "fitsize.front": "x", "fitsize.announced": "5", "Prefer": "wait=1"}
    refused = web.http.post(ADDRESS, json={"wrong": 1}, headers=forged)
    assert refused.status_code == 400
    listed = web.http.get("/api/v1/jobs", headers=forged)
    assert not [name for name in (*refused.headers, *listed.headers) if name.startswith("x-fitsize")]


def test_fifty_stalled_uploads_hold_up_nobody(web: Stack) -> None:
    stalled = [connection(web) for _ in range(50)]
    for number, client in enumerate(stalled):
        client.sendall(head(web, 3_000_000) + PART + bytes(2_000_000 if number % 2 else 5))
    assert web.http.get("/livez", timeout=10).status_code == 200
    assert web.http.post(ADDRESS, json={"wrong": 1}, timeout=10).status_code == 400
    for client in stalled:
        client.close()
