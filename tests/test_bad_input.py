"""The table of bad input: each the right problem document, nothing left behind on disk."""

from __future__ import annotations

import base64
import gc
import struct
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from fitsize.models import ApiKey, User
from tasks import retention
from tasks.models import Input, Job, WebhookEndpoint
from tests.conftest import client_of
from tests.pictures import base64_of, picture, png_bomb

pytestmark = pytest.mark.django_db
GARMENT = "/api/v1/keypoints"
GOOD = {"clothing": "trousers"}
ENDLESS = struct.pack(">I4s4s4s", 16, b"ftyp", b"heic", bytes(4)) + struct.pack(">I4sQ", 1, b"free", 2**64 - 1)


def stored_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def check_problem(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json"), answer.content
    document: dict[str, Any] = answer.json()
    assert (document["status"], document["code"]) == (status, code)
    assert set(document) >= {"type", "title", "status", "detail", "code", "retryable"}
    assert "Traceback" not in answer.content.decode()
    assert Job.objects.count() == 0
    assert Input.objects.count() == 0
    return document


BODIES: list[tuple[str, Any, int, str]] = [
    ("empty body", "", 400, "invalid_request"),
    ("not json", "{", 400, "invalid_request"),
    ("json that is no object", "[1]", 400, "invalid_request"),
    ("NaN", '{"image": NaN}', 400, "invalid_request"),
    ("nested too deep", "[" * 100_000, 400, "invalid_request"),
    ("no image", {**GOOD}, 400, "invalid_request"),
    ("image is null", {**GOOD, "image": None}, 400, "invalid_request"),
    ("image is a number", {**GOOD, "image": 7}, 400, "invalid_request"),
    ("image is empty", {**GOOD, "image": ""}, 400, "invalid_request"),
    ("not an image", {**GOOD, "image": base64_of(b"hello, world" * 20)}, 400, "unsupported_format"),
    ("a gif", {**GOOD, "image": base64_of(picture("GIF"))}, 400, "unsupported_format"),
    ("a png cut in its header", {**GOOD, "image": base64_of(picture("PNG")[:20])}, 400, "invalid_image"),
    ("base64 garbage", {**GOOD, "image": "!!! not base64 !!!"}, 400, "invalid_base64"),
    ("base64 with letters of another alphabet", {**GOOD, "image": "\udcff" * 8}, 400, "invalid_base64"),
    ("wrong clothing", {"clothing": "spacesuit", "image": base64_of(picture())}, 400, "invalid_request"),
    ("wrong field", {**GOOD, "photo": base64_of(picture())}, 400, "invalid_request"),
    ("one field too many", {**GOOD, "image": base64_of(picture()), "colour": "red"}, 400, "invalid_request"),
    ("a link to nothing", {**GOOD, "image": f"/api/v1/jobs/{uuid.uuid4()}/files/overlay.jpg"}, 400, "invalid_request"),
    ("a link with a wrong id", {**GOOD, "image": "/api/v1/jobs/" + "-" * 36 + "/files/overlay.jpg"}, 400, "invalid_request"),
    ("a field name that is no text", '{"\\ud800": 1}', 400, "invalid_request"),
    ("a choice that is no text", '{"priority": "\\udfff\\ud800"}', 400, "invalid_request"),
    ("a hundred thousand fields", {f"field{number}": 1 for number in range(100_000)}, 400, "invalid_request"),
    ("a heic with an endless box", {**GOOD, "image": base64_of(ENDLESS)}, 400, "invalid_image"),
    ("a path", {**GOOD, "image": "/etc/passwd"}, 400, "invalid_base64"),
]


@pytest.mark.parametrize(("body", "status", "code"), [row[1:] for row in BODIES], ids=[row[0] for row in BODIES])
def test_a_bad_body_gets_its_problem_and_leaves_nothing(client: Client, own_files: Path, body: Any, status: int, code: str) -> None:
    answer = client.post(GARMENT, body, content_type="application/json")
    check_problem(answer, status, code)
    assert stored_files(own_files) == []


def test_a_wrong_clothing_is_answered_with_the_choices(client: Client) -> None:
    body = {"clothing": "spacesuit", "image": base64_of(picture())}
    document = check_problem(client.post(GARMENT, body, content_type="application/json"), 400, "invalid_request")
    assert [error["field"] for error in document["errors"]] == ["clothing"]
    assert "trousers" in document["detail"]


def test_a_picture_of_a_hundred_megapixels_is_refused_by_its_header(client: Client, own_files: Path) -> None:
    bomb = png_bomb()
    assert len(bomb) < 1_000_000
    answer = client.post(GARMENT, {**GOOD, "image": SimpleUploadedFile("bomb.png", bomb)})
    check_problem(answer, 400, "too_many_pixels")
    assert stored_files(own_files) == []


def test_a_picture_over_the_limit_of_bytes_is_refused_before_it_is_decoded(client: Client, settings: Any, own_files: Path) -> None:
    settings.MAX_PICTURE_BYTES = 1000
    large = picture(size=(640, 480)) + bytes(2000)
    check_problem(client.post(GARMENT, {**GOOD, "image": SimpleUploadedFile("a.jpg", large)}), 413, "too_large")
    check_problem(client.post(GARMENT, {**GOOD, "image": base64_of(large)}, content_type="application/json"), 413, "too_large")
    assert stored_files(own_files) == []


def test_a_json_body_over_its_limit_is_refused(client: Client, settings: Any) -> None:
    settings.MAX_JSON_BYTES = 1000
    check_problem(client.post(GARMENT, {"image": "A" * 2000}, content_type="application/json"), 413, "too_large")


def test_a_recording_is_not_a_picture_and_a_picture_no_recording(client: Client) -> None:
    check_problem(client.post("/api/v1/diarization", {"audio": SimpleUploadedFile("a.wav", picture())}), 400, "unsupported_format")


@pytest.mark.parametrize("fields", [{"num_speakers": 0}, {"num_speakers": -1}, {"min_speakers": 3, "max_speakers": 2}])
def test_an_impossible_number_of_speakers_is_refused(client: Client, fields: dict[str, int]) -> None:
    answer = client.post("/api/v1/diarization", {**fields, "audio": SimpleUploadedFile("a.wav", b"RIFF    WAVE" + bytes(100))})
    check_problem(answer, 400, "invalid_request")


def test_another_media_type_is_refused(client: Client) -> None:
    check_problem(client.post(GARMENT, "image=1", content_type="text/plain"), 415, "unsupported_media_type")


def test_an_unknown_job_is_not_found(client: Client) -> None:
    check_problem(client.get(f"/api/v1/jobs/{uuid.uuid4()}"), 404, "not_found")
    check_problem(client.get("/api/v1/jobs/not-an-id"), 404, "not_found")
    check_problem(client.get("/api/v1/nothing"), 404, "not_found")


@pytest.mark.parametrize("address", ["{}", "{}/cancel", "{}/files/overlay.jpg"])
def test_the_job_of_another_is_not_found(client: Client, stranger: User, address: str) -> None:
    job = Job.objects.create(owner=stranger, kind="keypoints", operation="predict", deadline_seconds=1)
    url = "/api/v1/jobs/" + address.format(job.pk)
    answer = client.post(url) if url.endswith("cancel") else client.get(url)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(("method", "address"), [("get", GARMENT), ("put", "/api/v1/jobs"), ("delete", "/api/v1/faces/validate")])
def test_a_wrong_method_is_refused(client: Client, method: str, address: str) -> None:
    check_problem(getattr(client, method)(address), 405, "method_not_allowed")


def test_without_a_key_nothing_is_answered() -> None:
    answer = Client().post(GARMENT, {}, content_type="application/json")
    check_problem(answer, 401, "unauthenticated")
    assert answer["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("header", ["Bearer wrong", "Bearer ", "Bearer \udcff", "Basic dXNlcjpwYXNz"])
def test_a_bad_key_is_refused(db: None, header: str) -> None:
    check_problem(Client(headers={"authorization": header}).get("/api/v1/jobs"), 401, "unauthenticated")


def test_a_revoked_key_is_refused(owner: User) -> None:
    client = client_of(owner)
    ApiKey.objects.update(revoked_at="2026-01-01T00:00Z")
    check_problem(client.get("/api/v1/jobs"), 401, "unauthenticated")


def test_a_key_without_the_kinds_scope_is_forbidden(owner: User) -> None:
    check_problem(client_of(owner, ["faces"]).post(GARMENT, {}, content_type="application/json"), 403, "forbidden")


def test_an_answer_names_a_few_of_many_unknown_fields(client: Client) -> None:
    answer = client.post(GARMENT, {f"field{number}": 1 for number in range(1000)}, content_type="application/json")
    assert len(check_problem(answer, 400, "invalid_request")["errors"]) <= 5


def test_an_answer_repeats_little_of_what_was_sent(client: Client) -> None:
    answer = client.post(GARMENT, {**GOOD, "priority": "a" * 70_000}, content_type="application/json")
    check_problem(answer, 400, "invalid_request")
    assert len(answer.content) < 10_000


def test_half_a_multipart_body_is_no_job(client: Client, own_files: Path) -> None:
    part = b'--edge\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n' + picture()
    fields = b'--edge\r\nContent-Disposition: form-data; name="clothing"\r\n\r\ntrousers\r\n'
    whole = fields + part + b"\r\n--edge--\r\n"
    kind = "multipart/form-data; boundary=edge"
    check_problem(client.post(GARMENT, (fields + part)[:-50], content_type=kind), 400, "invalid_request")
    assert stored_files(own_files) == []
    assert client.post(GARMENT, whole, content_type=kind).status_code == 202


def test_a_file_of_a_hostile_name_is_taken_under_ours(client: Client, own_files: Path) -> None:
    upload = SimpleUploadedFile("a." + "x" * 300, picture("PNG") + bytes(1_100_000))
    assert client.post(GARMENT, {**GOOD, "image": upload}).status_code == 202


@pytest.mark.parametrize(
    ("name", "values"), [("clothing", ["trousers", "skirt"]), ("image", [SimpleUploadedFile("a.jpg", picture()) for _ in "ab"])]
)
def test_a_field_of_a_form_is_sent_once(client: Client, name: str, values: list[Any]) -> None:
    sent = {"image": SimpleUploadedFile("a.jpg", picture()), **GOOD, name: values}
    document = check_problem(client.post(GARMENT, sent), 400, "invalid_request")
    assert [error["field"] for error in document["errors"]] == [name]


def test_a_file_is_not_taken_for_a_word_by_its_name(client: Client) -> None:
    fields = {"clothing": SimpleUploadedFile("trousers", b"x"), "image": SimpleUploadedFile("a.jpg", picture())}
    check_problem(client.post(GARMENT, fields), 400, "invalid_request")


@pytest.mark.parametrize("cursor", ["p=abc", "p=2026-99-99", "p=\0"])
def test_a_cursor_that_somebody_made_up_is_not_found(client: Client, cursor: str) -> None:
    made_up = base64.b64encode(cursor.encode()).decode()
    check_problem(client.get("/api/v1/jobs", {"cursor": made_up}), 404, "not_found")


PART = b'--edge\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n'
BROKEN = PART + b"Content-Transfer-Encoding: base64\r\n\r\nA!A\r\n--edge--\r\n"
UNENDED = PART + b"\r\n" + picture("PNG")


@pytest.mark.parametrize("body", [BROKEN, UNENDED], ids=["base64 that is none", "no end"])
def test_a_large_body_that_breaks_off_leaves_no_file_behind(client: Client, settings: Any, tmp_path: Path, body: bytes) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 0
    gc.disable()
    try:
        check_problem(client.post(GARMENT, body, content_type="multipart/form-data; boundary=edge"), 400, "invalid_request")
        assert [path for path in tmp_path.iterdir() if path.name.endswith(".upload")] == []
    finally:
        gc.enable()


LEVELS = ('{"image": ' + "[" * 1000 + "]" * 1000 + "}", '{"deep": ' * 1000 + "1" + "}" * 1000)


@pytest.mark.parametrize("body", LEVELS)
def test_json_of_a_thousand_levels_is_refused(client: Client, own_files: Path, body: str) -> None:
    check_problem(client.post(GARMENT, body, content_type="application/json"), 400, "invalid_request")


def test_ten_thousand_form_fields_are_refused(client: Client, own_files: Path) -> None:
    check_problem(client.post(GARMENT, {f"field{number}": "x" for number in range(10_000)}), 400, "invalid_request")
    assert stored_files(own_files) == []


@pytest.mark.parametrize(
    "address", ["http://shop.example/", "https://127.0.0.1/", "https://[::ffff:10.0.0.1]/", "https://0x7f.1/x", "https://localhost/"]
)
def test_a_private_callback_address_is_refused(client: Client, own_files: Path, address: str) -> None:
    body = {**GOOD, "image": base64_of(picture()), "callback_url": address}
    check_problem(client.post(GARMENT, body, content_type="application/json"), 400, "forbidden_address")
    assert (stored_files(own_files), WebhookEndpoint.objects.count()) == ([], 0)


def test_an_idempotency_key_of_another_body_is_refused_and_leaves_nothing(client: Client, own_files: Path) -> None:
    def post(clothing: str) -> Any:
        body = {"clothing": clothing, "image": base64_of(picture())}
        return client.post(GARMENT, body, content_type="application/json", headers={"idempotency-key": "a"})

    assert post("shorts").status_code == 202
    refused = post("skirt")
    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency_key_reused")
    assert (Job.objects.count(), Input.objects.count(), len(stored_files(own_files))) == (1, 1, 1)


def test_an_erased_job_and_one_that_was_kept_long_enough_are_gone(client: Client, owner: User) -> None:
    erased, expired = (Job.objects.create(owner=owner, kind="keypoints", operation="predict", deadline_seconds=1) for _ in range(2))
    assert client.delete(f"/api/v1/jobs/{erased.pk}").status_code == 204
    Job.objects.filter(pk=expired.pk).update(state="succeeded", finished_at="2026-01-01T00:00Z")
    retention.erase_old_jobs()
    for job in (erased, expired):
        for answer in (client.get(f"/api/v1/jobs/{job.pk}"), client.post(f"/api/v1/jobs/{job.pk}/retry")):
            assert (answer.status_code, answer.json()["code"]) == (410, "gone")


def test_a_correction_of_another_revision_is_refused_and_changes_nothing(client: Client, owner: User) -> None:
    job = Job.objects.create(
        owner=owner, kind="fakes", operation="speak", deadline_seconds=1, state="succeeded", result={"speakers": ["A"]}
    )
    body = {"speaker": "A", "name": "Ada"}
    address = f"/api/v1/jobs/{job.pk}/corrections"
    refused = client.patch(address, body, content_type="application/json", headers={"if-match": '"7"'})
    assert (refused.status_code, refused.json()["code"]) == (412, "stale_revision")
    assert client.get(address).json()["revision"] == 0
