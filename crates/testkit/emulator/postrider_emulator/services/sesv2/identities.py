"""Who may send. There is no DNS here, so that an identity is verified as soon as it exists."""

from __future__ import annotations

from typing import Any

from ...reply import AwsError
from . import configuration
from .state import MailService


def _create(mail: MailService, asked: dict[str, Any]) -> dict[str, Any]:
    name = str(asked.get("EmailIdentity", "")).lower()
    if not name:
        raise AwsError("BadRequestException", "An identity must have a name.")
    if name in mail.identities:
        raise AwsError("AlreadyExistsException", f"Email identity {name} already exists.")
    mail.identities[name] = True
    signing = asked.get("DkimSigningAttributes") or {}
    mail.identity_settings[name] = {
        "ConfigurationSetName": asked.get("ConfigurationSetName"),
        "SigningEnabled": True,
        "EmailForwardingEnabled": True,
        "NextSigningKeyLength": signing.get("NextSigningKeyLength", "RSA_2048_BIT"),
    }
    mail.tags[mail.arn("identity", name)] = {tag["Key"]: tag["Value"] for tag in asked.get("Tags") or []}
    return _shown(mail, name)


def _found(mail: MailService, asked: dict[str, Any]) -> str:
    name = str(asked["EmailIdentity"]).lower()
    if name not in mail.identities:
        raise AwsError("NotFoundException", f"Email identity {name} does not exist.", 404)
    return name


def _shown(mail: MailService, name: str) -> dict[str, Any]:
    verified = mail.identities[name]
    settings = mail.identity_settings.get(name, {})
    default_set = settings.get("ConfigurationSetName")
    mail_from = settings.get("MailFromAttributes")
    return {
        **({"ConfigurationSetName": default_set} if default_set else {}),
        **({"MailFromAttributes": {**mail_from, "MailFromDomainStatus": "SUCCESS"}} if mail_from else {}),
        "FeedbackForwardingStatus": settings.get("EmailForwardingEnabled", True),
        "IdentityType": "EMAIL_ADDRESS" if "@" in name else "DOMAIN",
        "VerifiedForSendingStatus": verified,
        "VerificationStatus": "SUCCESS" if verified else "PENDING",
        "DkimAttributes": {
            "SigningEnabled": settings.get("SigningEnabled", True),
            "NextSigningKeyLength": settings.get("NextSigningKeyLength", "RSA_2048_BIT"),
            "Status": "SUCCESS" if verified else "PENDING",
            "Tokens": [f"token{number}" for number in (1, 2, 3)],
            "SigningAttributesOrigin": "AWS_SES",
        },
        "Tags": [{"Key": key, "Value": value} for key, value in mail.tags.get(mail.arn("identity", name), {}).items()],
    }


def _get(mail: MailService, asked: dict[str, Any]) -> dict[str, Any]:
    return _shown(mail, _found(mail, asked))


def _delete(mail: MailService, asked: dict[str, Any]) -> dict[str, Any]:
    name = _found(mail, asked)
    del mail.identities[name]
    mail.identity_settings.pop(name, None)
    return {}


def _put(*members: str) -> Any:
    """Sets some of an identity's settings by the names they have in the request."""

    def put(mail: MailService, asked: dict[str, Any]) -> dict[str, Any]:
        settings = mail.identity_settings.setdefault(_found(mail, asked), {})
        settings.update({member: asked[member] for member in members if member in asked})
        return {}

    return put


def _put_configuration_set(mail: MailService, asked: dict[str, Any]) -> dict[str, Any]:
    name = asked.get("ConfigurationSetName")
    if name:
        configuration.found(mail, name)
    mail.identity_settings.setdefault(_found(mail, asked), {})["ConfigurationSetName"] = name
    return {}


def _put_mail_from(mail: MailService, asked: dict[str, Any]) -> dict[str, Any]:
    identity = _found(mail, asked)
    domain = str(asked.get("MailFromDomain") or "")
    if domain and not domain.endswith(f".{identity.rpartition('@')[2]}"):
        raise AwsError("BadRequestException", f"Provided MAIL-FROM domain <{domain}> is not subdomain of {identity}.")
    attributes = {name: asked[name] for name in ("MailFromDomain", "BehaviorOnMxFailure") if name in asked}
    mail.identity_settings.setdefault(identity, {})["MailFromAttributes"] = attributes if domain else None
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
    "PutEmailIdentityConfigurationSetAttributes": _put_configuration_set,
    "PutEmailIdentityDkimAttributes": _put("SigningEnabled"),
    "PutEmailIdentityFeedbackAttributes": _put("EmailForwardingEnabled"),
    "PutEmailIdentityMailFromAttributes": _put_mail_from,
    "ListTagsForResource": _tags,
}
