"""DynamoDB: moto's, one call at a time, with the request units that each call consumes.

moto checks a condition and writes in two steps that another thread may come between; here nothing does. What is
consumed is counted always and told when it is asked for.
"""

from __future__ import annotations

import base64
import binascii
import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import moto.dynamodb.responses as moto_responses
from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table

from .. import reply
from ..reply import Reply
from . import capacity, recovery
from .capacity import Consumed, Item
from .transaction_tokens import Tokens

if TYPE_CHECKING:
    from ..accounts import Account
    from ..call import Call

Forward = Callable[["Call"], Reply]
# One write of several: its kind, table and key, the item before, and the item or key that was given.
Write = tuple[str, Table, Item, Item | None, Item]

# As DynamoDB has it since 2022; moto still says 25.
_TRANSACTION_ITEMS_MAX = 100
# What only restricts what a query shows, and not what it reads and is charged for.
_SHOWN_ONLY = ("FilterExpression", "ProjectionExpression", "Select", "AttributesToGet", "QueryFilter", "ScanFilter")

_locks: WeakKeyDictionary[DynamoDBBackend, Lock] = WeakKeyDictionary()
_tokens: WeakKeyDictionary[DynamoDBBackend, Tokens] = WeakKeyDictionary()
_guard = Lock()


def install() -> None:
    """Lets transactions be as large as DynamoDB lets them be, and binary keys be compared byte by byte.

    moto compares the base64 of them, which has another order and other beginnings. And it keeps a deep copy of the whole
    table for each item of a transaction, should it have to go back, which takes seconds where a table has grown.
    """
    moto_responses.TRANSACTION_MAX_ITEMS = _TRANSACTION_ITEMS_MAX
    of_text = DynamoType.cast_value.fget  # type: ignore[attr-defined]

    def cast_value(self: DynamoType) -> Any:
        if self.type == "B" and isinstance(self.value, str):
            return base64.b64decode(self.value)
        return of_text(self)

    DynamoType.cast_value = property(cast_value)  # type: ignore[assignment, method-assign]
    Table.__deepcopy__ = _snapshot  # type: ignore[attr-defined]


def _snapshot(table: Table, _memo: dict[int, Any]) -> Table:
    """The table as it is now, to go back to: copies of what holds the items, not of the items, which puts and deletes
    replace and never change.
    """
    kept = copy.copy(table)
    kept.items = copy.copy(table.items)
    if table.has_range_key:
        for hash_value, items in table.items.items():
            kept.items[hash_value] = dict(items)
    return kept


def perform(account: Account, call: Call, forward: Forward) -> Reply:
    """Answers a call, and adds what it consumed to the account's counters."""
    backend = dynamodb_backends[call.account][call.region]
    with _guard:
        lock = _locks.setdefault(backend, Lock())
    with lock:
        asked = call.json()
        if call.action == "RestoreTableToPointInTime":
            moment = recovery.check(backend, asked)
            answer = forward(call)
            if not answer.is_error:
                recovery.take_back(backend, asked, moment)
            return answer
        if call.action == "DescribeContinuousBackups":
            recovery.look(backend, asked)
        measure = _MEASURES.get(call.action)
        if measure is None:
            return forward(call)
        answer, consumed = measure(backend, call, asked, forward)
    for one in consumed:
        account.counters.add_units(call.action, one.table, one.read, one.write, one.indexes)
    return _tell(call.action, asked, answer, consumed)


def _tell(action: str, asked: dict[str, Any], answer: Reply, consumed: list[Consumed]) -> Reply:
    """Puts what was consumed in an answer that should tell it, and takes out what moto says."""
    if answer.is_error:
        return answer
    document = json.loads(answer.body)
    document.pop("ConsumedCapacity", None)
    document.pop("ConsumedCapacityUnits", None)
    detail = asked.get("ReturnConsumedCapacity", "NONE")
    if detail != "NONE":
        shown = [one.shown(detail, action.startswith("Transact")) for one in consumed]
        is_list = action.startswith(("Transact", "Batch"))
        document["ConsumedCapacity"] = shown if is_list else shown[0]
    body = json.dumps(document).encode()
    headers = [(name, value) for name, value in answer.headers if name.lower() != "x-amz-crc32"]
    headers.append(("x-amz-crc32", str(binascii.crc32(body))))
    return Reply(answer.status, body, headers)


def _item(backend: DynamoDBBackend, table: Table, key: Item) -> Item | None:
    """The item of that key, as it is now and stays."""
    found = backend.get_item(table.name, key)
    return json.loads(json.dumps(_plain(found.attrs))) if found else None


def _plain(value: Any) -> Any:
    if hasattr(value, "type"):
        return {value.type: _plain(value.value)}
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, (list, set, tuple)):
        return [_plain(member) for member in value]
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _key(table: Table, item: Item) -> Item:
    return {name: item[name] for name in table.table_key_attrs if name in item}


def _code(answer: Reply) -> str:
    try:
        return str(json.loads(answer.body).get("__type", "")).rsplit("#", 1)[-1]
    except ValueError:
        return ""


def _table(backend: DynamoDBBackend, name: str) -> Table | None:
    return backend.tables.get(name.rsplit("/", 1)[-1])


