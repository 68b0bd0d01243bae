"""What a web process does for one job, cut into calls that can be timed. Import it only once Django is set up."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import os
from collections.abc import Callable, Iterable
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.handlers.wsgi import WSGIRequest
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.test import RequestFactory
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from benchmarks.pictures import noisy_jpeg
from fitsize.authentication import ApiKeyAuthentication
from fitsize.models import ApiKey, User
from tasks import wakeups
from tasks.documents import job_document
from tasks.front.bridge import Bridge
from tasks.front.endings import Endings
from tasks.front.front import Front
from tasks.front.messages import Message, Receive
from tasks.kinds import kinds
from tasks.models import Input, Job, State
from tasks.models.files import input_name
from tasks.parsers import BoundedJSONParser
from tasks.storage import sync
from tasks.uploads import Upload
from tasks.waiting import FRONT, HOLD
from tests.fakes.serializers import FakeSerializer

PATH = "/api/v1/fakes/burn"
FILE_BYTES = 30_000
QUEUED = 28  # 30 clients and 2 workers
Part = tuple[str, Callable[[], object]]


class Parts:
    """`all` lists the calls in the order of a request; the queue has the same length before each."""

    def __init__(self) -> None:
        owner = User.objects.create(username="benchmark")
        _, self.secret = ApiKey.objects.issue(owner, "benchmark", list(kinds()))
        self.owner_id = owner.pk
        self.file = noisy_jpeg(FILE_BYTES)
        self.body = json.dumps({"image": base64.b64encode(self.file).decode(), "milliseconds": 0}).encode()
        self.data = json.loads(self.body)
        self.django = get_wsgi_application()
        self.loop = asyncio.new_event_loop()
        self.queued = [self.job() for _ in range(QUEUED)]
        for job in self.queued:
            job.save()
        self.ended = self.job()
        self.ended.state = State.SUCCEEDED
        self.ended.result = {"burned": 0}
        self.ended.save()
        self.front = Front(Bridge(self.holding, threads=settings.WEB_THREADS, folder=settings.FILE_UPLOAD_TEMP_DIR), self.ends())

    def all(self) -> list[Part]:
        return [
            ("front + bridge, both passes, an empty view", self.pass_front),
            ("Django around an empty view (livez)", self.livez),
            ("key look-up", self.find_key),
            ("parse JSON", lambda: BoundedJSONParser().parse(io.BytesIO(self.body))),
            ("serializer: base64, recognise, fields", self.validate),
            ("sha256 of the input", lambda: Upload(io.BytesIO(self.file), len(self.file), "").sha256),
            ("store the input file", self.store),
            ("   of which fsync of file and folder", self.sync_twice()),
            ("turn (two reads)", lambda: Job.objects.next_turn(self.queued[0])),
            ("rows of the job and its input, committed", self.insert),
            ("wake-up: LLEN, a message waits", self.look_for_message()),
            ("wake-up: LLEN and publish", self.publish),
            ("render an ended job", lambda: JSONRenderer().render(job_document(self.ended))),
            ("render a queued job (its position)", lambda: JSONRenderer().render(job_document(self.queued[-1]))),
            ("first pass whole: Django, submit", self.submit),
            ("second pass whole: Django, answer", lambda: self.ask("", str(self.ended.pk))),
        ]

    def reset(self) -> None:
        """What a part has queued is over, and its messages are gone."""
        Job.objects.filter(state=State.QUEUED).exclude(pk__in=[job.pk for job in self.queued]).update(state=State.SUCCEEDED)
        assert wakeups.broker.redis
        wakeups.broker.redis.flushall()

    # -- the parts
    def pass_front(self) -> None:
        self.loop.run_until_complete(self.front(scope(), client_of(self.body), ignore))

    def livez(self) -> object:
        return self.answer(RequestFactory().get("/livez"))

    def find_key(self) -> object:
        http = RequestFactory().get(PATH, headers={"authorization": f"Bearer {self.secret}"})
        return ApiKeyAuthentication().authenticate(Request(http))

    def validate(self) -> object:
        form = FakeSerializer(data=self.data)
        form.is_valid(raise_exception=True)
        return form.uploads(), form.parameters(), form.units()

    def store(self) -> None:
        default_storage.save(input_name(uuid4()), ContentFile(self.file))

    def sync_twice(self) -> Callable[[], None]:
        path = default_storage.path(default_storage.save(input_name(uuid4()), ContentFile(self.file)))

        def write_and_sync() -> None:
            with open(path, "r+b") as file:
                file.write(os.urandom(8))
            sync(path)
            sync(os.path.dirname(path))

        return write_and_sync

    def insert(self) -> None:
        stored = Input(owner_id=self.owner_id, role="image", file=input_name(uuid4()), content_type="image/jpeg", size=1, sha256="")
        Job.objects.insert(self.job(), [stored])

    def look_for_message(self) -> Callable[[], object]:
        def look() -> bool:
            return wakeups.wake("fakes")

        look()
        return look

    def publish(self) -> None:
        wakeups.broker.message_waits("fakes")
        wakeups.broker.publish("fakes")

    def submit(self) -> None:
        self.ask(self.body, "")

    # -- what they need
    def job(self) -> Job:
        return Job(owner_id=self.owner_id, kind="fakes", operation="burn", deadline_seconds=60, model_version="fake-1")

    def ask(self, body: bytes | str, held: str) -> None:
        headers = {"authorization": f"Bearer {self.secret}", "prefer": "wait=30"}
        http = RequestFactory().post(PATH, body, content_type="application/json", headers=headers)
        http.environ[FRONT] = held
        assert self.answer(http).status_code in (200, 202)

    def answer(self, http: WSGIRequest) -> Any:
        return self.django(http.environ, start_response)

    def ends(self) -> Endings:
        endings = Endings(None, lambda jobs: [])
        endings.add("job")
        return endings

    def holding(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """An empty view that asks for a hold in its first pass."""
        response = HttpResponse(b"{}")
        start_response("200 OK", [] if environ[FRONT] else [(HOLD, "job 30")])
        return response


def start_response(status: str, headers: list[tuple[str, str]], error: Any = None, /) -> Callable[[bytes], object]:
    return len


def scope() -> Message:
    headers = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json"), (b"authorization", b"Bearer x"), (b"prefer", b"wait=30")]
    base = {
        "type": "http",
        "method": "POST",
        "path": PATH,
        "raw_path": PATH.encode(),
        "root_path": "",
        "query_string": b"",
        "http_version": "1.1",
    }
    return {
        **base,
        "scheme": "http",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 1),
        "headers": headers,
        "asgi": {"version": "3.0"},
    }


def client_of(body: bytes) -> Receive:
    """A client that sends its body and then stays."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        if messages:
            return messages.pop()
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")

    return receive


async def ignore(message: Message) -> None:
    """A client that reads everything."""
