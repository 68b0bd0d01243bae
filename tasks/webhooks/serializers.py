"""Webhooks as their owner writes and reads them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils.translation import gettext
from rest_framework import serializers

from tasks.errors import Code
from tasks.languages import translated
from tasks.models import Delivery, WebhookEndpoint
from tasks.webhooks.guard import ForbiddenAddress, NoAddress, checked_target


class WebhookUrlField(serializers.Field[str, str, str, Any]):
    """An address that may be told, in its plain form. Its name is looked up only when something is sent."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise serializers.ValidationError(gettext("Not a valid string."))
        try:
            return str(checked_target(data))
        except ForbiddenAddress as error:
            raise serializers.ValidationError(translated(error.args[0]), code=Code.FORBIDDEN_ADDRESS) from None
        except NoAddress as error:
            raise serializers.ValidationError(translated(error.args[0])) from None

    def to_representation(self, value: str) -> str:
        return value


class WebhookListSerializer(serializers.ModelSerializer[WebhookEndpoint]):
    """Without the secret."""

    url = WebhookUrlField()

    class Meta:
        model = WebhookEndpoint
        fields: ClassVar = ["id", "url", "created_at", "disabled_at", "disabled_reason"]
        read_only_fields: ClassVar = ["id", "created_at", "disabled_at", "disabled_reason"]


class WebhookSerializer(WebhookListSerializer):
    class Meta(WebhookListSerializer.Meta):
        fields: ClassVar = [*WebhookListSerializer.Meta.fields, "secret", "former_until"]


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    type = serializers.CharField(source="event")
    webhook = serializers.PrimaryKeyRelatedField[WebhookEndpoint](source="endpoint", read_only=True, allow_null=True)
    next_attempt_at = serializers.SerializerMethodField()

    class Meta:
        model = Delivery
        fields: ClassVar = ["id", "type", "webhook", "state", "created_at", "next_attempt_at", "attempts"]

    def get_next_attempt_at(self, delivery: Delivery) -> Any:
        return delivery.next_attempt_at if delivery.state == Delivery.State.PENDING else None
