"""A server of HTTP/1.1 that keeps connections open and writes each answer in one piece.

moto's own closes every connection, waits ten milliseconds for more of the request and writes in several pieces, which
delayed acknowledgements turn into forty milliseconds more.
"""

from __future__ import annotations

import traceback
from http import HTTPStatus
from threading import BoundedSemaphore
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import ThreadedWSGIServer

from . import limits, reply
from .application import Application
from .reply import ConnectionCut, Reply

# Ours to write, whatever a service said about them.
_OWN_HEADERS = ("content-length", "connection", "transfer-encoding")


class Handler(MotoRequestHandler):
    """One connection."""

    disable_nagle_algorithm = True
    timeout = limits.CONNECTION_IDLE_SECONDS

    def run_wsgi(self) -> None:
        """Answers one request of the connection."""
        if self.headers.get("expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        environ = self.make_environ()
        body = self._body(environ)
        if body is None:
            self.close_connection = True
            self._write(reply.of_json({"message": "the request is too large"}, 413))
            return
        application: Application = self.server.app  # type: ignore[assignment]
        try:
            answer = application.answer(environ, body)
        except ConnectionCut:
            self.close_connection = True
            return
        except Exception:  # The emulator's own fault, or moto's: shown where it runs, and answered.
            traceback.print_exc()
            answer = reply.of_json({"message": traceback.format_exc(limit=1)}, 500)
        self._write(answer)

    def _body(self, environ: dict[str, Any]) -> bytes | None:
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            body = environ["wsgi.input"].read(limits.REQUEST_BYTES_MAX + 1)
        else:
            length = int(self.headers.get("content-length") or 0)
            if length > limits.REQUEST_BYTES_MAX:
                return None
            body = self.rfile.read(length)
        return body if len(body) <= limits.REQUEST_BYTES_MAX else None

    def _write(self, answer: Reply) -> None:
        status = HTTPStatus(answer.status)
        lines = [f"HTTP/1.1 {status.value} {status.phrase}"]
        lines += [f"{name}: {value}" for name, value in answer.headers if name.lower() not in _OWN_HEADERS]
        lines.append(f"content-length: {len(answer.body)}")
        if self.close_connection:
            lines.append("connection: close")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        body = b"" if self.command == "HEAD" else answer.body
        self.wfile.write(head + body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Says nothing: a test run makes tens of thousands of requests."""


class Server(ThreadedWSGIServer):
    """A thread a connection, and no more than `limits.CONNECTIONS_MAX` of them."""

    daemon_threads = True
    # One test alone may open several hundred at once, and what does not fit waits for a minute and longer.
    request_queue_size = limits.CONNECTIONS_MAX

    def __init__(self, host: str, port: int, application: Application) -> None:
        super().__init__(host, port, application, handler=Handler)
        self._free = BoundedSemaphore(limits.CONNECTIONS_MAX)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Waits for a place before it takes a connection."""
        self._free.acquire()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serves a connection to its end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()
