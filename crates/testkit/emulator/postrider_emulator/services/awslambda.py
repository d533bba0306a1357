"""Lambda: moto's, with the settings it forgets, and without invocations: tests run functions themselves."""

from __future__ import annotations

from typing import Any

from moto.awslambda.models import LambdaBackend, LambdaFunction
from moto.sqs.models import Queue, sqs_backends

# Settings that moto takes and does not keep, or does not change.
_FORGOTTEN = ("DeadLetterConfig", "KMSKeyArn", "LoggingConfig", "TracingConfig")


def install() -> None:
    """Lets functions keep what they were given, and queues not call functions."""
    create, shown, change = LambdaFunction.__init__, LambdaFunction.get_configuration, LambdaFunction.update_configuration

    def __init__(self: LambdaFunction, account_id: str, region: str, spec: dict[str, Any], version: Any = 1) -> None:
        create(self, account_id=account_id, region=region, spec=spec, version=version)
        self.kept_settings = {name: spec[name] for name in _FORGOTTEN if spec.get(name)}  # type: ignore[attr-defined]

    def get_configuration(self: LambdaFunction, *args: Any, **named: Any) -> dict[str, Any]:
        return {**shown(self, *args, **named), **getattr(self, "kept_settings", {})}

    def update_configuration(self: LambdaFunction, updates: dict[str, Any]) -> dict[str, Any]:
        kept = {name: updates[name] for name in _FORGOTTEN if updates.get(name)}
        self.kept_settings = {**getattr(self, "kept_settings", {}), **kept}  # type: ignore[attr-defined]
        change(self, updates)
        return self.get_configuration()

    LambdaFunction.__init__ = __init__  # type: ignore[method-assign]
    LambdaFunction.get_configuration = get_configuration  # type: ignore[method-assign]
    LambdaFunction.update_configuration = update_configuration  # type: ignore[method-assign]

    update_code = LambdaFunction.update_function_code

    def update_function_code(self: LambdaFunction, spec: dict[str, Any]) -> dict[str, Any]:
        if spec.get("Architectures"):
            self.architectures = spec["Architectures"]
        return update_code(self, spec)

    LambdaFunction.update_function_code = update_function_code  # type: ignore[method-assign]

    create_mapping = LambdaBackend.create_event_source_mapping

    def create_event_source_mapping(self: LambdaBackend, spec: dict[str, Any]) -> Any:
        mapping = create_mapping(self, spec)
        # moto resolves an alias to the version it means now; AWS keeps the alias.
        if spec["FunctionName"].startswith("arn:"):
            mapping.function_arn = spec["FunctionName"]
        # moto would run the function in Docker whenever a message arrives.
        for queue in _queues(self):
            queue.lambda_event_source_mappings.clear()
        return mapping

    change_mapping = LambdaBackend.update_event_source_mapping

    def update_event_source_mapping(self: LambdaBackend, uuid: str, spec: dict[str, Any]) -> Any:
        mapping = change_mapping(self, uuid, spec)
        if mapping is not None and str(spec.get("FunctionName", "")).startswith("arn:"):
            mapping.function_arn = spec["FunctionName"]
        return mapping

    LambdaBackend.create_event_source_mapping = create_event_source_mapping  # type: ignore[method-assign]
    LambdaBackend.update_event_source_mapping = update_event_source_mapping  # type: ignore[method-assign]


def _queues(backend: LambdaBackend) -> list[Queue]:
    return list(sqs_backends[backend.account_id][backend.region_name].queues.values())
