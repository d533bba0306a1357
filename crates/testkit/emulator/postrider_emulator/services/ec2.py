"""EC2: moto's, with descriptions of security groups' rules about prefix lists, which moto drops."""

from __future__ import annotations

from typing import Any

from moto.ec2.models.security_groups import SecurityGroup, SecurityGroupRule


def install() -> None:
    """Lets rules keep what they are described as."""
    create, flattened = SecurityGroupRule.__init__, SecurityGroup._flattened_rules

    def __init__(self: SecurityGroupRule, *args: Any, **named: Any) -> None:
        create(self, *args, **named)
        given = [one for one in (*args, *named.values()) if isinstance(one, dict) and "PrefixListId" in one]
        self.prefix_description = given[0].get("Description") if given else None  # type: ignore[attr-defined]

    def _flattened_rules(self: SecurityGroup, rules: list[SecurityGroupRule]) -> Any:
        views = flattened(self, rules)
        described = {rule.prefix_list_id: getattr(rule, "prefix_description", None) for rule in rules}
        for one in (one for view in views for one in view.prefix_list_ids):
            if described.get(one["PrefixListId"]):
                one["Description"] = described[one["PrefixListId"]]
        return views

    SecurityGroupRule.__init__ = __init__  # type: ignore[method-assign]
    SecurityGroup._flattened_rules = _flattened_rules  # type: ignore[method-assign]
