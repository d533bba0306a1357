"""In which order resources come to be."""

from __future__ import annotations

from typing import Any

from .intrinsics import Scope, names_in
from .template import TemplateError


def ordered(resources: dict[str, Any], scope: Scope) -> list[str]:
    """Names of the resources whose conditions hold, each after what it refers to or depends on."""
    present = {
        name: one for name, one in resources.items() if "Condition" not in one or scope.is_met(one["Condition"])
    }
    needs = {name: _needs(name, one, resources, present, scope) for name, one in present.items()}
    order: list[str] = []
    while len(order) < len(present):
        ready = [name for name in present if name not in order and needs[name] <= set(order)]
        if not ready:
            left = sorted(set(present) - set(order))
            raise TemplateError(f"Circular dependency between resources: [{', '.join(left)}]")
        order += ready
    return order


def _needs(name: str, one: dict[str, Any], resources: Any, present: Any, scope: Scope) -> set[str]:
    wanted = one.get("DependsOn") or []
    wanted = [wanted] if isinstance(wanted, str) else wanted
    referred = set(names_in([one.get("Properties") or {}, one.get("UpdatePolicy") or {}], scope))
    unknown = (set(wanted) - set(resources)) | {
        other for other in referred if other not in resources and other not in scope.values and other != "AWS::NoValue"
    }
    absent = {other for other in referred if other in resources and other not in present}
    if unknown or absent:
        raise TemplateError(
            f"Template format error: Unresolved resource dependencies [{', '.join(sorted(unknown | absent))}] "
            f"in the Resources block of the template, in {name}"
        )
    return (referred | set(wanted)) & set(present)
