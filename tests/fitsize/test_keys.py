from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from fitsize.models import ApiKey, User, fingerprint
from tests.conftest import client_of

pytestmark = pytest.mark.django_db


def command(*arguments: str) -> str:
    output = io.StringIO()
    call_command("apikey", *arguments, stdout=output)
    return output.getvalue().strip()


def test_a_key_is_shown_once_and_stored_hashed() -> None:
    secret = command("create", "--user", "ann", "--name", "phone")
    key = ApiKey.objects.get()
    assert (key.hash, key.owner.username, key.name) == (fingerprint(secret), "ann", "phone")
    assert secret not in str(vars(key))
    assert secret not in command("list")


def test_a_new_key_opens_the_api() -> None:
    secret = command("create")
    assert Client(headers={"authorization": f"Bearer {secret}"}).get("/api/v1/jobs").status_code == 200


def test_a_key_has_every_kind_unless_scopes_are_named() -> None:
    command("create")
    command("create", "--scope", "faces", "--scope", "operator")
    assert [key.scopes for key in ApiKey.objects.order_by("pk")] == [["keypoints", "faces", "diarization", "fakes"], ["faces", "operator"]]


def test_all_scopes_are_those_of_every_kind_but_not_the_operators() -> None:
    command("create", "--scope", "all")
    scopes = ApiKey.objects.get().scopes
    assert {"faces", "faces:read", "faces:write", "keypoints"} <= set(scopes) and "operator" not in scopes


def test_an_unknown_scope_is_refused_with_those_there_are() -> None:
    with pytest.raises(CommandError, match="keypoints, faces"):
        command("create", "--scope", "shoes")


def test_a_revoked_key_opens_nothing_more() -> None:
    secret = command("create")
    assert command("revoke", secret[:14]) == "revoked"
    assert Client(headers={"authorization": f"Bearer {secret}"}).get("/api/v1/jobs").status_code == 401
    assert "revoked" in command("list")
    with pytest.raises(CommandError, match="no active key"):
        command("revoke", secret[:14])


def test_the_last_use_is_noted_at_most_once_a_minute(owner: User) -> None:
    client = client_of(owner)
    client.get("/api/v1/jobs")
    first = ApiKey.objects.get().last_used_at
    client.get("/api/v1/jobs")
    assert ApiKey.objects.get().last_used_at == first
    ApiKey.objects.update(last_used_at=timezone.now() - timedelta(minutes=2))
    client.get("/api/v1/jobs")
    last = ApiKey.objects.get().last_used_at
    assert first and last and last >= first


def test_the_key_of_a_disabled_user_opens_nothing(owner: User) -> None:
    client = client_of(owner)
    User.objects.update(is_active=False)
    assert client.get("/api/v1/jobs").status_code == 401
