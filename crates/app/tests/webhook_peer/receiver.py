"""A receiver of webhooks that believes only what the Standard Webhooks library verifies.

Listens on a free port of this machine and writes one JSON object a line: first its port, then one for each call.
PUT /secret sets the secret calls are verified with.
"""

import http.server
import json
import threading

from standardwebhooks import Webhook, WebhookVerificationError


speaking = threading.Lock()


def is_verified(secret, body, headers):
    try:
        Webhook(secret).verify(body, headers)
        return True
    except WebhookVerificationError:
        return False


def say(**what):
    # Calls come at the same time; a line must stay one.
    with speaking:
        print(json.dumps(what), flush=True)


class Receiver(http.server.BaseHTTPRequestHandler):
    secret = None

    def do_PUT(self):
        Receiver.secret = self.read_body().decode()
        self.answer(204)

    def do_POST(self):
        body = self.read_body()
        headers = {name.lower(): value for name, value in self.headers.items()}
        verified = is_verified(Receiver.secret, body, headers)
        renamed = {**headers, "webhook-id": headers["webhook-id"] + "0"}
        say(
            verified=verified,
            forgeries_verified=is_verified(Receiver.secret, body + b" ", headers)
            or is_verified(Receiver.secret, body, renamed),
            id=headers["webhook-id"],
            content_type=headers["content-type"],
            body=json.loads(body),
        )
        self.answer(204 if verified else 401)

    def read_body(self):
        return self.rfile.read(int(self.headers["content-length"]))

    def answer(self, status):
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
say(port=server.server_address[1])
server.serve_forever()
