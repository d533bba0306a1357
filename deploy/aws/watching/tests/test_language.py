"""Metric math, rules of composite alarms, and functions of CloudFormation."""

import unittest

from checks.template import Template
from watching import composite, expression
from watching.refused import Refused
from watching.resolve import Resolver

MONDAY = 1


def value(text, end=60, period_minutes=60, **series):
    """`text` for the hour that ends with minute `end`, each series having one value all the time."""
    always = {name: [one] * 20_000 for name, one in series.items()}
    return expression.compute(expression.parse(text), always, end, period_minutes, MONDAY)


class MetricMath(unittest.TestCase):
    """Expressions."""

    def test_operators_bind_as_usual(self):
        self.assertEqual(value("2 + 3 * 4 - 6 / 3"), 12)
        self.assertEqual(value("(2 + 3) * 4"), 20)
        self.assertEqual(value("1 + 1 == 2 AND 3 > 2 OR 0 > 1"), 1)
        self.assertEqual(value("1 > 2 && 1 == 1 || 3 >= 3"), 1)

    def test_what_is_missing_makes_the_whole_missing(self):
        self.assertIsNone(value("100 * a / b", a=None, b=4))
        self.assertIsNone(value("IF(a >= 50, 1, 0)", a=None))
        self.assertEqual(value("100 * FILL(a, 0) / b", a=None, b=4), 0)
        self.assertEqual(value("FILL(a, 7)", a=3), 3)

    def test_nothing_is_divided_by_zero(self):
        self.assertIsNone(value("a / b", a=1, b=0))

    def test_only_the_chosen_side_of_if_counts(self):
        self.assertEqual(value("IF(a > 1, 10, b)", a=2, b=None), 10)
        self.assertIsNone(value("IF(a > 1, 10, b)", a=1, b=None))

    def test_hour_and_day_are_those_of_the_beginning_of_a_window(self):
        self.assertEqual(value("HOUR(a)", end=10 * 60, a=1), 9)
        self.assertEqual(value("HOUR(a)", end=10 * 60 + 59, a=1), 9)
        self.assertEqual([value("DAY(a)", end=1440 * day + 60, a=1) for day in range(8)], [1, 2, 3, 4, 5, 6, 7, 1])
        self.assertEqual(value("DAY(a)", end=1440, a=1), 1)
        self.assertIsNone(value("HOUR(a)", a=None))

    def test_what_nobody_taught_it_is_refused(self):
        for text in ("RATE(a)", "FILL(a)", "a +", "(a", "a b", "IF(a, b)", "a ? b", "METRICS()", "b"):
            with self.assertRaises(Refused, msg=text):
                value(text, a=1)

    def test_it_knows_which_series_an_expression_asks_for(self):
        tree = expression.parse("IF(HOUR(beat) >= 8, FILL(sent, 0), 1) + a")
        self.assertEqual(expression.names(tree), {"beat", "sent", "a"})


class Composite(unittest.TestCase):
    """Rules."""

    STATES = {"a": "ALARM", "b": "OK", "c": "INSUFFICIENT_DATA"}

    def test_rules_are_read_as_they_are_written(self):
        for rule, wanted in (
            ('ALARM("a")', True),
            ('ALARM("b")', False),
            ('OK("b") AND INSUFFICIENT_DATA("c")', True),
            ('ALARM("b") OR ALARM("a")', True),
            ('ALARM("b") AND ALARM("a") OR ALARM("a")', True),
            ('ALARM("b") AND (ALARM("a") OR ALARM("a"))', False),
            ('NOT ALARM("b")', True),
            ('NOT (ALARM("a") OR ALARM("b"))', False),
            ("TRUE AND NOT FALSE", True),
        ):
            self.assertEqual(composite.rings(rule, self.STATES), wanted, rule)

    def test_rules_that_cloudwatch_does_not_take_are_refused(self):
        for rule in ('ALARM("d")', "ALARM(a)", 'ALARM("a"', 'ALARM("a") ALARM("b")', 'RINGS("a")', "", 'ALARM("a") OR'):
            with self.assertRaises(Refused, msg=rule):
                composite.rings(rule, self.STATES)


class Resolving(unittest.TestCase):
    """Functions of CloudFormation."""

    TEMPLATE = Template(
        {
            "Parameters": {"Environment": {}, "Table": {"Default": ""}},
            "Conditions": {"Own": {"Fn::Equals": [{"Ref": "Table"}, ""]}},
            "Resources": {
                "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::Sub": "${Environment}-orders"}}},
                "Ledger": {"Type": "AWS::DynamoDB::Table"},
            },
        }
    )

    def test_parameters_names_and_conditions_are_put_in(self):
        table = {"Fn::If": ["Own", {"Ref": "Ledger"}, {"Ref": "Table"}]}
        body = {"Fn::Sub": ["${T} ${Queue} ${Queue.QueueName} ${Queue.Arn} ${Environment}", {"T": table}]}
        own = Resolver(self.TEMPLATE, {"Environment": "prod"})
        self.assertEqual(own.value(body), "Ledger prod-orders prod-orders Arn:prod-orders prod")
        restored = Resolver(self.TEMPLATE, {"Environment": "prod", "Table": "restored"})
        self.assertEqual(restored.value([table]), ["restored"])

    def test_what_nobody_taught_it_is_refused(self):
        resolver = Resolver(self.TEMPLATE, {"Environment": "prod"})
        for value in ({"Ref": "Nothing"}, {"Fn::ImportValue": "x"}, {"Fn::Sub": "${Nothing}"}):
            with self.assertRaises((Refused, KeyError)):
                resolver.value(value)


if __name__ == "__main__":
    unittest.main()
