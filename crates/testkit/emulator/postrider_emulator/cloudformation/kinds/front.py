"""API Gateway v2 and EventBridge Scheduler."""

from __future__ import annotations

from typing import ClassVar

from ..aws import Aws
from .kind import Kind, Made, Naming, Properties, listed, pairs, pick


class Api(Kind):
    TYPE = "AWS::ApiGatewayV2::Api"
    APPLIED = ("Description", "Name", "ProtocolType", "Tags")
    REQUIRED = ("Name", "ProtocolType")
    REPLACING = ("ProtocolType",)

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        made = aws("apigatewayv2", "CreateApi", **wanted)
        return Made(made["ApiId"], {"ApiId": made["ApiId"], "ApiEndpoint": made["ApiEndpoint"]})

    def read(self, aws: Aws, physical_id: str, wanted: Properties) -> Properties:
        return aws("apigatewayv2", "GetApi", ApiId=physical_id)

    def update(self, aws: Aws, made: Made, old: Properties, new: Properties) -> Made:
        aws("apigatewayv2", "UpdateApi", ApiId=made.physical_id, **pick(new, "Description", "Name"))
        arn = f"arn:aws:apigateway:{aws.region}::/apis/{made.physical_id}"
        aws("apigatewayv2", "UntagResource", ResourceArn=arn, TagKeys=list(pairs(old.get("Tags"))))
        aws("apigatewayv2", "TagResource", ResourceArn=arn, Tags=pairs(new.get("Tags")))
        return made

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        aws("apigatewayv2", "DeleteApi", ApiId=physical_id)


class _OfApi(Kind):
    """What belongs to an API, and has an id in it."""

    WHAT: ClassVar[str]
    REPLACING = ("ApiId",)

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        made = aws("apigatewayv2", f"Create{self.WHAT}", **wanted)
        own = made[f"{self.WHAT}Id"]
        return Made(own, {f"{self.WHAT}Id": own})

    def _named(self, physical_id: str, wanted: Properties) -> Properties:
        return {"ApiId": wanted["ApiId"], f"{self.WHAT}Id": physical_id}

    def read(self, aws: Aws, physical_id: str, wanted: Properties) -> Properties:
        found = aws("apigatewayv2", f"Get{self.WHAT}", **self._named(physical_id, wanted))
        return {"ApiId": wanted["ApiId"], **found}

    def update(self, aws: Aws, made: Made, old: Properties, new: Properties) -> Made:
        rest = {name: value for name, value in new.items() if name != "ApiId"}
        aws("apigatewayv2", f"Update{self.WHAT}", **self._named(made.physical_id, new), **rest)
        return made

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        aws("apigatewayv2", f"Delete{self.WHAT}", **self._named(physical_id, wanted))


class Authorizer(_OfApi):
    TYPE = "AWS::ApiGatewayV2::Authorizer"
    WHAT = "Authorizer"
    APPLIED = ("ApiId", "AuthorizerType", "IdentitySource", "JwtConfiguration", "Name")
    REQUIRED = ("ApiId", "AuthorizerType", "Name")


class Integration(_OfApi):
    TYPE = "AWS::ApiGatewayV2::Integration"
    WHAT = "Integration"
    APPLIED = ("ApiId", "IntegrationType", "IntegrationUri", "PayloadFormatVersion", "TimeoutInMillis")
    REQUIRED = ("ApiId", "IntegrationType")


class Route(_OfApi):
    TYPE = "AWS::ApiGatewayV2::Route"
    WHAT = "Route"
    APPLIED = ("ApiId", "AuthorizationType", "AuthorizerId", "RouteKey", "Target")
    REQUIRED = ("ApiId", "RouteKey")


class Stage(Kind):
    TYPE = "AWS::ApiGatewayV2::Stage"
    APPLIED = ("AccessLogSettings", "ApiId", "AutoDeploy", "DefaultRouteSettings", "RouteSettings", "StageName", "Tags")
    REQUIRED = ("ApiId", "StageName")
    REPLACING = ("ApiId", "StageName")

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        aws("apigatewayv2", "CreateStage", **wanted)
        return Made(wanted["StageName"])

    def read(self, aws: Aws, physical_id: str, wanted: Properties) -> Properties:
        found = aws("apigatewayv2", "GetStage", ApiId=wanted["ApiId"], StageName=physical_id)
        return {"ApiId": wanted["ApiId"], **found}

    def update(self, aws: Aws, made: Made, old: Properties, new: Properties) -> Made:
        # UpdateStage keeps what it is not told, and a stage holds nothing but its settings.
        self.delete(aws, made.physical_id, old)
        aws("apigatewayv2", "CreateStage", **new)
        return made

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        aws("apigatewayv2", "DeleteStage", ApiId=wanted["ApiId"], StageName=physical_id)


class ScheduleGroup(Kind):
    TYPE = "AWS::Scheduler::ScheduleGroup"
    APPLIED = ("Name", "Tags")
    REPLACING = ("Name",)

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        name = wanted.get("Name") or naming.name(64)
        made = aws("scheduler", "CreateScheduleGroup", Name=name, Tags=listed(wanted.get("Tags")))
        return Made(name, {"Arn": made["ScheduleGroupArn"]})

    def read(self, aws: Aws, physical_id: str, wanted: Properties) -> Properties:
        found = aws("scheduler", "GetScheduleGroup", Name=physical_id)
        return {**found, "Tags": aws("scheduler", "ListTagsForResource", ResourceArn=found["Arn"])["Tags"]}

    def update(self, aws: Aws, made: Made, old: Properties, new: Properties) -> Made:
        arn = made.attributes["Arn"]
        aws("scheduler", "UntagResource", ResourceArn=arn, TagKeys=list(pairs(old.get("Tags"))))
        aws("scheduler", "TagResource", ResourceArn=arn, Tags=listed(new.get("Tags")))
        return made

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        aws("scheduler", "DeleteScheduleGroup", Name=physical_id)


class Schedule(Kind):
    TYPE = "AWS::Scheduler::Schedule"
    APPLIED = (
        "Description",
        "FlexibleTimeWindow",
        "GroupName",
        "KmsKeyArn",
        "Name",
        "ScheduleExpression",
        "ScheduleExpressionTimezone",
        "Target",
    )
    REQUIRED = ("FlexibleTimeWindow", "ScheduleExpression", "Target")
    REPLACING = ("GroupName", "Name")

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        name = wanted.get("Name") or naming.name(64)
        made = aws("scheduler", "CreateSchedule", **{**wanted, "Name": name})
        return Made(name, {"Arn": made["ScheduleArn"]})

    def read(self, aws: Aws, physical_id: str, wanted: Properties) -> Properties:
        return aws("scheduler", "GetSchedule", Name=physical_id, GroupName=wanted.get("GroupName", "default"))

    def update(self, aws: Aws, made: Made, old: Properties, new: Properties) -> Made:
        aws("scheduler", "UpdateSchedule", **{**new, "Name": made.physical_id})
        return made

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        aws("scheduler", "DeleteSchedule", Name=physical_id, GroupName=wanted.get("GroupName", "default"))


KINDS = (Api, Authorizer, Integration, Route, Stage, ScheduleGroup, Schedule)
