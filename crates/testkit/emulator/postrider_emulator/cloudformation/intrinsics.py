"""Functions of templates, resolved."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from .template import TemplateError

# What stands for a property that is not given at all.
_NOTHING = object()
_VARIABLE = re.compile(r"\$\{([^!}][^}]*)\}")
_LITERAL = re.compile(r"\$\{!([^}]*)\}")
# Availability zones that an account sees in each region.
_ZONES = "abc"


@dataclass
class Scope:
    """What names mean: parameters and pseudo parameters, mappings, conditions, and resources that exist."""

    values: dict[str, Any]
    mappings: dict[str, Any] = field(default_factory=dict)
    conditions: dict[str, Any] = field(default_factory=dict)
    # Of each resource that exists, what Ref is and what GetAtt may ask for.
    references: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)

    def is_met(self, condition: str) -> bool:
        """Whether a condition of the template holds."""
        if condition not in self.conditions:
            raise TemplateError(f"Template error: there is no condition {condition}")
        return holds(self.conditions[condition], self)

    def reference(self, name: str) -> Any:
        """What Ref is."""
        if name == "AWS::NoValue":
            return _NOTHING
        if name in self.values:
            return self.values[name]
        if name in self.references:
            return self.references[name][0]
        raise TemplateError(f"Template error: Unresolved resource dependencies [{name}]")

    def attribute(self, name: str, attribute: str) -> Any:
        """What GetAtt is."""
        if name not in self.references:
            raise TemplateError(f"Template error: instance of Fn::GetAtt references undefined resource {name}")
        attributes = self.references[name][1]
        if attribute not in attributes:
            known = ", ".join(sorted(attributes)) or "none"
            raise TemplateError(
                f"Template error: resource {name} has no attribute {attribute}; those of its type here: {known}"
            )
        return attributes[attribute]


def holds(condition: Any, scope: Scope) -> bool:
    """Whether a condition holds."""
    if not isinstance(condition, dict) or len(condition) != 1:
        raise TemplateError(f"Template error: {condition!r} is no condition")
    ((function, operands),) = condition.items()
    match function:
        case "Condition":
            return scope.is_met(operands)
        case "Fn::Equals":
            left, right = (resolve(operand, scope) for operand in operands)
            return _text(left) == _text(right)
        case "Fn::Not":
            return not holds(operands[0], scope)
        case "Fn::And":
            return all([holds(operand, scope) for operand in operands])
        case "Fn::Or":
            return any([holds(operand, scope) for operand in operands])
    raise TemplateError(f"Template error: {function} is no condition the emulator knows")


def resolve(value: Any, scope: Scope) -> Any:
    """The value without functions in it. Raises TemplateError."""
    resolved = _resolve(value, scope)
    return None if resolved is _NOTHING else resolved


def _resolve(value: Any, scope: Scope) -> Any:
    if isinstance(value, list):
        return [one for one in (_resolve(item, scope) for item in value) if one is not _NOTHING]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((function, operand),) = value.items()
        if function in _FUNCTIONS:
            return _FUNCTIONS[function](operand, scope)
        if str(function).startswith("Fn::"):
            raise TemplateError(f"Template error: the emulator does not know {function}")
    pairs = ((key, _resolve(item, scope)) for key, item in value.items())
    return {key: item for key, item in pairs if item is not _NOTHING}


def _find_in_map(operand: Any, scope: Scope) -> Any:
    name, first, second = (_resolve(part, scope) for part in operand)
    try:
        return scope.mappings[name][_text(first)][_text(second)]
    except KeyError:
        raise TemplateError(f"Template error: Unable to get mapping for {name}::{first}::{second}") from None


def _if(operand: Any, scope: Scope) -> Any:
    return _resolve(operand[1] if scope.is_met(operand[0]) else operand[2], scope)


def _join(operand: Any, scope: Scope) -> str:
    return operand[0].join(_text(part) for part in _resolve(operand[1], scope))


def _select(operand: Any, scope: Scope) -> Any:
    return _resolve(operand[1], scope)[int(_resolve(operand[0], scope))]


def _zones(operand: Any, scope: Scope) -> list[str]:
    region = _resolve(operand, scope) or scope.values["AWS::Region"]
    return [f"{region}{zone}" for zone in _ZONES]


def _sub(operand: Any, scope: Scope) -> str:
    text, own = (operand, {}) if isinstance(operand, str) else operand
    own = {name: _resolve(value, scope) for name, value in own.items()}

    def one(found: re.Match[str]) -> str:
        name = found[1].strip()
        if name in own:
            return _text(own[name])
        if "." in name:
            return _text(scope.attribute(*name.split(".", 1)))
        return _text(scope.reference(name))

    return _LITERAL.sub(r"${\1}", _VARIABLE.sub(one, text))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (str, int, float)):
        return str(value)
    raise TemplateError(f"Template error: {value!r} stands where text must be")


_FUNCTIONS: dict[str, Callable[[Any, Scope], Any]] = {
    "Ref": lambda operand, scope: scope.reference(operand),
    "Fn::GetAtt": lambda operand, scope: scope.attribute(*operand),
    "Fn::Sub": _sub,
    "Fn::If": _if,
    "Fn::Join": _join,
    "Fn::Select": _select,
    "Fn::FindInMap": _find_in_map,
    "Fn::GetAZs": _zones,
}


def names_in(value: Any, scope: Scope) -> Iterator[str]:
    """Whatever a value refers to, in the branches that conditions take."""
    if isinstance(value, list):
        for item in value:
            yield from names_in(item, scope)
        return
    if not isinstance(value, dict):
        return
    for key, item in value.items():
        if key == "Ref":
            yield item
        elif key == "Fn::GetAtt":
            yield item[0]
        elif key == "Fn::If":
            yield from names_in(item[1] if scope.is_met(item[0]) else item[2], scope)
        elif key == "Fn::Sub":
            text, own = (item, {}) if isinstance(item, str) else item
            yield from names_in(own, scope)
            yield from (name.split(".", 1)[0] for name in _VARIABLE.findall(text) if name not in own)
        else:
            yield from names_in(item, scope)
