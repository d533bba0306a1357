"""IAM: moto's, with AWS's own policies where one is asked for. moto has all of them for every account, or none."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, IAMBackend


@lru_cache(maxsize=1)
def _of_aws() -> dict[str, Any]:
    return json.loads(aws_managed_policies_data)


def install() -> None:
    """Lets roles get AWS's policies."""
    attach = IAMBackend.attach_role_policy

    def attach_role_policy(self: IAMBackend, policy_arn: str, role_name: str) -> None:
        name = policy_arn.rsplit("/", 1)[-1]
        if ":iam::aws:policy/" in policy_arn and policy_arn not in self.managed_policies and name in _of_aws():
            policy = AWSManagedPolicy.from_data(name, self.account_id, self.region_name, _of_aws()[name])
            if policy.arn == policy_arn:
                self.managed_policies[policy_arn] = policy
        attach(self, policy_arn, role_name)

    IAMBackend.attach_role_policy = attach_role_policy  # type: ignore[method-assign]
