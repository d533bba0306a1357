"""EC2: the network."""

from __future__ import annotations

from ..aws import Aws, Refused
from .ec2 import Ec2, one_of
from .kind import Made, Naming, Properties, pick


class Vpc(Ec2):
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
        found = dict(one_of(aws("ec2", "DescribeVpcs", VpcIds=[physical_id])["Vpcs"]))
        for name in ("enableDnsSupport", "enableDnsHostnames"):
            told = aws("ec2", "DescribeVpcAttribute", VpcId=physical_id, Attribute=name)
            key = name[0].upper() + name[1:]
            found[key] = told[key]["Value"]
        return found

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        aws("ec2", "DeleteVpc", VpcId=physical_id)


class Subnet(Ec2):
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
        return one_of(aws("ec2", "DescribeSubnets", SubnetIds=[physical_id])["Subnets"])

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        aws("ec2", "DeleteSubnet", SubnetId=physical_id)


class RouteTable(Ec2):
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
        return one_of(aws("ec2", "DescribeRouteTables", RouteTableIds=[physical_id])["RouteTables"])

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        aws("ec2", "DeleteRouteTable", RouteTableId=physical_id)


class RouteTableAssociation(Ec2):
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


class Endpoint(Ec2):
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
        found = one_of(aws("ec2", "DescribeVpcEndpoints", VpcEndpointIds=[physical_id])["VpcEndpoints"])
        if found.get("State") == "deleted":
            raise Refused("NotFound", "the endpoint was deleted")
        return {**found, "SecurityGroupIds": [one["GroupId"] for one in found.get("Groups") or []]}

    def update(self, aws: Aws, made: Made, old: Properties, new: Properties) -> Made:
        policy = {name: value for name, value in new.items() if name == "PolicyDocument"}
        if policy and policy != {name: old.get(name) for name in policy}:
            aws("ec2", "ModifyVpcEndpoint", VpcEndpointId=made.physical_id, **policy)
        return super().update(aws, made, {**old, **policy}, new)

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        aws("ec2", "DeleteVpcEndpoints", VpcEndpointIds=[physical_id])


class FlowLog(Ec2):
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
        return one_of(aws("ec2", "DescribeFlowLogs", FlowLogIds=[physical_id])["FlowLogs"])

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        aws("ec2", "DeleteFlowLogs", FlowLogIds=[physical_id])


KINDS = (Vpc, Subnet, RouteTable, RouteTableAssociation, Endpoint, FlowLog)
