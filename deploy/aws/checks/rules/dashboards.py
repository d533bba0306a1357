"""Dashboards that CloudWatch can draw."""

import json
import re

from ..finding import Finding
from .alarms import METRICS

COLUMNS = 24
WIDGETS_MAX = 500


def drawn(template):
    """The body is JSON once everything is put in, its widgets fit beside each other, and its metrics exist."""
    for name, properties in template.of_type("AWS::CloudWatch::Dashboard"):
        text = properties["DashboardBody"]
        if isinstance(text, dict):
            text = text["Fn::Sub"] if isinstance(text["Fn::Sub"], str) else text["Fn::Sub"][0]
            # A number stands for whatever is put in: it is valid inside quotation marks and outside.
            text = re.sub(r"\$\{[^}]+\}", "1", text)
        try:
            widgets = json.loads(text)["widgets"]
        except (ValueError, KeyError) as error:
            yield Finding("dashboard-json", name, f"is no dashboard: {error}")
            continue
        if not 1 <= len(widgets) <= WIDGETS_MAX:
            yield Finding("dashboard-json", name, f"has {len(widgets)} widgets")
        for widget in widgets:
            yield from _widget(name, widget)
        yield from _overlaps(name, widgets)


def _widget(name, widget):
    title = widget["properties"].get("title", widget["type"])
    if widget["x"] + widget["width"] > COLUMNS:
        yield Finding("dashboard-layout", name, f"{title!r} is wider than the page")
    for line in widget["properties"].get("metrics", []):
        if isinstance(line[0], dict):
            continue
        namespace, metric = line[0], line[1]
        rest = [part for part in line[2:] if isinstance(part, str)]
        options = next((part for part in line[2:] if isinstance(part, dict)), {})
        known = METRICS.get("own" if namespace.startswith("Postrider/") else namespace, {})
        if metric not in known:
            yield Finding("dashboard-metric", name, f"nobody emits {metric} in {namespace}")
            continue
        if sorted(rest[::2]) not in known[metric]["dimensions"]:
            yield Finding("dashboard-metric", name, f"{metric} has no dimensions {rest[::2]}")
        statistic = options.get("stat", widget["properties"].get("stat", "Average"))
        if not re.fullmatch(known[metric]["statistics"], statistic):
            yield Finding("dashboard-metric", name, f"{statistic} of {metric} means nothing")


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
