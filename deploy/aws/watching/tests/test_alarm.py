"""When alarms ring."""

import unittest

from watching.alarm import ALARM, INSUFFICIENT_DATA, OK, Alarm, state
from watching.refused import Refused
from watching.series import Metrics, key

# Examples of the CloudWatch User Guide, "Configuring how CloudWatch alarms treat missing data": what was fetched (X
# breaches, - is missing), and the state with missing, ignore, breaching, notBreaching. KEPT is whatever it was before.
KEPT = "KEPT"
THREE_OF_THREE = (
    ("0-X-X", OK, OK, OK, OK),
    ("----0", OK, OK, OK, OK),
    ("-----", INSUFFICIENT_DATA, KEPT, ALARM, OK),
    ("0XX-X", ALARM, ALARM, ALARM, ALARM),
    ("--X--", ALARM, KEPT, ALARM, OK),
)
TWO_OF_THREE = (
    ("0-X-X", ALARM, ALARM, ALARM, ALARM),
    ("00X0X", ALARM, ALARM, ALARM, ALARM),
    ("0-X--", OK, OK, ALARM, OK),
    ("----0", OK, OK, ALARM, OK),
    ("---X-", ALARM, KEPT, ALARM, OK),
)
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")


def alarm(**changes):
    """An alarm about a sum above 5 within a minute, twice in a row, changed."""
    return Alarm(
        {
            "Namespace": "Shop",
            "MetricName": "Failures",
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 2,
            "Threshold": 5,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
        }
        | changes
    )


def states(subject, values, minutes=None, series=None):
    """The states of `subject` where `values` were put, by minute."""
    metrics = Metrics(minutes or max(values) + 1)
    for minute, value in values.items():
        metrics.put(series or key("Shop", "Failures", {}), minute, value)
    return subject.states(metrics, 1)


class MissingData(unittest.TestCase):
    """The guide's examples."""

    def test_the_examples_of_the_guide_come_out_as_it_says(self):
        for to_alarm, examples in ((3, THREE_OF_THREE), (2, TWO_OF_THREE)):
            for text, *expected in examples:
                points = [{"X": True, "0": False, "-": None}[sign] for sign in text]
                for treatment, wanted in zip(TREATMENTS, expected, strict=True):
                    for before in (OK, ALARM):
                        with self.subTest(text=text, to_alarm=to_alarm, treatment=treatment, before=before):
                            found = state(points, 3, to_alarm, treatment, before)
                            self.assertEqual(found, before if wanted == KEPT else wanted)

    def test_too_few_data_that_all_breach_do_not_ring_before_their_time(self):
        self.assertEqual(state([None, None, None, None, True], 3, 2, "missing", OK), OK)
        self.assertEqual(state([None, None, None, True, True], 3, 2, "missing", OK), ALARM)


class Ringing(unittest.TestCase):
    """Thresholds, periods and statistics."""

    def test_each_operator_is_told_apart_at_its_threshold(self):
        expected = {
            "GreaterThanThreshold": (OK, OK, ALARM),
            "GreaterThanOrEqualToThreshold": (OK, ALARM, ALARM),
            "LessThanThreshold": (ALARM, OK, OK),
            "LessThanOrEqualToThreshold": (ALARM, ALARM, OK),
        }
        for operator, wanted in expected.items():
            subject = alarm(ComparisonOperator=operator, EvaluationPeriods=1)
            found = tuple(states(subject, {0: value})[1] for value in (4, 5, 6))
            self.assertEqual(found, wanted, operator)

    def test_it_takes_as_many_data_points_as_are_asked_for(self):
        self.assertEqual(states(alarm(), {0: 6, 1: 5, 2: 6})[1:], [OK, OK, OK])
        self.assertEqual(states(alarm(), {0: 5, 1: 6, 2: 6})[1:], [OK, OK, ALARM])
        one_of_two = alarm(DatapointsToAlarm=1)
        self.assertEqual(states(one_of_two, {0: 6, 1: 5, 2: 5})[1:], [ALARM, ALARM, OK])

    def test_a_period_moves_along_every_minute(self):
        subject = alarm(Period=120, EvaluationPeriods=1)
        self.assertEqual(states(subject, {0: 0, 1: 3, 2: 3, 3: 0})[2:], [OK, ALARM, OK])

    def test_older_data_decide_while_nothing_newer_is_there(self):
        subject = alarm(EvaluationPeriods=1)
        self.assertEqual(states(subject, {0: 6}, minutes=5)[1:], [ALARM, ALARM, ALARM, OK, OK])

    def test_an_alarm_that_looks_back_further_than_a_day_is_looked_at_every_hour(self):
        subject = alarm(Period=3600, EvaluationPeriods=25, DatapointsToAlarm=1, Threshold=0)
        found = states(subject, {70: 1}, minutes=200)
        self.assertEqual((found[119], found[120]), (OK, ALARM))

    def test_alarms_on_dynamodb_keep_their_state_whatever_is_declared(self):
        subject = alarm(Namespace="AWS/DynamoDB", EvaluationPeriods=1)
        found = states(subject, {0: 6}, minutes=9, series=key("AWS/DynamoDB", "Failures", {}))
        self.assertEqual(found[9], ALARM)

    def test_other_dimensions_are_another_metric(self):
        subject = alarm(EvaluationPeriods=1, Dimensions=[{"Name": "Queue", "Value": "a"}])
        self.assertEqual(states(subject, {0: 6})[1], OK)
        self.assertEqual(states(subject, {0: 6}, series=key("Shop", "Failures", {"Queue": "a"}))[1], ALARM)

    def test_what_is_not_known_is_refused(self):
        for changes in (
            {"ComparisonOperator": "GreaterThanUpperThreshold"},
            {"TreatMissingData": "nothing"},
        ):
            with self.assertRaises(Refused):
                alarm(**changes)
        for changes in ({"Statistic": "Average"}, {"Period": 30}):
            with self.assertRaises(Refused):
                states(alarm(**changes), {0: 1})


class Statistics(unittest.TestCase):
    """What a window's values become."""

    def test_sum_maximum_and_percentiles_are_of_the_values_within_the_window(self):
        metrics = Metrics(4)
        series = key("Shop", "Age", {})
        metrics.put(series, 0, *range(1, 101))
        metrics.put(series, 2, 7)
        for statistic, wanted in (
            ("Sum", [None, 5050, 5050, 7, 7]),
            ("Maximum", [None, 100, 100, 7, 7]),
            ("p50", [None, 50, 50, 7, 7]),
            ("p95", [None, 95, 95, 7, 7]),
        ):
            self.assertEqual(metrics.windows(series, statistic, 120), wanted, statistic)

    def test_a_value_taken_back_was_never_there(self):
        metrics = Metrics(2)
        series = key("Shop", "Age", {})
        metrics.put(series, 0, 1)
        metrics.put(series, 1, 1)
        metrics.take_back(series, 1, 2)
        self.assertEqual(metrics.windows(series, "Sum", 60), [None, 1, None])


if __name__ == "__main__":
    unittest.main()
