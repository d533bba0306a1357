"""DynamoDB and AWS Backup."""

from __future__ import annotations

from ..aws import Aws, Refused
from .kind import Kind, Made, Naming, Properties, Recorded, pick


class Table(Kind):
    TYPE = "AWS::DynamoDB::Table"
    APPLIED = (
        "AttributeDefinitions",
        "BillingMode",
        "DeletionProtectionEnabled",
        "GlobalSecondaryIndexes",
        "KeySchema",
        "PointInTimeRecoverySpecification",
        "SSESpecification",
        "StreamSpecification",
        "TableName",
        "Tags",
        "TimeToLiveSpecification",
    )
    REQUIRED = ("KeySchema",)
    REPLACING = ("AttributeDefinitions", "KeySchema", "TableName")

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        direct = pick(
            wanted,
            "AttributeDefinitions",
            "BillingMode",
            "DeletionProtectionEnabled",
            "GlobalSecondaryIndexes",
            "KeySchema",
            "Tags",
        )
        encryption = wanted.get("SSESpecification")
        if encryption:
            names = {"SSEEnabled": "Enabled"}
            encryption = {names.get(name, name): value for name, value in encryption.items()}
        stream = wanted.get("StreamSpecification")
        name = wanted.get("TableName") or naming.name()
        made = aws(
            "dynamodb",
            "CreateTable",
            TableName=name,
            SSESpecification=encryption,
            StreamSpecification={"StreamEnabled": True, **stream} if stream else None,
            **direct,
        )["TableDescription"]
        self._settle(aws, name, {}, wanted)
        return Made(name, pick({"Arn": made["TableArn"], "StreamArn": made.get("LatestStreamArn")}, "Arn", "StreamArn"))

    def _settle(self, aws: Aws, name: str, old: Properties, new: Properties) -> None:
        expiry = new.get("TimeToLiveSpecification")
        if expiry and expiry != old.get("TimeToLiveSpecification"):
            aws("dynamodb", "UpdateTimeToLive", TableName=name, TimeToLiveSpecification=expiry)
        recovery = new.get("PointInTimeRecoverySpecification")
        if recovery and recovery != old.get("PointInTimeRecoverySpecification"):
            aws("dynamodb", "UpdateContinuousBackups", TableName=name, PointInTimeRecoverySpecification=recovery)

    def read(self, aws: Aws, physical_id: str, wanted: Properties) -> Properties:
        found = aws("dynamodb", "DescribeTable", TableName=physical_id)["Table"]
        expiry = aws("dynamodb", "DescribeTimeToLive", TableName=physical_id)["TimeToLiveDescription"]
        backups = aws("dynamodb", "DescribeContinuousBackups", TableName=physical_id)["ContinuousBackupsDescription"]
        recovery = backups["PointInTimeRecoveryDescription"]
        encryption = found.get("SSEDescription") or {}
        tags = aws("dynamodb", "ListTagsOfResource", ResourceArn=found["TableArn"])["Tags"]
        return {
            **found,
            "BillingMode": (found.get("BillingModeSummary") or {}).get("BillingMode"),
            "TimeToLiveSpecification": {
                "AttributeName": expiry.get("AttributeName"),
                "Enabled": expiry["TimeToLiveStatus"] in ("ENABLED", "ENABLING"),
            },
            "PointInTimeRecoverySpecification": {
                "PointInTimeRecoveryEnabled": recovery["PointInTimeRecoveryStatus"] == "ENABLED",
                **pick(recovery, "RecoveryPeriodInDays"),
            },
            "SSESpecification": {
                "SSEEnabled": encryption.get("Status") == "ENABLED",
                "SSEType": encryption.get("SSEType"),
                "KMSMasterKeyId": encryption.get("KMSMasterKeyArn"),
            },
            "Tags": tags,
        }

    def update(self, aws: Aws, made: Made, old: Properties, new: Properties) -> Made:
        other = {name for name in {*old, *new} if old.get(name) != new.get(name)}
        settled = {"TimeToLiveSpecification", "PointInTimeRecoverySpecification", "DeletionProtectionEnabled", "Tags"}
        if other - settled:
            raise Refused("NotUpdatable", f"the emulator cannot change {sorted(other - settled)} of a table in place")
        if "DeletionProtectionEnabled" in other:
            protects = new.get("DeletionProtectionEnabled", False)
            aws("dynamodb", "UpdateTable", TableName=made.physical_id, DeletionProtectionEnabled=protects)
        if "Tags" in other:
            gone = [tag["Key"] for tag in old.get("Tags", [])]
            aws("dynamodb", "UntagResource", ResourceArn=made.attributes["Arn"], TagKeys=gone)
            aws("dynamodb", "TagResource", ResourceArn=made.attributes["Arn"], Tags=new.get("Tags", []))
        self._settle(aws, made.physical_id, old, new)
        return made

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        aws("dynamodb", "DeleteTable", TableName=physical_id)


