"""The values that a template's properties have once an environment's parameters are put in."""

import json

from checks.conditions import holds
from checks.template import names_in_sub

from .refused import Refused

PSEUDO = {
    "AWS::AccountId": "111122223333",
    "AWS::Region": "eu-central-1",
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "postrider",
}
# What Ref gives of a resource, where it has been given a name; anything else stands for itself by its logical name.
NAMES = ("FunctionName", "QueueName", "TableName", "AlarmName", "TopicName", "Name")
# Where GetAtt gives the same.
NAME_ATTRIBUTES = {"QueueName", "TopicName"}


class Resolver:
    """A template with an environment's parameters."""

    def __init__(self, template, parameters):
        self.template = template
        self._names = {}
        defaults = {name: one["Default"] for name, one in template.parameters.items() if "Default" in one}
        self.parameters = defaults | {name: str(value) for name, value in parameters.items()}

    def value(self, value):
        """`value` without any function in it."""
        if isinstance(value, list):
            return [self.value(one) for one in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((function, argument),) = value.items()
            if function == "Ref":
                return self._reference(argument)
            if function == "Fn::GetAtt":
                return self._attribute(*argument)
            if function == "Fn::Sub":
                return self._substituted(argument)
            if function == "Fn::If":
                name, yes, no = argument
                condition = self.template.data["Conditions"][name]
                is_true = holds(condition, self.parameters, self.template.data["Conditions"])
                return self.value(yes if is_true else no)
            if function.startswith("Fn::"):
                raise Refused(function)
        return {key: self.value(one) for key, one in value.items()}

    def name(self, logical):
        """What the resource is called, and what Ref gives."""
        if logical not in self._names:
            properties = self.template.resources[logical].get("Properties", {})
            found = next((self.value(properties[key]) for key in NAMES if key in properties), logical)
            self._names[logical] = found
        return self._names[logical]

    def _reference(self, name):
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self.parameters:
            return self.parameters[name]
        if name in self.template.resources:
            return self.name(name)
        raise Refused(f"Ref {name}")

    def _attribute(self, name, attribute):
        return self.name(name) if attribute in NAME_ATTRIBUTES else f"{attribute}:{self.name(name)}"

    def _substituted(self, argument):
        text, given = (argument, {}) if isinstance(argument, str) else argument
        for name in dict.fromkeys(names_in_sub(text)):
            if name in given:
                value = self.value(given[name])
            elif "." in name:
                value = self._attribute(*name.split(".", 1))
            else:
                value = self._reference(name)
            text = text.replace("${" + name + "}", str(value))
        return text


def of_environment(template, path):
    """The template with the parameters of the file at `path`."""
    return Resolver(template, json.loads(path.read_text(encoding="utf-8"))["Parameters"])
