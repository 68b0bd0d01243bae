"""What the model does with people: enrol photos of them, verify a selfie against one, find one in a gallery."""

from __future__ import annotations

import io
import json
import zipfile
from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, BinaryIO
from uuid import UUID, uuid4

import numpy as np
from numpy.typing import NDArray

from faces.effects import Effects, Enrolled, NewTemplate
from faces.inference import storing
from faces.inference.archive import Packed
from faces.inference.gallery import ENCODER, Crowd, Encoding, Known, to_bytes
from faces.inference.matching import Threshold, Verdict, calibration, euclidean, verdict
from faces.inference.photo import Photo, only_face, read_photo
from faces.probes import PROBES
from faces.vault import Vault
from tasks.errors import Code, InvalidInput
from tasks.inference.model import Run
from tasks.sealing import Unreadable, sealed

if TYPE_CHECKING:
    from faces.inference.model import FaceModel

MOST_CANDIDATES = 5
WORSE: tuple[Verdict, ...] = ("match", "unsure", "no_match")  # each than the one before
OTHER_PERSON = "other_person"
ALREADY_ENROLLED = "already_enrolled"
ENCODED_AT_ONCE = 16  # faces: more at a time are hardly cheaper, and the network holds some MB for each


@dataclass(frozen=True)
class Subject:
    """Whom photos are of: somebody new, with a name, or somebody who is there, with the key and as `known`. `marks` tell the photos that
    they have already."""

    pk: UUID
    name: str
    key: UUID | None = None
    known: Known | None = None
    marks: frozenset[str] = frozenset()
    photos: int = 0

    @property
    def new(self) -> bool:
        return self.key is None


@dataclass
class Shot:
    """A photo on its way into a gallery: what speaks against it, and once it has passed the gate its face and the encoding of that."""

    name: str
    mark: str
    reasons: list[str] = field(default_factory=list)
    judged: dict[str, Any] = field(default_factory=dict)
    photo: Photo | None = None
    chip: NDArray[np.uint8] | None = None
    face_pixels: float = 0.0
    encoding: Encoding | None = None
    distance: float | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "photo": self.name,
            "accepted": not self.reasons,
            "reasons": self.reasons,
            "distance": None if self.distance is None else round(self.distance, 4),
        }

    def as_long_json(self) -> dict[str, Any]:
        seen = self.photo.as_json() if self.photo else {"picture": None, "faces": []}
        said = {"next_step": self.judged.get("next_step"), "checks": self.judged.get("checks", [])}
        return {**self.as_json(), **said, **seen}


# -- enrol
def enrol(
    model: FaceModel,
    run: Run,
    subject: Subject,
    gallery: str,
    marks: Mapping[str, str],
    photos: Mapping[str, BinaryIO],
    *,
    store: bool = False,
) -> dict[str, Any]:
    """Judge photos and enrol those that pass, and store these if that is asked.

    Raises InvalidInput(`no_template`) where the person's key cannot be read.
    """
    shots: list[Shot] = []
    for number, (name, file) in enumerate(photos.items()):
        run.check_canceled()
        run.progress(number / len(photos), name)
        shots.append(looked_at(model, name, marks[name], file))
    enrolled = gated(model, subject, shots)
    if store:
        for shot in shots:
            if shot.photo and not shot.reasons:
                storing.store(run, shot.photo.pixels, f"{shot.name}.jpg")
    taken = len(enrolled.templates) if enrolled else 0
    person = None if subject.new and not enrolled else {"id": str(subject.pk), "name": subject.name}
    return {
        "verdict": "enrolled" if enrolled else "refused",
        "person": person,
        "gallery": gallery,
        "photos": [shot.as_long_json() for shot in shots],
        "enrolled": taken,
        "templates": subject.photos + taken,
        **model.facts(),
        "effects": Effects(enrolled=[enrolled] if enrolled else []),
    }


def bulk_enrol(model: FaceModel, run: Run, people: list[tuple[Subject, list[Packed]]], gallery: str, archive: BinaryIO) -> dict[str, Any]:
    """Everybody in an archive, each as `enrol` would."""
    enrolled: list[Enrolled] = []
    files: list[dict[str, Any]] = []
    marks: dict[UUID, set[str]] = defaultdict(set)  # of what this very archive had for somebody: two folders may be of one person
    with zipfile.ZipFile(archive) as packed:
        for number, (subject, photos) in enumerate(people):
            run.check_canceled()
            run.progress(number / len(people))
            shots = [unpacked(model, packed, photo) for photo in photos]
            taken = gated(model, replace(subject, marks=subject.marks | marks[subject.pk]), shots)
            if taken:
                enrolled.append(taken)
                marks[subject.pk] |= {template.photo for template in taken.templates}
            person = str(subject.pk) if taken or not subject.new else None
            files += [{"file": shot.name, "person": person, **shot.as_json()} for shot in shots]
    for file in files:
        file.pop("photo")
    return {
        "gallery": gallery,
        "people": [{"id": str(taken.person), "new": taken.name is not None, "enrolled": len(taken.templates)} for taken in enrolled],
        "files": files,
        "enrolled": sum(len(taken.templates) for taken in enrolled),
        "refused": sum(not file["accepted"] for file in files),
        **model.facts(),
        "effects": Effects(enrolled=enrolled),
    }


