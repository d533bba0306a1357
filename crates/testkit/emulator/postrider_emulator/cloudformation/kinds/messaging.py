"""SNS and SQS."""

from __future__ import annotations

from ..aws import Aws
from .kind import Kind, Made, Naming, Properties, listed, pairs, pick


class Topic(Kind):
    TYPE = "AWS::SNS::Topic"
    APPLIED = ("DisplayName", "KmsMasterKeyId", "Tags", "TopicName")
    REPLACING = ("TopicName",)

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        name = wanted.get("TopicName") or naming.name()
        attributes = pick(wanted, "DisplayName", "KmsMasterKeyId")
        made = aws("sns", "CreateTopic", Name=name, Attributes=attributes, **pick(wanted, "Tags"))
        return Made(made["TopicArn"], {"TopicArn": made["TopicArn"], "TopicName": name})

    def read(self, aws: Aws, physical_id: str, wanted: Properties) -> Properties:
        found = aws("sns", "GetTopicAttributes", TopicArn=physical_id)["Attributes"]
        tags = aws("sns", "ListTagsForResource", ResourceArn=physical_id)["Tags"]
        return {**found, "TopicName": physical_id.rsplit(":", 1)[1], "Tags": tags}

    def update(self, aws: Aws, made: Made, old: Properties, new: Properties) -> Made:
        arn = made.physical_id
        for name in ("DisplayName", "KmsMasterKeyId"):
            if old.get(name) != new.get(name):
                aws("sns", "SetTopicAttributes", TopicArn=arn, AttributeName=name, AttributeValue=new.get(name, ""))
        aws("sns", "UntagResource", ResourceArn=arn, TagKeys=list(pairs(old.get("Tags"))))
        aws("sns", "TagResource", ResourceArn=arn, Tags=listed(new.get("Tags")))
        return made

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        aws("sns", "DeleteTopic", TopicArn=physical_id)


class TopicPolicy(Kind):
    TYPE = "AWS::SNS::TopicPolicy"
    APPLIED = ("PolicyDocument", "Topics")
    REQUIRED = APPLIED

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        self._set(aws, wanted)
        return Made(naming.name())

    def _set(self, aws: Aws, wanted: Properties) -> None:
        for topic in wanted["Topics"]:
            document = wanted["PolicyDocument"]
            aws("sns", "SetTopicAttributes", TopicArn=topic, AttributeName="Policy", AttributeValue=document)

    def read(self, aws: Aws, physical_id: str, wanted: Properties) -> Properties:
        policies = {
            topic: aws("sns", "GetTopicAttributes", TopicArn=topic)["Attributes"]["Policy"]
            for topic in wanted["Topics"]
        }
        return _one_policy("Topics", policies)

    def update(self, aws: Aws, made: Made, old: Properties, new: Properties) -> Made:
        self._set(aws, new)
        return made

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        """Topics keep no memory of it: AWS puts its own policy back, and so nothing is left to be seen."""
        for topic in wanted["Topics"]:
            document = {"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": []}
            aws("sns", "SetTopicAttributes", TopicArn=topic, AttributeName="Policy", AttributeValue=document)


def _one_policy(holders: str, policies: dict[str, str]) -> Properties:
    """The policy, of those that have one and the same."""
    first = next(iter(policies.values()), None)
    return {"PolicyDocument": first, holders: [holder for holder, policy in policies.items() if policy == first]}


