"""IAM."""

from __future__ import annotations

from ..aws import Aws
from .kind import Kind, Made, Naming, Properties, pick


class Role(Kind):
    TYPE = "AWS::IAM::Role"
    APPLIED = (
        "AssumeRolePolicyDocument",
        "Description",
        "ManagedPolicyArns",
        "PermissionsBoundary",
        "Policies",
        "RoleName",
        "Tags",
    )
    REQUIRED = ("AssumeRolePolicyDocument",)
    REPLACING = ("RoleName",)

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        name = wanted.get("RoleName") or naming.name(64)
        direct = pick(wanted, "AssumeRolePolicyDocument", "Description", "PermissionsBoundary", "Tags")
        role = aws("iam", "CreateRole", RoleName=name, **direct)["Role"]
        self._give(aws, name, {}, wanted)
        return Made(name, {"Arn": role["Arn"], "RoleId": role["RoleId"]})

    def _give(self, aws: Aws, name: str, old: Properties, new: Properties) -> None:
        before = {one["PolicyName"] for one in old.get("Policies", [])}
        for one in new.get("Policies", []):
            aws("iam", "PutRolePolicy", RoleName=name, **one)
            before.discard(one["PolicyName"])
        for gone in before:
            aws("iam", "DeleteRolePolicy", RoleName=name, PolicyName=gone)
        had, has = set(old.get("ManagedPolicyArns", [])), set(new.get("ManagedPolicyArns", []))
        for policy in has - had:
            aws("iam", "AttachRolePolicy", RoleName=name, PolicyArn=policy)
        for policy in had - has:
            aws("iam", "DetachRolePolicy", RoleName=name, PolicyArn=policy)

    def read(self, aws: Aws, physical_id: str, wanted: Properties) -> Properties:
        role = aws("iam", "GetRole", RoleName=physical_id)["Role"]
        policies = [
            pick(aws("iam", "GetRolePolicy", RoleName=physical_id, PolicyName=name), "PolicyName", "PolicyDocument")
            for name in aws("iam", "ListRolePolicies", RoleName=physical_id)["PolicyNames"]
        ]
        attached = aws("iam", "ListAttachedRolePolicies", RoleName=physical_id)["AttachedPolicies"]
        boundary = role.get("PermissionsBoundary") or {}
        return {
            **pick(role, "AssumeRolePolicyDocument", "Description", "RoleName", "Tags"),
            "ManagedPolicyArns": [one["PolicyArn"] for one in attached],
            "Policies": policies,
            "PermissionsBoundary": boundary.get("PermissionsBoundaryArn"),
        }

    def update(self, aws: Aws, made: Made, old: Properties, new: Properties) -> Made:
        name = made.physical_id
        aws("iam", "UpdateAssumeRolePolicy", RoleName=name, PolicyDocument=new["AssumeRolePolicyDocument"])
        aws("iam", "UpdateRole", RoleName=name, Description=new.get("Description", ""))
        self._give(aws, name, old, new)
        if new.get("PermissionsBoundary"):
            boundary = new["PermissionsBoundary"]
            aws("iam", "PutRolePermissionsBoundary", RoleName=name, PermissionsBoundary=boundary)
        elif old.get("PermissionsBoundary"):
            aws("iam", "DeleteRolePermissionsBoundary", RoleName=name)
        aws("iam", "UntagRole", RoleName=name, TagKeys=[tag["Key"] for tag in old.get("Tags", [])])
        aws("iam", "TagRole", RoleName=name, Tags=new.get("Tags", []))
        return made

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        self._give(aws, physical_id, wanted, {})
        aws("iam", "DeleteRole", RoleName=physical_id)


class ManagedPolicy(Kind):
    TYPE = "AWS::IAM::ManagedPolicy"
    APPLIED = ("Description", "ManagedPolicyName", "PolicyDocument")
    REQUIRED = ("PolicyDocument",)
    REPLACING = ("Description", "ManagedPolicyName")

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        name = wanted.get("ManagedPolicyName") or naming.name(128)
        policy = aws("iam", "CreatePolicy", PolicyName=name, **pick(wanted, "Description", "PolicyDocument"))["Policy"]
        return Made(policy["Arn"], {"PolicyArn": policy["Arn"]})

    def read(self, aws: Aws, physical_id: str, wanted: Properties) -> Properties:
        policy = aws("iam", "GetPolicy", PolicyArn=physical_id)["Policy"]
        version = aws("iam", "GetPolicyVersion", PolicyArn=physical_id, VersionId=policy["DefaultVersionId"])
        return {
            **pick(policy, "Description"),
            "ManagedPolicyName": policy["PolicyName"],
            "PolicyDocument": version["PolicyVersion"]["Document"],
        }

    def update(self, aws: Aws, made: Made, old: Properties, new: Properties) -> Made:
        arn = made.physical_id
        before = aws("iam", "GetPolicy", PolicyArn=arn)["Policy"]["DefaultVersionId"]
        aws("iam", "CreatePolicyVersion", PolicyArn=arn, PolicyDocument=new["PolicyDocument"], SetAsDefault=True)
        aws("iam", "DeletePolicyVersion", PolicyArn=arn, VersionId=before)
        return made

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        aws("iam", "DeletePolicy", PolicyArn=physical_id)


KINDS = (Role, ManagedPolicy)
