from __future__ import annotations

import io
import re
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from django.test import Client
from PIL import Image

from keypoints import sheet
from keypoints.inference.scale import find_scale
from keypoints.printing import CENTIMETRES_PER_INCH, drawn, printed
from keypoints.references import Asked

PLACE = "/api/v1/keypoints/sheet"


@pytest.mark.parametrize("marker", sheet.BITS)
def test_our_table_of_bits_is_that_of_opencv(marker: int) -> None:
    dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, sheet.DICTIONARY))
    drawn_by_opencv = cv2.aruco.generateImageMarker(dictionary, marker, sheet.CELLS)
    assert (np.array(sheet.cells(marker)) == (drawn_by_opencv == 0)).all()


def test_no_marker_is_on_two_sheets() -> None:
    numbers = [number for paper in sheet.SHEETS.values() for number in paper.markers]
    assert sorted(numbers) == sorted(sheet.BITS)


@pytest.mark.parametrize("paper", sheet.SHEETS)
def test_the_printed_picture_is_found_at_its_size(paper: str) -> None:
    picture = Image.open(io.BytesIO(printed(paper, "png", "en")))
    dots_per_centimetre = picture.info["dpi"][0] / CENTIMETRES_PER_INCH
    assert np.array(picture.size) / dots_per_centimetre == pytest.approx((sheet.SHEETS[paper].width, sheet.SHEETS[paper].height), abs=0.01)
    found = find_scale(np.asarray(picture.convert("RGB")), Asked())
    assert found is not None
    assert found.markers == tuple(sorted(sheet.SHEETS[paper].markers))
    assert found.pixels_per_centimetre == pytest.approx(dots_per_centimetre, rel=0.002)


@pytest.mark.parametrize("paper", sheet.SHEETS)
def test_nothing_is_drawn_in_the_white_around_a_marker(paper: str) -> None:
    found = sheet.SHEETS[paper]
    page, quiet = drawn(found), sheet.MARKER_CENTIMETRES / sheet.CELLS
    for left, top in found.markers.values():
        right, bottom = left + sheet.MARKER_CENTIMETRES + quiet, top + sheet.MARKER_CENTIMETRES + quiet
        assert left >= quiet
        assert right <= found.width
        assert not [text for text in page.texts if left - quiet < text.x < right and top - quiet < text.y < bottom + text.size]


def test_the_vectors_are_in_centimetres() -> None:
    root = ElementTree.fromstring(printed("a4", "svg", "en"))  # noqa: S314  # our own file
    assert (root.get("width"), root.get("height"), root.get("viewBox")) == ("21.0cm", "29.7cm", "0 0 21.0 29.7")
    long_thin = [box for box in root if box.get("height") == "0.0300"]
    assert [float(box.get("width", 0)) - 0.03 for box in long_thin] == [pytest.approx(10)]  # the ruler


def test_the_pdf_is_as_large_as_its_paper_and_its_table_points_at_its_objects() -> None:
    file = printed("letter", "pdf", "fr")
    box = re.search(rb"/MediaBox \[0 0 ([0-9.]+) ([0-9.]+)\]", file)
    assert box is not None
    assert [float(side) for side in box.groups()] == pytest.approx([612, 792], abs=0.01)
    assert b"/PrintScaling /None" in file
    start = int(file.rstrip().splitlines()[-2])
    assert file[start:].startswith(b"xref\n0 6\n")
    for number, place in enumerate(re.findall(rb"^(\d{10}) 00000 n", file[start:], re.MULTILINE), 1):
        assert file[int(place) :].startswith(b"%d 0 obj" % number)


def test_the_instructions_speak_french() -> None:
    assert "Imprimez" in printed("a4", "svg", "fr").decode()
    assert "Print at 100 %" in printed("a4", "svg", "en").decode()
    assert "à".encode("cp1252") in printed("a4", "pdf", "fr")


@pytest.mark.parametrize(
    ("query", "media_type", "begins"),
    [("", "application/pdf", b"%PDF"), ("?format=svg&paper=letter", "image/svg+xml", b"<svg"), ("?format=png", "image/png", b"\x89PNG")],
)
def test_anybody_may_have_a_sheet(client: Client, query: str, media_type: str, begins: bytes) -> None:
    answer = client.get(PLACE + query)
    assert (answer.status_code, answer["Content-Type"]) == (200, media_type)
    assert answer.content.startswith(begins)
    assert answer["Content-Security-Policy"].startswith("sandbox")


@pytest.mark.parametrize(("query", "accept", "language"), [("", "fr-CH, en;q=0.5", "fr"), ("?lang=en", "fr", "en"), ("", "de", "en")])
def test_the_sheet_speaks_its_readers_language(client: Client, query: str, accept: str, language: str) -> None:
    answer = client.get(PLACE + query, headers={"Accept-Language": accept})
    assert answer["Content-Language"] == language
    assert answer.content == printed("a4", "pdf", language)


@pytest.mark.parametrize("query", ["?paper=a5", "?format=exe", "?lang=de", "?size=a4"])
def test_another_sheet_is_refused(client: Client, query: str) -> None:
    answer = client.get(PLACE + query)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
