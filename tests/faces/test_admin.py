"""People in the admin: looked at, never changed there, and no template is shown."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from faces import changes
from faces.models import Gallery, Person, Template
from fitsize.models import User
from tests.faces.people import anybody, enrolled, numbers
from tests.test_admin import address, staff

pytestmark = pytest.mark.django_db
MODELS = [Gallery, Person]


@pytest.fixture
def browser(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root", password="a long enough secret"))
    return client


@pytest.fixture
def ann(owner: User) -> Person:
    return enrolled(owner, numbers(1), numbers(2), name="member-4711", gallery="staff")


def test_people_are_listed_with_counts_consent_and_last_contact(browser: Client, owner: User, ann: Person) -> None:
    changes.merge(enrolled(owner, numbers(3), gallery="staff"), ann, None, anybody)
    [gallery] = browser.get(address(Gallery)).context["cl"].result_list
    assert (gallery.name, gallery.count) == ("staff", 1)
    page = browser.get(address(Person))
    assert {person.pk: person.count for person in page.context["cl"].result_list}[ann.pk] == 2
    for word in ("member-4711", "staff", "owner", "the door", "field-last_contact_at"):
        assert word in page.content.decode()
    assert "I agree." in browser.get(address(Person, "change", ann.pk)).content.decode()


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_row_opens_and_no_page_shows_or_reads_a_template(browser: Client, ann: Person, model: Any) -> None:
    template, row = Template.objects.first(), model.objects.get()
    assert template is not None
    for url in (address(model), address(model, "change", row.pk), address(model, "history", row.pk)):
        with CaptureQueriesContext(connection) as captured:
            answer = browser.get(url)
        assert answer.status_code == 200 and str(template.pk) not in answer.content.decode()
        assert not any("sealed" in query["sql"] for query in captured.captured_queries)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_nothing_is_added_changed_or_deleted_by_hand(browser: Client, ann: Person, model: Any) -> None:
    row = model.objects.get()
    assert browser.get(address(model, "add")).status_code == 403
    assert browser.post(address(model, "change", row.pk), {"name": "other"}).status_code == 403
    assert browser.post(address(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    marked = {"action": "delete_selected", "_selected_action": str(row.pk), "post": "yes"}
    browser.post(address(model), marked)
    assert 'value="delete_selected"' not in browser.get(address(model)).content.decode()
    assert model.objects.get().name == row.name


def test_no_other_table_of_people_has_a_page() -> None:
    assert {model for model in admin.site._registry if model._meta.app_label == "faces"} == {*MODELS}


def test_it_takes_a_right_to_look_at_people(ann: Person) -> None:
    client = staff("view_gallery")
    assert client.get(address(Gallery)).status_code == 200
    assert client.get(address(Person)).status_code == 403
    assert Client().get(reverse("admin:faces_person_changelist")).status_code == 302


def test_a_search_is_for_a_whole_id_or_a_whole_owners_name(browser: Client, ann: Person) -> None:
    def found(model: Any, term: str) -> int:
        return len(browser.get(address(model), {"q": term}).context["cl"].result_list)

    assert [found(Person, term) for term in (str(ann.pk), "owner", "own", "member")] == [1, 1, 0, 0]
    assert [found(Gallery, term) for term in (str(ann.gallery_id), "owner", "own")] == [1, 1, 0]