class Vault(Kind):
    TYPE = "AWS::Backup::BackupVault"
    APPLIED = ("BackupVaultName", "BackupVaultTags", "EncryptionKeyArn")
    RECORDED = ("Notifications",)
    REQUIRED = ("BackupVaultName",)
    REPLACING = ("BackupVaultName", "EncryptionKeyArn")

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        name = wanted["BackupVaultName"]
        made = aws("backup", "CreateBackupVault", **pick(wanted, *self.APPLIED))
        arn = made["BackupVaultArn"]
        return Made(name, {"BackupVaultName": name, "BackupVaultArn": arn})

    def read(self, aws: Aws, physical_id: str, wanted: Properties) -> Properties:
        found = aws("backup", "DescribeBackupVault", BackupVaultName=physical_id)
        tags = aws("backup", "ListTags", ResourceArn=found["BackupVaultArn"])["Tags"]
        return {**found, "BackupVaultTags": tags}

    def update(self, aws: Aws, made: Made, old: Properties, new: Properties) -> Made:
        arn = made.attributes["BackupVaultArn"]
        aws("backup", "UntagResource", ResourceArn=arn, TagKeyList=list(old.get("BackupVaultTags") or {}))
        aws("backup", "TagResource", ResourceArn=arn, Tags=new.get("BackupVaultTags") or {})
        return made

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        aws("backup", "DeleteBackupVault", BackupVaultName=physical_id)


class Plan(Kind):
    TYPE = "AWS::Backup::BackupPlan"
    APPLIED = ("BackupPlan", "BackupPlanTags")
    REQUIRED = ("BackupPlan",)

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        made = aws(
            "backup", "CreateBackupPlan", BackupPlan=_api_plan(wanted["BackupPlan"]), **pick(wanted, "BackupPlanTags")
        )
        arn = made["BackupPlanArn"]
        return Made(made["BackupPlanId"], {"BackupPlanId": made["BackupPlanId"], "BackupPlanArn": arn})

    def read(self, aws: Aws, physical_id: str, wanted: Properties) -> Properties:
        found = aws("backup", "GetBackupPlan", BackupPlanId=physical_id)
        plan = dict(found["BackupPlan"])
        rules = [{**rule, "TargetBackupVault": rule.get("TargetBackupVaultName")} for rule in plan.pop("Rules")]
        tags = aws("backup", "ListTags", ResourceArn=found["BackupPlanArn"])["Tags"]
        return {"BackupPlan": {**plan, "BackupPlanRule": rules}, "BackupPlanTags": tags}

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        aws("backup", "DeleteBackupPlan", BackupPlanId=physical_id)


def _api_plan(plan: Properties) -> Properties:
    rules = [
        {("TargetBackupVaultName" if name == "TargetBackupVault" else name): value for name, value in rule.items()}
        for rule in plan.get("BackupPlanRule", [])
    ]
    return {**{name: value for name, value in plan.items() if name != "BackupPlanRule"}, "Rules": rules}


class Selection(Recorded):
    TYPE = "AWS::Backup::BackupSelection"
    RECORDED = ("BackupPlanId", "BackupSelection")
    REQUIRED = RECORDED
    REPLACING = RECORDED


KINDS = (Table, Vault, Plan, Selection)
