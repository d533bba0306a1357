"""Writes bench/results/render.{json,md} from one run's numbers."""

import datetime
import json
import os
import pathlib
import platform
import sys

MICROSECONDS_MAX = 60
RATIO_MIN = 10


def load(path):
    return json.loads(pathlib.Path(path).read_text())


def cpu():
    names = [line for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    return names[0].split(":")[1].strip() if names else platform.machine()


def main():
    estimates, *python = sys.argv[1:]
    ours = load(estimates)["median"]["point_estimate"] / 1000
    runs = [load(path) for path in python]
    theirs = min(run["microseconds"] for run in runs)
    result = {
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "cpu": cpu(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "loadAverage": round(os.getloadavg()[0], 2),
        "htmlBytes": runs[0]["htmlBytes"],
        "postriderMicroseconds": round(ours, 1),
        "pythonMicroseconds": [round(run["microseconds"], 1) for run in runs],
        "python": runs[0]["python"],
        "jinja2": runs[0]["jinja2"],
        "ratio": round(theirs / ours, 1),
    }
    folder = pathlib.Path("bench/results")
    (folder / "render.json").write_text(json.dumps(result, indent=2) + "\n")
    times = " and ".join(f"{microseconds:,.0f}" for microseconds in result["pythonMicroseconds"])
    text = f"""# One order to one message

{result["cpu"]} on {result["cores"]} cores, Linux {result["kernel"]}; {result["date"]}; load average {result["loadAverage"]}.
CPU time, medians; `order_confirmation` with its sample `short`, {result["htmlBytes"]:,} bytes of HTML. `bench/render/run`.

**{result["ratio"]} times as fast as Python**: {result["postriderMicroseconds"]} µs a message against {times} µs (before and after; the better one counts).

Both read the event's JSON, render the same subject, text and HTML (the program checks that the words are the same) and
write the MIME message. Python {result["python"]}, Jinja2 {result["jinja2"]}, `email.message.EmailMessage`; its money, numbers and dates are
plain formatting, where Postrider's are the locale's.
"""
    (folder / "render.md").write_text(text)
    print(text)
    if ours > MICROSECONDS_MAX or result["ratio"] < RATIO_MIN:
        raise SystemExit(f"beyond the bound of {MICROSECONDS_MAX} µs, or less than {RATIO_MIN} times as fast")


main()
