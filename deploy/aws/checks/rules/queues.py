"""Queues and topics: nothing lost, nothing overheard."""

import json

from ..finding import Finding
from ..template import as_list

TWO_WEEKS_SECONDS = 1_209_600


def patient(template):
    """A message stays hidden for six times as long as its function may take, and for the batching window."""
    for name, source in template.of_type("AWS::Lambda::EventSourceMapping"):
        queue = template.resources[template.target(source["EventSourceArn"])]["Properties"]
        function = template.function_of(source["FunctionName"])
        timeout = template.resources[function]["Properties"].get("Timeout", 3)
        needed = 6 * timeout + source.get("MaximumBatchingWindowInSeconds", 0)
        if queue.get("VisibilityTimeout", 30) < needed:
            yield Finding(
                "queue-visibility",
                name,
                f"its queue hides messages for less than {needed} s, though {function} may take {timeout} s",
            )


def batched(template):
    """A batch reports which of its messages failed, waits a moment to be full, and no more run than SES takes."""
    for name, source in template.of_type("AWS::Lambda::EventSourceMapping"):
        if source.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
            yield Finding("event-source", name, "one bad message fails its whole batch")
        if not source.get("MaximumBatchingWindowInSeconds"):
            yield Finding("event-source", name, "does not wait for a batch to fill")
        if "SendRate" not in json.dumps(source.get("ScalingConfig", {}).get("MaximumConcurrency", "")):
            yield Finding("event-source", name, "its concurrency is not derived from the rate of SES")


def dead_letters(template):
    """Whatever cannot be taken or delivered is kept for two weeks: from queues, subscriptions and schedules."""
    dead = set()
    for _, source in template.of_type("AWS::Lambda::EventSourceMapping"):
        queue = template.target(source["EventSourceArn"])
        redrive = template.resources[queue]["Properties"].get("RedrivePolicy")
        if not redrive:
            yield Finding("dead-letters", queue, "has no dead-letter queue")
            continue
        if int(redrive["maxReceiveCount"]) < 3:
            yield Finding("dead-letters", queue, "gives a message up after fewer than three tries")
        dead.add(template.target(redrive["deadLetterTargetArn"]))
    for name, subscription in template.of_type("AWS::SNS::Subscription"):
        if subscription["Protocol"] == "sqs" and not subscription.get("RedrivePolicy"):
            yield Finding("dead-letters", name, "drops what it cannot deliver")
        elif "RedrivePolicy" in subscription:
            dead.add(template.target(subscription["RedrivePolicy"]["deadLetterTargetArn"]))
    for name, schedule in template.of_type("AWS::Scheduler::Schedule"):
        if not schedule["Target"].get("DeadLetterConfig"):
            yield Finding("dead-letters", name, "drops runs that do not begin")
        else:
            dead.add(template.target(schedule["Target"]["DeadLetterConfig"]["Arn"]))
    for queue in sorted(dead):
        if template.resources[queue]["Properties"].get("MessageRetentionPeriod") != TWO_WEEKS_SECONDS:
            yield Finding("dead-letters", queue, "keeps dead letters for less than two weeks")
        if not any(queue in template.references(alarm) for _, alarm in template.of_type("AWS::CloudWatch::Alarm")):
            yield Finding("dead-letters", queue, "fills without anybody being told")


def over_tls(template):
    """Every topic and queue refuses whoever comes without TLS."""
    closed = set()
    for _, _, statement in template.statements():
        if statement.get("Effect") == "Deny" and statement.get("Condition") == {
            "Bool": {"aws:SecureTransport": "false"}
        }:
            closed |= {template.target(resource) for resource in as_list(statement["Resource"])}
    for name, _ in template.of_type("AWS::SNS::Topic", "AWS::SQS::Queue"):
        if name not in closed:
            yield Finding("tls-only", name, "can be reached without TLS")


RULES = [patient, batched, dead_letters, over_tls]
