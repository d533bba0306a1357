"""Parameters and what they are held to."""

from __future__ import annotations

import re
from typing import Any

from .intrinsics import Scope, holds
from .template import TemplateError

_KEYS = {
    "AllowedPattern",
    "AllowedValues",
    "ConstraintDescription",
    "Default",
    "Description",
    "MaxLength",
    "MaxValue",
    "MinLength",
    "MinValue",
    "NoEcho",
    "Type",
}
_TYPES = {"String", "Number", "CommaDelimitedList", "List<Number>"}
_LISTS = {"CommaDelimitedList", "List<Number>"}


def values_of(template: dict[str, Any], given: dict[str, str]) -> dict[str, Any]:
    """Each parameter's value: as given, or its default. Raises TemplateError."""
    declared = template.get("Parameters") or {}
    strangers = sorted(set(given) - set(declared))
    if strangers:
        raise TemplateError(f"Parameters: [{', '.join(strangers)}] do not exist in the template")
    missing = sorted(name for name, one in declared.items() if name not in given and "Default" not in one)
    if missing:
        raise TemplateError(f"Parameters: [{', '.join(missing)}] must have values")
    values = {}
    for name, one in declared.items():
        unknown = sorted(set(one) - _KEYS)
        if unknown or one.get("Type") not in _TYPES:
            raise TemplateError(
                f"Template format error: the parameter {name} has a Type or keys the emulator does not know: "
                f"{one.get('Type')} {unknown}"
            )
        text = str(given.get(name, one.get("Default")))
        parts = [part.strip() for part in text.split(",")] if one["Type"] in _LISTS else [text]
        for part in parts:
            _check(name, one, part)
        values[name] = parts if one["Type"] in _LISTS else text
    return values


def _check(name: str, one: dict[str, Any], value: str) -> None:
    def refuse(constraint: str) -> None:
        words = one.get("ConstraintDescription") or constraint
        raise TemplateError(f"Parameter {name} failed to satisfy constraint: {words}")

    if "AllowedValues" in one and value not in [str(allowed) for allowed in one["AllowedValues"]]:
        refuse(f"Member must satisfy enum value set: {one['AllowedValues']}")
    if "AllowedPattern" in one and not re.fullmatch(one["AllowedPattern"], value):
        refuse(f"Member must satisfy regular expression pattern: {one['AllowedPattern']}")
    if len(value) < int(one.get("MinLength", 0)) or len(value) > int(one.get("MaxLength", len(value))):
        refuse(f"Member must have length from {one.get('MinLength', 0)} to {one.get('MaxLength', 'any')}")
    if "Number" in one["Type"]:
        try:
            number = float(value)
        except ValueError:
            raise TemplateError(f"Parameter '{name}' must be a number.") from None
        if not float(one.get("MinValue", number)) <= number <= float(one.get("MaxValue", number)):
            refuse(f"Member must have value from {one.get('MinValue', 'any')} to {one.get('MaxValue', 'any')}")


def check_rules(template: dict[str, Any], scope: Scope) -> None:
    """Holds the values to the template's rules. Raises TemplateError with what a rule says."""
    for name, rule in (template.get("Rules") or {}).items():
        if "RuleCondition" in rule and not holds(rule["RuleCondition"], scope):
            continue
        for assertion in rule["Assertions"]:
            if not holds(assertion["Assert"], scope):
                words = assertion.get("AssertDescription", "an assertion does not hold")
                raise TemplateError(f"Template validation error: rule {name}: {words}")
