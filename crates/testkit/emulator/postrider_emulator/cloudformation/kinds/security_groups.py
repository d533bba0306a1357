"""EC2: security groups and their rules."""

from __future__ import annotations

from typing import Any

from ..aws import Aws, Refused
from .ec2 import Ec2, one_of
from .kind import Made, Naming, Properties, pick


class SecurityGroup(Ec2):
    TYPE = "AWS::EC2::SecurityGroup"
    LABEL = "security-group"
    APPLIED = ("GroupDescription", "SecurityGroupEgress", "SecurityGroupIngress", "Tags", "VpcId")
    REQUIRED = ("GroupDescription",)
    REPLACING = ("GroupDescription", "VpcId")

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        group = aws(
            "ec2",
            "CreateSecurityGroup",
            GroupName=naming.name(),
            Description=wanted["GroupDescription"],
            TagSpecifications=self._tags(wanted),
            **pick(wanted, "VpcId"),
        )["GroupId"]
        if "SecurityGroupEgress" in wanted:
            everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
            aws("ec2", "RevokeSecurityGroupEgress", GroupId=group, IpPermissions=everything)
        for direction in ("Egress", "Ingress"):
            for rule in wanted.get(f"SecurityGroup{direction}", []):
                _allow(aws, group, direction, rule)
        return Made(group, {"GroupId": group, **pick(wanted, "VpcId")})

    def read(self, aws: Aws, physical_id: str, wanted: Properties) -> Properties:
        found = one_of(aws("ec2", "DescribeSecurityGroups", GroupIds=[physical_id])["SecurityGroups"])
        return {
            **found,
            "GroupDescription": found["Description"],
            "SecurityGroupEgress": _rules(found["IpPermissionsEgress"], "Destination"),
            "SecurityGroupIngress": _rules(found["IpPermissions"], "Source"),
        }

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        # Groups that name each other would keep each other.
        for direction in ("Egress", "Ingress"):
            for rule in wanted.get(f"SecurityGroup{direction}", []):
                _allow(aws, physical_id, direction, rule, "Revoke")
        aws("ec2", "DeleteSecurityGroup", GroupId=physical_id)


class EgressRule(Ec2):
    TYPE = "AWS::EC2::SecurityGroupEgress"
    APPLIED = (
        "CidrIp",
        "Description",
        "DestinationPrefixListId",
        "DestinationSecurityGroupId",
        "FromPort",
        "GroupId",
        "IpProtocol",
        "ToPort",
    )
    REQUIRED = ("GroupId", "IpProtocol")
    REPLACING = APPLIED

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        _allow(aws, wanted["GroupId"], "Egress", wanted)
        return Made(naming.name())

    def read(self, aws: Aws, physical_id: str, wanted: Properties) -> Properties:
        group = one_of(aws("ec2", "DescribeSecurityGroups", GroupIds=[wanted["GroupId"]])["SecurityGroups"])
        asked = {name: str(value) for name, value in wanted.items() if name != "GroupId"}
        for rule in _rules(group["IpPermissionsEgress"], "Destination"):
            if {name: str(rule.get(name)) for name in asked} == asked:
                return {**rule, "GroupId": group["GroupId"]}
        return {"GroupId": group["GroupId"]}

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        _allow(aws, wanted["GroupId"], "Egress", wanted, "Revoke")


_RULE = {
    "CidrIp",
    "Description",
    "DestinationPrefixListId",
    "DestinationSecurityGroupId",
    "FromPort",
    "GroupId",
    "IpProtocol",
    "SourceSecurityGroupId",
    "ToPort",
}


def _allow(aws: Aws, group: str, direction: str, rule: Properties, verb: str = "Authorize") -> None:
    strangers = sorted(set(rule) - _RULE)
    if strangers:
        raise Refused("NotApplied", f"the emulator knows no {', '.join(strangers)} of a security group's rule")
    described = pick(rule, "Description")
    permission = {name: str(rule[name]) for name in ("FromPort", "IpProtocol", "ToPort") if name in rule}
    if "CidrIp" in rule:
        permission["IpRanges"] = [{"CidrIp": rule["CidrIp"], **described}]
    other = rule.get("DestinationSecurityGroupId") or rule.get("SourceSecurityGroupId")
    if other:
        permission["UserIdGroupPairs"] = [{"GroupId": other, **described}]
    if "DestinationPrefixListId" in rule:
        permission["PrefixListIds"] = [{"PrefixListId": rule["DestinationPrefixListId"], **described}]
    aws("ec2", f"{verb}SecurityGroup{direction}", GroupId=group, IpPermissions=[permission])


def _rules(permissions: list[dict[str, Any]], end: str) -> list[Properties]:
    """Rules as templates write them, one for each range, group or list. `end` is Source or Destination."""
    rules = []
    for one in permissions:
        shared = pick(one, "FromPort", "IpProtocol", "ToPort")
        kinds = (
            ("IpRanges", "CidrIp", "CidrIp"),
            ("UserIdGroupPairs", "GroupId", f"{end}SecurityGroupId"),
            ("PrefixListIds", "PrefixListId", f"{end}PrefixListId"),
        )
        for kind, name, ours in kinds:
            for target in one.get(kind) or []:
                rules.append({**shared, **pick(target, "Description"), ours: target[name]})
    return rules


KINDS = (SecurityGroup, EgressRule)
