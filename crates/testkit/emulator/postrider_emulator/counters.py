"""How many calls were made, and what AWS would charge them as."""

from __future__ import annotations

import math
from collections import defaultdict
from threading import Lock
from typing import Any

from . import limits
from .call import Call

_BILLED_IN_CHUNKS = ("sqs", "sns")


class Counters:
    """The calls of one account."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._calls: dict[str, dict[str, dict[str, float]]] = {}
        self._units: dict[str, dict[str, Any]] = {}

    def count(self, call: Call, is_error: bool, answer_bytes: int) -> None:
        """Counts a call of which the answer had so many bytes.

        `requests` are requests as they are charged: SQS and SNS charge each 64 KiB of payload as one.
        """
        requests = 1
        if call.service in _BILLED_IN_CHUNKS:
            payload = answer_bytes if call.action == "ReceiveMessage" else len(call.body)
            requests = max(1, math.ceil(payload / limits.BILLED_CHUNK_BYTES))
        self.add(call.service, call.action or "unknown", requests=requests, errors=int(is_error))

    def add(self, service: str, action: str, **amounts: float) -> None:
        """Counts one call and whatever it amounts to."""
        with self._lock:
            counted = self._calls.setdefault(service, {}).setdefault(action, defaultdict(float))
            counted["calls"] += 1
            for name, amount in amounts.items():
                counted[name] += amount

    def add_units(self, action: str, table: str, read: float, write: float, indexes: dict[str, float]) -> None:
        """Adds the request units that a DynamoDB call consumed: of a table, and of its indexes by name."""
        with self._lock:
            units = self._units.setdefault(table, {"read": 0.0, "write": 0.0, "indexes": defaultdict(float), "actions": {}})
            units["read"] += read
            units["write"] += write + sum(indexes.values())
            for name, amount in indexes.items():
                units["indexes"][name] += amount
            of_action = units["actions"].setdefault(action, {"read": 0.0, "write": 0.0})
            of_action["read"] += read
            of_action["write"] += write + sum(indexes.values())

    def shown(self) -> dict[str, Any]:
        """Calls by service and action; request units by table, of which `write` includes the indexes."""
        with self._lock:
            calls = {
                service: {action: dict(amounts) for action, amounts in actions.items()}
                for service, actions in self._calls.items()
            }
            units = {
                table: {**units, "indexes": dict(units["indexes"]), "actions": dict(units["actions"])}
                for table, units in self._units.items()
            }
        return {"calls": calls, "units": units}

    def clear(self) -> None:
        """Counts from nothing again."""
        with self._lock:
            self._calls.clear()
            self._units.clear()
