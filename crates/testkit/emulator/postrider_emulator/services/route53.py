"""Route 53: moto's, with ids of hosted zones that begin as AWS's do."""

from __future__ import annotations

from typing import Any

from moto.route53 import models


def install() -> None:
    """Makes every id of a zone begin with Z."""
    create = models.create_route53_zone_id

    def create_route53_zone_id(*args: Any, **named: Any) -> str:
        return f"Z{create(*args, **named)[1:]}"

    models.create_route53_zone_id = create_route53_zone_id
