"""What odd requests are made of."""

from __future__ import annotations

import base64

from tasks.openapi.samples import PICTURE

SUBMITS = ("/api/v1/keypoints", "/api/v1/faces/validate", "/api/v1/faces/verify", "/api/v1/diarization")
GOOD = ((SUBMITS[0], ("image",)), (SUBMITS[1], ("selfie",)), (SUBMITS[2], ("selfie", "reference")))
NAMES = ("image", "selfie", "reference", "audio", "clothing", "num_speakers", "expires_in", "priority", "keep_input")
BYTES = base64.b64decode(PICTURE.partition(",")[2])
TEXTS = (
    "",
    " ",
    "\0",
    "a\0b",
    "\u0000" * 9,
    "\ud800",
    "\udfff\ud800",
    "\ufeff",
    "\u202e",
    "é" * 300,
    "💥",
    "'\"--;",
    "../../etc/passwd",
    "%00",
    "a" * 70_000,
    "data:image/png;base64,",
    "data:;base64,AAAA",
    "/api/v1/jobs/00000000-0000-0000-0000-000000000000/files/a",
    "http://127.0.0.1/api/v1/jobs/0/files/a",
    "NaN",
    "1e999",
    "-0",
    "９",
)
NUMBERS = (
    "0",
    "-1",
    "1e400",
    "-1e400",
    "NaN",
    "Infinity",
    "9" * 5000,
    "1." + "0" * 5000,
    "0x10",
    "01",
    "1e-999",
    "2147483648",
    "9223372036854775808",
)
DATES = (
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "0000-00-00",
    "2026-02-30T00:00:00Z",
    "2026-11-21T24:00:00Z",
    "-2026-01-01T00:00:00Z",
    "2026-11-21T12:00:00+99:99",
    "2026-W47-6",
    "1e9",
    "２０２６-11-21T00:00:00Z",
    "2026-11-21T12:00:00.9999999999Z",
    "2026-11-21",
    "\0",
)
FILTERS = ("kind", "operation", "state", "created_after", "created_before", "limit", "cursor")
CURSORS = (
    "p=0001-01-01",
    "p=2026-11-21 00:00:00+00:00",
    "p=9999-12-31 23:59:59.999999+00:00",
    "p=0001-01-01 00:00:00+23:59",
    "o=-1",
    "o=" + "9" * 30,
    "r=1&p=\0",
    "p=é",
    "p=" + "9" * 400,
    "o=\u0661&r=1",
)
HEADERS = (
    b"",
    b"\x80\xff",
    b"\xed\xa0\x80",
    "é".encode(),
    b"a" * 20_000,
    b"wait=",
    b"wait=99999999999",
    b"wait=5,wait=6",
    b'W/"',
    b'"' * 500,
    b"*, *",
    b"bearer",
    b"Bearer \xff",
    b"Bearer a b c",
    b"\x01",
    b"0" * 255,
)
NAMES_OF_HEADERS = (
    "Authorization",
    "Prefer",
    "If-None-Match",
    "Idempotency-Key",
    "Content-Type",
    "Accept",
    "Host",
    "Content-Length",
    "X-Forwarded-Proto",
    "Content-Encoding",
    "Accept-Encoding",
    "Range",
    "Cookie",
    "Expect",
    "X-FitSize-Hold",
    "Transfer-Encoding",
    "Content-Disposition",
)
FRAMING = {"Content-Length", "Transfer-Encoding", "Expect"}
"""A server may wait for what such a header promises, and leave."""
METHODS = ("GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY", "get", "PROPFIND", "BREW", "G" * 200)
