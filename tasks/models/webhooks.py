"""Who is told that jobs have ended, and what came of each telling: an outbox that is written with the end itself."""

from __future__ import annotations

import logging
import uuid
from datetime import datetime, timedelta
from random import SystemRandom
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.db import connection, models, transaction
from django.db.models import F, Q

from tasks.clock import DatabaseNow, timestamp
from tasks.errors import Code, Refused
from tasks.models.counters import ATTEMPTS, Counter
from tasks.transitions import TELL, changed
from tasks.webhooks.answers import Answer, Reason
from tasks.webhooks.signatures import new_secret

if TYPE_CHECKING:
    from tasks.models.jobs import Job

logger = logging.getLogger(__name__)
MOST_ENDPOINTS = 100  # of an owner: an address for each job would be a row for each job, with a secret that nobody knows
ROTATION = timedelta(hours=24)
SCHEDULE = (0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)  # seconds before each attempt: ten in about three days
LONGEST_PAUSE_SECONDS = 86_400  # that a receiver may ask for
MARGIN_SECONDS = 5  # after the time that an attempt may take, until it is taken for lost
MOST_RECORDS = 30  # of attempts, after many replays
GONE = 410
RANDOM = SystemRandom()


class WebhookEndpointQuerySet(models.QuerySet["WebhookEndpoint"]):
    def admit(self, owner_id: int, url: str) -> None:
        """Raises Refused(`too_many_webhooks`) for one more than an owner may have."""
        own = self.filter(owner_id=owner_id)
        if own.count() >= MOST_ENDPOINTS and not own.filter(url=url).exists():
            raise Refused(Code.TOO_MANY_WEBHOOKS)

    def of(self, owner_id: int, url: str) -> tuple[WebhookEndpoint, bool]:
        """The endpoint of a checked URL, and whether it was made just now."""
        return self.get_or_create(owner_id=owner_id, url=url)


