"""Budgets that warn in time."""

import json

from ..finding import Finding


def watched(template):
    """The budget is the parameter's, counts what is tagged as ours, and warns of what was spent and what will be."""
    for name, properties in template.of_type("AWS::Budgets::Budget"):
        budget = properties["Budget"]
        if budget.get("BudgetLimit", {}).get("Amount") != {"Ref": "MonthlyBudgetUsd"}:
            yield Finding("budget", name, "is not MonthlyBudgetUsd")
        if "Service" not in json.dumps(budget.get("FilterExpression", {})):
            yield Finding("budget", name, "counts the whole account")
        told = properties.get("NotificationsWithSubscribers", [])
        kinds = {one["Notification"]["NotificationType"] for one in told if one.get("Subscribers")}
        for kind in sorted({"ACTUAL", "FORECASTED"} - kinds):
            yield Finding("budget", name, f"tells nobody about {kind} spend")


RULES = [watched]
