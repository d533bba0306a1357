"""API Gateway: moto's. It cannot be loaded without a validator of OpenAPI documents, which nobody here imports."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


def install() -> None:
    """Puts something in the validator's place that refuses every document."""
    validator = ModuleType("openapi_spec_validator")
    exceptions = ModuleType("openapi_spec_validator.validation.exceptions")

    class OpenAPIValidationError(Exception):
        """What is raised."""

    def validate(document: Any) -> None:
        raise OpenAPIValidationError("the emulator imports no OpenAPI documents")

    validator.validate = validate  # type: ignore[attr-defined]
    exceptions.OpenAPIValidationError = OpenAPIValidationError  # type: ignore[attr-defined]
    sys.modules.setdefault("openapi_spec_validator", validator)
    sys.modules.setdefault("openapi_spec_validator.validation", ModuleType("openapi_spec_validator.validation"))
    sys.modules.setdefault("openapi_spec_validator.validation.exceptions", exceptions)
