"""Restoring a DynamoDB table to a moment: moto copies the table as it is now, whatever moment is asked for.

What was written since is taken back by the table's stream, which holds what was there before. What a restored table does
not have on AWS either, it does not have here: stream, tags, expiry, deletion protection and point-in-time recovery.
"""

from __future__ import annotations

from datetime import timezone
from typing import Any

from moto.core.utils import unix_time
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import StreamRecord, Table

from ..reply import AwsError


def check(backend: DynamoDBBackend, asked: dict[str, Any]) -> float | None:
    """The moment that is asked for, None for the latest; refuses what DynamoDB refuses."""
    source = backend.tables.get(str(asked.get("SourceTableName")))
    if source is None:
        return None  # moto refuses it.
    recovery = source.continuous_backups["PointInTimeRecoveryDescription"]
    if recovery["PointInTimeRecoveryStatus"] != "ENABLED":
        raise AwsError("PointInTimeRecoveryUnavailableException", "Point in time recovery is not enabled")
    if asked.get("UseLatestRestorableTime"):
        return None
    moment = float(asked["RestoreDateTime"])
    if not recovery["EarliestRestorableDateTime"] <= moment <= unix_time():
        raise AwsError("InvalidRestoreTimeException", "RestoreDateTime is not within the recovery period")
    if source.stream_shard is None:
        raise AwsError("ValidationException", "the emulator restores to a moment only what has a stream")
    return moment


def look(backend: DynamoDBBackend, asked: dict[str, Any]) -> None:
    """The latest moment is now, not when recovery was switched on. On AWS it is up to five minutes ago."""
    table = backend.tables.get(str(asked.get("TableName")))
    if table is not None and "LatestRestorableDateTime" in table.continuous_backups["PointInTimeRecoveryDescription"]:
        table.continuous_backups["PointInTimeRecoveryDescription"]["LatestRestorableDateTime"] = unix_time()


def take_back(backend: DynamoDBBackend, asked: dict[str, Any], moment: float | None) -> None:
    """Makes the restored table what its source was at `moment`, encrypted as is asked."""
    source, restored = (backend.tables[asked[name]] for name in ("SourceTableName", "TargetTableName"))
    # moto's describes the source's settings of before, or none.
    if "SSESpecificationOverride" in asked:
        key = asked["SSESpecificationOverride"].get("KMSMasterKeyId")
        restored.sse_specification = {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}
    restored.billing_mode = asked.get("BillingModeOverride") or source.billing_mode
    if moment is None or source.stream_shard is None:
        return
    since = [record for record in source.stream_shard.items if _at(record) > moment]
    # Backwards, so that of several changes of one item the first has the last word.
    for record in reversed(since):
        _undo(restored, record.record["dynamodb"])


def _at(record: StreamRecord) -> float:
    return float(record.record["dynamodb"]["ApproximateCreationDateTime"].replace(tzinfo=timezone.utc).timestamp())


def _undo(table: Table, change: dict[str, Any]) -> None:
    if "OldImage" in change:
        table.put_item(dict(change["OldImage"]), overwrite=True)
        return
    keys = [DynamoType(change["Keys"][name]) for name in table.table_key_attrs]
    table.delete_item(keys[0], keys[1] if len(keys) > 1 else None)
