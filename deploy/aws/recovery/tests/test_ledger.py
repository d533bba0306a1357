"""What the drill decides, over an API in memory. That it fits the real one, `crates/lambda/tests/emulator` shows."""

import contextlib
import io
import json
import tempfile
import unittest
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from recovery import ledger, log
from recovery.state import Refused, State, now

BEFORE = (now() - timedelta(days=1)).isoformat()
LATER = (now() + timedelta(hours=1)).isoformat()


class FakeApi:
    """Notifications by id, with the statuses that allow a change as the product has them."""

    ALLOWED = {
        "hold": {"queued", "deferred", "unknown"},
        "retry": {"deferred", "failed", "dead", "held", "suppressed", "unknown"},
        "cancel": {"queued", "deferred", "held", "failed", "dead", "suppressed", "unknown"},
    }
    RESULT = {"hold": "held", "retry": "queued", "cancel": "canceled"}

    def __init__(self, **statuses):
        self.all = {
            _id(name): {"id": _id(name), "status": status, "createdAt": BEFORE} for name, status in statuses.items()
        }
        self.leases = {}

    def status(self, name):
        return self.all[_id(name)]["status"]

    def all_in(self, status):
        return [one for one in self.all.values() if one["status"] == status]

    def change(self, notification_id, verb):
        one = self.all[notification_id]
        if one["status"] == "sending" and verb == "hold":
            self.leases[notification_id] -= 1
            if self.leases[notification_id] > 0:
                return False
        elif one["status"] not in self.ALLOWED[verb] and not (verb == "hold" and one.get("cause") == "budget_reached"):
            return False
        one["status"] = self.RESULT[verb]
        if verb == "hold":
            one["cause"] = "held_by_person"
        return True

    def ask(self, method, path, query="", body=None):
        if method == "GET":
            one = self.all.get(path.rsplit("/", 1)[1])
            return (200, one) if one else (404, None)
        if "orderId" not in body["data"]:
            return 422, {"detail": "orderId is missing"}
        notification_id = "ntf_9999999999" + _id(body["data"]["orderId"])[-16:]
        known = [one for one in self.all.values() if one["id"][-16:] == notification_id[-16:]]
        if not known:
            fresh = {"id": notification_id, "status": "queued", "sendAt": body["sendAt"], "createdAt": now().isoformat()}
            self.all[notification_id] = fresh
        shown = known[0] if known else self.all[notification_id]
        return 202, {"notifications": [{"id": shown["id"], "duplicate": bool(known)}]}


def _id(name):
    return "ntf_0000000000" + name.rjust(16, "0")


def _begins(name, attempt=1):
    return json.dumps({"message": "attempt begins", "notification_id": _id(name), "attempt": attempt})


def _ends(name, status, attempt=1):
    return json.dumps(
        {"fields": {"message": "attempt ended", "notification_id": _id(name), "attempt": attempt, "status": status}}
    )


