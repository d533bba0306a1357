"""Tags: on whatever can carry them, so that cost and owner of everything are known."""

import json
from functools import cache
from pathlib import Path

import cfnlint

from ..finding import Finding

TAGS = {
    "iac-rlhf-amazon": "true",
    "Environment": {"Ref": "Environment"},
    "Service": "postrider",
    "CostCenter": {"Ref": "CostCenter"},
    "Owner": {"Ref": "Owner"},
}


@cache
def _schemas():
    """Which file of cfn-lint describes a resource type."""
    folder = Path(cfnlint.__file__).parent / "data" / "schemas"
    return folder / "resources", json.loads((folder / "providers" / "us-east-1.json").read_text(encoding="utf-8"))


@cache
def tag_property(kind):
    """The property that holds the tags of a resource type, or None if it takes none."""
    folder, index = _schemas()
    schema = json.loads((folder / f"{index[kind]}.json").read_text(encoding="utf-8"))
    tagging = schema.get("tagging") or {}
    return tagging["tagProperty"].rsplit("/", 1)[1] if tagging.get("taggable") else None


def tagged(template):
    """Every taggable resource carries the tags of the contract."""
    for name, resource in template.resources.items():
        key = tag_property(resource["Type"])
        if key is None:
            continue
        tags = resource.get("Properties", {}).get(key) or {}
        if isinstance(tags, list):
            tags = {tag["Key"]: tag["Value"] for tag in tags}
        for tag, value in TAGS.items():
            if tags.get(tag) != value:
                yield Finding("tags", name, f"its {key} lack {tag}, or it has another value there than elsewhere")


RULES = [tagged]
