"""The functions: one artifact, five roles, versions that can be gone back to."""

import json

from ..finding import Finding

ROLES = {"dispatch", "feedback", "api", "cost", "sweep"}
SHARED = ("Code", "Runtime", "Architectures")
SHARE = "POSTRIDER__MAILER__SES__RATE_SHARE"
ALARMS_MAX = 10


def one_artifact(template):
    """All functions are the same program with the same settings, but for their handler and their share of the rate."""
    functions = dict(template.of_type("AWS::Lambda::Function"))
    if not functions:
        return
    handlers = {properties["Handler"] for properties in functions.values()}
    if handlers != ROLES:
        yield Finding("function-roles", "Handler", f"{sorted(handlers ^ ROLES)} is not what the program knows")
    shared = [{what: properties.get(what) for what in SHARED} for properties in functions.values()]
    settings = [dict(properties["Environment"]["Variables"]) for properties in functions.values()]
    for one, variables in zip(shared, settings, strict=True):
        variables.pop(SHARE, None)
        one["Environment"] = variables
    for what in (*SHARED, "Environment"):
        if any(one[what] != shared[0][what] for one in shared):
            yield Finding("function-roles", what, "differs between functions")
    for name, properties in functions.items():
        if properties.get("Runtime") != "provided.al2023":
            yield Finding("function-roles", name, "runs on another system than the program is built for")
        if not properties.get("ReservedConcurrentExecutions"):
            yield Finding("function-roles", name, "reserves no concurrency, though the account's is shared")
        if template.target(properties["Role"]) in [
            template.target(other["Role"]) for key, other in functions.items() if key != name
        ]:
            yield Finding("function-roles", name, "shares its role with another function")


def by_alias(template):
    """Whoever invokes a function does so by its alias, or releases could not be turned back."""
    aliases = {name for name, _ in template.of_type("AWS::Lambda::Alias")}
    invokers = [(name, source["FunctionName"]) for name, source in template.of_type("AWS::Lambda::EventSourceMapping")]
    invokers += [(name, schedule["Target"]["Arn"]) for name, schedule in template.of_type("AWS::Scheduler::Schedule")]
    invokers += [(name, one["IntegrationUri"]) for name, one in template.of_type("AWS::ApiGatewayV2::Integration")]
    invokers += [(name, one["FunctionName"]) for name, one in template.of_type("AWS::Lambda::Permission")]
    for name, target in invokers:
        if template.target(target) not in aliases:
            yield Finding("function-alias", name, "goes past the alias")


def released(template):
    """A release publishes a version and shifts traffic to it while alarms watch."""
    for name, properties in template.of_type("AWS::Lambda::Version"):
        if properties.get("Description") != {"Ref": "ReleaseId"}:
            yield Finding("release", name, "is not made anew by a release")
    for name, _ in template.of_type("AWS::Lambda::Alias"):
        if "CodeDeployLambdaAliasUpdate" not in template.resources[name].get("UpdatePolicy", {}):
            yield Finding("release", name, "moves all traffic at once")
    for name, group in template.of_type("AWS::CodeDeploy::DeploymentGroup"):
        watched = [template.target(alarm["Name"]) for alarm in group.get("AlarmConfiguration", {}).get("Alarms", [])]
        if not watched or len(watched) > ALARMS_MAX:
            yield Finding("release", name, f"is watched by {len(watched)} alarms; 1 to {ALARMS_MAX} are possible")
        events = group.get("AutoRollbackConfiguration", {}).get("Events", [])
        if "DEPLOYMENT_STOP_ON_ALARM" not in events:
            yield Finding("release", name, "goes on while alarms ring")


# Routes whose callers prove by the path itself that they may: RFC 8058 has no credentials.
SIGNED_PATHS = {"GET /v1/unsubscribe/{token}", "POST /v1/unsubscribe/{token}"}


def _is_signed(template, name, route):
    reason = template.resources[name].get("Metadata", {}).get("Postrider", {}).get("AnswersAnybody")
    return bool(reason) and route.get("RouteKey") in SIGNED_PATHS


def authorized(template):
    """Every route of the API asks who is there, and the API is throttled and logged without paths."""
    for name, route in template.of_type("AWS::ApiGatewayV2::Route"):
        if _is_signed(template, name, route):
            continue
        for kind in template.possible(route.get("AuthorizationType", "NONE")):
            if kind not in ("AWS_IAM", "JWT"):
                yield Finding("api-authorization", name, f"answers anybody ({kind})")
    for name, stage in template.of_type("AWS::ApiGatewayV2::Stage"):
        for route_key in sorted(SIGNED_PATHS):
            limit = stage.get("RouteSettings", {}).get(route_key, {})
            if not limit.get("ThrottlingRateLimit") or not limit.get("ThrottlingBurstLimit"):
                yield Finding("api-throttling", name, f"lets {route_key}, which anybody may ask, use up the API")
        settings = stage.get("DefaultRouteSettings", {})
        if "ThrottlingRateLimit" not in settings or "ThrottlingBurstLimit" not in settings:
            yield Finding("api-throttling", name, "takes any number of requests")
        log = stage.get("AccessLogSettings", {})
        if not log.get("DestinationArn"):
            yield Finding("api-log", name, "keeps no log of who asked what")
        for place in ("$context.path", "$context.routeKey", "$context.httpMethod $context.path", "querystring"):
            if place in log.get("Format", ""):
                yield Finding("api-log", name, f"logs {place}, which may hold an address")
        try:
            json.loads(log.get("Format", ""))
        except ValueError:
            yield Finding("api-log", name, "its lines are no JSON")


RULES = [one_artifact, by_alias, released, authorized]
