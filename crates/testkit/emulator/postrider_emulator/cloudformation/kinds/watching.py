"""CloudWatch, its logs, and AWS Budgets."""

from __future__ import annotations

from ..aws import Aws
from .kind import Kind, Made, Naming, Properties, Recorded, listed, pairs, pick


class Alarm(Kind):
    TYPE = "AWS::CloudWatch::Alarm"
    APPLIED = (
        "AlarmActions",
        "AlarmDescription",
        "AlarmName",
        "ComparisonOperator",
        "DatapointsToAlarm",
        "Dimensions",
        "EvaluationPeriods",
        "ExtendedStatistic",
        "MetricName",
        "Metrics",
        "Namespace",
        "OKActions",
        "Period",
        "Statistic",
        "Tags",
        "Threshold",
        "TreatMissingData",
    )
    REQUIRED = ("ComparisonOperator", "EvaluationPeriods")
    REPLACING = ("AlarmName",)

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        name = wanted.get("AlarmName") or naming.name()
        aws("cloudwatch", "PutMetricAlarm", **{**wanted, "AlarmName": name})
        return Made(name, {"Arn": aws.arn("cloudwatch", f"alarm:{name}")})

    def read(self, aws: Aws, physical_id: str, wanted: Properties) -> Properties:
        found = aws("cloudwatch", "DescribeAlarms", AlarmNames=[physical_id])["MetricAlarms"]
        arn = aws.arn("cloudwatch", f"alarm:{physical_id}")
        tags = aws("cloudwatch", "ListTagsForResource", ResourceARN=arn)["Tags"]
        return {**found[0], "Tags": tags} if found else {}

    def update(self, aws: Aws, made: Made, old: Properties, new: Properties) -> Made:
        aws("cloudwatch", "PutMetricAlarm", **{**new, "AlarmName": made.physical_id})
        arn = made.attributes["Arn"]
        aws("cloudwatch", "UntagResource", ResourceARN=arn, TagKeys=list(pairs(old.get("Tags"))))
        aws("cloudwatch", "TagResource", ResourceARN=arn, Tags=listed(new.get("Tags")))
        return made

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        aws("cloudwatch", "DeleteAlarms", AlarmNames=[physical_id])


class CompositeAlarm(Recorded):
    # moto has no PutCompositeAlarm.
    TYPE = "AWS::CloudWatch::CompositeAlarm"
    RECORDED = ("ActionsEnabled", "AlarmActions", "AlarmDescription", "AlarmName", "AlarmRule", "OKActions", "Tags")
    REQUIRED = ("AlarmRule",)
    REPLACING = ("AlarmName",)
    NAME = "AlarmName"
    ARN = ("cloudwatch", "alarm:")


class Dashboard(Kind):
    TYPE = "AWS::CloudWatch::Dashboard"
    APPLIED = ("DashboardBody", "DashboardName")
    # moto has no tags of dashboards.
    RECORDED = ("Tags",)
    REQUIRED = ("DashboardBody",)
    REPLACING = ("DashboardName",)

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        name = wanted.get("DashboardName") or naming.name()
        aws("cloudwatch", "PutDashboard", DashboardName=name, DashboardBody=wanted["DashboardBody"])
        return Made(name)

    def read(self, aws: Aws, physical_id: str, wanted: Properties) -> Properties:
        return aws("cloudwatch", "GetDashboard", DashboardName=physical_id)

    def update(self, aws: Aws, made: Made, old: Properties, new: Properties) -> Made:
        aws("cloudwatch", "PutDashboard", DashboardName=made.physical_id, DashboardBody=new["DashboardBody"])
        return made

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        aws("cloudwatch", "DeleteDashboards", DashboardNames=[physical_id])


