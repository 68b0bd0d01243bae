"""The front by itself, with an application in Django's place."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Any

import pytest

from tasks.errors import FACTS
from tasks.front.bodies import SMALL_BYTES, Patience, Room
from tasks.front.bridge import Bridge
from tasks.front.endings import Endings
from tasks.front.front import Front
from tasks.front.messages import Message
from tasks.large_bodies import ANNOUNCED, REFUSED
from tasks.waiting import FRONT

MOST_BYTES = 3 * SMALL_BYTES
HELD = [("Content-Type", "text/plain"), ("X-FitSize-Hold", "job-1 20")]


class Response(list[bytes]):
    """As much of Django's response as the bridge looks at."""

    streaming = False
    closed = False

    def has_header(self, name: str) -> bool:
        return False

    def close(self) -> None:
        self.closed = True


class Django:
    """Remembers its requests; asks for a hold in a first pass if `hold` is set, lets large bodies come unless `refuses`."""

    def __init__(self, hold: bool = False, refuses: bool = False) -> None:
        self.hold = hold
        self.refuses = refuses
        self.asked: list[int] = []
        self.requests: list[dict[str, Any]] = []
        self.bodies: list[bytes] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Response:
        if REFUSED in environ:
            code, _ = environ[REFUSED]
            start_response(f"{FACTS[code].status} No", [])
            return Response([code.encode()])
        if ANNOUNCED in environ:
            self.asked.append(environ[ANNOUNCED])
            assert environ["wsgi.input"].read() == b""
            start_response("401 No", []) if self.refuses else start_response("204 Go", [("X-FitSize-Go-On", str(MOST_BYTES))])
            return Response([b""])
        self.requests.append(environ)
        self.bodies.append(environ["wsgi.input"].read())
        held = self.hold and not environ[FRONT]
        start_response("202 Accepted" if held else "200 OK", HELD if self.hold else HELD[:1])
        return Response([b"first" if held else b"second"])


class Client:
    """Sends a body in pieces and then stays, or leaves after so many pieces."""

    def __init__(self, pieces: Iterable[bytes] = (b"",), leaves: bool = False) -> None:
        self.pieces = list(pieces)
        self.leaves = leaves
        self.answers: list[Message] = []
        self.gone = asyncio.Event()

    async def receive(self) -> Message:
        if self.pieces:
            piece = self.pieces.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(self.pieces) or self.leaves}
        if not self.leaves:
            await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.answers.append(message)

    @property
    def status(self) -> int | None:
        return self.answers[0]["status"] if self.answers else None

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.answers)

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.answers[0]["headers"])


def scope(headers: Iterable[tuple[bytes, bytes]] = ()) -> Message:
    facts = {"type": "http", "method": "POST", "path": "/x", "query_string": b"a=1", "http_version": "1.1", "scheme": "http"}
    return {**facts, "headers": list(headers), "server": ("localhost", 80), "client": ("127.0.0.1", 1)}


@pytest.fixture
def endings() -> Endings:
    return Endings(None, lambda jobs: [])


def front_of(django: Django, endings: Endings, tmp_path: Any) -> Front:
    return Front(Bridge(django, threads=2, folder=str(tmp_path), patience=Patience(idle_seconds=0.2)), endings)


def test_an_answer_without_a_hold_passes_and_loses_the_internal_header(endings: Endings, tmp_path: Any) -> None:
    client, django = Client([b"ab", b"cd"]), Django()
    asyncio.run(front_of(django, endings, tmp_path)(scope(), client.receive, client.send))
    assert (client.status, client.body, django.bodies) == (200, b"second", [b"abcd"])
    assert b"x-fitsize-hold" not in client.headers
    assert client.headers[b"content-length"] == b"6"


def test_a_held_client_reads_the_second_pass_once_its_job_has_ended(endings: Endings, tmp_path: Any) -> None:
    client, django = Client([b"body"]), Django(hold=True)

    async def play() -> None:
        headers = [(b"content-type", b"a/b"), (b"content-length", b"4"), (b"authorization", b"Bearer k"), (b"accept", b"text/csv")]
        serving = asyncio.create_task(front_of(django, endings, tmp_path)(scope(headers), client.receive, client.send))
        while not endings.waited_for:
            await asyncio.sleep(0.001)
        assert client.answers == []
        endings.add("job-1")
        await serving

    asyncio.run(play())
    assert (client.status, client.body, len(django.requests)) == (200, b"second", 2)
    second = django.requests[1]
    assert (second[FRONT], second["HTTP_AUTHORIZATION"], second["CONTENT_LENGTH"], django.bodies[1]) == ("job-1", "Bearer k", "0", b"")
    assert (second["HTTP_ACCEPT"], second["QUERY_STRING"]) == ("text/csv", "a=1")
    assert "CONTENT_TYPE" not in second or second["CONTENT_TYPE"] == ""


