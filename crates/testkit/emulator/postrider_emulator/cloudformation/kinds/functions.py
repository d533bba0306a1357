"""Lambda."""

from __future__ import annotations

import base64
import hashlib
import json

from ..aws import Aws
from .kind import Kind, Made, Naming, Properties, Recorded, listed, pairs, pick


class Function(Kind):
    TYPE = "AWS::Lambda::Function"
    _CONFIGURATION = (
        "DeadLetterConfig",
        "Description",
        "Environment",
        "Handler",
        "LoggingConfig",
        "MemorySize",
        "Role",
        "Runtime",
        "Timeout",
        "TracingConfig",
        "VpcConfig",
    )
    APPLIED = (
        "Architectures",
        "Code",
        "FunctionName",
        "KmsKeyArn",
        "ReservedConcurrentExecutions",
        "Tags",
        *_CONFIGURATION,
    )
    REQUIRED = ("Code", "Role")
    REPLACING = ("FunctionName",)

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        name = wanted.get("FunctionName") or naming.name(64)
        made = aws(
            "lambda",
            "CreateFunction",
            FunctionName=name,
            KMSKeyArn=wanted.get("KmsKeyArn"),
            Tags=pairs(wanted.get("Tags")),
            **pick(wanted, "Architectures", "Code", *self._CONFIGURATION),
        )
        self._reserve(aws, name, wanted)
        return Made(name, {"Arn": made["FunctionArn"]})

    def _reserve(self, aws: Aws, name: str, wanted: Properties) -> None:
        reserved = wanted.get("ReservedConcurrentExecutions")
        if reserved is None:
            aws("lambda", "DeleteFunctionConcurrency", FunctionName=name)
        else:
            aws("lambda", "PutFunctionConcurrency", FunctionName=name, ReservedConcurrentExecutions=reserved)

    def read(self, aws: Aws, physical_id: str, wanted: Properties) -> Properties:
        found = aws("lambda", "GetFunction", FunctionName=physical_id)
        configuration = found["Configuration"]
        # Lambda does not tell whence the code came, only what it is: that the object in the bucket is the same is all
        # there is to see.
        same = configuration["CodeSha256"] == _digest(aws, wanted["Code"])
        concurrency = found.get("Concurrency") or {}
        return {
            **configuration,
            "Code": wanted["Code"] if same else {"CodeSha256": configuration["CodeSha256"]},
            "KmsKeyArn": configuration.get("KMSKeyArn"),
            "Tags": listed(found.get("Tags")),
            **pick(concurrency, "ReservedConcurrentExecutions"),
        }

    def update(self, aws: Aws, made: Made, old: Properties, new: Properties) -> Made:
        name = made.physical_id
        if pick(old, "Code", "Architectures") != pick(new, "Code", "Architectures"):
            aws(
                "lambda",
                "UpdateFunctionCode",
                FunctionName=name,
                Architectures=new.get("Architectures"),
                **new["Code"],
            )
        aws(
            "lambda",
            "UpdateFunctionConfiguration",
            FunctionName=name,
            KMSKeyArn=new.get("KmsKeyArn"),
            **pick(new, *self._CONFIGURATION),
        )
        self._reserve(aws, name, new)
        arn = made.attributes["Arn"]
        aws("lambda", "UntagResource", Resource=arn, TagKeys=list(pairs(old.get("Tags"))))
        aws("lambda", "TagResource", Resource=arn, Tags=pairs(new.get("Tags")))
        return made

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        aws("lambda", "DeleteFunction", FunctionName=physical_id)


def _digest(aws: Aws, code: Properties) -> str:
    body = aws("s3", "GetObject", Bucket=code["S3Bucket"], Key=code["S3Key"])["Body"].read()
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


class Version(Kind):
    TYPE = "AWS::Lambda::Version"
    APPLIED = ("Description", "FunctionName")
    REQUIRED = ("FunctionName",)
    REPLACING = APPLIED

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        made = aws("lambda", "PublishVersion", **wanted)
        return Made(made["FunctionArn"], {"Version": made["Version"], "FunctionArn": made["FunctionArn"]})

    def read(self, aws: Aws, physical_id: str, wanted: Properties) -> Properties:
        name, number = physical_id.split(":")[-2:]
        return aws("lambda", "GetFunctionConfiguration", FunctionName=name, Qualifier=number)

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        name, number = physical_id.split(":")[-2:]
        aws("lambda", "DeleteFunction", FunctionName=name, Qualifier=number)