class WithState(unittest.TestCase):
    """A state in a folder of its own, and nothing printed."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.state = State(Path(folder.name) / "state.json")
        self.said = io.StringIO()
        silence = contextlib.redirect_stdout(self.said)
        silence.__enter__()
        self.addCleanup(silence.__exit__, None, None, None)
        sleep = mock.patch("time.sleep")
        sleep.start()
        self.addCleanup(sleep.stop)


class TheLog(unittest.TestCase):
    """Who may have been sent."""

    def test_what_began_and_did_not_end_without_sending_may_have_been_sent(self):
        lines = [_begins("sent"), _ends("sent", "sent"), _begins("lost"), _begins("late"), _ends("late", "deferred")]
        lines += [_begins("unsure"), _ends("unsure", "unknown"), _begins("no"), _ends("no", "failed")]
        lines += ["no json", '"text"', json.dumps({"message": "attempt begins soon", "notification_id": _id("x")})]
        self.assertEqual(log.may_have_been_sent(lines), {_id("sent"), _id("lost"), _id("unsure")})

    def test_each_attempt_counts_for_itself(self):
        lines = [_begins("again"), _ends("again", "deferred"), _begins("again", 2)]
        self.assertEqual(log.may_have_been_sent(lines), {_id("again")})

    def test_a_log_that_leaves_beginnings_out_is_no_witness(self):
        self.assertFalse(log.tells_of_beginnings([_ends("late", "deferred")]))
        self.assertTrue(log.tells_of_beginnings([_begins("late"), _ends("late", "deferred")]))
        self.assertTrue(log.tells_of_beginnings([]))

    def test_functions_that_log_too_little_are_no_witnesses(self):
        outputs = {f"{name}FunctionArn": name for name in ("Dispatch", "Sweep", "Api")}
        levels = {"Dispatch": "INFO", "Sweep": "DEBUG", "Api": "INFO"}
        lambda_api = SimpleNamespace(
            get_function_configuration=lambda FunctionName: {
                "LoggingConfig": {"ApplicationLogLevel": levels[FunctionName]}
            }
        )
        clients = SimpleNamespace(aws_lambda=lambda_api)
        log.need_level(clients, outputs)
        levels["Sweep"] = "WARN"
        with self.assertRaises(Refused):
            log.need_level(clients, outputs)

    def test_an_end_counts_without_its_beginning(self):
        self.assertEqual(log.may_have_been_sent([_ends("sent", "sent")]), {_id("sent")})


class Settling(WithState):
    """What becomes of what is open."""

    def test_what_was_sent_since_is_taken_back_and_what_certainly_was_not_goes_out(self):
        api = FakeApi(a="queued", b="queued", c="deferred", d="sent")
        ledger.settle(api, self.state, {_id("a"), _id("gone")})
        self.assertEqual([api.status(name) for name in "abcd"], ["canceled", "queued", "queued", "sent"])
        self.assertEqual(self.state["absent"], [_id("gone")])

    def test_what_may_have_left_before_the_moment_waits_for_a_person(self):
        api = FakeApi(a="unknown", b="sending")
        api.leases[_id("b")] = 3
        ledger.settle(api, self.state, set())
        self.assertEqual((api.status("a"), api.status("b")), ("held", "held"))
        self.assertIn(f"HELD {_id('b')} was sending", self.said.getvalue())

    def test_what_the_budget_held_does_not_go_by_itself(self):
        api = FakeApi(a="held", b="held")
        api.all[_id("a")]["cause"] = "budget_reached"
        api.all[_id("b")]["cause"] = "held_by_person"
        ledger.settle(api, self.state, set())
        self.assertEqual((api.status("a"), api.all[_id("a")]["cause"]), ("held", "held_by_person"))
        self.assertEqual(self.state["held"], {_id("a"): "held"})
        self.assertIn(f"HELD {_id('a')} was held", self.said.getvalue())

    def test_what_could_be_redriven_although_it_was_sent_is_taken_back(self):
        api = FakeApi(a="dead", b="failed", c="dead")
        ledger.settle(api, self.state, {_id("a"), _id("b")})
        self.assertEqual([api.status(name) for name in "abc"], ["canceled", "canceled", "dead"])

    def test_without_logs_nothing_goes_out_and_nothing_is_taken_back(self):
        api = FakeApi(a="queued", b="unknown")
        ledger.settle(api, self.state, None)
        self.assertEqual((api.status("a"), api.status("b")), ("held", "held"))
        ledger.replay(api, self.state, [{"orderId": "c"}])
        self.assertEqual({one["status"] for one in api.all.values()}, {"held"})
        self.assertIn("replayed_at", self.state.values)

    def test_what_is_wished_for_later_stays(self):
        api = FakeApi(a="queued")
        api.all[_id("a")]["sendAt"] = LATER
        ledger.settle(api, self.state, set())
        self.assertEqual((api.status("a"), self.state.get("held")), ("queued", None))

    def test_a_run_that_broke_off_is_finished_by_the_next(self):
        api = FakeApi(a="queued", b="unknown", c="held")
        self.state.note(held={_id("a"): "queued"})
        api.all[_id("a")]["status"] = "held"
        ledger.settle(api, self.state, set())
        self.assertEqual([api.status(name) for name in "abc"], ["queued", "held", "held"])

    def test_it_gives_up_on_what_somebody_goes_on_sending(self):
        api = FakeApi(a="sending")
        api.leases[_id("a")] = 10**9
        with self.assertRaises(Refused):
            ledger.settle(api, self.state, set())


class Replaying(WithState):
    """Events told again."""

    def settled(self, *absent):
        self.state.note(settled_at=now().isoformat(), absent=[_id(one) for one in absent], blind=False)

    def replay(self, api, *orders):
        ledger.replay(api, self.state, [{"orderId": order} for order in orders])

    def status_of(self, api, order):
        return next(one["status"] for one in api.all.values() if one["id"][-16:] == _id(order)[-16:])

    def test_what_was_sent_is_remembered_and_not_sent_and_the_rest_goes_out(self):
        api = FakeApi(known="sent")
        self.settled("a")
        self.replay(api, "a", "b", "known")
        self.assertEqual(self.status_of(api, "a"), "canceled")
        self.assertEqual(self.status_of(api, "b"), "queued")
        self.assertEqual(api.status("known"), "sent")
        self.assertIn("replayed_at", self.state.values)

    def test_it_is_not_done_before_every_forgotten_send_is_told(self):
        api = FakeApi()
        self.settled("a", "b")
        with self.assertRaises(Refused):
            self.replay(api, "a")
        self.assertNotIn("replayed_at", self.state.values)
        self.replay(api, "b")
        self.assertIn("replayed_at", self.state.values)

    def test_a_refused_event_is_told_and_the_others_are_done(self):
        api = FakeApi()
        self.settled()
        with self.assertRaises(Refused):
            ledger.replay(api, self.state, [{"customerName": "Ada"}, {"orderId": "b"}])
        self.assertIn("REFUSED event 1: 422", self.said.getvalue())
        self.assertEqual(self.status_of(api, "b"), "queued")

    def test_what_a_run_that_broke_off_told_of_is_decided_by_the_next(self):
        api = FakeApi()
        self.settled("a")
        for order in ("a", "b"):
            api.ask("POST", "/v1/events", body=ledger._for_later({"orderId": order}))
        self.replay(api, "a", "b")
        self.assertEqual((self.status_of(api, "a"), self.status_of(api, "b")), ("canceled", "queued"))

    def test_an_event_for_later_keeps_its_time(self):
        api = FakeApi()
        self.settled()
        ledger.replay(api, self.state, [{"type": "order.confirmed", "data": {"orderId": "a"}, "sendAt": LATER}])
        self.assertEqual(self.status_of(api, "a"), "queued")
        self.assertEqual(next(iter(api.all.values()))["sendAt"], LATER)

    def test_it_comes_after_settling(self):
        with self.assertRaises(Refused):
            self.replay(FakeApi(), "a")


if __name__ == "__main__":
    unittest.main()
