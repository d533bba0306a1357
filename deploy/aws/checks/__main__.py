"""Runs every rule on the templates, or on those named, and exits 1 if any of them has something to say."""

import sys
from pathlib import Path

from . import environments
from .rules import RULES
from .template import load

HERE = Path(__file__).resolve().parent.parent
TEMPLATES = (HERE / "postrider.yaml", HERE / "pipeline-role.yaml")


def findings_in(path):
    """Everything the rules have to say about the template at `path`."""
    template = load(path)
    return [finding for rule in RULES for finding in rule(template)]


def main(arguments):
    """Prints what was found; returns the exit code."""
    paths = [Path(argument) for argument in arguments] or TEMPLATES
    count = 0
    for path in paths:
        for finding in findings_in(path):
            print(f"{path.name}: {finding}")
            count += 1
    if not arguments:
        for finding in environments.findings(load(TEMPLATES[0]), HERE / "environments"):
            print(finding)
            count += 1
    print(f"{len(RULES)} rules, {count} findings")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
