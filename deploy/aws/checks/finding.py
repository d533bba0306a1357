"""What a rule has to say."""

from typing import NamedTuple


class Finding(NamedTuple):
    """Something that must not stay as it is."""

    rule: str
    where: str
    words: str

    def __str__(self):
        return f"{self.rule}: {self.where}: {self.words}"