class Subscription(Kind):
    TYPE = "AWS::SNS::Subscription"
    _ATTRIBUTES = ("FilterPolicy", "FilterPolicyScope", "RawMessageDelivery", "RedrivePolicy")
    APPLIED = ("Endpoint", "Protocol", "TopicArn", *_ATTRIBUTES)
    REQUIRED = ("Protocol", "TopicArn")
    REPLACING = ("Endpoint", "Protocol", "TopicArn")

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        made = aws(
            "sns",
            "Subscribe",
            Attributes=pick(wanted, *self._ATTRIBUTES),
            ReturnSubscriptionArn=True,
            **pick(wanted, "Endpoint", "Protocol", "TopicArn"),
        )
        return Made(made["SubscriptionArn"], {"Arn": made["SubscriptionArn"]})

    def read(self, aws: Aws, physical_id: str, wanted: Properties) -> Properties:
        return aws("sns", "GetSubscriptionAttributes", SubscriptionArn=physical_id)["Attributes"]

    def update(self, aws: Aws, made: Made, old: Properties, new: Properties) -> Made:
        for name in self._ATTRIBUTES:
            if old.get(name) != new.get(name):
                value = new.get(name, "" if name == "FilterPolicyScope" else {})
                aws(
                    "sns",
                    "SetSubscriptionAttributes",
                    SubscriptionArn=made.physical_id,
                    AttributeName=name,
                    AttributeValue=value,
                )
        return made

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        aws("sns", "Unsubscribe", SubscriptionArn=physical_id)


class Queue(Kind):
    TYPE = "AWS::SQS::Queue"
    _ATTRIBUTES = (
        "KmsDataKeyReusePeriodSeconds",
        "KmsMasterKeyId",
        "MessageRetentionPeriod",
        "RedriveAllowPolicy",
        "RedrivePolicy",
        "VisibilityTimeout",
    )
    APPLIED = ("QueueName", "Tags", *_ATTRIBUTES)
    REPLACING = ("QueueName",)

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        name = wanted.get("QueueName") or naming.name(80)
        url = aws(
            "sqs",
            "CreateQueue",
            QueueName=name,
            Attributes=pick(wanted, *self._ATTRIBUTES),
            tags=pairs(wanted.get("Tags")),
        )["QueueUrl"]
        return Made(url, {"Arn": aws.arn("sqs", name), "QueueName": name, "QueueUrl": url})

    def read(self, aws: Aws, physical_id: str, wanted: Properties) -> Properties:
        found = aws("sqs", "GetQueueAttributes", QueueUrl=physical_id, AttributeNames=["All"])["Attributes"]
        tags = aws("sqs", "ListQueueTags", QueueUrl=physical_id).get("Tags")
        return {**found, "QueueName": found["QueueArn"].rsplit(":", 1)[1], "Tags": listed(tags)}

    def update(self, aws: Aws, made: Made, old: Properties, new: Properties) -> Made:
        changed = {name: new.get(name, "") for name in self._ATTRIBUTES if old.get(name) != new.get(name)}
        if changed:
            aws("sqs", "SetQueueAttributes", QueueUrl=made.physical_id, Attributes=changed)
        aws("sqs", "UntagQueue", QueueUrl=made.physical_id, TagKeys=list(pairs(old.get("Tags"))))
        aws("sqs", "TagQueue", QueueUrl=made.physical_id, Tags=pairs(new.get("Tags")))
        return made

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        aws("sqs", "DeleteQueue", QueueUrl=physical_id)


class QueuePolicy(Kind):
    TYPE = "AWS::SQS::QueuePolicy"
    APPLIED = ("PolicyDocument", "Queues")
    REQUIRED = APPLIED

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        self._set(aws, wanted)
        return Made(naming.name())

    def _set(self, aws: Aws, wanted: Properties) -> None:
        for queue in wanted["Queues"]:
            aws("sqs", "SetQueueAttributes", QueueUrl=queue, Attributes={"Policy": wanted["PolicyDocument"]})

    def read(self, aws: Aws, physical_id: str, wanted: Properties) -> Properties:
        policies = {}
        for queue in wanted["Queues"]:
            found = aws("sqs", "GetQueueAttributes", QueueUrl=queue, AttributeNames=["Policy"])
            policies[queue] = found.get("Attributes", {}).get("Policy")
        return _one_policy("Queues", policies)

    def update(self, aws: Aws, made: Made, old: Properties, new: Properties) -> Made:
        self._set(aws, new)
        return made

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        for queue in wanted["Queues"]:
            aws("sqs", "SetQueueAttributes", QueueUrl=queue, Attributes={"Policy": ""})


KINDS = (Topic, TopicPolicy, Subscription, Queue, QueuePolicy)