def test_a_job_that_ended_a_moment_ago_holds_nobody(endings: Endings, tmp_path: Any) -> None:
    client = Client()
    endings.add("job-1")
    asyncio.run(front_of(Django(hold=True), endings, tmp_path)(scope(), client.receive, client.send))
    assert client.body == b"second"


def test_when_the_server_stops_everybody_goes(endings: Endings, tmp_path: Any) -> None:
    client = Client()

    async def play() -> None:
        serving = asyncio.create_task(front_of(Django(hold=True), endings, tmp_path)(scope(), client.receive, client.send))
        while not endings.waited_for:
            await asyncio.sleep(0.001)
        endings.stop()
        await serving

    asyncio.run(play())
    assert client.body == b"second"


def test_no_second_pass_follows_for_a_client_that_left(endings: Endings, tmp_path: Any) -> None:
    client, django = Client(), Django(hold=True)

    async def play() -> None:
        serving = asyncio.create_task(front_of(django, endings, tmp_path)(scope(), client.receive, client.send))
        while not endings.waited_for:
            await asyncio.sleep(0.001)
        client.gone.set()
        await serving

    asyncio.run(play())
    assert (client.answers, len(django.requests)) == ([], 1)


def test_a_client_that_leaves_inside_its_body_never_reaches_django(endings: Endings, tmp_path: Any) -> None:
    client, django = Client([b"half"], leaves=True), Django()
    asyncio.run(front_of(django, endings, tmp_path)(scope(), client.receive, client.send))
    assert (client.answers, django.requests) == ([], [])


def test_a_large_body_that_is_refused_never_reaches_django_and_is_answered_before_it_is_read_away(endings: Endings, tmp_path: Any) -> None:
    client, django = Client([b"half", b"half"]), Django(refuses=True)
    read: list[bool] = []

    async def receive() -> Message:
        read.append(client.status == 401)
        return await client.receive()

    asyncio.run(front_of(django, endings, tmp_path)(scope([(b"content-length", b"99999999")]), receive, client.send))
    assert (client.status, django.asked, django.requests, client.pieces) == (401, [99999999], [], [])
    assert read == [True, True]
    assert client.answers[-1].get("more_body") is None


def test_a_body_without_end_is_not_read_away_for_ever(endings: Endings, tmp_path: Any) -> None:
    client = Client()

    async def endless() -> Message:
        return {"type": "http.request", "body": bytes(SMALL_BYTES), "more_body": True}

    asyncio.run(front_of(Django(), endings, tmp_path)(scope(), endless, client.send))
    assert client.status == 413


def test_a_small_body_is_not_asked_for(endings: Endings, tmp_path: Any) -> None:
    client, django = Client([bytes(SMALL_BYTES)]), Django()
    asyncio.run(front_of(django, endings, tmp_path)(scope([(b"content-length", b"%d" % SMALL_BYTES)]), client.receive, client.send))
    assert (client.status, django.asked) == (200, [])


def test_a_chunked_body_is_asked_for_once_it_is_large_and_counted(endings: Endings, tmp_path: Any) -> None:
    client, django = Client([bytes(SMALL_BYTES)] * 5), Django()
    asyncio.run(front_of(django, endings, tmp_path)(scope(), client.receive, client.send))
    assert (client.status, django.asked, django.requests) == (413, [2 * SMALL_BYTES], [])
    assert (client.body, client.headers[b"connection"]) == (b"too_large", b"close")


def test_a_large_body_arrives_whole(endings: Endings, tmp_path: Any) -> None:
    pieces = [bytes([number]) * 500_000 for number in range(5)]
    client, django = Client(pieces), Django()
    asyncio.run(front_of(django, endings, tmp_path)(scope(), client.receive, client.send))
    assert django.bodies == [b"".join(bytes([number]) * 500_000 for number in range(5))]
    assert "X-FitSize-Go-On".lower().encode() not in client.headers


