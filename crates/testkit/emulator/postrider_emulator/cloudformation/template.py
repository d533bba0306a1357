"""A template's text as data."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import yaml

_SECTIONS = {
    "AWSTemplateFormatVersion",
    "Conditions",
    "Description",
    "Mappings",
    "Metadata",
    "Outputs",
    "Parameters",
    "Resources",
    "Rules",
}
_RESOURCE_KEYS = {
    "Condition",
    "DeletionPolicy",
    "DependsOn",
    "Metadata",
    "Properties",
    "Type",
    "UpdatePolicy",
    "UpdateReplacePolicy",
}


class TemplateError(Exception):
    """The template, or what was given to it, is wrong. Words for whoever deploys it."""


class _Loader(yaml.SafeLoader):
    """YAML as CloudFormation reads it: short forms of functions, no aliases, no key twice."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise TemplateError("Template format error: YAML aliases are not allowed in CloudFormation templates")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            raise TemplateError(f"Template format error: {sorted(map(str, twice))} stand twice in one mapping")
        return super().construct_mapping(node, deep)


def _function(loader: _Loader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix in ("Ref", "Condition"):
        return {suffix: value}
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _function)


@lru_cache(maxsize=16)
def load(text: str) -> dict[str, Any]:
    """The template, which nobody changes. Raises TemplateError."""
    try:
        data = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise TemplateError(f"Template format error: {error}") from None
    if not isinstance(data, dict) or not data.get("Resources"):
        raise TemplateError("Template format error: At least one Resources member must be defined.")
    _known(set(data) - _SECTIONS, "the template")
    for name, resource in data["Resources"].items():
        _known(set(resource) - _RESOURCE_KEYS, f"the resource {name}")
        if "Type" not in resource:
            raise TemplateError(f"Template format error: [/Resources/{name}] has no Type")
    return data


def _known(strangers: set[str], where: str) -> None:
    if strangers:
        raise TemplateError(f"Template format error: {where} has {', '.join(sorted(strangers))}, which is not known")