def unpacked(model: FaceModel, archive: zipfile.ZipFile, photo: Packed) -> Shot:
    if photo.reason:
        return Shot(photo.file, photo.mark, reasons=[photo.reason])
    shot = looked_at(model, photo.file, photo.mark, photo.content(archive))
    shot.photo = None  # five hundred of them would not fit into memory
    return shot


def looked_at(model: FaceModel, name: str, mark: str, file: BinaryIO) -> Shot:
    """The gate: the checks of `validate`. A file that is no picture is refused by its code, at no other photo's cost."""
    shot = Shot(name, mark)
    try:
        shot.photo = read_photo(file, model.detector)
    except InvalidInput as refused:
        shot.reasons = [str(refused.code)]
        return shot
    shot.judged = model.judged(shot.photo)
    shot.reasons = list(shot.judged["reasons"])
    if not shot.reasons:
        face = shot.photo.faces[0]
        shot.chip, shot.face_pixels = model.chip(shot.photo, face), float(face.box.width)
    return shot


def gated(model: FaceModel, subject: Subject, shots: Iterable[Shot]) -> Enrolled | None:
    """Encode what passed, refuse what is there already or shows somebody else, and seal the rest; None if nothing is left."""
    seen = set(subject.marks)
    for shot in shots:
        if not shot.reasons and shot.mark in seen:
            shot.reasons = [ALREADY_ENROLLED]
        elif not shot.reasons:
            seen.add(shot.mark)
    passed = [shot for shot in shots if not shot.reasons]
    encode(model, passed)
    refuse_others(subject.known, passed)
    return sealed_for(subject, [shot for shot in passed if not shot.reasons])


def encode(model: FaceModel, shots: list[Shot]) -> None:
    for start in range(0, len(shots), ENCODED_AT_ONCE):
        part = shots[start : start + ENCODED_AT_ONCE]
        chips = np.stack([shot.chip for shot in part if shot.chip is not None])
        for shot, encoding in zip(part, model.encoder.encode(chips), strict=True):
            shot.encoding = encoding


def refuse_others(known: Known | None, shots: list[Shot]) -> None:
    """Those that are far from the person as known, or from the middlemost photo of somebody new."""
    if known is None and len(shots) < 2:
        return
    middle = None if known else middlemost([shot.encoding for shot in shots if shot.encoding is not None])
    for shot in shots:
        assert shot.encoding is not None  # noqa: S101 (they were encoded)
        mean, photos = (known.mean, known.photos) if known else (middle, 1)
        assert mean is not None  # noqa: S101 (one of the two is there)
        shot.distance = euclidean(mean, shot.encoding)
        pixels = min(shot.face_pixels, known.face_pixels) if known else shot.face_pixels
        far = verdict(shot.distance, calibration().threshold(photos, pixels)) == "no_match"
        if far or (known and known.rejects(shot.encoding)):
            shot.reasons = [OTHER_PERSON]


def middlemost(encodings: list[Encoding]) -> Encoding:
    """The one that is nearest to all others together: a single photo of somebody else is never that among three."""
    return min(encodings, key=lambda one: sum(euclidean(one, other) for other in encodings))


def sealed_for(subject: Subject, shots: list[Shot]) -> Enrolled | None:
    """Sealed before the transaction that writes it: files of keys are slow. What is not written then leaves a key that opens nothing."""
    if not shots:
        return None
    vault = Vault()
    pk = subject.key or vault.make()
    key = opened(vault, pk)
    templates: list[NewTemplate] = []
    for shot in shots:
        assert shot.encoding is not None  # noqa: S101 (they were encoded)
        template = uuid4()
        box = sealed(key, to_bytes(shot.encoding), subject.pk, template)
        templates.append(NewTemplate(template, box, ENCODER, shot.face_pixels, shot.mark))
    return Enrolled(subject.pk, pk, templates, subject.name if subject.new else None)


def opened(vault: Vault, key: UUID) -> bytes:
    try:
        return vault.key(key)
    except Unreadable:
        raise InvalidInput(Code.NO_TEMPLATE) from None


