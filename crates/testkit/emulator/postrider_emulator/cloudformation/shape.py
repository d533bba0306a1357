"""What was wanted beside what is there: the same facts in the forms that CloudFormation and the services' APIs have."""

from __future__ import annotations

import json
from typing import Any


def as_wanted(wanted: Any, found: Any) -> Any:
    """What was found, in the form of what was wanted, where it can be brought into it.

    Only of what was wanted: services tell more. Names may differ in capital letters, documents may be text, lists may
    be in another order, numbers and truth may be text. Nothing that is missing or other becomes equal.
    """
    if isinstance(wanted, dict):
        found = _document(found)
        if not isinstance(found, dict):
            return found
        by_small = {str(key).lower(): key for key in found}
        pairs = ((key, key if key in found else by_small.get(str(key).lower())) for key in wanted)
        return {key: as_wanted(wanted[key], found[own]) for key, own in pairs if own is not None}
    if isinstance(wanted, list):
        found = _document(found)
        return _list_as_wanted(wanted, found) if isinstance(found, list) else found
    return wanted if _same(wanted, found) else found


def _list_as_wanted(wanted: list[Any], found: list[Any]) -> list[Any]:
    left = list(found)
    result = []
    for one in wanted:
        place = next((at for at, other in enumerate(left) if as_wanted(one, other) == one), None)
        if place is not None:
            left.pop(place)
            result.append(one)
    return result + left


def _document(found: Any) -> Any:
    if not isinstance(found, str):
        return found
    try:
        return json.loads(found)
    except ValueError:
        return found


def _same(wanted: Any, found: Any) -> bool:
    if isinstance(wanted, bool) or isinstance(found, bool):
        return str(wanted).lower() == str(found).lower()
    if isinstance(found, (dict, list)) or found is None:
        return False
    if str(wanted) == str(found):
        return True
    if isinstance(wanted, str) and isinstance(found, str):
        return False
    try:
        return float(wanted) == float(found)
    except (TypeError, ValueError):
        return False


def missing(wanted: Any, found: Any, path: str = "") -> list[str]:
    """Paths of what was wanted and is not there, or is another."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return [
            gone
            for key, one in wanted.items()
            for gone in (missing(one, found[key], f"{path}/{key}") if key in found else [f"{path}/{key}"])
        ]
    return [] if wanted == found and type(wanted) is type(found) else [path or "/"]
