"""The account: whether it may send, and how much."""

from __future__ import annotations

from typing import Any

from .state import MailService


def _get_account(mail: MailService, asked: dict[str, Any]) -> dict[str, Any]:
    settings = mail.account
    return {
        "DedicatedIpAutoWarmupEnabled": False,
        "EnforcementStatus": settings.enforcement_status,
        "ProductionAccessEnabled": settings.production_access,
        "SendQuota": {
            "Max24HourSend": settings.max_24_hour_send,
            "MaxSendRate": settings.max_send_rate,
            "SentLast24Hours": float(mail.sent_last_24_hours()),
        },
        "SendingEnabled": settings.sending_enabled,
        "SuppressionAttributes": {"SuppressedReasons": settings.suppressed_reasons},
    }


def _put_sending(mail: MailService, asked: dict[str, Any]) -> dict[str, Any]:
    mail.account.sending_enabled = bool(asked.get("SendingEnabled", False))
    return {}


def _put_suppression(mail: MailService, asked: dict[str, Any]) -> dict[str, Any]:
    mail.account.suppressed_reasons = list(asked.get("SuppressedReasons", []))
    return {}


ACTIONS = {
    "GetAccount": _get_account,
    "PutAccountSendingAttributes": _put_sending,
    "PutAccountSuppressionAttributes": _put_suppression,
}
