"""The closed network."""

from ..finding import Finding
from ..template import walk

NEEDED = {
    "dynamodb": "Gateway",
    "sqs": "Interface",
    "sns": "Interface",
    "kms": "Interface",
    "logs": "Interface",
    "email": "Interface",
    "secretsmanager": "Interface",
}
OPEN = ("0.0.0.0/0", "::/0")


def closed(template):
    """Nothing leads to the internet, and no rule of a security group is about everybody."""
    for name, resource in template.resources.items():
        if resource["Type"] in ("AWS::EC2::InternetGateway", "AWS::EC2::NatGateway"):
            yield Finding("network-closed", name, "leads to the internet")
        if resource["Type"].startswith("AWS::EC2::SecurityGroup"):
            for _, value in walk(resource["Properties"]):
                if value in OPEN:
                    yield Finding("network-closed", name, "is open to everybody")
            if resource["Type"] == "AWS::EC2::SecurityGroup" and not resource["Properties"].get("SecurityGroupEgress"):
                yield Finding("network-closed", name, "lets everything out")


def reachable(template):
    """What the functions call has an endpoint, with a policy, in every network there is."""
    if not list(template.of_type("AWS::EC2::VPC")):
        return
    found = {}
    for name, endpoint in template.of_type("AWS::EC2::VPCEndpoint"):
        service = endpoint["ServiceName"]["Fn::Sub"].rsplit(".", 1)[1]
        found[service] = endpoint.get("VpcEndpointType", "Gateway")
        if not endpoint.get("PolicyDocument"):
            yield Finding("network-endpoint", name, "lets anybody's credentials through")
    for service, kind in NEEDED.items():
        if found.get(service) != kind:
            yield Finding("network-endpoint", service, f"has no {kind.lower()} endpoint")


def optional(template):
    """Nothing of the network exists unless it is asked for: it costs more than all the rest."""
    for name, resource in template.resources.items():
        if resource["Type"].startswith("AWS::EC2::") and resource.get("Condition") != "UsesVpc":
            yield Finding("network-optional", name, "exists although nobody asked for a network")


RULES = [closed, reachable, optional]
