"""The scale sheets as files to print: one drawing in centimetres, as PDF, SVG or PNG, each at its true size."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from itertools import groupby

from django.utils.translation import gettext, override
from PIL import Image, ImageDraw, ImageFont

from keypoints.sheet import CELLS, MARKER_CENTIMETRES, SHEETS, Sheet, cells

DOTS_PER_INCH = 300
CENTIMETRES_PER_INCH = 2.54
POINTS_PER_CENTIMETRE = 72 / CENTIMETRES_PER_INCH
RULER_CENTIMETRES = 10
HAIR = 0.03
"""Centimetres: width of the ruler's lines."""
TEXT, TITLE = 0.42, 0.62
"""Height of letters in centimetres."""


@dataclass(frozen=True)
class Rectangle:
    """Black, in centimetres from the sheet's upper left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Text:
    """Begins here; `y` is the line that letters stand on."""

    x: float
    y: float
    size: float
    words: str


@dataclass(frozen=True)
class Page:
    width: float
    height: float
    rectangles: tuple[Rectangle, ...]
    texts: tuple[Text, ...]


@lru_cache(maxsize=32)
def printed(paper: str, form: str, language: str) -> bytes:
    """The sheet as a file; made once for each choice. Raises KeyError for a paper or a form that there is not."""
    write = WRITERS[form]
    with override(language):
        page = drawn(SHEETS[paper])
    return write(page)


def drawn(sheet: Sheet) -> Page:
    """The markers, what to do with them between, and the ruler to check the print by."""
    squares = [square for marker in sheet.markers for square in marker_squares(marker, *sheet.markers[marker])]
    left, top = (sheet.width - RULER_CENTIMETRES) / 2, sheet.height / 2 + 3.4
    lines = [
        gettext("1. Print at 100 % (actual size), never fitted to the page."),
        gettext("2. Check the ruler: from 0 to 10 it has to be 10.0 cm long."),
        gettext("3. Lay the sheet flat beside the garment, on the same ground."),
        gettext("4. Take the photo from straight above, garment and sheet wholly in it."),
    ]
    texts = [Text(2.0, sheet.height / 2 - 4.6, TITLE, gettext("FitSize scale sheet") + f" ({sheet.paper.upper()})")]
    texts += [Text(2.0, sheet.height / 2 - 3.2 + 0.9 * number, TEXT, words) for number, words in enumerate(lines)]
    texts += [Text(left + mark - 0.12 * len(str(mark)), top + 1.3, TEXT, str(mark)) for mark in range(RULER_CENTIMETRES + 1)]
    return Page(sheet.width, sheet.height, (*squares, *ruler(left, top)), tuple(texts))


def marker_squares(marker: int, left: float, top: float) -> Iterator[Rectangle]:
    """Its black cells, those of a row that touch as one."""
    side = MARKER_CENTIMETRES / CELLS
    for row, blacks in enumerate(cells(marker)):
        column = 0
        for black, run in groupby(blacks):
            count = len(list(run))
            if black:
                yield Rectangle(left + column * side, top + row * side, count * side, side)
            column += count


def ruler(left: float, top: float) -> Iterator[Rectangle]:
    """A line, and a mark for each half centimetre whose middle is the place that it marks."""
    yield Rectangle(left - HAIR / 2, top - HAIR / 2, RULER_CENTIMETRES + HAIR, HAIR)
    for half in range(2 * RULER_CENTIMETRES + 1):
        yield Rectangle(left + half / 2 - HAIR / 2, top, HAIR, 0.4 if half % 2 else 0.7)


def svg(page: Page) -> bytes:
    size = f'width="{page.width}cm" height="{page.height}cm" viewBox="0 0 {page.width} {page.height}"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" {size}>', f'<rect width="{page.width}" height="{page.height}" fill="white"/>']
    parts += [f'<rect x="{box.x:.4f}" y="{box.y:.4f}" width="{box.width:.4f}" height="{box.height:.4f}"/>' for box in page.rectangles]
    letters = 'font-family="Helvetica, Arial, sans-serif"'
    for text in page.texts:
        parts.append(f'<text x="{text.x:.3f}" y="{text.y:.3f}" {letters} font-size="{text.size}">{escape(text.words)}</text>')
    return "\n".join([*parts, "</svg>\n"]).encode()


def png(page: Page) -> bytes:
    """Grey, 300 dots per inch; an edge is at most half a dot (0.04 mm) from its place."""
    dots = DOTS_PER_INCH / CENTIMETRES_PER_INCH
    picture = Image.new("L", (round(page.width * dots), round(page.height * dots)), 255)
    draw = ImageDraw.Draw(picture)
    for box in page.rectangles:
        edges = [round(value * dots) for value in (box.x, box.y, box.x + box.width, box.y + box.height)]
        draw.rectangle((edges[0], edges[1], edges[2] - 1, edges[3] - 1), fill=0)
    for text in page.texts:
        draw.text((text.x * dots, text.y * dots), text.words, font=ImageFont.load_default(text.size * dots), fill=0, anchor="ls")
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True, dpi=(DOTS_PER_INCH, DOTS_PER_INCH))
    return file.getvalue()


def pdf(page: Page) -> bytes:
    """One page of the paper's size, in PDF 1.6 (ISO 32000), with a font that every reader has. It asks the printing dialog not to scale."""
    content = pdf_content(page)
    box = f"0 0 {page.width * POINTS_PER_CENTIMETRE:.4f} {page.height * POINTS_PER_CENTIMETRE:.4f}"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /ViewerPreferences << /PrintScaling /None >> >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [{box}] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>".encode(),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    file, places = bytearray(b"%PDF-1.6\n%\xe2\xe3\xcf\xd3\n"), []
    for number, inside in enumerate(objects, 1):
        places.append(len(file))
        file += b"%d 0 obj\n%s\nendobj\n" % (number, inside)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    end = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(file))
    return bytes(file) + b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table) + end


def pdf_content(page: Page) -> bytes:
    """In centimetres, from the upper left corner downwards, as the drawing is; letters are turned back upright."""
    scale = POINTS_PER_CENTIMETRE
    parts = [f"{scale:.6f} 0 0 {-scale:.6f} 0 {page.height * scale:.4f} cm".encode()]
    parts += [f"{box.x:.4f} {box.y:.4f} {box.width:.4f} {box.height:.4f} re".encode() for box in page.rectangles]
    parts.append(b"f")
    for text in page.texts:
        words = text.words.encode("cp1252", "replace").replace(b"\\", rb"\\").replace(b"(", rb"\(").replace(b")", rb"\)")
        parts.append(f"BT /F1 {text.size} Tf 1 0 0 -1 {text.x:.3f} {text.y:.3f} Tm ".encode() + b"(" + words + b") Tj ET")
    return b"\n".join(parts)


WRITERS: Mapping[str, Callable[[Page], bytes]] = {"pdf": pdf, "svg": svg, "png": png}
MEDIA_TYPES: Mapping[str, str] = {"pdf": "application/pdf", "svg": "image/svg+xml", "png": "image/png"}