class WebhookEndpoint(models.Model):
    """An address of an owner, and the secret that signs what is sent there; while that is being changed, the former one signs as well."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    url = models.CharField(max_length=2000)
    secret = models.CharField(max_length=80, default=new_secret)
    former_secret = models.CharField(max_length=80, default="", blank=True)
    former_until = models.DateTimeField(null=True)
    disabled_at = models.DateTimeField(null=True)
    disabled_reason = models.CharField(max_length=200, default="", blank=True)
    created_at = models.DateTimeField(db_default=DatabaseNow())

    objects: ClassVar = WebhookEndpointQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["owner", "url"], name="one_endpoint_per_url")]

    def __str__(self) -> str:
        return f"{self.id} of {self.owner_id}"

    def keys(self, now: datetime) -> list[str]:
        """The secrets that sign now."""
        return [self.secret] if self.former_until is None or self.former_until < now else [self.secret, self.former_secret]

    def rotate(self) -> None:
        """A new secret, beside which the former one signs for a day."""
        until = DatabaseNow() + ROTATION
        mine = WebhookEndpoint.objects.filter(pk=self.pk)
        mine.update(former_secret=F("secret"), former_until=until, secret=new_secret())
        self.refresh_from_db()

    def enable(self) -> None:
        WebhookEndpoint.objects.filter(pk=self.pk).update(disabled_at=None, disabled_reason="")
        self.refresh_from_db()

    def disable(self, reason: str) -> None:
        """Nothing is sent there any more, until its owner enables it; what waited is canceled."""
        WebhookEndpoint.objects.filter(pk=self.pk, disabled_at=None).update(disabled_at=DatabaseNow(), disabled_reason=reason)
        self.cancel_pending()

    def cancel_pending(self) -> None:
        Delivery.objects.filter(endpoint=self.pk, state=Delivery.State.PENDING).update(state=Delivery.State.CANCELED)

    def forget(self) -> None:
        """Its row is locked first: an end that would tell it in this moment does so before, or finds it gone."""
        with transaction.atomic():
            WebhookEndpoint.objects.select_for_update().filter(pk=self.pk).first()
            self.cancel_pending()
            self.delete()


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def tell(self, job: Job) -> None:
        """Queue the news that a job has ended, in the transaction that ended it; nothing if the endpoint was deleted."""
        key = Delivery._meta.pk.get_db_prep_value
        facts = {"id": key(uuid.uuid4(), connection), "job": job.key, "endpoint": key(job.endpoint_id, connection)}
        changed(TELL, {**facts, "event": f"job.{job.state}", "tries": len(SCHEDULE)})

    def due(self) -> DeliveryQuerySet:
        return self.filter(state=Delivery.State.PENDING, next_attempt_at__lte=DatabaseNow())

    def claim(self, pk: uuid.UUID) -> Delivery | None:
        """Take a due delivery for one attempt; None if another took it. If its sender dies, it is due again soon after the attempt would
        have ended."""
        lost_at = DatabaseNow() + timedelta(seconds=settings.WEBHOOK_TIMEOUT_SECONDS + MARGIN_SECONDS)
        with transaction.atomic():
            mine = self.due().filter(pk=pk, endpoint__isnull=False)
            claim = {"claims": F("claims") + 1, "tries_left": F("tries_left") - 1, "claimed_at": DatabaseNow()}
            if not mine.update(next_attempt_at=lost_at, **claim):
                return None
            whole = self.select_related("job", "endpoint").defer("job__parameters", "job__result", "job__error", "job__warnings")
            return whole.get(pk=pk)


class Delivery(models.Model):
    """The news of one end of a job for one endpoint. Its id is the `webhook-id` of every attempt."""

    class State(models.TextChoices):
        PENDING = "pending"
        DELIVERED = "delivered"
        FAILED = "failed"
        CANCELED = "canceled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    job = models.ForeignKey("tasks.Job", on_delete=models.CASCADE, related_name="deliveries")
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.SET_NULL, null=True, related_name="+")
    event = models.CharField(max_length=20)  # job.succeeded, as it was then: the job may have been retried since
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    claims = models.PositiveIntegerField(default=0)  # only who made the last one writes what came of it
    claimed_at = models.DateTimeField(null=True)
    tries_left = models.SmallIntegerField()
    attempts = models.JSONField(default=list)
    created_at = models.DateTimeField(db_default=DatabaseNow())
    next_attempt_at = models.DateTimeField(db_default=DatabaseNow())

    objects: ClassVar = DeliveryQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["next_attempt_at", "endpoint"], condition=Q(state="pending"), name="delivery_due"),
            models.Index(fields=["created_at"], name="delivery_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.event} of {self.job_id} {self.state}"

    def record(self, answer: Answer) -> None:
        """Write down what came of the attempt that I claimed; nothing if another has claimed it since."""
        self.log(answer)
        with transaction.atomic():
            if answer.status == GONE and self.endpoint:
                self.endpoint.disable("The receiver answered 410.")
            mine = Delivery.objects.filter(pk=self.pk, claims=self.claims)
            attempts, state = self.attempts_with(answer), self.state_after(answer)
            next_attempt_at = DatabaseNow() + timedelta(seconds=self.pause(answer))
            if not mine.filter(state=self.State.PENDING).update(attempts=attempts, state=state, next_attempt_at=next_attempt_at):
                mine.update(attempts=attempts, state=state if answer.delivered else F("state"))  # it was canceled while it was in the air
            Counter.objects.add({ATTEMPTS.of(outcome=str(answer.reason or "delivered")): 1})

    def attempts_with(self, answer: Answer) -> list[dict[str, Any]]:
        """Those before, and this one."""
        attempt = {"at": timestamp(self.claimed_at), "status": answer.status, "reason": answer.reason, "duration_ms": answer.milliseconds}
        return [*self.attempts, attempt][-MOST_RECORDS:]

    def state_after(self, answer: Answer) -> State:
        """A failed attempt is the last one also where the address leads into our own network: another attempt would not change that."""
        if answer.delivered:
            return self.State.DELIVERED
        last = self.tries_left <= 0 or answer.reason == Reason.REFUSED_ADDRESS
        return self.State.FAILED if last else self.State.PENDING

    def pause(self, answer: Answer) -> float:
        """Seconds until the next attempt: by the schedule, give or take a tenth; longer if the receiver asks for it."""
        planned = SCHEDULE[min(len(SCHEDULE) - self.tries_left, len(SCHEDULE) - 1)]
        return max(planned * RANDOM.uniform(0.9, 1.1), min(answer.retry_after, LONGEST_PAUSE_SECONDS))

    def replay(self) -> None:
        """Queue it again, with the whole schedule before it; an attempt that is in the air counts no more. Raises
        Refused(`webhook_disabled`) if nobody is there to be told."""
        there = Delivery.objects.filter(pk=self.pk, endpoint__isnull=False, endpoint__disabled_at=None)
        anew = {"state": self.State.PENDING, "tries_left": len(SCHEDULE), "claims": F("claims") + 1}
        if not there.update(next_attempt_at=DatabaseNow(), **anew):
            raise Refused(Code.WEBHOOK_DISABLED)
        self.refresh_from_db()

    def log(self, answer: Answer) -> None:
        facts = {"status": answer.status, "cause": answer.reason}
        extra = {"job": str(self.job_id), "delivery": str(self.pk), "endpoint": str(self.endpoint_id), "attempt": self.claims}
        extra |= {name: value for name, value in facts.items() if value is not None}
        level = logging.INFO if answer.delivered else logging.WARNING
        logger.log(level, "delivered" if answer.delivered else "not delivered", extra=extra)
