"""Many photos at once: a zip through the API, or a folder by command."""

from __future__ import annotations

import io
import json
import struct
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from PIL import Image, ImageOps
from pytest_django import Settings

from faces import archives
from faces.inference.archive import groups
from faces.inference.model import FaceModel
from faces.inference.people import Shot, encode, unpacked
from faces.management.commands import import_faces
from faces.models import Gallery, Person, Template
from faces.people.serializers import BulkEnrolResultSerializer
from fitsize.models import User
from tasks import runs
from tasks.errors import InvalidInput
from tasks.models import Job, State
from tests.conftest import client_of
from tests.faces.people import CONSENT, SCOPES, run, stored_consent
from tests.faces.pictures import astronaut, file_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("child")]
GOOD = file_of(astronaut()).getvalue()
FLIPPED = file_of(ImageOps.mirror(astronaut())).getvalue()
GRAY = file_of(Image.new("RGB", (200, 200), "gray")).getvalue()


@pytest.fixture
def client(owner: User) -> Client:
    return client_of(owner, SCOPES)


def zipped(files: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    file.seek(0)
    return file


def imported(client: Client, files: dict[str, bytes]) -> dict[str, Any]:
    job = run(client, "faces-import", archive=zipped(files), **CONSENT)
    assert job.state == State.SUCCEEDED and job.result is not None, job.error
    form = BulkEnrolResultSerializer(data=job.result)
    assert form.is_valid(), form.errors
    return dict(job.result)


def told(result: dict[str, Any]) -> dict[str, list[str]]:
    return {file["file"]: file["reasons"] for file in result["files"]}


# -- a zip
def test_each_folder_is_a_person_and_each_file_has_a_line(client: Client) -> None:
    result = imported(client, {"Ann/1.jpg": GOOD, "Ann/2.jpg": FLIPPED, "Ann/gray.jpg": GRAY, "Ann/notes.txt": b"x", "Bob.jpg": GRAY})
    assert told(result) == {
        "Ann/1.jpg": [],
        "Ann/2.jpg": [],
        "Ann/gray.jpg": ["no_face"],
        "Ann/notes.txt": ["unsupported_format"],
        "Bob.jpg": ["no_face"],
    }
    person = Person.objects.get()
    assert (person.name, person.templates.count(), person.consents.count()) == ("Ann", 2, 1)
    assert (result["enrolled"], result["refused"], result["people"]) == (2, 3, [{"id": str(person.pk), "new": True, "enrolled": 2}])


def test_an_import_may_be_repeated_and_goes_on_where_it_was(client: Client) -> None:
    first = imported(client, {"Ann/1.jpg": GOOD})
    second = imported(client, {"Ann/1.jpg": GOOD, "Ann/2.jpg": FLIPPED})
    assert told(second) == {"Ann/1.jpg": ["already_enrolled"], "Ann/2.jpg": []}
    assert second["people"][0] == {**first["people"][0], "new": False}
    assert (Person.objects.count(), Template.objects.count()) == (1, 2)


def test_two_folders_of_one_person_are_one_job(client: Client) -> None:
    imported(client, {"Ann/1.jpg": GOOD})
    result = imported(client, {"Ann/1.jpg": GOOD, "Ann/2.jpg": FLIPPED, "Anna/1.jpg": GOOD, "Anna/2.jpg": FLIPPED})
    assert Person.objects.count() == 1 and Template.objects.count() == 2
    assert told(result)["Anna/2.jpg"] == ["already_enrolled"]


def test_what_systems_leave_in_archives_is_no_photo(client: Client) -> None:
    result = imported(client, {"Ann/1.jpg": GOOD, "__MACOSX/Ann/._1.jpg": b"x", ".DS_Store": b"x", "Ann/Thumbs.db": b"x"})
    assert list(told(result)) == ["Ann/1.jpg"]


def test_paths_that_lead_out_are_names_and_nothing_else(client: Client, own_files: Path) -> None:
    result = imported(client, {"../../etc/passwd.jpg": GOOD, "/root/x.jpg": GRAY, "a/\x1b[31m/x.jpg": GRAY})
    assert Person.objects.get().name == "etc" and result["enrolled"] == 1
    assert not list(own_files.parent.rglob("passwd*"))


@pytest.mark.parametrize(
    "archive",
    [
        io.BytesIO(b"PK not a zip"),
        zipped({}),
        zipped({"Ann/bomb.jpg": bytes(5_000_000)}, zipfile.ZIP_DEFLATED),
        zipped({f"{number}.jpg": b"x" for number in range(501)}),
    ],
    ids=["no zip", "empty", "a bomb", "too many"],
)
def test_what_is_no_archive_of_photos_is_refused_before_it_is_stored(client: Client, archive: io.BytesIO) -> None:
    archive.seek(0)
    answer = client.post(reverse("faces-import"), {"archive": archive, **CONSENT})
    assert (answer.status_code, answer.json()["code"], Job.objects.count()) == (400, "invalid_archive", 0)


def test_a_file_that_is_larger_than_its_header_says_or_than_photos_may_be_is_refused(client: Client, settings: Settings) -> None:
    settings.MAX_PICTURE_BYTES = 40_000
    assert told(imported(client, {"Ann/1.jpg": GOOD + bytes(40_000), "Bob/1.jpg": GRAY})) == {
        "Ann/1.jpg": ["too_large"],
        "Bob/1.jpg": ["no_face"],
    }


def test_a_damaged_entry_costs_no_other(client: Client) -> None:
    content = bytearray(zipped({"Ann/1.jpg": GOOD, "Bob/1.jpg": FLIPPED}).getvalue())
    content[1000] ^= 0xFF
    job = run(client, "faces-import", archive=io.BytesIO(bytes(content)), **CONSENT)
    assert job.result is not None and told(job.result) == {"Ann/1.jpg": ["invalid_archive"], "Bob/1.jpg": []}


@pytest.mark.parametrize("place", [60, 30], ids=["content", "local name"])
def test_whatever_is_damaged_about_an_entry_costs_no_other(client: Client, place: int) -> None:
    content = bytearray(zipped({"Änn/1.jpg": GOOD, "Bob/1.jpg": FLIPPED}, zipfile.ZIP_LZMA).getvalue())
    content[place] = 0xFF
    sent = client.post(reverse("faces-import"), {"archive": io.BytesIO(bytes(content)), **CONSENT})
    runs.run_jobs("faces")
    job = Job.objects.get(pk=sent.json()["id"])
    assert job.result is not None and told(job.result) == {"Änn/1.jpg": ["invalid_archive"], "Bob/1.jpg": []}


def test_an_entry_without_a_name_is_no_photo(client: Client) -> None:
    content = zipped({"x": b"x"}).getvalue()
    at = content.index(b"PK\1\2")
    nameless = content[: at + 28] + bytes(2) + content[at + 30 : at + 46] + content[at + 47 :]
    end = nameless.index(b"PK\5\6")
    nameless = nameless[: end + 12] + (46).to_bytes(4, "little") + nameless[end + 16 :]
    answer = client.post(reverse("faces-import"), {"archive": io.BytesIO(nameless), **CONSENT})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_archive")


def test_a_long_table_of_contents_is_refused_unread() -> None:
    """30 000 lines; each would become an object."""
    line = struct.pack("<4s4B4HL2L5H2L", b"PK\1\2", 20, 3, 20, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    table = 30_000 * line
    file = io.BytesIO(table + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 30_000, 30_000, len(table), 0, 0))
    tracemalloc.start()
    with pytest.raises(InvalidInput):
        archives.archive(file, len(table))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_pictures_of_an_import_do_not_pile_up_in_memory(model: FaceModel) -> None:
    [(_, [photo])] = groups(archive := zipped({"Ann/1.jpg": GOOD}))
    with zipfile.ZipFile(archive) as opened:
        shot = unpacked(model, opened, photo)
    assert shot.photo is None and shot.chip is not None and shot.face_pixels > 60


def test_many_faces_are_encoded_some_at_a_time(model: FaceModel, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once: list[int] = []
    plain = model.encoder.encode

    def counted(chips: Any) -> Any:
        at_once.append(len(chips))
        return plain(chips)

    monkeypatch.setattr(model.encoder, "encode", counted)
    shots = [Shot(str(number), "", chip=np.full((150, 150, 3), number, np.uint8)) for number in range(18)]
    encode(model, shots)
    [last] = plain(np.full((1, 150, 150, 3), 17, np.uint8))
    assert at_once == [16, 2] and shots[17].encoding is not None and np.allclose(shots[17].encoding, last, atol=1e-5)


def test_nothing_is_imported_without_a_consent(client: Client) -> None:
    answer = client.post(reverse("faces-import"), {"archive": zipped({"Ann/1.jpg": GOOD})})
    assert (answer.status_code, answer.json()["code"]) == (400, "consent_needed")


# -- a folder
@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With a service that works whenever the command waits."""
    monkeypatch.setattr(import_faces.time, "sleep", lambda seconds: runs.run_jobs("faces"))  # type: ignore[attr-defined]  # its module
    place = tmp_path / "people"
    write(place / "Ann" / "1.jpg", GOOD)
    write(place / "Ann" / "2.jpg", FLIPPED)
    write(place / "Bob.jpg", GRAY)
    write(tmp_path / "consent.json", json.dumps(stored_consent()).encode())
    return place


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def command(folder: Path, **options: Any) -> str:
    out = io.StringIO()
    call_command("import_faces", str(folder), consent_file=folder.parent / "consent.json", stdout=out, **options)
    return out.getvalue()


def test_a_folder_is_imported_by_jobs_and_again_without_harm(owner: User, folder: Path) -> None:
    said = command(folder, gallery="staff")
    person = Person.objects.get()
    assert (person.name, person.gallery.name, person.templates.count()) == ("Ann", "staff", 2)
    assert "enrolled: 2; refused: 1; failed: 0" in said and f"1.jpg\tenrolled\t\t{person.pk}" in said
    write(folder / "notes.txt", b"x")
    write(folder / "Ann" / "3.jpg", file_of(astronaut().rotate(5)).getvalue())
    assert "enrolled: 1; refused: 4; failed: 0" in command(folder, gallery="staff")
    assert (Person.objects.count(), Template.objects.count(), Gallery.objects.count()) == (1, 3, 1)
    assert (folder / "Ann" / "1.jpg").read_bytes() == GOOD


def test_a_job_that_fails_is_told_and_the_exit_code_says_so(
    owner: User, folder: Path, model: FaceModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "judged", lambda photo: 1 / 0)
    with pytest.raises(CommandError, match="some jobs failed"):
        command(folder)
    assert not Person.objects.exists()


def test_a_consent_that_is_not_whole_imports_nothing(owner: User, folder: Path) -> None:
    (folder.parent / "consent.json").write_text('{"text": "yes"}')
    with pytest.raises(CommandError, match="consent"):
        command(folder)
    with pytest.raises(CommandError, match="no user"):
        command(folder, user="nobody")
    assert not Job.objects.exists()
