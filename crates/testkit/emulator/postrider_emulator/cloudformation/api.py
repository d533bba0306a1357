"""CloudFormation's API, and what a test may see of a stack beside it."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime
from threading import RLock
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

from .. import limits
from ..reply import AwsError, Reply
from . import template as templates
from .aws import Answer, Aws, Refused
from .change_sets import ChangeSets
from .stack import Plan, Stack
from .template import TemplateError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..accounts import Account
    from ..call import Call

_NAMED = ("ManagedPolicyName", "RoleName")
_ENDED = ("DELETE_COMPLETE",)
_KNOWN_FIELDS = re.compile(
    r"Action|Version|StackName|Template(Body|URL)"
    r"|Parameters\.member\.\d+\.(ParameterKey|ParameterValue|UsePreviousValue)"
    r"|Capabilities\.member\.\d+|UsePreviousTemplate|DisableRollback|NextToken"
    r"|ChangeSet(Name|Type)|RollbackConfiguration\.[\w.]+|RoleARN|RetainExceptOnCreate"
)


class Stacks:
    """The stacks of an account, in all its regions."""

    def __init__(self) -> None:
        self.lock = RLock()
        self.change_sets = ChangeSets()
        self._stacks: dict[tuple[str, str], list[Stack]] = {}

    def find(self, region: str, name: str) -> Stack:
        """The stack of that name or id; of those that ended, only by id. Raises AwsError."""
        for (place, _), stacks in self._stacks.items():
            for stack in stacks:
                if place == region and (stack.id == name or (stack.name == name and stack.status not in _ENDED)):
                    return stack
        raise AwsError("ValidationError", f"Stack with id {name} does not exist")

    def add(self, region: str, stack: Stack) -> None:
        """Remembers a new stack."""
        if any(one.status not in _ENDED for one in self._stacks.get((region, stack.name), [])):
            raise AwsError("AlreadyExistsException", f"Stack [{stack.name}] already exists")
        if sum(len(stacks) for stacks in self._stacks.values()) >= limits.STACKS_MAX:
            raise AwsError("LimitExceededException", f"an account has at most {limits.STACKS_MAX} stacks here")
        self._stacks.setdefault((region, stack.name), []).append(stack)

    def standing(self, region: str) -> list[Stack]:
        """Those that have not been deleted."""
        every = [stack for (place, _), stacks in self._stacks.items() if place == region for stack in stacks]
        return [stack for stack in every if stack.status not in _ENDED]


class CloudFormation:
    """Answers its calls. `answer` is the whole emulator's, by which a deployment calls the other services."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def perform(self, account: Account, call: Call, forward: Callable[[Call], Reply]) -> Reply:
        """Answers a call."""
        form = {name: values[0] for name, values in parse_qs(call.body.decode(), keep_blank_values=True).items()}
        actions = {
            "CreateChangeSet": self._create_change_set,
            "DescribeChangeSet": self._describe_change_set,
            "ExecuteChangeSet": self._execute_change_set,
            "DeleteChangeSet": self._delete_change_set,
            "ListChangeSets": self._list_change_sets,
            "CreateStack": self._create,
            "UpdateStack": self._update,
            "DeleteStack": self._delete,
            "DescribeStacks": self._describe,
            "DescribeStackEvents": self._events,
            "DescribeStackResources": self._resources,
            "ListStackResources": self._listed,
            "GetTemplate": self._template,
        }
        if call.action not in actions:
            raise AwsError("ValidationError", f"the emulator's CloudFormation has no {call.action}")
        strangers = sorted(name for name in form if not _KNOWN_FIELDS.fullmatch(name))
        if strangers:
            raise AwsError("ValidationError", f"the emulator's CloudFormation does not know {', '.join(strangers)}")
        aws = Aws(self._answer, account.number, call.region, str(call.environ.get("HTTP_HOST", "127.0.0.1")))
        with account.stacks.lock:
            try:
                result = actions[call.action](account.stacks, aws, form)
            except (TemplateError, Refused) as error:
                raise AwsError("ValidationError", str(error)) from None
        body = (
            f'<{call.action}Response xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">'
            f"<{call.action}Result>{_xml(result)}</{call.action}Result>"
            f"<ResponseMetadata><RequestId>{uuid.uuid4()}</RequestId></ResponseMetadata></{call.action}Response>"
        )
        return Reply(200, body.encode(), [("content-type", "text/xml")])

    def _create(self, stacks: Stacks, aws: Aws, form: dict[str, str]) -> dict[str, Any]:
        name = form.get("StackName", "")
        if not re.fullmatch(r"[a-zA-Z][-a-zA-Z0-9]{0,127}", name):
            raise TemplateError(f"the stack's name {name!r} is none")
        stack = Stack(aws, name)
        plan = _planned(stack, aws, form)
        stacks.add(aws.region, stack)
        stack.create(plan, _retains_except(form))
        return {"StackId": stack.id}

    def _create_change_set(self, stacks: Stacks, aws: Aws, form: dict[str, str]) -> dict[str, Any]:
        name = form.get("StackName", "")
        is_new = form.get("ChangeSetType") == "CREATE"
        is_first = False
        if is_new:
            try:
                stack = stacks.find(aws.region, name)
            except AwsError:
                stack, is_first = Stack(aws, name), True
            if stack.status != "REVIEW_IN_PROGRESS":
                raise TemplateError(f"Stack [{name}] already exists and cannot be created again with the changeSet")
        else:
            stack = _updatable(stacks.find(aws.region, name))
        plan = _planned(stack, aws, form)
        if is_first:
            # What is refused leaves no stack.
            stacks.add(aws.region, stack)
        made = stacks.change_sets.add(form.get("ChangeSetName", ""), stack, plan, is_new)
        return {"Id": made.id, "StackId": stack.id}

    def _describe_change_set(self, stacks: Stacks, aws: Aws, form: dict[str, str]) -> dict[str, Any]:
        stack = stacks.find(aws.region, form.get("StackName", ""))
        return stacks.change_sets.find(stack, form.get("ChangeSetName", "")).shown()

    def _execute_change_set(self, stacks: Stacks, aws: Aws, form: dict[str, str]) -> dict[str, Any]:
        stack = stacks.find(aws.region, form.get("StackName", ""))
        stacks.change_sets.take(stack, form.get("ChangeSetName", "")).execute(_retains_except(form))
        return {}

    def _delete_change_set(self, stacks: Stacks, aws: Aws, form: dict[str, str]) -> dict[str, Any]:
        stack = stacks.find(aws.region, form.get("StackName", ""))
        stacks.change_sets.take(stack, form.get("ChangeSetName", ""))
        return {}

    def _list_change_sets(self, stacks: Stacks, aws: Aws, form: dict[str, str]) -> dict[str, Any]:
        stack = stacks.find(aws.region, form.get("StackName", ""))
        shown = [change_set.shown() for change_set in stacks.change_sets.of(stack)]
        # What it would change is told of one only.
        return {"Summaries": [{name: one[name] for name in one if name != "Changes"} for one in shown]}

    def _update(self, stacks: Stacks, aws: Aws, form: dict[str, str]) -> dict[str, Any]:
        stack = _updatable(stacks.find(aws.region, form.get("StackName", "")))
        plan = _planned(stack, aws, form)
        if stack.plan and (plan.template, plan.values) == (stack.plan.template, stack.plan.values):
            raise TemplateError("No updates are to be performed.")
        stack.update(plan, _retains_except(form))
        return {"StackId": stack.id}

    def _delete(self, stacks: Stacks, aws: Aws, form: dict[str, str]) -> dict[str, Any]:
        stacks.find(aws.region, form.get("StackName", "")).delete()
        return {}

    def _describe(self, stacks: Stacks, aws: Aws, form: dict[str, str]) -> dict[str, Any]:
        name = form.get("StackName")
        found = [stacks.find(aws.region, name)] if name else stacks.standing(aws.region)
        return {"Stacks": [_described(stack) for stack in found]}

    def _events(self, stacks: Stacks, aws: Aws, form: dict[str, str]) -> dict[str, Any]:
        stack = stacks.find(aws.region, form.get("StackName", ""))
        events = [
            {
                "EventId": event.id,
                "StackId": stack.id,
                "StackName": stack.name,
                "LogicalResourceId": event.logical_id,
                "PhysicalResourceId": event.physical_id,
                "ResourceType": event.type,
                "ResourceStatus": event.status,
                "ResourceStatusReason": event.reason,
                "Timestamp": _instant(event.at),
            }
            for event in reversed(stack.events)
        ]
        return {"StackEvents": events}

    def _resources(self, stacks: Stacks, aws: Aws, form: dict[str, str]) -> dict[str, Any]:
        stack = stacks.find(aws.region, form.get("StackName", ""))
        return {
            "StackResources": [
                {
                    "StackName": stack.name,
                    "StackId": stack.id,
                    "LogicalResourceId": name,
                    "PhysicalResourceId": one.made.physical_id,
                    "ResourceType": one.type,
                    "ResourceStatus": "CREATE_COMPLETE",
                    "Timestamp": _instant(stack.created_at),
                }
                for name, one in stack.resources.items()
            ]
        }

    def _listed(self, stacks: Stacks, aws: Aws, form: dict[str, str]) -> dict[str, Any]:
        return {"StackResourceSummaries": self._resources(stacks, aws, form)["StackResources"]}

    def _template(self, stacks: Stacks, aws: Aws, form: dict[str, str]) -> dict[str, Any]:
        stack = stacks.find(aws.region, form.get("StackName", ""))
        return {"TemplateBody": stack.plan.text if stack.plan else ""}

    def shown(self, account: Account, region: str, name: str) -> dict[str, Any]:
        """A stack as the control endpoint shows it, with the properties of each resource as they are found now."""
        aws = Aws(self._answer, account.number, region, "127.0.0.1")
        with account.stacks.lock:
            try:
                stack = account.stacks.find(region, name)
            except AwsError as error:
                raise ValueError(str(error)) from None
            return {
                "id": stack.id,
                "status": stack.status,
                "reason": stack.reason,
                "template": stack.plan.template if stack.plan else {},
                "outputs": {one["OutputKey"]: one["OutputValue"] for one in stack.outputs},
                "resources": {name: _read_back(aws, one) for name, one in stack.resources.items()},
                "retained": [_read_back(aws, one) for one in stack.retained],
                "deleted": [_read_back(aws, one) for one in stack.deleted],
                "events": [
                    {
                        "logicalId": event.logical_id,
                        "type": event.type,
                        "status": event.status,
                        "reason": event.reason,
                    }
                    for event in stack.events
                ],
            }


