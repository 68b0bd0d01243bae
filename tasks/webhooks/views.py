"""An owner's webhooks, and what was told of a job."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.urls import reverse
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from tasks.models import Delivery, WebhookEndpoint
from tasks.serializers import PageSerializer
from tasks.views import JobAnswers, JobPages, owner_id
from tasks.webhooks import descriptions as described
from tasks.webhooks.serializers import DeliverySerializer, WebhookListSerializer, WebhookSerializer


class Webhooks(GenericAPIView[WebhookEndpoint]):
    serializer_class: type[WebhookListSerializer] = WebhookSerializer

    def get_queryset(self) -> QuerySet[WebhookEndpoint]:
        return WebhookEndpoint.objects.filter(owner_id=owner_id(self.request))

    def answer(self, endpoint: WebhookEndpoint, status: int = 200) -> Response:
        """With the secret in it: not for any cache."""
        headers = {"Location": reverse("webhook", args=[endpoint.pk]), "Cache-Control": "no-store"}
        return Response(WebhookSerializer(endpoint).data, status, headers=headers)


class WebhookListView(Webhooks, ListAPIView[WebhookEndpoint]):
    serializer_class = WebhookListSerializer
    pagination_class = JobPages
    descriptions: ClassVar = {"GET": described.WEBHOOKS, "POST": described.MAKE}

    def get_queryset(self) -> QuerySet[WebhookEndpoint]:
        PageSerializer(data=self.request.query_params.dict()).is_valid(raise_exception=True)
        return super().get_queryset()

    def post(self, request: Request) -> Response:
        """The endpoint of this address, made unless it was there."""
        form = self.get_serializer(data=request.data)
        form.is_valid(raise_exception=True)
        owner, url = owner_id(request), form.validated_data["url"]
        WebhookEndpoint.objects.admit(owner, url)
        endpoint, made = WebhookEndpoint.objects.of(owner, url)
        return self.answer(endpoint, 201 if made else 200)


class WebhookView(Webhooks):
    descriptions: ClassVar = {"GET": described.WEBHOOK, "DELETE": described.DELETE}

    def get(self, request: Request, pk: UUID) -> Response:
        return self.answer(self.get_object())

    def delete(self, request: Request, pk: UUID) -> Response:
        """What waited for it is canceled."""
        self.get_object().forget()
        return Response(status=204)


class RotateView(Webhooks):
    descriptions: ClassVar = {"POST": described.ROTATE}

    def post(self, request: Request, pk: UUID) -> Response:
        endpoint = self.get_object()
        endpoint.rotate()
        return self.answer(endpoint)


class EnableView(Webhooks):
    descriptions: ClassVar = {"POST": described.ENABLE}

    def post(self, request: Request, pk: UUID) -> Response:
        endpoint = self.get_object()
        endpoint.enable()
        return self.answer(endpoint)


class DeliveriesView(JobAnswers):
    """What was told of a job's ends, or is going to be."""

    serializer_class = DeliverySerializer
    descriptions = {"GET": described.DELIVERIES}

    def get(self, request: Request, pk: UUID) -> Response:
        told = Delivery.objects.filter(job=self.own_job(pk)).order_by("created_at")
        return Response({"results": DeliverySerializer(told, many=True).data})


class ReplayView(JobAnswers):
    serializer_class = DeliverySerializer
    descriptions = {"POST": described.REPLAY}

    def post(self, request: Request, pk: UUID, delivery: UUID) -> Response:
        """Tell it again, now."""
        told = get_object_or_404(Delivery, job=self.own_job(pk), pk=delivery)
        told.replay()
        return Response(DeliverySerializer(told).data, 202)
