"""What the emulator answers, and errors in the words of each service."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape


@dataclass
class Reply:
    """An answer before it is written."""

    status: int
    body: bytes
    headers: list[tuple[str, str]] = field(default_factory=list)

    @property
    def is_error(self) -> bool:
        """Whether the call was refused or failed."""
        return self.status >= 400


class AwsError(Exception):
    """A refusal by a code that the service documents."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


class ConnectionCut(Exception):
    """Instead of an answer the connection ends."""


def of_json(value: Any, status: int = 200, content_type: str = "application/json") -> Reply:
    """An answer that is a JSON document."""
    headers = [("content-type", content_type), ("x-amzn-requestid", str(uuid.uuid4()))]
    return Reply(status, json.dumps(value).encode(), headers)


def of_error(service: str, error: AwsError) -> Reply:
    """An error as the clients of that service read it."""
    if service in ("sns", "ses", "sts", "iam", "cloudformation"):
        kind = "Sender" if error.status < 500 else "Receiver"
        body = (
            f"<ErrorResponse><Error><Type>{kind}</Type><Code>{escape(error.code)}</Code>"
            f"<Message>{escape(error.message)}</Message></Error>"
            f"<RequestId>{uuid.uuid4()}</RequestId></ErrorResponse>"
        )
        return Reply(error.status, body.encode(), [("content-type", "text/xml")])
    if service in ("sesv2", "lambda"):
        reply = of_json({"message": error.message}, error.status)
        reply.headers.append(("x-amzn-errortype", error.code))
        return reply
    shape = {"dynamodb": "com.amazonaws.dynamodb.v20120810", "sqs": "com.amazonaws.sqs"}.get(service, "aws")
    document = {"__type": f"{shape}#{error.code}", "message": error.message}
    return of_json(document, error.status, "application/x-amz-json-1.0")
