"""The way of a request: read, counted, perhaps failed on demand, performed by a service or by moto."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from . import control, faults, limits, permissions, reply, services
from .accounts import Account, Accounts
from .call import Call, Environ, read
from .cloudformation.api import CloudFormation
from .reply import AwsError, Reply


class Application:
    """A WSGI application whose answers are whole before they are written."""

    def __init__(self) -> None:
        services.install()
        self._accounts = Accounts()
        self._cloudformation = CloudFormation(self.answer)
        self._moto = DomainDispatcherApplication(create_backend_app)

    def answer(self, environ: Environ, body: bytes) -> Reply:
        """Answers one request.

        Raises ConnectionCut where a fault says that there is no answer.
        """
        call = read(environ, body)
        if environ.get("PATH_INFO", "").startswith(control.PREFIX):
            return control.answer(self._accounts, call, self._cloudformation)
        account = self._accounts.of(call.account)

        def perform(performed: Call) -> Reply:
            return self._perform(account, performed)

        if call.key.startswith(limits.ROLE_KEY_PREFIX):
            account.principals.note(call.key, permissions.questions(account, call))
        fault = account.faults.take(call)
        # Counted also when the connection is cut: AWS charges what it has been asked.
        answered: Reply | None = None
        try:
            answered = faults.suffer(fault, call, perform) if fault else perform(call)
            return answered
        finally:
            is_error = answered is None or answered.is_error
            account.counters.count(call, is_error, len(answered.body) if answered else 0)

    def _perform(self, account: Account, call: Call) -> Reply:
        if call.service == "cloudformation":
            service: Any = self._cloudformation
        else:
            service = services.BY_NAME.get(call.service)
        if service is None:
            return self._forward(call)
        try:
            return service.perform(account, call, self._forward)
        except AwsError as error:
            return reply.of_error(call.service, error)

    def _forward(self, call: Call) -> Reply:
        """What moto answers."""
        status: list[Any] = []

        def start(line: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], Any]:
            status[:] = [int(line.split(" ", 1)[0]), headers]
            return sys.stderr.buffer.write

        environ = {**call.environ, "wsgi.input": io.BytesIO(call.body), "CONTENT_LENGTH": str(len(call.body))}
        chunks: Iterable[bytes] = self._moto(environ, start)
        body = b"".join(chunks)
        return Reply(status[0], body, list(status[1]))