class Alias(Kind):
    TYPE = "AWS::Lambda::Alias"
    APPLIED = ("Description", "FunctionName", "FunctionVersion", "Name")
    REQUIRED = ("FunctionName", "FunctionVersion", "Name")
    REPLACING = ("FunctionName", "Name")

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        made = aws("lambda", "CreateAlias", **wanted)
        return Made(made["AliasArn"], {"AliasArn": made["AliasArn"]})

    def read(self, aws: Aws, physical_id: str, wanted: Properties) -> Properties:
        name, alias = physical_id.split(":")[-2:]
        return {"FunctionName": name, **aws("lambda", "GetAlias", FunctionName=name, Name=alias)}

    def update(self, aws: Aws, made: Made, old: Properties, new: Properties) -> Made:
        aws("lambda", "UpdateAlias", **new)
        return made

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        name, alias = physical_id.split(":")[-2:]
        aws("lambda", "DeleteAlias", FunctionName=name, Name=alias)


class EventSourceMapping(Kind):
    TYPE = "AWS::Lambda::EventSourceMapping"
    _CHANGING = (
        "BatchSize",
        "FunctionName",
        "FunctionResponseTypes",
        "MaximumBatchingWindowInSeconds",
        "ScalingConfig",
    )
    APPLIED = ("EventSourceArn", "Tags", *_CHANGING)
    REQUIRED = ("FunctionName",)
    REPLACING = ("EventSourceArn",)

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        direct = pick(wanted, "EventSourceArn", *self._CHANGING)
        made = aws("lambda", "CreateEventSourceMapping", Tags=pairs(wanted.get("Tags")), **direct)
        return Made(made["UUID"], {"Id": made["UUID"], "EventSourceMappingArn": made["EventSourceMappingArn"]})

    def read(self, aws: Aws, physical_id: str, wanted: Properties) -> Properties:
        found = aws("lambda", "GetEventSourceMapping", UUID=physical_id)
        tags = aws("lambda", "ListTags", Resource=found["EventSourceMappingArn"])["Tags"]
        return {**found, "FunctionName": found["FunctionArn"], "Tags": listed(tags)}

    def update(self, aws: Aws, made: Made, old: Properties, new: Properties) -> Made:
        aws("lambda", "UpdateEventSourceMapping", UUID=made.physical_id, **pick(new, *self._CHANGING))
        return made

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        aws("lambda", "DeleteEventSourceMapping", UUID=physical_id)


class Permission(Kind):
    TYPE = "AWS::Lambda::Permission"
    APPLIED = ("Action", "FunctionName", "Principal", "SourceAccount", "SourceArn")
    REQUIRED = ("Action", "FunctionName", "Principal")
    REPLACING = APPLIED

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        statement = naming.name(100)
        name, qualifier = _qualified(wanted["FunctionName"])
        rest = pick(wanted, "Action", "Principal", "SourceAccount", "SourceArn")
        aws("lambda", "AddPermission", FunctionName=name, Qualifier=qualifier, StatementId=statement, **rest)
        return Made(statement, {"Id": statement})

    def read(self, aws: Aws, physical_id: str, wanted: Properties) -> Properties:
        name, qualifier = _qualified(wanted["FunctionName"])
        policy = json.loads(aws("lambda", "GetPolicy", FunctionName=name, Qualifier=qualifier)["Policy"])
        found = next((one for one in policy["Statement"] if one["Sid"] == physical_id), {})
        condition = found.get("Condition") or {}
        return {
            "Action": found.get("Action"),
            "FunctionName": found.get("Resource"),
            "Principal": (found.get("Principal") or {}).get("Service"),
            "SourceAccount": (condition.get("StringEquals") or {}).get("AWS:SourceAccount"),
            "SourceArn": (condition.get("ArnLike") or {}).get("AWS:SourceArn"),
        }

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        name, qualifier = _qualified(wanted["FunctionName"])
        aws("lambda", "RemovePermission", FunctionName=name, Qualifier=qualifier, StatementId=physical_id)


def _qualified(function: str) -> tuple[str, str | None]:
    """Name and qualifier of a function, an ARN or a name."""
    if not function.startswith("arn:"):
        return function, None
    parts = function.split(":")
    return parts[6], parts[7] if len(parts) > 7 else None


class EventInvokeConfig(Recorded):
    # moto knows one of a function, and none of an alias.
    TYPE = "AWS::Lambda::EventInvokeConfig"
    RECORDED = ("FunctionName", "MaximumEventAgeInSeconds", "MaximumRetryAttempts", "Qualifier")
    REQUIRED = ("FunctionName", "Qualifier")
    REPLACING = ("FunctionName", "Qualifier")

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        # As on AWS, there must be what it is for.
        aws("lambda", "GetAlias", FunctionName=wanted["FunctionName"], Name=wanted["Qualifier"])
        return super().create(aws, naming, wanted)


KINDS = (Function, Version, Alias, EventSourceMapping, Permission, EventInvokeConfig)
