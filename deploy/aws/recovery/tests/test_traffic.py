"""Stopping and starting: everything is as before afterwards, also if a run breaks off."""

import contextlib
import io
import tempfile
import unittest
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from recovery import traffic
from recovery.state import Refused, State

ARN = "arn:aws:lambda:eu-central-1:111122223333:function"
OUTPUTS = {
    "DispatchFunctionArn": f"{ARN}:dispatch:live",
    "FeedbackFunctionArn": f"{ARN}:feedback:live",
    "SweepFunctionArn": f"{ARN}:sweep:live",
    "ApiUrl": "https://abc123.execute-api.eu-central-1.amazonaws.com",
    "SweepScheduleName": "sweep",
    "ScheduleGroupName": "shop",
}
ROUTES = {
    "DefaultRouteSettings": {"DetailedMetricsEnabled": True, "ThrottlingRateLimit": 50.0, "ThrottlingBurstLimit": 100},
    "RouteSettings": {"GET /open": {"ThrottlingRateLimit": 5.0, "ThrottlingBurstLimit": 20}},
}
NONE = {"ThrottlingRateLimit": 0, "ThrottlingBurstLimit": 0}


class Account:
    """Lambda and API Gateway, as far as they are asked. A call fails once if it is named in `fails`."""

    def __init__(self):
        self.concurrency = {"dispatch": 3}
        self.enabled = {"dispatch": True, "feedback": True}
        self.routes = dict(ROUTES)
        self.schedule = {"Name": "sweep", "GroupName": "shop", "State": "ENABLED", "ScheduleExpression": "rate(1 minute)"}
        self.fails = set()

    def __getattr__(self, name):
        raise AssertionError(f"nobody taught this {name}")

    def get_function_concurrency(self, FunctionName):
        reserved = self.concurrency.get(FunctionName)
        return {} if reserved is None else {"ReservedConcurrentExecutions": reserved}

    def put_function_concurrency(self, FunctionName, ReservedConcurrentExecutions):
        if "put_function_concurrency" in self.fails:
            self.fails.clear()
            raise OSError("the connection ended")
        self.concurrency[FunctionName] = ReservedConcurrentExecutions

    def delete_function_concurrency(self, FunctionName):
        del self.concurrency[FunctionName]

    def list_event_source_mappings(self, FunctionName):
        name = FunctionName.split(":function:")[1].split(":")[0]
        return {"EventSourceMappings": [{"UUID": name, "State": "Enabled" if self.enabled[name] else "Disabled"}]}

    def get_event_source_mapping(self, UUID):
        return {"State": "Enabled" if self.enabled[UUID] else "Disabled"}

    def update_event_source_mapping(self, UUID, Enabled):
        self.enabled[UUID] = Enabled

    def get_stage(self, ApiId, StageName):
        return dict(self.routes)

    def update_stage(self, ApiId, StageName, **routes):
        self.routes = routes

    def get_schedule(self, Name, GroupName):
        return self.schedule | {"Arn": f"arn:{GroupName}/{Name}", "ResponseMetadata": {}}

    def update_schedule(self, **schedule):
        self.schedule = schedule

    def all(self):
        return dict(self.concurrency), dict(self.enabled), dict(self.routes), dict(self.schedule)


class Traffic(unittest.TestCase):
    """`stop` and `start`."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.state = State(Path(folder.name) / "state.json")
        self.account = Account()
        self.clients = SimpleNamespace(aws_lambda=self.account, apigatewayv2=self.account, scheduler=self.account)

    def call(self, step, *rest):
        with contextlib.redirect_stdout(io.StringIO()), mock.patch("time.sleep"):
            step(self.clients, OUTPUTS, self.state, *rest)

    def test_nothing_runs_and_then_everything_as_before(self):
        before = self.account.all()
        self.call(traffic.stop, 0)
        self.assertEqual(self.account.concurrency, {"dispatch": 0, "sweep": 0})
        self.assertEqual(self.account.enabled, {"dispatch": False, "feedback": False})
        self.assertEqual(
            self.account.routes,
            {
                "DefaultRouteSettings": {"DetailedMetricsEnabled": True} | NONE,
                "RouteSettings": {"GET /open": NONE},
            },
        )
        self.assertEqual(self.account.schedule["State"], "DISABLED")
        self.call(traffic.start)
        self.assertEqual(self.account.all(), before)

    def test_what_runs_again_before_its_time_is_noticed(self):
        self.call(traffic.stop, 0)
        traffic.need_stopped(self.clients, OUTPUTS, self.state)
        for wake in (
            lambda: self.account.concurrency.update(sweep=3),
            lambda: self.account.concurrency.pop("dispatch"),
            lambda: self.account.enabled.update(feedback=True),
            lambda: self.account.schedule.update(State="ENABLED"),
        ):
            stopped = self.account.all()
            wake()
            with self.assertRaises(Refused):
                traffic.need_stopped(self.clients, OUTPUTS, self.state)
            self.account.concurrency, self.account.enabled, self.account.routes, self.account.schedule = stopped

    def test_an_update_that_gives_functions_their_concurrency_again_changes_nothing(self):
        self.call(traffic.stop, 0)
        self.account.concurrency = {"dispatch": 3}
        traffic.stay_stopped(self.clients, self.state)
        traffic.need_stopped(self.clients, OUTPUTS, self.state)

    def test_a_run_that_broke_off_does_not_take_its_own_doing_for_what_was_before(self):
        before = self.account.all()
        self.account.fails = {"put_function_concurrency"}
        with self.assertRaises(OSError):
            self.call(traffic.stop, 0)
        self.assertNotIn("stopped_at", self.state.values)
        self.call(traffic.stop, 0)
        self.call(traffic.start)
        self.assertEqual(self.account.all(), before)

    def test_what_was_off_stays_off(self):
        self.account.enabled["feedback"] = False
        before = self.account.all()
        self.call(traffic.stop, 0)
        self.call(traffic.start)
        self.assertEqual(self.account.all(), before)

    def test_a_schedule_that_was_off_stays_off_and_keeps_all_that_was_set(self):
        ends = datetime(2027, 1, 1, tzinfo=timezone.utc)
        self.account.schedule |= {"State": "DISABLED", "EndDate": ends, "ActionAfterCompletion": "DELETE"}
        before = self.account.all()
        self.call(traffic.stop, 0)
        self.assertEqual(self.account.schedule["State"], "DISABLED")
        self.call(traffic.start)
        # The file knows texts only, and the scheduler takes these too.
        self.account.schedule["EndDate"] = datetime.fromisoformat(self.account.schedule["EndDate"])
        self.assertEqual(self.account.all(), before)

    def test_a_beginning_that_is_over_is_not_told_the_scheduler_again(self):
        begins = {"past": datetime(2020, 1, 1, tzinfo=timezone.utc), "future": datetime(2999, 1, 1, tzinfo=timezone.utc)}
        for name, begin in begins.items():
            with self.subTest(name):
                self.setUp()
                self.account.schedule["StartDate"] = begin
                self.call(traffic.stop, 0)
                self.call(traffic.start)
                self.assertEqual("StartDate" in self.account.schedule, name == "future")

    def test_it_is_stopped_once(self):
        self.call(traffic.stop, 0)
        with self.assertRaises(Refused):
            self.call(traffic.stop, 0)

    def test_a_mapping_that_goes_on_is_not_taken_for_stopped(self):
        self.account.update_event_source_mapping = lambda UUID, Enabled: None
        with self.assertRaises(Refused):
            self.call(traffic.stop, 0)
        self.assertNotIn("stopped_at", self.state.values)


if __name__ == "__main__":
    unittest.main()
