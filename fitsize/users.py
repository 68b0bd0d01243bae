"""People who register, log in and out: a login is paid for with bcrypt once, and yields a token that is a way to be a user like a key."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import update_last_login
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError as Refusals
from django.db import IntegrityError, transaction
from django.urls import path
from django.utils.translation import gettext
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from fitsize.authentication import REALM, bearer
from fitsize.logins import Busy, LimitedBackend, TooManyAttempts, network_of_client, one_at_a_time
from fitsize.models import ApiKey, Attempt, LoginToken, User, fingerprint
from tasks.clock import timestamp
from tasks.errors import Code
from tasks.health import OpenView
from tasks.openapi.descriptions import Answer, Description
from tasks.problems import Problem, Unavailable
from tasks.serializers import StrictSerializer

LONGEST_PASSWORD = 1000
TAG = "users"
NO_STORE = {"Cache-Control": "no-store"}


class NameField(serializers.CharField):
    """As names are stored: one letter may be written in several ways, and keyboards differ."""

    def to_internal_value(self, data: Any) -> str:
        return User.normalize_username(super().to_internal_value(data))


class LoginSerializer(StrictSerializer):
    username = NameField(max_length=150)
    password = serializers.CharField(max_length=LONGEST_PASSWORD, trim_whitespace=False)
    example: ClassVar = {"username": "ann", "password": "correct horse battery"}


class RegisterSerializer(LoginSerializer):
    username = NameField(max_length=150, validators=[UnicodeUsernameValidator()])
    email = serializers.EmailField(max_length=254, required=False)

    def validate_username(self, name: str) -> str:
        """Also of another case: people could not tell them apart. The old clients' account may not be there yet."""
        if name.casefold() == settings.LEGACY_ACCOUNT.casefold() or User.objects.filter(username__iexact=name).exists():
            raise taken()
        return name

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        try:
            validate_password(attrs["password"], User(username=attrs["username"], email=attrs.get("email", "")))
        except Refusals as refused:
            raise serializers.ValidationError({"password": refused.messages}) from None
        return attrs


class UserSerializer(serializers.Serializer[Any]):
    username = serializers.CharField()


class TokenSerializer(UserSerializer):
    token = serializers.CharField(help_text="For `Authorization: Bearer ...`, as an API key.")
    expires_at = serializers.DateTimeField()


REGISTER = Description(
    name="register",
    tag=TAG,
    summary="Make an account",
    request=RegisterSerializer,
    answers={201: Answer("It may log in.", UserSerializer, ("Cache-Control",))},
    codes=(Code.REGISTRATION_CLOSED, Code.TOO_MANY_ATTEMPTS),
)
LOGIN = Description(
    name="login",
    tag=TAG,
    summary="Log in",
    request=LoginSerializer,
    answers={200: Answer("A token, which is a key for some hours.", TokenSerializer, ("Cache-Control",))},
    codes=(Code.WRONG_LOGIN, Code.FORBIDDEN, Code.TOO_MANY_ATTEMPTS),
)
LOGOUT = Description(
    name="logout",
    tag=TAG,
    summary="Log out",
    answers={204: Answer("The token that was sent opens nothing any more.")},
    codes=(Code.FORBIDDEN,),
)


class RegisterView(OpenView):
    descriptions = {"POST": REGISTER}

    def post(self, request: Request) -> Response:
        if not settings.REGISTRATION:
            raise Problem(Code.REGISTRATION_CLOSED)
        network = network_of_client(request)
        if not Attempt.objects.admit_registration(network):
            raise too_many()
        Attempt.objects.note(Attempt.What.REGISTRATION, "", network)  # refused ones count: they say which names are taken
        form = RegisterSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        return Response({"username": registered(form.validated_data).username}, 201, headers=NO_STORE)


class LoginView(OpenView):
    descriptions = {"POST": LOGIN}

    def post(self, request: Request) -> Response:
        form = LoginSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        user = user_of(request, form.validated_data)
        with transaction.atomic():
            key = ApiKey.objects.of_logins(user)
            if key.revoked_at:
                raise PermissionDenied(gettext("Logins of this account were shut off."))
            token, secret = LoginToken.objects.issue(key)
            update_last_login(User, user)
        said = {"username": user.username, "token": secret, "expires_at": timestamp(token.expires_at)}
        return Response(said, headers=NO_STORE)


class LogoutView(APIView):
    descriptions: ClassVar = {"POST": LOGOUT}

    def post(self, request: Request) -> Response:
        ended, _ = LoginToken.objects.filter(hash=fingerprint(bearer(request))).delete()
        if not ended:
            raise PermissionDenied(gettext("This is an API key and no login: keys are revoked by an operator."))
        return Response(status=204)


def user_of(request: Request, given: dict[str, Any]) -> User:
    """Whose name and password these are. Raises Problem."""
    try:
        user = LimitedBackend().authenticate(request, given["username"], given["password"])
    except TooManyAttempts:
        raise too_many() from None
    except Busy:
        raise busy() from None
    if user is None:
        raise wrong_login()
    return user


def registered(given: dict[str, Any]) -> User:
    """Raises Problem where too many passwords are hashed already, ValidationError where another request took the name first."""
    try:
        with one_at_a_time():
            return User.objects.create_user(given["username"], given.get("email"), given["password"])
    except Busy:
        raise busy() from None
    except IntegrityError:
        raise serializers.ValidationError({"username": taken().detail}) from None


def taken() -> serializers.ValidationError:
    return serializers.ValidationError(gettext("This name is taken."))


def wrong_login() -> Problem:
    problem = Problem(Code.WRONG_LOGIN)
    problem.auth_header = REALM
    return problem


def too_many() -> Problem:
    problem = Problem(Code.TOO_MANY_ATTEMPTS)
    problem.wait = 60
    return problem


def busy() -> Problem:
    problem = Unavailable()
    problem.wait = 1
    return problem


urlpatterns = [
    path("users/register", RegisterView.as_view(), name="register"),
    path("users/login", LoginView.as_view(), name="login"),
    path("users/logout", LogoutView.as_view(), name="logout"),
]
