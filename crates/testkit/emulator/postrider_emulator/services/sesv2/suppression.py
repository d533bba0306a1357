"""The account's suppression list."""

from __future__ import annotations

import base64
import time
from datetime import datetime
from typing import Any

from ... import limits
from ...reply import AwsError
from .state import MailService

_REASONS = ("BOUNCE", "COMPLAINT")


def _put(mail: MailService, asked: dict[str, Any]) -> dict[str, Any]:
    address, reason = str(asked.get("EmailAddress", "")).lower(), asked.get("Reason")
    if "@" not in address:
        raise AwsError("BadRequestException", "The email address is not valid.")
    if reason not in _REASONS:
        raise AwsError("BadRequestException", f"Reason must be one of {', '.join(_REASONS)}.")
    if len(mail.suppressed) >= limits.SUPPRESSED_ADDRESSES_MAX:
        raise AwsError("LimitExceededException", "The suppression list is full.")
    mail.suppressed[address] = (reason, time.time())
    return {}


def _found(mail: MailService, asked: dict[str, Any]) -> str:
    address = str(asked.get("EmailAddress", "")).lower()
    if address not in mail.suppressed:
        raise AwsError("NotFoundException", f"Email address {address} does not exist on your suppression list.", 404)
    return address


def _shown(mail: MailService, address: str) -> dict[str, Any]:
    reason, at = mail.suppressed[address]
    return {"EmailAddress": address, "Reason": reason, "LastUpdateTime": at}


def _get(mail: MailService, asked: dict[str, Any]) -> dict[str, Any]:
    return {"SuppressedDestination": _shown(mail, _found(mail, asked))}


def _delete(mail: MailService, asked: dict[str, Any]) -> dict[str, Any]:
    del mail.suppressed[_found(mail, asked)]
    return {}


def _list(mail: MailService, asked: dict[str, Any]) -> dict[str, Any]:
    reasons = asked.get("Reason", _REASONS)
    reasons = [reasons] if isinstance(reasons, str) else reasons
    since, until = _instant(asked.get("StartDate"), 0.0), _instant(asked.get("EndDate"), float("inf"))
    size = int(asked.get("PageSize", limits.SUPPRESSED_PAGE_MAX))
    if not 1 <= size <= limits.SUPPRESSED_PAGE_MAX:
        raise AwsError("BadRequestException", f"PageSize must be 1 to {limits.SUPPRESSED_PAGE_MAX}.")
    after = _token(asked.get("NextToken"))
    matching = [
        address
        for address, (reason, at) in sorted(mail.suppressed.items())
        if reason in reasons and since <= at <= until and address > after
    ]
    page = {"SuppressedDestinationSummaries": [_shown(mail, address) for address in matching[:size]]}
    if len(matching) > size:
        page["NextToken"] = base64.urlsafe_b64encode(matching[size - 1].encode()).decode()  # type: ignore[assignment]
    return page


def _token(token: str | None) -> str:
    try:
        return base64.urlsafe_b64decode(token or "").decode()
    except ValueError:
        raise AwsError("InvalidNextTokenException", "The specified request includes an invalid or expired token.") from None


def _instant(text: str | None, otherwise: float) -> float:
    """Seconds since 1970, of a time as SDKs write it."""
    if not text:
        return otherwise
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    except ValueError:
        raise AwsError("BadRequestException", "The date is not valid.") from None


ACTIONS = {
    "PutSuppressedDestination": _put,
    "GetSuppressedDestination": _get,
    "DeleteSuppressedDestination": _delete,
    "ListSuppressedDestinations": _list,
}
