"""Runs every tool on the templates, then on their mutants. The last line says how many of these passed and failed.

`python -m checks --own` runs our own checks alone, in seconds.
"""

import sys
import tempfile
from pathlib import Path

from .mutants import prove
from .tools import HERE, TOOLS, own

TEMPLATES = (HERE / "postrider.yaml", HERE / "pipeline-role.yaml")
OTHERS = (*sorted((HERE / "environments").glob("*.json")), HERE / "checks/metrics.json", HERE / "pipeline.yml")


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
        for is_good, words in prove(Path(folder), TEMPLATES, OTHERS):
            print(f"{'ok    ' if is_good else 'FAILED'} {words}", flush=True)
            passed, failed = passed + is_good, failed + (not is_good)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
