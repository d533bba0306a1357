"""Calls of this emulator's own services, as a deployment makes them: by botocore, whose models know every parameter."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from functools import lru_cache
from threading import local
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import Shape
from botocore import UNSIGNED, xform_name

from ..reply import Reply
from .template import TemplateError

Answer = Callable[[dict[str, Any], bytes], Reply]

# Whose call this thread makes, and what answers it.
_caller = local()
_ENDPOINT = "http://127.0.0.1:1"


class Refused(Exception):
    """A service refused. Words with its code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Raw(io.BytesIO):
    """An answer's body as botocore reads it."""

    def stream(self, **_: Any) -> Any:
        """All of it."""
        yield self.read()


def _perform(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
    parts = urlsplit(request.url)
    body = request.body.read() if hasattr(request.body, "read") else request.body or b""
    body = body.encode() if isinstance(body, str) else bytes(body)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": parts.path,
        "RAW_URI": request.url.removeprefix(_ENDPOINT),
        "REQUEST_URI": request.url.removeprefix(_ENDPOINT),
        "QUERY_STRING": parts.query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "1",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.input": io.BytesIO(body),
        "CONTENT_LENGTH": str(len(body)),
    }
    for name, value in request.headers.items():
        text = value.decode() if isinstance(value, bytes) else str(value)
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = text
    account, region, service, host, answer = _caller.now
    # Queues are known by the address under which their caller knows the emulator.
    environ["HTTP_HOST"] = host
    environ["HTTP_AUTHORIZATION"] = (
        f"AWS4-HMAC-SHA256 Credential={account}/20260101/{region}/{service}/aws4_request, SignedHeaders=host, "
        "Signature=0"
    )
    reply: Reply = answer(environ, body)
    headers = {name.lower(): value for name, value in reply.headers}
    return AWSResponse(request.url, reply.status, headers, Raw(reply.body))


@lru_cache(maxsize=256)
def _client(service: str, region: str) -> Any:
    client = boto3.client(
        service,
        region_name=region,
        endpoint_url=_ENDPOINT,
        config=Config(
            signature_version=UNSIGNED, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}
        ),
    )
    client.meta.events.register("before-send.*.*", _perform)
    return client


class Aws:
    """The services as one account sees them in one region."""

    def __init__(self, answer: Answer, account: str, region: str, host: str) -> None:
        self._answer = answer
        self._host = host
        self.account = account
        self.region = region

    def arn(self, service: str, resource: str) -> str:
        """The name of a resource in this region."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"

    def __call__(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Calls `operation`, such as `CreateQueue`. Parameters get the form the API wants; unknown ones are refused.

        Raises Refused, or TemplateError for a parameter the API does not have.
        """
        client = _client(service, self.region)
        model = client.meta.service_model.operation_model(operation)
        given = {name: value for name, value in parameters.items() if value is not None}
        fitted = fit(model.input_shape, given, operation) if model.input_shape else {}
        before = getattr(_caller, "now", None)
        _caller.now = (self.account, self.region, client.meta.service_model.signing_name, self._host, self._answer)
        try:
            answer = getattr(client, xform_name(operation))(**fitted)
        except ClientError as error:
            told = error.response["Error"]
            raise Refused(told.get("Code", "?"), f"{operation}: {told.get('Message', '')}") from None
        except BotoCoreError as error:
            raise TemplateError(f"{service} {operation}: {error}") from None
        finally:
            _caller.now = before
        answer.pop("ResponseMetadata", None)
        return answer


def fit(shape: Shape, value: Any, where: str) -> Any:
    """A value of a template as an API's parameter: names whatever their capitals, numbers and truth out of text."""
    match shape.type_name:
        case "structure":
            if not isinstance(value, dict):
                raise TemplateError(f"{where} must be an object and is {value!r}")
            members = {name.lower(): name for name in shape.members}
            strangers = sorted(name for name in value if name.lower() not in members)
            if strangers:
                raise TemplateError(f"{where} has no {', '.join(strangers)}")
            names = {name: members[name.lower()] for name in value}
            return {names[name]: fit(shape.members[names[name]], one, f"{where}.{name}") for name, one in value.items()}
        case "list":
            if not isinstance(value, list):
                raise TemplateError(f"{where} must be a list and is {value!r}")
            return [fit(shape.member, one, f"{where}[]") for one in value]
        case "map":
            if not isinstance(value, dict):
                raise TemplateError(f"{where} must be an object and is {value!r}")
            return {str(name): fit(shape.value, one, f"{where}.{name}") for name, one in value.items()}
        case "boolean":
            if str(value).lower() not in ("true", "false"):
                raise TemplateError(f"{where} must be true or false and is {value!r}")
            return str(value).lower() == "true"
        case "integer" | "long":
            return _number(int, value, where)
        case "float" | "double":
            return _number(float, value, where)
        case "string":
            if isinstance(value, (dict, list)):
                return json.dumps(value)
            text = str(value).lower() if isinstance(value, bool) else str(value)
            allowed = getattr(shape, "enum", None)
            if allowed and text not in allowed:
                raise TemplateError(f"{where} must be one of {', '.join(allowed)} and is {text!r}")
            return text
    return value


def _number(kind: Callable[[Any], Any], value: Any, where: str) -> Any:
    try:
        return kind(value)
    except (TypeError, ValueError):
        raise TemplateError(f"{where} must be a number and is {value!r}") from None
