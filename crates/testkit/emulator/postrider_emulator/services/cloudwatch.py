"""CloudWatch: moto's, with alarms found by everything that is asked; moto looks at one filter and forgets the others."""

from __future__ import annotations

from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.responses import ActionResult

_KINDS = {"MetricAlarms": "MetricAlarm", "CompositeAlarms": "CompositeAlarm"}


def install() -> None:
    """Keeps, of the alarms that moto finds, those of the state and the types that are asked for."""
    describe = CloudWatchResponse.describe_alarms

    def describe_alarms(self: CloudWatchResponse) -> ActionResult:
        state, types = self._get_param("StateValue"), self._get_param("AlarmTypes") or ["MetricAlarm"]
        found = describe(self).result
        return ActionResult(
            {
                field: [one for one in found[field] if kind in types and state in (None, one.state_value)]
                for field, kind in _KINDS.items()
            }
        )

    CloudWatchResponse.describe_alarms = describe_alarms  # type: ignore[method-assign]
