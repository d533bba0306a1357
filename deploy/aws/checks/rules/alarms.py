"""Alarms that can ring, say what they mean, and lead to a page that helps."""

import json
import re
from pathlib import Path

from watching.refused import Refused

from ..finding import Finding
from ..template import as_list
from . import metrics
from .environment import every_environment

RUNBOOK = Path(__file__).resolve().parents[4] / "docs" / "runbook.md"
MISSING = ("breaching", "notBreaching", "ignore")


def all_alarms(template):
    """Alarms of metrics and alarms of alarms."""
    return template.of_type("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")


def metrics_of(alarm):
    """Every metric that an alarm looks at, with its statistic and unit."""
    if "MetricName" in alarm:
        yield alarm, alarm.get("Statistic") or alarm.get("ExtendedStatistic"), alarm.get("Unit")
    for query in alarm.get("Metrics", []):
        if "MetricStat" in query:
            yield query["MetricStat"]["Metric"], query["MetricStat"]["Stat"], query["MetricStat"].get("Unit")


def decided(template):
    """Each alarm of a metric has a threshold, a rule for missing data and a number of periods."""
    for name, alarm in template.of_type("AWS::CloudWatch::Alarm"):
        if not isinstance(alarm.get("Threshold"), (int, float)):
            yield Finding("alarm-threshold", name, "has no threshold")
        if alarm.get("TreatMissingData") not in MISSING:
            yield Finding("alarm-missing-data", name, "does not say what no data means")
        if not alarm.get("EvaluationPeriods"):
            yield Finding("alarm-threshold", name, "does not say for how long")
        if "ReturnData" in json.dumps(alarm) and sum(query.get("ReturnData", True) for query in alarm["Metrics"]) != 1:
            yield Finding("alarm-threshold", name, "must look at exactly one result")


def heard(template):
    """Each alarm tells somebody, when it begins and when it is over."""
    topics = {name for name, _ in template.of_type("AWS::SNS::Topic")}
    for name, alarm in all_alarms(template):
        for key in ("AlarmActions", "OKActions"):
            if not any(template.target(action) in topics for action in as_list(alarm.get(key))):
                yield Finding("alarm-actions", name, f"its {key} tell nobody")
        if alarm.get("ActionsEnabled", True) is not True:
            yield Finding("alarm-actions", name, "is muted")


def explained(template):
    """Each alarm leads to a section of the runbook, and each section of the runbook to an alarm."""
    anchors = _anchors(RUNBOOK.read_text(encoding="utf-8"))
    linked = set()
    for name, alarm in all_alarms(template):
        text = json.dumps(alarm.get("AlarmDescription", ""))
        link = re.search(r"\$\{RunbookUrl\}#([a-z0-9-]+)", text)
        if not link:
            yield Finding("alarm-runbook", name, "its description has no link to the runbook")
            continue
        linked.add(link[1])
        if "Alarm: " not in text:
            yield Finding("alarm-runbook", name, "its description does not say when it rings")
        if link[1] not in anchors:
            yield Finding("alarm-runbook", name, f"the runbook has no section {link[1]}")
    if linked:
        for anchor in sorted(anchors - linked):
            yield Finding("alarm-runbook", anchor, "a section about an alarm that does not exist")


def _anchors(text):
    """Anchors of the sections in the chapter about alarms on AWS."""
    chapter = text.partition("\n## Alarms on AWS\n")[2].partition("\n## ")[0]
    return {
        re.sub(r"[^a-z0-9-]", "", title.lower().replace(" ", "-")) for title in re.findall(r"^### (.+)$", chapter, re.M)
    }


def emitted(template):
    """Each metric is one that the program emits, or that AWS publishes with these dimensions, of something of ours."""
    for resolver in every_environment(template):
        for name, properties in template.of_type("AWS::CloudWatch::Alarm"):
            try:
                found = list(metrics_of(resolver.value(properties)))
            except Refused as error:
                yield Finding("alarm-metric", name, f"cannot be known: {error}")
                continue
            for metric, statistic, unit in found:
                dimensions = {one["Name"]: one["Value"] for one in metric.get("Dimensions", [])}
                words = metrics.wrong(metric["Namespace"], metric["MetricName"], dimensions, statistic, unit)
                for one in [words] if words else metrics.wrong_values(resolver, dimensions):
                    yield Finding("alarm-metric", name, one)


def in_time(template):
    """An alarm about duration rings before the function is cut off."""
    for name, alarm in template.of_type("AWS::CloudWatch::Alarm"):
        if alarm.get("MetricName") == "Duration":
            function = template.target(alarm["Dimensions"][0]["Value"])
            timeout_ms = template.resources[function]["Properties"]["Timeout"] * 1000
            if not timeout_ms / 2 <= alarm["Threshold"] < timeout_ms:
                yield Finding("alarm-duration", name, f"{function} is cut off at {timeout_ms} ms")


def windows(template):
    """CloudWatch looks back a day at most, or a week where periods are of an hour at least."""
    for name, alarm in template.of_type("AWS::CloudWatch::Alarm"):
        periods = max(int(one) for one in _periods(template, alarm))
        length = alarm.get("Period") or next(q["MetricStat"]["Period"] for q in alarm["Metrics"] if "MetricStat" in q)
        if periods * length > (604_800 if length >= 3600 else 86_400):
            yield Finding("alarm-window", name, "looks back further than CloudWatch does")
        if (
            not isinstance(alarm["EvaluationPeriods"], dict)
            and alarm.get("DatapointsToAlarm", 1) > alarm["EvaluationPeriods"]
        ):
            yield Finding("alarm-window", name, "can never have as many data points")


def _periods(template, alarm):
    value = alarm.get("EvaluationPeriods", 1)
    if isinstance(value, dict):
        return [template.parameters[value["Ref"]]["MaxValue"]]
    return [value]


RULES = [decided, heard, explained, emitted, in_time, windows]
