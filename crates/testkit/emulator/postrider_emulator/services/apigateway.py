"""API Gateway: moto's, with stages that can be changed.

It cannot be loaded without a validator of OpenAPI documents, which nobody here imports.
"""

from __future__ import annotations

import json
import sys
from types import ModuleType
from typing import Any
from urllib.parse import unquote


def install() -> None:
    """Adds what moto lacks, once it can be loaded."""
    _install_validator()
    _install_stages()


def _install_validator() -> None:
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


def _install_stages() -> None:
    """Gives stages the call that changes them: what is named is replaced as a whole, all else stays."""
    from moto.apigatewayv2.models import Stage
    from moto.apigatewayv2.responses import ApiGatewayV2Response

    def update_stage(self: ApiGatewayV2Response) -> tuple[int, dict[str, str], str]:
        parts = self.path.split("/")
        api = self.apigatewayv2_backend.get_api(parts[-3])
        old = api.get_stage(unquote(parts[-1]))
        new = Stage(api=api, config={**old.config, **json.loads(self.body), "stageName": old.name})
        new.created, new.tags = old.created, old.tags
        api.stages[old.name] = new
        return 200, {}, json.dumps(new.to_json())

    ApiGatewayV2Response.update_stage = update_stage  # type: ignore[attr-defined]
