"""A person is enrolled, found and erased by real processes: afterwards nothing of them is in the database, in storage or in Redis."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from faces import receipts
from tests.faces.people import CONSENT
from tests.faces.pictures import astronaut, file_of
from tests.stack import Stack

pytestmark = pytest.mark.slow
NAME, WORDS = "Eileen-4711", "I agree to be known by my face."
ON = {"FACES_IDENTIFY": "true", "FACES_IDENTIFY_PURPOSE": "the door"}
RECEIPTS = ("faces_receipt", "faces_erased")
"""Where the ids of who was erased stay, as the receipt names them."""


@pytest.fixture(scope="module")
def stack(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("erasure"), database_url, workers=("faces",), environment=ON) as running:
        yield running


def done(stack: Stack, operation: str, files: list[tuple[str, Any]], **fields: str) -> dict[str, Any]:
    answer = stack.http.post(f"/api/v1/faces/{operation}", files=files, data=fields)
    assert answer.status_code == 202, answer.text
    ended = stack.ended(answer.json())
    assert ended["state"] == "succeeded", ended["error"]
    return ended


def identified(stack: Stack) -> dict[str, Any]:
    result: dict[str, Any] = done(stack, "identify", [("photo", file_of(astronaut(), quality=80))])["result"]
    return result


# -- looking everywhere
def tables(stack: Stack) -> list[str]:
    found = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    return [str(name) for (name,) in stack.select(found if stack.database_url else "SELECT name FROM sqlite_master WHERE type = 'table'")]


def in_rows(stack: Stack, needle: bytes, without: tuple[str, ...] = ()) -> list[str]:
    ways = {needle.hex().encode(), needle}  # as PostgreSQL and as SQLite tell bytes; text is the same in both
    rows = {table: flat(stack.select(f"SELECT * FROM {table}")) for table in tables(stack) if table not in without}  # noqa: S608 (their names)
    return [table for table, told in rows.items() if any(way in told for way in ways)]


def flat(value: Any) -> bytes:
    """All that it holds, one after the other. (Its `repr` is no place to look for bytes: neighbours decide how they are quoted.)"""
    if isinstance(value, bytes):
        return value
    if isinstance(value, dict):
        return flat([*value.items()])
    if isinstance(value, list | tuple | set):
        return b" ".join(flat(part) for part in value)
    return str(value).encode()


def in_files(stack: Stack, needle: bytes) -> list[str]:
    """All that its processes write: the database with its log, stored files, the vault, what Redis keeps, their logs."""
    return [path.name for path in stack.folder.rglob("*") if path.is_file() and needle in path.read_bytes()]


def in_redis(stack: Stack, needle: bytes) -> list[str]:
    redis: Any = stack.redis
    read: dict[bytes, Callable[[bytes], Any]] = {
        b"string": lambda key: redis.get(key),
        b"list": lambda key: redis.lrange(key, 0, -1),
        b"hash": lambda key: redis.hgetall(key),
        b"set": lambda key: redis.smembers(key),
        b"zset": lambda key: redis.zrange(key, 0, -1),
        b"stream": lambda key: redis.xrange(key),
    }
    with redis:
        return [key.decode() for key in redis.scan_iter() if needle in flat((key, read[redis.type(key)](key)))]


def traces(stack: Stack, needle: bytes) -> list[str]:
    return [*in_rows(stack, needle), *in_files(stack, needle), *in_redis(stack, needle)]


def sealed_template(stack: Stack) -> tuple[bytes, str]:
    """What is stored of the only template, and its id."""
    [(sealed, pk)] = stack.select("SELECT sealed, id FROM faces_template")
    whole = sealed if isinstance(sealed, bytes) and not sealed.startswith(b"\\x") else bytes.fromhex(text_of(sealed).removeprefix("\\x"))
    return whole, text_of(pk)


def text_of(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def test_after_the_erasure_nothing_is_left_anywhere_and_the_receipt_verifies(stack: Stack) -> None:
    photo = file_of(astronaut()).read()
    consent = {**CONSENT, "consent_text": WORDS}
    enrolment = done(stack, "enrol", [("photos", photo)], name=NAME, store="true", **consent)
    person = enrolment["result"]["person"]["id"]
    assert [found["person"] for found in identified(stack)["faces"][0]["candidates"]] == [person]
    sealed, template = sealed_template(stack)
    selfie = stack.http.get(enrolment["files"][0]["url"]).content
    needles = [NAME.encode(), WORDS.encode(), sealed[-64:], template.encode(), template.replace("-", "").encode()]
    assert all(in_rows(stack, needle) for needle in needles[:4]) and in_files(stack, selfie)
    assert stack.database_url or all(in_files(stack, needle) for needle in needles[:3])
    assert len(list((stack.folder / "vault").rglob("*"))) == 2

    receipt = stack.http.delete(f"/api/v1/faces/people/{person}")
    assert receipt.status_code == 200
    receipts.verify(receipt.json(), stack.http.get("/api/v1/faces/erasures/key").text)
    assert (receipt.json()["people"], receipt.json()["counts"]["templates"]) == ([person], 1)
    assert {needle: traces(stack, needle) for needle in [*needles, selfie] if traces(stack, needle)} == {}
    assert not [path for path in (stack.folder / "vault").rglob("*") if path.is_file()]
    assert [path for path in (stack.folder / "files").rglob("*") if path.is_file()] == []
    for one in (person, person.replace("-", "")):
        assert in_rows(stack, one.encode(), without=RECEIPTS) == in_redis(stack, one.encode()) == []

    after = identified(stack)
    assert (after["verdict"], after["gallery_size"], after["faces"][0]["candidates"]) == ("no_match", 0, [])
    assert stack.http.delete(f"/api/v1/faces/people/{person}").json() == receipt.json()
