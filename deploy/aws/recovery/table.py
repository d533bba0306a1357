"""The table of a moment, beside the one that is there, with everything that a restore does not carry over."""

import time

from .state import Refused, now

LOOK_SECS = 2
# Latest restorable is up to five minutes ago; a restore takes minutes to hours.
LATEST_PATIENCE_SECS = 1_800
RESTORE_PATIENCE_SECS = 6 * 3_600


def restore(clients, state, source, moment, restored=None):
    """Restores `source` to `moment` into a new table, puts its settings back and reads them back.

    `restored` is the table if that was done already.
    """
    dynamodb = clients.dynamodb
    wanted = settings_of(dynamodb, source)
    name = restored or _restore(dynamodb, source, moment, wanted)
    state.note(source=source, restoring=name, moment=moment.isoformat())
    _until_active(dynamodb, name, RESTORE_PATIENCE_SECS)
    _put_back(dynamodb, name, wanted)
    found = settings_of(dynamodb, name)
    wrong = [key for key in wanted if found[key] != wanted[key]]
    for key in wanted:
        print(f"{'WRONG' if key in wrong else 'ok   '} {key}: {found[key]}")
    if wrong:
        raise Refused(f"{name} is not as {source} is: {', '.join(wrong)}; set it by hand and compare again")
    state.note(table=name)
    print(f"{name} is {source} as it was at {moment.isoformat()}")


def _restore(dynamodb, source, moment, wanted):
    _until_restorable(dynamodb, source, moment)
    name = f"{source[:230]}-{moment:%Y%m%d%H%M%S}-{now():%H%M%S}"
    asked = {"SourceTableName": source, "TargetTableName": name, "RestoreDateTime": moment}
    if wanted["key"]:
        # Otherwise the table would be encrypted with a key that the functions may not use.
        asked["SSESpecificationOverride"] = {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": wanted["key"]}
    if wanted["billing"]:
        asked["BillingModeOverride"] = wanted["billing"]
    dynamodb.restore_table_to_point_in_time(**asked)
    return name


def settings_of(dynamodb, name):
    """What must be the same of both."""
    table = dynamodb.describe_table(TableName=name)["Table"]
    expiry = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    recovery = backups["PointInTimeRecoveryDescription"]
    tags = dynamodb.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"]
    stream = table.get("StreamSpecification", {})
    is_expiring = expiry["TimeToLiveStatus"] in ("ENABLED", "ENABLING")
    is_recoverable = recovery["PointInTimeRecoveryStatus"] == "ENABLED"
    return {
        "keys": table["KeySchema"],
        "indexes": sorted((one["IndexName"], str(one["KeySchema"])) for one in table.get("GlobalSecondaryIndexes", [])),
        "billing": table.get("BillingModeSummary", {}).get("BillingMode"),
        "key": table.get("SSEDescription", {}).get("KMSMasterKeyArn"),
        "expiry": expiry.get("AttributeName") if is_expiring else None,
        "recovery days": recovery.get("RecoveryPeriodInDays", 35) if is_recoverable else None,
        "stream": stream.get("StreamViewType") if stream.get("StreamEnabled") else None,
        "deletion protection": table.get("DeletionProtectionEnabled", False),
        "tags": sorted((one["Key"], one["Value"]) for one in tags if not one["Key"].startswith("aws:")),
    }


def _put_back(dynamodb, name, wanted):
    there = settings_of(dynamodb, name)
    # DynamoDB refuses to switch on what is on already.
    if wanted["expiry"] and there["expiry"] != wanted["expiry"]:
        expiry = {"Enabled": True, "AttributeName": wanted["expiry"]}
        dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=expiry)
    if wanted["recovery days"]:
        recovery = {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": wanted["recovery days"]}
        dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery)
    if wanted["stream"] and there["stream"] != wanted["stream"]:
        stream = {"StreamEnabled": True, "StreamViewType": wanted["stream"]}
        dynamodb.update_table(TableName=name, StreamSpecification=stream)
        _until_active(dynamodb, name, RESTORE_PATIENCE_SECS)
    if wanted["deletion protection"] and not there["deletion protection"]:
        dynamodb.update_table(TableName=name, DeletionProtectionEnabled=True)
        _until_active(dynamodb, name, RESTORE_PATIENCE_SECS)
    if wanted["tags"] != there["tags"]:
        arn = dynamodb.describe_table(TableName=name)["Table"]["TableArn"]
        tags = [{"Key": key, "Value": value} for key, value in wanted["tags"] if (key, value) not in there["tags"]]
        dynamodb.tag_resource(ResourceArn=arn, Tags=tags)


def _until_restorable(dynamodb, source, moment):
    for _ in range(LATEST_PATIENCE_SECS // LOOK_SECS):
        backups = dynamodb.describe_continuous_backups(TableName=source)["ContinuousBackupsDescription"]
        recovery = backups["PointInTimeRecoveryDescription"]
        if recovery["PointInTimeRecoveryStatus"] != "ENABLED":
            raise Refused(f"{source} has no point-in-time recovery; restore a backup (docs/disaster-recovery.md)")
        if recovery["LatestRestorableDateTime"] >= moment:
            return
        time.sleep(LOOK_SECS)
    raise Refused(f"{source} cannot be restored to {moment.isoformat()} after {LATEST_PATIENCE_SECS} s of waiting")


def _until_active(dynamodb, name, patience_secs):
    for _ in range(patience_secs // LOOK_SECS):
        table = dynamodb.describe_table(TableName=name)["Table"]
        busy = [one for one in table.get("GlobalSecondaryIndexes", []) if one.get("IndexStatus") != "ACTIVE"]
        if table["TableStatus"] == "ACTIVE" and not busy:
            return
        time.sleep(LOOK_SECS)
    raise Refused(f"{name} is not active after {patience_secs} s; look at it, and run this step again")
