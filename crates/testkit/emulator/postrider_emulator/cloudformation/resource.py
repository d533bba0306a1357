"""One resource of a stack: made, read back, changed, deleted."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from .aws import Aws, Refused
from .kinds import BY_TYPE, Kind
from .kinds.kind import Made, Naming
from .shape import as_wanted, missing
from .template import TemplateError

_POLICIES = ("Delete", "Retain", "RetainExceptOnCreate", "Snapshot")


class Failed(Exception):
    """A resource could not be made, changed or deleted. Words why."""


@dataclass
class Resource:
    """A resource that exists. `wanted` are its properties with every function resolved."""

    logical_id: str
    type: str
    wanted: dict[str, Any]
    made: Made
    # What stands in no service.
    record: dict[str, Any] = field(default_factory=dict)
    deletion_policy: str = "Delete"
    replace_policy: str = "Delete"

    def found(self, aws: Aws) -> dict[str, Any]:
        """Its properties as they are now, in the form of what was wanted."""
        read = as_wanted(self.wanted, kind_of(self.type).read(aws, self.made.physical_id, self.wanted))
        return {**read, **self.record}


def kind_of(name: str) -> Kind:
    """The type of that name. Raises TemplateError."""
    if name not in BY_TYPE:
        raise TemplateError(f"Template format error: Unrecognized resource types: [{name}]; the emulator has none")
    return BY_TYPE[name]


def _checked(kind: Kind, wanted: dict[str, Any]) -> None:
    strangers = sorted(set(wanted) - set(kind.APPLIED) - set(kind.RECORDED))
    if strangers:
        raise Failed(f"Encountered unsupported property {', '.join(strangers)} of {kind.TYPE}")
    absent = sorted(name for name in kind.REQUIRED if name not in wanted)
    if absent:
        raise Failed(f"Properties validation failed: {kind.TYPE} must have {', '.join(absent)}")


def _kept(aws: Aws, resource: Resource) -> Resource:
    """The resource, if every property that was wanted is there. Raises Failed."""
    lost = missing(resource.wanted, resource.found(aws))
    if lost:
        raise Failed(f"the emulator did not keep {', '.join(lost)} of {resource.type}: it would lie about them")
    return resource


def create(aws: Aws, naming: Naming, declared: dict[str, Any], wanted: dict[str, Any]) -> Resource:
    """Makes it and reads it back. Raises Failed; what does not read back is deleted again."""
    kind = kind_of(declared["Type"])
    policies = [declared.get(name, "Delete") for name in ("DeletionPolicy", "UpdateReplacePolicy")]
    if any(policy not in _POLICIES for policy in policies):
        raise Failed(f"a policy must be one of {', '.join(_POLICIES)} and is {policies}")
    _checked(kind, wanted)
    try:
        made = kind.create(aws, naming, copy.deepcopy(wanted))
        record = {name: copy.deepcopy(wanted[name]) for name in kind.RECORDED if name in wanted}
        resource = Resource(naming.logical_id, kind.TYPE, wanted, made, record, *policies)
    except (Refused, TemplateError) as error:
        raise Failed(str(error)) from None
    try:
        return _kept(aws, resource)
    except (Refused, TemplateError, Failed) as error:
        kind.delete(aws, made.physical_id, wanted)
        raise Failed(str(error)) from None


def is_replaced(old: Resource, wanted: dict[str, Any]) -> bool:
    """Whether a change makes another resource of it."""
    return any(old.wanted.get(name) != wanted.get(name) for name in kind_of(old.type).REPLACING)


def update(aws: Aws, old: Resource, wanted: dict[str, Any]) -> Resource:
    """Changes it in place and reads it back. Raises Failed."""
    kind = kind_of(old.type)
    _checked(kind, wanted)
    try:
        made = kind.update(aws, old.made, old.wanted, copy.deepcopy(wanted))
        record = {name: copy.deepcopy(wanted[name]) for name in kind.RECORDED if name in wanted}
        changed = Resource(old.logical_id, old.type, wanted, made, record, old.deletion_policy, old.replace_policy)
        return _kept(aws, changed)
    except (Refused, TemplateError) as error:
        raise Failed(str(error)) from None


def delete(aws: Aws, resource: Resource) -> None:
    """Deletes it. Raises Failed."""
    try:
        kind_of(resource.type).delete(aws, resource.made.physical_id, resource.wanted)
    except (Refused, TemplateError) as error:
        raise Failed(str(error)) from None
