"""What a resource type is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from ..aws import Aws, Refused

Properties = dict[str, Any]


@dataclass
class Made:
    """A resource that was made: its physical id, which Ref is, and what GetAtt may ask for."""

    physical_id: str
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass
class Naming:
    """Where a resource without a name of its own gets one."""

    stack: str
    logical_id: str
    suffix: str

    def name(self, longest: int = 255) -> str:
        """A name that no other resource has."""
        return f"{self.stack}-{self.logical_id}"[: longest - len(self.suffix) - 1] + f"-{self.suffix}"


class Kind:
    """One resource type: how it is made, read back, changed and deleted through the services' APIs.

    A property that is in none of the lists is refused.
    """

    TYPE: ClassVar[str]
    # What is applied through an API and read back through one.
    APPLIED: ClassVar[tuple[str, ...]] = ()
    # What no API of the emulator keeps: a record of the deployment holds it. The deployment says which these are.
    RECORDED: ClassVar[tuple[str, ...]] = ()
    REQUIRED: ClassVar[tuple[str, ...]] = ()
    # What cannot change in place: a change makes another resource.
    REPLACING: ClassVar[tuple[str, ...]] = ()

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        """Makes it."""
        raise NotImplementedError

    def read(self, aws: Aws, physical_id: str, wanted: Properties) -> Properties:
        """What the services say of it now, of whatever was wanted. Raises Refused where it is not there."""
        raise NotImplementedError

    def update(self, aws: Aws, made: Made, old: Properties, new: Properties) -> Made:
        """Changes it in place."""
        raise Refused("NotUpdatable", f"the emulator cannot change {_changed(old, new)} of {self.TYPE} in place")

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        """Deletes it."""
        raise NotImplementedError


def _changed(old: Properties, new: Properties) -> str:
    return ", ".join(sorted(name for name in {*old, *new} if old.get(name) != new.get(name)))


def pairs(tags: Any) -> dict[str, str]:
    """Tags as an object, whichever of AWS's forms they have."""
    if isinstance(tags, dict):
        return {str(key): str(value) for key, value in tags.items()}
    return {
        tag.get("Key", tag.get("key", tag.get("TagKey"))): str(tag.get("Value", tag.get("value", tag.get("TagValue"))))
        for tag in tags or []
    }


def listed(tags: Any) -> list[dict[str, str]]:
    """Tags as a list of keys and values."""
    return [{"Key": key, "Value": value} for key, value in pairs(tags).items()]


def pick(source: Properties, *names: str) -> Properties:
    """Those of the properties that are there."""
    return {name: source[name] for name in names if name in source}


class Recorded(Kind):
    """A type of which no service of the emulator knows anything: what was wanted is recorded, and nothing happens."""

    # Which property names it, if it has a name.
    NAME: ClassVar[str] = ""
    # What GetAtt of its ARN is: service and the beginning of the resource. None where it has no ARN.
    ARN: ClassVar[tuple[str, str] | None] = None

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        """Gives it an id."""
        name = str(wanted.get(self.NAME) or naming.name(64))
        return Made(name, {"Arn": aws.arn(self.ARN[0], self.ARN[1] + name)} if self.ARN else {})

    def read(self, aws: Aws, physical_id: str, wanted: Properties) -> Properties:
        """Nothing: it is in the record."""
        return {}

    def update(self, aws: Aws, made: Made, old: Properties, new: Properties) -> Made:
        """Nothing: the record changes."""
        return made

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        """Nothing: the record goes."""
