"""A function that does what its messages say, over the Runtime API and the standard library alone.

A message is a JSON object: {"do": "ok"}, "fail" to be reported as failed, "raise", "exit", "hang", or "return" with
the text in "answer" as the whole answer. "say" is written to the log.
"""

import http.client
import json
import os
import sys
import time

NEXT = "/2018-06-01/runtime/invocation"


class Refused(Exception):
    """The function cannot do what it should."""


def handle(event, answer_before):
    failed = []
    for record in event["Records"]:
        message = json.loads(record["body"])
        if "say" in message:
            print(message["say"], flush=True)
        match message["do"]:
            case "fail":
                failed.append({"itemIdentifier": record["messageId"]})
            case "raise":
                raise Refused("told to")
            case "exit":
                sys.exit(3)
            case "hang":
                time.sleep(3600)
            case "return":
                return message["answer"]
            case "show":
                return json.dumps({"batchItemFailures": [], "record": record, "headers": answer_before})
    return json.dumps({"batchItemFailures": failed})


def main():
    if os.environ["_HANDLER"] == "broken":
        post("/2018-06-01/runtime/init/error", {"errorType": "Broken", "errorMessage": "cannot start"})
        sys.exit(1)
    while True:
        connection.request("GET", f"{NEXT}/next")
        answer = connection.getresponse()
        event = json.loads(answer.read())
        headers = {name.lower(): value for name, value in answer.getheaders()}
        request = headers["lambda-runtime-aws-request-id"]
        try:
            post(f"{NEXT}/{request}/response", handle(event, headers))
        except Refused as error:
            post(f"{NEXT}/{request}/error", {"errorType": "Refused", "errorMessage": str(error)})


def post(path, body):
    connection.request("POST", path, body if isinstance(body, str) else json.dumps(body))
    connection.getresponse().read()


connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
main()
