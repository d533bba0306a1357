"""What holds data: kept, encrypted, recoverable."""

import re
from pathlib import Path

from ..finding import Finding
from ..template import as_list

KEPT = (
    "AWS::Backup::BackupPlan",
    "AWS::Backup::BackupVault",
    "AWS::DynamoDB::Table",
    "AWS::KMS::Key",
    "AWS::Lambda::Version",
    "AWS::Logs::LogGroup",
    "AWS::SecretsManager::Secret",
    "AWS::SQS::Queue",
)
# Where each type says with which key it is encrypted.
KEY_PROPERTY = {
    "AWS::Backup::BackupVault": "EncryptionKeyArn",
    "AWS::Lambda::Function": "KmsKeyArn",
    "AWS::Logs::LogGroup": "KmsKeyId",
    "AWS::Scheduler::Schedule": "KmsKeyArn",
    "AWS::SecretsManager::Secret": "KmsKeyId",
    "AWS::SNS::Topic": "KmsMasterKeyId",
    "AWS::SQS::Queue": "KmsMasterKeyId",
}
LEDGER = Path(__file__).resolve().parents[4] / "crates" / "dynamodb" / "src"
SECRETIVE = re.compile(r"password|secret|token|api_?key|private_?key|credential", re.I)


def kept(template):
    """What holds data outlives the stack and its own replacement."""
    for name, resource in template.resources.items():
        if resource["Type"] in KEPT:
            for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
                if resource.get(policy) != "Retain":
                    yield Finding("data-kept", name, f"its {policy} is not Retain")


def encrypted(template):
    """Everything is encrypted with a key of the stack, and keys are rotated."""
    keys = {name for name, _ in template.of_type("AWS::KMS::Key")}
    for kind, key in KEY_PROPERTY.items():
        for name, properties in template.of_type(kind):
            if template.target(properties.get(key)) not in keys:
                yield Finding("encrypted", name, f"its {key} is no key of this stack")
    for name, properties in template.of_type("AWS::KMS::Key"):
        if properties.get("EnableKeyRotation") is not True:
            yield Finding("key-rotation", name, "is never rotated")


def ledger(template):
    """The table is the one the ledger is written for, and it can be restored."""
    for name, table in template.of_type("AWS::DynamoDB::Table"):
        wanted = {
            "deletion protection": table.get("DeletionProtectionEnabled") is True,
            "point-in-time recovery": table.get("PointInTimeRecoverySpecification", {}).get(
                "PointInTimeRecoveryEnabled"
            )
            is True,
            "35 days of it": table.get("PointInTimeRecoverySpecification", {}).get("RecoveryPeriodInDays", 35) == 35,
            "billing on demand": table.get("BillingMode") == "PAY_PER_REQUEST",
            "a stream of both images": table.get("StreamSpecification", {}).get("StreamViewType")
            == "NEW_AND_OLD_IMAGES",
            "a key of this stack": template.target(table.get("SSESpecification", {}).get("KMSMasterKeyId")) is not None,
        }
        for what, is_there in wanted.items():
            if not is_there:
                yield Finding("ledger", name, f"lacks {what}")
        yield from _schema(name, table)


def _schema(name, table):
    def keys(of):
        return tuple(entry["AttributeName"] for entry in of["KeySchema"])

    expected = _expected_schema()
    indexes = {index["IndexName"]: keys(index) for index in table["GlobalSecondaryIndexes"]}
    found = {"key": keys(table), "ttl": table["TimeToLiveSpecification"]["AttributeName"], "indexes": indexes}
    for part, value in expected.items():
        if found[part] != value:
            yield Finding("ledger-schema", name, f"{part} is {found[part]}, and the ledger has {value}")
    for index in table["GlobalSecondaryIndexes"]:
        if index["Projection"] != {"ProjectionType": "KEYS_ONLY"}:
            yield Finding("ledger-schema", name, f"the index {index['IndexName']} copies more than keys")
    if any(attribute["AttributeType"] != "B" for attribute in table["AttributeDefinitions"]):
        yield Finding("ledger-schema", name, "the ledger's keys are binary")


