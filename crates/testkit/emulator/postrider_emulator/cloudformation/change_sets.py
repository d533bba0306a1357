"""Change sets: what a stack would become, shown before it does."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from .. import limits
from . import graph, intrinsics, resource
from .stack import Plan, Stack
from .template import TemplateError

NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."


@dataclass
class ChangeSet:
    """A plan for a stack, and what it would change."""

    name: str
    stack: Stack
    plan: Plan
    is_new: bool
    changes: list[dict[str, str]]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def status(self) -> str:
        """Whether it can be executed."""
        return "CREATE_COMPLETE" if self.changes else "FAILED"

    def shown(self) -> dict[str, Any]:
        """As DescribeChangeSet shows it."""
        return {
            "ChangeSetName": self.name,
            "ChangeSetId": self.id,
            "StackName": self.stack.name,
            "StackId": self.stack.id,
            "Status": self.status,
            "StatusReason": "" if self.changes else NO_CHANGES,
            "ExecutionStatus": "AVAILABLE" if self.changes else "UNAVAILABLE",
            "Changes": [{"Type": "Resource", "ResourceChange": one} for one in self.changes],
        }

    def execute(self, retain_except_on_create: bool) -> None:
        """Does it. If it fails, what was new and has a policy to stay stays, unless that is not to count yet."""
        if not self.changes:
            raise TemplateError(f"ChangeSet [{self.name}] cannot be executed in its current status of [FAILED]")
        if self.is_new:
            self.stack.create(self.plan, retain_except_on_create)
        else:
            self.stack.update(self.plan, retain_except_on_create)


class ChangeSets:
    """Those of one account that have been neither executed nor deleted."""

    def __init__(self) -> None:
        self._by_name: dict[tuple[str, str], ChangeSet] = {}

    def add(self, name: str, stack: Stack, plan: Plan, is_new: bool) -> ChangeSet:
        """Makes one."""
        if len(self._by_name) >= limits.STACKS_MAX:
            raise TemplateError(f"an account has at most {limits.STACKS_MAX} change sets here")
        if (stack.id, name) in self._by_name:
            raise TemplateError(f"ChangeSet {name} already exists")
        made = ChangeSet(name, stack, plan, is_new, _changes(stack, plan))
        self._by_name[stack.id, name] = made
        return made

    def find(self, stack: Stack, name: str) -> ChangeSet:
        """The one of that name."""
        found = self._by_name.get((stack.id, name))
        if found is None:
            raise TemplateError(f"ChangeSet [{name}] does not exist")
        return found

    def of(self, stack: Stack) -> list[ChangeSet]:
        """Those of a stack."""
        return [one for one in self._by_name.values() if one.stack is stack]

    def take(self, stack: Stack, name: str) -> ChangeSet:
        """The same, which is gone then."""
        found = self.find(stack, name)
        del self._by_name[stack.id, name]
        return found


def _changes(stack: Stack, plan: Plan) -> list[dict[str, str]]:
    order = graph.ordered(plan.template["Resources"], stack.scope(plan, {}))
    changes = []
    for name in order:
        declared = plan.template["Resources"][name]
        old = stack.resources.get(name)
        change = {"LogicalResourceId": name, "ResourceType": declared["Type"]}
        if old is None:
            changes.append({"Action": "Add"} | change)
            continue
        try:
            wanted = intrinsics.resolve(declared.get("Properties") or {}, stack.scope(plan, stack.resources))
        except TemplateError:
            # It refers to something that is still to be made.
            changes.append({"Action": "Modify", "Replacement": "Conditional"} | change)
            continue
        if wanted != old.wanted:
            is_replaced = str(resource.is_replaced(old, wanted))
            changes.append({"Action": "Modify", "Replacement": is_replaced} | change)
    gone = [(name, old) for name, old in stack.resources.items() if name not in order]
    return changes + [{"Action": "Remove", "LogicalResourceId": name, "ResourceType": old.type} for name, old in gone]
