from __future__ import annotations

import base64
import time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from tasks.webhooks.signatures import headers, new_secret

BODY = b'{"type":"job.succeeded"}'


def test_a_secret_is_32_random_bytes() -> None:
    kind, _, key = new_secret().partition("_")
    assert (kind, len(base64.b64decode(key))) == ("whsec", 32)
    assert new_secret() != new_secret()


def test_the_unmodified_library_verifies_what_we_sign() -> None:
    secret = new_secret()
    assert Webhook(secret).verify(BODY, headers([secret], "msg", int(time.time()), BODY)) == {"type": "job.succeeded"}


def test_two_secrets_sign_side_by_side() -> None:
    both = [new_secret(), new_secret()]
    signed = headers(both, "msg", int(time.time()), BODY)
    assert len(signed["webhook-signature"].split()) == 2
    for secret in both:
        Webhook(secret).verify(BODY, signed)


@pytest.mark.parametrize("change", [{"webhook-id": "other"}, {"webhook-timestamp": str(int(time.time()) - 60)}])
def test_id_and_time_are_signed_too(change: dict[str, str]) -> None:
    secret = new_secret()
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY, headers([secret], "msg", int(time.time()), BODY) | change)
