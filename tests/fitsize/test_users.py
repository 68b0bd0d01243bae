"""Accounts, logins and their tokens."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from django.contrib.auth.hashers import BCryptSHA256PasswordHasher, make_password
from django.core.checks import run_checks
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from fitsize import checks, logins
from fitsize.hashers import BcryptHasher
from fitsize.models import ApiKey, Attempt, LoginToken, User, fingerprint
from tasks.kinds import kinds
from tasks.models import Job

pytestmark = pytest.mark.django_db
PASSWORD = "a meadow of clocks"
ANN = {"username": "ann", "password": PASSWORD}


@pytest.fixture
def ann() -> User:
    return User.objects.create_user("ann", password=PASSWORD)


def post(name: str, body: dict[str, Any], address: str = "192.0.2.1", token: str = "") -> Any:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return Client(REMOTE_ADDR=address, headers=headers).post(reverse(name), body, content_type="application/json")


def token_of(answer: Any) -> str:
    assert answer.status_code == 200, answer.content
    return str(answer.json()["token"])


def look(token: str) -> int:
    return Client(headers={"authorization": f"Bearer {token}"}).get("/api/v1/jobs").status_code


def test_a_registered_person_logs_in_submits_and_logs_out(settings: Any) -> None:
    settings.REGISTRATION = True
    assert post("register", ANN).status_code == 201
    token = token_of(post("login", ANN))
    made = Client(headers={"authorization": f"Bearer {token}"}).post("/api/v1/fakes/echo", {}, content_type="application/json")
    assert made.status_code == 202
    assert Job.objects.get().owner.username == "ann"
    assert post("logout", {}, token=token).status_code == 204
    assert look(token) == 401


def test_nobody_registers_unless_it_is_allowed() -> None:
    refused = post("register", ANN)
    assert (refused.status_code, refused.json()["code"], User.objects.count()) == (403, "registration_closed", 0)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"username": "ann", "password": "short"}, "password"),
        ({"username": "ann", "password": "password1234"}, "password"),
        ({"username": "anna.karenina", "password": "anna.karenina1"}, "password"),
        ({"username": "a b", "password": PASSWORD}, "username"),
        ({"username": "Taken", "password": PASSWORD}, "username"),
        ({"username": "ann", "password": PASSWORD, "email": "nowhere"}, "email"),
        ({"username": "ann", "password": PASSWORD, "is_staff": True}, "is_staff"),
        ({"username": "ann", "password": "\ud800 half a character"}, "password"),
        ({"username": "ann"}, "password"),
    ],
)
def test_what_cannot_be_an_account_is_refused_by_its_field(settings: Any, body: dict[str, Any], field: str) -> None:
    settings.REGISTRATION = True
    User.objects.create_user("taken")
    refused = post("register", body)
    assert (refused.status_code, [error["field"] for error in refused.json()["errors"]]) == (400, [field])


def test_a_token_is_stored_hashed_and_shown_to_no_cache(ann: User) -> None:
    answer = post("login", ANN)
    token = token_of(answer)
    assert answer["Cache-Control"] == "no-store"
    row = LoginToken.objects.get()
    assert (row.hash, token in str(vars(row)), row.key.owner) == (fingerprint(token), False, ann)


@pytest.mark.parametrize("body", [{**ANN, "password": "wrong"}, {"username": "nobody", "password": PASSWORD}])
def test_a_wrong_name_and_a_wrong_password_are_one_answer(ann: User, body: dict[str, Any]) -> None:
    refused = post("login", body)
    assert (refused.status_code, refused.json()["code"]) == (401, "wrong_login")
    assert refused["WWW-Authenticate"] == 'Bearer realm="fitsize"'
    assert Attempt.objects.get().account == body["username"]


def test_who_is_not_active_does_not_log_in_and_has_no_living_token(ann: User) -> None:
    token = token_of(post("login", ANN))
    User.objects.update(is_active=False)
    assert (look(token), post("login", ANN).json()["code"]) == (401, "wrong_login")


def hashed_while(monkeypatch: pytest.MonkeyPatch, body: dict[str, Any]) -> list[int]:
    """The rounds of each bcrypt that a login costs."""
    rounds: list[int] = []
    plain = bcrypt.hashpw

    def counted(password: bytes, salt: bytes) -> bytes:
        rounds.append(int(salt.split(b"$")[2]))
        return plain(password, salt)

    monkeypatch.setattr(bcrypt, "hashpw", counted)
    post("login", body)
    monkeypatch.undo()
    return rounds


def test_an_unknown_name_costs_as_much_as_a_wrong_password(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    User.objects.create(username="without", password=make_password(None))
    User.objects.create_user("shut out", password=PASSWORD, is_active=False)
    names = ["ann", "nobody", "without", "shut out"]
    costs = [hashed_while(monkeypatch, {"username": name, "password": "wrong"}) for name in names]
    assert costs == [[4]] * len(names)


def test_a_hash_of_the_old_rounds_is_accepted_and_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    old = BCryptSHA256PasswordHasher()
    old.rounds = 4
    hashed = old.encode(PASSWORD, bcrypt.gensalt(4))  # type: ignore[arg-type]  # bytes: the stubs know hashers of one kind
    User.objects.create(username="ann", password=hashed)
    monkeypatch.setattr(BcryptHasher, "rounds", 5)
    token = token_of(post("login", ANN))
    assert "$05$" in User.objects.get().password
    assert (look(token), token_of(post("login", ANN)) != token) == (200, True)


def test_a_wrong_password_for_an_old_hash_takes_as_long_as_for_a_new_one(monkeypatch: pytest.MonkeyPatch, ann: User) -> None:
    monkeypatch.setattr(BcryptHasher, "rounds", 6)
    assert sum(2**rounds for rounds in hashed_while(monkeypatch, {**ANN, "password": "wrong"})) == 2**6


def test_too_many_failures_are_refused_before_anything_is_hashed(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(10):
        post("login", {**ANN, "password": "wrong"})
    assert hashed_while(monkeypatch, ANN) == []
    refused = post("login", ANN)
    assert (refused.status_code, refused.json()["code"], refused["Retry-After"]) == (429, "too_many_attempts", "60")
    assert post("login", ANN, address="192.0.2.2").status_code == 200


def test_a_network_makes_so_many_accounts_and_no_more_and_may_still_log_in(settings: Any, ann: User) -> None:
    settings.REGISTRATION = True
    made = [post("register", {"username": f"person{number}", "password": PASSWORD}).status_code for number in range(21)]
    assert made == [201] * 20 + [429]
    assert post("login", ANN).status_code == 200


def test_which_names_are_taken_is_not_told_without_end(settings: Any, ann: User) -> None:
    settings.REGISTRATION = True
    assert [post("register", ANN).status_code for _ in range(21)] == [400] * 20 + [429]


def test_while_others_are_looked_at_one_is_asked_to_come_again(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logins, "PATIENCE_SECONDS", 0)
    with logins.one_at_a_time():
        refused = post("login", ANN)
    assert (refused.status_code, refused["Retry-After"], Attempt.objects.count()) == (503, "1", 0)


def test_a_token_ends_by_itself_and_its_row_goes_with_the_next_login(ann: User, settings: Any) -> None:
    settings.TOKEN_HOURS = 2
    token = token_of(post("login", ANN))
    left = LoginToken.objects.get().expires_at - timezone.now()
    assert timedelta(hours=1.9) < left <= timedelta(hours=2)
    LoginToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert look(token) == 401
    post("login", ANN)
    assert not LoginToken.objects.filter(hash=fingerprint(token)).exists()


def test_a_new_password_ends_every_login(ann: User) -> None:
    token = token_of(post("login", ANN))
    ann.set_password("another meadow of clocks")
    ann.save()
    assert look(token) == 401


def test_a_hash_that_is_made_anew_at_a_login_ends_no_other_login(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    token = token_of(post("login", ANN))
    monkeypatch.setattr(BcryptHasher, "rounds", 5)
    post("login", ANN)
    assert ("$05$" in User.objects.get().password, look(token)) == (True, 200)


def test_a_name_may_be_written_with_letters_of_another_form(settings: Any) -> None:
    settings.REGISTRATION = True
    apart = {"username": "a\u030asa", "password": PASSWORD}  # a and a ring, as some keyboards send it
    assert post("register", apart).json()["username"] == "\u00e5sa"
    assert [post("login", {**apart, "username": name}).status_code for name in ("a\u030asa", "\u00e5sa")] == [200, 200]


def test_nobody_registers_as_the_old_clients(settings: Any) -> None:
    settings.REGISTRATION = True
    assert post("register", {**ANN, "username": settings.LEGACY_ACCOUNT.upper()}).status_code == 400


def test_logins_of_a_person_share_one_key_and_its_limits(ann: User) -> None:
    tokens = [token_of(post("login", ANN)) for _ in range(3)]
    key = ApiKey.objects.get()
    assert (key.scopes, key.owner, key.rate) == (list(kinds()), ann, 600)
    assert [look(token) for token in tokens] == [200] * 3
    ApiKey.objects.update(revoked_at=timezone.now())
    assert ([look(token) for token in tokens], post("login", ANN).status_code) == ([401] * 3, 403)


def test_a_person_has_so_many_logins_and_the_oldest_end(ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fitsize.models.MOST_LOGINS", 2)
    tokens = [token_of(post("login", ANN)) for _ in range(3)]
    assert [look(token) for token in tokens] == [401, 200, 200]


def test_a_key_is_no_login_to_end(client: Client) -> None:
    assert client.post(reverse("logout")).status_code == 403


def test_a_request_with_a_token_costs_one_statement_more_than_none(ann: User, django_assert_num_queries: Any) -> None:
    token = token_of(post("login", ANN))
    look(token)  # notes the use of the key
    with django_assert_num_queries(2):  # the look-up, the list
        look(token)


def test_few_rounds_are_refused_by_the_check(settings: Any) -> None:
    settings.SILENCED_SYSTEM_CHECKS = []
    assert [found.id for found in run_checks() if found.is_serious()] == ["fitsize.E001"]
    settings.BCRYPT_ROUNDS = checks.FEWEST_ROUNDS
    assert [found.id for found in run_checks() if found.is_serious()] == []


@pytest.mark.parametrize(("name", "value"), [("BCRYPT_ROUNDS", "3"), ("BCRYPT_ROUNDS", "31"), ("TOKEN_HOURS", "0")])
def test_a_wrong_setting_stops_the_program_with_its_name(tmp_path: Path, name: str, value: str) -> None:
    environment = {**os.environ, "FITSIZE_DATA": str(tmp_path), name: value}
    done = subprocess.run([sys.executable, "-c", "import fitsize.settings"], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, name in done.stderr.splitlines()[-1]) == (1, True)
