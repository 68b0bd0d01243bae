"""The admin: every page opens, whatever is in the tables; what is changed is changed by the engine."""

from __future__ import annotations

import re
from contextlib import closing
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from fitsize import logins
from fitsize.models import ApiKey, Attempt, User
from tasks.admin import COUNTED
from tasks.deaths import Death
from tasks.errors import Code
from tasks.models import IdempotencyKey, Input, Job, Maintenance, Quarantine, SavedFile, State, Worker
from tests.tasks.conftest import wakened
from tests.tasks.jobs import ME, claimed, fresh, submit, upload

__all__ = ["wakened"]
pytestmark = pytest.mark.django_db
MODELS = [model for model in admin.site._registry]  # noqa: C416 (the keys)
PASSWORD, WRONG = "a long enough secret", "wrong"


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root", password=PASSWORD)


@pytest.fixture
def browser(root: User) -> Client:
    client = Client()
    client.force_login(root)
    return client


def staff(*permissions: str) -> Client:
    user = User.objects.create_user("staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def eventful(owner: User) -> Job:
    """A row or more of everything; the job that succeeded."""
    submit(owner, uploads={"file": upload()})
    done = Job.objects.claim("fakes", ME)
    assert done is not None
    saved = SavedFile(name="overlay.jpg", job=done, file="x", content_type="image/jpeg", size=3)
    done.end(State.SUCCEEDED, result={"face": "of somebody"}, files=[saved])
    submit(owner, text="<script>")
    claimed(owner, "die").fail(Code.TIMEOUT, "<script>")
    Quarantine.objects.convict(fresh(done))
    Worker.objects.create(life="a" * 32, name="fakes@here", kind="fakes", pid=1)
    IdempotencyKey.objects.create(owner=owner, route="fakes/echo", key="k", fingerprint="f", job=done)
    Maintenance.objects.create(reason="because")
    ApiKey.objects.issue(owner, "phone", ["faces"])
    return fresh(done)


def address(model: Any, page: str = "changelist", *arguments: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=arguments)


def act(browser: Client, model: Any, action: str, *rows: Any, **more: str) -> str:
    """What the page says after an action."""
    data = {"action": action, "_selected_action": [str(row.pk) for row in rows], **more}
    answer = browser.post(address(model), data, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


# -- pages
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_list_opens_without_rows(browser: Client, model: Any) -> None:
    assert browser.get(address(model)).status_code == 200


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_list_and_every_row_opens(browser: Client, eventful: Job, model: Any) -> None:
    assert browser.get(address(model)).status_code == 200
    for row in model.objects.all():
        answer = browser.get(address(model, "change", row.pk))
        assert answer.status_code == 200
        assert b"<script>\n" not in answer.content


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_nothing_in_a_page_needs_inline_scripts_or_styles(browser: Client, eventful: Job, model: Any) -> None:
    """Under `default-src 'self'` a browser would ignore them."""
    for url in [address(model), *(address(model, "change", row.pk) for row in model.objects.all()[:1])]:
        answer = browser.get(url)
        assert "default-src 'self'" in answer["Content-Security-Policy"]
        page = answer.content.decode()
        assert re.findall(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>|\sstyle=|<style|\son\w+=", page) == []


def test_the_files_that_a_page_asks_for_are_served(browser: Client) -> None:
    page = browser.get(address(Job)).content.decode()
    files = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)
    assert len(files) > 3
    for name in files:
        with closing(Client().get(name)) as answer:
            assert answer.status_code == 200


@pytest.mark.parametrize("model", [Job, Input, Worker, Quarantine, IdempotencyKey], ids=lambda model: model.__name__)
def test_what_the_engine_wrote_is_not_edited_by_hand(browser: Client, eventful: Job, model: Any) -> None:
    row = model.objects.first()
    assert browser.get(address(model, "add")).status_code == 403
    assert browser.post(address(model, "change", row.pk), {"state": "queued"}).status_code == 403
    assert browser.post(address(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert 'value="delete_selected"' not in browser.get(address(model)).content.decode()


def test_nobody_is_shown_anything_without_a_staff_account(eventful: Job, owner: User) -> None:
    visitor, user = Client(), Client()
    user.force_login(owner)
    for client in (visitor, user):
        answer = client.get(address(Job), follow=True)
        assert answer.request["PATH_INFO"] == reverse("admin:login")
    assert Client().get("/admin")["Location"] == "/admin/"


def test_a_staff_account_sees_only_what_it_may(eventful: Job) -> None:
    client = staff("view_worker")
    assert client.get(address(Worker)).status_code == 200
    assert client.get(address(Job)).status_code == 403


def test_a_result_is_shown_to_superusers_alone(browser: Client, eventful: Job) -> None:
    url = address(Job, "change", eventful.pk)
    assert "of somebody" in browser.get(url).content.decode()
    page = staff("view_job", "view_input", "view_savedfile").get(url).content.decode()
    assert "of somebody" not in page
    assert "overlay.jpg" in page
    assert "application/octet-stream" in page


def test_the_list_of_jobs_asks_few_questions_however_many_there_are(browser: Client, owner: User) -> None:
    def asked() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert browser.get(address(Job)).status_code == 200
        return len(captured)

    submit(owner)
    few = asked()
    for _ in range(20):
        submit(owner)
    assert asked() == few < 10


# -- a million rows
def many(owner: User, count: int) -> None:
    now = timezone.now()
    facts = {"owner": owner, "kind": "fakes", "operation": "echo", "deadline_seconds": 60, "model_version": "1"}
    times = {"started_at": now, "finished_at": now, "counted": True}
    Job.objects.bulk_create([Job(pk=uuid4(), state=State.SUCCEEDED, **facts, **times) for _ in range(count)])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def plans(statements: list[dict[str, str]]) -> list[str]:
    found = []
    explain = "EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN "
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":  # of a table as small as this it would read the whole
            cursor.execute("SET LOCAL enable_seqscan = off")
        for statement in statements:
            cursor.execute(explain + statement["sql"].replace("%", "%%"), ())
            found.append(statement["sql"] + "\n" + "\n".join(str(row[-1]) for row in cursor.fetchall()))
    return found


INDICES = [
    ("", "job_newest"),
    ("state=failed", "job_failed"),
    ("state=expired", "job_expired"),
    ("state=canceled", "job_canceled"),
    ("state=queued", "job_queued"),
    ("q=owner", "job_of_owner"),
    ("created_at__gte=2100-01-01 00:00:00%2B00:00", "job_newest"),
]


@pytest.mark.parametrize(("query", "index"), INDICES)
def test_the_list_of_jobs_never_reads_or_sorts_them_all(browser: Client, owner: User, query: str, index: str) -> None:
    many(owner, 1000)
    with CaptureQueriesContext(connection) as captured:
        assert browser.get(f"{address(Job)}?{query}").status_code == 200
    of_jobs = [query for query in captured.captured_queries if '"tasks_job"' in query["sql"]]
    assert of_jobs
    assert connection.vendor != "sqlite" or any(index in plan for plan in plans(of_jobs))
    for plan in plans(of_jobs):
        limited = "LIMIT 1000" in plan or "job_queued" in plan  # a count that ends at its cap, or what waits
        assert limited or "USE TEMP B-TREE FOR ORDER BY" not in plan, plan
        assert limited or not re.search(r"SCAN tasks_job$|Seq Scan on tasks_job", plan, re.MULTILINE), plan


def test_a_count_ends_at_its_cap(browser: Client, owner: User) -> None:
    many(owner, COUNTED + 1)
    page = browser.get(address(Job)).content.decode()
    assert f"{COUNTED} jobs" in page


def test_a_search_is_for_a_whole_id_or_a_whole_name(browser: Client, eventful: Job) -> None:
    def found(term: str) -> int:
        return len(browser.get(address(Job), {"q": term}).context["cl"].result_list)

    assert (found(str(eventful.pk)), found("owner"), found("own"), found(str(uuid4())), found("%")) == (1, 3, 0, 0, 0)
    assert len(browser.get(address(Input), {"q": str(eventful.pk)}).context["cl"].result_list) == 1


# -- what the engine can do
def test_jobs_are_retried_and_refusals_are_told(browser: Client, owner: User, wakened: list[str], eventful: Job) -> None:
    failed = Job.objects.get(state=State.FAILED)
    page = act(browser, Job, "retry", failed, eventful)
    assert (fresh(failed).state, fresh(eventful).state) == (State.QUEUED, State.SUCCEEDED)
    assert "Retried: 1" in page
    assert f"ob {eventful.pk}: The job cannot be run again" in page
    assert "retried" in browser.get(address(Job, "history", failed.pk)).content.decode()


def test_jobs_are_canceled(browser: Client, owner: User, eventful: Job) -> None:
    queued, running = submit(owner), claimed(owner)
    page = act(browser, Job, "cancel", *Job.objects.all())
    assert fresh(queued).state == State.CANCELED
    assert fresh(running).cancel_requested or fresh(queued).cancel_requested
    assert f"ob {eventful.pk}: it has ended" in page


def test_jobs_are_erased_after_a_question(browser: Client, eventful: Job) -> None:
    question = act(browser, Job, "erase", eventful)
    assert str(eventful.pk) in question
    assert fresh(eventful).erased_at is None
    assert "Erased: 1" in act(browser, Job, "erase", eventful, confirmed="yes")
    assert (fresh(eventful).result, fresh(eventful).erased_at is not None) == (None, True)


def test_who_may_only_look_can_do_nothing(eventful: Job) -> None:
    client, failed = staff("view_job", "view_quarantine"), Job.objects.get(state=State.FAILED)
    for model, action, row in ((Job, "retry", failed), (Job, "erase", failed), (Quarantine, "release", Quarantine.objects.get())):
        act(client, model, action, row, confirmed="yes")
    assert (fresh(failed).state, fresh(failed).erased_at, Quarantine.objects.count()) == (State.FAILED, None, 1)


def test_a_quarantine_is_released(browser: Client, owner: User) -> None:
    job = claimed(owner, "die")
    for _ in range(3):
        fresh(job).settle(Death("SIGABRT"))
        Job.objects.claim("fakes", ME)
    assert "Released: 1" in act(browser, Quarantine, "release", Quarantine.objects.get())
    assert submit(owner, "die").state == State.QUEUED


def test_maintenance_is_switched_on_once_and_off(browser: Client) -> None:
    add = address(Maintenance, "add")
    assert browser.post(add, {"reason": "Back at ten."}).status_code == 302
    assert browser.post(add, {"reason": "Again"}).status_code == 403
    row = Maintenance.objects.get()
    assert browser.post(address(Maintenance, "delete", row.pk), {"post": "yes"}).status_code == 302
    assert Maintenance.objects.count() == 0


# -- keys
def test_a_key_is_issued_and_shown_once(browser: Client, owner: User) -> None:
    facts = {"owner": owner.pk, "name": "phone", "scopes": ["faces"], "rate": 5, "queued": 7}
    page = browser.post(address(ApiKey, "add"), facts)
    key = ApiKey.objects.get()
    [secret] = re.findall(r"fitsize_[\w-]{43}", page.content.decode())
    assert (key.owner, key.name, key.scopes, key.rate, key.queued) == (owner, "phone", ["faces"], 5, 7)
    assert Client(headers={"authorization": f"Bearer {secret}"}).get("/api/v1/jobs").status_code == 200
    assert page["Cache-Control"] and "no-store" in page["Cache-Control"]
    after = browser.get(address(ApiKey)).content.decode() + browser.get(address(ApiKey, "change", key.pk)).content.decode()
    assert secret not in after
    assert key.hash not in after


def test_a_keys_rights_are_changed_and_nothing_else(browser: Client, owner: User) -> None:
    key, _ = ApiKey.objects.issue(owner, "phone", ["faces"])
    facts = {"owner": 0, "name": "other", "hash": "0", "scopes": ["faces", "operator"], "rate": 1, "queued": 2}
    assert browser.post(address(ApiKey, "change", key.pk), facts).status_code == 302
    now = ApiKey.objects.get()
    assert (now.scopes, now.rate, now.queued) == (["faces", "operator"], 1, 2)
    assert (now.owner, now.name, now.hash) == (owner, "phone", key.hash)


def test_a_key_is_revoked(browser: Client, owner: User) -> None:
    key, secret = ApiKey.objects.issue(owner, "phone", ["faces"])
    assert "Revoked: 1" in act(browser, ApiKey, "revoke", key)
    assert Client(headers={"authorization": f"Bearer {secret}"}).get("/api/v1/jobs").status_code == 401


# -- people
def test_only_a_superuser_gives_rights(root: User) -> None:
    client, user = staff("view_user", "change_user"), User.objects.get(username="staff")
    facts = {
        "username": "staff",
        "is_superuser": "on",
        "is_staff": "on",
        "is_active": "on",
        "date_joined_0": "2026-01-01",
        "date_joined_1": "00:00",
    }
    client.post(address(User, "change", user.pk), facts)
    assert User.objects.get(pk=user.pk).is_superuser is False
    assert client.post(address(User, "change", root.pk), facts).status_code == 403
    assert client.post(f"/admin/fitsize/user/{root.pk}/password/", {"password1": "x", "password2": "x"}).status_code == 403


def log_in(password: str = WRONG, address: str = "192.0.2.1") -> bool:
    answer = Client(REMOTE_ADDR=address).post(reverse("admin:login"), {"username": "root", "password": password})
    return answer.status_code == 302


def test_a_password_opens_the_admin_and_the_cookies_are_careful(root: User) -> None:
    client = Client()
    answer = client.post(reverse("admin:login"), {"username": "root", "password": PASSWORD})
    assert answer.status_code == 302
    for name in ("sessionid", "csrftoken"):
        assert (client.cookies[name]["httponly"], client.cookies[name]["samesite"]) == (True, "Lax")


def test_a_network_that_fails_too_often_is_not_heard_for_a_while(root: User) -> None:
    for _ in range(10):
        assert not log_in()
    assert not log_in(password=PASSWORD)
    assert log_in(password=PASSWORD, address="192.0.2.2")
    Attempt.objects.update(at=timezone.now() - timedelta(minutes=16))
    assert log_in(password=PASSWORD)


def test_an_account_is_not_guessed_from_many_networks(root: User) -> None:
    for number in range(50):
        log_in(address=f"198.51.100.{number}")
    assert not log_in(password=PASSWORD, address="203.0.113.1")


def test_a_network_of_ipv6_is_its_first_half() -> None:
    assert logins.network_of("2001:db8:1:2:3:4:5:6") == logins.network_of("2001:db8:1:2::1") == "2001:db8:1:2::"
    assert (logins.network_of("::ffff:192.0.2.1"), logins.network_of("")) == ("192.0.2.1", "")


def test_one_password_is_looked_at_at_a_time(root: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logins, "PATIENCE_SECONDS", 0)
    with logins.hashing:
        assert not log_in(password=PASSWORD)
    assert Attempt.objects.count() == 0
    assert log_in(password=PASSWORD)


def test_a_success_forgets_the_failures(root: User) -> None:
    for _ in range(9):
        log_in()
    assert log_in(password=PASSWORD)
    assert Attempt.objects.count() == 0


def test_a_form_without_its_token_is_refused(browser: Client, root: User, eventful: Job) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(root)
    assert client.post(address(Job), {"action": "erase", "_selected_action": str(eventful.pk), "confirmed": "yes"}).status_code == 403


def test_requests_of_the_api_have_no_session(client: Client, browser: Client) -> None:
    answer = client.get("/api/v1/jobs")
    assert not hasattr(answer.wsgi_request, "session")
    assert answer.cookies == {}
    assert browser.get("/api/v1/jobs").status_code == 401
