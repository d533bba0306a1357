"""The rules. Each is a function of a template that yields findings."""

from . import (
    alarms,
    dashboards,
    data,
    days,
    functions,
    identity,
    mail,
    money,
    network,
    parameters,
    queues,
    schedules,
    tags,
)

RULES = [
    rule
    for module in (
        tags,
        parameters,
        identity,
        data,
        queues,
        mail,
        functions,
        schedules,
        alarms,
        days,
        dashboards,
        money,
        network,
    )
    for rule in module.RULES
]
