"""Who may send. There is no DNS here, so that an identity is verified as soon as it exists."""

from __future__ import annotations

from typing import Any

from ...reply import AwsError
from .state import MailService


def _create(mail: MailService, asked: dict[str, Any]) -> dict[str, Any]:
    name = str(asked.get("EmailIdentity", "")).lower()
    if not name:
        raise AwsError("BadRequestException", "An identity must have a name.")
    if name in mail.identities:
        raise AwsError("AlreadyExistsException", f"Email identity {name} already exists.")
    mail.identities[name] = True
    mail.tags[mail.arn("identity", name)] = {tag["Key"]: tag["Value"] for tag in asked.get("Tags") or []}
    return _shown(mail, name)


def _found(mail: MailService, asked: dict[str, Any]) -> str:
    name = str(asked["EmailIdentity"]).lower()
    if name not in mail.identities:
        raise AwsError("NotFoundException", f"Email identity {name} does not exist.", 404)
    return name


def _shown(mail: MailService, name: str) -> dict[str, Any]:
    verified = mail.identities[name]
    return {
        "IdentityType": "EMAIL_ADDRESS" if "@" in name else "DOMAIN",
        "VerifiedForSendingStatus": verified,
        "VerificationStatus": "SUCCESS" if verified else "PENDING",
        "DkimAttributes": {
            "SigningEnabled": True,
            "Status": "SUCCESS" if verified else "PENDING",
            "Tokens": [f"token{number}" for number in (1, 2, 3)],
            "SigningAttributesOrigin": "AWS_SES",
        },
        "Tags": [{"Key": key, "Value": value} for key, value in mail.tags.get(mail.arn("identity", name), {}).items()],
    }


def _get(mail: MailService, asked: dict[str, Any]) -> dict[str, Any]:
    return _shown(mail, _found(mail, asked))


def _delete(mail: MailService, asked: dict[str, Any]) -> dict[str, Any]:
    del mail.identities[_found(mail, asked)]
    return {}


def _list(mail: MailService, asked: dict[str, Any]) -> dict[str, Any]:
    names = sorted(mail.identities)
    return {
        "EmailIdentities": [
            {"IdentityName": name, "SendingEnabled": mail.identities[name], **_shown(mail, name)} for name in names
        ]
    }


def _tags(mail: MailService, asked: dict[str, Any]) -> dict[str, Any]:
    tags = mail.tags.get(str(asked.get("ResourceArn", "")), {})
    return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


ACTIONS = {
    "CreateEmailIdentity": _create,
    "GetEmailIdentity": _get,
    "DeleteEmailIdentity": _delete,
    "ListEmailIdentities": _list,
    "ListTagsForResource": _tags,
}
