"""SES: what it reports, and whether it can."""

from ..finding import Finding
from ..template import as_list

# What SES calls the events of a configuration set, as CloudFormation takes them.
EVENTS = {
    "bounce",
    "click",
    "complaint",
    "delivery",
    "deliveryDelay",
    "open",
    "reject",
    "renderingFailure",
    "send",
    "subscription",
}
# What the ledger needs to know what became of a message.
NEEDED = {"bounce", "complaint", "delivery", "deliveryDelay", "reject", "renderingFailure", "send"}


def reported(template):
    """Every event that tells what became of a message is reported, by a name that SES knows."""
    for name, properties in template.of_type("AWS::SES::ConfigurationSetEventDestination"):
        destination = properties["EventDestination"]
        named = set(destination["MatchingEventTypes"])
        for event in sorted(named - EVENTS):
            yield Finding("ses-events", name, f"SES knows no event {event}")
        for event in sorted(NEEDED - named):
            yield Finding("ses-events", name, f"{event} is not reported")
        if named & {"open", "click"}:
            yield Finding("ses-events", name, "follows what recipients do with their mail")
        if destination.get("Enabled") is not True:
            yield Finding("ses-events", name, "is switched off")


def publishable(template):
    """Who publishes to a topic or queue may use its key: SES, alarms and budgets cannot use an AWS-managed one."""
    for name, properties in template.of_type("AWS::SES::ConfigurationSetEventDestination"):
        topic = template.target(properties["EventDestination"]["SnsDestination"]["TopicARN"])
        yield from _may_use_key(template, topic, "ses.amazonaws.com", f"SES cannot report to it ({name})")
    alarms = template.of_type("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
    told = {template.target(action) for _, properties in alarms for action in as_list(properties.get("AlarmActions"))}
    for topic in sorted(told & set(template.resources)):
        yield from _may_use_key(template, topic, "cloudwatch.amazonaws.com", "alarms cannot notify it")
    for _, properties in template.of_type("AWS::SNS::Subscription"):
        if properties["Protocol"] == "sqs":
            queue = template.target(properties["Endpoint"])
            yield from _may_use_key(template, queue, "sns.amazonaws.com", "SNS cannot deliver to it")


def _may_use_key(template, name, service, words):
    key = template.target(template.resources[name]["Properties"].get("KmsMasterKeyId"))
    policy = template.resources.get(key, {}).get("Properties", {}).get("KeyPolicy", {"Statement": []})
    for statement in policy["Statement"]:
        if statement["Principal"] == {"Service": service} and statement["Effect"] == "Allow":
            if {"kms:Decrypt", "kms:GenerateDataKey"} <= set(as_list(statement["Action"])):
                return
    yield Finding("key-for-publisher", name, f"its key does not let {service} in: {words}")


def allowed_to_publish(template):
    """The topic's own policy lets SES in."""
    for _, properties in template.of_type("AWS::SES::ConfigurationSetEventDestination"):
        topic = template.target(properties["EventDestination"]["SnsDestination"]["TopicARN"])
        for _, _, statement in template.statements():
            if statement.get("Principal") == {"Service": "ses.amazonaws.com"} and topic in template.references(
                statement.get("Resource")
            ):
                break
        else:
            yield Finding("ses-topic", topic, "its policy does not let SES publish")


def trusted(template):
    """Mail is signed, over TLS, and the account's suppression list is used."""
    for name, properties in template.of_type("AWS::SES::EmailIdentity"):
        if properties["EmailIdentity"] == {"Ref": "VerifiedDomain"}:
            if properties.get("DkimAttributes") != {"SigningEnabled": True}:
                yield Finding("ses-identity", name, "does not sign")
            if properties.get("DkimSigningAttributes", {}).get("NextSigningKeyLength") != "RSA_2048_BIT":
                yield Finding("ses-identity", name, "signs with a short key")
            if "MailFromDomain" not in properties.get("MailFromAttributes", {}):
                yield Finding("ses-identity", name, "has no envelope domain of its own, so SPF does not align")
    for name, properties in template.of_type("AWS::SES::ConfigurationSet"):
        if sorted(properties.get("SuppressionOptions", {}).get("SuppressedReasons", [])) != ["BOUNCE", "COMPLAINT"]:
            yield Finding("ses-identity", name, "mails who bounced or complained")
        if "REQUIRE" not in template.possible(properties.get("DeliveryOptions", {}).get("TlsPolicy")):
            yield Finding("ses-identity", name, "cannot insist on TLS")


def shared_rate(template):
    """The shares of all senders that can run at once do not come to more than the account's rate."""
    rows = template.data.get("Mappings", {}).get("SendRate", {})
    for rate, row in rows.items():
        together = row["Dispatch"] * row["DispatchShare"] + 2 * row["SweepShare"] + row["Api"] * row["ApiShare"]
        if together > 100:
            yield Finding("send-rate", rate, f"all senders together take {together} %")
        if row["Dispatch"] < 2 or row["Feedback"] < 2:
            yield Finding("send-rate", rate, "SQS takes no maximum concurrency below 2")
    if set(rows) != set(template.parameters.get("SesMaxSendRate", {}).get("AllowedValues", [])):
        yield Finding("send-rate", "SesMaxSendRate", "its values are not those of the mapping")


RULES = [reported, publishable, allowed_to_publish, trusted, shared_rate]
