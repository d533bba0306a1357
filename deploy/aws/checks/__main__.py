"""Runs every tool on the templates, then on their mutants. The last line says how many of these passed and failed.

`python -m checks --own` runs our own checks alone, in a second.
"""

import sys
import tempfile
from pathlib import Path

from .mutants import prove
from .tools import HERE, TOOLS, own

TEMPLATES = (HERE / "postrider.yaml", HERE / "pipeline-role.yaml")
OTHERS = (*sorted((HERE / "environments").glob("*.json")), HERE / "pipeline.yml")


def examine():
    """Runs each tool on the templates as they are: yields (is it content, words)."""
    for name, run in TOOLS.items():
        paths = TEMPLATES + OTHERS if run is own else TEMPLATES
        for path, broken in run(paths).items():
            for rule, words in broken:
                print(f"  {Path(path).name}: {rule}: {words}")
            yield not broken, f"{name}: {Path(path).name}: {len(broken)} findings"


def main(arguments):
    """Prints what passed and what did not; returns the exit code."""
    if arguments == ["--own"]:
        broken = [
            f"{Path(path).name}: {rule}: {words}"
            for path, found in own(TEMPLATES + OTHERS).items()
            for rule, words in found
        ]
        print("\n".join([*broken, f"{len(broken)} findings"]))
        return 1 if broken else 0
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="postrider-mutants-") as folder:
        for part in (examine(), prove(Path(folder))):
            for is_good, words in part:
                print(f"{'ok    ' if is_good else 'FAILED'} {words}", flush=True)
                passed, failed = passed + is_good, failed + (not is_good)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
