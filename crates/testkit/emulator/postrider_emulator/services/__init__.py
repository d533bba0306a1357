"""What the emulator does itself, one module a service. Every other call is moto's."""

from __future__ import annotations

from . import dynamodb, sesv2, sns, sqs

# Modules with `perform(account, call, forward) -> Reply`, by the service's name in signatures.
BY_NAME = {"dynamodb": dynamodb, "sesv2": sesv2, "sqs": sqs}


def install() -> None:
    """Repairs moto where it is extended from within."""
    dynamodb.install()
    sns.install()
    sqs.install()
