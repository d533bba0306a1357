"""What goes wrong on demand: the next calls of a service fail in a way that AWS fails in."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from threading import Lock
from typing import Any

from . import limits, reply
from .call import Call
from .reply import AwsError, ConnectionCut, Reply

Perform = Callable[[Call], Reply]

# What a call answers instead of being performed, by the kind of fault and the service ("" for every other).
_REFUSALS: dict[str, dict[str, AwsError]] = {
    "throttled": {
        "dynamodb": AwsError("ProvisionedThroughputExceededException", "The level of configured throughput was exceeded."),
        "sqs": AwsError("RequestThrottled", "The request was denied due to request throttling."),
        "sns": AwsError("Throttled", "Rate exceeded", 429),
        "sesv2": AwsError("TooManyRequestsException", "Maximum sending rate exceeded.", 429),
        "": AwsError("ThrottlingException", "Rate exceeded"),
    },
    "error-before": {
        "dynamodb": AwsError("InternalServerError", "Internal server error", 500),
        "sqs": AwsError("InternalError", "We encountered an internal error. Please try again.", 500),
        "sns": AwsError("InternalError", "An internal error occurred.", 500),
        "sesv2": AwsError("InternalServiceErrorException", "An internal error occurred.", 500),
        "": AwsError("InternalFailure", "An internal error occurred.", 500),
    },
    "expired-credentials": {
        "sns": AwsError("ExpiredToken", "The security token included in the request is expired", 403),
        "sesv2": AwsError("ExpiredTokenException", "The security token included in the request is expired.", 403),
        "": AwsError("ExpiredTokenException", "The security token included in the request is expired"),
    },
    "access-denied": {
        "sns": AwsError("AuthorizationError", "User is not authorized to perform this action", 403),
        "sesv2": AwsError("AccessDeniedException", "User is not authorized to perform this action", 403),
        "": AwsError("AccessDeniedException", "User is not authorized to perform this action"),
    },
    "sending-paused": {"sesv2": AwsError("SendingPausedException", "Email sending is paused for this account.")},
    "account-suspended": {"sesv2": AwsError("AccountSuspendedException", "The account is suspended.")},
    "quota-exceeded": {"sesv2": AwsError("TooManyRequestsException", "Daily message quota exceeded.", 429)},
    "limit-exceeded": {"sesv2": AwsError("LimitExceededException", "The limit of the account has been reached.")},
    "domain-unverified": {
        "sesv2": AwsError("MailFromDomainNotVerifiedException", "The MAIL FROM domain is not verified.")
    },
    "message-rejected": {"sesv2": AwsError("MessageRejected", "The message was rejected.")},
    "conflict": {
        "dynamodb": AwsError("TransactionConflictException", "Transaction is ongoing for the item"),
        "sesv2": AwsError("ConflictException", "The resource is being changed.", 409),
    },
}
# Kinds that do something else than refuse.
_EFFECTS = ("error-after", "delay", "cut-before", "cut-after")


@dataclass
class Fault:
    """The next `times` calls of `service` (and `action`, unless empty) fail by `kind`, after `skip` that do not."""

    service: str
    action: str
    kind: str
    times: int
    skip: int = 0
    delay_ms: int = 0


class Faults:
    """The faults that wait in one account, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._lock = Lock()

    def add(self, wanted: dict[str, Any]) -> None:
        """Takes a fault as the control endpoint is asked for it.

        Raises ValueError with words about what is wrong with it.
        """
        fault = Fault(
            service=str(wanted.get("service", "")),
            action=str(wanted.get("action") or ""),
            kind=str(wanted.get("kind", "")),
            times=int(wanted.get("times", 1)),
            skip=int(wanted.get("skip", 0)),
            delay_ms=int(wanted.get("delayMs", 0)),
        )
        known = fault.kind in _EFFECTS or fault.service in _REFUSALS.get(fault.kind, {}) or "" in _REFUSALS.get(fault.kind, {})
        if not fault.service or not known:
            kinds = ", ".join([*_REFUSALS, *_EFFECTS])
            raise ValueError(f"no fault {fault.kind!r} of service {fault.service!r}; the kinds are {kinds}")
        if not 1 <= fault.times <= limits.FAULT_TIMES_MAX or not 0 <= fault.skip <= limits.FAULT_TIMES_MAX:
            raise ValueError(f"times is 1 to {limits.FAULT_TIMES_MAX}, skip 0 to as many")
        if not 0 <= fault.delay_ms <= limits.FAULT_DELAY_MS_MAX:
            raise ValueError(f"delayMs is 0 to {limits.FAULT_DELAY_MS_MAX}")
        with self._lock:
            if len(self._waiting) >= limits.FAULTS_MAX:
                raise ValueError(f"{limits.FAULTS_MAX} faults wait already")
            self._waiting.append(fault)

    def clear(self) -> None:
        """From now on nothing fails."""
        with self._lock:
            self._waiting.clear()

    def waiting(self) -> list[dict[str, Any]]:
        """What has not happened yet."""
        with self._lock:
            return [asdict(fault) for fault in self._waiting]

    def take(self, call: Call) -> Fault | None:
        """The fault that happens to this call, if one does."""
        with self._lock:
            for fault in self._waiting:
                if fault.service != call.service or fault.action not in ("", call.action):
                    continue
                if fault.skip:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                if fault.times == 0:
                    self._waiting.remove(fault)
                return fault
        return None


def suffer(fault: Fault, call: Call, perform: Perform) -> Reply:
    """Answers a call to which `fault` happens. `perform` has the effect that the call asks for."""
    time.sleep(fault.delay_ms / 1000)
    if fault.kind == "delay":
        return perform(call)
    if fault.kind == "cut-before":
        raise ConnectionCut
    if fault.kind == "cut-after":
        perform(call)
        raise ConnectionCut
    kind = fault.kind
    if kind == "error-after":
        perform(call)
        kind = "error-before"
    refusals = _REFUSALS[kind]
    return reply.of_error(call.service, refusals.get(call.service) or refusals[""])
