"""A stack, and its way through its states."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field, replace
from typing import Any

from .. import limits
from . import graph, intrinsics, parameters, resource
from .aws import Aws
from .intrinsics import Scope
from .kinds.kind import Naming
from .resource import Failed, Resource
from .template import TemplateError


@dataclass
class Event:
    """What happened to a resource, or to the stack itself."""

    logical_id: str
    type: str
    physical_id: str
    status: str
    reason: str
    at: float = field(default_factory=time.time)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass
class Plan:
    """A template with values: what a stack is to become."""

    text: str
    template: dict[str, Any]
    given: dict[str, str]
    values: dict[str, Any]
    # Alarms, by ARN, that undo an update while they ring.
    triggers: list[str]


class Stack:
    """A stack. Every step answers when it is done: nothing happens in the background."""

    def __init__(self, aws: Aws, name: str) -> None:
        self.name = name
        self.id = aws.arn("cloudformation", f"stack/{name}/{uuid.uuid4()}")
        self.status = "REVIEW_IN_PROGRESS"
        self.reason = ""
        self.created_at = time.time()
        self.plan: Plan | None = None
        self.resources: dict[str, Resource] = {}
        self.retained: list[Resource] = []
        self.deleted: list[Resource] = []
        self.outputs: list[dict[str, str]] = []
        self.events: list[Event] = []
        self._aws = aws

    def prepare(self, text: str, template: dict[str, Any], given: dict[str, str], triggers: list[str]) -> Plan:
        """Checks a template and values before anything is made. Raises TemplateError."""
        aws = self._aws
        values = parameters.values_of(template, given)
        for one in template["Resources"].values():
            resource.kind_of(one["Type"])
        pseudo = {
            "AWS::AccountId": aws.account,
            "AWS::Partition": "aws",
            "AWS::Region": aws.region,
            "AWS::StackId": self.id,
            "AWS::StackName": self.name,
            "AWS::URLSuffix": "amazonaws.com",
        }
        plan = Plan(text, template, given, {**values, **pseudo}, triggers)
        scope = self.scope(plan, {})
        parameters.check_rules(template, scope)
        graph.ordered(template["Resources"], scope)
        return plan

    def create(self, plan: Plan, retain_except_on_create: bool = False) -> None:
        """Makes everything, or takes back what it made, but what has a policy to stay: unless that is not to count yet."""
        self._tell_own("CREATE_IN_PROGRESS", "User Initiated")
        try:
            self._apply(plan)
        except (Failed, TemplateError) as error:
            self._tell_own("ROLLBACK_IN_PROGRESS", str(error))
            made = reversed(list(self.resources.items()))
            self.resources = {name: one for name, one in made if not self._take_away(one, retain_except_on_create)}
            self._tell_own("ROLLBACK_FAILED" if self.resources else "ROLLBACK_COMPLETE", str(error))
            return
        finally:
            self.plan = plan
        self._tell_own("CREATE_COMPLETE", "")

    def update(self, plan: Plan, retain_except_on_create: bool = False) -> None:
        """Changes what is other, or changes it back."""
        before, outputs = dict(self.resources), self.outputs
        self._tell_own("UPDATE_IN_PROGRESS", "User Initiated")
        try:
            order = self._apply(plan)
            self._watch(plan.triggers)
        except (Failed, TemplateError) as error:
            self._tell_own("UPDATE_ROLLBACK_IN_PROGRESS", str(error))
            self._take_back(before, retain_except_on_create)
            self.outputs = outputs
            self._tell_own("UPDATE_ROLLBACK_COMPLETE", str(error))
            return
        self._tell_own("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "")
        for name, one in reversed(list(before.items())):
            is_gone = name not in order
            now = self.resources.pop(name) if is_gone else self.resources[name]
            if is_gone or now.made.physical_id != one.made.physical_id:
                try:
                    self._dispose(one, one.deletion_policy if is_gone else one.replace_policy)
                except Failed:
                    # The update stands, and what could not be cleaned up is told in the events, as on AWS.
                    continue
        self.plan = plan
        self._tell_own("UPDATE_COMPLETE", "")

    def delete(self) -> None:
        """Deletes everything that is not to be retained, the last first."""
        self._tell_own("DELETE_IN_PROGRESS", "User Initiated")
        for name, one in reversed(list(self.resources.items())):
            try:
                self._dispose(one, one.deletion_policy)
            except Failed as error:
                self._tell_own("DELETE_FAILED", f"The following resource(s) failed to delete: [{name}]: {error}")
                return
            del self.resources[name]
        self.outputs = []
        self._tell_own("DELETE_COMPLETE", "")

    def scope(self, plan: Plan, resources: dict[str, Resource]) -> Scope:
        """What expressions of the plan's template may refer to, with these resources."""
        references = {name: (one.made.physical_id, one.made.attributes) for name, one in resources.items()}
        template = plan.template
        return Scope(plan.values, template.get("Mappings") or {}, template.get("Conditions") or {}, references)

    def _apply(self, plan: Plan) -> list[str]:
        """Makes and changes resources in order, and tells the order. Raises Failed or TemplateError."""
        order = graph.ordered(plan.template["Resources"], self.scope(plan, {}))
        if len(order) > limits.STACK_RESOURCES_MAX:
            raise TemplateError(f"Template format error: a stack has at most {limits.STACK_RESOURCES_MAX} resources")
        settled: dict[str, Resource] = {}
        for name in order:
            scope = self.scope(plan, settled)
            declared = plan.template["Resources"][name]
            try:
                wanted = intrinsics.resolve(declared.get("Properties") or {}, scope)
                settled[name] = self.resources[name] = self._settle(name, declared, wanted)
            except (Failed, TemplateError) as error:
                verb = "UPDATE" if name in self.resources else "CREATE"
                self._tell(name, declared["Type"], "", f"{verb}_FAILED", str(error))
                raise Failed(f"The following resource(s) failed: [{name}]: {error}") from None
        scope = self.scope(plan, settled)
        self.outputs = [
            {
                "OutputKey": key,
                "OutputValue": str(intrinsics.resolve(one["Value"], scope)),
                "Description": one.get("Description", ""),
            }
            for key, one in (plan.template.get("Outputs") or {}).items()
            if "Condition" not in one or scope.is_met(one["Condition"])
        ]
        return order

    def _watch(self, triggers: list[str]) -> None:
        """Raises Failed where an alarm rings that undoes what was done."""
        names = [arn.rsplit(":", 1)[1] for arn in triggers]
        for one in self._aws("cloudwatch", "DescribeAlarms", AlarmNames=names)["MetricAlarms"] if names else []:
            if one["StateValue"] == "ALARM":
                raise Failed(f"Rollback triggered: {one['AlarmArn']} is in ALARM")

    def _settle(self, name: str, declared: dict[str, Any], wanted: dict[str, Any]) -> Resource:
        old = self.resources.get(name)
        if old is not None and old.type != declared["Type"]:
            raise Failed(f"Update of resource type is not permitted: {old.type} to {declared['Type']}")
        if old is not None and old.wanted == wanted:
            old.deletion_policy = declared.get("DeletionPolicy", "Delete")
            old.replace_policy = declared.get("UpdateReplacePolicy", "Delete")
            return old
        if old is not None and not resource.is_replaced(old, wanted):
            try:
                changed = resource.update(self._aws, old, wanted)
            except Failed:
                # Some of it may have been done: it is changed back like the others.
                self.resources[name] = replace(old, wanted=wanted)
                raise
            self._tell_of(changed, "UPDATE_COMPLETE")
            return changed
        naming = Naming(self.name, name, uuid.uuid4().hex[:12].upper())
        made = resource.create(self._aws, naming, declared, wanted)
        status = "CREATE_COMPLETE" if old is None else "UPDATE_COMPLETE"
        self._tell_of(made, status, "" if old is None else "Requested update required the creation of a new resource")
        return made

    def _take_back(self, before: dict[str, Resource], retain_except_on_create: bool) -> None:
        for name, one in reversed(list(self.resources.items())):
            old = before.get(name)
            if old is None or old.made.physical_id != one.made.physical_id:
                self._take_away(one, retain_except_on_create)
            elif old is not one:
                try:
                    resource.update(self._aws, one, old.wanted)
                    self._tell_of(old, "UPDATE_COMPLETE", "changed back")
                except Failed as error:
                    self._tell_of(one, "UPDATE_FAILED", str(error))
        self.resources = before

    def _take_away(self, one: Resource, retain_except_on_create: bool) -> bool:
        """Takes back what was made just now, and says whether the stack is rid of it. What fails does not end a rollback."""
        try:
            self._dispose(one, "Delete" if retain_except_on_create else one.deletion_policy)
        except Failed:
            return False
        return True

    def _dispose(self, one: Resource, policy: str) -> None:
        if policy != "Delete":
            self.retained.append(one)
            self._tell_of(one, "DELETE_SKIPPED")
            return
        try:
            resource.delete(self._aws, one)
        except Failed as error:
            self._tell_of(one, "DELETE_FAILED", str(error))
            raise
        self.deleted.append(one)
        self._tell_of(one, "DELETE_COMPLETE")

    def _tell_own(self, status: str, reason: str) -> None:
        self.status, self.reason = status, reason
        self._tell(self.name, "AWS::CloudFormation::Stack", self.id, status, reason)

    def _tell_of(self, one: Resource, status: str, reason: str = "") -> None:
        self._tell(one.logical_id, one.type, one.made.physical_id, status, reason)

    def _tell(self, name: str, kind: str, physical_id: str, status: str, reason: str) -> None:
        self.events.append(Event(name, kind, physical_id, status, reason))
        del self.events[: -limits.STACK_EVENTS_MAX]
