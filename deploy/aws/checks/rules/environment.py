"""The template as each environment deploys it."""

from functools import cache
from pathlib import Path

from watching.resolve import of_environment

FOLDER = Path(__file__).resolve().parents[2] / "environments"


@cache
def files():
    """The parameter files."""
    return sorted(FOLDER.glob("*.json"))


def every_environment(template):
    """The template with the parameters of each file."""
    return [of_environment(template, path) for path in files()]
