"""AWS Backup: moto's, with names of plans that are free again after a delete, and what is in a vault: nothing, since no
backup runs here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from moto.backup.models import BackupBackend, backup_backends

from .. import reply
from ..reply import AwsError, Reply

if TYPE_CHECKING:
    from ..accounts import Account
    from ..call import Call


def install() -> None:
    """Lets moto forget a plan that is deleted."""
    delete = BackupBackend.delete_backup_plan

    def delete_backup_plan(self: BackupBackend, backup_plan_id: str) -> Any:
        answer = delete(self, backup_plan_id)
        del self.plans[backup_plan_id]
        return answer

    BackupBackend.delete_backup_plan = delete_backup_plan  # type: ignore[method-assign]


def perform(account: Account, call: Call, forward: Callable[[Call], Reply]) -> Reply:
    """Answers what moto does not know; the rest is moto's."""
    if call.action != "ListRecoveryPointsByBackupVault":
        return forward(call)
    name = call.path.get("backupVaultName", "")
    if name not in backup_backends[account.number][call.region].vaults:
        raise AwsError("ResourceNotFoundException", f"Backup vault {name} does not exist", 404)
    return reply.of_json({"RecoveryPoints": []})
