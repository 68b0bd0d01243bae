"""A gallery's people as a worker keeps them in memory: one mean template a person, brought up to date by what changed."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from django.db.models import Q
from numpy.typing import NDArray

from faces.inference.matching import euclidean, mean_template
from faces.models import Gallery, Person, Rejection, Template
from faces.vault import Vault
from tasks.sealing import Unreadable

ENCODER = "dlib_face_recognition_resnet_model_v1"  # whoever encodes: torch or dlib
NUMBERS = 128
NEAREST = 32  # people whose distances are computed exactly
MOST_GALLERIES = 16  # that a worker keeps at a time
Encoding = NDArray[np.float32]
logger = logging.getLogger(__name__)


def to_bytes(encoding: Encoding) -> bytes:
    return encoding.astype("<f4").tobytes()


def from_bytes(content: bytes) -> Encoding:
    return np.frombuffer(content, "<f4").astype(np.float32)


@dataclass(frozen=True)
class Known:
    """A person as probes are compared with: the mean of all readable templates, and what was said not to be them."""

    pk: UUID
    name: str
    key: UUID
    mean: Encoding
    photos: int
    face_pixels: float
    rejected: tuple[Encoding, ...] = ()

    def distance(self, probe: Encoding) -> float:
        return euclidean(self.mean, probe)

    def rejects(self, probe: Encoding) -> bool:
        """Whether the probe is nearer to something that was said not to be this person."""
        return any(euclidean(encoding, probe) < self.distance(probe) for encoding in self.rejected)


class Keys:
    """Opened keys for one reading. An unreadable one is told once: its person cannot be matched, and nothing else suffers."""

    def __init__(self) -> None:
        self.vault = Vault()
        self.opened: dict[UUID, bytes | None] = {}

    def encoding(self, row: Template | Rejection, key: UUID) -> Encoding | None:
        if key not in self.opened:
            self.opened[key] = self.open(key, row.person_id)
        opened = self.opened[key]
        try:
            return None if opened is None else from_bytes(row.encoding(opened))
        except Unreadable:
            logger.warning("a row of person %s cannot be opened with its key", row.person_id)
            return None

    def open(self, key: UUID, person: UUID) -> bytes | None:
        try:
            return self.vault.key(key)
        except Unreadable:
            logger.warning("the vault has no key for person %s", person)
            return None


def readable(rows: Iterable[Template], keys: Keys) -> list[tuple[Template, Encoding]]:
    """A row whose key is gone is read once more: its person may have got a new key in this moment."""
    found: list[tuple[Template, Encoding]] = []
    for row in rows:
        encoding = keys.encoding(row, row.key)
        if encoding is None and (again := Template.objects.filter(pk=row.pk).exclude(key=row.key).first()):
            row, encoding = again, keys.encoding(again, again.key)
        if encoding is not None:
            found.append((row, encoding))
    return found


def rejections(of: Q, keys: Keys) -> dict[UUID, tuple[Encoding, ...]]:
    """By the person they are about."""
    found: dict[UUID, list[Encoding]] = defaultdict(list)
    for row in Rejection.objects.filter(of).select_related("person"):
        if (encoding := keys.encoding(row, row.person.key)) is not None:
            found[row.person_id].append(encoding)
    return {pk: tuple(encodings) for pk, encodings in found.items()}


def known(person: Person) -> Known | None:
    """One person with all records merged into theirs, read now; None where nothing of them can be read."""
    keys, records = Keys(), person.all_records()
    rows = readable(Template.objects.filter(person__in=records, encoder=ENCODER), keys)
    if not rows:
        return None
    against = [encoding for encodings in rejections(Q(person__in=records), keys).values() for encoding in encodings]
    return summed_up(person.pk, person.name, person.key, [(row.face_pixels, encoding) for row, encoding in rows], tuple(against))


def summed_up(pk: UUID, name: str, key: UUID, templates: list[tuple[float, Encoding]], rejected: tuple[Encoding, ...]) -> Known:
    encodings = [encoding for _, encoding in templates]
    mean = mean_template(np.stack(encodings)) if len(encodings) > 1 else encodings[0]  # which needs no memory of its own
    return Known(pk, name, key, mean, len(templates), min(pixels for pixels, _ in templates), rejected)


class Crowd:
    """People as one matrix: rows of `means` (n, 128) in any order, `people` beside it."""

    def __init__(self) -> None:
        self.people: list[Known] = []
        self.row_of: dict[UUID, int] = {}
        self.means = np.zeros((0, NUMBERS), np.float32)
        self.squares = np.zeros(0, np.float32)

    def __len__(self) -> int:
        return len(self.people)

    def put(self, person: Known) -> None:
        if person.pk not in self.row_of:
            self.make_room()
            self.row_of[person.pk] = len(self.people)
            self.people.append(person)
        self.write(self.row_of[person.pk], person)

    def remove(self, pk: UUID) -> None:
        """The last row takes the place of the one that goes."""
        row, last = self.row_of.pop(pk, None), len(self.people) - 1
        if row is None:
            return
        moved = self.people.pop()
        if row != last:
            self.row_of[moved.pk] = row
            self.write(row, moved)
        self.means[last] = 0  # nothing of who has gone stays in memory

    def write(self, row: int, person: Known) -> None:
        self.people[row] = person
        self.means[row], self.squares[row] = person.mean, person.mean @ person.mean

    def make_room(self) -> None:
        room, needed = len(self.squares), len(self.people) + 1
        if needed > room:
            more = max(needed, 2 * room) - room
            self.means = np.concatenate([self.means, np.zeros((more, NUMBERS), np.float32)])
            self.squares = np.concatenate([self.squares, np.zeros(more, np.float32)])

    def nearest(self, probe: Encoding) -> list[tuple[float, Known]]:
        """Some of the nearest people with their exact distances, the nearest first, without those that reject the probe."""
        count = len(self.people)
        if not count:
            return []
        rough = self.squares[:count] - 2 * (self.means[:count] @ probe)  # the squared distance, but for what is the same for all
        picked = np.argpartition(rough, NEAREST - 1)[:NEAREST] if count > NEAREST else np.arange(count)
        exact = [(self.people[row].distance(probe), self.people[row]) for row in picked]
        return sorted((pair for pair in exact if not pair[1].rejects(probe)), key=lambda pair: pair[0])


class CachedGallery:
    """What a worker knows of one gallery, as of `version`."""

    def __init__(self) -> None:
        self.version = self.removed_at_version = -1
        self.crowd = Crowd()
        self.names: dict[UUID, tuple[str, UUID]] = {}  # and the key
        self.merged: dict[UUID, UUID] = {}
        self.templates: dict[UUID, tuple[UUID, float, Encoding]] = {}  # of whom, how many pixels, which numbers
        self.of_person: dict[UUID, set[UUID]] = defaultdict(set)
        self.rejected: dict[UUID, tuple[Encoding, ...]] = {}

    def refresh(self, gallery: Gallery) -> None:
        """Bring it up to date. The version is read before what it stands for: what comes meanwhile is read twice, and nothing is missed."""
        gallery.refresh_from_db(fields=["version", "removed_at_version"])
        if gallery.version == self.version:
            return
        touched: set[UUID] = set()
        if self.version >= 0 and gallery.removed_at_version > self.removed_at_version:
            touched |= self.drop_what_is_gone(gallery)
        touched |= self.read_people(gallery) | self.read_templates(gallery)
        self.rebuild(touched)
        self.version, self.removed_at_version = gallery.version, gallery.removed_at_version

    def drop_what_is_gone(self, gallery: Gallery) -> set[UUID]:
        people = set(Person.objects.filter(gallery=gallery).values_list("pk", flat=True))
        templates = set(Template.objects.filter(person__gallery=gallery).values_list("pk", flat=True))
        touched = {self.drop(pk) for pk in self.templates.keys() - templates}
        gone, merged = self.names.keys() - people, self.merged_people()
        for pk in gone:
            touched |= {pk, *merged[pk]}
            self.names.pop(pk)
            self.merged.pop(pk, None)
            self.rejected.pop(pk, None)
        return touched

    def drop(self, template: UUID) -> UUID:
        """Whose it was."""
        person, _, _ = self.templates.pop(template)
        self.of_person[person].discard(template)
        return person

    def read_people(self, gallery: Gallery) -> set[UUID]:
        changed = Person.objects.filter(gallery=gallery, version__gt=self.version)
        rows = list(changed.values_list("pk", "name", "key", "merged_into"))
        touched = {target for pk, *_ in rows for target in (pk, self.target(pk))}
        for pk, name, key, into in rows:
            self.names[pk] = name, key
            self.merged.pop(pk, None)
            if into:
                self.merged[pk] = into
            self.rejected.pop(pk, None)
        about = Q(person__gallery=gallery) & (Q() if self.version < 0 else Q(person__version__gt=self.version))
        self.rejected |= rejections(about, Keys())
        return touched

    def read_templates(self, gallery: Gallery) -> set[UUID]:
        rows = Template.objects.filter(person__gallery=gallery, version__gt=self.version, encoder=ENCODER)
        touched: set[UUID] = set()
        for row, encoding in readable(rows.iterator(), Keys()):
            if row.pk in self.templates:
                touched.add(self.drop(row.pk))
            self.templates[row.pk] = (row.person_id, row.face_pixels, encoding)
            self.of_person[row.person_id].add(row.pk)
            touched.add(row.person_id)
        return touched

    def rebuild(self, touched: set[UUID]) -> None:
        merged = self.merged_people()
        for pk in touched | {self.target(pk) for pk in touched}:
            records = [pk, *merged[pk]]
            templates = [self.templates[template][1:] for record in records for template in sorted(self.of_person.get(record, ()))]
            if not templates or pk in self.merged or pk not in self.names:
                self.crowd.remove(pk)
                continue
            rejected = tuple(encoding for record in records for encoding in self.rejected.get(record, ()))
            self.crowd.put(summed_up(pk, *self.names[pk], templates, rejected))

    def target(self, pk: UUID) -> UUID:
        """Whose templates theirs count as."""
        seen = {pk}
        while (into := self.merged.get(pk)) and into not in seen:
            pk = into
            seen.add(pk)
        return pk

    def merged_people(self) -> dict[UUID, list[UUID]]:
        """Who was merged into somebody, by whose templates theirs count as."""
        found: dict[UUID, list[UUID]] = defaultdict(list)
        for pk in self.merged:
            found[self.target(pk)].append(pk)
        return found


cached: dict[UUID, CachedGallery] = {}


def forget_erased() -> None:
    there = set(Gallery.objects.filter(pk__in=list(cached), closed_at=None).values_list("pk", flat=True))
    for pk in cached.keys() - there:
        cached.pop(pk)


def crowd_of(gallery: Gallery) -> Crowd:
    """Everybody in a gallery, as it is now. The galleries that were asked for last stay in memory, while they are there."""
    kept = cached.pop(gallery.pk, None)
    if kept is None:
        kept = CachedGallery()
        forget_erased()
    kept.refresh(gallery)
    cached[gallery.pk] = kept
    while len(cached) > MOST_GALLERIES:
        cached.pop(next(iter(cached)))
    return kept.crowd
