"""Schedules that AWS takes and that come round."""

import calendar
import re

from ..finding import Finding
from ..template import walk

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
UNITS = {"minute": 1, "hour": 60, "day": 1440}
FIELDS = (
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of month", 1, 31),
    ("month", 1, 12),
    ("day of week", 1, 7),
    ("year", 1970, 2199),
)


class Impossible(Exception):
    """Why an expression is refused."""


def come_round(template):
    """Every schedule is one that AWS understands and that comes round."""
    for name, resource in template.resources.items():
        for path, value in walk(resource.get("Properties", {})):
            if path and path[-1] == "ScheduleExpression":
                try:
                    check(value)
                except Impossible as error:
                    yield Finding("schedule", name, f"{value}: {error}")


def check(expression):
    """Raises Impossible unless the expression is valid and has a next time."""
    rate = re.fullmatch(r"rate\((\d+) (minute|hour|day)(s?)\)", expression)
    if rate:
        count = int(rate[1])
        if count < 1 or (count == 1) == bool(rate[3]):
            raise Impossible("is neither one nor several")
        return
    cron = re.fullmatch(r"cron\(([^()]+)\)", expression)
    if not cron:
        raise Impossible("is neither rate(…) nor cron(…)")
    fields = cron[1].split()
    if len(fields) != len(FIELDS):
        raise Impossible("does not have six fields: minute, hour, day of month, month, day of week, year")
    if (fields[2] == "?") == (fields[4] == "?"):
        raise Impossible("exactly one of day of month and day of week must be ?")
    values = [_values(field, *spec) for field, spec in zip(fields, FIELDS, strict=True)]
    _comes(fields, values)


def _values(field, name, low, high):
    """The numbers a field stands for; None where it is not a list of numbers."""
    if field == "?":
        if name not in ("day of month", "day of week"):
            raise Impossible(f"{name} cannot be ?")
        return None
    names = {"month": MONTHS, "day of week": DAYS}.get(name, ())
    for number, word in enumerate(names, 1):
        field = re.sub(rf"\b{word}\b", str(number), field, flags=re.I)
    if re.fullmatch(r"L|LW|\d+W", field) and name == "day of month":
        return None
    if re.fullmatch(r"[1-7]?L|[1-7]#[1-5]", field) and name == "day of week":
        return None
    found = set()
    for part in field.split(","):
        match = re.fullmatch(r"(?:(\*)|(\d+)(?:-(\d+))?)(?:/(\d+))?", part)
        if not match:
            raise Impossible(f"{name} is not understood")
        first = low if match[1] else int(match[2])
        last = high if match[1] or (match[4] and not match[3]) else int(match[3] or match[2])
        step = int(match[4] or 1)
        if not low <= first <= last <= high or step < 1:
            raise Impossible(f"{name} is outside {low} to {high}")
        found.update(range(first, last + 1, step))
    return found


def _comes(fields, values):
    """Whether the month has the day, in any year that is named."""
    days, months, years = values[2], values[3], values[5]
    if days is None or fields[2] == "*":
        return
    named = [year for year in sorted(years) if 2026 <= year <= 2199]
    if not any(min(days) <= calendar.monthrange(year, month)[1] for year in named for month in months):
        raise Impossible("no month of these has such a day")


RULES = [come_round]
