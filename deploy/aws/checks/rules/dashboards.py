"""Dashboards that CloudWatch can draw."""

import json

from watching import expression
from watching.refused import Refused

from ..finding import Finding
from . import metrics
from .alarms import all_alarms
from .environment import every_environment

COLUMNS = 24
WIDGETS_MAX = 500
WIDGETS = ("alarm", "metric", "text")


def drawn(template):
    """The body is JSON once everything is put in, its widgets fit beside each other, and what they show exists."""
    for resolver in every_environment(template):
        for name, properties in template.of_type("AWS::CloudWatch::Dashboard"):
            try:
                widgets = json.loads(resolver.value(properties["DashboardBody"]))["widgets"]
            except (ValueError, KeyError, Refused) as error:
                yield Finding("dashboard-json", name, f"is no dashboard: {error}")
                continue
            if not 1 <= len(widgets) <= WIDGETS_MAX:
                yield Finding("dashboard-json", name, f"has {len(widgets)} widgets")
            for widget in widgets:
                for rule, words in _widget(resolver, widget):
                    yield Finding(rule, name, f"{widget['properties'].get('title', widget['type'])!r}: {words}")
            yield from _overlaps(name, widgets)


def _widget(resolver, widget):
    if widget["x"] + widget["width"] > COLUMNS:
        yield "dashboard-layout", "is wider than the page"
    if widget["type"] not in WIDGETS:
        yield "dashboard-json", f"a widget nobody taught the checks: {widget['type']}"
    alarms = {f"Arn:{resolver.name(name)}" for name, _ in all_alarms(resolver.template)}
    for alarm in widget["properties"].get("alarms", []):
        if alarm not in alarms:
            yield "dashboard-metric", f"{alarm} is no alarm of this stack"
    lines = widget["properties"].get("metrics", [])
    if widget["type"] == "metric" and not lines:
        yield "dashboard-metric", "shows nothing"
    ids = {line[-1]["id"] for line in lines if isinstance(line[-1], dict) and "id" in line[-1]}
    for line in lines:
        options = line[-1] if isinstance(line[-1], dict) else {}
        if "expression" in options:
            yield from _expression(options["expression"], ids)
        else:
            yield from _metric(resolver, line, options.get("stat", widget["properties"].get("stat", "Average")))


def _expression(text, ids):
    try:
        unknown = expression.names(expression.parse(text)) - ids
    except expression.Refused as error:
        yield "dashboard-metric", f"{text}: {error}"
        return
    for name in sorted(unknown):
        yield "dashboard-metric", f"{text}: nothing has the id {name}"


def _metric(resolver, line, statistic):
    namespace, metric, *rest = [part for part in line if isinstance(part, str)]
    dimensions = dict(zip(rest[::2], rest[1::2], strict=False))
    words = metrics.wrong(namespace, metric, dimensions, statistic)
    for one in [words] if words else metrics.wrong_values(resolver, dimensions):
        yield "dashboard-metric", one


def _overlaps(name, widgets):
    taken = {}
    for widget in widgets:
        for x in range(widget["x"], widget["x"] + widget["width"]):
            for y in range(widget["y"], widget["y"] + widget["height"]):
                if (x, y) in taken:
                    yield Finding("dashboard-layout", name, f"two widgets lie on {x}, {y}")
                    return
                taken[x, y] = True


RULES = [drawn]