# -- verify and identify
def verify(model: FaceModel, run: Run, selfie: BinaryIO, person: Known, binding: UUID) -> dict[str, Any]:
    """Compare a selfie with all templates of a person. Raises InvalidInput("no_face" | "several_faces") as between two photos."""
    photo = read_photo(selfie, model.detector)
    face = only_face(photo, "selfie")
    [probe] = model.encoder.encode(model.chip(photo, face)[None])
    distance = person.distance(probe)
    threshold = calibration().threshold(person.photos, min(face.box.width, person.face_pixels))
    said = "no_match" if person.rejects(probe) else verdict(distance, threshold)
    if said != "no_match":
        save_probes(run, binding, [(0, person, probe)])
    return {
        "verdict": said,
        "distance": round(distance, 4),
        "threshold": threshold.as_json(),
        "selfie": photo.as_json(),
        "reference": None,
        "person": {"id": str(person.pk), "name": person.name, "photos": person.photos},
        **model.facts(),
        "effects": Effects(answered=frozenset({person.pk}), met=frozenset({person.pk} if said == "match" else ())),
    }


@dataclass(frozen=True)
class Candidate:
    person: Known
    distance: float
    threshold: Threshold
    verdict: Verdict

    def as_json(self) -> dict[str, Any]:
        return {"person": str(self.person.pk), "name": self.person.name, "distance": round(self.distance, 4), "verdict": self.verdict}


def identify(model: FaceModel, run: Run, photo: BinaryIO, crowd: Crowd, gallery: str, purpose: str, binding: UUID) -> dict[str, Any]:
    """Seek every face of a picture among the people of a gallery. Raises InvalidInput("no_face")."""
    picture = read_photo(photo, model.detector)
    if not picture.faces:
        raise InvalidInput(Code.NO_FACE)
    probes = model.encoder.encode(np.stack([model.chip(picture, face) for face in picture.faces]))
    found = [candidates(crowd, probe, face.box.width) for probe, face in zip(probes, picture.faces, strict=True)]
    named = [(number, candidate.person, probes[number]) for number, near in enumerate(found) for candidate in shown(near)]
    if named:
        save_probes(run, binding, named)
    boxes = [(picture.face_as_json(face), face.box.width) for face in picture.faces]
    return {
        "verdict": verdict_of(found[0]),
        "gallery": gallery,
        "gallery_size": len(crowd),
        "purpose": purpose,
        "picture": picture.as_json()["picture"],
        "faces": [{**box, **searched(near, pixels, len(crowd))} for (box, pixels), near in zip(boxes, found, strict=True)],
        **model.facts(),
        "effects": Effects(
            answered=frozenset(person.pk for _, person, _ in named),
            met=frozenset(near[0].person.pk for near in found if verdict_of(near) == "match"),
        ),
    }


def candidates(crowd: Crowd, probe: Encoding, face_pixels: float) -> list[Candidate]:
    """The nearest people, each with the threshold for their photos. Nobody is a better answer than who is nearer, though the threshold for
    fewer photos is larger."""
    found: list[Candidate] = []
    for distance, person in crowd.nearest(probe)[:MOST_CANDIDATES]:
        threshold = calibration().threshold(person.photos, min(face_pixels, person.face_pixels), len(crowd))
        said = max(verdict(distance, threshold), found[-1].verdict if found else "match", key=WORSE.index)
        found.append(Candidate(person, distance, threshold, said))
    return found


def shown(near: list[Candidate]) -> list[Candidate]:
    """Who is far is not named: nobody asked for strangers' lookalikes."""
    return [candidate for candidate in near if candidate.verdict != "no_match"]


def verdict_of(near: list[Candidate]) -> Verdict:
    return near[0].verdict if near else "no_match"


def searched(near: list[Candidate], face_pixels: float, people: int) -> dict[str, Any]:
    """The answer for one face. `margin`: by how much the second is farther than the first."""
    threshold = near[0].threshold if near else calibration().threshold(1, face_pixels, people)
    return {
        "verdict": verdict_of(near),
        "distance": round(near[0].distance, 4) if near else None,
        "margin": round(near[1].distance - near[0].distance, 4) if len(near) > 1 else None,
        "threshold": threshold.as_json(),
        "candidates": [candidate.as_json() for candidate in shown(near)],
    }


def save_probes(run: Run, binding: UUID, seen: list[tuple[int, Known, Encoding]]) -> None:
    """What was seen of each face that was given a name, under that person's key, for whoever says: that is not me. It goes with the job."""
    vault, kept = Vault(), []
    for face, person, probe in seen:
        try:
            box = sealed(vault.key(person.key), to_bytes(probe), person.pk, binding)
        except Unreadable:  # erased in this moment: the end of this job is refused
            continue
        kept.append({"face": face, "person": str(person.pk), "sealed": b64encode(box).decode()})
    run.save(PROBES, io.BytesIO(json.dumps(kept).encode()), private=True)
