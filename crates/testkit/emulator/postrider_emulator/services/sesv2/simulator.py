"""What becomes of a message at a recipient: SES's mailbox simulator, the suppression list, and delivery for the rest."""

from __future__ import annotations

import time
import uuid
from typing import Any

from .instant import timestamp

# An event's type and what it adds to the event.
Event = tuple[str, dict[str, Any]]

_SIMULATOR = "simulator.amazonses.com"


def fate(recipient: str, suppressed_for: str | None, region: str) -> list[Event]:
    """The events that follow a send to `recipient`, in order. `suppressed_for` is why it is on the list, if it is."""
    if suppressed_for == "COMPLAINT":
        return [_complaint(recipient, "OnAccountSuppressionList", None)]
    if suppressed_for:
        words = (
            "Amazon SES did not send the message to this address because it is on the suppression list for your account."
        )
        return [_bounce(recipient, "Permanent", "OnAccountSuppressionList", words, "amazonses.com")]
    local, _, domain = recipient.lower().rpartition("@")
    mailbox = local.partition("+")[0] if domain == _SIMULATOR else "success"
    match mailbox:
        case "bounce":
            words = "smtp; 550 5.1.1 user unknown"
            return [_bounce(recipient, "Permanent", "General", words, _SIMULATOR)]
        case "complaint":
            return [_delivery(recipient, region), _complaint(recipient, None, "abuse")]
        case "suppressionlist":
            words = (
                "Amazon SES has suppressed sending to this address because it has a recent history of bouncing as an "
                "invalid address."
            )
            return [_bounce(recipient, "Permanent", "Suppressed", words, "amazonses.com")]
        case "ooto":
            # The answer comes back as a bounce that says nothing about the mailbox.
            return [_delivery(recipient, region), _bounce(recipient, "Transient", "General", None, None)]
    return [_delivery(recipient, region)]


def _now() -> str:
    return timestamp(time.time())


def _feedback_id() -> str:
    return f"0100{uuid.uuid4().hex[:12]}-{uuid.uuid4()}-000000"


def _delivery(recipient: str, region: str) -> Event:
    detail = {
        "timestamp": _now(),
        "processingTimeMillis": 5,
        "recipients": [recipient],
        "smtpResponse": "250 2.6.0 Message received",
        "remoteMtaIp": "127.0.2.0",
        "reportingMTA": f"a1-1.smtp-out.{region}.amazonses.com",
    }
    return "Delivery", {"delivery": detail}


def _bounce(recipient: str, kind: str, subtype: str, words: str | None, server: str | None) -> Event:
    who = {"emailAddress": recipient}
    if words:
        who |= {"action": "failed", "status": "5.1.1", "diagnosticCode": words}
    detail = {
        "bounceType": kind,
        "bounceSubType": subtype,
        "bouncedRecipients": [who],
        "timestamp": _now(),
        "feedbackId": _feedback_id(),
    }
    if server:
        detail["reportingMTA"] = f"dns; {server}"
    return "Bounce", {"bounce": detail}


def _complaint(recipient: str, subtype: str | None, kind: str | None) -> Event:
    detail: dict[str, Any] = {
        "complainedRecipients": [{"emailAddress": recipient}],
        "timestamp": _now(),
        "feedbackId": _feedback_id(),
        "complaintSubType": subtype,
    }
    if kind:
        detail |= {"complaintFeedbackType": kind, "userAgent": "Amazon SES Mailbox Simulator", "arrivalDate": _now()}
    return "Complaint", {"complaint": detail}