def _expected_schema():
    """Keys, index names and attributes, as the ledger's own source says."""
    schema = (LEDGER / "schema.rs").read_text(encoding="utf-8")
    query = (LEDGER / "table" / "query.rs").read_text(encoding="utf-8")
    constants = dict(re.findall(r'const (\w+): &str = "(\w+)";', schema))

    def arms(function):
        body = re.search(rf"fn {function}\(self\).*?match self \{{(.*?)\n        \}}", query, re.S)[1]
        return {
            variant: text
            for variants, text in re.findall(r'((?:Self::\w+(?: \| )?)+) => "(\w+)"', body)
            for variant in re.findall(r"Self::(\w+)", variants)
        }

    names, partitions, sorts = arms("name"), arms("partition_attribute"), arms("sort_attribute")
    return {
        "key": (constants["PARTITION_KEY"], constants["SORT_KEY"]),
        "ttl": constants["TTL_ATTRIBUTE"],
        "indexes": {names[variant]: (partitions[variant], sorts[variant]) for variant in names},
    }


def secret(template):
    """No secret is written down, in the template or in a function's environment."""
    for name, properties in template.of_type("AWS::SecretsManager::Secret"):
        if "SecretString" in properties:
            yield Finding("plaintext-secret", name, "its value is in the template")
        if "GenerateSecretString" not in properties:
            yield Finding("plaintext-secret", name, "nobody makes its value")
    for name, properties in template.of_type("AWS::Lambda::Function"):
        for variable, value in properties.get("Environment", {}).get("Variables", {}).items():
            if SECRETIVE.search(variable) and not _is_reference_to_secret(template, value):
                yield Finding("plaintext-secret", name, f"{variable} is no reference to a secret")
    for name, parameter in template.parameters.items():
        if re.search(r"(?:Password|Token|ApiKey|PrivateKey)$", name) and not parameter.get("NoEcho"):
            yield Finding("plaintext-secret", name, "is shown to whoever may look at the stack")
    if re.search(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY", template.text):
        yield Finding("plaintext-secret", template.path.name, "holds somebody's credentials")


def _is_reference_to_secret(template, value):
    referred = template.references(value)
    return any(template.resources[name]["Type"] == "AWS::SecretsManager::Secret" for name in referred)


def logs(template):
    """Logs are kept for a year at least, and every function writes to a log group of the stack."""
    for name, properties in template.of_type("AWS::Logs::LogGroup"):
        for days in template.possible(properties.get("RetentionInDays")):
            if not isinstance(days, (int, str)) or int(days) < 365:
                yield Finding("log-retention", name, f"keeps logs for {days} days")
                break
    groups = {name for name, _ in template.of_type("AWS::Logs::LogGroup")}
    for name, properties in template.of_type("AWS::Lambda::Function"):
        if template.target(properties.get("LoggingConfig", {}).get("LogGroup")) not in groups:
            yield Finding("log-retention", name, "writes to a log group that nobody looks after")


def backed_up(template):
    """The ledger is in a backup plan that runs, is kept, and copies where it is told to."""
    plans = {
        name: properties["BackupPlan"]["BackupPlanRule"]
        for name, properties in template.of_type("AWS::Backup::BackupPlan")
    }
    selected = {
        template.target(properties["BackupPlanId"])
        for _, properties in template.of_type("AWS::Backup::BackupSelection")
        if "LedgerTable" in template.references(as_list(properties["BackupSelection"].get("Resources")))
    }
    if list(template.of_type("AWS::DynamoDB::Table")) and not selected & set(plans):
        yield Finding("backup", "LedgerTable", "is in no backup plan")
    for name, rules in plans.items():
        for rule in rules:
            if "DeleteAfterDays" not in rule.get("Lifecycle", {}) or "CopyActions" not in rule:
                yield Finding("backup", name, "a rule does not say how long copies are kept or where they go")


RULES = [kept, encrypted, ledger, secret, logs, backed_up]
