"""EC2: the network."""

from __future__ import annotations

from typing import Any

from ..aws import Aws, Refused
from .kind import Kind, Made, Naming, Properties, listed, pick


class _Ec2(Kind):
    """Something of EC2, which shows its tags with itself."""

    WHAT = ""
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


def _one(found: list[Properties]) -> Properties:
    """The one that was asked for. Raises Refused where there is none."""
    if not found:
        raise Refused("NotFound", "there is none of that id")
    return found[0]


class Vpc(_Ec2):
    TYPE = "AWS::EC2::VPC"
    LABEL = "vpc"
    APPLIED = ("CidrBlock", "EnableDnsHostnames", "EnableDnsSupport", "Tags")
    REPLACING = ("CidrBlock",)

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        made = aws("ec2", "CreateVpc", CidrBlock=wanted["CidrBlock"], TagSpecifications=self._tags(wanted))["Vpc"]
        for name in ("EnableDnsSupport", "EnableDnsHostnames"):
            if name in wanted:
                aws("ec2", "ModifyVpcAttribute", VpcId=made["VpcId"], **{name: {"Value": wanted[name]}})
        return Made(made["VpcId"], {"VpcId": made["VpcId"], "CidrBlock": made["CidrBlock"]})

    def read(self, aws: Aws, physical_id: str, wanted: Properties) -> Properties:
        found = dict(_one(aws("ec2", "DescribeVpcs", VpcIds=[physical_id])["Vpcs"]))
        for name in ("enableDnsSupport", "enableDnsHostnames"):
            told = aws("ec2", "DescribeVpcAttribute", VpcId=physical_id, Attribute=name)
            key = name[0].upper() + name[1:]
            found[key] = told[key]["Value"]
        return found

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        aws("ec2", "DeleteVpc", VpcId=physical_id)


class Subnet(_Ec2):
    TYPE = "AWS::EC2::Subnet"
    LABEL = "subnet"
    APPLIED = ("AvailabilityZone", "CidrBlock", "MapPublicIpOnLaunch", "Tags", "VpcId")
    REQUIRED = ("VpcId",)
    REPLACING = ("AvailabilityZone", "CidrBlock", "VpcId")

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        direct = pick(wanted, "AvailabilityZone", "CidrBlock", "VpcId")
        made = aws("ec2", "CreateSubnet", TagSpecifications=self._tags(wanted), **direct)["Subnet"]
        public = {"Value": wanted.get("MapPublicIpOnLaunch", False)}
        aws("ec2", "ModifySubnetAttribute", SubnetId=made["SubnetId"], MapPublicIpOnLaunch=public)
        return Made(made["SubnetId"], {"SubnetId": made["SubnetId"]})

    def read(self, aws: Aws, physical_id: str, wanted: Properties) -> Properties:
        return _one(aws("ec2", "DescribeSubnets", SubnetIds=[physical_id])["Subnets"])

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        aws("ec2", "DeleteSubnet", SubnetId=physical_id)


class RouteTable(_Ec2):
    TYPE = "AWS::EC2::RouteTable"
    LABEL = "route-table"
    APPLIED = ("Tags", "VpcId")
    REQUIRED = ("VpcId",)
    REPLACING = ("VpcId",)

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        made = aws("ec2", "CreateRouteTable", VpcId=wanted["VpcId"], TagSpecifications=self._tags(wanted))
        own = made["RouteTable"]["RouteTableId"]
        return Made(own, {"RouteTableId": own})

    def read(self, aws: Aws, physical_id: str, wanted: Properties) -> Properties:
        return _one(aws("ec2", "DescribeRouteTables", RouteTableIds=[physical_id])["RouteTables"])

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        aws("ec2", "DeleteRouteTable", RouteTableId=physical_id)


