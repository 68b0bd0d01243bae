"""What the routes of webhooks take and answer."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from tasks.errors import Code
from tasks.openapi.descriptions import Answer, Description
from tasks.openapi.jobs import OF_A_JOB
from tasks.serializers import PageSerializer
from tasks.webhooks.serializers import DeliverySerializer, WebhookListSerializer, WebhookSerializer, WebhookUrlField

TAG = "webhooks"
WITH_SECRET = ("Location", "Cache-Control")


class WebhookPageSerializer(serializers.Serializer[Any]):
    next = serializers.CharField(allow_null=True, help_text="The next page's address.")
    previous = serializers.CharField(allow_null=True)
    results: Any = WebhookListSerializer(many=True)


class DeliveriesSerializer(serializers.Serializer[Any]):
    results: Any = DeliverySerializer(many=True)


class WebhookRequestSerializer(serializers.Serializer[Any]):
    url = WebhookUrlField(help_text="`https://`, of a public address.")


WEBHOOKS = Description(
    name="listWebhooks",
    tag=TAG,
    summary="One's own webhooks",
    query=PageSerializer,
    answers={200: Answer("A page of them, newest first, without their secrets.", WebhookPageSerializer)},
    codes=(Code.NOT_FOUND,),
)
MAKE = Description(
    name="makeWebhook",
    tag=TAG,
    summary="Make a webhook",
    request=WebhookRequestSerializer,
    answers={
        200: Answer("It was there.", WebhookSerializer, WITH_SECRET),
        201: Answer("It was made, with a secret of its own.", WebhookSerializer, WITH_SECRET),
    },
    codes=(Code.FORBIDDEN_ADDRESS, Code.TOO_MANY_WEBHOOKS),
)
WEBHOOK = Description(
    name="getWebhook",
    tag=TAG,
    summary="A webhook with its secret",
    answers={200: Answer("The webhook.", WebhookSerializer, WITH_SECRET)},
    codes=(Code.NOT_FOUND,),
)
DELETE = Description(
    name="deleteWebhook",
    tag=TAG,
    summary="Delete a webhook",
    answers={204: Answer("It is told of nothing any more.")},
    codes=(Code.NOT_FOUND,),
)
ROTATE = Description(
    name="rotateWebhook",
    tag=TAG,
    summary="A new secret; the former one signs as well for a day",
    answers={200: Answer("The webhook with its new secret.", WebhookSerializer, WITH_SECRET)},
    codes=(Code.NOT_FOUND,),
)
ENABLE = Description(
    name="enableWebhook",
    tag=TAG,
    summary="Enable a webhook that was disabled",
    answers={200: Answer("It is told again.", WebhookSerializer, WITH_SECRET)},
    codes=(Code.NOT_FOUND,),
)
DELIVERIES = Description(
    name="listDeliveries",
    tag=TAG,
    summary="What a webhook was told of a job",
    answers={200: Answer("Each delivery with its attempts.", DeliveriesSerializer)},
    codes=OF_A_JOB,
)
REPLAY = Description(
    name="replayDelivery",
    tag=TAG,
    summary="Deliver it again",
    answers={202: Answer("It is due now.", DeliverySerializer)},
    codes=(*OF_A_JOB, Code.WEBHOOK_DISABLED),
)
