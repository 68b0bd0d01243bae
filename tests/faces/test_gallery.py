"""What a worker keeps of a gallery, and how it stays right."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from faces import changes
from faces.erasure import erase
from faces.inference import gallery as cache
from faces.inference.gallery import Crowd, Known, crowd_of, known
from faces.inference.people import candidates
from faces.models import Change, Gallery, Person, Rejection, Template
from faces.vault import Vault
from fitsize.models import User
from tasks.sealing import sealed
from tests.faces.people import anybody, enrolled, near, numbers, stored_consent

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "cached", {})


def gallery() -> Gallery:
    return Gallery.objects.get(name="default")


def nearest(probe: Any) -> list[tuple[Any, float]]:
    return [(person.pk, round(distance, 3)) for distance, person in crowd_of(gallery()).nearest(probe)]


def test_the_nearest_come_first_with_exact_distances(owner: User) -> None:
    ann, bob = enrolled(owner, numbers(1)), enrolled(owner, near(numbers(1), 0.5))
    assert nearest(numbers(1)) == [(ann.pk, 0.0), (bob.pk, 0.5)]


def test_a_person_stands_for_the_mean_of_all_templates(owner: User) -> None:
    ann = enrolled(owner, numbers(1), numbers(2), numbers(3))
    [(distance, found)] = crowd_of(gallery()).nearest(np.mean([numbers(1), numbers(2), numbers(3)], axis=0))
    assert (found.pk, found.photos, round(distance, 3)) == (ann.pk, 3, 0.0)


def test_what_did_not_change_is_not_read_again(owner: User) -> None:
    enrolled(owner, numbers(1))
    crowd_of(gallery())
    same = gallery()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        crowd_of(same)
    assert len(queries) == 1


def test_only_what_came_is_opened(owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
    for seed in range(5):
        enrolled(owner, numbers(seed))
    crowd_of(gallery())
    new, opened = enrolled(owner, numbers(9)), []
    original = Template.encoding

    def noted(row: Template, key: bytes) -> bytes:
        opened.append(row.person_id)
        return original(row, key)

    monkeypatch.setattr(Template, "encoding", noted)
    assert nearest(numbers(9))[0] == (new.pk, 0.0)
    assert opened == [new.pk]


def test_whoever_is_erased_is_gone_from_memory(owner: User) -> None:
    ann, bob = enrolled(owner, numbers(1)), enrolled(owner, numbers(2))
    crowd = crowd_of(gallery())
    erase(ann, "request")
    assert [pk for pk, _ in nearest(numbers(1))] == [bob.pk]
    assert not any(np.allclose(row, numbers(1)) for row in crowd.means)


def test_further_templates_and_another_name_are_learned(owner: User) -> None:
    ann = enrolled(owner, numbers(1))
    crowd_of(gallery())
    enrolled(owner, numbers(2), person=ann)
    changes.rename(ann, "Anna", anybody)
    [(_, found)] = crowd_of(gallery()).nearest(numbers(1))
    assert (found.name, found.photos) == ("Anna", 2)


def test_merged_people_are_one_and_two_again_after_an_undo(owner: User) -> None:
    ann, twin, third = (enrolled(owner, numbers(seed)) for seed in (1, 2, 3))
    crowd_of(gallery())
    changes.merge(twin, ann, None, anybody)
    assert {pk for pk, _ in nearest(numbers(2))} == {ann.pk, third.pk}
    assert crowd_of(gallery()).nearest(numbers(1))[0][1].photos == 2
    changes.merge(ann, third, None, anybody)
    assert [(person.pk, person.photos) for _, person in crowd_of(gallery()).nearest(numbers(1))] == [(third.pk, 3)]
    for change in Change.objects.order_by("-at"):
        changes.undo(change, anybody)
    assert nearest(numbers(2))[0] == (twin.pk, 0.0) and len(crowd_of(gallery())) == 3


def test_a_template_that_is_split_off_moves(owner: User) -> None:
    ann = enrolled(owner, numbers(1), numbers(2))
    crowd_of(gallery())
    moved = next(row for row in Template.objects.all() if np.allclose(encoding_of(row), numbers(2)))
    change = changes.split(ann, [moved.pk], "Bea", stored_consent(), None, anybody)
    assert nearest(numbers(1))[0] == (ann.pk, 0.0) and nearest(numbers(2))[0] == (change.target_id, 0.0)
    changes.undo(change, anybody)
    assert [(person.pk, person.photos) for _, person in crowd_of(gallery()).nearest(numbers(1))] == [(ann.pk, 2)]


def encoding_of(row: Template) -> Any:
    return cache.from_bytes(row.encoding(Vault().key(row.key)))


def test_a_cache_that_was_kept_up_to_date_is_what_a_new_one_reads(owner: User) -> None:
    drawn = np.random.default_rng(7)
    people = [enrolled(owner, numbers(seed)) for seed in range(4)]
    for step in range(30):
        alive = list(Person.objects.filter(merged_into=None).select_related("gallery"))
        one, other = (alive[int(at)] for at in drawn.choice(len(alive), 2, replace=False))
        match drawn.integers(5):
            case 0:
                enrolled(owner, numbers(100 + step))
            case 1:
                enrolled(owner, numbers(200 + step), person=one)
            case 2 if len(alive) > 3:
                erase(one, "request")
            case 3 if len(alive) > 3:
                changes.merge(one, other, None, anybody)
            case 4:
                for change in Change.objects.filter(undone_at=None)[:1]:
                    changes.undo(change, anybody)
        kept = facts(crowd_of(gallery()))
        cache.cached.clear()
        assert kept == facts(crowd_of(gallery())), step
    assert people


def facts(crowd: Crowd) -> dict[Any, Any]:
    rows = [(person, crowd.means[crowd.row_of[person.pk]]) for person in crowd.people]
    return {person.pk: (person.name, person.photos, [round(float(number), 5) for number in row]) for person, row in rows}


def test_whatever_is_nearer_to_what_was_rejected_is_not_that_person(owner: User) -> None:
    ann = enrolled(owner, numbers(1))
    twin = near(numbers(1), 0.4)
    crowd_of(gallery())
    key = Vault().key(ann.key)
    job = ann.pk
    Rejection.objects.create(person=ann, job=job, sealed=sealed(key, cache.to_bytes(twin), ann.pk, job))
    changes.changed(ann)
    assert nearest(near(numbers(1), 0.39)) == []
    assert nearest(numbers(1)) == [(ann.pk, 0.0)]


def test_a_row_whose_key_is_gone_costs_nobody_else_anything(owner: User) -> None:
    ann, bob = enrolled(owner, numbers(1)), enrolled(owner, numbers(2))
    Vault().erase(ann.key)
    assert [pk for pk, _ in nearest(numbers(1))] == [bob.pk]
    assert known(ann) is None


def test_two_galleries_do_not_meet(owner: User, stranger: User) -> None:
    enrolled(owner, numbers(1), gallery="staff")
    mine = enrolled(owner, numbers(2))
    enrolled(stranger, numbers(3))
    own = Gallery.objects.get(owner=owner, name="default")
    assert [person.pk for person in crowd_of(own).people] == [mine.pk]


def test_a_search_among_many_is_exact() -> None:
    crowd, drawn = Crowd(), np.random.default_rng(1)
    means = drawn.normal(size=(5000, 128)).astype(np.float32) / 11
    for mean in means:
        crowd.put(Known(pk=uuid_of(len(crowd)), name="", key=uuid_of(0), mean=mean, photos=1, face_pixels=100.0))
    probe = means[1234] + 0.01
    found = crowd.nearest(probe)
    exact = np.linalg.norm(means.astype(np.float64) - probe.astype(np.float64), axis=1)
    assert [round(distance, 6) for distance, _ in found[:5]] == [round(float(x), 6) for x in np.sort(exact)[:5]]


def uuid_of(number: int) -> Any:
    return UUID(int=number)


@pytest.mark.parametrize(("nearest", "said"), [(0.48, ["match", "match"]), (0.51, ["unsure", "unsure"]), (0.528, ["no_match", "no_match"])])
def test_nobody_is_a_better_answer_than_who_is_nearer(nearest: float, said: list[str]) -> None:
    """The threshold for five photos is 0.497, that for one 0.572."""
    probe, crowd = numbers(0), Crowd()
    for distance, photos in ((nearest, 5), (0.54, 1)):
        crowd.put(Known(uuid4(), "", uuid4(), near(probe, distance, seed=photos), photos, 120.0))
    assert [candidate.verdict for candidate in candidates(crowd, probe, 120.0)] == said
