"""What a restored ledger must be told before anything may run on it, over its own API."""

import json
import time
from datetime import datetime, timedelta, timezone

from .state import Refused, now
from .traffic import function_name

OPEN = ("queued", "deferred", "unknown", "sending", "held")
# These may have left before the moment already; or the budget held them, and may hold them still.
UNSURE = ("unknown", "sending", "held")
# Of what is held, only this goes out by itself.
HELD_BY_BUDGET = "budget_reached"
# Whoever has one of these could still have it sent, by hand if not by itself.
SENDABLE = {"queued", "deferred", "unknown", "held", "failed", "dead", "suppressed"}
LOOK_SECS = 2
# Longer than any lease.
LEASE_PATIENCE_SECS = 600
PAGES_MAX = 100_000
# No replayed event is sent before it is known whether it was sent before.
LATER = timedelta(days=7)


class Api:
    """The function `api`, asked directly: callers are turned away meanwhile."""

    def __init__(self, clients, outputs):
        self.aws_lambda, self.function = clients.aws_lambda, outputs["ApiFunctionArn"]
        self.name = function_name(outputs, "Api")

    def ask(self, method, path, query="", body=None):
        """Status and document of an answer."""
        event = {
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": path,
            "rawQueryString": query,
            "headers": {"host": "drill.execute-api.amazonaws.com", "content-type": "application/json"},
            "requestContext": {
                "accountId": "drill",
                "apiId": "drill",
                "authorizer": {"iam": {"userArn": "drill"}},
                "domainName": "drill.execute-api.amazonaws.com",
                "domainPrefix": "drill",
                "http": {
                    "method": method,
                    "path": path,
                    "protocol": "HTTP/1.1",
                    "sourceIp": "127.0.0.1",
                    "userAgent": "drill",
                },
                "requestId": "drill",
                "routeKey": "$default",
                "stage": "$default",
                "time": "01/Jan/2026:00:00:00 +0000",
                "timeEpoch": int(time.time() * 1000),
            },
            "isBase64Encoded": False,
        }
        if body is not None:
            event["body"] = json.dumps(body)
        said = self.aws_lambda.invoke(FunctionName=self.function, Payload=json.dumps(event).encode())
        answer = json.loads(said["Payload"].read())
        if "FunctionError" in said or "statusCode" not in answer:
            raise Refused(f"{self.name} failed at {method} {path}: {answer}; its log says why")
        return answer["statusCode"], json.loads(answer.get("body") or "null")

    def all_in(self, status):
        """Every notification in `status`."""
        after = ""
        for _ in range(PAGES_MAX):
            code, page = self.ask("GET", "/v1/notifications", f"status={status}&limit=100{after}")
            if code != 200:
                raise Refused(f"{self.name} answers {code}: {page}")
            yield from page["data"]
            if not page.get("next"):
                return
            after = f"&after={page['next']}"

    def change(self, notification_id, verb):
        """Whether it was done; False if its status forbids it."""
        code, answer = self.ask("POST", f"/v1/notifications/{notification_id}/{verb}", body={})
        if code not in (200, 409):
            raise Refused(f"{verb} of {notification_id}: {code}: {answer}")
        return code == 200


def key_of(notification_id):
    """The part of an id that is made of the business key: the same whenever its event comes."""
    return notification_id[-16:]


def settle(api, state, sent):
    """Holds what is open, takes back what was sent since, and lets the rest go. `sent` are the ids that may have been;
    None if no log says so, and then a person must decide about each.
    """
    is_blind, sent = sent is None, sent or set()
    # Written down as it grows: what was held in a run that broke off is decided by the next.
    held = dict(state.get("held", {}))
    for notification_id, status in _hold_open(api):
        held[notification_id] = status
        state.note(held=held)
    absent, taken_back = [], 0
    for notification_id in sorted(sent):
        code, shown = api.ask("GET", f"/v1/notifications/{notification_id}")
        if code == 404:
            absent.append(notification_id)
        elif code == 200:
            if shown["status"] in SENDABLE and api.change(notification_id, "cancel"):
                taken_back += 1
        else:
            raise Refused(f"{notification_id}: {code}: {shown}")
    left = {one: status for one, status in sorted(held.items()) if one not in sent}
    undecided = [one for one, status in left.items() if is_blind or status in UNSURE]
    released = [one for one in left if one not in undecided and api.change(one, "retry")]
    state.note(settled_at=now().isoformat(), absent=absent, blind=is_blind)
    print(f"{len(held)} were open and held; {taken_back} may have been sent since and are taken back, for good")
    print(f"{len(released)} were certainly not sent and go out once it runs again")
    for notification_id in undecided:
        print(f"HELD {notification_id} was {held[notification_id]}, and no log says more: retry or cancel it by hand")
    print(f"{len(absent)} may have been sent since and are not in the table: replay their events before it runs")


