"""What `manage.py check` says about people."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Tags, register

OFF = "Searching a gallery for a face is off."
WHY = (
    "To find out who somebody is, is another thing than to check that somebody is who he says (EU AI Act, Annex III 1(a); GDPR, "
    "article 9): set FACES_IDENTIFY=true and say in FACES_IDENTIFY_PURPOSE what for, if you may."
)


@register(Tags.security)
def identification(app_configs: Any, **_: Any) -> list[CheckMessage]:
    if settings.FACES_IDENTIFY and not settings.FACES_IDENTIFY_PURPOSE:
        hint = "Set FACES_IDENTIFY_PURPOSE: it is shown to the people who are searched. " + WHY
        return [Error("FACES_IDENTIFY is set without a purpose, so identify stays off.", hint=hint, id="faces.E001")]
    return []


@register(Tags.security, deploy=True)
def for_the_open_net(app_configs: Any, **_: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if not settings.FACES_IDENTIFY:
        found.append(Info(OFF, hint=WHY, id="faces.I001"))
    return found
