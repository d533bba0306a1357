"""The emulator's own endpoints, under `/emulator`: what a test asks and tells it beside AWS's APIs."""

from __future__ import annotations

from typing import Any

from . import limits, reply
from .accounts import Accounts
from .call import DEFAULT_ACCOUNT, DEFAULT_REGION, Call
from .cloudformation.api import CloudFormation
from .reply import Reply
from .services import sqs

PREFIX = "/emulator/"


def answer(accounts: Accounts, call: Call, cloudformation: CloudFormation) -> Reply:
    """Answers a request to one of them. `account` and `region` are in the query or, with a body, in the body."""
    endpoint = (call.environ["REQUEST_METHOD"], call.environ["PATH_INFO"].removeprefix(PREFIX))
    asked: dict[str, Any] = {**call.query(), **call.json()}
    number = str(asked.get("account", DEFAULT_ACCOUNT))
    region = str(asked.get("region", DEFAULT_REGION))
    try:
        return reply.of_json(_answer(accounts, cloudformation, endpoint, asked, number, region))
    except ValueError as error:
        return reply.of_json({"message": str(error)}, 400)


def _answer(
    accounts: Accounts,
    cloudformation: CloudFormation,
    endpoint: tuple[str, str],
    asked: dict[str, Any],
    number: str,
    region: str,
) -> Any:
    match endpoint:
        case ("GET", "health"):
            return {"ready": True}
        case ("POST", "reset"):
            accounts.reset(asked.get("account"))
        case ("GET", "counters"):
            return accounts.of(number).counters.shown()
        case ("DELETE", "counters"):
            accounts.of(number).counters.clear()
        case ("GET", "faults"):
            return {"faults": accounts.of(number).faults.waiting()}
        case ("POST", "faults"):
            accounts.of(number).faults.add(asked)
        case ("DELETE", "faults"):
            accounts.of(number).faults.clear()
        case ("GET", "ses/sent"):
            limit = min(int(asked.get("limit", limits.SENT_PAGE_MAX)), limits.SENT_PAGE_MAX)
            return accounts.of(number).mail(region).sent.page(int(asked.get("after", 0)), limit)
        case ("POST", "credentials"):
            service = str(asked.get("service", ""))
            key = accounts.of(number).principals.assume(number, str(asked.get("role", "")), service)
            return {"accessKeyId": key}
        case ("GET", "asked"):
            return accounts.of(number).principals.shown(str(asked.get("accessKeyId", "")))
        case ("POST", "queue/elapse"):
            sqs.elapse(number, region, str(asked.get("queue", "")), int(asked.get("seconds", 0)))
        case ("GET", "stack"):
            return cloudformation.shown(accounts.of(number), region, str(asked.get("name", "")))
        case ("PUT", "ses/account"):
            accounts.of(number).mail(region).account.set(asked.get("settings", {}))
        case ("PUT", "ses/identity"):
            accounts.of(number).mail(region).set_verified(str(asked["identity"]), bool(asked["verified"]))
        case _:
            raise ValueError(f"there is no {endpoint[0]} {PREFIX}{endpoint[1]}")
    return {}
