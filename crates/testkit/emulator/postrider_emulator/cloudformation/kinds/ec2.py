"""What everything of EC2 has in common."""

from __future__ import annotations

from typing import Any

from ..aws import Aws, Refused
from .kind import Kind, Made, Properties, listed


class Ec2(Kind):
    """Something of EC2, which shows its tags with itself."""

    # In tag specifications.
    LABEL = ""

    def _tags(self, wanted: Properties) -> list[dict[str, Any]] | None:
        tags = listed(wanted.get("Tags"))
        return [{"ResourceType": self.LABEL, "Tags": tags}] if tags else None

    def update(self, aws: Aws, made: Made, old: Properties, new: Properties) -> Made:
        other = sorted(name for name in {*old, *new} if old.get(name) != new.get(name) and name != "Tags")
        if other:
            raise Refused("NotUpdatable", f"the emulator cannot change {', '.join(other)} of {self.TYPE} in place")
        aws("ec2", "DeleteTags", Resources=[made.physical_id], Tags=listed(old.get("Tags")))
        aws("ec2", "CreateTags", Resources=[made.physical_id], Tags=listed(new.get("Tags")))
        return made


def one_of(found: list[Properties]) -> Properties:
    """The one that was asked for. Raises Refused where there is none."""
    if not found:
        raise Refused("NotFound", "there is none of that id")
    return found[0]
