"""Resource types: one module for each part of AWS, one class for each type."""

from __future__ import annotations

from . import data, front, functions, identity, keys, mail, messaging, network, releases, security_groups, watching
from .kind import Kind

_MODULES = (data, front, functions, identity, keys, mail, messaging, network, releases, security_groups, watching)

BY_TYPE: dict[str, Kind] = {kind.TYPE: kind() for module in _MODULES for kind in module.KINDS}
