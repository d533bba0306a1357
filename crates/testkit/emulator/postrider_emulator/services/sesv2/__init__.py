"""SES v2. moto's keeps too little of it, so that identities, configuration sets and sending are all ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ... import reply
from ...reply import Reply
from . import account_settings, configuration, identities, sending, suppression

if TYPE_CHECKING:
    from ...accounts import Account
    from ...call import Call

_ACTIONS = {
    **account_settings.ACTIONS,
    **configuration.ACTIONS,
    **identities.ACTIONS,
    **suppression.ACTIONS,
}


def perform(account: Account, call: Call, forward: Callable[[Call], Reply]) -> Reply:
    """Answers a call; what is not here is moto's."""
    mail = account.mail(call.region)
    if call.action == "SendEmail":
        return reply.of_json(sending.send_email(account, mail, call.json()))
    action = _ACTIONS.get(call.action)
    if action is None:
        return forward(call)
    with mail.lock:
        return reply.of_json(action(mail, {**call.query(), **call.json(), **call.path}))