def _single_write(
    backend: DynamoDBBackend, call: Call, asked: dict[str, Any], forward: Forward
) -> tuple[Reply, list[Consumed]]:
    table = _table(backend, str(asked.get("TableName")))
    if table is None:
        return forward(call), []
    wanted = asked.get("Item")
    key = _key(table, wanted or asked.get("Key", {}))
    if set(key) != set(table.table_key_attrs):
        return forward(call), []
    before = _item(backend, table, key)
    answer = forward(call)
    if not answer.is_error:
        return answer, [capacity.of_write(table, before, _item(backend, table, key))]
    if _code(answer) == "ConditionalCheckFailedException":
        return answer, [capacity.of_refused_write(table, before, wanted)]
    return answer, []


def _writes_of(asked: dict[str, Any]) -> Iterator[tuple[str, str, Item]]:
    """Each item of a transaction or batch: its kind, its table, and an item or key."""
    for each in asked.get("TransactItems", []):
        for kind, write in each.items():
            yield kind, write["TableName"], write.get("Item") or write["Key"]
    for table, requests in asked.get("RequestItems", {}).items():
        for each in requests:
            for kind, write in each.items():
                yield kind, table, write.get("Item") or write["Key"]


def _many_writes(
    backend: DynamoDBBackend, call: Call, asked: dict[str, Any], forward: Forward
) -> tuple[Reply, list[Consumed]]:
    is_transaction = call.action == "TransactWriteItems"
    writes: list[Write] = []
    for kind, name, item in _writes_of(asked):
        table = _table(backend, name)
        key = _key(table, item) if table else {}
        if table is None or set(key) != set(table.table_key_attrs):
            return forward(call), []
        writes.append((kind, table, key, _item(backend, table, key), item))
    tokens = _tokens.setdefault(backend, Tokens())
    if is_transaction and tokens.is_replay(asked):
        return _replayed(writes)
    answer = forward(call)
    is_refused = _code(answer) == "TransactionCanceledException"
    if answer.is_error and not is_refused:
        return answer, []
    if is_transaction and not is_refused:
        tokens.remember(asked)
    total: dict[str, Consumed] = {}
    for kind, table, key, before, item in writes:
        if is_refused or kind == "ConditionCheck":
            wanted = item if kind == "Put" else None
            consumed = capacity.of_refused_write(table, before, wanted, is_transaction)
        else:
            consumed = capacity.of_write(table, before, _item(backend, table, key), is_transaction)
        total.setdefault(table.name, Consumed(table.name)).add(consumed)
    return answer, list(total.values())


def _replayed(writes: list[Write]) -> tuple[Reply, list[Consumed]]:
    """The answer to a transaction that is done already, charged as a read of its items."""
    total: dict[str, Consumed] = {}
    for _, table, _, before, _ in writes:
        read = capacity.of_read(table, before, True, is_transaction=True)
        total.setdefault(table.name, Consumed(table.name)).add(read)
    return reply.of_json({}, content_type="application/x-amz-json-1.0"), list(total.values())


def _get(backend: DynamoDBBackend, call: Call, asked: dict[str, Any], forward: Forward) -> tuple[Reply, list[Consumed]]:
    answer = forward(call)
    table = _table(backend, str(asked.get("TableName")))
    if answer.is_error or table is None:
        return answer, []
    item = _item(backend, table, asked["Key"])
    return answer, [capacity.of_read(table, item, bool(asked.get("ConsistentRead")))]


def _many_gets(
    backend: DynamoDBBackend, call: Call, asked: dict[str, Any], forward: Forward
) -> tuple[Reply, list[Consumed]]:
    answer = forward(call)
    if answer.is_error:
        return answer, []
    gets = [(each["Get"]["TableName"], each["Get"]["Key"], True) for each in asked.get("TransactItems", [])]
    for name, request in asked.get("RequestItems", {}).items():
        gets += [(name, key, bool(request.get("ConsistentRead"))) for key in request["Keys"]]
    total: dict[str, Consumed] = {}
    for name, key, consistent in gets:
        table = _table(backend, name)
        if table is None:
            continue
        read = capacity.of_read(table, _item(backend, table, key), consistent, call.action.startswith("Transact"))
        total.setdefault(table.name, Consumed(table.name)).add(read)
    return answer, list(total.values())


def _search(
    backend: DynamoDBBackend, call: Call, asked: dict[str, Any], forward: Forward
) -> tuple[Reply, list[Consumed]]:
    answer = forward(call)
    table = _table(backend, str(asked.get("TableName")))
    if answer.is_error or table is None:
        return answer, []
    read = json.loads(answer.body)
    if any(name in asked for name in _SHOWN_ONLY):
        # The same again without what hides something, because what is hidden is charged too.
        everything = {name: value for name, value in asked.items() if name not in _SHOWN_ONLY}
        used = f"{asked.get('KeyConditionExpression', '')}"
        for kind in ("ExpressionAttributeNames", "ExpressionAttributeValues"):
            everything[kind] = {name: value for name, value in asked.get(kind, {}).items() if name in used}
            if not everything[kind]:
                del everything[kind]
        read = json.loads(forward(replace(call, body=json.dumps(everything).encode())).body)
    index = asked.get("IndexName")
    return answer, [capacity.of_reads(table, read.get("Items", []), bool(asked.get("ConsistentRead")), index)]


_MEASURES = {
    "PutItem": _single_write,
    "UpdateItem": _single_write,
    "DeleteItem": _single_write,
    "TransactWriteItems": _many_writes,
    "BatchWriteItem": _many_writes,
    "GetItem": _get,
    "BatchGetItem": _many_gets,
    "TransactGetItems": _many_gets,
    "Query": _search,
    "Scan": _search,
}
