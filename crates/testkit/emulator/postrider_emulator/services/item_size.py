"""How large DynamoDB says an item is.

An attribute is its name in UTF-8 and its value: text in UTF-8, a number one byte for two significant digits and one
more, a document three bytes and one for each member.
"""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import Any

from moto.dynamodb.models.dynamo_type import DynamoType

# AttributeValue as DynamoDB's JSON has it, or moto's own of it.
Value = dict[str, Any] | DynamoType


def of_item(item: dict[str, Value]) -> int:
    """The bytes of an item, or of the part of one that an index holds."""
    return sum(len(name.encode()) + of_value(value) for name, value in item.items())


def of_value(value: Value) -> int:
    """The bytes of one value."""
    kind, content = (value.type, value.value) if isinstance(value, DynamoType) else next(iter(value.items()))
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return _of_number(str(content))
        case "B":
            return _of_binary(content)
        case "BOOL" | "NULL":
            return 1
        case "L":
            return 3 + sum(1 + of_value(member) for member in content)
        case "M":
            return 3 + sum(1 + len(name.encode()) + of_value(member) for name, member in content.items())
        case "SS" | "NS" | "BS":
            return sum(of_value({kind[0]: member}) for member in content)
    raise ValueError(f"no attribute has the type {kind}")


def _of_number(text: str) -> int:
    sign, digits, _ = Decimal(text).normalize().as_tuple()
    return (len(digits) + 1) // 2 + 1 + sign


def _of_binary(content: bytes | str) -> int:
    return len(base64.b64decode(content)) if isinstance(content, str) else len(content)
