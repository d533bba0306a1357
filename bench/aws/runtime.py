"""The loop of a Python function: asks the Runtime API for invocations and answers them, as AWS's own client does.

`python runtime.py` runs the handler that `_HANDLER` names, `module.function`.
"""

from __future__ import annotations

import http.client
import importlib
import json
import os
import traceback
from collections.abc import Callable
from typing import Any

_INVOCATION = "/2018-06-01/runtime/invocation"

Handler = Callable[[dict[str, Any], None], Any]


def main() -> None:
    """Serves invocations until the process is ended."""
    module, function = os.environ["_HANDLER"].rsplit(".", 1)
    handler: Handler = getattr(importlib.import_module(module), function)
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    while True:
        connection.request("GET", f"{_INVOCATION}/next")
        answer = connection.getresponse()
        event = json.loads(answer.read())
        request_id = answer.getheader("lambda-runtime-aws-request-id")
        os.environ["_X_AMZN_TRACE_ID"] = answer.getheader("lambda-runtime-trace-id") or ""
        try:
            kind, result = "response", handler(event, None)
        except Exception as error:
            traceback.print_exc()
            kind, result = "error", {"errorType": type(error).__name__, "errorMessage": str(error)}
        connection.request("POST", f"{_INVOCATION}/{request_id}/{kind}", json.dumps(result))
        connection.getresponse().read()


if __name__ == "__main__":
    main()
