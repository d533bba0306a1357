"""CodeDeploy. moto makes applications and deployment groups, and cannot change or delete either: they are records."""

from __future__ import annotations

from ..aws import Aws, Refused
from .kind import Made, Naming, Properties, Recorded


class Application(Recorded):
    TYPE = "AWS::CodeDeploy::Application"
    RECORDED = ("ApplicationName", "ComputePlatform", "Tags")
    REPLACING = ("ApplicationName", "ComputePlatform")
    NAME = "ApplicationName"


class DeploymentGroup(Recorded):
    TYPE = "AWS::CodeDeploy::DeploymentGroup"
    RECORDED = (
        "AlarmConfiguration",
        "ApplicationName",
        "AutoRollbackConfiguration",
        "DeploymentConfigName",
        "DeploymentGroupName",
        "DeploymentStyle",
        "ServiceRoleArn",
        "Tags",
    )
    REQUIRED = ("ApplicationName", "ServiceRoleArn")
    REPLACING = ("ApplicationName", "DeploymentGroupName")
    NAME = "DeploymentGroupName"

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        # As on AWS, what it watches must be there.
        names = [one["Name"] for one in (wanted.get("AlarmConfiguration") or {}).get("Alarms", [])]
        found = aws("cloudwatch", "DescribeAlarms", AlarmNames=names)["MetricAlarms"] if names else []
        missing = sorted(set(names) - {one["AlarmName"] for one in found})
        if missing:
            raise Refused("InvalidAlarmConfigException", f"there are no alarms {', '.join(missing)}")
        return super().create(aws, naming, wanted)


KINDS = (Application, DeploymentGroup)