class RouteTableAssociation(_Ec2):
    TYPE = "AWS::EC2::SubnetRouteTableAssociation"
    APPLIED = ("RouteTableId", "SubnetId")
    REQUIRED = APPLIED
    REPLACING = APPLIED

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        own = aws("ec2", "AssociateRouteTable", **wanted)["AssociationId"]
        return Made(own, {"Id": own})

    def read(self, aws: Aws, physical_id: str, wanted: Properties) -> Properties:
        tables = aws("ec2", "DescribeRouteTables", RouteTableIds=[wanted["RouteTableId"]])["RouteTables"]
        every = [one for table in tables for one in table["Associations"]]
        return next((one for one in every if one["RouteTableAssociationId"] == physical_id), {})

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        aws("ec2", "DisassociateRouteTable", AssociationId=physical_id)


class SecurityGroup(_Ec2):
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
        found = _one(aws("ec2", "DescribeSecurityGroups", GroupIds=[physical_id])["SecurityGroups"])
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


class EgressRule(_Ec2):
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
        group = _one(aws("ec2", "DescribeSecurityGroups", GroupIds=[wanted["GroupId"]])["SecurityGroups"])
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


class Endpoint(_Ec2):
    TYPE = "AWS::EC2::VPCEndpoint"
    LABEL = "vpc-endpoint"
    APPLIED = (
        "PolicyDocument",
        "PrivateDnsEnabled",
        "RouteTableIds",
        "SecurityGroupIds",
        "ServiceName",
        "SubnetIds",
        "Tags",
        "VpcEndpointType",
        "VpcId",
    )
    REQUIRED = ("ServiceName", "VpcId")
    REPLACING = ("ServiceName", "VpcEndpointType", "VpcId")

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        direct = {name: value for name, value in wanted.items() if name != "Tags"}
        made = aws("ec2", "CreateVpcEndpoint", TagSpecifications=self._tags(wanted), **direct)["VpcEndpoint"]
        return Made(made["VpcEndpointId"], {"Id": made["VpcEndpointId"]})

    def read(self, aws: Aws, physical_id: str, wanted: Properties) -> Properties:
        found = _one(aws("ec2", "DescribeVpcEndpoints", VpcEndpointIds=[physical_id])["VpcEndpoints"])
        if found.get("State") == "deleted":
            raise Refused("NotFound", "the endpoint was deleted")
        return {**found, "SecurityGroupIds": [one["GroupId"] for one in found.get("Groups") or []]}

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        aws("ec2", "DeleteVpcEndpoints", VpcEndpointIds=[physical_id])


class FlowLog(_Ec2):
    TYPE = "AWS::EC2::FlowLog"
    LABEL = "vpc-flow-log"
    APPLIED = (
        "DeliverLogsPermissionArn",
        "LogDestinationType",
        "LogGroupName",
        "ResourceId",
        "Tags",
        "TrafficType",
    )
    # It shows in the kind of the id, and nowhere else.
    RECORDED = ("ResourceType",)
    REPLACING = ("DeliverLogsPermissionArn", "LogDestinationType", "LogGroupName", "ResourceId", "TrafficType")

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        direct = {name: value for name, value in wanted.items() if name not in ("ResourceId", "Tags")}
        made = aws(
            "ec2",
            "CreateFlowLogs",
            ResourceIds=[wanted["ResourceId"]],
            TagSpecifications=self._tags(wanted),
            **direct,
        )
        if made.get("Unsuccessful"):
            raise Refused("FlowLogFailed", str(made["Unsuccessful"][0].get("Error")))
        return Made(made["FlowLogIds"][0], {"Id": made["FlowLogIds"][0]})

    def read(self, aws: Aws, physical_id: str, wanted: Properties) -> Properties:
        return _one(aws("ec2", "DescribeFlowLogs", FlowLogIds=[physical_id])["FlowLogs"])

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        aws("ec2", "DeleteFlowLogs", FlowLogIds=[physical_id])


KINDS = (Vpc, Subnet, RouteTable, RouteTableAssociation, SecurityGroup, EgressRule, Endpoint, FlowLog)
