"""Spoiled templates, each of which the tool that is named for it must refuse.

`mutants/<tool>.yaml` lists them: what is changed, and the rule that must be broken by it. A change has a way through
the template (`at`, steps separated by slashes; `Key=Value` finds an entry of a list) and one of `set`, `remove`,
`append`, `replace` (two texts) and `fill` (a text of so many characters).
"""

import copy
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml

from .template import Loader, Template, as_list, load
from .tools import HERE, TOOLS, own

# Which rules there are, by tool, where every one of them must be proven by a mutant.
RULE_NAMES = {
    "checks": (HERE / "checks", "*.py", re.compile(r'(?:Finding\(|RULE = )"([a-z0-9-]+)"')),
    "cfn-guard": (HERE / "guard", "*.guard", re.compile(r"^rule (\w+)", re.M)),
}

# The tools that look at what was changed and what that leads to, not at the whole template each time.
SLOW = ("cfn-lint", "checkov")


def mutants_of(tool):
    """The mutants that `tool` must refuse."""
    return yaml.load((HERE / "mutants" / f"{tool}.yaml").read_text(encoding="utf-8"), Loader)


def spoil(data, change):
    """Applies one change to a template's data, in place."""
    *steps, last = change["at"].split("/")
    holder = data
    for step in steps:
        holder = holder[_key(holder, step)]
    key = last if isinstance(holder, dict) and last not in holder else _key(holder, last)
    if "set" in change:
        holder[key] = change["set"]
    elif change.get("remove"):
        del holder[key]
    elif "append" in change:
        holder[key].append(change["append"])
    elif "replace" in change:
        old, new = change["replace"]
        if old not in holder[key]:
            raise ValueError(f"{change['at']} does not hold {old!r}")
        holder[key] = holder[key].replace(old, new)
    elif "fill" in change:
        holder[key] = "x" * change["fill"]
    else:
        raise ValueError(f"{change['at']}: no change is given")


def _key(holder, step):
    if isinstance(holder, dict):
        if step not in holder:
            raise ValueError(f"there is no {step}")
        return step
    if "=" in step:
        key, value = step.split("=", 1)
        return next(index for index, entry in enumerate(holder) if entry.get(key) == value)
    return int(step)


def part_of(data, changes):
    """The changed resources with all they lead to: tools that take seconds for the whole template look at these."""
    template = Template(data)
    left = {change["at"].split("/")[1] for change in changes if change["at"].startswith("Resources/")}
    kept = set()
    while left:
        kept |= left
        left = set().union(*(_led_to(template, name) for name in left)) - kept
    resources = {name: data["Resources"][name] for name in sorted(kept)} or dict(
        [next(iter(data["Resources"].items()))]
    )
    return {key: data[key] for key in ("Parameters", "Conditions", "Mappings") if key in data} | {
        "Resources": resources
    }


def _led_to(template, name):
    resource = template.resources[name]
    return template.references(resource) | set(as_list(resource.get("DependsOn")))


def prove(folder, templates, others):
    """Whether the tools find nothing in what is there, and refuse each mutant: yields (is it so, words).

    Each tool is started once, for everything, and all of them at once: the slow ones take seconds to start, and wait for
    nothing but the processor. `folder` takes the mutants.
    """
    originals = {}
    jobs = {}
    with ThreadPoolExecutor(max_workers=len(TOOLS)) as pool:
        # The slow ones first; our own checks run in this process.
        for tool in sorted(TOOLS, key=lambda tool: tool not in SLOW):
            mutants = mutants_of(tool)
            paths = _write(folder / tool, mutants, originals, is_whole=tool not in SLOW)
            unchanged = list(_write_originals(folder / tool / "unchanged", originals))
            there = [*templates, *(others if TOOLS[tool] is own else ())]
            job = pool.submit(TOOLS[tool], [*there, *paths, *unchanged])
            jobs[tool] = mutants, paths, there + unchanged, job
        for tool, (mutants, paths, content, job) in jobs.items():
            found = job.result()
            for path in content:
                broken = found[str(path)]
                said = "".join(f"\n  {rule}: {words}" for rule, words in broken)
                yield not broken, f"{tool} finds {len(broken) or 'nothing'} in {_called(path, folder)}{said}"
            for mutant, path in zip(mutants, paths, strict=True):
                broken = {rule for rule, _ in found[str(path)]}
                yield mutant["rule"] in broken, f"{tool} {mutant['rule']}: {mutant['name']}"
            yield from _all_proven(tool, {mutant["rule"] for mutant in mutants})


def _called(path, folder):
    return f"{path.name} written as the mutants are" if path.is_relative_to(folder) else path.name


def _write(folder, mutants, originals, is_whole):
    written = []
    for index, mutant in enumerate(mutants):
        source = mutant.get("file", "postrider.yaml")
        if source not in originals:
            originals[source] = load(HERE / source).data
        data = copy.deepcopy(originals[source])
        for change in mutant["change"]:
            spoil(data, change)
        if not is_whole:
            data = part_of(data, mutant["change"])
        path = folder / f"{index:02}" / Path(source).with_suffix(".json")
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(data, indent=1), encoding="utf-8")
        written.append(path)
    return written


def _write_originals(folder, originals):
    for source, data in originals.items():
        if source.endswith(".yaml"):  # No parameter file, and no pipeline.
            path = folder / Path(source).with_suffix(".json")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(data, indent=1), encoding="utf-8")
            yield path


def _all_proven(tool, proven):
    if tool in RULE_NAMES:
        folder, pattern, names = RULE_NAMES[tool]
        there = {name for path in folder.rglob(pattern) for name in names.findall(path.read_text(encoding="utf-8"))}
        for rule in sorted(there - proven):
            yield False, f"{tool} {rule}: no mutant proves that it refuses anything"
