"""Times as SES writes them."""

from __future__ import annotations

from datetime import datetime, timezone


def timestamp(seconds: float) -> str:
    """Seconds since 1970 as the text of an event."""
    instant = datetime.fromtimestamp(seconds, timezone.utc)
    return instant.strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant.microsecond // 1000:03}Z"
