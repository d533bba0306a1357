"""Who may do what: roles, policies of resources and of keys."""

import json
import re
from pathlib import Path

from ..finding import Finding
from ..template import as_list

# Actions for which AWS offers no resource to name, each with its reason.
WITHOUT_RESOURCE = json.loads((Path(__file__).parent.parent / "without_resource.json").read_text(encoding="utf-8"))

# Services that say whose request they pass on by the ARN of a log group, in the encryption context.
BY_CONTEXT = re.compile(r"logs\.")


def _role_statements(template):
    for name, _, statement in template.statements():
        kind = template.resources[name]["Type"]
        if kind in ("AWS::IAM::Role", "AWS::IAM::ManagedPolicy") and "Principal" not in statement:
            yield name, statement


def named_resources(template):
    """A role's resource of "*" stands only for actions that know no resource, beside a comment that says so."""
    for name, statement in _role_statements(template):
        resources = as_list(statement.get("Resource"))
        if not resources:
            yield Finding("iam-resource", name, f"{statement.get('Sid')} names no resource")
        if "*" not in resources:
            continue
        for action in as_list(statement["Action"]):
            if action not in WITHOUT_RESOURCE:
                yield Finding("iam-resource", name, f"{action} may be used on everything")
        if template.path.suffix == ".yaml" and not _is_explained(template.text, statement.get("Sid")):
            yield Finding("iam-resource", name, f"{statement.get('Sid')} does not say why its resource is *")


def _is_explained(text, sid):
    lines = text.splitlines()
    places = [index for index, line in enumerate(lines) if re.search(rf"Sid: {sid}$", line)]
    return all(any("#" in line for line in lines[max(index - 4, 0) : index]) for index in places)


def named_actions(template):
    """A role names its actions one by one, and every statement has a name."""
    for name, statement in _role_statements(template):
        for action in as_list(statement.get("Action")):
            if "*" in action:
                yield Finding("iam-action", name, f"{action} is more than one action")
        for key in ("NotAction", "NotResource"):
            if key in statement:
                yield Finding("iam-action", name, f"{key} allows what nobody thought of")
        if not statement.get("Sid"):
            yield Finding("iam-action", name, "a statement has no name")


def conditioned(template):
    """Keys are used through one service, and mail is sent from one address."""
    for name, statement in _role_statements(template):
        actions, condition = as_list(statement["Action"]), json.dumps(statement.get("Condition", {}))
        if any(action.startswith("kms:") for action in actions):
            if "kms:ViaService" not in condition and "kms:EncryptionContext" not in condition:
                yield Finding("iam-condition", name, f"{statement['Sid']} uses a key for anything")
        if any(action.startswith("ses:Send") for action in actions) and '"ses:FromAddress"' not in condition:
            yield Finding("iam-condition", name, f"{statement['Sid']} sends from any address")
        if any(action.startswith("ses:Send") for action in actions) and '"ses:Recipients"' not in condition:
            yield Finding("iam-condition", name, f"{statement['Sid']} sends to anybody in the sandbox")


def for_us_only(template):
    """A service is allowed something only in the name of this account and of what it is meant for."""
    for name, _, statement in template.statements():
        principal = statement.get("Principal")
        kind = template.resources[name]["Type"]
        if (
            statement.get("Effect") != "Allow"
            or principal is None
            or kind in ("AWS::IAM::Role", "AWS::EC2::VPCEndpoint")
        ):
            continue
        condition = json.dumps(statement.get("Condition", {}))
        if principal == "*" or principal == {"AWS": "*"}:
            yield Finding("policy-principal", name, f"{statement.get('Sid')} lets everybody in")
        for service in as_list(principal.get("Service") if isinstance(principal, dict) else None):
            is_logs = BY_CONTEXT.match(json.dumps(service).split('"')[-2])
            wanted = "kms:EncryptionContext:aws:logs:arn" if is_logs else "aws:SourceAccount"
            if f'"{wanted}"' not in condition:
                yield Finding("policy-source", name, f"{statement.get('Sid')} does not look at {wanted}")


def bounded(template):
    """Every role takes the permissions boundary."""
    for name, role in template.of_type("AWS::IAM::Role"):
        if "PermissionsBoundaryArn" not in json.dumps(role.get("PermissionsBoundary", {})):
            yield Finding("permissions-boundary", name, "has no permissions boundary")


RULES = [named_resources, named_actions, conditioned, for_us_only, bounded]
