"""KMS and Secrets Manager."""

from __future__ import annotations

import string
from typing import Any

from ..aws import Aws
from .kind import Kind, Made, Naming, Properties, listed, pairs, pick


class Key(Kind):
    TYPE = "AWS::KMS::Key"
    APPLIED = ("Description", "EnableKeyRotation", "KeyPolicy", "Tags")
    # KMS asks for it when a key is deleted, and not before.
    RECORDED = ("PendingWindowInDays",)
    REQUIRED = ("KeyPolicy",)

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        tags = [{"TagKey": key, "TagValue": value} for key, value in pairs(wanted.get("Tags")).items()]
        made = aws("kms", "CreateKey", Description=wanted.get("Description", ""), Policy=wanted["KeyPolicy"], Tags=tags)
        key = made["KeyMetadata"]
        self._rotate(aws, key["KeyId"], wanted)
        return Made(key["KeyId"], {"Arn": key["Arn"], "KeyId": key["KeyId"]})

    def _rotate(self, aws: Aws, key: str, wanted: Properties) -> None:
        rotates = str(wanted.get("EnableKeyRotation", False)).lower() == "true"
        aws("kms", "EnableKeyRotation" if rotates else "DisableKeyRotation", KeyId=key)

    def read(self, aws: Aws, physical_id: str, wanted: Properties) -> Properties:
        policy = aws("kms", "GetKeyPolicy", KeyId=physical_id, PolicyName="default")["Policy"]
        return {
            "Description": aws("kms", "DescribeKey", KeyId=physical_id)["KeyMetadata"]["Description"],
            "EnableKeyRotation": aws("kms", "GetKeyRotationStatus", KeyId=physical_id)["KeyRotationEnabled"],
            "KeyPolicy": policy,
            "Tags": listed(aws("kms", "ListResourceTags", KeyId=physical_id)["Tags"]),
        }

    def update(self, aws: Aws, made: Made, old: Properties, new: Properties) -> Made:
        key = made.physical_id
        aws("kms", "PutKeyPolicy", KeyId=key, PolicyName="default", Policy=new["KeyPolicy"])
        aws("kms", "UpdateKeyDescription", KeyId=key, Description=new.get("Description", ""))
        aws("kms", "UntagResource", KeyId=key, TagKeys=list(pairs(old.get("Tags"))))
        tags = [{"TagKey": name, "TagValue": value} for name, value in pairs(new.get("Tags")).items()]
        aws("kms", "TagResource", KeyId=key, Tags=tags)
        self._rotate(aws, key, new)
        return made

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        days = wanted.get("PendingWindowInDays", 30)
        aws("kms", "ScheduleKeyDeletion", KeyId=physical_id, PendingWindowInDays=days)


class Alias(Kind):
    TYPE = "AWS::KMS::Alias"
    APPLIED = ("AliasName", "TargetKeyId")
    REQUIRED = APPLIED
    REPLACING = ("AliasName",)

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        aws("kms", "CreateAlias", **wanted)
        return Made(wanted["AliasName"])

    def read(self, aws: Aws, physical_id: str, wanted: Properties) -> Properties:
        found = [one for one in aws("kms", "ListAliases")["Aliases"] if one["AliasName"] == physical_id]
        return found[0] if found else {}

    def update(self, aws: Aws, made: Made, old: Properties, new: Properties) -> Made:
        aws("kms", "UpdateAlias", **new)
        return made

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        aws("kms", "DeleteAlias", AliasName=physical_id)


class Secret(Kind):
    TYPE = "AWS::SecretsManager::Secret"
    APPLIED = ("Description", "GenerateSecretString", "KmsKeyId", "Name", "ReplicaRegions", "Tags")
    REPLACING = ("Name",)

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        asked = dict(wanted.get("GenerateSecretString") or {})
        word = aws("secretsmanager", "GetRandomPassword", **asked)["RandomPassword"]
        made = aws(
            "secretsmanager",
            "CreateSecret",
            Name=wanted.get("Name") or naming.name(),
            SecretString=word,
            AddReplicaRegions=wanted.get("ReplicaRegions"),
            **pick(wanted, "Description", "KmsKeyId", "Tags"),
        )
        return Made(made["ARN"], {"Id": made["ARN"]})

    def read(self, aws: Aws, physical_id: str, wanted: Properties) -> Properties:
        found = aws("secretsmanager", "DescribeSecret", SecretId=physical_id)
        word = aws("secretsmanager", "GetSecretValue", SecretId=physical_id)["SecretString"]
        shown = pick(found, "Description", "KmsKeyId", "Name", "Tags")
        replicas = [{"Region": one["Region"]} for one in found.get("ReplicationStatus") or []]
        asked = wanted.get("GenerateSecretString") or {}
        return {**shown, "ReplicaRegions": replicas, "GenerateSecretString": _shown_by(word, asked)}

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        aws("secretsmanager", "DeleteSecret", SecretId=physical_id, ForceDeleteWithoutRecovery=True)


def _shown_by(word: str, asked: Properties) -> Properties:
    """How a secret was made, as far as it shows: what was to be left out is not in it."""
    excluded = str(asked.get("ExcludeCharacters", ""))
    left_out: dict[str, Any] = {
        "PasswordLength": len(word),
        "ExcludePunctuation": not set(word) & set(string.punctuation),
        "ExcludeUppercase": not set(word) & set(string.ascii_uppercase),
        "ExcludeLowercase": not set(word) & set(string.ascii_lowercase),
        "ExcludeNumbers": not set(word) & set(string.digits),
        "ExcludeCharacters": "".join(one for one in excluded if one not in word),
    }
    return left_out


KINDS = (Key, Alias, Secret)
