"""Parameters, outputs and what makes a template portable."""

import re
from pathlib import Path

from ..finding import Finding
from ..template import walk

CONSTRAINTS = ("AllowedValues", "AllowedPattern", "MinValue", "MaxValue")
ACCOUNT = re.compile(r"(?<!\d)\d{12}(?!\d)")
REGION = re.compile(r"\b(?:us|eu|ap|sa|ca|me|af|il|mx)-(?:gov-)?(?:north|south|east|west|central)[a-z]*-\d\b")
RESOURCES_MAX, BYTES_MAX = 500, 1_000_000
GUIDE = Path(__file__).resolve().parents[4] / "docs" / "aws.md"


def described(template):
    """Every parameter says what it is and what it takes, is in one group of the console's form, and is used."""
    groups = template.data.get("Metadata", {}).get("AWS::CloudFormation::Interface", {}).get("ParameterGroups", [])
    grouped = [name for group in groups for name in group["Parameters"]]
    used = {inner for part in ("Resources", "Conditions", "Outputs") for inner in _names(template.data.get(part, {}))}
    for name, parameter in template.parameters.items():
        if not parameter.get("Description"):
            yield Finding("parameter-described", name, "has no description")
        if parameter["Type"] != "CommaDelimitedList" and not any(key in parameter for key in CONSTRAINTS):
            yield Finding("parameter-constrained", name, "takes anything")
        if "AllowedPattern" in parameter and not parameter.get("ConstraintDescription"):
            yield Finding("parameter-constrained", name, "has a pattern and no words for who fails it")
        if grouped.count(name) != 1:
            yield Finding("parameter-grouped", name, "must be in exactly one group of the interface")
        if name not in used:
            yield Finding("parameter-used", name, "is used by nothing")
    for name in sorted(set(grouped) - set(template.parameters)):
        yield Finding("parameter-grouped", name, "is in a group and is no parameter")
    for name, output in template.outputs.items():
        if not output.get("Description"):
            yield Finding("output-described", name, "has no description")


def _names(value):
    for path, inner in walk(value):
        if path and path[-1] in ("Ref", "Condition") and isinstance(inner, str):
            yield inner
        elif isinstance(inner, str) and "Fn::Sub" in path:
            yield from re.findall(r"\$\{([^!}.]+)", inner)


def in_the_guide(template):
    """The guide names every parameter and every output."""
    guide = GUIDE.read_text(encoding="utf-8")
    for name in (*template.parameters, *template.outputs):
        if f"`{name}`" not in guide:
            yield Finding("guide", name, "is not in docs/aws.md")


def portable(template):
    """No account, region or partition is written down: the template goes anywhere."""
    for part in ("Resources", "Conditions", "Mappings", "Outputs"):
        for path, value in walk(template.data.get(part, {})):
            if not isinstance(value, str):
                continue
            where = "/".join(str(step) for step in (part, *path))
            if ACCOUNT.search(value):
                yield Finding("portable", where, "names an account")
            if REGION.search(value):
                yield Finding("portable", where, "names a region")
            if re.search(r"\barn:aws", value):
                yield Finding("portable", where, "names a partition")


def bounded(template):
    """The template fits into one request by S3, and into one stack."""
    if len(template.text.encode()) > BYTES_MAX:
        yield Finding("template-size", template.path.name, f"is larger than {BYTES_MAX} bytes")
    if len(template.resources) > RESOURCES_MAX:
        yield Finding("template-size", template.path.name, f"has more than {RESOURCES_MAX} resources")


def ordered(template):
    """DependsOn stands only where no reference orders things already, and says why."""
    for name, resource in template.resources.items():
        wanted = resource.get("DependsOn")
        for target in [wanted] if isinstance(wanted, str) else wanted or []:
            if target in _reached(template, name):
                yield Finding("depends-on", name, f"refers to {target} anyway")
            if template.path.suffix == ".yaml" and not re.search(rf"DependsOn: .*\b{target}\b.*#", template.text):
                yield Finding("depends-on", name, "does not say why")


def _reached(template, name):
    found, left = set(), [name]
    while left:
        properties = template.resources[left.pop()].get("Properties", {})
        new = template.references(properties) - found
        found |= new
        left.extend(new)
    return found


RULES = [described, in_the_guide, portable, bounded, ordered]
