"""What IAM would be asked for each call: actions, resources, and what conditions look at.

Nothing is enforced: a test compares what was asked with what a role allows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parseaddr
from threading import Lock
from typing import TYPE_CHECKING, Any

from moto.iam.models import iam_backends

from . import limits

if TYPE_CHECKING:
    from .accounts import Account
    from .call import Call

# The items of a transaction, and what DynamoDB asks IAM for each.
_TRANSACTION = {
    "ConditionCheck": "ConditionCheckItem",
    "Delete": "DeleteItem",
    "Get": "GetItem",
    "Put": "PutItem",
    "Update": "UpdateItem",
}
_SIMULATOR = "@simulator.amazonses.com"


@dataclass(frozen=True)
class Asked:
    """One question to IAM. `context` is a JSON object with what conditions may name."""

    action: str
    resource: str
    context: str = "{}"


class Principals:
    """Roles whose credentials were given out, and what each was asked for."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._roles: dict[str, str] = {}
        self._asked: dict[str, dict[Asked, int]] = {}

    def assume(self, account: str, role: str, service: str) -> str:
        """Credentials of a role, as a service gets them that the role trusts. Raises ValueError."""
        found = next((one for one in iam_backends[account]["aws"].roles.values() if one.arn == role), None)
        if found is None:
            raise ValueError(f"there is no role {role}")
        trust = json.loads(found.assume_role_policy_document)
        if not any(_trusts(statement, service) for statement in trust["Statement"]):
            raise ValueError(f"the role {role} does not trust {service}")
        with self._lock:
            if len(self._roles) >= limits.CREDENTIALS_MAX:
                raise ValueError(f"{limits.CREDENTIALS_MAX} credentials were given out already")
            key = f"{limits.ROLE_KEY_PREFIX}{account}{len(self._roles):04d}"
            self._roles[key] = role
            self._asked[key] = {}
        return key

    def note(self, key: str, questions: list[Asked]) -> None:
        """Remembers what a call asks for."""
        with self._lock:
            asked = self._asked.get(key)
            if asked is None:
                return
            for question in questions:
                if question in asked or len(asked) < limits.QUESTIONS_MAX:
                    asked[question] = asked.get(question, 0) + 1

    def shown(self, key: str) -> dict[str, Any]:
        """What was asked with a key. Raises ValueError."""
        with self._lock:
            if key not in self._roles:
                raise ValueError(f"no credentials {key} were given out")
            asked = [
                {"action": one.action, "resource": one.resource, "context": json.loads(one.context), "times": times}
                for one, times in self._asked[key].items()
            ]
            return {"role": self._roles[key], "asked": asked}


def _trusts(statement: dict[str, Any], service: str) -> bool:
    principals = statement.get("Principal", {}).get("Service", [])
    principals = [principals] if isinstance(principals, str) else principals
    return (
        statement["Effect"] == "Allow" and statement["Action"] == "sts:AssumeRole" and service in principals
    )


def questions(account: Account, call: Call) -> list[Asked]:
    """What IAM is asked for a call. What is not known is asked as an action of no resource, which no role allows."""
    answered = {"dynamodb": _dynamodb, "secretsmanager": _secret, "sesv2": _ses}.get(call.service)
    if answered is None:
        return [Asked(f"{call.service}:{call.action or 'Unknown'}", "unknown")]
    return list(answered(account, call))


def _dynamodb(account: Account, call: Call) -> Iterator[Asked]:
    asked = call.json()
    if call.action in ("TransactWriteItems", "TransactGetItems"):
        for item in asked.get("TransactItems", []):
            for kind, one in item.items():
                yield Asked(f"dynamodb:{_TRANSACTION[kind]}", _table(call, one["TableName"]))
    elif call.action in ("BatchGetItem", "BatchWriteItem"):
        for table in asked.get("RequestItems", {}):
            yield Asked(f"dynamodb:{call.action}", _table(call, table))
    else:
        table = _table(call, asked["TableName"]) if "TableName" in asked else "*"
        index = asked.get("IndexName")
        yield Asked(f"dynamodb:{call.action}", f"{table}/index/{index}" if index else table)


def _table(call: Call, name: str) -> str:
    return name if name.startswith("arn:") else f"arn:aws:dynamodb:{call.region}:{call.account}:table/{name}"


def _secret(account: Account, call: Call) -> Iterator[Asked]:
    # A name is asked for as an ARN whose end nobody knows, which a role that names the ARN does not allow.
    name = str(call.json().get("SecretId", ""))
    arn = name if name.startswith("arn:") else f"arn:aws:secretsmanager:{call.region}:{call.account}:secret:{name}"
    yield Asked(f"secretsmanager:{call.action}", arn)


def _ses(account: Account, call: Call) -> Iterator[Asked]:
    mail = account.mail(call.region)
    if call.action == "SendEmail":
        yield from _send(account, call)
    elif "EmailIdentity" in call.path:
        yield Asked(f"ses:{call.action}", mail.arn("identity", call.path["EmailIdentity"]))
    elif "ConfigurationSetName" in call.path:
        yield Asked(f"ses:{call.action}", mail.arn("configuration-set", call.path["ConfigurationSetName"]))
    else:
        yield Asked(f"ses:{call.action}", "*")


def _send(account: Account, call: Call) -> Iterator[Asked]:
    mail, asked = account.mail(call.region), call.json()
    sender = parseaddr(str(asked.get("FromEmailAddress", "")))[1]
    destination = asked.get("Destination") or {}
    recipients = [address for field in sorted(destination) for address in destination[field]]
    # The identity of the address where there is one, else its domain's.
    own = sender if sender.lower() in mail.identities else sender.rpartition("@")[2]
    resources = [mail.arn("identity", own)]
    if asked.get("ConfigurationSetName"):
        resources.append(mail.arn("configuration-set", asked["ConfigurationSetName"]))
    if not mail.account.production_access:
        strangers = [address for address in recipients if not address.lower().endswith(_SIMULATOR)]
        resources += [mail.arn("identity", address) for address in strangers]
    context = json.dumps({"ses:FromAddress": sender, "ses:Recipients": recipients}, sort_keys=True)
    # A whole message is both.
    actions = ["ses:SendEmail", *(["ses:SendRawEmail"] if "Raw" in (asked.get("Content") or {}) else [])]
    for action in actions:
        for resource in resources:
            yield Asked(action, resource, context)
