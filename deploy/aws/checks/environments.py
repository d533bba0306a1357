"""The parameter files of the environments, held to the template's constraints and rules."""

import json
import re

from .conditions import holds
from .finding import Finding

RULE = "environment-file"
# What a release brings along.
OF_THE_RELEASE = {"ReleaseId", "ArtifactBucket", "ArtifactKey"}


def findings(template, folder, pattern="*.json"):
    """What is wrong with the files in `folder` whose names fit `pattern`."""
    for path in sorted(folder.glob(pattern)):
        given = json.loads(path.read_text(encoding="utf-8"))["Parameters"]
        for words in _wrong(template, path.stem, given):
            yield Finding(RULE, path.name, words)


def _wrong(template, environment, given):
    values = {name: one["Default"] for name, one in template.parameters.items() if "Default" in one}
    values.update(given)
    for name in sorted(set(given) - set(template.parameters) | set(given) & OF_THE_RELEASE):
        yield f"{name} is no parameter, or one that a release brings along"
    for name in sorted(set(template.parameters) - set(values) - OF_THE_RELEASE):
        yield f"{name} has no value"
    for name, parameter in template.parameters.items():
        if name in values and not _fits(parameter, str(values[name])):
            yield f"{name} must be {parameter.get('ConstraintDescription', 'one of the allowed values')}"
    if values.get("Environment") != environment:
        yield "Environment is not what the file is called"
    if not str(values.get("SesFromAddress")).endswith("@" + str(values.get("VerifiedDomain"))):
        yield "SesFromAddress is not in VerifiedDomain"
    if int(values["BusinessHoursStartUtc"]) >= int(values["BusinessHoursEndUtc"]):
        yield "BusinessHoursStartUtc is not before BusinessHoursEndUtc"
    for rule in template.data["Rules"].values():
        if holds(rule["RuleCondition"], values):
            for assertion in rule["Assertions"]:
                if not holds(assertion["Assert"], values):
                    yield assertion["AssertDescription"]


def _fits(parameter, value):
    if "AllowedValues" in parameter and value not in [str(one) for one in parameter["AllowedValues"]]:
        return False
    if "AllowedPattern" in parameter and not re.fullmatch(parameter["AllowedPattern"], value):
        return False
    if parameter["Type"] == "Number":
        number = float(value)
        return parameter.get("MinValue", number) <= number <= parameter.get("MaxValue", number)
    return True
