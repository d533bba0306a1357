"""What the functions' logs say about sends: the only thing that knows of those which a restored table has forgotten."""

import json
from datetime import timedelta

from .state import Refused

# With these an attempt ended without anything having left: given back, to be tried again, refused, void, suppressed.
NOT_SENT = {"queued", "deferred", "failed", "dead", "canceled", "suppressed", "held"}
# The levels at which attempts are told of.
LEVELS = {"TRACE", "DEBUG", "INFO"}
LOGS = ("DispatchLogGroupName", "SweepLogGroupName", "ApiLogGroupName")
# The clocks of functions and table may differ by this much; an attempt too many is only looked at in vain.
CLOCKS_DIFFER = timedelta(minutes=5)


def need_level(clients, outputs):
    """Refuses where the functions, as they are deployed, leave out the lines that tell of sends."""
    for name in ("Dispatch", "Sweep", "Api"):
        function = outputs[f"{name}FunctionArn"]
        level = clients.aws_lambda.get_function_configuration(FunctionName=function).get("LoggingConfig", {})
        if level.get("ApplicationLogLevel", "INFO") not in LEVELS:
            raise Refused(
                f"{function} logs {level['ApplicationLogLevel']} only, and so does not tell what it sent; --without-logs "
                "leaves everything to a person"
            )


def tells_of_beginnings(lines):
    """Whether attempts are told of from their beginning, and not by their end alone."""
    return any('"attempt begins"' in line for line in lines) or not any('"attempt ended"' in line for line in lines)


def may_have_been_sent(lines):
    """The notifications of which an attempt began and nothing says that it did not send."""
    begun, ended = set(), {}
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        said = entry.get("fields", entry) if isinstance(entry, dict) else {}
        about = said.get("notification_id"), str(said.get("attempt"))
        if said.get("message") == "attempt begins":
            begun.add(about)
        elif said.get("message") == "attempt ended":
            ended[about] = said["status"]
    # An attempt that ended as sent counts even if the line of its beginning is lost.
    sent = {about for about, status in ended.items() if status not in NOT_SENT}
    unsure = {about for about in begun if about not in ended}
    return {notification for notification, _ in sent | unsure}


def lines_since(clients, outputs, moment):
    """The lines about attempts since `moment`, of every function that sends."""
    since_ms = int((moment - CLOCKS_DIFFER).timestamp() * 1000)
    pages = clients.logs.get_paginator("filter_log_events")
    for group in LOGS:
        for page in pages.paginate(logGroupName=outputs[group], startTime=since_ms, filterPattern='"attempt"'):
            yield from (event["message"] for event in page["events"])
