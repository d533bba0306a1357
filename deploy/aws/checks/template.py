"""A CloudFormation template as data, and the questions that rules ask about it."""

import json
import re
from pathlib import Path

import yaml


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms, turned into their long forms."""


def _short_form(loader, tag, node):
    if isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_scalar(node)
    if tag == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {tag if tag in ("Ref", "Condition") else f"Fn::{tag}": value}


Loader.add_multi_constructor("!", _short_form)


def load(path):
    """The template at `path`, YAML or JSON."""
    text = Path(path).read_text(encoding="utf-8")
    data = json.loads(text) if str(path).endswith(".json") else yaml.load(text, Loader)
    return Template(data, text, Path(path))


def walk(value, path=()):
    """Every value inside `value` with the way to it, itself included."""
    yield path, value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from walk(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from walk(inner, (*path, index))


def as_list(value):
    """A list, also of what may be written without one."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def names_in_sub(text):
    """The names that a text for Fn::Sub asks for."""
    return re.findall(r"\$\{([^!}][^}]*)\}", text)


class Template:
    """A template, its text, and where it came from."""

    def __init__(self, data, text="", path=Path()):
        self.data, self.text, self.path = data, text, path
        # Found once: a rule asks for them a role.
        self._statements = None
        self.resources = data.get("Resources", {})
        self.parameters = data.get("Parameters", {})
        self.outputs = data.get("Outputs", {})

    def of_type(self, *types):
        """Logical names and properties of every resource of these types."""
        for name, resource in self.resources.items():
            if resource["Type"] in types:
                yield name, resource.get("Properties", {})

    def target(self, value):
        """The logical name that a reference leads to, or None."""
        if isinstance(value, dict):
            if "Ref" in value:
                return value["Ref"]
            if "Fn::GetAtt" in value:
                return value["Fn::GetAtt"][0]
            if "Fn::Sub" in value:
                text = value["Fn::Sub"]
                names = names_in_sub(text if isinstance(text, str) else text[0])
                own = [name.split(".")[0] for name in names if name.split(".")[0] in self.resources]
                return own[0] if own else None
        return None

    def references(self, value):
        """Every logical name of a resource that `value` refers to, however deep."""
        found = set()
        for path, inner in walk(value):
            if isinstance(inner, str) and (path[-1:] == ("Fn::Sub",) or path[-2:] == ("Fn::Sub", 0)):
                found.update(name.split(".")[0] for name in names_in_sub(inner))
            if not isinstance(inner, dict):
                continue
            if isinstance(inner.get("Ref"), str):
                found.add(inner["Ref"])
            if isinstance(inner.get("Fn::GetAtt"), list):
                found.add(inner["Fn::GetAtt"][0])
        return found & set(self.resources)

    def function_of(self, value):
        """The function that a reference to it, to its alias or to its version leads to."""
        name = self.target(value)
        kind = self.resources.get(name, {}).get("Type")
        if kind == "AWS::Lambda::Function":
            return name
        if kind in ("AWS::Lambda::Alias", "AWS::Lambda::Version"):
            return self.function_of(self.resources[name]["Properties"]["FunctionName"])
        return None

    def possible(self, value):
        """Every value that a property can take, as far as parameters say: branches of Fn::If and allowed values."""
        if isinstance(value, dict):
            if "Fn::If" in value:
                return [one for branch in value["Fn::If"][1:] for one in self.possible(branch)]
            parameter = self.parameters.get(value.get("Ref"))
            if parameter is not None:
                return parameter.get("AllowedValues") or [parameter.get("Default")]
            if value.get("Ref") == "AWS::NoValue":
                return [None]
        return [value]

    def statements(self):
        """Every policy statement: the resource it is in, the way to its document, and the statement."""
        if self._statements is None:
            self._statements = list(self._find_statements())
        return self._statements

    def _find_statements(self):
        for name, resource in self.resources.items():
            for path, value in walk(resource.get("Properties", {})):
                if not isinstance(value, dict) or "Statement" not in value or "Version" not in value:
                    continue
                for entry in as_list(value["Statement"]):
                    if isinstance(entry, dict) and "Fn::If" in entry:
                        entry = next(one for one in entry["Fn::If"][1:] if "Effect" in one)
                    yield name, path, entry
