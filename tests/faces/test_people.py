"""Looking at people and changing them: nobody is changed by a page that is out of date, and every change can be taken back."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from faces.models import Change, Consent, Person, PersonJob, Template
from faces.people.serializers import ChangeSerializer, PeoplePageSerializer, WholePersonSerializer
from faces.vault import Vault
from fitsize.models import User
from tests.conftest import client_of
from tests.faces.people import CONSENT, SCOPES, enrolled, numbers

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(owner: User) -> Client:
    return client_of(owner, SCOPES)


def send(client: Client, method: str, route: str, pk: Any, body: dict[str, Any], *tags: str) -> Any:
    headers = {"If-Match": ", ".join(tags)} if tags else {}
    return getattr(client, method)(reverse(route, args=[pk]), body, content_type="application/json", headers=headers)


def seen(client: Client, person: Person) -> Any:
    return client.get(reverse("faces-person", args=[person.pk])).json()


def tag(client: Client, person: Person) -> str:
    return str(seen(client, person)["etag"])


def test_a_person_is_shown_with_what_is_stored_but_never_an_encoding(client: Client, owner: User) -> None:
    person = enrolled(owner, numbers(1), numbers(2), name="Ann")
    answer = client.get(reverse("faces-person", args=[person.pk]))
    form = WholePersonSerializer(data=answer.json())
    assert form.is_valid(), form.errors
    assert (answer["ETag"], answer["Cache-Control"]) == (answer.json()["etag"], "private, no-cache")
    assert (answer.json()["photos"], len(answer.json()["templates"]), answer.json()["consents"][0]["purpose"]) == (2, 2, "the door")
    assert "sealed" not in answer.content.decode()


def test_people_are_listed_by_page_gallery_and_name(client: Client, owner: User, stranger: User) -> None:
    for name, gallery in (("Ann", "staff"), ("Bob", "staff"), ("Ann", "default")):
        enrolled(owner, numbers(1), name=name, gallery=gallery)
    enrolled(stranger, numbers(1), name="Ann")

    def found(**filters: Any) -> list[tuple[str, str]]:
        answer = client.get(reverse("faces-people"), filters).json()
        assert PeoplePageSerializer(data=answer).is_valid()
        return sorted((person["gallery"], person["name"]) for person in answer["results"])

    assert found() == [("default", "Ann"), ("staff", "Ann"), ("staff", "Bob")]
    assert found(gallery="staff") == [("staff", "Ann"), ("staff", "Bob")]
    assert found(gallery="staff", name="Ann") == [("staff", "Ann")]
    page = client.get(reverse("faces-people"), {"limit": 2}).json()
    assert len(client.get(page["next"]).json()["results"]) == 1
    assert client.get(reverse("faces-people"), {"galery": "staff"}).status_code == 400


def test_galleries_are_listed_with_how_many_people_are_in_them(client: Client, owner: User, stranger: User) -> None:
    ann, twin = enrolled(owner, numbers(1), gallery="staff"), enrolled(owner, numbers(2), gallery="staff")
    enrolled(stranger, numbers(1), gallery="theirs")
    send(client, "post", "faces-merge", ann.pk, {"person": str(twin.pk)}, tag(client, ann), tag(client, twin))
    answer = client.get(reverse("faces-galleries")).json()
    assert [(gallery["name"], gallery["people"]) for gallery in answer["results"]] == [("staff", 1)]


def test_a_name_is_changed_by_whoever_saw_the_person_as_they_are(client: Client, owner: User) -> None:
    person = enrolled(owner, numbers(1), name="Ann")
    old = tag(client, person)
    assert send(client, "patch", "faces-person", person.pk, {"name": "Anna"}, old).json()["name"] == "Anna"
    late = send(client, "patch", "faces-person", person.pk, {"name": "Late"}, old)
    blind = send(client, "patch", "faces-person", person.pk, {"name": "Blind"})
    anyhow = send(client, "patch", "faces-person", person.pk, {"name": "Anyhow"}, "*")
    assert [answer.status_code for answer in (late, blind, anyhow)] == [412, 428, 428]
    assert seen(client, person)["name"] == "Anna"


def test_every_change_of_a_person_changes_the_tag(client: Client, owner: User) -> None:
    person = enrolled(owner, numbers(1))
    tags = [tag(client, person)]
    enrolled(owner, numbers(2), person=person)
    tags.append(tag(client, person))
    send(client, "patch", "faces-person", person.pk, {"name": "Anna"}, tags[-1])
    tags.append(tag(client, person))
    assert len(set(tags)) == 3


def test_a_stale_page_merges_nobody(client: Client, owner: User) -> None:
    ann, bob = enrolled(owner, numbers(1)), enrolled(owner, numbers(2))
    of_ann, of_bob = tag(client, ann), tag(client, bob)
    send(client, "patch", "faces-person", bob.pk, {"name": "somebody else by now"}, of_bob)
    body = {"person": str(bob.pk)}
    assert send(client, "post", "faces-merge", ann.pk, body, of_ann, of_bob).status_code == 412
    assert send(client, "post", "faces-merge", ann.pk, body, of_ann).status_code == 412
    assert send(client, "post", "faces-merge", ann.pk, body).status_code == 428
    assert not Change.objects.exists()


def test_a_merge_is_a_row_and_can_be_taken_back_once(client: Client, owner: User) -> None:
    ann, twin = enrolled(owner, numbers(1)), enrolled(owner, numbers(2))
    merged = send(client, "post", "faces-merge", ann.pk, {"person": str(twin.pk)}, tag(client, ann), tag(client, twin)).json()
    [change] = merged["changes"]
    assert ChangeSerializer(data=change).is_valid() and seen(client, twin)["merged_into"] == str(ann.pk)
    undone = send(client, "post", "faces-undo", change["id"], {}, tag(client, ann), tag(client, twin))
    assert undone.json()["undone_at"] and seen(client, twin)["merged_into"] is None
    again = send(client, "post", "faces-undo", change["id"], {}, tag(client, ann), tag(client, twin))
    assert (again.status_code, again.json()["code"]) == (409, "not_undoable")


@pytest.mark.parametrize("case", ["themselves", "another gallery", "merged already", "another owner's", "nobody"])
def test_what_cannot_be_merged_is_refused(client: Client, owner: User, stranger: User, case: str) -> None:
    ann, bob, carl = (enrolled(owner, numbers(seed)) for seed in (1, 2, 3))
    send(client, "post", "faces-merge", carl.pk, {"person": str(bob.pk)}, tag(client, carl), tag(client, bob))
    other = {
        "themselves": lambda: ann.pk,
        "another gallery": lambda: enrolled(owner, numbers(4), gallery="staff").pk,
        "merged already": lambda: bob.pk,
        "another owner's": lambda: enrolled(stranger, numbers(4)).pk,
        "nobody": uuid4,
    }[case]()
    theirs = Person.objects.filter(pk=other).first()
    tags = [person.tag for person in (Person.objects.get(pk=ann.pk), theirs) if person]
    answer = send(client, "post", "faces-merge", ann.pk, {"person": str(other)}, *tags)
    assert (answer.status_code, answer.json()["code"]) in [(409, "not_mergeable"), (404, "not_found")]
    assert Change.objects.count() == 1


def test_templates_are_split_off_to_somebody_new_with_a_consent_and_a_key_of_their_own(client: Client, owner: User) -> None:
    ann = enrolled(owner, numbers(1), numbers(2))
    moved = seen(client, ann)["templates"][1]["id"]
    body = {"templates": [moved], "name": "Bea", **CONSENT}
    change = send(client, "post", "faces-split", ann.pk, body, tag(client, ann))
    assert change.status_code == 201 and ChangeSerializer(data=change.json()).is_valid()
    bea = Person.objects.get(pk=change.json()["target"])
    template = Template.objects.get(pk=moved)
    assert (bea.name, bea.key == ann.key, template.person, template.key, bea.consents.count()) == ("Bea", False, bea, bea.key, 1)
    assert len(template.encoding(Vault().key(bea.key))) == 512
    assert PersonJob.objects.filter(person=bea, job=template.job).exists()  # erasing her erases the job that shows her
    undone = send(client, "post", "faces-undo", change.json()["id"], {}, tag(client, ann), tag(client, bea))
    assert undone.status_code == 200 and Template.objects.filter(person=ann).count() == 2


def test_all_or_strange_templates_are_not_split_off_and_not_without_consent(client: Client, owner: User) -> None:
    ann, bob = enrolled(owner, numbers(1), numbers(2)), enrolled(owner, numbers(3))
    own = [template["id"] for template in seen(client, ann)["templates"]]
    theirs = seen(client, bob)["templates"][0]["id"]
    for templates in (own, [theirs], [own[0], theirs]):
        answer = send(client, "post", "faces-split", ann.pk, {"templates": templates, "name": "x", **CONSENT}, tag(client, ann))
        assert (answer.status_code, answer.json()["code"]) == (409, "not_splittable")
    without = send(client, "post", "faces-split", ann.pk, {"templates": own[:1], "name": "x"}, tag(client, ann))
    assert (without.status_code, without.json()["code"]) == (400, "consent_needed")
    assert Person.objects.count() == 2 and Consent.objects.count() == 2


def test_a_change_of_erased_people_is_gone(client: Client, owner: User) -> None:
    ann, twin = enrolled(owner, numbers(1)), enrolled(owner, numbers(2))
    merged = send(client, "post", "faces-merge", ann.pk, {"person": str(twin.pk)}, tag(client, ann), tag(client, twin)).json()
    client.delete(reverse("faces-person", args=[ann.pk]))
    assert send(client, "post", "faces-undo", merged["changes"][0]["id"], {}, ann.tag, twin.tag).status_code == 404


@pytest.mark.parametrize("route", ["faces-person", "faces-history", "faces-rejections"])
def test_another_owners_person_is_not_found(owner: User, stranger: User, route: str) -> None:
    person = enrolled(owner, numbers(1))
    assert client_of(stranger, SCOPES).get(reverse(route, args=[person.pk])).status_code == 404


CHANGES = [("patch", "faces-person"), ("post", "faces-merge"), ("post", "faces-split"), ("post", "faces-rejections")]


@pytest.mark.parametrize(("method", "route"), CHANGES)
def test_whoever_may_read_may_not_change(owner: User, method: str, route: str) -> None:
    person = enrolled(owner, numbers(1))
    assert send(client_of(owner, ["faces", "faces:read"]), method, route, person.pk, {}, person.tag).status_code == 403
