"""What the emulator keeps of each account beside what moto keeps."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock

from moto.core.base_backend import BackendDict

from . import limits
from .cloudformation.api import Stacks
from .counters import Counters
from .faults import Faults
from .permissions import Principals
from .services.sesv2.state import MailService


@dataclass
class Account:
    """One account."""

    number: str
    counters: Counters = field(default_factory=Counters)
    faults: Faults = field(default_factory=Faults)
    stacks: Stacks = field(default_factory=Stacks)
    principals: Principals = field(default_factory=Principals)
    _mail: dict[str, MailService] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def mail(self, region: str) -> MailService:
        """SES in a region."""
        with self._lock:
            return self._mail.setdefault(region, MailService(self.number, region))


class Accounts:
    """All accounts, made when they are first heard of. Of too many, the one that was quiet longest is forgotten."""

    def __init__(self) -> None:
        self._accounts: OrderedDict[str, Account] = OrderedDict()
        self._lock = Lock()

    def of(self, number: str) -> Account:
        """The account of that number."""
        with self._lock:
            account = self._accounts.setdefault(number, Account(number))
            self._accounts.move_to_end(number)
            if len(self._accounts) > limits.ACCOUNTS_MAX:
                _reset_moto(self._accounts.popitem(last=False)[0])
        return account

    def reset(self, number: str | None) -> None:
        """Forgets everything in an account, or in all of them."""
        with self._lock:
            gone = [number] if number else list(self._accounts)
            for name in gone:
                self._accounts.pop(name, None)
                _reset_moto(name)


def _reset_moto(number: str) -> None:
    for backends in list(BackendDict._instances):
        if number in list(backends.keys()):
            backends[number].reset()
            del backends[number]