def test_a_body_that_stops_coming_is_answered_408(endings: Endings, tmp_path: Any) -> None:
    client, django = Client([b"half"], leaves=True), Django()

    async def never() -> Message:
        return await client.receive() if client.pieces else await asyncio.get_running_loop().create_future()

    asyncio.run(front_of(django, endings, tmp_path)(scope(), never, client.send))
    assert (client.status, django.requests) == (408, [])
    assert (client.body, client.headers[b"connection"]) == (b"request_timeout", b"close")


def test_a_body_that_trickles_is_answered_408(endings: Endings, tmp_path: Any) -> None:
    client = Client()
    bridge = Bridge(Django(), threads=1, folder=str(tmp_path), patience=Patience(idle_seconds=60, grace_seconds=0.1, bytes_per_second=1000))

    async def drop() -> Message:
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b"x", "more_body": True}

    asyncio.run(bridge({**scope(), FRONT: ""}, drop, client.send))
    assert client.status == 408


def test_many_bodies_together_hold_no_more_memory_than_there_is_room(endings: Endings, tmp_path: Any) -> None:
    room, held, gone = Room(most_bytes=250_000), list[int](), asyncio.Event()
    bridge = Bridge(Django(), threads=2, folder=str(tmp_path), room=room)

    async def upload() -> None:
        client = Client([bytes(100_000)], leaves=True)
        client.gone = gone

        async def receive() -> Message:
            held.append(room.held_bytes)
            if not client.pieces:
                await gone.wait()
            return await client.receive()

        await bridge({**scope(), FRONT: ""}, receive, client.send)

    async def play() -> None:
        uploads = asyncio.gather(*(upload() for _ in range(10)))
        while len(held) < 20:
            await asyncio.sleep(0.01)
        gone.set()
        await uploads

    asyncio.run(play())
    assert 200_000 <= max(held) <= room.most_bytes
    assert room.held_bytes == 0


def test_header_names_with_an_underscore_are_dropped(endings: Endings, tmp_path: Any) -> None:
    client, django = Client(), Django()
    headers = [(b"x_forwarded_proto", b"https"), (b"fitsize.front", b"job-9"), (b"x-real", b"1")]
    asyncio.run(front_of(django, endings, tmp_path)(scope(headers), client.receive, client.send))
    request = django.requests[0]
    assert "HTTP_X_FORWARDED_PROTO" not in request
    assert (request["HTTP_X_REAL"], request[FRONT]) == ("1", "")


def test_the_endings_of_lost_announcements_are_read_from_the_table() -> None:
    asked: list[list[str]] = []

    def ended(jobs: list[str]) -> list[str]:
        asked.append(jobs)
        return jobs

    async def play() -> None:
        endings = Endings(None, ended)
        waiting = endings.ending("job-1")
        await endings.look()
        await asyncio.wait_for(waiting, 5)

    asyncio.run(play())
    assert asked == [["job-1"]]


def test_old_endings_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    endings = Endings(None, lambda jobs: [])
    now = time.monotonic()
    monkeypatch.setattr("tasks.front.endings.time.monotonic", lambda: now - 60)
    endings.add("old")
    monkeypatch.setattr("tasks.front.endings.time.monotonic", lambda: now)
    endings.add("new")
    assert list(endings.ended_at) == ["new"]


def test_a_second_pass_that_fails_fails_alone(endings: Endings, tmp_path: Any) -> None:
    django = Django()

    def failing(environ: dict[str, Any], start_response: Any) -> Response:
        if environ["PATH_INFO"] == "/broken":
            raise RuntimeError("broken")
        return django(environ, start_response)

    async def play() -> list[Any]:
        bridge = Bridge(failing, threads=1, folder=str(tmp_path))
        scopes = [{**scope(), "path": path, FRONT: "job-1"} for path in ("/x", "/broken", "/y")]
        return await asyncio.gather(*(bridge.again(asked) for asked in scopes), return_exceptions=True)

    first, broken, last = asyncio.run(play())
    assert (first[1], last[1]) == (b"second", b"second")
    assert isinstance(broken, RuntimeError)


def test_many_that_end_together_are_all_answered(endings: Endings, tmp_path: Any) -> None:
    django = Django()

    async def play() -> list[Any]:
        bridge = Bridge(django, threads=4, folder=str(tmp_path))
        return await asyncio.gather(*(bridge.again({**scope(), FRONT: f"job-{number}"}) for number in range(100)))

    assert [answer[1] for answer in asyncio.run(play())] == [b"second"] * 100
    assert len({environ[FRONT] for environ in django.requests}) == 100
