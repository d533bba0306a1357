"""What SES v2 keeps of one account in one region."""

from __future__ import annotations

import base64
import time
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from threading import RLock
from typing import Any

from ... import limits

# How long what was sent counts against the daily quota.
_DAY_SECONDS = 24 * 60 * 60


@dataclass
class AccountSettings:
    """What `GetAccount` tells. `enforces_rate` makes sends beyond the rate be refused, as AWS refuses them."""

    sending_enabled: bool = True
    production_access: bool = True
    enforcement_status: str = "HEALTHY"
    max_24_hour_send: float = 50_000.0
    max_send_rate: float = 14.0
    suppressed_reasons: list[str] = field(default_factory=lambda: ["BOUNCE", "COMPLAINT"])
    enforces_rate: bool = False

    _NAMES = {
        "SendingEnabled": "sending_enabled",
        "ProductionAccessEnabled": "production_access",
        "EnforcementStatus": "enforcement_status",
        "Max24HourSend": "max_24_hour_send",
        "MaxSendRate": "max_send_rate",
        "SuppressedReasons": "suppressed_reasons",
        "EnforcesRate": "enforces_rate",
    }

    def set(self, settings: dict[str, Any]) -> None:
        """Changes what is named, by AWS's names. Raises ValueError for a name that is none."""
        unknown = sorted(set(settings) - set(self._NAMES))
        if unknown:
            raise ValueError(f"no settings {', '.join(unknown)}; there are {', '.join(self._NAMES)}")
        for name, value in settings.items():
            setattr(self, self._NAMES[name], value)


@dataclass
class ConfigurationSet:
    """A configuration set, with its event destinations by name."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)
    destinations: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def is_paused(self) -> bool:
        """Whether sending with it is switched off."""
        return not self.options.get("SendingOptions", {}).get("SendingEnabled", True)


@dataclass
class Sent:
    """A message that was accepted. `at` is seconds since 1970."""

    sequence: int
    message_id: str
    at: float
    sender: str
    recipients: list[str]
    configuration_set: str | None
    tags: dict[str, str]
    raw: bytes

    def shown(self) -> dict[str, Any]:
        """As the control endpoint shows it."""
        return {
            "sequence": self.sequence,
            "messageId": self.message_id,
            "atMs": int(self.at * 1000),
            "from": self.sender,
            "recipients": self.recipients,
            "configurationSet": self.configuration_set,
            "tags": self.tags,
            "raw": base64.b64encode(self.raw).decode(),
        }


class SentLog:
    """Messages in the order in which they were accepted, as many as fit."""

    def __init__(self) -> None:
        self._messages: deque[Sent] = deque()
        self._bytes = 0
        self._count = 0

    def add(self, **message: Any) -> None:
        """Remembers a message, and forgets the oldest where there are too many."""
        self._count += 1
        sent = Sent(sequence=self._count, **message)
        self._messages.append(sent)
        self._bytes += len(sent.raw)
        while len(self._messages) > limits.SENT_MESSAGES_MAX or self._bytes > limits.SENT_BYTES_MAX:
            self._bytes -= len(self._messages.popleft().raw)

    def page(self, after: int, limit: int) -> dict[str, Any]:
        """Messages whose sequence is larger than `after`, and how many there have ever been."""
        later = [message.shown() for message in list(self._messages) if message.sequence > after]
        return {"count": self._count, "messages": later[:limit]}


class MailService:
    """SES in one region of an account."""

    def __init__(self, account_number: str, region: str) -> None:
        self.account_number = account_number
        self.region = region
        self.lock = RLock()
        self.account = AccountSettings()
        self.sent = SentLog()
        self.configuration_sets: dict[str, ConfigurationSet] = {}
        # Whether each identity is verified: domains, and single addresses.
        self.identities: dict[str, bool] = {}
        # What else was set of each.
        self.identity_settings: dict[str, dict[str, Any]] = {}
        # By address in small letters: reason and time.
        self.suppressed: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self.tags: dict[str, dict[str, str]] = {}
        self._recipient_times: deque[float] = deque()
        self._rate_allowance = 1.0
        self._rate_at = time.monotonic()

    def arn(self, kind: str, name: str) -> str:
        """The name of a resource."""
        return f"arn:aws:ses:{self.region}:{self.account_number}:{kind}/{name}"

    def set_verified(self, identity: str, verified: bool) -> None:
        """Says whether an identity counts as verified."""
        with self.lock:
            self.identities[identity.lower()] = verified

    def is_verified(self, address: str) -> bool:
        """Whether mail may come from there: the address is verified, or its domain, or one above."""
        address = address.lower()
        domain = address.rpartition("@")[2]
        labels = domain.split(".")
        candidates = [address, *(".".join(labels[start:]) for start in range(len(labels)))]
        return any(self.identities.get(candidate) for candidate in candidates)

    def sent_last_24_hours(self) -> int:
        """Recipients that count against the daily quota."""
        with self.lock:
            while self._recipient_times and self._recipient_times[0] < time.time() - _DAY_SECONDS:
                self._recipient_times.popleft()
            return len(self._recipient_times)

    def note_recipients(self, count: int) -> None:
        """Counts recipients against the quota."""
        self._recipient_times.extend([time.time()] * count)

    def is_within_rate(self, count: int) -> bool:
        """Whether so many recipients fit in the rate now, and takes them from it. A second's worth may come at once."""
        now = time.monotonic()
        rate = max(self.account.max_send_rate, 0.001)
        refilled = self._rate_allowance + (now - self._rate_at) * rate
        self._rate_at, self._rate_allowance = now, min(refilled, max(rate, 1.0))
        if self._rate_allowance < 1:
            return False
        # AWS lets a message through whole that begins within the rate.
        self._rate_allowance -= count
        return True