def _retains_except(form: dict[str, str]) -> bool:
    return form.get("RetainExceptOnCreate") == "true"


def _updatable(stack: Stack) -> Stack:
    if stack.plan is None or not stack.status.endswith("_COMPLETE") or stack.status == "ROLLBACK_COMPLETE":
        raise TemplateError(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")
    return stack


def _read_back(aws: Aws, one: Any) -> dict[str, Any]:
    try:
        found: Any = one.found(aws)
    except (Refused, TemplateError) as error:
        found = {"refused": str(error)}
    return {
        "logicalId": one.logical_id,
        "type": one.type,
        "physicalId": one.made.physical_id,
        "attributes": one.made.attributes,
        "found": found,
        "recorded": sorted(one.record),
    }


def _planned(stack: Stack, aws: Aws, form: dict[str, str]) -> Plan:
    text = _text(stack, aws, form)
    template = templates.load(text)
    _capable(template, form)
    given: dict[str, str] = {}
    for field, name in form.items():
        found = re.fullmatch(r"(Parameters\.member\.\d+)\.ParameterKey", field)
        if not found:
            continue
        if form.get(f"{found[1]}.UsePreviousValue") == "true":
            # A default that was used before is the default again.
            if stack.plan and name in stack.plan.given:
                given[name] = stack.plan.given[name]
        else:
            given[name] = form.get(f"{found[1]}.ParameterValue", "")
    return stack.prepare(text, template, given, _triggers(stack, form))


def _triggers(stack: Stack, form: dict[str, str]) -> list[str]:
    """Alarms that undo an update, by ARN: those of the call, and if it says nothing of them those of before."""
    field = "RollbackConfiguration.RollbackTriggers"
    if any(name.startswith(field) for name in form):
        return [form[name] for name in form if re.fullmatch(rf"{re.escape(field)}\.member\.\d+\.Arn", name)]
    return stack.plan.triggers if stack.plan else []


def _text(stack: Stack, aws: Aws, form: dict[str, str]) -> str:
    if form.get("UsePreviousTemplate") == "true" and stack.plan:
        return stack.plan.text
    if "TemplateBody" in form:
        if len(form["TemplateBody"].encode()) > limits.TEMPLATE_BODY_BYTES_MAX:
            raise TemplateError(
                f"'templateBody' must have length less than or equal to {limits.TEMPLATE_BODY_BYTES_MAX}; "
                "give a TemplateURL"
            )
        return form["TemplateBody"]
    parts = urlsplit(form.get("TemplateURL", ""))
    host, path = parts.hostname or "", parts.path.lstrip("/")
    # The bucket is in the host's name, or the first part of the path.
    bucket, _, key = path.partition("/") if re.match(r"s3[.-]", host) else (host.split(".s3", 1)[0], "", path)
    if not bucket or not key:
        raise TemplateError("either TemplateBody or a TemplateURL of S3 must be given")
    text: bytes = aws("s3", "GetObject", Bucket=bucket, Key=key)["Body"].read()
    if len(text) > limits.TEMPLATE_URL_BYTES_MAX:
        raise TemplateError(f"Template may not exceed {limits.TEMPLATE_URL_BYTES_MAX} bytes in size.")
    return text.decode()


def _capable(template: dict[str, Any], form: dict[str, str]) -> None:
    has = {value for name, value in form.items() if name.startswith("Capabilities.member.")}
    of_iam = [one for one in template["Resources"].values() if one["Type"].startswith("AWS::IAM::")]
    named = any(name in (one.get("Properties") or {}) for one in of_iam for name in _NAMED)
    needs = "CAPABILITY_NAMED_IAM" if named else "CAPABILITY_IAM"
    if of_iam and not has & {needs, "CAPABILITY_NAMED_IAM"}:
        raise AwsError("InsufficientCapabilitiesException", f"Requires capabilities : [{needs}]")


def _described(stack: Stack) -> dict[str, Any]:
    given = stack.plan.values if stack.plan else {}
    declared = (stack.plan.template.get("Parameters") or {}) if stack.plan else {}
    return {
        "StackId": stack.id,
        "StackName": stack.name,
        "CreationTime": _instant(stack.created_at),
        "StackStatus": stack.status,
        "StackStatusReason": stack.reason,
        "Parameters": [
            {"ParameterKey": name, "ParameterValue": ",".join(value) if isinstance(value, list) else value}
            for name, value in ((name, given[name]) for name in declared)
        ],
        "Outputs": stack.outputs,
        "RollbackConfiguration": {
            "RollbackTriggers": [
                {"Arn": arn, "Type": "AWS::CloudWatch::Alarm"} for arn in (stack.plan.triggers if stack.plan else [])
            ]
        },
    }


def _instant(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _xml(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(f"<{name}>{_xml(one)}</{name}>" for name, one in value.items())
    if isinstance(value, list):
        return "".join(f"<member>{_xml(one)}</member>" for one in value)
    return escape(str(value))
