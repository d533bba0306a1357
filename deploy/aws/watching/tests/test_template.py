"""The alarms of the template as it is, in every environment. How a changed one is seen, the mutants show."""

import unittest
from pathlib import Path

from checks.template import load
from watching import verdict
from watching.day import Week
from watching.resolve import of_environment

FOLDER = Path(__file__).resolve().parents[2]
TEMPLATE = load(FOLDER / "postrider.yaml")
ENVIRONMENTS = [of_environment(TEMPLATE, path) for path in sorted((FOLDER / "environments").glob("*.json"))]


class TheTemplate(unittest.TestCase):
    """`postrider.yaml`."""

    def test_every_alarm_rings_for_its_cause_and_is_over_afterwards(self):
        self.assertEqual(len(ENVIRONMENTS), 2)
        for resolver in ENVIRONMENTS:
            self.assertEqual(list(verdict.wrong(resolver)), [])

    def test_every_incident_is_about_an_alarm_that_there_is(self):
        alarms = {name for name, _ in TEMPLATE.of_type("AWS::CloudWatch::Alarm")}
        for resolver in ENVIRONMENTS:
            self.assertEqual({ring.alarm for ring in Week(resolver).rings} - alarms, set())
        self.assertEqual(verdict.WAKES - alarms, set())

    def test_in_production_every_alarm_has_its_incident(self):
        production = next(one for one in ENVIRONMENTS if one.parameters["Environment"] == "prod")
        alarms = {name for name, _ in TEMPLATE.of_type("AWS::CloudWatch::Alarm")}
        self.assertEqual({ring.alarm for ring in Week(production).rings}, alarms)


if __name__ == "__main__":
    unittest.main()
