"""`manage.py apikey create|list|revoke`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from fitsize.models import OPERATOR, ApiKey, User
from tasks.kinds import kinds
from tasks.kinds import scopes as all_scopes

MOST = 1_000_000


class Command(BaseCommand):
    help = "Create, list and revoke API keys. A key is shown once, when it is made."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        create = actions.add_parser("create", help="make a key and show it")
        create.add_argument("--user", default="owner", help="whose key it is; the user is made if there is none")
        create.add_argument("--name", default="default", help="what the key is for")
        known = ", ".join([*all_scopes(), OPERATOR])
        create.add_argument("--scope", action="append", help=f"one of {known}; may be repeated; default: every kind")
        create.add_argument("--rate", type=limit, help="submits a minute, 0 for any number; default: KEY_RATE")
        create.add_argument("--queued", type=limit, help="jobs that may wait at a time, 0 for any number; default: KEY_QUEUED")
        listing = actions.add_parser("list", help="list keys")
        listing.add_argument("--user")
        revoke = actions.add_parser("revoke", help="revoke a key")
        revoke.add_argument("start", help="how the key begins, as 'list' shows it")

    def handle(self, *args: Any, **options: Any) -> None:
        getattr(self, options["action"])(options)

    def create(self, options: dict[str, Any]) -> None:
        known = [*all_scopes(), OPERATOR]
        scopes = options["scope"] or list(kinds())
        if unknown := [scope for scope in scopes if scope not in known]:
            raise CommandError(f"unknown scope {', '.join(unknown)}; there are {', '.join(known)}")
        owner, made = User.objects.get_or_create(username=options["user"])
        if made:
            owner.set_unusable_password()
            owner.save(update_fields=["password"])
        _, secret = ApiKey.objects.issue(owner, options["name"], scopes, options["rate"], options["queued"])
        self.stdout.write(secret)

    def list(self, options: dict[str, Any]) -> None:
        keys = ApiKey.objects.select_related("owner").order_by("created_at")
        if options["user"]:
            keys = keys.filter(owner__username=options["user"])
        for key in keys:
            used = f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never"
            state = "revoked" if key.revoked_at else "active"
            limits = f"{key.rate}/min  {key.queued} queued"
            self.stdout.write(f"{key.start}  {key.owner.username}  {key.name}  {','.join(key.scopes)}  {limits}  used {used}  {state}")

    def revoke(self, options: dict[str, Any]) -> None:
        found = ApiKey.objects.filter(start=options["start"], revoked_at=None)
        if not found.update(revoked_at=timezone.now()):
            raise CommandError("no active key begins like this; see 'apikey list'")
        self.stdout.write("revoked")


def limit(text: str) -> int:
    number = int(text)
    if not 0 <= number <= MOST:
        raise ValueError(text)
    return number
