"""Stopping whatever sends, and letting it run again."""

import time
from datetime import datetime, timedelta

from .state import Refused, now

# What may be under way when its trigger is off: the longest time-out of a function.
SENDERS = ("Dispatch", "Sweep")
# What reads queues. Reports must wait too: one recorded now would be missing in the restored table.
TAKERS = ("Dispatch", "Feedback")
# What a schedule is, besides what it says of itself.
SCHEDULE = (
    "Name",
    "GroupName",
    "State",
    "Description",
    "ScheduleExpression",
    "ScheduleExpressionTimezone",
    "StartDate",
    "EndDate",
    "ActionAfterCompletion",
    "FlexibleTimeWindow",
    "KmsKeyArn",
    "Target",
)
LOOK_SECS = 2
# As long as a mapping takes on AWS, and more.
PATIENCE_SECS = 600


def stop(clients, outputs, state, wait_secs):
    """Nothing is taken from the order queue, no schedule runs, and callers of the API are turned away."""
    if "stopped_at" in state.values:
        raise Refused(f"{state.path} says that it stopped at {state['stopped_at']}; another drill needs another file")
    functions = {name: function_name(outputs, name) for name in SENDERS}
    # What was so before is written down first and once: also after a run that broke off, `start` puts it back.
    if "concurrency" not in state.values:
        before = {one: clients.aws_lambda.get_function_concurrency(FunctionName=one) for one in functions.values()}
        state.note(
            concurrency={one: value.get("ReservedConcurrentExecutions") for one, value in before.items()},
            mappings=[mapping for name in TAKERS for mapping in _enabled(clients, outputs[f"{name}FunctionArn"])],
            throttle=_throttle_of(clients, outputs),
            schedule=_schedule_of(clients, outputs),
        )
    # A schedule is what an update of the stack does not switch on again.
    if state["schedule"]:
        _set_schedule(clients, state["schedule"], "DISABLED")
    for mapping in state["mappings"]:
        clients.aws_lambda.update_event_source_mapping(UUID=mapping, Enabled=False)
    for mapping in state["mappings"]:
        _until_disabled(clients, mapping)
    if state["throttle"]:
        _set_throttle(clients, outputs, {key: _none_of(value) for key, value in state["throttle"].items()})
    for function in functions.values():
        clients.aws_lambda.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    print(f"stopped; waiting {wait_secs} s for what is under way to end")
    time.sleep(wait_secs)
    # A table is restored to a full second, and whatever was written by now belongs to it.
    state.note(stopped_at=(now().replace(microsecond=0) + timedelta(seconds=1)).isoformat())
    print(f"nothing is sent since {state['stopped_at']}")


def stay_stopped(clients, state):
    """Sees to it that nothing runs again because the functions were updated."""
    for function in state.need("concurrency", "nothing was stopped"):
        clients.aws_lambda.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)


def need_stopped(clients, outputs, state):
    """Refuses while anything could send."""
    for function in state.need("concurrency", "nothing was stopped"):
        reserved = clients.aws_lambda.get_function_concurrency(FunctionName=function)
        if reserved.get("ReservedConcurrentExecutions") != 0:
            raise Refused(f"{function} may run: its reserved concurrency is not 0 any more; set it to 0, and look what it sent")
    for mapping in state["mappings"]:
        if clients.aws_lambda.get_event_source_mapping(UUID=mapping)["State"] != "Disabled":
            raise Refused(f"the event source mapping {mapping} is on again; switch it off, and look what was sent")
    schedule = _schedule_of(clients, outputs)
    if schedule and schedule["State"] != "DISABLED":
        raise Refused(f"the schedule {schedule['Name']} is on again; switch it off, and look what was sent")


def start(clients, outputs, state):
    """Everything as it was before `stop`."""
    for function, concurrency in state.need("concurrency", "nothing was stopped").items():
        if concurrency is None:
            clients.aws_lambda.delete_function_concurrency(FunctionName=function)
        else:
            clients.aws_lambda.put_function_concurrency(
                FunctionName=function, ReservedConcurrentExecutions=concurrency
            )
    if state["throttle"]:
        _set_throttle(clients, outputs, state["throttle"])
    for mapping in state["mappings"]:
        clients.aws_lambda.update_event_source_mapping(UUID=mapping, Enabled=True)
    if state["schedule"]:
        _set_schedule(clients, state["schedule"], state["schedule"]["State"])
    print("it runs again")


def function_name(outputs, name):
    """The function behind its alias."""
    return outputs[f"{name}FunctionArn"].split(":function:")[1].split(":")[0]


def _enabled(clients, function):
    mappings = clients.aws_lambda.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
    return [one["UUID"] for one in mappings if one["State"] in ("Enabled", "Enabling")]


def _until_disabled(clients, mapping):
    for _ in range(PATIENCE_SECS // LOOK_SECS):
        if clients.aws_lambda.get_event_source_mapping(UUID=mapping)["State"] == "Disabled":
            return
        time.sleep(LOOK_SECS)
    raise Refused(f"the event source mapping {mapping} is not off after {PATIENCE_SECS} s; look, and run this again")


def _schedule_of(clients, outputs):
    if "SweepScheduleName" not in outputs:
        return None
    known = clients.scheduler.get_schedule(Name=outputs["SweepScheduleName"], GroupName=outputs["ScheduleGroupName"])
    # All of it, because what is left out when it is set is forgotten. But a beginning that is over, which the scheduler
    # would refuse and which says nothing any more.
    begins = known.get("StartDate")
    over = {"StartDate"} if begins is not None and begins <= now() else set()
    return {key: _written(known[key]) for key in SCHEDULE if key in known and key not in over}


def _written(value):
    """As it stands in a file of JSON, which the scheduler takes as well."""
    return value.isoformat() if isinstance(value, datetime) else value


def _set_schedule(clients, schedule, state):
    clients.scheduler.update_schedule(**(schedule | {"State": state}))


def _throttle_of(clients, outputs):
    if "ApiUrl" not in outputs:
        return None
    stage = clients.apigatewayv2.get_stage(ApiId=_api_id(outputs), StageName="$default")
    # All of them, because what is left out when they are set is forgotten. A route's own limit comes before the stage's.
    return {"DefaultRouteSettings": stage["DefaultRouteSettings"], "RouteSettings": stage.get("RouteSettings", {})}


def _none_of(settings):
    """The same where nobody may ask anything: of the stage, or of each of its routes."""
    if all(isinstance(value, dict) for value in settings.values()):
        return {route: _none_of(own) for route, own in settings.items()}
    return settings | {"ThrottlingRateLimit": 0, "ThrottlingBurstLimit": 0}


def _set_throttle(clients, outputs, throttle):
    clients.apigatewayv2.update_stage(ApiId=_api_id(outputs), StageName="$default", **throttle)


def _api_id(outputs):
    return outputs["ApiUrl"].removeprefix("https://").split(".")[0]
