"""Client request tokens of transactions: the same transaction asked for twice happens once.

SDKs set one by themselves and keep it when they try again, so that an answer that was lost does no harm. moto ignores
them.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import OrderedDict
from typing import Any

from .. import limits
from ..reply import AwsError


class Tokens:
    """The tokens of one account's transactions in a region."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def is_replay(self, asked: dict[str, Any]) -> bool:
        """Whether this transaction was done before under its token.

        Raises IdempotentParameterMismatchException where another one was.
        """
        known = self._known.get(str(asked.get("ClientRequestToken") or ""))
        if known is None or known[1] < time.monotonic() - limits.TRANSACTION_TOKEN_SECONDS:
            return False
        if known[0] != _digest(asked):
            raise AwsError(
                "IdempotentParameterMismatchException",
                "The client request token was used with other parameters before.",
            )
        return True

    def remember(self, asked: dict[str, Any]) -> None:
        """Notes that the transaction is done."""
        token = str(asked.get("ClientRequestToken") or "")
        if not token:
            return
        self._known[token] = (_digest(asked), time.monotonic())
        self._known.move_to_end(token)
        if len(self._known) > limits.TRANSACTION_TOKENS_MAX:
            self._known.popitem(last=False)


def _digest(asked: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(asked.get("TransactItems"), sort_keys=True).encode()).hexdigest()
