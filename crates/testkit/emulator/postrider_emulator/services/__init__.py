"""What the emulator does itself, one module a service. Every other call is moto's."""

from __future__ import annotations

from moto import backends

from . import apigateway, awslambda, backup, cloudwatch, dynamodb, ec2, iam, route53, sesv2, sns, sqs

# Modules with `perform(account, call, forward) -> Reply`, by the service's name in signatures.
BY_NAME = {"backup": backup, "dynamodb": dynamodb, "sesv2": sesv2, "sqs": sqs}


def install() -> None:
    """Repairs moto where it is extended from within."""
    # moto lists a folder for every request.
    modules = list(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: iter(modules)
    apigateway.install()
    awslambda.install()
    backup.install()
    cloudwatch.install()
    dynamodb.install()
    ec2.install()
    iam.install()
    route53.install()
    sns.install()
    sqs.install()
