"""The pipeline: no stored keys, and nothing reaches production that did not pass everything before."""

import json

from .finding import Finding
from .template import as_list

RULE = "pipeline"
CREDENTIALS = "aws-actions/configure-aws-credentials@"
BEFORE_PRODUCTION = {"test", "checks", "build", "staging"}


def findings(pipeline):
    """What is wrong with it."""
    jobs = pipeline["jobs"]
    if "secrets." in json.dumps(pipeline):
        yield Finding(RULE, "secrets", "keys are stored, where the role can be taken on without")
    for name, job in jobs.items():
        if not job.get("timeout-minutes"):
            yield Finding(RULE, name, "may run for as long as it likes")
        deploys = any(str(step.get("uses", "")).startswith(CREDENTIALS) for step in job["steps"])
        if deploys and not (job.get("environment") and job.get("permissions", {}).get("id-token") == "write"):
            yield Finding(RULE, name, "takes on a role outside of an environment, which nobody approves")
    missing = BEFORE_PRODUCTION - _needed(jobs, "production")
    if missing:
        yield Finding(RULE, "production", f"does not wait for {', '.join(sorted(missing))}")
    if not any("smoke" in str(step.get("run", "")) for step in jobs["staging"]["steps"]):
        yield Finding(RULE, "staging", "is not tested")


def _needed(jobs, name):
    needs = set(as_list(jobs[name].get("needs")))
    return needs.union(*(_needed(jobs, need) for need in needs)) if needs else set()
