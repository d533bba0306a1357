"""Alarms that ring on a bad day, for their cause and for nothing else, and are over when it is (`watching/`)."""

from watching import verdict
from watching.refused import Refused

from ..finding import Finding
from .environment import every_environment


def rings_on_a_bad_day(template):
    """In each environment, each alarm rings for what it is there for, holds, ends, and is silent otherwise."""
    if not any(template.of_type("AWS::CloudWatch::Alarm")):
        return
    for resolver in every_environment(template):
        environment = resolver.parameters["Environment"]
        try:
            for name, words in verdict.wrong(resolver):
                yield Finding("alarm-day", f"{name} ({environment})", words)
        except (Refused, KeyError) as error:
            yield Finding("alarm-day", environment, f"the days cannot be simulated: {error}")


RULES = [rings_on_a_bad_day]
