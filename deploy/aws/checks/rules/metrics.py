"""Which metrics there are: the program's own by its source, those of AWS by a table that names its sources."""

import json
import re
from functools import cache
from pathlib import Path

from ..finding import Finding

TABLE = json.loads((Path(__file__).parent.parent / "metrics.json").read_text(encoding="utf-8"))
METRICS = {namespace: known for namespace, known in TABLE.items() if namespace != "sources"}
CRATES = Path(__file__).resolve().parents[4] / "crates"
# What a dimension's value must be the name of.
NAMED_BY = {
    "FunctionName": "AWS::Lambda::Function",
    "QueueName": "AWS::SQS::Queue",
    "TableName": "AWS::DynamoDB::Table",
    "ApiId": "AWS::ApiGatewayV2::Api",
}


def wrong(namespace, metric, dimensions, statistic, unit=None):
    """Why there is no such metric, or None. `dimensions` are their names."""
    known = METRICS.get("own" if namespace.startswith("Postrider/") else namespace, {})
    if metric not in known:
        return f"nobody emits {metric} in {namespace}"
    if sorted(dimensions) not in known[metric]["dimensions"]:
        return f"{metric} has no dimensions {sorted(dimensions)}"
    if not re.fullmatch(known[metric]["statistics"], str(statistic)):
        return f"{statistic} of {metric} means nothing"
    if unit is not None and unit != known[metric]["unit"]:
        return f"{metric} is not counted in {unit}"
    return None


def wrong_values(resolver, dimensions):
    """Dimensions, resolved, that lead to nothing of the template's: yields words."""
    for dimension, value in dimensions.items():
        kind = NAMED_BY.get(dimension)
        names = {resolver.name(name) for name, _ in resolver.template.of_type(kind)} if kind else {value}
        if dimension == "TableName":
            names.add(resolver.parameters["LedgerTableName"])
        if value not in names:
            yield f"{dimension} {value} is nothing of this stack's"


@cache
def emitted_by_the_program():
    """Name and unit of each metric in the program's source, and whether a function emits it."""
    source = (CRATES / "aws/src/emf/metric.rs").read_text(encoding="utf-8")
    names = dict(re.findall(r'Self::(\w+) => "(\w+)",', source.partition("fn name")[2].partition("fn unit")[0]))
    units = {}
    for variants, unit in re.findall(r'((?:Self::\w+\s*\|?\s*)+)=> "(\w+)",', source.partition("fn unit")[2]):
        units.update(dict.fromkeys(re.findall(r"Self::(\w+)", variants), unit))
    sources = [path for folder in ("lambda/src", "aws/src/cost") for path in (CRATES / folder).rglob("*.rs")]
    functions = "".join(path.read_text(encoding="utf-8") for path in sources)
    return {name: (units.get(variant), f"Metric::{variant}" in functions) for variant, name in names.items()}


def findings(table):
    """What is wrong with the table: its own metrics are those of the source, each with its unit, and are emitted."""
    emitted, own = emitted_by_the_program(), table["own"]
    for name in sorted(set(emitted) ^ set(own)):
        yield Finding("metric-source", name, "is only in one of metric.rs and this table")
    for name in sorted(set(emitted) & set(own)):
        unit, is_emitted = emitted[name]
        if unit != own[name]["unit"]:
            yield Finding("metric-source", name, f"is counted in {unit}")
        if not is_emitted:
            yield Finding("metric-source", name, "no function emits it")
    for namespace in sorted(set(table) - {"sources"} - set(table["sources"])):
        yield Finding("metric-source", namespace, "has no source")
