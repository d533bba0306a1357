"""SNS: moto's, with what it gets wrong about raw delivery, and publishing from within."""

from __future__ import annotations

from typing import Any

from moto.sns.models import SNSBackend, sns_backends


def install() -> None:
    """Makes `RawMessageDelivery` of `"false"` mean what it says; moto takes any text for true."""
    set_attributes = SNSBackend.set_subscription_attributes

    def set_subscription_attributes(self: SNSBackend, arn: str, name: str, value: Any) -> None:
        if name == "RawMessageDelivery":
            value = value if str(value).lower() == "true" else False
        set_attributes(self, arn, name, value)

    SNSBackend.set_subscription_attributes = set_subscription_attributes  # type: ignore[method-assign]


def publish(topic: str, message: str, subject: str) -> bool:
    """Publishes as a service of AWS does, without a request. Says whether there is such a topic."""
    _, _, _, region, account, _ = topic.split(":", 5)
    backend = sns_backends[account][region]
    if topic not in backend.topics:
        return False
    backend.publish(message, arn=topic, subject=subject)
    return True
