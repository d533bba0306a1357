"""`SendEmail`: what is refused, what is remembered, and what is told about it."""

from __future__ import annotations

import base64
import binascii
import email
import email.policy
import re
import time
import uuid
from email.message import Message
from email.utils import getaddresses, parseaddr
from typing import TYPE_CHECKING, Any

from ... import limits
from ...reply import AwsError
from . import configuration, events
from .state import MailService

if TYPE_CHECKING:
    from ...accounts import Account

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")
_SIMULATOR = "simulator.amazonses.com"


def send_email(account: Account, mail: MailService, asked: dict[str, Any]) -> dict[str, Any]:
    """Accepts a message, or says why not, in the order in which SES looks."""
    raw = _raw(asked)
    message = email.message_from_bytes(raw, policy=email.policy.compat32)
    sender = str(asked.get("FromEmailAddress") or message.get("From") or "")
    recipients = _recipients(asked.get("Destination") or {}, message)
    tags = _tags(asked.get("EmailTags") or [])
    with mail.lock:
        used = _allowed(mail, asked, sender, recipients)
        sent = {
            "message_id": f"0100{uuid.uuid4().hex[:12]}-{uuid.uuid4()}-000000",
            "at": time.time(),
            "sender": sender,
            "recipients": recipients,
            "configuration_set": used.name if used else None,
            "tags": tags,
            "raw": raw,
        }
        mail.sent.add(**sent)
        mail.note_recipients(len(recipients))
    if used:
        events.publish_all(account, mail, used, sent, message)
    return {"MessageId": sent["message_id"]}


def _raw(asked: dict[str, Any]) -> bytes:
    content = asked.get("Content") or {}
    if "Raw" not in content:
        raise AwsError("BadRequestException", "The emulator takes raw messages only.")
    try:
        raw = base64.b64decode(content["Raw"].get("Data") or "", validate=True)
    except binascii.Error:
        raise AwsError("SerializationException", "The message is not base64.") from None
    if not raw:
        raise AwsError("BadRequestException", "The message is empty.")
    if len(raw) > limits.MESSAGE_BYTES_MAX:
        raise AwsError("BadRequestException", f"Message length is more than {limits.MESSAGE_BYTES_MAX} bytes long.")
    return raw


def _recipients(destination: dict[str, list[str]], message: Message) -> list[str]:
    named = [address for field in ("ToAddresses", "CcAddresses", "BccAddresses") for address in destination.get(field) or []]
    if any(_CONTROL.search(address) for address in named):
        raise AwsError("BadRequestException", "Local address contains control or whitespace")
    if not named:
        fields = [value for name in ("To", "Cc", "Bcc") for value in message.get_all(name, [])]
        named = [address for _, address in getaddresses(fields)]
    recipients = [parseaddr(address)[1] for address in named]
    if not recipients:
        raise AwsError("BadRequestException", "Destination must have at least one recipient.")
    if len(recipients) > limits.RECIPIENTS_MAX:
        raise AwsError("BadRequestException", f"Recipient count exceeds {limits.RECIPIENTS_MAX}.")
    for address in recipients:
        local, _, domain = address.rpartition("@")
        if not local or not domain or not local.isascii():
            raise AwsError("BadRequestException", "Missing final '@domain'")
    return recipients


def _tags(wanted: list[dict[str, str]]) -> dict[str, str]:
    if len(wanted) > limits.EMAIL_TAGS_MAX:
        raise AwsError("BadRequestException", f"A message can have up to {limits.EMAIL_TAGS_MAX} tags.")
    tags = {tag.get("Name", ""): tag.get("Value", "") for tag in wanted}
    for name, value in tags.items():
        if not _TAG.fullmatch(name) or not _TAG.fullmatch(value):
            raise AwsError("BadRequestException", f"The tag {name!r} has characters that tags cannot have.")
    return tags


def _allowed(
    mail: MailService, asked: dict[str, Any], sender: str, recipients: list[str]
) -> configuration.ConfigurationSet | None:
    """Lets a message pass, with its configuration set, or refuses it."""
    if mail.account.enforcement_status == "SHUTDOWN":
        raise AwsError("AccountSuspendedException", "The account is suspended.")
    if not mail.account.sending_enabled:
        raise AwsError("SendingPausedException", "Email sending is disabled for this account.")
    if _CONTROL.search(sender):
        raise AwsError("BadRequestException", "Local address contains control or whitespace")
    name = asked.get("ConfigurationSetName")
    used = configuration.found(mail, name) if name else None
    if used and used.is_paused:
        raise AwsError("SendingPausedException", f"Sending is disabled for configuration set <{used.name}>.")
    _check_identities(mail, sender, recipients)
    quota = mail.account.max_24_hour_send
    if quota >= 0 and mail.sent_last_24_hours() + len(recipients) > quota:
        raise AwsError("TooManyRequestsException", "Daily message quota exceeded.", 429)
    if mail.account.enforces_rate and not mail.is_within_rate(len(recipients)):
        raise AwsError("TooManyRequestsException", "Maximum sending rate exceeded.", 429)
    return used


def _check_identities(mail: MailService, sender: str, recipients: list[str]) -> None:
    address = parseaddr(sender)[1]
    if "@" not in address:
        raise AwsError("BadRequestException", "Missing required header 'From'.")
    unverified = [] if mail.is_verified(address) else [address]
    if not mail.account.production_access:
        strangers = (recipient for recipient in recipients if not recipient.lower().endswith(f"@{_SIMULATOR}"))
        unverified += [recipient for recipient in strangers if not mail.is_verified(recipient)]
    if unverified:
        region = mail.region.upper()
        failed = f"The following identities failed the check in region {region}: {', '.join(unverified)}"
        raise AwsError("MessageRejected", f"Email address is not verified. {failed}")
