"""The tools, each as a function of files that says which of its rules each of them breaks, and where."""

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from . import environments, pipeline
from .rules import RULES, metrics
from .template import load

HERE = Path(__file__).resolve().parent.parent
BESIDE_PYTHON = Path(sys.executable).parent


def _run(*command):
    """What a tool prints. Its exit code says only that it found something."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=HERE)
    if not done.stdout.strip():
        raise RuntimeError(f"{command[0]} says nothing (exit {done.returncode}): {done.stderr[-2000:]}")
    return json.loads(done.stdout)


def cfn_lint(paths):
    """Rules of cfn-lint, with those that only inform."""
    found = {str(path): [] for path in paths}
    said = _run(BESIDE_PYTHON / "cfn-lint", "--include-checks", "I", "--format", "json", "--template", *found)
    for match in said:
        where = "/".join(str(step) for step in match["Location"]["Path"] or [])
        found[match["Filename"]].append((match["Rule"]["Id"], f"{where}: {match['Message']}"))
    return found


def checkov(paths):
    """Checks of checkov, without its web site."""
    found = {str(path): [] for path in paths}
    files = [part for path in found for part in ("--file", path)]
    said = _run(
        BESIDE_PYTHON / "checkov",
        "--framework",
        "cloudformation",
        "--compact",
        "--skip-download",
        "--output",
        "json",
        *files,
    )
    seen = 0
    for report in said if isinstance(said, list) else [said]:
        seen += report["summary"]["passed"]
        for check in report["results"]["failed_checks"]:
            found[check["file_abs_path"]].append((check["check_id"], f"{check['resource']}: {check['check_name']}"))
        for name in report["results"]["parsing_errors"]:
            found[name].append(("unreadable", "checkov cannot read it"))
    if not seen:
        raise RuntimeError("checkov checked nothing")
    return found


def cfn_guard(paths):
    """Our own rules of cfn-guard."""
    found = {str(path): [] for path in paths}
    files = [part for path in found for part in ("--data", path)]
    said = _run(
        os.environ["CFN_GUARD"],
        "validate",
        "--rules",
        HERE / "guard",
        "--structured",
        "--output-format",
        "json",
        "--show-summary",
        "none",
        *files,
    )
    for report in said:
        # It names files by their last part where that is enough.
        path = next(path for path in found if path.endswith(report["name"]))
        found[path] += [(one["Rule"]["name"], "does not hold") for one in report["not_compliant"]]
    return found


@cache
def _main_template():
    return load(HERE / "postrider.yaml")


def own(paths):
    """Our own checks, of templates, parameter files, the table of metrics and the pipeline."""
    found = {}
    for path in map(Path, paths):
        if path.parent.name == "environments":
            findings = list(environments.findings(_main_template(), path.parent, path.name))
        elif path.name == "metrics.json":
            findings = list(metrics.findings(load(path).data))
        elif path.stem == "pipeline":
            findings = list(pipeline.findings(load(path).data))
        else:
            template = load(path)
            findings = [finding for rule in RULES for finding in rule(template)]
        found[str(path)] = [(finding.rule, f"{finding.where}: {finding.words}") for finding in findings]
    return found


TOOLS = {"cfn-lint": cfn_lint, "checkov": checkov, "cfn-guard": cfn_guard, "checks": own}
