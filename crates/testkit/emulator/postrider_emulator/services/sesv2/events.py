"""Events of a message, published to the topics of its configuration set."""

from __future__ import annotations

import json
from email.header import decode_header, make_header
from email.message import Message
from email.utils import parseaddr
from typing import TYPE_CHECKING, Any

from .. import sns
from . import simulator
from .instant import timestamp
from .state import ConfigurationSet, MailService

if TYPE_CHECKING:
    from ...accounts import Account

_SUBJECT = "Amazon SES Email Event Notification"
# Headers are shown up to so many bytes, as SES has it.
_HEADERS_BYTES_MAX = 10 * 1024


def publish_all(account: Account, mail: MailService, used: ConfigurationSet, sent: dict[str, Any], message: Message) -> None:
    """Tells of the send, and of what became of it at each recipient."""
    shown = _mail_object(mail, used, sent, message)
    _publish(account, used, "Send", {"send": {}}, shown)
    for recipient in sent["recipients"]:
        suppressed = mail.suppressed.get(recipient.lower())
        reason = suppressed[0] if suppressed else None
        for kind, detail in simulator.fate(recipient, reason, mail.region):
            _publish(account, used, kind, detail, shown)


def _publish(account: Account, used: ConfigurationSet, kind: str, detail: dict[str, Any], shown: dict[str, Any]) -> None:
    document = json.dumps({"eventType": kind, "mail": shown, **detail})
    for destination in list(used.destinations.values()):
        target = destination.get("SnsDestination")
        if not target or not destination["Enabled"] or kind.upper() not in destination["MatchingEventTypes"]:
            continue
        if sns.publish(target["TopicArn"], document, _SUBJECT):
            # AWS charges what SES publishes as it charges everybody.
            account.counters.add("sns", "PublishBySes", requests=1)


def _mail_object(mail: MailService, used: ConfigurationSet, sent: dict[str, Any], message: Message) -> dict[str, Any]:
    headers, size = [], 0
    for name, value in message.items():
        text = str(make_header(decode_header(str(value))))
        size += len(name) + len(text)
        if size > _HEADERS_BYTES_MAX:
            break
        headers.append({"name": name, "value": text})
    by_name = {header["name"].lower(): header["value"] for header in headers}
    domain = parseaddr(sent["sender"])[1].rpartition("@")[2]
    common: dict[str, Any] = {
        "from": [by_name.get("from", sent["sender"])],
        "to": [by_name["to"]] if "to" in by_name else sent["recipients"],
        # SES tells the id it gave, whatever the message calls itself.
        "messageId": sent["message_id"],
    }
    for name in ("subject", "date"):
        if name in by_name:
            common[name] = by_name[name]
    return {
        "timestamp": timestamp(sent["at"]),
        "source": sent["sender"],
        "sourceArn": mail.arn("identity", domain),
        "sendingAccountId": mail.account_number,
        "messageId": sent["message_id"],
        "destination": sent["recipients"],
        "headersTruncated": size > _HEADERS_BYTES_MAX,
        "headers": headers,
        "commonHeaders": common,
        "tags": {
            "ses:operation": ["SendEmail"],
            "ses:configuration-set": [used.name],
            "ses:source-ip": ["127.0.0.1"],
            "ses:from-domain": [domain],
            "ses:caller-identity": ["emulator"],
            **{name: [value] for name, value in sent["tags"].items()},
        },
    }
