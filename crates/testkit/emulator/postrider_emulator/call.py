"""One request to the emulator, read as the call of an AWS API that it is."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from moto.core.request import Request
from moto.core.routing import get_service_router

from . import limits

Environ = dict[str, Any]

DEFAULT_ACCOUNT = "123456789012"
DEFAULT_REGION = "us-east-1"

_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/\d+/([a-z0-9-]+)/([A-Za-z0-9-]+)/aws4_request")
_ACCOUNT = re.compile(r"\d{12}")
_ROLE_KEY = re.compile(rf"{limits.ROLE_KEY_PREFIX}(\d{{12}})\d{{4}}")


@dataclass
class Call:
    """What is asked, by whom and of which service.

    `action` is empty where nobody knows the request. `path` holds what the path names, as SES v2 does.
    """

    environ: Environ
    body: bytes
    account: str
    region: str
    service: str
    action: str
    path: dict[str, str] = field(default_factory=dict)
    # The access key by which it is signed.
    key: str = ""

    def json(self) -> dict[str, Any]:
        """The body as an object; empty where it is none."""
        try:
            value = json.loads(self.body or b"{}")
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    def query(self) -> dict[str, str]:
        """What stands behind the question mark, the first of each name."""
        return {name: values[0] for name, values in parse_qs(self.environ.get("QUERY_STRING", "")).items()}


def read(environ: Environ, body: bytes) -> Call:
    """Reads a request.

    An access key of twelve digits is the account itself, so that each test can have an account of its own; one that was
    given out for a role belongs to the account in it; every other key belongs to the default account.
    """
    signed = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    key, region, service = signed.groups() if signed else ("", DEFAULT_REGION, "")
    of_role = _ROLE_KEY.fullmatch(key)
    account = of_role[1] if of_role else key if _ACCOUNT.fullmatch(key) else DEFAULT_ACCOUNT
    # moto asks this header before it asks the key.
    environ["HTTP_X_MOTO_ACCOUNT_ID"] = account
    service = service.lower()
    if service in ("ses", "email"):
        service = "sesv2" if environ.get("PATH_INFO", "").startswith("/v2/") else "ses"
    action, path = _action(environ, body, service)
    return Call(environ, body, account, region, service, action, path, key)


def _action(environ: Environ, body: bytes, service: str) -> tuple[str, dict[str, str]]:
    target = environ.get("HTTP_X_AMZ_TARGET")
    if target:
        return target.rsplit(".", 1)[-1], {}
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        form = parse_qs(body.decode("utf-8", "replace"))
        return form.get("Action", [""])[0], {}
    if not service:
        return "", {}
    try:
        operation, path = get_service_router(service).match(Request(dict(environ)))
    except Exception:  # Whatever its router does not know, moto is asked all the same, and answers.
        return "", {}
    return operation.name, dict(path)
