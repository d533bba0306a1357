"""The request units a DynamoDB call consumes, by the rules of its documentation.

A write is charged by the larger of the item before and after, a kilobyte a unit. An index is written when what it
holds of the item changes: once to add, drop or change an entry, twice where the entry moves to another key. A
transaction charges the table twice; indexes follow by themselves and are charged once. A refused condition is charged
as the item that is there, an item that is not there as one unit. A read is charged 4 KB a unit, half where it may be
stale, twice in a transaction.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from moto.dynamodb.models.table import Table

from . import item_size

Item = dict[str, Any]

_WRITE_UNIT_BYTES = 1024
_READ_UNIT_BYTES = 4096
_TRANSACTION_FACTOR = 2


@dataclass
class Consumed:
    """Units of one table; `indexes` are write units unless `index` says that one was read."""

    table: str
    read: float = 0.0
    write: float = 0.0
    indexes: dict[str, float] = field(default_factory=dict)
    # The index that was read instead of the table.
    index: str | None = None

    def add(self, other: Consumed) -> None:
        """Adds what another item of the same table consumed."""
        self.read += other.read
        self.write += other.write
        for name, units in other.indexes.items():
            self.indexes[name] = self.indexes.get(name, 0.0) + units

    def shown(self, detail: str, is_transaction: bool) -> dict[str, Any]:
        """As `ConsumedCapacity` of an answer, with `detail` TOTAL or INDEXES."""
        total = self.read + self.write + sum(self.indexes.values())
        kind = "ReadCapacityUnits" if self.read else "WriteCapacityUnits"
        extra = (lambda units: {kind: units}) if is_transaction else (lambda units: {})
        shown: dict[str, Any] = {"TableName": self.table, "CapacityUnits": total, **extra(total)}
        if detail != "INDEXES":
            return shown
        of_indexes = {self.index: self.read} if self.index else self.indexes
        of_table = 0.0 if self.index else self.read + self.write
        shown["Table"] = {"CapacityUnits": of_table, **extra(of_table)}
        if of_indexes:
            shown["GlobalSecondaryIndexes"] = {
                name: {"CapacityUnits": units, **extra(units)} for name, units in of_indexes.items()
            }
        return shown


def of_write(table: Table, before: Item | None, after: Item | None, is_transaction: bool = False) -> Consumed:
    """What it costs that an item becomes another one, appears or disappears."""
    factor = _TRANSACTION_FACTOR if is_transaction else 1
    consumed = Consumed(table.name, write=factor * _write_units(max(_size(before), _size(after))))
    for index in [*table.global_indexes, *table.indexes]:
        units = _index_units(table, index, before, after)
        if units:
            consumed.indexes[index.name] = units
    return consumed


def of_refused_write(table: Table, there: Item | None, wanted: Item | None, is_transaction: bool = False) -> Consumed:
    """What a write costs whose condition did not hold."""
    factor = _TRANSACTION_FACTOR if is_transaction else 1
    return Consumed(table.name, write=factor * _write_units(max(_size(there), _size(wanted))))


def of_reads(table: Table, items: list[Item], consistent: bool, index: str | None = None) -> Consumed:
    """What a query or scan costs that went through these items: their sizes are added before they are rounded."""
    units = max(1, math.ceil(sum(_size(item) for item in items) / _READ_UNIT_BYTES))
    return Consumed(table.name, read=units if consistent else units / 2, index=index)


def of_read(table: Table, item: Item | None, consistent: bool, is_transaction: bool = False) -> Consumed:
    """What it costs to get one item, or to learn that it is not there."""
    consumed = of_reads(table, [item] if item else [], consistent or is_transaction)
    if is_transaction:
        consumed.read *= _TRANSACTION_FACTOR
    return consumed


def _size(item: Item | None) -> int:
    return item_size.of_item(item) if item else 0


def _write_units(size: int) -> int:
    return max(1, math.ceil(size / _WRITE_UNIT_BYTES))


def _index_units(table: Table, index: Any, before: Item | None, after: Item | None) -> float:
    old, new = _entry(table, index, before), _entry(table, index, after)
    if old is None and new is None or old == new:
        return 0
    if old is None or new is None:
        return _write_units(_size(old or new))
    if any(old[name] != new[name] for name in index.schema_key_attrs):
        return _write_units(_size(old)) + _write_units(_size(new))
    return _write_units(max(_size(old), _size(new)))


def _entry(table: Table, index: Any, item: Item | None) -> Item | None:
    """What the index holds of an item; nothing where the item lacks the index's key."""
    if item is None or any(name not in item for name in index.schema_key_attrs):
        return None
    projection = index.projection or {}
    if projection.get("ProjectionType") == "ALL":
        return item
    names = {*table.table_key_attrs, *index.schema_key_attrs, *projection.get("NonKeyAttributes", [])}
    return {name: value for name, value in item.items() if name in names}