class LogGroup(Kind):
    TYPE = "AWS::Logs::LogGroup"
    APPLIED = ("KmsKeyId", "LogGroupName", "RetentionInDays", "Tags")
    REPLACING = ("LogGroupName",)

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        name = wanted.get("LogGroupName") or naming.name()
        tags = pairs(wanted.get("Tags")) or None
        aws("logs", "CreateLogGroup", logGroupName=name, kmsKeyId=wanted.get("KmsKeyId"), tags=tags)
        self._retain(aws, name, wanted)
        return Made(name, {"Arn": aws.arn("logs", f"log-group:{name}:*")})

    def _retain(self, aws: Aws, name: str, wanted: Properties) -> None:
        if "RetentionInDays" in wanted:
            aws("logs", "PutRetentionPolicy", logGroupName=name, retentionInDays=wanted["RetentionInDays"])
        else:
            aws("logs", "DeleteRetentionPolicy", logGroupName=name)

    def read(self, aws: Aws, physical_id: str, wanted: Properties) -> Properties:
        groups = aws("logs", "DescribeLogGroups", logGroupNamePrefix=physical_id)["logGroups"]
        found = next((one for one in groups if one["logGroupName"] == physical_id), {})
        tags = aws("logs", "ListTagsForResource", resourceArn=aws.arn("logs", f"log-group:{physical_id}"))["tags"]
        return {**found, "Tags": listed(tags)} if found else {}

    def update(self, aws: Aws, made: Made, old: Properties, new: Properties) -> Made:
        self._retain(aws, made.physical_id, new)
        if old.get("KmsKeyId") != new.get("KmsKeyId"):
            if new.get("KmsKeyId"):
                aws("logs", "AssociateKmsKey", logGroupName=made.physical_id, kmsKeyId=new["KmsKeyId"])
            else:
                aws("logs", "DisassociateKmsKey", logGroupName=made.physical_id)
        arn = aws.arn("logs", f"log-group:{made.physical_id}")
        aws("logs", "UntagResource", resourceArn=arn, tagKeys=list(pairs(old.get("Tags"))))
        aws("logs", "TagResource", resourceArn=arn, tags=pairs(new.get("Tags")))
        return made

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        aws("logs", "DeleteLogGroup", logGroupName=physical_id)


class Budget(Kind):
    TYPE = "AWS::Budgets::Budget"
    APPLIED = ("Budget",)
    # moto shows neither who is notified nor tags.
    RECORDED = ("NotificationsWithSubscribers", "ResourceTags")
    REQUIRED = ("Budget",)
    # AWS changes notifications of a budget by making another budget.
    REPLACING = ("NotificationsWithSubscribers",)

    def create(self, aws: Aws, naming: Naming, wanted: Properties) -> Made:
        budget = {"BudgetName": naming.name(100), **wanted["Budget"]}
        aws(
            "budgets",
            "CreateBudget",
            AccountId=aws.account,
            Budget=budget,
            **pick(wanted, "NotificationsWithSubscribers", "ResourceTags"),
        )
        return Made(budget["BudgetName"], {"BudgetName": budget["BudgetName"]})

    def read(self, aws: Aws, physical_id: str, wanted: Properties) -> Properties:
        return aws("budgets", "DescribeBudget", AccountId=aws.account, BudgetName=physical_id)

    def update(self, aws: Aws, made: Made, old: Properties, new: Properties) -> Made:
        # moto has no UpdateBudget, and a budget here has no history.
        self.delete(aws, made.physical_id, old)
        budget = {"BudgetName": made.physical_id, **new["Budget"]}
        notified = pick(new, "NotificationsWithSubscribers", "ResourceTags")
        aws("budgets", "CreateBudget", AccountId=aws.account, Budget=budget, **notified)
        return made

    def delete(self, aws: Aws, physical_id: str, wanted: Properties) -> None:
        aws("budgets", "DeleteBudget", AccountId=aws.account, BudgetName=physical_id)


KINDS = (Alarm, CompositeAlarm, Dashboard, LogGroup, Budget)
