"""What the template's alarms do in the simulated days, compared with what they must."""

import json

from . import composite
from .alarm import ALARM, OK, Alarm
from .day import SATURDAY, TUESDAY, Week
from .refused import Refused

# Whoever is woken by the alarm of alarms is woken by each of these, and by nothing else.
WAKES = {
    "BounceRateCriticalAlarm",
    "ComplaintRateAlarm",
    "SendFailuresAlarm",
    "OrderDlqAlarm",
    "OrderDeliveryDlqAlarm",
    "OrderQueueAgeAlarm",
    "LedgerQueueAgeAlarm",
    "SweepSilentAlarm",
    "DispatchErrorsAlarm",
    "BudgetHoldAlarm",
    "SilenceAlarm",
}
WARM_UP_MINUTES = 60
DAYS = ("Saturday", "Sunday", "Monday", "Tuesday", "Wednesday")


# Spoiled templates leave nearly everything as it is: what was computed for that holds.
_weeks = {}
_judged = {}


def wrong(resolver):
    """What does not ring as it must: yields (the alarm's logical name, words)."""
    template = resolver.template
    names = {name: resolver.name(name) for name in template.resources}
    named = json.dumps([names, resolver.parameters], sort_keys=True)
    if named not in _weeks:
        _weeks[named] = Week(resolver)
    week = _weeks[named]
    for name, properties in template.of_type("AWS::CloudWatch::Alarm"):
        yield from ((name, words) for words in _judge(resolver, named, week, name, properties))
    names = {name: resolver.name(name) for name, _ in template.of_type("AWS::CloudWatch::Alarm")}
    for name, properties in template.of_type("AWS::CloudWatch::CompositeAlarm"):
        try:
            yield from ((name, words) for words in _rule(resolver.value(properties["AlarmRule"]), names))
        except Refused as error:
            yield name, f"cannot be evaluated: {error}"


def _judge(resolver, named, week, name, properties):
    try:
        resolved = resolver.value(properties)
        wanted = json.dumps([named, name, resolved], sort_keys=True)
        if wanted not in _judged:
            rings = [ring for ring in week.rings if ring.alarm == name]
            found = list(_compare(Alarm(resolved).states(week.metrics, SATURDAY), rings))
            if not rings and not _is_off(resolver, name):
                found.append("no incident of the simulated days makes it ring")
            _judged[wanted] = found
        return _judged[wanted]
    except (Refused, KeyError) as error:
        return [f"cannot be evaluated: {error}"]


def _is_off(resolver, name):
    given = resolver.parameters
    lasts = int(given["BusinessHoursEndUtc"]) - int(given["BusinessHoursStartUtc"])
    return name == "SilenceAlarm" and int(given["SilenceHours"]) > lasts


def _compare(states, rings):
    quiet = [True] * len(states)
    for ring in rings:
        quiet[ring.begins : ring.over_by] = [False] * (ring.over_by - ring.begins)
        if ALARM not in states[ring.begins : ring.rings_by + 1]:
            yield f"does not ring by {_when(ring.rings_by)}: {ring.cause}"
        elif any(state != ALARM for state in states[ring.rings_by : ring.holds_until + 1]):
            yield f"does not ring until {_when(ring.holds_until)}: {ring.cause}"
        if states[ring.over_by] != OK:
            yield f"is not over by {_when(ring.over_by)}: {ring.cause}"
    for minute, state in enumerate(states):
        if quiet[minute] and state == ALARM and minute > WARM_UP_MINUTES:
            day = "a good day" if minute < TUESDAY else "no cause of its own"
            yield f"rings at {_when(minute)}, with {day}"
            return


def _rule(rule, names):
    calm = dict.fromkeys(names.values(), OK)
    if composite.rings(rule, calm):
        yield "rings while no alarm does"
    for logical, name in names.items():
        if composite.rings(rule, calm | {name: ALARM}) != (logical in WAKES):
            yield f"{'does not ring' if logical in WAKES else 'rings'} with {logical} alone"


def _when(minute):
    return f"{DAYS[minute // 1440]} {minute % 1440 // 60:02}:{minute % 60:02}"
