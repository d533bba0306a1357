"""What was done so far, in a file: the steps take hours, and whoever goes on may be somebody else."""

import json
import os
from datetime import datetime, timezone
from pathlib import Path


class Refused(Exception):
    """What must not be done now, and why."""


class State:
    """A JSON file that is written anew with every change."""

    def __init__(self, path):
        self.path = Path(path)
        self.values = json.loads(self.path.read_text(encoding="utf-8")) if self.path.exists() else {}

    def __getitem__(self, name):
        return self.values[name]

    def get(self, name, default=None):
        """What is noted under `name`."""
        return self.values.get(name, default)

    def note(self, **values):
        """Notes and writes down."""
        self.values |= values
        beside = self.path.with_suffix(".new")
        beside.write_text(json.dumps(self.values, indent=1), encoding="utf-8")
        os.replace(beside, self.path)

    def need(self, name, words):
        """Refuses to go on without an earlier step."""
        if name not in self.values:
            raise Refused(f"{words}; {self.path} says nothing of it")
        return self.values[name]


def instant(text):
    """The moment that RFC 3339 `text` names."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise Refused(f"{text} names no time zone; write 2026-11-25T10:00:00Z")
    return moment.astimezone(timezone.utc)


def now():
    """This moment."""
    return datetime.now(timezone.utc)
