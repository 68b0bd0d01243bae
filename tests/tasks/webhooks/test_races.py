"""An endpoint that is deleted in the very moment in which a job ends."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connection, transaction

from fitsize.models import User
from tasks.models import Delivery, State, WebhookEndpoint
from tests.stack import eventually
from tests.tasks.jobs import claimed, fresh

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time"),
]


def waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


def meanwhile(act: Callable[[], object]) -> tuple[threading.Thread, list[Exception]]:
    """Begun by another process, and waiting for this one's transaction."""
    raised: list[Exception] = []

    def run() -> None:
        try:
            act()
        except Exception as error:
            raised.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    eventually(waits_for_a_lock)
    return thread, raised


def test_who_deletes_an_endpoint_waits_for_the_end_and_cancels_its_news(owner: User) -> None:
    job = claimed(owner, callback_url="https://example.com/")
    with transaction.atomic():
        job.end(State.SUCCEEDED, result={})
        thread, raised = meanwhile(WebhookEndpoint.objects.get().forget)
    thread.join()
    assert (raised, WebhookEndpoint.objects.count()) == ([], 0)
    assert [(delivery.state, delivery.endpoint) for delivery in Delivery.objects.all()] == [("canceled", None)]


def test_who_ends_a_job_waits_for_the_deletion_and_tells_nobody(owner: User) -> None:
    job = claimed(owner, callback_url="https://example.com/")
    with transaction.atomic():
        WebhookEndpoint.objects.get().forget()
        thread, raised = meanwhile(lambda: job.end(State.SUCCEEDED, result={}))
    thread.join()
    assert (raised, fresh(job).state, Delivery.objects.count()) == ([], State.SUCCEEDED, 0)