def _hold_open(api):
    """Holds everything that is open, and yields ids and statuses. What a sender had is free once its lease is over."""
    for _ in range(LEASE_PATIENCE_SECS // LOOK_SECS):
        left = False
        for status in OPEN:
            for shown in list(api.all_in(status)):
                if status == "queued" and _is_for_later(shown):
                    continue
                if status == "held" and shown.get("cause") != HELD_BY_BUDGET:
                    continue
                # Told first: what was held in a run that broke off must be known to the next.
                yield shown["id"], status
                if not api.change(shown["id"], "hold"):
                    left = True
        if not left:
            return
        time.sleep(LOOK_SECS)
    raise Refused(f"something is still being sent after {LEASE_PATIENCE_SECS} s: is everything stopped?")


def _is_for_later(shown):
    """Wished for a time that has not come: nobody can have sent it, and nobody is to send it now."""
    at = shown.get("sendAt")
    return bool(at) and datetime.fromisoformat(at) > datetime.now(timezone.utc)


def replay(api, state, events):
    """Tells the ledger of events again: those that were sent since are remembered and not sent."""
    settled_at = datetime.fromisoformat(state.need("settled_at", "the ledger was not settled"))
    absent = {key_of(one): one for one in state["absent"]}
    # Those of an earlier run of this step are known to the ledger by now.
    replayed = set(state.get("replayed", []))
    known = remembered = released = 0
    wrong = []
    for number, event in enumerate(events, 1):
        code, answer = api.ask("POST", "/v1/events", body=_for_later(event))
        if code != 202:
            wrong.append(f"event {number}: {code}: {answer.get('detail', answer) if answer else answer}")
            continue
        for notification in answer["notifications"]:
            notification_id, key = notification["id"], key_of(notification["id"])
            if notification["duplicate"] and not _is_undecided(api, notification_id, settled_at):
                known += 1
            elif key in absent:
                api.change(notification_id, "cancel")
                replayed.add(absent[key])
                remembered += 1
            elif not _is_wished_for_later(event):
                # Held, because what is queued for later cannot be hastened.
                api.change(notification_id, "hold")
                if not state["blind"]:
                    api.change(notification_id, "retry")
                    released += 1
    missing = sorted(set(absent.values()) - replayed)
    state.note(replayed=sorted(replayed))
    print(f"{known} were known; {remembered} were sent before and are remembered, {released} go out once it runs again")
    for words in wrong:
        print(f"REFUSED {words}")
    for notification_id in missing:
        print(f"MISSING {notification_id} may have been sent, and no event was given for it")
    if missing or wrong:
        raise Refused("a repetition of these events would be sent again: find them, and replay them too")
    state.note(replayed_at=now().isoformat())


def _is_undecided(api, notification_id, settled_at):
    """Whether an earlier run of this told of it and broke off before it decided."""
    _, shown = api.ask("GET", f"/v1/notifications/{notification_id}")
    is_ours = datetime.fromisoformat(shown["createdAt"]) >= settled_at
    return is_ours and (shown["status"] == "held" or shown["status"] == "queued" and _is_for_later(shown))


def _for_later(event):
    if "data" not in event:
        event = {"type": "order.confirmed", "data": event}
    if _is_wished_for_later(event):
        return event
    return event | {"sendAt": (now() + LATER).isoformat().replace("+00:00", "Z")}


def _is_wished_for_later(event):
    return "data" in event and _is_for_later(event)
